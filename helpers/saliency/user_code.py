"""Load what a user brings by name: a method, a network."""

import importlib
import sys
from pathlib import Path

import torch
from torch import nn

from helpers.inputs import classifiers
from helpers.saliency import contract
from helpers.store import paths


def load_object(spec: str) -> object:
    """What a module of the user's calls by a name: ``module:name``, found from here or the root.

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
    """A method (model, images, classes) -> (N, H, W) of a module of the user's: ``module:name``.

    Raises
    ------
    ValueError
        If it is not there or cannot be called.
    """
    found = load_object(spec)
    if not callable(found):
        raise ValueError(
            f"{spec} is {type(found).__name__}; expected a function (model, images, classes)"
        )
    return found


def load_network(spec: str, size: int | None = None) -> nn.Module:
    """A network from images in [0, 1] to logits, frozen, in evaluation mode, on the device.

    Parameters
    ----------
    spec
        A name of :data:`helpers.inputs.classifiers.IMAGENET`; ``torchvision:NAME`` or
        ``timm:NAME``, with the weights that these libraries download, behind ImageNet's
        normalisation; or
        ``module:loader``, a function without arguments that gives a network.
    size
        To which a network of IMAGENET brings its images, if not to its own: any does, for they end
        in a mean over the last map, and a smaller one is faster and less sure.

    Raises
    ------
    ValueError
        If it is not there, cannot be had, or is no network.
    """
    if spec in classifiers.IMAGENET:
        found = classifiers.load_imagenet(spec).network
        found.size = size or found.size
        return found
    origin, _, name = spec.partition(":")
    if origin == "torchvision":
        found = (
            classifiers.load_imagenet(name).network
            if name in classifiers.IMAGENET
            else _torchvision(name)
        )
    elif origin == "timm":
        found = classifiers.timm_network(name, classes=1000, size=224)
    else:
        loader = load_method(spec)
        found = loader()
        if not isinstance(found, nn.Module):
            raise ValueError(
                f"{spec} gave {type(found).__name__}; expected a torch.nn.Module that takes images "
                "(N, 3, H, W) in [0, 1] to logits"
            )
    found = found.eval().requires_grad_(False)
    return found.to(classifiers.default_device(), memory_format=torch.channels_last)


def _torchvision(name: str) -> nn.Module:
    import torchvision

    try:
        body = torchvision.models.get_model(name, weights="DEFAULT")
    except ValueError as error:
        raise ValueError(f"torchvision has no network {name!r}") from error
    except (OSError, RuntimeError) as error:
        raise ValueError(
            f"the weights of {name} cannot be had ({type(error).__name__}); with no network take "
            f"one of {', '.join(classifiers.PACKAGED_SHA256)}"
        ) from error
    return classifiers.Preprocessed(body, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
