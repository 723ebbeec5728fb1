import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.measures import seeds

Z = stats.norm.ppf(0.975)


def test_three_seeds_are_pooled_as_by_hand():
    """Q = 1, 2, 3, each with a standard error of 2: B = 1, W = 4, T = 4 + 1/3 = 13/3.

    nu = 2 (1 + 4 / (1/3))^2 = 2 * 13^2 = 338; t = 1.96701; half the width 1.96701 * 2.081666.
    """
    values = np.array([1.0, 2.0, 3.0])

    found = seeds.pooled_interval(values, values - 2 * Z, values + 2 * Z)

    assert found == pytest.approx((2, 2 - 4.094655, 2 + 4.094655), abs=1e-5)


def test_without_spread_within_seeds_the_interval_is_students():
    values = [0.2, 0.5, 0.4, 0.9]

    _, low, high = seeds.pooled_interval(values, values, values)

    student = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx(tuple(student))


def test_without_spread_between_seeds_the_interval_is_one_seeds():
    assert seeds.pooled_interval([3, 3], [1, 1], [5, 5]) == pytest.approx((3, 1, 5))


def test_one_seed_keeps_its_own_interval_however_lopsided():
    assert seeds.pooled_interval([3], [1], [30]) == (3, 1, 30)


def test_a_seed_without_an_observation_is_left_out():
    nan = float("nan")

    assert seeds.pooled_interval([3, nan], [1, nan], [30, nan]) == (3, 1, 30)
    assert np.isnan(seeds.pooled_interval([nan], [nan], [nan])).all()


def test_a_seed_without_an_interval_leaves_the_pooled_value_without_one():
    value, low, high = seeds.pooled_interval([1, 3], [1, np.nan], [1, np.nan])

    assert value == 2
    assert np.isnan([low, high]).all()


def test_the_pooled_interval_holds_the_truth_as_often_as_it_says():
    """Images are shared by seeds: truth + image noise (sd 1) + seed noise (sd 2), five seeds."""
    generator = np.random.default_rng(0)
    draws = 2000
    values = generator.normal(0, 1, (draws, 1)) + generator.normal(0, 2, (draws, 5))

    held = [seeds.pooled_interval(row, row - Z, row + Z) for row in values]

    share = np.mean([low <= 0 <= high for _, low, high in held])
    assert 0.93 < share < 0.98


def table(**columns):
    rows = {"key": ["b", "a"], "arm": ["B", "B"], "value": [1.0, 2.0], "low": [1.0, 1.0],
            "high": [1.0, 3.0], "n": [10, 20]}  # fmt: skip
    return pd.DataFrame(rows | columns)


def test_tables_of_seeds_become_one_in_the_first_ones_order():
    second = table(value=[3.0, np.nan], low=[3.0, np.nan], high=[3.0, np.nan], n=[8, 0])

    found = seeds.pooled([table(), second])

    assert found.columns.tolist() == seeds.COLUMNS
    assert found.key.tolist() == ["b", "a"]
    assert found.value.tolist() == [2, 2]
    assert found.n.tolist() == [8, 20]
    assert found.seeds.tolist() == [2, 1]
    assert found.spread[0] == pytest.approx(np.sqrt(2))
    assert found.loc[1, ["low", "high"]].tolist() == [1, 3]


def test_a_claim_that_only_a_later_seed_has_is_not_lost():
    later = pd.concat([table(), table(key=["c", "d"])])

    assert seeds.pooled([table(), later]).key.tolist() == ["b", "a", "c", "d"]
