import copy

import explicit_lrp
import pytest
import torch
from torch import nn

from helpers.papers import lrp

RULES = {
    "zero": (lrp.zero(), explicit_lrp.epsilon_step(1e-7)),
    "epsilon .0001": (lrp.epsilon(1e-4), explicit_lrp.epsilon_step(1e-4)),
    "epsilon 1": (lrp.epsilon(1.0), explicit_lrp.epsilon_step(1.0)),
    "alpha 1": (lrp.alpha_beta(1), explicit_lrp.alpha_beta_step(1)),
    "alpha 2": (lrp.alpha_beta(2), explicit_lrp.alpha_beta_step(2)),
}
CLASSES = torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("name", RULES)
def test_rule_equals_explicit_matrix_algebra(name, small_network, small_images):
    rule, step = RULES[name]

    ours = lrp.relevance(small_network, small_images, CLASSES, rule)
    explicit = explicit_lrp.relevance(small_network, small_images, CLASSES, step)

    assert (lrp.max_normalized(ours) - lrp.max_normalized(explicit)).abs().max() < 1e-9


def test_epsilon_of_a_single_unit_matches_the_hand_computed_shares():
    unit = nn.Sequential(nn.Flatten(), nn.Linear(2, 1)).double()
    unit[1].weight.data = torch.tensor([[3.0, -1.0]], dtype=torch.float64)
    unit[1].bias.data = torch.tensor([0.5], dtype=torch.float64)
    inputs = torch.tensor([[[[1.0, 2.0]]]], dtype=torch.float64)  # z = 3 - 2 + .5 = 1.5

    found = lrp.relevance(unit, inputs, torch.tensor([0]), lrp.epsilon(0.25))

    expected = torch.tensor([3.0, -2.0], dtype=torch.float64) * 1.5 / 1.75
    assert torch.allclose(found.flatten(), expected)


def test_alpha_2_of_a_single_unit_matches_the_hand_computed_shares():
    unit = nn.Sequential(nn.Flatten(), nn.Linear(2, 1)).double()
    unit[1].weight.data = torch.tensor([[3.0, -1.0]], dtype=torch.float64)
    unit[1].bias.data = torch.tensor([0.5], dtype=torch.float64)
    inputs = torch.tensor([[[[1.0, 2.0]]]], dtype=torch.float64)

    found = lrp.relevance(unit, inputs, torch.tensor([0]), lrp.alpha_beta(2))

    # z+ = 3 + .5 takes the bias, z- = -2; R = 1.5; beta = -1
    expected = torch.tensor([2 * 3 / 3.5, -1.0], dtype=torch.float64) * 1.5
    assert torch.allclose(found.flatten(), expected, atol=1e-6)


def test_lrp_0_conserves_relevance_where_there_is_no_bias(small_images):
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3, bias=False)
    ).double()

    found = lrp.relevance(network, small_images, CLASSES, lrp.zero())

    logits = network(small_images).gather(1, CLASSES[:, None])[:, 0]
    assert torch.allclose(found.flatten(1).sum(1), logits, rtol=1e-4)


def test_a_large_epsilon_absorbs_relevance(small_network, small_images):
    kept = [
        lrp.relevance(small_network, small_images, CLASSES, lrp.epsilon(e)).abs().sum()
        for e in (0.1, 10.0)
    ]

    assert kept[1] < 0.1 * kept[0]


def test_alpha_1_relevance_has_the_sign_of_the_explained_logit(small_network, small_images):
    found = lrp.relevance(small_network, small_images, CLASSES, lrp.alpha_beta(1)).flatten(1)

    logits = small_network(small_images).gather(1, CLASSES[:, None])
    assert (logits < 0).any()
    assert (logits > 0).any()
    assert (found * logits.sign() >= 0).all()


class Shrink(nn.Module):
    """What Zennit 0.5.1 leaves of a merged BatchNorm: variance 1, but still its eps."""

    def __init__(self, eps):
        super().__init__()
        self.eps = eps

    def forward(self, x):
        return x / (1 + self.eps) ** 0.5


def test_merged_epsilon_is_zennits_epsilon_on_a_network_folded_by_hand(small_network, small_images):
    rule = lrp.epsilon(0.1, batchnorm="merged")
    found = lrp.relevance(small_network, small_images, CLASSES, rule)
    folded = []
    for layer in small_network:
        if isinstance(layer, nn.BatchNorm2d):
            scale = layer.weight / (layer.running_var + layer.eps).sqrt()
            last = folded[-1]
            last.weight.data = last.weight * scale.view(-1, 1, 1, 1)
            last.bias.data = (last.bias - layer.running_mean) * scale + layer.bias
            folded.append(Shrink(layer.eps))
        else:
            folded.append(layer)
    folded = nn.Sequential(*folded)

    def step(layer, a, r):  # max-pooling without a stabiliser, as Zennit leaves it
        if isinstance(layer, nn.MaxPool2d):
            _, winner = nn.functional.max_pool2d(a, 2, return_indices=True)
            return nn.functional.max_unpool2d(r, winner, 2)
        return explicit_lrp.epsilon_step(0.1)(layer, a, r)

    explicit = explicit_lrp.relevance(folded, small_images, CLASSES, step)
    assert torch.allclose(found, explicit, atol=1e-9)


def test_our_epsilon_hook_agrees_with_zennits_on_a_convolution(small_images):
    torch.manual_seed(2)
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(72, 3)).double()
    ours = lrp.relevance(network, small_images, CLASSES, lrp.epsilon(0.3))

    zennits = lrp.relevance(network, small_images, CLASSES, lrp.epsilon(0.3, batchnorm="merged"))

    assert torch.allclose(ours, zennits, atol=1e-12)


def test_relevance_leaves_mode_hooks_gradients_and_parameters_alone(small_network, small_images):
    small_network.train().requires_grad_(True)
    before = {key: value.clone() for key, value in small_network.state_dict().items()}

    for rule in (lrp.zero(), lrp.alpha_beta(2), lrp.epsilon(1.0, batchnorm="merged")):
        lrp.relevance(small_network, small_images, CLASSES, rule)

    assert all(module.training for module in small_network.modules())
    assert all(parameter.grad is None for parameter in small_network.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in small_network.modules())
    after = small_network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_an_image_alone_gets_the_relevance_it_gets_in_a_batch(small_network, small_images):
    together = lrp.relevance(small_network, small_images, CLASSES, lrp.epsilon(1.0))

    alone = lrp.relevance(small_network, small_images[3:4], CLASSES[3:4], lrp.epsilon(1.0))

    assert torch.allclose(together[3:4], alone, atol=1e-12)


def test_max_normalised_relevance_reaches_one_and_zeros_stay_zero():
    relevance = torch.tensor([[1.0, -4.0], [0.0, 0.0]])

    assert lrp.max_normalized(relevance).tolist() == [[0.25, -1.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: lrp.epsilon(-1.0), "above 0"),
        (lambda: lrp.epsilon(0.0), r"lrp.zero\(\)"),
        (lambda: lrp.alpha_beta(0.5), "1 or more"),
        (lambda: lrp.zero(batchnorm="folded"), "'layer' or 'merged'"),
    ],
)
def test_a_wrong_rule_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"classes": torch.tensor([0, 1, 2, 0, 1, 3])}, "classes run from 0 to 3; expected 0 to 2"),
        ({"classes": torch.tensor([0, 1, 2, 0, 1, -1])}, "classes run from -1 to 2"),
        ({"classes": torch.tensor([0, 1])}, "one whole number an image"),
        ({"inputs": torch.zeros(6, 8, 8).double()}, r"expected \(N, C, H, W\)"),
        ({"inputs": torch.zeros(0, 3, 8, 8).double()}, "N of 1 or more"),
        ({"inputs": torch.full((6, 3, 8, 8), torch.nan).double()}, "NaN"),
        ({"inputs": -torch.ones(6, 3, 8, 8).double()}, "0 or more"),
        ({"network": nn.Sequential(nn.Flatten(), nn.ReLU())}, "needs convolutional or linear"),
    ],
)
def test_relevance_refuses_what_it_cannot_explain(change, says, small_network, small_images):
    given = {"network": small_network, "inputs": small_images, "classes": CLASSES} | change

    with pytest.raises(ValueError, match=says):
        lrp.relevance(**given, rule=lrp.alpha_beta(1))


def test_a_rule_that_is_no_rule_is_refused(small_network, small_images):
    with pytest.raises(TypeError, match=r"lrp\.zero"):
        lrp.relevance(small_network, small_images, CLASSES, "epsilon")


@pytest.mark.parametrize("name", RULES)
def test_relevance_is_the_same_where_activations_work_in_place(name, small_network, small_images):
    in_place = copy.deepcopy(small_network)
    for layer in in_place:
        if isinstance(layer, nn.ReLU):
            layer.inplace = True

    expected = lrp.relevance(small_network, small_images, CLASSES, RULES[name][0])

    torch.testing.assert_close(
        lrp.relevance(in_place, small_images, CLASSES, RULES[name][0]), expected
    )
