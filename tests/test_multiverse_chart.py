import json

import pandas as pd
import pytest

from helpers.measures import multiverse
from helpers.report import multiverse_chart, verdicts

TABLE = multiverse.run(
    lambda layer, grid: multiverse.Interval(layer + grid, layer + grid - 1, layer + grid + 1, 9),
    {"layer": {"last": 3, "first": -3}, "grid": {"own": 0, "image": 0.5}},
)


def judge(found):
    return verdicts.verdict(0, 0, found.low, found.high, "above")


def drawn(table=TABLE, **changes):
    given = {"value": "points", "description": "readings", "bound": 0} | changes
    return multiverse_chart.specification_curve(table, judge, **given).to_dict()


def data_of(spec):
    return [pd.DataFrame(rows) for rows in spec["datasets"].values()]


def test_readings_stand_in_the_order_of_their_values_with_their_verdicts():
    (found,) = [rows for rows in data_of(drawn()) if "y_low" in rows]

    assert found.value.tolist() == [-3, -2.5, 3, 3.5]
    assert found["rank"].tolist() == [1, 2, 3, 4]
    assert found.verdict.tolist() == ["not reproduced"] * 2 + ["reproduced"] * 2
    assert (found.y_low < found.y).all()
    assert found.y.is_monotonic_increasing


def test_each_reading_has_a_dot_in_the_row_of_each_option_that_it_took():
    (dots,) = [rows for rows in data_of(drawn()) if "option" in rows]

    assert len(dots) == 4 * 2
    assert set(dots.option) == {"layer: last", "layer: first", "grid: own", "grid: image"}
    assert dots[dots.option == "layer: first"]["rank"].tolist() == [1, 2]
    assert (dots.y <= 0).all()


def test_a_choice_without_a_second_option_has_no_row():
    spec = drawn(TABLE.assign(network="one"))

    (dots,) = [rows for rows in data_of(spec) if "option" in rows]
    assert not dots.option.str.contains("network").any()
    assert "network: one" not in json.dumps(spec["layer"])
    assert "network: one" in json.dumps(spec["datasets"])  # a reading still names it


def test_the_chart_is_as_wide_as_its_page_and_says_what_it_shows():
    spec = drawn()

    assert (spec["width"], spec["description"]) == ("container", "readings")
    assert "layer: first" in json.dumps(spec)


def test_the_border_is_drawn_only_where_there_is_one():
    assert len(drawn()["layer"]) == len(drawn(bound=None)["layer"]) + 1


def test_a_gap_is_left_out_and_nothing_but_gaps_refused():
    with_gap = TABLE.assign(value=TABLE.value.where(TABLE.layer == "last"))

    (found,) = [rows for rows in data_of(drawn(with_gap)) if "y_low" in rows]
    assert len(found) == 2
    with pytest.raises(ValueError, match="no reading has a value"):
        drawn(TABLE.assign(value=float("nan")))
