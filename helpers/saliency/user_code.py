"""Load what a user brings by name: a method, a network."""

import importlib
import sys
from pathlib import Path

from torch import nn

from helpers.inputs import classifiers
from helpers.saliency import contract, feature_layers
from helpers.store import paths


def load_object(spec: str) -> object:
    """Load ``module:name``: a name of a user's module in the current folder or in the project's.

    Raises
    ------
    ValueError
        If the spec is no such pair, there is no such module, or nothing in it has that name.
    """
    module, colon, name = spec.partition(":")
    if not (colon and module and name):
        raise ValueError(f"{spec!r} is no module:name, such as my_method:explain")
    for folder in (str(paths.ROOT), str(Path.cwd())):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"there is no module {error.name!r}; put {module}.py into the folder from which you run"
        ) from error
    except AttributeError as error:
        raise ValueError(f"{module} has nothing by the name {name!r}") from error


def load_method(spec: str) -> contract.Explain:
    """Load a user's method (model, images, classes) -> maps (N, H, W) by ``module:name``.

    Raises
    ------
    ValueError
        If it is not there or cannot be called.
    """
    method = load_object(spec)
    if not callable(method):
        raise ValueError(
            f"{spec} is {type(method).__name__}; expected a function (model, images, classes)"
        )
    return method


def load_network(spec: str, size: int | None = None) -> nn.Module:
    """Load a network from images (N, 3, H, W) in [0, 1] to logits, frozen, in evaluation mode.

    It is not asked yet whether it takes the run's images:
    :func:`helpers.saliency.network_check.prepared` does.

    Parameters
    ----------
    spec
        A name of :data:`helpers.inputs.classifiers.IMAGENET`; ``torchvision:NAME`` or
        ``timm:NAME``, with the weights that these libraries download, behind these weights' own
        size, normalization and classes; or ``module:name``, a function without arguments that
        gives a network, or the network itself.
    size
        To which a network of IMAGENET brings its images, if not to its own: any works, because
        they end in a mean over the last map, and a smaller one is faster and less accurate.

    Raises
    ------
    ValueError
        If it is not there, its weights cannot be had, or it is no network.
    """
    origin, _, name = spec.partition(":")
    if spec in classifiers.IMAGENET or (origin == "torchvision" and name in classifiers.IMAGENET):
        network, layer = classifiers.load_imagenet(name or spec)
        if spec in classifiers.IMAGENET:
            network.size = size or network.size
        setattr(network, feature_layers.CHOSEN, layer)
        return network
    if origin == "torchvision":
        network = classifiers.torchvision_network(name)
    elif origin == "timm":
        network = classifiers.timm_network(name, classes=None, size=None)
    else:
        network = _users_network(spec)
    return _frozen(network).to(classifiers.default_device())


def _frozen(network: nn.Module) -> nn.Module:
    """A network in evaluation mode whose weights get no gradients; a scripted one too."""
    for weights in network.parameters():
        if weights.is_leaf:
            weights.requires_grad_(False)
    return network.eval()


def _users_network(spec: str) -> nn.Module:
    expected = "a torch.nn.Module that takes images (N, 3, H, W) in [0, 1] to logits"
    loader = load_object(spec)
    if isinstance(loader, nn.Module):
        return loader
    if not callable(loader):
        raise ValueError(
            f"{spec} is {type(loader).__name__}; expected {expected}, or a function without "
            "arguments that gives one"
        )
    network = loader()
    if not isinstance(network, nn.Module):
        raise ValueError(f"{spec} gave {type(network).__name__}; expected {expected}")
    return network
