"""25 networks of timm and torchvision, with random weights, through the methods: a table.

``PYTHONPATH=. python tests/many_networks.py [NAME ...]`` prints for each network the layer of its
activation maps, how many methods give maps on the clean images, and the sentence of each gap. The
slow test in test_many_networks.py takes them through all tests of the cross-examination.
"""

import sys
import time
import warnings

import torch
from torch import nn

from helpers.saliency import contract, network_check, registry

NAMES = (
    "timm:vit_tiny_patch16_224", "timm:deit_tiny_distilled_patch16_224", "timm:mixer_s32_224",
    "timm:resmlp_12_224", "timm:swin_tiny_patch4_window7_224", "timm:convnext_atto",
    "timm:efficientnet_b0", "timm:mobilenetv3_small_050", "timm:regnety_002", "timm:resnet10t",
    "timm:resnetv2_50", "timm:edgenext_xx_small", "timm:mobilevit_xxs", "timm:poolformer_s12",
    "timm:pvt_v2_b0", "timm:xcit_nano_12_p16_224", "timm:maxvit_rmlp_pico_rw_256",
    "torchvision:densenet121", "torchvision:googlenet", "torchvision:inception_v3",
    "torchvision:mobilenet_v2", "torchvision:shufflenet_v2_x0_5", "torchvision:squeezenet1_1",
    "torchvision:swin_t", "torchvision:vit_b_16",
)  # fmt: skip

SIDE = 160  # pixels


def random_network(name: str) -> tuple[nn.Module, int]:
    """A network with random weights, whose BatchNorms know noise images; and its images' side.

    That is :data:`SIDE` where a network takes any, else its own.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import timm
        import torchvision
    torch.manual_seed(0)
    library, _, own = name.partition(":")
    if library == "timm":
        network = timm.create_model(own, num_classes=10)
        config = network.pretrained_cfg
        side = config["input_size"][-1] if config.get("fixed_input_size") else SIDE
    else:
        options = {"aux_logits": False} if own in ("googlenet", "inception_v3") else {}
        options |= {"image_size": 96} if own == "vit_b_16" else {}  # a sixth of the work
        network = torchvision.models.get_model(own, weights=None, num_classes=10, **options)
        side = options.get("image_size", SIDE)
    for layer in network.modules():  # some heads begin with zeros, whose maps are constant
        if isinstance(layer, nn.Linear) and not layer.weight.any():
            nn.init.normal_(layer.weight, std=0.02)
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.train().momentum = None
    with torch.no_grad():
        if norms:
            network(torch.rand(2, 3, side, side))
    return network.eval(), side


def row(name: str, *, images: int = 1) -> dict:
    """The layer that activation maps look at, how many methods give maps, and each gap."""
    network, side = random_network(name)
    shown = torch.rand(images, 3, side, side, generator=torch.Generator().manual_seed(0))
    checked = network_check.prepared(network, shown)
    classes = torch.arange(images)
    maps, gaps = 0, {}
    for kind, methods in registry.METHODS.items():
        for method, explain in methods.items():
            options = {"evaluations": 24} if kind == "black box" else {}
            options |= {"steps": 2} if method == "Integrated Gradients" else {}
            options |= {"samples": 2} if method == "SmoothGrad" else {}

            def run(*given, explain=explain, options=options):
                return explain(*given, **options)

            try:
                contract.checked_maps(run, checked.network, shown, classes, seed=0)
                maps += 1
            except Exception as error:
                gaps[method] = f"{type(error).__name__}: {error}".splitlines()[0]
    layer = next((n for n in checked.notes if n.startswith("Activation maps")), "")
    return {"network": name, "layer": layer, "maps": maps, "gaps": gaps}


if __name__ == "__main__":
    for wanted in sys.argv[1:] or NAMES:
        started = time.monotonic()
        found = row(wanted)
        print(f"{found['network']}: {found['layer']} {found['maps']} maps, gaps: {found['gaps']} "
              f"({time.monotonic() - started:.0f} s)", flush=True)  # fmt: skip
