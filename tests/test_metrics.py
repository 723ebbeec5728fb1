import pytest
import torch

from helpers import metrics


def test_ranking_goes_from_most_to_least_relevant_and_keeps_ties_in_order():
    relevance = torch.tensor([[[0.1, -3.0], [0.5, 0.1]]])

    assert metrics.ranking(relevance).tolist() == [[2, 0, 3, 1]]


def test_new_positions_match_a_hand_written_example():
    before = torch.tensor([[2, 0, 3, 1]])
    after = torch.tensor([[0, 1, 2, 3]])

    assert metrics.new_positions(before, after, 3).tolist() == [[2, 0, 3]]


def test_a_ranking_overlaps_itself_wholly(generator):
    order = metrics.ranking(torch.randn(5, 40, generator=generator))

    positions = metrics.new_positions(order, order, 10)

    assert (positions == torch.arange(10)).all()
    assert (metrics.overlap(positions, 10) == 1).all()


def test_reversed_relevance_shares_nothing_in_the_upper_half():
    relevance = torch.arange(8.0)[None]

    positions = metrics.new_positions(metrics.ranking(relevance), metrics.ranking(-relevance), 4)

    assert metrics.overlap(positions, 4).tolist() == [0.0]


def test_random_rankings_overlap_by_chance(generator):
    first, second = torch.randn(2, 400, 300, generator=generator)

    positions = metrics.new_positions(metrics.ranking(first), metrics.ranking(second), 30)

    # 10 % expected; 12,000 draws have a standard error of 0.27 points
    assert abs(metrics.overlap(positions, 30).mean().item() - 0.1) < 0.012


def test_overlap_counts_the_same_components_as_a_set_intersection(generator):
    first, second = torch.randn(2, 7, 50, generator=generator)
    before, after = metrics.ranking(first), metrics.ranking(second)

    found = metrics.overlap(metrics.new_positions(before, after, 5), 12)

    by_sets = [
        len(set(b[:5]) & set(a[:12])) / 5
        for b, a in zip(before.tolist(), after.tolist(), strict=True)
    ]
    assert torch.allclose(found, torch.tensor(by_sets))


@pytest.mark.parametrize("top", [0, 9])
def test_following_no_or_too_many_components_is_refused(top):
    order = torch.arange(8)[None]

    with pytest.raises(ValueError, match="1 to 8"):
        metrics.new_positions(order, order, top)


def test_rankings_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        metrics.new_positions(torch.arange(8)[None], torch.arange(7)[None], 2)


def test_edges_of_a_step_lie_at_the_step():
    image = torch.zeros(1, 1, 4, 6)
    image[..., 3:] = 1

    found = metrics.edges(image)

    assert found[0, 0, 1].tolist() == [0, 0, 4, 4, 0, 0]  # 1 + 2 + 1 across the step


def test_a_flat_image_has_no_edges_not_even_at_its_border():
    assert metrics.edges(torch.full((2, 3, 5, 5), 0.7)).abs().max() < 1e-6
