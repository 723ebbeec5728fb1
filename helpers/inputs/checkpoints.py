"""Weights in and out of safetensors files, with a record of how they were made."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import nn

from helpers.store import files


def load_weights(network: nn.Module, content: bytes, name: str) -> nn.Module:
    """Put the weights of a safetensors file into a network, frozen and in evaluation mode.

    Raises
    ------
    ValueError
        If the bytes are no safetensors file, or the tensors do not fit the network.
    """
    try:
        network.load_state_dict(load(content))
    except (SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{name} does not fit the network: {reason}") from error
    return network.eval().requires_grad_(False)


def save_checkpoint(file: Path, network: nn.Module, record: dict) -> None:
    """Write a network's weights, with a record of how they were made, in one step."""
    tensors = {
        key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()
    }
    files.write_atomically(file, save(tensors, {"record": json.dumps(record)}))


def checkpoint_record(file: Path) -> dict:
    """How a checkpoint was made, or an empty record where there is no such file."""
    if not file.exists():
        return {}
    with safe_open(str(file), framework="pt") as opened:
        return json.loads((opened.metadata() or {}).get("record", "{}"))
