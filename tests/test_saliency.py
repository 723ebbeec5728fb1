import json
import textwrap

import pin_maps
import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn
from torch.nn import functional as F
from zennit.composites import EpsilonGammaBox, EpsilonPlusFlat

from helpers.inputs import classifiers, conversion, photographs
from helpers.measures import sobel
from helpers.papers import lrp
from helpers.saliency import (
    contract,
    controls,
    feature_layers,
    gradients,
    lrp_network,
    registry,
    relevance,
    user_code,
)
from helpers.trials import randomization


class Residual(nn.Module):
    """A convolution, a sum of two branches, pooling, a linear layer."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = BatchNormAct2d(4, eps=1e-12, inplace=False)
        self.branch = nn.Conv2d(4, 4, 3, padding=1)
        self.act = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 3)

    def forward(self, images):
        x = self.norm(self.stem(images))
        x = self.act(self.branch(x) + x)
        return self.head(self.pool(x).flatten(1))


@pytest.fixture
def residual():
    torch.manual_seed(0)
    network = Residual().double().eval().requires_grad_(False)
    nn.init.uniform_(network.norm.running_var, 0.5, 2)
    nn.init.uniform_(network.norm.running_mean, -0.5, 0.5)
    nn.init.uniform_(network.norm.weight, 0.5, 1.5)
    return network


@pytest.fixture(scope="module")
def lite():
    """Trained at 224 pixels, used at the 96 of the photographs: a fifth of the time."""
    network = classifiers.load_imagenet("tf_efficientnet_lite0").network
    network.size = 96
    return network


@pytest.fixture(scope="module")
def photos():
    return conversion.to_unit(photographs.foolbox_imagenet(96).pixels[:2])


EVERY = [(kind, name) for kind, some in registry.METHODS.items() for name in some]
HEAVY = {"Integrated Gradients", "SmoothGrad"}  # many backward passes at the pins' 224 pixels
PINNED = [
    pytest.param(kind, name, marks=pytest.mark.slow if name in HEAVY else ())
    for kind, name in EVERY
]
CLASSES = torch.tensor([1, 2])


def made(kind, name, network, images, classes, seed=0):
    explain = registry.METHODS[kind][name]
    if kind == "black box":
        return contract.checked_maps(
            lambda m, i, c: explain(m, i, c, evaluations=24), network, images, classes, seed=seed
        )
    return contract.checked_maps(explain, network, images, classes, seed=seed)


def test_there_are_sixteen_methods_and_four_controls():
    assert sum(kind != "control" for kind, _ in EVERY) >= 16
    assert len(registry.METHODS["control"]) == 4
    assert len({name for _, name in EVERY}) == len(EVERY)


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_method_gives_one_finite_number_a_pixel_and_leaves_no_trace(kind, name, lite, photos):
    before = {key: value.clone() for key, value in lite.state_dict().items()}
    state = torch.get_rng_state()

    maps = made(kind, name, lite, photos, CLASSES)

    assert maps.shape == (2, 96, 96)
    assert maps.dtype == torch.float32
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module._forward_hooks or module._backward_hooks for module in lite.modules())
    assert all(torch.equal(before[key], value) for key, value in lite.state_dict().items())
    assert not photos.requires_grad


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_the_same_seed_gives_the_same_map(kind, name, lite, photos):
    one, same = (made(kind, name, lite, photos[:1], CLASSES[:1], seed=3) for _ in range(2))

    assert torch.equal(one, same)


@pytest.mark.parametrize(("kind", "name"), PINNED)
def test_the_map_of_a_fixed_image_is_the_pinned_one(kind, name):
    """To 0.02 of the largest mean, which another machine's rounding does not reach."""
    pinned = json.loads(pin_maps.FILE.read_text())[name]

    assert pin_maps.coarse(kind, name) == pytest.approx(pinned, abs=0.02)


@pytest.mark.parametrize("name", ["SmoothGrad", "RISE", "LIME", "E-LIME", "DE-CAM", "random"])
def test_another_seed_gives_another_map(name, lite, photos):
    kind = next(kind for kind, some in registry.METHODS.items() if name in some)
    one, other = (made(kind, name, lite, photos[:1], CLASSES[:1], seed=s) for s in (0, 1))

    assert not torch.equal(one, other)


def gradient_of(network, images, classes):
    images = images.clone().requires_grad_()
    network(images).gather(1, classes[:, None]).sum().backward()
    return images.grad


def test_gradients_are_those_of_autograd(small_network, small_images):
    classes = torch.arange(6) % 3
    slope = gradient_of(small_network, small_images, classes)

    torch.testing.assert_close(
        gradients.gradient(small_network, small_images, classes), slope.abs().amax(1)
    )
    torch.testing.assert_close(
        gradients.gradient_x_input(small_network, small_images, classes),
        (slope * small_images).sum(1),
    )


def test_smooth_grad_without_noise_is_the_gradient(small_network, small_images):
    classes = torch.arange(6) % 3

    smooth = gradients.smooth_grad(small_network, small_images, classes, samples=2, deviation=0.0)

    torch.testing.assert_close(smooth, gradients.gradient(small_network, small_images, classes))


def test_integrated_gradients_add_up_to_the_logit_less_that_of_black(small_network, small_images):
    images, classes = small_images[:2], torch.arange(2)
    maps = gradients.integrated_gradients(small_network, images, classes, steps=200)
    ends = small_network(images), small_network(torch.zeros_like(images))
    gap = (ends[0] - ends[1]).gather(1, classes[:, None])[:, 0]

    torch.testing.assert_close(maps.sum((1, 2)), gap, rtol=0.02, atol=0.02)


def test_a_layered_copy_answers_as_the_network_and_leaves_it_alone(residual, small_images):
    layered = lrp_network.prepared(residual, small_images).network

    torch.testing.assert_close(layered(small_images), residual(small_images))
    assert isinstance(residual.norm, BatchNormAct2d)
    assert sum(type(module).__name__ == "Sum" for module in layered.modules()) == 1


def test_lrp_0_of_a_network_with_a_sum_of_branches_is_gradient_times_input(residual, small_images):
    classes = torch.arange(6) % 3
    slope = gradient_of(residual, small_images, classes)

    found = relevance.lrp_map(lrp.zero(batchnorm="merged"), residual, small_images, classes)

    torch.testing.assert_close(found, (slope * small_images).sum(1), rtol=1e-3, atol=1e-5)


def test_relevance_is_that_of_the_normalised_input(residual, small_images):
    behind = classifiers.Preprocessed(residual, 8, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)).double()
    inputs = (small_images - behind.mean) / behind.std
    classes = torch.arange(6) % 3
    rule = lrp.epsilon(0.25, batchnorm="merged")

    torch.testing.assert_close(
        relevance.lrp_map(rule, behind, small_images, classes),
        relevance.lrp_map(rule, residual, inputs, classes),
    )


def test_a_network_that_branches_on_its_input_is_refused_by_relevance_only(small_images):
    class Branching(Residual):
        def forward(self, images):
            return super().forward(images if images.sum() > 0 else -images)

    network = Branching().double().eval()
    with pytest.raises(ValueError, match="Branching cannot be traced"):
        lrp_network.prepared(network, small_images)
    gradients.gradient(network, small_images, torch.zeros(6, dtype=torch.int64))


def test_the_last_map_is_that_before_pooling(residual, small_images, lite, photos):
    assert feature_layers.find(residual, small_images).name == "act"
    assert (
        feature_layers.find(lite, photos).name == classifiers.IMAGENET["tf_efficientnet_lite0"][1]
    )


def test_a_network_without_maps_has_no_last_one(small_images):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).double()
    with pytest.raises(ValueError, match="no layer of Sequential gives maps"):
        feature_layers.find(flat, small_images)


def test_controls_are_what_they_say(photos):
    edges, bright = (
        registry.METHODS["control"][n](None, photos, CLASSES) for n in ("edges", "brightness")
    )
    centre = controls.center(None, photos, CLASSES)

    torch.testing.assert_close(edges, sobel.edge_magnitude(photos).sum(1))
    torch.testing.assert_close(bright, photos.mean(1))
    assert centre[0].argmax() in (47 * 96 + 47, 47 * 96 + 48, 48 * 96 + 47, 48 * 96 + 48)
    assert centre[0, 0, 0] == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda m, i, c: i, r"gave \(2, 3, 96, 96\); expected \(2, 96, 96\)"),
        (lambda m, i, c: i[:, 0, ::2, ::2], "helpers.papers.cams.upsample"),
        (lambda m, i, c: i.mean(1) / 0, "NaN or infinite values in 2 of 2 maps"),
        (lambda m, i, c: i.mean(1).tolist(), "gave list; expected a tensor"),
    ],
)
def test_what_is_no_map_is_refused(given, said, photos):
    with pytest.raises(ValueError, match=said):
        contract.checked_maps(given, None, photos, CLASSES, seed=0)


def test_randomising_keeps_each_tensors_entries_and_the_lower_layers(residual, small_images):
    changed = randomization.randomized(residual, 1 / 4, seed=0)

    assert torch.equal(changed.stem.weight, residual.stem.weight)
    assert torch.equal(changed.branch.weight, residual.branch.weight)
    assert not torch.equal(changed.head.weight, residual.head.weight)
    for key, value in residual.state_dict().items():
        other = changed.state_dict()[key]
        torch.testing.assert_close(value.flatten().sort().values, other.flatten().sort().values)
    assert not torch.equal(
        randomization.randomized(residual, 1.0, seed=0).stem.weight, residual.stem.weight
    )


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_of_layers_outside_0_to_1_is_refused(share, residual):
    with pytest.raises(ValueError, match="expected more than 0, and at most 1"):
        randomization.randomized(residual, share, seed=0)


def test_black_boxes_never_ask_for_a_gradient(lite, photos):
    class Watched(nn.Module):
        def forward(self, images):
            assert not torch.is_grad_enabled()
            return lite(F.interpolate(images, (64, 64)))

    for name in registry.METHODS["black box"]:
        made("black box", name, Watched(), photos[:1], CLASSES[:1])


def test_a_network_may_be_given_itself_or_by_a_function(tmp_path, monkeypatch):
    source = """
    from torch import nn
    NUMBER = 3
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    def loader():
        return nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    """
    (tmp_path / "given_networks.py").write_text(textwrap.dedent(source))
    monkeypatch.chdir(tmp_path)

    for name in ("network", "loader"):
        network = user_code.load_network(f"given_networks:{name}")
        assert not network.training
        assert not any(weight.requires_grad for weight in network.parameters())


def test_what_is_no_network_is_refused_in_words_about_networks(tmp_path, monkeypatch):
    (tmp_path / "no_networks.py").write_text("weights = 3\n")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ValueError, match=r"weights is int; expected a torch\.nn\.Module") as error:
        user_code.load_network("no_networks:weights")
    assert "(model, images, classes)" not in str(error.value)


def dense_relevance(a, weight, relevance, e=1e-6):
    """LRP of a dense layer without bias: a (I,), weight (O, I), relevance (O,) to (I,)."""
    z = weight @ a
    return a * (weight.T @ (relevance / (z + e * torch.where(z < 0, -1.0, 1.0))))


def test_zennits_composites_are_their_rules_written_out(generator):
    """Flat or z-box, then z-plus or gamma, then epsilon, on three dense layers without bias."""
    first = nn.Conv2d(3, 6, 4, bias=False)  # covers the image: a dense layer of 48 inputs
    second, last = nn.Conv2d(6, 5, 1, bias=False), nn.Linear(5, 3, bias=False)
    network = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), last).double()
    for layer in (first, second, last):
        nn.init.normal_(layer.weight, generator=generator)
    network.eval().requires_grad_(False)
    image = torch.rand(1, 3, 4, 4, generator=generator, dtype=torch.float64)
    w1, w2, w3 = first.weight.flatten(1), second.weight.flatten(1), last.weight
    x = image.flatten()
    a1 = (w1 @ x).relu()
    a2 = (w2 @ a1).relu()
    r2 = dense_relevance(a2, w3, torch.eye(3).double()[1] * (w3 @ a2))

    flat = relevance.composite_map(EpsilonPlusFlat, network, image, torch.tensor([1]))
    r1 = dense_relevance(a1, w2.clamp(min=0), r2)
    expected = r1.sum().expand(48) / 48
    torch.testing.assert_close(flat[0], expected.view(3, 4, 4).sum(0), rtol=1e-3, atol=1e-6)

    box = relevance.composite_map(EpsilonGammaBox, network, image, torch.tensor([1]))
    r1 = dense_relevance(a1, w2 + 0.25 * w2.clamp(min=0), r2)
    parts = x * w1 - w1.clamp(max=0)  # low is 0 and high is 1
    expected = (parts / parts.sum(1, keepdim=True) * r1[:, None]).sum(0)
    torch.testing.assert_close(box[0], expected.view(3, 4, 4).sum(0), rtol=1e-3, atol=1e-6)


def test_a_method_that_draws_leaves_torchs_generator_as_it_was(photos):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)

    contract.checked_maps(lambda _m, x, _c: torch.rand(len(x), *x.shape[-2:]), None, photos,
                          CLASSES, seed=0)  # fmt: skip

    assert torch.equal(torch.rand(1), expected)


def test_randomizing_shuffles_the_statistics_of_batchnorm_too(small_network):
    changed = randomization.randomized(small_network, 1.0, seed=0)

    assert not torch.equal(changed[1].running_mean, small_network[1].running_mean)
    assert not torch.equal(changed[1].running_var, small_network[1].running_var)


@pytest.mark.parametrize(
    ("images", "classes", "says"),
    [
        (torch.zeros(3, 3, 8, 8), torch.tensor([-1, 0, 1]), "classes hold -1, which is none"),
        (torch.zeros(3, 3, 8, 8), torch.tensor([1]), "expected one whole number an image"),
        (torch.zeros(3, 3, 8, 8).byte(), torch.tensor([0, 1, 2]), "divide by 255"),
        (255 * torch.ones(3, 3, 8, 8), torch.tensor([0, 1, 2]), "divide by 255"),
    ],
)
def test_images_and_classes_that_no_method_can_explain_are_refused(images, classes, says):
    def brightness(model, images, classes):
        return images.float().mean(1)

    with pytest.raises(ValueError, match=says):
        contract.checked_maps(brightness, None, images, classes, seed=0)
