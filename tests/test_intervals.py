import numpy as np
import pytest
from scipy import stats

from helpers.measures import intervals


def test_interval_of_equal_groups_has_no_width():
    value, low, high = intervals.bootstrap_groups(
        np.full((9, 2), [3, 6]), lambda s: s[0] / s[1], draws=100
    )

    assert value == low == high == 0.5


def test_interval_covers_the_mean_as_often_as_it_says():
    generator = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        groups = np.stack([generator.normal(size=40), np.ones(40)], axis=1)
        _, low, high = intervals.bootstrap_groups(
            groups, lambda s: s[0] / s[1], draws=200, seed=trial
        )
        covered += low <= 0 <= high

    assert 0.88 <= covered / 200 <= 0.99  # 95 % asked for; the percentile bootstrap is a bit short


def test_interval_is_the_same_for_the_same_seed():
    groups = np.random.default_rng(1).random((10, 2))
    runs = [
        intervals.bootstrap_groups(groups, lambda s: s[0] / s[1], draws=50, seed=4)
        for _ in range(2)
    ]

    assert runs[0] == runs[1]


def test_one_group_is_too_few_for_an_interval():
    with pytest.raises(ValueError, match="2 or more"):
        intervals.bootstrap_groups(np.ones((1, 2)), lambda s: s[0])


def test_mean_interval_leaves_nan_out_and_keeps_columns_apart():
    values = np.array([[1.0, 10], [2, np.nan], [3, 30]])

    mean, low, high = intervals.mean_interval(values, draws=300)

    assert mean.tolist() == [2, 20]
    assert (low[0], high[0]) == (1, 3)
    assert 10 <= low[1] <= 20 <= high[1] == 30


def test_mean_interval_is_as_wide_as_the_normal_one():
    values = np.random.default_rng(0).normal(5, 2, 2000)

    mean, low, high = intervals.mean_interval(values, draws=2000)

    assert mean == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 2000**0.5, rel=0.1)


def test_the_mean_of_no_observation_is_nan_and_so_is_its_interval():
    mean, low, high = intervals.mean_interval(np.full(5, np.nan))

    assert np.isnan([mean, low, high]).all()


def test_a_column_without_observation_leaves_the_others_as_they_are():
    values = np.random.default_rng(2).normal(size=(8, 2))
    alone = intervals.mean_interval(values[:, 0])
    values[:, 1] = np.nan

    together = intervals.mean_interval(values)

    assert [part[0] for part in together] == list(alone)
    assert np.isnan([part[1] for part in together]).all()


def test_draws_without_the_only_observation_do_not_count_as_zero():
    values = np.full(20, np.nan)
    values[7] = 3.0

    assert intervals.mean_interval(values) == (3.0, 3.0, 3.0)


def test_the_bootstrap_agrees_with_scipys_on_pairs_of_columns():
    values = np.random.default_rng(3).normal([0, 1], size=(30, 2))

    _, low, high = intervals.mean_interval(values, draws=4000)
    theirs = stats.bootstrap(
        (values,), np.mean, axis=0, method="percentile", n_resamples=4000, rng=1
    ).confidence_interval

    np.testing.assert_allclose(low, theirs.low, atol=0.03)  # a tenth of the width
    np.testing.assert_allclose(high, theirs.high, atol=0.03)


def test_published_intervals_of_data_without_nan_stay_to_the_digit():
    values = np.arange(12.0).reshape(6, 2) ** 1.5

    mean, low, high = intervals.mean_interval(values, draws=200, seed=5)

    generator = np.random.default_rng(5)
    weights = generator.multinomial(6, np.full(6, 1 / 6), 200)
    drawn = np.stack([(w @ values) / 6 for w in weights])
    assert mean.tolist() == (values.sum(0) / 6).tolist()
    expected = np.quantile(drawn, [0.025, 0.975], axis=0)
    np.testing.assert_allclose([low, high], expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("successes", "trials", "expected"),
    [  # 0 of n: 1 - (alpha / 2)^(1 / n); the others from Clopper & Pearson's tables of the beta
        (0, 10, (0.0, 0.0, 1 - 0.025**0.1)),
        (10, 10, (1.0, 0.025**0.1, 1.0)),
        (1, 1, (1.0, 0.025, 1.0)),
        (5, 10, (0.5, stats.beta.ppf(0.025, 5, 6), stats.beta.ppf(0.975, 6, 5))),
    ],
)
def test_the_exact_interval_of_a_share_solves_the_binomial_tails(successes, trials, expected):
    assert intervals.share_interval(successes, trials) == pytest.approx(expected)


def test_a_share_of_nothing_is_nan():
    assert np.isnan(intervals.share_interval(0, 0)).all()


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
def test_impossible_shares_are_refused(successes, trials):
    with pytest.raises(ValueError, match=f"{successes} successes of 3 trials; expected .* 0 to 3"):
        intervals.share_interval(successes, trials)


def test_an_estimate_of_draws_that_are_all_nan_has_no_interval():
    estimate, low, high = intervals.estimate_and_interval(np.array([2.0, np.nan, np.nan]))

    assert estimate == 2
    assert np.isnan([low, high]).all()


def test_a_statistic_is_of_the_whole_sum_of_all_groups():
    value, low, high = intervals.bootstrap_groups(np.array([[1.0], [2.0]]), lambda s: s, draws=50)

    assert value == [3]
    assert 2 <= low[0] <= high[0] <= 4  # twice one group


def test_the_seeds_of_every_image_are_drawn_anew_in_every_draw():
    values = np.array([[[0.0, 1.0]] * 8])  # one method, 8 equal images, 2 seeds

    drawn = intervals.bootstrap_means(values, draws=4000, seed=0)[1:, 0]

    assert drawn.std() == pytest.approx(np.sqrt(0.25 / 16), rel=0.1)  # of 16 independent draws


def test_an_interval_holds_its_estimate_wherever_the_draws_lie():
    assert intervals.estimate_and_interval(np.array([0.0, 1, 1, 1])) == (0, 0, 1)
    assert intervals.estimate_and_interval(np.array([2.0, 1, 1, 1])) == (2, 1, 2)


@pytest.mark.parametrize("values", [["a", "b"], [["1", "2"]], [[1, 2], [3]], [1 + 2j, 3], "ab"])
def test_what_is_no_number_is_refused_with_a_sentence(values):
    with pytest.raises(ValueError, match=r"values hold what is no number, or are no table"):
        intervals.mean_interval(values)


def test_nothing_seen_is_left_out_as_nan_is():
    assert intervals.mean_interval([None, 2, 4], draws=10) == intervals.mean_interval(
        [np.nan, 2, 4], draws=10
    )
