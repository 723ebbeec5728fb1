"""Parts of the solver's work: each is made once, whoever asks, and what has changed is refused."""

import pytest
import torch
from torch import nn

from helpers.store import paths, reading
from helpers.trials import scipy_attack, solver_parts

IMAGES, TARGETS = torch.rand(2, 3, 4, 4), torch.tensor([1, 0])


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The solver's calls, in whose place a constant stands; cache and results are empty folders."""
    calls = []

    def attack_pairs(network, images, targets, iterations):
        calls.append(len(targets))
        return {"images": images + 1, "success": torch.ones(len(targets), dtype=torch.bool)}

    monkeypatch.setattr(scipy_attack, "attack_pairs", attack_pairs)
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(solver_parts, "RESULTS", tmp_path / "results")
    return calls


def small(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 2))


def test_a_part_is_made_once_and_is_read_again_before_and_after_it_is_published(asked, tmp_path):
    first = solver_parts.attack_pairs(small(), IMAGES, TARGETS, 5)
    kept = solver_parts.attack_pairs(small(), IMAGES, TARGETS, 5)
    (file,) = solver_parts.publish()
    published = solver_parts.attack_pairs(small(), IMAGES, TARGETS, 5)

    assert asked == [2]
    assert file.parent == tmp_path / "results"
    assert not list((tmp_path / "cache").rglob("*.safetensors"))
    for found in (kept, published):
        assert torch.equal(found["images"], first["images"])
        assert found["success"].all()


@pytest.mark.parametrize(
    "arguments",
    [
        (small(1), IMAGES, TARGETS, 5), (small(), 1 - IMAGES, TARGETS, 5),
        (small(), IMAGES, 1 - TARGETS, 5), (small(), IMAGES, TARGETS, 6),
    ],
    ids=["network", "images", "targets", "iterations"],
)  # fmt: skip
def test_no_part_stands_for_another_network_image_target_or_length(asked, arguments):
    solver_parts.attack_pairs(small(), IMAGES, TARGETS, 5)

    solver_parts.attack_pairs(*arguments)

    assert asked == [2, 2]


def test_an_edit_of_the_solver_makes_a_part_again(asked, monkeypatch):
    solver_parts.attack_pairs(small(), IMAGES, TARGETS, 5)
    monkeypatch.setattr(solver_parts, "_code", lambda: "another solver")

    solver_parts.attack_pairs(small(), IMAGES, TARGETS, 5)

    assert asked == [2, 2]


def test_a_part_that_has_changed_is_refused(asked):
    solver_parts.attack_pairs(small(), IMAGES, TARGETS, 5)
    (file,) = solver_parts.publish()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)

    with pytest.raises(reading.Damaged):
        solver_parts.attack_pairs(small(), IMAGES, TARGETS, 5)
