r"""The solver beneath the L-BFGS attack: many minimizations at once, each at its own c.

A *pair* is an image and its target; a *solve* is one minimization at one c; the *ray* runs from the
clean image to the corner of the box that a descending cross-entropy points to.
"""

import torch
from torch import Tensor
from torch.nn.functional import softshrink

from helpers.papers.lbfgs_state import HISTORY, RAY, Objective, Pairs, Solves

DOUBLINGS = 30
BACKTRACKS = 20
TOLERANCE, PATIENCE = 2e-2, 2  # a solve ends after 2 steps that each gain at most 2 % of d
SUFFICIENT = 1e-4  # Armijo's part of the predicted decrease
RETRIES_BEFORE_SWITCH = 3  # failed solves before other points of the ray than the best are tried
LEAST_CURVATURE = 1e-8  # least cosine of s and y
BISECTION_TOLERANCE = 3e-2  # of c: bisection ends at this or at epsilon, whichever comes first
FIRST_STEP = 0.1  # of the box: how far the steepest component moves where there is no curvature yet


def survey(objective: Objective, pairs: Pairs, batch: int) -> None:
    """Evaluate x0 and the ray from it to its corner, for all c at once."""
    for pair in (~pairs.surveyed).nonzero()[:, 0].split(batch):
        start = pairs.image[pair]
        pairs.entropy[pair], pairs.slope[pair], _, hit = objective.evaluate(start, pair, pairs)
        pairs.done[pair[hit]] = True
        corner = _corner(start, pairs.slope[pair], objective.box)
        for k, part in enumerate(RAY.tolist()):
            values = objective.evaluate(start + part * (corner - start), pair, pairs)
            pairs.ray_entropy[pair, k], _, pairs.ray_distance[pair, k], _ = values
        pairs.surveyed[pair] = True


def _corner(start: Tensor, slope: Tensor, box: tuple[float, float]) -> Tensor:
    """Where x - inf slope meets the box; a component without slope stays."""
    lower, upper = box
    return torch.where(slope > 0, lower, torch.where(slope < 0, upper, start))


def next_c(active: Solves, pairs: Pairs, epsilon: float, objective: Objective) -> Tensor:
    """Give ended solves their next c, past those at which no point of the ray lowers F.

    Returns which pairs (B,) have come to the end of their search.
    """
    moving, finished, pair = active.ended.clone(), torch.zeros_like(active.ended), active.pair
    hit = active.hit & moving
    active.failures += moving & ~hit & active.high.isinf() & (active.steps > 0)
    while moving.any():
        won, lost = moving & hit, moving & ~hit
        # bisection starts between 0 and c; c / 2 is the last doubling unless c is the first
        floor = torch.where(active.doublings > 1, active.c / 2, 0.0)
        active.low = torch.where(won & active.high.isinf(), floor, active.low)
        active.low = torch.where(lost, active.c, active.low)
        active.high = torch.where(won, active.c, active.high)
        doubling = active.high.isinf()
        exhausted = torch.where(
            doubling,
            active.doublings >= DOUBLINGS,
            active.high - active.low < (BISECTION_TOLERANCE * active.high).clamp(min=epsilon),
        )
        finished |= moving & exhausted
        moving &= ~exhausted
        active.doublings += moving & doubling
        following = torch.where(doubling, 2 * active.c, (active.low + active.high) / 2)
        active.c = torch.where(moving, following, active.c)
        along = pairs.ray_distance[pair] + active.c[:, None] * pairs.ray_entropy[pair]  # F, (B, R)
        lower = (along < (active.c * pairs.entropy[pair])[:, None]).sum(1)
        moving &= lower == 0
        hit = torch.zeros_like(hit)
    new = (active.ended & ~finished).nonzero()[:, 0]
    if len(new):
        rank = ((active.failures - RETRIES_BEFORE_SWITCH).clamp(min=0) % lower.clamp(min=1))[new]
        best = along[new].argsort(1).gather(1, rank[:, None])[:, 0]
        _begin(active, new, pairs, RAY.to(active.x)[best], objective.box)
    return finished


def _begin(
    active: Solves, rows: Tensor, pairs: Pairs, length: Tensor, box: tuple[float, float]
) -> None:
    """Put these rows back to x0, with a first trial that is `length` of the way to the corner."""
    pair, start = active.pair[rows], active.start[rows]
    active.x[rows], active.slope[rows] = start, pairs.slope[pair]
    active.entropy[rows], active.length[rows] = pairs.entropy[pair], length
    active.direction[rows] = _corner(start, pairs.slope[pair], box) - start
    for name in ("distance", "hit", "steps", "idle", "tries", "descent", "moves", "bends", "ended"):
        getattr(active, name)[rows] = 0


def step(objective: Objective, active: Solves, pairs: Pairs, maxiter: int) -> None:
    """One evaluation for each solve: take the trial point or shorten the step, and aim anew."""
    now, kink = active, objective.kink()
    trial = (now.x + now.length[:, None] * now.direction).clamp(*objective.box)
    if kink:  # within an orthant: a component that would change sign stops at x0
        change = now.x - now.start
        side = torch.where(change != 0, change.sign(), -now.descent.sign())
        crosses = ((trial - now.start).sign() != side) & (now.steps > 0)[:, None]
        trial = torch.where(crosses, now.start, trial)
    entropy, slope, distance, hit = objective.evaluate(trial, now.pair, pairs)

    # accept the trial where F falls by enough
    move = trial - now.x
    before, after = now.distance + now.c * now.entropy, distance + now.c * entropy
    predicted = (now.descent * move).sum(1).double()  # 0 on the ray
    taken = (after < before) & (after <= before + SUFFICIENT * predicted)
    rounding = torch.finfo(trial.dtype).eps * before.abs()
    little = before - after <= torch.maximum(TOLERANCE * distance, rounding)
    # L-BFGS remembers the accepted change of x and of the slope, over the oldest one
    bend = objective.smooth_slope(move, slope - now.slope, now.c)
    oldest = torch.arange(len(taken), device=taken.device), now.steps % HISTORY
    for past, new in ((now.moves, move), (now.bends, bend)):
        past[oldest] = torch.where(taken[:, None], new, past[oldest])
    now.x = torch.where(taken[:, None], trial, now.x)
    now.slope = torch.where(taken[:, None], slope, now.slope)
    for name, new in (("entropy", entropy), ("distance", distance), ("hit", hit)):
        setattr(now, name, torch.where(taken, new, getattr(now, name)))
    now.steps += taken
    now.idle = torch.where(taken, (now.idle + 1) * little, now.idle)
    # the next trial: shorter after a refusal; after an acceptance whole, or twice as long where
    # this one had been shortened
    longer = torch.where((now.tries > 0) & (now.steps > 1), 2 * now.length, 1).clamp(max=1)
    now.length = torch.where(taken, longer, now.length / 2)
    now.tries = torch.where(taken, 0, now.tries + 1)

    # end what gains little, has made its steps, or finds no lower point
    stuck = now.tries >= BACKTRACKS
    again = stuck & now.moves.flatten(1).any(1)  # once more without the past, as scipy does
    now.moves[again], now.bends[again] = 0, 0
    now.length[again], now.tries[again] = 1, 0
    now.ended = (now.idle >= PATIENCE) | (now.steps >= maxiter) | (stuck & ~again)
    _aim(objective, now, ((taken | again) & ~now.ended).nonzero()[:, 0])


def _aim(objective: Objective, active: Solves, rows: Tensor) -> None:
    """Point these rows along -H times the steepest slope within the box and the orthant."""
    lower, upper = objective.box
    x, change, kink = active.x[rows], (active.x - active.start)[rows], objective.kink()
    smooth = objective.smooth_slope(change, active.slope[rows], active.c[rows])
    descent = torch.where(change != 0, smooth + kink * change.sign(), softshrink(smooth, kink))
    descent[((x <= lower) & (descent > 0)) | ((x >= upper) & (descent < 0))] = 0
    direction = -_times_inverse_hessian(active, rows, descent, FIRST_STEP * objective.span)
    away = direction * descent >= 0 if kink else descent == 0
    active.descent[rows], active.direction[rows] = descent, direction.masked_fill(away, 0)
    active.ended[rows] = away.all(1)


def _times_inverse_hessian(active: Solves, rows: Tensor, slope: Tensor, first: float) -> Tensor:
    """H g by the two loops of Nocedal & Wright 2006, Alg. 7.4, on the components that may move.

    The memory is cut to those components first, and an (s, y) that does not curve upwards there is
    left out. Without any, H only makes the steepest component `first` long. All are (B, n).
    """
    row, free = torch.arange(len(rows), device=rows.device), (slope != 0).to(slope)
    moves, bends = active.moves[rows] * free[:, None], active.bends[rows] * free[:, None]
    product, square = (moves * bends).sum(2), bends.square().sum(2)  # s y and y y, (B, HISTORY)
    upwards = product > LEAST_CURVATURE * (moves.square().sum(2) * square).sqrt()
    rho = torch.where(upwards, 1 / product, 0.0)
    scale = first / slope.abs().amax(1).clamp(min=torch.finfo(slope.dtype).tiny)
    newest_first = [(active.steps[rows] - age) % HISTORY for age in range(1, HISTORY + 1)]

    result, parts = slope.clone(), []
    for index in newest_first:
        parts.append(rho[row, index] * (moves[row, index] * result).sum(1))
        result -= parts[-1][:, None] * bends[row, index]
    for index in reversed(newest_first):  # the latest that curves upwards sets the scale
        scale = torch.where(upwards[row, index], product[row, index] / square[row, index], scale)
    result *= scale[:, None]
    for index, part in zip(reversed(newest_first), reversed(parts), strict=True):
        part = part - rho[row, index] * (bends[row, index] * result).sum(1)
        result += part[:, None] * moves[row, index]
    return result
