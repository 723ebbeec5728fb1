"""Wang et al.'s test: what a map selects should be enough for the decision.

A map selects whole superpixels, as E-LIME does: those first in which its mean is largest. Only they
are shown, the rest is grey. How much of the image must be shown until the class is as probable as
in the whole image?
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from helpers.trials import conditions as families
from helpers.trials import insertion
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial, score
from helpers.trials.settings import Settings

FIFTH = 0.2  # of the image, at which the probability that is left is measured


def scores(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """The share that must be shown, and the probabilities a fifth and the best share keep."""
    curves = insertion.curves_of_draws(maps, conditions, settings)
    if curves is None:
        return []
    base = conditions[families.CLEAN]
    logits = families.logits_of(base.network, base.images)
    whole = logits.softmax(1).gather(1, base.classes[:, None])[:, 0].cpu().double()
    shares = insertion.shares(settings.steps)
    kept = curves[:, insertion.SUFFICIENCY]  # (N, steps + 1, S)
    fifth = int(torch.argmin((shares - FIFTH).abs()))
    below = kept - whole[:, None, None]  # NaN where a map is constant
    part = f"{100 * shares[fifth]:.0f} % of the image"
    return [
        score(TRIAL.decides, 100 * share_needed(kept, whole), -1),
        score(f"probability kept by {part}, less the whole image's", below[:, fifth]),
        score("highest probability kept, less the whole image's", below.amax(1)),
    ]


def share_needed(kept: Tensor, whole: Tensor) -> Tensor:
    """The smallest share of the image that makes the class as probable as the whole one, (N, S).

    kept are probabilities (N, steps + 1, S) while ever more is shown, whole (N,) those of the whole
    image, which is the last of them up to rounding. NaN where a curve is missing.
    """
    enough = (kept >= whole[:, None, None] - 1e-6).double().argmax(1)
    needed = insertion.shares(kept.shape[1] - 1)[enough]
    return torch.where(kept.isnan().any(1), torch.nan, needed)


TRIAL = Trial(
    "keeping", "Wang et al.", "image shown until it is as probable as the whole (%)", -1,
    insertion.needs, scores,
)  # fmt: skip
