"""Training that can be killed: one file an epoch, and the next start resumes after the last one."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.inputs import checkpoints, cifar, conversion, corruptions, devices
from helpers.store import files

OPTIMIZERS = "sgd", "adam"
STATE_FILE = "optimizer.safetensors"


def fit(
    network: nn.Module,
    images: cifar.Images,
    folder: Path,
    *,
    epochs: int,
    batch_size: int,
    rate: Callable[[int], float],
    optimizer: str = "sgd",
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    autocast: torch.dtype | None = None,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    seed: int = 0,
) -> Iterator[tuple[int, dict]]:
    """Train on cross-entropy, from the last epoch that `folder` holds.

    After each epoch the weights go to ``epoch-NN.safetensors`` (epoch 0 is the start) and the
    optimizer's state to ``optimizer.safetensors``. Order, augmentation and dropout of an epoch
    follow from seed and epoch alone, so an interrupted training ends with the same weights as an
    uninterrupted one.

    Parameters
    ----------
    network
        Takes (B, 3, H, W) in [0, 1] to logits (B, classes); trained in place, on its own device.
    images
        Pixels uint8 (N, 3, H, W) and labels (N,).
    folder
        For this network, these images and these settings alone: take their digest as its name.
    rate
        The learning rate of each step, counted from 0 over all epochs.
    optimizer
        "sgd", stochastic gradient descent with `momentum`, or "adam" with PyTorch's constants.
    momentum
        Of "sgd" alone.
    autocast
        The type in which convolutions and products are computed, such as ``torch.bfloat16``; by
        default that of the weights. Weights, loss and steps stay as they are.
    augment
        From images (B, 3, H, W) in [0, 1] and a generator on the CPU to images of the same range.

    Yields
    ------
    tuple
        The epoch, 0 to `epochs`, and its record: running accuracy and loss, and seconds.

    Raises
    ------
    ValueError
        If there is no such optimizer, the folder holds a checkpoint of another network or
        optimizer, or the loss is no longer finite.
    """
    device = next(network.parameters()).device
    network.to(memory_format=torch.channels_last)
    stepper = _optimizer(network, optimizer, rate(0), momentum, weight_decay)
    done = _resume(network, stepper, optimizer, folder)
    if done == 0:
        checkpoints.save_checkpoint(epoch_file(folder, 0), network, {"epoch": 0})
    for epoch in range(min(done, epochs) + 1):
        yield epoch, checkpoints.checkpoint_record(epoch_file(folder, epoch))
    steps = math.ceil(len(images.labels) / batch_size)  # an epoch
    for epoch in range(done + 1, epochs + 1):
        started = time.monotonic()
        draws = 1_000_003 * seed + epoch
        generator = torch.Generator().manual_seed(draws)
        order = torch.randperm(len(images.labels), generator=generator)
        network.train()
        with torch.random.fork_rng(devices.of_rng(device)):
            torch.manual_seed(draws)  # dropout
            tally = torch.zeros(2, dtype=torch.float64, device=device)  # hits, and summed loss
            for number, index in enumerate(order.split(batch_size)):
                batch = conversion.to_unit(images.pixels[index].to(device))
                batch = augment(batch, generator) if augment else batch
                stepper.param_groups[0]["lr"] = rate((epoch - 1) * steps + number)
                tally += _step(network, stepper, batch, images.labels[index], autocast)
        network.eval()
        correct, total = tally.tolist()  # once an epoch: a GPU is waited for here
        if not math.isfinite(total):
            raise ValueError(f"the loss of epoch {epoch} is {total}; take a smaller learning rate")
        count = len(images.labels)
        seconds = round(time.monotonic() - started, 1)
        accuracy, loss = correct / count, total / count
        record = {"epoch": epoch, "right": accuracy, "loss": loss, "seconds": seconds}
        checkpoints.save_checkpoint(epoch_file(folder, epoch), network, record)
        _save_state(stepper, optimizer, folder, epoch)
        yield epoch, record


def rise_and_decay(step: int, *, steps: int, peak: float) -> float:
    """The learning rate rises to its peak for a tenth of the steps, then falls linearly to zero."""
    return peak * min((step + 1) / (0.1 * steps), (steps - step) / (0.9 * steps))


def random_affine(
    images: Tensor, generator: torch.Generator, *, degrees: float, shift: float, mirror: float
) -> Tensor:
    """Turn, shift and mirror each image (N, C, H, H) at random; beyond the border is its color.

    Parameters
    ----------
    degrees
        The largest angle; angles are drawn evenly from -degrees to degrees.
    shift
        The largest shift, as a share of the side, in either direction and in x and y.
    mirror
        The share of images that are mirrored.
    """
    draws = torch.rand(4, len(images), generator=generator).to(images.device)
    angle, right, down = (2 * draws[0] - 1) * math.radians(degrees), draws[1], draws[2]
    flip = torch.where(draws[3] < mirror, -1.0, 1.0)
    # positions run from -1 to 1, so that a share of the side counts twice
    x = torch.stack([angle.cos() * flip, -angle.sin(), 2 * shift * (2 * right - 1)], dim=1)
    y = torch.stack([angle.sin() * flip, angle.cos(), 2 * shift * (2 * down - 1)], dim=1)
    return corruptions.affine(images, torch.stack([x, y], dim=1), padding_mode="border")


@torch.no_grad()
def recollect_batchnorm(network: nn.Module, pixels: Tensor, *, batch_size: int = 500) -> None:
    """Collect the statistics of all BatchNorm layers anew, without dropout.

    Dropout changes the variance that BatchNorm sees, so that what it collected in training is wrong
    for testing. The mean over the batches of uint8 images (N, 3, H, W) takes its place.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over the batches
        norm.train()
    device = next(network.parameters()).device
    for batch in pixels.split(batch_size):
        network(conversion.to_unit(batch.to(device)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.eval()


def epoch_file(folder: Path, epoch: int) -> Path:
    """Where the weights after an epoch are."""
    return folder / f"epoch-{epoch:02d}.safetensors"


def _step(
    network: nn.Module,
    stepper: torch.optim.Optimizer,
    batch: Tensor,
    labels: Tensor,
    autocast: torch.dtype | None,
) -> Tensor:
    """One step on a batch (B, 3, H, W): how many were right before, and their summed loss, (2,)."""
    labels = labels.to(batch.device)
    lower = torch.autocast(batch.device.type, autocast) if autocast else contextlib.nullcontext()
    with lower:
        logits = network(batch.contiguous(memory_format=torch.channels_last))
    loss = F.cross_entropy(logits.float() if autocast else logits, labels)
    stepper.zero_grad()
    loss.backward()
    stepper.step()
    hits = (logits.argmax(1) == labels).sum()
    return torch.stack([hits.double(), loss.detach().double() * len(labels)])


def _optimizer(
    network: nn.Module, kind: str, rate: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    weights = network.parameters()
    if kind == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=momentum, weight_decay=weight_decay)
    if kind == "adam":
        return torch.optim.Adam(weights, lr=rate, weight_decay=weight_decay)
    raise ValueError(f"optimizer is {kind!r}; expected one of {', '.join(OPTIMIZERS)}")


def _resume(network: nn.Module, stepper: torch.optim.Optimizer, kind: str, folder: Path) -> int:
    """Load the last finished epoch, weights and optimizer's state; its number, or 0."""
    if not (folder / STATE_FILE).exists():
        return 0
    state, record = files.read_tensors(folder / STATE_FILE)
    if record["optimizer"] != kind:
        raise ValueError(
            f"{STATE_FILE} is of {record['optimizer']}, not of {kind}; take another folder"
        )
    epoch = record["epoch"]
    content = checkpoints.read_checkpoint(epoch_file(folder, epoch))
    checkpoints.load_weights(network, content, epoch_file(folder, epoch).name).requires_grad_(True)
    weights = stepper.param_groups[0]["params"]
    for key, value in state.items():
        number, _, name = key.partition("/")
        weight = weights[int(number)]
        if name != "step":  # Adam's count of steps stays as it is, on the CPU
            value = torch.empty_like(weight).copy_(value)  # the weight's layout and device
        stepper.state[weight][name] = value
    return epoch


def _save_state(stepper: torch.optim.Optimizer, kind: str, folder: Path, epoch: int) -> None:
    state = {
        f"{number}/{name}": value
        for number, weight in enumerate(stepper.param_groups[0]["params"])
        for name, value in stepper.state[weight].items()
        if isinstance(value, Tensor)  # SGD without momentum keeps None
    }
    files.write_tensors(folder / STATE_FILE, state, {"epoch": epoch, "optimizer": kind})
