import pytest
import scipy.stats
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


def test_spearman_equals_scipys_with_ties(generator):
    before = torch.randint(0, 6, (5, 4, 3), generator=generator).float()
    after = before + torch.randint(0, 9, (5, 4, 3), generator=generator)

    found = metrics.spearman(before, after)

    expected = [
        scipy.stats.spearmanr(b.flatten(), a.flatten()).statistic
        for b, a in zip(before, after, strict=True)
    ]
    assert found.tolist() == pytest.approx(expected, abs=1e-12)


def test_spearman_sees_order_alone_and_its_reversal(generator):
    maps = torch.rand(2, 3, 3, generator=generator)

    assert metrics.spearman(maps, maps.exp()).tolist() == pytest.approx([1, 1])
    assert metrics.spearman(maps, -maps).tolist() == pytest.approx([-1, -1])


def test_spearman_of_a_constant_map_is_not_a_number(generator):
    maps = torch.rand(1, 2, 2, generator=generator)

    assert metrics.spearman(maps, torch.zeros(1, 2, 2)).isnan().all()
    with pytest.raises(ValueError, match="expected the same shape"):
        metrics.spearman(maps, torch.zeros(1, 2, 3))


def test_share_within_is_the_mass_inside_over_all_mass():
    maps = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    region = torch.tensor([[False, True], [False, True]])

    share = metrics.share_within(maps, region)

    assert share[0].item() == pytest.approx(0.6)
    assert share[1].isnan()


def test_entropy_is_zero_for_a_point_and_bits_for_an_even_map():
    point, even = torch.zeros(4, 4), torch.full((4, 4), 7.0)
    point[1, 2] = 3
    half = torch.zeros(4, 4)
    half[0, :2] = 1

    assert metrics.entropy(torch.stack([point, even, half])).tolist() == pytest.approx([0, 4, 1])
    assert metrics.entropy(torch.zeros(1, 4, 4)).isnan().all()
