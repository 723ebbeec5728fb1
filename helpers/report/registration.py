"""What a row promised when its result was made: a digest of all that decides its verdict.

A run card keeps the digests of the rows that it was judged by, and again of those there were when
the run was last carried over to other code (:data:`CARRIED`). A row that changes afterwards must
say when and why in its column ``amended``; the page shows it.
"""

import hashlib
import json
import math
import re
from pathlib import Path

import pandas as pd

from helpers.store import paths, yaml_files

CONTENT = [  # a change of any of these may change a verdict
    "says", "unit", "reported", "tolerance", "tolerance_b", "bound", "rounds", "needs", "readings",
    "rests_on", "same_as",
]  # fmt: skip
CARRIED = "claims when carried over"  # entry of a run card
SEEN = ("no", "pilot", "yes")
_AMENDMENT = re.compile(r"(\d{4}-\d{2}-\d{2}): (\S.+)")


def digest(row: pd.Series | dict) -> str:
    """A short name for what a row promises; an absent column counts as an empty one."""
    content = [_plain(row.get(name, "")) for name in CONTENT]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def digests(claims: pd.DataFrame) -> dict[str, str]:
    """The digest of each row of a table that is indexed by key."""
    return {key: digest(row) for key, row in claims.iterrows()}


def amendments(text: str) -> list[tuple[str, str]]:
    """The dates and reasons in a row's column ``amended``.

    Raises
    ------
    ValueError
        If an entry is not "ISO date: reason".
    """
    found = []
    for entry in filter(None, (part.strip() for part in text.split(" | "))):
        match = _AMENDMENT.fullmatch(entry)
        if not match:
            raise ValueError(f"amendment {entry!r} is not like '2026-11-30: reason'")
        found.append((match[1], match[2]))
    return found


def changed(claims: pd.DataFrame, judged_by: dict[str, str]) -> list[str]:
    """Keys of the rows that differ from those that the committed results were judged by."""
    now = digests(claims)
    return [key for key, old in judged_by.items() if key in now and now[key] != old]


def undeclared(claims: pd.DataFrame, card: dict) -> list[str]:
    """Keys of the rows that changed after their result was made, and do not say so.

    A change is declared by an amendment of the day of the result or later, with a reason; one after
    the run was carried over, of that day or later: an earlier amendment does not cover it.

    Parameters
    ----------
    claims
        The chapter's rows, indexed by key.
    card
        The run card: ``claims`` (key -> digest) and ``finished``, and both again in
        :data:`CARRIED`.
    """
    silent = []
    for told in (card, card.get(CARRIED, {})):
        made = told.get("finished", "")[:10]
        silent += [
            key
            for key in changed(claims, told.get("claims", {}))
            if not any(date >= made for date, _ in amendments(claims.amended[key]))
        ]
    return list(dict.fromkeys(silent))


def withdrawn(chapter: str, file: Path = paths.REPORTED / "withdrawn.yaml") -> dict[str, str]:
    """Rows of a chapter that were judged once and stand no more, with the date and the reason."""
    return dict(yaml_files.tables(file).get(chapter, {}))


def redefined(
    chapter: str, finished: str, file: Path = paths.REPORTED / "redefined.yaml"
) -> dict[str, str]:
    """Rows whose measure changed after a run of a chapter: by key, what is measured since.

    Parameters
    ----------
    finished
        When the run was made, an ISO date first; empty for one under way, which measures all anew.

    Raises
    ------
    ValueError
        If an entry is not "ISO date: reason".
    """
    listed = yaml_files.tables(file).get(chapter, {})
    entries = {key: amendments(str(text)) for key, text in listed.items()}
    for key, found in entries.items():
        if len(found) != 1:
            raise ValueError(f"{file.name}: {chapter}, {key} is not one '2026-11-30: reason'")
    return {key: why for key, [(date, why)] in entries.items() if finished and finished[:10] < date}


def vanished(claims: pd.DataFrame, card: dict, listed: dict[str, str]) -> list[str]:
    """Keys that the results were judged by, that no row has any more and no list explains."""
    return [key for key in card.get("claims", {}) if key not in claims.index and key not in listed]


def _plain(entry: object) -> str:
    """A cell as text, a number in one form however it was typed, an empty cell as nothing."""
    text = "" if entry is None else str(entry).strip()
    try:
        number = float(text)
    except ValueError:
        return text
    return "" if math.isnan(number) else repr(number)
