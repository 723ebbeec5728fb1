"""What was noticed of a method's maps while they were made, to be said beside the results."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import pandas as pd
from torch import Tensor

NEARLY = 1e-6  # of the largest value: what a map of one value varies by when it is enlarged

_noticed: ContextVar[list[str] | None] = ContextVar("noticed", default=None)


@contextmanager
def collected() -> Iterator[list[str]]:
    """The remarks that the block adds, each once, in their order."""
    found: list[str] = []
    token = _noticed.set(found)
    try:
        yield found
    finally:
        _noticed.reset(token)


def add(remark: str) -> None:
    """Add a remark, if somebody collects them and does not have it yet."""
    found = _noticed.get()
    if found is not None and remark not in found:
        found.append(remark)


def is_constant(maps: Tensor, nearly: float = NEARLY) -> Tensor:
    """Which of the maps (N, H, W) hold one value only, up to rounding: bool (N,), on the CPU.

    Such a map has no order of pixels: max - min <= nearly max |map|.
    """
    flat = maps.detach().flatten(1).double().cpu()
    return flat.amax(1) - flat.amin(1) <= nearly * flat.abs().amax(1)


def constant_maps(cells: Mapping[tuple[str, str], object]) -> pd.DataFrame:
    """How many maps of each cell are constant: columns method, condition, constant, maps.

    Cells are by method and condition, as :func:`helpers.trials.engine.run_cells` gives them; those
    without a constant map are left out.
    """
    rows = []
    for (method, condition), cell in cells.items():
        maps = getattr(cell, "maps", None)
        if maps is not None and (count := int(is_constant(maps).sum())):
            rows.append((method, condition, count, len(maps)))
    return pd.DataFrame(rows, columns=["method", "condition", "constant", "maps"])


def sentences(cells: Mapping[tuple[str, str], object]) -> list[str]:
    """What is to be said of each method: its remarks, and its constant maps, a sentence each."""
    found = dict.fromkeys(
        f"{method}: {remark}."
        for (method, _), cell in cells.items()
        for remark in getattr(cell, "remarks", ())
    )
    return [*found, *map(_of_constant, _by_method(constant_maps(cells)))]


def _by_method(table: pd.DataFrame) -> Sequence[tuple[str, pd.DataFrame]]:
    return list(table.groupby("method", sort=False))


def _of_constant(group: tuple[str, pd.DataFrame]) -> str:
    method, rows = group
    where = ", ".join(
        f"{row.constant} of {row.maps} under '{row.condition}'" for row in rows.itertuples()
    )
    return (
        f"{method}: maps of one value only, which order no pixels: {where}. Where such a map would "
        "be compared, its photograph is left out."
    )
