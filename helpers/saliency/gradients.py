"""Gradient methods under the one signature: captum's."""

import warnings

import torch
from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="IProgress")  # tqdm looks for notebook widgets
    from captum.attr import InputXGradient, IntegratedGradients, NoiseTunnel, Saliency

from helpers.papers import memory
from helpers.saliency import contract

# Of one image, in one batch on a processor, where more at once is no faster: 50 steps of a network
# of ours hold 5 GB.
STEPS_ON_A_CPU = 16


@contract.needs_gradients
def gradient(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    r"""Simonyan et al. 2014: :math:`\max_k |\partial y_c / \partial x_k|`, over colors k.

    Images (N, 3, H, W) and classes (N,) to (N, H, W).
    """

    def maps(images: Tensor, classes: Tensor) -> Tensor:
        return Saliency(model).attribute(_leaf(images), classes, abs=True).amax(1)

    return memory.InParts(maps)(images, classes)


@contract.needs_gradients
def gradient_x_input(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    r"""Shrikumar et al. 2016: :math:`\sum_k x_k \, \partial y_c / \partial x_k`, signed.

    Images (N, 3, H, W) and classes (N,) to (N, H, W).
    """

    def maps(images: Tensor, classes: Tensor) -> Tensor:
        return InputXGradient(model).attribute(_leaf(images), classes).sum(1).detach()

    return memory.InParts(maps)(images, classes)


@contract.needs_gradients
def smooth_grad(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    samples: int = 15,
    deviation: float = 0.15,
) -> Tensor:
    """Smilkov et al. 2017: the mean gradient under Gaussian noise; its magnitude as `gradient`'s.

    samples is how many noisy copies of the images (N, 3, H, W) there are, deviation the noise's
    standard deviation, of the range 0 to 1. Classes are (N,), the maps (N, H, W).
    """
    mean = NoiseTunnel(Saliency(model)).attribute(
        _leaf(images), nt_type="smoothgrad", nt_samples=samples, nt_samples_batch_size=1,
        stdevs=deviation, target=classes, abs=False,
    )  # fmt: skip
    return mean.abs().amax(1)


@contract.needs_gradients
def integrated_gradients(
    model: nn.Module, images: Tensor, classes: Tensor, *, steps: int = 50
) -> Tensor:
    r"""Integrated Gradients from black, summed over colors with their sign.

    .. math:: \sum_k x_k \int_0^1 \frac{\partial y_c}{\partial x_k}(\alpha x) \, d\alpha

    Sundararajan et al. 2017, Eq. 1, with the baseline x' = 0; `steps` points of Gauss and Legendre
    approximate the integral. The sum over the map is the image's logit less that of black.

    Parameters
    ----------
    model
        Images (N, 3, H, W) in [0, 1] to logits (N, classes).
    images, classes
        (N, 3, H, W), and int64 (N,).

    Returns
    -------
    Tensor
        (N, H, W), in logits, of both signs.
    """
    parts: list[Tensor] = []
    # an image at a time; on a GPU all its steps are one batch, if memory holds them
    at_once = steps if images.is_cuda else min(steps, STEPS_ON_A_CPU)
    for i in range(len(images)):

        def explained(size: int, i: int = i) -> None:
            parts[i:] = [_integrated(model, images[i : i + 1], classes[i : i + 1], steps, size)]

        at_once = memory.halve_when_full(explained, at_once)
    return torch.cat(parts).sum(1).detach()


def _integrated(model: nn.Module, image: Tensor, label: Tensor, steps: int, at_once: int) -> Tensor:
    """Captum's Integrated Gradients of one image (1, 3, H, W), `at_once` of its steps at a time."""
    explainer = IntegratedGradients(model)
    most = at_once if at_once < steps else None
    return explainer.attribute(image, target=label, n_steps=steps, internal_batch_size=most)


def _leaf(images: Tensor) -> Tensor:
    """Images as a leaf that requires gradients, which captum would otherwise warn about."""
    return images.detach().requires_grad_()
