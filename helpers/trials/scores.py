"""What a test gives: numbers an image, one of which decides; and what a test is."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.trials import remarks
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.settings import Settings


class TestFailed(Exception):
    """A user's own test failed on a method's maps; the message says how."""

    __test__ = False  # pytest: it is no test


class Score(NamedTuple):
    """A measure of one method: numbers (N, S) of N images and S seeds, NaN where one drops out."""

    measure: str  # with its unit
    values: np.ndarray
    better: int = 1  # 1: more is better, -1: less, 0: neither


class Trial(NamedTuple):
    """A test that any method can go through.

    ``scores(maps, conditions, settings)`` takes a method's maps by condition and gives what can be
    measured of them; a method without maps under one of ``needs(conditions)`` has a gap instead.
    """

    name: str
    paper: str  # whose test it is, or nothing
    decides: str  # the measure that ranks methods
    better: int  # of that measure
    needs: Callable[[Mapping[str, Condition]], list[str]]
    scores: Callable[[Mapping[str, Maps], Mapping[str, Condition], Settings], list[Score]]


def score(measure: str, values: Tensor, better: int = 1) -> Score:
    """A score from values (N,) or (N, S)."""
    numbers = torch.as_tensor(values).double().cpu()
    return Score(measure, numbers.reshape(len(numbers), -1).numpy(), better)


def where(counts: Tensor, values: Tensor) -> Tensor:
    """Values (N,) in float64, NaN where an image does not count."""
    return torch.where(counts.cpu(), values.double().cpu(), torch.nan)


def ordered(*maps: Tensor) -> Tensor:
    """Which images count: bool (N,), where no map (N, H, W) is constant.

    A constant map orders no pixels. Its order would be that of the random numbers that break ties,
    and a test that rewards what moves would be won by it.
    """
    every = torch.stack([~remarks.is_constant(each) for each in maps])
    return every.all(0)
