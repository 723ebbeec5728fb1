import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.ndimage
import torch
from torch.nn import functional as F

from helpers.measures import insertion_deletion


def first_channel(images):
    """A probability: the mean of the first channel."""
    return images[:, 0].mean((1, 2))


FOUR = torch.tensor([[[0.1, 0.2], [0.3, 0.6]]])  # one channel, mean 0.3


SALIENCY = torch.tensor([[2.0, 1.0], [4.0, 3.0]])  # so 0.3 goes first, then 0.6, 0.1, 0.2


def test_deletion_of_four_pixels_matches_hand_computed_scores():
    found = insertion_deletion.deletion_curve(first_channel, FOUR, SALIENCY, steps=4)
    in_two = insertion_deletion.deletion_curve(first_channel, FOUR, SALIENCY, steps=2, fill=1.0)
    in_three = insertion_deletion.deletion_curve(first_channel, FOUR, SALIENCY, steps=3)

    assert found.tolist() == pytest.approx([0.3, 0.225, 0.075, 0.05, 0])
    assert in_two.tolist() == pytest.approx([0.3, (0.1 + 0.2 + 1 + 1) / 4, 1])
    assert in_three.tolist() == pytest.approx([0.3, 0.075, 0.05, 0])  # after 2, 3 and 4 pixels
    assert found.dtype == torch.float64


def test_insertion_of_four_pixels_matches_hand_computed_scores():
    found = insertion_deletion.insertion_curve(first_channel, FOUR, SALIENCY, steps=4)

    b = insertion_deletion.blurred(FOUR[None])[0, 0].flatten().tolist()
    pixels = [
        [b[0], b[1], b[2], b[3]], [b[0], b[1], 0.3, b[3]], [b[0], b[1], 0.3, 0.6],
        [0.1, b[1], 0.3, 0.6], [0.1, 0.2, 0.3, 0.6],
    ]  # fmt: skip
    assert found.tolist() == pytest.approx([sum(some) / 4 for some in pixels])


@pytest.fixture
def photographs(generator):
    return torch.rand(3, 3, 16, 12, generator=generator, dtype=torch.float64)


@pytest.fixture
def maps(generator):
    return torch.randn(3, 16, 12, generator=generator, dtype=torch.float64)


def probability(images):
    """One that depends on where and in which channel the pixels are."""
    height, width = images.shape[-2:]
    weights = torch.linspace(-3, 3, 3 * height * width, dtype=images.dtype).sin()
    return (images.flatten(1) @ weights / 30).sigmoid()


@pytest.mark.parametrize("steps", [1, 5, 192])
def test_curves_run_from_the_image_to_the_fill_and_from_the_blur_to_the_image(
    steps, photographs, maps
):
    color = torch.tensor([0.2, 0.4, 0.9], dtype=torch.float64).view(3, 1, 1)
    image, empty = photographs[0], color.expand(3, 16, 12)

    deletion = insertion_deletion.deletion_curve(
        probability, image, maps[0], steps=steps, fill=color
    )
    insertion = insertion_deletion.insertion_curve(
        probability, image, maps[0], steps=steps, fill=color
    )

    soft = insertion_deletion.blurred(image[None], color)
    assert deletion.shape == insertion.shape == (steps + 1,)
    assert deletion[[0, -1]].tolist() == pytest.approx(
        [probability(image[None]).item(), probability(empty[None]).item()]
    )
    assert insertion[[0, -1]].tolist() == pytest.approx(
        [probability(soft).item(), probability(image[None]).item()]
    )


def rise_blur(image):
    """Of RISE's evaluation.py: gkern(11, 5) and a convolution with zero padding."""
    point = np.zeros((11, 11))
    point[5, 5] = 1
    kernel = np.zeros((3, 3, 11, 11))
    for channel in range(3):
        kernel[channel, channel] = scipy.ndimage.gaussian_filter(point, 5)
    return F.conv2d(image, torch.from_numpy(kernel), padding=5)


def by_rise(score, image, saliency, mode, step):
    """RISE's CausalMetric.single_run, step being in pixels, on a normalized image (1, C, H, W)."""
    size = saliency.size
    if mode == "del":
        start, finish = image.clone(), torch.zeros_like(image)
    else:
        start, finish = rise_blur(image), image.clone()
    count = (size + step - 1) // step
    scores = np.empty(count + 1)
    order = np.flip(np.argsort(saliency.reshape(-1, size), axis=1), axis=-1)
    for i in range(count + 1):
        scores[i] = score(start).item()
        coords = order[:, step * i : step * (i + 1)]
        a, b = start.numpy().reshape(1, 3, size), finish.numpy().reshape(1, 3, size)
        a[0, :, coords] = b[0, :, coords]
    return scores


def rise_auc(scores):
    return (scores.sum() - scores[0] / 2 - scores[-1] / 2) / (scores.shape[0] - 1)


@pytest.mark.parametrize("steps", [192, 16, 3])
def test_curves_are_those_of_rises_own_way_on_normalized_images(steps, photographs, maps):
    """Theirs sees (x - mean) / sd and fills with 0, ours sees x and fills with the mean."""
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(3, 1, 1)
    image, saliency = photographs[1], maps[1]

    def ours(images):
        return probability((images - mean) / deviation)

    normalized = ((image - mean) / deviation)[None]
    for mode, curve in (
        ("del", insertion_deletion.deletion_curve),
        ("ins", insertion_deletion.insertion_curve),
    ):
        found = curve(ours, image, saliency, steps=steps, fill=mean)
        theirs = by_rise(probability, normalized, saliency.numpy(), mode, 192 // steps)

        np.testing.assert_allclose(found, theirs, rtol=1e-9)
        assert insertion_deletion.auc(found).item() == pytest.approx(rise_auc(theirs))
        assert found.std() > 0.01


@pytest.mark.parametrize("batch_size", [1, 3, 7, 500])
def test_curves_of_a_batch_are_those_of_its_images(batch_size, photographs, maps):
    weights = torch.tensor([0.2, 0.5, 1.0], dtype=torch.float64)

    def own(images):  # rows i, 3 + i, ... are image i's
        return images[:, 1].mean((1, 2)) * weights.repeat(len(images) // 3)

    for curve in (insertion_deletion.deletion_curve, insertion_deletion.insertion_curve):
        found = curve(own, photographs, maps, steps=10, fill=0.3, batch_size=batch_size)

        assert found.shape == (3, 11)
        for i in range(3):

            def score(images, i=i):
                return images[:, 1].mean((1, 2)) * weights[i]

            alone = curve(score, photographs[i], maps[i], steps=10, fill=0.3)
            torch.testing.assert_close(found[i], alone, rtol=1e-12, atol=1e-14)


def test_a_curve_leaves_image_and_saliency_as_they_were(photographs, maps):
    before = photographs.clone(), maps.clone()

    insertion_deletion.deletion_curve(probability, photographs, maps, steps=5)
    insertion_deletion.insertion_curve(probability, photographs, maps, steps=5)

    assert torch.equal(photographs, before[0])
    assert torch.equal(maps, before[1])


def test_a_step_ends_at_the_next_whole_pixel_also_where_float32_would_round():
    side, steps, seen = 96, 2051, []

    def score(images):
        seen.extend(images[:, 0].sum((1, 2)).tolist())
        return torch.zeros(len(images))

    saliency = torch.arange(float(side**2)).view(side, side)
    insertion_deletion.deletion_curve(score, torch.ones(1, side, side), saliency, steps=steps)

    assert seen == [side**2 - math.ceil(Fraction(k * side**2, steps)) for k in range(steps + 1)]


def test_auc_is_numpys_trapezoid(generator):
    curves = torch.rand(4, 2, 9, generator=generator, dtype=torch.float64)

    expected = np.trapezoid(curves.numpy(), np.linspace(0, 1, 9))
    np.testing.assert_allclose(insertion_deletion.auc(curves), expected, rtol=1e-12)
    assert insertion_deletion.auc(torch.tensor([1.0, 0.0, 0.0])).item() == 0.25


def test_a_blur_keeps_a_flat_image_of_its_surroundings_and_darkens_other_borders():
    flat = torch.full((2, 3, 9, 9), 0.4, dtype=torch.float64)

    torch.testing.assert_close(insertion_deletion.blurred(flat, 0.4), flat)
    on_black = insertion_deletion.blurred(flat)
    assert on_black[0, 0, 0, 0] < 0.2
    assert on_black[0, 0, 4, 4] < 0.4


def test_blur_is_rises_convolution(photographs):
    torch.testing.assert_close(insertion_deletion.blurred(photographs), rise_blur(photographs))


def test_pixels_of_equal_saliency_go_in_row_order():
    saliency = torch.tensor([[0.0, 1.0], [0.0, 1.0]])

    found = insertion_deletion.deletion_curve(first_channel, FOUR, saliency, steps=4)

    # 0.2, 0.6, then 0.1, 0.3
    assert found.tolist() == pytest.approx([0.3, 0.25, 0.1, 0.075, 0])


@pytest.mark.parametrize(
    "curve", [insertion_deletion.deletion_curve, insertion_deletion.insertion_curve]
)
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda given: given | {"saliency": torch.zeros(2, 3)}, r"saliency is \(2, 3\)"),
        (lambda given: given | {"saliency": torch.zeros(1, 2, 2)}, "expected one number a pixel"),
        (lambda given: given | {"image": FOUR.expand(2, 1, 2, 2)}, "expected one number a pixel"),
        (lambda given: given | {"saliency": SALIENCY * math.nan}, "NaN or infinite"),
        (lambda given: given | {"saliency": SALIENCY * math.inf}, "NaN or infinite"),
        (lambda given: given | {"steps": 0}, "steps is 0; expected 1 to 4"),
        (lambda given: given | {"steps": 5}, "steps is 5; expected 1 to 4"),
        (lambda given: given | {"score": lambda x: first_channel(x) * 9}, "expected probabilities"),
        (lambda given: given | {"score": lambda x: -first_channel(x)}, "expected probabilities"),
        (lambda given: given | {"score": lambda x: first_channel(x) * math.nan}, "gave NaN"),
        (lambda given: given | {"score": lambda x: x[:, :, 0, 0]}, r"gave \(5, 1\) for 5 images"),
    ],
)
def test_curves_refuse_what_they_cannot_measure(curve, spoil, words):
    given = spoil({"score": first_channel, "image": FOUR, "saliency": SALIENCY, "steps": 4})

    with pytest.raises(ValueError, match=words):
        curve(given["score"], given["image"], given["saliency"], steps=given["steps"])


@pytest.mark.parametrize("shape", [(0, 3, 4, 4), (2, 3, 0, 4)])
def test_a_curve_of_no_image_or_no_pixel_is_refused(shape):
    images = torch.zeros(shape)

    with pytest.raises(ValueError, match="at least one, of some pixels"):
        insertion_deletion.deletion_curve(first_channel, images, images[:, 0], steps=1)


def test_probabilities_are_given_back_as_they_are():
    scores = torch.tensor([0.0, 0.25, 1.0])

    assert insertion_deletion.probabilities(scores, 3) is scores


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.5, 0.5, 0.5], r"gave \(3,\) for 2 images; expected \(2,\)"),
        ([0.5, math.nan], "gave NaN or infinity"),
        ([0.5, -0.01], "scores run from -0.01 to 0.5; expected probabilities"),
        ([0.5, 1.01], "scores run from 0.5 to 1.01; expected probabilities"),
    ],
)
def test_scores_that_are_no_probabilities_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        insertion_deletion.probabilities(torch.tensor(scores), 2)
