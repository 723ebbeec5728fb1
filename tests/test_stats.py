import numpy as np
import pytest
import torch

from helpers.measures import distributions, intervals


def test_grid_quantiles_agree_with_sorting_to_half_a_cell(generator):
    values = torch.tanh(torch.randn(20_000, generator=generator) / 3)
    levels = [0.001, 0.1, 0.5, 0.99]

    found = distributions.grid_quantiles(distributions.grid_counts(values).numpy(), levels)

    exact = np.quantile(values.numpy(), levels, method="inverted_cdf")
    assert np.abs(found - exact).max() <= distributions.STEP / 2 + 1e-6


def test_grid_counts_of_a_few_values_are_where_they_belong():
    counts = distributions.grid_counts(torch.tensor([-1.0, 0.0, 0.00004, 1.0]))

    assert counts[0] == 1
    assert counts[10_000] == 2
    assert counts[-1] == 1
    assert counts.sum() == 4


def test_grid_moments_agree_with_the_values(generator):
    values = torch.rand(5000, generator=generator) * 2 - 1

    mean, deviation = distributions.grid_mean_and_deviation(
        distributions.grid_counts(values).numpy()
    )

    assert abs(mean - values.mean().item()) < 1e-4
    assert abs(deviation - values.std(correction=0).item()) < 1e-4


@pytest.mark.parametrize("wrong", [1.5, float("nan")])
def test_values_off_the_grid_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        distributions.grid_counts(torch.tensor([0.0, wrong]))


def test_quantiles_of_nothing_are_refused():
    with pytest.raises(ValueError, match="no values"):
        distributions.grid_quantiles(np.zeros(20001), [0.5])


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
    assert 0 <= low[1] <= 20 <= high[1] == 30


def test_mean_interval_is_as_wide_as_the_normal_one():
    values = np.random.default_rng(0).normal(5, 2, 2000)

    mean, low, high = intervals.mean_interval(values, draws=2000)

    assert mean == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 2000**0.5, rel=0.1)
