"""The cross-examination from Python, in three lines; see :mod:`helpers.trials`."""

import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from helpers.inputs import classifiers, conversion, photographs
from helpers.saliency import network_check, user_code
from helpers.trials import battery, conditions, engine, matrix, own_test, remarks
from helpers.trials import methods as method_list
from helpers.trials import settings as sizes
from helpers.trials.scores import Trial

Networks = nn.Module | str | Sequence[nn.Module | str] | Mapping[str, nn.Module | str] | None
CEILINGS = {  # the best value that a test's deciding measure can take
    "decision": 1.0, "corruption": 1.0, "insertion and deletion": 100.0, "localisation": 1.0,
    "keeping": 0.0, "randomisation": -1.0, "cost": 0.0,
}  # fmt: skip


class Report(NamedTuple):
    """What the tests say of a method, beside the controls; shows its table.

    Attributes
    ----------
    table
        The deciding measure of each test: network, method, test, paper, measure, better (1: more
        is better), value, interval (95 %), n, floor, ceiling, gap (why there is no value). The
        floor is the best control's value in the same run: a map that knows nothing of the network
        reaches it. The ceiling is the best value that the measure can take; no map need reach it.
    matrices
        All measures and the bootstrap draws, by network.
    gaps
        What has no maps, by network, method and condition, with tracebacks.
    notes
        What one should know when reading the table, in sentences.
    """

    table: pd.DataFrame
    matrices: dict[str, matrix.Matrix]
    gaps: dict[tuple[str, str, str], engine.Gap]
    notes: list[str]

    @property
    def matrix(self) -> matrix.Matrix:
        """All measures and draws of the first network."""
        return next(iter(self.matrices.values()))

    def __str__(self) -> str:
        return "\n".join([_rounded(self.table).to_string(index=False), *self.notes])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return _rounded(self.table).to_html(index=False, escape=True) + notes


def run(
    method: method_list.Brought = None,
    *,
    network: Networks = None,
    images: Tensor | np.ndarray | Path | str | None = None,
    test: own_test.Test | str | None = None,
    beside: Sequence[str] | None = None,
    profile: str = "smoke",
    **changed: object,
) -> Report:
    """Run one or several methods through all tests, beside the four controls.

    Parameters
    ----------
    method
        A function (model, images, classes) -> maps (N, H, W), ``module:name``, several of them
        (a list, or names apart by commas), or a dictionary from names to them. Without one the
        report holds the methods of `beside` only.
    network
        From images (N, 3, H, W) in [0, 1] to logits, in evaluation mode; a name as ``-p model``
        takes it; or several. Without one, the profile's.
    images
        (N, 3, H, W), uint8 or in [0, 1], a tensor or an array, also (N, H, W, 3); or a folder of
        photographs. Without them, those that Foolbox ships.
    test
        A test of your own beside the others; see :mod:`helpers.trials.own_test`.
    beside
        Names of the registry; without them, the controls.
    profile
        ``smoke``, ``laptop`` or ``paper``; further options change its parameters.

    Raises
    ------
    ValueError
        If an option is unknown, or method, network, images or test are not as they should be.
    """
    values = sizes.of_profile(profile)
    unknown = sorted(set(changed) - set(values))
    if unknown:
        raise ValueError(f"there is no option {unknown[0]!r}; there are: {', '.join(values)}")
    values |= changed
    settings = sizes.parse(values)
    compared = _methods(method, beside, settings)
    tests = dict(battery.TRIALS)
    if test is not None:
        own = own_test.load(test)
        tests[own.name] = own
    pixels, told = _images(images, values)
    battery.check_superpixels(pixels)
    parts = {
        name: _one(model, name, ours, pixels, compared, tests, settings, str(values["layer"]))
        for name, (model, ours) in _networks(network, values).items()
    }
    tables = [_short(full.table, tests) for full, *_ in parts.values()]
    gaps = {
        (name, *key): cell
        for name, (_, cells, _) in parts.items()
        for key, cell in cells.items()
        if isinstance(cell, engine.Gap)
    }
    return Report(
        pd.concat(tables, ignore_index=True),
        {name: full for name, (full, *_) in parts.items()},
        gaps,
        [*told, *_notes(pixels, gaps), *_remarks(parts)],
    )


def _one(
    model: nn.Module,
    name: str,
    ours: bool,
    pixels: Tensor,
    compared: list[method_list.Method],
    tests: Mapping[str, Trial],
    settings: sizes.Settings,
    layer: str,
) -> tuple[matrix.Matrix, engine.Cells, tuple[str, ...]]:
    """All methods on one network: scores with intervals, the cells, what is to be known of it."""
    shown = pixels.to(_device(model))
    checked = network_check.prepared(model, shown, layer)
    base = conditions.clean(checked.network, shown, brought=not ours)
    made = battery.base_conditions(base, settings)
    for trial in tests.values():
        trial.needs(made)  # an unknown condition is refused before any work
    cells = dict(engine.run_cells(compared, made, settings.seed))
    scored = {
        test: battery.score_all(trial, compared, cells, made, settings)
        for test, trial in tests.items()
    }
    full = matrix.summarize(
        scored, tests, compared, network=name, draws=settings.bootstrap_draws, seed=settings.seed
    )
    return full, cells, checked.notes


def _methods(
    method: method_list.Brought, beside: Sequence[str] | None, settings: sizes.Settings
) -> list[method_list.Method]:
    known = {entry.name: entry for entry in method_list.registered(settings)}
    names = beside
    if names is None:
        names = [name for name, entry in known.items() if entry.kind == method_list.CONTROL]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"there is no method {unknown[0]!r}; there are: {', '.join(known)}")
    return [*method_list.brought_all(method), *(known[name] for name in names)]


def _networks(network: Networks, values: dict) -> dict[str, tuple[nn.Module, bool]]:
    """Networks by name, and whether each is one of ours, on which no built-in method may fail."""
    if network is None:
        network = values["model"]
    if isinstance(network, str):
        network = [word.strip() for word in network.split(",") if word.strip()]
    elif isinstance(network, nn.Module):
        network = [network]
    named = network.items() if isinstance(network, Mapping) else [(None, each) for each in network]
    loaded: dict[str, tuple[nn.Module, bool]] = {}
    for place, (given, each) in enumerate(named, 1):
        model, name = _network(each, values["side"])
        name = str(given) if given is not None else name
        ours = isinstance(each, str) and each in classifiers.IMAGENET
        loaded[f"{name} ({place})" if name in loaded else name] = model, ours
    if not loaded:
        raise ValueError("there is no network; give one, or leave the option out")
    return loaded


def _network(network: nn.Module | str, side: int) -> tuple[nn.Module, str]:
    if isinstance(network, str):
        return user_code.load_network(network, side), network
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"the network is {type(network).__name__}; expected a torch.nn.Module or a name"
        )
    return network, type(network).__name__


def _images(
    images: Tensor | np.ndarray | Path | str | None, values: dict
) -> tuple[Tensor, tuple[str, ...]]:
    """Images (N, 3, H, W) in [0, 1], and what is to be said of a folder's."""
    count, side = values["count"], values["side"]
    if images is None:
        return conversion.to_unit(photographs.foolbox_imagenet(side).pixels[:count]), ()
    if isinstance(images, np.ndarray):
        images = torch.from_numpy(np.ascontiguousarray(images))
    if isinstance(images, Tensor):
        return conversion.unit_images(images), ()
    folder = Path(images).expanduser()
    photos = photographs.load_folder(folder, count, side, bool(values["skip_unreadable"]))
    return conversion.to_unit(photos.pixels), tuple(photos.notes)


def _device(network: nn.Module) -> torch.device:
    weights = next(network.parameters(), None)
    return classifiers.default_device() if weights is None else weights.device


def _short(table: pd.DataFrame, tests: Mapping[str, Trial]) -> pd.DataFrame:
    """The deciding rows, with floor and ceiling."""
    deciding = table[table.decides].reset_index(drop=True)
    controls = deciding[deciding.kind == method_list.CONTROL]
    floors = {
        test: (rows.value.max() if tests[test].better > 0 else rows.value.min())
        for test, rows in controls.groupby("test")
    }
    columns = ["network", "method", "test", "paper", "measure", "better", "value", "n", "gap"]
    short = deciding[columns].copy()
    short.insert(7, "interval", list(zip(deciding.low, deciding.high, strict=True)))
    short.insert(9, "floor", deciding.test.map(floors).astype(float))
    short.insert(10, "ceiling", [CEILINGS.get(test, math.nan) for test in deciding.test])
    return short


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    """The table for a screen: three significant digits, intervals in words."""

    def ends(interval: tuple[float, float]) -> str:
        low, high = interval
        return "" if math.isnan(low) else f"[{low:.3g}, {high:.3g}]"

    shown = table.assign(interval=table.interval.map(ends))
    for column in ("value", "floor", "ceiling"):
        shown[column] = shown[column].map(lambda v: "" if math.isnan(v) else f"{v:.3g}")
    empty = [name for name in ("gap", "network") if name in shown and shown[name].nunique() == 1]
    return shown.drop(columns=[*empty, "paper", "better"])


def _notes(pixels: Tensor, gaps: Mapping[tuple[str, str, str], engine.Gap]) -> list[str]:
    notes = [
        "One image: no interval, and nothing that it shows can be taken for a rule."
        if len(pixels) == 1
        else f"{len(pixels)} images; wide intervals say that these are few."
    ]
    reasons: dict[tuple[str, str], list[str]] = {}
    for (_, method, condition), gap in gaps.items():
        reasons.setdefault((method, gap.reason), []).append(condition)
    return notes + [
        f"{method} has no maps under {', '.join(where)}: {reason}"
        for (method, reason), where in reasons.items()
    ]


def _remarks(parts: Mapping[str, tuple]) -> list[str]:
    """What is to be said of each network, and of the maps made on it, each sentence once."""
    told = [note for *_, notes in parts.values() for note in notes]
    return list(
        dict.fromkeys([*told, *(s for p in parts.values() for s in remarks.sentences(p[1]))])
    )
