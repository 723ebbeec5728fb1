"""Both sides of every border between verdicts."""

import math
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from helpers.report import verdicts
from helpers.report.verdicts import (
    DEPENDS,
    INCONCLUSIVE,
    NOT_REPRODUCED,
    REPRODUCED,
    of_readings,
    region,
    strength,
    verdict,
)

NAN = math.nan


class Judged(NamedTuple):
    verdict: str
    value: float
    low: float
    high: float
    reported: float = 10.0
    tolerance: float = 1.0
    bound: str = ""
    unit: str = ""
    rounds: float = NAN


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (9.0, 11.0, REPRODUCED),  # the edges belong to the tolerance
        (np.nextafter(9, 0), 11.0, INCONCLUSIVE),
        (9.0, np.nextafter(11, 12), INCONCLUSIVE),
        (11.0, 12.0, INCONCLUSIVE),  # touches the edge
        (np.nextafter(11, 12), 12.0, NOT_REPRODUCED),
        (8.0, 9.0, INCONCLUSIVE),
        (8.0, np.nextafter(9, 0), NOT_REPRODUCED),
        (8.0, 12.0, INCONCLUSIVE),  # holds the tolerance and more
    ],
)
def test_a_number_is_reproduced_up_to_its_tolerance_and_no_further(low, high, expected):
    assert verdict(10, 1, low, high) == expected


@pytest.mark.parametrize(
    ("side", "low", "high", "expected"),
    [
        ("above", 0.0, 1.0, INCONCLUSIVE),  # at the bound nothing is more
        ("above", 5e-324, 1.0, REPRODUCED),
        ("above", -1.0, 0.0, NOT_REPRODUCED),
        ("above", -1.0, 5e-324, INCONCLUSIVE),
        ("below", -1.0, 0.0, INCONCLUSIVE),
        ("below", -1.0, -5e-324, REPRODUCED),
        ("below", 0.0, 1.0, NOT_REPRODUCED),
        ("below", -5e-324, 1.0, INCONCLUSIVE),
    ],
)
def test_an_order_is_reproduced_on_its_side_alone(side, low, high, expected):
    assert verdict(0, 0, low, high, side) == expected


def test_the_wrong_sign_turns_an_order_that_holds_into_one_that_does_not():
    assert verdict(0, 0, 2, 3, "above") == REPRODUCED
    assert verdict(0, 0, -3, -2, "above") == NOT_REPRODUCED


RATIO = stats.norm.ppf(0.95) / stats.norm.ppf(0.975)  # 90 % by 95 % interval


@pytest.mark.parametrize(
    ("half", "expected"),
    [(0.999 / RATIO, REPRODUCED), (1.001 / RATIO, INCONCLUSIVE), (1.0, REPRODUCED)],
)
def test_equality_is_shown_by_the_90_percent_interval_within_the_margin(half, expected):
    assert verdict(0, 1, -half, half, "equal", value=0) == expected


def test_each_side_of_the_90_percent_interval_is_shortened_by_itself():
    low, high = verdicts.at_level(1.0, 0.0, 3.0, 0.90)

    assert (low, high) == pytest.approx((1 - RATIO, 1 + 2 * RATIO))


@pytest.mark.parametrize(
    ("low", "expected"), [(1.0, INCONCLUSIVE), (np.nextafter(1, 2), NOT_REPRODUCED)]
)
def test_equality_is_refuted_by_the_95_percent_interval_off_the_margin(low, expected):
    assert verdict(0, 1, low, 3, "equal", value=2) == expected


def test_equality_refuses_a_value_outside_its_interval():
    with pytest.raises(ValueError, match="not in its interval"):
        verdict(0, 1, 0, 1, "equal", value=2)


def test_rounds_are_reproduced_by_the_shares_under_which_they_are_not_unusual():
    low, high = region(100 / 3, NAN, "binomial", rounds=3, unit="%")

    for share in (low / 100, high / 100):  # by hand: the smaller tail is 2.5 % at the ends
        tails = stats.binom.cdf(1, 3, share), stats.binom.sf(0, 3, share)
        assert min(tails) == pytest.approx(0.025)


def test_none_of_three_rounds_is_unusual_from_a_share_of_seventy_percent_on():
    """(1 - p)^3 = 0.025 at p = 0.7076."""
    border = 100 * (1 - 0.025 ** (1 / 3))
    given = {"bound": "binomial", "rounds": 3, "unit": "%"}

    assert verdict(0, NAN, 28, border - 0.01, **given) == REPRODUCED
    assert verdict(0, NAN, 28, border + 0.01, **given) == INCONCLUSIVE
    assert verdict(0, NAN, border + 0.01, 100, **given) == NOT_REPRODUCED


def test_two_of_three_rounds_are_unusual_where_all_of_many_succeed():
    """The ship of Figure 15: one wrong round of three where none of a hundred is wrong."""
    low = 100 * stats.binomtest(100, 100).proportion_ci(method="exact").low

    assert verdict(66.67, NAN, low, 100, "binomial", rounds=3, unit="%") == INCONCLUSIVE
    assert verdict(66.67, NAN, 99.5, 100, "binomial", rounds=3, unit="%") == NOT_REPRODUCED


@pytest.mark.parametrize(
    ("reported", "rounds", "complaint"),
    [(40, 3, "no whole number"), (33.33, NAN, "how many"), (120, 3, "no whole number")],
)
def test_rounds_must_be_counts(reported, rounds, complaint):
    with pytest.raises(ValueError, match=complaint):
        verdict(reported, NAN, 0, 1, "binomial", rounds=rounds, unit="%")


@pytest.mark.parametrize(
    ("main", "others", "expected"),
    [
        (REPRODUCED, [NOT_REPRODUCED], DEPENDS),
        (NOT_REPRODUCED, [INCONCLUSIVE, REPRODUCED], DEPENDS),
        (INCONCLUSIVE, [REPRODUCED, NOT_REPRODUCED], DEPENDS),
        (INCONCLUSIVE, [REPRODUCED, REPRODUCED], INCONCLUSIVE),
        (REPRODUCED, [INCONCLUSIVE], REPRODUCED),
        (NOT_REPRODUCED, [INCONCLUSIVE], NOT_REPRODUCED),
        (REPRODUCED, [], REPRODUCED),
    ],
)
def test_readings_turn_a_verdict_only_if_one_holds_and_one_does_not(main, others, expected):
    assert of_readings(main, others) == expected


def test_strength_of_a_difference_is_the_p_value_of_its_normal_test():
    half = 1.0
    z = 2.0 / (half / stats.norm.ppf(0.975))
    row = Judged(REPRODUCED, 2.0, 1.0, 3.0, reported=0, tolerance=0, bound="above")

    assert strength(row) == pytest.approx(2 * stats.norm.sf(z))


def test_strength_of_equality_is_that_of_the_nearer_one_sided_test():
    z = 0.5 / (0.4 / stats.norm.ppf(0.975))  # from 0.5 to the margin's end at 1
    row = Judged(REPRODUCED, 0.5, 0.1, 0.9, reported=0, bound="equal")

    assert strength(row) == pytest.approx(stats.norm.sf(z))


def test_strength_of_rounds_is_their_tail_under_our_nearest_share():
    row = Judged(NOT_REPRODUCED, 80, 75, 85, reported=0, bound="binomial", unit="%", rounds=3)

    assert strength(row) == pytest.approx(2 * 0.25**3)


def test_strength_is_zero_without_an_interval_and_undefined_without_a_decision():
    assert strength(Judged(NOT_REPRODUCED, 12, 12, 12)) == 0
    assert math.isnan(strength(Judged(INCONCLUSIVE, 11, 10, 12)))


def test_strength_never_contradicts_the_decision_at_five_percent():
    skewed = Judged(NOT_REPRODUCED, 13.0, 11.01, 13.1)

    assert strength(skewed) <= 0.05


def test_above_and_below_ask_for_more_than_the_tolerance_on_their_own_side():
    below = verdicts.region(10, 1, verdicts.BELOW)
    above = verdicts.region(10, 1, verdicts.ABOVE)

    assert below == (-math.inf, math.nextafter(9, -math.inf))
    assert above == (math.nextafter(11, math.inf), math.inf)
