import numpy as np
import pytest
import torch

from helpers.measures import distributions


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


def test_the_quantiles_of_no_values_in_one_of_several_rows_are_refused():
    counts = np.zeros((2, len(distributions.GRID)), int)
    counts[0, 5] = 1

    with pytest.raises(ValueError, match="at least one in every row"):
        distributions.grid_quantiles(counts, [0.5])


def test_no_values_make_counts_of_zero():
    assert distributions.grid_counts(torch.zeros(0, 3)).sum() == 0
