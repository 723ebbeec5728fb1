"""What the ranking's page says: sentences, tables and charts from numbers."""

import math

import numpy as np
import pandas as pd
import pytest

from helpers.ranking import orders
from helpers.ranking.pieces import Scores
from helpers.report.chapters import ranking as show

KINDS = {"a": "gradient", "b": "relevance", "Grad-CAM": "activation map", "edges": "control"}
NAMES = list(KINDS)


def table_of(*standings, passes=None):
    overall = np.tile(np.array(standings, dtype=float), (3, 1))
    passes = passes or [1.0] * len(standings)
    cost = np.array([[0.5, number, 1] for number in passes])
    return show.order_table(NAMES[: len(standings)], KINDS, overall, cost)


def test_the_order_begins_with_the_best_and_keeps_what_has_no_number():
    table = table_of(0.2, 0.9, math.nan, 0.5)

    assert table.method.tolist() == ["b", "edges", "a", "Grad-CAM"]
    assert table.kind.tolist() == ["relevance", "control", "gradient", "activation map"]


def test_sentences_name_first_and_last_equal_ones_controls_and_same_maps():
    text = show.order_sentences(
        table_of(0.2, 0.9, 0.8, 0.5), [["b", "Grad-CAM"], ["a"]], 1.25, 40, [["a", "b"]]
    )

    assert "First stands **b** (0.90 [0.90, 0.90]), last a (0.20)" in text
    assert "Over 40 images mean ranks must differ by 1.25" in text
    assert "b and Grad-CAM cannot be told apart at the top" in text
    assert "The best map that ignores the network is edges (0.50); below it stand a." in text
    assert "come from: a and b." in text


def test_a_control_below_all_methods_and_a_clear_winner_are_told_so():
    text = show.order_sentences(table_of(0.2, 0.9, 0.8, 0.1), [["b"]], 1.0, 40, [])

    assert "edges (0.10); every method is above." in text
    assert "cannot be told apart" not in text
    assert "Nearly the same maps" not in text


def test_without_any_number_there_is_no_order():
    assert show.order_sentences(table_of(math.nan, math.nan), [], 1.0, 0, []).startswith("No met")


def test_the_best_control_is_held_against_the_middle_method_in_every_draw():
    overall = np.array([[0.2, 0.9, 0.6, 0.5], [0.2, 0.4, 0.3, 0.7]])

    found = show.best_control(overall, NAMES, KINDS)

    np.testing.assert_allclose(found, [0.5 - 0.6, 0.7 - 0.3])


def scores(values, gaps=None):
    count = values.shape[2]
    alike = np.ones((values.shape[1],) * 2 + (count,))
    return Scores(values, np.ones((values.shape[1], 3)), alike, gaps or {}, np.array([0.5]))


def test_sizes_count_images_on_which_any_method_has_a_number():
    values = np.ones((2, 2, 3))
    values[1, :, 0] = math.nan
    values[1, 0, 1] = math.nan

    table = show.sizes({"net": scores(values)}, ["one", "two"])

    assert table.loc["net"].tolist() == [3, 2, "0.50"]


def test_gaps_of_one_reason_stand_in_one_row_without_the_fills():
    gaps = {("one", "a"): "why", ("two", "a"): "why", ("removal, grey", "a"): "why"}

    table = show.gaps({"net": scores(np.ones((2, 1, 3)), gaps)})

    assert table.to_numpy().tolist() == [["net", "a", "one, two", "why"]]


def test_black_boxes_stand_beside_the_others_on_the_same_images_and_tests():
    others = {"net": scores(np.arange(24.0).reshape(2, 3, 4))}
    asked = {"net": scores(np.full((1, 2, 2), -1.0))}

    found = show.beside(asked, others, ["one", "two"], ["two"])

    assert found.shape == (1, 1, 5, 2)
    np.testing.assert_allclose(found[0, 0, :, 0], [12, 16, 20, -1, -1])


def test_fills_are_compared_two_by_two():
    drawn = np.random.default_rng(0).random((3, 2, 3, 5))

    found = show.fill_agreement(drawn, ["x", "y", "z"], orders.agreement)

    assert list(found) == ["x and y", "x and z", "y and z"]
    means = drawn[0].mean(0)
    assert found["x and z"][0] == pytest.approx(orders.agreement(means[0], means[2]))


def test_what_is_left_out_is_listed_by_kind_and_one_network_alone_is_not():
    left = {"network": None, "test": np.array([[0.9, 0.5], [0.8, 0.4], [1.0, 0.6]])}

    table = show.left_out({"network": ["n"], "test": ["s", "t"]}, left, {"x and y": np.ones(3)})

    assert table.index.tolist() == [
        ("without the test", "s"), ("without the test", "t"), ("removal alone", "x and y"),
    ]  # fmt: skip
    assert table["rank correlation"].tolist() == [0.9, 0.5, 1.0]


def test_a_black_box_overtakes_at_the_least_budget_that_stands_above_grad_cam():
    names = ["Grad-CAM", "RISE, 100", "RISE, 900", "LIME, 100"]
    kinds = {"Grad-CAM": "activation map", **dict.fromkeys(names[1:], "black box")}
    overall = np.tile([0.5, 0.4, 0.8, 0.1], (3, 1))
    cost = np.array([[0, 1, 1], [0, 100, 0], [0, 900, 0], [0, 100, 0]])
    table = show.order_table(names, kinds, overall, cost)

    text = show.budget_sentences(table, ["Grad-CAM", "RISE, 900"])

    assert "RISE from 900 evaluations on" in text
    assert "LIME with no budget" in text
    assert text.endswith("above these: Grad-CAM; RISE, 900.")
    spec = show.budget_chart(table).to_dict()
    assert spec["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


def test_other_images_are_told_only_where_they_were_measured():
    assert show.other_images(None) == show.NOT_COMPARED
    assert "by 0.50 [0.50, 0.50]" in show.other_images(np.full(3, 0.5))


def test_the_order_chart_draws_each_method_that_has_a_number_once():
    spec = show.order_chart(table_of(0.2, 0.9, math.nan, 0.5)).to_dict()

    (rows,) = spec["datasets"].values()
    assert [row["method"] for row in rows] == ["b", "edges", "a"]
    assert spec["layer"][0]["encoding"]["y"]["axis"]["labelOverlap"] is False  # every name is shown


def test_tests_stand_beside_their_mean_and_the_best_first():
    means = np.array([[[0.1, 0.9], [0.3, 0.5]], [[0.3, 0.7], [0.5, 0.7]]])

    table = show.by_test(["a", "b"], ["one", "two"], means)

    assert table.index.tolist() == ["b", "a"]
    assert table.loc["a"].tolist() == [0.3, 0.2, 0.4]


def test_the_verdict_names_the_first_three():
    judged = pd.DataFrame(
        {"key": ["x"], "kind": ["order"], "group": ["g"], "verdict": ["reproduced"], "arm": ["B"],
         "same_as": [""]}
    )  # fmt: skip

    text = show.verdict(judged, table_of(0.2, 0.9, 0.8, 0.5))

    assert text[-1] == "First in the order stand b (0.90), Grad-CAM (0.80) and edges (0.50)."
