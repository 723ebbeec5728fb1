"""Solvers in lockstep: each gets what it would get alone, in batches of all that wait."""

import numpy as np
import pytest
import torch
from torch import nn

from helpers.trials import lockstep, scipy_attack


def asks(count, points):
    """A solver that asks for some points and returns what they gave."""
    return lambda ask: [ask(point) for point in points[:count]]


def test_all_that_wait_are_evaluated_at_once_in_their_order():
    seen = []

    def squares(places, points):
        seen.append((places, points))
        return [point**2 for point in points]

    found = lockstep.together([asks(3, [1, 2, 3]), asks(1, [5]), asks(2, [7, 8])], squares)

    assert found == [[1, 4, 9], [25], [49, 64]]
    assert seen == [([0, 1, 2], [1, 5, 7]), ([0, 2], [2, 8]), ([0], [3])]


def test_a_solver_that_asks_nothing_is_not_waited_for():
    assert lockstep.together([lambda ask: "at once", asks(1, [2])], lambda _, p: p) == [
        "at once",
        [2],
    ]
    assert lockstep.together([], lambda _, p: p) == []


def test_an_error_of_a_solver_ends_the_call_after_the_others():
    def fails(ask):
        ask(1)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        lockstep.together([fails, asks(3, [1, 2, 3])], lambda _, points: points)


def test_an_error_of_the_evaluation_reaches_the_caller_and_leaves_no_solver_waiting():
    def breaks(places, points):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lockstep.together([asks(1, [1]), asks(1, [2])], breaks)


class ByHand(nn.Module):
    """Two logits, sums of products a pixel, which no batch rounds otherwise."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(-1, 1, 12).reshape(1, 12))

    def forward(self, images):
        first = (images.flatten(1) * self.weight).sum(1)
        return torch.stack([first, 0.3 - first], 1)


def pairs():
    images = torch.rand(5, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    return images, 1 - ByHand()(images).argmax(1)


def test_scipys_pairs_side_by_side_end_where_each_ends_alone():
    images, targets = pairs()
    model = nn.Sequential(ByHand(), nn.Softmax(1))

    found = scipy_attack.attack_pairs(ByHand(), images, targets, 20)

    assert found["success"].all()
    for image, target, made in zip(images, targets, found["images"], strict=True):
        alone, _ = scipy_attack.attack(model, image, int(target), maxiter=20)
        assert torch.equal(made, alone)


def test_an_evaluation_is_the_loss_and_its_gradient_by_differences():
    images, targets = pairs()
    model = ByHand().double()
    point, step = images[3].double().flatten().numpy(), 1e-6

    (found,) = scipy_attack.evaluations(model, images.double(), targets, [3], [point])

    def loss(values):
        logits = model(torch.from_numpy(values).reshape(1, 3, 2, 2))
        return -float(logits.log_softmax(1)[0, targets[3]].detach())

    moved = [loss(point + step * one) - loss(point - step * one) for one in np.eye(12)]
    assert found.entropy == pytest.approx(loss(point))
    assert found.slope == pytest.approx(np.array(moved) / (2 * step), abs=1e-6)
    assert not found.hit
