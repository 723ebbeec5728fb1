"""Tables of the chapter on training stages (Arya 2024): rows of numbers in, frames out.

Estimates come as rows (dictionaries) with mean, low and high, a 95 % interval. ``reported`` is the
paper's table as :func:`helpers.report.claims.reported` gives it.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

UNITS = {
    "gaussian noise": "standard deviation",
    "rotation": "largest angle (degrees)",
    "occlusion": "pixels",
    "blurred occlusion": "pixels",
}


def stage_names(stages: Iterable[int]) -> dict[int, str]:
    """What a stage of training is called in tables and charts."""
    return {stage: f"epoch {stage}" if stage else "untrained" for stage in stages}


def corruption_label(corruption: str, grid: str) -> str:
    """A corruption with its unit, and with its grid where that is the enlarged image's."""
    where = " of the enlarged image" if grid == "enlarged" else ""
    return f"{corruption}, {UNITS[corruption]}{where}"


def interval(mean: float, low: float, high: float, digits: int) -> str:
    """An estimate in words: "mean [low, high]"."""
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def groups(reported: pd.DataFrame) -> pd.DataFrame:
    """How many rows a group has, of which kind, and the widest tolerance."""
    found = reported.groupby("group", sort=False).agg(
        rows=("says", "size"),
        kinds=("kind", lambda kinds: ", ".join(kinds.unique())),
        tolerance=("tolerance_b", "max"),
        unit=("unit", lambda units: ", ".join(filter(None, map(_text, units.unique())))),
    )
    return found.fillna("")


def _text(cell: object) -> str:
    return cell if isinstance(cell, str) else ""


def accuracy_row(epoch: int, images: str, estimate: Iterable[float], n: int) -> dict:
    """A row of Table 1: accuracy in %, mean, low and high, on ``test`` or ``training`` images."""
    right, low, high = map(float, estimate)
    return {"epoch": epoch, "set": images, "right": right, "low": low, "high": high, "n": n}


def accuracy_curve(combined: pd.DataFrame) -> pd.DataFrame:
    """Rows of :func:`accuracy_row` from estimates over trainings, as `shards.combine` gives them.

    Training accuracy counts all training images, so that one training has no interval of it.
    """
    names, rows = {"test": "test", "train": "training"}, []
    for row in combined.itertuples():
        name, _, epoch = row.key.partition("_")
        if name in names and epoch.isdecimal():
            estimate = row.value, *of_a_hundred(row.low, row.high)
            rows.append(accuracy_row(int(epoch), names[name], estimate, row.n))
    return pd.DataFrame(rows).sort_values(["set", "epoch"], ignore_index=True)


def of_a_hundred(low: float, high: float) -> tuple[float, float]:
    """An interval of an accuracy (%), which no Student's interval leads below 0 or above 100."""
    return max(low, 0.0), min(high, 100.0)


def accuracy_table(curve: pd.DataFrame, reported: pd.DataFrame) -> pd.DataFrame:
    """Table 1: accuracy (%) by epoch, ours and the paper's; an epoch that the paper lacks is out.

    `curve` has the columns epoch, set (``test`` or ``training``) and right.
    """
    table = curve.pivot(index="epoch", columns="set", values="right")
    for name, key in (("test", "test"), ("training", "train")):
        table[f"{name}, paper"] = [
            reported.reported.get(f"{key}_{epoch}", np.nan) for epoch in table.index
        ]
    return table.dropna(subset=["test, paper", "training, paper"], how="all").round(2)


def pilot_row(
    size: int, rate: float, ours: Mapping[str, float], distance: float, seconds: float
) -> dict:
    """A cell of the pilot grid; `ours` holds ``train_1``, ``test_1`` and so on, in %."""
    tests = {k.removeprefix("test_"): v for k, v in ours.items() if k.startswith("test_")}
    last = max(tests, key=int)
    return {
        "input": size,
        "learning rate": f"{rate:g}",
        **{f"test accuracy {epoch} (%)": value for epoch, value in tests.items()},
        f"training accuracy {last} (%)": ours[f"train_{last}"],
        "distance (points)": distance,
        "seconds": seconds,
    }


def confusion_row(
    figure: int, stage: int, true: str, predicted: str, count: int, mistaken: int
) -> dict:
    """How common a confusion is: `count` images of a class of which `mistaken` are mistaken."""
    return {
        "figure": figure,
        "stage": f"epoch {stage}",
        "true": true,
        "predicted": predicted,
        "images": count,
        "share of the class's mistakes (%)": 100 * count / max(1, mistaken),
    }


def round_row(
    figure: int,
    stage: str,
    index: int,
    corruption: str,
    estimate: Iterable[float],
    predictions: list[str],
) -> dict:
    """The share of rounds (%) that a stage classifies correctly, and predictions of those shown."""
    share, low, high = map(float, estimate)
    return {
        "figure": figure,
        "stage": stage,
        "test image": index,
        "corruption": corruption,
        "correct (%)": share,
        "interval": f"{low:.0f} to {high:.0f}",
        "predictions": ", ".join(predictions),
    }


def focus_table(
    found: Mapping[str, tuple[Mapping[str, Sequence[float]], Sequence]],
) -> pd.DataFrame:
    """Measures of focus as "mean [low, high]" by map, and how many maps have no mass.

    `found` gives by map the estimates (mean, low, high) by measure, and its maps (n, h, w).
    """
    rows = {}
    for name, (estimates, maps) in found.items():
        empty = (np.asarray(maps).reshape(len(maps), -1).max(1) == 0).sum()
        told = {
            f"{what} (%)": interval(mean, low, high, 2)
            for what, (mean, low, high) in estimates.items()
        }
        rows[name] = {**told, "maps without mass": int(empty)}
    return pd.DataFrame(rows).T.rename_axis("map")


def layer_row(role: str, name: str, cells: int, share: float) -> dict:
    """A layer: its part in a reading, its name, cells a side, and what a corner cell depends on."""
    return {
        "layer": role,
        "name": name,
        "cells a side": cells,
        "share of the image that a corner cell depends on (%)": share,
    }


def consistency_row(
    network: str, corruption: str, told: Mapping[str, tuple[float, float, float]], empty: int
) -> dict:
    """Agreement of clean and corrupted maps: own, another image's, corrected; and empty maps."""
    return {
        "corruption": corruption,
        "network": network,
        **{what: interval(*estimate, 3) for what, estimate in told.items()},
        "maps without mass": empty,
    }


def agreement_point(
    corruption: str, grid: str, strength: float, network: str, estimate: Iterable[float]
) -> dict:
    """A point of the chart of corrected agreement by strength."""
    mean, low, high = map(float, estimate)
    return {
        "corruption": corruption_label(corruption, grid),
        "strength": strength,
        "network": network,
        "agreement": mean,
        "low": low,
        "high": high,
    }


def strength_point(
    corruption: str, grid: str, strength: float, network: str, estimate: Iterable[float]
) -> dict:
    """A point of the chart of accuracy (%) by strength."""
    mean, low, high = map(float, estimate)
    return {
        "corruption": corruption_label(corruption, grid),
        "strength": strength,
        "network": network,
        "accuracy": mean,
        "low": low,
        "high": high,
    }


def bars(
    stage: str, images: str, estimates: Iterable[tuple[float, float, float]], n: int
) -> list[dict]:
    """Accuracy and confidence of a stage on some images, both in %: mean, low and high."""
    return [
        {
            "stage": stage,
            "images": images,
            "quantity": quantity,
            "value": value,
            "low": low,
            "high": high,
            "n": n,
        }
        for quantity, (value, low, high) in zip(
            ("accuracy (%)", "confidence (%)"), estimates, strict=True
        )
    ]
