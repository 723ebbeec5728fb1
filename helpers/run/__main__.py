"""Run a notebook: check its parameters, execute it aside, and put it in place only if it is whole.

``python -m helpers.run NAME [--profile P] [-p KEY VALUE]... [--output FILE]``
"""

import argparse
import os
import sys
from pathlib import Path

import yaml

from helpers.run import execute, parameters


def _check_writable(file: Path) -> None:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if file.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise parameters.WrongParameter(
            f"output {file} cannot be written; give a file in a writable folder"
        )


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 0: done, 1: the run failed, 2: what was asked for is wrong."""
    parser = argparse.ArgumentParser(prog="python -m helpers.run", description=__doc__)
    parser.add_argument("name", nargs="?", help="a notebook in notebooks/, without .py")
    parser.add_argument("--all", action="store_true", help="every notebook, one after another")
    parser.add_argument("--profile", default="smoke", help=", ".join(parameters.PROFILES))
    parser.add_argument(
        "-p", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), dest="given"
    )
    parser.add_argument("--output", type=Path, help="default: book/runs/NAME.ipynb")
    asked = parser.parse_args(arguments)
    try:
        if asked.all == bool(asked.name):
            raise parameters.WrongParameter("give the name of one notebook, or --all")
        names = list(yaml.safe_load(parameters.SETTINGS.read_text())) if asked.all else [asked.name]
        jobs = []
        for name in names:
            values = parameters.resolve(name, asked.profile, asked.given)
            file = execute.target(name, asked.profile, asked.output)
            _check_writable(file)
            jobs.append((name, values, file))
    except parameters.WrongParameter as error:
        print(f"helpers.run: {error}", file=sys.stderr)
        return 2
    for name, values, file in jobs:
        try:
            execute.execute(name, values, file)
        except RuntimeError as error:
            print(f"helpers.run: {name} failed: {error}", file=sys.stderr)
            return 1
        print(f"{name} ({asked.profile}): {execute.shown(file)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
