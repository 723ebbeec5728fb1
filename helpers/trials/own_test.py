"""A test of a user's own: it takes its column beside those of the papers.

A test is a function ``(maps, network, images) -> one number an image``. ``maps`` holds a method's
maps (N, H, W) by condition (``maps["clean"]`` always; see :mod:`helpers.trials.conditions` for the
others), ``images`` are (N, 3, H, W) in [0, 1]. NaN leaves an image out. More is better, unless the
function has an attribute ``better = -1``; ``needs = ["clean", "attacked"]`` names the conditions
that it cannot do without.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.inputs import devices
from helpers.saliency import user_code
from helpers.trials import conditions as families
from helpers.trials import guard
from helpers.trials.conditions import Condition
from helpers.trials.engine import Maps
from helpers.trials.scores import Score, TestFailed, Trial, score
from helpers.trials.settings import Settings

Test = Callable[[dict[str, Tensor], torch.nn.Module, Tensor], Sequence[float] | Tensor | np.ndarray]
PAPER = "yours"


def load(test: Test | str) -> Trial:
    """A user's test as the engine runs one, from the function or ``module:name``.

    Raises
    ------
    ValueError
        If it is not there, cannot be called, or says of itself what cannot be.
    """
    function = user_code.load_object(test) if isinstance(test, str) else test
    if not callable(function):
        raise ValueError(
            f"the test is {type(function).__name__}; expected a function (maps, network, images) "
            "that gives one number an image"
        )
    better = getattr(function, "better", 1)
    if better not in (1, -1):
        raise ValueError(f"the test's better is {better!r}; expected 1 (more is better) or -1")
    needed = getattr(function, "needs", [families.CLEAN])
    if isinstance(needed, str) or not all(isinstance(name, str) for name in needed):
        raise ValueError(f"the test's needs are {needed!r}; expected a list of conditions' names")
    name = getattr(function, "__name__", type(function).__name__)
    return Trial(
        f"your test: {name}",
        PAPER,
        name,
        better,
        _needs(list(needed)),
        _scores(function, name, better),
    )


def _needs(needed: list[str]) -> Callable[[Mapping[str, Condition]], list[str]]:
    def needs(conditions: Mapping[str, Condition]) -> list[str]:
        for name in needed:
            if name not in conditions:
                raise ValueError(
                    f"the test needs the condition {name!r}; there are: {', '.join(conditions)}"
                )
        return needed

    return needs


def _scores(function: Test, name: str, better: int) -> Callable[..., list[Score]]:
    def scores(
        maps: Mapping[str, Maps], conditions: Mapping[str, Condition], settings: Settings
    ) -> list[Score]:
        if families.CLEAN not in maps:
            return []
        clean = conditions[families.CLEAN]
        copies = {condition: cell.maps.clone() for condition, cell in maps.items()}

        def measured(network: torch.nn.Module, images: Tensor) -> Tensor:
            return numbers_of(function(copies, network, images), len(images))

        try:
            with torch.random.fork_rng(devices.of_rng(devices.chosen())):
                torch.manual_seed(settings.seed)
                numbers = guard.call_guarded(measured, clean.network, clean.images)
        except Exception as error:  # of a user's function, of whatever kind
            words = families.first_line(error)
            raise TestFailed(
                f"{name}: {type(error).__name__}: {words}".removesuffix(": ")
            ) from error
        return [score(name, numbers, better)]

    return scores


def numbers_of(result: object, count: int) -> Tensor:
    """A test's result as float64 (N,): one number an image, NaN where it leaves one out.

    Raises
    ------
    ValueError
        If it is something else.
    """
    expected = f"expected {count} numbers, one an image"
    try:
        values = torch.as_tensor(np.asarray(_detached(result), dtype=np.float64))
    except (TypeError, ValueError):
        raise ValueError(f"the test gave {type(result).__name__}; {expected}") from None
    if tuple(values.shape) == (count, 1):
        values = values[:, 0]
    if tuple(values.shape) != (count,):
        raise ValueError(f"the test gave numbers of shape {tuple(values.shape)}; {expected}")
    if values.isinf().any():
        raise ValueError(f"the test gave infinity; {expected}, NaN where an image does not count")
    return values


def _detached(result: object) -> object:
    """Tensors, also those within a list, as arrays on the CPU."""
    if isinstance(result, Tensor):
        if result.is_complex():
            raise TypeError
        return result.detach().cpu().double().numpy()
    if isinstance(result, list | tuple):
        return [_detached(part) for part in result]
    return result
