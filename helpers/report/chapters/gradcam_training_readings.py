"""Tables of what Arya 2024 leaves open (Table 3), and of what it says twice and differently."""

from collections.abc import Iterable, Mapping

import pandas as pd

READING = ["pixels", "grid", "count", "probability"]  # what Table 3 leaves open


def reading_row(
    corruption: str, grid: str, count: int, probability: str, stage: int, estimate: Iterable[float]
) -> dict:
    """The mean confidence drop of one stage in one reading of Table 3."""
    mean, low, high = map(float, estimate)
    pixels = "black" if corruption == "occlusion" else "blurred"
    reading = dict(zip(READING, (pixels, grid, count, probability), strict=True))
    return {**reading, "stage": stage, "mean": mean, "low": low, "high": high}


def drop_table(readings: list[dict], names: Mapping[int, str]) -> pd.DataFrame:
    """Table 3 in all its readings: mean drop ± half the width of its interval, by stage.

    `readings` has one row a reading and stage: pixels, grid, count, probability, stage (epoch),
    mean, low, high.
    """
    table: dict[tuple, dict] = {}
    for row in readings:
        cells = table.setdefault(tuple(row[name] for name in READING), {})
        half = (row["high"] - row["low"]) / 2
        cells[names[row["stage"]]] = f"{row['mean']:.4f} ± {half:.4f}"
    index = pd.MultiIndex.from_tuples(list(table), names=READING)
    return pd.DataFrame(list(table.values()), index=index)


def nearest_reading(
    readings: list[dict], paper: Mapping[int, float]
) -> tuple[tuple[str, str, int, str], float]:
    """The reading of Table 3 nearest to the paper's drops, and how far from one of them at most.

    `paper` gives the drop of each stage (epoch); means are compared with the paper's four decimals.
    """
    frame = pd.DataFrame(readings)
    wide = frame.pivot(index=READING, columns="stage", values="mean")[list(paper)].round(4)
    apart = (wide - list(paper.values())).abs().max(axis=1)
    return apart.idxmin(), float(apart.min())


def contradictions(reported: pd.DataFrame) -> pd.DataFrame:
    """What the paper says in two places, and differently."""
    number = reported.reported
    rows = [
        (
            "final accuracy",
            f"Methods: {number['train_final']} % and {number['test_final']} %",
            f"Table 1: {number['train_20']} % and {number['test_20']} %",
        ),
        (
            "pixels occluded",
            "Methods, Fig. 16, Table 3: 20; occluded",
            "confidence drop: 10; overview: 5, blurred",
        ),
        (
            "figure numbers",
            "the text speaks of Figures 2 to 17",
            "the captions number them 1 to 16",
        ),
        ("ResNet-18", "overview: one test uses it", "no such test is shown"),
        (
            "Figure 11",
            "text: its truck is taken for an airplane",
            "caption: a horse is taken for a frog (the truck is Fig. 10)",
        ),
        (
            "Figure 12",
            "picture: a dog is taken for a cat",
            "caption: a frog was predicted, and it was a cat",
        ),
        (
            "Figure 13",
            "text: the untrained model predicts much the same as without noise",
            "figures: truck with noise, horse without",
        ),
        (
            "20-epoch model",
            "Conclusions: significantly worse on most robustness tests",
            "Fig. 14: right in all rounds, which the 1- and 2-epoch models are not",
        ),
        (
            "Figure 15",
            "caption: word for word Figure 14's predictions of a bird",
            "text: a ship; the 20-epoch model says airplane once",
        ),
        ("tables", "Tables 1 and 3", "there is no Table 2"),
        (
            "confidence",
            "Methods: the largest probability 'for a correct class'",
            "both readings are in our Table 3",
        ),
    ]
    return pd.DataFrame(rows, columns=["what", "here", "and there"]).set_index("what")
