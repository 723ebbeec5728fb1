"""Orders in few images, against an enumeration by hand."""

from itertools import combinations

import numpy as np
import pytest

from helpers.measures import small_samples

VALUES = np.array([[0.9, 0.1, 0.2], [0.8, 0.7, 0.1], [0.1, 0.6, 0.3], [0.2, 0.3, 0.9]])
ORDER = [[0], [1], [2]]


def enumerated(size):
    return np.array([VALUES[list(chosen)].mean(0) for chosen in combinations(range(4), size)])


def test_draws_are_all_sets_of_images_evenly():
    drawn = small_samples.means_of_draws(VALUES, 2, draws=6000, seed=0)

    sets, counts = np.unique(drawn.round(9), axis=0, return_counts=True)
    np.testing.assert_allclose(sets, np.unique(enumerated(2).round(9), axis=0))
    assert counts.min() > 850  # of 1,000 each; the deviation is 29
    assert counts.max() < 1150


def test_shares_are_those_of_the_enumeration():
    """Of six pairs of images: means by hand."""
    means = enumerated(2)
    # (.85 .40 .15), (.50 .35 .25), (.55 .20 .55), (.45 .65 .20), (.50 .50 .50), (.15 .45 .60)

    found = small_samples.shares_of_orders(means, ORDER)

    assert found["first"] == pytest.approx(2 / 6)
    assert found["last"] == pytest.approx(1 / 6)
    assert found["whole"] == pytest.approx(2 / 6)
    assert found["reversed"] == pytest.approx(1 / 6)


def test_within_a_group_no_order_is_asked_for():
    means = np.array([[3.0, 1, 2], [3, 2, 1], [1, 2, 3], [2, 3, 1]])

    found = small_samples.shares_of_orders(means, [[0], [1, 2]])

    assert found == {"first": 0.5, "last": 0.25, "whole": 0.5, "reversed": 0.25}


def test_drawing_all_images_gives_their_means():
    drawn = small_samples.means_of_draws(VALUES, 4, draws=3, seed=0)

    np.testing.assert_allclose(drawn, np.tile(VALUES.mean(0), (3, 1)))


def test_parts_of_draws_are_as_many_as_asked_for_and_one_seed_gives_one_result():
    first, second = (small_samples.means_of_draws(VALUES, 2, draws=2500, seed=3) for _ in "ab")

    assert first.shape == (2500, 3)
    assert np.array_equal(first, second)


@pytest.mark.parametrize(("size", "draws"), [(0, 5), (5, 5), (2, 0)])
def test_sizes_and_draws_out_of_range_are_refused(size, draws):
    with pytest.raises(ValueError, match="expected 1 to 4"):
        small_samples.means_of_draws(VALUES, size, draws=draws, seed=0)
