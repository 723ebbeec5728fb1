"""Estimates over images and trainings: by hand, and against known cases."""

import numpy as np
import pytest
from scipy import stats

from helpers.measures import trainings
from helpers.measures.trainings import Estimate


def test_mean_leaves_nan_out_and_has_its_standard_error():
    found = trainings.mean(np.array([1.0, 3.0, np.nan]))

    assert found == Estimate(2.0, 1.0, 2)


def test_one_value_has_no_standard_error_and_none_no_mean():
    assert np.isnan(trainings.mean(np.array([4.0])).error)
    assert np.isnan(trainings.mean(np.array([np.nan])).value)


def test_a_paired_difference_of_nothing_but_ties_has_an_error():
    found = trainings.paired_difference(np.array([0.0] * 6 + [np.nan]))

    assert found.value == 0
    assert found.error == pytest.approx((2 * 100**2 / 8 / 8) ** 0.5)
    assert found.n == 6


def test_a_paired_difference_has_bonett_and_prices_error():
    found = trainings.paired_difference(np.array([100.0, 100, -100, 0, 0, 0]))

    gained, lost = 3 / 8, 2 / 8
    assert found.value == pytest.approx(100 / 6)
    assert found.error == pytest.approx(100 * ((gained + lost - (gained - lost) ** 2) / 8) ** 0.5)


def test_one_training_has_students_interval_over_its_images():
    values = np.array([0.0, 1.0, 2.0, 5.0])
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))

    found = trainings.over_trainings([trainings.mean(values)])

    assert (found.low, found.high) == pytest.approx(expected)


def test_trainings_without_error_over_images_have_students_interval_over_trainings():
    found = trainings.over_trainings([Estimate(value, 0.0, 50) for value in (1.0, 2.0, 6.0)])

    expected = stats.t.interval(0.95, 2, 3, stats.sem([1, 2, 6]))
    assert (found.low, found.high) == pytest.approx(expected)


def test_equal_trainings_keep_the_error_that_the_common_images_have():
    one = trainings.over_trainings([Estimate(2.0, 0.5, 100)])
    three = trainings.over_trainings([Estimate(2.0, 0.5, 100)] * 3)

    assert three == pytest.approx(one)


def test_variances_add_by_hand():
    found = trainings.over_trainings([Estimate(1.0, 2.0, 10), Estimate(3.0, 2.0, 10)])

    variance, degrees = 2 / 2 + 4, 25 / (1 / 1 + 16 / 9)
    assert found.value == 2
    assert found.high - 2 == pytest.approx(stats.t.ppf(0.975, degrees) * variance**0.5)


def test_a_count_of_all_has_no_interval_and_an_image_alone_an_unknown_one():
    assert trainings.over_trainings([Estimate(7.0, 0.0, 50)]) == (7, 7, 7)
    assert np.isnan(trainings.over_trainings([Estimate(7.0, np.nan, 1)]).low)


def test_an_error_from_one_image_has_no_degrees_of_freedom_so_that_ends_are_unknown():
    found = trainings.over_trainings([Estimate(7.0, 3.0, 1), Estimate(8.0, 3.0, 9)])

    assert found.value == 7.5
    assert np.isnan([found.low, found.high]).all()


def test_no_training_is_refused():
    with pytest.raises(ValueError, match="no estimate"):
        trainings.over_trainings([])


def test_agreement_is_corrected_for_what_strangers_share():
    own, stranger = np.array([0.8, 0.9, np.nan]), np.array([0.6, 0.4, 0.1])

    found = trainings.corrected_agreement(own, stranger)

    assert np.nanmean(found) == pytest.approx((0.85 - 0.5) / 0.5)
    assert np.isnan(found[2])


def test_corrected_agreement_has_the_error_that_a_bootstrap_finds():
    generator = np.random.default_rng(0)
    stranger = generator.uniform(0.2, 0.6, 400)
    own = 0.5 * stranger + generator.uniform(0.3, 0.7, 400)

    found = trainings.mean(trainings.corrected_agreement(own, stranger))

    draws = generator.integers(400, size=(2000, 400))
    ratio = (own[draws].mean(1) - stranger[draws].mean(1)) / (1 - stranger[draws].mean(1))
    assert found.error == pytest.approx(ratio.std(), rel=0.1)


def test_strangers_that_agree_fully_leave_nothing_to_correct():
    assert np.isnan(trainings.corrected_agreement(np.ones(3), np.ones(3))).all()
    assert np.isnan(trainings.corrected_agreement(np.full(2, np.nan), np.ones(2))).all()
