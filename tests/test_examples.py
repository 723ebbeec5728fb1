"""The examples of the page "Bring your own" are methods as they stand there."""

import importlib
import re

import pytest
import torch
from torch import nn

from helpers.saliency import contract
from helpers.store import paths
from helpers.trials import guard, methods, own_test

PAGE = (paths.BOOK / "bring-your-own.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```python\n# example: ([\w-]+)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(64, 5)).eval().requires_grad_(False)


def explain_of(text):
    space: dict = {}
    exec(text, space)
    return space["explain"]


def test_page_has_four_libraries_and_none_takes_more_than_ten_lines():
    assert set(EXAMPLES) == {"captum", "pytorch-grad-cam", "zennit", "numpy"}
    assert max(len(text.split("\n\n")[-1].splitlines()) for text in EXAMPLES.values()) <= 10
    for name, text in EXAMPLES.items():
        assert len([line for line in text.splitlines() if line]) <= 10, name


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_gives_maps_and_leaves_the_network_alone(name, network):
    images, classes = torch.rand(2, 3, 16, 16), torch.tensor([0, 3])

    def guarded(*arguments):
        return guard.run_guarded(explain_of(EXAMPLES[name]), *arguments)

    maps = contract.checked_maps(guarded, network, images, classes, seed=0)

    assert maps.shape == (2, 16, 16)
    assert maps.flatten(1).std(1).min() > 0


def test_captums_example_is_the_gradients_magnitude(network):
    images, classes = torch.rand(2, 3, 16, 16), torch.tensor([0, 3])
    inputs = images.clone().requires_grad_()
    network(inputs).gather(1, classes[:, None]).sum().backward()

    maps = explain_of(EXAMPLES["captum"])(network, images, classes)

    torch.testing.assert_close(maps, inputs.grad.abs().sum(1))


def test_templates_are_a_method_and_a_test(monkeypatch):
    monkeypatch.syspath_prepend(paths.BOOK / "templates")

    (method,) = methods.brought_all("my_method:explain")
    trial = own_test.load("my_test:share_in_the_middle")

    assert method.name == "Yours"
    assert trial.needs({"clean": None}) == ["clean"]


def test_template_of_a_test_gives_a_flat_maps_quarter(monkeypatch):
    monkeypatch.syspath_prepend(paths.BOOK / "templates")
    share_in_the_middle = importlib.import_module("my_test").share_in_the_middle

    flat = {"clean": torch.ones(2, 8, 8)}
    assert share_in_the_middle(flat, None, None).tolist() == [0.25, 0.25]
