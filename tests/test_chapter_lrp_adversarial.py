import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers.inputs import training
from helpers.measures import distributions, intervals, pairing
from helpers.report import claims
from helpers.report.chapters import lrp_adversarial as show
from helpers.report.chapters import lrp_adversarial_attack as attack_rows
from helpers.report.chapters import lrp_adversarial_charts as draw
from helpers.report.chapters import lrp_adversarial_claims as rows
from helpers.report.chapters import lrp_adversarial_tables as tabulate

RULES = ["LRP-0", "LRP-ε 0.1", "LRP-ε 1", "LRP-αβ 1", "LRP-αβ 2"]
NAMES = ["1 in 1%", "1 in 10%", "1% in 1%", "1% in 10%", "10% in 10%"]


def of_sum(counts, statistic):
    """An estimate without an interval."""
    return (statistic(counts.sum(0)),) * 3


def counts_of(rule_counts):
    return {"A": dict.fromkeys(RULES, rule_counts)}


@pytest.fixture
def of_rule():
    """Two groups of two images a kind: 3 of 4 pairs finite, shifts from -2 to 2."""
    generator = np.random.default_rng(0)
    return {
        "grid": generator.integers(1, 9, (2, 2, 11)),
        "signs": np.array([[[[4, 0, 0], [0, 1, 3]], [[0, 0, 0], [0, 4, 4]]]] * 2),
        "images": np.array([[[2, 2], [4, 3]]] * 2),
        "negative": np.array([[[2, 1], [4, 0]]] * 2),
        "overlaps": np.stack([[np.arange(5) * 0.5, np.full(5, 2.0)], [np.ones(5), np.ones(5)]]),
        "shifts": np.array([[[0, 1, 1, 2, 0]] * 5, [[0, 0, 1, 0, 1]] * 5]),
        "seconds": np.array([30.0, 30.0]),
    }


# Rows of claims


def test_measurements_pair_keys_with_numbers_of_the_same_place():
    keys = [["a", "b"], ["c", "d"]]
    value = np.array([[1, 2], [3, 4]])

    table = pd.DataFrame(rows.measurements(keys, "A", (value, value - 1, 9), [[5], [6]], {*"abd"}))

    assert table.key.tolist() == ["a", "b", "d"]
    assert table.value.tolist() == [1, 2, 4]
    assert table.low.tolist() == [0, 1, 3]
    assert table.high.tolist() == [9, 9, 9]
    assert table.n.tolist() == [5, 5, 6]


def test_percent_of_nothing_is_nan():
    assert rows.percent(np.array([[1, 0], [4, 0]])) == pytest.approx([25, np.nan], nan_ok=True)


def test_distance_within_is_one_more_than_the_distance_that_holds_the_share():
    counts = np.array([0, 1, 2, 1, 0])  # half does not move, half moves by one

    assert rows.distance_within(counts, 50) == 1
    assert rows.distance_within(counts, 51) == 2


def no_interval(values, _, statistic):
    return (statistic(values),) * 3


def pairs_of(count, **columns):
    frame = pd.DataFrame({"source": range(count), "true": "ship", "target": "frog"})
    likely = np.linspace(0.2, 0.9, count)
    frame = frame.assign(second="ship", probability=likely, second_probability=0.9 * (1 - likely))
    return frame.assign(third_probability=0.0, **columns)


def test_attack_rows_count_weak_adversarials_and_cats_made_of_dogs():
    pairs = pairs_of(4000)
    pairs.loc[:9, ["true", "target", "second"]] = "dog", "cat", "bird"  # half of the weak ones
    pairs.loc[9, "true"] = "ship"
    pairs.loc[10:, "target"] = "dog"
    pairs.loc[10:15, "true"] = "cat"  # six of ten

    table = pd.DataFrame(attack_rows.attack("B", pairs, no_interval))
    main = table[table.reading.isna()].set_index("key")

    assert main.value["confidence/0.01"] == pytest.approx(0.2 + 0.01 * 0.7)
    assert main.value["second_class_is_true"] == 20  # 4 ships of 20 are still second
    assert main.n["second_class_is_true"] == 20
    assert main.value["low_confidence_dog_share"] == 90
    assert main.value["weak_from_cat_dog"] == 75
    assert main.value["dog_from_cat"] == pytest.approx(20)  # 60 less 40 %
    assert main.value["rest_on_two"] == 100
    assert len(table[table.key == "rest_on_two"]) == 6  # three thresholds, all and weak ones


def test_the_remainder_rests_on_two_classes_up_to_the_threshold():
    pairs = pairs_of(20)  # the second holds .9 of the rest, the third nothing

    assert attack_rows.remainder(pairs, 0.89).all()
    assert not attack_rows.remainder(pairs, 0.91).any()


def test_attack_rows_leave_out_what_too_few_weak_adversarials_tell():
    table = attack_rows.attack("B", pairs_of(90), no_interval)

    assert {row["key"] for row in table} == {"rest_on_two"}  # no quantile of 1 % of 90


def test_figure_3_counts_horses_all_of_whose_targets_are_likely():
    pairs = pairs_of(27, true="horse", probability=0.999)
    pairs["source"] = np.repeat([0, 1, 2], 9)
    pairs.loc[9, "probability"] = 0.98

    table = {row["key"]: row for row in attack_rows.attack("A", pairs[:-1], no_interval)}

    assert table["figure_3"]["value"] == 50  # the third horse lacks a target
    assert table["figure_3"]["n"] == 2


def test_cats_lead_by_their_share_less_the_next():
    assert attack_rows.lead_of_cats(np.array(["cat", "cat", "dog", "ship"])) == 25
    assert attack_rows.lead_of_cats(np.array(["dog", "dog"])) == -100
    assert attack_rows.lead_of_cats(np.array(["cat"])) == 100


def test_parameters_are_read_with_and_without_biases():
    with_biases, without = attack_rows.parameters(100, 10)

    assert (with_biases["value"], without["value"]) == (100, 90)
    assert without["reading"] == "biases=left out"


def test_accuracy_of_several_networks_has_students_interval():
    one = {row["key"]: row for row in attack_rows.accuracies({"A": [90]}, 100)}
    two = {row["key"]: row for row in attack_rows.accuracies({"B": [88, 92]}, 100)}

    assert one["test_correct"]["low"] == one["test_correct"]["high"] == 90
    assert two["test_accuracy"]["value"] == 90
    assert two["test_accuracy"]["high"] == pytest.approx(90 + 12.7062 * 2)


def test_success_is_the_share_of_attacks_in_percent():
    succeeded = np.array([1.0, 1.0, 0.0, 1.0])

    (ours,) = attack_rows.success("B", succeeded, np.arange(4), lambda *_: (0.75, 0.5, 1.0))
    theirs = attack_rows.authors_success(30, 40)

    assert (ours["value"], ours["low"], ours["high"], ours["n"]) == (75, 50, 100, 4)
    assert [row["value"] for row in theirs] == [75, 30]


def test_success_of_all_attacks_has_the_exact_interval_of_as_many_originals():
    (row,) = attack_rows.success("B", np.ones(12), np.repeat([0, 1, 2], 4), no_interval)

    assert (row["value"], row["high"]) == (100, 100)
    assert row["low"] == pytest.approx(100 * 0.025 ** (1 / 3))  # Clopper-Pearson of 3 of 3


def test_distribution_rows_take_the_mean_of_zeros_over_rules(of_rule):
    moments = lambda grid: (grid.sum(-1), grid.max(-1))  # noqa: E731

    found = rows.distribution(
        "A", counts_of(of_rule)["A"], moments, of_sum, {"mean/originals/LRP-αβ 1"}
    )

    values = {row["key"]: row["value"] for row in found if "reading" not in row}
    assert values["zero_share/originals"] == 12.5  # 1 of 8
    assert values["negative_share/originals/LRP-αβ 1"] == 50
    assert values["negative_share/adversarials/LRP-αβ 1"] == 0
    assert values["mean/originals/LRP-αβ 1"] == of_rule["grid"][:, 0].sum()
    assert "mean/adversarials/LRP-αβ 1" not in values
    assert values["largest_deviation/LRP-ε"] == of_rule["grid"].sum(0).max()
    readings = {(row["key"], row["reading"]): row["value"] for row in found if "reading" in row}
    assert (
        readings["largest_deviation/LRP-ε", "images=originals"] == of_rule["grid"].sum(0)[0].max()
    )
    assert readings["zero_share/originals", "rule=LRP-0"] == 12.5


@pytest.mark.parametrize(("whole", "high"), [(False, 100 * (1 - 0.025 ** (1 / 8))), (True, 0)])
def test_no_negative_image_of_a_sample_leaves_the_exact_upper_end(of_rule, whole, high):
    moments = lambda grid: (grid.sum(-1), grid.max(-1))  # noqa: E731

    found = rows.distribution("B", counts_of(of_rule)["A"], moments, of_sum, set(), whole=whole)

    (row,) = [row for row in found if row["key"] == "negative_share/adversarials/LRP-αβ 1"]
    assert row["low"] == 0
    assert row["high"] == pytest.approx(high)  # 0 of 8 images


def test_a_share_that_was_not_seen_has_the_end_of_its_exact_interval():
    unseen = rows.unseen_share(np.array([[120, 0], [120, 1]]))

    assert unseen[0] == pytest.approx(0.0303, abs=1e-4)
    assert unseen[1] == 0


def test_overlap_rows_divide_sums_by_pairs(of_rule):
    table = pd.DataFrame(rows.overlaps("A", counts_of(of_rule)["A"], NAMES, of_sum))

    chosen = table[table.key.str.startswith("overlap/LRP-ε 1/")]
    assert chosen.value.to_numpy() == pytest.approx(100 * (np.arange(5) * 0.5 + 1) / 3)
    assert (table.n == 3).all()


def test_shift_rows_match_a_hand_computed_histogram(of_rule):
    known = [f"shift/LRP-αβ 1/{name}/70" for name in NAMES] + ["mean_shift/LRP-αβ 1/1 in 1%"]
    known += ["identical_top/LRP-αβ 1", "relative_shift/1% in 1%"]

    table = rows.shifts("A", of_rule, NAMES, of_sum, known, 2)

    values = {row["key"]: row["value"] for row in table if "reading" not in row}
    (reading,) = [row for row in table if "reading" in row]
    assert reading["value"] == pytest.approx(100 * 2 / 6)  # two of each pair's two components
    assert values["relative_shift/1% in 1%"] == pytest.approx(100 * 2 / 3072)
    # shifts of both groups: -1, 0, 0, 1, 1, 2; three pairs
    assert values["identical_top/LRP-αβ 1"] == pytest.approx(100 * 2 / 3)
    assert values["mean_shift/LRP-αβ 1/1 in 1%"] == pytest.approx(3 / 6)
    assert values["shift/LRP-αβ 1/1 in 1%/70"] == 2  # five of six move by less than two


def test_quantile_rows_read_both_kinds(of_rule):
    reads = lambda grid, levels: np.stack([grid[..., 0] * level for level in levels], -1)  # noqa: E731

    known = {f"quantile/{kind}/{rule}/{level:.3f}" for kind in rows.KINDS for level in rows.LEVELS
             for rule in ("LRP-0", "LRP-αβ 1")}  # fmt: skip
    table = pd.DataFrame(rows.quantiles("A", {"LRP-0": of_rule}, reads, of_sum, known))
    table = table.set_index("key")

    assert len(table) == 18
    first = of_rule["grid"][:, 1, 0].sum()
    assert table.value["quantile/adversarials/LRP-0/0.500"] == first * 0.5
    assert table.n["quantile/adversarials/LRP-0/0.500"] == of_rule["grid"][:, 1].sum()


def test_a_lower_quantile_may_lie_among_negative_images_that_a_sample_lacks(of_rule):
    reads = lambda grid, levels: np.zeros((*grid.shape[:-1], len(levels)))  # noqa: E731
    known = {
        f"quantile/{kind}/LRP-αβ 1/{level:.3f}" for kind in rows.KINDS for level in rows.LEVELS
    }
    of_alpha = {"LRP-αβ 1": of_rule}  # no adversarial of 8 has a negative logit: up to 37 %

    sample, whole = (
        pd.DataFrame(rows.quantiles("B", of_alpha, reads, of_sum, known, whole=w)).set_index("key")
        for w in (False, True)
    )

    low = sample.low.filter(like="adversarials")
    assert low.tolist() == [-1, -1, -1, -1, 0, 0, 0, 0, 0]
    assert (sample.low.filter(like="originals") == 0).all()  # there it was seen
    assert (whole.low == 0).all()


# Tables


def test_negative_table_splits_components_by_the_sign_of_the_logit(of_rule):
    table = tabulate.negative_table(counts_of(of_rule))

    assert table[tabulate.LOGIT_SHARE].tolist() == [50, 0]
    assert table[tabulate.NEGATIVE_SHARE].tolist() == [50, 0]
    assert table[tabulate.UNDER_SHARE].tolist() == [100, 0]


def test_overlap_by_target_leaves_out_pairs_that_are_not_finite():
    overlaps = np.array([[1.0, 0.5], [0.0, 0.5], [np.nan, np.nan], [1.0, 1.0]])

    shares = tabulate.overlap_by_target(np.array([0, 0, 0, 2]), overlaps, 3)

    assert shares[0].tolist() == [50, 50]
    assert np.isnan(shares[1]).all()
    assert shares[2].tolist() == [100, 100]


def test_target_table_ends_in_the_papers_numbers():
    reported = pd.Series(
        {f"overlap/{rule}/{name}": 7.0 for rule in ("LRP-αβ 1", "LRP-ε 1") for name in NAMES}
    )
    by_target = {"LRP-αβ 1": np.eye(2, 5), "LRP-ε 1": np.ones((2, 5))}

    table = tabulate.target_table(by_target, NAMES, reported, ("cat", "dog"))

    assert table.index.tolist() == ["cat", "dog", "the paper"]
    assert table["LRP-αβ 1: 1 in 10%"].tolist() == [0, 1, 7]
    assert list(table.columns[5:]) == ["LRP-ε 1: 1 in 1%", "LRP-ε 1: 1% in 1%"]


def middle(values):
    return float(np.nanmean(values)), 0.0, 1.0, values.shape[1]


def test_control_table_names_each_share_by_its_kind_and_overlap():
    shares = np.zeros((1, 2, 2, 5))
    shares[0, :, 0, 2] = 0.5, 1.0
    shares[0, :, 1, 4] = 0.1

    table = tabulate.control_table({("A", "LRP-0"): shares}, ["x", "y"], NAMES, middle)

    share = table.set_index(["pairs", "overlap"]).share
    assert share["x", "1% in 1%"] == 75
    assert share["y", "10% in 10%"] == pytest.approx(10)
    assert share["x", "1 in 1%"] == 0


def test_mean_table_has_a_row_for_each_place_of_its_axes():
    values = {"r": np.arange(8.0).reshape(1, 2, 2, 2)}

    table = tabulate.mean_table(values, {"a": ["x", "y"], "b": [1, 2]}, middle, scale=1)

    assert table.set_index(["a", "b"]).share["y", 1] == 4  # of 2 and 6
    assert len(table) == 4


def test_networks_stand_beside_their_deviation():
    sums = np.zeros((4, 2, 5))
    sums[:, 1] = 1
    sums[:2, 0] = 0.5  # network 1: half; network 2: nothing

    table = tabulate.between_networks({"r": sums}, 2, NAMES)

    assert table.loc[("r", "network 1"), "1 in 1%"] == 50
    assert table.loc[("r", "deviation"), "1 in 1%"] == pytest.approx(50 / np.sqrt(2), abs=0.01)
    assert len(tabulate.between_networks({"r": sums}, 1, NAMES)) == 1


def test_path_table_leaves_out_distances_that_no_path_has():
    steps = {("r", "x"): (np.array([-1, 0, 1]), np.array([0.9, 0.1, np.nan]), np.array([3, 4, 0]))}

    table = tabulate.path_table(steps)

    assert table.steps.tolist() == [-1, 0]
    assert table.share.tolist() == [90, 10]


def test_alike_table_has_a_rule_a_row():
    frame = pd.DataFrame({"key": ["alike/r/mean", "alike/s/deviation"], "value": [0.1, -0.5]})

    table = tabulate.alike_table(frame.assign(verdict=["reproduced", "inconclusive"]))

    assert table.loc["r", "mean"] == "+0.10, reproduced"
    assert table.loc["s", "mean"] == "–"


def test_bins_hold_equal_counts_and_average_their_shares():
    values = [np.arange(10.0), np.arange(10.0, 20.0)]
    overlaps = [np.zeros(10), np.append(np.ones(9), np.nan)]

    table = tabulate.overlap_by_bins(values, overlaps, of_sum)

    assert len(table) == 10
    assert table.share.tolist() == [0] * 5 + [100] * 5


def test_mirrored_keeps_misses_of_symmetric_rules_alone():
    frame = pd.DataFrame(
        {
            "images": "originals",
            "rule": ["LRP-0", "LRP-0", "LRP-ε 1", "LRP-ε 1", "LRP-αβ 1", "LRP-αβ 1"],
            "quantile": ["0.100", "0.900"] * 3,
            "reported": [-0.2, 0.3, -0.2, 0.3, -0.2, 0.3],
            "value": [-0.3, 0.3] * 3,
            "off": [0.1, 0.0] * 3,
            "tolerance": 0.01,
        }
    )

    table = tabulate.mirrored(frame)

    assert table.rule.tolist() == ["LRP-0"]
    assert table.reported_of_mirror.tolist() == [0.3]


def test_quantiles_carry_rule_level_and_distance():
    measured = claims.Measurements()
    measured["one"] = [claims.measurement("quantile/originals/LRP-0/0.900", "B", 0.25, 0, 1, 9)]

    table = tabulate.quantiles(claims.judge(measured.table(), "lrp_adversarial"))

    row = table.iloc[0]
    assert (len(table), row.images, row.rule, row["quantile"]) == (1, "originals", "LRP-0", "0.900")
    assert row.off == pytest.approx(0.25 - 0.0583)
    assert tabulate.beside_paper(table, ["LRP-0"]).iloc[0, 0] == "0.2500 (0.0583)"


def test_batchnorm_table_shows_quantiles_and_overlaps(of_rule):
    last = lambda grid, levels: grid[..., -1:]  # noqa: E731

    table = tabulate.batchnorm_table({"LRP-0": of_rule}, NAMES, last)

    assert table.pairs["LRP-0"] == 3
    assert table["adversarials .99"]["LRP-0"] == of_rule["grid"][:, 1, -1].sum()
    assert table["1 in 10%"]["LRP-0"] == 50


def test_run_sizes_count_images_groups_and_minutes(of_rule):
    table = tabulate.run_sizes(counts_of(of_rule), {"A": True})

    assert table.to_numpy().tolist() == [["A", 4, 8, 2, 5.0, True]]
    assert tabulate.finite_images(counts_of(of_rule)).finite.tolist() == [10] * 5


# Sentences: every branch


@pytest.mark.parametrize(("reported", "words"), [(90, "leave out the 10 biases"), (91, "differ")])
def test_parameter_sentence_says_whether_the_biases_are_the_difference(reported, words):
    assert words in show.parameter_sentence(20, 100, 10, reported)


def test_sanity_sentence_gives_each_arms_networks():
    reported = pd.Series({"train_accuracy": 90.87, "train_correct": 47552})

    text = show.sanity_sentence({"B": [19, 20], "A": [1234]}, 2000, reported, 88.46)

    assert (
        "Of 2,000 test images are classified correctly: arm A **1,234**; arm B **19, 20**." in text
    )
    assert "95.1 %" in text
    assert "88.5 %" in text


def test_networks_sentence_says_one_or_several_and_what_was_recorded():
    one = show.networks_sentence([{"seed": 2}], [180], 200)
    two = show.networks_sentence(
        [{"seed": 2}, {"seed": 3, "before_recollection": 8749}], [1, 2], 20
    )

    assert "Arm B has one network, so that its intervals say nothing of another one." in one
    assert "- seed 2: test accuracy not recorded before" in one
    assert "90.00 % after (on 200 images)" in one
    assert "Arm B has 2 networks" in two
    assert "seed 3: test accuracy 87.49 % before" in two


@pytest.mark.parametrize("whole", [True, False])
def test_run_sentences_say_what_carries_no_interval(of_rule, whole):
    text = show.run_sentences(tabulate.run_sizes(counts_of(of_rule), {"A": whole}))

    assert text.startswith("- arm A: 4 originals and 8 adversarials, in 2 groups; ")
    assert ("carry no interval" in text) == whole


def test_quantile_sentences_count_and_show_the_farthest():
    frame = pd.DataFrame(
        {
            "arm": "A",
            "rule": ["LRP-0", "LRP-ε 1", "LRP-αβ 1"],
            "off": [0.004, 0.02, 0.009],
            "says": ["a", "b", "c"],
            "value": 0.5,
            "reported": 0.4,
        }
    )

    text = show.quantile_sentences(frame)

    assert "of the 2 quantiles by LRP-0 and LRP-ε, **1** are within 0.005" in text
    assert "of all 3, **2** are within 0.01. The farthest is b: 0.5000, the paper 0.4000." in text


@pytest.mark.parametrize(
    ("negative", "under", "words"),
    [
        ([0, 0], [0, 0], "no negative component"),
        ([1, 0], [100, 0], "100.0 % lie in images whose logit is negative. With the fitted rule"),
        ([1, 1], [100, 20], "between 20.0 and 100.0 %"),
    ],
)
def test_negative_sentence_follows_the_table(negative, under, words):
    table = pd.DataFrame({tabulate.NEGATIVE_SHARE: negative, tabulate.UNDER_SHARE: under})

    assert words in show.negative_sentence(table)


def test_finite_sentence_lists_what_is_left_out():
    table = pd.DataFrame({"arm": "A", "rule": ["x", "y"], "images": [2000, 5], "finite": [5, 5]})

    assert "arm A, x: 1,995 of 2,000 images." in show.finite_sentence(table)
    assert show.finite_sentence(table[1:]) == "All relevance is finite."


def test_first_cut_is_none_where_no_cut_gives_the_share():
    shares = show.share_by_cut(np.array([9, 9, 1, 2, 3]), 10)

    assert shares.tolist() == [10, 30, 60]
    assert show.first_cut(shares, 30) == 2
    assert show.first_cut(shares, 61) is None


def test_cut_sentence_says_which_cut_the_paper_needs():
    shares = np.array([10.0, 30.0, 60.0])

    assert show.cut_sentence("r", "A", shares, 2, 50.0).endswith("50.00 % would be a cut of 3")
    assert show.cut_sentence("r", "A", shares, 2, 70.0).endswith("would be a cut of more than 3")


@pytest.mark.parametrize(("reported", "words"), [(4, "is probably the second"), (24, "as it says")])
def test_unmoved_sentence_takes_the_nearer_of_two_readings(reported, words):
    assert words in show.unmoved_sentence("A", 23.5, 3.9, reported)


def test_odd_numbers_have_three_rules_and_a_reading_for_each_arm(of_rule):
    reported = pd.Series({f"overlap/{rule}/1 in 1%": 50.0 for rule in RULES})
    reported["identical_top/LRP-αβ 1"] = 3.75

    lines = show.odd_numbers(counts_of(of_rule), reported, 2).splitlines()

    assert len(lines) == 4
    assert lines[0].startswith("- LRP-αβ 1, arm A: 133.33 % at the cut of 2;")  # 4 of 3 pairs
    assert "position in **66.67 %**" in lines[3]
    assert "top 1 %, **33.33 %**" in lines[3]


def test_nearest_target_is_the_row_with_the_smallest_mean_distance():
    table = pd.DataFrame({"x": [1.0, 5, 4], "y": [1.0, 5, 4]}, index=["cat", "dog", "the paper"])

    text = show.nearest_target(table, ["x", "y"], "B")

    assert "is dog, 1.0 points away on average; the farthest is cat, 3.0 points." in text


def test_verdict_counts_rows_of_each_arm_once():
    verdicts = [claims.REPRODUCED, claims.NOT_REPRODUCED, claims.NOT_RUN, claims.REPRODUCED]
    judged = pd.DataFrame({"key": [*"abcd"], "arm": ["A", "B", "B", "A"], "verdict": verdicts})
    judged = judged.assign(kind=["number", "number", "order", "conclusion"], same_as="")

    text = show.verdict(judged)

    assert text == [
        "Of 1 rows in arm A: 1 reproduced.",
        "Of 2 rows in arm B: 1 not reproduced, 1 not run.",
    ]
    assert show.verdict(judged.assign(same_as="x")) == []


# Charts and pictures


def test_shift_bins_hold_six_positions_from_the_left_end():
    counts = np.zeros(613, dtype=int)
    counts[[0, 5, 6, 306]] = 1, 2, 3, 4  # shifts of -306, -301, -300 and 0

    bins = draw.binned_shifts(counts)

    assert bins["left"].tolist() == [-306.5, -300.5, -0.5]
    assert bins["right"].tolist() == [-300.5, -294.5, 5.5]
    assert bins["count"].tolist() == [3, 3, 4]


def test_charts_say_what_they_show(of_rule):
    frame = pd.DataFrame(
        {"pairs": "x", "rule": "r", "overlap": NAMES, "share": 1, "low": 0, "high": 2, "n": 3}
    )
    bins = pd.DataFrame({"middle": [1], "share": [2], "low": [1], "high": [3], "rule": "r"})
    charts = [
        draw.training_chart([0.5, 0.9]),
        draw.shift_chart(counts_of(of_rule)["A"], NAMES, "A"),
        draw.pair_chart(frame),
        draw.bin_chart(bins, "size"),
        draw.path_chart(
            pd.DataFrame({"rule": ["r"], "explained": "e", "steps": 0, "share": 1}).assign(n=1)
        ),
        draw.reversal_chart(bins.assign(order="o", components=31, n=3)),
    ]

    for chart in charts:
        assert '"description"' in json.dumps(chart.to_dict())


def test_pictures_escape_and_say_when_there_is_nothing():
    pixels = np.zeros((2, 3, 4, 4), dtype=np.uint8)
    maps = dict.fromkeys(["LRP-ε 1", "LRP-αβ 1"], np.zeros((2, 4, 4)))

    assert "no such image" in draw.heatmap_picture(pixels[:0], {}, [], "x")
    assert "no such image" in draw.before_and_after((pixels, pixels), (maps, maps), [])
    assert "<img" in draw.heatmap_picture(pixels, maps, ["a", "b"], "x")
    assert "<img" in draw.before_and_after((pixels, pixels), (maps, maps), ["a", "b"])
    assert "<img" in draw.attack_picture(pixels, ["a", "b"])


# Formulas that left the notebook for measures and inputs


def test_cluster_bootstrap_of_a_mean_agrees_with_that_of_group_sums():
    generator = np.random.default_rng(1)
    clusters = np.repeat(np.arange(40), 5)
    values = generator.normal(size=40)[clusters] + 0.1 * generator.normal(size=200)
    sums = np.stack([[values[clusters == c].sum(), 5] for c in range(40)])

    ours = intervals.bootstrap_clusters(values, clusters, np.mean, draws=4000)
    other = intervals.bootstrap_groups(sums, lambda s: s[0] / s[1], draws=4000)

    assert ours == pytest.approx([float(number) for number in other], abs=0.03)


def test_cluster_bootstrap_of_one_cluster_has_no_spread():
    value, low, high = intervals.bootstrap_clusters(np.arange(5.0), np.zeros(5), np.median)

    assert value == low == high == 2


def test_cluster_bootstrap_refuses_no_values():
    with pytest.raises(ValueError, match="0 values"):
        intervals.bootstrap_clusters(np.zeros(0), np.zeros(0), np.mean)


def test_partners_are_others_of_the_class_or_the_image_itself():
    labels = torch.tensor([1, 1, 2, 3, 3, 3])

    same, other = pairing.partners(labels, True), pairing.partners(labels, False)

    assert same.tolist() == [1, 0, 2, 5, 3, 4]  # image 2 is alone
    assert (labels[other] != labels).all()
    assert pairing.partners(torch.tensor([4, 5]), True).tolist() == [0, 1]


def test_one_of_each_source_and_all_others():
    source = torch.tensor([2, 0, 0, 2, 2])

    chosen, others = pairing.one_of_each(source, torch.Generator().manual_seed(0))

    assert source[chosen].tolist() == [0, 2]
    assert sorted([*chosen.tolist(), *others.tolist()]) == [0, 1, 2, 3, 4]


def test_sign_counts_split_by_the_sign_of_the_logit():
    relevance = torch.tensor([[-1.0, 0.0], [2.0, 3.0], [0.0, -4.0]])

    counts = distributions.sign_counts(relevance, torch.tensor([-1.0, 0.0, 5.0]))

    assert counts.tolist() == [[1, 1, 0], [1, 1, 2]]


def test_random_affine_without_angle_and_shift_mirrors_or_leaves_alone():
    images = torch.rand(3, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    draws = torch.Generator().manual_seed(0)

    mirrored = training.random_affine(images, draws, degrees=0, shift=0, mirror=1.0)
    same = training.random_affine(images, draws, degrees=0, shift=0, mirror=0.0)

    torch.testing.assert_close(mirrored, images.flip(3))
    torch.testing.assert_close(same, images)


def test_random_affine_stays_within_angle_and_shift():
    ramp = torch.linspace(0, 1, 40).expand(200, 1, 40, 40)  # value: position in x

    moved = training.random_affine(
        ramp, torch.Generator().manual_seed(0), degrees=0, shift=0.1, mirror=0
    )

    shift = (moved - ramp)[:, 0, 20, 20] * 39 / 40  # of the side
    assert shift.abs().max() <= 0.1 + 1e-4
    assert shift.abs().max() > 0.08


def test_recollected_batchnorm_has_the_statistics_of_the_images():
    network = nn.Sequential(nn.BatchNorm2d(3, momentum=0.01), nn.Dropout(0.9)).train()
    pixels = torch.randint(0, 256, (8, 3, 4, 4), dtype=torch.uint8)

    training.recollect_batchnorm(network, pixels, batch_size=8)

    mean = (pixels / 255).mean((0, 2, 3))
    torch.testing.assert_close(network[0].running_mean, mean)
    assert network[0].momentum == 0.01
    assert not network.training
