"""The attack's solver, a step at a time: slopes, the next c, and the point it starts from."""

from types import SimpleNamespace

import pytest
import torch

from helpers.papers import lbfgs_solver, lbfgs_state

EPSILON = 1e-5


def objective(kind="mae", bounds=(0, 1)):
    return lbfgs_state.Objective(SimpleNamespace(bounds=bounds), torch.Size([4]), kind, 0.0)


@pytest.mark.parametrize("kind", ["mae", "mse"])
@pytest.mark.parametrize("bounds", [(0, 1), (-1, 3)])
def test_the_slope_of_f_is_that_of_autograd(kind, bounds):
    goal = objective(kind, bounds)
    change = torch.tensor([[0.3, -0.2, 0.1, 0.4]], dtype=torch.float64, requires_grad=True)
    slope, c = torch.tensor([[1.0, -2, 0.5, 0]], dtype=torch.float64), torch.tensor([0.7])

    (expected,) = torch.autograd.grad(goal.distance(change).sum(), change)
    expected = expected + 0.7 * slope  # of a cross-entropy that is linear

    found = goal.smooth_slope(change.detach(), slope, c) + goal.kink() * change.detach().sign()
    torch.testing.assert_close(found, expected, atol=1e-7, rtol=1e-6)


def search(*, c, low=0.0, high=torch.inf, doublings=2, hit=True, failures=0):
    """A pair whose solve at c has ended; along its ray F falls to length 1/4, then rises."""
    pairs = lbfgs_state.Pairs.of(torch.full((1, 4), 0.5), torch.tensor([1]))
    pairs.entropy += 2.0
    pairs.ray_entropy += 3.0
    pairs.ray_entropy[0, 1], pairs.ray_entropy[0, 2] = 1.5, 1.0  # at 1/2 and at 1/4
    active = lbfgs_state.Solves.of(pairs, torch.tensor([0]), EPSILON)
    for name, value in {"c": c, "low": low, "high": high, "doublings": doublings, "hit": hit,
                        "failures": failures, "steps": 1}.items():  # fmt: skip
        getattr(active, name).fill_(value)
    finished = lbfgs_solver.next_c(active, pairs, EPSILON, objective())
    return active, bool(finished)


def test_bisection_starts_between_the_last_doubling_that_failed_and_the_first_that_did_not():
    active, finished = search(c=4.0)

    assert not finished
    assert (active.low.item(), active.high.item(), active.c.item()) == (2, 4, 3)


def test_the_first_c_of_all_is_bisected_from_zero():
    active, _ = search(c=2 * EPSILON, doublings=1)

    assert active.low.item() == 0


@pytest.mark.parametrize(("low", "ends"), [(3.9, True), (3.5, False)])
def test_bisection_ends_at_three_per_cent_of_c(low, ends):
    assert search(c=4.0, low=low, high=5.0)[1] is ends


@pytest.mark.parametrize(("failures", "length"), [(0, 1 / 4), (2, 1 / 4), (3, 1 / 2), (4, 1 / 4)])
def test_after_three_failures_more_solves_start_at_the_next_lowest_points_of_the_ray(
    failures, length
):
    active, _ = search(c=4.0, hit=False, failures=failures)  # this one fails, too

    assert active.length.item() == length
