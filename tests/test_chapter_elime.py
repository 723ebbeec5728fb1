import numpy as np
import pandas as pd
import pytest

from helpers.report import claims
from helpers.report.chapters import elime as show
from helpers.report.chapters import elime_charts, elime_searches, elime_verdict

NAN = float("nan")
LEVEL = pd.DataFrame(
    {
        "network": ["a", "a"], "image": ["cat", "dog"],
        "S": [10, 20], "kept": [5.0, 10.0],
        "whole image": [0.6, 0.8], "nothing": [0.0, 0.0], "E-LIME": [0.9, 0.9],
        "worst run": [0.8, 0.8], "random": [0.7, 0.9], "LIME": [0.5, 0.7],
        "LIME, equal": [0.4, 0.6],
    }
).set_index(["network", "image"])  # fmt: skip
STABLE = pd.DataFrame(
    {
        "Jaccard": [0.4, 0.6], "by chance": [0.3, 0.3], "in every run": [1, 3], "in no run": [2, 2],
        "undecided": [4, 6], "S": [10, 20], "Jaccard of LIME, equal": [0.2, 0.4],
    }
)  # fmt: skip
TIMES = show.Speed(seconds=2.0, ratio=12.0, budget=6.0, equal=2.5, cutting=0.5)


def evidence(runner_up):
    """Rows of evidence of images whose runner-up goes from 0.2 to each of these."""
    rows = []
    for value in runner_up:
        rows += [
            {"what": "runner-up", "whole image": 0.2, "E-LIME": value},
            {"what": "another image's class", "whole image": 0.001, "E-LIME": 0.01},
            {"what": "predicted class", "whole image": 0.7, "E-LIME": 0.9},
        ]
    return pd.DataFrame(rows)


def test_photographs_say_what_was_chosen_and_how_many_more_were_asked_for():
    right = {"Foolbox's": {"a": (17, 20), "b": (9, 20)}}

    text = show.photographs(right, ["cat"], 9, 9)
    assert text == (
        "Of Foolbox's photographs a classifies 17 of 20 correctly, b classifies 9 of 20 correctly. "
        "This run takes 9 photographs; shown with all runs: **cat**."
    )
    text = show.photographs(right, [], 9, 20)
    assert text.endswith("This run takes 9 photographs (20 were asked for; no more fit).")


def test_rises_tells_falls_too():
    text = show.rises(1, [-0.1, 0.3], 30, LEVEL)

    assert "**1 of 2** pairs" in text
    assert "is -0.100 to +0.300" in text
    assert "differs from the best random one by +0.100" in text  # 0.9 less 0.8


def test_speed_splits_the_ratio_into_budget_and_cost_of_an_evaluation():
    text = show.speed(TIMES, "a", 4, 1000, 166, True)

    assert "**12.0 times** as long. Of this, 6.00 is the budget" in text
    assert "and 2.00 the cost of an evaluation" in text
    assert "says nothing" not in text


def test_speed_with_fewer_samples_says_nothing_about_the_paper():
    text = show.speed(TIMES, "a", 4, 60, 26, False)

    assert "60 samples instead of its default 1000" in text
    assert "says nothing about the paper's" in text
    assert show.lime_name(False) == "LIME"
    assert show.lime_name(True) == "LIME, its default"


def test_speed_table_gives_milliseconds_an_evaluation():
    table = show.speed_table({"E-LIME": ((2.0, 1.5, 2.5), 100, np.array([0.8, 0.6]))})

    assert table.loc["E-LIME", "ms an evaluation"] == 20
    assert table.loc["E-LIME", "probability"] == pytest.approx(0.7)


def test_networks_are_compared_where_there_are_two():
    assert show.between_networks([]) == "This run has one network."
    assert "by 0.40 on average (0.20 to 0.60)" in show.between_networks([0.2, 0.6])


CURVES = {
    "a": {
        "E-LIME": ([0.5, 0.8], [0.4, 0.7], [0.6, 0.9]),
        "LIME, best size": ([NAN, 0.7], [NAN, 0.6], [NAN, 0.8]),
    }
}


def test_the_chart_of_searches_has_no_point_before_a_search_has_a_selection():
    chart = elime_searches.curves(CURVES, [20, 100])

    points = chart.data.groupby("search").evaluations.apply(list)
    assert points["E-LIME"] == [20, 100]
    assert points["LIME, best size"] == [100]


def test_gains_have_a_sign_and_an_interval_by_budget_and_network():
    table = elime_searches.gain_table({"a": {20: (0.1, -0.05, 0.25)}})

    assert table.loc[20, "a"] == "+0.100 [-0.050, +0.250]"


def test_ends_name_the_search_that_has_reached_the_most():
    text = elime_searches.ends(
        {"a": {"E-LIME": np.array([0.5, 0.7]), "greedy": np.array([0.9, 0.5])},
         "b": {"E-LIME": np.array([0.5]), "LIME, best size": np.array([NAN])}}, 1000
    )  # fmt: skip

    assert "- a: E-LIME 0.600, greedy 0.700; the most has **greedy**." in text
    assert "- b: E-LIME 0.500; the most has **E-LIME**." in text


@pytest.mark.parametrize(
    ("ends", "says"),
    [
        (([12.0], [11.0], [13.0]), "In 1 of 1 comparisons"),
        (([5.0], [4.0], [6.0]), "in 1 less, in 0 the interval"),
        (([10.5], [9.0], [12.0]), "in 0 less, in 1 the interval holds ten"),
    ],
)
def test_ten_times_are_counted_on_both_sides_and_where_the_interval_holds_them(ends, says):
    text = elime_searches.sooner({("a", "best size"): ends}, [1000], 20)

    assert says in text
    assert f"a, LIME's best size: {ends[0][0]:.1f} [{ends[1][0]:.1f}, {ends[2][0]:.1f}]" in text
    assert "A population of 20 cannot be faster than 50 times there" in text


def test_the_chart_of_times_shows_every_budget_and_the_ten_times():
    chart = elime_searches.sooner_chart(
        {("a", "best size"): ([3.0, 4.0], [2.0, 3.0], [4.0, 5.0])}, [100, 1000]
    ).to_dict()

    values = [point for rows in chart["datasets"].values() for point in rows]
    assert [p["evaluations"] for p in values if "evaluations" in p] == [100, 1000]
    assert {"y": elime_searches.TIMES} in values


def test_areas_name_the_best_map_of_each_measure():
    maps = ["E-LIME, one run", "LIME", "as many at random", "random order"]
    values = np.array([0.5, 0.6, 0.4, 0.3])
    table = show.area_table(
        {"insertion": (values, values, values), "deletion": (values, values, values)}, maps
    )

    text = show.areas(table, 0.2, -0.1, 4, 1)

    assert "The best map is LIME by insertion and random order by deletion" in text
    assert "by +0.200 in insertion and +0.100 in deletion" in text
    assert "1 network," in text
    assert "3 networks," in show.areas(table, 0.2, -0.1, 4, 3)


def test_the_map_over_runs_is_called_ours_with_its_cost():
    text = show.over_runs(
        {"insertion": 0.5, "deletion": 0.1}, {"insertion": 0.4, "deletion": 0.2}, 4, 30
    )

    assert "is a map of ours, at 30 times the cost" in text
    assert "has 0.500 in insertion and 0.100 in deletion, one run 0.400 and 0.200" in text


def test_stability_mentions_lime_only_where_it_ran_more_than_once():
    assert "**0.50**, by chance 0.30. Of 15 superpixels 2.0 are" in show.stability(STABLE, 3, 1)
    assert "of LIME" not in show.stability(STABLE, 3, 1)
    assert "3 runs of LIME with as many evaluations agree by 0.30" in show.stability(STABLE, 3, 3)


def test_choices_name_the_extremes():
    table = pd.DataFrame(
        {
            "E-LIME": [0.9, 0.7], "random": [0.8, 0.7], "difference": [0.1, -0.05],
            "superpixels kept (%)": [50, 60.0],
        },
        index=["grey, quickshift", "black, slic-50"],
    )  # fmt: skip

    text = show.choices(table, 20, "a")

    assert text.startswith("Over 20 images with a,")
    assert "between 0.700 (black, slic-50) and 0.900 (grey, quickshift)" in text
    assert "least with black, slic-50 (-0.050) and largest with grey, quickshift (+0.100)" in text
    assert "keeps 50 to 60 % of the superpixels" in text


@pytest.mark.parametrize(
    ("runner_up", "says"),
    [
        ([0.3, 0.6], "no evidence for the explanation: it rises for wrong classes too"),
        ([0.3, 0.1], "rises for 1 of 2 runner-up classes too"),
        ([0.2, 0.1], "rises for no runner-up class"),
    ],
)
def test_evidence_says_for_how_many_wrong_classes_the_probability_rises(runner_up, says):
    table = evidence(runner_up)

    text = elime_verdict.evidence(table, [0.1, 0.3], "a")

    assert "0.200 on average (0.100 to 0.300; a)" in text
    assert says in text
    assert says in elime_verdict.finding(LEVEL, 2, 2, STABLE, table)


def test_verdict_counts_each_kind_and_speaks_of_time_only_against_limes_default():
    kinds = [claims.REPRODUCED, claims.NOT_REPRODUCED, claims.INCONCLUSIVE, claims.NOT_RUN]
    judged = pd.DataFrame({"verdict": [*kinds, claims.REPRODUCED]})
    more = (2, 2, LEVEL)

    whole = elime_verdict.verdict(judged, *more, TIMES, STABLE, evidence([0.3, 0.6]))
    small = elime_verdict.verdict(judged, *more, None, STABLE, evidence([0.3, 0.6]))

    assert whole[0].startswith(
        "Of **5** numbers and orders: 2 reproduced, 1 not reproduced, 1 inconc"
    )
    assert "LIME takes 12.0 times as long; its budget is 6.0 times larger" in whole[2]
    assert "**too small** to say" in small[2]
    assert not any("nan" in sentence for sentence in small)


def test_charts_show_every_point_that_they_are_given():
    values = {
        "ends": np.array([0.7, 0.0]), "probability": np.array([0.5, 0.6]),
        "random": np.array([[0.2, 0.1, 0.4], [0.3, 0.1, 0.2]]), "lime": np.array([0.25, 0.9]),
    }  # fmt: skip
    curves = elime_charts.insertion_deletion({"insertion": np.array([[0.1, 0.2, 0.3]])}, ["LIME"])
    sizes = elime_charts.by_size(
        {"cat": np.array([[0.2, 0.3]])}, {"cat": np.array([0.1, 1.0])}, ["LIME"],
    )  # fmt: skip
    marks = elime_charts.by_selection({("tf_efficientnet_a", "cat"): values})

    assert curves.data.share.tolist() == [0, 50, 100]
    assert sizes.data.order.tolist() == ["LIME", "LIME"]
    assert sizes.data.share.tolist() == [10, 100]
    assert marks.data.probability.tolist() == [0.7, 0.5, 0.6, 0.4, 0.3, 0.25]
    assert set(marks.data.pair) == {"cat, a"}
