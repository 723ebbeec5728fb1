import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

from helpers import cams


class Pooled(nn.Module):
    """A convolution, global average pooling and a linear layer: the network of CAM."""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 5, 3, padding=1)
        self.norm = nn.BatchNorm2d(5)
        self.act = nn.ReLU(inplace=True)
        self.head = nn.Linear(5, 4)

    def forward(self, images):
        return self.head(self.act(self.norm(self.features(images))).mean((2, 3)))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Pooled().double()


@pytest.fixture
def images(generator):
    return torch.rand(3, 3, 6, 4, generator=generator, dtype=torch.float64)


CLASSES = torch.tensor([1, 3, 0])


def test_grad_cam_matches_hand_computed_map():
    activations = torch.tensor([[[[1.0, 2.0], [0.0, 4.0]], [[3.0, 0.0], [1.0, 1.0]]]])
    gradients = torch.tensor([[[[1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [0.0, -2.0]]]])
    # weights: 2/4 = .5 and -4/4 = -1; .5 * 1 - 3 < 0, .5 * 2 - 0 = 1, 0 - 1 < 0, .5 * 4 - 1 = 1

    assert cams.grad_cam(activations, gradients).tolist() == [[[0.0, 1.0], [0.0, 1.0]]]


def test_grad_cam_is_cam_divided_by_area_on_a_pooling_plus_linear_network(network, images):
    network.eval()

    found = cams.grad_cam(*cams.record(network, images, CLASSES, "act"))

    maps = network.act(network.norm(network.features(images)))
    cam = torch.einsum("nk,nkhw->nhw", network.head.weight[CLASSES], maps)
    torch.testing.assert_close(found, (cam / 24).relu(), rtol=1e-12, atol=1e-14)


def test_grad_cam_is_zero_where_no_channel_supports_the_class():
    activations = torch.rand(2, 3, 4, 4)

    assert not cams.grad_cam(activations, -torch.ones(2, 3, 4, 4)).any()


def test_gradients_equal_those_of_a_graph_through_the_whole_network(network, images):
    network.eval()
    maps = network.features(images)
    maps.retain_grad()
    logits = network.head(network.act(network.norm(maps)).mean((2, 3)))
    logits.gather(1, CLASSES[:, None]).sum().backward()

    activations, gradients = cams.record(network, images, CLASSES, "features")

    torch.testing.assert_close(activations, maps.detach())
    torch.testing.assert_close(gradients, maps.grad)


def test_activations_are_the_layers_own_although_the_next_layer_works_in_place(network, images):
    network.eval()

    activations, _ = cams.record(network, images, CLASSES, "norm")

    assert activations.min() < 0


def test_a_batch_gives_what_its_images_give_alone(network, images):
    together = cams.grad_cam(*cams.record(network, images, CLASSES, "act"))

    for n in range(3):
        alone = cams.record(network, images[n : n + 1], CLASSES[n : n + 1], "act")
        torch.testing.assert_close(together[n], cams.grad_cam(*alone)[0])


def test_record_works_on_frozen_parameters(network, images):
    before = cams.record(network, images, CLASSES, "act")
    network.requires_grad_(False)

    after = cams.record(network, images, CLASSES, "act")

    assert all(torch.equal(b, a) for b, a in zip(before, after, strict=True))


def test_record_leaves_no_hook_no_gradient_and_no_changed_mode_behind(network, images):
    network.train()
    network.norm.eval()
    network.head.weight.grad = torch.ones_like(network.head.weight)
    statistics = network.norm.running_mean.clone()

    cams.record(network, images, CLASSES, "act")
    with pytest.raises(ValueError, match="classes run"):
        cams.record(network, images, CLASSES + 4, "act")

    assert not any(m._forward_hooks or m._backward_hooks for m in network.modules())
    assert network.training
    assert network.head.training
    assert not network.norm.training
    assert network.head.weight.grad.eq(1).all()
    assert all(p.grad is None for p in network.features.parameters())
    assert torch.equal(network.norm.running_mean, statistics)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer": "feature"}, "near it: features.*convolutions: features"),
        ({"layer": "head"}, r"gives \(3, 4\); expected maps"),
        ({"classes": CLASSES[:2]}, r"classes \(2,\); expected"),
        ({"classes": CLASSES + 1}, "classes run from 1 to 4; expected 0 to 3"),
        ({"images": torch.full((3, 3, 6, 4), 200.0)}, "divide by 255"),
        ({"images": torch.full((3, 3, 6, 4), torch.nan)}, "finite"),
    ],
)
def test_record_refuses_what_does_not_fit(network, images, change, message):
    arguments = {"images": images, "classes": CLASSES, "layer": "act", **change}

    with pytest.raises(ValueError, match=message):
        cams.record(network, **arguments)


def test_record_refuses_a_map_of_one_cell():
    network = timm.create_model("tf_efficientnet_lite0", num_classes=10)

    with pytest.raises(ValueError, match="map of one cell"):
        cams.record(network, torch.rand(1, 3, 32, 32), torch.tensor([0]), "conv_head")


def test_record_refuses_a_layer_that_runs_twice(images):
    shared = nn.ReLU()
    network = nn.Sequential(nn.Conv2d(3, 4, 1), shared, nn.Conv2d(4, 4, 1), shared, nn.Flatten())

    with pytest.raises(ValueError, match="ran 2 times"):
        cams.record(network.double(), images, CLASSES, "1")


def test_upsampling_keeps_the_mean_of_a_map_and_treats_cells_as_areas():
    maps = torch.tensor([[[0.0, 1.0]]])

    found = cams.upsample(maps, (1, 8))

    assert found.mean() == 0.5
    assert found[0, 0, :2].tolist() == [0.0, 0.0]
    assert torch.equal(found, F.interpolate(maps[None], (1, 8), mode="bilinear")[0])


def test_display_scaling_fills_the_unit_range_and_makes_flat_maps_zero():
    maps = torch.stack([torch.tensor([[1.0, 3.0], [2.0, 2.0]]), torch.full((2, 2), 7.0)])

    assert cams.display_scaled(maps).tolist() == [[[0.0, 1.0], [0.5, 0.5]], [[0.0, 0.0]] * 2]


def test_output_of_a_layer_is_its_output_with_its_graph_and_leaves_no_hook(network, images):
    network.eval()
    with cams.output_of(network, "features") as outputs:
        network(images)

    torch.testing.assert_close(outputs[0], network.features(images))
    assert outputs[0].requires_grad
    assert not network.features._forward_hooks
