"""The overall order of methods: standings, intervals, critical differences, groups, fronts."""

import math

import numpy as np
import pytest
from scipy import stats

from helpers.ranking import orders

NAN = math.nan


def scores(*rows):
    """Scores (1, 1, M, N) of one network and test, a row per method."""
    return np.array(rows, dtype=float)[None, None]


def overall(standing):
    return orders.overall(orders.means(standing))


def random_scores(shape=(3, 4, 6, 10), missing=0.0, seed=0):
    generator = np.random.default_rng(seed)
    values = generator.normal(size=shape) + np.linspace(0, 2, shape[2])[:, None]
    values[generator.random(shape) < missing] = NAN
    return values


def test_standings_go_from_0_to_1_and_ties_share_the_mean():
    found = orders.standings(scores([3, 1, 2], [2, 1, NAN], [1, 5, 1]))

    np.testing.assert_allclose(found[0, 0], [[1, 0.25, 1], [0.5, 0.25, NAN], [0, 1, 0]])


def test_a_method_that_is_alone_on_an_image_has_no_standing_there():
    found = orders.standings(scores([3, NAN], [1, 2]))

    np.testing.assert_allclose(found[0, 0], [[1, NAN], [0, NAN]])


def test_a_sign_that_is_turned_turns_the_order():
    values = random_scores()

    np.testing.assert_allclose(
        overall(orders.standings(-values)), 1 - overall(orders.standings(values))
    )


def test_tests_count_alike_however_many_images_they_have():
    values = np.array([[[[1.0, 1, 1], [0, 0, 0]], [[0, NAN, NAN], [1, NAN, NAN]]]])

    np.testing.assert_allclose(overall(orders.standings(values)), [0.5, 0.5])


def test_the_overall_standing_is_the_mean_that_loops_give():
    standing = orders.standings(random_scores(missing=0.2))

    for method in range(standing.shape[2]):
        of_tests = []
        for test in range(standing.shape[1]):
            of_networks = [np.nanmean(network[test, method]) for network in standing]
            of_tests.append(np.mean(of_networks))
        assert overall(standing)[method] == pytest.approx(np.mean(of_tests))


def test_a_method_without_any_number_has_no_standing_and_leaves_the_others():
    values = random_scores()
    without = np.delete(values, 2, 2)
    values[:, :, 2] = NAN

    found = overall(orders.standings(values))

    assert np.isnan(found[2])
    np.testing.assert_allclose(np.delete(found, 2), overall(orders.standings(without)))


def test_draws_begin_with_all_and_follow_from_the_seed():
    standing = orders.standings(random_scores(missing=0.1))

    one, same, other = (orders.drawn(standing, draws=20, seed=seed) for seed in (0, 0, 1))

    np.testing.assert_allclose(one[0], orders.means(standing))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one[1:], other[1:])


def test_with_one_network_and_test_the_draws_are_the_bootstrap_of_means():
    standing = orders.standings(random_scores((1, 1, 4, 40)))

    found = orders.overall(orders.drawn(standing, draws=2000, seed=0))[1:].std(0)

    expected = standing[0, 0].std(1) / math.sqrt(40)
    np.testing.assert_allclose(found, expected, rtol=0.1)


def test_networks_that_differ_widen_the_interval_and_equal_images_do_not_hide_it():
    apart = np.zeros((2, 1, 2, 5))
    apart[0, :, 0] = apart[1, :, 1] = 1  # each network prefers another method on all images

    found = orders.overall(orders.drawn(orders.standings(apart), draws=200, seed=0))[1:, 0]

    assert set(found) == {0.0, 0.5, 1.0}


@pytest.mark.parametrize(("methods", "quantile"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_has_the_quantiles_of_demsars_table(methods, quantile):
    found = orders.critical_difference(methods, 30)

    expected = quantile * math.sqrt(methods * (methods + 1) / (6 * 30))
    assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(("methods", "images"), [(1, 10), (3, 0)])
def test_a_critical_difference_needs_two_methods_and_an_image(methods, images):
    with pytest.raises(ValueError, match="expected two or more"):
        orders.critical_difference(methods, images)


def test_mean_ranks_are_friedmans_where_one_test_of_one_network_is_ranked():
    values = random_scores((1, 1, 5, 12))

    ranks, images = orders.mean_ranks(orders.standings(values))

    assert images == 12
    np.testing.assert_allclose(ranks, stats.rankdata(-values[0, 0], axis=0).mean(1))
    k, n = 5, 12
    statistic = 12 * n / (k * (k + 1)) * (np.square(ranks).sum() - k * (k + 1) ** 2 / 4)
    assert statistic == pytest.approx(stats.friedmanchisquare(*values[0, 0]).statistic)


def test_images_on_which_a_method_lacks_a_number_do_not_rank():
    values = random_scores((1, 1, 3, 4))
    values[0, 0, 1, 2] = NAN

    ranks, images = orders.mean_ranks(orders.standings(values))

    assert images == 3
    kept = np.delete(values, 2, 3)
    np.testing.assert_allclose(ranks, orders.mean_ranks(orders.standings(kept))[0])


def test_groups_are_the_longest_runs_within_the_difference():
    assert orders.groups([1.0, 4.0, 2.0, 2.9, NAN], 1.0) == [[0, 2], [2, 3], [1]]
    assert orders.groups([1.0, 1.5, 2.0], 5) == [[0, 1, 2]]
    assert orders.groups([3.0, 1.0], 0.5) == [[1], [0]]


def test_leaving_out_what_disagrees_changes_the_order_most():
    values = random_scores((3, 3, 6, 20))
    values[:, 2] *= -1  # the third test orders the other way round

    found = orders.without_each(orders.means(orders.standings(values)), 1)

    assert found.shape == (3,)
    assert found.argmin() != 2
    np.testing.assert_allclose(
        found[2],
        stats.spearmanr(
            overall(orders.standings(values)),
            overall(orders.standings(values[:, :2])),
        ).statistic,
    )


def test_an_order_of_fewer_than_three_agrees_with_nothing():
    assert math.isnan(orders.agreement(np.array([1.0, 2, NAN]), np.array([1.0, 2, 3])))
    assert orders.agreement(np.array([1.0, 2, 3]), np.array([10.0, 20, 30])) == 1


def test_maps_are_one_only_where_every_two_agree():
    alike = np.eye(4)
    for one, other, value in ((0, 1, 0.99), (1, 2, 0.98), (0, 2, 0.9), (2, 3, 0.975)):
        alike[one, other] = alike[other, one] = value

    assert orders.same_maps(alike) == [[0, 1], [2, 3]]
    assert orders.same_maps(np.eye(3)) == []


def test_the_front_leaves_out_what_a_cheaper_method_equals():
    quality = np.array([0.5, 0.9, 0.4, 0.9, NAN])
    evaluations = np.array([1.0, 50, 1, 100, 2])

    assert orders.front(quality, evaluations) == [0, 1]
