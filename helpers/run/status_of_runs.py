"""What of the grid is fresh, stale, failed, missing or under way; what it costs, what mends it."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from helpers.report import counted
from helpers.report.counted import duration
from helpers.run import origin
from helpers.run.grid import Cell
from helpers.store import locks, paths, rooms, shards

FRESH, STALE, FAILED, MISSING, UNDER_WAY = "fresh", "stale", "failed", "missing", "under way"
ORDER = (FRESH, UNDER_WAY, STALE, FAILED, MISSING)


class Known(NamedTuple):
    """A run of the grid as it stands.

    Attributes
    ----------
    cell
        The run.
    digest
        Of the present code, inputs and its parameters: what its card must hold.
    card
        Of its executed notebook or of the committed one with the same parameters; empty if missing.
    results
        The table of the fresh run; None if there is none.
    state
        One of :data:`ORDER`.
    """

    cell: Cell
    digest: str
    card: dict[str, Any]
    results: Path | None
    state: str


def known(cells: Mapping[str, Cell]) -> dict[str, Known]:
    """The state of all runs. Parts of a fresh run are left out: nothing needs them any more."""
    with rooms.snapshot():
        states = {name: _known(cell) for name, cell in cells.items()}
    return {
        name: state
        for name, state in states.items()
        if not state.cell.part_of or states[state.cell.part_of].state != FRESH
    }


def _known(cell: Cell) -> Known:
    digest = origin.notebook_digest(cell.notebook, cell.values)
    own, results = found(cell, digest)
    if results is not None:
        return Known(cell, digest, own, results, FRESH)
    if locks.holder(cell.state_file(".lock")):
        return Known(cell, digest, own, None, UNDER_WAY)
    if cell.state_file(".failed").exists():
        return Known(cell, digest, own, None, FAILED)
    return Known(cell, digest, own, None, STALE if own else MISSING)


def found(cell: Cell, digest: str) -> tuple[dict[str, Any], Path | None]:
    """The card of a cell's run, and its table of results if the run fits the digest.

    The committed run counts where it was run with the same command, so that it is not run once
    more. The executed notebook is read, since a run writes it last; a shard's run has no table, and
    its notebook stands in the table's place.
    """
    places = [(cell.file, cell.file.with_suffix(".csv"))]
    committed = paths.RUNS / f"{cell.notebook}.ipynb"
    if not cell.part_of:
        places.append((committed, paths.RESULTS / f"{cell.notebook}.csv"))
    seen: dict[str, Any] = {}
    for file, results in places:
        made = card_of(file)
        if made and (file != committed or made.get("command") == cell.command()):
            digests = (made.get("digest"), made.get("carried", {}).get("digest"))
            results = file if cell.values.get(shards.PARAMETER) else results
            if digest in digests and results.exists():
                return made, results
            seen = seen or made
    return seen, None


def card_of(file: Path) -> dict[str, Any]:
    """The run card that an executed notebook holds; empty if it is none, or not whole."""
    try:
        made = json.loads(file.read_text(encoding="utf-8"))["metadata"]["provenance"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return made if isinstance(made, dict) else {}


# --- what it costs ---


def seconds_of(state: Known) -> float | None:
    """How long a run took, by its own process or else by its card; None if it never ended."""
    cost = record(state.cell, ".cost")
    return cost.get("seconds", state.card.get("seconds"))


def record(cell: Cell, ending: str) -> dict[str, Any]:
    """What was written down of a run's process; empty if nothing was."""
    try:
        return dict(json.loads(cell.state_file(ending).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def expected_seconds(states: Iterable[Known]) -> dict[tuple[str, str], float]:
    """What a run of a notebook and profile takes: the longest that ended, here or in the table.

    The longest, as the others found parts kept from before. Of a notebook of which no run with this
    profile ended nothing is known.
    """
    took: dict[tuple[str, str], float] = {}
    for row in counted.measured():
        took[row["notebook"], row["profile"]] = float(row["seconds"])
    for state in states:
        key = state.cell.notebook, state.cell.profile
        if (seconds := seconds_of(state)) is not None:
            took[key] = max(seconds, took.get(key, 0))
    return took


def counted_seconds(cell: Cell) -> float:
    """What a run takes on this processor, by the work that it asks for; 0 if not known."""
    _, parts = shards.numbers(cell.values.get(shards.PARAMETER, shards.WHOLE))
    return 3600 * counted.hours(cell.notebook, cell.values) / (os.cpu_count() or 1) / parts


# --- as text ---


def table(states: Mapping[str, Known], mend: str) -> str:
    """One line per run: its state, its name, what it costs; below what is not fresh, what mends it.

    Parameters
    ----------
    states
        From :func:`known`.
    mend
        The command that runs all that is not fresh.
    """
    expected = expected_seconds(states.values())
    width = max(map(len, states))
    lines = []
    for name, state in states.items():
        lines.append(f"{state.state:<9} {name:<{width}} {_cost(state, expected)}".rstrip())
        if state.state == FAILED:
            lines.append(f"{'':<9} {_last_words(state.cell)}")
        if state.state not in (FRESH, UNDER_WAY):
            lines.append(f"{'':<9} $ {state.cell.command()}")
    return "\n".join([*lines, "", _summary(states, expected, mend)])


def _cost(state: Known, expected: Mapping[tuple[str, str], float]) -> str:
    took = seconds_of(state)
    if took is not None:
        cost = record(state.cell, ".cost")
        memory = f", {cost['peak_mb'] / 1000:.1f} GB of memory" if cost.get("peak_mb") else ""
        read = state.card.get("kept", {}).get("read", 0)
        parts = f", with {read} parts kept from before" if read else ""
        return f"took {duration(took)}{memory}{parts}"
    if about := expected.get((state.cell.notebook, state.cell.profile)):
        return f"up to {duration(about)}, as others of its kind"
    counted = counted_seconds(state.cell)
    return f"about {duration(counted)} by counted work" if counted else "not measured yet"


def _last_words(cell: Cell) -> str:
    """The last line that a failed run wrote, or why it does not count."""
    if why := record(cell, ".failed").get("why"):
        return why
    try:
        lines = cell.state_file(".log").read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return "its log is gone"
    told = [line.strip() for line in lines if line.startswith("helpers.run: ")]
    words = told or [line.strip() for line in lines if line.strip()]
    return words[-1][:200] if words else f"it ended with {record(cell, '.failed').get('code')}"


def _summary(
    states: Mapping[str, Known], expected: Mapping[tuple[str, str], float], mend: str
) -> str:
    counts = [
        f"{count} {word}"
        for word in ORDER
        if (count := sum(state.state == word for state in states.values()))
    ]
    missing = [state for state in states.values() if state.state not in (FRESH, UNDER_WAY)]
    if not missing:
        return f"{', '.join(counts)}."
    times = [
        expected.get((state.cell.notebook, state.cell.profile)) or counted_seconds(state.cell)
        for state in missing
    ]
    total, unknown = sum(times), times.count(0)
    rest = f", not counting {unknown} of which nothing is known" if unknown else ""
    return (
        f"{', '.join(counts)}. What is not fresh takes up to {duration(total)} one after the "
        f"other{rest}.\nAll of it at once: {mend}"
    )
