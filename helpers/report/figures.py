"""Figures made of pixels: grids of images and saliency maps, boxes, overlays; drawn by matplotlib.

One figure unit is one pixel: dpi is 72, so that a font size in points is one in pixels too.
"""

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import TextPath
from PIL import Image

from helpers.report import render, theme

SIGNED = colormaps["RdBu_r"].resampled(255)  # an odd number of colors: the middle one is at 0
UNSIGNED = colormaps["cividis"]
DPI, FONT_SIZE, GAP, LINE = 72, 13, 6, 18  # pixels, all but the first
TOP, BOTTOM, BAR = 24, 46, 12  # pixels: the column labels, the color scale, its bar
BAR_WIDTH, LEAST_WIDTH = 240, 150  # pixels: of the color scale at most, of all columns at least
GREY = np.array([0.299, 0.587, 0.114])  # lightness of red, green and blue, ITU-R BT.601


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
    """Images and saliency maps side by side, every map on one scale from -vmax (or 0) to vmax.

    Parameters
    ----------
    rows
        An (H, W, 3) array is an image in [0, 1]; an (H, W) array is a saliency map: if signed,
        drawn blue below 0, white at 0 and red above, else from dark blue at 0 to yellow. What lies
        beyond the scale takes the color of its end.
    row_labels, column_labels
        One label a row, one a column.
    captions
        One short text a picture, written below it.
    vmax
        The end of the scale, in the map's own unit.
    cell
        Width and height of one picture on the figure, in pixels; pixels are repeated, not smoothed.
        What would be wider than the page's column is made narrower, by a quarter of the cell at
        most; if that is not enough, the columns stand in several blocks, one below the other.

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
    left = GAP + max(map(_text_width, row_labels)) + GAP
    widest = max(map(_text_width, column_labels))
    cell, across = _fitted(cell, widest, len(column_labels), left)
    column = max(cell, widest) + GAP
    row_height = cell + GAP + (LINE if captions else 0)
    block_height = TOP + row_height * len(rows)
    width = left + max(column * across, LEAST_WIDTH)
    height = block_height * math.ceil(len(column_labels) / across) + BOTTOM
    figure, axes = _canvas(width, height)
    scale = _scale(vmax, signed)
    for j, label in enumerate(column_labels):
        x, top = left + j % across * column, j // across * block_height
        _write(axes, x + cell / 2, top + TOP / 2, label, "center", "center")
        for i, (name, row) in enumerate(zip(row_labels, rows, strict=True)):
            y = top + TOP + i * row_height
            if j % across == 0:
                _write(axes, left - GAP, y + cell / 2, name, "right", "center")
            axes.imshow(
                _checked(row[j]),
                extent=(x, x + cell, y + cell, y),
                interpolation="nearest",
                cmap=scale.cmap,
                norm=scale.norm,
            )
            if captions:
                _write(axes, x + cell / 2, y + cell + 3, captions[i][j], "center", "top")
    axes.set(xlim=(0, width), ylim=(height, 0))  # imshow has changed them
    bar_width = min(BAR_WIDTH, width - left - 30)
    _add_color_scale(figure, scale, (left, BOTTOM - GAP - BAR, bar_width, BAR))
    return Image.fromarray(_pixels(figure))


def _fitted(cell: int, label: int, columns: int, left: int) -> tuple[int, int]:
    """Side of a cell, and how many columns stand side by side, within the page's column.

    `label` is the width of the widest column label, `left` what the row labels take, in pixels.
    """
    room = theme.PAGE_WIDTH - left
    narrow = min(cell, room // columns - GAP)
    if narrow >= max(label, math.ceil(0.75 * cell)):
        return narrow, columns
    across = min(max(room // (max(cell, label) + GAP), 1), columns)
    return cell, math.ceil(columns / math.ceil(columns / across))  # blocks of about one width


def overlay(image: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Lay a map (H, W) over an image (H, W, 3), both in [0, 1]: grey, and colored by the map.

    The color is the one that `heatmap_grid` draws for unsigned maps; the image's own lightness
    shows through. The result is (H, W, 3) in [0, 1].
    """
    if image.shape != (*share.shape, 3):
        raise ValueError(
            f"image is {image.shape} and map {share.shape}; expected one height, width"
        )
    return 0.4 * (image @ GREY)[:, :, None] + 0.6 * UNSIGNED(share)[:, :, :3]


def draw_boxes(
    image: np.ndarray, predicted: np.ndarray, true: np.ndarray, cell: int = 128
) -> np.ndarray:
    """Draw a predicted box (whole line) and the true one (broken, white) on an image.

    Parameters
    ----------
    image
        (H, W, 3) in [0, 1].
    predicted, true
        Boxes x0, y0, x1, y1, half-open, in pixels of the image; one without an area is not drawn.
    cell
        Side of the result in pixels.

    Returns
    -------
    numpy.ndarray
        (cell, cell, 3) in [0, 1].
    """
    figure, axes = _canvas(cell, cell)
    axes.imshow(image, extent=(0, cell, cell, 0), interpolation="bilinear", vmin=0, vmax=1)
    factor = cell / len(image)
    for box, look in (
        (predicted, {"edgecolor": theme.PALETTE[5], "linewidth": 3}),
        (true, {"edgecolor": "white", "linewidth": 2, "linestyle": (0, (3, 3))}),
    ):
        x0, y0, x1, y1 = (float(side) * factor for side in box)
        inset = look["linewidth"] / 2  # the line lies within the box
        size = (x1 - x0 - 2 * inset, y1 - y0 - 2 * inset)
        if x0 < x1 and y0 < y1:
            axes.add_patch(Rectangle((x0 + inset, y0 + inset), *size, fill=False, **look))
    axes.set(xlim=(0, cell), ylim=(cell, 0))
    return _pixels(figure) / 255


def with_alt_text(picture: Image.Image, description: str) -> theme.Html:
    """Show a picture together with the words that a screen reader says for it.

    On a narrow page it shrinks while its labels stay legible, and then scrolls.
    """
    return render.html(
        "figure",
        source=f"data:image/png;base64,{theme.as_png(picture)}",
        description=description,
        width=picture.width,
        least_width=min(picture.width, theme.LEGIBLE_WIDTH),
    )


def side_by_side(figures: list[theme.Html]) -> theme.Html:
    """Several figures in a row, or below each other where the page is narrow."""
    return render.html("side_by_side", figures=figures)


def color_table(signed: bool) -> list[list[int]]:
    """The 256 colors (red, green, blue) of a map's grey levels; of a signed one, level 128 is 0."""
    level = np.arange(256)
    values = (level - 128) / 127 if signed else level / 255
    colors = _scale(1, signed).to_rgba(values)[:, :3]
    return (255 * colors).round().astype(int).tolist()


def _scale(vmax: float, signed: bool) -> ScalarMappable:
    """Values to colors: from -vmax by 0 in the middle, or from 0, to vmax."""
    return ScalarMappable(Normalize(-vmax if signed else 0, vmax), SIGNED if signed else UNSIGNED)


def _canvas(width: int, height: int) -> tuple[Figure, Axes]:
    """A figure without pyplot, and axes in its pixels, y downwards, that draw nothing of theirs."""
    figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes


def _pixels(figure: Figure) -> np.ndarray:
    """What the figure shows, (height, width, 3), uint8."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[:, :, :3].copy()


def _add_color_scale(figure: Figure, scale: ScalarMappable, box: tuple[int, ...]) -> None:
    """Draw the color scale with its ends and its middle; box: x, y from below, width, height."""
    width, height = figure.get_size_inches() * DPI
    x, y, bar_width, bar_height = box
    axes = figure.add_axes((x / width, y / height, bar_width / width, bar_height / height))
    bar = figure.colorbar(scale, cax=axes, orientation="horizontal")
    low, high = scale.norm.vmin, scale.norm.vmax
    middle = (low + high) / 2
    bar.set_ticks([low, middle, high], labels=[_tick(value) for value in (low, middle, high)])
    bar.outline.set_visible(False)
    axes.tick_params(length=0, pad=3, labelsize=FONT_SIZE)


def _tick(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _write(axes: Axes, x: float, y: float, text: str, across: str, along: str) -> None:
    axes.text(x, y, text, ha=across, va=along, fontsize=FONT_SIZE, parse_math=False)


def _text_width(text: str) -> int:
    """Width of a label in pixels."""
    if not text.strip():
        return 0
    path = TextPath((0, 0), text, size=FONT_SIZE, prop=FontProperties(), usetex=False)
    return math.ceil(path.get_extents().width)


def _checked(array: np.ndarray) -> np.ndarray:
    """The array as floats, if it is an image (H, W, 3) in [0, 1] or a map (H, W)."""
    array = np.asarray(array, dtype=float)
    is_image = array.ndim == 3 and array.shape[2] == 3 and array.min() >= 0 and array.max() <= 1
    if is_image or array.ndim == 2:
        return array
    span = f"{array.min():.3g} to {array.max():.3g}" if array.size else "nothing"
    raise ValueError(
        f"a picture has shape {array.shape} and values from {span}; "
        "expected an image (H, W, 3) in [0, 1] or a map (H, W)"
    )
