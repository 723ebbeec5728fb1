"""LRP written out layer by layer, without Zennit and without autograd: the tests' second way."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

TINY = 1e-7


def relevance(layers: nn.Sequential, images: Tensor, classes: Tensor, step: Callable) -> Tensor:
    """Walk back through the layers; `step(layer, a, r)` takes relevance r to the layer's input."""
    activations = [images]
    with torch.no_grad():
        for layer in layers:
            activations.append(layer(activations[-1]))
        logits = activations[-1]
        r = logits * F.one_hot(classes, logits.shape[1])
        for layer, a in zip(reversed(layers), reversed(activations[:-1]), strict=True):
            r = step(layer, a, r)
    return r


def epsilon_step(e: float) -> Callable:
    def step(layer, a, r):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            z = layer(a)
            return a * _transposed(layer, layer.weight, r / (z + e * _sign(z)), a)
        if isinstance(layer, nn.BatchNorm2d):
            w, b = _batchnorm(layer, e)
            return a * w * r / (a * w + b + e)
        if isinstance(layer, nn.MaxPool2d):
            z, winner = F.max_pool2d(a, 2, return_indices=True)
            return a * F.max_unpool2d(r / (z + e * _sign(z)), winner, 2)
        return r.reshape(a.shape)

    return step


def alpha_beta_step(alpha: float) -> Callable:
    beta = 1 - alpha

    def step(layer, a, r):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            up, down = layer.weight.clamp(min=0), layer.weight.clamp(max=0)
            z_up = _forward(layer, a, up, layer.bias.clamp(min=0)) + TINY
            z_down = _forward(layer, a, down, layer.bias.clamp(max=0)) - TINY
            c = alpha * _transposed(layer, up, r / z_up, a)
            if beta:
                c = c + beta * _transposed(layer, down, r / z_down, a)
            return a * c
        if isinstance(layer, nn.BatchNorm2d):
            w, b = _batchnorm(layer, layer.eps)
            x = a * w
            up = alpha * x.clamp(min=0) * r / (x.clamp(min=0) + b.clamp(min=0) + TINY)
            down = beta * x.clamp(max=0) * r / (x.clamp(max=0) + b.clamp(max=0) - TINY)
            return up + down
        if isinstance(layer, nn.MaxPool2d):
            z, winner = F.max_pool2d(a, 2, return_indices=True)
            s = alpha * r / (z.clamp(min=0) + TINY) + beta * r / (z.clamp(max=0) - TINY)
            return a * F.max_unpool2d(s, winner, 2)
        return r.reshape(a.shape)

    return step


def _sign(z: Tensor) -> Tensor:
    return torch.where(z >= 0, 1.0, -1.0).to(z)


def _batchnorm(layer: nn.BatchNorm2d, e: float) -> tuple[Tensor, Tensor]:
    w = layer.weight / (layer.running_var + e).sqrt()
    return w.view(1, -1, 1, 1), (layer.bias - layer.running_mean * w).view(1, -1, 1, 1)


def _forward(layer: nn.Module, a: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        return F.conv2d(a, weight, bias, layer.stride, layer.padding)
    return F.linear(a, weight, bias)


def _transposed(layer: nn.Module, weight: Tensor, s: Tensor, a: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        return conv2d_input(a.shape, weight, s, layer.stride, layer.padding)
    return s @ weight
