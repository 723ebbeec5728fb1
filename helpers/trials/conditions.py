"""Conditions: a network, images, and the class to explain in each; one builder a family.

Every test compares maps of the same method under two conditions, or holds the map of one condition
against the network or the truth. All builders start from the clean images' condition.
"""

from typing import NamedTuple

import foolbox
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.inputs import checkpoints, cifar, classifiers, conversion, corruptions, devices
from helpers.papers import memory
from helpers.saliency import contract
from helpers.store import cache, paths
from helpers.trials.randomization import randomized
from helpers.trials.settings import CHAPTER, Corruption

CLEAN, ATTACKED, NOISE = "clean", "attacked", "noise as large"
OTHER_CLASS, OTHER_IMAGE, SIDE_BY_SIDE = "another class", "another image", "side by side"
FACES, RANDOMIZED = "faces", "randomised"
NO_ATTACK = "the network has no gradient for the image, and the attack needs one"
CORRUPTED = "the image, by a corruption"  # what varies
CIFAR_SIDE = 96  # pixels: chapter 2's networks were trained at this size


class Condition(NamedTuple):
    """What a method is run under, and which of the images count."""

    name: str
    network: nn.Module  # images in [0, 1] to logits, frozen, in evaluation mode
    key: str  # digest of the network, computed once
    images: Tensor  # (N, 3, H, W) in [0, 1]
    classes: Tensor  # int64 (N,): the ones to explain
    varies: str  # what differs from the clean condition, in words
    counts: Tensor  # bool (N,): images that the condition did what it should to
    draw: int = 0  # for methods that draw at random: which draw
    memory: bool = False  # whether the memory that a method holds is measured here
    angles: Tensor | None = None  # degrees (N,), where the images are rotated
    region: Tensor | None = None  # bool (N, H, W): where the object is, if known
    brought: bool = False  # whether a user brought the network: then any method may fail on it
    gap: str = ""  # why nothing can be run under it, if so


def batch_size(images: Tensor) -> int:
    """How many images (N, 3, H, W) go through a network at once."""
    return devices.batch_that_fits(tuple(images.shape[1:]), images.device)


@torch.no_grad()
def logits_of(network: nn.Module, images: Tensor) -> Tensor:
    """The network's logits (N, K) for images (N, 3, H, W) in [0, 1]."""
    return torch.cat([*map(memory.InParts(network), images.split(batch_size(images)))])


def generator(seed: int) -> torch.Generator:
    """A new generator on the CPU, so that conditions do not depend on one another."""
    return torch.Generator().manual_seed(seed)


def clean(
    network: nn.Module,
    images: Tensor,
    classes: Tensor | None = None,
    *,
    brought: bool = False,
) -> Condition:
    """The images as they are, with the network's own prediction unless classes are given.

    images are (N, 3, H, W) in [0, 1], classes int64 (N,); `brought` says that the network is a
    user's: then it has gone through :func:`helpers.saliency.network_check.prepared`.

    Raises
    ------
    ValueError
        If an image has one color only.
    """
    plain = [i for i, image in enumerate(images) if (image == image[:, :1, :1]).all()]
    if plain:
        raise ValueError(
            f"image {plain[0]} has one color only, so that it has no superpixels; leave it out"
        )
    if classes is None:
        classes = logits_of(network, images).argmax(1)
    every = torch.ones(len(images), dtype=torch.bool)
    key = network_key(network, brought=brought)
    return Condition(
        CLEAN, network, key, images, classes, "nothing", every, memory=True, brought=brought
    )


def network_key(network: nn.Module, *, brought: bool) -> str:
    """The digest of a network; one of a user's whose content cannot be told gets a new one."""
    return cache.key_of_brought(network) if brought else cache.key_of(network)


def first_line(error: BaseException) -> str:
    """The first line of an error's message; empty where it says nothing."""
    return (str(error).splitlines() or [""])[0]


_UNDER_ATTACK: dict[str, nn.Module] = {}  # by key, which stands for the network in what is kept


def _attacked(
    key: str, images: Tensor, classes: Tensor, size: float, seed: int
) -> dict[str, Tensor]:
    """The images (N, 3, H, W) of :func:`attack_family`."""
    target = foolbox.PyTorchModel(_UNDER_ATTACK[key], bounds=(0, 1), device=images.device)
    with torch.random.fork_rng(devices.of_rng(images.device)):
        torch.manual_seed(seed)  # PGD starts at random
        pgd = foolbox.attacks.LinfPGD(steps=20, rel_stepsize=0.1)
        return {"images": pgd(target, images, classes, epsilons=size)[1]}


def attack_family(base: Condition, size: float, *, seed: int) -> list[Condition]:
    """The images after an attack, with the class that it reaches, and three comparisons with it.

    The attack is PGD (Madry et al. 2018) in the maximum norm, 20 steps of a tenth of `size`, not
    Dieter & Zisgen's L-BFGS. Beside it: the clean image with the attack's class, the clean image of
    another photograph with the class of this one, and noise that moves each pixel by `size`, up or
    down at random.
    """
    network, images, classes = base.network, base.images, base.classes
    missing = "" if contract.gives_gradients(network, images[:1]) else NO_ATTACK
    attacked = images
    if not missing:  # kept: a GPU need not give it to the bit again, and every cell's key holds it
        _UNDER_ATTACK[base.key] = network
        made = cache.kept(f"{CHAPTER}/attack", _attacked, base.key, images, classes, size, seed)
        attacked = torch.empty_like(images).copy_(made["images"])  # as images lie in memory
    reached = logits_of(network, attacked).argmax(1)
    changed = (reached != classes).cpu()
    signs = torch.rand(images.shape, generator=generator(seed)).to(images).sub(0.5).sign()
    noisy = (images + size * signs).clamp(0, 1)
    steady = (logits_of(network, noisy).argmax(1) == classes).cpu()
    plain = base._replace(memory=False)
    return [
        plain._replace(
            name=ATTACKED, images=attacked, classes=reached, counts=changed, gap=missing,
            varies="the image, by an attack that changes the decision",
        ),
        plain._replace(
            name=OTHER_CLASS, classes=reached, counts=changed, gap=missing,
            varies="the class: the attack's",
        ),
        base._replace(name=OTHER_IMAGE, images=images.roll(-1, 0), varies="the image: another one"),
        plain._replace(
            name=NOISE, images=noisy, counts=steady,
            varies="the image, by noise as large as the attack",
        ),
    ]  # fmt: skip


def corrupted(base: Condition, corruption: Corruption, *, seed: int) -> Condition:
    """The images under a corruption; those count whose predicted class stays."""
    images = corruptions.corrupt(base.images, corruption.name, corruption.strength, generator(seed))
    angles = None
    if corruption.name == "rotation":  # drawn as corrupt() draws them, from the same seed
        angles = corruptions.draw_angles(len(images), corruption.strength, generator(seed))
    stays = (logits_of(base.network, images).argmax(1) == base.classes).cpu()
    return base._replace(
        name=corruption.label, images=images, counts=stays, angles=angles, memory=False,
        varies=CORRUPTED,
    )  # fmt: skip


def side_by_side(base: Condition) -> Condition:
    """The middle halves of two photographs side by side; the left one's class is explained.

    The region is known exactly: the left half.
    """
    side = base.images.shape[-1]
    halves = base.images[..., side // 4 : side // 4 + side // 2]
    images = torch.cat([halves, halves.roll(-1, 0)], 3)
    region = torch.zeros(images.shape[0], *images.shape[-2:], dtype=torch.bool)
    region[..., : side // 2] = True
    return base._replace(
        name=SIDE_BY_SIDE, images=images, region=region, memory=False,
        varies="the image: halves of two",
    )  # fmt: skip


def layers_randomized(base: Condition, share: float, *, seed: int) -> Condition:
    """The images under a network whose upper layers are shuffled (Adebayo et al. 2018)."""
    network = randomized(base.network, share, seed=seed)
    weights = any(True for _ in network.parameters())
    return base._replace(
        gap="" if weights else "the network has no weights that could be shuffled",
        name=randomized_name(share), network=network, memory=False,
        key=network_key(network, brought=base.brought),
        varies=f"the network: {100 * share:.0f} % of its layers are randomized",
    )  # fmt: skip


def randomized_name(share: float) -> str:
    """What the condition is called in which that share of the layers is randomized."""
    return f"{RANDOMIZED} {share:g}"


def training_stages(
    stages: tuple[int, ...], count: int, *, seed: int, device: torch.device
) -> list[Condition]:
    """Chapter 2's committed checkpoints on CIFAR-10 images, clean and with Gaussian noise of 0.1.

    Raises
    ------
    ValueError
        If no checkpoint of a stage is committed.
    """
    pixels = cifar.foolbox_cifar10().pixels[:count].to(device)
    images = F.interpolate(conversion.to_unit(pixels), (CIFAR_SIDE, CIFAR_SIDE), mode="bilinear")
    noisy = corruptions.corrupt(images, "gaussian noise", 0.1, generator(seed))
    made = []
    for stage in stages:
        network = _checkpoint(stage).to(device)
        classes = logits_of(network, images).argmax(1)
        every = torch.ones(len(images), dtype=torch.bool)
        base = Condition(
            f"epoch {stage}", network, cache.key_of(network), images, classes,
            f"the network: chapter 2's after epoch {stage}", every,
        )  # fmt: skip
        stays = (logits_of(network, noisy).argmax(1) == classes).cpu()
        made += [
            base,
            base._replace(
                name=f"epoch {stage}, noise", images=noisy, counts=stays,
                varies=f"{base.varies}; the image, by noise",
            ),
        ]  # fmt: skip
    return made


def _checkpoint(stage: int) -> nn.Module:
    file = paths.MODELS / f"gradcam_training-epoch-{stage:02d}.safetensors"
    if not file.exists():
        known = sorted(paths.MODELS.glob("gradcam_training-epoch-*.safetensors"))
        numbers = ", ".join(str(int(path.stem[-2:])) for path in known)
        raise ValueError(f"there is no checkpoint of epoch {stage}; there are: {numbers}")
    network = classifiers.timm_network(
        "tf_efficientnet_lite0", classes=10, size=CIFAR_SIDE, pretrained=False
    )
    return checkpoints.load_weights(network, file.read_bytes(), file.name)


def located(base: Condition, images: Tensor, classes: Tensor, region: Tensor) -> Condition:
    """Other photographs (N, 3, H, W), of faces, with a region (N, H, W) marked on each."""
    every = torch.ones(len(images), dtype=torch.bool)
    return base._replace(
        name=FACES, images=images, classes=classes, region=region.cpu(), counts=every,
        memory=False, varies="the image: a face with a mask",
    )  # fmt: skip


def further_draws(base: Condition, seeds: int) -> list[Condition]:
    """The clean images again, for further draws of the methods that draw at random."""
    return [
        base._replace(name=draw_name(k), draw=k, memory=False, varies="the method's random numbers")
        for k in range(1, seeds)
    ]


def draw_name(draw: int) -> str:
    """What the condition of a draw of the clean images is called; the first is the clean one."""
    return f"{CLEAN}, draw {draw + 1}" if draw else CLEAN
