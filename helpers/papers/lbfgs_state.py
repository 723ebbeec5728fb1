"""What the L-BFGS attack's solver keeps: its objective, all pairs, and the solves under way.

See :mod:`helpers.papers.lbfgs_solver` for the words; N pairs, B solves, n components of an image.
"""

from dataclasses import dataclass, fields
from functools import partial

import foolbox
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

HISTORY = 15  # pairs (s, y) that L-BFGS remembers: Foolbox's m
RAY = 0.5 ** torch.arange(16, dtype=torch.float64)  # 1, 1/2, ..., 2^-15 of the way to the corner


@dataclass
class Objective:
    """F_c without its c: what one evaluation of the model tells, and the weights of d."""

    model: foolbox.models.PyTorchModel
    shape: torch.Size
    kind: str
    threshold: float

    @property
    def box(self) -> tuple[float, float]:
        lower, upper = self.model.bounds
        return lower, upper

    @property
    def span(self) -> float:
        return self.box[1] - self.box[0]

    def kink(self) -> float:
        """|dd/dx_i| of the mean absolute distance, 1 / (n span); 0 for the squared one."""
        return 1 / (self.shape.numel() * self.span) if self.kind == "mae" else 0.0

    def smooth_slope(self, change: Tensor, slope: Tensor, c: Tensor) -> Tensor:
        """Slope of c CE, and of d unless it has a kink: c g + 2 (x - x0) / (n span^2)."""
        curvature = 0.0 if self.kink() else 2 / (self.shape.numel() * self.span**2)
        return c[:, None].to(slope) * slope + curvature * change

    def distance(self, change: Tensor) -> Tensor:
        """Tell d (B,) of changes x - x0 (B, n), in float64."""
        change = change.double() / self.span
        return change.abs().mean(1) if self.kind == "mae" else change.square().mean(1)

    def evaluate(self, x: Tensor, pair: Tensor, pairs: "Pairs") -> tuple[Tensor, ...]:
        """CE (B,), its slope (B, n), d (B,), on target (B,) at x (B, n); keeps the closest."""
        x, target = x.detach(), pairs.target[pair]
        with torch.enable_grad():
            images = x.reshape(-1, *self.shape).requires_grad_()
            outputs = self.model(images)
            entropy = cross_entropy(outputs.double(), target, reduction="none")
            (slope,) = torch.autograd.grad(entropy.sum(), images)
        distance = self.distance(x - pairs.image[pair])
        hit = outputs.argmax(1) == target
        better = hit & (distance < pairs.distance[pair])
        # no index by a mask, for whose length a GPU would be waited for; rows of `pair` differ
        pairs.best[pair] = torch.where(better[:, None], x, pairs.best[pair])
        pairs.distance[pair] = torch.where(better, distance, pairs.distance[pair])
        pairs.done[pair] |= better & (distance <= self.threshold)
        return entropy.detach(), slope.flatten(1), distance, hit


@dataclass
class _Rows:
    """Tensors that share their first axis."""

    def take(self, which: Tensor):
        return type(self)(*(getattr(self, field.name)[which] for field in fields(self)))

    def join(self, other):
        return type(self)(
            *(torch.cat([getattr(rows, f.name) for rows in (self, other)]) for f in fields(self))
        )


@dataclass
class Pairs(_Rows):
    """All pairs (N, ...): what is fixed, what the survey found, and the closest point so far."""

    image: Tensor  # x0, (N, n)
    target: Tensor
    entropy: Tensor  # CE at x0
    slope: Tensor  # of CE at x0, (N, n)
    ray_entropy: Tensor  # CE along the ray, (N, R)
    ray_distance: Tensor  # d along the ray, (N, R)
    best: Tensor  # (N, n)
    distance: Tensor  # of best; infinite while there is none
    surveyed: Tensor
    done: Tensor

    @classmethod
    def of(cls, image: Tensor, target: Tensor) -> "Pairs":
        real = partial(torch.zeros, dtype=torch.float64, device=image.device)
        flag = torch.zeros(len(image), dtype=torch.bool, device=image.device)
        rays = real(len(image), len(RAY))
        return cls(
            image, target, real(len(image)), torch.zeros_like(image), rays, rays.clone(),
            image.clone(), real(len(image)) + torch.inf, flag, flag.clone(),
        )  # fmt: skip


@dataclass
class Solves(_Rows):
    """The solves under way (B, ...), one of each active pair, at its own c and step."""

    pair: Tensor  # row in Pairs
    c: Tensor
    low: Tensor  # largest c known to fail
    high: Tensor  # smallest c known to succeed; infinite while doubling
    doublings: Tensor
    failures: Tensor  # solves that moved and failed, while doubling
    ended: Tensor
    start: Tensor  # x0, (B, n)
    x: Tensor  # (B, n)
    entropy: Tensor
    slope: Tensor  # of CE at x, (B, n)
    distance: Tensor
    hit: Tensor  # whether x is on the target
    steps: Tensor
    idle: Tensor  # steps in a row that gained little
    length: Tensor  # of the trial step, in units of direction
    tries: Tensor
    direction: Tensor  # (B, n)
    descent: Tensor  # steepest one-sided slope of F, (B, n); 0 on the ray
    moves: Tensor  # the last changes s of x, (B, HISTORY, n); 0 where there is none
    bends: Tensor  # the changes y of slope that came with them

    @classmethod
    def of(cls, pairs: Pairs, pair: Tensor, epsilon: float) -> "Solves":
        """Pairs that are new: as if a solve at c = epsilon had just failed."""
        x, b = pairs.image[pair], len(pair)
        real = partial(x.new_zeros, dtype=torch.float64)
        count, past = pair.new_zeros(b), x.new_zeros(b, HISTORY, x.shape[1])
        no = torch.zeros_like(pair, dtype=torch.bool)
        return cls(
            pair, real(b) + epsilon, real(b), real(b) + torch.inf, count, count.clone(), ~no,
            x, x.clone(), real(b), torch.zeros_like(x), real(b), no,
            count.clone(), count.clone(), x.new_ones(b), count.clone(),
            torch.zeros_like(x), torch.zeros_like(x), past, past.clone(),
        )  # fmt: skip
