import numpy as np
import pytest
import torch
from scipy import stats

from helpers.measures import (
    contours,
    distributions,
    followed,
    matching,
    over_networks,
    paired,
    shape,
    summaries,
    turning,
)

# Followed components


def test_a_map_follows_itself_everywhere_without_a_shift():
    maps = torch.randn(2, 3072, generator=torch.Generator().manual_seed(0))
    order = maps.argsort(1, descending=True)

    shares, shifts = followed.follow(order, order)

    assert (shares == 1).all()
    assert shifts[:, 306].tolist() == [2, 2, 62, 62, 614]  # all followed components at shift 0
    assert shifts.sum() == shifts[:, 306].sum()


def test_a_swap_of_two_blocks_moves_the_top_component_by_the_block():
    before = torch.arange(3072)[None]
    after = torch.cat([torch.arange(100, 200), torch.arange(100), torch.arange(200, 3072)])[None]

    shares, shifts = followed.follow(before, after)

    assert shares[0].tolist() == [0, 1, 0, 1, 1]  # the first hundred now begin at place 100
    assert shifts[1].argmax() == 306 + 100


def test_overlaps_leave_out_pairs_with_a_map_that_is_not_finite():
    maps = torch.arange(3 * 3072.0).view(3, 3072)
    broken = maps.clone()
    broken[1, 5] = torch.inf

    shares = followed.overlaps(maps, broken)

    assert shares[[0, 2]].min() == 1
    assert shares[1].isnan().all()


def test_chance_distances_follow_all_pairs_of_places():
    # places 0, 1 to places 0, 1, 2: distances 0, 1, 2, 1, 0, 1
    assert followed.chance_distance(2, 3, 2 / 6) == 1
    assert followed.chance_distance(2, 3, 5 / 6) == 2
    assert followed.chance_distance(2, 3, 1) == 3


# Matching


def test_the_scale_of_a_linear_distance_is_its_inverse():
    slope = torch.tensor([0.5, 1.0, 8.0], dtype=torch.float64)

    scale = matching.scale_for(lambda s: slope * s, torch.ones(3, dtype=torch.float64), steps=30)

    assert scale.tolist() == pytest.approx([2, 1, 0.125], rel=1e-6)


def test_a_distance_that_levels_off_below_the_wanted_one_has_no_scale():
    scale = matching.scale_for(lambda s: s.clamp(max=3), torch.tensor([2.0, 4.0]), largest=16)

    assert scale[0] == pytest.approx(2, rel=1e-3)
    assert scale[1].isnan()


# Pairs


def test_differences_average_an_originals_adversarials_and_take_itself_off():
    before = np.array([[1.0], [2.0], [3.0]])
    after = np.array([[2.0], [4.0], [5.0], [np.nan]])

    found = paired.differences(before, after, np.array([0, 0, 1, 1]))

    assert found[:2, 0].tolist() == [2, 3]  # (2 + 4) / 2 - 1, and 5 - 2
    assert np.isnan(found[2, 0])


def test_standardized_differences_are_in_deviations_between_originals():
    before = np.array([[0.0, 1], [2, 1]])  # sample deviations sqrt(2) and 0

    found = paired.standardized(np.array([[1.0, 0], [-1, 3]]), before)

    assert found[:, 0] == pytest.approx([1 / np.sqrt(2), -1 / np.sqrt(2)])
    assert found[0, 1] == 0
    assert np.isnan(found[1, 1])


def test_the_interval_of_a_mean_is_students():
    values = np.array([1.0, 2, 3, np.nan])

    mean, low, high = paired.mean_and_interval(values)

    half = stats.t.ppf(0.975, 2) * np.std([1, 2, 3], ddof=1) / np.sqrt(3)
    assert (mean, low, high) == pytest.approx((2, 2 - half, 2 + half))
    assert np.isnan(paired.mean_and_interval(np.array([4.0]))[1])
    assert paired.mean_and_interval(np.array([4.0, 4.0])) == (4, 4, 4)


def test_a_ratio_is_a_geometric_mean_that_turns_upside_down_with_its_interval():
    above, below = np.array([10.0, 30.0, 8.0]), np.array([5.0, 10.0, 8.0])

    mean, low, high = paired.ratio_and_interval(above, below)

    assert mean == pytest.approx(6 ** (1 / 3))  # of 2, 3 and 1
    spread = np.log([2, 3, 1]).std(ddof=1) / 3**0.5 * stats.t.ppf(0.975, 2)
    assert (low, high) == pytest.approx((mean / np.exp(spread), mean * np.exp(spread)))
    assert paired.ratio_and_interval(below, above) == pytest.approx((1 / mean, 1 / high, 1 / low))
    with pytest.raises(ValueError, match="above 0"):
        paired.ratio_and_interval(above, np.array([1.0, 0.0, 2.0]))
    assert np.isnan(paired.ratio_and_interval(above[:1], below[:1])[1])


def test_summaries_of_a_known_map():
    values = torch.linspace(-1, 1, 101, dtype=torch.float64)[None]

    low, high, mean, deviation, irrelevant = summaries.summaries(values)[0].tolist()

    assert (low, high) == pytest.approx((-0.98, 0.98))
    assert mean == pytest.approx(0)
    assert deviation == pytest.approx(np.std(np.linspace(-1, 1, 101)))
    assert irrelevant == pytest.approx(1 / 101)
    assert summaries.summaries(torch.full((1, 4), torch.inf)).isnan().all()


# Turning


def test_a_jump_compares_a_step_with_itself():
    # the second step lowers all maps' likeness by .5, whatever the decision does: no jump
    alike = np.array([[0.9, 0.4], [0.9, 0.4], [0.9, 0.4]])
    turns = np.array([[False, True], [True, False], [False, False]])

    assert turning.jump(alike, turns) == pytest.approx(0)
    assert turning.jump(alike - 0.2 * turns, turns) == pytest.approx(0.2)
    assert np.isnan(turning.jump(alike, np.zeros_like(turns)))


def test_the_interval_of_a_jump_holds_it():
    generator = np.random.default_rng(0)
    turns = np.zeros((60, 5), dtype=bool)
    turns[np.arange(60), generator.integers(5, size=60)] = True
    alike = generator.normal(0.8, 0.05, (60, 5)) - 0.3 * turns

    value, low, high = turning.jump_and_interval(alike, turns, draws=200)

    assert low < value < high
    assert low > 0.2
    assert high < 0.4


def test_around_the_turn_steps_are_counted_from_it():
    alike = np.array([[0.9, 0.1, 0.8], [0.3, 0.7, np.nan]])
    turns = np.array([[False, True, False], [True, False, False]])

    steps, means, numbers = turning.around_turn(alike, turns)

    assert steps.tolist() == [-2, -1, 0, 1, 2]
    assert means[1:4] == pytest.approx([0.9, 0.2, 0.75])
    assert numbers.tolist() == [0, 1, 2, 2, 0]


# Contours


def test_a_map_of_an_images_own_edges_agrees_with_them_whatever_its_signs():
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1)).double()
    edges = contours.pixel_edges(images)
    signs = torch.where(torch.rand(2, 3, 16, 16) < 0.5, -1.0, 1.0)
    relevance = signs * edges[:, None] / 3

    found = contours.agreement(contours.pixel_magnitude(relevance), edges)

    assert found[:, 0].tolist() == pytest.approx([1, 1])
    assert found[:, 1].tolist() == [1, 1]
    assert contours.agreement(torch.ones(1, 4, 4), edges[:1, :4, :4]).isnan().all()


# Shape of a distribution on the grid


def test_skewness_and_medians_of_grid_counts_are_those_of_the_values():
    values = torch.tensor([-0.1, 0.0, 0.0, 0.2, 0.9], dtype=torch.float64)
    counts = distributions.grid_counts(values).numpy()

    assert shape.grid_skewness(counts) == pytest.approx(stats.skew(values.numpy()), rel=1e-6)
    assert shape.grid_skewness(counts[::-1]) == pytest.approx(-stats.skew(values.numpy()), rel=1e-6)
    assert shape.grid_median_magnitude(counts) == pytest.approx(0.1)
    assert shape.grid_share_within(counts, 0.1) == pytest.approx(0.4)  # .1 itself is not below .1
    assert np.isnan(shape.grid_skewness(distributions.grid_counts(torch.zeros(3)).numpy()))


def test_summaries_of_a_grid_are_those_of_the_map():
    values = torch.rand(5000, generator=torch.Generator().manual_seed(2)) * 2 - 1
    counts = distributions.grid_counts(values).numpy()

    found = shape.grid_summaries(counts, summaries.IRRELEVANT)

    # half a cell of the grid, and what lies between two neighbors in order
    assert found == pytest.approx(summaries.summaries(values[None])[0].numpy(), abs=2e-3)


# Several networks


def test_one_network_keeps_the_interval_over_originals():
    value, low, high = over_networks.widened(np.array([3.0]), 2.0, 5.0)

    assert (value, low, high) == (3, 2, 5)


def test_networks_widen_an_interval_by_students():
    per_network = np.array([1.0, 3.0])  # deviation sqrt(2), error 1

    value, low, high = over_networks.widened(per_network, 2.0, 2.0)

    half = stats.t.ppf(0.975, 1)
    assert (value, low, high) == pytest.approx((2, 2 - half, 2 + half))
    error = 4 / stats.norm.ppf(0.975)
    degrees = (error**2 + 1) ** 2 / 1  # Welch and Satterthwaite's: the images' are infinite
    assert over_networks.widened(per_network, 2.0 - 3, 2.0 + 4)[2] == pytest.approx(
        2 + stats.t.ppf(0.975, degrees) * np.hypot(error, 1)
    )


def test_counts_of_equal_networks_give_the_interval_of_one():
    groups = np.random.default_rng(0).integers(1, 9, (12, 2)).astype(float)
    ratio = lambda total: total[0] / total[1]  # noqa: E731

    one = over_networks.of_counts(groups, ratio, draws=300)
    two = over_networks.of_counts(np.concatenate([groups, groups]), ratio, networks=2, draws=300)

    assert two == pytest.approx(one)


def test_an_original_counts_once_however_many_networks_saw_it():
    values = np.array([[1.0, 2, np.nan], [3.0, np.nan, np.nan]])

    value, low, high, number = over_networks.of_originals(values)

    assert (value, number) == (2, 2)  # means of originals: (1 + 3) / 2 and 2
    assert low <= value <= high
    assert over_networks.of_originals(values[:1])[::3] == (1.5, 2)


def test_combined_estimates_average_their_ends():
    assert over_networks.combined([(1.0, 0.0, 2.0), (1.0, 0.0, 4.0)], 7) == pytest.approx(
        (1, 0, 3, 7)
    )
