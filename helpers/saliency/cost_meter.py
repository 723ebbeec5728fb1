"""What a method's maps cost: time, passes, memory, and whether it draws at random."""

import ctypes
import re
import time
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from helpers.saliency import contract


class Cost(NamedTuple):
    """What maps cost: seconds, images forward and backward through the network, megabytes."""

    seconds: float
    forward: int
    backward: int
    megabytes: float  # at most held beyond what was there before; NaN where unknown or not measured
    drew: bool  # whether torch's random numbers were used: if not, no seed changes the maps


def maps_and_cost(
    explain: contract.Explain,
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    seed: int,
    memory: bool = False,
) -> tuple[Tensor, Cost]:
    """A method's checked maps (N, H, W) (:mod:`helpers.saliency.contract`), and what they cost.

    Images are (N, 3, H, W), classes (N,). Passes are counted where they reach the network's last
    layer with weights; a backward pass that starts there counts, however far it goes. Memory is
    torch's on a GPU, and on Linux the process's; it is optional, because on Linux the process first
    gives back what it can, which slows the method down.
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
        before = _rng_states()
        maps = explain(*given)
        drew = not all(map(torch.equal, before, _rng_states()))
        return maps

    drew = False
    weighted = [
        m
        for m in model.modules()
        if any(True for _ in m.parameters(recurse=False))
        and not isinstance(m, torch.jit.ScriptModule)  # that takes no hooks
    ]
    before = _memory(images.is_cuda, reset=True) if memory else float("nan")
    hook = (weighted or [model])[-1].register_forward_hook(forward)
    started = time.perf_counter()
    try:
        maps = contract.checked_maps(watched, model, images, classes, seed=seed)
        if images.is_cuda:
            torch.cuda.synchronize()
    finally:
        hook.remove()
    seconds = time.perf_counter() - started
    most = _memory(images.is_cuda) - before if memory else before
    return maps, Cost(seconds, **counts, megabytes=most / 2**20, drew=drew)


def _rng_states() -> list[Tensor]:
    """The states of torch's random generators, on the CPU and on every GPU."""
    return [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]


_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _memory(on_gpu: bool, *, reset: bool = False) -> float:
    """The most bytes held since the last reset, or if reset, the bytes held now; NaN if unknown."""
    if on_gpu:
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
