"""Write tests/pinned_maps.json anew: ``PYTHONPATH=. python tests/pin_maps.py``."""

import json
import os
from functools import cache, partial
from pathlib import Path

import torch

from helpers.inputs import classifiers, conversion, photographs
from helpers.saliency import contract, registry

FILE = Path(__file__).with_name("pinned_maps.json")


@cache
def network() -> torch.nn.Module:
    return classifiers.load_imagenet("tf_efficientnet_lite0").network


def coarse(kind: str, name: str) -> list[float]:
    """4 x 4 means of a method's map of Foolbox's first photograph, the largest magnitude 1."""
    image = conversion.to_unit(photographs.foolbox_imagenet(96).pixels[:1]).to(
        classifiers.default_device()
    )
    explain = registry.METHODS[kind][name]
    if kind == "black box":
        explain = partial(explain, evaluations=48)
    maps = contract.checked_maps(explain, network(), image, torch.tensor([243]), seed=0).cpu()
    small = torch.nn.functional.avg_pool2d(maps[:, None], 24)
    return [round(value, 4) for value in (small / small.abs().max()).flatten().tolist()]


if __name__ == "__main__":
    os.environ["XAI_DEVICE"] = "cpu"  # pins of a GPU would fail on processors
    pins = {name: coarse(kind, name) for kind, some in registry.METHODS.items() for name in some}
    FILE.write_text(json.dumps(pins, indent=0) + "\n")
