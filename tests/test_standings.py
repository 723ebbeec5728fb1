"""Ranks and the Pareto front, on a table small enough to rank by hand."""

import numpy as np
import pandas as pd
import pytest

from helpers.measures import standings

SECONDS = {"fast": 0.1, "slow": 9.0, "noise": 0.01}


def rows(test, values, better=1, measure="share"):
    return pd.DataFrame(
        {
            "network": "net",
            "test": test,
            "measure": measure,
            "method": list(values),
            "kind": ["control" if name == "noise" else "gradient" for name in values],
            "value": list(values.values()),
            "better": better,
        }
    )


def placed(values, better=1):
    cost = rows("cost", SECONDS, -1, standings.SECONDS)
    table = standings.with_places(pd.concat([rows("trial", values, better), cost]))
    return table[table.test == "trial"].set_index("method")


@pytest.mark.parametrize(
    ("better", "places"),
    [(1, {"fast": 2, "slow": 1, "noise": 3}), (-1, {"fast": 2, "slow": 3, "noise": 1})],
)
def test_first_place_goes_to_the_better_value(better, places):
    assert placed({"fast": 5, "slow": 7, "noise": 1}, better).place.to_dict() == places


def test_where_neither_side_is_better_the_largest_comes_first():
    assert placed({"fast": 5, "slow": 7, "noise": 1}, better=0).place["slow"] == 1


def test_equal_values_share_the_smaller_place_and_a_gap_has_none():
    table = placed({"fast": 5, "slow": 5, "noise": np.nan})

    assert table.place[["fast", "slow"]].tolist() == [1, 1]
    assert np.isnan(table.place["noise"])
    assert set(table.of) == {2}


def test_front_leaves_out_what_a_faster_method_equals_or_surpasses():
    equal = placed({"fast": 5, "slow": 5, "noise": 1})
    ahead = placed({"fast": 5, "slow": 7, "noise": 6})

    assert standings.pareto_front(equal).index.tolist() == ["noise", "fast"]
    assert standings.pareto_front(ahead).index.tolist() == ["noise", "slow"]


def test_control_in_the_upper_half_is_found_and_one_below_is_not():
    values = {"fast": 9, "slow": 5, "other": 1, "noise": 6}

    assert standings.controls_in_upper_half(placed(values)).index.tolist() == ["noise"]
    assert standings.controls_in_upper_half(placed({**values, "noise": 4})).empty
