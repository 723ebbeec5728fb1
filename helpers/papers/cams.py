"""Class activation maps: pure functions of a layer's activations and of the class's gradients.

:func:`record` runs the network once for a batch and gives both; each method then takes
``(activations, gradients)``, (N, K, H, W) each, to maps (N, H, W), at the layer's own resolution
and in the method's own unit. :func:`upsample` and :func:`display_scaled` are steps of their own,
because papers differ on them and because a scale of its own for each map hides how strong it is.
"""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers.papers import checks, memory


def record(model: nn.Module, images: Tensor, classes: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    r"""Activations A of a layer, and the gradients :math:`\partial y_c / \partial A` of the logits.

    One forward pass, and one backward pass that ends at the layer: what comes before it builds no
    graph. Images do not mix, so the gradient of the summed logits is each image's own. Parameters
    may be frozen; no hook, no ``.grad`` and no changed mode stays behind.

    Parameters
    ----------
    model
        Takes images to logits (N, classes); it is run in evaluation mode.
    images
        (N, 3, H, W) in [0, 1].
    classes
        The class to explain, one an image, int64 (N,).
    layer
        The layer's name, as in ``dict(model.named_modules())``.

    Returns
    -------
    tuple
        A and its gradients, (N, K, H', W') each, detached.

    Raises
    ------
    ValueError
        If there is no such layer, its output is no map or a map of one cell, or if network, images,
        classes and logits do not fit each other.
    """
    checks.check_unit_range(images)
    checks.check_classes(classes, images)
    module = _layer(model, layer)
    with checks.evaluating(model), torch.no_grad(), _leaf(module) as kept:
        logits = _logits(model, images)  # gradients are on from the layer onwards
        if len(kept) != 1:
            raise ValueError(
                f"layer {layer!r} ran {len(kept)} times; choose one that runs once: "
                f"{_candidates(model)}"
            )
        _check_map(kept[0], layer)
        checks.check_class_range(classes, logits)
        score = logits.gather(1, classes.to(logits.device)[:, None]).sum()
        (gradients,) = torch.autograd.grad(score, kept[0])
    return kept[0].detach(), gradients


def grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    r"""Weigh each feature map by its mean gradient, and keep what speaks for the class.

    .. math::
        \alpha_k = \frac{1}{HW} \sum_{ij} \frac{\partial y}{\partial A^k_{ij}},
        \qquad
        L_{ij} = \mathrm{ReLU}\Bigl(\sum_k \alpha_k A^k_{ij}\Bigr)

    Selvaraju et al. 2017, Eqs. 1 and 2; Arya 2024, Eqs. 1 to 3. Here y is the logit, not the
    probability. The map is zero where nothing speaks for the class, so it may be zero everywhere.

    Parameters
    ----------
    activations
        A, the feature maps of the chosen layer, (N, K, H, W).
    gradients
        dy/dA, same shape.

    Returns
    -------
    Tensor
        L, (N, H, W), non-negative, in logits.

    Raises
    ------
    ValueError
        If the two are no finite maps of one shape.
    """
    checks.check_pair(activations, gradients)
    weights = gradients.mean(dim=(2, 3))  # (N, K)
    return torch.einsum("nk,nkhw->nhw", weights, activations).relu()


def grad_cam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    r"""Weigh each feature map by its positive gradients, less where the map is strong already.

    .. math::
        \alpha^k_{ij} = \frac{g_{ij}^2}{2 g_{ij}^2 + \sum_{ab} A^k_{ab}\, g_{ij}^3},
        \quad
        w_k = \sum_{ij} \alpha^k_{ij}\, \mathrm{ReLU}(g_{ij}),
        \quad
        L_{ij} = \mathrm{ReLU}\Bigl(\sum_k w_k A^k_{ij}\Bigr)

    Chattopadhay et al. 2018, Eqs. 5, 10 and 19, with g the gradient of the logit: the factor
    :math:`e^y` that the paper's score :math:`e^y` brings is the same in a whole map and left out.
    Divided through by :math:`g^2` the weight is :math:`\sum \mathrm{ReLU}(g) / (2 + S_k g)`, which
    is computed here: it has no powers, so it needs no constant against a division by zero.

    Parameters
    ----------
    activations
        A, non-negative, (N, K, H, W).
    gradients
        g, same shape.

    Returns
    -------
    Tensor
        L, (N, H, W), non-negative.

    Raises
    ------
    ValueError
        If an activation is negative: the denominator then crosses zero. Or if the two are no
        finite maps of one shape.
    """
    checks.check_pair(activations, gradients)
    if activations.numel() and activations.min() < 0:
        raise ValueError(
            f"activations reach {activations.min().item():.3g}; Grad-CAM++ is defined for "
            "non-negative ones: take a layer's output after its ReLU"
        )
    positive = gradients.relu()  # negative gradients add nothing to the weight
    strength = activations.sum((2, 3), keepdim=True)  # (N, K, 1, 1)
    weights = (positive / (2 + strength * positive)).sum((2, 3))  # (N, K)
    return torch.einsum("nk,nkhw->nhw", weights, activations).relu()


def layer_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    r"""Weigh each cell of each feature map by its own gradient, where that is positive.

    .. math:: L_{ij} = \mathrm{ReLU}\Bigl(\sum_k \mathrm{ReLU}(g^k_{ij})\, A^k_{ij}\Bigr)

    Jiang et al. 2021, Eqs. 5 to 7. Ornek & Ceylan's Eq. 5 lost the weights in print and names
    second-order derivatives, which the method does not use. (N, K, H, W) each to (N, H, W).

    Raises
    ------
    ValueError
        If the two are no finite maps of one shape.
    """
    checks.check_pair(activations, gradients)
    return torch.einsum("nkhw,nkhw->nhw", gradients.relu(), activations).relu()


def upsample(maps: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Maps (N, H, W) at another size, bilinearly; cells count by their area, not their centers.

    Raises
    ------
    ValueError
        If they are of another shape, or no floats, or a side is below 1 or no whole number.
    """
    if maps.ndim != 3 or not maps.is_floating_point():
        raise ValueError(f"maps are {maps.dtype} {tuple(maps.shape)}; expected floats (N, H, W)")
    size = (size, size) if isinstance(size, int | float) else size
    if any(side < 1 or side % 1 for side in size):
        raise ValueError(f"size is {tuple(size)}; expected whole numbers of 1 or more")
    return F.interpolate(maps[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def display_scaled(maps: Tensor) -> Tensor:
    """Each map (N, H, W) stretched to [0, 1] by itself, for the eye; a flat map becomes zero.

    Raises
    ------
    ValueError
        If they are of another shape, or a map is NaN or infinite.
    """
    if maps.ndim != 3:
        raise ValueError(f"maps are {tuple(maps.shape)}; expected (N, H, W)")
    checks.check_finite(maps, "maps")
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / torch.where(high > low, high - low, 1)


@contextmanager
def output_of(model: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """Collect a layer's outputs while the block runs, one a forward pass, with their graph.

    The tensors are of any shape; the hook is removed when the block ends.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        kept.append(output)

    handle = _layer(model, layer).register_forward_hook(keep)
    try:
        yield kept
    finally:
        handle.remove()


@contextmanager
def _leaf(module: nn.Module) -> Iterator[list[Tensor]]:
    """Let the graph start at a module's output; the list holds that output, once a pass."""
    kept: list[Tensor] = []

    def start(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor | None:
        if not isinstance(output, Tensor):
            return None  # e.g. an attention layer's pair; refused as no map
        torch.set_grad_enabled(True)  # until the caller's no_grad block ends
        kept.append(output.detach().requires_grad_())
        return kept[-1].clone()  # what follows may work in place

    handle = module.register_forward_hook(start)
    try:
        yield kept
    finally:
        handle.remove()


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    """What the network gives; an error of its own is told with the images that it was given."""
    try:
        return model(images)
    except RuntimeError as error:
        if memory.is_out_of_memory(error):
            raise
        raise ValueError(
            f"the network does not take images {tuple(images.shape)}: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error


def _layer(model: nn.Module, name: str) -> nn.Module:
    if not isinstance(name, str):
        raise ValueError(f"layer is {name!r}; expected a name, one of: {_candidates(model)}")
    layers = dict(model.named_modules())
    if name in layers:
        return layers[name]
    near = difflib.get_close_matches(name, layers, n=3, cutoff=0.4)
    raise ValueError(
        f"there is no layer {name!r}; near it: {', '.join(near) or 'none'}. "
        f"The convolutions: {_candidates(model)}"
    )


def _candidates(model: nn.Module) -> str:
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    return ", ".join(names if len(names) <= 8 else [*names[:3], "...", *names[-4:]])


def _check_map(activations: Tensor, layer: str) -> None:
    shape = tuple(activations.shape)
    if activations.ndim != 4:
        raise ValueError(f"layer {layer!r} gives {shape}; expected maps (N, K, H, W)")
    if shape[2:] == (1, 1):
        raise ValueError(
            f"layer {layer!r} gives a map of one cell, so every explanation of it is flat; "
            "enlarge the images or choose an earlier layer"
        )
