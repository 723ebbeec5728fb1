"""Constant maps, one photograph and errors of the machine are no results."""

import errno
import re

import numpy as np
import pytest
import torch
from torch import nn

from helpers.measures import intervals, standings
from helpers.report import tables
from helpers.store import paths
from helpers.trials import battery, conditions, engine, matrix, methods, remarks, settings
from helpers.trials.engine import Maps

SIZES = settings.parse(
    settings.of_profile("smoke")
    | {"strengths": "gaussian noise 0.02; occlusion 4", "stages": "20", "cifar_count": 2}
)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, 5)
    ).eval().requires_grad_(False)  # fmt: skip


@pytest.fixture(scope="module")
def images():
    blocks = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    return nn.functional.interpolate(blocks, scale_factor=16)


def zero(model, images, classes):
    return torch.zeros_like(images[:, 0])


def ones_enlarged(model, images, classes):
    return torch.full((len(images), 5, 5), 0.3)


def first_is_dead(model, images, classes):
    """Constant for the dark photograph, brightness for the others."""
    maps = images.mean(1)
    return torch.where((maps.mean((1, 2)) < 0.3)[:, None, None], 0.0, maps)


def bright(model, images, classes):
    return images.mean(1)


def run(network, images, *explains):
    """The cells and the matrix of some methods, without the stages of training."""
    compared = [methods.brought(explain, explain.__name__) for explain in explains]
    made = battery.base_conditions(conditions.clean(network, images, brought=True), SIZES)
    made = {name: case for name, case in made.items() if not name.startswith("epoch")}
    sizes = SIZES._replace(stages=())
    cells = dict(engine.run_cells(compared, made, 0))
    scored = {
        name: battery.score_all(trial, compared, cells, made, sizes)
        for name, trial in battery.TRIALS.items()
    }
    options = {"network": "n", "draws": 50, "seed": 0}
    return cells, matrix.summarize(scored, battery.TRIALS, compared, **options)


@pytest.fixture(scope="module")
def compared(network, images, tmp_path_factory):
    images = images.clone()
    images[0] *= 0.4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CACHE", tmp_path_factory.mktemp("cache"))
        return run(network, images, zero, ones_enlarged, first_is_dead, bright)


@pytest.mark.parametrize("name", ["zero", "ones_enlarged"])
def test_a_constant_map_has_no_value_and_no_rank_but_in_the_cost(name, compared):
    _, found = compared
    rows = found.table[(found.table.method == name) & found.table.decides].set_index("test")

    assert set(rows.gap.drop(["cost", "decision"])) == {battery.ALL_CONSTANT}
    assert rows.gap["decision"] in (battery.ALL_CONSTANT, matrix.NO_IMAGE)
    assert rows.value.drop("cost").isna().all()
    assert rows.value["cost"] > 0
    assert all(name not in ranks for test, ranks in found.ranks.items() if test != "cost")
    assert len(rows) == len(battery.TRIALS)


def test_a_partly_constant_method_counts_the_images_that_are_left(compared):
    _, found = compared
    table = found.table[found.table.decides].set_index(["method", "test"])

    for test in ("insertion and deletion", "keeping", "randomisation"):
        assert table.n["first_is_dead", test] == 2
        assert table.n["bright", test] == 3
    assert table.n["first_is_dead", "corruption"] == table.n["bright", "corruption"] - 1


def test_constant_maps_are_counted_by_cell_and_said(compared):
    cells, _ = compared
    counts = remarks.constant_maps(cells).set_index(["method", "condition"])
    said = remarks.sentences(cells)

    assert counts.constant["zero", "clean"] == 3
    assert counts.constant["first_is_dead", "clean"] == 1
    assert "bright" not in counts.index.get_level_values("method")
    assert any(s.startswith("first_is_dead: maps of one value") and "1 of 3" in s for s in said)
    assert any("enlarged bilinearly to 64 x 64" in s for s in said)


@pytest.mark.parametrize(
    ("maps", "expected"),
    [
        (torch.zeros(1, 2, 2), True),
        (torch.full((1, 2, 2), -3.0), True),
        (torch.tensor([[[0.3, 0.3], [0.3, 0.3 + 1e-8]]]), True),
        (torch.tensor([[[0.3, 0.3], [0.3, 0.31]]]), False),
        (torch.tensor([[[0.0, 0.0], [0.0, 1e-20]]]), False),
    ],
)
def test_constant_is_what_holds_one_value_up_to_rounding(maps, expected):
    assert remarks.is_constant(maps).item() is expected


def dead(name, explain):
    return Maps(explain, torch.zeros(4, dtype=torch.float64), False)


def test_a_map_that_dies_with_the_network_has_not_passed_the_sanity_check():
    rising = torch.arange(8.0).view(2, 2, 2)
    maps = {
        "clean": dead("", rising),
        "randomised 1": dead("", rising * torch.tensor([[[0.0]], [[1]]])),
    }

    scores = battery.sanity.scores(maps, {}, SIZES._replace(levels=(1.0,)))

    assert np.isnan(scores[-1].values[0, 0])
    assert scores[-1].values[1, 0] == pytest.approx(1)


def test_one_photograph_gives_values_without_intervals_ranks_or_pairs(network, images):
    cells, found = run(network, images[:1], bright)
    table = found.table[found.table.decides].set_index("test").drop("cost")

    assert table.low.isna().all()
    assert table.high.isna().all()
    assert list(found.ranks) in ([], ["cost"])
    assert battery.TWO_NEEDED in table.gap["decision"]
    assert battery.TWO_NEEDED in table.gap["localisation"]
    assert np.isfinite(table.value["insertion and deletion"])
    assert not {name for _, name in cells} & set(battery.PAIRS)
    page = tables.rank_table(standings.with_places(found.table[found.table.decides]))
    assert "(no rank)" in page
    assert "nan" not in page


def test_two_photographs_of_which_one_is_left_have_no_interval():
    values = np.array([[[1.0], [np.nan]], [[1.0], [3.0]], [[np.nan], [np.nan]]])

    means = intervals.bootstrap_means(values, draws=20, seed=0)

    assert means[0, :2].tolist() == [1, 2]
    assert np.isnan(means[1:, 0]).all()
    assert np.isfinite(means[1:, 1]).all()
    assert np.isnan(means[:, 2]).all()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("no room"),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_a_machine_that_is_full_ends_the_run_and_says_during_what(error, network, images):
    def explain(model, images, classes):
        raise error

    with pytest.raises(type(error)) as caught:
        engine.run_cell(methods.brought(explain), conditions.clean(network, images), seed=0)

    assert caught.value is error
    assert "while Yours ran under 'clean'" in error.__notes__[0]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file", "x.npy"), "FileNotFoundError"),
        (ValueError(), "ValueError"),
        (SystemExit(3), r"the method ends the process, sys.exit\(3\)"),
    ],
)
def test_an_error_of_the_method_is_a_gap_also_without_words(error, reason, network, images):
    def explain(model, images, classes):
        raise error

    cell = engine.run_cell(methods.brought(explain), conditions.clean(network, images), seed=0)

    assert isinstance(cell, engine.Gap)
    assert re.search(reason, cell.reason)
    assert not cell.refused


def test_an_error_on_the_third_image_is_a_gap(network, images, monkeypatch):
    def explain(model, images, classes):
        if len(calls := seen.setdefault("calls", [])) == 6:  # four calls to see that it repeats
            raise IndexError("third")
        calls.append(len(images))
        return images.mean(1)

    seen = {}
    monkeypatch.setattr(conditions, "batch_size", lambda images: 1)
    cell = engine.run_cell(methods.brought(explain), conditions.clean(network, images), seed=0)

    assert cell.reason == "IndexError: third"


def test_remarks_are_kept_with_the_maps(network, images):
    method, clean = methods.brought(ones_enlarged), conditions.clean(network, images)
    first, second = (engine.run_cell(method, clean, seed=0) for _ in range(2))

    assert first.remarks == second.remarks != ()


def test_fewer_than_two_photographs_are_refused_where_methods_are_ranked(images):
    battery.check_enough(images[:2])
    with pytest.raises(ValueError, match="there is 1 photograph; expected two or more"):
        battery.check_enough(images[:1])
