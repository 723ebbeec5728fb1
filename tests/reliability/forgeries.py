"""Change one digit of what is published, and see whether what guards it notices.

Runs in a copy of the project: ``python -m reliability.forgeries RECORD CODE``. The guards are those
of the tests and of the book: the hashes in the run cards, README and scorecard made anew, and the
numbers in a page's tables against those of its results.
"""

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import test_published

from helpers.report import build, readme, scorecard
from helpers.run import execute, parameters, seal
from helpers.store import paths
from reliability import record, spoil

KIND = "forgeries"
TIMES = 3  # digits that are tried in each place


def of_runs(name: str) -> list[str]:
    """What the hashes of a run tell."""
    return seal.differences(name)


def of_summaries() -> list[str]:
    """What differs between committed summaries and those of the present results."""
    return [
        f"{file.name} is not that of the results"
        for file, text in build.summaries().items()
        if file.read_text(encoding="utf-8") != text
    ]


def of_tables(name: str) -> list[str]:
    """What a test says of numbers in a page's tables of verdicts."""
    try:
        test_published.test_numbers_in_a_pages_tables_of_verdicts_are_those_of_its_results(name)
    except AssertionError as error:
        return [f"a number in a table of {name} is none of its results: {error}"]
    return []


def attempt(
    files: list[Path], change: Callable[[], None], guards: Callable[[], list[str]]
) -> tuple[str, str]:
    """Change files, ask the guards, and put the files back."""
    before = {file: file.read_bytes() for file in files}
    try:
        change()
        return record.judged(lambda: _raise(guards()), lambda given: "nobody noticed")
    finally:
        for file, content in before.items():
            file.write_bytes(content)


def _raise(told: list[str]) -> None:
    if told:
        raise record.Noticed(told[0])


def _forged(file: Path, seed: str) -> None:
    content = spoil.one_digit(file.read_bytes(), random.Random(seed))
    assert content is not None
    file.write_bytes(content)


def sealed_anew(name: str) -> None:
    """Write the hashes of a run anew, as somebody would who wants to hide a change."""
    page_file, card_file = paths.RUNS / f"{name}.ipynb", paths.RESULTS / f"{name}.json"
    page = nbformat.read(page_file, as_version=4)
    card = seal.sealed(page, json.loads(card_file.read_text()), seal.results_of(name))
    page.metadata["provenance"] = card
    card_file.write_bytes(execute.as_file(card))
    page_file.write_text(nbformat.writes(page))


def run(tried: record.Tried) -> None:
    """One digit in every published place."""
    names = [name for name in parameters.notebooks() if (paths.RUNS / f"{name}.ipynb").exists()]
    for name in names:
        results = sorted(paths.RESULTS.glob(f"{name}*"))
        for file in [*results, paths.RUNS / f"{name}.ipynb"]:
            where = file.relative_to(paths.ROOT).as_posix()
            for number in range(TIMES):
                change = lambda f=file, s=f"{where} {number}": _forged(f, s)  # noqa: E731
                guard = lambda n=name: of_runs(n)  # noqa: E731
                tried.case(
                    where, f"one digit ({number + 1})",
                    lambda f=file, c=change, g=guard: attempt([f], c, g),
                )  # fmt: skip
    tables = [scorecard.SCORECARD.with_suffix(end) for end in (".csv", ".json")]
    for file in [readme.README, *tables]:
        where = file.relative_to(paths.ROOT).as_posix()
        for number in range(TIMES):
            change = lambda f=file, s=f"{where} {number}": _in_summary(f, s)  # noqa: E731
            tried.case(
                where, f"one digit ({number + 1})",
                lambda f=file, c=change: attempt([f], c, of_summaries),
            )  # fmt: skip
    for name in names:
        _hidden(tried, name)


def _in_summary(file: Path, seed: str) -> None:
    """One digit; in README within the table of verdicts."""
    if file != readme.README:
        _forged(file, seed)
        return
    before, mark, rest = file.read_text().partition(readme.MARKS[0])
    table, end, after = rest.partition(readme.MARKS[1])
    content = spoil.one_digit(table.encode(), random.Random(seed))
    file.write_text(f"{before}{mark}{(content or b'').decode()}{end}{after}")


def _hidden(tried: record.Tried, name: str) -> None:
    """A claim moved in the results, with the hashes written anew: the page's tables tell."""
    results = paths.RESULTS / f"{name}.csv"
    card, page = paths.RESULTS / f"{name}.json", paths.RUNS / f"{name}.ipynb"

    def change() -> None:
        lines = results.read_text().splitlines()
        rows = [number for number, line in enumerate(lines) if number and ",nan," not in line]
        chosen = random.Random(name).choice(rows)
        key, arm, *numbers = lines[chosen].split(",")
        moved = [str(float(text) * 1.5 + 1) if text else text for text in numbers[:3]]
        lines[chosen] = ",".join([key, arm, *moved, *numbers[3:]])
        results.write_text("\n".join(lines) + "\n")
        sealed_anew(name)

    guards = lambda: of_runs(name) + of_tables(name) + of_summaries()  # noqa: E731
    tried.case(
        f"data/results/{name}.csv", "a claim moved, hashes written anew",
        lambda: attempt([results, card, page], change, guards),
    )  # fmt: skip


if __name__ == "__main__":
    run(record.Tried(Path(sys.argv[1]), KIND, sys.argv[2]))
