"""Which types a machine computes fast in."""

import torch


def training_type(device: torch.device) -> torch.dtype | None:
    """The type that convolutions are trained in: bfloat16 where there are units for it, else None.

    Without such units bfloat16 is emulated, several times as slow as float32. On a processor they
    are AVX-512's or AMX's.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else None
    units = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # not public, so may be gone
    found = [getattr(torch.cpu, name)() for name in units if hasattr(torch.cpu, name)]
    return torch.bfloat16 if any(found) else None
