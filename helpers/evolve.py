"""Black-box explanations by evolution: DE-CAM's ellipses and E-LIME's superpixels.

Both searches ask the model for nothing but its output. A population is a tensor: B images (or runs)
times N individuals times genes, rated in batches. `score` takes masked images to a number each,
(n,), and is always called with whole rounds of the B images: rows i, B + i, 2 B + i, ... belong to
image i, so that it can know each image's own class; see :func:`helpers.models.class_score`.
"""

import math
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

Score = Callable[[Tensor], Tensor]
Fitness = Callable[[Tensor], Tensor]  # genes (B, N, D) to fitness (B, N)


class Population(NamedTuple):
    """Genes (B, N, D) and their fitness (B, N), after some generations."""

    genes: Tensor
    fitness: Tensor

    def best(self) -> tuple[Tensor, Tensor]:
        """Each row's fittest individual, (B, D), and its fitness, (B,)."""
        fitness, place = self.fitness.max(1)
        return self.genes[torch.arange(len(place), device=place.device), place], fitness


def ellipse_masks(genes: Tensor, size: tuple[int, int]) -> Tensor:
    r"""Unions of rotated ellipses as masks: which pixel centres lie in one of them.

    An ellipse fills the box from (x0, y0) to (x1, y1), in pixels, before it is turned about the
    box's centre by r radians, from x towards y (Karatsiolis & Kamilaris 2022, Figure 1). With half
    axes a, b and offsets u, v from the centre it is :math:`A u^2 + B u v + C v^2 \le 1`,

    .. math::
        A = \frac{\cos^2 r}{a^2} + \frac{\sin^2 r}{b^2}, \quad
        B = 2 \sin r \cos r \Bigl(\frac{1}{a^2} - \frac{1}{b^2}\Bigr), \quad
        C = \frac{\sin^2 r}{a^2} + \frac{\cos^2 r}{b^2}.

    A row of pixels (one v) meets it where :math:`|u + B v / 2 A| \le \sqrt{A - v^2 / a^2 b^2} / A`,
    as :math:`4 A C - B^2 = 4 / a^2 b^2`. Marks at the ends of these intervals and a running sum
    fill the mask: the cost is that of the rows, not of pixels times ellipses.

    Parameters
    ----------
    genes
        (..., K, 5): x0, y0, x1, y1, r, with x0 < x1 and y0 < y1.
    size
        Height and width of the masks.

    Returns
    -------
    Tensor
        Bool (..., H, W).
    """
    height, width = size
    x0, y0, x1, y1, angle = genes[..., None].unbind(-2)  # (..., K, 1) each
    inverse_a, inverse_b = (2 / (x1 - x0)).square(), (2 / (y1 - y0)).square()
    sine, cosine = angle.sin(), angle.cos()
    a = cosine.square() * inverse_a + sine.square() * inverse_b
    half_b = sine * cosine * (inverse_a - inverse_b)
    rows = torch.arange(height, device=genes.device, dtype=genes.dtype) + 0.5
    v = rows - (y0 + y1) / 2  # (..., K, H)
    middle = (x0 + x1) / 2 - half_b * v / a
    under = a - inverse_a * inverse_b * v.square()  # negative where the row is missed
    half = under.clamp(min=0).sqrt() / a
    first = (middle - half - 0.5).ceil().clamp(0, width)  # of the pixels whose centre lies within
    last = torch.where(under >= 0, (middle + half + 0.5).floor().clamp(0, width), 0)
    last = torch.maximum(first, last)  # one beyond; equal where the row is missed
    marks = genes.new_zeros(*genes.shape[:-2], height, width + 1)
    for ends, sign in ((first, 1.0), (last, -1.0)):
        places = ends.long().movedim(-1, -2)  # (..., H, K)
        marks.scatter_add_(-1, places, torch.full_like(places, sign, dtype=marks.dtype))
    return marks.cumsum(-1)[..., :width] > 0.5


def superpixel_masks(bits: Tensor, segments: Tensor) -> Tensor:
    """Pixels of the selected superpixels: bits (B, N, S), segments (B, H, W) to (B, N, H, W)."""
    index = segments.flatten(1)[:, None].expand(-1, bits.shape[1], -1)
    return bits.gather(2, index).unflatten(2, segments.shape[1:])


def superpixels(pixels: Tensor, method: str = "quickshift") -> Tensor:
    """Superpixels of one image, uint8 (3, H, W): labels 0 to S - 1 as int64 (H, W).

    "quickshift" has the settings that the ``lime`` package uses by default; "slic-50" and the like
    ask scikit-image's SLIC for about so many.

    Raises
    ------
    ValueError
        If the method is unknown, or gives a single superpixel: then there is nothing to choose.
    """
    from skimage import segmentation

    image = pixels.permute(1, 2, 0).cpu().numpy()
    if method == "quickshift":
        labels = segmentation.quickshift(image, kernel_size=4, max_dist=200, ratio=0.2, rng=42)
    elif re.fullmatch(r"slic-[1-9]\d*", method):
        labels = segmentation.slic(image, n_segments=int(method[5:]), compactness=10, start_label=0)
    else:
        raise ValueError(f"method is {method!r}; expected 'quickshift', or 'slic-50' and the like")
    found, labels = np.unique(labels, return_inverse=True)
    if len(found) < 2:
        raise ValueError(
            f"{method} makes {len(found)} superpixel of this image; expected 2 or more: is it of "
            "one colour?"
        )
    return torch.from_numpy(labels.reshape(image.shape[:2]))


def segment_means(images: Tensor, segments: Tensor) -> Tensor:
    """Images (B, C, H, W) with every superpixel in its mean colour, which LIME hides it behind."""
    index = segments.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    count = int(segments.max()) + 1
    none = images.new_zeros(*images.shape[:2], count)
    means = none.scatter_reduce(2, index, images.flatten(2), "mean", include_self=False)
    return means.gather(2, index).view_as(images)


@torch.no_grad()
def masked_scores(
    score: Score,
    images: Tensor,
    masks: Tensor,
    *,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
) -> Tensor:
    """Score every image under each of its masks.

    Parameters
    ----------
    score
        See the module; takes (n B, C, H, W) to (n B,).
    images, masks
        (B, C, H, W), and (B, N, H, W): bool, or weights in [0, 1].
    fill
        What stands where a mask is 0; broadcasts against the images.
    batch_size
        How many images to score at once, at most, where B allows.

    Returns
    -------
    Tensor
        (B, N).

    Raises
    ------
    ValueError
        If the masks do not fit the images, or the score is of another shape or not finite.
    """
    if masks.ndim != 4 or (len(masks), *masks.shape[2:]) != (len(images), *images.shape[2:]):
        raise ValueError(
            f"masks are {tuple(masks.shape)} for images {tuple(images.shape)}; expected "
            "(B, N, H, W)"
        )
    fill = torch.as_tensor(fill, dtype=images.dtype, device=images.device)
    weighed = masks.is_floating_point()
    masks = masks.to(images.dtype) if weighed else masks
    rounds = masks.transpose(0, 1)[:, :, None]  # (N, B, 1, H, W)
    scores = []
    for some in rounds.split(max(batch_size // len(images), 1)):
        mixed = torch.lerp(fill, images, some) if weighed else torch.where(some, images, fill)
        mixed = mixed.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        scores.append(score(mixed))
        if scores[-1].shape != mixed.shape[:1]:
            raise ValueError(
                f"score gave {tuple(scores[-1].shape)} for {len(mixed)} images; expected "
                f"({len(mixed)},)"
            )
    found = torch.cat(scores).view(len(rounds), -1).T
    if not found.isfinite().all():
        raise ValueError("score gave NaN or infinity; check the model's weights and its input")
    return found


def rise(
    score: Score,
    images: Tensor,
    *,
    masks: int,
    cells: int = 7,
    keep: float = 0.5,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
    generator: torch.Generator,
) -> Tensor:
    r"""RISE, the searches' peer at random: the mean of random masks, weighed by the score.

    .. math:: S = \frac{1}{p N} \sum_i f_c(X \odot M_i) M_i

    (Petsiuk et al. 2018, Eq. 6.) A mask is a grid of `cells` x `cells` bits that are 1 with
    probability p = `keep`, one cell larger than the image, upsampled bilinearly and cut at random.
    All images get the same masks. (B, C, H, W) to (B, H, W).
    """
    height, width = images.shape[-2:]
    step = math.ceil(height / cells), math.ceil(width / cells)
    large = (cells + 1) * step[0], (cells + 1) * step[1]
    total = images.new_zeros(len(images), height, width)
    for count in [batch_size] * (masks // batch_size) + [masks % batch_size]:
        like = images[:1]
        bits = (_dice((count, 1, cells, cells), generator, like) < keep).to(images.dtype)
        grown = F.interpolate(bits, large, mode="bilinear", align_corners=False)[:, 0]
        corner = (_dice((count, 2), generator, like) * torch.tensor(step).to(like)).long()
        rows = corner[:, :1] + torch.arange(height, device=like.device)
        columns = corner[:, 1:] + torch.arange(width, device=like.device)
        drawn = grown[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None]]
        some = drawn.expand(len(images), -1, -1, -1)
        rated = masked_scores(score, images, some, fill=fill, batch_size=batch_size)
        total += torch.einsum("bn,nhw->bhw", rated.to(drawn), drawn)
    return total / (keep * masks)


def differential_evolution(
    fitness: Fitness,
    genes: Tensor,
    *,
    repair: Callable[[Tensor], Tensor],
    iterations: int,
    crossover: float = 0.2,
    weight: float = 0.8,
    generator: torch.Generator,
) -> Iterator[Population]:
    r"""DE/rand/1/bin (Storn & Price 1997; Karatsiolis & Kamilaris 2022, Algorithm 1), maximising.

    For each individual x three others a, b, c are drawn; each gene is
    :math:`x'_i = a_i + F (b_i - c_i)` with probability CR, else x_i, and x' takes x's place if it
    is fitter. Departing from the pseudo-code, a generation is made from the one before it as a
    whole instead of in place, so that it is rated in one batch. As there, a trial may equal x.

    Parameters
    ----------
    fitness, genes
        What to maximise, and the first population (B, N, D).
    repair
        Brings trial genes back within their limits.
    iterations
        Generations after the first population.
    crossover, weight
        CR and F.

    Yields
    ------
    Population
        First the initial one, then one an iteration.
    """
    count = genes.shape[1]
    if count < 4:
        raise ValueError(
            f"the population is {count}; expected 4 or more: each trial takes three others"
        )
    state = Population(genes, fitness(genes))
    yield state
    for _ in range(iterations):
        genes, rated = state
        dice = _dice((*genes.shape[:2], count), generator, genes)
        dice.diagonal(dim1=1, dim2=2).fill_(2)  # an individual is no donor of its own
        donors = dice.argsort(2)[..., :3]  # (B, N, 3)
        a, b, c = (_taken(genes, donors[..., i]) for i in range(3))
        changed = _dice(genes.shape, generator, genes) < crossover
        trial = repair(torch.where(changed, a + weight * (b - c), genes))
        tried = fitness(trial)
        better = tried > rated
        state = Population(
            torch.where(better[..., None], trial, genes), torch.where(better, tried, rated)
        )
        yield state


def random_ellipses(
    shape: tuple[int, ...],
    size: tuple[int, int],
    limits: tuple[float, float],
    generator: torch.Generator,
) -> Tensor:
    """Ellipses of any allowed size, place and turn: genes (*shape, 5) of :func:`ellipse_masks`.

    limits are the least and the largest side of the box before it is turned, in pixels.
    """
    height, width = size
    least, most = limits
    dice = torch.rand(*shape, 5, generator=generator, device=generator.device)
    wide, high = (least + (most - least) * dice[..., i] for i in (0, 1))
    x, y = (width - wide) * dice[..., 2], (height - high) * dice[..., 3]
    return torch.stack([x, y, x + wide, y + high, math.pi * dice[..., 4]], -1)


def within_limits(genes: Tensor, size: tuple[int, int], limits: tuple[float, float]) -> Tensor:
    """Clip ellipses (..., 5) to the image and to the allowed sides of their boxes (Algorithm 1).

    The paper says no more than "clip". Here the corners are put in order, the sides clipped about
    the box's centre, the box moved into the image, and the turn, which repeats, taken modulo pi.
    """
    height, width = size
    first, second = genes[..., :2], genes[..., 2:4]
    least, most = limits
    side = (second - first).abs().clamp(least, most)
    room = genes.new_tensor([width, height]) - side
    corner = torch.minimum(((first + second - side) / 2).clamp(min=0), room)
    return torch.cat([corner, corner + side, genes[..., 4:].remainder(math.pi)], -1)


class DECam(NamedTuple):
    """Saliency maps (B, H, W) in [0, 1], the population behind them, and its fitness so far."""

    maps: Tensor
    population: Population
    history: Tensor  # (iterations + 1, B, N)


def de_cam(
    score: Score,
    images: Tensor,
    *,
    area_weight: float,
    population: int,
    iterations: int = 200,
    ellipses: int = 10,
    crossover: float = 0.2,
    weight: float = 0.8,
    limits: tuple[float, float] = (1 / 20, 1 / 2),
    share: float = 2 / 3,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
    generator: torch.Generator,
    watch: Callable[[Iterator[Population]], Iterator[Population]] = iter,
) -> DECam:
    r"""Saliency from an evolved population of masks (Karatsiolis & Kamilaris 2022, Algorithm 1).

    .. math::
        \text{fitness}(M) = f_c(X \odot M) - \alpha \frac{1}{HW} \sum_{ij} m_{ij}

    (Eq. 1, whose normaliser is lost in print), with f the logit of the class. The map is the sum of
    the masks that :func:`selected` takes from the last population, divided by its maximum.

    Parameters
    ----------
    score
        f, see the module: the logit of the class.
    images
        (B, C, H, W).
    area_weight
        alpha, in logits; the paper does not give it.
    population, iterations, ellipses, crossover, weight
        N, which the paper does not give either, MaxIter, K, CR and F.
    limits
        Least and largest side of an ellipse's box, as shares of the image's shorter side.
    share
        Of the mean fitness, above which a solution counts.
    fill
        What masked pixels become: zero after normalisation is the network's mean colour.
    watch
        Goes around the iterations: a progress bar, or a look at each population.

    Raises
    ------
    ValueError
        If the population is below 4, the limits leave no room, an image has one colour only, or the
        score is not finite.
    """
    size = images.shape[-2], images.shape[-1]
    _check_images(images)
    if not 0 < limits[0] < limits[1] <= 1:
        raise ValueError(
            f"limits of an ellipse are {limits[0]:.3g} and {limits[1]:.3g} of the image's side; "
            "expected 0 < least < largest <= 1"
        )
    pixels = limits[0] * min(size), limits[1] * min(size)

    def masks(genes: Tensor) -> Tensor:
        return ellipse_masks(genes.unflatten(-1, (ellipses, 5)), size)

    def fitness(genes: Tensor) -> Tensor:
        kept = masks(genes)
        rated = masked_scores(score, images, kept, fill=fill, batch_size=batch_size)
        return rated - area_weight * kept.mean((-2, -1), dtype=rated.dtype)

    def repair(genes: Tensor) -> Tensor:
        return within_limits(genes.unflatten(-1, (ellipses, 5)), size, pixels).flatten(-2)

    start = random_ellipses((len(images), population, ellipses), size, pixels, generator)
    search = differential_evolution(
        fitness, start.flatten(-2).to(images.device), repair=repair, iterations=iterations,
        crossover=crossover, weight=weight, generator=generator,
    )  # fmt: skip
    history = []
    for last in watch(search):
        history.append(last.fitness)
    return DECam(ellipse_map(last, size, ellipses, share), last, torch.stack(history))


def ellipse_map(
    population: Population, size: tuple[int, int], ellipses: int = 10, share: float = 2 / 3
) -> Tensor:
    """DE-CAM's map (B, H, W) of a population: the selected masks, summed, over their maximum."""
    masks = ellipse_masks(population.genes.unflatten(-1, (ellipses, 5)), size)
    chosen = selected(population.fitness, share)
    summed = (masks & chosen[..., None, None]).sum(1, dtype=torch.float32)
    return summed / summed.amax((1, 2), keepdim=True).clamp(min=1)


def selected(fitness: Tensor, share: float = 2 / 3) -> Tensor:
    """Which solutions of (B, N) make the map: those fitter than `share` of the mean fitness.

    Where the mean is not positive that rule asks for more the worse the population is, and may
    leave nothing; there, those at least as fit as the mean are taken. The paper is silent on it.
    """
    mean = fitness.double().mean(1, keepdim=True)  # in float32 it may exceed all of equal values
    return torch.where(mean > 0, fitness > share * mean, fitness >= mean)


def genetic_algorithm(
    fitness: Fitness,
    bits: Tensor,
    *,
    generations: int,
    tournament: int = 3,
    crossover: float = 0.9,
    mutation: Tensor | float,
    elite: int = 1,
    generator: torch.Generator,
) -> Iterator[Population]:
    """A plain generational genetic algorithm on bits, maximising; only new individuals are rated.

    Each parent wins a tournament; a pair mixes uniformly, bit by bit, with probability `crossover`,
    else the first is copied; each bit flips with probability `mutation`. The fittest `elite`
    individuals go on unchanged. All of it is ours: of the paper only the abstract is public.

    Parameters
    ----------
    fitness, bits
        What to maximise, and the first population, bool (B, N, S).
    mutation
        A probability, or one a bit: broadcasts against the bits.

    Yields
    ------
    Population
        First the initial one, then one a generation.
    """
    count = bits.shape[1]
    if count < 4:
        raise ValueError(f"the population is {count}; expected 4 or more")
    if not 1 <= elite < count or tournament < 1:
        raise ValueError(
            f"elite is {elite} and tournament {tournament} of a population of {count}; expected "
            "1 <= elite < population and tournament >= 1"
        )
    state = Population(bits, fitness(bits))
    yield state
    for _ in range(generations):
        bits, rated = state
        children = count - elite
        drawn = _dice((len(bits), 2 * children, tournament), generator, bits) * count
        drawn = drawn.long().clamp(max=count - 1)
        won = _taken(rated, drawn.flatten(1)).view_as(drawn).argmax(-1, keepdim=True)
        parents = _taken(bits, drawn.gather(-1, won)[..., 0])
        mother, father = parents[:, :children], parents[:, children:]
        mixing = _dice((len(bits), children, 1), generator, bits) < crossover
        swapped = mixing & (_dice(mother.shape, generator, bits) < 0.5)
        child = torch.where(swapped, father, mother)
        child = child ^ (_dice(child.shape, generator, bits) < mutation)
        stay = rated.argsort(dim=1, descending=True, stable=True)[:, :elite]
        state = Population(
            torch.cat([_taken(bits, stay), child], 1),
            torch.cat([rated.gather(1, stay), fitness(child)], 1),
        )
        yield state


class ELime(NamedTuple):
    """The best selection of superpixels, bool (B, S), its probability (B,), and every fitness."""

    bits: Tensor
    probability: Tensor
    history: Tensor  # (generations + 1, B, N)


SMALLER = 1e-9  # fitness for leaving out every superpixel: decides between equal probabilities


def e_lime(
    score: Score,
    images: Tensor,
    segments: Tensor,
    *,
    population: int,
    generations: int,
    tournament: int = 3,
    crossover: float = 0.9,
    mutation: float = 1.0,
    elite: int = 1,
    size_weight: float = 0.0,
    fill: Tensor | float = 0.0,
    batch_size: int = 32,
    generator: torch.Generator,
    watch: Callable[[Iterator[Population]], Iterator[Population]] = iter,
) -> ELime:
    r"""Evolve which superpixels to keep so that the class becomes most probable (Wang et al. 2022).

    .. math:: \text{fitness}(b) = p_c(x_b) - \lambda \frac{|b|}{S}

    with :math:`x_b` the image of which only the superpixels with a bit of 1 are kept. The abstract
    gives the bits and the probability; everything else, and :math:`\lambda = 0`, is ours. Between
    equal probabilities fewer superpixels win. Rows may be runs of one image, or different images,
    whose superpixels may differ in number.

    Parameters
    ----------
    score
        The class's probability, see the module.
    images, segments
        (B, C, H, W), and (B, H, W) from :func:`superpixels`.
    population, generations, tournament, crossover, elite
        Of :func:`genetic_algorithm`.
    mutation
        How many bits of a child flip on average.
    size_weight
        lambda.
    fill
        What stands in place of the superpixels that are not kept.

    Raises
    ------
    ValueError
        If the population is below 4, an image has one superpixel or one colour only, or the score
        is no probability.
    """
    _check_images(images)
    counts = segments.amax((1, 2)) + 1  # (B,)
    if counts.min() < 2:
        raise ValueError(
            "an image has one superpixel; expected 2 or more, else nothing is to choose"
        )
    most = int(counts.max())
    there = (torch.arange(most, device=counts.device) < counts[:, None])[:, None]  # (B, 1, S)

    def fitness(bits: Tensor) -> Tensor:
        masks = superpixel_masks(bits, segments)
        rated = masked_scores(score, images, masks, fill=fill, batch_size=batch_size).double()
        if rated.min() < -1e-6 or rated.max() > 1 + 1e-6:
            raise ValueError(
                f"scores run from {rated.min().item():.3g} to {rated.max().item():.3g}; expected "
                "probabilities: end the model with a softmax"
            )
        kept = (bits & there).sum(2) / counts[:, None]
        return rated - (size_weight + SMALLER) * kept

    half = _dice((len(images), population, most), generator, images) < 0.5
    search = genetic_algorithm(
        fitness, half & there, generations=generations, tournament=tournament, crossover=crossover,
        mutation=there * (mutation / counts.view(-1, 1, 1)), elite=elite, generator=generator,
    )  # fmt: skip
    history = []
    for last in watch(search):
        history.append(last.fitness)
    bits, fittest = last.best()
    share = bits.sum(1) / counts
    return ELime(bits, fittest + (size_weight + SMALLER) * share, torch.stack(history))


def _dice(shape: tuple[int, ...], generator: torch.Generator, like: Tensor) -> Tensor:
    """Uniform numbers in [0, 1), drawn where the generator is, put where `like` is."""
    return torch.rand(shape, generator=generator, device=generator.device).to(like.device)


def _taken(values: Tensor, places: Tensor) -> Tensor:
    """Values (B, N, ...) at places (B, M) of their second axis: (B, M, ...)."""
    return values[torch.arange(len(values), device=values.device)[:, None], places]


def _check_images(images: Tensor) -> None:
    if images.ndim != 4:
        raise ValueError(f"images are {tuple(images.shape)}; expected (N, C, H, W)")
    flat = images.flatten(2)
    plain = (flat.amax(2) == flat.amin(2)).all(1)
    if plain.any():
        raise ValueError(
            f"image {int(plain.nonzero()[0])} has one colour only: every mask of it is the same"
        )
