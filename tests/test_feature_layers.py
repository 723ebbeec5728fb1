"""Which layer activation maps look at, on small networks of every layout."""

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from helpers.papers import cams
from helpers.saliency import activation_maps, contract, feature_layers


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 32, 32, generator=generator)


def frozen(network):
    return network.eval().requires_grad_(False)


def small_timm(name, **options):
    torch.manual_seed(0)
    return frozen(timm.create_model(name, num_classes=5, **options))


SMALL = {
    "vit": (
        lambda: small_timm("vit_tiny_patch16_224", img_size=32, patch_size=8, depth=2),
        "blocks.1.norm1", feature_layers.TOKENS, (4, 4),
    ),
    "vit of patches' mean": (
        lambda: small_timm(
            "vit_tiny_patch16_224", img_size=32, patch_size=8, depth=2, global_pool="avg",
            class_token=False,
        ),
        "blocks", feature_layers.TOKENS, (4, 4),
    ),
    "vit with registers": (
        lambda: small_timm(
            "vit_tiny_patch16_224", img_size=32, patch_size=8, depth=2, reg_tokens=4
        ),
        "blocks.1.norm1", feature_layers.TOKENS, (4, 4),
    ),
    "deit": (
        lambda: small_timm(
            "deit_tiny_distilled_patch16_224", img_size=32, patch_size=8, depth=2
        ),
        "blocks.1.norm1", feature_layers.TOKENS, (4, 4),
    ),
    "mixer": (
        lambda: frozen(timm.models.mlp_mixer.MlpMixer(
            num_classes=5, img_size=32, patch_size=8, num_blocks=2, embed_dim=24
        )),
        "norm", feature_layers.TOKENS, (4, 4),
    ),
    "swin of timm": (
        lambda: small_timm(
            "swin_tiny_patch4_window7_224", img_size=32, window_size=4, depths=(1, 1),
            num_heads=(2, 2), embed_dim=16,
        ),
        "norm", feature_layers.CHANNELS_LAST, (4, 4),
    ),
    "swin of torchvision": (
        lambda: frozen(torchvision.models.SwinTransformer(
            [4, 4], 16, [1, 1], [2, 2], [4, 4], num_classes=5
        )),
        "permute", feature_layers.MAPS, (4, 4),
    ),
    "vit of torchvision": (
        lambda: frozen(torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5)),
        "encoder.layers.encoder_layer_1.ln_1", feature_layers.TOKENS, (4, 4),
    ),
    "convnext": (lambda: small_timm("convnext_atto"), "stages", feature_layers.MAPS, None),
    "resnet": (lambda: small_timm("resnet10t"), "layer4", feature_layers.MAPS, None),
    "squeezenet": (
        lambda: frozen(torchvision.models.squeezenet1_1(num_classes=5)), "features",
        feature_layers.MAPS, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_the_layer_is_the_last_whose_output_is_a_grid(name, images):
    make, layer, layout, grid = SMALL[name]
    network = make()
    if hasattr(network, "heads"):  # torchvision's begins with zeros, on which nothing depends
        nn.init.normal_(network.heads[0].weight)
    side = 32 if grid else 96
    given = F.interpolate(images, (side, side))

    found = feature_layers.find(network, given)

    assert (found.name, found.layout) == (layer, layout)
    assert grid is None or found.grid == grid
    maps = activation_maps.activation_map(cams.grad_cam, network, given, torch.tensor([0, 1]))
    assert maps.shape == (2, side, side)
    assert maps.isfinite().all()


class Tokens(nn.Module):
    """Patches as tokens behind a class token; the mean of the patches decides."""

    def __init__(self, order=None):
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(3, 6, 8, 8)
        self.norm, self.act, self.head = nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 4)
        self.order = order

    def forward(self, x):
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        tokens = tokens if self.order is None else tokens[:, self.order]
        tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1)
        return self.head(self.act(self.norm(tokens))[:, 1:].mean(1))


def test_grad_cam_of_tokens_is_that_of_the_same_maps(images):
    """Against the formula on the tokens laid out by hand."""
    network = frozen(Tokens())
    classes = torch.tensor([0, 1])
    layer = feature_layers.find(network, images)

    found = feature_layers.maps_and_gradients(network, images, classes, layer)

    assert layer.name == "act"
    tokens = network.patches(images).flatten(2).transpose(1, 2)
    tokens = torch.cat([tokens.mean(1, keepdim=True), tokens], 1)
    by_hand = network.norm(tokens).relu()[:, 1:].transpose(1, 2).reshape(2, 6, 4, 4)
    slope = network.head.weight[classes][:, :, None, None].expand(2, 6, 4, 4) / 16
    torch.testing.assert_close(found[0], by_hand)
    torch.testing.assert_close(found[1], slope)


def test_tokens_in_another_order_than_the_image_are_no_grid(images):
    columns_first = torch.arange(16).view(4, 4).T.flatten()
    network = frozen(Tokens(columns_first))

    assert feature_layers.find(network, images).name == "patches"  # before they are turned


def test_attention_maps_and_class_maps_are_no_features(images):
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.soft = nn.Conv2d(3, 8, 8, 8), nn.Softmax(-1)
            self.maps, self.act = nn.Conv2d(8, 5, 1), nn.ReLU()

        def forward(self, x):
            x = self.conv(x)
            tokens = x.flatten(2).mT[:, None]  # one head
            x = (self.soft(tokens @ tokens.mT) @ tokens)[:, 0].mT.reshape(x.shape)
            return self.act(self.maps(x)).mean((2, 3))

    network = frozen(Attending())

    assert feature_layers.find(network, images).name == "conv"


def test_a_hooked_network_is_left_as_it_was(images):
    network, calls = frozen(Tokens()), []
    network.norm.register_forward_hook(lambda *_: calls.append(1))

    feature_layers.find(network, images)

    assert not calls
    assert [len(m._forward_hooks) for m in network.modules()] == [0, 0, 1, 0, 0]


def test_grad_cam_plus_plus_says_where_activations_are_negative(images):
    network = frozen(nn.Sequential(nn.Conv2d(3, 8, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1),
                                   nn.Flatten(), nn.Linear(8, 4)))  # fmt: skip

    with pytest.raises(contract.NotApplicable, match=r"output of 1 falls to -0\.\d+, and Grad-CAM"):
        activation_maps.activation_map(
            cams.grad_cam_plus_plus, network, images, torch.tensor([0, 1])
        )
    activation_maps.activation_map(cams.grad_cam, network, images, torch.tensor([0, 1]))
