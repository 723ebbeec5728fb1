"""What a user brings, by name: a method, a network; and what a method costs."""

import ctypes
import importlib
import re
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from helpers import methods, models, paths


class Cost(NamedTuple):
    """Of some maps: seconds, images forward and backward through the network, megabytes, dice."""

    seconds: float
    forward: int
    backward: int
    megabytes: float  # at most held beyond what was there before; NaN where unknown or not asked
    drew: bool  # whether torch's random numbers were asked for: if not, no seed changes the maps


def named(spec: str) -> object:
    """What a module of the user's calls by a name: ``module:name``, found from here or the root.

    Raises
    ------
    ValueError
        If the spec is no such pair, there is no such module, or nothing in it has that name.
    """
    module, colon, name = spec.partition(":")
    if not (colon and module and name):
        raise ValueError(f"{spec!r} is no module:name, such as my_method:explain")
    for folder in (str(paths.ROOT), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"there is no module {error.name!r}; put {module}.py into the folder from which you run"
        ) from error
    except AttributeError as error:
        raise ValueError(f"{module} has nothing by the name {name!r}") from error


def method(spec: str) -> methods.Explain:
    """A method (model, images, classes) -> (N, H, W) of a module of the user's: ``module:name``.

    Raises
    ------
    ValueError
        If it is not there or cannot be called.
    """
    found = named(spec)
    if not callable(found):
        raise ValueError(
            f"{spec} is {type(found).__name__}; expected a function (model, images, classes)"
        )
    return found


def network(spec: str, size: int | None = None) -> nn.Module:
    """A network from images in [0, 1] to logits, frozen, in evaluation mode, on the device.

    Parameters
    ----------
    spec
        A name of :data:`helpers.models.IMAGENET`; ``torchvision:NAME`` or ``timm:NAME``, with the
        weights that these libraries download, behind ImageNet's normalisation; or
        ``module:loader``, a function without arguments that gives a network.
    size
        To which a network of IMAGENET brings its images, if not to its own: any does, for they end
        in a mean over the last map, and a smaller one is faster and less sure.

    Raises
    ------
    ValueError
        If it is not there, cannot be had, or is no network.
    """
    if spec in models.IMAGENET:
        found = models.imagenet(spec).network
        found.size = size or found.size
        return found
    origin, _, name = spec.partition(":")
    if origin == "torchvision":
        found = models.imagenet(name).network if name in models.IMAGENET else _torchvision(name)
    elif origin == "timm":
        found = models.timm_network(name, classes=1000, size=224)
    else:
        loader = method(spec)
        found = loader()
        if not isinstance(found, nn.Module):
            raise ValueError(
                f"{spec} gave {type(found).__name__}; expected a torch.nn.Module that takes images "
                "(N, 3, H, W) in [0, 1] to logits"
            )
    found = found.eval().requires_grad_(False)
    return found.to(models.device(), memory_format=torch.channels_last)


def _torchvision(name: str) -> nn.Module:
    import torchvision

    try:
        body = torchvision.models.get_model(name, weights="DEFAULT")
    except ValueError as error:
        raise ValueError(f"torchvision has no network {name!r}") from error
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"the weights of {name} cannot be had ({type(error).__name__}); with no network take "
            f"one of {', '.join(models.PACKAGED_SHA256)}"
        ) from error
    return models.Enlarged(body, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def measured(
    explain: methods.Explain,
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    seed: int,
    memory: bool = False,
) -> tuple[Tensor, Cost]:
    """A method's maps, checked by :func:`helpers.methods.explained`, and what they cost.

    Passes are counted where they reach the network's last layer with weights; a backward pass that
    starts there counts wherever it ends. Memory is torch's on a GPU, and on Linux the process's; it
    is asked for, because on Linux the process first gives back what it has, which slows the method.
    """
    counts = {"forward": 0, "backward": 0}

    def backward(gradient: Tensor) -> None:
        counts["backward"] += len(gradient)

    def forward(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        counts["forward"] += len(output)
        if output.requires_grad:
            output.register_hook(backward)

    def watched(*given: object) -> Tensor:
        nonlocal drew
        before = _dice()
        maps = explain(*given)
        drew = not all(map(torch.equal, before, _dice()))
        return maps

    drew = False
    weighted = [m for m in model.modules() if any(True for _ in m.parameters(recurse=False))]
    before = _memory(reset=True) if memory else float("nan")
    hook = weighted[-1].register_forward_hook(forward)
    started = time.perf_counter()
    try:
        maps = methods.explained(watched, model, images, classes, seed=seed)
        if images.is_cuda:
            torch.cuda.synchronize()
    finally:
        hook.remove()
    seconds = time.perf_counter() - started
    most = _memory() - before if memory else before
    return maps, Cost(seconds, **counts, megabytes=most / 2**20, drew=drew)


def _dice() -> list[Tensor]:
    """Where torch's random numbers stand."""
    return [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]


_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _memory(*, reset: bool = False) -> float:
    """The most bytes held since the last reset, or if reset, the bytes held now; NaN if unknown."""
    if torch.cuda.is_available():
        if reset:
            torch.cuda.reset_peak_memory_stats()
            return torch.cuda.memory_allocated()
        return torch.cuda.max_memory_allocated()
    try:
        if reset:
            ctypes.CDLL(None).malloc_trim(0)  # what is free goes back, else it hides what comes
            _FORGET.write_text("5")  # makes the peak what is held now
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
    except (OSError, AttributeError):  # no Linux, or no glibc
        return float("nan")
    return 1024 * int(found[1]) if found else float("nan")
