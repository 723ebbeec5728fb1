"""Scores of some methods on a few images of a network: the piece of work that processes share.

Maps are dropped once they are scored: those of 200 photographs under ten conditions would fill 40
gigabytes. A piece is kept under the digest of network, images, methods and settings, so that an
interrupted run resumes and several processes share one ranking out (:mod:`helpers.store.together`).
"""

import itertools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.inputs import classifiers, fused
from helpers.measures import rankings
from helpers.ranking import conditions as ranked_conditions
from helpers.ranking import ranked_tests
from helpers.ranking.forgetting import told_apart
from helpers.saliency import contract, cost_meter
from helpers.store import cache, files, paths, together
from helpers.trials import battery, engine
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.methods import Method
from helpers.trials.scores import Trial
from helpers.trials.settings import Settings

NAME = "ranking/pieces"
KEPT = paths.RESULTS / "ranking-pieces"  # of the project
FIELDS = 28  # a side, on which maps are compared with one another


class Work(NamedTuple):
    """What is measured on one network."""

    network: nn.Module
    images: Tensor  # (N, 3, H, W) in [0, 1]
    methods: Sequence[Method]
    settings: Settings
    whole: bool = True  # whether all tests, or only those that need the clean images alone


class Scores(NamedTuple):
    """Of one network, by test and method; NaN where a number is missing."""

    values: np.ndarray  # (T, M, N), more is better
    cost: np.ndarray  # (M, 3): seconds, forward, backward passes an image, clean
    alike: np.ndarray  # (M, M, N): rank correlation of the clean images' maps, coarse
    gaps: dict[tuple[str, str], str]  # by test and method, why nothing is there
    apart: np.ndarray  # (L,): how far networks that forgot still tell images apart, by level


def tests_of(work: Work) -> dict[str, Trial]:
    """The tests that a piece of work goes through, by name, and removal with all fills."""
    names = ranked_tests.TRIALS if work.whole else ranked_tests.CLEAN_ALONE
    chosen = {name: ranked_tests.TRIALS[name] for name in names}
    return chosen | (ranked_tests.FILLS if work.whole else {})


def measured(work: Work, size: int) -> Scores:
    """All of a network's scores, in pieces of `size` images; the last one may hold more.

    Each method of a user's has pieces of its own, so that nothing else is made again for it; how
    alike its maps and other methods' are is not measured.

    Raises
    ------
    ValueError
        If there are fewer than two images, or `size` is less.
    """
    if size < 2 or len(work.images) < 2:
        raise ValueError(f"{len(work.images)} images by {size}; expected two or more at a time")
    ours = [method for method in work.methods if not method.is_brought]
    groups = [[method] for method in work.methods if method.is_brought] + [ours] * bool(ours)
    found = joined([_of_methods(work._replace(methods=group), size) for group in groups])
    columns = [method.name for group in groups for method in group]
    places = [columns.index(method.name) for method in work.methods]
    return found._replace(
        values=found.values[:, places],
        cost=found.cost[places],
        alike=found.alike[np.ix_(places, places)],
    )


def joined(parts: Sequence[Scores]) -> Scores:
    """Scores of several groups of methods on the same images, one group after the other."""
    counts = [part.values.shape[1] for part in parts]
    alike = np.full((sum(counts), sum(counts), parts[0].values.shape[2]), np.nan)
    for part, end in zip(parts, np.cumsum(counts), strict=True):
        own = slice(end - part.values.shape[1], end)
        alike[own, own] = part.alike
    return Scores(
        np.concatenate([part.values for part in parts], 1),
        np.concatenate([part.cost for part in parts]),
        alike,
        {pair: why for part in parts for pair, why in part.gaps.items()},
        parts[0].apart,
    )


def _of_methods(work: Work, size: int) -> Scores:
    """Scores of methods whose pieces are kept together."""
    parts = work.images.tensor_split(max(len(work.images) // size, 1))
    key = families.network_key(work.network, brought=False)
    _RUNNING[key] = work
    named = [method.key for method in work.methods], json.dumps(work.settings), work.whole
    calls = [(key, part, *named) for part in parts]
    for call in calls:
        _take_committed(f"{NAME}-{cache.key_of(_make, *call)}.safetensors")
    made = together.listed(NAME, _make, calls)
    gaps = {tuple(pair): why for part in made for *pair, why in _text(part["gaps"])}
    return Scores(
        np.concatenate([part["values"].numpy() for part in made], 2),
        np.mean([part["cost"].numpy() for part in made], 0),
        np.concatenate([part["alike"].numpy() for part in made], 2),
        gaps,
        np.mean([part["apart"].numpy() for part in made], 0),
    )


def publish() -> list[Path]:
    """Copy the pieces of the cache to the results, so that sessions add up; give their files there.

    ``python -m helpers.ranking.pieces`` does it. A piece that other code would make otherwise has
    another name and is not read.
    """
    found = sorted((paths.CACHE / NAME).parent.glob(f"{Path(NAME).name}-*.safetensors"))
    for file in found:
        files.read_tensors(file)  # its checksum holds
        files.write_atomically(KEPT / file.name, file.read_bytes())
    return [KEPT / file.name for file in found]


def _take_committed(name: str) -> None:
    """Bring a piece of the results into the cache, which checks it when it is read.

    Not where a run asks for nothing that was kept before.
    """
    kept, wanted = KEPT / Path(name).name, paths.CACHE / name
    if os.environ.get(cache.FRESH):
        return
    if kept.is_file() and not wanted.exists():
        files.write_atomically(wanted, kept.read_bytes())


_RUNNING: dict[str, Work] = {}  # by the network's digest, which stands for it in a piece's name


def _make(
    key: str, images: Tensor, methods: list[str], settings: str, whole: bool
) -> dict[str, Tensor]:
    work = _RUNNING[key]
    layout = classifiers.layout(work.network)
    base = families.clean(work.network, images.contiguous(memory_format=layout))
    base = base._replace(memory=False)
    build = ranked_conditions.conditions_of if whole else ranked_conditions.clean_alone
    try:
        judging = fused.without_batchnorm(work.network, images[:1])
    except ValueError:  # it cannot be folded, so that it is asked as it is
        judging = work.network
    found = scored(work.methods, build(base, work.settings), tests_of(work), work.settings, judging)
    return {
        "values": torch.from_numpy(found.values),
        "cost": torch.from_numpy(found.cost),
        "alike": torch.from_numpy(found.alike).float(),
        "gaps": _bytes([[*pair, why] for pair, why in found.gaps.items()]),
        "apart": torch.from_numpy(found.apart),
    }


def scored(
    methods: Sequence[Method],
    conditions: Mapping[str, Condition],
    tests: Mapping[str, Trial],
    settings: Settings,
    judging: nn.Module | None = None,
) -> Scores:
    """Scores of methods on the images of some conditions; nothing is kept.

    Several draws of a method count as one number, their mean. With a `judging` network, the same as
    that of the clean images but faster, tests ask it for the scores of changed images; maps are of
    the conditions' own networks.
    """
    cells: engine.Cells = {}
    for method in methods:
        cells |= cells_of(method, conditions, settings.seed)
    base = conditions[families.CLEAN]
    judged = {**conditions, families.CLEAN: base._replace(network=judging or base.network)}
    count = len(base.images)
    values = np.full((len(tests), len(methods), count), np.nan)
    gaps = {}
    for row, (name, trial) in enumerate(tests.items()):
        by_method = battery.score_all(trial, methods, cells, judged, settings)
        for column, method in enumerate(methods):
            found = by_method[method.name]
            if found.gap:
                gaps[name, method.name] = found.gap
            for score in found.scores:
                if score.measure == trial.decides:
                    values[row, column] = trial.better * score.values.mean(1)
    clean = [cells[method.name, families.CLEAN] for method in methods]
    cost = [
        cell.cost.numpy()[:3] / count if isinstance(cell, engine.Maps) else np.full(3, np.nan)
        for cell in clean
    ]
    apart = [
        told_apart(condition.network, condition.images)
        for condition in conditions.values()
        if condition.name.startswith(families.RANDOMIZED)
    ]
    return Scores(values, np.stack(cost), _alike(clean, count), gaps, np.array(apart))


def cells_of(method: Method, conditions: Mapping[str, Condition], seed: int) -> engine.Cells:
    """A method's maps under all conditions, in memory.

    Further draws of the clean images are made only of a method that drew random numbers.
    """
    clean = _cell(method, conditions[families.CLEAN], seed)
    cells: engine.Cells = {}
    for name, condition in conditions.items():
        repeated = condition.draw > 0 and isinstance(clean, engine.Maps) and not clean.drew
        if name == families.CLEAN or isinstance(clean, engine.Gap) or repeated:
            cells[method.name, name] = clean
        else:
            cells[method.name, name] = _cell(method, condition, seed)
    return cells


def _cell(method: Method, condition: Condition, seed: int) -> engine.Maps | engine.Gap:
    """Maps under a condition; a gap where the method does not apply, or a user's method fails."""
    if condition.gap:
        return engine.Gap(condition.gap, "")
    network = condition.network
    model = classifiers.Bfloat16(network) if method.half_precision else network
    size = families.batch_size(condition.images)
    batches = zip(condition.images.split(size), condition.classes.split(size), strict=True)
    first = engine.cell_seed(condition, seed)
    try:
        parts = [
            cost_meter.maps_and_cost(method.explain, model, *batch, seed=first + i)
            for i, batch in enumerate(batches)
        ]
    except contract.NotApplicable as error:
        return engine.Gap(str(error), "")
    except Exception as error:
        if not method.is_brought:
            error.add_note(f"while {method.name} ran under '{condition.name}'")
            raise
        return engine.Gap(f"{type(error).__name__}: {families.first_line(error)}", "")
    maps, costs = zip(*parts, strict=True)
    sums = [sum(cost[field] for cost in costs) for field in range(3)]
    cost = torch.tensor([*sums, torch.nan], dtype=torch.float64)
    return engine.Maps(torch.cat(maps), cost, any(cost.drew for cost in costs))


def _alike(cells: Sequence[engine.Maps | engine.Gap], count: int) -> np.ndarray:
    """Rank correlation of each two methods' maps, (M, M, N), averaged over fields first.

    At most :data:`FIELDS` a side: whether two maps are one is no question of single pixels.
    """
    found = np.full((len(cells), len(cells), count), np.nan)
    small = {
        number: F.adaptive_avg_pool2d(cell.maps, [min(FIELDS, n) for n in cell.maps.shape[1:]])
        for number, cell in enumerate(cells)
        if isinstance(cell, engine.Maps)
    }
    for one, other in itertools.combinations_with_replacement(small, 2):
        agreement = rankings.spearman(small[one], small[other]).numpy()
        found[one, other] = found[other, one] = agreement
    return found


def _bytes(thing: object) -> Tensor:
    return torch.tensor(list(json.dumps(thing).encode()), dtype=torch.uint8)


def _text(stored: Tensor) -> list:
    return json.loads(bytes(stored.tolist()))


if __name__ == "__main__":
    for file in publish():
        print(file)
