"""Searches for superpixels by evaluations, on probabilities that can be written down."""

import itertools

import pytest
import torch

from helpers.papers import black_box
from helpers.trials import selection_searches as searches

VALUE = torch.tensor([0.1, 0.4, -0.2, 0.3], dtype=torch.float64)


class Rated:
    """A probability that adds up over superpixels, and the selections that it was asked for."""

    def __init__(self, value=VALUE):
        self.value, self.asked = value, []

    def __call__(self, bits):
        self.asked.append(bits)
        return bits.double() @ self.value


def test_greedy_adds_the_best_superpixel_of_each_round_and_keeps_its_best():
    rate = Rated()

    curve = searches.greedy(rate, 4, 12)

    # alone: .1 .4 -.2 .3; with the second: .5 .2 .7; with the fourth: .8 .5; then all: .6
    expected = [0.1, 0.4, 0.4, 0.4, 0.5, 0.5, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8]
    torch.testing.assert_close(curve, torch.tensor(expected, dtype=torch.float64))
    assert sum(map(len, rate.asked)) == 4 + 3 + 2 + 1


@pytest.mark.parametrize("budget", [1, 4, 6])
def test_greedy_asks_for_no_more_than_its_budget(budget):
    rate = Rated()

    curve = searches.greedy(rate, 4, budget)

    assert len(curve) == budget == sum(map(len, rate.asked))
    torch.testing.assert_close(curve, searches.greedy(Rated(), 4, 12)[:budget])


def test_greedy_finds_the_best_of_all_selections_of_what_adds_up():
    every = torch.tensor(list(itertools.product([False, True], repeat=4)))

    assert searches.greedy(Rated(), 4, 20)[-1] == pytest.approx(
        float((every.double() @ VALUE).max())
    )


def test_selections_by_weight_are_nested_and_equal_weights_keep_their_order():
    sets = searches.nested(torch.tensor([0.5, 0.9, 0.5]))

    assert sets.tolist() == [[False, True, False], [True, True, False], [True, True, True]]


def test_the_best_size_of_an_order_may_be_any():
    orders = torch.stack([VALUE, -VALUE])

    best = searches.best_of_sizes(Rated(), orders)

    assert best.tolist() == pytest.approx([0.8, 0.6])  # 2nd, 4th, 1st; and only all of them


def test_a_curve_is_read_at_the_last_evaluation_that_a_budget_pays_for():
    read = searches.at([5, 10, 19, 40], torch.tensor([10, 20, 30]), torch.tensor([0.2, 0.5, 0.9]))

    assert torch.isnan(read[0])
    assert read[1:].tolist() == pytest.approx([0.2, 0.2, 0.9])


def test_limes_best_size_costs_an_evaluation_a_superpixel_more():
    found = {
        "E-LIME": torch.tensor([0.3, 0.6]), "random": torch.tensor([0.1, 0.2, 0.3, 0.4]),
        "greedy": torch.tensor([0.0, 0.5, 0.5, 0.5]), "LIME": torch.tensor([0.7, 0.8]),
        "LIME, five": torch.tensor([0.2, 0.1]), "bits": torch.ones(2),
    }  # fmt: skip

    read = searches.by_budget(found, [2, 4], torch.tensor([2, 4]), [1, 2])

    values = {search: curve.tolist() for search, curve in read.items()}
    assert values["E-LIME"] == pytest.approx([0.3, 0.6])
    assert values["random"] == pytest.approx([0.2, 0.4])
    assert values["greedy"] == pytest.approx([0.5, 0.5])
    assert values["LIME, best size"] == pytest.approx([float("nan"), 0.8], nan_ok=True)  # at 3, 4
    assert values["LIME, five"] == pytest.approx([0.1, 0.1])


def test_times_sooner_is_cost_over_the_first_evaluation_that_reaches_the_target():
    curve = torch.tensor([10, 20, 50]), torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    targets = torch.tensor([0.1, 0.5, 0.6, 0.95], dtype=torch.float64)

    times = searches.times_sooner(targets, torch.tensor([100, 100, 200, 100]), *curve)

    assert times.tolist() == [10, 5, 4, 0]


def test_a_longer_run_tells_what_a_shorter_one_would_have_answered():
    genes = [torch.tensor([[[0], [1]]]), torch.tensor([[[2], [3]]]), torch.tensor([[[4], [5]]])]
    states = [black_box.Population(g, torch.tensor([[1.0, 0.0]])) for g in genes]

    watch, answer = searches.remembering(1)
    seen = list(watch(iter(states)))

    assert len(seen) == 3
    assert [row.tolist() for row in answer] == [[2]]
