"""Marks whose place is known, maps that are right or wrong, and tests that tell them apart."""

import numpy as np
import pandas as pd
import pytest
import torch
from planted_world import COUNT, SETTINGS, Detector, backgrounds
from scipy import stats
from torch import nn

from helpers.planted import areas, conditions, corrected, marks, references
from helpers.trials import battery, engine
from helpers.trials import conditions as families


@pytest.fixture(scope="module")
def drawn():
    return marks.draw(COUNT, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def world(drawn):
    """Conditions, reference maps and their cells under the network by construction."""
    network = Detector().eval()
    cases = conditions.conditions_of(network, backgrounds(), drawn, SETTINGS)
    maps = references.references(network.features, 0)
    methods = [method for of_kind in maps.values() for method in of_kind]
    return cases, maps, methods, dict(engine.run_cells(methods, cases, 0))


# --- the images


def test_patterns_have_both_colors_in_equal_parts_and_are_orthogonal():
    flat = marks.patterns().flatten(1)

    assert set(flat.unique().tolist()) == {-1, 1}
    torch.testing.assert_close(flat @ flat.T, 256 * torch.eye(4))
    assert flat.sum(1).tolist() == [0] * 4


def test_two_marks_of_an_image_differ_in_class_and_do_not_overlap():
    drawn = marks.draw(500, torch.Generator().manual_seed(0))

    both = marks.region(drawn, 0) & marks.region(drawn, 1)
    assert not both.any()
    assert (drawn.classes[:, 0] != drawn.classes[:, 1]).all()
    assert drawn.corners.min() >= 0
    assert drawn.corners.max() <= marks.SIDE - marks.MARK
    assert set(drawn.classes.flatten().tolist()) == {0, 1, 2, 3}


def test_a_mark_is_blended_with_what_lies_below_and_nothing_else_changes(drawn):
    below = backgrounds()
    image = marks.plant(below, drawn, (0.75, 0.0))[0]

    row, column = drawn.corners[0, 0].tolist()
    color = marks.COLORS[0 if marks.patterns()[drawn.classes[0, 0], 0, 0] > 0 else 1]
    torch.testing.assert_close(
        image[:, row, column], 0.25 * below[0, :, row, column] + 0.75 * color
    )
    outside = ~marks.region(drawn, 0)[0]
    assert torch.equal(image[:, outside], below[0][:, outside])
    assert int((~outside).sum()) == marks.MARK**2


def test_backgrounds_of_another_size_are_refused(drawn):
    with pytest.raises(ValueError, match=r"\(12, 3, 32, 32\); expected \(12, 3, 64, 64\)"):
        marks.plant(torch.rand(12, 3, 32, 32), drawn)


@pytest.mark.parametrize("number", [0, 1])
def test_each_mark_is_found_in_its_place_whatever_its_strength(drawn, number):
    agreement, squares = marks.found(marks.plant(backgrounds(), drawn))

    every = torch.arange(COUNT)
    assert torch.equal(squares[every, drawn.classes[:, number]], marks.region(drawn, number))
    assert (agreement[every, drawn.classes[:, number]] > 0.9).all()


def test_the_correlation_of_a_window_is_that_of_its_definition():
    image = backgrounds(1)
    agreement, squares = marks.found(image)

    axis = (marks.COLORS[0] - marks.COLORS[1])[:, None, None]
    window = (image[0] * axis).sum(0)[squares[0, 2]]
    pattern = marks.patterns()[2].flatten()
    expected = np.corrcoef(window.numpy(), pattern.numpy())[0, 1]
    assert agreement[0, 2].item() == pytest.approx(expected, abs=1e-5)


# --- conditions


def test_the_attack_moves_the_decision_to_the_other_mark(world, drawn):
    cases, *_ = world
    attacked = cases[families.ATTACKED]

    assert attacked.counts.all()
    assert torch.equal(attacked.classes, drawn.classes[:, 1])
    predicted = families.logits_of(attacked.network, attacked.images).argmax(1)
    assert torch.equal(predicted, attacked.classes)


def test_noise_has_the_norm_of_the_attack_up_to_what_is_cut_off():
    images, changed = torch.full((2, 3, 64, 64), 0.5), torch.full((2, 3, 64, 64), 0.52)

    noisy = conditions._noise_as_large(images, changed, torch.Generator().manual_seed(0))

    torch.testing.assert_close(
        (noisy - images).flatten(1).norm(dim=1), (changed - images).flatten(1).norm(dim=1)
    )


def test_side_by_side_has_the_explained_mark_in_the_left_half(world):
    cases, *_ = world
    case = cases[families.SIDE_BY_SIDE]

    _, squares = marks.found(case.images)
    explained = squares[torch.arange(COUNT), case.classes]
    assert not (explained & ~case.region).any()


def test_an_image_of_one_superpixel_is_left_out():
    plain = torch.full((1, 3, 64, 64), 0.5)
    halves = plain.clone()
    halves[..., :32] = 0

    found = conditions.with_superpixels(torch.cat([halves, plain]))

    assert found.tolist() == [True, False]


# --- maps


def test_the_oracle_is_positive_on_the_classs_mark_and_zero_off_all_marks(world, drawn):
    _, _, _, cells = world
    maps = cells[references.ORACLE, families.CLEAN].maps

    inside = marks.region(drawn, 0)
    assert (maps[inside] > 0).all()
    _, squares = marks.found(marks.plant(backgrounds(), drawn))
    assert maps[~squares.any(1)].abs().max() == 0


def test_the_oracle_moves_with_the_class_and_a_map_of_both_marks_does_not(world):
    _, _, _, cells = world

    def moved(name):
        clean, other = (cells[name, c].maps for c in (families.CLEAN, families.OTHER_CLASS))
        return not torch.equal(clean, other)

    assert moved(references.ORACLE)
    assert not moved("both marks")


def test_the_mark_of_another_class_is_never_that_of_the_class(world, drawn):
    _, _, _, cells = world
    maps = cells["other mark", families.CLEAN].maps

    assert torch.equal(maps > 0, marks.region(drawn, 1))


# --- the tests on trial


def table_of(world, trials):
    cases, maps, methods, cells = world
    return {
        name: areas.areas(
            battery.score_all(trial, methods, cells, cases, SETTINGS), trial, maps, draws=50, seed=0
        )
        for name, trial in trials.items()
    }


@pytest.mark.parametrize("name", [name for name in corrected.TRIALS if "corruption" not in name])
def test_no_map_without_the_network_scores_above_the_oracle_in_a_corrected_test(world, name):
    table = table_of(world, {name: corrected.TRIALS[name]})[name]

    wrong = table[table.kind == references.WRONG]
    assert len(wrong) == 5
    assert (wrong.area > 0.5).all(), wrong[["against", "area"]]


def test_a_map_that_never_moves_wins_the_plain_test_of_corruption_and_not_the_corrected(world):
    plain = table_of(world, {"plain": battery.TRIALS["corruption"]})["plain"]
    mended = table_of(world, {"mended": corrected.STABILITY})["mended"]

    def area(table):
        (found,) = table[table.decides & (table.against == "center")].area
        return found

    assert area(plain) < 0.5 <= area(mended)


@pytest.mark.parametrize(
    ("corrupted", "without", "expected"), [(1, 1, 0), (1, -1, 2), (-1, -1, 0), (-1, 1, -2)]
)
def test_stability_is_what_stays_under_corruption_less_what_stays_without_weights(
    world, corrupted, without, expected
):
    cases, *_ = world
    ramp = torch.arange(64.0 * 64).view(1, 64, 64).repeat(COUNT, 1, 1)
    settings = SETTINGS._replace(corruptions=SETTINGS.corruptions[:1])  # noise: nothing is rotated
    signs = {
        families.CLEAN: 1,
        settings.corruptions[0].label: corrupted,
        families.randomized_name(1): without,
    }
    maps = {name: engine.Maps(sign * ramp, torch.zeros(4), False) for name, sign in signs.items()}

    (found,) = corrected.stability(maps, cases, settings)

    np.testing.assert_allclose(found.values[cases[settings.corruptions[0].label].counts], expected)


def test_a_map_that_ignores_the_class_loses_nothing_in_the_corrected_test_of_decisions(world):
    cases, _, methods, cells = world
    scored = battery.score_all(corrected.DECISION, methods, cells, cases, SETTINGS)

    (blind,) = scored["both marks"].scores
    (oracle,) = scored[references.ORACLE].scores
    assert np.nanmax(blind.values) <= 0
    assert np.nanmin(oracle.values) > 0


@pytest.mark.parametrize(
    ("attacked", "other", "noise", "expected"),
    [(-1, 1, 1, 0), (1, -1, 1, 0), (-1, -1, 1, 1), (1, 1, -1, -1), (-1, -1, -1, 0)],
)
def test_what_is_lost_to_attack_and_class_is_the_lesser_of_both_beyond_noise(
    world, attacked, other, noise, expected
):
    cases, *_ = world
    ramp = torch.arange(64.0 * 64).view(1, 64, 64).repeat(COUNT, 1, 1)
    signs = {
        families.CLEAN: 1, families.ATTACKED: attacked, families.OTHER_CLASS: other,
        families.NOISE: noise,
    }  # fmt: skip
    maps = {name: engine.Maps(sign * ramp, torch.zeros(4), False) for name, sign in signs.items()}

    (found,) = corrected.decision(maps, cases, SETTINGS)

    assert set(found.values[~np.isnan(found.values)]) == {expected}


@pytest.mark.parametrize(
    ("curve", "share"),
    [
        ([0.1, 0.2, 0.95, 1.0, 1.0], 0.5),  # reached at half of the image, and kept
        ([0.95, 0.2, 0.2, 0.95, 1.0], 0.75),  # the first value was luck
        ([0.1, 0.1, 0.1, 0.1, 1.0], 1.0),
        ([0.8, 0.75, 0.7, 0.75, 0.8], 0.75),  # 9/10 of its own end, 0.72
        ([0.8, 0.8, 0.8, 0.8, 0.8], 0.0),
    ],
)
def test_a_share_is_enough_if_the_probability_stays(curve, share):
    assert corrected.share_for_good(torch.tensor([curve], dtype=torch.float64)).item() == share


def test_cells_of_the_grid_are_eighths_of_the_side():
    cells = corrected.grid(16, 24)

    assert cells[0, :4].tolist() == [0, 0, 1, 1]
    assert cells[2, 0] == 12
    assert cells.unique(return_counts=True)[1].tolist() == [4] * 96


def test_a_sign_that_is_turned_turns_the_area(world):
    cases, maps, methods, cells = world
    trial = battery.TRIALS["insertion and deletion"]
    scored = battery.score_all(trial, methods, cells, cases, SETTINGS)
    turned = {
        name: found._replace(scores=[s._replace(better=-s.better) for s in found.scores])
        for name, found in scored.items()
    }

    right, wrong = (
        areas.areas(each, trial, maps, draws=5, seed=0).area for each in (scored, turned)
    )
    np.testing.assert_allclose(right, 1 - wrong)


def test_a_test_passes_only_if_each_wrong_map_stays_below_the_oracle():
    columns = ["test", "decides", "kind", "low"]
    rows = [
        ("one", True, references.WRONG, 0.6), ("one", True, references.WRONG, 0.5),
        ("two", True, references.WRONG, 0.51), ("two", False, references.WRONG, 0.1),
        ("two", True, references.PARTLY, 0.1),
    ]  # fmt: skip
    found = areas.passes(pd.DataFrame(rows, columns=columns))

    assert found.to_dict() == {"one": False, "two": True}


# --- orders of methods


def ranked(*rows):
    return pd.DataFrame(rows, columns=list("abcdef")[: len(rows[0])], dtype=float)


def test_the_agreement_of_two_orders_is_spearmans_over_all_methods():
    truth, ranks = (
        ranked([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
        ranked([2, 1, 4, 3, 5], [1, 2, 3, 4, 5]),
    )

    found = areas.order_agreement(truth, ranks.assign(alone=9.0), seed=0)

    assert found[0] == pytest.approx(stats.spearmanr(truth.iloc[0], ranks.iloc[0]).statistic)


def test_orders_that_are_turned_round_agree_by_minus_one_whatever_is_drawn():
    truth = ranked(*[[1, 2, 3, 4, 5, 6]] * 50)

    found = areas.order_agreement(truth, 7 - truth, seed=0)

    np.testing.assert_allclose(found[~np.isnan(found)], -1)


def test_methods_are_drawn_too_so_that_an_agreement_by_chance_has_a_wide_interval():
    generator = np.random.default_rng(0)
    order, other = generator.permutation(20), generator.permutation(20)
    truth, ranks = (pd.DataFrame(np.tile(o, (400, 1)), dtype=float) for o in (order, other))

    found = areas.order_agreement(truth, ranks, seed=0)

    low, high = np.quantile(found[1:], [0.025, 0.975])
    assert low < 0 < high  # although each draw has the same images
    assert high - low > 0.5


# --- maps that no condition above looks at


def test_the_gradient_of_another_class_is_that_of_the_next():
    weights = torch.arange(4.0)[:, None] * torch.ones(3 * 64 * 64)
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 64 * 64, 4, bias=False))
    network[1].weight = nn.Parameter(weights)

    maps = references.gradient_of_another_class(network, backgrounds(2), torch.tensor([0, 3]))

    torch.testing.assert_close(maps[0], torch.full((64, 64), 3.0))  # three colors of class 1
    assert maps[1].abs().max() == 0  # class 0 follows class 3


def test_an_activation_is_the_mean_over_channels_at_the_images_size():
    layers = nn.Conv2d(3, 2, 1, bias=False)
    layers.weight = nn.Parameter(torch.tensor([[1.0, 0, 0], [0, 1.0, 0]])[:, :, None, None])
    images = backgrounds(2)

    maps = references.activation(layers, None, images, None)

    torch.testing.assert_close(maps, images[:, :2].mean(1))
