"""Each paper's test as a function of a method, and the engine that runs them. Knows no HTML.

Three lines from Python::

    from helpers import trials

    report = trials.run(my_method, network=my_network, images="photos/", profile="smoke")
    report.table
"""

from typing import Any


def run(method: Any = None, **options: Any) -> Any:
    """Run a method through all tests: :func:`helpers.trials.quick.run`, imported when called."""
    from helpers.trials import quick  # not above: it imports torch, and takes seconds

    return quick.run(method, **options)
