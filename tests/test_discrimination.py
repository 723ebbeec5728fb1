"""How well a score tells right maps from wrong ones."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from helpers.planted import discrimination


def area(right, wrong):
    return discrimination.roc_area(np.array(right), np.array(wrong), draws=1, seed=0)[0]


def test_the_area_is_the_share_of_pairs_in_which_the_right_map_scores_higher():
    # pairs: 3 > 1, 3 > 2, 2 > 1 win, 2 = 2 is half of one
    assert area([[3.0], [2.0]], [[1.0], [2.0]]) == 3.5 / 4


def test_the_area_is_mann_and_whitneys_statistic():
    generator = np.random.default_rng(0)
    right, wrong = (
        generator.normal(0.5, 1, (20, 2)).round(1),
        generator.normal(0, 1, (20, 3)).round(1),
    )

    u = stats.mannwhitneyu(right.ravel(), wrong.ravel()).statistic

    assert area(right, wrong) == pytest.approx(u / (right.size * wrong.size))


def test_the_area_is_that_of_scikit_learn_where_each_image_has_one_map_of_a_kind():
    generator = np.random.default_rng(1)
    right, wrong = generator.normal(1, 1, 30).round(1), generator.normal(0, 1, 30).round(1)

    expected = metrics.roc_auc_score(np.arange(60) < 30, np.concatenate([right, wrong]))

    assert area(right[:, None], wrong[:, None]) == pytest.approx(expected)


@pytest.mark.parametrize(("right", "wrong", "expected"), [(2, 1, 1), (1, 2, 0), (1, 1, 0.5)])
def test_the_area_reduces_to_certainty_and_to_a_coin(right, wrong, expected):
    assert area([[right]] * 3, [[wrong]] * 3) == expected


def test_a_missing_score_drops_its_pairs_alone():
    assert area([[3.0], [np.nan]], [[1.0], [5.0]]) == 0.5


def test_no_score_on_one_side_has_no_area():
    assert np.isnan(area([[np.nan]], [[1.0]]))


def test_an_image_is_drawn_with_all_its_maps():
    right, wrong = np.array([[1.0], [3.0]]), np.array([[0.0], [2.0]])

    drawn = discrimination.roc_area(right, wrong, draws=200, seed=0)

    # an image alone twice: 1 > 0, or 3 > 2; both once: 1 > 0, 3 > 0, 3 > 2 win, 1 < 2 does not
    assert set(drawn) == {0.75, 1.0}


def test_scores_of_different_images_are_refused():
    with pytest.raises(ValueError, match="of 2 images, wrong ones of 1"):
        discrimination.roc_area(np.ones((2, 1)), np.ones((1, 1)), draws=1, seed=0)


def test_a_perfect_area_is_not_certain_of_images_that_were_not_seen():
    value, low, high, count = discrimination.area_interval(
        np.full((20, 1), 2.0), np.full((20, 3), 1.0), draws=10, seed=0
    )

    assert (value, high, count) == (1, 1, 20)
    assert low == pytest.approx(0.025 ** (1 / 20))


def test_an_interval_counts_the_images_that_have_both_kinds_of_maps():
    right, wrong = np.array([[3.0], [np.nan], [1.0]]), np.array([[1.0], [0.0], [2.0]])

    value, low, high, count = discrimination.area_interval(right, wrong, draws=100, seed=0)

    assert count == 2
    assert low <= value <= high
    assert value == 4.5 / 6
