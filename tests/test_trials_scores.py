import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers import trials
from helpers.measures import standings
from helpers.trials import (
    agreement,
    attack,
    battery,
    conditions,
    corruption,
    costs,
    insertion,
    localization,
    matrix,
    methods,
    sanity,
    settings,
    sufficiency,
)
from helpers.trials.engine import Maps
from helpers.trials.scores import score

SMALL = settings.parse(settings.of_profile("smoke"))


def maps_of(values, cost=(4.0, 2, 0, 9)):
    return Maps(values.float(), torch.tensor(cost, dtype=torch.float64), False)


def condition(name, counts=(True, True), **more):
    images = torch.zeros(2, 3, 2, 5)
    return conditions.Condition(
        name, nn.Identity(), "key", images, torch.tensor([0, 1]), "", torch.tensor(counts), **more
    )


def by_measure(scores):
    return {found.measure: found.values[:, 0].tolist() for found in scores}


RISING = torch.arange(10.0).view(1, 2, 5).repeat(2, 1, 1)


def test_the_attack_counts_what_it_loses_beyond_noise():
    """Of 10 pixels the first is followed: it stays under noise, and under the attack of image 1."""
    attacked = torch.stack([-RISING[0], RISING[1]])
    maps = {name: maps_of(RISING) for name in ("clean", *attack.COMPARED)}
    maps["attacked"] = maps_of(attacked)
    cases = {name: condition(name) for name in maps}

    found = by_measure(attack.scores(maps, cases, SMALL))

    assert found[attack.TRIAL.decides] == [1, 0]
    assert found["rank correlation, attacked"] == [-1, 1]
    assert found["top 10 % in common, noise as large"] == [1, 1]


def test_an_image_whose_decision_did_not_change_drops_out_of_the_attack():
    maps = {name: maps_of(RISING) for name in ("clean", *attack.COMPARED)}
    cases = {name: condition(name) for name in maps}
    cases["attacked"] = condition("attacked", (False, True))

    found = by_measure(attack.scores(maps, cases, SMALL))

    assert np.isnan(found[attack.TRIAL.decides][0])
    assert found[attack.TRIAL.decides][1] == 0


def test_without_one_of_its_conditions_the_attack_gives_nothing():
    assert attack.scores({"clean": maps_of(RISING)}, {"clean": condition("clean")}, SMALL) == []


def test_a_rotated_map_is_compared_with_the_rotated_clean_one():
    square = torch.rand(1, 6, 6, generator=torch.Generator().manual_seed(0))
    turned = square.rot90(1, (1, 2))

    assert corruption.correlation(square, turned, torch.tensor([90.0])) == pytest.approx(1, abs=0.1)
    assert corruption.correlation(square, turned) < 0.9


def test_a_constant_map_correlates_with_nothing():
    assert corruption.correlation(torch.ones(1, 2, 5), RISING[:1]).isnan().all()
    assert corruption.correlation(RISING[:1], torch.zeros(1, 2, 5)).isnan().all()


def test_corruption_takes_the_mean_over_those_that_leave_the_decision():
    kinds = tuple(settings.Corruption(label, label, 1.0) for label in ("a", "b"))
    sizes = SMALL._replace(corruptions=kinds, stages=())
    maps = {"clean": maps_of(RISING), "a": maps_of(RISING), "b": maps_of(-RISING)}
    cases = {"clean": condition("clean"), "a": condition("a"), "b": condition("b", (True, False))}

    found = by_measure(corruption.scores(maps, cases, sizes))

    assert found[corruption.TRIAL.decides] == [0, 1]
    del maps["b"]
    assert corruption.TRIAL.decides not in by_measure(corruption.scores(maps, cases, sizes))


def test_the_first_pixels_are_as_many_as_the_region_has():
    region = torch.zeros(2, 2, 5, dtype=torch.bool)
    region[:, 1, 3:] = True

    assert torch.equal(localization.first_pixels(RISING, region, 0), region)
    inverse = localization.first_pixels(-RISING, region, 0)
    assert inverse.sum((1, 2)).tolist() == [2, 2]
    assert not (inverse & region).any()


def test_a_perfect_map_has_an_iou_and_a_dice_of_one():
    region = torch.zeros(2, 2, 5, dtype=torch.bool)
    region[:, 1, 3:] = True

    found = by_measure(localization.region_scores("here", region.float(), region, 0))

    assert set(map(tuple, found.values())) == {(1, 1)}


def test_the_share_needed_is_the_first_that_is_as_probable_as_the_whole():
    kept = torch.tensor([[0.1, 0.5, 0.4, 0.5], [0.9, 0.2, 0.1, 0.6]])[..., None]

    needed = sufficiency.share_needed(kept, torch.tensor([0.5, 0.6]))

    assert needed[:, 0].tolist() == pytest.approx([1 / 3, 0])


def test_superpixels_are_selected_up_to_each_share():
    segments = torch.tensor([[[0, 0, 1, 1]]])
    order = torch.tensor([[[2.0, 2, 1, 1]]])

    found = insertion.selections(order, segments, 2, 0)

    assert found[0, :, 0].tolist() == [[False] * 4, [True, True, False, False], [True] * 4]


def test_a_map_that_forgets_with_the_network_scores_low():
    maps = {"clean": maps_of(RISING), "randomised 1": maps_of(-RISING)}

    (level, mean) = sanity.scores(maps, {}, SMALL)

    assert level.values[:, 0].tolist() == mean.values[:, 0].tolist() == [-1, -1]
    assert mean.better == -1


def test_costs_are_an_image_and_leave_out_runs_that_measure_memory():
    names = ["clean", *attack.COMPARED]
    memory = {"clean", "another image"}
    cases = {name: condition(name, memory=name in memory) for name in names}
    maps = {name: maps_of(RISING) for name in names if name != "attacked"}

    found = by_measure(costs.scores(maps, cases, SMALL))

    assert found["seconds an image"] == pytest.approx([np.nan, 2, 2], nan_ok=True)
    assert found["forward passes an image"][1:] == [1, 1]
    assert found["peak memory (MB)"] == [9, 9]


def summed(values, gaps=()):
    """The matrix of one test of three methods: numbers an image by method."""
    trial = costs.TRIAL._replace(name="t", decides="m", better=1)
    scored = {
        name: battery.MethodScores([score("m", torch.tensor(column))], "")
        for name, column in values.items()
    } | {name: battery.MethodScores([], reason) for name, reason in gaps}
    listed = [methods.Method(name, "gradient", print, name) for name in scored]
    return matrix.summarize({"t": scored}, {"t": trial}, listed, network="n", draws=50, seed=0)


def test_the_matrix_holds_means_intervals_and_ranks():
    found = summed({"A": [1.0, 3.0], "B": [0.0, 2.0], "C": [float("nan"), 9.0]})
    rows = found.table.set_index("method")

    assert rows.value.tolist() == [2, 1, 9]
    assert rows.n.tolist() == [2, 2, 1]
    both = rows.loc[["A", "B"]]
    assert (both.low <= both.value).all()
    assert (both.value <= both.high).all()
    assert found.ranks["t"].iloc[0].to_dict() == {"A": 1, "B": 2}
    assert rows.loc["A", ["rank_low", "rank_high"]].between(1, 2).all()


def test_one_image_gives_a_value_without_interval_and_rank():
    found = summed({"A": [1.0, 3.0], "B": [0.0, 2.0], "C": [float("nan"), 9.0]})
    row = found.table.set_index("method").loc["C"]

    assert (row.value, row.n, row.gap) == (9, 1, "")
    assert row[["low", "high", "rank_low", "rank_high"]].isna().all()
    assert "C" not in found.ranks["t"]
    assert "C" not in found.draws["t", "m"]
    assert np.isnan(standings.with_places(found.table).set_index("method").place["C"])


def test_a_test_that_rests_on_one_image_ranks_nobody():
    found = summed({"A": [1.0], "B": [0.0]})

    assert found.ranks == {}
    assert found.table.value.tolist() == [1, 0]
    assert agreement.mean_standing(found.ranks, ["A"]).empty
    assert np.isnan(agreement.mean_agreement({})).all()


def test_a_gap_has_a_row_without_a_value_and_its_reason():
    row = summed({"A": [1.0, 3.0]}, [("B", "cannot be traced")]).table.set_index("method").loc["B"]

    assert (row.gap, row.n, row.decides) == ("cannot be traced", 0, True)
    assert np.isnan(row.value)


RANKS = {
    "one": pd.DataFrame({"A": [1.0, 2], "B": [2.0, 1], "edges": [3.0, 3]}),
    "other": pd.DataFrame({"A": [3.0, 3], "B": [2.0, 2], "edges": [1.0, 1]}),
}


def test_standing_runs_from_one_for_the_first_to_zero_for_the_last():
    assert agreement.standing(RANKS["one"]).loc[0].tolist() == [1, 0.5, 0]
    assert agreement.mean_standing(RANKS, ["B", "A"]).loc[0].to_dict() == {"B": 0.5, "A": 0.5}
    assert agreement.elsewhere(RANKS, "A", "one").tolist() == [0, 0]


def test_reversed_orders_disagree_in_the_first_draw():
    draws = agreement.agreement(RANKS)["one", "other"]

    assert draws.tolist() == pytest.approx([-1, -0.5])
    assert agreement.mean_agreement({("one", "other"): draws}).tolist() == draws.tolist()


def test_the_best_control_and_the_lead_over_it():
    best = agreement.best_control(RANKS["other"], ["edges"])
    means = pd.DataFrame({"A": [5.0, 4], "edges": [3.0, 6], "centre": [1.0, 1]})

    lead = agreement.lead(means, 1, "A", ["edges", "centre", "not run"])

    assert (best.name, best.standing) == ("edges", 1)
    assert (lead.control, lead.draws.tolist()) == ("edges", [2, -2])
    assert agreement.lead(means, -1, "A", ["edges", "centre"]).control == "centre"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levels": "2"}, "above 0 and at most 1"),
        ({"strengths": "rotation"}, "'rotation' is no corruption with its strength"),
        ({"stages": "one"}, "stages is 'one'"),
    ],
)
def test_lists_in_texts_are_refused_at_the_border(change, words):
    with pytest.raises(ValueError, match=words):
        settings.parse(settings.of_profile("smoke") | change)


def test_an_image_of_one_color_is_refused_by_its_number(small_network, small_images):
    images = small_images.float()
    images[1] = 0.5

    with pytest.raises(ValueError, match="image 1 has one color only"):
        conditions.clean(small_network.float(), images)


def tiny_network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, 5)
    ).eval().requires_grad_(False)  # fmt: skip


def bright(model, images, classes):
    return images.mean(1)


@pytest.mark.slow
def test_three_lines_run_a_method_and_a_network_through_all_tests():
    report = trials.run(bright, network=tiny_network(), side=48, attack_size=0.2)

    table = report.table.set_index(["method", "test"])
    assert set(report.table.test) == set(battery.TRIALS)
    yours, same = (table.loc[name].value.drop("cost") for name in ("Yours", "brightness"))
    assert yours.equals(same)
    assert not report.gaps


def test_an_unknown_option_or_method_is_refused():
    with pytest.raises(ValueError, match="there is no option 'sede'"):
        trials.run(bright, sede=3)
    with pytest.raises(ValueError, match="there is no profile 'large'"):
        trials.run(bright, profile="large")


def test_the_difference_of_areas_is_insertion_less_deletion(monkeypatch):
    """Curves are kept in the order deletion, insertion, sufficiency."""
    heights = torch.tensor([0.2, 0.9, 0.5], dtype=torch.float64)
    curves = heights.view(1, 3, 1, 1).expand(2, 3, 5, 1)  # images, curves, steps, draws
    monkeypatch.setattr(insertion, "curves_of_draws", lambda *given: curves)

    found = by_measure(insertion.scores({}, {}, SMALL))

    assert found["deletion (points)"] == pytest.approx([20, 20])
    assert found["insertion (points)"] == pytest.approx([90, 90])
    assert found["DiffAUC (points)"] == pytest.approx([70, 70])
