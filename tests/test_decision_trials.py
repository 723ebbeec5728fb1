import numpy as np
import pytest
import torch
from torch import nn

from helpers.inputs import cifar, conversion, dieter2023
from helpers.papers import lrp
from helpers.store import paths, shards
from helpers.trials import (
    decision_attack,
    decision_controls,
    decision_figures,
    decision_pairs,
    decision_path,
    decision_reversal,
    scipy_attack,
)

RULE = lrp.epsilon(1.0)


class Brightest(nn.Module):
    """Ten classes; class c is the mean of rows 3 c to 3 c + 2 of the image, times ten."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3072, 10, bias=False)
        weights = torch.zeros(10, 3, 32, 32)
        for c in range(10):
            weights[c, :, 3 * c : 3 * c + 3] = 10 / 288
        self.linear.weight = nn.Parameter(weights.flatten(1))

    def forward(self, x):
        return self.linear(x.flatten(1))


@pytest.fixture
def network():
    return Brightest().eval().requires_grad_(False)


@pytest.fixture
def group(network):
    """Three originals of classes 0, 1, 2, and two adversarials each of the first two."""
    pixels = torch.randint(20, 60, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    for i in range(3):
        pixels[i, :, 3 * i : 3 * i + 3] += 60
    pixels = pixels.to(torch.uint8)
    source, target = torch.tensor([0, 0, 1, 1]), torch.tensor([4, 5, 4, 6])
    changed = pixels[source].clone()
    for j, c in enumerate(target.tolist()):
        changed[j, :, 3 * c : 3 * c + 3] += 100
    images = cifar.Images(pixels, torch.arange(3))
    made = dieter2023.Adversarials(changed, source, target)
    logits = [decision_pairs.logits_of(network, p / 255) for p in (pixels, changed)]
    arm = decision_pairs.Arm(network, images, made, tuple(logits))
    assert (logits[1].argmax(1) == target).all()
    (only,) = decision_pairs.split_into_groups(arm, 1)
    return only


def test_other_classes_are_nine_for_each_image():
    source, target = decision_pairs.other_classes(torch.tensor([3, 9]))

    assert source.tolist() == [0] * 9 + [1] * 9
    assert target.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9, *range(9)]


def test_groups_hold_each_right_original_with_all_its_adversarials(group):
    assert group.originals.labels.tolist() == [0, 1, 2]
    assert group.adversarials.source.tolist() == [0, 0, 1, 1]
    assert (group.logits[1] > 0).all()


def test_an_oriented_map_speaks_for_its_class_whatever_the_logits_sign(network):
    negative = Brightest().eval().requires_grad_(False)
    negative.linear.weight.neg_()
    image, classes = torch.rand(1, 3, 32, 32), torch.tensor([4])

    plain = decision_pairs.maps_of(negative, image, classes, RULE)
    turned = decision_pairs.oriented_maps(negative, image, classes, RULE)

    assert torch.equal(turned, -plain)  # the logit is negative
    upright = decision_pairs.maps_of(network, image, classes, RULE)
    assert torch.equal(decision_pairs.oriented_maps(network, image, classes, RULE), upright)


def test_measured_counts_agree_with_the_group(network, group):
    found = decision_pairs.measure(network, group, RULE)

    assert found["grid"].sum(1).tolist() == [3 * 3072, 4 * 3072]
    assert found["negative"].tolist() == [[3, 0], [4, 0]]
    assert found["before"].shape == (3, 5)
    assert found["overlaps"].max() <= 1
    gap = decision_pairs.differences([[group]], [[found]])
    assert gap.paired.shape == (1, 3, 5)
    assert np.isnan(gap.paired[0, 2]).all()  # the third original has no adversarial
    assert gap.pooled(found["grid"].numpy()).shape == (5,)


def test_features_are_the_input_of_the_last_linear_layer(network):
    images = torch.rand(2, 3, 32, 32)

    assert torch.equal(decision_controls.last_features(network, images), images.flatten(1))


def test_the_slope_of_a_lead_is_that_of_finite_differences(network):
    network, image = network.double(), torch.rand(1, 3, 32, 32).double()
    classes, step = torch.tensor([2]), 1e-5
    bumped = image.clone()
    bumped[0, 1, 7, 3] += step

    def lead(x):
        logits = network(x)[0]
        return logits[2] - logits[torch.arange(10) != 2].logsumexp(0)

    slope = decision_controls.margin_slope(network, image, classes)

    assert slope[0, 1, 7, 3].item() == pytest.approx(
        ((lead(bumped) - lead(image)) / step).item(), rel=1e-3
    )


def test_a_shuffled_change_has_the_same_values_and_a_directed_one_the_same_magnitudes():
    change = torch.tensor([[3.0, -1.0, 0.0, 2.0]])
    slope = torch.tensor([[0.1, -5.0, 1.0, -0.2]])

    shuffled = decision_controls.shuffled(change, torch.Generator().manual_seed(0))
    directed = decision_controls.directed(change, slope)

    assert sorted(shuffled[0].tolist()) == [-1, 0, 2, 3]
    assert directed[0].tolist() == [0, -3, 2, -1]


def test_scaled_changes_reach_as_far_as_the_attack_and_strengthening_keeps_the_decision(
    network, group
):
    found = decision_controls.change_images(network, group, 0)

    reached = found["scales"].isfinite()
    assert reached[[1, 3]].any()
    wanted = found["reach"][0].expand(2, -1)
    ends = found["reach"][[2, 4]]
    assert ends[reached[[1, 3]]].tolist() == pytest.approx(
        wanted[reached[[1, 3]]].tolist(), rel=0.02
    )
    assert found["stays"][2:].all()


def test_compared_pairs_are_by_original_and_changing_nothing_keeps_all(network, group):
    changes = decision_controls.change_images(network, group, 0)
    unchanged = changes | {"images": (group.originals.pixels[:2] / 255).expand(4, -1, -1, -1, -1)}

    found = decision_controls.compare(network, group, unchanged, RULE, 0)["overlaps"]

    assert found.shape == (3, len(decision_controls.PAIRS), 5)
    names = decision_controls.PAIRS
    same = [names.index(name) for name in decision_controls.CHANGES]
    kept = found[:2][:, same]
    assert kept[kept.isfinite()].min() == 1  # a change of nothing
    assert found[2, names.index(decision_controls.ATTACKED)].isnan().all()
    assert found[:2, names.index("other target")].isfinite().all()


def test_on_the_way_the_decision_turns_once_and_steps_add_up(network, group):
    found = decision_path.walk(network, group, RULE, 4, 0)

    assert found["classes"][:, 0].tolist() == [0, 1]
    assert (found["classes"][:, -1] >= 4).all()
    assert found["turns"].sum(1).tolist() == [1, 1]
    assert found["overlaps"].shape == (2, 4, 2, 5)
    before = ~found["turns"] & (found["classes"][:, 1:] < 4)
    same = found["overlaps"][before]
    assert torch.equal(same[:, 0], same[:, 1])  # before the turn both explain the first class


def test_jumps_are_made_for_each_reading(network, group):
    parts = [decision_path.walk(network, group, RULE, 4, 0)]

    found = decision_path.jumps([parts], ["1% in 1%", "10% in 10%"], draws=10, seed=0)

    assert len(found) == 4
    assert {number for *_, number in found.values()} == {2}
    assert len(decision_path.around_turns("x", parts, "1% in 1%")) == 2


def test_taking_back_replaces_the_first_components_of_the_order_alone():
    attacked, own = torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2)

    found = decision_reversal.take_back(attacked, own, torch.tensor([[2, 0, 1, 3]]), 2)

    assert found.flatten().tolist() == [0, 1, 0, 1]
    assert attacked.min() == 1


def test_the_size_of_the_change_takes_a_decision_back_that_random_components_do_not(network, group):
    found = decision_reversal.without_map(network, group, 0)["back"]

    random, size = (
        decision_reversal.WITHOUT_MAP.index(n) for n in ("random", "size of the change")
    )
    at_307 = decision_reversal.COUNTS.index(307)
    assert found[:2, size, at_307].tolist() == [1, 1]  # 288 components were changed
    assert found[:2, random, at_307].tolist() == [0, 0]
    assert found[2].isnan().all()


def test_relevance_takes_back_a_decision_that_it_explains(network, group):
    found = decision_reversal.by_map(network, group, RULE, 0)["back"]

    assert found.shape == (3, 3, 4)
    assert found[:2, 0, decision_reversal.COUNTS.index(307)].tolist() == [1, 1]


def test_rounding_is_told_from_the_attack_by_its_size(network, group):
    pixels = group.adversarials.pixels.clone()
    pixels[:, 0, 31] -= 1  # a row of one color, one level darker
    group = group._replace(adversarials=group.adversarials._replace(pixels=pixels))

    found = decision_controls.rounding(network, group, RULE, 0)

    darker, same, brighter = found["levels"][0].tolist()
    assert darker == pytest.approx(32 / 3072)
    assert brighter == 0
    assert same == pytest.approx(1 - (32 + 288) / 3072)
    assert found["overlaps"].shape == (2, 3, 5)


def test_edges_compare_own_and_other_image(network, group):
    found = decision_controls.edges(network, group, RULE)["agreement"]

    assert found.shape == (3, 2, 2)
    assert found.isfinite().all()


def test_pairs_from_one_class_to_another_are_found(network, group):
    result = decision_pairs.measure(network, group, RULE)

    chosen, overlaps, source = decision_attack.class_to_class(
        [group, group], [result, result], "automobile", "frog"
    )

    assert chosen.tolist() == [False, False, False, True] * 2
    assert source.tolist() == [0, 0, 1, 1, 3, 3, 4, 4]
    assert overlaps.shape == (8,)


def brighten(network, images, targets, amount):
    """An attack that succeeds on even targets."""
    changed = conversion.to_unit(images)
    for i, c in enumerate(targets.tolist()):
        changed[i, :, 3 * c : 3 * c + 3] = amount
    return {"images": changed, "success": targets % 2 == 0}


def test_pieces_of_an_attack_are_kept_and_joined_into_an_arm(network, group, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    images = cifar.Images(group.originals.pixels[:1], group.originals.labels[:1])
    source, target = decision_pairs.other_classes(images.labels)

    found = decision_attack.in_pieces(
        "x", brighten, network, images.pixels[source], target, size=4, arguments=(1.0,)
    )
    arm = decision_attack.arm_of_attack(network, images, found, torch.arange(9))
    nothing = decision_attack.in_pieces(
        "x", brighten, network, images.pixels[:0], target[:0], size=4
    )

    assert len(list((tmp_path / "lrp_adversarial").glob("x-*"))) == 3  # nine pairs, four at a time
    assert arm.adversarials.target.tolist() == [2, 4, 6, 8]
    assert (arm.logits[1].argmax(1) == arm.adversarials.target).all()
    assert nothing["success"].tolist() == []
    alone = decision_attack.arm_of_first(network, images, arm.adversarials, 1)
    assert torch.equal(alone.logits[1], arm.logits[1])


@pytest.mark.parametrize("count", [2, 3, 20])
def test_shards_of_an_attack_give_the_merging_run_all_pieces(
    count, network, group, tmp_path, monkeypatch
):
    source, target = decision_pairs.other_classes(group.originals.labels[:2])
    pixels = group.originals.pixels[source]
    how = {"size": 4, "arguments": (0.5,)}

    def attacked(folder, shard=""):
        monkeypatch.setattr(paths, "CACHE", tmp_path / folder)
        return decision_attack.in_pieces("x", brighten, network, pixels, target, **how, shard=shard)

    unbroken = attacked("unbroken")
    parts = [attacked("shards", shard) for shard in shards.names(count)]
    files = sorted((tmp_path / "shards").rglob("*.safetensors"))
    before = [file.stat().st_mtime_ns for file in files]
    merged = attacked("shards")

    assert sum(len(part["success"]) for part in parts) == len(target)
    assert all(torch.equal(merged[key], unbroken[key]) for key in unbroken)
    assert len(files) == -(-len(target) // 4)
    assert [f.stat().st_mtime_ns for f in sorted((tmp_path / "shards").rglob("*.saf*"))] == before


def test_attack_tables_hold_the_highest_probabilities():
    logits = torch.tensor([[0.0, 2.0, 1.0] + [-9.0] * 7])

    table = decision_attack.table(torch.tensor([2]), torch.tensor([0]), torch.tensor([1]), logits)

    row = table.iloc[0]
    assert (row.true, row.target, row.second) == ("bird", "automobile", "bird")
    assert row.probability > row.second_probability > row.third_probability


def test_outcomes_of_failed_attacks_are_missing(network):
    images = torch.zeros(2, 3, 32, 32)
    found = {"images": images + 0.25, "success": torch.tensor([True, False])}

    table = decision_attack.outcome(network, images, found, torch.tensor([1, 1]))

    assert table.distance[0] == 0.25
    assert table.distance.isna().tolist() == [False, True]
    assert table.success.tolist() == [True, False]


def test_shown_pairs_follow_the_classes_of_the_figure(network, group):
    images = cifar.Images(group.originals.pixels, torch.tensor([1, 2, 5]))
    made = group.adversarials._replace(target=torch.tensor([7, 3, 3, 0]))
    arm = decision_pairs.Arm(network, images, made, (torch.zeros(3, 10), torch.zeros(4, 10)))

    chosen = decision_figures.pairs_of_classes(arm)

    assert chosen.tolist() == [0, 2]  # automobile as horse, bird as cat
    assert decision_figures.all_of_one(arm, 2).tolist() == [2, 3]
    assert decision_figures.shown(arm, chosen, [RULE]).names == [
        "automobile as horse",
        "bird as cat",
    ]


def test_scipys_solver_gives_the_original_where_it_finds_nothing(network):
    images = torch.full((2, 3, 32, 32), 0.2)
    images[:, :, 0:3] = 0.3

    found = scipy_attack.attack_pairs(network, images, torch.tensor([0, 1]), 20)

    assert found["success"][0]  # already on its target
    assert torch.equal(found["images"][0], images[0])
    assert found["images"].shape == images.shape
