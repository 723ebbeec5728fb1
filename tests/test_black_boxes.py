"""The black boxes against what they showed the network, and against the authors' code."""

import numpy as np
import pytest
import torch
from skimage.transform import resize
from sklearn.linear_model import Ridge
from torch import nn

from helpers.inputs import conversion, photographs
from helpers.papers import black_box, decam, elime, peers
from helpers.saliency import black_boxes, lime_surrogate

METHODS = {
    "RISE": black_boxes.rise,
    "LIME": black_boxes.lime,
    "E-LIME": black_boxes.e_lime,
    "DE-CAM": black_boxes.de_cam,
}


class Spy(nn.Module):
    """A small network that remembers the images it was shown and its logits."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(3, 6, 5, stride=3), nn.ReLU(), nn.Flatten())
        self.head = nn.LazyLinear(4)
        self.shown, self.logits = [], []

    def forward(self, images):
        logits = 3 * self.head(self.body(images))
        self.shown.append(images.detach().clone())
        self.logits.append(logits.detach())
        return logits

    def seen(self):
        return torch.cat(self.shown), torch.cat(self.logits)


@pytest.fixture
def spy(photos):
    network = Spy()
    network(photos[:1])
    network.shown.clear()
    network.logits.clear()
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def photos():
    """Two photographs, no pixel of which is the gray of a mask."""
    images = conversion.to_unit(photographs.foolbox_imagenet(48).pixels[:2])
    return torch.where((images - 0.5).abs() < 0.01, 0.6, images)


CLASSES = torch.tensor([1, 3])


def maps(name, network, images, classes, seed=0, **options):
    torch.manual_seed(seed)
    return METHODS[name](network, images, classes, **options)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("evaluations", [24, 39, 48, 60])
def test_no_image_is_evaluated_more_often_than_the_budget_allows(name, evaluations, spy, photos):
    maps(name, spy, photos, CLASSES, evaluations=evaluations)

    each = len(spy.seen()[0]) / len(photos)
    assert each <= evaluations
    assert each > evaluations - {"RISE": 1, "LIME": 1, "E-LIME": 19, "DE-CAM": 12}[name]


@pytest.mark.parametrize("name", ["E-LIME", "DE-CAM"])
@pytest.mark.parametrize("evaluations", [8, 9, 15, 23])
def test_a_small_budget_still_makes_two_generations(name, evaluations, spy, photos):
    maps(name, spy, photos[:1], CLASSES[:1], evaluations=evaluations)

    assert evaluations // 2 < len(spy.seen()[0]) <= evaluations


@pytest.mark.parametrize(
    ("name", "evaluations", "message"),
    [
        ("E-LIME", 7, "7 evaluations an image; expected 8 or more"),
        ("DE-CAM", 0, "0 evaluations an image; expected 8 or more"),
        ("LIME", 1, "LIME with 1 evaluations; expected 2 or more"),
        ("RISE", 0, "RISE with 0 masks; expected 1 or more"),
    ],
)
def test_a_budget_too_small_for_any_map_is_refused(name, evaluations, message, spy, photos):
    with pytest.raises(ValueError, match=message):
        maps(name, spy, photos, CLASSES, evaluations=evaluations)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("batch_size", [8, 33, 64])
def test_the_map_does_not_depend_on_the_batch_size(name, batch_size, spy, photos):
    reference = maps(name, spy, photos, CLASSES, evaluations=64)

    batched = maps(name, spy, photos, CLASSES, evaluations=64, batch_size=batch_size)

    torch.testing.assert_close(batched, reference, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("masks", [31, 32, 33, 64, 320])
def test_rise_works_whether_or_not_the_batch_divides_the_masks(masks, photos):
    saliency = peers.rise(
        lambda images: images.mean((1, 2, 3)), photos, masks=masks, batch_size=32,
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip

    assert saliency.shape == (2, 48, 48)
    assert saliency.isfinite().all()


def generate_masks(grids, shifts, size, cells):
    """``RISE.generate_masks`` of eclique/RISE on given draws, for any height and width.

    Its ``mode="reflect"`` mirrors the grid in the outer half cell, where ours repeats the border,
    as bilinear interpolation is commonly understood: ``mode="edge"``.
    """
    cell_size = np.ceil(np.array(size) / cells).astype(int)
    up_size = (cells + 1) * cell_size
    masks = np.empty((len(grids), *size))
    for i, grid in enumerate(grids):
        x, y = (shifts[i] * cell_size).astype(int)
        masks[i] = resize(
            grid, up_size, order=1, mode="edge", anti_aliasing=False
        )[x : x + size[0], y : y + size[1]]  # fmt: skip
    return masks


@pytest.mark.parametrize("keep", [0.5, 0.2])
def test_rise_is_that_of_its_authors_code_on_the_same_draws(keep, generator):
    images = torch.rand(2, 3, 20, 27, generator=generator, dtype=torch.float64)
    weights = torch.rand(2, 1, 20, 27, generator=generator, dtype=torch.float64)

    def score(batch):
        return (batch * weights.repeat(len(batch) // 2, 1, 1, 1)).mean((1, 2, 3))

    saliency = peers.rise(
        score, images, masks=3, keep=keep, generator=torch.Generator().manual_seed(4)
    )

    draws = torch.Generator().manual_seed(4)
    grids = (torch.rand(3, 7, 7, generator=draws) < keep).double().numpy()
    shifts = torch.rand(3, 2, generator=draws).numpy()
    masks = generate_masks(grids, shifts, (20, 27), 7)
    for i in range(2):
        stack = images[i].numpy() * masks[:, None]  # RISE.forward
        p = (stack * weights[i].numpy()).mean((1, 2, 3))
        expected = (p @ masks.reshape(3, -1)).reshape(20, 27) / 3 / keep
        np.testing.assert_allclose(saliency[i], expected, rtol=1e-6)


def test_rise_of_a_network_follows_from_what_it_was_shown(spy, photos):
    saliency = maps("RISE", spy, photos[:1], CLASSES[:1], evaluations=40)

    shown, logits = spy.seen()
    masks = ((shown - 0.5) / (photos[:1] - 0.5)).median(1).values  # the same in all channels
    probability = logits.softmax(1)[:, 1]
    expected = torch.einsum("n,nhw->hw", probability, masks) / (0.5 * 40)
    torch.testing.assert_close(saliency[0], expected, rtol=1e-3, atol=1e-3)


def test_de_cam_of_a_network_follows_from_what_it_was_shown(spy, photos):
    """Of each pair of individual and trial the fitter stays; the fit ones are summed up."""
    saliency = maps("DE-CAM", spy, photos[:1], CLASSES[:1], evaluations=24, area_weight=3.0)

    shown, logits = spy.seen()
    masks = (shown == photos[:1]).all(1)  # (24, H, W)
    fitness = logits[:, 1] - 3.0 * masks.float().mean((1, 2))
    survivors = torch.where(fitness[12:] > fitness[:12], torch.arange(12, 24), torch.arange(12))
    fitness, masks = fitness[survivors], masks[survivors]
    mean = fitness.mean()
    fit = fitness > 2 / 3 * mean if mean > 0 else fitness >= mean
    total = masks[fit].sum(0)
    assert 0 < fit.sum() < 12
    torch.testing.assert_close(saliency[0], total / total.max())


def test_e_lime_of_a_network_is_the_most_probable_selection_that_it_was_shown(spy, photos):
    saliency = maps("E-LIME", spy, photos[:1], CLASSES[:1], evaluations=60)

    shown, logits = spy.seen()
    best = logits.softmax(1)[:, 1].argmax()
    assert torch.equal(saliency[0], (shown[best] == photos[0]).all(0).float())
    assert 0 < saliency.mean() < 1


def by_ridge(network, image, label, segments, evaluations, seed):
    """LIME's weights by its definition: ridge regression on random bits, weighted by closeness."""
    count = int(segments.max()) + 1
    draws = np.random.RandomState(seed)
    draws.randint(0, high=1000)  # for a segmentation that is not used
    bits = draws.randint(0, 2, evaluations * count).reshape(evaluations, count)
    bits[0] = 1
    pixels = (255 * image).round()
    means = (255 * elime.segment_means(pixels[None] / 255, segments[None])[0] + 1e-3).floor()
    hidden = torch.from_numpy(bits == 0)[:, segments][:, None]
    inputs = torch.where(hidden, means, pixels) / 255
    probability = network(inputs).softmax(1)[:, label].double().numpy()
    cosine = np.sqrt(bits.sum(1) / count)  # of each row with the first, which has all bits
    closeness = np.sqrt(np.exp(-((1 - cosine) ** 2) / 0.25**2))
    fit = Ridge(alpha=1, fit_intercept=True).fit(bits, probability, sample_weight=closeness)
    return fit.coef_


def test_lime_is_a_weighted_ridge_regression_on_superpixels(spy, photos):
    segments = black_boxes.segments_of(photos)[0]

    weights = lime_surrogate.weights(spy, photos[0], 1, segments, evaluations=80, seed=5)

    expected = by_ridge(spy, photos[0], 1, segments, 80, 5)
    np.testing.assert_allclose(weights, expected, atol=1e-4 * np.abs(expected).max())
    saliency = black_boxes.lime(spy, photos[:1], CLASSES[:1], evaluations=80, seed=5)
    assert torch.equal(saliency[0], weights.float()[segments])


def test_lime_hides_superpixels_behind_the_fill_that_is_given(spy, photos):
    black_boxes.lime(spy, photos[:1], CLASSES[:1], evaluations=30, fill=0.2, seed=0)

    shown, _ = spy.seen()
    pixels = (255 * photos[:1]).round() / 255
    hidden = (shown - 51 / 255).abs().amax(1) < 1e-6
    visible = (shown - pixels).abs().amax(1) < 1e-6
    assert (hidden | visible).all()
    assert 0.4 < hidden.float().mean() < 0.6


def test_limes_own_selection_is_its_largest_positive_weights():
    weights = torch.tensor([0.3, -0.9, 0.1, 0.5, 0.0, 0.2, 0.4, 0.05])

    assert black_boxes.strongest_superpixels(weights).nonzero()[:, 0].tolist() == [0, 2, 3, 5, 6]
    assert black_boxes.strongest_superpixels(weights[:3]).tolist() == [True, False, True]


def test_the_map_of_a_population_is_the_sum_of_its_fit_masks_over_the_maximum():
    genes = torch.tensor(
        [
            [[0.0, 0, 4, 4, 0], [0, 0, 4, 4, 0]],  # the left disc twice
            [[4.0, 0, 8, 4, 0], [0, 0, 4, 4, 0]],  # both discs
            [[4.0, 0, 8, 4, 0], [4, 0, 8, 4, 0]],  # the right disc, not fit
        ]
    ).flatten(1)[None]
    population = black_box.Population(genes, torch.tensor([[3.0, 3.0, 1.0]]))  # 2/3 of 7/3: 1.6

    saliency = decam.ellipse_map(population, (4, 8), ellipses=2)

    disc = torch.tensor([[0.0, 1, 1, 0], [1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 1, 0]])
    assert saliency.tolist() == [torch.cat([disc, disc / 2], 1).tolist()]


def test_the_map_of_a_population_without_a_pixel_is_zero():
    outside = torch.tensor([[[-9.0, -9, -5, -5, 0]] * 4])

    saliency = decam.ellipse_map(black_box.Population(outside, torch.ones(1, 4)), (4, 4), 1)

    assert not saliency.any()


def test_a_map_takes_300_evaluations_unless_told_otherwise(spy, photos):
    maps("RISE", spy, photos[:1], CLASSES[:1])

    assert len(spy.seen()[0]) == 300


def test_lime_is_shown_pixels_rounded_to_the_nearest_level(spy):
    image = torch.full((1, 3, 48, 48), 100.7 / 255)
    segments = (torch.arange(48 * 48) // 576).view(48, 48)

    lime_surrogate.weights(spy, image[0], 1, segments, evaluations=2, seed=0, fill=0.0)

    assert torch.allclose(spy.seen()[0][0], torch.tensor(101 / 255))


def test_limes_weights_of_all_classes_cancel_so_that_some_are_negative(spy, photos):
    """Probabilities add up to 1 in every sample, and the regression is linear in them."""
    segments = black_boxes.segments_of(photos)[0]

    weights = torch.stack(
        [
            lime_surrogate.weights(spy, photos[0], label, segments, evaluations=40, seed=5)
            for label in range(4)
        ]
    )

    assert weights.sum(0).abs().max() < 1e-6 * weights.abs().sum()
    assert (weights < 0).any()


def test_limes_weights_of_a_smaller_sample_are_those_of_the_beginning_of_a_larger_one(spy, photos):
    segments = black_boxes.segments_of(photos)[0]
    settings = {"seed": 5, "fill": 0.5}

    found = lime_surrogate.weights_after(
        spy, photos[0], 1, segments, evaluations=[20, 60, 40], **settings
    )

    assert len(spy.seen()[0]) == 60
    for row, count in zip(found, (20, 60, 40), strict=True):
        alone = lime_surrogate.weights(spy, photos[0], 1, segments, evaluations=count, **settings)
        torch.testing.assert_close(row, alone)
    assert not torch.allclose(found[0], found[1])
