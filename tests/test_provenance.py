import pytest
import torch

from helpers import paths, provenance


def one(x):
    """Say something."""
    return x + 1  # a remark


def test_digest_ignores_words_and_sees_code(tmp_path):
    def write(text):
        (tmp_path / "m.py").write_text(text)
        return provenance.digest(tmp_path / "m.py")

    base = write('def f(x):\n    """Words."""\n    return x + 1\n')

    assert write("def f(x):  # other words\n    return x + 1\n") == base
    assert write("def f(x):\n    return x + 2\n") != base


def test_digest_tells_tensors_and_numbers_apart():
    zero = torch.zeros(3)

    assert provenance.digest(zero) == provenance.digest(torch.zeros(3))
    assert provenance.digest(zero) != provenance.digest(zero + 1e-7)
    assert provenance.digest({"epochs": 1}) != provenance.digest({"epochs": 2})
    assert provenance.digest(one, 1) != provenance.digest(one, 2)


def test_kept_makes_a_result_once_and_mends_a_broken_file(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    made = []

    def make():
        made.append(1)
        return {"x": torch.arange(3)}

    first = provenance.kept("a/b", make)
    second = provenance.kept("a/b", make)
    assert len(made) == 1
    assert torch.equal(first["x"], second["x"])

    (tmp_path / "a/b.safetensors").write_bytes(b"broken")
    assert torch.equal(provenance.kept("a/b", make)["x"], torch.arange(3))
    assert len(made) == 2


def test_an_interrupted_result_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)

    def broken():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        provenance.kept("x", broken)

    assert not list(tmp_path.iterdir())


def test_notebook_digest_covers_what_the_notebook_imports():
    used = provenance._imported(paths.NOTEBOOKS / "lrp_adversarial.py")

    assert {"data", "models", "lrp", "attacks", "metrics", "stats"} <= used
    assert "plots" not in used
