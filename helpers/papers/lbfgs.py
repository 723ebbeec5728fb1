r"""The targeted L-BFGS attack of Szegedy et al. 2014 as Foolbox 2.4 ran it, for a batch at a time.

Words used here: a *pair* is an image and its target; a *solve* is one minimization at one c; the
*ray* runs from the clean image to the corner of the box that a descending cross-entropy points to.
"""

from typing import Any

import foolbox
import torch
from foolbox.attacks.base import MinimizationAttack
from foolbox.criteria import TargetedMisclassification
from torch import Tensor
from tqdm import tqdm

from helpers.papers import lbfgs_solver, lbfgs_state, memory


class LBFGSAttack(MinimizationAttack):
    r"""Smallest change of an image that makes the target the model's first class.

    For growing, then bisected c, minimize over the box of valid pixels

    .. math:: F_c(x) = d(x, x_0) + c \, \bigl(\log \sum_k e^{o_k(x)} - o_t(x)\bigr)

    with o what the model returns (a model that ends in softmax is thus softmaxed twice), t the
    target, x0 the clean image, and d the mean over components of \|x - x0\| / (max - min) ("mae")
    or of its square ("mse"). c starts at 2 epsilon and doubles until a solve ends on the target,
    at most 30 times; then it is bisected. Every solve starts from x0. Returned is the closest
    point on the target among *all* points evaluated, those of line searches too. An image that is
    on its target already comes back unchanged, and so does one for which none was found.

    Sources: Dieter & Zisgen 2023, Sect. 3.2; Szegedy et al. 2014, Sec. 4.1; Tabacof & Valle 2016
    (arXiv 1510.05328), Alg. 1; Foolbox 2.4.0, foolbox/v1/attacks/lbfgs.py; Byrd et al. 1995 for
    limited memory within a box; Andrew & Gao 2007 for the kinks of \|x - x0\|.

    Departs from Foolbox 2.4:

    - All pairs advance together, each with its own c, in place of one call of scipy after another.
    - Foolbox multiplies F by 1e10, so scipy's first step aims at the corner x0 - inf sign(gradient)
      and is shortened until F falls. That line is the same for every c: it is evaluated once, at
      16 lengths, and each solve starts with the step to the lowest F among them. Where none lowers
      F the solve ends at x0, at no cost; scipy mostly ends there too.
    - After three solves that failed while c doubled, the next ones take the second lowest, the
      third, and so on: on a double softmax they would end in the same trap again.
    - Then come steps of projected L-BFGS within orthants: in one step no component of x - x0
      changes sign, and those at x0 stay there while the slope of c CE is below that of d. scipy
      takes 0 as the slope of \|x - x0\| at x0. Minima are closer and sparser than scipy's, and
      trial points cross the border of the target's region more often, so that the target's
      probability may be lower.
    - A solve ends after two steps in a row that each lower F by at most 2 % of d, or by the
      rounding of F. scipy's factr of 1e7 is finer than float32 can tell; pgtol never acts there.
    - Bisection ends at 3 % of c where Foolbox goes down to epsilon, if that is finer; and it does
      not solve c / 2 again, which has just failed as the last doubling.
    - The distance is in units of the box for `threshold`, but Foolbox 3's `epsilons` are l1 or l2.

    Parameters
    ----------
    distance
        "mae", the authors' choice, or "mse", Foolbox's default.
    maxiter
        Most L-BFGS steps in one solve, >= 1. The authors' 1000; Foolbox's default is 150.
    epsilon
        c starts at twice this and is bisected no finer, > 0.
    threshold
        A pair ends once its distance is at most this; None: never. In the units of d.
    batch_size
        Most pairs at once; halved each time that memory runs out.
    progress
        Whether to show a progress bar that counts finished pairs.

    Raises
    ------
    ValueError
        For a setting, image or target outside of what is said here; when called, see `run`.
    """

    def __init__(
        self,
        *,
        distance: str = "mae",
        maxiter: int = 1000,
        epsilon: float = 1e-5,
        threshold: float | None = 1e-4,
        batch_size: int = 256,
        progress: bool = False,
    ):
        _require(distance in ("mae", "mse"), f'distance is {distance!r}; expected "mae" or "mse"')
        _require(maxiter >= 1, f"maxiter is {maxiter}; expected 1 or more steps for a solve")
        _require(epsilon > 0, f"epsilon is {epsilon}; expected more than 0, such as 1e-5")
        _require(batch_size >= 1, f"batch_size is {batch_size}; expected 1 or more pairs")
        _require(
            threshold is None or threshold >= 0,
            f"threshold is {threshold}; expected 0 or more, or None to search to the end",
        )
        self.kind, self.maxiter, self.epsilon = distance, maxiter, epsilon
        self.threshold, self.batch_size, self.progress = threshold, batch_size, progress

    @property
    def distance(self) -> foolbox.distances.Distance:
        """Foolbox's norm that ranks as d does, l1 or l2; `epsilons` of a call are in its units."""
        return foolbox.distances.l1 if self.kind == "mae" else foolbox.distances.l2

    def __call__(self, model, inputs, criterion, *, epsilons, **kwargs):  # type: ignore[misc]
        """Foolbox's call, after checks that say what is wrong (Foolbox's own are bare asserts)."""
        _, targets = _check(inputs, criterion, model.bounds)
        there = TargetedMisclassification(targets)  # where the images are; Foolbox compares there
        return super().__call__(model, inputs, there, epsilons=epsilons, **kwargs)

    def run(  # type: ignore[override]
        self,
        model: foolbox.models.PyTorchModel,
        inputs: Any,
        criterion: TargetedMisclassification,
        *,
        early_stop: float | None = None,
    ) -> Any:
        """Attack each image (B, ...) towards its target (B,); `early_stop` is left unused.

        Raises
        ------
        ValueError
            For a criterion that is not targeted, images that are not finite floats within the
            model's bounds, or targets that are not one class of the model's for each image.
        """
        images, targets = _check(inputs, criterion, model.bounds)
        with torch.no_grad():
            classes = model(images[:1]).shape[-1] if len(images) else 1
        _require(
            bool(((targets >= 0) & (targets < classes)).all()),
            f"targets are {targets.tolist()}; expected classes of this model, 0 to {classes - 1}",
        )
        pairs = lbfgs_state.Pairs.of(images.flatten(1), targets.long())
        objective = lbfgs_state.Objective(model, images.shape[1:], self.kind, self.threshold or 0.0)
        with tqdm(total=len(images), disable=not self.progress, unit="pair") as bar:
            batch = memory.halve_when_full(
                lambda n: lbfgs_solver.survey(objective, pairs, n), self.batch_size
            )
            bar.update(int(pairs.done.sum()))
            memory.halve_when_full(lambda n: self._search(objective, pairs, n, bar), batch)
        best = pairs.best.reshape(images.shape)
        return best if isinstance(inputs, Tensor) else type(inputs)(best)

    def _search(
        self,
        objective: "lbfgs_state.Objective",
        pairs: "lbfgs_state.Pairs",
        batch: int,
        bar: tqdm,
    ) -> None:
        """Bring every unfinished pair to its end, `batch` at a time; places refill as they fall."""
        waiting = (~pairs.done).nonzero()[:, 0]
        active = lbfgs_state.Solves.of(pairs, waiting[:0], self.epsilon)
        while len(waiting) or len(active.pair):
            free = batch - len(active.pair)
            if free and len(waiting):
                active = active.join(lbfgs_state.Solves.of(pairs, waiting[:free], self.epsilon))
                waiting = waiting[free:]
            finished = (
                lbfgs_solver.next_c(active, pairs, self.epsilon, objective)
                | pairs.done[active.pair]
            )
            if finished.any():
                pairs.done[active.pair[finished]] = True
                bar.update(int(finished.sum()))
                active = active.take(~finished)
            elif len(active.pair):
                lbfgs_solver.step(objective, active, pairs, self.maxiter)


def _check(inputs: Any, criterion: Any, bounds: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Images (B, ...) and targets (B,) as plain tensors on one device, or what is wrong."""
    _require(
        isinstance(criterion, TargetedMisclassification),
        f"criterion is {type(criterion).__name__}; expected TargetedMisclassification(targets)",
    )
    images = inputs if isinstance(inputs, Tensor) else getattr(inputs, "raw", inputs)
    _require(
        isinstance(images, Tensor) and images.is_floating_point(),
        f"images are {getattr(images, 'dtype', type(images).__name__)}; expected a float tensor",
    )
    images, targets = images.detach(), criterion.target_classes.raw
    _require(bool(images.isfinite().all()), "images hold NaN or infinity; mend or drop those")
    lower, upper = bounds
    _require(
        bool(((images >= lower) & (images <= upper)).all()),
        f"images leave the model's bounds {lower} to {upper}; rescale them, or give the model "
        "the bounds of its input",
    )
    _require(
        isinstance(targets, Tensor) and targets.shape == images.shape[:1],
        f"targets have shape {tuple(targets.shape)}; expected ({len(images)},), one for each image",
    )
    _require(not targets.is_floating_point(), f"targets are {targets.dtype}; expected integers")
    return images, targets.to(images.device)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
