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


def test_attack_rows_count_weak_adversarials_and_cats_made_of_dogs():
    pairs = pd.DataFrame({"source": range(4000), "probability": np.linspace(0, 1, 4000)})
    pairs = pairs.assign(true="ship", target="frog", second="ship")
    pairs.loc[:9, ["true", "target", "second"]] = "dog", "cat", "bird"  # half of the weak ones
    pairs.loc[9, "true"] = "ship"

    table = pd.DataFrame(
        rows.attack("B", pairs, lambda values, _, statistic: (statistic(values),) * 3)
    ).set_index("key")

    assert table.value["confidence/0.01"] == pytest.approx(0.01)
    assert table.value["second_class_is_true"] == 50  # 10 of 20
    assert table.n["second_class_is_true"] == 20
    assert table.value["low_confidence_dog_share"] == 90
    assert table.n["low_confidence_dog_share"] == 10


def test_attack_rows_leave_out_what_too_few_weak_adversarials_tell():
    pairs = pd.DataFrame({"source": range(90), "probability": 0.9, "true": "ship"})
    pairs = pairs.assign(target="frog", second="ship", probability=np.linspace(0, 1, 90))

    table = rows.attack("B", pairs, lambda values, _, statistic: (statistic(values),) * 3)

    assert {row["key"].split("/")[0] for row in table} == {"confidence"}


def test_success_is_the_share_of_attacks_in_percent():
    succeeded = np.array([1.0, 1.0, 0.0, 1.0])

    (ours,) = rows.success("B", succeeded, np.arange(4), lambda *_: (0.75, 0.5, 1.0))
    theirs = rows.authors_success(30, 40)

    assert (ours["value"], ours["low"], ours["high"], ours["n"]) == (75, 50, 100, 4)
    assert [row["value"] for row in theirs] == [75, 30]


def test_distribution_rows_take_the_mean_of_zeros_over_rules(of_rule):
    moments = lambda grid: (grid.sum(-1), grid.max(-1))  # noqa: E731

    table = rows.distribution(
        "A", counts_of(of_rule)["A"], moments, of_sum, {"mean/originals/LRP-0"}
    )

    values = {row["key"]: row["value"] for row in table}
    assert values["zero_share/originals"] == 12.5  # 1 of 8
    assert values["negative_share/originals/LRP-αβ 1"] == 50
    assert values["negative_share/adversarials/LRP-αβ 1"] == 0
    assert values["mean/originals/LRP-0"] == of_rule["grid"][:, 0].sum()
    assert "mean/adversarials/LRP-0" not in values
    assert values["largest_deviation/LRP-ε"] == of_rule["grid"].sum(0).max()


def test_overlap_rows_divide_sums_by_pairs(of_rule):
    table = pd.DataFrame(rows.overlaps("A", counts_of(of_rule)["A"], NAMES, of_sum))

    chosen = table[table.key.str.startswith("overlap/LRP-ε 1/")]
    assert chosen.value.to_numpy() == pytest.approx(100 * (np.arange(5) * 0.5 + 1) / 3)
    assert (table.n == 3).all()


def test_shift_rows_match_a_hand_computed_histogram(of_rule):
    known = [f"shift/LRP-αβ 1/{name}/70" for name in NAMES] + ["mean_shift/LRP-αβ 1/1 in 1%"]

    table = rows.shifts("A", of_rule, NAMES, of_sum, [*known, "identical_top/LRP-αβ 1"])

    values = {row["key"]: row["value"] for row in table}
    # shifts of both groups: -1, 0, 0, 1, 1, 2; three pairs
    assert values["identical_top/LRP-αβ 1"] == pytest.approx(100 * 2 / 3)
    assert values["mean_shift/LRP-αβ 1/1 in 1%"] == pytest.approx(3 / 6)
    assert values["shift/LRP-αβ 1/1 in 1%/70"] == 2  # five of six move by less than two


def test_quantile_rows_read_both_kinds(of_rule):
    reads = lambda grid, levels: np.stack([grid[..., 0] * level for level in levels], -1)  # noqa: E731

    table = pd.DataFrame(rows.quantiles("A", {"LRP-0": of_rule}, reads, of_sum)).set_index("key")

    assert len(table) == 18
    first = of_rule["grid"][:, 1, 0].sum()
    assert table.value["quantile/adversarials/LRP-0/0.500"] == first * 0.5
    assert table.n["quantile/adversarials/LRP-0/0.500"] == of_rule["grid"][:, 1].sum()


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


def test_control_table_names_each_share_by_its_kind_and_overlap():
    sums = np.zeros((1, 2, 2, 5))
    sums[0, :, 0, 2] = 3, 4
    sums[0, :, 1, 4] = 1, 10

    table = tabulate.control_table({("A", "LRP-0"): sums}, ["x", "y"], NAMES, of_sum)

    share = table.set_index(["pairs", "overlap"]).share
    assert share["x", "1% in 1%"] == 75
    assert share["y", "10% in 10%"] == 10
    assert np.isnan(share["x", "1 in 1%"])  # no pair, no number


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
    measured["one"] = [claims.measurement("quantile/originals/LRP-0/0.500", "B", 0.25, 0, 1, 9)]

    table = tabulate.quantiles(claims.judge(measured.table(), "lrp_adversarial"))

    row = table.iloc[0]
    assert (len(table), row.images, row.rule, row["quantile"]) == (1, "originals", "LRP-0", "0.500")
    assert row.off == 0.25
    assert tabulate.beside_paper(table, ["LRP-0"]).iloc[0, 0] == "0.2500 (0.0000)"


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


def test_sanity_sentence_gives_each_arm():
    reported = pd.Series({"train_accuracy": 90.87, "train_correct": 47552})

    text = show.sanity_sentence({"B": 19, "A": 1234}, 2000, reported, 88.46)

    assert "Right on 2,000 test images: arm A **1,234**; arm B **19**." in text
    assert "95.1 %" in text
    assert "88.5 %" in text


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
        ([1, 0], [100, 0], "100.0 % lie in images whose logit is negative: the difference"),
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


@pytest.mark.parametrize(("reported", "words"), [(4, "looks like the second"), (24, "as it says")])
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


def test_edge_sentence_sets_rules_beside_an_edge_detector():
    table = pd.DataFrame(
        {"attacked": [3, 28], "edges": [94, 94], "LRP and edges": [1, 10]}, index=["r", "s"]
    )

    text = show.edge_sentence(table)

    assert "keep 94 % of its top 1 % under the attack; LRP keeps 3 % (r), 28 % (s)" in text
    assert "shares 1 %, 10 % of its top 1 % with the edges" in text


def controls(attacked, noise):
    kinds = ["attacked", "noise", "other target", "other image, same class"]
    middle = [attacked[0], noise[0], 20.0, np.nan]
    spread = [attacked[1], noise[1], 0, np.nan]
    frame = pd.DataFrame({"pairs": kinds, "share": middle}).set_index("pairs")
    return frame.assign(low=frame.share - spread, high=frame.share + spread)


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        ((80, 5), "changes far more with the decision than with noise (50 points)"),
        ((10, 5), "even less than noise does"),
        ((40, 30), "cannot tell"),
        ((np.nan, np.nan), "cannot tell"),
    ],
)
def test_verdict_follows_the_intervals_of_attack_and_noise(noise, words):
    text = show.finding(controls((30, 10), noise))

    assert words in text
    assert text.count("So ") == 1
    assert "two images of one class – %" in text
    assert "nan" not in text


def test_verdict_counts_all_claims_of_each_arm_and_those_not_run():
    verdicts = [claims.REPRODUCED, claims.REPRODUCED, claims.NOT_REPRODUCED, claims.NOT_RUN]
    judged = pd.DataFrame({"key": [*"abcd"], "arm": ["A", "B", "B", None], "verdict": verdicts})

    text = " ".join(show.verdict(judged, controls((30, 10), (80, 5))))

    assert "In arm A, **1 of 1** numbers are reproduced, 0 are not and 0 are open." in text
    assert "In arm B, **1 of 2** numbers are reproduced, 1 are not and 0 are open." in text
    assert "Not run: 1 of the 4 claims." in text
    assert "Not run" not in " ".join(show.verdict(judged[:3], controls((30, 10), (80, 5))))


def test_deciding_controls_are_of_one_arm_rule_and_overlap():
    frame = pd.DataFrame(
        {
            "arm": ["A", "B", "A"],
            "rule": show.DECIDING_RULE,
            "overlap": [show.DECIDING_OVERLAP] * 2 + ["10% in 10%"],
            "pairs": [*"xyz"],
        }
    )

    assert show.deciding(frame, "A").index.tolist() == ["x"]


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
