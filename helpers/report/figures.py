"""Figures made of pixels: grids of images and maps, boxes, overlays."""

import html
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from helpers.report import theme

SCALE_COLORS = np.array(
    [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]]  # blue, white, red
)
SHARE_COLORS = np.array(  # dark blue to yellow, in even steps of lightness
    [[0, 32, 77], [60, 77, 110], [124, 123, 120], [188, 175, 111], [255, 234, 70]]
)
# Pillow's own font has no Greek letters
_LATIN = str.maketrans({"α": "a", "β": "b", "ε": "eps"})


def heatmap_grid(
    rows: list[list[np.ndarray]],
    *,
    row_labels: list[str],
    column_labels: list[str],
    vmax: float = 1.0,
    cell: int = 96,
    signed: bool = True,
    captions: list[list[str]] | None = None,
) -> Image.Image:
    """Images and relevance maps side by side, every map on one scale from -vmax (or 0) to vmax.

    Parameters
    ----------
    rows
        An (H, W, 3) array is an image in [0, 1]; an (H, W) array is a map of relevance: signed,
        drawn blue below 0, white at 0 and red above, or else from dark blue at 0 to yellow; what
        lies beyond takes the end's color.
    row_labels, column_labels
        One label a row, one a column.
    captions
        One short text a picture, written below it.
    vmax
        The scale's end, in the map's own unit.
    cell
        Width and height of one picture on the figure, in pixels; pixels are repeated, not smoothed.

    Raises
    ------
    ValueError
        If the labels do not fit the rows, or an array is neither an image in [0, 1] nor a map.
    """
    if len(row_labels) != len(rows) or any(len(row) != len(column_labels) for row in rows):
        raise ValueError(
            f"rows hold {[len(row) for row in rows]} pictures; expected {len(row_labels)} rows "
            f"(one a row label) of {len(column_labels)} (one a column label)"
        )
    row_labels, column_labels = (
        [label.translate(_LATIN) for label in labels] for labels in (row_labels, column_labels)
    )
    gap, font = 6, ImageFont.load_default(size=14)
    line = 16 if captions else 0
    left = gap + math.ceil(max(font.getlength(label) for label in row_labels)) + gap
    step = max(cell, *(math.ceil(font.getlength(label)) for label in column_labels)) + gap
    top, bottom = 24, 46
    size = (
        left + max(step * len(column_labels), 150),
        top + (cell + gap + line) * len(rows) + bottom,
    )
    figure = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(figure)
    for j, label in enumerate(column_labels):
        pen.text((left + j * step + cell // 2, top // 2), label, "black", font, anchor="mm")
    for i, (label, row) in enumerate(zip(row_labels, rows, strict=True)):
        y = top + i * (cell + gap + line)
        pen.text((left - gap, y + cell // 2), label, "black", font, anchor="rm")
        for j, array in enumerate(row):
            picture = Image.fromarray(_pixels(array, vmax, signed))
            figure.paste(
                picture.resize((cell, cell), Image.Resampling.NEAREST), (left + j * step, y)
            )
            if captions:
                place = (left + j * step + cell // 2, y + cell + 2)
                pen.text(place, captions[i][j], "black", font, anchor="ma")
    _draw_scale(figure, (left, size[1] - bottom + gap), vmax, font, signed)
    return figure


def overlay(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Lay a map (H, W) over an image (H, W, 3), both in [0, 1]: grey, and colored by the map.

    The color is the one that `heatmap_grid` draws for unsigned maps; the image's own lightness
    shows through. The result is (H, W, 3) in [0, 1].
    """
    if image.shape != (*share.shape, 3):
        raise ValueError(
            f"image is {image.shape} and map {share.shape}; expected one height, width"
        )
    grey = image @ np.array([0.299, 0.587, 0.114])
    return 0.4 * grey[:, :, None] + 0.6 * _color(share, signed=False) / 255


def draw_boxes(
    image: np.ndarray, found: np.ndarray, true: np.ndarray, cell: int = 128
) -> np.ndarray:
    """Draw the box that was found (whole line) and the true one (broken, white) on an image.

    Parameters
    ----------
    image
        (H, W, 3) in [0, 1].
    found, true
        Boxes x0, y0, x1, y1, half-open, in pixels of the image; one without an area is not drawn.
    cell
        Side of the result in pixels.

    Returns
    -------
    numpy.ndarray
        (cell, cell, 3) in [0, 1].
    """
    picture = Image.fromarray((image * 255).round().astype(np.uint8))
    picture = picture.resize((cell, cell), Image.Resampling.BILINEAR)
    pen, factor = ImageDraw.Draw(picture), cell / len(image)
    x0, y0, x1, y1 = (float(side) * factor for side in found)
    if x0 < x1:
        pen.rectangle([x0, y0, x1 - 1, y1 - 1], outline=theme.PALETTE[5], width=3)
    x0, y0, x1, y1 = (float(side) * factor for side in true)
    for start in np.arange(0, 1, 1 / 9):  # dashes
        end = start + 1 / 18
        for y in (y0, y1 - 1):
            pen.line([x0 + start * (x1 - x0), y, x0 + end * (x1 - x0), y], "white", 2)
        for x in (x0, x1 - 1):
            pen.line([x, y0 + start * (y1 - y0), x, y0 + end * (y1 - y0)], "white", 2)
    return np.asarray(picture) / 255


def with_alt_text(picture: Image.Image, description: str) -> theme.Html:
    """Show a picture together with the words that a screen reader says for it.

    On a narrow page it shrinks while its labels stay legible, and then scrolls.
    """
    source = f"data:image/png;base64,{theme.as_png(picture)}"
    style = f"max-width: 100%; min-width: {min(picture.width, theme.LEGIBLE_WIDTH)}px; height: auto"
    return theme.Html(
        f'<div style="overflow-x: auto"><img class="dark-light" alt="{html.escape(description)}" '
        f'width="{picture.width}" style="{style}" src="{source}"></div>'
    )


def side_by_side(figures: list[theme.Html]) -> theme.Html:
    """Several figures in a row, or below each other where the page is narrow."""
    return theme.Html(
        '<div style="display: flex; flex-wrap: wrap; gap: 1.5rem">' + "".join(figures) + "</div>"
    )


def color_table(signed: bool) -> list[list[int]]:
    """The 256 colors (red, green, blue) of a map's grey levels; of a signed one, level 128 is 0."""
    level = np.arange(256)
    return _color((level - 128) / 127 if signed else level / 255, signed).tolist()


def _pixels(array: np.ndarray, vmax: float, signed: bool) -> np.ndarray:
    """Colors (H, W, 3), uint8, of an image in [0, 1] or of a map of relevance."""
    array = np.asarray(array, dtype=float)
    if array.ndim == 3 and array.shape[2] == 3 and array.min() >= 0 and array.max() <= 1:
        return (array * 255).round().astype(np.uint8)
    if array.ndim == 2:
        return _color(array / vmax, signed)
    span = f"{array.min():.3g} to {array.max():.3g}" if array.size else "nothing"
    raise ValueError(
        f"a picture has shape {array.shape} and values from {span}; "
        "expected an image (H, W, 3) in [0, 1] or a map (H, W)"
    )


def _color(share: np.ndarray, signed: bool = True) -> np.ndarray:
    """Colors (H, W, 3) for shares (H, W): -1 blue, 0 white, 1 red, or 0 dark blue to 1 yellow."""
    colors = SCALE_COLORS if signed else SHARE_COLORS
    stops = np.linspace(-1 if signed else 0, 1, len(colors))
    channels = [np.interp(share, stops, colors[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def _draw_scale(
    figure: Image.Image, corner: tuple[int, int], vmax: float, font, signed: bool
) -> None:
    """Draw the color scale with its ends and its middle below the pictures."""
    x, y = corner
    low = -1 if signed else 0
    width = min(240, figure.width - x - 30)
    bar = _color(np.linspace(low, 1, width)[None].repeat(12, axis=0), signed)
    figure.paste(Image.fromarray(bar), (x, y))
    pen = ImageDraw.Draw(figure)
    for place in (0, 0.5, 1):
        text = f"{vmax * (low + place * (1 - low)):g}"
        pen.text((x + place * width, y + 16), text, "black", font, anchor="ma")
