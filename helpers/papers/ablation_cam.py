"""AblationCAM (Desai & Ramaswamy 2020): a channel's weight is what the class loses without it."""

import torch
from torch import Tensor, nn

from helpers.papers import cams, checks


@torch.no_grad()
def scores_without(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    layer: str,
    channels: Tensor,
    *,
    batch_size: int = 32,
    whole: bool = False,
) -> Tensor:
    """The class's logit with one channel of a layer set to zero, for each of some channels.

    Parameters
    ----------
    model
        Images (N, 3, H, W) in [0, 1] to logits, in evaluation mode.
    images, classes
        (N, 3, H, W) and int64 (N,).
    layer
        Its name; its output is (N, K, h, w).
    channels
        Which to set to zero, int64 (C,).
    batch_size
        Copies at once, at most, where N allows.
    whole
        Whether the whole network is evaluated for every channel, as published: C evaluations an
        image. Otherwise what comes before the layer is computed once a batch of channels, and its
        output copied; that gives the same.

    Returns
    -------
    Tensor
        (N, C), in logits.

    Raises
    ------
    ValueError
        If there is no such layer, a channel is none of its, or images and classes do not fit.
    """
    checks.check_unit_range(images)
    checks.check_classes(classes, images)
    modules = dict(model.named_modules())
    if layer not in modules:
        raise ValueError(f"there is no layer {layer!r}; expected a name of model.named_modules()")
    parts = []
    for some in channels.split(max(batch_size // len(images), 1)):

        def ablated(_module: nn.Module, _inputs: tuple, output: Tensor, some=some) -> Tensor:
            if some.min() < 0 or some.max() >= output.shape[1]:
                raise ValueError(f"layer {layer!r} has {output.shape[1]} channels; asked for more")
            copies = output.clone() if whole else output.repeat(len(some), 1, 1, 1)
            rows = torch.arange(len(copies), device=copies.device)
            copies[rows, some.to(copies.device).repeat_interleave(len(images))] = 0
            return copies

        handle = modules[layer].register_forward_hook(ablated)
        try:
            given = images.repeat(len(some), 1, 1, 1) if whole else images
            logits = model(given)
        finally:
            handle.remove()
        checks.check_class_range(classes, logits)
        own = classes.to(logits.device).repeat(len(some))[:, None]
        parts.append(logits.gather(1, own).view(len(some), len(images)).T)
    return torch.cat(parts, 1)


def ablation_cam(
    model: nn.Module, images: Tensor, classes: Tensor, layer: str, *, batch_size: int = 32
) -> Tensor:
    r"""AblationCAM at the layer's own resolution, without any gradient.

    .. math::
        w_k = \frac{y - y^k}{y}, \qquad L_{ij} = \mathrm{ReLU}\Bigl(\sum_k w_k A^k_{ij}\Bigr)

    Desai & Ramaswamy 2020, with y the class's logit and y^k the logit with channel k
    of the layer set to zero (:func:`scores_without`). As published it takes K + 1 evaluations of
    the network, K the number of channels. Only the slope's sign and order matter for the map; where
    y is not positive, the division by y would turn the map around, so that \|y\| is taken.

    Parameters
    ----------
    model, images, classes, layer, batch_size
        As :func:`scores_without`.

    Returns
    -------
    Tensor
        L, (N, h, w), non-negative.

    Raises
    ------
    ValueError
        As :func:`scores_without`.
    """
    checks.check_classes(classes, images)
    with torch.no_grad(), cams.output_of(model, layer) as kept:
        logits = model(images)
    checks.check_class_range(classes, logits)
    (activations,) = kept
    own = logits.gather(1, classes.to(logits.device)[:, None])  # (N, 1)
    channels = torch.arange(activations.shape[1])
    without = scores_without(model, images, classes, layer, channels, batch_size=batch_size)
    weights = (own - without) / own.abs().clamp(min=torch.finfo(own.dtype).tiny)
    return torch.einsum("nk,nkhw->nhw", weights, activations).relu()
