import many_networks
import pytest
import torch

from helpers import trials
from helpers.saliency import registry
from helpers.store import paths

EVERY = [name for methods in registry.METHODS.values() for name in methods]


def test_there_are_twenty_five_networks_of_two_libraries():
    assert len(set(many_networks.NAMES)) == 25
    assert {name.split(":")[0] for name in many_networks.NAMES} == {"timm", "torchvision"}


@pytest.mark.long
@pytest.mark.parametrize("name", many_networks.NAMES)
def test_each_method_gives_a_number_or_a_sentence_in_each_test(name, tmp_path, monkeypatch):
    """The smoke profile; a library's random weights seldom change their mind, so n may be 0."""
    monkeypatch.setattr(paths, "CACHE", tmp_path / "cache")
    network, side = many_networks.random_network(name)
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))

    table = trials.run(
        network=network, images=images, beside=EVERY, profile="smoke", attack_size=0.05
    ).table

    assert set(table.method) == set(EVERY)
    assert (table.value.notna() | (table.gap != "")).all()
    for sentence in table.gap[table.gap != ""].unique():
        assert len(sentence.split()) > 3, sentence
        assert "size of tensor" not in sentence  # torch's own words say nothing to a reader
        assert "stack expects" not in sentence
