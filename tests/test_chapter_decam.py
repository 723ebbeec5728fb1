"""The words, tables and charts of the chapter on DE-CAM, with made-up numbers."""

import itertools
import math

import altair as alt
import numpy as np
import pandas as pd
import pytest

from helpers.report import claims
from helpers.report.chapters import decam as show
from helpers.report.chapters import decam_charts, decam_tables

NAN = (math.nan,) * 3
UP, DOWN, OPEN = (3.0, 1.0, 5.0), (-3.0, -5.0, -1.0), (-0.8, -6.3, 5.2)


def scores():
    columns = ["network", "method", "DiffAUC", "low", "high", "paper", "n"]
    rows = [
        ("a", "Grad-CAM", 30.0, 20.0, 40.04, 66.5, 3),
        ("a", "DE-CAM", 34.93, 17.2, 52.9, 66.8, 3),
        ("a", "RISE", -3.0, -4.0, 2.0, math.nan, 3),
        ("b", "Grad-CAM", 50.0, 50.0, 50.0, 71.8, 3),
        ("b", "DE-CAM", 1.0, 0.0, 2.0, 70.5, 3),
    ]
    return pd.DataFrame(rows, columns=columns)


def pairs(*intervals, method="Grad-CAM"):
    rows = [("a", method, *values) for values in intervals]
    return pd.DataFrame(rows, columns=["network", "method", "points", "low", "high"])


def judged(*verdicts):
    return pd.DataFrame({"verdict": list(verdicts)})


def verdict_of(frame=None, gain=OPEN, difference=OPEN, controls=None, stand_ins=()):
    return show.verdict(
        judged(claims.REPRODUCED) if frame is None else frame,
        pairs(UP),
        evaluations=72,
        gain=gain,
        difference=difference,
        controls={"random": UP} if controls is None else controls,
        stand_ins=stand_ins,
    )


def test_estimate_shows_the_sign_only_where_it_is_wanted():
    assert show.estimate(5.04, -4.4, 12.2) == "5.0 [-4.4, 12.2]"
    assert show.estimate(5.04, -4.4, 12.2, sign=True) == "+5.0 [-4.4, +12.2]"


def test_table1_has_ours_beside_the_papers_and_a_dash_where_a_method_was_not_run():
    table = decam_tables.table1(scores(), ["a", "b"], {"a": "VGG19", "b": "ResNet50"})

    assert list(table.index) == ["Grad-CAM", "DE-CAM", "RISE"]  # in the order of the rows
    assert list(table.columns) == ["a", "b", "paper, VGG19", "paper, ResNet50"]
    assert list(table.loc["DE-CAM"]) == ["34.9 [17.2, 52.9]", "1.0 [0.0, 2.0]", "66.8", "70.5"]
    assert list(table.loc["RISE"]) == ["-3.0 [-4.0, 2.0]", "–", "", "–"]


def test_table1_has_no_column_for_a_network_in_nobodys_place():
    table = decam_tables.table1(scores(), ["b", "a"], {"a": "VGG19"})

    assert list(table.columns) == ["b", "a", "paper, VGG19"]


def test_differences_keep_the_order_of_methods_and_networks():
    frame = pairs(UP, method="RISE")
    other = pairs(DOWN, method="Grad-CAM").assign(network="b")

    table = decam_tables.differences(pd.concat([frame, other]), ["b", "a"])

    assert table.index.name == "DE-CAM minus"
    assert list(table.index) == ["RISE", "Grad-CAM"]
    assert list(table.loc["RISE"]) == ["–", "+3.0 [+1.0, +5.0]"]
    assert list(table.loc["Grad-CAM"]) == ["-3.0 [-5.0, -1.0]", "–"]


def test_networks_shows_shares_in_percent_and_who_takes_no_place():
    rows = {"a": (0.5, 0.6, 10.0, 0.25), "b": (1.0, 0.7, 11.0, 0.0)}

    table = decam_tables.networks(rows, {"a": "VGG19"}, "bfloat16")

    assert list(table.loc["a"]) == ["VGG19", 50.0, 0.6, 10.0, 0.25]
    assert list(table.loc["b"]) == ["none", 100.0, 0.7, 11.0, 0.0]
    assert table.columns[-1] == "change of that logit in bfloat16"


def test_readings_divide_by_the_confidence_and_select_by_it():
    values = {"a": {"DE-CAM": np.array([10.0, 40.0]), "RISE": np.array([5.0, 5.0])}}

    table = decam_tables.readings(
        scores(), values, {"a": np.array([0.5, 0.95])}, ["DE-CAM", "RISE"]
    )

    row = table.loc["a", "DE-CAM"]
    assert list(row) == [25.0, round((20 + 40 / 0.95) / 2, 1), 40.0, 66.8]
    assert np.isnan(table.loc[("a", "RISE"), "paper"])


def test_readings_are_empty_where_no_image_is_sure():
    values = {"b": {"DE-CAM": np.array([10.0, 40.0])}}

    table = decam_tables.readings(scores(), values, {"b": np.array([0.5, 0.9])}, ["DE-CAM"])

    assert np.isnan(table.loc[("b", "DE-CAM"), "images above 90 % only"])
    assert table.loc[("b", "DE-CAM"), "as defined"] == 25.0


def test_similar_shows_means_of_correlations_and_areas():
    correlations = {"RISE": (np.array([0.2, 0.4]), np.array([0.0, 0.1]))}
    areas = {"DE-CAM": np.array([0.1, 0.2]), "RISE": np.array([0.3, 0.5])}

    table = decam_tables.similar(correlations, areas, "b")

    assert list(table.loc["RISE"]) == [0.3, 0.05, 15.0, 40.0]
    assert table.columns[2] == "area on b, DE-CAM (%)"


def test_costs_shows_evaluations_of_the_search_and_passes_of_the_others():
    seconds = {("a", "DE-CAM"): np.array([1.0, 3.0]), ("a", "Grad-CAM"): np.array([0.5, 0.5])}

    table = decam_tables.costs(seconds, 2010)

    assert list(table.loc[("a", "DE-CAM")]) == [2.0, "2,010"]
    assert list(table.loc[("a", "Grad-CAM")]) == [0.5, "1, and a gradient"]


def test_tables_of_searches_show_means_and_the_range_of_the_images():
    search = (np.array([10.0, 20.0]), np.array([0.1, 0.3]), np.array([4.0, 6.0]))

    by_alpha = decam_tables.calibration({20.0: search})
    by_choice = decam_tables.choices({"as above": search})

    assert dict(by_alpha.loc[20.0]) == {
        "share kept by the best mask": 0.2, "DiffAUC": 15.0, "best fitness": 5.0,
    }  # fmt: skip
    assert list(by_choice.loc["as above"]) == [15.0, 10.0, 20.0, 0.2]


def test_several_shows_the_weaker_side_of_each_image_before_the_mean():
    table = decam_tables.several(
        [("two", "RISE", 0.9), ("two", "RISE", 0.3), ("same", "RISE", 0.5)]
    )

    assert list(table.loc[("two", "RISE")]) == [0.6, 0.2]  # not min(0.6, 0.4)
    assert list(table.loc[("same", "RISE")]) == [0.5, 0.5]


def test_peers_come_with_the_best_mean_first():
    table = decam_tables.peers({"a": np.array([1.0, 2.0]), "b": np.array([3.0, 5.0])})

    assert list(table.index) == ["b", "a"]
    assert list(table.loc["b"]) == [4.0, 3.0, 5.0]


def test_sanity_gives_all_four_numbers():
    text = show.sanity(3, 3.6e-7, plain=0.001, blurred=0.0871)

    assert text.startswith("Over 3 images")
    assert "at most 3.6e-07" in text
    assert "0.0010 for an image without content and 0.087 for a blurred one" in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (1, "One value was given: this run takes **alpha = 20** logits."),
        (5, "*Means over 2 images.* The rule takes **alpha = 20** logits."),
    ],
)
def test_calibration_speaks_of_a_rule_only_where_there_was_a_choice(values, expected):
    assert show.calibration(20.0, values, 2) == expected


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        (UP, "raises DiffAUC by 3.0 [1.0, 5.0] points over the random population"),
        (DOWN, "lowers DiffAUC by 3.0 [1.0, 5.0] points below the random population"),
        (OPEN, "does not change DiffAUC measurably"),
        ((2.0, 0.0, 4.0), "does not change DiffAUC measurably"),  # zero itself is no gain
        ((-2.0, -4.0, 0.0), "does not change DiffAUC measurably"),
        (NAN, "was not measured"),
    ],
)
def test_gain_is_told_by_the_side_of_zero_on_which_the_interval_lies(gain, expected):
    assert expected in show.gained(gain)


def test_gain_that_cannot_be_told_from_zero_comes_with_its_interval():
    assert show.gained(OPEN).endswith("starts from: -0.8 [-6.3, +5.2] points.")


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (UP, "scores 3.0 points higher than RISE [1.0 to 5.0]."),
        (DOWN, "scores 3.0 points lower than RISE [1.0 to 5.0]."),
        (OPEN, "RISE cannot be told apart: the difference is -0.8 [-6.3, +5.2] points."),
        ((2.0, 0.0, 4.0), "cannot be told apart"),
        ((-2.0, -4.0, 0.0), "cannot be told apart"),
        (NAN, "was not compared with RISE."),
    ],
)
def test_comparison_with_rise_is_told_by_the_side_of_zero(difference, expected):
    sentence = show.against_rise(difference)

    assert expected in sentence
    assert sentence.startswith("With equally many network evaluations")


def test_search_tells_what_it_cost_and_what_it_gained():
    text = show.search(20, UP, DOWN, 2000)

    assert "Means over 20 images" in text
    assert "2,000 evaluations after its first population" in text
    assert show.gained(UP) in text
    assert show.against_rise(DOWN) in text


@pytest.mark.parametrize(("images", "noun"), [(1, "1 image:"), (2, "2 images:")])
def test_chance_gives_mean_and_range_of_the_agreement(images, noun):
    text = show.chance(10, images, [0.5, 0.7, 0.9], deviation=1.26, spread=3.04, ties=0.8, orders=3)

    assert f"10 seeds of {noun}" in text
    assert "0.70 on average (0.50 to 0.90)" in text
    assert "deviation of their DiffAUC is 1.3 points, the largest difference 3.0" in text
    assert "up to 0.8 points over 3 random orders" in text


def test_verdict_counts_add_up_to_the_number_of_claims():
    kinds = [claims.REPRODUCED, claims.NOT_REPRODUCED, claims.INCONCLUSIVE, claims.NOT_RUN]
    frame = judged(*[kind for times, kind in enumerate(kinds, 1) for _ in range(times)])

    (first, *_) = verdict_of(frame)

    assert first == (
        "Of **10** numbers and orders: 1 reproduced, 2 not reproduced, 3 inconclusive, 4 not run."
    )


@pytest.mark.parametrize("kind", claims.VERDICTS)
def test_verdict_counts_hold_where_all_claims_have_the_same_verdict(kind):
    (first, *_) = verdict_of(judged(kind, kind))

    assert first == f"Of **2** numbers and orders: 2 {kind}."


def test_verdict_names_stand_ins_only_where_there_are_any():
    assert not any("stand-ins" in sentence for sentence in verdict_of())

    sentences = verdict_of(stand_ins=["lite0", "lite1"])

    assert sentences[1] == "Not the paper's networks but **stand-ins**: lite0, lite1."


@pytest.mark.parametrize(("gain", "difference"), itertools.product([UP, DOWN, OPEN, NAN], repeat=2))
def test_verdict_and_finding_say_the_same_of_the_search(gain, difference):
    sentences = verdict_of(gain=gain, difference=difference)

    assert show.gained(gain) in sentences
    assert show.against_rise(difference) in sentences
    finding = show.finding(gain, difference)
    assert finding == f"{show.gained(gain)} {show.against_rise(difference)}"


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ((UP, UP), "better than Grad-CAM or FullGrad in 2 of 2 comparisons, worse in 0"),
        ((DOWN, DOWN), "in 0 of 2 comparisons, worse in 2, and cannot be told apart in 0."),
        ((OPEN, OPEN), "in 0 of 2 comparisons, worse in 0, and cannot be told apart in 2."),
        ((UP, DOWN, OPEN), "in 1 of 3 comparisons, worse in 1, and cannot be told apart in 1."),
        (((0.0, 0.0, 0.0),), "in 0 of 1 comparisons, worse in 0, and cannot be told apart in 1."),
    ],
)
def test_comparisons_count_intervals_on_either_side_of_zero(intervals, expected):
    assert expected in show.comparisons(pairs(*intervals), 72)


def test_comparisons_leave_out_other_methods():
    frame = pd.concat([pairs(UP, method="RISE"), pairs(DOWN, method="FullGrad")])

    text = show.comparisons(frame, 20_100)

    assert text.startswith("With 20,100 evaluations")
    assert "in 0 of 1 comparisons, worse in 1," in text


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ({"random": UP, "edges": UP}, "Of the 2 controls", ),
        ({"random": UP, "edges": UP}, "DE-CAM beats random, edges."),
        ({"random": UP, "edges": OPEN}, "DE-CAM beats random."),
        ({"random": OPEN, "edges": OPEN}, "DE-CAM beats none."),
        ({"random": UP, "edges": DOWN}, "DE-CAM beats random and loses to edges."),
        ({"random": DOWN, "edges": DOWN}, "DE-CAM beats none and loses to random, edges."),
    ],
)  # fmt: skip
def test_controls_are_beaten_where_the_interval_lies_above_zero(controls, expected):
    assert expected in show.beaten(controls)


def test_chart_of_diff_aucs_has_a_point_and_a_rule_for_each_row():
    spec = decam_charts.diff_aucs(scores(), ["a", "b"]).to_dict()

    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["rule", "point"]
    assert len(next(iter(spec["datasets"].values()))) == len(scores())
    assert spec["layer"][0]["encoding"]["color"]["scale"]["domain"] == ["a", "b"]
    assert spec["encoding"]["y"]["sort"] == ["Grad-CAM", "DE-CAM", "RISE"]


def test_chart_of_curves_offers_each_photograph_and_starts_with_the_first():
    curves = np.arange(3 * 2 * 5).reshape(3, 2, 5) / 30

    spec = decam_charts.insertion_deletion({"RISE": curves}).to_dict()

    (select,) = spec["params"]
    assert select["bind"]["options"] == ["1", "2", "3"]
    assert select["value"] == "1"
    assert spec["transform"] == [{"filter": {"param": select["name"]}}]


def test_chart_of_curves_holds_each_point_of_both_curves():
    curves = np.arange(3 * 2 * 5).reshape(3, 2, 5) / 30

    spec = decam_charts.insertion_deletion({"RISE": curves, "DE-CAM": curves}).to_dict()

    (rows,) = spec["datasets"].values()
    assert len(rows) == 2 * 3 * 2 * 5
    wanted = {"photograph": "2", "method": "DE-CAM", "test": "insertion", "share": 0.75}
    assert {**wanted, "probability": 18 / 30} in rows


@pytest.mark.parametrize(
    ("make", "y", "color"),
    [(decam_charts.fitness, "fitness", "network"), (decam_charts.quality, "DiffAUC", "map")],
)
def test_charts_of_the_search_show_a_band_and_a_line_over_evaluations(make, y, color):
    row = {"evaluations": 8, y: 1.0, "low": 0.5, "high": 1.5, color: "tf_efficientnet_lite0"}

    chart = make(pd.DataFrame([row]))

    assert isinstance(chart, alt.LayerChart)
    band, line = (layer["encoding"] for layer in chart.to_dict()["layer"])
    assert (band["y"]["field"], band["y2"]["field"], line["y"]["field"]) == ("low", "high", y)
    assert band["x"]["field"] == "evaluations"
    assert chart.to_dict()["description"]


def test_chart_of_fitness_shortens_names_that_share_a_prefix():
    columns = ["network", "evaluations", "fitness", "low", "high"]
    frame = pd.DataFrame([("tf_efficientnet_lite0", 8, 1.0, 0.5, 1.5)], columns=columns)

    spec = decam_charts.fitness(frame).to_dict()

    assert next(iter(spec["datasets"].values()))[0]["network"] == "lite0"
    assert frame.network[0] == "tf_efficientnet_lite0"
