"""Call public functions, and ask the runner, with what is wrong; see whether anyone says so.

``python -m reliability.bad_inputs RECORD CODE``. How functions are called rightly stands in
``tests/test_borders.py``; here each argument is spoiled in every way, whatever its kind.
"""

import math
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import test_borders as borders
import torch
from torch import Tensor

from helpers.inputs import corruptions
from helpers.measures import insertion_deletion, intervals, localization, rankings, two_groups
from helpers.papers import black_box, cams, elime, pca_cams, peers
from reliability import bad_parameters, record

KIND = "bad inputs"


def one(values: Tensor, wrong: float) -> Tensor:
    """One element, in the first image, replaced."""
    values = values.clone().float() if not values.is_floating_point() else values.clone()
    values.flatten()[3] = wrong
    return values


# Each gives the argument otherwise. "refused or NaN": a number would be made up. "refused or the
# same": it means what the right argument means, or else it is refused.
WRONG: dict[str, Callable[[Tensor], Tensor]] = {
    "NaN in it": lambda values: one(values, math.nan),
    "infinity in it": lambda values: one(values, math.inf),
    "minus infinity in it": lambda values: one(values, -math.inf),
    "all NaN": lambda values: torch.full_like(values.float(), math.nan),
    "an empty batch": lambda values: values[:0],
    "one axis less": lambda values: values[0],
    "one axis more": lambda values: values[None],
    "complex numbers": lambda values: values.to(torch.complex64),
}
LEGAL = {
    ("share_within(region)", "one axis less")
}  # one region for all images: so it is documented
SAME: dict[str, Callable[[Tensor], Tensor]] = {
    "float64": lambda values: values.double() if values.is_floating_point() else values,
    "not contiguous": lambda values: values.transpose(0, -1).contiguous().transpose(0, -1),
    "with a gradient": lambda values: (
        values.clone().requires_grad_() if values.is_floating_point() else values
    ),
    "a view with strides of zero": lambda values: values.contiguous().clone().expand_as(values),
}


def numbers(given: Any) -> Tensor:
    """All numbers of what a function gave."""
    if isinstance(given, Tensor):
        flat = given.detach().flatten()
        return flat.abs() if flat.is_complex() else flat.double()
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, list | tuple):
        parts = [numbers(part) for part in given]
        return torch.cat(parts) if parts else torch.empty(0)
    if isinstance(given, pd.DataFrame | np.ndarray):
        return torch.from_numpy(np.asarray(given, float)).flatten()
    return torch.tensor([float(given)], dtype=torch.float64)


def made_up(given: Any) -> str:
    """What is wrong if a function gave finite numbers only where there are none."""
    found = numbers(given)
    real = found.numel() and found.isfinite().all()
    return "finite numbers as if nothing had happened" if real else ""


def not_of(right: Tensor) -> Callable[[Any], str]:
    """What is wrong in numbers that are neither the right call's nor those of its first image."""

    def compared(given: Any) -> str:
        found = numbers(given)
        parts = [right[: len(found)], right.repeat(max(1, len(found) // max(1, len(right))))]
        known = any(not unlike(part)(found) for part in parts)
        return "" if known else made_up(given)

    return compared


def unlike(expected: Tensor) -> Callable[[Any], str]:
    """Whether what a function gave differs from the right call's."""

    def compared(given: Any) -> str:
        found = numbers(given)
        near = found.shape == expected.shape and torch.allclose(
            found, expected, rtol=1e-4, atol=1e-6, equal_nan=True
        )
        return "" if near else "other numbers, without a word"

    return compared


def called(name: str, key: str, spoil: Callable[[Tensor], Tensor]) -> Callable[[], Any]:
    """A call of a function of test_borders with one argument spoiled."""
    function, arguments = borders.CALLS[name]
    given = [spoil(make()) if k == key else make() for k, (make, _) in arguments.items()]
    return lambda: function(*given)


def of_borders(tried: record.Tried) -> None:
    """Each argument of the functions of test_borders, spoiled in every way."""
    for name, (function, arguments) in borders.CALLS.items():
        right = numbers(function(*(make() for make, _ in arguments.values())))
        for key in arguments:
            for fault, spoil in {**WRONG, **SAME}.items():
                is_right = made_up if fault in WRONG else unlike(right)
                is_right = not_of(right) if fault.startswith("one axis") else is_right
                if (f"{name}({key})", fault) in LEGAL:
                    continue
                attempt = partial(_attempt, name, key, spoil, is_right)
                tried.case(f"{name}({key})", fault, attempt)


def _attempt(name: str, key: str, spoil: Callable, is_right: Callable) -> tuple[str, str]:
    return record.judged(called(name, key, spoil), is_right)


def _drawn() -> torch.Generator:
    return torch.Generator().manual_seed(0)


NETWORK = torch.nn.Sequential(
    torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(72, 4)
).eval()
VALUES = np.array([0.5, 1.5, 2.5, 4.0])
COUNTS = (0, -1, 1.5, math.nan)
# A number that a function takes beside its tensors: how it is called, and what is no such number.
OPTIONS: dict[str, tuple[Callable[[Any], Any], tuple]] = {
    "deletion_curve(steps)": (
        lambda steps: insertion_deletion.deletion_curve(
            borders.half, borders.images(), borders.maps(), steps=steps
        ),
        (*COUNTS, 65, True),
    ),
    "insertion_curve(steps)": (
        lambda steps: insertion_deletion.insertion_curve(
            borders.half, borders.images(), borders.maps(), steps=steps
        ),
        (*COUNTS, 65, True),
    ),
    "deletion_curve(fill)": (
        lambda fill: insertion_deletion.deletion_curve(
            borders.half, borders.images(), borders.maps(), steps=4, fill=fill
        ),
        (math.nan, math.inf),
    ),
    "thresholded(threshold)": (
        lambda share: localization.thresholded(borders.maps(), share),
        (-0.1, 1.1, math.nan),
    ),
    "overlap(k)": (lambda k: rankings.overlap(borders.order(), k), COUNTS),
    "new_positions(k)": (
        lambda k: rankings.new_positions(borders.order(), borders.order(), k), (*COUNTS, 10_000)
    ),
    "mean_interval(draws)": (lambda draws: intervals.mean_interval(VALUES, draws=draws), COUNTS),
    "mean_interval(level)": (
        lambda level: intervals.mean_interval(VALUES, level=level),
        (0, 1, -0.5, 95, math.nan),
    ),
    "mean_interval(values)": (
        lambda values: intervals.mean_interval(np.array(values)),
        ([1, math.inf], [[1.0, 2.0]], ["a", "b"]),
    ),
    "share_interval(hits, n)": (
        lambda pair: intervals.share_interval(*pair),
        ((3, 2), (-1, 2), (0, 0), (1.5, 3), (1, math.nan)),
    ),
    "mean_difference(group)": (
        lambda group: two_groups.mean_difference(VALUES, np.array(group)),
        ([0, 1, 1, 0], [True] * 3, [True] * 4, ["a"] * 4),
    ),
    "corrupt(strength)": (
        lambda much: corruptions.corrupt(borders.images(), "gaussian noise", much, _drawn()),
        (-0.1, math.nan, math.inf),
    ),
    "corrupt(kind)": (
        lambda kind: corruptions.corrupt(borders.images(), kind, 0.1, _drawn()), ("snow", "", 3)
    ),
    "corrupt(rotation)": (
        lambda turn: corruptions.corrupt(borders.images(), "rotation", turn, _drawn()),
        (math.nan, math.inf),
    ),
    "corrupt(occlusion)": (
        lambda side: corruptions.corrupt(borders.images(), "occlusion", side, _drawn()),
        (-1, 65, 1.5, math.nan),
    ),
    "upsample(size)": (lambda size: cams.upsample(borders.maps(), size), (0, -1, 1.5)),
    "rise(masks)": (
        lambda masks: peers.rise(borders.half, borders.images(), masks=masks, generator=_drawn()),
        COUNTS,
    ),
    "rise(keep)": (
        lambda keep: peers.rise(
            borders.half, borders.images(), masks=3, keep=keep, generator=_drawn()
        ),
        (0, -0.5, 1.5, math.nan),
    ),
    "haycam(components)": (
        lambda share: pca_cams.haycam(borders.features(), borders.features(), components=share),
        (-1, 1.5, math.nan, True),
    ),
    "superpixels(image)": (
        lambda image: elime.superpixels(image),
        (borders.images()[0], np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8)),
    ),
    "masked_scores(masks of another size)": (
        lambda side: black_box.masked_scores(
            borders.half, borders.images(), borders.rand(2, 3, side, side)
        ),
        (4, 16, 0),
    ),
    "record(classes)": (
        lambda classes: cams.record(NETWORK, borders.images(), classes, "0"),
        (
            torch.tensor([-1, 0]), torch.tensor([0, 4]), torch.tensor([0.0, 1.0]),
            torch.tensor([0]), torch.tensor([[0, 1]]), torch.tensor([True, False]),
            torch.empty(0, dtype=torch.int64), [0, 1], None,
        ),
    ),
    "record(layer)": (
        lambda layer: cams.record(NETWORK, borders.images(), torch.tensor([0, 1]), layer),
        ("nowhere", "", "3", 0),
    ),
    "record(images)": (
        lambda images: cams.record(NETWORK, images, torch.tensor([0, 1]), "0"),
        (
            255 * borders.images(), (255 * borders.images()).to(torch.uint8),
            borders.images()[:, :1], borders.images()[0], borders.images()[:0],
            one(borders.images(), math.nan), borders.images()[..., :4],
        ),
    ),
}  # fmt: skip


def of_options(tried: record.Tried) -> None:
    """Numbers and names out of range; those that are taken must not give finite numbers."""
    for name, (call, values) in OPTIONS.items():
        for number, value in enumerate(values):
            fault = repr(value) if not isinstance(value, Tensor | np.ndarray) else _described(value)
            tried.case(
                name, f"{number + 1}: {fault}",
                lambda call=call, value=value: record.judged(lambda: call(value), made_up),
            )  # fmt: skip


def _described(value: Tensor | np.ndarray) -> str:
    shape = " x ".join(map(str, value.shape))
    return f"{str(value.dtype).removeprefix('torch.')}, {shape}" + (
        f", {value.tolist()}" if value.ndim and math.prod(value.shape) < 4 else ""
    )


def run(tried: record.Tried) -> None:
    """All calls."""
    of_borders(tried)
    of_options(tried)
    bad_parameters.run(tried)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(record.Tried(Path(sys.argv[1]), KIND, sys.argv[2]))
