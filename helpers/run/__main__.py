"""Run a notebook: check its parameters, execute it aside, and put it in place only if it is whole.

``python -m helpers.run NAME [--profile P] [-p KEY VALUE]... [--output FILE]``
"""

import sys

from helpers.run import hidden

hidden.check()  # before anything that a file such as random.py would break
# ruff: noqa: E402
import argparse
import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

from helpers.run import execute, lock, parameters, targets
from helpers.store import paths, reading

Job = tuple[str, dict[str, Any], Path]
MATRIX = {"--matrix", "--status", "--cell", "--plan", "--seeds"}  # of helpers.run.matrix


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 0: done, 1: the run failed, 2: wrongly asked for, 130 or 143: stopped."""
    words = sys.argv[1:] if arguments is None else arguments
    if MATRIX.intersection(word.partition("=")[0] for word in words):
        from helpers.run import matrix

        return matrix.main(words)
    try:
        wanted = _parser().parse_args(arguments)
        if wanted.list:
            return _list(wanted.name)
        jobs = _jobs(wanted)
        _check_device()
        if wanted.carry:
            return _carry([name for name, *_ in jobs], wanted.because)
    except (parameters.WrongParameter, reading.Damaged) as error:
        print(f"helpers.run: {error}", file=sys.stderr)
        return 2
    try:
        return _run(jobs, wanted)
    except reading.Damaged as error:
        print(f"helpers.run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nhelpers.run: stopped; run it again to go on from what was kept", file=sys.stderr)
        return 128 + (_signals[-1] if _signals else signal.SIGINT)


_signals: list[int] = []  # that asked this process to end


def _terminated(number: int, *_: object) -> None:
    """A polite kill does as Ctrl-C does, so that the kernel ends and nothing is left behind.

    What waited for that kernel ends with an error that nobody fetches; asyncio would tell it.
    """
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    _signals.append(number)
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(parameters.notebooks())
    parser = argparse.ArgumentParser(
        prog="python -m helpers.run",
        description=(__doc__ or "").splitlines()[0],
        epilog=f"Notebooks: {names}. --list NAME shows a notebook's parameters.",
    )
    parser.add_argument("name", nargs="?", help=f"one of: {names}")
    parser.add_argument("--all", action="store_true", help="every notebook, one after another")
    parser.add_argument(
        "--list", action="store_true", help="show parameters and profiles, run none"
    )
    parser.add_argument(
        "--status",
        action="store_true",
        help="what of the grid in notebooks/matrix.yaml is fresh; --status --help says more",
    )
    parser.add_argument("--matrix", action="store_true", help="run what of it is not")
    parser.add_argument(
        "--profile", default="smoke", help="how much is run: " + ", ".join(parameters.PROFILES)
    )
    parser.add_argument(
        "-p",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "VALUE"),
        dest="given",
        help="a parameter's value in place of the profile's; may be repeated",
    )
    parser.add_argument(
        "--output",
        type=Path,
        help="the executed notebook's file (with --all: folder); results go beside it, under its "
        "name; default: book/runs/NAME.ipynb, or among the book's 'Your runs' where that one is "
        "larger or the parameters are not the profile's",
    )
    parser.add_argument(
        "--fresh", action="store_true", help="use nothing that earlier runs kept in data/cache"
    )
    parser.add_argument(
        "--replace", action="store_true", help="let any run take the committed run's place"
    )
    parser.add_argument(
        "--carry",
        action="store_true",
        help="keep the committed run for code that was rearranged since, if the smoke profile "
        "still gives the same values; the page tells",
    )
    parser.add_argument("--because", default="", help="with --carry: why claims differ")
    return parser


def _jobs(wanted: argparse.Namespace) -> list[Job]:
    """What to run, with which values, and where it goes; all checked before anything starts."""
    if wanted.all == bool(wanted.name):
        raise parameters.WrongParameter("give the name of one notebook, or --all")
    output = wanted.output
    if wanted.all and output is not None and (output.suffix or output.is_file()):
        raise parameters.WrongParameter(
            f"output {output} is one file for all notebooks; with --all give a folder"
        )
    jobs = []
    for name in list(parameters.notebooks()) if wanted.all else [wanted.name]:
        values = parameters.resolve(name, wanted.profile, wanted.given)
        file = output / f"{name}.ipynb" if wanted.all and output is not None else output
        where = targets.target(name, values, file, wanted.replace)
        targets.check_folders(where)
        jobs.append((name, values, where))
    if any(where.parent == paths.RUNS for *_, where in jobs) and not wanted.carry:
        targets.check_committed()
    _check_twice(wanted.given)
    return jobs


def _check_twice(given: list[list[str]]) -> None:
    names = [name for name, _ in given]
    if twice := [name for name in names if names.count(name) > 1]:
        raise parameters.WrongParameter(f"{twice[0]} is given twice; give it once")


def _run(jobs: list[Job], wanted: argparse.Namespace) -> int:
    for name, values, _ in jobs:
        for sentence in _notes(name, values):
            print(f"helpers.run: {name}: {sentence}", file=sys.stderr)
    if wanted.fresh:
        from helpers.store import cache

        os.environ[cache.FRESH] = str(time.time())
        for name, *_ in jobs:
            for folder in cache.set_aside(name):
                print(f"helpers.run: what was kept is set aside in {execute.shown(folder)}")
    execute.clear_left_behind()
    for name, values, file in jobs:
        try:
            with lock.held(file):
                _check_target(name, values, file, wanted)
                execute.execute(name, values, file)
        except parameters.WrongParameter as error:
            print(f"helpers.run: {error}", file=sys.stderr)
            return 2
        except (RuntimeError, OSError) as error:
            print(f"helpers.run: {name} failed: {error}", file=sys.stderr)
            return 1
        print(f"{name} ({wanted.profile}): {execute.shown(file)}")
    return 0


def _notes(name: str, values: dict[str, Any]) -> list[str]:
    """What is to be said before a run; torch is imported only where there may be something."""
    from helpers.report import counted
    from helpers.run import costs

    threads = os.cpu_count() or 1
    may_be_long = counted.hours(name, values, slow=True) / threads >= costs.WORTH_TELLING
    if not may_be_long and values.get("precision") != "bfloat16":
        return []
    from helpers.inputs import devices

    return costs.notes(name, values, devices.chosen())


def _check_device() -> None:
    """Refuse a device that is not there before anything starts."""
    if not os.environ.get("XAI_DEVICE", "").strip():
        return
    from helpers.inputs import devices

    try:
        devices.chosen()
    except ValueError as error:
        raise parameters.WrongParameter(str(error)) from error


def _check_target(name: str, values: dict, file: Path, wanted: argparse.Namespace) -> None:
    """Refuse a target that a run, for which this one waited, has made its own meanwhile."""
    if wanted.output is None:
        now = targets.target(name, values, None, wanted.replace)
        if now != file:
            raise parameters.WrongParameter(
                f"a larger run of {name} was committed meanwhile; run it again"
            )


def _carry(names: list[str], because: str) -> int:
    from helpers.report import executed_pages
    from helpers.run import carry

    for name in names:
        print(f"{name}: {executed_pages.in_words(carry.carry(name, because))}")
    return 0


def _list(name: str | None) -> int:
    try:
        print(listing(name), flush=True)
    except BrokenPipeError:  # the reader, `head` say, has enough; nothing is left to be flushed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def listing(name: str | None) -> str:
    """Notebooks, their parameters, what these may be and what each profile takes, as text."""
    known = {name: parameters.settings(name)} if name else parameters.notebooks()
    lines = []
    for notebook, chosen in known.items():
        lines.append(notebook)
        for key, rule in chosen["parameters"].items():
            values = [repr(chosen["profiles"][profile][key]) for profile in parameters.PROFILES]
            defaults = ", ".join(
                f"{profile} {value}"
                for profile, value in zip(parameters.PROFILES, values, strict=True)
            )
            lines.append(f"  -p {key:<18} {parameters.allowed(rule)}; {rule['description']}")
            lines.append(f"     {'':<18} default: {values[0] if len({*values}) == 1 else defaults}")
    return "\n".join(lines)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(main())
