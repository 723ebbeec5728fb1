"""Photographs of a stranger's folder: read as a person sees them, or named and refused."""

import os
import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms

from helpers.inputs import folders, photographs, pictures


def read(file):
    return np.asarray(pictures.read_rgb(file))


def gray(value, size=(20, 24)):
    return Image.new("L", size, value)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_a_photograph_is_turned_as_its_exif_data_say(tmp_path, suffix):
    lying = np.zeros((64, 128, 3), np.uint8)
    lying[:, :64] = 255  # the left half is white: upright, after a quarter turn, the upper half
    image = Image.fromarray(lying)
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / f"a.{suffix}", exif=exif)

    upright, notes = pictures.read_with_notes(tmp_path / f"a.{suffix}")

    assert upright.size == (64, 128)
    assert np.asarray(upright)[:60].min() > 240
    assert np.asarray(upright)[68:].max() < 15
    assert suffix == "tif" or notes == ["turned as its EXIF data say"]


def test_damaged_exif_data_turn_nothing(tmp_path):
    Image.new("RGB", (20, 30)).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")

    assert pictures.read_rgb(tmp_path / "a.jpg").size == (20, 30)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bits_become_8_by_the_257th_part(tmp_path, suffix):
    values = np.array([[0, 128, 129, 257, 25700, 65535]] * 2, np.uint16)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")

    assert read(tmp_path / f"a.{suffix}")[0, :, 0].tolist() == [0, 0, 1, 1, 100, 255]


def test_floats_are_scaled_where_they_lie_between_0_and_1_and_else_refused(tmp_path):
    Image.fromarray(np.array([[0, 0.5, 1]], np.float32)).save(tmp_path / "a.tif")
    assert read(tmp_path / "a.tif")[0, :, 1].tolist() == [0, 128, 255]

    for value, said in ((1.5, "floats from 0 to 1.5"), (np.nan, "floats from nan")):
        Image.fromarray(np.array([[0, value]], np.float32)).save(tmp_path / "b.tif")
        with pytest.raises(ValueError, match=rf"b\.tif cannot be read .*{said}"):
            read(tmp_path / "b.tif")


def test_32_bit_integers_without_a_white_are_refused_by_name(tmp_path):
    Image.fromarray(np.array([[0, 200]], np.int32)).save(tmp_path / "a.tif")

    with pytest.raises(ValueError, match=r"a\.tif .*32-bit integers from 0 to 200"):
        read(tmp_path / "a.tif")


def transparent(mode, tmp_path):
    """A picture of 2 x 1: hidden magenta or black on the left, an opaque gray on the right."""
    file = tmp_path / f"{mode}.png"
    if mode == "RGBA":
        pixels = np.array([[[255, 0, 255, 0], [90, 90, 90, 255]]], np.uint8)
        Image.fromarray(pixels).save(file)
    elif mode == "LA":
        Image.fromarray(np.array([[[0, 0], [90, 255]]], np.uint8)).save(file)
    elif mode == "P":
        image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
        image.putpalette([255, 0, 255, 90, 90, 90])
        image.save(file, transparency=0)
    elif mode == "L":
        Image.fromarray(np.array([[0, 90]], np.uint8)).save(file, transparency=0)
    elif mode == "I;16":
        Image.fromarray(np.array([[0, 90 * 257]], np.uint16)).save(file, transparency=0)
    else:
        pixels = np.array([[[255, 0, 255], [90, 90, 90]]], np.uint8)
        Image.fromarray(pixels).save(file, transparency=(255, 0, 255))
    return file


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "I;16", "RGB"])
def test_what_is_transparent_shows_white_and_nothing_hidden(tmp_path, mode):
    file = transparent(mode, tmp_path)

    image, notes = pictures.read_with_notes(file)

    assert np.asarray(image).tolist() == [[[255] * 3, [90] * 3]]
    assert "on white where it is transparent" in notes


def test_half_transparent_black_becomes_gray(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 51)).save(tmp_path / "a.png")

    assert np.unique(read(tmp_path / "a.png")).tolist() == [204]  # 255 (1 - 51 / 255)


def test_cmyk_is_read_with_adobes_inversion_and_without(tmp_path):
    red = Image.new("CMYK", (32, 32), (0, 255, 255, 0))
    red.save(tmp_path / "adobe.jpg", quality=95)  # Pillow writes Adobe's marker, inverted
    red.save(tmp_path / "plain.tif")

    for name in ("adobe.jpg", "plain.tif"):
        assert np.abs(read(tmp_path / name).astype(int) - [255, 0, 0]).max() < 8


def test_of_an_animation_the_first_frame_is_taken_and_that_is_said(tmp_path):
    for suffix in ("gif", "webp", "png", "tif"):
        frames = [gray(40), gray(200)]
        frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])

        image, notes = pictures.read_with_notes(tmp_path / f"a.{suffix}")

        assert np.abs(np.asarray(image).astype(int) - 40).max() < 6
        assert "first frame only" in notes


def folder_of(tmp_path, *names, size=(20, 24)):
    for n, name in enumerate(names):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.full((size[1], size[0], 3), 10 * n, np.uint8)
        pixels[: size[1] // 2] += 100
        Image.fromarray(pixels).save(file)
    return tmp_path / "photos"


def test_every_suffix_that_pillow_opens_and_folders_in_the_folder_are_taken(tmp_path):
    names = ["a.jpg", "b.WEBP", "c.bmp", "d.tif", "e.gif", "f.ppm", "g.jp2", "h.avif", "i.jfif",
             "sub/deeper/z.PNG", "sub/e.jpg"]  # fmt: skip
    folder = folder_of(tmp_path, *names)

    found = photographs.load_folder(folder, 99, size=8)

    assert found.names == names
    assert found.notes == ["11 of 11 files", "asked for 99, the folder has 11"]


def test_what_is_passed_over_is_counted_and_named(tmp_path):
    folder = folder_of(tmp_path, "a.jpg", "b.jpg", "c.png")
    (folder / "._a.jpg").write_bytes(b"\0\5\26\7")
    (folder / "Thumbs.db").write_bytes(b"")
    (folder / "notes.txt").write_text("none")
    (folder / "phone.HEIC").write_bytes(b"")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "a.jpg").write_bytes(b"")
    (folder / "circle").symlink_to(folder)
    os.mkfifo(folder / "pipe.png")

    found = photographs.load_folder(folder, 2, size=8)

    assert len(found.names) == 2
    assert found.notes == [
        "2 of 10 files; passed over: 1 .HEIC not read (phone.HEIC); 1 .txt not read (notes.txt); "
        "3 hidden or of the system (._a.jpg, Thumbs.db, __MACOSX/); 1 links to folders (circle/); "
        "1 no regular files (pipe.png)"
    ]


def test_the_order_does_not_depend_on_the_file_system(tmp_path):
    folder = folder_of(tmp_path, "b.png", "a.png", "sub/a.png", "Z.png")
    names = [folders.listing(folder).name(file) for file in folders.listing(folder).files]

    assert names == ["Z.png", "a.png", "b.png", "sub/a.png"]


def test_a_folder_of_one_photograph_is_refused_before_anything_is_read(tmp_path):
    folder = folder_of(tmp_path, "a.png")
    (folder / "b.heic").write_bytes(b"")
    (folder / "a.png").write_bytes(b"not even an image")

    with pytest.raises(ValueError, match=r"one photograph, a\.png \(passed over: 1 \.heic not"):
        photographs.check_folder(folder, 5)


BROKEN = {
    "text": lambda file: file.write_text("not an image"),
    "empty": lambda file: file.write_bytes(b""),
    "cut short": lambda file: file.write_bytes(file.read_bytes()[:60]),
    "PostScript": lambda file: file.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    "tiny": lambda file: gray(9, (5, 5)).save(file),
    "one pixel": lambda file: gray(9, (1, 1)).save(file),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_named_without_the_machines_path_and_skipped_if_asked(tmp_path, kind):
    folder = folder_of(tmp_path, "a.png", "b.png", "sub/c.png")
    BROKEN[kind](folder / "sub/c.png")

    for refuse in (photographs.check_folder, photographs.load_folder):
        with pytest.raises(ValueError, match=r"sub/c\.png (cannot be read|has \d x)") as caught:
            refuse(folder, 9)
        assert str(tmp_path) not in str(caught.value)
    assert "-p skip_unreadable true" in str(caught.value)

    found = photographs.load_folder(folder, 9, size=8, skip_unreadable=True)
    assert found.names == ["a.png", "b.png"]
    assert any(note.startswith("left out: sub/c.png ") for note in found.notes)


def test_a_huge_picture_is_named(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, "a.png", "b.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    with pytest.raises(ValueError, match=r"a\.png cannot .*more than .* million pixels"):
        photographs.load_folder(folder, 2)


def test_a_large_picture_gives_no_warning_of_pillows(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, "a.png", "b.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 300)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(photographs.load_folder(folder, 2, size=8).names) == 2


def test_skipping_all_but_one_is_refused(tmp_path):
    folder = folder_of(tmp_path, "a.png", "b.png")
    (folder / "b.png").write_text("none")

    with pytest.raises(ValueError, match=r"1 of 2 photographs can be read.*b\.png"):
        photographs.load_folder(folder, 2, skip_unreadable=True)


def test_one_color_only_and_enlarged_are_said_with_the_files_name(tmp_path):
    folder = folder_of(tmp_path, "a.png", "b.png")
    gray(90).save(folder / "plain.png")

    found = photographs.load_folder(folder, 3, size=32)

    assert "1 of one color only (plain.png)" in found.notes
    assert "3 enlarged (a.png, b.png, plain.png)" in found.notes


def test_a_photograph_of_one_color_is_refused_before_the_start_and_skipped_if_asked(tmp_path):
    folder = folder_of(tmp_path, "a.png", "b.png")
    framed = np.full((240, 240), 90, np.uint8)
    framed[:4] = 200  # outside the middle square, which is all that the network sees
    Image.fromarray(framed).save(folder / "plain.png")

    with pytest.raises(ValueError, match=r"plain\.png is of one color only.*skip_unreadable true"):
        photographs.check_folder(folder, 3)

    photographs.check_folder(folder, 3, skip_unreadable=True)
    found = photographs.load_folder(folder, 3, 8, skip_unreadable=True)
    assert found.names == ["a.png", "b.png"]
    assert any(note.startswith("left out: plain.png is of one color") for note in found.notes)


def test_the_early_check_refuses_what_skipping_leaves_too_few(tmp_path):
    folder = folder_of(tmp_path, "a.png", "b.png", "c.png")
    for name in ("a.png", "c.png"):
        (folder / name).write_text("none")

    with pytest.raises(ValueError, match=r"1 of 3 photographs can be read.*a\.png"):
        photographs.check_folder(folder, 3, skip_unreadable=True)


def test_a_folder_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, "a.png", "b.png", "locked/c.png")
    scandir = os.scandir

    def locked(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)

    assert folders.listing(folder).passed == {
        "locked/": "folders that cannot be read: Permission denied"
    }


def tiff(file, values, bits, white_is_zero):
    """An uncompressed gray TIFF of one strip, written by hand: little-endian, 16-bit samples."""
    height, width = values.shape
    fields = [(256, width), (257, height), (258, bits), (259, 1), (262, 0 if white_is_zero else 1),
              (273, 8), (277, 1), (278, height), (279, values.nbytes)]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    directory = struct.pack("<H", len(fields)) + entries + bytes(4)
    head = b"II*\0" + struct.pack("<I", 8 + values.nbytes)
    file.write_bytes(head + values.astype("<u2").tobytes() + directory)


def test_a_16_bit_tiff_in_which_0_is_white_is_no_negative(tmp_path):
    values = np.array([[0, 25700, 65535]], np.uint16)
    for white_is_zero, expected in ((False, [0, 100, 255]), (True, [255, 155, 0])):
        tiff(tmp_path / "a.tif", values, 16, white_is_zero)
        assert read(tmp_path / "a.tif")[0, :, 0].tolist() == expected


def test_16_bits_that_hold_12_are_said(tmp_path):
    Image.fromarray(np.array([[0, 4095]], np.uint16)).save(tmp_path / "a.png")

    image, notes = pictures.read_with_notes(tmp_path / "a.png")

    assert np.asarray(image)[0, :, 0].tolist() == [0, 16]
    assert notes == ["16 bits scaled to 8, though no value is above 4095"]


def test_cmyk_without_adobes_mark_is_read_as_with_it_and_said(tmp_path):
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    data = (tmp_path / "a.jpg").read_bytes()
    at = data.index(b"\xff\xee")
    length = int.from_bytes(data[at + 2 : at + 4])
    (tmp_path / "b.jpg").write_bytes(data[:at] + data[at + 2 + length :])

    image, notes = pictures.read_with_notes(tmp_path / "b.jpg")

    assert np.abs(np.asarray(image).astype(int) - [255, 0, 0]).max() < 8
    assert notes == ["CMYK without Adobe's mark, read as if it had one"]
    assert pictures.read_with_notes(tmp_path / "a.jpg")[1] == []


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    folder_of(tmp_path, "a.png", "b.png")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert photographs.load_folder("~/photos", 2, size=8).names == ["a.png", "b.png"]


def test_the_choice_from_a_folder_never_changes(tmp_path):
    for number in range(10):
        gray(9 * number).save(tmp_path / f"{number}.png")

    chosen = [file.stem for file in photographs.chosen_files(tmp_path, 4)[1]]

    assert chosen == ["1", "4", "5", "7"]


def swapped_profile():
    """sRGB's profile with the colors of red and green exchanged, by the names of two tags."""
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swap = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    count = struct.unpack(">I", plain[128:132])[0]
    entries = [plain[132 + 12 * i : 144 + 12 * i] for i in range(count)]
    named = b"".join(swap.get(entry[:4], entry[:4]) + entry[4:] for entry in entries)
    return plain[:132] + named + plain[132 + 12 * count :]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_colors_are_those_of_the_icc_profile(tmp_path, mode):
    Image.new("RGB", (20, 24), (255, 0, 0)).convert(mode).save(
        tmp_path / "a.png", icc_profile=swapped_profile()
    )

    image, notes = pictures.read_with_notes(tmp_path / "a.png")

    assert np.abs(np.asarray(image)[0, 0].astype(int) - [0, 255, 0]).max() <= 2
    assert notes == ["colors converted from its ICC profile to sRGB"]


@pytest.mark.parametrize("profile", ["sRGB", "damaged"])
def test_an_icc_profile_that_changes_nothing_or_is_damaged_leaves_the_image(tmp_path, profile):
    plain = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    colors = np.random.default_rng(0).integers(0, 256, (20, 24, 3), np.uint8)
    Image.fromarray(colors).save(
        tmp_path / "a.png", icc_profile=plain if profile == "sRGB" else b"no profile"
    )

    image, notes = pictures.read_with_notes(tmp_path / "a.png")

    assert (np.asarray(image) == colors).all()
    assert not notes
