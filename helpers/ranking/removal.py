"""Insertion and deletion, and removal with other fills: blurred, or imputed as in ROAD.

Grey pixels leave what a network was trained on. Rong et al. 2022 (ROAD) fill each removed pixel
with the weighted mean of its neighbors, a linear system for all of them at once, plus a little
noise. The imputation is that of the package grad-cam.
"""

from collections.abc import Callable, Mapping

import torch
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from torch import Tensor

from helpers.inputs import classifiers
from helpers.measures import insertion_deletion, rankings
from helpers.saliency import black_boxes
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, Trial, ordered, score, where
from helpers.trials.settings import Settings

SHARES = (0.1, 0.3)  # of the pixels that are removed: to impute more takes seconds an image
NOISE = 0.01  # of the imputed values, standard deviation; that of the authors' code
Fill = Callable[[Tensor, Tensor, int], Tensor]  # images, kept (N, H, W), seed


def grey(images: Tensor, kept: Tensor, seed: int) -> Tensor:
    """Images (N, C, H, W) whose removed pixels are the grey of the other tests."""
    return torch.where(kept[:, None], images, torch.as_tensor(black_boxes.GREY).to(images))


def blur(images: Tensor, kept: Tensor, seed: int) -> Tensor:
    """Images (N, C, H, W) whose removed pixels are those that RISE's insertion starts from."""
    return torch.where(kept[:, None], images, insertion_deletion.blurred(images))


def road(images: Tensor, kept: Tensor, seed: int) -> Tensor:
    """Images (N, C, H, W) with removed pixels imputed from their neighbors, and noise of 0.01."""
    impute = NoisyLinearImputer(NOISE)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)  # the package draws from torch's global generator
        filled = [
            impute(image, mask)
            for image, mask in zip(images.cpu(), kept.cpu().float(), strict=True)
        ]
    return torch.stack(filled).to(images)


FILLS: dict[str, Fill] = {"grey": grey, "blur": blur, "ROAD": road}


def scores_with(fill: Fill) -> Callable:
    """The scores of a test of removal, as :class:`helpers.trials.scores.Trial` needs them."""

    def scores(
        maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
    ) -> list[Score]:
        if families.CLEAN not in maps:
            return []
        clean = maps[families.CLEAN].maps
        order = rankings.ranking(rankings.break_ties(clean, families.generator(settings.seed)))
        lost = lost_beyond_least(conditions[families.CLEAN], order, fill, settings.seed)
        return [score(DECIDES, where(ordered(clean), lost))]

    return scores


@torch.no_grad()
def lost_beyond_least(base: Condition, order: Tensor, fill: Fill, seed: int) -> Tensor:
    """Probability lost with the first pixels of an order less that with the last, in points, (N,).

    The mean over :data:`SHARES` of p(without the least relevant) - p(without the most relevant):
    ROAD's combined score. `order` has the pixels of each image, the most relevant first, (N, H W).
    """
    probability = classifiers.class_score(base.network, base.classes, probability=True)
    pixels = order.shape[1]
    place = rankings.inverse_permutation(order).view(len(order), *base.images.shape[-2:])
    place = place.to(base.images.device)
    found = []
    for share in SHARES:
        number = round(share * pixels)
        without_first = fill(base.images, place >= number, seed)
        without_last = fill(base.images, place < pixels - number, seed)
        found.append(probability(without_last) - probability(without_first))
    return 100 * torch.stack(found).double().mean(0).cpu()


@torch.no_grad()
def diff_auc(
    maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
) -> list[Score]:
    """DiffAUC of the clean images' maps, as :mod:`helpers.trials.insertion` has it.

    Without the superpixels that its curves are shared with: an image of 32 pixels has none.
    """
    if families.CLEAN not in maps:
        return []
    base, clean = conditions[families.CLEAN], maps[families.CLEAN].maps
    order = rankings.break_ties(clean, families.generator(settings.seed)).to(base.images.device)
    probability = classifiers.class_score(base.network, base.classes, probability=True)
    size = families.batch_size(base.images)
    deletion, insertion = (
        insertion_deletion.auc(
            curve(
                probability, base.images, order, steps=settings.steps, fill=black_boxes.GREY,
                batch_size=size,
            )
        ).cpu()
        for curve in (insertion_deletion.deletion_curve, insertion_deletion.insertion_curve)
    )  # fmt: skip
    return [score(DIFF_AUC.decides, where(ordered(clean), 100 * (insertion - deletion)))]


def _needs(conditions: Mapping[str, Condition]) -> list[str]:
    return [families.CLEAN]


DIFF_AUC = Trial("insertion and deletion", "", "DiffAUC (points)", 1, _needs, diff_auc)
DECIDES = "probability without the last pixels, less that without the first (points)"
TRIALS = {
    name: Trial(f"removal ({name})", "", DECIDES, 1, _needs, scores_with(fill))
    for name, fill in FILLS.items()
}
