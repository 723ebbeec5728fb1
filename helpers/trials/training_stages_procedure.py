"""Arya 2024: the author's own procedure, drawn many times from what our networks did.

Images that all trained stages classify correctly, one under noise, two under rotation, one under
occlusion, three rounds of each, one look: how often would it show that the last model is hurt most?
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from helpers.inputs import classifiers, conversion, corruptions
from helpers.store import cache
from helpers.trials import training_stages_outcomes as outcomes
from helpers.trials.training_stages import Setting

PICTURES = ("noise", "rotation", "rotation", "occlusion")  # Figures 13 to 16
SHOWN = 3  # rounds of each


class Odds(NamedTuple):
    """How often (%) a look at a few pictures shows something, with a 95 % interval over images."""

    share: float
    low: float
    high: float


def compute_rounds(
    network: nn.Module, pixels: Tensor, labels: Tensor, setting: Setting, rounds: int, seed: int
) -> dict[str, Tensor]:
    """Whether a network is right in each round of a corruption: bool (N, rounds), on the CPU.

    Pixels are (N, 3, H, W), labels (N,). All networks meet the same draws.
    """
    device = next(network.parameters()).device
    generator, columns = torch.Generator().manual_seed(seed), []
    for _ in range(rounds):
        images = corruptions.corrupt(
            conversion.to_unit(pixels), setting.corruption, setting.strength, generator
        )
        with torch.no_grad():
            logits = torch.cat([network(batch.to(device)).cpu() for batch in images.split(50)])
        columns.append(logits.argmax(1) == labels)
    return {"right": torch.stack(columns, dim=1)}


def rounds_of(
    networks: Mapping[int, classifiers.Preprocessed], pixels: Tensor, labels: Tensor, rounds: int
) -> dict[str, np.ndarray]:
    """By corruption, whether each stage is right: bool (stages, N, rounds), made or read.

    Pixels are (N, 3, H, W), labels (N,).
    """
    made = {}
    for name, setting in outcomes.PAPER.items():
        by_stage = [
            cache.kept(
                f"{outcomes.CHAPTER}/rounds", compute_rounds, network, pixels, labels, setting,
                rounds, outcomes.DRAWS,
            )["right"].bool().numpy()
            for network in networks.values()
        ]  # fmt: skip
        made[name] = np.stack(by_stage)
    return made


def looks(
    right: Mapping[str, np.ndarray], images: np.ndarray, count: int, generator: np.random.Generator
) -> np.ndarray:
    """In how many of the rounds shown each stage is right: (count, pictures, stages), 0 to 3.

    A look draws for each picture one of `images`, the numbers of those that may be drawn, and its
    rounds without replacement; all stages meet the same rounds.
    """
    shown = []
    for name in PICTURES:
        rounds = right[name].shape[2]
        image = generator.choice(images, size=count)
        order = generator.random((count, rounds)).argsort(1)[:, :SHOWN]
        shown.append(right[name][:, image[:, None], order].sum(2).T)  # (count, stages)
    return np.stack(shown, axis=1)


def worse_in_most_tests(counts: np.ndarray) -> np.ndarray:
    """Whether the last stage is right less often than the one before it in two of three tests.

    "Did significantly worse on most robustness tests": noise, rotation (two pictures) and
    occlusion. Counts are (looks, pictures, stages), the last two stages epochs 3 and 20.
    """
    tests = np.stack([counts[:, 0], counts[:, 1] + counts[:, 2], counts[:, 3]], axis=1)
    return (tests[..., -1] < tests[..., -2]).sum(1) >= 2


def worst_in_a_picture(counts: np.ndarray) -> np.ndarray:
    """Whether some picture has the last stage right less often than each other one.

    As Figure 16, "a perfect example". Counts are (looks, pictures, stages).
    """
    return (counts[..., -1] < counts[..., :-1].min(2)).any(1)


RULES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "worse than epoch 3 in most of the three tests": worse_in_most_tests,
    "worse than every earlier stage in at least one of the four pictures": worst_in_a_picture,
}


def odds(
    right: Mapping[str, np.ndarray],
    images: np.ndarray,
    rule: Callable[[np.ndarray], np.ndarray],
    *,
    shuffled: bool = False,
    count: int = 2000,
    draws: int = 200,
    seed: int = 0,
) -> Odds:
    """How often (%) a look at `images`, as :func:`looks` draws it, fulfills a rule.

    Parameters
    ----------
    right
        By corruption, from :func:`rounds_of`.
    rule
        One of :data:`RULES`.
    shuffled
        Exchange the stages at random within each look, so that none is worse than another: how
        often chance alone would show it.
    count
        Looks; for each draw of the interval too.
    draws
        Of the bootstrap over images.
    """
    generator = np.random.default_rng(seed)

    def share(chosen: np.ndarray) -> float:
        counts = looks(right, chosen, count, generator)
        if shuffled:
            order = generator.random((count, 1, counts.shape[2])).argsort(2)
            counts = np.take_along_axis(counts, order, axis=2)
        return 100 * float(rule(counts).mean())

    if not len(images):
        return Odds(np.nan, np.nan, np.nan)
    drawn = [share(generator.choice(images, size=len(images))) for _ in range(draws)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    middle = share(images)
    return Odds(middle, min(low, middle), max(high, middle))
