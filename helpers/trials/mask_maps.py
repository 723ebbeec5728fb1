"""Maps of faces in all readings of Ornek & Ceylan (2024), and how well they find the mask.

What the paper leaves open about a map is its *variant*: the sign of principal components, which
PCA is meant, how HayCAM projects the weights. One pass over the images of a network and layer gives
the maps of all variants; boxes by all rules, focus and hits follow from them.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from helpers.inputs import conversion
from helpers.measures import focus, localization, map_boxes
from helpers.papers import cams, pca_cams, pca_readings

SIGNS = ("largest_position", "largest_filter", "activation")  # "raw" differs between machines
PCAS = ("scores", "eigenvectors")
PROJECTED = {"as they are": pca_cams.haycam, "less the means": pca_readings.haycam_transformed}
MAIN = {"sign": SIGNS[0], "PCA": PCAS[0], "projection": "as they are"}
BATCH = 32  # images
LARGE = 64  # maps of the images' size at a time


class Variant(NamedTuple):
    """One reading of one method: its name, what it chose, and the function of (A, gradients)."""

    method: str
    choices: dict[str, str]
    function: Any


def variants(components: float) -> list[Variant]:
    """The six methods, HayCAM in two readings and HayCAM+ in six; the main readings come first."""
    plain = {
        "Grad-CAM": cams.grad_cam,
        "Grad-CAM++": cams.grad_cam_plus_plus,
        "LayerCAM": cams.layer_cam,
        "EigenCAM": pca_cams.eigen_cam,
    }
    found = [Variant(name, {}, function) for name, function in plain.items()]
    found += [
        Variant("HayCAM", {"projection": name}, partial(function, components=components))
        for name, function in PROJECTED.items()
    ]
    found += [
        Variant(
            "HayCAM+",
            {"sign": sign, "PCA": pca},
            partial(pca_cams.haycam_plus, components=components, sign=sign, reading=pca),
        )
        for pca in PCAS
        for sign in SIGNS
    ]
    return found


def is_main(choices: dict[str, str]) -> bool:
    """Whether all choices are the main reading's."""
    return all(MAIN.get(choice, option) == option for choice, option in choices.items())


def record_batches(
    network: nn.Module, pixels: Tensor, classes: Tensor, layer: str
) -> Iterator[tuple[Tensor, Tensor]]:
    """A layer's activations and gradients of each image's class, a batch of images at a time.

    Parameters
    ----------
    network
        Frozen, in evaluation mode, on its own device.
    pixels
        uint8 (N, 3, H, W).
    classes
        int64 (N,).
    layer
        Its name.
    """
    device = next(network.parameters()).device
    for batch, labels in zip(pixels.split(BATCH), classes.split(BATCH), strict=True):
        images = conversion.to_unit(batch.to(device)).contiguous(memory_format=torch.channels_last)
        yield cams.record(network, images, labels, layer)


def measured(
    network: nn.Module,
    pixels: Tensor,
    boxes: Tensor,
    masks: Tensor | None,
    classes: Tensor,
    others: Tensor,
    layer: str,
    components: float,
) -> dict[str, Tensor]:
    """All that the readings of one network and layer need, for V variants and N images.

    Parameters
    ----------
    network, pixels, layer
        As for :func:`record_batches`; pixels are squares.
    boxes, masks
        The true ones, (N, 4) and bool (N, H, W), or None where only boxes are known.
    classes, others
        The class that is explained and the one to compare with, int64 (N,).
    components
        Share of the variance that the kept components exceed.

    Returns
    -------
    dict[str, torch.Tensor]
        ``iou`` (V, N, 16) by `map_boxes.RULES`; ``focus`` (V, N, 6) by `focus.FORMS`; ``maps``
        (V, N, h, w); ``alike`` (3, N), the correlation of the maps of both classes, of Grad-CAM
        before its ReLU and of HayCAM in both projections; ``relation`` (2, 3, 2, 8, N) as
        :func:`relations` gives it; and where masks are known ``hits``
        (V, N), whether the highest place is on the mask, and ``kept`` (S, N), the share (%) of mass
        on the mask of the kept components less that of the removed ones, by `SIGNS`.
    """
    methods = [variant.function for variant in variants(components)]
    contrasted = [pca_readings.signed_grad_cam, *PROJECTED.values()]
    maps, alike, removed = [], [], []
    both = (record_batches(network, pixels, labels, layer) for labels in (classes, others))
    for (activations, gradients), (_, against) in zip(*both, strict=True):
        maps.append(torch.stack([f(activations, gradients).cpu() for f in methods]))
        pairs = [(f(activations, gradients), f(activations, against)) for f in contrasted]
        alike.append(torch.stack([correlation(*pair).cpu() for pair in pairs]))
        left = [
            pca_readings.removed_components(activations, components=components, sign=sign)
            for sign in SIGNS
        ]
        removed.append(torch.stack(left).cpu())
    every = torch.cat(maps, dim=1)
    found = {
        "maps": every,
        "alike": torch.cat(alike, dim=1),
        "iou": torch.stack([_ious(values, boxes, pixels.shape[-1]) for values in every]),
        "focus": torch.stack([focus.forms(values) for values in every]),
    }
    main = [number for number, v in enumerate(variants(components)) if is_main(v.choices)]
    found["relation"] = relations(found["focus"][main], found["iou"][main])
    if masks is None:
        return found
    kept = [
        values
        for values, variant in zip(every, variants(components), strict=True)
        if variant.choices.get("PCA") == PCAS[0]
    ]  # one a sign
    lying = [
        on_mask(values, masks) - on_mask(left, masks)
        for values, left in zip(kept, torch.cat(removed, dim=1), strict=True)
    ]
    hits = torch.stack([_hits(values, masks) for values in every])
    return found | {"hits": hits, "kept": torch.stack(lying)}


OVER = {"maps": focus.within_images, "images": focus.over_images}  # what is ranked


def relations(areas: Tensor, overlaps: Tensor) -> Tensor:
    """How focus and overlap go together over M methods, in all readings: (2, 3, 2, 8, N).

    By what is ranked (:data:`OVER`), measure of focus, scale (of map and threshold alike) and
    threshold; what each image adds. Areas are (M, N, 6) by `focus.FORMS`, overlaps (M, N, 16) by
    `map_boxes.RULES`.
    """
    scales, measures = len(map_boxes.SCALES), len(focus.MEASURES)
    cuts = len(map_boxes.RULES) // scales
    found = [
        function(areas[:, :, scale * measures + measure].mT, overlaps[:, :, scale * cuts + cut].mT)
        for function in OVER.values()
        for measure in range(measures)
        for scale in range(scales)
        for cut in range(cuts)
    ]
    return torch.stack(found).unflatten(0, (len(OVER), measures, scales, cuts))


def correlation(maps: Tensor, others: Tensor) -> Tensor:
    """Pearson's correlation of two maps (N, H, W) over their cells, (N,); NaN where one is flat."""
    a, b = ((m - m.mean((1, 2), keepdim=True)).flatten(1) for m in (maps, others))
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))


def on_mask(maps: Tensor, masks: Tensor) -> Tensor:
    """The share (%) of the positive mass of maps (N, h, w) on masks (N, H, W), (N,).

    NaN for a map without a positive cell.
    """
    parts = zip(maps.split(LARGE), masks.split(LARGE), strict=True)
    return torch.cat(
        [
            100 * localization.share_within(cams.upsample(m, _side(mask)).clamp(min=0), mask)
            for m, mask in parts
        ]
    )


def _ious(maps: Tensor, boxes: Tensor, side: int) -> Tensor:
    parts = zip(maps.split(LARGE), boxes.split(LARGE), strict=True)
    return torch.cat([map_boxes.ious(cams.upsample(m, side), true) for m, true in parts])


def _hits(maps: Tensor, masks: Tensor) -> Tensor:
    parts = zip(maps.split(LARGE), masks.split(LARGE), strict=True)
    return torch.cat(
        [localization.pointing(cams.upsample(m, _side(mask)), mask).float() for m, mask in parts]
    )


def _side(masks: Tensor) -> int:
    return masks.shape[-1]
