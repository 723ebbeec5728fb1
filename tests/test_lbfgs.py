import foolbox
import pytest
import torch
from foolbox.criteria import Misclassification, TargetedMisclassification
from torch import nn

from helpers.papers.lbfgs import LBFGSAttack
from helpers.trials import scipy_attack


class Plane(nn.Module):
    """Two classes parted by the line normal . x = offset, for images (B, 2); class 1 is beyond."""

    def __init__(self, normal=(3.0, 4.0), offset=4.0, steepness=10.0):
        super().__init__()
        self.normal = nn.Parameter(torch.tensor(normal))
        self.offset, self.steepness = offset, steepness
        self.seen = []

    def forward(self, x):
        self.seen.append(x.detach().clone())
        score = self.steepness * (x.flatten(1) @ self.normal - self.offset)
        return torch.stack([torch.zeros_like(score), score], dim=1)


def wrap(network, bounds=(0, 1)):
    return foolbox.PyTorchModel(network.eval(), bounds=bounds, device="cpu")


def run(network, images, targets, *, bounds=(0, 1), **settings):
    model = wrap(network, bounds)
    return LBFGSAttack(**settings).run(model, images, TargetedMisclassification(targets))


def wrong_targets(labels):
    """For image i its label plus 1, 2, ..., 9, in turn."""
    return (labels + 1 + torch.arange(len(labels)) % 9) % 10


START = torch.tensor([[0.4, 0.2]])  # 3 x + 4 y = 2; the line 3 x + 4 y = 4 lies 2 / 5 away
ONE = torch.tensor([1])


def test_mse_attack_ends_at_the_foot_of_the_perpendicular():
    found = run(Plane(), START, ONE, distance="mse", threshold=None)

    torch.testing.assert_close(found, START + 0.4 * torch.tensor([[0.6, 0.8]]), atol=0.01, rtol=0)
    assert Plane()(found).argmax() == 1


def test_mae_attack_moves_only_the_component_that_counts_most():
    found = run(Plane(), START, ONE, distance="mae", threshold=None)

    torch.testing.assert_close(found, START + torch.tensor([[0, 0.5]]), atol=0.02, rtol=0)


def test_mse_attack_slides_along_the_wall_of_the_box():
    start = torch.tensor([[0.2, 0.9]])  # 3 x + 4 y = 4.2; at y = 1 the line 6 is met at x = 2 / 3

    found = run(Plane(offset=6.0), start, ONE, distance="mse", threshold=None)

    torch.testing.assert_close(found, torch.tensor([[2 / 3, 1.0]]), atol=0.01, rtol=0)


def test_result_scales_with_the_bounds():
    found = run(Plane(offset=400.0), 100 * START, ONE, distance="mse", bounds=(0, 100))

    torch.testing.assert_close(found, torch.tensor([[64.0, 52.0]]), atol=1.0, rtol=0)


@pytest.mark.parametrize("distance", ["mae", "mse"])
def test_result_is_the_closest_of_all_points_evaluated(distance):
    network = Plane()

    found = run(network, START, ONE, distance=distance, threshold=None)

    def size(x):
        change = (x - START).double()
        return change.abs().mean(1) if distance == "mae" else change.square().mean(1)

    points = torch.cat(network.seen)
    on_target = points[Plane()(points).argmax(1) == 1]
    assert size(found).item() == size(on_target).min().item()


def test_threshold_ends_the_search():
    eager, patient = Plane(), Plane()

    near = run(eager, START, ONE, threshold=0.3)
    run(patient, START, ONE, threshold=None)

    assert (near - START).abs().mean() <= 0.3
    assert len(eager.seen) < len(patient.seen)


def test_image_on_its_target_comes_back_unchanged():
    images = torch.cat([START, torch.tensor([[0.9, 0.9]])])

    found = run(Plane(), images, torch.tensor([1, 1]))

    torch.testing.assert_close(found[1], images[1], atol=0, rtol=0)
    assert not torch.equal(found[0], images[0])


def test_image_that_cannot_be_moved_comes_back_unchanged():
    images = START.clone()

    found = run(Plane(offset=8.0), images, ONE)  # the box ends at 3 + 4 = 7

    assert torch.equal(found, images)


def test_foolbox_call_reports_success():
    criterion = TargetedMisclassification(ONE)

    raw, clipped, success = LBFGSAttack()(wrap(Plane()), START, criterion, epsilons=[None, 0.1])

    assert success.tolist() == [[True], [False]]  # the l1 distance is 0.5
    assert torch.equal(raw[0], clipped[0])


def test_more_pairs_than_places_are_refilled_from_the_queue():
    images = torch.rand(11, 2, generator=torch.Generator().manual_seed(0)) / 2
    targets = torch.ones(11, dtype=torch.long)

    settings = {"distance": "mse", "threshold": None, "epsilon": 1e-2}
    together = run(Plane(), images, targets, **settings)
    queued = run(Plane(), images, targets, batch_size=3, **settings)

    torch.testing.assert_close(queued, together, atol=1e-5, rtol=0)  # float32, other batch sizes


def test_out_of_memory_halves_the_batch():
    class Small(Plane):
        def forward(self, x):
            if len(x) > 3:
                raise torch.cuda.OutOfMemoryError("out of memory")
            return super().forward(x)

    images, targets = START.repeat(10, 1), torch.ones(10, dtype=torch.long)
    network = Small()

    found = run(network, images, targets, distance="mse", epsilon=1e-2)

    assert (Plane()(found).argmax(1) == 1).all()
    assert max(len(x) for x in network.seen) == 2  # 10 at first, but halved as 256, 128, ... 2


def test_other_errors_of_the_model_pass_through():
    class Broken(nn.Module):
        def forward(self, x):
            raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run(Broken(), START, ONE)


def test_attack_leaves_model_images_and_generator_as_they_were():
    network, images = Plane().eval(), START.clone()
    state = torch.get_rng_state()

    run(network, images, ONE)

    assert network.normal.grad is None
    assert network.normal.requires_grad
    assert not network.training
    assert torch.equal(images, START)
    assert not images.requires_grad
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distance": "linf"}, "distance is 'linf'; expected"),
        ({"epsilon": 0}, "epsilon is 0; expected"),
        ({"maxiter": 0}, "maxiter is 0; expected"),
        ({"batch_size": 0}, "batch_size is 0; expected"),
        ({"threshold": -1.0}, "threshold is -1.0; expected"),
    ],
)
def test_wrong_setting_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        LBFGSAttack(**settings)


@pytest.mark.parametrize(
    ("images", "criterion", "message"),
    [
        (START + 1, TargetedMisclassification(ONE), "leave the model's bounds"),
        (START * torch.nan, TargetedMisclassification(ONE), "NaN or infinity"),
        (START.long(), TargetedMisclassification(ONE), r"torch.int64; expected a float"),
        (START, TargetedMisclassification(ONE + 1), r"targets are \[2\]; expected classes"),
        (START, TargetedMisclassification(ONE - 2), r"targets are \[-1\]; expected classes"),
        (START, TargetedMisclassification(ONE.repeat(2)), r"shape \(2,\); expected \(1,\)"),
        (START, TargetedMisclassification(ONE.float()), "float32; expected integers"),
        (START, Misclassification(ONE), "criterion is Misclassification; expected Targeted"),
    ],
)
def test_wrong_input_is_named(images, criterion, message):
    with pytest.raises(ValueError, match=message):
        LBFGSAttack()(wrap(Plane()), images, criterion, epsilons=None)


@pytest.mark.parametrize(
    "softmax",
    [
        pytest.param(False, id="logits"),
        pytest.param(True, id="double softmax", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("distance", ["mae", "mse"])
def test_attack_of_a_trained_network_stays_in_the_box_and_on_target(
    trained_network, cifar_images, distance, softmax
):
    network = nn.Sequential(trained_network, nn.Softmax(1)) if softmax else trained_network
    images, targets = cifar_images[0][:4], wrong_targets(cifar_images[1])[:4]

    found = run(network, images, targets, distance=distance, maxiter=30, epsilon=1e-3)

    changed = (found != images).flatten(1).any(1)
    assert (network(found).argmax(1) == targets)[changed].all()
    assert changed.any()
    assert found.min() >= 0
    assert found.max() <= 1


def test_pair_alone_ends_where_it_ends_in_a_batch(trained_network, cifar_images):
    images, targets = cifar_images[0][:6], wrong_targets(cifar_images[1])[:6]
    settings = {"maxiter": 30, "epsilon": 1e-3, "threshold": None}

    together = run(trained_network, images, targets, **settings)
    alone = run(trained_network, images[2:3], targets[2:3], **settings)

    ratio = (alone - images[2:3]).abs().mean() / (together[2] - images[2]).abs().mean()
    assert (
        0.8 < ratio < 1.25
    )  # rounding differs with the batch's size, and the search is not smooth


def compare(network, images, targets, **settings):
    """Success (N,) and mean absolute distance (N,), ours and scipy's; infinite without success."""
    found = run(network, images, targets, **settings)
    ours = (found - images).double().abs().mean((1, 2, 3))
    ours[network(found).argmax(1) != targets] = torch.inf
    theirs = [
        scipy_attack.attack(network, image, int(target), **settings)[1]
        for image, target in zip(images, targets, strict=True)
    ]
    return ours, torch.tensor(theirs, dtype=torch.float64)


@pytest.mark.slow
def test_attack_is_as_close_as_scipy_on_28_pairs(trained_network, cifar_images):
    images, labels = (torch.cat([values, values[:8]]) for values in cifar_images)
    targets = (labels + torch.arange(28) % 9 + 1) % 10

    ours, theirs = compare(trained_network, images, targets, maxiter=15, epsilon=1e-3)

    assert torch.equal(ours.isfinite(), theirs.isfinite())
    assert ours.median() <= 1.05 * theirs.median()


@pytest.mark.slow
def test_attack_on_a_double_softmax_is_as_close_as_scipy(trained_network, cifar_images):
    network = nn.Sequential(trained_network, nn.Softmax(1)).eval()
    images, targets = cifar_images[0][:4], wrong_targets(cifar_images[1])[:4]

    ours, theirs = compare(network, images, targets, maxiter=10, epsilon=0.5)

    assert ours.median() <= 1.05 * theirs.median()
