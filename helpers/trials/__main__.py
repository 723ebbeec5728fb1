"""``python -m helpers.trials my_method:explain``: a table of a method's tests, in half a minute."""

import argparse
import sys


def main(words: list[str] | None = None) -> int:
    """Run a method through all tests in the smoke profile, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers.trials",
        description="All five papers' tests of a saliency method of yours, as a table.",
    )
    parser.add_argument("method", help="module:name of a function (model, images, classes) -> maps")
    parser.add_argument("--network", help="as -p model takes it; several apart by commas")
    parser.add_argument("--images", help="a folder of photographs")
    parser.add_argument("--test", help="module:name of a test of yours")
    parser.add_argument("--beside", help="methods to compare with, apart by commas; else controls")
    parser.add_argument("--profile", default="smoke", choices=["smoke", "laptop", "paper"])
    options = vars(parser.parse_args(words))
    if beside := options.pop("beside"):
        options["beside"] = [name.strip() for name in beside.split(",")]
    from helpers import trials  # after the words are understood: torch takes seconds

    try:
        print(trials.run(options.pop("method"), **options))
    except (ValueError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
