"""Load what a user brings by name: a method, a network."""

import importlib
import re
import sys
import sysconfig
import traceback
from pathlib import Path
from types import ModuleType

from torch import nn

from helpers.inputs import classifiers
from helpers.saliency import contract, feature_layers, module_files
from helpers.store import paths


def load_object(spec: str) -> object:
    """Load ``module:name`` or ``path/to/module.py:name``, where the user stands or in the project.

    Raises
    ------
    ValueError
        If the spec is no such pair, there is no such module, it fails while it is imported, or
        nothing in it has that name; the error is the module's own, with its line.
    """
    module_files.check(spec)
    wanted = module_files.split(spec)
    for folder in (paths.ROOT, Path.cwd(), *([wanted.folder] if wanted.folder else [])):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    module = _imported(wanted.module)
    came = getattr(module, "__file__", None)
    if wanted.folder and came and Path(came).resolve().parent != wanted.folder.resolve():
        raise ValueError(
            f"{spec}: another {Path(came).name} was imported before; rename one of the two"
        )
    found: object = module
    for part in wanted.name.split("."):
        if not hasattr(found, part):
            names = [n for n, value in vars(module).items() if callable(value) and n[0] != "_"]
            raise ValueError(
                f"{wanted.module} has nothing by the name {wanted.name!r}; it has: "
                + (", ".join(names) or "nothing that can be called")
            )
        found = getattr(found, part)
    return found


def _imported(name: str) -> ModuleType:
    """Import a user's module, and tell its errors as its own."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or str(error)
        if f"{name}.".startswith(f"{missing}."):
            raise ValueError(module_files.not_there(name)) from error
        raise ValueError(
            f"{name} imports {missing!r}, which is not installed; install it, or put {missing}.py "
            "beside it"
        ) from error
    except SyntaxError as error:
        raise ValueError(module_files.syntax(error)) from error
    except (Exception, SystemExit) as error:  # whatever a stranger's file does
        kinds = ("stdlib", "platstdlib", "purelib", "platlib")
        others = ("<", __file__, *(sysconfig.get_path(kind) for kind in kinds))
        every = traceback.extract_tb(error.__traceback__)
        steps = [step for step in every if not step.filename.startswith(others)] or every
        where = f" ({Path(steps[-1].filename).name}, line {steps[-1].lineno})"
        said = re.sub(r" \(/[^)]*\)", "", str(error))  # the path that an ImportError tells
        raise ValueError(
            f"{name} fails while it is imported: {type(error).__name__}: {said}{where}"
        ) from error


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
    elif ":" not in spec:
        raise ValueError(
            f"there is no network {spec!r}; expected one of {', '.join(classifiers.IMAGENET)}, "
            f"torchvision:{spec} or timm:{spec} (whose weights are downloaded), or module:name of "
            "your own"
        )
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
