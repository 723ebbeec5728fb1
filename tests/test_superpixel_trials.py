"""Selections of superpixels rated by a network whose probability can be written down."""

import pytest
import torch
from torch import nn

from helpers.inputs import conversion
from helpers.trials import superpixel_trials as trials

SEGMENTS = (torch.arange(64) // 16).view(8, 8)  # four rows of two lines
PIXELS = torch.tensor([250, 10, 200, 90]).to(torch.uint8)[SEGMENTS].expand(3, 8, 8)
SETTINGS = {"fill": "black", "batch_size": 2}


class Light(nn.Module):
    """Two classes: the first one's logit is three times the mean lightness of the image."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(3.0))

    def forward(self, images):
        light = self.weight * images.mean((1, 2, 3))
        return torch.stack([light, torch.zeros_like(light)], 1)


def probability(levels):
    return torch.sigmoid(torch.tensor(3 * sum(levels) / 4 / 255, dtype=torch.float64)).item()


def test_a_selection_has_the_probability_of_its_pixels_before_the_fill():
    bits = torch.tensor([[True, False, True, False], [False] * 4, [True] * 4])

    found = trials.rate(Light(), conversion.to_unit(PIXELS), SEGMENTS, 0, bits, **SETTINGS, most=2)

    expected = [probability([250, 200]), 0.5, probability([250, 10, 200, 90])]
    assert found.tolist() == pytest.approx(expected, abs=1e-6)


def test_behind_its_own_mean_color_a_flat_superpixel_stays_as_it_is():
    image, none = conversion.to_unit(PIXELS), torch.zeros(1, 4, dtype=torch.bool)

    found = trials.rate(Light(), image, SEGMENTS, 0, none, fill="mean", batch_size=2)

    assert found.item() == pytest.approx(probability([250, 10, 200, 90]), abs=1e-6)


def test_orders_are_the_selection_the_weights_sets_of_its_size_and_free_orders():
    bits, weights = torch.tensor([True, False, True, False]), torch.tensor([0.1, 0.4, 0.3, 0.2])

    found = trials.orders(bits, weights, copies=3, seed=0)

    assert found.shape == (8, 4)
    assert found[0].tolist() == [1, 0, 1, 0]
    assert found[1].tolist() == pytest.approx([0.1, 0.4, 0.3, 0.2])
    assert found[2:5].sum(1).tolist() == [2, 2, 2]
    assert len(set(found[5:].flatten().tolist())) == 12
    means = trials.by_map(torch.tensor([[1.0], [2], [3], [4], [5], [6], [7], [8]]), copies=3)
    assert means[:, 0].tolist() == [1, 2, 4, 7]


def test_the_brightest_superpixels_first_win_insertion_and_lose_deletion():
    ranked = torch.tensor([[250.0, 10, 200, 90], [10, 250, 90, 200]], dtype=torch.float64)

    found = trials.curves(
        Light(), PIXELS, 0, SEGMENTS, ranked, steps=4, sizes=4, seed=0, **SETTINGS
    )

    assert found["insertion"].shape == found["deletion"].shape == (2, 5)
    assert found["by size"][0].tolist() == pytest.approx(
        [probability([250]), probability([250, 200]), probability([250, 200, 90]),
         probability([250, 10, 200, 90])], abs=1e-6
    )  # fmt: skip
    assert found["shares"].tolist() == [0.25, 0.5, 0.75, 1]
    inner = found["deletion"][:, 1:-1]
    assert (inner[0] < inner[1]).all()
