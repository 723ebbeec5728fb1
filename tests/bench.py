"""How fast our methods are beside plain or public implementations, side by side in one run."""

import time
from collections.abc import Callable

import explicit_lrp
import foolbox
import numpy as np
import pytorch_grad_cam
import torch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from sklearn.decomposition import PCA
from torch import nn

from helpers.inputs import checkpoints, cifar, classifiers, conversion, photographs
from helpers.measures import insertion_deletion
from helpers.papers import cams, decam, elime, lbfgs, lrp, pca_cams
from helpers.run import card
from helpers.store import paths
from helpers.trials import scipy_attack

ROUNDS = 5
PAIRS, ITERATIONS = 32, 60  # attacks to compare; both sides are cut at the same iterations


def per_second(count: int, work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Best of a few rounds, the first not counted."""
    times = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return count / min(times[1:])


def by_turns(
    count: int, work: Callable[[], object], other: Callable[[], object], rounds: int = ROUNDS
) -> tuple[float, float]:
    """Best rounds of two works that take turns, so that a machine's drift meets both alike."""
    pairs = [(per_second(count, work, 1), per_second(count, other, 1)) for _ in range(rounds)]
    ours, theirs = zip(*pairs, strict=True)
    return max(ours), max(theirs)


def row(name: str, ours: float, theirs: float, target: float) -> None:
    print(f"{name:32} {ours:10.2f} {theirs:10.2f} {ours / theirs:8.2f} {target:8.2f}", flush=True)


def bench_lrp(network: nn.Sequential, images: torch.Tensor, labels: torch.Tensor) -> None:
    images = images.contiguous(memory_format=torch.channels_last)
    for rule, step in (
        (lrp.zero(), explicit_lrp.epsilon_step(1e-7)),
        (lrp.epsilon(1.0), explicit_lrp.epsilon_step(1.0)),
        (lrp.alpha_beta(1), explicit_lrp.alpha_beta_step(1)),
        (lrp.alpha_beta(2), explicit_lrp.alpha_beta_step(2)),
    ):
        ours = per_second(len(images), lambda r=rule: lrp.relevance(network, images, labels, r))
        plain = per_second(
            len(images), lambda s=step: explicit_lrp.relevance(network, images, labels, s)
        )
        row(f"{rule.name}, images/s", ours, plain, 0.7)


def bench_attack(network: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> None:
    source = torch.arange(PAIRS, device=images.device) % len(images)
    targets = (labels[source] + 1 + torch.arange(PAIRS, device=images.device) // len(images)) % 10
    ends_in_softmax = nn.Sequential(network, nn.Softmax(1)).eval()
    model = foolbox.PyTorchModel(ends_in_softmax, bounds=(0, 1), device=str(images.device))
    criterion = foolbox.criteria.TargetedMisclassification(targets)
    method = lbfgs.LBFGSAttack(maxiter=ITERATIONS)
    started = time.perf_counter()
    method(model, images[source], criterion, epsilons=None)
    ours = PAIRS / (time.perf_counter() - started)
    few = 4 if images.device.type == "cpu" else 2  # sequential: a few pairs show the rate
    started = time.perf_counter()
    for i, target in zip(source[:few], targets[:few], strict=True):
        scipy_attack.attack(ends_in_softmax, images[i], int(target), maxiter=ITERATIONS)
    plain = few / (time.perf_counter() - started)
    row("L-BFGS attack, pairs/s", ours, plain, 1.5 if images.device.type == "cpu" else 300)


def bench_grad_cam(device: torch.device) -> None:
    """Grad-CAM of a batch against the forward pass that it needs anyway."""
    network = (
        classifiers.timm_network("tf_efficientnet_lite0", classes=10, size=96).eval().to(device)
    )
    network = network.to(memory_format=torch.channels_last)
    images = torch.rand(64, 3, 32, 32, device=device)
    classes = torch.arange(64, device=device) % 10

    @torch.no_grad()
    def forward() -> None:
        network(images)

    def explain() -> None:
        cams.grad_cam(*cams.record(network, images, classes, "body.conv_head"))

    row("Grad-CAM / forward, images/s", per_second(64, explain), per_second(64, forward), 1 / 1.1)


SIX = [
    cams.grad_cam, cams.grad_cam_plus_plus, cams.layer_cam, pca_cams.eigen_cam, pca_cams.haycam,
    pca_cams.haycam_plus,
]  # fmt: skip
PUBLIC = [  # HayCAM and HayCAM+ are not public; the nearest of theirs stand in
    pytorch_grad_cam.GradCAM, pytorch_grad_cam.GradCAMPlusPlus, pytorch_grad_cam.LayerCAM,
    pytorch_grad_cam.EigenCAM, pytorch_grad_cam.EigenGradCAM, pytorch_grad_cam.EigenCAM,
]  # fmt: skip


def haycam_plus_by_algorithm(activations: np.ndarray) -> np.ndarray:
    """HayCAM+ an image at a time in numpy, step by step as the paper's Algorithm 1 has it."""
    maps = []
    for one in activations.reshape(*activations.shape[:2], -1):  # (K, HW)
        values, vectors = np.linalg.eigh(np.cov(one))
        share = values[::-1].cumsum() / values.sum()
        count = int(np.searchsorted(share, 0.9, side="right")) + 1
        centered = one - one.mean(1, keepdims=True)
        maps.append((centered.T @ vectors[:, ::-1][:, :count]).sum(1))
    return np.stack(maps).reshape(len(activations), *activations.shape[2:])


def haycam_plus_by_loop(activations: np.ndarray) -> np.ndarray:
    """HayCAM+ an image at a time, as scikit-learn makes it easiest."""
    maps = [PCA(0.9).fit_transform(one.reshape(len(one), -1).T).sum(1) for one in activations]
    return np.stack(maps).reshape(len(activations), *activations.shape[2:])


def bench_cams(device: torch.device) -> None:
    """Six maps of sixteen images of 224 pixels on ResNet18, the target being a forward pass."""
    network = classifiers.timm_network("resnet18", classes=2, size=224, pretrained=False)
    network = network.to(device, memory_format=torch.channels_last).eval()
    images = torch.rand(16, 3, 224, 224, device=device).to(memory_format=torch.channels_last)
    classes = torch.ones(16, dtype=torch.long, device=device)

    def forward() -> None:
        with torch.no_grad():
            network(images)

    def six() -> None:
        recorded = cams.record(network, images, classes, "body.layer4")
        for method in SIX:
            method(*recorded)

    def public() -> None:
        targets = [ClassifierOutputTarget(1)] * 16
        for method in PUBLIC:
            with method(model=network, target_layers=[network.body.layer4[-1]]) as cam:
                cam(input_tensor=images, targets=targets)

    ours = per_second(16, six)
    row("six maps / forward, images/s", ours, per_second(16, forward), 1 / 1.25)
    row("six maps / grad-cam, images/s", ours, per_second(16, public), 12)
    activations, _ = cams.record(network, images, classes, "body.layer4")
    array = activations.cpu().numpy()
    batched = per_second(16, lambda: pca_cams.haycam_plus(activations))
    for name, loop in (("numpy", haycam_plus_by_algorithm), ("sklearn", haycam_plus_by_loop)):
        plain = per_second(16, lambda loop=loop: loop(array))
        row(f"HayCAM+ / {name} loop, images/s", batched, plain, 10)


def bench_search(device: torch.device) -> None:
    """Evolution, insertion and deletion against the forward passes that they need anyway."""
    network = classifiers.load_imagenet("tf_efficientnet_lite0").network
    photograph = photographs.foolbox_imagenet(224).pixels[:1]
    segments = elime.superpixels(photograph[0]).to(device)[None]
    image, top = conversion.to_unit(photograph).to(device), torch.tensor([243], device=device)
    logit = classifiers.class_score(network, top, probability=False)
    probability = classifiers.class_score(network, top, probability=True)
    slow = device.type == "cpu"
    few = 2 if slow else 100  # iterations of a population of 32
    count = 32 * (few + 1)
    batch = image.repeat(32, 1, 1, 1).contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def forward(count: int) -> None:
        for done in range(0, count, 32):
            probability(batch[: count - done])

    def generator() -> torch.Generator:
        return torch.Generator(device).manual_seed(0)

    def de_cam() -> None:
        decam.de_cam(
            logit, image, area_weight=5.0, population=32, iterations=few, generator=generator()
        )

    def e_lime() -> None:
        elime.e_lime(
            probability, image, segments, population=32, generations=few, generator=generator()
        )  # of which the fittest goes on without being rated again

    def curves(batch_size: int) -> None:
        relevance = image[0].mean(0)
        for curve in (insertion_deletion.deletion_curve, insertion_deletion.insertion_curve):
            curve(probability, image[0], relevance, steps=224, batch_size=batch_size)

    row("DE-CAM / forward, images/s", *by_turns(count, de_cam, lambda: forward(count)), 1 / 1.15)
    rated = count - few
    row("E-LIME / forward, images/s", *by_turns(rated, e_lime, lambda: forward(rated)), 1 / 1.15)
    if slow:
        both = by_turns(450, lambda: curves(32), lambda: forward(450), 1)
        row("deletion, insertion / forward", *both, 1 / 1.1)
    else:
        both = by_turns(450, lambda: curves(256), lambda: curves(1))
        row("deletion, insertion / one by one", *both, 5)


def main() -> None:
    device = classifiers.default_device()
    file = paths.MODELS / "lrp_adversarial.safetensors"
    network = checkpoints.load_weights(classifiers.dieter_cnn(), file.read_bytes(), file.name).to(
        device
    )
    few = cifar.foolbox_cifar10()
    images, labels = conversion.to_unit(few.pixels.to(device)), few.labels.to(device)
    right = network(images).argmax(1) == labels
    print(card.device_name())
    print(f"{'':32} {'ours':>10} {'plain':>10} {'ratio':>8} {'target':>8}")
    many = 13 if device.type == "cpu" else 100
    bench_cams(device)
    bench_lrp(network, images.repeat(many, 1, 1, 1), labels.repeat(many))
    bench_attack(network, images[right], labels[right])
    bench_grad_cam(device)
    bench_search(device)


if __name__ == "__main__":
    main()
