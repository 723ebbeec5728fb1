"""Many kept results that several processes make at once: each is made by one of them.

What one process has begun the others pass over, and read when it is done. So shards of a run, and
runs beside one another, share the work out among themselves, and a killed one leaves nothing for
someone to clear (:mod:`helpers.store.locks`).
"""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from helpers.store import cache, locks, paths


def kept(
    name: str, make: Callable[..., dict[str, Tensor]], calls: Sequence[tuple]
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """What ``make(*call)`` gives for each call, with its number: read if it is there, else made.

    Those that another process is making come last, when that one is done with them.

    Parameters
    ----------
    name, make
        As for :func:`helpers.store.cache.kept`.
    calls
        The arguments of each.
    """
    waiting = list(range(len(calls)))
    for last in (False, True):
        put_off = []
        for number in waiting:
            key = cache.key_of(make, *calls[number])
            lock = paths.CACHE / f"{name}-{key}.lock"
            with locks.claimed(lock, wait=last) as claim:
                made = None if claim is None else cache.kept(name, make, *calls[number])
            if made is None:
                put_off.append(number)
            else:
                yield number, made
        waiting = put_off


def listed(
    name: str, make: Callable[..., dict[str, Tensor]], calls: Sequence[tuple]
) -> list[dict[str, Tensor]]:
    """All of :func:`kept`, in the order of the calls."""
    made = dict(kept(name, make, calls))
    return [made[number] for number in range(len(calls))]
