import numpy as np
import pytest
import torch

from helpers.measures import intervals, rankings
from helpers.papers import elime

SEGMENTS = torch.tensor([[[0, 0, 1, 1], [0, 0, 2, 2]]])  # of 4, 2 and 2 of 8 pixels


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_superpixels_come_whole_and_the_largest_mean_first():
    maps = torch.tensor([[[1.0, 1, 9, 0], [1, 1, 3, 3]]])  # means 1, 4.5, 3

    found = rankings.selection_share(maps, SEGMENTS, generator())

    expected = torch.tensor([[[1, 1, 0.25, 0.25], [1, 1, 0.5, 0.5]]], dtype=torch.float64)
    assert torch.equal(found, expected)


def test_what_e_lime_selects_comes_before_the_rest():
    bits = torch.tensor([[[True, False, True]]])
    chosen = elime.superpixel_masks(bits, SEGMENTS)[:, 0]

    for seed in range(8):
        found = rankings.selection_share(chosen.float(), SEGMENTS, generator(seed))
        assert torch.equal(found <= 0.75, chosen)


def test_equal_superpixels_come_in_a_random_order():
    orders = {
        tuple(
            rankings.selection_share(torch.ones(1, 2, 4), SEGMENTS, generator(seed))
            .unique()
            .tolist()
        )
        for seed in range(20)
    }

    assert len(orders) > 1


def test_numbers_of_superpixels_that_another_image_has_do_not_count():
    segments = torch.cat([SEGMENTS, torch.zeros_like(SEGMENTS)])
    maps = torch.tensor([[[1.0, 1, 9, 0], [1, 1, 3, 3]], [[-5.0] * 4] * 2])

    found = rankings.selection_share(maps, segments, generator())

    assert torch.equal(found[0], rankings.selection_share(maps[:1], SEGMENTS, generator())[0])
    assert (found[1] == 1).all()


def test_the_first_row_is_the_mean_that_leaves_out_what_dropped_out():
    gone = [np.nan, np.nan]
    values = np.array([[[1.0, 3], [5, 7], [3, 5]], [[2, 4], [6, 8], gone]])

    found = intervals.bootstrap_means(values, draws=500, seed=0)

    assert found.shape == (501, 2)
    assert found[0].tolist() == [4, 5]
    assert np.isnan(found[1:, 1]).mean() < 0.1  # one draw in 27 holds nothing else


def test_one_image_has_a_mean_and_no_draw_of_it():
    values = np.array([[[1.0, 3], [5, 7]], [[2, 4], [np.nan, np.nan]]])

    found = intervals.bootstrap_means(values, draws=50, seed=0)

    assert found[0].tolist() == [4, 3]
    assert np.isnan(found[1:, 1]).all()
    assert not np.isnan(found[1:, 0]).any()


def test_draws_spread_as_means_of_images_do():
    values = np.random.default_rng(1).normal(size=(1, 40, 1))

    drawn = intervals.bootstrap_means(values, draws=4000, seed=0)[1:, 0]

    assert drawn.std() == pytest.approx(values.std() / np.sqrt(40), rel=0.05)
    assert drawn.mean() == pytest.approx(values.mean(), abs=0.02)


def test_seeds_add_their_spread_to_that_of_images():
    between, within = np.random.default_rng(1).normal(size=(2, 1, 60, 4))
    values = between[..., :1] + within

    drawn = intervals.bootstrap_means(values, draws=4000, seed=0)[1:, 0]

    images, seeds = values.mean(2).var(), values.var(2).mean() / 4
    assert drawn.var() == pytest.approx((images + seeds) / 60, rel=0.08)


def test_methods_share_the_draws():
    values = np.random.default_rng(1).normal(size=(1, 10, 2)).repeat(2, axis=0)
    values[1] += 3

    found = intervals.bootstrap_means(values, draws=20, seed=0)

    np.testing.assert_allclose(found[:, 1] - found[:, 0], 3)


def test_a_draw_of_nothing_is_no_number_and_the_interval_does_without():
    values = np.array([[[1.0], [3.0], [np.nan], [np.nan]]])

    found = intervals.bootstrap_means(values, draws=400, seed=0)[:, 0]

    assert 0.02 < np.isnan(found).mean() < 0.12  # half of the draws' four images: one in 16
    assert intervals.estimate_and_interval(found) == (2, 1, 3)
    assert np.isnan(intervals.estimate_and_interval(np.full(5, np.nan))).all()


def test_the_interval_holds_the_value_and_the_middle_of_the_draws():
    value, low, high = intervals.estimate_and_interval(np.array([100.0, *range(101)]))

    assert (value, high) == (100, 100)
    assert low == pytest.approx(2.5)
    assert intervals.estimate_and_interval(np.array([-5.0, *range(101)]))[1] == -5
