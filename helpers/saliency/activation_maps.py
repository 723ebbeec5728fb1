"""Activation maps under the one signature, from a network's last grid of features."""

from collections.abc import Callable

from torch import Tensor, nn

from helpers.papers import cams, memory, peers
from helpers.saliency import contract, feature_layers


@contract.needs_gradients
def activation_map(method: Callable, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """One of the maps of :mod:`helpers.papers.cams` or ``pca_cams``, at the images' size.

    It looks at the layer of :func:`helpers.saliency.feature_layers.find`. Images (N, 3, H, W),
    classes (N,) to (N, H, W).

    Raises
    ------
    helpers.saliency.contract.NotApplicable
        If the network has no such layer, or Grad-CAM++ finds activations below 0 there.
    """
    layer = feature_layers.find(model, images)

    def maps(images: Tensor, classes: Tensor) -> Tensor:
        activations, gradients = feature_layers.maps_and_gradients(model, images, classes, layer)
        if method is cams.grad_cam_plus_plus and activations.min() < 0:
            raise contract.NotApplicable(
                f"the output of {layer.name} falls to {activations.min().item():.3g}, and "
                "Grad-CAM++ is defined only where no activation is below 0"
            )
        return cams.upsample(method(activations, gradients), images.shape[-2:])

    return memory.InParts(maps)(images, classes)


@contract.needs_gradients
def full_grad(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """FullGrad (Srinivas & Fleuret 2019): what the input and every bias contribute, in magnitude.

    Images (N, 3, H, W) and classes (N,) to (N, H, W), non-negative.

    Raises
    ------
    helpers.saliency.contract.NotApplicable
        If the network has no convolution.
    """
    if not any(isinstance(module, nn.Conv2d) for module in model.modules()):
        raise contract.NotApplicable(
            f"{type(model).__name__} has no convolution, at whose places FullGrad lays its terms"
        )

    def maps(images: Tensor, classes: Tensor) -> Tensor:
        return peers.full_grad(peers.full_gradients(model, images, classes), images.shape[-2:])

    return memory.InParts(maps)(images, classes)
