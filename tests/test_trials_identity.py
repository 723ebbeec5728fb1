"""Methods and networks that differ in anything that matters never meet each other's maps."""

import importlib
import sys
import textwrap

import pytest

from helpers.store import cache
from helpers.trials import methods


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Write modules into a folder, import the last one anew, and give what stands under a name."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def load(attribute, **files):
        for name in set(sys.modules) - before:
            del sys.modules[name]
        for name, text in files.items():
            file = tmp_path / name.replace("__", "/")
            file = file if file.suffix else file.with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(text))
            for kept in file.parent.glob("__pycache__/*"):
                kept.unlink()
        importlib.invalidate_caches()
        return getattr(importlib.import_module(name.replace("__", ".")), attribute)

    yield load
    for name in set(sys.modules) - before:
        del sys.modules[name]


METHOD = {
    "low": "SIGN = 1\ndef turned(maps):\n    return SIGN * maps\n",
    "middle": "import low\nclass Core:\n    scale = 2\n    def __call__(self, maps):\n"
    "        return self.scale * low.turned(maps)\n",
    "mine": """
        import functools, torch
        from pathlib import Path
        from middle import Core
        TABLE = [float(word) for word in Path(__file__).with_name("table.txt").read_text().split()]
        POWER = 1
        core = Core()
        def logged(function):
            @functools.wraps(function)
            def inner(*given):
                return 1.0 * function(*given)
            return inner
        @torch.no_grad()
        @logged
        def explain(model, images, classes):
            return TABLE[0] * core(images.mean(1)) ** POWER
        class Explainer:
            def __init__(self, factor):
                self.factor = factor
            def __call__(self, model, images, classes):
                return self.factor * images.mean(1)
            def other(self, model, images, classes):
                return -self.factor * images.mean(1)
            @classmethod
            def made(cls, model, images, classes):
                return cls(3)(model, images, classes)
        def factory(factor):
            return lambda model, images, classes: factor * images.mean(1)
        one, two = Explainer(1), Explainer(2)
        same_one, bound, unbound = Explainer(1), Explainer(1).other, Explainer.made
        closed, closed_too = factory(1), factory(2)
        part = functools.partial(lambda model, images, classes, k: k * images.mean(1), k=1)
        part_too = functools.partial(lambda model, images, classes, k: k * images.mean(1), k=2)
    """,
}


def key(loaded, attribute, **changed):
    table = changed.pop("table", "2.0")
    loaded("SIGN", **{"table.txt": table, "low": METHOD["low"]})
    return methods.brought(loaded(attribute, **{**METHOD, **changed})).key


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("low", "SIGN = 1", "SIGN = -1"),
        ("low", "SIGN * maps", "SIGN + maps"),
        ("middle", "scale = 2", "scale = 3"),
        ("middle", "return self.scale *", "return self.scale -"),
        ("mine", "POWER = 1", "POWER = 2"),
        ("mine", "images.mean(1)) **", "-images.mean(1)) **"),
        ("mine", "return 1.0 * function", "return -1.0 * function"),
        ("mine", "@logged\n", "\n"),
        ("mine", "core = Core()", "core = Core(); core.scale = 5"),
    ],
)
def test_an_edit_anywhere_below_a_decorated_method_gives_it_another_key(loaded, name, old, new):
    assert old in METHOD[name]
    before = key(loaded, "explain")

    assert key(loaded, "explain") == before
    assert key(loaded, "explain", **{name: METHOD[name].replace(old, new)}) != before


def test_another_data_file_read_at_import_gives_another_key(loaded):
    assert key(loaded, "explain") != key(loaded, "explain", table="3.0")


def test_methods_of_one_file_have_keys_of_their_own_and_equal_objects_the_same(loaded):
    names = ["explain", "one", "two", "bound", "unbound", "closed", "closed_too", "part"]
    keys = [key(loaded, name) for name in [*names, "part_too"]]

    assert len(set(keys)) == len(keys)
    assert key(loaded, "same_one") == key(loaded, "one")


NETWORK = """
    import torch
    from torch import nn
    from torch.nn import functional as F
    MEAN = 0.5
    class Net(nn.Module):
        std = 0.25
        def __init__(self, padding=1, act=F.relu):
            super().__init__()
            torch.manual_seed(0)
            self.conv = nn.Conv2d(3, 4, 3, padding=padding)
            self.norm = nn.BatchNorm2d(4)
            self.head = nn.Linear(4, 3)
            self.act = act
            self.levels = {"gain": [1.0, 2.0]}
            self.register_buffer("shift", torch.zeros(1), persistent=False)
            self.table = torch.ones(3)
        def forward(self, x):
            x = (x - MEAN) / self.std + self.shift
            x = self.act(self.norm(self.conv(x))) * self.levels["gain"][0]
            return self.head(x.mean((2, 3))) * self.table
    network = Net().eval()
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("MEAN = 0.5", "MEAN = 0.45"),
        ("std = 0.25", "std = 0.225"),
        ("act=F.relu", "act=torch.tanh"),
        ("self.act(", "torch.tanh("),
        ("padding=1", "padding=0"),
        ("torch.zeros(1)", "torch.ones(1)"),
        ("[1.0, 2.0]", "[1.5, 2.0]"),
        ("torch.ones(3)", "torch.tensor([1.0, 1.0, 2.0])"),
        ("Net().eval()", "Net()"),
        ("Net().eval()", "Net().eval(); network.norm.train()"),
        ("Net().eval()", "Net().eval(); network.norm.eps = 1e-3"),
        ("Net().eval()", "Net().eval(); network.norm.running_var.mul_(2)"),
        ("Net().eval()", "Net().eval(); network.forward = lambda x: network.head(x.mean((2, 3)))"),
        ("Net().eval()", "nn.Sequential(nn.Identity(), Net()).eval()"),
        ("x.mean((2, 3))", "x.amax((2, 3))"),
    ],
)
def test_networks_with_equal_weights_that_answer_differently_have_other_keys(loaded, old, new):
    text = textwrap.dedent(NETWORK)
    assert old in text
    before = cache.key_of(loaded("network", nets=text))

    assert cache.key_of(loaded("network", nets=text)) == before
    assert cache.key_of(loaded("network", nets=text.replace(old, new))) != before
