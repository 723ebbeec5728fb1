"""The ranking's tests, its forgetful networks, its fills and its pieces of work."""

import numpy as np
import pytest
import torch
from planted_world import COUNT, SETTINGS, Detector, backgrounds
from torch import nn

from helpers.planted import conditions as planted_conditions
from helpers.planted import marks, references
from helpers.ranking import conditions, forgetting, pieces, ranked_tests, removal
from helpers.ranking.pieces import scored
from helpers.saliency import contract
from helpers.store import cache, paths
from helpers.trials import conditions as families
from helpers.trials import insertion
from helpers.trials import methods as brought
from helpers.trials.methods import Method


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def small_network():
    """Three convolutions, one with BatchNorm and none with a bias, and a linear layer."""
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3),
        nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 5),
    ]  # fmt: skip
    return nn.Sequential(*layers).eval().requires_grad_(False)


# --- an oracle and frauds, through the whole engine


@pytest.fixture(scope="module")
def trial_by_oracle():
    """Mean scores (T, M) of the oracle and of maps that know nothing, in the ranking's tests."""
    network, drawn = Detector().eval(), marks.draw(COUNT, seeded())
    cases = planted_conditions.conditions_of(network, backgrounds(), drawn, SETTINGS)
    base = cases[families.CLEAN]
    for level in SETTINGS.levels:
        forgot = conditions.forgotten(base, level, seed=0)
        cases[forgot.name] = forgot
    maps = references.references(network.features, 0)
    methods = [*maps[references.ORACLE], *maps[references.WRONG]]
    found = pieces.scored(methods, cases, ranked_tests.TRIALS, SETTINGS)
    names = [method.name for method in methods]
    return dict(zip(ranked_tests.TRIALS, np.nanmean(found.values, 2), strict=True)), names


@pytest.mark.parametrize("test", ranked_tests.TRIALS)
def test_an_oracle_wins_and_each_fraud_loses_every_test_of_the_ranking(trial_by_oracle, test):
    means, names = trial_by_oracle
    oracle, *frauds = means[test]

    assert np.isfinite([oracle, *frauds]).all(), dict(zip(names, means[test], strict=True))
    assert (oracle > np.array(frauds)).all(), dict(zip(names, means[test], strict=True))


# --- networks that have forgotten


@pytest.mark.parametrize("share", [0.3, 0.6, 1.0])
def test_shuffled_layers_keep_the_mean_and_deviation_of_their_channels(share):
    network, images = small_network(), torch.rand(6, 3, 16, 16, generator=seeded())

    changed = forgetting.forgetful(network, share, images, seed=0)

    before, after = network(images), changed(images)
    torch.testing.assert_close(after.mean(0), before.mean(0), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(after.std(0), before.std(0), rtol=1e-2, atol=1e-3)
    assert not torch.allclose(after, before, atol=1e-4)


def test_only_the_upper_layers_are_shuffled_and_the_network_itself_stays():
    network, images = small_network(), torch.rand(4, 3, 16, 16, generator=seeded())
    state = {name: value.clone() for name, value in network.state_dict().items()}

    changed = forgetting.forgetful(network, 0.5, images, seed=0)

    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    assert torch.equal(changed[0].weight, network[0].weight)
    assert torch.equal(changed[3].weight, network[3].weight)  # two of four layers are shuffled
    assert not torch.equal(changed[5].weight, network[5].weight)
    assert not any(parameter.requires_grad for parameter in changed.parameters())


def test_a_layer_that_is_restored_holds_the_same_weights_but_for_place_and_channel_scale():
    network, images = small_network(), torch.rand(4, 3, 16, 16, generator=seeded())

    changed = forgetting.forgetful(network, 0.01, images, seed=0)  # the linear layer alone

    rows = changed[-1].weight / changed[-1].weight.norm(dim=1, keepdim=True)
    order = torch.randperm(40, generator=seeded())
    shuffled = network[-1].weight.flatten()[order].view(5, 8)
    expected = shuffled / shuffled.norm(dim=1, keepdim=True)
    torch.testing.assert_close(rows, expected, rtol=1e-4, atol=1e-5)


def test_told_apart_is_the_share_of_variance_between_images_by_hand():
    class Fixed(nn.Module):
        def __init__(self, logits):
            super().__init__()
            self.logits = torch.tensor(logits)

        def forward(self, images):
            return self.logits[: len(images)]

    images = torch.zeros(2, 3, 4, 4)
    assert forgetting.told_apart(Fixed([[1.0, 3.0], [1.0, 3.0]]), images) == 0
    assert forgetting.told_apart(Fixed([[1.0, 1.0], [3.0, 3.0]]), images) == 1
    # between: (2 - 2.5)^2 * 2 and the same for the other class; in all: 0.25 * 4 + ... by hand
    found = forgetting.told_apart(Fixed([[1.0, 3.0], [2.0, 4.0]]), images)
    assert found == pytest.approx(4 * 0.25 / (1.5**2 + 0.5**2 + 0.5**2 + 1.5**2))


@pytest.mark.parametrize(
    ("network", "share", "count", "words"),
    [
        (small_network(), 0, 4, "share is 0"),
        (small_network(), 1.1, 4, "share is 1.1"),
        (small_network(), 0.5, 1, "two or more"),
        (nn.Flatten(), 0.5, 4, "no convolution"),
    ],
)
def test_what_cannot_forget_is_refused(network, share, count, words):
    with pytest.raises(ValueError, match=words):
        forgetting.forgetful(network, share, torch.rand(count, 3, 16, 16), seed=0)


# --- fills


def test_every_fill_leaves_what_is_kept_and_changes_what_is_removed():
    images = torch.rand(2, 3, 12, 12, generator=seeded())
    kept = torch.rand(2, 12, 12, generator=seeded(1)) < 0.7
    for name, fill in removal.FILLS.items():
        filled = fill(images, kept, 0)
        same = (filled == images).all(1)
        assert torch.equal(same, kept), name


def test_road_solves_for_each_removed_pixel_the_weighted_mean_of_its_neighbors():
    image = torch.rand(1, 1, 6, 6, generator=seeded())
    kept = torch.ones(1, 6, 6, dtype=torch.bool)
    kept[0, 2, 2:4] = False

    filled = removal.road(image, kept, 0)[0, 0]

    weights = torch.tensor([[1, 2, 1], [2, 0, 2], [1, 2, 1]]) / 12
    for row, column in ((2, 2), (2, 3)):
        around = filled[row - 1 : row + 2, column - 1 : column + 2]
        wanted = (around * weights).sum()
        assert abs(float(filled[row, column] - wanted)) < 5 * removal.NOISE


def test_roads_noise_follows_its_seed_and_leaves_the_callers_random_numbers():
    images, kept = torch.rand(1, 3, 8, 8), torch.ones(1, 8, 8, dtype=torch.bool)
    kept[0, 3] = False
    state = torch.random.get_rng_state()

    one, same, other = (removal.road(images, kept, seed) for seed in (0, 0, 1))

    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(state, torch.random.get_rng_state())


class MeanOfTopRow(nn.Module):
    """Two classes; the first one's logit is what the first row of the image holds."""

    def forward(self, images):
        first = images[:, :, 0].mean((1, 2))
        return torch.stack([10 * first, torch.full_like(first, 5.0)], 1)


def test_removal_rewards_a_map_of_what_carries_the_score_and_punishes_its_reverse():
    images = torch.full((2, 3, 10, 10), 0.5)
    images[:, :, 0] = 1
    base = families.clean(MeanOfTopRow().eval(), images + 0.01 * torch.rand(images.shape))
    right = torch.arange(10.0, 0, -1)[:, None].expand(2, 10, 10)  # the first row, then downwards

    def lost(maps):
        order = maps.flatten(1).argsort(dim=1, descending=True, stable=True)
        return removal.lost_beyond_least(base, order, removal.grey, 0)

    assert (lost(right) > 10).all()
    torch.testing.assert_close(lost(right), -lost(-right), rtol=1e-6, atol=1e-6)


def test_diff_auc_is_that_of_the_books_test():
    network, images = Detector().eval(), backgrounds(3)
    base = families.clean(network, images)
    cases = {families.CLEAN: base}
    maps = pieces.cells_of(method_of("gradient", gradient), cases, 0)
    found = {families.CLEAN: maps["gradient", families.CLEAN]}
    settings = SETTINGS._replace(seeds=1)

    (ours,) = removal.diff_auc(found, cases, settings)
    theirs = insertion.scores(found, cases, settings)[-1]

    assert ours.measure == theirs.measure
    np.testing.assert_allclose(ours.values, theirs.values, rtol=1e-6)


# --- pieces


def gradient(model, images, classes):
    leaf = images.detach().clone().requires_grad_()
    with torch.enable_grad():
        chosen = model(leaf).gather(1, classes[:, None]).sum()
    return torch.autograd.grad(chosen, leaf)[0].abs().sum(1)


def noise(model, images, classes):
    return torch.rand(len(images), *images.shape[-2:])


def method_of(name, explain, kind="gradient"):
    return Method(name, kind, explain, f"key of {name}")


@pytest.fixture
def work(monkeypatch, tmp_path):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    images = backgrounds(9)
    methods = [method_of("gradient", gradient), method_of("noise", noise)]
    return pieces.Work(Detector().eval(), images, methods, SETTINGS, whole=False)


def test_pieces_give_every_image_a_number_and_the_last_piece_holds_the_rest(work):
    found = pieces.measured(work, 4)  # 4 and 5 images

    assert found.values.shape == (len(ranked_tests.CLEAN_ALONE), 2, 9)
    assert np.isfinite(found.values).all()
    assert not found.gaps
    assert found.alike.shape == (2, 2, 9)
    np.testing.assert_allclose(np.diagonal(found.alike.mean(2)), 1)
    assert found.cost[0, 1:].tolist() == [1, 1]  # of an image: once there, once back
    assert len(list((paths.CACHE / "ranking").glob("*.safetensors"))) == 2


def test_pieces_are_read_again_and_give_the_same(work, monkeypatch):
    first = pieces.measured(work, 4)
    monkeypatch.setattr(pieces, "scored", lambda *given: pytest.fail("it was made again"))

    second = pieces.measured(work, 4)

    np.testing.assert_array_equal(first.values, second.values)


def test_a_method_of_a_users_is_measured_beside_the_others_without_making_them_again(
    work, monkeypatch
):
    alone = pieces.measured(work, 4)
    mine = brought.brought(noise, "mine")
    measured, methods = pieces.scored, []
    monkeypatch.setattr(
        pieces, "scored", lambda m, *given: methods.extend(m) or measured(m, *given)
    )
    gradient_, noise_ = work.methods

    found = pieces.measured(work._replace(methods=[gradient_, mine, noise_]), 4)

    assert [method.name for method in methods] == ["mine", "mine"]  # two pieces of images
    np.testing.assert_array_equal(found.values[:, [0, 2]], alone.values)
    assert np.isfinite(found.values[:, 1]).all()
    np.testing.assert_array_equal(found.cost[[0, 2]], alone.cost)
    np.testing.assert_array_equal(found.alike[np.ix_([0, 2], [0, 2])], alone.alike)
    assert np.isnan(found.alike[0, 1]).all()
    np.testing.assert_allclose(found.alike[1, 1], 1)


def test_committed_pieces_are_read_and_a_damaged_one_is_made_again(work, monkeypatch, tmp_path):
    monkeypatch.setattr(pieces, "KEPT", tmp_path / "kept")
    first = pieces.measured(work, 4)
    published = pieces.publish()
    for file in (paths.CACHE / "ranking").glob("*.safetensors"):
        file.unlink()
    made = []
    monkeypatch.setattr(pieces, "scored", lambda *given: made.append(1) or scored(*given))

    same = pieces.measured(work, 4)

    assert len(published) == 2
    assert not made
    np.testing.assert_array_equal(first.values, same.values)
    for file in (paths.CACHE / "ranking").glob("*.safetensors"):
        file.unlink()
    content = bytearray(published[0].read_bytes())
    content[-1] ^= 1
    published[0].write_bytes(bytes(content))
    pieces.measured(work, 4)
    assert made == [1]


def test_a_fresh_run_reads_no_committed_piece(work, monkeypatch, tmp_path):
    monkeypatch.setattr(pieces, "KEPT", tmp_path / "kept")
    pieces.measured(work, 9)
    pieces.publish()
    monkeypatch.setattr(paths, "CACHE", tmp_path / "other")
    monkeypatch.setenv(cache.FRESH, "1")
    made = []
    monkeypatch.setattr(pieces, "scored", lambda *given: made.append(1) or scored(*given))

    pieces.measured(work, 9)

    assert made == [1]


def test_a_faster_network_that_gives_the_same_judges_alike_and_makes_no_map(work):
    case = families.clean(work.network, work.images[:4])
    cases = conditions.clean_alone(case, SETTINGS)
    methods = [method_of("gradient", gradient)]
    tests = {"removal": ranked_tests.TRIALS["removal"]}

    class Other(Detector):
        def forward(self, images):
            return -super().forward(images)

    plain = pieces.scored(methods, cases, tests, SETTINGS).values
    same = pieces.scored(methods, cases, tests, SETTINGS, Detector().eval()).values
    turned = pieces.scored(methods, cases, tests, SETTINGS, Other().eval()).values

    np.testing.assert_allclose(plain, same)
    assert (np.sign(plain) != np.sign(turned)).any()


def test_a_map_drawn_at_random_differs_from_draw_to_draw_and_a_fixed_one_is_made_once(work):
    calls = []

    def counted(model, images, classes):
        calls.append(len(images))
        return images.mean(1)

    case = families.clean(work.network, work.images[:2])
    cases = conditions.clean_alone(case, SETTINGS)

    fixed = pieces.cells_of(method_of("fixed", counted), cases, 0)
    drawn = pieces.cells_of(method_of("noise", noise), cases, 0)

    assert calls == [2, 2]  # clean, and side by side
    second = families.draw_name(1)
    assert torch.equal(fixed["fixed", families.CLEAN].maps, fixed["fixed", second].maps)
    assert not torch.equal(drawn["noise", families.CLEAN].maps, drawn["noise", second].maps)


def test_a_method_that_does_not_apply_and_one_of_a_user_that_fails_leave_gaps(work):
    def inapplicable(model, images, classes):
        raise contract.NotApplicable("it needs another network")

    def broken(model, images, classes):
        raise KeyError("oh")

    methods = [method_of("inapplicable", inapplicable), brought.brought(broken, "mine")]

    found = pieces.measured(work._replace(methods=methods), 9)

    assert np.isnan(found.values).all()
    assert np.isnan(found.cost).all()
    assert found.gaps["sufficiency", "inapplicable"] == "it needs another network"
    assert "KeyError" in found.gaps["sufficiency", "mine"]


def test_a_method_of_ours_that_fails_ends_the_run_and_is_named(work):
    def broken(model, images, classes):
        raise KeyError("oh")

    with pytest.raises(KeyError) as raised:
        pieces.measured(work._replace(methods=[method_of("broken", broken)]), 9)

    assert "broken ran under 'clean'" in raised.value.__notes__[0]


@pytest.mark.parametrize(("count", "size"), [(1, 4), (9, 1)])
def test_fewer_than_two_images_at_a_time_are_refused(work, count, size):
    with pytest.raises(ValueError, match="two or more"):
        pieces.measured(work._replace(images=work.images[:count]), size)


def test_images_are_spread_in_one_order_that_follows_from_the_seed():
    one, same, other = (conditions.spread_out(20, seed) for seed in (0, 0, 1))

    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert sorted(one.tolist()) == list(range(20))
