"""Rows of the chapter on training stages (Arya 2024): what was measured, in readings and networks.

Estimates over trainings are frames as `shards.combine` gives them: columns key, reading, value,
low, high, n and trainings. ``readings`` is the frame of :meth:`claims.Measurements.readings`.
"""

import html
import re
from collections.abc import Callable, Iterable, Mapping

import pandas as pd

from helpers.report import claims, multiverse_rows, theme
from helpers.report.chapters.gradcam_training_tables import interval, of_a_hundred

NETWORK = "network"  # the choice that second networks are options of
SAME = {"test_final": "test_20", "train_final": "train_20"}  # two names of one quantity
OF_TABLE_1 = re.compile(r"(test|train)_\d+")


def measurements(found: pd.DataFrame, *, table_1: bool) -> list[dict]:
    """The main readings as measurements; Table 1 only where trainings may be compared with it."""
    rows = []
    for row in found.itertuples():
        is_accuracy = bool(OF_TABLE_1.fullmatch(row.key))
        if table_1 or not is_accuracy:
            ends = of_a_hundred(row.low, row.high) if is_accuracy else (row.low, row.high)
            rows.append(claims.measurement(row.key, claims.INDEPENDENT, row.value, *ends, row.n))
    by_key = {row["key"]: row for row in rows}
    return rows + [{**by_key[of], "key": key} for key, of in SAME.items() if of in by_key]


def readings(found: pd.DataFrame, network: str) -> list[dict]:
    """All readings of the chapter's own network; `network` names it where there are others."""
    return [
        claims.reading(
            row.key,
            claims.INDEPENDENT,
            multiverse_rows.parsed(row.reading) | ({NETWORK: network} if network else {}),
            row.value,
            row.low,
            row.high,
            row.n,
        )
        for row in found.itertuples()
    ]


def second_readings(
    found: pd.DataFrame,
    network: str,
    main: Callable[[str], Mapping[str, str]],
    reported: pd.DataFrame,
) -> list[dict]:
    """Main readings of a second network, of the rows that carry a conclusion."""
    carrying = {
        key
        for rule in reported.rests_on[reported.rests_on != ""]
        for key in re.split(r"\s*;\s*", rule.partition(":")[2].strip())
    }
    return [
        claims.reading(
            row.key,
            claims.INDEPENDENT,
            {**main(row.key), NETWORK: network},
            row.value,
            row.low,
            row.high,
            row.n,
        )
        for row in found.itertuples()
        if row.key in carrying
    ]


def looks(combined: pd.DataFrame, rules: Iterable[str]) -> pd.DataFrame:
    """How often (%) the author's procedure shows the last model as worst, by rule, and by chance.

    Columns rule, checkpoints, share, low and high; empty where nothing was drawn.
    """
    rows = [
        {
            "rule": rule,
            "checkpoints": multiverse_rows.parsed(row.reading)["stages"],
            "share": row.value,
            "low": max(row.low, 0.0),
            "high": min(row.high, 100.0),
        }
        for rule in rules
        for row in combined[
            (combined.key == f"look: {rule}") & (combined.reading != "")
        ].itertuples()
    ]
    return pd.DataFrame(rows, columns=["rule", "checkpoints", "share", "low", "high"])


shares = multiverse_rows.shares  # the notebook takes all of its tables of claims from here


def by_strength(readings: pd.DataFrame) -> pd.DataFrame:
    """The last model's accuracy less epoch 3's, by corruption and strength (original image)."""
    wanted = {"measure": "accuracy", "against": "epoch 3", "grid": "original"}
    rows = []
    for row in readings[readings.key.str.startswith("overfit_")].itertuples():
        choices = multiverse_rows.parsed(row.reading)
        if wanted.items() <= choices.items() and row.n > 0:
            told = interval(row.value, row.low, row.high, 1)
            name = row.key.removeprefix("overfit_")
            rows.append((name, float(choices["strength"]), told, row.n))
    columns = ["corruption", "strength", "difference in accuracy (points)", "images"]
    table = pd.DataFrame(rows, columns=columns).drop_duplicates(["corruption", "strength"])
    return table.sort_values(["corruption", "strength"]).set_index(["corruption", "strength"])


def by_training(
    trainings: Mapping[str, pd.DataFrame], reported: pd.DataFrame, *starts: str
) -> pd.DataFrame:
    """The main reading of rows in every training by itself, by the trainings' names.

    Parameters
    ----------
    trainings
        Frames as `shards.table` gives them.
    starts
        With which the rows' keys begin.
    """
    columns = {}
    for name, table in trainings.items():
        main = table[(table.reading == "") & table.key.isin(reported.index)]
        main = main[main.key.str.startswith(starts)].set_index("key").value
        columns[name] = main.rename(index=reported.says)
    return pd.DataFrame(columns).rename_axis("row").map(theme.number)


def networks_table(readings: pd.DataFrame, judged: pd.DataFrame) -> pd.DataFrame:
    """The main reading of each row on the second networks, beside the chapter's own network."""
    ours = judged.drop_duplicates("key").set_index("key")
    table: dict[str, dict] = {}
    for row in readings.itertuples():
        choices = multiverse_rows.parsed(row.reading)
        main = ours.loc[row.key]
        other = choices.get(NETWORK, "")
        if other and _is_second(readings, other):
            cells = table.setdefault(main.says, {"this network": multiverse_rows.number(main)})
            cells[other] = (
                f"{theme.number(row.value)} [{theme.number(row.low)}, {theme.number(row.high)}]"
            )
    if not table:
        return pd.DataFrame({"this run": ["has no second network"]})
    return pd.DataFrame(table).T.rename_axis("row").fillna("")


def _is_second(readings: pd.DataFrame, network: str) -> bool:
    """Whether a network has one reading a row; the chapter's own has all of them."""
    of_network = readings[readings.reading.str.contains(f"{NETWORK}={network}", regex=False)]
    return not of_network.key.duplicated().any()


def tally(judged: pd.DataFrame) -> pd.DataFrame:
    """Rows by group and verdict; what is counted elsewhere is left out."""
    counted = judged[judged.same_as == ""]
    return counted.groupby(["group", "verdict"], sort=False).size().unstack(fill_value=0)


def folded(table: theme.Html, title: str) -> theme.Html:
    """A long table behind a line that opens it."""
    return theme.Html(f"<details><summary>{html.escape(title)}</summary>{table}</details>")
