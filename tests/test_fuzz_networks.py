"""Sixty small networks, drawn from a seed: nothing that explains them is silently wrong.

Each is a chain of blocks with what trips methods up: functions in the place of modules, modules
used twice, sums that broadcast, concatenation, gates, pooling, ``view``, several heads.
"""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers.papers import lrp
from helpers.saliency import contract, lrp_network, network_check, registry, relevance

SEEDS = range(60)
WIDTH, CLASSES = 4, 3
ZERO = lrp.zero(batchnorm="merged")


class Block(nn.Module):
    """One step (N, 4, H, W) to (N, 4, H', W'): `kind` says which."""

    def __init__(self, kind, bias):
        super().__init__()
        self.kind = kind
        self.one, self.two = (nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=bias) for _ in range(2))
        self.norm = nn.BatchNorm2d(WIDTH)
        self.act = nn.ReLU(inplace=True)
        self.gate = nn.Conv2d(WIDTH, WIDTH, 1, bias=bias)
        self.scale = nn.Parameter(torch.rand(WIDTH, 1, 1) + 0.5)

    def forward(self, x):
        return BLOCKS[self.kind](self, x)


PIECEWISE = {  # whose LRP-0 is gradient times input
    "conv": lambda s, x: s.act(s.one(x)),
    "conv norm": lambda s, x: s.act(s.norm(s.one(x))),
    "functional": lambda s, x: F.relu(s.norm(F.relu(s.one(x)))),
    "norm first": lambda s, x: s.one(F.relu(s.norm(x))),
    "norm after concatenation": lambda s, x: s.norm(torch.cat([x[:, :2], s.one(x)[:, 2:]], 1)),
    "conv twice": lambda s, x: F.relu(s.one(F.relu(s.one(x)))),
    "norm twice": lambda s, x: s.norm(s.one(F.relu(s.norm(s.one(x))))),
    "residual": lambda s, x: F.relu(s.norm(s.one(x)) + x),
    "difference": lambda s, x: torch.sub(s.one(x), s.two(x), alpha=0.5).relu(),
    "broadcast": lambda s, x: F.relu(s.one(x)) + s.two(x).mean((2, 3), keepdim=True),
    "in place": lambda s, x: s.one(x).mul_(0.5).add_(x),
    "concatenation": lambda s, x: torch.cat([s.one(x)[:, :2].relu(), x[:, 2:]], 1),
    "shuffle": lambda s, x: x.view(len(x), 2, 2, *x.shape[2:]).transpose(1, 2).reshape(x.shape),
    "max pool": lambda s, x: F.max_pool2d(s.one(x), 2) if x.shape[-1] > 4 else s.one(x),
    "mean pool": lambda s, x: F.avg_pool2d(s.norm(s.one(x)), 2) if x.shape[-1] > 4 else s.one(x),
    "layer scale": lambda s, x: x + s.scale * s.one(x),
    "dropout": lambda s, x: s.norm(F.dropout(s.one(x), 0.5, s.training)),
}
OTHER = {  # with a stated rule, which conserves where there is no bias
    "gate": lambda s, x: s.one(x) * torch.sigmoid(s.gate(x.mean((2, 3), keepdim=True))),
    "hard gate": lambda s, x: x * (F.relu6(s.gate(x) + 3) / 6),
    "product": lambda s, x: s.one(x) * s.two(x),
    "silu": lambda s, x: F.silu(s.one(x)),
    "gelu": lambda s, x: F.gelu(s.one(x)),
    "group norm": lambda s, x: F.group_norm(s.one(x), 2),
    "attention": lambda s, x: (
        x.flatten(2) @ (x.flatten(2).mT @ x.flatten(2)).softmax(1)
    ).view_as(x),
}  # fmt: skip
WITHOUT_RULE = {
    "exponential": lambda s, x: s.one(x).exp(),
    "branch": lambda s, x: s.one(x) if x.mean() > -1e9 else x,
}
BLOCKS = PIECEWISE | OTHER | WITHOUT_RULE
HEADS = {
    "mean": lambda x: x.mean((2, 3)),
    "pool": lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1),
    "max": lambda x: x.amax((2, 3)),
    "both": lambda x: x.mean((2, 3)) + x.amax((2, 3)),
}


class Fuzzed(nn.Module):
    """A stem, a few blocks and one or two heads, drawn from a seed."""

    def __init__(self, seed):
        super().__init__()
        torch.manual_seed(seed)
        draw = torch.Generator().manual_seed(seed)

        def pick(names):
            names = list(names)
            return names[int(torch.randint(len(names), (), generator=draw))]

        family = (PIECEWISE, PIECEWISE | OTHER, BLOCKS)[seed % 3]
        self.bias = bool(torch.rand((), generator=draw) < 0.5)
        self.kinds = [pick(family) for _ in range(1 + seed % 4)]
        self.stem = nn.Conv2d(3, WIDTH, 3, padding=1, bias=self.bias)
        self.blocks = nn.ModuleList(Block(kind, self.bias) for kind in self.kinds)
        self.pools = [pick(HEADS) for _ in range(1 + seed % 2)]
        self.heads = nn.ModuleList(nn.Linear(WIDTH, CLASSES, bias=self.bias) for _ in self.pools)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.running_var, 0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                if self.bias:
                    nn.init.uniform_(module.running_mean, -0.5, 0.5)
                    nn.init.uniform_(module.bias, -0.5, 0.5)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        parts = [head(HEADS[p](x)) for head, p in zip(self.heads, self.pools, strict=True)]
        return sum(parts)

    @property
    def is_piecewise_linear(self):
        return set(self.kinds) <= set(PIECEWISE)

    @property
    def has_rules(self):
        return not set(self.kinds) & set(WITHOUT_RULE)


def made(seed):
    network = Fuzzed(seed).double().eval().requires_grad_(False)
    images = torch.rand(
        2, 3, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return network, images, network(images).argmax(1)


def state(network):
    """All that a method could change, as something to compare."""
    return {
        name: (
            module.training,
            [list(hooks) for key, hooks in vars(module).items() if "hooks" in key and hooks],
            [(k, t.clone(), t.requires_grad) for k, t in module.named_parameters(recurse=False)],
            [(k, t.clone()) for k, t in module.named_buffers(recurse=False)],
            sorted(vars(module)),
        )
        for name, module in network.named_modules()
    }


def same(one, other):
    """Equal, tensors by content."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other


def gradient_times_input(network, images, classes):
    images = images.clone().requires_grad_()
    score = copy.deepcopy(network)(images).gather(1, classes[:, None]).sum()
    return (torch.autograd.grad(score, images)[0] * images.detach()).sum(1)


@pytest.mark.parametrize("seed", SEEDS)
def test_lrp_explains_the_network_that_it_was_given_or_says_why_not(seed):
    network, images, classes = made(seed)
    if not network.has_rules:
        with pytest.raises(contract.NotApplicable, match=r"cannot be traced|no rule here"):
            relevance.lrp_map(ZERO, network, images, classes)
        return

    copy_of_it = lrp_network.prepared(network, images).network
    found = relevance.conservation(registry.METHODS["relevance"]["LRP-0"], network, images, classes)

    torch.testing.assert_close(copy_of_it(images), network(images))
    assert found.expected.isnan().all() == network.bias
    scale = float(found.logit.abs().max())
    if not network.bias:
        torch.testing.assert_close(found.total, found.logit, rtol=1e-2, atol=1e-3 * scale + 1e-5)
    if network.is_piecewise_linear:
        maps = relevance.lrp_map(ZERO, network, images, classes)
        expected = gradient_times_input(network, images, classes)
        largest = float(expected.abs().max())
        torch.testing.assert_close(maps, expected, rtol=1e-2, atol=1e-2 * largest)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_method_changes_the_network_and_each_gives_a_map_or_a_sentence(seed):
    network, images, _ = made(seed)
    network, images = network.float(), images.float()
    classes = network(images).argmax(1)
    before = state(network)

    for kind in ("gradient", "relevance", "activation map"):
        for name, explain in registry.METHODS[kind].items():
            maps, reason = maps_or_reason(explain, network, images, classes)
            assert len(reason.split()) > 5 if maps is None else maps.shape == (2, 8, 8), name
            assert same(state(network), before), f"{name} changed the network"


def maps_or_reason(explain, network, images, classes):
    try:
        return contract.checked_maps(explain, network, images, classes, seed=0), ""
    except contract.NotApplicable as reason:
        return None, str(reason)


@pytest.mark.parametrize("seed", SEEDS[::6])
def test_the_check_of_a_fuzzed_network_keeps_its_answers(seed):
    network, images, _ = made(seed)

    found = network_check.prepared(network, images.float())

    torch.testing.assert_close(
        found.network(images.float()), network(images).float(), rtol=1e-3, atol=1e-4
    )
    assert "converted to float32" in " ".join(found.notes)
