"""The device of a run, chosen by the environment variable ``XAI_DEVICE``, and its arithmetic.

Importing this module fixes the arithmetic of the process, :func:`fix_arithmetic`, so that no number
depends on whether a GPU may round float32 to TF32.
"""

import os
import subprocess

import torch

VARIABLE = "XAI_DEVICE"
ON_A_CPU, MOST = 32, 256  # images at once: what suits a processor's cache, and the most on a GPU
# Bytes that a network without gradient holds at most, by bytes of its input: VGG19, the largest
# here, holds two maps of 64 channels as large as its image of 3, 43 times; the rest is allowance.
HELD = 64
SHARE = 0.5  # of a GPU's memory, for the maps of one batch


def fix_arithmetic() -> None:
    """Compute float32 as float32, and convolutions in one order, on every device.

    PyTorch lets cuDNN round the inputs of float32 convolutions to TF32, 10 bits, on GPUs since
    Ampere: LRP-0's most relevant pixels then change by half. And cuDNN's faster sums are not the
    same twice. On a processor this changes nothing.
    """
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False


def arithmetic() -> str:
    """What float32 means in this process, read from torch's settings, in words."""
    exact = torch.get_float32_matmul_precision() == "highest"
    tf32 = torch.backends.cudnn.allow_tf32 or not exact
    order = "deterministic" if torch.backends.cudnn.deterministic else "not deterministic"
    return f"float32 {'with' if tf32 else 'without'} TF32, cuDNN {order}"


def present() -> list[str]:
    """The devices of this machine, as ``XAI_DEVICE`` may name them."""
    names = ["cpu"]
    if torch.cuda.is_available():
        names += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return [*names, "mps"] if torch.backends.mps.is_available() else names


def chosen() -> torch.device:
    """The device that ``XAI_DEVICE`` names; without it the first GPU, else the processor.

    Raises
    ------
    ValueError
        If there is no such device, or it lacks float64 (as Apple's ``mps`` does), in which the
        attack, curves and ranks are computed.
    """
    wanted = os.environ.get(VARIABLE, "").strip()
    if not wanted:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    known = present()
    if wanted not in known and not (wanted == "cuda" and "cuda:0" in known):
        raise ValueError(f"{VARIABLE} is {wanted!r}; this machine has: {', '.join(known)}")
    device = torch.device(wanted)
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"{VARIABLE} is {wanted!r}, which cannot compute in float64, as the attack, curves and "
            f"ranks do; give another of: {', '.join(known)}"
        ) from error
    if device.type == "cuda" and device.index is not None:
        torch.cuda.set_device(device)  # for what is made on "cuda" without a number
    return device


def driver() -> str:
    """The version of NVIDIA's driver; empty where its program does not tell."""
    words = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = told.stdout.split("\n")
    return lines[0].strip() if told.returncode == 0 else ""


def of_rng(device: torch.device) -> list[torch.device]:
    """The GPUs whose random numbers :func:`torch.random.fork_rng` has to guard: the run's own.

    Without this it guards all that are visible, and warns where there are several.
    """
    return [device] if device.type == "cuda" else []


def is_slow_in_bfloat16(device: torch.device) -> bool:
    """Whether a device has no units for bfloat16, so that float32 is faster there.

    On a processor they are AVX-512's or AMX's (or Arm's own). Without them bfloat16 is emulated: a
    network took 8 times as long as in float32.
    """
    if device.type == "cuda":
        return not torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    units = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return not any(getattr(torch.cpu, name, bool)() for name in units)  # not public: may be gone


def training_type(device: torch.device) -> torch.dtype | None:
    """The type that convolutions are trained in: bfloat16 where it is fast, else None."""
    if device.type not in ("cpu", "cuda") or is_slow_in_bfloat16(device):
        return None
    return torch.bfloat16


def batch_that_fits(shape: tuple[int, ...], device: torch.device, most: int = MOST) -> int:
    """How many images (C, H, W), float32, a network without gradient gets at once on a device.

    On a processor :data:`ON_A_CPU`. On a GPU the largest power of two, up to `most`, of which
    :data:`HELD` times its bytes are at most :data:`SHARE` of the memory: it depends on the card
    alone, not on what else runs there. Where that is too many, the batch is halved
    (:mod:`helpers.papers.memory`).
    """
    if device.type != "cuda":
        return ON_A_CPU
    image = 4 * torch.Size(shape).numel()
    fitting = SHARE * torch.cuda.get_device_properties(device).total_memory / (HELD * image)
    return min(most, 1 << (max(int(fitting), 1).bit_length() - 1))


fix_arithmetic()
