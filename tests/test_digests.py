"""Digests: equal for what is equal in all, different for whatever differs in anything."""

import dataclasses
import functools
import itertools
import random
import sys
import textwrap
import types
from collections import Counter, OrderedDict, defaultdict
from enum import Enum
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers.inputs import classifiers
from helpers.saliency import gradients, registry
from helpers.store import code, digests, files, rooms

CONSTANT = 2


class Color(Enum):
    RED = 1
    BLUE = 2


class Pair(NamedTuple):
    a: int
    b: int


@dataclasses.dataclass
class Record:
    a: int = 1
    b: list = dataclasses.field(default_factory=list)


class Explainer:
    factor = 2

    def __init__(self, strength):
        self.strength = strength

    def __call__(self, x):
        return x * self.strength * CONSTANT

    def other(self, x):
        return x


def frame(**changes):
    table = {"a": [1, 2], "b": [1.0, 2.0], **changes}
    return pd.DataFrame(table)


DIFFERENT = [
    None, True, False, 0, 1, 1.0, 0.0, -0.0, float("nan"), float("inf"), 1 + 0j, "1", b"1", "", [],
    (), {}, set(), frozenset(), [1], (1,), {1}, [[1], 2], [1, [2]], [1, 2], [2, 1], ["a", "b"],
    ["ab"], ["a\0b"], {"a": 1, "b": 2}, {"b": 2, "a": 1}, {1: 2}, {"1": 2},
    OrderedDict(a=1, b=2), defaultdict(list, a=1, b=2), defaultdict(int, a=1, b=2),
    range(3), slice(1, 2), Pair(1, 2), (1, 2), Color.RED, Color.BLUE, Record(), Record(2),
    np.arange(2), np.arange(2.0), np.array([0, 1], np.int32), np.int64(1), np.float64(1), np.bool_(True),
    np.array([0.0]), np.array([-0.0]), np.array([np.nan]), np.zeros((2, 3)), np.zeros((3, 2)),
    np.zeros((2, 3), order="F"), np.zeros(6), np.array([1, "a"], object), np.array([1, "b"], object),
    np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0]),
    torch.zeros(2, 3), torch.zeros(3, 2), torch.zeros(6), torch.zeros(2, 3).double(),
    torch.zeros(2, 3, requires_grad=True), nn.Parameter(torch.zeros(2, 3)), torch.zeros(3, 2).T,
    torch.zeros(0), torch.zeros(0, 2), torch.tensor(0.0), torch.tensor(-0.0), torch.tensor(1),
    torch.zeros(1, 4, 4, 2).permute(0, 3, 1, 2), torch.zeros(1, 2, 4, 4),
    torch.float32, torch.float64, torch.device("cpu"), torch.Size([2, 3]),
    frame(), frame(a=[1, 3]), frame(a=[1.0, 2.0]), frame(a=["1", "2"]), frame(c=[0, 0]),
    frame().rename(columns={"a": "c"}), frame()[["b", "a"]], frame().set_index("a"), frame().a,
    frame().a.rename("z"), frame().b, frame(b=[1.0, np.nan]), frame(b=[1.0, None]).astype(object),
    frame(b=[1.0, 2.0 + 1e-15]), frame().iloc[::-1], frame().iloc[:0], pd.Index([1, 2]),
    frame().astype({"a": "category"}), frame().astype({"a": "Int64"}), pd.MultiIndex.from_tuples([(1, 2)]),
    pd.Series(["a"], dtype="category"), pd.Series(pd.Categorical(["a"], ["a", "b"])),
    pd.Series(pd.Categorical(["a"], ["a", "b"], ordered=True)), pd.Timestamp("2020-01-01"),
    pd.NaT, pd.NA, torch.Generator().manual_seed(1), torch.Generator().manual_seed(2),
    np.random.default_rng(1), np.random.default_rng(2), random.Random(1), random.Random(2),
    np.sin, np.cos, torch.sin, torch.cos, sum, len, [].append, types.SimpleNamespace(a=1),
    types.SimpleNamespace(a=2), Explainer(1), Explainer(2), Explainer(1).other, Explainer(2).other,
    Explainer, Pair, Record, int, float, functools.partial(sum, [1]), functools.partial(sum, [2]),
    functools.partial(max, [1]), lambda x: x + 1, lambda x: x + 2, lambda x, y: x + 1, lambda y: y + 1,
    lambda x=1: x, lambda x=2: x, lambda x: "a", lambda x: "b", lambda x: 0.0, lambda x: -0.0,
    (lambda x: x).__code__.co_name, math_free := (lambda x: CONSTANT), math_free,
][:-1]  # fmt: skip


def test_no_two_of_many_different_things_have_one_digest():
    names = {}
    for number, thing in enumerate(DIFFERENT):
        key = digests.digest(thing)
        assert key not in names, f"{thing!r} and {DIFFERENT[names[key]]!r} have one digest"
        names[key] = number


@pytest.mark.parametrize("number", range(len(DIFFERENT)))
def test_the_same_thing_has_the_same_digest_again(number):
    assert digests.digest(DIFFERENT[number]) == digests.digest(DIFFERENT[number])


def test_a_set_has_one_digest_whatever_the_order():
    assert digests.digest({"a", "b", "c"}) == digests.digest({"c", "b", "a"})


def test_arguments_are_told_apart_by_where_they_stand():
    assert digests.digest([1], 2) != digests.digest(1, [2])
    assert digests.digest("a", "b") != digests.digest("ab")


def test_what_holds_itself_has_a_digest():
    ring = [1]
    ring.append(ring)
    other = [2]
    other.append(other)

    assert digests.digest(ring) == digests.digest(ring) != digests.digest(other)


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: (folder / "file").open("w"),
        lambda folder: folder,
        lambda folder: (number for number in range(3)),
        lambda folder: torch.eye(2).to_sparse(),
        lambda folder: {"deep": [(folder / "file").open("w")]},
        lambda folder: np.zeros(2, dtype=[("a", object)]),
    ],
)
def test_what_cannot_be_told_apart_is_refused(make, tmp_path):
    with pytest.raises(TypeError):
        digests.digest(make(tmp_path))


def written(tmp_path, name, text):
    """A module of a user's, loaded anew from this text."""
    file = tmp_path / f"{name}.py"
    file.write_text(textwrap.dedent(text))
    module = types.ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module
    exec(compile(file.read_text(), file, "exec"), vars(module))
    return module


@pytest.fixture
def modules(tmp_path):
    """Write modules and give the digest of an object in the last, by texts in order of import."""
    before = set(sys.modules)

    def digest_of(attribute, **texts):
        for name, text in texts.items():
            module = written(tmp_path, name, text)
        return digests.digest(getattr(module, attribute))

    yield digest_of
    for name in set(sys.modules) - before:
        del sys.modules[name]


BASE = {
    "low": "def deep(x):\n    return x * 2\n",
    "middle": "import low\nfrom low import deep\nFACTOR = 3\ndef call(x):\n    return low.deep(x)\n",
    "high": "import middle\nfrom middle import call\ndef make(x):\n    return call(x)\n",
}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("low", "x * 2", "x * 3"),
        ("middle", "low.deep(x)", "low.deep(x) + 1"),
        ("high", "call(x)\n", "call(x) - 1\n"),
    ],
)
def test_an_edit_of_whatever_is_called_however_far_away_is_seen(modules, name, old, new):
    before = modules("make", **BASE)
    assert modules("make", **BASE) == before

    assert modules("make", **{**BASE, name: BASE[name].replace(old, new)}) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x * 2", "return x * 2  # words"),
        ("return x * 2", '"""Words."""\n    return x * 2'),
        ("def deep(x):\n", "\n\ndef deep(\n    x,\n):\n"),
        ("return x * 2", "return (\n        x * 2\n    )"),
    ],
)
def test_words_and_layout_are_not_seen(modules, old, new):
    before = modules("make", **BASE)

    assert modules("make", **{**BASE, "low": BASE["low"].replace(old, new)}) == before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("N = 1\ndef f(x):\n    return x * N", "N = 2\ndef f(x):\n    return x * N"),
        ("N = [1]\nf = lambda x: x + N[0]", "N = [2]\nf = lambda x: x + N[0]"),
        ("def f(x):\n    def g(y):\n        return N\n    return g(x)\nN = 1",
         "def f(x):\n    def g(y):\n        return N\n    return g(x)\nN = 2"),
        ("def f(x):\n    return [N for _ in x]\nN = 1", "def f(x):\n    return [N for _ in x]\nN = 2"),
        ("def f(x):\n    import low\n    return low.N\n", "def f(x):\n    from low import N\n    return N\n"),
        ("def w(n):\n    def f(x):\n        return n\n    return f\nf = w(1)",
         "def w(n):\n    def f(x):\n        return n\n    return f\nf = w(2)"),
        ("import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x):\n        return g(x) * 1\n    return w\n@d\ndef f(x):\n    return x",
         "import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x):\n        return g(x) * 2\n    return w\n@d\ndef f(x):\n    return x"),
        ("import functools\n@functools.lru_cache\ndef f(x):\n    return 1",
         "import functools\n@functools.lru_cache\ndef f(x):\n    return 2"),
        ("import torch\n@torch.no_grad()\ndef f(x):\n    return 1", "import torch\n@torch.no_grad()\ndef f(x):\n    return 2"),
        ("class B:\n    def m(self):\n        return 1\nclass f(B):\n    pass",
         "class B:\n    def m(self):\n        return 2\nclass f(B):\n    pass"),
        ("class f:\n    N = 1", "class f:\n    N = 2"),
        ("class f:\n    @property\n    def p(self):\n        return 1", "class f:\n    @property\n    def p(self):\n        return 2"),
        ("class f:\n    @staticmethod\n    def p():\n        return 1", "class f:\n    @staticmethod\n    def p():\n        return 2"),
        ("class A:\n    def __call__(self):\n        return 1\nf = A()", "class A:\n    def __call__(self):\n        return 2\nf = A()"),
        ("class A:\n    __slots__ = ('n',)\nf = A()\nf.n = 1", "class A:\n    __slots__ = ('n',)\nf = A()\nf.n = 2"),
        ("from typing import NamedTuple\nclass A(NamedTuple):\n    n: int\n    def m(self):\n        return 1\nf = A(0)",
         "from typing import NamedTuple\nclass A(NamedTuple):\n    n: int\n    def m(self):\n        return 2\nf = A(0)"),
        ("from dataclasses import dataclass\n@dataclass\nclass A:\n    n: int = 1\nf = A()",
         "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: int = 2\nf = A()"),
        ("def f(x):\n    if x:\n        return 1\n    return 2", "def f(x):\n    if not x:\n        return 1\n    return 2"),
        ("def f(x):\n    try:\n        return 1\n    except ValueError:\n        return 2",
         "def f(x):\n    try:\n        return 1\n    except KeyError:\n        return 2"),
        ("def f(x):\n    return x.a", "def f(x):\n    return x.b"),
        ("def f(x):\n    return g(a=x)\ndef g(**k):\n    return k", "def f(x):\n    return g(b=x)\ndef g(**k):\n    return k"),
        ("f = lambda x: x + 1; g = 0", "f, g = lambda x: x + 2, 0"),
    ],
)  # fmt: skip
def test_what_makes_a_function_or_an_object_another_is_seen(modules, one, other):
    low = "N = 1\n"

    assert modules("f", low=low, m=one) == modules("f", low=low, m=one)
    assert modules("f", low=low, m=one) != modules("f", low=low, m=other)


def test_a_module_imported_within_a_function_is_seen(modules):
    text = "def f(x):\n    import low\n    return low.N\n"

    assert modules("f", low="N = 1", m=text) != modules("f", low="N = 2", m=text)


def test_a_constant_set_in_a_module_after_its_import_is_seen(modules):
    before = modules("f", low="N = 1", m="import low\ndef f(x):\n    return low.N\n")
    sys.modules["low"].N = 2

    assert digests.digest(sys.modules["m"].f) != before


def test_two_functions_of_one_file_have_two_digests(modules):
    text = "def first(x):\n    return x\ndef second(x):\n    return x\n"

    assert modules("first", m=text) != modules("second", m=text)


def test_a_registry_of_helpers_that_a_reader_extends_is_seen(monkeypatch):
    def read(x):
        return registry.METHODS

    before = digests.digest(read)
    monkeypatch.setitem(registry.METHODS, "mine", lambda model, images, classes: images)

    assert digests.digest(read) != before


def test_a_function_of_helpers_that_was_replaced_is_seen(monkeypatch):
    def make(x):
        return gradients.gradient(None, x, None)

    before = digests.digest(make)
    monkeypatch.setattr(gradients, "gradient", lambda *all: None)

    assert digests.digest(make) != before


def small(**changes):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Dropout(0.5)
    ).eval()
    network.register_buffer("mean", torch.zeros(1), persistent=False)
    network.scale = changes.get("scale", 1)
    return network


def altered(network, change):
    with torch.no_grad():
        change(network)
    return network


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net[0].weight.view(-1)[5:6].add_(1e-6),
        lambda net: net[1].running_var.mul_(2),
        lambda net: net.mean.add_(1),
        lambda net: net.train(),
        lambda net: net[3].train(),
        lambda net: net[0].register_forward_hook(lambda *all: None),
        lambda net: net[0].register_forward_pre_hook(lambda *all: None),
        lambda net: net[0].register_full_backward_hook(lambda *all: None),
        lambda net: setattr(net[0], "padding", (1, 1)),
        lambda net: setattr(net, "scale", 2),
        lambda net: setattr(net, "act", torch.relu),
        lambda net: setattr(net, "forward", lambda x: x),
        lambda net: net.requires_grad_(False),
        lambda net: net.double(),
        lambda net: net.append(nn.Identity()),
        lambda net: net.__setitem__(2, nn.GELU()),
        lambda net: net.to(memory_format=torch.channels_last),
    ],
)
def test_whatever_is_changed_of_a_network_is_seen(change):
    before = digests.digest(small())
    assert digests.digest(small()) == before

    assert digests.digest(altered(small(), change)) != before


def test_hooks_with_other_code_are_other_hooks():
    first, second = small(), small()
    first.register_forward_hook(lambda module, given, out: out * 0)
    second.register_forward_hook(lambda module, given, out: out * 2)

    assert digests.digest(first) != digests.digest(second)


def test_a_network_class_edited_in_a_notebook_is_another_network(modules):
    text = "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return x{}\nf = Net()"

    assert modules("f", m=text.format("")) != modules("f", m=text.format(" + 1"))


def test_compiled_traced_and_scripted_networks_have_digests_of_their_own():
    network = small()
    traced = torch.fx.symbolic_trace(network)

    keys = [digests.digest(net) for net in (network, traced, torch.jit.script(small()))]

    assert len(set(keys)) == 3


def test_the_digest_of_a_network_reads_each_of_its_tensors_once(monkeypatch):
    network = classifiers.load_imagenet("tf_efficientnet_lite0").network
    read = []
    monkeypatch.setattr(
        digests, "tensor_bytes", lambda tensor: read.append(tensor) or files.tensor_bytes(tensor)
    )

    digests.digest(network)

    tensors = [*network.parameters(), *network.buffers()]
    assert {id(t) for t in tensors} <= {id(t) for t in read}
    assert len(read) <= len(tensors) + 20  # the few that are no parameter: of the preprocessing
    assert Counter(id(t) for t in read).most_common(1)[0][1] == 1


def test_digest_of_a_file_ignores_words_and_sees_code(tmp_path):
    def write(text):
        (tmp_path / "m.py").write_text(text)
        return digests.digest(tmp_path / "m.py"), digests.code_digest(tmp_path / "m.py")

    base = write('def f(x):\n    """Words."""\n    return x + 1\n')

    assert write("def f(x):  # other words\n    return x + 1\n") == base
    other = write("def f(x):\n    return x + 2\n")
    assert all(a != b for a, b in itertools.pairwise([*base, *other, *base]))


def test_a_file_that_comes_or_changes_is_seen(tmp_path):
    file = tmp_path / "image.png"
    absent = digests.digest(file)
    file.write_bytes(b"one")
    first = digests.digest(file)
    file.write_bytes(b"two")

    assert len({absent, first, digests.digest(file)}) == 3


def test_rooms_that_a_file_stands_on_are_found_through_one_another(tmp_path):
    (tmp_path / "n.py").write_text("from helpers.saliency import registry\n")
    assert {"saliency", "papers"} <= rooms.reached_from(tmp_path / "n.py")
    (tmp_path / "n.py").write_text("from helpers import trials\nimport helpers.report.charts\n")
    assert "trials" in rooms.reached_from(tmp_path / "n.py")
    assert "report" not in rooms.reached_from(tmp_path / "n.py")  # it makes no numbers


def test_libraries_are_told_from_the_readers_own_modules():
    assert [code.is_own(name) for name in ("torch.nn", "os", "sys", "numpy", "timm")] == [False] * 5
    assert code.is_own("__main__")
    assert code.is_own(__name__)
    assert code.is_own("helpers.store.cache")
