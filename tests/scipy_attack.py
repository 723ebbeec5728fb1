"""The L-BFGS attack written plainly with scipy, a pair at a time: oracle of `helpers.attacks`.

It follows Foolbox 2.4.0's ``foolbox/v1/attacks/lbfgs.py`` as described in `helpers.attacks`: same
objective with its factor 1e10, same search over c, smallest distance over all evaluated points.
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
    """Raised out of scipy's loop once the best distance is small enough."""


class Problem:
    """One (image, target) pair: the objective F_c and the best adversarial seen so far."""

    def __init__(self, model, image, target, distance, threshold, bounds):
        self.model, self.image = model, image
        self.target = torch.tensor([target], device=image.device)
        self.kind, self.threshold = distance, threshold
        self.span = bounds[1] - bounds[0]
        self.best, self.best_distance, self.evaluations = None, np.inf, 0

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
        logits = self.model(point)
        entropy = cross_entropy(logits, self.target)
        (slope,) = torch.autograd.grad(entropy, point)
        distance, distance_slope = self.distance(x.astype(np.float64))
        self.evaluations += 1
        if logits.argmax() == self.target and distance < self.best_distance:
            self.best, self.best_distance = point.detach()[0], distance
            if self.threshold is not None and distance <= self.threshold:
                raise ThresholdReached
        slope = slope.cpu().numpy().ravel().astype(np.float64)
        return SCALE * (distance + c * entropy.item()), SCALE * (distance_slope + c * slope)

    def is_adversarial(self, flat: np.ndarray) -> bool:
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


def search(problem: Problem, start: np.ndarray, maxiter: int, epsilon: float, bounds) -> None:
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
