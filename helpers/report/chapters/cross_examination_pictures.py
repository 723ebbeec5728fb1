"""Maps over photographs, and the explorer's small pictures: arrays in, figures and texts out."""

import base64
import io
import json
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from helpers.report import figures, theme

A_ROW = 6  # methods side by side in a figure
PHOTOGRAPH, MAP = 160, 56  # pixels of the explorer's pictures
LEVELS = 32  # steps of grey of the explorer's maps, so that they stay small


def strongest(maps: np.ndarray) -> np.ndarray:
    """Where the strongest 1 % by magnitude of each map (N, H, W) begin, (N, 1, 1); above 0."""
    flat = np.abs(maps).reshape(len(maps), -1)
    return np.maximum(np.quantile(flat, 0.99, axis=1), 1e-12)[:, None, None]


def maps_over_photographs(
    photographs: np.ndarray, labels: Sequence[str], maps: Mapping[str, np.ndarray]
) -> theme.Html:
    """Photographs (N, H, W, 3), and over them the positive part of each method's maps (N, H, W)."""
    names = list(maps)
    return figures.side_by_side(
        [
            _grid(photographs, labels, {name: maps[name] for name in names[k : k + A_ROW]})
            for k in range(0, len(names), A_ROW)
        ]
    )


def _grid(
    photographs: np.ndarray, labels: Sequence[str], maps: Mapping[str, np.ndarray]
) -> theme.Html:
    shares = [np.clip(values / strongest(values), 0, 1) for values in maps.values()]
    rows = [
        [photograph, *(figures.overlay(photograph, share[i]) for share in shares)]
        for i, photograph in enumerate(photographs)
    ]
    grid = figures.heatmap_grid(
        rows, row_labels=list(labels), column_labels=["image", *maps], signed=False, cell=84
    )
    return figures.with_alt_text(grid, f"Photographs, and over them maps by {', '.join(maps)}")


def network_part(
    name: str,
    photographs: np.ndarray,
    labels: Sequence[str],
    probabilities: Sequence[float],
    maps: Mapping[str, np.ndarray],
    signed: Mapping[str, bool],
    scores: Mapping[str, Mapping[str, Sequence[float]]],
) -> dict:
    """One network's part of the explorer's file; see :func:`helpers.report.explorer.explorer`.

    Parameters
    ----------
    photographs, labels, probabilities
        (N, H, W, 3) in [0, 1], with the class that is explained and its probability.
    maps, signed
        Small maps (N, 56, 56) by method, and whether the method's maps are of both signs.
    scores
        By method and measure, a number an image; NaN where there is none.
    """
    images = zip(labels, probabilities, photographs, strict=True)
    return {
        "name": name,
        "images": [
            {
                "name": str(i + 1), "class": label, "probability": round(probability, 3),
                "picture": encoded(photograph, "JPEG", PHOTOGRAPH),
            }
            for i, (label, probability, photograph) in enumerate(images)
        ],
        "maps": {method: small_maps(values, signed[method]) for method, values in maps.items()},
        "scale": {method: "signed" if signed[method] else "unsigned" for method in maps},
        "scores": {
            method: {
                measure: [None if np.isnan(v) else round(float(v), 3) for v in values]
                for measure, values in scores.get(method, {}).items()
            }
            for method in maps
        },
    }  # fmt: skip


def small_maps(maps: np.ndarray, signed: bool) -> list[str]:
    """Maps (N, H, W) as grey pictures: from 0 to the strongest, or about the middle if signed."""
    shares = np.clip(maps / strongest(maps), -1, 1)
    shares = (shares + 1) / 2 if signed else np.clip(shares, 0, 1)
    return [encoded((share * LEVELS).round() / LEVELS, "PNG", MAP) for share in shares]


def encoded(array: np.ndarray, kind: str, size: int) -> str:
    """An image (H, W) or (H, W, 3) in [0, 1] as a small JPEG or PNG, in base64."""
    picture = Image.fromarray((255 * array).round().astype("uint8")).resize((size, size))
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": 80} if kind == "JPEG" else {"optimize": True}))
    return base64.b64encode(buffer.getvalue()).decode()


def explorer_file(parts: Sequence[dict]) -> str:
    """The explorer's file of all networks."""
    return json.dumps({"networks": list(parts)}, separators=(",", ":"))
