"""LRP explains the network that it was given: case by case, against a second way of computing."""

import copy

import pytest
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from helpers.papers import lrp
from helpers.saliency import contract, lrp_network, registry, relevance

ZERO = lrp.zero(batchnorm="merged")
CLASSES = torch.tensor([0, 2])


def settled(network, seed=0):
    """Float64, frozen, with BatchNorms whose numbers are not those of a new network."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for tensor, low, high in (
                (module.running_mean, -0.5, 0.5), (module.running_var, 0.5, 2),
                (module.weight, 0.5, 1.5), (module.bias, -0.5, 0.5),
            ):  # fmt: skip
                if tensor is not None:
                    nn.init.uniform_(tensor, low, high)
    return network.double().eval().requires_grad_(False)


@pytest.fixture
def images(generator):
    return torch.rand(2, 3, 8, 8, generator=generator, dtype=torch.float64)


class Net(nn.Module):
    """A convolution, whatever `between` does with it, mean pooling and a linear layer."""

    def __init__(self, between, bias=True, channels=4, out=4):
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, channels, 3, padding=1, bias=bias)
        self.other = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)
        self.norm = nn.BatchNorm2d(channels)
        self.gate = nn.Conv2d(channels, channels, 1)
        self.scale = nn.Parameter(torch.rand(channels, 1, 1))
        self.act = nn.ReLU()
        self.head = nn.Linear(out, 3, bias=bias)
        self.between = between

    def forward(self, x):
        return self.head(F.adaptive_avg_pool2d(self.between(self, self.conv(x)), 1).flatten(1))


def gradient_times_input(network, images, classes):
    images = images.clone().requires_grad_()
    network(images).gather(1, classes[:, None]).sum().backward()
    return (images.grad * images).sum(1)


PIECEWISE_LINEAR = {
    "functional ReLU before BatchNorm": lambda s, x: s.norm(F.relu(x)),
    "max-pooling before BatchNorm": lambda s, x: s.norm(F.max_pool2d(x, 2)),
    "dropout before BatchNorm": lambda s, x: s.norm(F.dropout(x, training=False)),
    "BatchNorm whose convolution is used elsewhere": lambda s, x: s.norm(x) + x,
    "BatchNorm after a sum": lambda s, x: s.norm(x + s.other(x)),
    "BatchNorm used twice": lambda s, x: s.norm(s.other(s.norm(x).relu())),
    "a convolution used twice": lambda s, x: s.act(s.other(s.act(s.other(s.act(x))))),
    "a sum that is repeated": lambda s, x: F.relu(x) + s.other(x).mean((2, 3), keepdim=True),
    "a difference": lambda s, x: F.relu(x) - 0.5 * s.other(x),
    "a sum with a factor": lambda s, x: torch.add(F.relu(x), s.other(x), alpha=-2),
    "in-place sums": lambda s, x: (2 * x).add_(s.other(x)).relu_(),
    "a layer scale": lambda s, x: x + s.scale * s.other(F.relu(x)),
    "a view": lambda s, x: s.other(x).view(len(x), -1).relu().view_as(x),
    "chunks": lambda s, x: torch.cat([part.relu() for part in x.chunk(2, 1)][::-1], 1),
    "padding": lambda s, x: s.other(F.pad(x, (1, 2, 0, 1))).relu(),
    "a mean over places": lambda s, x: F.relu(x) + s.other(x).mean((2, 3))[:, :, None, None],
    "a fixed product of matrices": lambda s, x: (
        x.relu().flatten(2) @ torch.ones(64, 64).to(x)
    ).view_as(x),
    "a mask by comparison": lambda s, x: x * (x > 0) + torch.where(x > 0, s.other(x), 0.5 * x),
    "interpolation": lambda s, x: F.interpolate(s.other(x), scale_factor=2).relu(),
}  # fmt: skip


@pytest.mark.parametrize("case", PIECEWISE_LINEAR)
def test_lrp_0_of_a_piecewise_linear_network_is_gradient_times_input(case, images):
    """With biases too, as both leave out what they add."""
    network = settled(Net(PIECEWISE_LINEAR[case]))

    found = relevance.lrp_map(ZERO, network, images, CLASSES)
    made = lrp_network.prepared(network, images).network

    torch.testing.assert_close(made(images), network(images))
    expected = gradient_times_input(network, images, CLASSES)
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=1e-4)


def test_concatenation_before_batchnorm_is_not_merged(images):
    network = settled(Net(lambda s, x: s.norm(torch.cat([x[:, :2], s.other(x)[:, 2:]], 1)).relu()))

    found = relevance.lrp_map(ZERO, network, images, CLASSES)

    expected = gradient_times_input(network, images, CLASSES)
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("name", registry.METHODS["relevance"])
def test_functions_get_the_relevance_that_modules_get(name, images):
    """Rules that are no gradient too: against a copy that is written with modules only."""
    explain = registry.METHODS["relevance"][name]

    def by_function(s, x):
        return F.relu(s.norm(F.relu(s.other(F.relu(x)))))

    class ByModule(Net):
        def __init__(self):
            super().__init__(None)
            self.acts = nn.ModuleList(nn.ReLU() for _ in range(3))
            self.pool = nn.AdaptiveAvgPool2d(1)

        def forward(self, x):
            x = self.acts[1](self.other(self.acts[0](self.conv(x))))
            return self.head(self.pool(self.acts[2](self.norm(x))).flatten(1))

    one, other = settled(Net(by_function)), settled(ByModule())
    torch.testing.assert_close(one(images), other(images))

    found = explain(one, images, CLASSES)

    torch.testing.assert_close(found, explain(other, images, CLASSES), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", registry.METHODS["relevance"])
def test_a_module_used_twice_gets_the_relevance_of_two_modules(name, images):
    explain = registry.METHODS["relevance"][name]

    class Twice(nn.Module):
        def __init__(self, shared):
            super().__init__()
            torch.manual_seed(0)
            self.a = nn.Conv2d(3, 3, 3, padding=1, bias=False)
            self.b = self.a if shared else copy.deepcopy(self.a)
            self.act, self.head = nn.ReLU(), nn.Linear(192, 3)

        def forward(self, x):
            return self.head(self.act(self.b(self.act(self.a(x)))).flatten(1))

    shared, apart = settled(Twice(True)), settled(Twice(False))

    found = explain(shared, images, CLASSES)

    torch.testing.assert_close(found, explain(apart, images, CLASSES))


@pytest.mark.parametrize(
    "between",
    [
        lambda s, x: F.relu(x) * torch.sigmoid(s.gate(x.mean((2, 3), keepdim=True))),
        lambda s, x: F.relu(x) * F.hardsigmoid(s.gate(F.adaptive_avg_pool2d(x, 1))),
        lambda s, x: F.relu(x) * (F.relu6(s.gate(x) + 3) / 6),
        lambda s, x: F.relu(x) * s.gate(x.mean((2, 3), keepdim=True)),
    ],
)
def test_a_gate_is_a_constant_to_relevance(between, images):
    """Signal takes all: the map is that of the network whose gate's values stand fixed."""
    network = settled(Net(between))
    conv = network.conv(images)
    open_by = between(network, conv) / F.relu(conv).clamp(min=1e-300)
    fixed = settled(Net(lambda s, x: F.relu(x) * open_by))
    fixed.load_state_dict(network.state_dict())
    torch.testing.assert_close(fixed(images), network(images))

    found = relevance.lrp_map(ZERO, network, images, CLASSES)

    expected = relevance.lrp_map(ZERO, fixed, images, CLASSES)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_a_product_of_two_branches_gives_each_half(images):
    """y = w sum(a b), with a and b linear in x: LRP-0 is half the gradient times the input."""
    network = settled(Net(lambda s, x: x * s.other(x), bias=False))

    found = relevance.lrp_map(ZERO, network, images, CLASSES)

    expected = gradient_times_input(network, images, CLASSES) / 2
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
    logits = network(images).gather(1, CLASSES[:, None])[:, 0]
    torch.testing.assert_close(found.sum((1, 2)), logits, rtol=1e-3, atol=1e-6)


def attention(s, x):
    tokens = x.flatten(2).transpose(1, 2)
    weights = (tokens @ tokens.transpose(1, 2)).softmax(-1)
    return (weights @ tokens).transpose(1, 2).reshape(x.shape)


def fused_attention(s, x):
    tokens = x.flatten(2).transpose(1, 2)
    mixed = F.scaled_dot_product_attention(tokens, tokens, tokens, scale=1.0)
    return mixed.transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize("between", [attention, fused_attention])
def test_attention_is_linear_in_its_values_and_conserves(between, images):
    network = settled(Net(between, bias=False))
    x = network.conv(images).flatten(2).transpose(1, 2)
    weights = (x @ x.transpose(1, 2)).softmax(-1)
    fixed = settled(Net(lambda s, x: (weights @ x.flatten(2).mT).mT.reshape(x.shape), bias=False))

    found = relevance.lrp_map(ZERO, network, images, CLASSES)

    expected = gradient_times_input(fixed, images, CLASSES)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    logits = network(images).gather(1, CLASSES[:, None])[:, 0]
    torch.testing.assert_close(found.sum((1, 2)), logits, rtol=1e-3, atol=1e-5)


def test_torchs_attention_module_answers_alike_and_conserves(images):
    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 8, 2, 2, bias=False)
            self.attention = nn.MultiheadAttention(8, 2, bias=False, batch_first=True)
            self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 3, bias=False)

        def forward(self, x):
            x = self.conv(x).flatten(2).transpose(1, 2)
            return self.head((self.norm(self.attention(x, x, x)[0]) + x).mean(1))

    network = settled(Attending())
    found = relevance.conservation(registry.METHODS["relevance"]["LRP-0"], network, images, CLASSES)

    torch.testing.assert_close(found.total, found.logit, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(found.expected, found.logit)


@pytest.mark.parametrize("norm", [
    nn.BatchNorm2d(4, affine=False), nn.BatchNorm2d(4, track_running_stats=False),
    nn.GroupNorm(2, 4), nn.InstanceNorm2d(4), nn.LayerNorm((4, 8, 8)), nn.Identity(),
])  # fmt: skip
@pytest.mark.parametrize("act", [nn.ReLU(), nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.Mish()])
def test_every_normalisation_and_activation_is_explained(norm, act, images):
    network = Net(lambda s, x: s.norm(s.act(x)))
    network.norm, network.act = norm, act
    network = settled(network)

    for explain in registry.METHODS["relevance"].values():
        assert explain(network, images, CLASSES).isfinite().all()


def test_relevance_of_a_normalisation_of_its_own_is_that_of_the_normalised_input(images):
    class Scaled(Net):
        def forward(self, x):
            return super().forward((x - 0.4) / torch.tensor([0.2, 0.3, 0.4]).to(x)[:, None, None])

    inside, bare = settled(Scaled(lambda s, x: s.act(x))), settled(Net(lambda s, x: s.act(x)))
    inputs = (images - 0.4) / torch.tensor([0.2, 0.3, 0.4])[:, None, None]

    for explain in registry.METHODS["relevance"].values():
        if getattr(explain.args[0], "__name__", "") == "EpsilonGammaBox":
            continue  # its bounds are those of black and white, which `inputs` alone cannot tell
        torch.testing.assert_close(
            explain(inside, images, CLASSES), explain(bare, inputs, CLASSES), rtol=1e-3, atol=1e-5
        )


def test_the_box_rule_gets_the_bounds_that_the_first_layer_sees(images):
    class Scaled(Net):
        def forward(self, x):
            return super().forward((x - 0.5) / 0.5)

    network = settled(Scaled(lambda s, x: s.act(x), bias=False))

    found = relevance.conservation(
        registry.METHODS["relevance"]["EpsilonGammaBox"], network, images, CLASSES
    )

    torch.testing.assert_close(found.total, found.logit, rtol=1e-3, atol=1e-6)


def test_a_normalisation_after_resizing_and_graying_passes_all_relevance_on(images):
    class Prepared(Net):
        def forward(self, x):
            x = F.interpolate(x, (12, 12), mode="bilinear").mean(1, keepdim=True).repeat(1, 3, 1, 1)
            return super().forward((x - 0.5) / 0.25)

    network = settled(Prepared(lambda s, x: s.act(x), bias=False))

    found = relevance.conservation(registry.METHODS["relevance"]["LRP-0"], network, images, CLASSES)

    torch.testing.assert_close(found.expected, found.logit)
    torch.testing.assert_close(found.total, found.logit, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("between", "said"),
    [
        (lambda s, x: torch.fft.fft2(x).real, "the operation getattr, for which there is no rule"),
        (lambda s, x: x.exp(), "the operation exp, for which there is no rule"),
        (lambda s, x: x.detach() + x, "the operation detach"),
        (lambda s, x: x if x.max() > 9 else -x, "depends on what the image shows"),
        (lambda s, x: x * float(x.mean()), "takes a number out of"),
    ],
)
def test_what_has_no_rule_is_a_gap_that_says_so(between, said, images):
    network = settled(Net(between))

    with pytest.raises(contract.NotApplicable, match=said):
        relevance.lrp_map(ZERO, network, images, CLASSES)


def test_a_copy_that_answers_otherwise_is_a_gap(images):
    """The network counts its calls, which no graph of one call can show."""

    class Forgetful(Net):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return super().forward(x) * self.calls

    network = settled(Forgetful(lambda s, x: s.act(x)))

    with pytest.raises(contract.NotApplicable, match="does not answer as the network does"):
        relevance.lrp_map(ZERO, network, images, CLASSES)


def test_a_network_that_changed_is_prepared_anew(images):
    network = settled(Net(lambda s, x: s.act(x)))
    before = relevance.lrp_map(ZERO, network, images, CLASSES)

    with torch.no_grad():
        network.head.weight.mul_(2)

    torch.testing.assert_close(
        relevance.lrp_map(ZERO, network, images, CLASSES),
        gradient_times_input(network, images, CLASSES), rtol=1e-3, atol=1e-4,
    )  # fmt: skip
    assert not torch.allclose(before, relevance.lrp_map(ZERO, network, images, CLASSES))


def test_preparing_leaves_the_network_as_it_was(images):
    network = settled(Net(lambda s, x: s.norm(s.other(x)).relu()))
    before = {key: value.clone() for key, value in network.state_dict().items()}
    calls = []
    network.conv.register_forward_hook(lambda *_: calls.append(1))

    relevance.lrp_map(ZERO, network, images, CLASSES)

    assert calls == [1]  # of the pass that explains, none of those that prepare
    assert list(network.conv._forward_hooks)
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]


def test_conservation_knows_what_biases_and_epsilon_take(images):
    methods = registry.METHODS["relevance"]
    biased = settled(Net(lambda s, x: s.act(x)))
    bare = settled(Net(lambda s, x: s.act(x), bias=False))

    taken = relevance.conservation(methods["LRP-0"], biased, images, CLASSES)
    kept = relevance.conservation(methods["LRP-alpha-beta"], bare, images, CLASSES)
    absorbed = relevance.conservation(methods["LRP-epsilon"], bare, images, CLASSES)

    assert taken.expected.isnan().all()
    assert absorbed.expected.isnan().all()
    torch.testing.assert_close(kept.total, kept.expected, rtol=1e-3, atol=1e-6)
    with pytest.raises(ValueError, match="conservation is LRP's"):
        relevance.conservation(registry.METHODS["control"]["edges"], bare, images, CLASSES)


@pytest.mark.slow
def test_densenet_has_lrp():
    network = torchvision.models.densenet121(weights=None).eval().requires_grad_(False)
    images = torch.rand(1, 3, 32, 32)

    made = lrp_network.prepared(network, images).network

    torch.testing.assert_close(made(images), network(images), rtol=1e-3, atol=1e-5)
    for explain in registry.METHODS["relevance"].values():
        assert explain(network, images, torch.tensor([0])).isfinite().all()
