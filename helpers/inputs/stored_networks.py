"""Networks with real ImageNet weights in ``XAI_DATA/networks``, a folder beside the project."""

from collections.abc import Iterable

import torchvision
from torch import nn

from helpers.inputs import checkpoints
from helpers.store import files, paths

SHA256 = {  # files of XAI_DATA/networks
    "tf_mobilenetv2_100": "9ac605b5647a36a83b43781c05ba31b0f1e3e28bea5b8c56c0db6ce47cbf88fd",
    "squeezenet1_1": "d4921e4e7d091cd345ed37e54bb7d1248aeb47daefe7c0b54c8901ec30fe9467",
}


def load(
    name: str, instead: Iterable[str], size: int
) -> tuple[nn.Module, int, tuple[float, ...], tuple[float, ...]]:
    """A network whose weights lie in ``XAI_DATA/networks``, with its images' size, mean and scale.

    Parameters
    ----------
    name
        One of :data:`SHA256`.
    instead
        Names of networks that need no such file, for the message.
    size
        Of the images, handed on.

    Raises
    ------
    ValueError
        If the file is not there, or is not the one whose SHA-256 is pinned.
    """
    folder = paths.xai_data()
    file = None if folder is None else folder / "networks" / f"{name}.safetensors"
    if file is None or not file.is_file():
        where = "XAI_DATA is not set" if folder is None else "XAI_DATA/networks lacks that file"
        raise ValueError(
            f"the weights of {name} are {name}.safetensors in XAI_DATA/networks, and {where}; "
            f"without it take one of {', '.join(instead)}"
        )
    content = files.read_verified(file.parent, file.name, SHA256[name])
    if name == "squeezenet1_1":  # on 255 x - mean, in RGB
        means = tuple(mean / 255 for mean in (122.679, 116.669, 104.006))
        body, mean, std = torchvision.models.squeezenet1_1(weights=None), means, (1 / 255,) * 3
    else:  # TensorFlow's one-sided padding; every BatchNorm is folded into its convolution
        import timm  # takes seconds

        body = timm.create_model("mobilenetv2_100", pad_type="same")
        mean, std = (0.5,) * 3, (0.5,) * 3
    return checkpoints.load_weights(body, content, file.name), size, mean, std
