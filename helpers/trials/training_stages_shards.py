"""Arya 2024: what one training showed, as a small file, so that trainings of several days add up.

A shard holds the recipe of a training, how it was measured, and an estimate a claim and reading.
Trainings of one digest, which leaves out seed and number of epochs, may be combined.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from helpers.inputs.recipes import Recipe
from helpers.measures import intervals, trainings
from helpers.measures.trainings import Estimate
from helpers.store import files, reading
from helpers.trials import training_stages_rows as rows_of
from helpers.trials.training_stages_rows import Row

VERSION = 1  # to be raised when the same words mean another measurement
COLUMNS = ["key", "reading", "value", "error", "n"]
SHARES = "fig"  # keys that start so are shares (%) of independent rounds


class Shard(NamedTuple):
    """What one training showed.

    Attributes
    ----------
    recipe
        Of the training.
    measured
        How it was measured: numbers of images, layers, and what else may differ.
    rows
        Columns key, reading (as text; "" for the main one), value, error and n.
    """

    recipe: Recipe
    measured: dict[str, object]
    rows: pd.DataFrame


def table(rows: Iterable[Row]) -> pd.DataFrame:
    """Rows as a frame; a main reading stands there twice, once with the reading "".

    Estimates of nothing are left out.
    """
    lines = []
    for row in rows:
        if np.isnan(row.estimate.value):
            continue
        main = [""] if rows_of.is_main(row) else []
        for text in dict.fromkeys([*main, rows_of.text_of(row.reading)]):
            lines.append((row.key, text, *row.estimate))
    frame = pd.DataFrame(lines, columns=COLUMNS)
    return frame.round({"value": 6, "error": 6})


def digest(recipe: Recipe, measured: Mapping[str, object]) -> str:
    """A name that trainings share whose results may be combined, 16 hexadecimal digits."""
    same = {**recipe._asdict(), "seed": None, "epochs": None, "version": VERSION, **measured}
    return hashlib.sha256(json.dumps(same, sort_keys=True).encode()).hexdigest()[:16]


def file_name(recipe: Recipe) -> str:
    """What a training's shard is called."""
    return f"{recipe.model}-{recipe.image_size}px-seed-{recipe.seed}.json"


def as_text(shard: Shard) -> str:
    """A shard as JSON, an estimate a line, with the SHA-256 of all of it."""
    rows = [json.dumps(list(row)) for row in shard.rows.itertuples(index=False, name=None)]
    head = {
        "recipe": shard.recipe._asdict(),
        "measured": shard.measured,
        "digest": digest(shard.recipe, shard.measured),
        "sha256": _checksum(shard.recipe._asdict(), shard.measured, rows),
    }
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    return "\n".join(["{", *lines, ' "rows": [', ",\n".join(rows), "]}"]) + "\n"


def write(folder: Path, shard: Shard) -> None:
    """Write a shard into a folder, under its own name."""
    files.write_atomically(folder / file_name(shard.recipe), as_text(shard).encode())


def read(folder: Path, recipe: Recipe, measured: Mapping[str, object]) -> Shard | None:
    """The shard of a training, if the folder has one of this digest that goes as far.

    Raises
    ------
    ValueError
        If the file has changed since it was written.
    """
    file = folder / file_name(recipe)
    if not file.is_file():
        return None
    told = reading.object_of(file, "recipe", "measured", "digest", "sha256", "rows")
    rows = [json.dumps(row) for row in told["rows"]]
    if told["sha256"] != _checksum(told["recipe"], told["measured"], rows):
        raise ValueError(f"{file.name} has changed since it was written; restore it or measure it")
    found = Recipe(**told["recipe"])
    if (
        told["digest"] != digest(recipe, measured)
        or digest(found, told["measured"]) != told["digest"]
    ):
        return None
    if found.epochs < recipe.epochs or found.seed != recipe.seed:
        return None
    return Shard(found, told["measured"], pd.DataFrame(told["rows"], columns=COLUMNS))


def combine(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Estimates over trainings: columns key, reading, value, low, high, n and trainings.

    A row counts those trainings that have it. `n` is the fewest images (or rounds) of one of them.
    Shares of rounds have, for one training, the exact interval of a share.
    """
    rows = pd.concat(tables, ignore_index=True)
    made = []
    for (key, options), group in rows.groupby(["key", "reading"], sort=False):
        estimates = [
            Estimate(value, error, n)
            for value, error, n in zip(group.value, group.error, group.n, strict=True)
        ]
        interval = _interval(str(key), estimates)
        made.append((key, options, *interval, min(e.n for e in estimates), len(estimates)))
    names = ["key", "reading", "value", "low", "high", "n", "trainings"]
    return pd.DataFrame(made, columns=names)


def _interval(key: str, estimates: list[Estimate]) -> trainings.Interval:
    if not key.startswith(SHARES):
        return trainings.over_trainings(estimates)
    if len(estimates) == 1:
        (only,) = estimates
        share = intervals.share_interval(round(only.value * only.n / 100), only.n)
        return trainings.Interval(*(100 * number for number in share))
    value, low, high = trainings.over_trainings(estimates)
    return trainings.Interval(value, max(low, 0.0), min(high, 100.0))


def _checksum(recipe: Mapping, measured: Mapping, rows: list[str]) -> str:
    content = [json.dumps(told, sort_keys=True) for told in (recipe, measured)] + rows
    return hashlib.sha256("\n".join(content).encode()).hexdigest()
