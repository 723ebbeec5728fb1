"""The linear surrogate of the ``lime`` package: its weights, after any number of evaluations."""

import contextlib
import io
import warnings
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.metrics import pairwise_distances
from torch import Tensor, nn

from helpers.inputs import conversion, devices
from helpers.papers import memory

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="IProgress")  # tqdm looks for notebook widgets
    from lime.lime_image import LimeImageExplainer

_ALL_FEATURES = 100_000  # the package's default: no superpixel is left out of the regression


class _Recording(LimeImageExplainer):
    """The package's explainer, which keeps the bits that it drew and what the network said."""

    def data_labels(self, *arguments, **settings) -> tuple[np.ndarray, np.ndarray]:
        self.seen = super().data_labels(*arguments, **settings)
        return self.seen

    def fitted(self, label: int, count: int) -> list[tuple[int, float]]:
        """The package's regression on the first so many of what it has seen."""
        bits, probabilities = (part[:count] for part in self.seen)
        distances = pairwise_distances(bits, bits[:1], metric="cosine").ravel()
        _, weights, _, _ = self.base.explain_instance_with_data(
            bits, probabilities, distances, label, _ALL_FEATURES,
            feature_selection=self.feature_selection,
        )  # fmt: skip
        return weights


def weights(
    model: nn.Module,
    image: Tensor,
    label: int,
    segments: Tensor,
    *,
    evaluations: int,
    seed: int,
    batch_size: int | None = None,
    fill: float | None = None,
) -> Tensor:
    """The weights of the ``lime`` package's linear model of a class's probability, (S,).

    :func:`weights_after` at one number of evaluations; see there.
    """
    return weights_after(
        model, image, label, segments, evaluations=[evaluations], seed=seed, batch_size=batch_size,
        fill=fill,
    )[0]  # fmt: skip


def weights_after(
    model: nn.Module,
    image: Tensor,
    label: int,
    segments: Tensor,
    *,
    evaluations: Sequence[int],
    seed: int,
    batch_size: int | None = None,
    fill: float | None = None,
) -> Tensor:
    """LIME's weights after each of several numbers of evaluations, of one and the same sample.

    The package shows the network the whole image, and random halves of its superpixels. It draws
    them one after another, so that a smaller sample is the beginning of a larger one.

    Parameters
    ----------
    model
        Images (N, 3, H, W) in [0, 1] to logits (N, classes).
    image
        (3, H, W) in [0, 1]; the package sees it as uint8.
    label
        The class.
    segments
        Superpixels 0 to S - 1, int64 (H, W): of :func:`helpers.papers.elime.superpixels`.
    evaluations
        How many images the network is shown, K numbers.
    batch_size
        How many at once; by default as many as suit the image's device.
    fill
        What hides a superpixel, in [0, 1]; by default its own mean color.

    Returns
    -------
    Tensor
        Float64 (K, S), on the CPU.
    """
    if min(evaluations, default=0) < 2:
        raise ValueError(
            f"LIME with {', '.join(map(str, evaluations)) or 'no'} evaluations; expected 2 or more "
            "to fit a line"
        )

    evaluate = memory.InParts(model)

    @torch.no_grad()
    def probabilities(batch: np.ndarray) -> np.ndarray:
        pixels = torch.from_numpy(batch).permute(0, 3, 1, 2).to(image.device)
        inputs = conversion.to_unit(pixels).contiguous(memory_format=torch.channels_last)
        return evaluate(inputs).softmax(1).cpu().double().numpy()

    explainer = _Recording(random_state=seed)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar cannot be turned off
        explainer.explain_instance(
            (255 * image).round().byte().permute(1, 2, 0).cpu().numpy(), probabilities,
            labels=(label,), top_labels=None, num_samples=max(evaluations),
            batch_size=batch_size or devices.batch_that_fits(tuple(image.shape), image.device),
            hide_color=None if fill is None else round(255 * fill),
            segmentation_fn=lambda _: segments.cpu().numpy(),
        )  # fmt: skip
    found = torch.zeros(len(evaluations), int(segments.max()) + 1, dtype=torch.float64)
    for row, count in zip(found, evaluations, strict=True):
        for segment, weight in explainer.fitted(label, count):
            row[segment] = float(weight)
    return found
