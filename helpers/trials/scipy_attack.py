"""The paper's solver: Foolbox 2.4's L-BFGS attack on SciPy's L-BFGS-B.

Foolbox 3 has no such attack. This follows Foolbox 2.4.0's ``foolbox/v1/attacks/lbfgs.py``: the same
objective with its factor 1e10, the same search over c, and the smallest distance over all evaluated
points, those of line searches too. Each pair has a solver of its own; :func:`attack_pairs` lets
many run beside one another. It is also the oracle of :mod:`helpers.papers.lbfgs`, which advances
many pairs by a solver of ours and departs from this one where its docstring says.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import fmin_l_bfgs_b
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from helpers.trials import lockstep

SCALE = 1e10
DOUBLINGS = 30


class ThresholdReached(Exception):
    """Raised out of SciPy's loop once the best distance is small enough."""


class Evaluation(NamedTuple):
    """What the network says of a point."""

    hit: bool  # whether it is classified as the target
    entropy: float  # the target's cross-entropy
    slope: np.ndarray  # its gradient, float64 (C H W,)


Evaluate = Callable[[np.ndarray], Evaluation]  # of a point, float32 (C H W,)


def evaluations(
    model: nn.Module, images: Tensor, targets: Tensor, places: list[int], points: list[np.ndarray]
) -> list[Evaluation]:
    """Evaluate points (C H W,) of some of the pairs, given by their places, in one batch."""
    flat = torch.from_numpy(np.stack(points)).to(images.device)
    batch = flat.reshape(-1, *images.shape[1:]).requires_grad_()
    wanted = targets[places]
    with torch.enable_grad():
        logits = model(batch)
        entropy = cross_entropy(logits, wanted, reduction="none")
        (gradient,) = torch.autograd.grad(entropy.sum(), batch)
    slopes = gradient.flatten(1).cpu().numpy().astype(np.float64)
    hits = (logits.argmax(1) == wanted).tolist()
    return [*map(Evaluation, hits, entropy.tolist(), slopes)]


class Problem:
    """One (image, target) pair: the objective F_c and the best adversarial seen so far."""

    def __init__(
        self,
        evaluate: Evaluate,
        image: Tensor,
        distance: str,
        threshold: float | None,
        bounds: tuple[float, float],
    ):
        self.evaluate = evaluate
        self.shape = image.shape
        self.origin = image.cpu().numpy().ravel().astype(np.float64)
        self.kind, self.threshold = distance, threshold
        self.span = bounds[1] - bounds[0]
        self.best: Tensor | None = None
        self.best_distance = np.inf

    def distance(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """d(x, x0) and its (sub)gradient, both in float64."""
        difference = (x - self.origin) / self.span
        if self.kind == "mae":
            return np.abs(difference).mean(), np.sign(difference) / (x.size * self.span)
        return (difference**2).mean(), 2 * difference / (x.size * self.span)

    def loss(self, flat: np.ndarray, c: float) -> tuple[float, np.ndarray]:
        """1e10 (d + c CE) and its gradient; remembers x if it is the closest adversarial."""
        x = flat.astype(np.float32)
        found = self.evaluate(x)
        distance, distance_slope = self.distance(x.astype(np.float64))
        if found.hit and distance < self.best_distance:
            self.best, self.best_distance = torch.from_numpy(x).reshape(self.shape), distance
            if self.threshold is not None and distance <= self.threshold:
                raise ThresholdReached
        return SCALE * (distance + c * found.entropy), SCALE * (distance_slope + c * found.slope)

    def is_adversarial(self, flat: np.ndarray) -> bool:
        """Whether a point is classified as the target."""
        return self.evaluate(flat.astype(np.float32)).hit


def attack(
    model: nn.Module,
    image: Tensor,
    target: int,
    *,
    distance: str = "mae",
    maxiter: int = 1000,
    epsilon: float = 1e-5,
    threshold: float | None = 1e-4,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> tuple[Tensor | None, float]:
    """Closest adversarial (C, H, W) found and its distance; (None, inf) if there is none."""

    def evaluate(point: np.ndarray) -> Evaluation:
        targets = torch.tensor([target], device=image.device)
        return evaluations(model, image[None], targets, [0], [point])[0]

    return _solved(evaluate, image, distance, maxiter, epsilon, threshold, bounds)


def _solved(
    evaluate: Evaluate, image: Tensor, distance: str = "mae", maxiter: int = 1000,
    epsilon: float = 1e-5, threshold: float | None = 1e-4,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> tuple[Tensor | None, float]:  # fmt: skip
    problem = Problem(evaluate, image, distance, threshold, bounds)
    if problem.is_adversarial(problem.origin):
        return image.clone(), 0.0
    with suppress(ThresholdReached):
        search(problem, problem.origin, maxiter, epsilon, bounds)
    return problem.best, float(problem.best_distance)


def search(
    problem: Problem,
    start: np.ndarray,
    maxiter: int,
    epsilon: float,
    bounds: tuple[float, float],
) -> None:
    """Double c until a solve ends on the target, then bisect between 0 and that c."""

    def succeeds(c: float) -> bool:
        end, _, _ = fmin_l_bfgs_b(
            problem.loss, start, args=(c,), bounds=[bounds] * start.size, m=15, maxiter=maxiter
        )
        return problem.is_adversarial(end.clip(*bounds))

    c = epsilon
    for _ in range(DOUBLINGS):
        c *= 2
        if succeeds(c):
            break
    else:
        return
    low, high = 0.0, c
    while high - low >= epsilon:
        middle = (low + high) / 2
        low, high = (low, middle) if succeeds(middle) else (middle, high)


def attack_pairs(
    network: nn.Module, images: Tensor, targets: Tensor, iterations: int
) -> dict[str, Tensor]:
    """Attack images (N, C, H, W) in [0, 1] towards their targets (N,), side by side.

    `network` gives logits; as in the authors' run, their softmax is what the attack takes for
    logits. ``images`` (N, C, H, W), the original where none was found; ``success`` (N,).
    """
    device = next(network.parameters()).device
    model = nn.Sequential(network, nn.Softmax(1)).eval()
    moved, wanted = images.to(device), targets.to(device)
    solvers = [partial(_solved, image=image, maxiter=iterations) for image in moved]
    solved = lockstep.together(solvers, partial(evaluations, model, moved, wanted))
    found = [best for best, _ in solved]
    attacked = [
        image if best is None else best.cpu() for image, best in zip(images, found, strict=True)
    ]
    return {
        "images": torch.stack(attacked),
        "success": torch.tensor([best is not None for best in found]),
    }
