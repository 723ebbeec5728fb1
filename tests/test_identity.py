"""What a user brings never meets the results of another method or network, nor of its old self."""

import importlib
import sys

import pytest
import torch
from torch import nn

from helpers.saliency import user_code
from helpers.store import cache
from helpers.trials import conditions, methods

METHOD = "import torch\n{}\ndef explain(model, images, classes):\n    return {}\n"
MAP = "images.mean(1)"


@pytest.fixture
def brought(tmp_path, monkeypatch):
    """Write the files of a user's project and load a name of its module, as a new process would."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def load(files, name="explain"):
        for module in [key for key in sys.modules if key.startswith("brought_")]:
            del sys.modules[module]
        for file, text in files.items():
            (tmp_path / file).write_text(text)
        importlib.invalidate_caches()
        return user_code.load_object(f"brought_main:{name}")

    yield load
    for module in [key for key in sys.modules if key.startswith("brought_")]:
        del sys.modules[module]


def main(setup, value=MAP):
    return {"brought_main.py": METHOD.format(setup, value)}


SLOTS = """
class Explainer:
    __slots__ = ("__k",)

    def __init__(self, k):
        self.__k = k

    def __call__(self, model, images, classes):
        return self.__k * images.mean(1)
"""
META = """
class Meta(type):
    def __call__(cls, model, images, classes):
        return {} * images.mean(1)


class explain(metaclass=Meta):
    pass
"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"brought_main.py": META.format(1)}, {"brought_main.py": META.format(-1)}),
        (
            {"brought_main.py": f"{SLOTS}\nexplain = Explainer(1)\n"},
            {"brought_main.py": f"{SLOTS}\nexplain = Explainer(2)\n"},
        ),
    ],
    ids=["a metaclass", "a private slot"],
)
def test_an_edit_of_what_a_method_calls_makes_it_another(brought, one, other):
    first = methods.brought(brought(one)).key
    again = methods.brought(brought(one)).key

    assert first == again
    assert first != methods.brought(brought(other)).key


PATCH = "plain = torch.relu\ntorch.relu = lambda values: {} * plain(values)"


def test_a_function_of_a_library_that_a_user_replaced_makes_another_method(brought, monkeypatch):
    monkeypatch.setattr(torch, "relu", torch.relu)
    plain, keys = torch.relu, []
    for sign in (1, -1, 1):
        torch.relu = plain
        explain = brought(main(PATCH.format(sign), f"torch.relu({MAP})"))
        keys.append(methods.brought(explain).key)

    assert keys[0] == keys[2] != keys[1]


def test_a_method_of_a_librarys_class_that_a_user_replaced_makes_another_network(
    brought, monkeypatch
):
    monkeypatch.setattr(nn.ReLU, "forward", nn.ReLU.forward)
    setup = "def act(self, values):\n    return values.{}()\ntorch.nn.ReLU.forward = act"
    network, keys = nn.Sequential(nn.Flatten(), nn.ReLU()).eval(), []
    for name in ("relu", "tanh", "relu"):
        brought(main(setup.format(name)))
        keys.append(conditions.network_key(network, brought=True))

    assert keys[0] == keys[2] != keys[1]


@pytest.mark.parametrize(
    ("setup", "value"),
    [
        ("", f"{MAP} * float(open('weight.txt').read())"),
        ("from pathlib import Path", f"{MAP} * float(Path('weight.txt').read_text())"),
        ("import numpy as np", f"{MAP} * np.loadtxt('weight.txt').item()"),
        ("", f"{MAP} * torch.load('weight.pt')"),
        ("import os", f"{MAP} * float(os.environ.get('WEIGHT', 1))"),
        ("from os import getenv as told", f"{MAP} * float(told('WEIGHT', '1'))"),
        ("K = 2", f"{MAP} * eval('K')"),
        ("K = 2", f"{MAP} * globals()['K']"),
        ("import importlib", f"{MAP} * importlib.import_module('brought_core').K"),
        ("", f"{MAP} * __import__('brought_core').K"),
        ("import sys", f"{MAP} * sys.modules['brought_core'].K"),
        ("def weight():\n    return float(open('weight.txt').read())", f"{MAP} * weight()"),
        ("import brought_core", f"{MAP} * brought_core.weight()"),
        (
            "def weight(read=open):\n    return float(read('weight.txt').read())",
            f"{MAP} * weight()",
        ),
        ("import numpy as np\nREADERS = [np.loadtxt]", f"{MAP} * READERS[0]('weight.txt').item()"),
        (
            "class Reader:\n    by = open\nREADER = Reader()",
            f"{MAP} * READER.by('weight.txt').fileno()",
        ),
    ],
)
def test_a_method_that_reads_what_no_digest_holds_is_never_read_from_the_cache(
    brought, setup, value
):
    core = "K = 3\n\n\ndef weight():\n    return float(open('weight.txt').read())\n"
    explain = brought({"brought_core.py": core, **main(setup, value)})

    one, other = (methods.brought(explain).key for _ in range(2))

    assert one.startswith(cache.ONCE)
    assert other.startswith(cache.ONCE)
    assert one != other


def test_a_method_that_reads_only_what_its_digest_holds_keeps_its_key(brought):
    core = {"brought_core.py": "K = 3\n\n\ndef weight():\n    return K\n"}
    setup = "import json\nimport brought_core\nWEIGHT = json.loads('2')"
    files = core | main(setup, f"{MAP} * WEIGHT * brought_core.weight()")
    edited = {"brought_core.py": core["brought_core.py"].replace("3", "4")}

    one, same, other = (
        methods.brought(brought(given)).key for given in (files, files, files | edited)
    )

    assert one == same != other


def test_a_file_read_at_import_is_part_of_the_key(brought, tmp_path):
    setup = "from pathlib import Path\nWEIGHT = float(Path('weight.txt').read_text())"
    keys = []
    for weight in ("1", "2", "1"):
        (tmp_path / "weight.txt").write_text(weight)
        keys.append(methods.brought(brought(main(setup, f"{MAP} * WEIGHT"))).key)

    assert keys[0] == keys[2] != keys[1]


NETWORK = """
import os
import torch
from torch import nn


class Scaled(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)) * float(os.environ.get("SCALE", "1"))


def network():
    return Scaled().eval()
"""


def test_a_network_that_reads_the_environment_gets_a_key_of_its_own_and_a_plain_one_keeps_its(
    brought,
):
    reads = brought({"brought_main.py": NETWORK}, "network")()
    plain = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()

    one, other = (conditions.network_key(reads, brought=True) for _ in range(2))

    assert one.startswith(cache.ONCE)
    assert one != other
    assert conditions.network_key(plain, brought=True) == cache.key_of(plain)


def test_a_randomized_copy_of_such_a_network_has_no_kept_key_either(brought):
    class Reads(nn.Linear):
        def forward(self, images):
            return super().forward(images.mean((2, 3))) * len(open.__name__)

    network = Reads(3, 4).eval().requires_grad_(False)
    base = conditions.clean(network, torch.rand(2, 3, 4, 4), brought=True)

    keys = [conditions.layers_randomized(base, 1, seed=0).key for _ in range(2)]

    assert keys[0] != keys[1]
