"""Training that can be killed: one file an epoch, and the next start goes on from the last."""

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.inputs import checkpoints, cifar, conversion
from helpers.store import files


def fit(
    network: nn.Module,
    images: cifar.Images,
    folder: Path,
    *,
    epochs: int,
    batch_size: int,
    rate: Callable[[int], float],
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    seed: int = 0,
) -> Iterator[tuple[int, dict]]:
    """Stochastic gradient descent on cross-entropy, from the last epoch that `folder` holds.

    After each epoch the weights go to ``epoch-NN.safetensors`` (epoch 0 is the start), the momentum
    to ``momentum.safetensors``. Order and augmentation of an epoch follow from seed and epoch
    alone, so that a training that was broken off ends like an unbroken one.

    Parameters
    ----------
    network
        Takes (B, 3, H, W) in [0, 1] to logits; it is trained in place, on its own device.
    images
        Pixels uint8 (N, 3, H, W) and labels (N,).
    folder
        For this network, these images and these settings alone: name it by their digest.
    rate
        The learning rate of each step, counted from 0 over all epochs.
    augment
        From images (B, 3, H, W) in [0, 1] and a generator on the CPU to images of the same range.

    Yields
    ------
    tuple
        The epoch, 0 to `epochs`, and its record: running accuracy and loss, and seconds.

    Raises
    ------
    ValueError
        If the folder holds a checkpoint of another network, or the loss is no longer finite.
    """
    place = next(network.parameters()).device
    network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        network.parameters(), lr=rate(0), momentum=momentum, weight_decay=weight_decay
    )
    first = _resume(network, optimizer, folder)
    if first == 0:
        checkpoints.save_checkpoint(epoch_file(folder, 0), network, {"epoch": 0})
    for epoch in range(min(first, epochs) + 1):
        yield epoch, checkpoints.checkpoint_record(epoch_file(folder, epoch))
    step = first * math.ceil(len(images.labels) / batch_size)
    for epoch in range(first + 1, epochs + 1):
        started, right, total = time.monotonic(), 0, 0.0
        generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
        network.train()
        with torch.random.fork_rng():
            torch.manual_seed(1_000_003 * seed + epoch)  # dropout
            for index in torch.randperm(len(images.labels), generator=generator).split(batch_size):
                batch = conversion.to_unit(images.pixels[index].to(place))
                batch = augment(batch, generator) if augment else batch
                target = images.labels[index].to(place)
                optimizer.param_groups[0]["lr"] = rate(step)
                logits = network(batch.contiguous(memory_format=torch.channels_last))
                loss = F.cross_entropy(logits, target)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                step += 1
                total += loss.item() * len(index)
                right += (logits.argmax(1) == target).sum().item()
        network.eval()
        if not math.isfinite(total):
            raise ValueError(f"the loss of epoch {epoch} is {total}; take a smaller learning rate")
        count = len(images.labels)
        record = {
            "epoch": epoch, "right": right / count, "loss": total / count,
            "seconds": round(time.monotonic() - started, 1),
        }  # fmt: skip
        checkpoints.save_checkpoint(epoch_file(folder, epoch), network, record)
        _save_momentum(optimizer, folder, epoch)
        yield epoch, record


def epoch_file(folder: Path, epoch: int) -> Path:
    """Where the weights after an epoch are."""
    return folder / f"epoch-{epoch:02d}.safetensors"


def _resume(network: nn.Module, optimizer: torch.optim.SGD, folder: Path) -> int:
    """Load the last epoch that was finished, weights and momentum; give its number, or 0."""
    file = folder / "momentum.safetensors"
    if not file.exists():
        return 0
    epoch = checkpoints.checkpoint_record(file)["epoch"]
    content = epoch_file(folder, epoch).read_bytes()
    checkpoints.load_weights(network, content, epoch_file(folder, epoch).name).requires_grad_(True)
    kept = load(file.read_bytes())
    for number, weight in enumerate(optimizer.param_groups[0]["params"]):
        if str(number) in kept:  # none without momentum
            buffer = torch.empty_like(weight).copy_(kept[str(number)])
            optimizer.state[weight]["momentum_buffer"] = buffer
    return epoch


def _save_momentum(optimizer: torch.optim.SGD, folder: Path, epoch: int) -> None:
    buffers = {
        str(number): optimizer.state[weight]["momentum_buffer"].contiguous()
        for number, weight in enumerate(optimizer.param_groups[0]["params"])
        if "momentum_buffer" in optimizer.state[weight]
    }
    record = {"record": json.dumps({"epoch": epoch})}
    files.write_atomically(folder / "momentum.safetensors", save(buffers, record))
