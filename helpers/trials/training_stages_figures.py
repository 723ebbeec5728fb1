"""Arya 2024, Figures 13 to 16: four named test images, corrupted again and again."""

from collections.abc import Iterator, Mapping

import numpy as np
from torch import Tensor

from helpers.inputs import cifar, classifiers
from helpers.measures import trainings
from helpers.measures.trainings import Estimate
from helpers.trials import training_stages_outcomes as outcomes
from helpers.trials.training_stages import CLEAN
from helpers.trials.training_stages_robustness import PROBABILITIES
from helpers.trials.training_stages_rows import Row

FIGURES = {
    13: ("noise", 3333),
    14: ("rotation", 799),
    15: ("rotation", 2927),
    16: ("occlusion", 950),
}
CAT = 950  # the test image of Figure 16, which Table 3 may be about


def copies(pixels: Tensor, index: int, rounds: int) -> Tensor:
    """One of the images (N, 3, H, W) as often as there are rounds, (rounds, 3, H, W)."""
    return pixels[index].expand(rounds, -1, -1, -1).contiguous()


def share(hits: np.ndarray) -> Estimate:
    """A share of rounds (%) from hits (n,), 0 or 1, with Agresti and Coull's standard error.

    Unlike the plain one it is not 0 where all rounds or none are hits: two of each are added.
    """
    count = len(hits)
    moved = (hits.sum() + 2) / (count + 4)
    error = 100 * (moved * (1 - moved) / (count + 4)) ** 0.5
    return Estimate(100 * float(hits.mean()), float(error), count)


def rows(
    networks: Mapping[int, classifiers.Preprocessed], test: cifar.Images, rounds: int
) -> Iterator[Row]:
    """Claims ``fig13_1`` and so on, and the readings of ``drop_...`` that image 950 gives.

    `test` is the whole test set in its own order; `networks` are by epoch, 0 first.
    """
    last = max(networks)
    papers = {stage: 20 if stage == last > 3 else stage for stage in networks}
    for figure, (name, index) in FIGURES.items():
        images = copies(test.pixels, index, rounds)
        for stage, network in networks.items():
            setting = outcomes.PAPER[name]
            logits = outcomes.kept_logits(network, images, [setting])[setting]
            hits = (logits.argmax(1) == test.labels[index]).double().numpy()
            yield Row(f"fig{figure}_{papers[stage]}", {}, share(hits))
    yield from _drops_of_the_cat(networks, test, rounds, papers)


def _drops_of_the_cat(
    networks: Mapping[int, classifiers.Preprocessed],
    test: cifar.Images,
    rounds: int,
    papers: Mapping[int, int],
) -> Iterator[Row]:
    """Table 3 as the confidence drop of test image 950 alone, as "(see Figure 16)" may mean."""
    images, label = copies(test.pixels, CAT, rounds), int(test.labels[CAT])
    settings = [CLEAN, *outcomes.occlusions()]
    probabilities = {
        papers[stage]: {
            setting: logits.double().softmax(1)
            for setting, logits in outcomes.kept_logits(network, images, settings).items()
        }
        for stage, network in networks.items()
        if stage
    }
    for setting in settings[1:]:
        for called, true_class in PROBABILITIES.items():
            by_stage = {}
            for stage, found in probabilities.items():
                clean, after = (
                    p[:, label] if true_class else p.amax(1) for p in (found[CLEAN], found[setting])
                )
                by_stage[stage] = (clean - after).numpy()
            reading = {
                "pixels": "black" if setting.corruption == "occlusion" else "blurred",
                "grid": setting.grid, "count": f"{setting.strength:g}", "probability": called,
                "images": f"test image {CAT}",
            }  # fmt: skip
            for stage in by_stage:
                yield Row(f"drop_{stage}", reading, trainings.mean(by_stage[stage]))
                if stage < 20 and 20 in by_stage:
                    over = by_stage[20] - by_stage[stage]
                    yield Row(f"drop_20_over_{stage}", reading, trainings.mean(over))
