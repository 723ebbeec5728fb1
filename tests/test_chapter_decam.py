"""The words, tables and charts of the chapter on DE-CAM, with made-up numbers."""

import itertools
import math

import altair as alt
import numpy as np
import pandas as pd
import pytest

from helpers.measures import multiverse
from helpers.report import claims
from helpers.report.chapters import decam as show
from helpers.report.chapters import decam_charts, decam_claims, decam_tables

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


def judged(*verdicts, keys=None):
    keys = keys or [f"row {i}" for i in range(len(verdicts))]
    return pd.DataFrame({"key": keys, "verdict": list(verdicts)})


def verdict_of(frame=None, gain=OPEN, difference=OPEN, controls=None, papers=None):
    return show.verdict(
        judged(claims.REPRODUCED) if frame is None else frame,
        pairs(UP),
        networks=["a", "b"],
        papers={} if papers is None else papers,
        images=9,
        search=(8, 20),
        gain=gain,
        difference=difference,
        controls={"random": UP} if controls is None else controls,
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


def test_networks_shows_shares_in_percent_and_which_of_the_papers_each_is():
    rows = {"a": (20, 0.5, 0.6, 10.0, 3.2e-6), "b": (4, 1.0, 0.7, 11.0, 0.0)}

    table = decam_tables.networks(rows, {"a": "VGG19"}, "bfloat16")

    assert list(table.loc["a"]) == ["VGG19", 20, 50.0, 0.6, 10.0, "3.2e-06"]
    assert list(table.loc["b"]) == ["none", 4, 100.0, 0.7, 11.0, "0.0e+00"]
    assert table.columns[-1] == "largest change of that logit, searched in bfloat16"


FILLS, SCORES, RULES = ("black", "mean color"), ("probability", "logit"), ("2/3", "all")


def in_readings(values, choices=("fill", "score", "solutions")):
    """A table of readings whose values are given in the order of the product, widths of one."""
    options = dict(zip(("fill", "score", "solutions"), (FILLS, SCORES, RULES), strict=True))
    it = iter(values)

    def claim(**_):
        value = next(it)
        return multiverse.Interval(value, value - 0.5, value + 0.5, 12)

    return multiverse.run(claim, {c: {o: o for o in options[c]} for c in choices})


def reported():
    return claims.reported("decam")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["tf_efficientnet_lite0", "squeezenet1_1"], {}),
        (["tf_mobilenetv2_100", "vgg19"], {"tf_mobilenetv2_100": "MobileNetV2", "vgg19": "VGG19"}),
        (["mobilenet_v2", "tf_mobilenetv2_100"], {"mobilenet_v2": "MobileNetV2"}),
    ],
)
def test_a_network_counts_as_the_papers_by_its_name_and_once(names, expected):
    assert decam_claims.named_by_the_paper(names) == expected


def test_the_papers_number_is_that_of_its_network_and_none_of_a_stand_in():
    assert decam_claims.printed(reported(), "MobileNetV2", "DE-CAM") == 64.6
    assert math.isnan(decam_claims.printed(reported(), None, "DE-CAM"))
    assert math.isnan(decam_claims.printed(reported(), "MobileNetV2", "RISE"))


def test_readings_become_rows_of_each_claim_on_a_network_of_the_papers_alone():
    differences = {
        ("m", "Grad-CAM"): in_readings(range(8)),
        ("a", "Grad-CAM"): in_readings(range(8)),
    }
    levels = {("m", "FullGrad"): in_readings([60, 61, 62, 63], ("fill", "score"))}

    rows = decam_claims.readings(differences, levels, {"m": "MobileNetV2"}, reported())

    keys = [row["key"] for row in rows]
    assert {key: keys.count(key) for key in keys} == {
        "diff/MobileNetV2/Grad-CAM": 8, "quality/MobileNetV2/Grad-CAM": 8,
        "not_worse/MobileNetV2/Grad-CAM": 8, "diffauc/MobileNetV2/FullGrad": 4,
    }  # fmt: skip
    assert rows[1]["reading"] == "fill=black; score=probability; solutions=all"
    assert (rows[1]["value"], rows[1]["n"]) == (1.0, 12)


@pytest.mark.parametrize(
    ("values", "within", "beyond", "undecided", "turned"),
    [
        ([0] * 8, "8 of 8 readings", 0, 0, "no choice"),
        ([9] * 8, "0 of 8 readings", 8, 0, "no choice"),
        ([5] * 8, "0 of 8 readings", 0, 8, "no choice"),
        ([0, 0, 0, 0, 9, 9, 9, -9], "4 of 8 readings", 4, 0, "fill"),
        ([0, 9, 0, 9, 0, 9, 0, 5], "4 of 8 readings", 3, 1, "solutions"),
    ],
)
def test_shares_count_readings_by_equality_up_to_the_margin(
    values, within, beyond, undecided, turned
):
    table = decam_claims.shares({("m", "Grad-CAM"): in_readings(values)}, margin=5.0)

    row = table.loc[("m", "Grad-CAM")]
    assert list(row[:4]) == [within, beyond, undecided, turned]
    assert row["least difference"] == f"{min(values):+.1f}"


def alike():
    """Readings of similarity: of one method without, of the other with the choice of the sign."""
    rows = [
        (smoothing, measure, sign, number, number - 0.5, number + 0.5, 12)
        for number, (smoothing, measure, sign) in enumerate(
            itertools.product(
                ("none", "16 pixels"), ("rank correlation", "top"), ("dropped", "kept")
            )
        )
    ]
    columns = ["smoothing", "measure", "sign", "value", "low", "high", "n"]
    table = pd.DataFrame(rows, columns=columns)
    return {"FullGrad": table[table.sign == "dropped"].drop(columns="sign"), "IG": table}


def test_similar_areas_have_one_main_measurement_among_their_readings():
    rows = decam_claims.similar(alike())

    mains = [row for row in rows if "reading" not in row]
    assert [(row["key"], row["value"]) for row in mains] == [
        ("similar/FullGrad", 4), ("similar/IG", 4),
    ]  # fmt: skip
    assert len(rows) - len(mains) == 4 + 8


def test_the_margin_is_that_of_the_rows():
    rows = reported()[reported().index.str.startswith("quality/")]

    assert set(rows.tolerance_b) == {decam_claims.MARGIN}
    assert set(reported().reported[reported().index.str.startswith("not_worse/")]) == {
        -decam_claims.MARGIN
    }


def test_costs_are_ratios_of_seconds_of_the_same_images():
    seconds = pd.DataFrame(
        {"DE-CAM": [10.0, 30.0], "Integrated Gradients": [5.0, 10.0], "AblationCAM": [20.0, 10.0]}
    )

    by_key = {row["key"]: row for row in decam_claims.cost(seconds)}

    assert by_key["cost/seconds"]["value"] == 20
    assert by_key["cost/ig"]["value"] == pytest.approx(6**0.5)  # geometric mean of 2 and 3
    assert by_key["cost/ablation"]["value"] == pytest.approx(1.5**0.5)  # of 1/2 and 3
    assert all(by_key[key]["low"] > 0 for key in ("cost/ig", "cost/ablation"))
    one = decam_claims.cost(seconds[:1])
    assert all(row["low"] == row["value"] == row["high"] and row["n"] == 1 for row in one)
    assert decam_claims.cost(pd.DataFrame()) == []


def test_evaluations_are_counted_for_each_method():
    found = decam_claims.evaluations(10, 200, 1280)

    assert found["DE-CAM"] == (2010, 0)
    assert found["AblationCAM"] == (1281, 0)
    assert found["Integrated Gradients"] == (50, 50)


def test_levels_stand_beside_the_papers_and_stand_ins_only_where_there_is_nothing_else():
    tables = {
        ("m", "DE-CAM"): in_readings(range(8)),
        ("a", "Grad-CAM"): in_readings([1, 2, 3, 4], ("fill", "score")),
    }

    named = decam_tables.levels(tables, {"m": "MobileNetV2"}, reported())
    others = decam_tables.levels({("a", "Grad-CAM"): tables["a", "Grad-CAM"]}, {}, reported())

    assert list(named.columns) == [("m", "DE-CAM")]
    assert list(named["m", "DE-CAM"]) == [0, 2, 4, 6, 64.6]
    assert list(others["a", "Grad-CAM"][:4]) == [1, 2, 3, 4]
    assert math.isnan(others["a", "Grad-CAM"].iloc[-1])


def test_similar_shows_each_reading_and_a_sign_in_a_column_of_its_own():
    shown = decam_tables.similar(alike())

    assert list(shown.columns) == ["FullGrad", "IG, sign dropped", "IG, sign kept"]
    assert shown.loc[("rank correlation", "16 pixels"), "FullGrad"] == "+4.00 [+3.50, +4.50]"
    assert shown.loc[("top", "none"), "IG, sign kept"] == "+3.00 [+2.50, +3.50]"


def test_costs_show_evaluations_first_and_seconds_where_they_were_taken():
    evaluations = {"Grad-CAM": (1, 1), "DE-CAM": (2010, 0)}

    table = decam_tables.costs(evaluations, pd.DataFrame({"DE-CAM": [1.0, 3.0]}))

    assert list(table.columns[:1]) == ["model evaluations"]
    assert list(table.loc["DE-CAM"]) == ["2,010", "none", "2.00"]
    assert list(table.loc["Grad-CAM"]) == ["1", "1", "not timed"]


def test_tables_of_searches_show_means_and_the_range_of_the_images():
    parts = (np.array([0.1, 0.3]), np.array([0.2, 0.2]), np.array([0.5, 0.6]))

    by_alpha = decam_tables.calibration({("a", 20.0): parts})
    by_choice = decam_tables.choices({"as above": (np.array([10.0, 20.0]), parts[0])})

    assert list(by_alpha.loc[("a", 20.0)]) == [20.0, 20.0, 55.0]
    assert list(by_choice.loc["as above"]) == [15.0, 10.0, 20.0, 0.2]


def test_photographs_of_the_figures_come_in_the_papers_order_with_numbers_alone():
    row = (True, 0.21, {"DE-CAM": 41.4}, {"FullGrad": 0.456})

    table = decam_tables.of_figures([row, (False, *row[1:])])

    assert list(table.index) == ["stupa", "bee"]
    assert list(table.loc["stupa"]) == ["yes", "21", "41", "0.46"]
    assert table.loc["bee"].iloc[0] == "no"
    assert "no photographs" in decam_tables.of_figures([]).iloc[0, 0]


def test_sanity_gives_all_four_numbers():
    text = show.sanity(3, 3.6e-7, plain=0.001, blurred=0.0871)

    assert text.startswith("Over 3 images")
    assert "at most 3.6e-07" in text
    assert "0.0010 for an image without content and 0.087 for a blurred one" in text


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (1, "One value was given, in logits: a **alpha = 20**, b **alpha = 5**."),
        (
            4,
            "*Means over 2 held-out images.* The rule takes, in logits: a **alpha = 20**, "
            "b **alpha = 5**.",
        ),
    ],
)
def test_calibration_speaks_of_a_rule_only_where_there_was_a_choice(values, expected):
    assert show.calibration({"a": 20.0, "b": 5.0}, values, 2) == expected


@pytest.mark.parametrize(
    ("collection", "held_out", "expected"),
    [
        (True, 4, "(20 of Foolbox, 80 of the collection) on the first network, and settles alpha "
         "on 4 that are not evaluated."),
        (False, 1, "(20 of Foolbox) on the first network, and settles alpha on 1 that is not "
         "evaluated, of Foolbox's too."),
    ],
)  # fmt: skip
def test_photographs_are_told_with_those_that_are_not_evaluated(collection, held_out, expected):
    text = show.photographs(100 if collection else 20, 20, held_out, collection)

    assert text.endswith(expected)


def test_what_the_papers_generations_need_is_counted():
    text = show.counted(200, 1280)

    assert "takes 201 evaluations for each individual" in text
    assert "AblationCAM's 1,281 on this network leave a population of 6;" in text
    assert "need 20,100 evaluations for one hundred: 16 times AblationCAM's and 402 times" in text
    assert show.counted(8, 1280) == f"{text} This run has 8 generations."


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        ((0.02, 0.01, 0.03), "brings 2 % [1, 3] of the gain in the best fitness: the search has "
         "nearly converged."),
        ((0.10, 0.06, 0.2), "has not converged, and a longer one would find fitter masks."),
        ((0.05, 0.01, 0.08), "whether the search has converged cannot be said."),
        (NAN, "was not compared with the others."),
    ],
)  # fmt: skip
def test_convergence_is_told_by_the_side_of_five_per_cent(late, expected):
    assert show.convergence(late, 10, 200, 100).endswith(expected)


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        (UP, "What comes after 810 evaluations adds 3.0 [1.0, 5.0] points."),
        (DOWN, "What comes after 810 evaluations takes away 3.0 [1.0, 5.0] points."),
        (OPEN, "changes DiffAUC by -0.8 [-6.3, +5.2] points, not measurably."),
        (NAN, "What its later part adds was not measured."),
    ],
)
def test_what_the_last_part_adds_is_told_by_the_side_of_zero(gain, expected):
    assert show.late(gain, 810).endswith(expected)


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

    several = kind.replace("depends", "depend")
    assert first == f"Of **2** numbers and orders: 2 {several}."


@pytest.mark.parametrize(
    ("networks", "papers", "expected"),
    [
        (["a"], {}, "None of the paper's networks was run, so that no row on a network has a "
         "verdict; a was searched on 9 images with 8 individuals and 20 generations."),
        (["a", "b"], {}, "generations. So was b, on fewer."),
        (["a", "b", "c"], {}, "generations. So were b, c, on fewer."),
        (["m"], {"m": "MobileNetV2"}, "Of the paper's networks MobileNetV2 (`m`) was run; not "
         "run: VGG19, ResNet50; m on 9 images, with 8 individuals and 20 generations."),
        (["m", "b"], {"m": "MobileNetV2"}, " Shown beside, without a verdict: b."),
        (["v", "r", "m"], {"v": "VGG19", "r": "ResNet50", "m": "MobileNetV2"},
         "MobileNetV2 (`m`) was run; v on 9 images, with 8 individuals and 20 generations."),
    ],
)  # fmt: skip
def test_the_verdict_says_which_of_the_papers_networks_were_run(networks, papers, expected):
    assert show.which(networks, papers, 9, (8, 20)).endswith(expected)


@pytest.mark.parametrize(("gain", "difference"), itertools.product([UP, DOWN, OPEN, NAN], repeat=2))
def test_the_verdict_tells_what_the_search_gained(gain, difference):
    sentences = verdict_of(gain=gain, difference=difference)

    assert show.gained(gain) in sentences
    assert show.against_rise(difference) in sentences


@pytest.mark.parametrize(
    ("interval", "side"),
    [
        (UP, "better"),
        (DOWN, "worse"),
        (OPEN, "cannot be told apart"),
        ((2.0, 0.0, 4.0), "cannot be told apart"),
        ((-2.0, -4.0, 0.0), "cannot be told apart"),
    ],
)
@pytest.mark.parametrize("verdict", claims.VERDICTS)
def test_a_comparison_tells_the_direction_and_the_verdict_of_its_row(interval, side, verdict):
    frame = judged(verdict, keys=["quality/MobileNetV2/Grad-CAM"])

    text = show.comparisons(frame, pairs(interval), "a", "MobileNetV2")

    assert f"points from Grad-CAM ({side}; {verdict})" in text
    assert text.startswith("On MobileNetV2 DE-CAM's score differs by")


def test_a_comparison_speaks_of_both_rivals_of_that_network_and_of_no_other():
    keys = ["quality/MobileNetV2/Grad-CAM", "quality/MobileNetV2/FullGrad"]
    frame = judged(claims.REPRODUCED, claims.INCONCLUSIVE, keys=keys)
    all_pairs = pd.concat(
        [
            pairs(UP), pairs(OPEN, method="FullGrad"), pairs(DOWN, method="RISE"),
            pairs(DOWN).assign(network="b"),
        ]
    )  # fmt: skip

    text = show.comparisons(frame, all_pairs, "a", "MobileNetV2")

    assert "+3.0 [+1.0, +5.0] points from Grad-CAM (better; reproduced) and by -0.8" in text
    assert text.count("points from") == 2
    assert show.comparisons(frame, all_pairs, "c", "MobileNetV2").endswith("was not compared.")


@pytest.mark.parametrize("papers", [{}, {"a": "MobileNetV2"}])
def test_the_verdict_compares_on_the_papers_networks_alone(papers):
    frame = judged(claims.NOT_RUN, keys=["quality/MobileNetV2/Grad-CAM"])

    sentences = verdict_of(frame, papers=papers)

    assert sum("On MobileNetV2" in sentence for sentence in sentences) == len(papers)


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ({"random": UP, "edges": UP}, "Of the 2 model-independent baselines", ),
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


@pytest.mark.parametrize(("sign", "border"), [(1, 5.0), (-1, -5.0)])
def test_the_curve_of_readings_has_a_dot_for_each_and_the_margin_on_their_side(sign, border):
    table = in_readings([sign * value for value in (0, 1, 2, 3, 4, 5, 6, 9)])

    spec = decam_charts.readings(table, 5.0, "m").to_dict()

    shown = [row for rows in spec["datasets"].values() for row in rows]
    assert len({row["reading"] for row in shown if "reading" in row}) == 8
    verdicts = {row["value"]: row["verdict"] for row in shown if "reading" in row}
    assert verdicts[sign * 2.0] == claims.REPRODUCED
    assert verdicts[sign * 9.0] == claims.NOT_REPRODUCED
    assert verdicts[sign * 5.0] == claims.INCONCLUSIVE
    assert spec["description"].endswith("on m")
    ((line,),) = [rows for rows in spec["datasets"].values() if [*rows[0]] == ["y"]]
    places = {row["value"]: row["y"] for row in shown if "reading" in row}
    assert line["y"] == pytest.approx(places[border])
