"""A user's method runs on copies and must leave the network as it was, else it is refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import torch
from torch import Tensor, nn

from helpers.saliency import contract
from helpers.trials import map_forms, snapshots, surroundings

Result = TypeVar("Result")


class Refused(ValueError):
    """A method cannot be compared with others; the message says why, and how to mend it."""


class LeftTraces(Refused):
    """A method changed the network, its images or torch; the message says what."""


class NotRepeatable(Refused):
    """A method gives other maps at a second call with the same seed."""


TOLERANCE = 1e-3  # of the largest value: what sums in another order may move a map by


def run_guarded(
    explain: contract.Explain, model: nn.Module, images: Tensor, classes: Tensor
) -> Tensor:
    """The method's maps (N, H, W), if it leaves weights, mode, hooks and images as they were.

    Whatever it changed is put back first, also where it fails, so that no other method meets it.
    Put back without a word are weights' ``.grad`` and ``requires_grad``, NumPy's and Python's
    random generators, which are seeded from torch's, and the settings of the process
    (:data:`helpers.trials.surroundings.SWITCHES`). What it gives is read by
    :func:`helpers.trials.map_forms.as_maps`.

    Raises
    ------
    LeftTraces
        If it changed the network, the images that it was given, or code of torch's.
    ValueError
        If what it gives is no map, or it ends the process.
    """

    def made(network: nn.Module, given: Tensor) -> Tensor:
        return map_forms.as_maps(explain(network, given, classes.clone()), images)

    return call_guarded(made, model, images)


def call_guarded(
    function: Callable[[nn.Module, Tensor], Result], model: nn.Module, images: Tensor
) -> Result:
    """What a user's function of a network and images (N, 3, H, W) gives, if it changes neither.

    Raises
    ------
    LeftTraces
        If it changed the network, the images that it was given, or code of torch's.
    ValueError
        If it ends the process.
    """
    given = images.clone()
    with surroundings.restored(), _unchanged(model, images):
        try:
            result = function(model, given)
        except SystemExit as left:
            raise ValueError(f"the method ends the process, sys.exit({left.code!r})") from left
    if not snapshots.same(given, images):
        raise LeftTraces(
            "the method changed its images in place; let it work on images.clone() instead"
        )
    return result


def check_repeats(
    explain: contract.Explain, model: nn.Module, images: Tensor, classes: Tensor, *, seed: int
) -> None:
    """Call a method again with one seed, also after other images; refuse it if its maps differ.

    Images are (N, 3, H, W), classes (N,). Maps may differ by :data:`TOLERANCE` of the largest
    value, as sums in another order do on a GPU.

    Raises
    ------
    NotRepeatable
        If they differ by more.
    """
    one, again, _, later = (
        contract.checked_maps(explain, model, shown, classes, seed=seed)
        for shown in (images, images, images.flip(-1), images)
    )
    largest = float(torch.stack([one, again, later]).abs().max())
    apart = float(torch.maximum((one - again).abs().max(), (one - later).abs().max()))
    if apart > TOLERANCE * largest:
        raise NotRepeatable(
            f"the method gives other maps at a second call with the same seed, by up to "
            f"{100 * apart / largest:.0f} % of the largest value; draw from the global generators "
            "of torch, NumPy or random, which are seeded for it, and keep nothing between calls"
        )


@contextmanager
def _unchanged(model: nn.Module, images: Tensor) -> Iterator[None]:
    """Put the network and torch's code back as they were; if they had been changed, refuse."""
    code = snapshots.of_code(model)
    attributes = snapshots.of_attributes(model)
    tensors = snapshots.of_tensors(model)
    try:
        yield
    finally:
        changes = [
            *snapshots.put_code_back(code),
            *snapshots.put_attributes_back(attributes),
            *snapshots.put_tensors_back(tensors),
        ]
        if changes:
            own = _own_changes(model, images)
            changes = [change for change in changes if change not in own]
    if changes:
        more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
        raise LeftTraces(
            f"the method changed {changes[0]}{more}; remove its hooks, and let it work on "
            "copy.deepcopy(model) where it has to change the network"
        )


@torch.no_grad()
def _own_changes(model: nn.Module, images: Tensor) -> set[str]:
    """What one evaluation changes of the network by itself, such as features that it remembers.

    Hooks are off meanwhile, so that no cost is counted; one that is left behind is a method's.
    """
    attributes, tensors = snapshots.of_attributes(model), snapshots.of_tensors(model)
    for module in model.modules():
        module._forward_hooks.clear()
    with suppress(Exception):  # then the network's own changes are not known
        model(images[:1].clone())
    changes = {*snapshots.put_attributes_back(attributes), *snapshots.put_tensors_back(tensors)}
    return {change for change in changes if not change.startswith("hooks")}
