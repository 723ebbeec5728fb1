"""Charts and pictures of the chapter on LRP and adversarial images: arrays and frames in."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from helpers.report import charts, figures, theme

BIN = 6  # positions in one bar of the shifts
CHANCE = {"1% in 1%": 31 / 30.72, "10% in 10%": 307 / 30.72}  # of 3,072 components, in %


def training_chart(history: list[float]) -> alt.Chart:
    """Running training accuracy (a share) of arm B by epoch, from the first."""
    frame = pd.DataFrame({"epoch": range(1, len(history) + 1), "accuracy": 100 * np.array(history)})
    chart = alt.Chart(
        frame, description="Running training accuracy of arm B by epoch", width="container"
    )
    scale = alt.Scale(zero=False)
    return chart.mark_line().encode(
        x=alt.X("epoch:Q", title="epoch"),
        y=alt.Y("accuracy:Q", title="training accuracy (%)", scale=scale),
    )


def binned_shifts(counts: np.ndarray) -> pd.DataFrame:
    """Counts (2 m + 1,) of shifts by -m, ..., m, in bins of six positions that start at -m.

    Columns ``left``, ``right`` (the bin's edges) and ``count``; empty bins are left out.
    """
    middle = len(counts) // 2
    shift = np.arange(-middle, middle + 1)
    left = shift - 0.5 - (shift + middle) % BIN
    frame = pd.DataFrame({"left": left, "count": counts})
    frame = frame.groupby("left", as_index=False)["count"].sum().query("count > 0")
    return frame.assign(right=frame.left + BIN)[["left", "right", "count"]]


def shift_chart(
    counts: Mapping[str, Mapping[str, np.ndarray]], names: list[str], arm: str
) -> alt.Chart:
    """How far top components move, one histogram at a time: the paper's Figures 7, 8 and 9.

    `counts` holds by rule ``shifts`` (G, K, 2 m + 1); `names` are those of the K overlaps.
    """
    bins = pd.concat(
        binned_shifts(of_overlap).assign(followed=f"{rule}, {name}, arm {arm}")
        for rule in ("LRP-αβ 1", "LRP-ε 1", "LRP-αβ 2")
        for name, of_overlap in zip(names, counts[rule]["shifts"].sum(0), strict=True)
    )
    return charts.histogram(
        bins,
        value="new position minus old position",
        count="components",
        select="followed",
        description="How far top components move from the original's to the adversarial's ranking",
    )


def pair_chart(controls: pd.DataFrame) -> alt.VConcatChart:
    """Overlap of the top 1 % and 10 % by kind of pair and rule, with intervals.

    `controls` has the columns pairs, rule, overlap, share, low, high, n; kinds keep their order.
    """
    controls = controls[controls.overlap.isin(list(CHANCE))]
    kinds = list(dict.fromkeys(controls.pairs))
    description = f"Overlap of top components for pairs of {len(kinds)} kinds"
    base = alt.Chart(controls, description=description).encode(
        y=alt.Y("pairs:N", sort=kinds, title=None),
        yOffset="rule:N",
        color=alt.Color("rule:N", title=None),
        shape=alt.Shape("rule:N", title=None),
        tooltip=["pairs", "rule", "overlap", "share", "low", "high", "n"],
    )
    intervals = base.mark_rule().encode(x=alt.X("low:Q", title="overlap (%)"), x2="high:Q")
    dots = base.mark_point(filled=True, size=40).encode(x="share:Q")
    return alt.vconcat(
        *(
            alt.layer(intervals, dots)
            .transform_filter(alt.datum.overlap == overlap)
            .properties(
                width=230, height=28 * len(kinds), title=f"{overlap}; chance {chance:.0f} %"
            )
            for overlap, chance in CHANCE.items()
        )
    )


def bin_chart(bins: pd.DataFrame, x_title: str) -> alt.LayerChart:
    """Overlap of the top 1 % over a quantity on a log axis: columns middle, share, low, high, rule.

    Dots stand at the median of each bin, so that a few outliers do not move them.
    """
    description = f"Overlap of the top 1 % against {x_title}, in ten bins of equal count"
    base = alt.Chart(bins, description=description).encode(
        x=alt.X("middle:Q", title=x_title, scale=alt.Scale(type="log", nice=False)),
        color=alt.Color("rule:N", title=None, sort=None),
        shape=alt.Shape("rule:N", title=None, sort=None),
        tooltip=["rule", "middle", "share", "low", "high"],
    )
    intervals = base.mark_rule().encode(
        y=alt.Y("low:Q", title="top 1 % that stays in the top 1 % (%)"), y2="high:Q"
    )
    dots = base.mark_line(point=True).encode(y="share:Q")
    return alt.layer(intervals, dots).properties(width="container", height=theme.HEIGHT)


def path_chart(frame: pd.DataFrame) -> alt.Chart:
    """How alike maps at both ends of a step are, by the step's distance from the turn.

    `frame` has the columns rule, explained, steps, share and n; one rule is shown at a time.
    """
    description = "Overlap of the maps at both ends of a step, before, at and after the turn"
    lines = alt.Chart(frame, description=description).mark_line(point=True)
    lines = lines.encode(
        x=alt.X("steps:Q", title="steps after the one in which the decision turns"),
        y=alt.Y("share:Q", title="top 1 % that stays in the step (%)"),
        color=alt.Color("explained:N", title=None, sort=None),
        strokeDash=alt.StrokeDash("explained:N", title=None, sort=None),
        tooltip=["rule", "explained", "steps", "share", "n"],
    )
    chart = charts.select_by(lines, frame, "rule")
    return chart.properties(width="container", height=theme.HEIGHT)


def reversal_chart(frame: pd.DataFrame) -> alt.LayerChart:
    """Decisions taken back over the number of components: columns rule, order, components, share.

    Also low and high; one rule is shown at a time.
    """
    description = "Adversarial decisions that turn back, by how many components are taken back"
    base = alt.Chart(frame, description=description).encode(
        x=alt.X("components:Q", title="components taken back", scale=alt.Scale(type="log")),
        color=alt.Color("order:N", title=None, sort=None),
        shape=alt.Shape("order:N", title=None, sort=None),
        tooltip=["rule", "order", "components", "share", "low", "high", "n"],
    )
    intervals = base.mark_rule().encode(
        y=alt.Y("low:Q", title="decisions taken back (%)"), y2="high:Q"
    )
    dots = base.mark_line(point=True).encode(y="share:Q")
    chart = charts.select_by(alt.layer(intervals, dots), frame, "rule")
    return chart.properties(width="container", height=theme.HEIGHT)


def attack_picture(pixels: np.ndarray, names: list[str]) -> theme.Html:
    """An image and its adversarials above the changes: the paper's Figure 3.

    `pixels` is uint8 (1 + N, 3, H, W), the original first; `names` are the classes that the network
    sees.
    """
    images = _unit(pixels)
    changes = (images - images[0]).mean(1)  # over colors
    return figures.with_alt_text(
        figures.heatmap_grid(
            [list(images.transpose(0, 2, 3, 1)), list(changes)],
            row_labels=["image", "change (±0.05)"],
            column_labels=[f"original: {names[0]}", *names[1:]],
            vmax=0.05,
            cell=80,
        ),
        "An image and its adversarial versions, which look the same, above the change made to each",
    )


def heatmap_picture(
    pixels: np.ndarray, maps: dict[str, np.ndarray], labels: list[str], description: str
) -> theme.Html:
    """One row per image: the image, and its heatmap (H, W) by each rule, all in [-1, 1]."""
    if not len(pixels):
        return theme.Html("<p>There is no such image in this run.</p>")
    images = _unit(pixels).transpose(0, 2, 3, 1)
    grid = [list(row) for row in zip(images, *maps.values(), strict=True)]
    columns = ["image", *maps]
    return figures.with_alt_text(
        figures.heatmap_grid(grid, row_labels=labels, column_labels=columns), description
    )


def before_and_after(
    pixels: tuple[np.ndarray, np.ndarray],
    maps: tuple[dict[str, np.ndarray], dict[str, np.ndarray]],
    labels: list[str],
    rules: tuple[str, ...] = ("LRP-ε 1", "LRP-αβ 1"),
) -> theme.Html:
    """Originals beside their adversarials: images, then heatmaps by some of the rules."""
    if not labels:
        return theme.Html("<p>There is no such image in this run.</p>")
    images = [_unit(part).transpose(0, 2, 3, 1) for part in pixels]
    columns = [*images, *(of_kind[rule] for rule in rules for of_kind in maps)]
    names = [name for first in ("image", *rules) for name in (first, "attacked")]
    return figures.with_alt_text(
        figures.heatmap_grid(
            [list(row) for row in zip(*columns, strict=True)],
            row_labels=labels,
            column_labels=names,
        ),
        f"Images and their adversarials, with heatmaps of both by {' and '.join(rules)}",
    )


def _unit(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) / 255
