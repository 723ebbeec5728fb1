"""Charts and pictures of the chapter on training stages (Arya 2024): frames and arrays in."""

import altair as alt
import numpy as np
import pandas as pd
from IPython.display import Markdown
from PIL import Image

from helpers.report import charts, figures, multiverse_chart, theme


def accuracy(curve: pd.DataFrame, reported: pd.DataFrame) -> alt.LayerChart:
    """Accuracy (%) by epoch: ours as lines with intervals, the paper's Table 1 as open diamonds.

    Parameters
    ----------
    curve
        Columns epoch, set (``test`` or ``training``), right, low and high, in %.
    reported
        The paper's numbers as `claims.reported` gives them; keys ``train_1``, ``test_1`` and so on.
    """
    theirs = reported.filter(regex=r"^(train|test)_\d+$", axis=0)
    names, epochs = zip(*(key.split("_") for key in theirs.index), strict=True)
    sets = ["training" if name == "train" else "test" for name in names]
    diamonds = pd.DataFrame({"epoch": map(int, epochs), "right": theirs.reported, "set": sets})
    ours = charts.curve(
        curve,
        x="epoch",
        y="right",
        low="low",
        high="high",
        color="set",
        x_title="epoch",
        y_title="images classified correctly (%)",
        description="Accuracy on training and test images by epoch, ours and the paper's",
    )
    paper = alt.Chart(diamonds).mark_point(shape="diamond", size=70)
    paper = paper.encode(x="epoch:Q", y="right:Q", color="set:N", tooltip=["epoch", "set", "right"])
    return alt.layer(ours, paper).properties(width="container", height=theme.HEIGHT)


def picture_grid(
    rows: list[list[np.ndarray]],
    captions: list[list[str]],
    *,
    rows_are: list[str],
    columns_are: list[str],
    text: str,
    cell: int = 96,
) -> theme.Html:
    """Images and maps in rows, a caption below each, with `text` for screen readers."""
    grid = figures.heatmap_grid(
        rows,
        row_labels=rows_are,
        column_labels=columns_are,
        captions=captions,
        signed=False,
        cell=cell,
    )
    return figures.with_alt_text(grid, text)


def stage_grid(
    images: list[np.ndarray],
    classes: list[str],
    indices: list[int],
    strips: dict[str, tuple[list[np.ndarray], list[str]]],
) -> theme.Html:
    """Images and their maps at each stage, the class or the predicted class below each.

    Parameters
    ----------
    images, classes, indices
        Arrays (H, W, 3) in [0, 1], their classes, and their places in the test set.
    strips
        By name of the stage the pictures of the maps, and the predicted classes.
    """
    rows = [[image, *(strips[s][0][i] for s in strips)] for i, image in enumerate(images)]
    captions = [[true, *(strips[s][1][i] for s in strips)] for i, true in enumerate(classes)]
    text = (
        f"{len(images)} test images and their Grad-CAM maps at {len(strips)} stages of training, "
        "with the predicted class below each: "
    )
    text += "; ".join(f"{true}: {', '.join(predicted)}" for true, *predicted in captions)
    labels = [f"test image {index}" for index in indices]
    return picture_grid(rows, captions, rows_are=labels, columns_are=["image", *strips], text=text)


def stage_frames(
    strips: dict[int, tuple[list[np.ndarray], list[str]]], indices: list[int], classes: list[str]
) -> list[dict]:
    """Rows of :func:`stage_slider`: one picture per row, three pictures across; arguments as above.

    `strips` is by epoch, in the order of the slider.
    """
    return [
        {
            "number": number,
            "column": place % 3,
            "row": place // 3,
            "epoch": epoch,
            "label": f"epoch {epoch}: {index}",
            "image": str(index),
            "url": f"data:image/png;base64,{_png(picture)}",
            "prediction": prediction,
            "right": prediction == true,
        }
        for number, (epoch, strip) in enumerate(strips.items())
        for place, (picture, prediction, index, true) in enumerate(
            zip(*strip, indices, classes, strict=True)
        )
    ]


def stage_slider(frames: list[dict]) -> alt.LayerChart:
    """Maps of several images, one stage at a time; `frames` are rows of :func:`stage_frames`."""
    last = max(row["number"] for row in frames)
    slider = alt.binding_range(min=0, max=last, step=1, name="stage ")
    chosen = alt.selection_point(fields=["number"], bind=slider, value=0)
    base = alt.Chart(pd.DataFrame(frames)).transform_filter(chosen)
    base = base.encode(
        x=alt.X("column:O", axis=None),
        y=alt.Y("row:O", axis=None),
        tooltip=["image", "epoch", "prediction", "right"],
    )
    chart = alt.layer(
        base.mark_image(width=76, height=76).encode(url="url:N"),
        base.mark_text(fontSize=12, dy=50).encode(text="prediction:N"),
        base.mark_text(fontSize=12, dy=-50).encode(text="label:N"),
        description="Grad-CAM maps of six test images by epoch, chosen with a slider",
    )
    return chart.add_params(chosen).properties(width="container", height=260)


def mistakes(pictured: dict[str, tuple[list[np.ndarray], list[str]]]) -> theme.Html | Markdown:
    """Mistaken images with the maps of the predicted and of the true class.

    `pictured` gives, by figure, the image and the two maps, and the class below each of the three.
    """
    if not pictured:
        return Markdown("*None of these confusions occurs among the images at hand.*")
    return picture_grid(
        [pictures for pictures, _ in pictured.values()],
        [captions for _, captions in pictured.values()],
        rows_are=list(pictured),
        columns_are=["image", "predicted class", "true class"],
        text="Mistaken images: " + "; ".join(pictured),
    )


def rounds(
    strips: dict[str, tuple[list[np.ndarray], list[str]]], index: int, corruption: str
) -> theme.Html:
    """Rounds of a corrupted image at each stage: pictures of the maps, predictions below."""
    pictures, captions = map(list, zip(*strips.values(), strict=True))
    return picture_grid(
        pictures,
        captions,
        rows_are=list(strips),
        columns_are=[f"round {number + 1}" for number in range(len(pictures[0]))],
        text=f"Test image {index} under {corruption}, {len(pictures[0])} rounds at "
        f"{len(strips)} stages",
        cell=80,
    )


def agreement(points: pd.DataFrame) -> alt.LayerChart:
    """Corrected agreement of clean and corrupted maps by strength, one line per network.

    `points` has the columns corruption, strength, network, agreement, low and high.
    """
    return charts.curve(
        points,
        x="strength",
        y="agreement",
        low="low",
        high="high",
        color="network",
        select="corruption",
        x_title="strength",
        y_title="agreement beyond what two images share",
        description="Agreement of clean and corrupted maps beyond what the maps of two images "
        "share, by strength, for five stages",
    )


def behavior(bars: pd.DataFrame) -> alt.LayerChart:
    """Accuracy or confidence (%) by stage, clean and corrupted side by side, with intervals.

    `bars` has the columns stage, images, quantity, value, low, high and n. Quantities are
    ``accuracy (%)`` and ``confidence (%)``; one is shown at a time.
    """
    quantities = list(dict.fromkeys(bars.quantity))
    box = alt.binding_select(options=quantities, name="quantity ")
    chosen = alt.selection_point(fields=["quantity"], value=quantities[0], bind=box)
    stages = list(dict.fromkeys(bars.stage))
    base = alt.Chart(bars).encode(
        x=alt.X("stage:N", sort=stages, title=None, axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("images:N"),
        color=alt.Color("images:N", title=None),
        tooltip=["stage", "images", "quantity", "value", "low", "high", "n"],
    )
    chart = alt.layer(
        base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title="%"), y2="high:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(y="value:Q"),
        description="Accuracy or confidence by stage on clean and corrupted images",
    )
    chart = chart.add_params(chosen).transform_filter(chosen)
    return chart.properties(width="container", height=theme.HEIGHT)


def accuracy_by_strength(points: pd.DataFrame) -> alt.LayerChart:
    """Accuracy (%) by strength of a corruption; `points` has columns as for `agreement`.

    The column accuracy takes agreement's place.
    """
    return charts.curve(
        points,
        x="strength",
        y="accuracy",
        low="low",
        high="high",
        color="network",
        select="corruption",
        x_title="strength",
        y_title="accuracy (%)",
        description="Accuracy by strength of a corruption, for five stages of training",
    )


readings = multiverse_chart.of_row  # the notebook draws all of its charts from here


def _png(picture: np.ndarray) -> str:
    pixels = (255 * picture).round().astype(np.uint8)
    return theme.as_png(Image.fromarray(pixels).quantize(48))
