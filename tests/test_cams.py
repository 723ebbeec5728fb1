import numpy as np
import pytest
import timm
import torch
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, LayerCAM
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection
from sklearn.decomposition import PCA
from torch import nn
from torch.nn import functional as F

from helpers.inputs import classifiers
from helpers.papers import cams, checks, pca_cams, peers


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
        ({"classes": CLASSES[:2]}, r"classes are .*\(2,\); expected"),
        ({"classes": CLASSES + 1}, "classes run from 1 to 4; expected 0 to 3"),
        ({"images": torch.full((3, 3, 6, 4), 200.0)}, "divide by 255"),
        ({"images": torch.full((3, 3, 6, 4), torch.nan)}, "images hold NaN"),
        ({"images": torch.zeros(3, 1, 6, 4).double()}, r"not take images \(3, 1, 6, 4\): Given"),
    ],
)
def test_record_refuses_what_does_not_fit(network, images, change, message):
    arguments = {"images": images, "classes": CLASSES, "layer": "act", **change}

    with pytest.raises(ValueError, match=message):
        cams.record(network, **arguments)


def test_record_lets_an_error_of_memory_through_so_that_the_batch_is_halved(network, images):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    network.act.forward = full

    with pytest.raises(torch.OutOfMemoryError):
        cams.record(network, images, CLASSES, "features")


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


PUBLIC = {  # pytorch-grad-cam's maps before it clips and rescales them
    cams.grad_cam: GradCAM,
    cams.layer_cam: LayerCAM,
}


@pytest.fixture
def recorded(generator):
    """Activations after a ReLU and gradients of both signs, (3, 6, 4, 3)."""
    activations = torch.randn(3, 6, 4, 3, generator=generator, dtype=torch.float64).relu()
    gradients = torch.randn(3, 6, 4, 3, generator=generator, dtype=torch.float64)
    return activations, gradients


def principal_by_loop(matrix):
    """Singular vectors of each (P, K) by numpy, an image at a time: scores and loadings."""
    for one in matrix:
        left, singular, right = np.linalg.svd(one, full_matrices=False)
        yield left * singular, right.T


def upright(scores, by):
    """Each column of scores turned so that the entry of `by` with the largest magnitude is > 0."""
    return scores * np.sign(by[np.abs(by).argmax(0), np.arange(by.shape[1])])


def test_grad_cam_plus_plus_matches_hand_computed_map():
    activations = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 4.0]]]])
    gradients = torch.tensor([[[[1.0, -1.0], [0.0, 2.0]], [[0.5, -3.0], [0.0, 0.0]]]])
    # first: sum 2; 1 / (2 + 2 * 1) + 2 / (2 + 2 * 2) = 1/4 + 1/3; second: sum 4; .5 / (2 + 2) = 1/8

    found = cams.grad_cam_plus_plus(activations, gradients)

    first = 1 / 4 + 1 / 3
    torch.testing.assert_close(found, torch.tensor([[[first, 0.0], [first, 0.5]]]))


def test_grad_cam_plus_plus_equals_its_published_formula_with_powers(recorded):
    activations, gradients = recorded
    gradients = gradients.abs() + 0.1  # the published fraction is 0/0 at gradients of zero

    found = cams.grad_cam_plus_plus(activations, gradients)

    total = activations.sum((2, 3), keepdim=True)
    alpha = gradients**2 / (2 * gradients**2 + total * gradients**3)
    weights = (alpha * gradients.relu()).sum((2, 3), keepdim=True)
    torch.testing.assert_close(found, (weights * activations).sum(1).relu(), rtol=1e-12, atol=0)


def test_grad_cam_plus_plus_takes_nothing_from_negative_gradients(recorded):
    activations, gradients = recorded

    both = cams.grad_cam_plus_plus(activations, gradients)

    torch.testing.assert_close(both, cams.grad_cam_plus_plus(activations, gradients.relu()))


def test_grad_cam_plus_plus_refuses_negative_activations(recorded):
    activations, gradients = recorded

    with pytest.raises(ValueError, match=r"activations reach -1; .*after its ReLU"):
        cams.grad_cam_plus_plus(activations - 1, gradients)


def test_layer_cam_matches_hand_computed_map():
    activations = torch.tensor([[[[1.0, 2.0], [0.0, 4.0]], [[3.0, 0.0], [1.0, 1.0]]]])
    gradients = torch.tensor([[[[1.0, 1.0], [1.0, -1.0]], [[-1.0, -1.0], [0.5, 2.0]]]])

    assert cams.layer_cam(activations, gradients).tolist() == [[[1.0, 2.0], [0.5, 2.0]]]


@pytest.mark.parametrize("method", PUBLIC, ids=lambda method: method.__name__)
def test_method_agrees_with_pytorch_grad_cam(method, recorded):
    activations, gradients = recorded
    public = PUBLIC[method](nn.Conv2d(1, 1, 1), [])

    theirs = public.get_cam_image(None, None, None, activations.numpy(), gradients.numpy(), False)

    found = method(activations, gradients)
    torch.testing.assert_close(found, torch.from_numpy(theirs).relu(), rtol=1e-12, atol=1e-12)


def test_grad_cam_plus_plus_is_near_pytorch_grad_cam_which_adds_a_constant(recorded):
    activations, gradients = recorded
    public = GradCAMPlusPlus(nn.Conv2d(1, 1, 1), [])

    theirs = public.get_cam_image(None, None, None, activations.numpy(), gradients.numpy(), False)

    found = cams.grad_cam_plus_plus(activations, gradients)
    torch.testing.assert_close(found, torch.from_numpy(theirs).relu(), rtol=1e-3, atol=0)


def test_eigen_cam_matches_hand_computed_map():
    activations = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
    activations[0, 0] = torch.tensor([[3.0, 0.0], [0.0, 0.0]])
    activations[0, 1] = torch.tensor([[4.0, 0.0], [0.0, 1.0]])
    # A^T A = [[9, 12], [12, 17]], eigenvalues 13 ± sqrt(160)
    direction = torch.tensor([12.0, 4 + 160**0.5], dtype=torch.float64)
    direction /= direction.norm()

    found = pca_cams.eigen_cam(activations)

    expected = torch.tensor([[[3.0, 0], [0, 0]], [[4.0, 0], [0, 1.0]]], dtype=torch.float64)
    expected = torch.einsum("k,khw->hw", direction, expected)
    torch.testing.assert_close(found[0], expected, rtol=1e-12, atol=1e-12)


def test_centered_eigen_cam_agrees_with_pytorch_grad_cam_up_to_sign(recorded):
    activations, _ = recorded

    found = pca_cams.eigen_cam(activations, centered=True)

    theirs = torch.from_numpy(get_2d_projection(activations.numpy()))
    sign = (found * theirs).sum((1, 2), keepdim=True).sign()
    # that library works in float32 inside
    torch.testing.assert_close(found, (sign * theirs).double(), rtol=1e-5, atol=1e-5)


def test_eigen_cam_of_a_layer_with_more_positions_than_filters_uses_the_other_gram_matrix(
    recorded,
):
    activations = recorded[0][:, :2]  # 2 filters, 12 positions

    found = pca_cams.eigen_cam(activations)

    matrix = activations.flatten(2).mT.numpy()
    expected = [upright(scores, scores)[:, 0] for scores, _ in principal_by_loop(matrix)]
    torch.testing.assert_close(found.flatten(1), torch.from_numpy(np.stack(expected)))


# two filters over four positions in a row, without a mean and at right angles, so that they are
# the principal components themselves; the first holds 12 of 18 of the variance
RIGHT_ANGLES = torch.tensor([[[[3.0, -1, -1, -1]], [[0.0, -2, 1, 1]]]], dtype=torch.float64)


def test_haycam_plus_matches_hand_computed_map():
    one = pca_cams.haycam_plus(RIGHT_ANGLES + 5, components=0.6)
    both = pca_cams.haycam_plus(RIGHT_ANGLES + 5)  # the second is turned: its largest entry is -2

    expected = torch.tensor([[[3.0, -1, -1, -1]], [[3.0, 1, -2, -2]]], dtype=torch.float64)
    torch.testing.assert_close(torch.cat([one, both]), expected)


def test_haycam_matches_hand_computed_map():
    gradients = torch.tensor([[[[4.0, 0, 0, 0]], [[0.0, -8, 0, 0]]]], dtype=torch.float64)
    # weights 1 and -2

    one = pca_cams.haycam(RIGHT_ANGLES + 5, gradients, components=1)
    both = pca_cams.haycam(RIGHT_ANGLES + 5, gradients)

    expected = torch.tensor([[[3.0, -1, -1, -1]], [[3.0, 3, -3, -3]]], dtype=torch.float64)
    torch.testing.assert_close(torch.cat([one, both]), expected)


@pytest.mark.parametrize("sign", ["largest_position", "largest_filter", "activation"])
@pytest.mark.parametrize("components", [1, 3, 0.5, 0.9])
def test_batched_haycam_plus_equals_a_loop_with_numpy(recorded, components, sign):
    activations, _ = recorded
    matrix = activations.flatten(2).mT
    centered = (matrix - matrix.mean(1, keepdim=True)).numpy()
    expected = []
    for n, (scores, loadings) in enumerate(principal_by_loop(centered)):
        share = (scores**2).sum(0) / (scores**2).sum()
        count = components
        if isinstance(components, float):
            count = 1 + int((share.cumsum() <= components).sum())
        mean = matrix[n].mean(1).numpy()
        turned = {
            "largest_position": upright(scores, scores),
            "largest_filter": upright(scores, loadings),
            "activation": scores * np.sign(mean @ scores),
        }[sign]
        expected.append(turned[:, :count].sum(1))

    found = pca_cams.haycam_plus(activations, components=components, sign=sign)

    torch.testing.assert_close(found.flatten(1), torch.from_numpy(np.stack(expected)))


def test_haycam_plus_sums_the_eigenvectors_of_the_filters_covariance_in_its_other_reading(
    recorded,
):
    activations, _ = recorded
    expected = []
    for filters in activations.flatten(2).numpy():  # (K, P): filters are samples
        _, vectors = np.linalg.eigh(np.cov(filters, rowvar=False))
        vectors = vectors[:, ::-1][:, :2]
        expected.append(upright(vectors, vectors).sum(1))

    found = pca_cams.haycam_plus(activations, components=2, reading="eigenvectors")

    torch.testing.assert_close(found.flatten(1), torch.from_numpy(np.stack(expected)))


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_components_by_variance_are_as_many_as_scikit_learn_takes(recorded, share):
    activations, _ = recorded
    matrix = activations.flatten(2).mT
    _, variances = pca_cams._principal(matrix - matrix.mean(1, keepdim=True))

    found = pca_cams.kept_components(variances, share).sum(1)

    assert found.tolist() == [PCA(share).fit(one).n_components_ for one in matrix.numpy()]


def test_scikit_learn_turns_components_by_their_largest_filter(recorded):
    activations, _ = recorded

    found = pca_cams.haycam_plus(activations, components=3, sign="largest_filter")

    theirs = [PCA(3).fit_transform(one).sum(1) for one in activations.flatten(2).mT.numpy()]
    torch.testing.assert_close(found.flatten(1), torch.from_numpy(np.stack(theirs)))


def test_haycam_with_all_components_is_grad_cam_of_centered_activations(recorded):
    activations, gradients = recorded

    found = pca_cams.haycam(activations, gradients, components=6)

    centered = activations - activations.mean((2, 3), keepdim=True)
    torch.testing.assert_close(found.relu(), cams.grad_cam(centered, gradients))


def test_haycam_equals_a_loop_that_projects_weights_and_activations(recorded):
    activations, gradients = recorded
    matrix = activations.flatten(2).mT
    centered = (matrix - matrix.mean(1, keepdim=True)).numpy()
    weights = gradients.mean((2, 3)).numpy()
    expected = [
        scores[:, :2] @ (loadings[:, :2].T @ weights[n])
        for n, (scores, loadings) in enumerate(principal_by_loop(centered))
    ]

    found = pca_cams.haycam(activations, gradients, components=2)

    torch.testing.assert_close(found.flatten(1), torch.from_numpy(np.stack(expected)))


def test_haycam_plus_of_one_component_is_centered_eigen_cam(recorded):
    activations, _ = recorded

    plus = pca_cams.haycam_plus(activations, components=1)

    torch.testing.assert_close(plus, pca_cams.eigen_cam(activations, centered=True))


def test_eigen_cam_and_haycam_plus_are_the_same_for_every_class(network, images):
    recordings = [cams.record(network, images, torch.full((3,), c), "act") for c in (0, 2)]

    for method in (pca_cams.eigen_cam, pca_cams.haycam_plus):
        first, second = (method(*recording) for recording in recordings)
        assert torch.equal(first, second)


SIX = [
    cams.grad_cam, cams.grad_cam_plus_plus, cams.layer_cam, pca_cams.eigen_cam, pca_cams.haycam,
    pca_cams.haycam_plus,
]  # fmt: skip


@pytest.mark.parametrize("method", SIX, ids=lambda method: method.__name__)
def test_zero_activations_give_a_map_of_zeros(method):
    zero = torch.zeros(2, 5, 3, 4)

    assert torch.equal(method(zero, torch.ones(2, 5, 3, 4)), torch.zeros(2, 3, 4))


@pytest.mark.parametrize("method", SIX, ids=lambda method: method.__name__)
def test_map_of_a_batch_is_that_of_each_image_alone(method, recorded):
    activations, gradients = recorded

    together = method(activations, gradients)

    alone = [method(activations[n : n + 1], gradients[n : n + 1])[0] for n in range(3)]
    torch.testing.assert_close(together, torch.stack(alone))


@pytest.mark.parametrize("method", SIX, ids=lambda method: method.__name__)
def test_turning_the_image_turns_the_map(method, recorded):
    activations, gradients = recorded

    turned = method(activations.mT, gradients.mT)

    torch.testing.assert_close(turned, method(activations, gradients).mT)


def test_every_sign_turns_whole_components(recorded):
    activations, _ = recorded

    found = [pca_cams.haycam_plus(activations, components=1, sign=sign) for sign in pca_cams.SIGNS]

    for one in found[1:]:
        torch.testing.assert_close(one.abs(), found[0].abs())


def test_non_negative_activations_give_a_non_negative_eigen_cam(recorded):
    activations, _ = recorded

    for sign in set(pca_cams.SIGNS) - {"raw"}:
        assert pca_cams.eigen_cam(activations, sign=sign).min() >= -1e-12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"components": 0}, "components is 0; expected 1 to 6"),
        ({"components": 7}, "components is 7; expected 1 to 6"),
        ({"components": 0.0}, r"share of the variance in \(0, 1\]"),
        ({"components": 1.5}, r"components is 1.5; expected a share"),
        ({"sign": "positive"}, "expected one of largest_position, largest_filter, activation"),
        ({"reading": "B"}, "expected 'scores' or 'eigenvectors'"),
    ],
)
def test_haycam_plus_refuses_options_that_do_not_exist(recorded, options, message):
    with pytest.raises(ValueError, match=message):
        pca_cams.haycam_plus(recorded[0], **options)


def test_full_gradients_add_up_to_the_logit_of_a_network_of_relus():
    network = classifiers.timm_network("resnet18", classes=5, size=32, pretrained=False).double()
    generator = torch.Generator().manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.5, 0.5, generator=generator)
            nn.init.uniform_(module.bias, -0.5, 0.5, generator=generator)
    images = torch.rand(3, 3, 32, 32, generator=generator, dtype=torch.float64)
    classes = torch.tensor([0, 1, 4])

    terms = peers.full_gradients(network.eval(), images, classes)

    logits = network(images).gather(1, classes[:, None])[:, 0] - network.body.fc.bias[classes]
    torch.testing.assert_close(
        sum(term.sum((1, 2, 3)) for term in terms), logits, rtol=1e-9, atol=0
    )


def test_full_gradients_by_hand():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network[0].weight.data.fill_(2.0)
    network[0].bias.data.fill_(-1.0)
    images = torch.tensor([[[[0.25, 0.5], [0.75, 1.0]]]])  # after the bias: -0.5, 0, 0.5, 1

    of_input, of_bias = peers.full_gradients(network, images, torch.tensor([0]))

    torch.testing.assert_close(of_input[0, 0], torch.tensor([[0.0, 0.0], [0.375, 0.5]]))
    torch.testing.assert_close(of_bias[0, 0], torch.tensor([[0.0, 0.0], [-0.25, -0.25]]))


def test_full_grad_stretches_each_term_over_its_channels_and_adds():
    fine = torch.tensor([[[[0.0, -4.0], [2.0, 0.0]], [[0.0, 0.0], [2.0, 0.0]]]])  # (1, 2, 2, 2)
    coarse = torch.tensor([[[[3.0]]]])  # one value: nothing to stretch

    map_ = peers.full_grad([fine, coarse], 2)

    torch.testing.assert_close(map_, torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]))


def test_full_gradients_leave_the_network_as_it_was(small_network, small_images):
    network = nn.Sequential(*small_network).train()
    before = [value.clone() for value in network.state_dict().values()]

    peers.full_gradients(network, small_images, torch.zeros(6, dtype=torch.long))

    assert network.training
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in network.modules()
    )
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(map(torch.equal, network.state_dict().values(), before))


def test_a_share_that_is_just_reached_is_not_exceeded_so_that_one_more_component_counts():
    variances = torch.tensor([[3.0, 1.0, 0.0]])  # the first holds exactly 3/4

    assert pca_cams.kept_components(variances, 0.75).tolist() == [[True, True, False]]
    assert pca_cams.kept_components(variances, 0.74).tolist() == [[True, False, False]]


@pytest.mark.parametrize(
    ("classes", "logits", "message"),
    [
        ([0, -1], torch.zeros(2, 3), "classes run from -1 to 0; expected 0 to 2"),
        ([0, 3], torch.zeros(2, 3), "classes run from 0 to 3; expected 0 to 2"),
        ([0, 2], torch.tensor([[0.0, torch.nan, 0]]), "the network's logits hold NaN"),
    ],
)
def test_classes_that_logits_do_not_have_and_logits_without_a_value_are_refused(
    classes, logits, message
):
    with pytest.raises(ValueError, match=message):
        checks.check_class_range(torch.tensor(classes), logits)


def test_full_gradients_refuse_images_outside_the_unit_range(small_network, small_images):
    with pytest.raises(ValueError, match=r"images run from .* to 2; expected \[0, 1\]"):
        peers.full_gradients(
            small_network, 2 * small_images / small_images.max(), torch.zeros(6).long()
        )


class WithPosition(nn.Module):
    """A convolution of the image, and one of a fixed grid of positions, as some networks add."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 2, 1)
        self.place = nn.Conv2d(1, 2, 1)

    def forward(self, images):
        grid = torch.ones(1, 1, *images.shape[-2:], dtype=images.dtype)
        return (self.first(images) + self.place(grid)).mean((2, 3))


def test_a_bias_of_a_layer_that_does_not_see_the_image_has_no_term_in_the_full_gradient():
    torch.manual_seed(0)
    network = WithPosition().eval().requires_grad_(False)
    images = torch.rand(2, 3, 4, 4)

    terms = peers.full_gradients(network, images, torch.tensor([0, 1]))

    assert [term.shape for term in terms] == [(2, 3, 4, 4), (2, 2, 4, 4)]
    total = sum(term.flatten(1).sum(1) for term in terms)
    seen = network.first(images).mean((2, 3)).diagonal()
    torch.testing.assert_close(total, seen)


@pytest.mark.parametrize("layer", [0, None, ["a"]])
def test_a_layer_that_is_no_name_is_refused_with_the_names_there_are(layer):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten())

    with pytest.raises(ValueError, match="expected a name, one of: 0"):
        cams.record(network, torch.rand(1, 3, 8, 8), torch.tensor([0]), layer)
