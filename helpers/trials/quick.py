"""The cross-examination from Python, in three lines; see :mod:`helpers.trials`."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from torch import Tensor, nn

from helpers.inputs import classifiers, conversion, photographs
from helpers.saliency import contract, network_check, user_code
from helpers.trials import battery, conditions, engine, matrix
from helpers.trials import methods as method_list
from helpers.trials import settings as sizes


class Report(NamedTuple):
    """What the tests say of a method, beside the controls."""

    table: pd.DataFrame  # name, test, measure, value, interval, n, gap: the deciding measures
    matrix: matrix.Matrix  # all measures, and the bootstrap draws
    gaps: dict[tuple[str, str], engine.Gap]  # by method and condition, with tracebacks


def run(
    method: contract.Explain | str | None = None,
    *,
    network: nn.Module | str | None = None,
    images: Tensor | Path | str | None = None,
    beside: Sequence[str] | None = None,
    profile: str = "smoke",
    **changed: object,
) -> Report:
    """Run a method through all tests, beside the four controls.

    Parameters
    ----------
    method
        A function (model, images, classes) -> maps (N, H, W), or ``module:name``; without one the
        report holds the methods of `beside` only.
    network
        From images (N, 3, H, W) in [0, 1] to logits, in evaluation mode; or a name as
        ``-p model`` takes it. Without one, the profile's.
    images
        (N, 3, H, W), uint8 or in [0, 1]; or a folder of photographs. Without them, those that
        Foolbox ships.
    beside
        Names of the registry; without them, the controls.
    profile
        ``smoke``, ``laptop`` or ``paper``; further options change its parameters.

    Raises
    ------
    ValueError
        If an option is unknown, or method, network or images are not as they should be.
    """
    values = sizes.of_profile(profile)
    unknown = sorted(set(changed) - set(values))
    if unknown:
        raise ValueError(f"there is no option {unknown[0]!r}; there are: {', '.join(values)}")
    values |= changed
    settings = sizes.parse(values)
    model, name = _network(network if network is not None else values["model"], values["side"])
    ours = network is None or (isinstance(network, str) and network in classifiers.IMAGENET)
    shown = _images(images, values).to(_device(model))
    model = network_check.prepared(model, shown, str(values["layer"])).network
    base = conditions.clean(model, shown, brought=not ours)
    made = battery.base_conditions(base, settings)
    compared = _methods(method, beside, settings)
    cells = dict(engine.run_cells(compared, made, settings.seed))
    scored = {
        test: battery.score_all(trial, compared, cells, made, settings)
        for test, trial in battery.TRIALS.items()
    }
    full = matrix.summarize(
        scored, battery.TRIALS, compared, network=name, draws=settings.bootstrap_draws,
        seed=settings.seed,
    )  # fmt: skip
    gaps = {key: cell for key, cell in cells.items() if isinstance(cell, engine.Gap)}
    return Report(_short(full.table), full, gaps)


def _methods(
    method: contract.Explain | str | None,
    beside: Sequence[str] | None,
    settings: sizes.Settings,
) -> list[method_list.Method]:
    known = {found.name: found for found in method_list.registered(settings)}
    names = beside
    if names is None:
        names = [name for name, found in known.items() if found.kind == method_list.CONTROL]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"there is no method {unknown[0]!r}; there are: {', '.join(known)}")
    if isinstance(method, str):
        method = user_code.load_method(method)
    yours = [] if method is None else [method_list.brought(method)]
    return [*yours, *(known[name] for name in names)]


def _network(network: nn.Module | str, side: int) -> tuple[nn.Module, str]:
    if isinstance(network, str):
        return user_code.load_network(network, side), network
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"the network is {type(network).__name__}; expected a torch.nn.Module or a name"
        )
    return network, type(network).__name__


def _images(images: Tensor | Path | str | None, values: dict) -> Tensor:
    """Images (N, 3, H, W) in [0, 1]."""
    count, side = values["count"], values["side"]
    if images is None:
        return conversion.to_unit(photographs.foolbox_imagenet(side).pixels[:count])
    if isinstance(images, Tensor):
        return conversion.to_unit(images) if not images.is_floating_point() else images
    return conversion.to_unit(photographs.load_folder(Path(images), count, side).pixels)


def _device(network: nn.Module):
    weights = next(network.parameters(), None)
    return classifiers.default_device() if weights is None else weights.device


def _short(table: pd.DataFrame) -> pd.DataFrame:
    deciding = table[table.decides].reset_index(drop=True)
    columns = {"method": "name", "test": "test", "measure": "measure", "value": "value"}
    short = deciding[[*columns, "n", "gap"]].rename(columns=columns)
    short.insert(4, "interval", list(zip(deciding.low, deciding.high, strict=True)))
    return short
