import numpy as np
import pytest

from helpers.measures import multiverse
from helpers.measures.multiverse import Interval


def larger_than_zero(found):
    return found.low > 0


def claim(layer, sign):
    return Interval(layer * sign, layer * sign - 1, layer * sign + 1, 5)


CHOICES = {"layer": {"first": 2, "last": 10}, "sign": {"plus": 1, "minus": -1, "none": 0}}


def test_a_claim_runs_in_the_product_of_all_choices():
    table = multiverse.run(claim, CHOICES)

    assert table.columns.tolist() == ["layer", "sign", "value", "low", "high", "n"]
    assert len(table) == 6
    assert table.set_index(["layer", "sign"]).value["last", "minus"] == -10


def test_shares_by_hand():
    table = multiverse.run(claim, CHOICES)

    assert multiverse.share_that_holds(table, larger_than_zero) == pytest.approx(2 / 6)
    shares = multiverse.shares_by_option(table, larger_than_zero).set_index(["choice", "option"])
    assert shares.share["sign", "plus"] == 1
    assert shares.share["sign", "minus"] == 0
    assert shares.share["layer", "first"] == pytest.approx(1 / 3)
    assert shares.n["layer", "first"] == 3


def test_the_choice_that_turns_a_claim_has_the_largest_difference():
    table = multiverse.run(claim, CHOICES)

    assert multiverse.turning_choice(table, larger_than_zero) == "sign"
    assert multiverse.turning_choice(table, lambda found: True) == ""


def test_a_reading_without_a_value_does_not_count():
    table = multiverse.run(claim, CHOICES)
    table.loc[table.sign == "minus", "value"] = np.nan

    assert multiverse.share_that_holds(table, larger_than_zero) == 0.5
    assert np.isnan(multiverse.share_that_holds(table.iloc[:0], larger_than_zero))


def test_one_reading_is_turned_by_nothing():
    table = multiverse.run(claim, {"layer": {"a": 2}, "sign": {"plus": 1}})

    assert multiverse.share_that_holds(table, larger_than_zero) == 1
    assert multiverse.turning_choice(table, larger_than_zero) == ""


@pytest.mark.parametrize("choices", [{"layer": {}}, {"value": {"a": 1}}])
def test_a_choice_without_options_or_with_a_measured_name_is_refused(choices):
    with pytest.raises(ValueError, match="choice"):
        multiverse.run(claim, choices)
