"""Networks and their weights. A network here is bare: images in [0, 1] in, logits out."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn

from helpers import data, paths


def table2_network() -> nn.Sequential:
    """Dieter & Zisgen's network, Table 2, rows 1 to 26; row 27, the softmax, is left off.

    3 x 3 convolutions with bias, BatchNorm with Keras's constants (eps 1e-3, and momentum .99,
    which PyTorch calls .01), max-pooling by 2, dropout .2, .3, .4, Glorot uniform initialisation.
    Takes (N, 3, 32, 32) in [0, 1], gives (N, 10).
    """
    layers = [
        *_convolution(3, 32), *_convolution(32, 32), nn.MaxPool2d(2), nn.Dropout(0.2),
        *_convolution(32, 64), *_convolution(64, 64), nn.MaxPool2d(2), nn.Dropout(0.3),
        *_convolution(64, 128), *_convolution(128, 128), nn.MaxPool2d(2), nn.Dropout(0.4),
        nn.Flatten(), nn.Linear(2048, 10),
    ]  # fmt: skip
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
        nn.ReLU(),
    ]


def device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


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
    paths.write_atomically(file, save(tensors, {"record": json.dumps(record)}))


def checkpoint_record(file: Path) -> dict:
    """How a checkpoint was made, or an empty record where there is no such file."""
    if not file.exists():
        return {}
    with safe_open(str(file), framework="pt") as opened:
        return json.loads((opened.metadata() or {}).get("record", "{}"))


@torch.no_grad()
def logits(network: nn.Module, pixels: Tensor, *, batch_size: int = 500) -> Tensor:
    """The network's answers to uint8 images (N, 3, H, W), in batches: (N, classes), on the CPU."""
    place = next(network.parameters()).device
    answers = []
    for batch in pixels.split(batch_size):
        images = data.to_unit(batch.to(place)).contiguous(memory_format=torch.channels_last)
        answers.append(network(images).cpu())
    return torch.cat(answers)
