import math

import pytest
import torch

from helpers.measures import selections


def bits(*rows):
    return torch.tensor(rows, dtype=torch.bool)


def test_jaccard_is_the_mean_over_pairs():
    three = bits([1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0])

    assert selections.jaccard(three) == pytest.approx((1 / 3 + 1 + 1 / 3) / 3)


def test_empty_selections_agree_and_one_alone_agrees_with_nobody():
    assert selections.jaccard(bits([0, 0], [0, 0])) == 1
    assert selections.jaccard(bits([0, 0], [1, 0])) == 0
    assert math.isnan(selections.jaccard(bits([1, 0])))


def test_shuffled_rows_keep_their_size_and_every_superpixel_is_as_likely(generator):
    rows = selections.shuffled(bits([1, 0, 0, 0], [1, 1, 1, 0]), generator, copies=2000)

    assert rows.sum(1).tolist() == [1, 3] * 2000
    assert (rows[::2].double().mean(0) - 0.25).abs().max() < 0.05  # 5 standard errors: 0.048


def test_agreement_counts_superpixels_by_how_often_they_are_selected(generator):
    four = bits([1, 0, 1, 1], [1, 0, 0, 1], [1, 0, 1, 1], [1, 0, 0, 0])

    found = selections.agreement(four, generator)

    assert (found["in every run"], found["in no run"], found["undecided"]) == (1, 1, 1)
    assert found["S"] == 4
    assert found["Jaccard"] == selections.jaccard(four)
    assert 0 < found["by chance"] < 1
