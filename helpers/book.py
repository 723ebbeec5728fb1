"""Build the book: ``python -m helpers.book``; see :mod:`helpers.report.build`."""

import sys

from helpers.report.build import main

if __name__ == "__main__":
    sys.exit(main())
