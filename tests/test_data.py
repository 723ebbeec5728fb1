import lzma
import pickle

import numpy as np
import pytest
import torch

from helpers import data


def test_foolbox_images_are_twenty_real_ones_with_their_labels():
    images = data.foolbox_cifar10()

    assert images.pixels.shape == (20, 3, 32, 32)
    assert images.labels[:5].tolist() == [3, 8, 8, 0, 6]  # cat, ship, ship, airplane, frog
    assert images.pixels.flatten(1).float().std(1).min() > 20


def test_pixels_survive_the_way_to_unit_and_back():
    pixels = torch.arange(256).to(torch.uint8).view(1, 1, 16, 16)

    assert torch.equal(data.to_pixels(data.to_unit(pixels)), pixels)


def test_to_pixels_rounds_down():
    assert data.to_pixels(torch.tensor([0.999, 0.5])).tolist() == [254, 127]


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_images_outside_the_unit_range_are_refused(wrong):
    with pytest.raises(ValueError, match=r"expected.*\[0, 1\]"):
        data.to_pixels(torch.tensor([0.5, wrong]))


def test_pixels_that_are_floats_are_refused():
    with pytest.raises(ValueError, match="expected uint8"):
        data.to_unit(torch.rand(2, 2))


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: bytes([b[0] ^ 1]) + b[1:]])
def test_a_truncated_or_altered_file_is_refused(tmp_path, spoil):
    (tmp_path / "weights").write_bytes(b"some weights")
    sha256 = data.hashlib.sha256(b"some weights").hexdigest()
    assert data.checked(tmp_path, "weights", sha256) == b"some weights"

    (tmp_path / "weights").write_bytes(spoil(b"some weights"))

    with pytest.raises(ValueError, match="altered or cut short"):
        data.checked(tmp_path, "weights", sha256)


def test_authors_images_are_rebuilt_modulo_256(tmp_path, monkeypatch):
    originals = torch.tensor([[10], [250]], dtype=torch.uint8).repeat(1, 3072).view(2, 3, 32, 32)
    deltas = [np.full((1, 3, 32, 32), d, np.uint8) for d in (255, 7)]  # -1, and 7 past the end
    for part, delta in enumerate(deltas):
        (tmp_path / f"delta_{part}.u8.xz").write_bytes(lzma.compress(delta.tobytes()))
    np.savez(tmp_path / "pairs.npz", test_index=[0, 1], target=[4, 5])
    sums = {f.name: data.hashlib.sha256(f.read_bytes()).hexdigest() for f in tmp_path.iterdir()}
    monkeypatch.setattr(data, "DIETER2023_SHA256", sums)

    made = data.dieter2023_adversarials(tmp_path, originals)

    assert made.pixels[0].unique().tolist() == [9]
    assert made.pixels[1].unique().tolist() == [1]
    assert made.target.tolist() == [4, 5]


def test_altered_cifar10_pixels_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(data.paths, "CACHE", tmp_path)
    fake = data.Images(torch.zeros(10, 3, 32, 32, dtype=torch.uint8), torch.zeros(10).long())
    monkeypatch.setattr(data, "_torchvision_cifar10", lambda split: fake)

    with pytest.raises(ValueError, match="CIFAR-10's test"):
        data.cifar10("test")

    assert not list(tmp_path.iterdir())


def test_missing_cifar10_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(data.paths, "CACHE", tmp_path)
    monkeypatch.setattr(data, "_torchvision_cifar10", lambda split: None)

    with pytest.raises(FileNotFoundError, match="XAI_DATA"):
        data.cifar10("test", download=False)


def test_a_copy_that_fails_torchvisions_checksum_is_passed_over(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "test_batch").write_bytes(pickle.dumps({"data": b"", "labels": []}))

    assert data._torchvision_cifar10("test", tmp_path) is None


def test_an_xai_data_that_is_no_folder_is_refused(monkeypatch):
    monkeypatch.setenv("XAI_DATA", "no/such/folder")

    with pytest.raises(FileNotFoundError, match="no/such/folder"):
        data.xai_data()


def test_without_xai_data_the_authors_material_is_absent(monkeypatch):
    monkeypatch.delenv("XAI_DATA", raising=False)

    assert data.dieter2023() is None
