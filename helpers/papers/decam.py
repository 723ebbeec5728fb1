"""DE-CAM (Karatsiolis & Kamilaris 2022): masks of ellipses, evolved by differential evolution."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from helpers.papers import black_box


def ellipse_masks(genes: Tensor, size: tuple[int, int]) -> Tensor:
    r"""Unions of rotated ellipses as masks: which pixel centers lie in one of them.

    An ellipse fills the box from (x0, y0) to (x1, y1), in pixels, before it is turned about the
    box's center by r radians, from x towards y (Karatsiolis & Kamilaris 2022, Figure 1). With half
    axes a, b and offsets u, v from the center it is :math:`A u^2 + B u v + C v^2 \le 1`,

    .. math::
        A = \frac{\cos^2 r}{a^2} + \frac{\sin^2 r}{b^2}, \quad
        B = 2 \sin r \cos r \Bigl(\frac{1}{a^2} - \frac{1}{b^2}\Bigr), \quad
        C = \frac{\sin^2 r}{a^2} + \frac{\cos^2 r}{b^2}.

    A row of pixels (one v) meets it where :math:`|u + B v / 2 A| \le \sqrt{A - v^2 / a^2 b^2} / A`,
    as :math:`4 A C - B^2 = 4 / a^2 b^2`. Marks where these intervals start and stop, and a running
    sum along the row, fill the mask: the cost is that of rows, not of pixels times ellipses.

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
    # the pixels whose center lies within: from `start` to one before `stop`, none where the row
    # is missed
    start = (middle - half - 0.5).ceil().clamp(0, width)
    stop = torch.where(under >= 0, (middle + half + 0.5).floor().clamp(0, width), 0)
    stop = torch.maximum(start, stop)
    marks = genes.new_zeros(*genes.shape[:-2], height, width + 1)
    for columns, sign in ((start, 1.0), (stop, -1.0)):
        index = columns.long().movedim(-1, -2)  # (..., H, K)
        marks.scatter_add_(-1, index, torch.full_like(index, sign, dtype=marks.dtype))
    # how many ellipses are open at each pixel of the row
    return marks.cumsum(-1)[..., :width] > 0.5


def differential_evolution(
    fitness: black_box.Fitness,
    genes: Tensor,
    *,
    repair: Callable[[Tensor], Tensor],
    iterations: int,
    crossover: float = 0.2,
    weight: float = 0.8,
    generator: torch.Generator,
) -> Iterator[black_box.Population]:
    r"""DE/rand/1/bin (Storn & Price 1997; Karatsiolis & Kamilaris 2022, Algorithm 1), maximizing.

    For each individual x three others a, b, c are drawn; each gene is
    :math:`x'_i = a_i + F (b_i - c_i)` with probability CR, else x_i, and x' takes x's place if it
    is fitter. Departing from the pseudo-code, a generation is made from the one before it as a
    whole instead of in place, so that it is evaluated in one batch. As there, a trial may equal x.

    Parameters
    ----------
    fitness, genes
        What to maximize, and the first population (B, N, D).
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
    state = black_box.Population(genes, fitness(genes))
    yield state
    for _ in range(iterations):
        genes, current = state
        order = black_box.uniform((*genes.shape[:2], count), generator, genes)  # (B, N, N)
        order.diagonal(dim1=1, dim2=2).fill_(2)  # an individual is no donor of its own
        donors = order.argsort(2)[..., :3]  # (B, N, 3)
        a, b, c = (black_box.take_rows(genes, donors[..., i]) for i in range(3))
        changed = black_box.uniform(genes.shape, generator, genes) < crossover
        trial = repair(torch.where(changed, a + weight * (b - c), genes))
        new = fitness(trial)
        better = new > current
        state = black_box.Population(
            torch.where(better[..., None], trial, genes), torch.where(better, new, current)
        )
        yield state


def random_ellipses(
    shape: tuple[int, ...],
    size: tuple[int, int],
    limits: tuple[float, float],
    generator: torch.Generator,
) -> Tensor:
    """Ellipses of any allowed size, position and turn: genes (*shape, 5) of :func:`ellipse_masks`.

    size is the image's height and width; limits are the least and the largest side of the box
    before it is turned, in pixels.
    """
    height, width = size
    least, most = limits
    draws = torch.rand(*shape, 5, generator=generator, device=generator.device)
    wide, high = (least + (most - least) * draws[..., i] for i in (0, 1))
    x, y = (width - wide) * draws[..., 2], (height - high) * draws[..., 3]
    return torch.stack([x, y, x + wide, y + high, math.pi * draws[..., 4]], -1)


def within_limits(genes: Tensor, size: tuple[int, int], limits: tuple[float, float]) -> Tensor:
    """Clip ellipses (..., 5) to the image and to the allowed sides of their boxes (Algorithm 1).

    The paper says no more than "clip". Here the corners are put in order, the sides clipped about
    the box's center, the box moved into the image, and the turn, which repeats, taken modulo pi.
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
    population: black_box.Population
    history: Tensor  # (iterations + 1, B, N)


def de_cam(
    score: black_box.Score,
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
    watch: Callable[[Iterator[black_box.Population]], Iterator[black_box.Population]] = iter,
) -> DECam:
    r"""Saliency from an evolved population of masks (Karatsiolis & Kamilaris 2022, Algorithm 1).

    .. math::
        \text{fitness}(M) = f_c(X \odot M) - \alpha \frac{1}{HW} \sum_{ij} m_{ij}

    (Eq. 1, whose normalizer is lost in print), with f the logit of the class. The map is the sum of
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
        What masked pixels become: zero after normalization is the network's mean color.
    watch
        Goes around the iterations: a progress bar, or a look at each population.

    Raises
    ------
    ValueError
        If the population is below 4, the limits leave no room, an image has one color only, the
        score is not finite, or another number is out of its range.
    """
    size = images.shape[-2], images.shape[-1]
    black_box.check_not_plain(images)
    if not 0 < limits[0] < limits[1] <= 1:
        raise ValueError(
            f"limits of an ellipse are {limits[0]:.3g} and {limits[1]:.3g} of the image's side; "
            "expected 0 < least < largest <= 1"
        )
    finite = 0 <= area_weight < float("inf") and -float("inf") < share <= 1  # NaN is neither
    if not finite or iterations < 0 or ellipses < 1:
        raise ValueError(
            f"area_weight is {area_weight}, share {share}, iterations {iterations}, ellipses "
            f"{ellipses}; expected 0 or more, a finite share of at most 1 (far below 0, all "
            "solutions count), 0 or more, and 1 or more"
        )
    pixels = limits[0] * min(size), limits[1] * min(size)

    def masks(genes: Tensor) -> Tensor:
        return ellipse_masks(genes.unflatten(-1, (ellipses, 5)), size)

    def fitness(genes: Tensor) -> Tensor:
        shown = masks(genes)
        scores = black_box.masked_scores(score, images, shown, fill=fill, batch_size=batch_size)
        return scores - area_weight * shown.mean((-2, -1), dtype=scores.dtype)

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
    population: black_box.Population,
    size: tuple[int, int],
    ellipses: int = 10,
    share: float = 2 / 3,
) -> Tensor:
    """DE-CAM's map of a population: the selected masks, summed, divided by their maximum.

    The population has fitness (B, N) and genes (B, N, 5 K), K = `ellipses`; size is height H and
    width W; `share` is that of :func:`selected`. Float32 (B, H, W) in [0, 1], zero where no
    selected mask is.
    """
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
