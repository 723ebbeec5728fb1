"""Run methods under conditions, a cell at a time: kept, checked, and never silently missing.

A cell is a method under a condition. It is kept under the digests of the method, the network and
the images, so that an interrupted run resumes, and one more method costs its own cells only.
"""

import errno
import hashlib
import json
import random
import traceback
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from helpers.inputs import classifiers
from helpers.papers.memory import is_out_of_memory
from helpers.saliency import contract, cost_meter
from helpers.store import cache, locks, paths, shards
from helpers.trials import conditions as families
from helpers.trials import guard, remarks
from helpers.trials.conditions import Condition
from helpers.trials.methods import Method
from helpers.trials.settings import CHAPTER


class Maps(NamedTuple):
    """A method's maps under a condition, and what they cost."""

    maps: Tensor  # (N, H, W) float32, on the CPU
    cost: Tensor  # float64 (4,): seconds, forward, backward passes of all images; peak MB
    drew: bool  # whether the method drew random numbers
    remarks: tuple[str, ...] = ()  # what is to be said of how they were made


class MethodFailed(Exception):
    """A method's own error, as its cause: not one of reading or writing what is kept."""


class Gap(NamedTuple):
    """Why a cell has no maps."""

    reason: str  # one sentence
    traceback: str  # of what failed; empty where the method does not apply
    refused: bool = False  # whether the method cannot be compared: then all its cells are dropped


Cells = dict[tuple[str, str], Maps | Gap]  # by method and condition
ELSEWHERE = Gap("another process is making it", "")  # until it has; see run_cells

CALLED_TWICE = 2  # images, on which a user's method is called again with the same seed
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE)

# What the cells under way belong to, by its digest, so that a cell's key holds the digest only:
# a network's bytes would otherwise be read again for every cell.
_RUNNING: dict[str, tuple[Method, nn.Module]] = {}


def run_cell(method: Method, condition: Condition, seed: int) -> Maps | Gap:
    """A method's maps under a condition, read if they are kept, else made.

    A method that a user brings may fail, and so may any method on a network that a user brings:
    that is a gap, with the whole error. A built-in method may say that it does not apply to a
    network (:class:`helpers.saliency.contract.NotApplicable`). Any other error ends the run; so
    does a lack of memory or of room on the disk, whosever method meets it.

    Parameters
    ----------
    method, condition
        What to run, and under what.
    seed
        Of the run; each condition draws anew.

    Raises
    ------
    RuntimeError
        If a built-in method fails on a network of ours.
    MemoryError, OSError, RuntimeError
        If memory or the disk is full.
    """
    if condition.gap:
        return Gap(condition.gap, "")
    running = f"{method.key}-{condition.key}-{method.half_precision}"
    if condition.key.startswith(cache.ONCE):
        running = f"{cache.ONCE}{running}"
    _RUNNING[running] = method, condition.network
    try:
        made = cache.kept(
            f"{CHAPTER}/cells", _make, running, condition.images, condition.classes,
            cell_seed(condition, seed), condition.memory,
            method.is_brought and condition.name == families.CLEAN,
        )  # fmt: skip
    except MethodFailed as failed:
        error = failed.__cause__ or failed
        if isinstance(error, contract.NotApplicable):
            return Gap(str(error), "")
        if _is_of_machine(error):
            error.add_note(
                f"while {method.name} ran under '{condition.name}'. What is finished is kept: run "
                "it again with more room, or with fewer or smaller images (count, side)"
            )
            raise error from None
        if not (method.is_brought or condition.brought):
            raise RuntimeError(f"{method.name} failed under '{condition.name}'") from error
        reason = f"{type(error).__name__}: {families.first_line(error)}".removesuffix(": ")
        trace = "".join(traceback.format_exception(error))
        return Gap(reason, trace, isinstance(error, guard.Refused))
    said = json.loads(bytes(made["remarks"].tolist()))
    return Maps(made["maps"], made["cost"], bool(made["drew"]), tuple(said))


def _is_of_machine(error: BaseException) -> bool:
    """Whether an error says that this machine is full, which is nothing about a method."""
    if isinstance(error, OSError):
        return error.errno in _DISK
    return isinstance(error, RuntimeError | MemoryError) and is_out_of_memory(error)


def _make(
    running: str, images: Tensor, classes: Tensor, seed: int, memory: bool, twice: bool
) -> dict[str, Tensor]:
    """Maps and costs of a cell, in batches, each with a seed of its own.

    With `twice`, the method is first called again with the same seed, to see that it repeats.
    """
    method, network = _RUNNING[running]
    model = classifiers.Bfloat16(network) if method.half_precision else network
    size = families.batch_size(images)
    batches = zip(images.split(size), classes.split(size), strict=True)
    try:
        with remarks.collected() as said:
            if twice:
                few = images[:CALLED_TWICE], classes[:CALLED_TWICE]
                guard.check_repeats(method.explain, model, *few, seed=seed)
            parts = [
                cost_meter.maps_and_cost(
                    method.explain, model, *batch, seed=seed + i, memory=memory
                )
                for i, batch in enumerate(batches)
            ]
    except Exception as error:
        raise MethodFailed from error
    maps, costs = zip(*parts, strict=True)
    sums = [sum(cost[field] for cost in costs) for field in range(3)]
    cost = [*sums, max(cost.megabytes for cost in costs)]
    return {
        "maps": torch.cat(maps),
        "cost": torch.tensor(cost, dtype=torch.float64),
        "drew": torch.tensor(any(cost.drew for cost in costs)),
        "remarks": torch.tensor(list(json.dumps(said).encode()), dtype=torch.uint8),
    }


def cell_seed(condition: Condition, seed: int) -> int:
    """The seed of a condition's random numbers: another one for each condition and draw."""
    name = families.CLEAN if condition.draw else condition.name
    text = f"{json.dumps(name)}\n{json.dumps(seed + condition.draw)}"
    return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) % 2**31


def run_cells(
    methods: Iterable[Method],
    conditions: Mapping[str, Condition],
    seed: int,
    shard: str = shards.WHOLE,
) -> Iterator[tuple[tuple[str, str], Maps | Gap]]:
    """All methods under all conditions, one cell after the other.

    Further draws of the clean images are run for methods only that drew random numbers in the
    first; for the others they are the first's maps. A method that is refused
    (:class:`helpers.trials.guard.Refused`) is not run again, and the cells that it had are given
    once more, as gaps: the last of each counts, as in ``dict(run_cells(...))``.

    Several processes may run the same cells: one that another process has begun is put off, given
    as :data:`ELSEWHERE` in its place, and given again in the end, when that process has made it.
    With a `shard` only its part of the cells is run and given.
    """
    methods = list(methods)
    warm_up(next(iter(conditions.values())))
    first: dict[str, Maps | Gap] = {}
    refused: dict[str, Gap] = {}
    given: dict[str, list[str]] = {method.name: [] for method in methods}
    ordered = sorted(conditions.values(), key=lambda c: c.name != families.CLEAN)
    cells = _of_shard([(m, condition) for condition in ordered for m in methods], shard)
    for last in (False, True):
        put_off = []
        for method, condition in cells:
            name, clean = method.name, first.get(method.name)
            if name in refused:
                cell: Maps | Gap | None = refused[name]
            elif condition.draw and families.CLEAN in conditions and clean is None and not last:
                cell = None  # whether it is run depends on the first draw, which was put off
            elif condition.draw and clean and (isinstance(clean, Gap) or not clean.drew):
                cell = clean
            else:
                cell = _run_unless_elsewhere(method, condition, seed, wait=last)
            if cell is None:
                put_off.append((method, condition))
                yield (name, condition.name), ELSEWHERE
                continue
            if condition.name == families.CLEAN:
                first[name] = cell
            if isinstance(cell, Gap) and cell.refused:
                refused.setdefault(name, cell)
            else:
                given[name].append(condition.name)
            yield (name, condition.name), cell
        cells = put_off
    for name, gap in refused.items():
        yield from (((name, condition), gap) for condition in given[name])


def _of_shard(cells: list[tuple[Method, Condition]], shard: str) -> list[tuple[Method, Condition]]:
    """The cells of a shard, drawn at random, so that a slow method's cells are spread over all.

    Further draws of the clean images go with the first, which tells whether they are needed.
    """

    def begins(cell: tuple[Method, Condition]) -> tuple[str, str]:
        method, condition = cell
        return method.name, families.CLEAN if condition.draw else condition.name

    names = list(dict.fromkeys(map(begins, cells)))
    mine = set(shards.part_of(random.Random(0).sample(names, len(names)), shard))
    return [cell for cell in cells if begins(cell) in mine]


def _run_unless_elsewhere(
    method: Method, condition: Condition, seed: int, *, wait: bool
) -> Maps | Gap | None:
    """A cell, or None while another process makes it, unless that one is to be waited for.

    The claim's name knows less than the cell's, as it leaves out what images show: then two cells
    wait for one another that need not.
    """
    named = method.key, method.half_precision, condition.key, condition.name
    what = *named, cell_seed(condition, seed), *condition.images.shape, *condition.classes.tolist()
    digest = hashlib.sha256(repr(what).encode()).hexdigest()[:24]
    with locks.claimed(paths.CACHE / CHAPTER / "claims" / f"{digest}.lock", wait=wait) as claim:
        return None if claim is None else run_cell(method, condition, seed)


def warm_up(condition: Condition) -> None:
    """One untimed pass forward and backward, because the first one prepares memory."""
    images = condition.images.clone().requires_grad_()
    logits = condition.network(images)
    if logits.requires_grad:
        torch.autograd.grad(logits.sum(), images, allow_unused=True)


def available(cells: Cells, method: str) -> dict[str, Maps]:
    """The maps of a method by condition, without those that are gaps."""
    return {
        condition: cell
        for (name, condition), cell in cells.items()
        if name == method and isinstance(cell, Maps)
    }
