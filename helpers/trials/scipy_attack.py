"""The paper's solver: Foolbox 2.4's L-BFGS attack on SciPy's L-BFGS-B, a pair at a time.

Foolbox 3 has no such attack. This follows Foolbox 2.4.0's ``foolbox/v1/attacks/lbfgs.py``: the same
objective with its factor 1e10, the same search over c, and the smallest distance over all evaluated
points, those of line searches too. It is also the oracle of :mod:`helpers.papers.lbfgs`, which
advances many pairs at a time and departs from it where its docstring says.
"""

from contextlib import suppress

import numpy as np
import torch
from scipy.optimize import fmin_l_bfgs_b
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

SCALE = 1e10
DOUBLINGS = 30


class ThresholdReached(Exception):
    """Raised out of SciPy's loop once the best distance is small enough."""


class Problem:
    """One (image, target) pair: the objective F_c and the best adversarial seen so far."""

    def __init__(
        self,
        model: nn.Module,
        image: Tensor,
        target: int,
        distance: str,
        threshold: float | None,
        bounds: tuple[float, float],
    ):
        self.model, self.image = model, image
        self.target = torch.tensor([target], device=image.device)
        self.kind, self.threshold = distance, threshold
        self.span = bounds[1] - bounds[0]
        self.best: Tensor | None = None
        self.best_distance, self.evaluations = np.inf, 0

    def distance(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """d(x, x0) and its (sub)gradient, both in float64."""
        difference = (x - self.image.cpu().numpy().ravel().astype(np.float64)) / self.span
        if self.kind == "mae":
            return np.abs(difference).mean(), np.sign(difference) / (x.size * self.span)
        return (difference**2).mean(), 2 * difference / (x.size * self.span)

    def loss(self, flat: np.ndarray, c: float) -> tuple[float, np.ndarray]:
        """1e10 (d + c CE) and its gradient; remembers x if it is the closest adversarial."""
        x = flat.astype(np.float32)
        point = torch.from_numpy(x).to(self.image.device).reshape(1, *self.image.shape)
        point.requires_grad_()
        with torch.enable_grad():
            logits = self.model(point)
            entropy = cross_entropy(logits, self.target)
            (gradient,) = torch.autograd.grad(entropy, point)
        distance, distance_slope = self.distance(x.astype(np.float64))
        self.evaluations += 1
        if logits.argmax() == self.target and distance < self.best_distance:
            self.best, self.best_distance = point.detach()[0], distance
            if self.threshold is not None and distance <= self.threshold:
                raise ThresholdReached
        slope = gradient.cpu().numpy().ravel().astype(np.float64)
        return SCALE * (distance + c * entropy.item()), SCALE * (distance_slope + c * slope)

    def is_adversarial(self, flat: np.ndarray) -> bool:
        """Whether a point is classified as the target."""
        x = torch.from_numpy(flat.astype(np.float32)).to(self.image.device)
        with torch.no_grad():
            return bool(self.model(x.reshape(1, *self.image.shape)).argmax() == self.target)


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
    problem = Problem(model, image, target, distance, threshold, bounds)
    start = image.cpu().numpy().ravel().astype(np.float64)
    if problem.is_adversarial(start):
        return image.clone(), 0.0
    with suppress(ThresholdReached):
        search(problem, start, maxiter, epsilon, bounds)
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
    """Attack images (N, C, H, W) in [0, 1] towards their targets (N,), one after another.

    `network` gives logits; as in the authors' run, their softmax is what the attack takes for
    logits. ``images`` (N, C, H, W), the original where none was found; ``success`` (N,).
    """
    device = next(network.parameters()).device
    model = nn.Sequential(network, nn.Softmax(1)).eval()
    found = [
        attack(model, image.to(device), int(target), maxiter=iterations)[0]
        for image, target in zip(images, targets, strict=True)
    ]
    attacked = [
        image if best is None else best.cpu() for image, best in zip(images, found, strict=True)
    ]
    return {
        "images": torch.stack(attacked),
        "success": torch.tensor([best is not None for best in found]),
    }
