"""What the chapter on DE-CAM adds: readings of DiffAUC, AblationCAM, networks without BatchNorm."""

import pytest
import torch
from torch import nn

from helpers.inputs import classifiers, fused, held_out
from helpers.measures import class_curves, insertion_deletion, similar_areas
from helpers.papers import ablation_cam, cams
from helpers.trials import ellipse_maps, ellipse_networks

C = torch.tensor([1, 0])


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 8, 8, generator=generator, dtype=torch.float64)


@pytest.fixture
def network():
    """A small network with BatchNorms whose statistics are those of nothing."""
    torch.manual_seed(18)
    layers = [
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 3, bias=False),
        nn.BatchNorm2d(5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3),
    ]  # fmt: skip
    for layer in layers:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 2)
            nn.init.normal_(layer.bias)
    return nn.Sequential(*layers).double().eval()


# --- a network without BatchNorms ---


def test_a_folded_network_gives_the_same_logits_without_any_batchnorm(network, images):
    before = network(images).detach()

    folded = fused.without_batchnorm(network, images)

    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
    assert torch.allclose(folded(images), before, atol=1e-12)
    assert torch.equal(network(images), before)  # the network itself is as it was


def test_folding_keeps_the_activation_that_timms_batchnorm_holds(images):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    norm = timm.layers.BatchNormAct2d(4).double()
    nn.init.normal_(norm.running_mean)
    made = nn.Sequential(nn.Conv2d(3, 4, 3).double(), norm).eval()

    folded = fused.without_batchnorm(made, images)

    assert folded(images).min() == 0  # its ReLU is still there
    assert torch.allclose(folded(images), made(images), atol=1e-12)


def test_a_batchnorm_that_does_not_follow_its_neighbour_is_refused(images):
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.norm = nn.BatchNorm2d(3)
            nn.init.constant_(self.norm.running_mean, 5.0)

        def forward(self, x):
            return self.conv(self.norm(x).relu())

    with pytest.raises(ValueError, match="stands behind a convolution whose output"):
        fused.without_batchnorm(Crossed().double().eval(), images)


def test_a_network_in_training_mode_is_not_folded(network, images):
    with pytest.raises(ValueError, match="training mode"):
        fused.without_batchnorm(network.train(), images)


def test_both_scores_are_the_logit_and_the_probability_of_each_images_own_class(network, images):
    rounds = torch.cat([images, 1 - images])

    both = fused.logit_and_probability(network, C)(rounds)

    logits = network(rounds).detach()
    own = torch.tensor([1, 0, 1, 0])
    assert torch.equal(both[:, 0], logits[torch.arange(4), own])
    assert torch.equal(both[:, 1], logits.softmax(1)[torch.arange(4), own])


def test_scores_refuse_part_of_a_round_and_what_is_not_finite(network, images):
    with pytest.raises(ValueError, match="no whole rounds of 2 classes"):
        fused.logit_and_probability(network, C)(images[:1])
    with pytest.raises(ValueError, match="NaN or infinity"):
        fused.logit_and_probability(lambda x: torch.full((2, 3), torch.nan), C)(images)


# --- AblationCAM ---


def by_hand(network, images, classes, layer):
    """Each channel's weight from a network whose tail is run by itself, an image at a time."""
    maps = []
    for image, label in zip(images, classes, strict=True):
        activations = network[: layer + 1](image[None])
        tail = network[layer + 1 :]
        whole = tail(activations)[0, label]
        total = torch.zeros(activations.shape[2:], dtype=image.dtype)
        for k in range(activations.shape[1]):
            without = activations.clone()
            without[:, k] = 0
            total += (whole - tail(without)[0, label]) / whole.abs() * activations[0, k]
        maps.append(total.relu())
    return torch.stack(maps).detach()


@pytest.mark.parametrize("layer", [2, 5])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_ablation_cam_weighs_channels_by_what_the_class_loses(network, images, layer, batch_size):
    found = ablation_cam.ablation_cam(network, images, C, str(layer), batch_size=batch_size)

    assert found.max() > 0
    assert torch.allclose(found, by_hand(network, images, C, layer), atol=1e-12)


def test_ablation_cam_is_grad_cam_where_the_class_is_linear_in_pooled_channels(network, images):
    """Before a pooling and a linear layer y - y^k is the weight times the channel's mean."""
    activations, gradients = cams.record(network, images, C, "5")
    y = network(images).detach()[torch.arange(2), C]
    weights = gradients.mean((2, 3)) * activations.sum((2, 3)) / y.abs()[:, None]
    expected = torch.einsum("nk,nkhw->nhw", weights, activations).relu()

    assert torch.allclose(ablation_cam.ablation_cam(network, images, C, "5"), expected, atol=1e-12)


def test_evaluating_the_whole_network_for_each_channel_gives_the_same_scores(network, images):
    some = torch.tensor([3, 0])
    counted = []
    handle = network[0].register_forward_hook(lambda _m, _i, out: counted.append(len(out)))

    whole = ablation_cam.scores_without(network, images, C, "5", some, whole=True)
    passes = sum(counted)
    copied = ablation_cam.scores_without(network, images, C, "5", some)
    handle.remove()

    assert passes == 2 * len(some)  # as published: an evaluation a channel and image
    assert sum(counted) - passes == 2
    assert torch.allclose(whole, copied, atol=1e-12)


def test_no_hook_stays_and_what_does_not_fit_is_refused(network, images):
    with pytest.raises(ValueError, match="has 5 channels"):
        ablation_cam.scores_without(network, images, C, "5", torch.tensor([5]))
    with pytest.raises(ValueError, match="no layer 'body'"):
        ablation_cam.scores_without(network, images, C, "body", torch.tensor([0]))
    assert not network[5]._forward_hooks


# --- curves and DiffAUC ---


def scores_of(images):
    """A made-up logit and probability of each image: its mean, and a share of it."""
    mean = images.mean((1, 2, 3))
    return torch.stack([10 * mean, mean / 2], 1)


@pytest.mark.parametrize("fill", [class_curves.BLACK, class_curves.MEAN])
def test_probabilities_on_the_way_are_those_of_the_single_curves(images, generator, fill):
    saliency = torch.rand(2, 8, 8, generator=generator).round(decimals=1)  # with ties
    mean = torch.tensor([0.2, 0.5, 0.7], dtype=torch.float64).view(3, 1, 1)
    end = class_curves.end_of_deletion(images, fill, mean)

    both = class_curves.between(scores_of, images, end, saliency, steps=5, batch_size=3)

    color = 0.0 if fill == class_curves.BLACK else mean
    alone = insertion_deletion.deletion_curve(
        lambda x: scores_of(x)[:, 1], images, saliency, steps=5, fill=color
    )
    assert both.shape == (2, 6, 2)
    assert torch.allclose(both[..., 1], alone, atol=1e-12)
    assert torch.allclose(both[..., 0], 20 * alone, atol=1e-12)


def test_insertion_ends_at_the_whole_image_as_the_single_curve_does(images, generator):
    saliency = torch.rand(2, 8, 8, generator=generator)
    start = insertion_deletion.blurred(images, 0.5)

    both = class_curves.between(scores_of, start, images, saliency, steps=4)

    alone = insertion_deletion.insertion_curve(
        lambda x: scores_of(x)[:, 1], images, saliency, steps=4, fill=0.5
    )
    assert torch.allclose(both[..., 1], alone, atol=1e-12)


def test_ends_of_deletion_are_black_the_mean_color_and_the_blur(images):
    mean = torch.tensor([0.2, 0.5, 0.7], dtype=torch.float64).view(3, 1, 1)

    assert class_curves.end_of_deletion(images, "black", mean).abs().sum() == 0
    assert (class_curves.end_of_deletion(images, "mean color", mean) == mean).all()
    blurred = class_curves.end_of_deletion(images, "blurred image", mean)
    assert torch.equal(blurred, insertion_deletion.blurred(images, mean))
    with pytest.raises(ValueError, match="fill is 'grey'"):
        class_curves.end_of_deletion(images, "grey", mean)


def test_diff_auc_by_hand_in_its_three_scales():
    """Two steps; areas of the probability .4 and .3, of the logit 4.5 and 4."""
    insertion = torch.tensor([[[1.0, 0.0], [4.5, 0.4], [8.0, 0.8]]]).double()
    deletion = torch.tensor([[[8.0, 0.8], [3.5, 0.2], [1.0, 0.0]]]).double()

    found = {
        score: class_curves.diff_auc(deletion, insertion, score).item()
        for score in class_curves.SCORES
    }

    assert found[class_curves.PROBABILITY] == pytest.approx(100 * (0.4 - 0.3))
    assert found[class_curves.RELATIVE] == pytest.approx(100 * (0.4 - 0.3) / 0.8)
    assert found[class_curves.LOGIT] == pytest.approx(100 * (4.5 - 4.0) / 8)


def test_curves_refuse_what_does_not_fit(images):
    saliency = torch.zeros(2, 8, 8)
    with pytest.raises(ValueError, match=r"expected \(B, C, H, W\) twice"):
        class_curves.between(scores_of, images, images[:1], saliency, steps=2)
    with pytest.raises(ValueError, match="steps is 65"):
        class_curves.between(scores_of, images, images, saliency, steps=65)
    with pytest.raises(ValueError, match="score is 'loss'"):
        class_curves.diff_auc(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), "loss")


# --- similar areas ---


def test_agreement_of_ranks_and_of_the_top_fifth_by_hand():
    first = torch.arange(10.0).view(1, 2, 5)
    second = first.clone()
    second[0, 1, 4], second[0, 0, 0] = 0, 9  # the highest and the lowest change places

    assert similar_areas.agreement(first, first).item() == pytest.approx(1)
    assert similar_areas.agreement(first, second).item() == pytest.approx(1 - 6 * 2 * 81 / 990)
    assert similar_areas.agreement(first, second, similar_areas.TOP).item() == 0.5  # of two, one


def test_a_flat_map_agrees_no_more_than_chance():
    flat, other = torch.zeros(1, 5, 5), torch.arange(25.0).view(1, 5, 5)

    assert similar_areas.agreement(flat, other).item() == 0
    assert similar_areas.agreement(other, flat, similar_areas.TOP).item() == pytest.approx(0.2)
    with pytest.raises(ValueError, match="measure is 'dice'"):
        similar_areas.agreement(flat, other, "dice")


def test_cells_are_means_over_squares():
    maps = torch.tensor([[[1.0, 3.0, 0.0, 0.0], [5.0, 7.0, 0.0, 4.0]]])

    assert similar_areas.in_cells(maps, 2).tolist() == [[[4.0, 1.0]]]


def test_maps_that_all_images_share_do_not_count_as_similar(generator):
    middle = torch.arange(64.0).view(1, 8, 8).expand(3, -1, -1)
    own = torch.rand(3, 8, 8, generator=generator)

    assert similar_areas.beyond_others(middle, middle, 1).abs().max() == 0
    assert (similar_areas.beyond_others(own, own, 1) > 0.5).all()
    assert (similar_areas.beyond_others(own, -own, 1) < -0.5).all()


# --- photographs that are held out ---


def test_held_out_photographs_are_never_evaluated_and_named_ones_always_are():
    labels = torch.arange(40)

    evaluated, spare = held_out.split(labels, [7, 3], 10, 5, seed=1)

    assert evaluated[:2] == [7, 3]
    assert (len(set(evaluated)), len(set(spare))) == (10, 5)
    assert not set(evaluated) & set(spare)
    assert held_out.split(labels, [7, 3], 10, 5, seed=2)[0] != evaluated
    assert not set(held_out.split(labels, [7], 35, 5, seed=1)[1]) & {7}


def test_a_split_refuses_more_than_there_is_and_a_class_that_is_not_there():
    with pytest.raises(ValueError, match="the collection has 4"):
        held_out.split(torch.arange(4), [], 3, 2, seed=0)
    with pytest.raises(ValueError, match="no photograph of class 9"):
        held_out.split(torch.arange(4), [9], 2, 1, seed=0)


def test_without_a_collection_the_last_of_foolboxs_are_held_out():
    photos, spare = held_out.load(3, None, [113], 80, 2)

    assert (len(photos.names), len(spare.names)) == (3, 2)
    assert not set(photos.names) & set(spare.names)
    assert len(photos.pixels) == len(photos.labels) == 3
    assert len(held_out.load(20, None, [], 0, 2)[0].names) == 18  # none is in both
    with pytest.raises(ValueError, match="Foolbox has 20"):
        held_out.load(19, None, [], 0, 19)


def test_networks_whose_weights_are_not_there_are_left_out(monkeypatch, tmp_path):
    names = ["tf_mobilenetv2_100", "tf_efficientnet_lite0"]
    monkeypatch.delenv("XAI_DATA", raising=False)

    assert ellipse_networks.at_hand(names) == names[1:]
    with pytest.raises(ValueError, match="take one of tf_efficientnet_lite0"):
        ellipse_networks.at_hand(names[:1])
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "tf_mobilenetv2_100.safetensors").touch()
    monkeypatch.setenv("XAI_DATA", str(tmp_path))
    monkeypatch.delenv("XAI_ALONE", raising=False)
    assert ellipse_networks.at_hand(names) == names


# --- what is kept of a search ---


def test_a_kept_search_holds_all_that_its_readings_need(images):
    class Mean(nn.Module):
        def forward(self, x):
            return torch.stack([x.mean((1, 2, 3)), -x.mean((1, 2, 3))], 1) * 10

    settings = {
        "population": 5, "iterations": 6, "ellipses": 3, "area_weight": 0.5, "share": 2 / 3,
        "limits": (1 / 4, 1 / 2), "crossover": 0.2, "weight": 0.8,
    }  # fmt: skip
    given = (images.float(), torch.tensor([0, 0]), torch.zeros(3, 1, 1), 1, 16, settings)

    found = ellipse_maps.search(Mean(), *given)

    assert ellipse_maps.generations_shown(6) == [0, 5, 6]
    assert found["early"].shape == (2, 3, 8, 8)
    assert torch.equal(found["early"][:, -1], found["maps"])
    assert found["best"].shape == found["mean"].shape == (2, 7)
    rules = {"two thirds": 2 / 3, "all": -1e9}
    last = found["genes"], found["fitness"]
    maps = ellipse_maps.by_solutions(*last, rules, 3, (8, 8))
    assert torch.equal(maps["two thirds"], found["maps"])
    assert (maps["all"] > 0).sum() >= (maps["two thirds"] > 0).sum()


def test_seconds_are_those_of_every_method_that_the_paper_compares():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    ).eval()
    settings = {"population": 4, "iterations": 1, "ellipses": 1, "area_weight": 0.0, "share": 1.0}
    image = torch.rand(1, 3, 32, 32)

    found = ellipse_maps.timings(network, network, image, torch.tensor([0]), "1", 8, settings)

    assert set(found) == {*ellipse_maps.WHITE_BOXES, "AblationCAM", "DE-CAM"}
    assert all(value > 0 for value in found.values())
    assert ellipse_maps.channels_of(network, image, "1") == 4


def test_the_packaged_network_is_the_same_without_its_batchnorms():
    network, _ = classifiers.load_imagenet("tf_efficientnet_lite0")
    device = next(network.parameters()).device
    probe = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0)).to(device)

    folded = fused.without_batchnorm(network, probe)

    with torch.no_grad():
        apart = (folded(probe) - network(probe)).abs().max().item()
    assert apart < 1e-4
    assert not any(isinstance(m, nn.BatchNorm2d) for m in folded.modules())
