"""One check of a user's network before anything is computed: mended and said, or refused."""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from helpers.saliency import contract, feature_layers, network_outputs

SIZES = (224, 384, 299, 256, 240, 288, 32, 64, 96, 128, 28, 160, 192, 320, 336, 448, 512, 518)
SAME = 1e-4  # of the largest logit, up to which two answers are the same


class Checked(NamedTuple):
    """A network that takes images (N, 3, H, W) in [0, 1] to finite logits (N, classes)."""

    network: nn.Module
    notes: tuple[str, ...]  # what was done to it or is to be known of it, a sentence each
    has_gradients: bool  # whether its logits have a gradient for the image


def prepared(network: nn.Module, images: Tensor, layer: str = "") -> Checked:
    """A network as all methods can take it, checked on some images (N, 3, H, W) in [0, 1].

    Wrappers for training are taken off, parameters become float32, the mode that of evaluation;
    the logits are taken out of dictionaries and tuples, and one channel gets the mean of the
    colors. The network itself is not changed: where it would be, a copy is.

    Parameters
    ----------
    network
        A user's, or one of ours.
    images
        Those of the run; the first two are evaluated.
    layer
        The layer for activation maps, if not the last grid of features.

    Raises
    ------
    ValueError
        If it takes no such images, gives no finite logits of two classes or more, gives
        probabilities, other answers to the same images, or changes itself; or there is no such
        layer.
    """
    images = images[:2]
    name = type(network).__name__
    network, notes = _unwrapped(network)
    network = _evaluating(network, notes)
    network = _in_float32(network, notes)
    network, given = _taking(network, images, name, notes)
    network, logits = network_outputs.giving_logits(network, given, images, name, notes)
    _check_logits(logits, name, notes)
    _check_repeats(network, images, logits, name, notes)
    has_gradients = contract.gives_gradients(network, images)
    if not has_gradients:
        notes.append(
            f"{name} has no gradient for the image, so methods that need one, and the attack, "
            "are gaps."
        )
    network = _with_layer(network, images, layer, notes)
    return Checked(network, tuple(notes), has_gradients)


def _unwrapped(network: nn.Module) -> tuple[nn.Module, list[str]]:
    notes = []
    for attribute, kind in (
        ("module", (nn.DataParallel, nn.parallel.DistributedDataParallel)),
        ("_orig_mod", nn.Module),
    ):
        inner = getattr(network, attribute, None)
        if isinstance(network, kind) and isinstance(inner, nn.Module):
            notes.append(f"{type(inner).__name__} was taken out of {type(network).__name__}.")
            network = inner
    if isinstance(network, torch.jit.ScriptModule):
        network = network_outputs.TakesOutput(network, None)
        network.training = network.network.training
    return network, notes


def _evaluating(network: nn.Module, notes: list[str]) -> nn.Module:
    if any(module.training for module in network.modules()):
        notes.append("The network was in training mode; it is run in evaluation mode.")
        network = _copied(network).eval()
    if any(weights.requires_grad for weights in network.parameters()):
        network = _copied(network)
        for weights in network.parameters():  # a scripted network has no requires_grad_()
            if weights.is_leaf:
                weights.requires_grad_(False)
    return network


def _copied(network: nn.Module) -> nn.Module:
    """A copy, so that a user's own network stays as it is; itself where it cannot be copied."""
    try:
        return copy.deepcopy(network)
    except Exception:  # tensors under way in a graph, open files: whatever it holds
        return network


def _in_float32(network: nn.Module, notes: list[str]) -> nn.Module:
    kinds = {
        tensor.dtype
        for tensor in [*network.parameters(), *network.buffers()]
        if tensor.is_floating_point()
    }
    other = sorted(str(kind).removeprefix("torch.") for kind in kinds - {torch.float32})
    if not other:
        return network
    notes.append(f"The network's {' and '.join(other)} numbers were converted to float32.")
    return _copied(network).float()


def _taking(
    network: nn.Module, images: Tensor, name: str, notes: list[str]
) -> tuple[nn.Module, Any]:
    """A network that takes the images, and what it makes of them."""
    given, error = _tried(network, images)
    if error is None:
        return network, given
    gray = network_outputs.TakesGray(network).eval()
    given, gray_error = _tried(gray, images)
    if gray_error is None:
        notes.append(f"{name} takes one channel; it gets the mean of the image's three.")
        return gray, given
    side = images.shape[-1]
    for channels in (3, 1, 4, 2):
        for size in (side, *SIZES):
            trial = torch.full((len(images), channels, size, size), 0.5).to(images)
            if _tried(network, trial)[1] is None:
                raise ValueError(_wants(name, channels, size, images))
    raise ValueError(
        f"{name} cannot take float32 images {tuple(images.shape)} in [0, 1]: "
        f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    ) from error


def _wants(name: str, channels: int, size: int, images: Tensor) -> str:
    came = f"{name} cannot take images {tuple(images.shape[1:])}; it takes"
    if channels not in (1, 3):
        return f"{came} {channels} channels, and photographs have 3 in [0, 1]"
    return (
        f"{came} ({channels}, {size}, {size}): give -p side {size}, or put the network behind "
        f"helpers.inputs.classifiers.Preprocessed(network, {size}, mean, std), which resizes"
    )


def _tried(network: nn.Module, images: Tensor) -> tuple[Any, Exception | None]:
    try:
        with torch.no_grad():
            return network(images.clone()), None
    except Exception as error:  # of a user's network, of whatever kind
        return None, error


def _check_logits(logits: Tensor, name: str, notes: list[str]) -> None:
    count, classes = logits.shape
    if classes < 2:
        raise ValueError(
            f"{name} gives one logit an image, ({count}, 1), and every test asks for a class: for "
            "two classes let it give torch.cat([-y, y], 1) of its logit y"
        )
    if not logits.is_floating_point():
        raise ValueError(f"{name} gives {logits.dtype}; expected logits, floating-point numbers")
    if not logits.isfinite().all():
        broken = int((~logits.isfinite()).any(1).sum())
        raise ValueError(
            f"{name} gives NaN or infinite logits for {broken} of the first {count} images"
        )
    inside = logits.min() >= 0 and logits.max() <= 1 + SAME
    if inside and (logits.sum(1) - 1).abs().max() < 1e-3:
        raise ValueError(
            f"{name} gives probabilities, as its values add up to 1; expected logits: leave off "
            "its softmax"
        )
    if (logits.exp().sum(1) - 1).abs().max() < SAME:
        notes.append(f"{name} gives logarithms of probabilities; they are explained as they are.")
    elif inside:
        notes.append(
            f"All values of {name} lie in [0, 1]; if it ends in a sigmoid, leave that off."
        )


def _check_repeats(
    network: nn.Module, images: Tensor, logits: Tensor, name: str, notes: list[str]
) -> None:
    """Refuse a network that draws at random or changes itself; say if images depend on others."""
    before = {key: (value, value.clone()) for key, value in _tensors(network).items()}
    with torch.no_grad():
        again = network(images.clone())
        alone = torch.cat([network(image[None].clone()) for image in images])
    for key, value in _tensors(network).items():
        if key not in before or not _same(value, before[key][1]):
            raise ValueError(
                f"{name} changes its own tensor {key!r} whenever it is evaluated; let it change "
                "nothing in evaluation mode"
            )
    scale = float(logits.abs().max())
    apart = float((again - logits).abs().max())
    if not apart <= SAME * scale:
        raise ValueError(
            f"{name} gives other logits to the same images a second time (by {apart:.3g}): it "
            "draws at random, as dropout does that stays on; make it deterministic in evaluation"
        )
    apart = float((alone - again).abs().max())
    if apart > 100 * SAME * scale:
        notes.append(
            f"The logits of {name} for an image depend on the images beside it (by {apart:.3g}), "
            "as with BatchNorm without running statistics; all numbers hold for these batches only."
        )


def _tensors(network: nn.Module) -> dict[str, Tensor]:
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())


def _with_layer(network: nn.Module, images: Tensor, layer: str, notes: list[str]) -> nn.Module:
    """Note the layer of activation maps on the network, where randomized copies find it too."""
    try:
        if layer:
            found = feature_layers.named(network, images, layer)
        else:
            found = feature_layers.find(network, images)
    except contract.NotApplicable as none:
        notes.append(f"Activation maps are gaps: {none}.")
        return network
    if getattr(network, feature_layers.CHOSEN, None) != found.name:
        network = copy.copy(network)  # of the same parts: the user's own stays without the name
        setattr(network, feature_layers.CHOSEN, found.name)
    notes.append(f"Activation maps look at {found.told()}.")
    return network
