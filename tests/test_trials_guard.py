import random
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from helpers.saliency import contract, cost_meter
from helpers.trials import guard, methods

CLASSES = torch.tensor([0, 1])


@pytest.fixture
def images(small_images):
    return small_images[:2].float()


@pytest.fixture
def network(small_network):
    return small_network.float()


def zero_weights(model, images, classes):
    with torch.no_grad():
        model[0].weight.zero_()
    return images.mean(1)


def training_mode(model, images, classes):
    model.train()
    model(images)  # moves BatchNorm's statistics
    return images.mean(1)


def leave_hook(model, images, classes):
    model[0].register_forward_hook(lambda module, inputs, output: output * 0)
    return images.mean(1)


def swap_layer(model, images, classes):
    model[2] = nn.Identity()
    return images.mean(1)


def patch_forward(model, images, classes):
    model.forward = lambda images: torch.zeros(len(images), 3)
    return images.mean(1)


def shift_buffer(model, images, classes):
    model[1].running_mean += 1
    return images.mean(1)


def normalize_in_place(model, images, classes):
    return images.sub_(0.5).mean(1)


@pytest.mark.parametrize(
    ("explain", "change"),
    [
        (zero_weights, "the values of 0.weight"),
        (training_mode, "the mode of the network"),
        (leave_hook, "hooks of 0"),
        (swap_layer, "the parts modules of the network"),
        (patch_forward, "the attribute forward of the network"),
        (shift_buffer, "the values of 1.running_mean"),
        (normalize_in_place, "its images in place"),
    ],
)
def test_a_method_that_leaves_traces_is_refused_and_all_is_put_back(
    explain, change, network, images
):
    before, logits = images.clone(), network(images)

    with pytest.raises(guard.LeftTraces, match=change):
        guard.run_guarded(explain, network, images, CLASSES)

    assert torch.equal(images, before)
    assert torch.equal(network(images), logits)
    assert not any(module.training for module in network.modules())


def test_a_method_that_fails_leaves_the_network_as_it_was(network, images):
    def fails(model, images, classes):
        zero_weights(model, images, classes)
        raise KeyError("layer4")

    logits = network(images)

    with pytest.raises(KeyError, match="layer4"):
        guard.run_guarded(fails, network, images, CLASSES)

    assert torch.equal(network(images), logits)


def test_a_method_that_cleans_up_is_not_refused(network, images):
    def tidy(model, images, classes):
        kept = []
        hook = model[0].register_forward_hook(lambda m, i, output: kept.append(output))
        model.train()
        model.eval()
        model(images)
        hook.remove()
        return kept[0].sum(1)

    assert guard.run_guarded(tidy, network, images, CLASSES).shape == (2, 8, 8)


def test_weights_gradients_and_the_switch_for_gradients_are_put_back(network, images):
    def careless(model, images, classes):
        model.requires_grad_(True)
        model(images).sum().backward()
        torch.set_grad_enabled(False)
        return images.mean(1)

    guard.run_guarded(careless, network, images, CLASSES)

    assert torch.is_grad_enabled()
    assert not any(p.requires_grad or p.grad is not None for p in network.parameters())


def numpy_map(model, images, classes):
    noise = np.random.random(images[:, 0].shape)  # noqa: NPY002
    return torch.from_numpy(noise + random.random())


def test_numpy_and_python_draw_alike_for_one_seed_and_are_left_alone(network, images):
    explain = partial(guard.run_guarded, numpy_map)
    state, python = np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002

    one, same, other = (
        contract.checked_maps(explain, network, images, CLASSES, seed=seed) for seed in (1, 1, 2)
    )

    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert random.getstate() == python


def test_a_method_that_draws_from_numpy_is_seen_to_draw(network, images):
    brought = methods.brought(numpy_map)

    _, cost = cost_meter.maps_and_cost(brought.explain, network, images, CLASSES, seed=0)

    assert cost.drew
