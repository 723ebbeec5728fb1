"""Tables of the chapter on training stages (Arya 2024): rows of numbers in, frames out.

Estimates come as rows (dictionaries) with mean, low and high, a 95 % interval. ``reported`` is the
paper's table as :func:`helpers.report.claims.reported` gives it.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from helpers.report import claims

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


def estimate_rows(estimate: tuple, quantities: Iterable[str], **about: object) -> list[dict]:
    """One row a quantity: mean, low and high of `estimate` (K,) each, and what it is about."""
    return [
        {**about, "quantity": quantity, "mean": mean, "low": low, "high": high}
        for quantity, mean, low, high in zip(quantities, *estimate, strict=True)
    ]


def interval(mean: float, low: float, high: float, digits: int) -> str:
    """An estimate in words: "mean [low, high]"."""
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def interval_table(rows: list[dict], index: list[str], digits: Mapping[str, int]) -> pd.DataFrame:
    """Estimates as "mean [low, high]", one column a quantity, in the order of the rows.

    Parameters
    ----------
    rows
        One estimate a row: the columns of `index`, quantity, mean, low, high, and any others,
        which become columns of their own.
    digits
        Decimals of each quantity.
    """
    table: dict[tuple, dict] = {}
    for row in rows:
        others = {k: v for k, v in row.items() if k not in ("quantity", "mean", "low", "high")}
        cells = table.setdefault(tuple(row[name] for name in index), others)
        cells[row["quantity"]] = interval(
            row["mean"], row["low"], row["high"], digits[row["quantity"]]
        )
    return pd.DataFrame(list(table.values())).set_index(index)


def accuracy_row(epoch: int, images: str, estimate: Iterable[float], n: int) -> dict:
    """A row of Table 1: accuracy in %, mean, low and high, on ``test`` or ``training`` images."""
    right, low, high = map(float, estimate)
    return {"epoch": epoch, "set": images, "right": right, "low": low, "high": high, "n": n}


def share_interval(share: float, count: int) -> tuple[float, float, float]:
    """A share of many in %, with its normal 95 % interval."""
    half = 196 * (share * (1 - share) / count) ** 0.5
    return 100 * share, 100 * share - half, 100 * share + half


def accuracy_claims(curve: pd.DataFrame, reported: pd.DataFrame) -> list[dict]:
    """The measurements of the claims ``test_1``, ``train_1`` and so on; epoch 20 is also final.

    `curve` holds rows of :func:`accuracy_row`.
    """
    names = {"test": "test", "training": "train"}
    return [
        claims.measurement(key, claims.INDEPENDENT, row.right, row.low, row.high, row.n)
        for row in curve.itertuples()
        for end in [str(row.epoch), *(["final"] if row.epoch == 20 else [])]
        if (key := f"{names[row.set]}_{end}") in reported.index
    ]


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


def gap_row(size: int, epoch: int, ours: Iterable[float], reported: pd.DataFrame) -> dict:
    """Our test accuracy after an epoch (mean, low, high; %) beside the paper's."""
    share, low, high = map(float, ours)
    paper = float(reported.reported[f"test_{epoch}"])
    return {
        "input": size,
        "epoch": epoch,
        "test, paper": paper,
        "test, ours": share,
        "low": low,
        "high": high,
        "gap (points)": share - paper,
    }


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
    """In how many rounds (%) a stage is right, and its predictions in those that are shown."""
    share, low, high = map(float, estimate)
    return {
        "figure": figure,
        "stage": stage,
        "test image": index,
        "corruption": corruption,
        "right (%)": share,
        "predictions": ", ".join(predictions),
        "interval": f"{low:.0f} to {high:.0f}",
    }


def agreement_point(
    corruption: str, grid: str, strength: float, network: str, estimate: tuple, unchanged: float
) -> dict:
    """A point of the chart of agreement: Spearman and shared top fifth, mean, low and high (2,).

    `unchanged` is Spearman's mean over the images on which the decision stays.
    """
    (spearman, top), low, high = estimate
    return {
        "corruption": corruption_label(corruption, grid),
        "strength": strength,
        "network": network,
        "Spearman": spearman,
        "low": low[0],
        "high": high[0],
        "top fifth shared (%)": top,
        "Spearman where the decision stays": unchanged,
    }


def strength_point(
    corruption: str, grid: str, strength: float, network: str, estimate: tuple
) -> dict:
    """A point of the charts by strength: accuracy (%) and confidence drop, mean, low, high (2,)."""
    mean, low, high = estimate
    return {
        "corruption": corruption_label(corruption, grid),
        "strength": strength,
        "network": network,
        "right": mean[0],
        "low": low[0],
        "high": high[0],
        "drop": mean[1],
        "drop_low": low[1],
        "drop_high": high[1],
    }


def bars(stage: str, images: str, estimate: tuple, n: int) -> list[dict]:
    """Accuracy and confidence of a stage on some images, both in %: mean, low and high, (2,)."""
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
        for quantity, value, low, high in zip(
            ("right (%)", "confidence (%)"), *estimate, strict=True
        )
    ]
