"""What pages say of the order over networks, from orders that are small enough to read."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from helpers.ranking import orders
from helpers.report import leaderboard, methods, order
from helpers.report.chapters import ranking
from helpers.store import reading

KINDS = {
    "Grad-CAM": "activation map", "Gradient": "gradient", "edges": "control",
    "RISE, 100": "black box", "RISE, 900": "black box",
}  # fmt: skip
TESTS = ["decision", "insertion and deletion", "localization"]
EVERY = ["Grad-CAM", "Gradient", "edges"]
CARD = {"profile": "laptop", "command": "run it", "parameters": {"networks": "one two"}}


def rows(among, names, of_tests, seconds, images=48):
    """Rows of an order from standings (T, M), the same in every draw."""
    drawn = np.tile(np.array(of_tests, dtype=float), (3, 1, 1))
    cost = np.array([[spent, 10 * spent, 1] for spent in seconds])
    table = ranking.order_table(names, KINDS, np.nanmean(drawn, 1), cost)
    return ranking.order_rows(
        among, table, names, TESTS[: len(of_tests)], drawn, images=images, networks=2
    )


def all_methods():
    return rows(order.EVERY, EVERY, [[1, 0.5, 0], [0.4, 1, 0.1], [1, 0, 0.5]], [0.02, 0.1, 0.001])


def asked():
    names = ["Grad-CAM", "RISE, 100", "RISE, 900", "edges"]
    return rows(order.ASKED, names, [[0.5] * 4, [0.6, 0.4, 1, 0]], [0.02, 1, 9, 0.001], images=8)


def read(folder, *parts):
    pd.concat(parts).to_csv(folder / "ranking-order.csv", index=False)
    return order.load(folder)


def test_without_a_run_there_is_no_order_and_pages_follow_the_matrix(tmp_path):
    assert order.load(tmp_path) is None
    assert leaderboard.order_section(None, {}) == ""
    assert "One network, `" in methods.which_page(leaderboard.matrix(), None)


def test_rows_hold_each_method_in_all_tests_and_in_each():
    table = all_methods()

    assert len(table) == len(EVERY) * (1 + len(TESTS))
    at = table.set_index(["method", "test"])
    assert at.standing["Grad-CAM", order.ALL] == pytest.approx(2.4 / 3, abs=1e-6)
    assert at.standing["Gradient", "localization"] == 0
    assert (at.images == 48).all()
    assert (at.networks == 2).all()
    assert at.passes["Gradient", "decision"] == 1
    assert at.seconds["Gradient", "decision"] == 0.1


def test_the_mean_over_networks_leaves_out_one_without_a_number():
    means = np.array([[[1.0, math.nan]], [[0.5, 0.25]]])  # two networks, a test, two methods

    np.testing.assert_allclose(orders.over_networks(means), [[0.75, 0.25]])


def test_the_leaderboard_begins_with_the_order_and_says_on_what(tmp_path):
    page = leaderboard.order_section(read(tmp_path, all_methods(), asked()), CARD)

    assert page.lstrip().startswith("## The order over 2 networks")
    assert "one of 48 photographs" in page
    assert "in 3 tests" in page
    assert "<code>one</code>, <code>two</code>" in page
    assert "run it" in page
    names = re.findall(r'<th scope="row">([^<]*) <small>', page)
    assert names == ["Grad-CAM", "Gradient", "edges"]
    assert "on 8 of the photographs" in page
    assert "Black boxes" not in leaderboard.order_section(read(tmp_path, all_methods()), CARD)


def test_a_rank_in_the_table_is_that_among_the_methods_of_its_test(tmp_path):
    places = leaderboard.standings.with_places(order.as_matrix(read(tmp_path, all_methods())))
    found = places[places.decides].set_index(["method", "test"]).place

    assert found["Grad-CAM", "insertion and deletion"] == 2
    assert found["Gradient", "insertion and deletion"] == 1
    assert found["Gradient", "localization"] == 3
    assert set(places.seconds[places.method == "Gradient"]) == {0.1}


def test_which_method_follows_the_order_and_black_boxes_that_of_those_that_ask(tmp_path):
    page = methods.which_page(None, read(tmp_path, all_methods(), asked()))
    parts = dict(re.findall(r"## ([^\n]*)\n(.*?)(?=\n## |\Z)", page, flags=re.DOTALL))

    assert "**Gradient** stands first" in parts["Debug a decision"]  # .75 of two tests, before .7
    assert "| 0.70 | sensitivity to the decision: 1 of 3" in parts["Debug a decision"]
    assert "**Grad-CAM** stands first" in parts["Localize an object"]
    assert "**RISE, 900** stands first" in parts[methods.BLACK_BOX]
    assert "**Grad-CAM** stands first" in parts["Explain cheaply"]
    assert "2 networks, all convolutional, and 48 photographs" in page


def test_without_black_boxes_their_need_has_no_answer(tmp_path):
    page = methods.which_page(None, read(tmp_path, all_methods()))

    assert "No method that fits was measured." in page.partition("## " + methods.BLACK_BOX)[2]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("standing", 1.2, "outside 0 to 1"),
        ("low", 0.99, "outside 0 to 1 or its interval"),
        ("kind", "magic", "unknown kind"),
        ("among", "some", "unknown group"),
        ("images", "many", "images"),
    ],
)
def test_an_order_that_cannot_be_is_refused_with_its_file(tmp_path, column, value, said):
    table = all_methods().astype({column: object})
    table.loc[table.index[0], column] = value

    with pytest.raises(reading.Damaged, match=said) as error:
        read(tmp_path, table)
    assert "ranking-order.csv" in str(error.value)


def test_a_method_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(reading.Damaged):
        read(tmp_path, all_methods(), all_methods())
