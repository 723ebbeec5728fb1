"""What Arya's trial computes: examples by hand, known cases, second ways of computing."""

import numpy as np
import pytest
import torch
from scipy import stats
from two_layers import TwoLayers

from helpers.inputs import conversion, corruptions
from helpers.measures import agreement, foreground, two_groups
from helpers.papers import cams
from helpers.trials import training_stages as stages


@pytest.fixture
def pixels(generator):
    return torch.randint(0, 256, (60, 3, 16, 16), generator=generator, dtype=torch.uint8)


def test_agreement_is_scipys_rank_correlation_and_a_count_of_common_pixels(generator):
    first, second = torch.rand(2, 3, 5, 5, generator=generator)

    found = agreement.agreement(first, second)

    for row, a, b in zip(found, first, second, strict=True):
        top = set(a.flatten().topk(5).indices.tolist()) & set(b.flatten().topk(5).indices.tolist())
        expected = (stats.spearmanr(a.flatten(), b.flatten()).statistic, 100 * len(top) / 5)
        assert row.tolist() == pytest.approx(expected)


def test_agreement_is_full_with_itself_and_nan_for_a_flat_map(generator):
    maps = torch.rand(2, 5, 5, generator=generator)
    maps[1] = 3

    found = agreement.agreement(maps, maps)

    assert found[0].tolist() == pytest.approx([1, 100])
    assert found[1].isnan().all()


def test_agreement_ignores_what_lies_outside_the_region(generator):
    first, second = torch.rand(1, 6, 6, generator=generator).repeat(2, 1, 1).split(1)
    region = torch.zeros(6, 6, dtype=torch.bool)
    region[1:5, 1:5] = True
    second = torch.where(region, second, 9.0)

    assert agreement.agreement(first, second, region)[0].tolist() == pytest.approx([1, 100])
    assert agreement.agreement(first, second)[0, 0] < 1


def test_inscribed_disc_leaves_the_corners_out():
    disc = agreement.inscribed_disc(5)

    assert disc.int().tolist() == [
        [0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0],
    ]  # fmt: skip


def test_foreground_is_the_square_that_differs_from_the_border():
    images = torch.full((1, 3, 16, 16), 0.2) + 0.01 * torch.rand(1, 3, 16, 16)
    images[:, 0, 4:12, 4:12] = 0.9

    mask = foreground.unlike_the_border(images)[0]

    assert mask[5:11, 5:11].all()
    assert not mask[:3].any()
    assert mask.sum() >= 64


def test_mean_difference_is_that_of_the_groups_and_leaves_nan_out():
    values = np.array([1.0, 3.0, np.nan, 10.0, 20.0])
    group = np.array([True, True, True, False, False])

    difference, low, high = two_groups.mean_difference(values, group, draws=500)

    assert difference == pytest.approx(13)
    assert low < 13 < high


def test_draws_without_one_of_the_groups_are_left_out():
    values, group = np.array([5.0] * 5 + [7.0]), np.array([True] * 5 + [False])

    assert two_groups.mean_difference(values, group, draws=500) == pytest.approx((2, 2, 2))


def test_corrupted_meets_the_grid_that_the_setting_has(pixels):
    small = stages.corrupted(pixels, stages.Setting("occlusion", 3), 32, seed=0)
    large = stages.corrupted(pixels, stages.Setting("occlusion", 3, "enlarged"), 32, seed=0)

    assert small.shape[-1] == 16
    assert large.shape[-1] == 32
    assert torch.equal(
        stages.corrupted(pixels, stages.CLEAN, 32, seed=0), conversion.to_unit(pixels)
    )


def test_logits_and_maps_are_those_of_two_separate_passes(pixels):
    network, images = TwoLayers().eval(), conversion.to_unit(pixels)
    classes = torch.arange(60) % 10

    result = stages.logits_and_maps(network, images, classes, "0")

    maps = cams.grad_cam(*cams.record(network, images, classes, "body.0"))
    assert torch.allclose(result["logits"], network(images), atol=1e-6)
    assert torch.allclose(result["maps"], maps, atol=1e-6)


def test_focus_of_an_even_map_is_the_share_of_the_pixels():
    objects = torch.zeros(1, 32, 32, dtype=torch.bool)
    objects[:, :16] = True

    assert stages.focus(torch.ones(1, 3, 3), objects)[0].tolist() == pytest.approx([25, 50, 10])


def test_focus_is_nan_for_a_map_without_mass():
    objects = torch.ones(1, 32, 32, dtype=torch.bool)

    assert stages.focus(torch.zeros(1, 3, 3), objects).isnan().all()


def test_stability_of_a_map_that_turns_with_its_image_is_nearly_one(generator):
    rows, columns = torch.meshgrid(
        torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij"
    )
    clean = torch.exp(-((columns - 0.2) ** 2 + 2 * rows**2))[None].repeat(3, 1, 1)
    setting = stages.Setting("rotation", 40)
    angles = corruptions.draw_angles(3, 40, torch.Generator().manual_seed(5))
    turned = corruptions.rotate(clean[:, None], angles)[:, 0]

    assert (stages.stability(clean, turned, setting, 5)[:, 0] > 0.999).all()
    assert (stages.stability(clean, turned, setting, 6)[:, 0] < 0.999).any()


def test_behavior_matches_an_example_by_hand():
    logits = torch.tensor([[0.0, np.log(3)], [np.log(4), 0.0]])
    clean = torch.tensor([[1.0, 0.0], [1.0, 0.0]])

    found = stages.Behavior(*stages.behavior(logits, clean, torch.tensor([1, 1])).T)

    assert found.right.tolist() == [100, 0]
    assert found.confidence.tolist() == pytest.approx([0.75, 0.8])
    assert found.true_class.tolist() == pytest.approx([0.75, 0.2])
    assert found.unchanged.tolist() == [0, 100]


def test_receptive_share_of_one_convolution_is_its_kernel():
    share = stages.receptive_share(TwoLayers(), "0", side=16)

    assert share == pytest.approx(100 * 9 / 256)
