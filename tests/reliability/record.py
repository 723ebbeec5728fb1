"""One case of a fault and what became of it; cases that were tried before are not tried again."""

import hashlib
import json
import re
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from helpers.report.reliability import DETECTED, LOST, RAW, SURVIVED, UNKNOWABLE
from helpers.store import paths

__all__ = [
    "DETECTED", "LOST", "RAW", "SURVIVED", "UNKNOWABLE", "Case", "Noticed", "Tried", "judged",
    "of_error",
]  # fmt: skip
LONGEST = 600  # characters that one sentence or two may have


class Case(NamedTuple):
    """A fault that was put in.

    Attributes
    ----------
    kind
        Kills, damages, bad inputs, forgeries or mutations.
    what
        Into what: a file, a function, a place.
    fault
        Which one.
    outcome
        One of :data:`DETECTED`, :data:`SURVIVED`, :data:`RAW`, :data:`LOST`, :data:`UNKNOWABLE`.
    told
        What was said or seen, on one line.
    """

    kind: str
    what: str
    fault: str
    outcome: str
    told: str = ""


class Tried:
    """The cases of one kind, kept line by line in a file, by a digest of the code."""

    def __init__(self, file: Path, kind: str, code: str) -> None:
        self.file, self.kind, self.code = file, kind, code
        self.cases: list[Case] = []
        self._known: dict[str, list[list[str]]] = {}
        for line in file.read_text().splitlines() if file.exists() else []:
            row = json.loads(line)
            if row["code"] == code:
                self._known[row["key"]] = row["cases"]

    def of_this_code(self) -> list[Case]:
        """All cases that were kept for this code."""
        return [Case(*row) for rows in self._known.values() for row in rows]

    def case(self, what: str, fault: str, attempt: Callable[[], tuple[str, str]]) -> None:
        """Try a case, unless this code has been tried with it.

        Parameters
        ----------
        attempt
            Gives the outcome, empty where the fault cannot be put in, and what was said.
        """

        def alone() -> list[tuple[str, str, str]]:
            outcome, told = attempt()
            return [(fault, outcome, told)] if outcome else []

        self.several(what, fault, alone)

    def several(
        self, what: str, name: str, attempt: Callable[[], list[tuple[str, str, str]]]
    ) -> None:
        """Try several faults one after another, which are kept together: fault, outcome, words."""
        words = "\0".join([self.code, self.kind, what, name])
        key = hashlib.sha256(words.encode()).hexdigest()[:20]
        if key not in self._known:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = attempt()
            rows = [[self.kind, what, *case[:2], one_line(case[2])] for case in found]
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.open("a") as file:
                file.write(json.dumps({"key": key, "code": self.code, "cases": rows}) + "\n")
            self._known[key] = rows
        self.cases += [Case(*row) for row in self._known[key]]


def one_line(text: object) -> str:
    """A text on one line, shortened, without the folders of this machine."""
    line = " ".join(str(text).split())
    line = re.sub(r"(/[\w .-]+)+/(?=[\w.-]+)", "…/", line)
    return line if len(line) <= 200 else f"{line[:199]}…"


class Noticed(ValueError):
    """Told elsewhere than by what was called: by the seal of a run, or by git."""


def of_error(error: BaseException, names: str = "") -> tuple[str, str]:
    """What an error counts as: detected if one of ours says so in a sentence, else raw.

    Ours is one that a line of helpers raises, where need be from another; the sentence is on one
    line and, where `names` is given, has that text in it.
    """
    told = str(error)
    if isinstance(error, Noticed):
        return DETECTED, told
    frame = traceback.extract_tb(error.__traceback__)[-1]
    within = Path(frame.filename).resolve().is_relative_to(paths.HELPERS.resolve())
    ours = within and (frame.line or "").startswith("raise")
    kind = isinstance(error, ValueError | TypeError | OSError | RuntimeError | KeyError)
    clear = kind and " " in told and "\n" not in told and len(told) <= LONGEST
    words = f"{type(error).__name__}: {told}"
    return (DETECTED if ours and clear and names.lower() in told.lower() else RAW), words


def judged(
    call: Callable[[], Any], is_right: Callable[[Any], str], names: str = ""
) -> tuple[str, str]:
    """Call, and say what became of it.

    Parameters
    ----------
    call
        With the fault in place.
    is_right
        Takes what it gave: an empty text if that is right all the same, else what is wrong in it.
    names
        A text that a clear error has in it.
    """
    try:
        given = call()
    except Exception as error:
        return of_error(error, names)
    wrong = is_right(given)
    return (LOST, wrong) if wrong else (SURVIVED, "")
