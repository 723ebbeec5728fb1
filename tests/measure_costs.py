"""Measure what notebooks/costs.yaml says of this processor: processor seconds an image, one thread.

``OMP_NUM_THREADS=1 PYTHONPATH=. python tests/measure_costs.py``. Processor time, so that what else
runs on the machine counts little; float32, weights at random, batches of 8, the best of three.
"""

import time
from collections.abc import Callable

import timm
import torch
import torchvision
from torch import nn

from helpers.inputs import classifiers

SIDES = {"tf_efficientnet_lite0": 224, "tf_efficientnet_lite1": 240, "tf_efficientnet_lite2": 260}
TORCHVISION = ("vgg19", "resnet50", "mobilenet_v2", "densenet121")
BATCH, REPEATS = 8, 3


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of a call, the least of some."""
    taken = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def of_a_pass(network: nn.Module, side: int, *, gradient: bool = False) -> float:
    """Processor seconds an image through a network, and back if there is a gradient."""
    images = torch.rand(BATCH, 3, side, side).contiguous(memory_format=torch.channels_last)
    network = network.to(memory_format=torch.channels_last).train(gradient)

    def there_and_back() -> None:
        network(images).sum().backward()

    if gradient:
        return seconds(there_and_back) / BATCH
    with torch.no_grad():
        return seconds(lambda: network(images)) / BATCH


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    for name, side in SIDES.items():
        network = timm.create_model(name, pretrained=False)
        print(f"  {name}: {of_a_pass(network.eval(), side):.2g}", flush=True)
    for name in TORCHVISION:
        network = torchvision.models.get_model(name, weights=None)
        print(f"  {name}: {of_a_pass(network.eval(), 224):.2g}", flush=True)
    for name, side in (("tf_efficientnet_lite0", 96), ("efficientnet_b0", 128), ("resnet18", 224)):
        network = timm.create_model(name, pretrained=False)
        print(f"{name}, a training step at {side}: {of_a_pass(network, side, gradient=True):.2g}")
    print(
        f"dieter_cnn, there and back: {of_a_pass(classifiers.dieter_cnn(), 32, gradient=True):.2g}"
    )


if __name__ == "__main__":
    main()
