import pytest
import scipy.stats
import torch

from helpers.measures import rankings


@pytest.fixture
def maps(generator):
    return torch.randn(3, 16, 12, generator=generator, dtype=torch.float64)


def test_ranking_goes_from_most_to_least_salient_and_keeps_ties_in_order():
    saliency = torch.tensor([[[0.1, -3.0], [0.5, 0.1]]])

    assert rankings.ranking(saliency).tolist() == [[2, 0, 3, 1]]


def test_new_positions_match_a_hand_written_example():
    before = torch.tensor([[2, 0, 3, 1]])
    after = torch.tensor([[0, 1, 2, 3]])

    assert rankings.new_positions(before, after, 3).tolist() == [[2, 0, 3]]


def test_a_ranking_overlaps_itself_wholly(generator):
    order = rankings.ranking(torch.randn(5, 40, generator=generator))

    positions = rankings.new_positions(order, order, 10)

    assert (positions == torch.arange(10)).all()
    assert (rankings.overlap(positions, 10) == 1).all()


def test_a_reversed_map_shares_nothing_in_the_upper_half():
    saliency = torch.arange(8.0)[None]

    positions = rankings.new_positions(rankings.ranking(saliency), rankings.ranking(-saliency), 4)

    assert rankings.overlap(positions, 4).tolist() == [0.0]


def test_random_rankings_overlap_by_chance(generator):
    first, second = torch.randn(2, 400, 300, generator=generator)

    positions = rankings.new_positions(rankings.ranking(first), rankings.ranking(second), 30)

    # 10 % expected; 12,000 draws have a standard error of 0.27 points
    assert abs(rankings.overlap(positions, 30).mean().item() - 0.1) < 0.012


def test_overlap_counts_the_same_components_as_a_set_intersection(generator):
    first, second = torch.randn(2, 7, 50, generator=generator)
    before, after = rankings.ranking(first), rankings.ranking(second)

    found = rankings.overlap(rankings.new_positions(before, after, 5), 12)

    by_sets = [
        len(set(b[:5]) & set(a[:12])) / 5
        for b, a in zip(before.tolist(), after.tolist(), strict=True)
    ]
    assert torch.allclose(found, torch.tensor(by_sets))


@pytest.mark.parametrize("top", [0, 9])
def test_following_no_or_too_many_components_is_refused(top):
    order = torch.arange(8)[None]

    with pytest.raises(ValueError, match="1 to 8"):
        rankings.new_positions(order, order, top)


def test_rankings_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        rankings.new_positions(torch.arange(8)[None], torch.arange(7)[None], 2)


def test_spearman_equals_scipys_with_ties(generator):
    before = torch.randint(0, 6, (5, 4, 3), generator=generator).float()
    after = before + torch.randint(0, 9, (5, 4, 3), generator=generator)

    found = rankings.spearman(before, after)

    expected = [
        scipy.stats.spearmanr(b.flatten(), a.flatten()).statistic
        for b, a in zip(before, after, strict=True)
    ]
    assert found.tolist() == pytest.approx(expected, abs=1e-12)


def test_spearman_sees_order_alone_and_its_reversal(generator):
    maps = torch.rand(2, 3, 3, generator=generator)

    assert rankings.spearman(maps, maps.exp()).tolist() == pytest.approx([1, 1])
    assert rankings.spearman(maps, -maps).tolist() == pytest.approx([-1, -1])


def test_spearman_of_a_constant_map_is_not_a_number(generator):
    maps = torch.rand(1, 2, 2, generator=generator)

    assert rankings.spearman(maps, torch.zeros(1, 2, 2)).isnan().all()
    with pytest.raises(ValueError, match="expected the same shape"):
        rankings.spearman(maps, torch.zeros(1, 2, 3))


def test_breaking_ties_keeps_the_order_of_unequal_values(generator):
    saliency = torch.randint(0, 4, (5, 6, 7), generator=generator).float()

    found = rankings.break_ties(saliency, generator)

    for before, after in zip(saliency.flatten(1), found.flatten(1), strict=True):
        assert sorted(after.tolist()) == list(range(-41, 1))  # all ranks, each once
        lower = before[:, None] < before[None]
        assert (after[:, None] < after[None])[lower].all()


def test_breaking_ties_leaves_distinct_values_in_their_order(maps, generator):
    found = rankings.break_ties(maps, generator)

    assert torch.equal(rankings.ranking(found), rankings.ranking(maps))


def test_broken_ties_follow_from_the_seed_and_favor_no_place():
    def broken(seed, saliency):
        return rankings.break_ties(saliency, torch.Generator().manual_seed(seed))

    flat = torch.zeros(8, 8)
    assert torch.equal(broken(1, flat), broken(1, flat))
    assert not torch.equal(broken(1, flat), broken(2, flat))
    assert not flat.any()

    mean_rank = broken(0, torch.zeros(2000, 2, 4)).mean(0)
    # -3.5 expected; the mean of 2,000 ranks of sd 2.3 has a standard error of 0.05
    assert (mean_rank + 3.5).abs().max() < 0.25


def test_breaking_ties_leaves_the_global_generator_alone(maps):
    state = torch.get_rng_state()

    rankings.break_ties(maps, torch.Generator().manual_seed(0))

    assert torch.equal(torch.get_rng_state(), state)
