"""Shards: a long experiment in parts that run apart, and how the parts become one result again.

A notebook that can be cut has a parameter ``shard``, such as "2/8": the second of eight parts. A
run of a part keeps what it made (:mod:`helpers.store.cache`), ends there, and publishes nothing.
The merging run has no shard: it finds all parts kept, and works out every number and interval from
all observations, as a run in one piece does. Estimates of parts are never averaged.
"""

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import TypeVar

Item = TypeVar("Item")
WHOLE = ""  # the shard of a run in one piece
PARAMETER = "shard"  # of a notebook that can be cut
TAG = "parts"  # of the cell behind which a run of a part ends
_MISSING = object()


def names(count: int) -> list[str]:
    """All shards of a run that is cut into `count`: "1/3", "2/3", "3/3"."""
    return [f"{number}/{count}" for number in range(1, count + 1)]


def numbers(shard: str) -> tuple[int, int]:
    """Which part of how many: ``numbers("2/8") == (2, 8)``; of the whole it is (1, 1).

    Raises
    ------
    ValueError
        If it is no shard.
    """
    if shard == WHOLE:
        return 1, 1
    found = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", shard)
    if not found or int(found[1]) > int(found[2]):
        raise ValueError(f"shard is {shard!r}; expected a part of a number of parts, such as '2/8'")
    return int(found[1]), int(found[2])


def part_of(items: Sequence[Item], shard: str) -> list[Item]:
    """The items of a shard: every K-th from the i-th on, for "i/K".

    So parts differ by one item at most, and what lies together (images of a class) is spread.
    """
    number, count = numbers(shard)
    return list(items[number - 1 :: count])


def merged(parts: Sequence[Sequence[Item]]) -> list[Item]:
    """The items of all shards in their order before the cut: undoes :func:`part_of`.

    Raises
    ------
    ValueError
        If the lengths are not those of the parts of one list, as when a part is missing.
    """
    total = sum(len(part) for part in parts)
    expected = [len(range(number, total, len(parts))) for number in range(len(parts))]
    if [len(part) for part in parts] != expected:
        raise ValueError(
            f"the parts have {', '.join(str(len(part)) for part in parts)} items; of {total} items "
            f"they have {', '.join(map(str, expected))}"
        )
    rows = zip_longest(*parts, fillvalue=_MISSING)
    return [item for row in rows for item in row if item is not _MISSING]  # type: ignore[misc]
