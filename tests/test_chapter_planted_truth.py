"""Sentences and charts of the tests on trial."""

import numpy as np
import pandas as pd
import pytest

from helpers.report.chapters import planted_truth as show

NOTHING, PARTLY = show.KINDS


def areas(*rows):
    columns = ["test", "against", "kind", "area", "low", "high"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.assign(measure="m", decides=True, n=10)


TABLE = areas(
    ("one", "edges", NOTHING, 0.9, 0.8, 1.0), ("one", "both marks", PARTLY, 0.5, 0.4, 0.6),
    ("two", "edges", NOTHING, 0.2, 0.1, 0.3), ("two", "both marks", PARTLY, 0.9, 0.8, 1.0),
)  # fmt: skip


def test_the_kinds_of_maps_are_those_of_the_maps():
    from helpers.planted import references

    assert (references.WRONG, references.PARTLY) == show.KINDS


def test_the_sanity_check_gives_every_share():
    text = show.sanity({"with both marks": 0.995, "without marks": 0.25}, 0.25)

    assert (
        "with both marks 99.5 %, without marks 25.0 %. By chance it would be right in 25 %" in text
    )


@pytest.mark.parametrize(
    ("passes", "says"),
    [
        (
            {"one": True, "two": False},
            ["**1 of 2** tests", ": one.", "*two* does not: edges (0.20)."],
        ),
        ({"one": True}, ["**1 of 1** tests tell the oracle from every such map: one."]),
        ({"two": False}, ["**0 of 1** tests tell the oracle from every such map. *two* does not"]),
    ],
)
def test_a_test_that_fails_is_named_with_the_maps_that_defeat_it(passes, says):
    text = show.passing(passes, TABLE)

    assert all(part in text for part in says), text


def test_what_is_right_in_part_is_told_by_some_tests_and_not_by_others():
    assert "*both marks* not by one." in show.in_part(TABLE)
    assert "*both marks* by every test." in show.in_part(TABLE[TABLE.test == "two"])
    assert show.in_part(TABLE[TABLE.kind == NOTHING]).startswith("No test has been run")


@pytest.mark.parametrize(
    ("control", "says"),
    [
        (0.1, "is edges (0.10), and every method does better."),
        (0.5, "is edges (0.50); B do no better."),
        (None, "The mark is found best by A (0.80), B (0.30)."),
    ],
)
def test_methods_are_held_against_the_best_map_without_the_network(control, says):
    rows = [("B", 0.3), ("A", 0.8), ("gap", np.nan)]
    rows += [] if control is None else [("edges", control)]
    places = pd.DataFrame(rows, columns=["method", "value"])

    assert show.best_methods(places, ["edges", "random"]).endswith(says)


def test_the_chart_has_a_field_for_every_pair_and_what_knows_nothing_comes_first():
    spec = show.area_chart(TABLE, "areas").to_dict()

    (rows,) = spec["datasets"].values()
    assert len(rows) == len(TABLE)
    assert spec["layer"][0]["encoding"]["x"]["sort"] == ["edges", "both marks"]


def test_the_curves_are_drawn_as_they_are_beside_the_line_of_a_coin():
    curve = np.array([[0, 0], [0.5, 0.75], [1, 1]])

    (rows, coin) = sorted(
        show.roc_chart({"one": curve}, "curves").to_dict()["datasets"].values(),
        key=len,
        reverse=True,
    )

    assert [(row["false positives"], row["true positives"]) for row in rows] == [
        (0, 0), (0.5, 0.75), (1, 1),
    ]  # fmt: skip
    assert [(row["x"], row["y"]) for row in coin] == [(0, 0), (1, 1)]


def test_the_verdict_counts_each_group_but_no_conclusion():
    judged = pd.DataFrame(
        {
            "kind": ["order", "order", "conclusion"], "group": ["tests", "tests", "conclusions"],
            "verdict": ["reproduced", "not reproduced", "not reproduced"],
            "arm": "B", "same_as": "",
        }
    )  # fmt: skip

    assert show.verdict(judged) == [
        "Of **2** numbers and orders: 1 reproduced, 1 not reproduced.",
        "*tests*: 1 reproduced, 1 not reproduced.",
    ]
