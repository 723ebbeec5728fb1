import itertools
import math

import numpy as np
import pytest
import torch
from lime.wrappers.scikit_image import SegmentationAlgorithm
from torch import nn

from helpers.inputs import classifiers, photographs
from helpers.papers import black_box, decam, elime


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 6, 8, generator=generator, dtype=torch.float64)


def corner_pixel(images):
    return images[:, 0, 0, 0]


# --- ellipses ---


def by_quadratic_form(genes, size):
    """Each pixel's center turned back into each ellipse's own axes."""
    masks = np.zeros(size, bool)
    for x0, y0, x1, y1, angle in genes.tolist():
        for row, column in np.ndindex(size):
            offset = np.array([column + 0.5 - (x0 + x1) / 2, row + 0.5 - (y0 + y1) / 2])
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            along = turn @ offset / np.array([(x1 - x0) / 2, (y1 - y0) / 2])
            masks[row, column] |= along @ along <= 1
    return masks


@pytest.mark.parametrize("size", [(17, 23), (24, 9)])
def test_ellipses_hold_the_pixels_that_satisfy_the_quadratic_form(size, generator):
    genes = decam.random_ellipses((6, 3), size, (1, 9), generator).double()

    masks = decam.ellipse_masks(genes, size)

    assert masks.tolist() == [by_quadratic_form(g, size).tolist() for g in genes]
    assert 0.05 < masks.float().mean() < 0.8


def test_ellipses_may_stick_out_on_every_side_or_lie_outside():
    genes = torch.tensor(
        [
            [[-4, -3, 3, 9, 0.4]], [[8, 2, 19, 6, 2.0]], [[2, -7, 9, 2, 1.2]], [[3, 7, 5, 14, 0.9]],
            [[-9, 2, -4, 5, 0.3]], [[15, 2, 19, 5, 3.0]], [[1, -9, 4, -5, 0.0]],
            [[-30, -30, 40, 40, 1]],
        ],
        dtype=torch.float64,
    )  # fmt: skip

    masks = decam.ellipse_masks(genes, (8, 12))

    assert masks.tolist() == [by_quadratic_form(g, (8, 12)).tolist() for g in genes]
    assert masks.sum((1, 2)).tolist()[4:] == [0, 0, 0, 96]


def test_a_small_ellipse_matches_a_drawing_by_hand():
    lying = torch.tensor([[0.0, 1, 5, 4, 0]])  # center (2.5, 2.5), half axes 2.5 and 1.5
    standing = torch.tensor([[0.0, 1, 5, 4, math.pi / 2]])

    # row 1, v = -1: |u| <= 2.5 sqrt(1 - 1 / 2.25) = 1.86; row 2: |u| <= 2.5
    drawn = ["00000", "01110", "11111", "01110", "00000"]
    turned = ["00100", "01110", "01110", "01110", "00100"]
    assert drawing(decam.ellipse_masks(lying, (5, 5))) == drawn
    assert drawing(decam.ellipse_masks(standing, (5, 5))) == turned


def drawing(mask):
    return ["".join(str(int(pixel)) for pixel in row) for row in mask]


def test_a_turn_goes_from_x_towards_y_which_is_down():
    slanted = torch.tensor([[0.0, 2, 6, 4, math.pi / 4]])  # long and thin, turned by 45 degrees

    mask = decam.ellipse_masks(slanted, (6, 6))

    assert mask.diagonal().sum() >= 4
    assert not mask.flip(1).diagonal()[[0, 1, 4, 5]].any()


def test_a_union_of_ellipses_is_any_of_them(generator):
    genes = decam.random_ellipses((5, 4), (12, 12), (2, 8), generator)

    each = [decam.ellipse_masks(genes[:, [k]], (12, 12)) for k in range(4)]

    assert torch.equal(decam.ellipse_masks(genes, (12, 12)), torch.stack(each).any(0))


def test_random_ellipses_are_legal_and_of_every_size(generator):
    genes = decam.random_ellipses((50, 20), (30, 40), (2, 15), generator)

    side, (x0, y0, x1, y1, turn) = genes[..., 2:4] - genes[..., :2], genes.unbind(-1)
    assert side.min() >= 2 - 1e-4
    assert side.max() <= 15 + 1e-4
    assert side.min() < 2.1
    assert side.max() > 14.9
    assert min(x0.min(), y0.min()) >= 0
    assert x1.max() <= 40 + 1e-4
    assert y1.max() <= 30 + 1e-4
    assert x1.max() > 38
    assert 0 <= turn.min() < 0.02
    assert math.pi - 0.02 < turn.max() <= math.pi


def test_clipping_leaves_legal_ellipses_alone(generator):
    genes = decam.random_ellipses((200,), (30, 40), (2, 15), generator)

    torch.testing.assert_close(
        decam.within_limits(genes, (30, 40), (2, 15)), genes, rtol=0, atol=1e-5
    )


def test_clipping_makes_any_genes_legal(generator):
    genes = torch.randn(500, 5, generator=generator) * 40

    x0, y0, x1, y1, turn = decam.within_limits(genes, (30, 40), (2, 15)).unbind(-1)

    for low, high, length in ((x0, x1, 40), (y0, y1, 30)):
        assert low.min() >= 0
        assert high.max() <= length + 1e-4
        assert (high - low).min() >= 2 - 1e-4
        assert (high - low).max() <= 15 + 1e-4
    assert turn.min() >= 0
    assert turn.max() <= math.pi


def test_clipping_orders_corners_keeps_the_center_and_moves_into_the_image():
    genes = torch.tensor(
        [
            [8.0, 3, 2, 9, 0.5],  # corners out of order in x
            [10, 10, 11, 12, 0.5],  # 1 wide, too narrow: 2 about the center 10.5
            [3, 4, 29, 9, -0.5],  # 26 wide, too wide: 15 about the center 16; the turn repeats
            [-6, 25, 4, 35, 4.0],  # beyond the left and the lower border: moved
        ]
    )

    found = decam.within_limits(genes, (30, 40), (2, 15))

    expected = [
        [2, 3, 8, 9, 0.5],
        [9.5, 10, 11.5, 12, 0.5],
        [8.5, 4, 23.5, 9, math.pi - 0.5],
        [0, 20, 10, 30, 4 - math.pi],
    ]
    torch.testing.assert_close(found, torch.tensor(expected))


# --- superpixels ---


def test_superpixel_masks_show_the_selected_segments():
    segments = torch.tensor([[[0, 0], [1, 2]], [[1, 0], [1, 1]]])
    bits = torch.tensor([[[True, False, True], [False, True, False]]] * 2)

    assert elime.superpixel_masks(bits, segments).int().tolist() == [
        [[[1, 1], [0, 1]], [[0, 0], [1, 0]]],
        [[[0, 1], [0, 0]], [[1, 0], [1, 1]]],
    ]


def test_segment_means_match_a_hand_written_example():
    image = torch.tensor([[[[1.0, 3.0], [5.0, 0.5]]]])
    segments = torch.tensor([[[0, 0], [0, 1]]])

    assert elime.segment_means(image, segments).tolist() == [[[[3, 3], [3, 0.5]]]]


def test_segment_means_equal_numpys_where_images_differ_in_their_number(images, generator):
    segments = torch.randint(0, 4, (2, 6, 8), generator=generator)
    segments[1] %= 2
    before = images.clone()

    found = elime.segment_means(images, segments).numpy()

    expected = images.numpy().copy()
    for image, labels in zip(expected, segments.numpy(), strict=True):
        for label in np.unique(labels):
            image[:, labels == label] = image[:, labels == label].mean(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert torch.equal(images, before)


@pytest.fixture(scope="module")
def photograph():
    return photographs.foolbox_imagenet(96).pixels[0]


def test_superpixels_are_those_of_lime_by_default(photograph):
    lime = SegmentationAlgorithm(
        "quickshift", kernel_size=4, max_dist=200, ratio=0.2, random_seed=0
    )

    found = elime.superpixels(photograph)

    assert found.tolist() == lime(photograph.permute(1, 2, 0).numpy()).tolist()
    assert found.unique().tolist() == list(range(int(found.max()) + 1))


def test_slic_makes_about_as_many_superpixels_as_asked_for(photograph):
    few, many = (elime.superpixels(photograph, f"slic-{n}").max() + 1 for n in (10, 60))

    assert 5 <= few <= 15
    assert 40 <= many <= 80


def test_a_small_image_has_the_superpixels_of_its_enlargement():
    corner = torch.tensor([[0, 255], [90, 90]], dtype=torch.uint8).repeat_interleave(16, 0)
    small = corner.repeat_interleave(16, 1).expand(3, 32, 32)  # three plain regions

    segments = elime.superpixels(small)

    assert segments.shape == (32, 32)
    insides = [segments[2:10, 2:10], segments[2:10, 22:30], segments[22:30, 2:30]]
    labels = [set(inside.flatten().tolist()) for inside in insides]
    assert len(set.union(*labels)) == sum(len(found) for found in labels)


def test_an_image_of_one_superpixel_is_refused():
    with pytest.raises(ValueError, match="1 superpixel of this image; expected 2 or more"):
        elime.superpixels(torch.full((3, 24, 24), 90, dtype=torch.uint8))


@pytest.mark.parametrize("method", ["slick", "slic-", "slic-0", "slic-a", "Quickshift"])
def test_an_unknown_segmentation_is_refused(method, photograph):
    with pytest.raises(ValueError, match=f"method is '{method}'; expected 'quickshift'"):
        elime.superpixels(photograph, method)


# --- masked_scores ---


def mean_score(weights):
    """Each image's own weighted sum of pixels: rows i, B + i, ... are image i's."""

    def score(images):
        rounds = len(images) // len(weights)
        return (images * weights.repeat(rounds, 1, 1, 1)).mean((1, 2, 3))

    return score


@pytest.mark.parametrize("batch_size", [1, 4, 7, 10, 1000])
@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("filled", ["zero", "color", "image"])
def test_masked_scores_equal_a_plain_loop(batch_size, weighed, filled, images, generator):
    weights = torch.randn(images.shape, generator=generator, dtype=torch.float64)
    masks = torch.rand(2, 5, 6, 8, generator=generator, dtype=torch.float64)
    masks = masks if weighed else masks > 0.5
    fill = {"zero": 0.0, "color": torch.tensor([0.1, 0.5, 0.9]).view(3, 1, 1), "image": -images}
    fill = torch.as_tensor(fill[filled], dtype=torch.float64)
    before = images.clone(), masks.clone()

    found = black_box.masked_scores(
        mean_score(weights), images, masks, fill=fill, batch_size=batch_size
    )

    expected = torch.zeros(2, 5, dtype=torch.float64)
    for i, n in itertools.product(range(2), range(5)):
        stands_in = fill.expand_as(images)[i]
        mask = masks[i, n].double()
        expected[i, n] = ((images[i] * mask + stands_in * (1 - mask)) * weights[i]).mean()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    assert torch.equal(images, before[0])
    assert torch.equal(masks, before[1])


def test_batches_are_whole_rounds_no_larger_than_asked_where_that_is_possible(images):
    sizes = []

    def score(some):
        sizes.append(len(some))
        return some.mean((1, 2, 3))

    masks = torch.ones(2, 5, 6, 8, dtype=torch.bool)
    black_box.masked_scores(score, images, masks, batch_size=5)
    black_box.masked_scores(score, images, masks, batch_size=1)

    assert sizes == [4, 4, 2] + [2] * 5


def test_float32_weights_suit_float64_images(images):
    masks = torch.full((2, 1, 6, 8), 0.5)

    found = black_box.masked_scores(corner_pixel, images, masks)

    torch.testing.assert_close(found[:, 0], images[:, 0, 0, 0] / 2)


def test_a_model_is_asked_without_a_graph(images):
    layer = nn.Conv2d(3, 1, 1).double()

    found = black_box.masked_scores(
        lambda some: layer(some).mean((1, 2, 3)), images, torch.ones(2, 3, 6, 8) > 0
    )

    assert not found.requires_grad


@pytest.mark.parametrize("shape", [(1, 5, 6, 8), (2, 5, 8, 6), (2, 6, 8)])
def test_masks_that_do_not_fit_are_refused(shape, images):
    with pytest.raises(ValueError, match=r"masks are .* for images \(2, 3, 6, 8\)"):
        black_box.masked_scores(corner_pixel, images, torch.ones(shape))


def test_scores_of_a_wrong_shape_or_without_a_value_are_refused(images):
    masks = torch.ones(2, 5, 6, 8)

    with pytest.raises(ValueError, match=r"score gave \(10, 3\) for 10 images; expected \(10,\)"):
        black_box.masked_scores(lambda some: some[:, :, 0, 0], images, masks)
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="NaN or infinity"):
            black_box.masked_scores(lambda some, bad=bad: corner_pixel(some) * bad, images, masks)


# --- differential evolution ---


def quadratic(genes):
    """Highest, 0, at (1, 2, 3, ...)."""
    return -(genes - torch.arange(1, genes.shape[2] + 1)).square().sum(2)


def by_loop(fitness, genes, repair, iterations, crossover, weight, generator):
    """DE/rand/1/bin an individual and a gene at a time, on the same draws."""
    runs, count, size = genes.shape
    genes = genes.tolist()
    rated = fitness(torch.tensor(genes)).tolist()
    for _ in range(iterations):
        order = torch.rand(runs, count, count, generator=generator).tolist()
        change = torch.rand(runs, count, size, generator=generator).tolist()
        trials = []
        for row in range(runs):
            trials.append([])
            for n in range(count):
                others = [m for m in range(count) if m != n]
                a, b, c = sorted(others, key=lambda m, row=row, n=n: order[row][n][m])[:3]
                trial = list(genes[row][n])
                for d in range(size):
                    if change[row][n][d] < crossover:
                        one, two, three = (genes[row][m][d] for m in (a, b, c))
                        trial[d] = min(max(one + weight * (two - three), *repair[:1]), repair[1])
                trials[row].append(trial)
        tried = fitness(torch.tensor(trials)).tolist()
        for row, n in itertools.product(range(runs), range(count)):
            if tried[row][n] > rated[row][n]:
                genes[row][n], rated[row][n] = trials[row][n], tried[row][n]
    return torch.tensor(genes), torch.tensor(rated)


def test_differential_evolution_equals_a_plain_loop_on_the_same_draws(generator):
    genes = torch.rand(2, 6, 4, generator=generator, dtype=torch.float64) * 6 - 3
    torch.set_default_dtype(torch.float64)  # so that both sides draw alike and lists stay exact
    try:
        *_, last = decam.differential_evolution(
            quadratic, genes, repair=lambda g: g.clamp(-3, 3.5), iterations=25, crossover=0.5,
            weight=0.7, generator=seeded(),
        )  # fmt: skip
        expected, rated = by_loop(quadratic, genes, (-3, 3.5), 25, 0.5, 0.7, seeded())
    finally:
        torch.set_default_dtype(torch.float32)

    torch.testing.assert_close(last.genes, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(last.fitness, rated, rtol=1e-12, atol=1e-12)
    assert (last.genes != genes).any(2).float().mean() > 0.8  # it went on from the start


def test_differential_evolution_finds_the_maximum_of_a_quadratic(generator):
    genes = torch.rand(3, 20, 3, generator=generator, dtype=torch.float64) * 10 - 5

    states = list(
        decam.differential_evolution(
            quadratic, genes, repair=lambda g: g, iterations=200, crossover=0.9, generator=seeded()
        )
    )

    assert len(states) == 201
    best, fitness = states[-1].best()
    torch.testing.assert_close(best, torch.tensor([[1.0, 2, 3]] * 3).double(), atol=1e-3, rtol=0)
    assert fitness.abs().max() < 1e-5


def test_fitness_never_falls_and_stays_the_fitness_of_its_genes(generator):
    genes = torch.rand(2, 8, 3, generator=generator, dtype=torch.float64) * 10 - 5
    before = genes.clone()

    states = list(
        decam.differential_evolution(
            quadratic, genes, repair=lambda g: g.clamp(-4, 4), iterations=30, generator=seeded()
        )
    )

    for old, new in itertools.pairwise(states):
        assert (new.fitness >= old.fitness).all()
    for state in states:
        assert torch.equal(state.fitness, quadratic(state.genes))
    assert torch.equal(genes, before)


def test_donors_are_three_different_others():
    """Individual n holds 8^n, so that a trial a + b - c tells its donors."""
    genes = (8.0 ** torch.arange(6, dtype=torch.float64)).view(1, 6, 1)
    trials = []

    def fitness(some):
        trials.append(some.flatten().tolist())
        return torch.zeros(some.shape[:2])

    list(
        decam.differential_evolution(
            fitness, genes, repair=lambda g: g, iterations=60, crossover=1.1, weight=1.0,
            generator=seeded(),
        )
    )  # fmt: skip

    powers = genes.flatten().tolist()
    of = {a + b - c: {a, b, c} for a, b, c in itertools.permutations(powers, 3)}
    for generation in trials[1:]:
        for own, trial in zip(powers, generation, strict=True):
            assert own not in of[trial]
    seen = {c for generation in trials[1:] for c in generation}
    assert len(seen) > 50  # of 60 sums: order of a and b does not show


def test_too_few_for_three_donors_are_refused(generator):
    search = decam.differential_evolution(
        quadratic, torch.rand(1, 3, 2), repair=lambda g: g, iterations=1, generator=generator
    )

    with pytest.raises(ValueError, match="population is 3; expected 4 or more"):
        next(search)


# --- the genetic algorithm ---


def ones(bits):
    return bits.double().sum(2)


def test_the_genetic_algorithm_solves_onemax(generator):
    bits = torch.rand(3, 30, 24, generator=generator) < 0.5

    states = list(
        elime.genetic_algorithm(ones, bits, generations=60, mutation=1 / 24, generator=seeded())
    )

    best, fitness = states[-1].best()
    assert best.all()
    assert fitness.tolist() == [24] * 3
    assert states[0].fitness.max() < 24  # not from the start


@pytest.mark.parametrize("elite", [1, 3])
def test_the_elite_is_never_lost_even_if_all_bits_of_the_others_are_random(elite, generator):
    bits = torch.rand(2, 9, 12, generator=generator) < 0.5
    before = bits.clone()

    states = list(
        elime.genetic_algorithm(
            ones, bits, generations=20, mutation=0.5, elite=elite, generator=seeded()
        )
    )

    for old, new in itertools.pairwise(states):
        kept = old.fitness.topk(elite, dim=1).values
        assert torch.equal(new.fitness[:, :elite], kept)
        assert torch.equal(new.fitness, ones(new.genes))
    assert torch.equal(bits, before)


def test_without_mutation_and_crossover_individuals_are_only_copied(generator):
    bits = torch.rand(2, 12, 20, generator=generator) < 0.5

    states = list(
        elime.genetic_algorithm(
            ones, bits, generations=5, mutation=0.0, crossover=0.0, generator=seeded()
        )
    )

    for row in range(2):
        first = {tuple(one) for one in bits[row].tolist()}
        later = {tuple(one) for state in states[1:] for one in state.genes[row].tolist()}
        assert later < first
    assert states[-1].fitness.mean() > states[0].fitness.mean()  # tournaments prefer the fitter


def test_crossover_takes_each_bit_from_one_of_two_parents():
    bits = torch.zeros(1, 40, 30, dtype=torch.bool)
    bits[:, :, :10] = True
    bits[:, ::2, 10:20] = True
    bits[:, 1::2, 20:] = True

    *_, last = elime.genetic_algorithm(
        lambda b: torch.zeros(b.shape[:2]), bits, generations=1, mutation=0.0, crossover=1.0,
        generator=seeded(),
    )  # fmt: skip

    children = last.genes[0, 1:]
    assert children[:, :10].all()
    mixed = children[:, 10:20].sum(1)
    assert ((mixed > 0) & (mixed < 10)).float().mean() > 0.25  # half of the pairs differ


def test_mutation_flips_as_many_bits_as_asked_for():
    bits = torch.zeros(1, 101, 200, dtype=torch.bool)

    *_, last = elime.genetic_algorithm(
        lambda b: torch.zeros(b.shape[:2]), bits, generations=1, mutation=0.1, generator=seeded()
    )

    # 20,000 draws have a standard error of 0.2 points
    assert abs(last.genes[0, 1:].float().mean().item() - 0.1) < 0.01


def test_a_tournament_of_many_lets_the_fittest_alone_have_children():
    bits = torch.eye(6, dtype=torch.bool)[None]

    *_, last = elime.genetic_algorithm(
        lambda b: b[..., 4].double(), bits, generations=1, tournament=200, mutation=0.0,
        generator=seeded(),
    )  # fmt: skip

    assert torch.equal(last.genes, bits[:, [4] * 6])


def test_each_individual_is_rated_once(generator):
    rated = []

    def fitness(bits):
        rated.append(bits.shape[1])
        return ones(bits)

    bits = torch.rand(1, 8, 5, generator=generator) < 0.5
    list(
        elime.genetic_algorithm(
            fitness, bits, generations=3, elite=2, mutation=0.1, generator=seeded()
        )
    )

    assert rated == [8, 6, 6, 6]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"elite": 0}, "elite is 0"),
        ({"elite": 5}, "1 <= elite < population"),
        ({"tournament": 0}, "tournament 0"),
    ],
)
def test_settings_without_selection_are_refused(settings, words, generator):
    search = elime.genetic_algorithm(
        ones, torch.ones(1, 5, 3) > 0, generations=1, mutation=0.1, generator=generator, **settings
    )

    with pytest.raises(ValueError, match=words):
        next(search)


# --- DE-CAM ---


def patch_score(*regions):
    """A logit for each image's own region: 10 times the share of it that is not black."""

    def score(images):
        rounds = len(images) // len(regions)
        inside = torch.stack(regions).repeat(rounds, 1, 1)
        return 10 * (images.mean(1) * inside).sum((1, 2)) / inside.sum((1, 2))

    return score


def region(rows, columns, size=(20, 24)):
    mask = torch.zeros(size)
    mask[rows, columns] = 1
    return mask


LEFT = region(slice(4, 12), slice(2, 10))
RIGHT = region(slice(8, 18), slice(13, 22))


def almost_white(count):
    images = torch.ones(count, 3, 20, 24)
    images[..., 0, 0] = 0.5
    return images


def explained(score, images, seed=0, **settings):
    settings = {"population": 24, "iterations": 60, "ellipses": 3, "area_weight": 8.0} | settings
    return decam.de_cam(score, images, generator=seeded(seed), **settings)


def test_de_cam_finds_each_images_own_region_in_one_batch():
    found = explained(patch_score(LEFT, RIGHT), almost_white(2))

    assert found.maps.shape == (2, 20, 24)
    assert found.maps.amax((1, 2)).tolist() == [1, 1]
    assert found.maps.min() >= 0
    for one, inside in zip(found.maps, (LEFT, RIGHT), strict=True):
        assert (one * inside).sum() / one.sum() > 0.75  # of the image it is 13 and 19 %
        assert one[inside > 0].mean() > 0.6


def test_de_cams_record_is_of_its_own_fitness():
    images, score = almost_white(1), patch_score(LEFT)

    found = explained(score, images, iterations=5, fill=0.25)

    masks = decam.ellipse_masks(found.population.genes.unflatten(-1, (3, 5)), (20, 24))
    for mask, fitness in zip(masks[0], found.population.fitness[0], strict=True):
        shown = torch.where(mask, images[0], torch.tensor(0.25))[None]
        expected = score(shown)[0] - 8 * mask.float().mean()
        assert fitness.item() == pytest.approx(expected.item(), abs=1e-5)
    chosen = found.population.fitness[0] > 2 / 3 * found.population.fitness[0].mean()
    summed = masks[0][chosen].sum(0).float()
    assert torch.equal(found.maps[0], summed / summed.max())
    assert found.history.shape == (6, 1, 24)
    assert torch.equal(found.history[-1], found.population.fitness)
    assert (found.history.diff(dim=0) >= 0).all()


def test_a_larger_area_weight_keeps_fewer_pixels():
    def kept(area_weight):
        found = explained(patch_score(LEFT), almost_white(1), area_weight=area_weight)
        genes = found.population.genes.unflatten(-1, (3, 5))
        return decam.ellipse_masks(genes, (20, 24)).float().mean()

    # a pixel inside is worth 10 / 64 logits and costs 50 / 480 or next to nothing
    assert kept(50.0) < 0.6 * kept(0.5)


def test_de_cam_keeps_to_the_limits_of_an_ellipse():
    found = explained(patch_score(LEFT), almost_white(1), limits=(0.2, 0.3))

    genes = found.population.genes.unflatten(-1, (3, 5))
    side = genes[..., 2:4] - genes[..., :2]
    assert side.min() >= 4 - 1e-4
    assert side.max() <= 6 + 1e-4


def test_a_search_follows_from_its_seed_alone_and_leaves_all_else_as_it_was():
    images, score = almost_white(2), patch_score(LEFT, RIGHT)
    segments = (torch.arange(20 * 24) % 5).view(1, 20, 24).repeat(2, 1, 1)
    before = images.clone(), segments.clone(), torch.get_rng_state()

    def both(seed):
        maps = explained(score, images, seed, iterations=3).maps
        chosen = elime.e_lime(
            lambda some: score(some) / 10, images, segments, population=8, generations=3,
            generator=seeded(seed),
        )  # fmt: skip
        return maps, chosen.history

    first, same, other = both(1), both(1), both(2)

    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert torch.equal(images, before[0])
    assert torch.equal(segments, before[1])
    assert torch.equal(torch.get_rng_state(), before[2])


def test_the_iterations_can_be_watched():
    seen = []

    def watch(states):
        for state in states:
            seen.append(state.fitness.max().item())
            yield state

    found = explained(patch_score(LEFT), almost_white(1), iterations=4, watch=watch)

    assert seen == found.history.amax((1, 2)).tolist()


def test_solutions_are_selected_against_a_share_of_a_positive_mean():
    fitness = torch.tensor([[1.0, 2.0, 3.0, 6.0], [-6.0, 1.0, 5.0, 3.0]])  # means 3 and 0.75

    assert decam.selected(fitness).tolist() == [
        [False, False, True, True],  # above 2, not at 2
        [False, True, True, True],  # above 0.5
    ]
    assert decam.selected(fitness, 1 / 4).tolist()[0] == [True, True, True, True]


def test_of_a_mean_that_is_not_positive_no_share_is_taken():
    fitness = torch.tensor([[-9.0, -2.0, -4.0, -1.0], [-1.0, 1.0, 0.0, 0.0]])  # means -4 and 0

    assert decam.selected(fitness).tolist() == [
        [False, True, True, True],
        [False, True, True, True],
    ]


@pytest.mark.parametrize("value", [-0.1, 0.0, 0.3])
def test_of_equal_solutions_all_are_selected(value):
    assert decam.selected(torch.full((1, 100), value)).all()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"population": 3}, "population is 3; expected 4 or more"),
        ({"limits": (0.5, 0.5)}, "0 < least < largest <= 1"),
        ({"limits": (0.0, 0.5)}, "limits of an ellipse are 0 and 0.5"),
        ({"limits": (0.1, 1.1)}, "0 < least < largest <= 1"),
    ],
)
def test_de_cam_refuses_settings_that_cannot_work(settings, words):
    with pytest.raises(ValueError, match=words):
        explained(patch_score(LEFT), almost_white(1), **settings)


def test_de_cam_refuses_images_it_cannot_explain():
    plain = torch.cat([almost_white(1), torch.full((1, 3, 20, 24), 0.4)])
    plain[1, 0] = 0.9  # orange all over

    with pytest.raises(ValueError, match="image 1 has one color only"):
        explained(patch_score(LEFT, RIGHT), plain)
    with pytest.raises(ValueError, match=r"images are \(3, 20, 24\); expected \(N, C, H, W\)"):
        explained(patch_score(LEFT), almost_white(1)[0])


def test_de_cam_refuses_scores_it_cannot_use():
    with pytest.raises(ValueError, match="NaN or infinity"):
        explained(lambda some: some[:, 0, 0, 0] * math.nan, almost_white(1))
    with pytest.raises(ValueError, match=r"expected \(24,\)"):
        explained(lambda some: some.mean((2, 3)), almost_white(1))


# --- E-LIME ---


def bands(count, size=(6, 12)):
    """Upright bands of equal width as superpixels, (1, H, W)."""
    return (torch.arange(size[1]) * count // size[1]).expand(1, *size).contiguous()


def white(count, size=(6, 12)):
    images = torch.ones(count, 3, *size, dtype=torch.float64)
    images[:, 0, 0] = 0.99
    return images


def shown(images, segments):
    """Which superpixels of images are not black, (n, S)."""
    return torch.stack(
        [(images[:, 1] * (segments == s)).amax((1, 2)) > 0 for s in range(int(segments.max()) + 1)],
        1,
    )


def likes(segments, *wanted):
    """A probability that grows with each wanted superpixel and falls with each other one."""

    def score(images):
        bits = shown(images, segments).double()
        sign = torch.full((bits.shape[1],), -0.05, dtype=torch.float64)
        sign[list(wanted)] = 0.1
        return 0.5 + bits @ sign

    return score


def evolved(score, images, segments, seed=0, **settings):
    settings = {"population": 20, "generations": 30} | settings
    return elime.e_lime(score, images, segments, generator=seeded(seed), **settings)


def test_e_lime_selects_exactly_the_superpixels_that_speak_for_the_class():
    segments = bands(6)

    found = evolved(likes(segments, 1, 4), white(1), segments)

    assert found.bits.tolist() == [[False, True, False, False, True, False]]
    assert found.probability.item() == pytest.approx(0.7)
    assert found.history.shape == (31, 1, 20)


@pytest.mark.parametrize("size_weight", [0.0, 0.3])
def test_e_lime_equals_a_search_of_all_selections(size_weight, generator):
    segments = bands(6)
    table = torch.rand(64, generator=generator, dtype=torch.float64)  # a probability a selection
    places = 2 ** torch.arange(6)

    def score(images):
        return table[(shown(images, segments) * places).sum(1)]

    found = evolved(score, white(1), segments, population=40, generations=60, mutation=1.5,
                    size_weight=size_weight)  # fmt: skip

    every = list(itertools.product([False, True], repeat=6))

    def fitness(bits):
        number = sum(2**place for place, bit in enumerate(bits) if bit)
        return table[number].item() - size_weight * sum(bits) / 6

    best = max(every, key=fitness)
    assert found.bits[0].tolist() == list(best)
    assert found.probability.item() == pytest.approx(fitness(best) + size_weight * sum(best) / 6)
    assert found.history.max().item() == pytest.approx(fitness(best), abs=1e-8)


def test_of_equal_probabilities_fewer_superpixels_win():
    segments = bands(6)

    found = evolved(
        lambda images: shown(images, segments)[:, 2].float(), white(1).float(), segments
    )

    assert found.bits.nonzero().tolist() == [[0, 2]]
    assert found.probability.item() == pytest.approx(1)


def test_a_weight_on_size_leaves_out_what_adds_too_little():
    segments = bands(6)

    def score(images):
        return shown(images, segments).double() @ torch.tensor([0.4, 0.1, 0, 0, 0.1, 0.2]).double()

    # keeping one more costs size_weight / 6
    kept = {
        weight: evolved(score, white(1), segments, size_weight=weight).bits[0].tolist()
        for weight in (0.0, 0.9, 1.8)
    }

    assert kept == {
        0.0: [True, True, False, False, True, True],
        0.9: [True, False, False, False, False, True],
        1.8: [True, False, False, False, False, False],
    }


def test_images_with_fewer_superpixels_have_bits_that_stay_zero_and_do_not_count():
    segments = torch.cat([bands(6), bands(2)])
    masks = {}

    def score(images):
        left = images[:, 1, :, 0] > 0  # the first superpixel of either image
        return left.all(1).double()

    def watch(states):
        for state in states:
            masks[len(masks)] = state.genes
            yield state

    found = evolved(score, white(2), segments, size_weight=0.5, watch=watch, mutation=3.0)

    assert all(not genes[1, :, 2:].any() for genes in masks.values())
    assert any(genes[0, :, 2:].any() for genes in masks.values())
    assert found.bits.tolist() == [[True] + [False] * 5] * 2
    best = found.history[-1].amax(1).tolist()
    assert best == pytest.approx([1 - 0.5 / 6, 1 - 0.5 / 2], abs=1e-8)
    assert found.probability.tolist() == pytest.approx([1, 1])


def test_hidden_superpixels_show_the_fill():
    segments = bands(3)
    seen = []

    def score(images):
        seen.append(images.clone())
        return images.mean((1, 2, 3))

    evolved(score, white(1), segments, population=4, generations=0,
            fill=elime.segment_means(white(1), segments) / 2)  # fmt: skip

    means = elime.segment_means(white(1), segments)[0]
    for image in torch.cat(seen):
        for s in range(3):
            inside = (segments[0] == s).expand_as(image)
            kept = torch.equal(image[inside], white(1)[0][inside])
            assert kept or torch.equal(image[inside], means[inside] / 2)


def test_e_lime_refuses_what_gives_it_nothing_to_choose():
    with pytest.raises(ValueError, match="one superpixel; expected 2 or more"):
        evolved(corner_pixel, white(2), torch.cat([bands(3), bands(1)]))
    with pytest.raises(ValueError, match="image 0 has one color only"):
        evolved(corner_pixel, torch.ones(1, 3, 6, 12), bands(3))
    with pytest.raises(ValueError, match="population is 3; expected 4 or more"):
        evolved(corner_pixel, white(1), bands(3), population=3)


def test_e_lime_refuses_segments_of_other_images():
    with pytest.raises(ValueError, match="for segments"):
        evolved(corner_pixel, white(2), bands(3))  # one segmentation, two images


@pytest.mark.parametrize("scale", [-1.0, 3.0])
def test_e_lime_refuses_logits(scale):
    with pytest.raises(ValueError, match="expected probabilities"):
        evolved(lambda images: images[:, 1].amax((1, 2)) * scale, white(1), bands(3))


def test_both_searches_work_on_a_network_through_its_class_score(small_network, small_images):
    classes = torch.tensor([2, 0])
    segments = bands(4, (8, 8)).repeat(2, 1, 1)
    images = small_images[:2]

    logit = classifiers.class_score(small_network, classes, probability=False)
    probability = classifiers.class_score(small_network, classes, probability=True)
    maps = decam.de_cam(
        logit, images, area_weight=0.1, population=6, iterations=3, ellipses=2, limits=(0.2, 0.6),
        generator=seeded(),
    )  # fmt: skip
    chosen = evolved(probability, images, segments, population=16, generations=12)

    assert maps.maps.amax((1, 2)).tolist() == [1, 1]
    for i in range(2):
        every = torch.tensor(list(itertools.product([False, True], repeat=4)))
        masks = elime.superpixel_masks(every[None], segments[i : i + 1])[0]
        answers = small_network(images[i] * masks[:, None]).softmax(1)[:, classes[i]]
        assert chosen.probability[i].item() == pytest.approx(answers.max().item(), abs=1e-9)
        assert torch.equal(chosen.bits[i], every[answers.argmax()])


def test_the_first_selections_hold_half_of_the_superpixels():
    first = []

    def watch(states):
        for state in states:
            first.append(state.genes)
            yield state

    found = torch.rand(2, 3, 8, 8, generator=seeded())
    segments = (torch.arange(64) // 4).view(1, 8, 8).repeat(2, 1, 1)  # 16 of them
    elime.e_lime(
        lambda images: torch.full((len(images),), 0.5), found, segments, population=200,
        generations=0, generator=seeded(), watch=watch,
    )  # fmt: skip

    assert first[0].shape == (2, 200, 16)
    assert abs(first[0].float().mean().item() - 0.5) < 0.03  # five times its standard error
