"""What an attack made of pairs of an image and a target: tables, and arms to measure maps on."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from helpers.inputs import cifar, classifiers, conversion, dieter2023
from helpers.store import cache, shards, together
from helpers.trials.decision_pairs import Arm, Group, logits_of, other_classes

KEPT = "lrp_adversarial"  # the folder of what is kept


def in_pieces(
    name: str, attack: Callable, network: nn.Module, pixels: Tensor, target: Tensor, *, size: int,
    arguments: tuple = (), shard: str = shards.WHOLE,
) -> dict[str, Tensor]:  # fmt: skip
    """Attack pairs (N, 3, H, W) and (N,) `size` at a time; each piece is kept, so that it resumes.

    `attack` takes network, images, targets and `arguments`; like it, this gives ``images``
    (N, 3, H, W) in [0, 1] and ``success`` (N,): of a shard's pieces alone, if there is one.
    """
    pieces = zip(pixels.split(size), target.split(size), strict=True)
    calls = [(network, *piece, *arguments) for piece in pieces if len(piece[1])]
    mine = shards.part_of(calls, shard)
    parts = dict(tqdm(together.kept(f"{KEPT}/{name}", attack, mine), name, total=len(mine)))
    if not parts:
        nothing = torch.zeros(0, *pixels.shape[1:])
        return {"images": nothing, "success": torch.zeros(0, dtype=torch.bool)}
    ordered = [parts[number] for number in range(len(mine))]
    return {key: torch.cat([part[key] for part in ordered]) for key in ("images", "success")}


def kept_logits(network: nn.Module, pixels: Tensor) -> Tensor:
    """The network's logits (N, 10) for uint8 images (N, 3, H, W); computed once and kept."""
    return cache.kept(f"{KEPT}/logits", _logits, network, pixels)["logits"]


def _logits(network: nn.Module, pixels: Tensor) -> dict[str, Tensor]:
    return {"logits": classifiers.logits(network, pixels)}


def arm_of(network: nn.Module, images: cifar.Images, adversarials: dieter2023.Adversarials) -> Arm:
    """A network with originals and adversarials, and its logits for both."""
    logits = kept_logits(network, images.pixels), kept_logits(network, adversarials.pixels)
    return Arm(network, images, adversarials, logits)


def arm_of_first(
    network: nn.Module, images: cifar.Images, made: dieter2023.Adversarials, number: int
) -> Arm:
    """The arm of the first `number` of the originals, with their adversarials."""
    first = cifar.Images(images.pixels[:number], images.labels[:number])
    theirs = made.source < number
    kept = dieter2023.Adversarials(*(part[theirs] for part in made))
    return arm_of(network, first, kept)


def arm_of_attack(
    network: nn.Module, images: cifar.Images, found: dict[str, Tensor], pairs: Tensor
) -> Arm:
    """The arm of an attack's result on some of all pairs (numbers (P,)), saved with 8 bits."""
    source, target = other_classes(images.labels)
    hit, saved = found["success"], conversion.to_pixels(found["images"])
    made = dieter2023.Adversarials(saved[hit], source[pairs][hit], target[pairs][hit])
    return arm_of(network, images, made)


def class_names(classes: Tensor) -> list[str]:
    """CIFAR-10's names of classes (N,)."""
    return [cifar.CIFAR10_CLASSES[int(c)] for c in classes]


def table(labels: Tensor, source: Tensor, target: Tensor, logits: Tensor) -> pd.DataFrame:
    """One row an adversarial: its original, its classes, and the highest probabilities.

    `labels` are those of all originals (N,), `source` and `target` (M,), `logits` (M, 10).
    """
    probabilities = logits.softmax(1)
    highest = probabilities.topk(3)
    return pd.DataFrame(
        {
            "source": source,
            "true": class_names(labels[source]),
            "target": class_names(target),
            "second": class_names(highest.indices[:, 1]),
            "probability": probabilities.gather(1, target[:, None])[:, 0],
            "second_probability": highest.values[:, 1],
            "third_probability": highest.values[:, 2],
        }
    )


def outcome(
    network: nn.Module, images: Tensor, found: dict[str, Tensor], target: Tensor
) -> pd.DataFrame:
    """One row a pair: success, mean absolute change and target's probability, NaN where it failed.

    `images` (N, 3, H, W) in [0, 1] are the originals, `target` (N,).
    """
    hit = found["success"]
    change = (found["images"] - images).abs().flatten(1).mean(1)
    probability = logits_of(network, found["images"]).softmax(1)
    of_target = probability.gather(1, target[:, None])[:, 0]
    columns = {"distance": change, "probability": of_target}
    frame = pd.DataFrame({name: column.numpy() for name, column in columns.items()})
    frame[~hit.numpy()] = np.nan
    return frame.assign(success=hit.numpy())


def mean_change(group: Group) -> np.ndarray:
    """Mean absolute change of each adversarial of a group, as a share of the full range: (m,)."""
    originals = group.originals.pixels[group.adversarials.source].float()
    return ((group.adversarials.pixels.float() - originals).abs().flatten(1).mean(1) / 255).numpy()


def doubt(network: nn.Module, group: Group) -> np.ndarray:
    """One minus the probability of its target, of each adversarial of a group, at least 1e-8."""
    probabilities = kept_logits(network, group.adversarials.pixels).softmax(1)
    of_target = probabilities.gather(1, group.adversarials.target[:, None])[:, 0]
    return (1 - of_target).clamp(min=1e-8).numpy()


def class_to_class(
    groups: list[Group], results: list[dict[str, Tensor]], first: str, target: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which pairs of all groups lead from one class to another, their overlaps, their originals.

    `results` are those of :func:`decision_pairs.measure`; (M,) each: bool, the overlap 10 % in
    10 % (a share), and the original's number over all groups.
    """
    classes = cifar.CIFAR10_CLASSES.index(first), cifar.CIFAR10_CLASSES.index(target)
    chosen, overlaps, source, begin = [], [], [], 0
    for group, result in zip(groups, results, strict=True):
        own = group.adversarials.source
        of_first = group.originals.labels[own] == classes[0]
        chosen.append((of_first & (group.adversarials.target == classes[1])).numpy())
        overlaps.append(result["overlaps"][:, -1].numpy())
        source.append(own.numpy() + begin)
        begin += len(group.originals.labels)
    return np.concatenate(chosen), np.concatenate(overlaps), np.concatenate(source)
