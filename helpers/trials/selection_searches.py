"""How probable a class can be made with so many model evaluations, by several searches.

A *selection* is bool (S,), one entry a superpixel; a search looks for the selection whose pixels
alone make a class most probable. Each is told as the best probability so far, by evaluations, so
that searches with budgets of their own can be compared at any common one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from helpers.papers.black_box import Population

Rate = Callable[[Tensor], Tensor]  # selections, bool (N, S), to probabilities, float64 (N,)


def greedy(rate: Rate, count: int, budget: int) -> Tensor:
    """The best probability so far of a forward selection, after each evaluation, (budget,).

    It starts from nothing. Each round rates every superpixel that is not shown yet, added alone,
    and adds the one with which the class is most probable. After the last round, in which nothing
    is left to add, the curve stays at its best.

    Parameters
    ----------
    rate
        See the module.
    count
        How many superpixels there are, S.
    budget
        How many selections may be rated; a round that does not fit is cut.
    """
    shown = torch.zeros(count, dtype=torch.bool)
    scores: list[Tensor] = []
    spent = 0
    while spent < budget and not shown.all():
        candidates = (~shown).nonzero()[: budget - spent, 0]
        tried = shown.repeat(len(candidates), 1)
        tried[torch.arange(len(candidates)), candidates] = True
        rated = rate(tried)
        scores.append(rated)
        spent += len(candidates)
        shown = tried[rated.argmax()]
    found = torch.cat(scores)
    return torch.cat([found, found[-1:].expand(budget - len(found))]).cummax(0).values


def remembering(generation: int) -> tuple[Callable, list[Tensor]]:
    """A watch of a search that puts the first row's best genes after a generation into the list.

    So a longer run tells what a shorter one would have answered, (D,).
    """
    answer: list[Tensor] = []

    def watch(states: Iterator[Population]) -> Iterator[Population]:
        for number, state in enumerate(states):
            if number == generation:
                answer.append(state.best()[0][0])
            yield state

    return watch, answer


def nested(weights: Tensor) -> Tensor:
    """The selections of the 1, 2, ..., S superpixels with the largest weights (S,): bool (S, S).

    Among equal weights the one with the smaller number comes first.
    """
    rank = weights.argsort(descending=True, stable=True).argsort()
    return rank[None] <= torch.arange(len(weights))[:, None]


def best_of_sizes(rate: Rate, weights: Tensor) -> Tensor:
    """The probability of the best selection of any size by each row of weights (K, S): (K,).

    Each costs S evaluations beside those that the weights have cost.
    """
    count = weights.shape[1]
    sets = torch.stack([nested(row) for row in weights]).flatten(0, 1)
    return rate(sets).view(-1, count).amax(1)


def at(budgets: Sequence[int], evaluations: Tensor, best: Tensor) -> Tensor:
    """A curve's value at other numbers of evaluations: the last one that they pay for.

    Parameters
    ----------
    budgets
        K numbers.
    evaluations, best
        When the curve is known, ascending, (T,), and what it is then, (..., T).

    Returns
    -------
    Tensor
        (..., K); NaN where a budget does not reach the curve's first value.
    """
    wanted = torch.as_tensor(budgets).to(evaluations)
    place = torch.searchsorted(evaluations, wanted, right=True) - 1
    found = best[..., place.clamp(min=0)].double()
    return torch.where(place >= 0, found, torch.nan)


def by_budget(
    found: Mapping[str, Tensor], budgets: Sequence[int], counted: Tensor, lime_at: Sequence[int]
) -> dict[str, Tensor]:
    """The best probability of each search with so many evaluations: search to (K,).

    Parameters
    ----------
    found
        Of one image: "E-LIME" (T,); "random" and "greedy", after each evaluation; "LIME" and
        "LIME, five" (L,): its best size, which costs an evaluation a superpixel more, and its five
        superpixels; "bits" (S,), for the number of superpixels.
    budgets
        K numbers of evaluations.
    counted, lime_at
        After how many evaluations E-LIME's and LIME's values stand, (T,) and L numbers.
    """
    lime = torch.as_tensor(lime_at)
    one_by_one = torch.arange(1, len(found["random"]) + 1)
    curves = {
        "E-LIME": (counted, found["E-LIME"]),
        "random": (one_by_one, found["random"]),
        "greedy": (one_by_one, found["greedy"]),
        "LIME, best size": (lime + len(found["bits"]), found["LIME"]),
        "LIME, five": (lime, found["LIME, five"]),
    }
    return {search: at(budgets, *curve) for search, curve in curves.items()}


def times_sooner(
    target: Tensor, cost: Tensor, evaluations: Tensor, best: Tensor, slack: float = 1e-6
) -> Tensor:
    """How many times fewer evaluations a search needs until it is as good as others.

    Parameters
    ----------
    target, cost
        Probabilities to reach, and the evaluations that each took the others, (K,).
    evaluations, best
        The search's curve, (T,) both.
    slack
        By how much it may miss the target, for rounding.

    Returns
    -------
    Tensor
        Float64 (K,): cost over the first number of evaluations that reaches the target; 0 where
        none does.
    """
    reached = best[None] >= target[:, None] - slack  # (K, T)
    first = evaluations[reached.double().argmax(1)]
    return torch.where(reached.any(1), cost.double() / first, 0.0)
