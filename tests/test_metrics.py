import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import torch
from torch.nn import functional as F

from helpers.measures import insertion_deletion, localization, rankings, sobel


def test_ranking_goes_from_most_to_least_relevant_and_keeps_ties_in_order():
    relevance = torch.tensor([[[0.1, -3.0], [0.5, 0.1]]])

    assert rankings.ranking(relevance).tolist() == [[2, 0, 3, 1]]


def test_new_positions_match_a_hand_written_example():
    before = torch.tensor([[2, 0, 3, 1]])
    after = torch.tensor([[0, 1, 2, 3]])

    assert rankings.new_positions(before, after, 3).tolist() == [[2, 0, 3]]


def test_a_ranking_overlaps_itself_wholly(generator):
    order = rankings.ranking(torch.randn(5, 40, generator=generator))

    positions = rankings.new_positions(order, order, 10)

    assert (positions == torch.arange(10)).all()
    assert (rankings.overlap(positions, 10) == 1).all()


def test_reversed_relevance_shares_nothing_in_the_upper_half():
    relevance = torch.arange(8.0)[None]

    positions = rankings.new_positions(rankings.ranking(relevance), rankings.ranking(-relevance), 4)

    assert rankings.overlap(positions, 4).tolist() == [0.0]


def test_random_rankings_overlap_by_chance(generator):
    first, second = torch.randn(2, 400, 300, generator=generator)

    positions = rankings.new_positions(rankings.ranking(first), rankings.ranking(second), 30)

    # 10 % expected; 12,000 draws have a standard error of 0.27 points
    assert abs(rankings.overlap(positions, 30).mean().item() - 0.1) < 0.012


def test_overlap_counts_the_same_components_as_a_set_intersection(generator):
    first, second = torch.randn(2, 7, 50, generator=generator)
    before, after = rankings.ranking(first), rankings.ranking(second)

    found = rankings.overlap(rankings.new_positions(before, after, 5), 12)

    by_sets = [
        len(set(b[:5]) & set(a[:12])) / 5
        for b, a in zip(before.tolist(), after.tolist(), strict=True)
    ]
    assert torch.allclose(found, torch.tensor(by_sets))


@pytest.mark.parametrize("top", [0, 9])
def test_following_no_or_too_many_components_is_refused(top):
    order = torch.arange(8)[None]

    with pytest.raises(ValueError, match="1 to 8"):
        rankings.new_positions(order, order, top)


def test_rankings_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        rankings.new_positions(torch.arange(8)[None], torch.arange(7)[None], 2)


def test_edges_of_a_step_lie_at_the_step():
    image = torch.zeros(1, 1, 4, 6)
    image[..., 3:] = 1

    found = sobel.edge_magnitude(image)

    assert found[0, 0, 1].tolist() == [0, 0, 4, 4, 0, 0]  # 1 + 2 + 1 across the step


def test_a_flat_image_has_no_edges_not_even_at_its_border():
    assert sobel.edge_magnitude(torch.full((2, 3, 5, 5), 0.7)).abs().max() < 1e-6


def test_spearman_equals_scipys_with_ties(generator):
    before = torch.randint(0, 6, (5, 4, 3), generator=generator).float()
    after = before + torch.randint(0, 9, (5, 4, 3), generator=generator)

    found = rankings.spearman(before, after)

    expected = [
        scipy.stats.spearmanr(b.flatten(), a.flatten()).statistic
        for b, a in zip(before, after, strict=True)
    ]
    assert found.tolist() == pytest.approx(expected, abs=1e-12)


def test_spearman_sees_order_alone_and_its_reversal(generator):
    maps = torch.rand(2, 3, 3, generator=generator)

    assert rankings.spearman(maps, maps.exp()).tolist() == pytest.approx([1, 1])
    assert rankings.spearman(maps, -maps).tolist() == pytest.approx([-1, -1])


def test_spearman_of_a_constant_map_is_not_a_number(generator):
    maps = torch.rand(1, 2, 2, generator=generator)

    assert rankings.spearman(maps, torch.zeros(1, 2, 2)).isnan().all()
    with pytest.raises(ValueError, match="expected the same shape"):
        rankings.spearman(maps, torch.zeros(1, 2, 3))


def test_share_within_is_the_mass_inside_over_all_mass():
    maps = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    region = torch.tensor([[False, True], [False, True]])

    share = localization.share_within(maps, region)

    assert share[0].item() == pytest.approx(0.6)
    assert share[1].isnan()


def test_entropy_is_zero_for_a_point_and_bits_for_an_even_map():
    point, even = torch.zeros(4, 4), torch.full((4, 4), 7.0)
    point[1, 2] = 3
    half = torch.zeros(4, 4)
    half[0, :2] = 1

    assert localization.entropy(torch.stack([point, even, half])).tolist() == pytest.approx(
        [0, 4, 1]
    )
    assert localization.entropy(torch.zeros(1, 4, 4)).isnan().all()


def first_channel(images):
    """A probability: the mean of the first channel."""
    return images[:, 0].mean((1, 2))


FOUR = torch.tensor([[[0.1, 0.2], [0.3, 0.6]]])  # one channel, mean 0.3
RELEVANCE = torch.tensor([[2.0, 1.0], [4.0, 3.0]])  # so 0.3 goes first, then 0.6, 0.1, 0.2


def test_deletion_of_four_pixels_matches_hand_computed_scores():
    found = insertion_deletion.deletion_curve(first_channel, FOUR, RELEVANCE, steps=4)
    in_two = insertion_deletion.deletion_curve(first_channel, FOUR, RELEVANCE, steps=2, fill=1.0)
    in_three = insertion_deletion.deletion_curve(first_channel, FOUR, RELEVANCE, steps=3)

    assert found.tolist() == pytest.approx([0.3, 0.225, 0.075, 0.05, 0])
    assert in_two.tolist() == pytest.approx([0.3, (0.1 + 0.2 + 1 + 1) / 4, 1])
    assert in_three.tolist() == pytest.approx([0.3, 0.075, 0.05, 0])  # after 2, 3 and 4 pixels
    assert found.dtype == torch.float64


def test_insertion_of_four_pixels_matches_hand_computed_scores():
    found = insertion_deletion.insertion_curve(first_channel, FOUR, RELEVANCE, steps=4)

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
    colour = torch.tensor([0.2, 0.4, 0.9], dtype=torch.float64).view(3, 1, 1)
    image, empty = photographs[0], colour.expand(3, 16, 12)

    deletion = insertion_deletion.deletion_curve(
        probability, image, maps[0], steps=steps, fill=colour
    )
    insertion = insertion_deletion.insertion_curve(
        probability, image, maps[0], steps=steps, fill=colour
    )

    soft = insertion_deletion.blurred(image[None], colour)
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


def by_rise(score, image, relevance, mode, step):
    """RISE's CausalMetric.single_run, step being in pixels, on a normalised image (1, C, H, W)."""
    size = relevance.size
    if mode == "del":
        start, finish = image.clone(), torch.zeros_like(image)
    else:
        start, finish = rise_blur(image), image.clone()
    count = (size + step - 1) // step
    scores = np.empty(count + 1)
    order = np.flip(np.argsort(relevance.reshape(-1, size), axis=1), axis=-1)
    for i in range(count + 1):
        scores[i] = score(start).item()
        coords = order[:, step * i : step * (i + 1)]
        a, b = start.numpy().reshape(1, 3, size), finish.numpy().reshape(1, 3, size)
        a[0, :, coords] = b[0, :, coords]
    return scores


def rise_auc(scores):
    return (scores.sum() - scores[0] / 2 - scores[-1] / 2) / (scores.shape[0] - 1)


@pytest.mark.parametrize("steps", [192, 16, 3])
def test_curves_are_those_of_rises_own_way_on_normalised_images(steps, photographs, maps):
    """Theirs sees (x - mean) / sd and fills with 0, ours sees x and fills with the mean."""
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(3, 1, 1)
    image, relevance = photographs[1], maps[1]

    def ours(images):
        return probability((images - mean) / deviation)

    normalised = ((image - mean) / deviation)[None]
    for mode, curve in (
        ("del", insertion_deletion.deletion_curve),
        ("ins", insertion_deletion.insertion_curve),
    ):
        found = curve(ours, image, relevance, steps=steps, fill=mean)
        theirs = by_rise(probability, normalised, relevance.numpy(), mode, 192 // steps)

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


def test_a_curve_leaves_image_and_relevance_as_they_were(photographs, maps):
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

    relevance = torch.arange(float(side**2)).view(side, side)
    insertion_deletion.deletion_curve(score, torch.ones(1, side, side), relevance, steps=steps)

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


def test_pixels_of_equal_relevance_go_in_row_order():
    relevance = torch.tensor([[0.0, 1.0], [0.0, 1.0]])

    found = insertion_deletion.deletion_curve(first_channel, FOUR, relevance, steps=4)

    # 0.2, 0.6, then 0.1, 0.3
    assert found.tolist() == pytest.approx([0.3, 0.25, 0.1, 0.075, 0])


def test_breaking_ties_keeps_the_order_of_unequal_values(generator):
    relevance = torch.randint(0, 4, (5, 6, 7), generator=generator).float()

    found = rankings.break_ties(relevance, generator)

    for before, after in zip(relevance.flatten(1), found.flatten(1), strict=True):
        assert sorted(after.tolist()) == list(range(-41, 1))  # all ranks, each once
        lower = before[:, None] < before[None]
        assert (after[:, None] < after[None])[lower].all()


def test_breaking_ties_leaves_distinct_values_in_their_order(maps, generator):
    found = rankings.break_ties(maps, generator)

    assert torch.equal(rankings.ranking(found), rankings.ranking(maps))


def test_broken_ties_follow_from_the_seed_and_favour_no_place():
    def broken(seed, relevance):
        return rankings.break_ties(relevance, torch.Generator().manual_seed(seed))

    flat = torch.zeros(8, 8)
    assert torch.equal(broken(1, flat), broken(1, flat))
    assert not torch.equal(broken(1, flat), broken(2, flat))
    assert not flat.any()

    mean_rank = broken(0, torch.zeros(2000, 2, 4)).mean(0)
    # -3.5 expected; the mean of 2,000 ranks of sd 2.3 has a standard error of 0.05
    assert (mean_rank + 3.5).abs().max() < 0.25


def test_breaking_ties_leaves_the_global_generator_alone(maps):
    state = torch.get_rng_state()

    rankings.break_ties(maps, torch.Generator().manual_seed(0))

    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "curve", [insertion_deletion.deletion_curve, insertion_deletion.insertion_curve]
)
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda given: given | {"relevance": torch.zeros(2, 3)}, r"relevance is \(2, 3\)"),
        (lambda given: given | {"relevance": torch.zeros(1, 2, 2)}, "expected one number a pixel"),
        (lambda given: given | {"image": FOUR.expand(2, 1, 2, 2)}, "expected one number a pixel"),
        (lambda given: given | {"relevance": RELEVANCE * math.nan}, "NaN or infinite"),
        (lambda given: given | {"relevance": RELEVANCE * math.inf}, "NaN or infinite"),
        (lambda given: given | {"steps": 0}, "steps is 0; expected 1 to 4"),
        (lambda given: given | {"steps": 5}, "steps is 5; expected 1 to 4"),
        (lambda given: given | {"score": lambda x: first_channel(x) * 9}, "expected probabilities"),
        (lambda given: given | {"score": lambda x: -first_channel(x)}, "expected probabilities"),
        (lambda given: given | {"score": lambda x: first_channel(x) * math.nan}, "gave NaN"),
        (lambda given: given | {"score": lambda x: x[:, :, 0, 0]}, r"gave \(5, 1\) for 5 images"),
    ],
)
def test_curves_refuse_what_they_cannot_measure(curve, spoil, words):
    given = spoil({"score": first_channel, "image": FOUR, "relevance": RELEVANCE, "steps": 4})

    with pytest.raises(ValueError, match=words):
        curve(given["score"], given["image"], given["relevance"], steps=given["steps"])
