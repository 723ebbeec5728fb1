"""LRP of networks whose activations work in place: on the image itself, where they come first."""

import pytest
import torch
from torch import nn

from helpers.papers import lrp


@pytest.mark.parametrize("rule", [lrp.zero(), lrp.epsilon(1.0), lrp.alpha_beta(2)])
def test_an_activation_in_place_may_come_first_and_leaves_the_images_alone(rule, generator):
    last = nn.Linear(12, 3).double()
    images = torch.rand(2, 3, 2, 2, generator=generator, dtype=torch.float64)
    before, classes = images.clone(), torch.tensor([0, 2])
    plain, in_place = (nn.Sequential(nn.ReLU(flag), nn.Flatten(), last) for flag in (False, True))

    expected = lrp.relevance(plain, images, classes, rule)

    torch.testing.assert_close(lrp.relevance(in_place, images, classes, rule), expected)
    assert torch.equal(images, before)
