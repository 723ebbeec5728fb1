import pytest
import torch

from helpers.run import card
from helpers.store import cache, digests, paths


def one(x):
    """Say something."""
    return x + 1  # a remark


def test_digest_ignores_words_and_sees_code(tmp_path):
    def write(text):
        (tmp_path / "m.py").write_text(text)
        return digests.digest(tmp_path / "m.py")

    base = write('def f(x):\n    """Words."""\n    return x + 1\n')

    assert write("def f(x):  # other words\n    return x + 1\n") == base
    assert write("def f(x):\n    return x + 2\n") != base


def test_digest_tells_tensors_and_numbers_apart():
    zero = torch.zeros(3)

    assert digests.digest(zero) == digests.digest(torch.zeros(3))
    assert digests.digest(zero) != digests.digest(zero + 1e-7)
    assert digests.digest({"epochs": 1}) != digests.digest({"epochs": 2})
    assert digests.digest(one, 1) != digests.digest(one, 2)


def test_kept_makes_a_result_once_and_mends_a_broken_file(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    made = []

    def make():
        made.append(1)
        return {"x": torch.arange(3)}

    first = cache.kept("a/b", make)
    second = cache.kept("a/b", make)
    assert len(made) == 1
    assert torch.equal(first["x"], second["x"])

    (tmp_path / "a/b.safetensors").write_bytes(b"broken")
    assert torch.equal(cache.kept("a/b", make)["x"], torch.arange(3))
    assert len(made) == 2


def test_an_interrupted_result_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)

    def broken():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.kept("x", broken)

    assert not list(tmp_path.iterdir())


def test_notebook_digest_covers_what_the_notebook_imports():
    used = card._imported(paths.NOTEBOOKS / "lrp_adversarial.py")

    assert {"data", "models", "lrp", "attacks", "metrics", "stats"} <= used
    assert "plots" not in used
