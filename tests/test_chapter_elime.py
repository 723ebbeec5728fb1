import numpy as np
import pandas as pd
import pytest

from helpers.report import claims
from helpers.report.chapters import elime as show
from helpers.report.chapters import elime_charts, elime_verdict

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
    text = show.photographs({"a": 17}, ["cat"], 1, None)
    assert text.endswith("a classifies 17 correctly. The rule gives 1: **cat**.")

    text = show.photographs({"a": 17}, ["cat"], 4, 0.0123)
    assert "(4 were asked for; no more fit)" in text
    assert "changes by more than 0.012." in text


def test_rises_tells_falls_too():
    text = show.rises(1, [-0.1, 0.3], 30, LEVEL)

    assert "**1 of 2** pairs" in text
    assert "is -0.100 to +0.300" in text
    assert "differs from the best random one by +0.100" in text  # 0.9 less 0.8


def test_spread_counts_pairs_with_nothing_to_gain():
    assert show.spread(1, [0.01, 0.02]).startswith("The whole image has more than 0.95 on 1 of 2")


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


@pytest.mark.parametrize(
    ("tenth", "says"),
    [([0.1, 0.3], "by +0.200 on average"), ([0.1, NAN], "less than the first population here")],
)
def test_match_tells_what_a_tenth_of_the_evaluations_reaches(tenth, says):
    text = show.match(3, 4, 12.0, 5.0, 4.0, tenth)

    assert "on 3 of 4 images" in text
    assert says in text


def test_late_and_networks():
    assert "adds 0.050 to" in show.late(0.05, 1000)
    assert show.between_networks([]) == "This run has one network."
    assert "by 0.40 on average (0.20 to 0.60)" in show.between_networks([0.2, 0.6])


def test_by_network_takes_the_smallest_rise_of_each_network():
    arrays = {
        ("a", "cat"): {"seconds": np.array([1.0, 9]), "lime seconds": np.array([10.0, 9])},
        ("a", "dog"): {"seconds": np.array([3.0, 9]), "lime seconds": np.array([30.0, 9])},
    }
    table = show.by_network(LEVEL, {("a", 0): 0.3, ("a", 1): 0.1}, arrays)

    assert table.loc["a"].round(3).tolist() == [0.7, 0.9, 0.1, 0.5, 2, 20]


def test_areas_name_the_best_map_of_each_measure():
    maps = ["E-LIME, all runs", "E-LIME, one run", "LIME", "random order"]
    values = np.array([0.5, 0.4, 0.6, 0.3])
    table = show.area_table(
        {"insertion": (values, values, values), "deletion": (values, values, values)}, maps
    )

    text = show.areas(table, 0.2, -0.1, 4, 1)

    assert "The best map is LIME by insertion and random order by deletion" in text
    assert "by +0.200 in insertion and +0.100 in deletion" in text
    assert "1 network," in text
    assert "3 networks," in show.areas(table, 0.2, -0.1, 4, 3)


def spots(shares):
    names = ["E-LIME", "as many at random", "LIME", "five at random"] * (len(shares) // 4)
    return pd.DataFrame(
        {"selection": names, "share on the object": shares, "IoU": shares, "area": 0.1}
    )


def test_on_object_compares_each_selection_with_its_control():
    table = spots([0.5, 0.2, 0.4, 0.3, 0.7, 0.2, 0.4, 0.3])

    assert show.beyond_chance(table, "E-LIME", "as many at random") == pytest.approx([0.3, 0.5])
    text = show.on_object(table, 40, 2, True)
    assert "40 photographs were looked at, until 2" in text
    assert "E-LIME's share differs by +0.400, LIME's by +0.100" in text
    assert "| E-LIME | 0.600 | 0.600 |" in text


@pytest.mark.parametrize(
    ("images", "known", "says"),
    [(1, True, "of 40 photographs fewer than two"), (0, False, "has no true regions")],
)
def test_on_object_says_why_it_was_not_run(images, known, says):
    text = show.on_object(spots([]), 40, images, known)

    assert text.startswith("**Not run**")
    assert says in text


def test_stability_mentions_lime_only_where_it_ran_more_than_once():
    assert "**0.50**, by chance 0.30. Of 15 superpixels 2.0 are" in show.stability(STABLE, 3, 1)
    assert "of LIME" not in show.stability(STABLE, 3, 1)
    assert "3 runs of LIME with as many evaluations agree by 0.30" in show.stability(STABLE, 3, 3)


def test_by_size_splits_the_difference_to_lime_without_a_rest():
    at_size = {"LIME": 0.8, "E-LIME, all runs": 0.85, "random order": 0.5}

    text = show.by_size(LEVEL, at_size)

    assert "keep 50 % of the superpixels" in text
    assert "+0.300, splits into +0.200 from showing more and +0.100 from choosing" in text


def test_variants_name_the_extremes():
    table = pd.DataFrame(
        {"probability": [0.9, 0.8, 0.7], "superpixels kept (%)": [50, 60, 20.0]},
        index=["as above", "fill: black", "price 0.5"],
    )

    text = show.variants(table, 1, 30, 4, "a")

    assert text.startswith("1 run a variant")
    assert "between 0.700 (price 0.5) and 0.800 (fill: black)" in text
    assert "from 50 % of the superpixels to 20 %" in text
    assert show.variants(table, 3, 30, 4, "a").startswith("3 runs a variant")


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

    whole = elime_verdict.verdict(judged, *more, TIMES, 5.0, 4.0, STABLE, evidence([0.3, 0.6]))
    small = elime_verdict.verdict(judged, *more, None, NAN, NAN, STABLE, evidence([0.3, 0.6]))

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
        "best": np.array([[0.1, 0.2], [0.3, 0.4]]),
    }  # fmt: skip
    progress = elime_charts.progress({"cat": values}, np.array([2, 3]))
    curves = elime_charts.insertion_deletion({"insertion": np.array([[0.1, 0.2, 0.3]])}, ["LIME"])
    sizes = elime_charts.by_size(
        {"cat": np.array([[0.2, 0.3], [0.5, 0.6]])}, {"cat": np.array([0.1, 1.0])},
        ["LIME", "E-LIME, one run"],
    )  # fmt: skip
    marks = elime_charts.by_selection({("tf_efficientnet_a", "cat"): values})

    points = progress.data.groupby("search").probability.apply(list)
    assert points["E-LIME"] == [0.2, 0.3]
    assert points["random"] == [0.25, 0.35]  # best so far: 0.2, 0.3, then 0.4, 0.3
    assert points["LIME, when done"] == [0.25, 0.25]
    assert curves.data.share.tolist() == [0, 50, 100]
    assert sizes.data.order.tolist() == ["LIME", "LIME"]
    assert sizes.data.share.tolist() == [10, 100]
    assert marks.data.probability.tolist() == [0.7, 0.5, 0.6, 0.4, 0.3, 0.25]
    assert set(marks.data.pair) == {"cat, a"}
