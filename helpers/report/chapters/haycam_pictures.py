"""Pictures of faces under their maps, with boxes (HayCAM+). Arrays of numbers in, PNG out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.report import figures

CELL = 112  # side of a picture, in pixels


class Shown(NamedTuple):
    """One method's maps of N images at the images' size, its boxes, and their IoU."""

    maps: np.ndarray  # (N, H, W), of both signs
    boxes: np.ndarray  # (N, 4)
    ious: np.ndarray  # (N,)


def gallery(
    images: Sequence[np.ndarray], true: np.ndarray, shown: Mapping[str, Shown]
) -> Image.Image:
    """Images (H, W, 3), and each method's map over them with its box and the true one (N, 4)."""
    columns = [
        [
            figures.draw_boxes(figures.overlay(image, share), box, true_box, CELL)
            for image, share, box, true_box in zip(
                images, _of_maximum(method.maps), method.boxes, true, strict=True
            )
        ]
        for method in shown.values()
    ]
    captions = [["IoU", *(f"{m.ious[i]:.2f}" for m in shown.values())] for i in range(len(images))]
    return figures.heatmap_grid(
        [list(row) for row in zip(images, *columns, strict=True)],
        row_labels=[str(number + 1) for number in range(len(images))],
        column_labels=["image", *shown],
        captions=captions,
        cell=CELL,
        signed=False,
    )


def raw_maps(images: Sequence[np.ndarray], maps: Mapping[str, np.ndarray]) -> Image.Image:
    """Images, and each method's map in the layer's own cells, divided by its largest magnitude."""
    scaled = [m / np.abs(m).max((1, 2), keepdims=True).clip(min=1e-9) for m in maps.values()]
    return figures.heatmap_grid(
        [[image, *(m[i] for m in scaled)] for i, image in enumerate(images)],
        row_labels=[str(number + 1) for number in range(len(images))],
        column_labels=["image", *maps],
    )


def _of_maximum(maps: np.ndarray) -> np.ndarray:
    """The positive part of maps (N, H, W) as a share of each one's maximum."""
    positive = maps.clip(min=0)
    return positive / positive.max((1, 2), keepdims=True).clip(min=1e-20)
