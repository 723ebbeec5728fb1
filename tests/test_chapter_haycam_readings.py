"""The claims on HayCAM+ in all readings, on arrays small enough to read; and their sentences."""

import math

import numpy as np
import pandas as pd
import pytest

from helpers.report import claims, multiverse_rows
from helpers.report.chapters import haycam_charts, haycam_findings, haycam_readings

AXES = haycam_readings.Axes(
    variants=[
        ("Grad-CAM", {}),
        ("HayCAM", {"projection": "one"}),
        ("HayCAM", {"projection": "two"}),
        ("HayCAM+", {"sign": "a", "PCA": "s"}),
        ("HayCAM+", {"sign": "b", "PCA": "s"}),
    ],
    rules=[("maximum", "0.2"), ("range", "0.2")],
    forms=[("half", "maximum"), ("half", "range")],
    over=["maps", "images"],
    signs=["a", "b"],
    projections=["one", "two"],
)
IMAGES, NET = 4, {"network": "net", "weights": "w", "layer": "last"}
MAIN = NET | {"threshold": "0.2", "scale": "maximum", "sign": "a", "PCA": "s", "projection": "one"}
MAIN |= {"measure": "half", "over": "maps", "beside": "chance"}
KEY = "order/iou/HayCAM+ > Grad-CAM"


def interval(values):
    mean = np.ma.masked_invalid(values).mean(axis=0).filled(np.nan)
    return mean, mean - 0.1, mean + 0.1


@pytest.fixture
def arm():
    """Of variant v, image i and rule r the overlap is v + i / 10 + r / 100."""
    v, i, r = np.ogrid[:5, :IMAGES, :2]
    found = {
        "iou": v + i / 10 + r / 100,
        "focus": 10.0 * v + r + 0 * i,
        "hits": np.tile([[1.0], [0.0], [1.0], [1.0], [0.0]], (1, IMAGES)),
        "kept": np.array([[1.0] * IMAGES, [2.0] * IMAGES]),
        "alike": np.array([[0.9] * IMAGES, [0.5] * IMAGES, [1.0] * IMAGES]),
        "relation": np.arange(2 * 1 * 2 * 1 * IMAGES, dtype=float).reshape(2, 1, 2, 1, IMAGES),
    }
    return haycam_readings.Arm(NET, found)


def by_reading(series):
    return {tuple(choices.items()): values.round(9).tolist() for choices, values in series}


def test_an_order_is_measured_in_the_product_of_rules_and_variants(arm):
    found = haycam_readings.orders([arm, arm], AXES, "HayCAM+", "HayCAM")

    assert len(found) == 2 * 2 * 2 * 2
    choices, values = found[0]
    assert choices == NET | {
        "threshold": "0.2", "scale": "maximum", "sign": "a", "PCA": "s", "projection": "one"
    }  # fmt: skip
    np.testing.assert_allclose(values, [2] * IMAGES)  # 3 less 1, whatever the image
    assert {len(choices) for choices, _ in found} == {8}


def test_focus_is_the_other_methods_area_less_haycam_pluss(arm):
    found = haycam_readings.focus([arm], AXES, "Grad-CAM")

    assert len(found) == 2 * 2
    np.testing.assert_allclose(found[0][1], [-30] * IMAGES)  # 0 less 30: less focused


def test_the_relation_is_taken_at_its_place(arm):
    found = by_reading(haycam_readings.relation([arm], AXES))

    key = NET | {"over": "images", "measure": "half", "threshold": "0.2", "scale": "range"}
    assert found[tuple(key.items())] == [12, 13, 14, 15]
    assert len(found) == 4


def test_classes_are_less_alike_after_pca_where_the_difference_is_positive(arm):
    found = haycam_readings.other_class([arm], AXES)

    assert [choices["projection"] for choices, _ in found] == ["one", "two"]
    assert [values[0] for _, values in found] == pytest.approx([0.4, -0.1])


def test_hits_are_held_against_each_place_without_a_map(arm):
    beside = {"chance": np.full(IMAGES, 10.0), "middle": np.array([100.0, 0, 0, 0])}

    found = haycam_readings.points([arm], AXES, "Grad-CAM", beside)

    assert [values.tolist() for _, values in found] == [[90] * 4, [0, 100, 100, 100]]


def test_without_masks_there_are_no_hits_and_no_kept_components(arm):
    bare = arm._replace(found={"alike": arm.found["alike"]})

    assert haycam_readings.points([bare], AXES, "HayCAM", {"chance": np.zeros(4)}) == []
    assert haycam_readings.kept([bare], AXES) == []
    assert haycam_readings.rows("pca/kept", [], interval, MAIN) == []


@pytest.mark.parametrize(
    ("key", "count"),
    [
        (KEY, 4),
        ("focus/HayCAM+ < HayCAM", 8),
        ("focus/boxes", 4),
        ("pca/kept", 2),
        ("pca/other class", 2),
        ("points/HayCAM+", 2),
        ("iou/HayCAM+", None),
        ("order/dice/HayCAM+ > Grad-CAM", None),
        ("conclusion/PCA", None),
    ],
)
def test_a_claims_readings_follow_from_its_key(arm, key, count):
    found = haycam_readings.of_claim(key, [arm], AXES, {"chance": np.zeros(IMAGES)})

    assert (found if found is None else len(found)) == count


def test_every_claim_of_the_paper_that_names_readings_has_them(arm):
    reported = claims.reported("haycam")
    for key, row in reported.iterrows():
        found = haycam_readings.of_claim(key, [arm], AXES, {"chance": np.zeros(IMAGES)})
        assert (found is not None) == bool(row.readings), key
        for choices, _ in found or []:
            assert {*choices} == {*row.readings.split("; ")}, key


def test_the_main_reading_is_the_measurement_and_readings_without_a_number_are_left_out():
    gone = np.full(IMAGES, np.nan)
    series = [
        (NET | {"sign": "a"}, np.array([1.0, np.nan, 3, 2])),
        (NET | {"sign": "b"}, np.ones(IMAGES)),
        (NET | {"sign": "c"}, gone),
    ]

    made = haycam_readings.rows("pca/kept", series, interval, MAIN)

    assert [row.get("reading", "main").rpartition("=")[2] for row in made] == ["a", "main", "b"]
    assert made[0]["value"] == made[1]["value"] == 2
    assert (made[1]["n"], made[2]["n"]) == (3, 4)
    assert all("reading" in row for row in haycam_readings.rows("k", series, interval, None))


def frame(arm):
    made = haycam_readings.rows(
        KEY, haycam_readings.orders([arm], AXES, "HayCAM+", "Grad-CAM"), interval, None
    )
    measured = claims.Measurements(orders=made)
    return measured.readings()


def test_readings_are_a_table_with_a_column_a_choice_that_is_not_fixed(arm):
    table = multiverse_rows.table_of(frame(arm), KEY, NET | {"scale": "range"})

    assert list(table) == ["threshold", "sign", "PCA", "value", "low", "high", "n"]
    assert table.sign.tolist() == ["a", "b"]
    assert multiverse_rows.table_of(frame(arm), "other", {}).empty


def test_shares_by_option_are_those_of_the_claims_own_rule(arm):
    arm.found["iou"][4] = -1  # HayCAM+ with sign b is worse than Grad-CAM
    reported = claims.reported("haycam")

    table = haycam_readings.by_option(frame(arm), reported, [KEY, "focus/boxes"])

    assert list(table) == [reported.says[KEY]]
    assert table.loc[("sign", "a")].item() == "100%"
    assert table.loc[("sign", "b")].item() == "0%"
    assert table.loc[("scale", "range")].item() == "50%"


def test_readings_are_counted_by_outcome(arm):
    arm.found["iou"][4] = -1  # HayCAM+ with sign b is worse than Grad-CAM
    reported = claims.reported("haycam")

    every = haycam_readings.counts(frame(arm), reported, [KEY], {})
    one_scale = haycam_readings.counts(frame(arm), reported, [KEY], {"scale": "range"})

    assert every.loc[reported.says[KEY]].tolist() == [2, 2, 0]
    assert one_scale.loc[reported.says[KEY]].tolist() == [1, 1, 0]


def test_the_chart_of_readings_has_those_of_the_fixed_choices(arm):
    reported = claims.reported("haycam")

    chart = haycam_charts.readings(frame(arm), reported, KEY, NET, "difference")
    none = haycam_charts.readings(frame(arm), reported, KEY, {"network": "x"}, "difference")

    assert "HayCAM+ has a larger mean IoU than Grad-CAM" in chart.description
    assert "no readings" in none.data


def judged(**changes):
    row = {
        "key": KEY, "kind": "order", "says": "HayCAM+ has better boxes", "unit": "IoU",
        "same_as": "", "rests_on": "", "verdict": claims.DEPENDS,
        "main_verdict": claims.REPRODUCED, "value": 0.123,
        "low": 0.1, "high": 0.15, "readings_run": 9, "readings_hold": 4, "turned_by": "scale",
    }  # fmt: skip
    return pd.DataFrame([row | changes])


def test_a_row_tells_its_main_number_and_in_how_many_readings_it_holds():
    rows = [judged(), judged(same_as="x"), judged(rests_on="all: y")]
    table = multiverse_rows.shares(pd.concat(rows), "order/")

    assert len(table) == 1
    assert table["ours, main reading"].iloc[0] == "0.123 [0.1, 0.15] IoU"
    assert table["holds in"].iloc[0] == "4 of 9 readings"
    unmeasured = multiverse_rows.shares(judged(value=math.nan), "order/")
    assert unmeasured["ours, main reading"].iloc[0] == ""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "**depends on the reading**: by the main reading the value is 0.123 [0.1, 0.15], and "
             "it holds in 4 of 9 readings; “scale” changes it most."),
        ({"turned_by": ""}, "holds in 4 of 9 readings."),
        ({"readings_run": 1, "turned_by": "", "verdict": claims.REPRODUCED},
         "**holds**: by the main reading the value is 0.123 [0.1, 0.15]."),
        ({"verdict": claims.NOT_REPRODUCED}, "**does not hold**: by"),
        ({"verdict": claims.INCONCLUSIVE}, "**is undecided**: by"),
        ({"verdict": claims.NOT_RUN}, "That HayCAM+ has better boxes **was not measured**."),
        ({"verdict": claims.NOT_COMPARABLE}, "**cannot be compared**."),
        ({"says": "The more focused map is better"}, "That the more focused map is better **"),
    ],
)  # fmt: skip
def test_what_became_of_a_claim_is_told_for_every_verdict(changes, told):
    assert told in haycam_findings.readings_sentence(judged(**changes), KEY)


@pytest.mark.parametrize(
    ("verdict", "word"),
    [
        (claims.REPRODUCED, "holds"),
        (claims.NOT_REPRODUCED, "does not hold"),
        (claims.INCONCLUSIVE, "is undecided"),
        (claims.DEPENDS, "depends on the reading"),
        (claims.NOT_COMPARABLE, "cannot be compared"),
        (claims.NOT_RUN, "was not measured"),
    ],
)
def test_a_conclusion_is_told_with_its_rows(verdict, word):
    conclusion = judged(key="conclusion/x", kind="conclusion", says="All is well", verdict=verdict)

    text = haycam_findings.group_sentence(
        pd.concat([judged(), judged(key="order/2", verdict=claims.REPRODUCED), conclusion]),
        "order/",
        "conclusion/x",
    )

    assert text == (f"“All is well” **{word}**: of 2 rows 1 reproduced, 1 depends on the reading.")


@pytest.mark.parametrize(
    ("accuracies", "left", "told"),
    [
        ({("a", "tuned"): 91.25}, [], "Correct on test images: a (tuned) 91.2 %."),
        (
            {("a", "tuned"): 90, ("a", "as is"): math.nan},
            [],
            "a (tuned) 90.0 %. a is read unchanged as well, with",
        ),
        (
            {("a", "tuned"): 90, ("a", "as is"): math.nan, ("b", "as is"): math.nan},
            ["c"],
            "a and b are read unchanged as well",
        ),
        ({("a", "tuned"): 90}, ["b", "c"], "Not run, as their weights are not at hand: b and c;"),
    ],
)
def test_networks_are_told_with_those_that_were_not_run(accuracies, left, told):
    assert told in haycam_findings.networks_sentence(accuracies, left)


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (0.5, 0.6, "None of these pairs is one map."),
        (0.99, 0.6, " a and b: nearly one map, so that they count as one method, not as two."),
        (
            0.99,
            0.97,
            " a and b; c and d: nearly one map, so that each of these pairs counts as one",
        ),
    ],
)
def test_pairs_of_maps_that_are_nearly_one_are_told(first, second, told):
    text = haycam_findings.alike_sentence({("a", "b"): first, ("c", "d"): second})

    assert f"a and b by **{first:.3f}**, c and d by **{second:.3f}**." in text
    assert told in text


@pytest.mark.parametrize(
    ("after", "told"), [(0.5, "less alike"), (0.7, "more alike"), (0.602, "as alike")]
)
def test_what_pca_does_to_the_maps_of_two_classes_is_told(after, told):
    text = haycam_findings.blind_sentence(0.6, after)

    assert f"correlate by 0.600; HayCAM's, which are these after PCA, by {after:.3f}" in text
    assert f"PCA makes them {told}." in text


def test_the_network_of_the_pictures_is_told():
    some = haycam_findings.pictures_sentence("net", 0.5, 60, 12)
    none = haycam_findings.pictures_sentence("net", 0.5, 60, 0)

    assert "by net, the network that gives the numbers; it is right on 50 % of 60 of them" in some
    assert some.endswith("whose mask it recognizes are shown.")
    assert none.endswith("recognizes the mask on none, so that these maps explain wrong decisions.")


def test_a_reading_is_written_with_all_its_choices(arm):
    reading = frame(arm).reading.iloc[0]

    assert multiverse_rows.parsed(reading) == NET | {
        "threshold": "0.2", "scale": "maximum", "sign": "a", "PCA": "s"
    }  # fmt: skip
