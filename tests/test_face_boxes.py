"""Boxes of masks in every form in which tools write them: read right, or named and refused."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from helpers.inputs import face_truth, faces, pictures

BOX = [4, 16, 16, 40]  # 2, 4, 8, 10 of 20 x 10, squeezed into 40 x 40
VOC = """<annotation{space}>{said}<object><name>{kind}</name><part><name>strap</name><bndbox>
<xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part><bndbox>
<xmin>3</xmin><ymin>5</ymin><xmax>8</xmax><ymax>10</ymax></bndbox></object>{more}</annotation>"""


def photograph(file, size=(20, 10), orientation=1):
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.effect_noise(size, 60).convert("RGB")
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(file, exif=exif)


@pytest.fixture
def own(tmp_path):
    for name in ("a.png", "b.png"):
        photograph(tmp_path / "own" / "images" / name)
    return tmp_path / "own"


def table(own, text, encoding="utf-8"):
    (own / "boxes.csv").write_bytes(text.encode(encoding))


def annotate(own, name, said="", kind="with_mask", more="", space=""):
    folder = own / "annotations"
    folder.mkdir(exist_ok=True)
    text = VOC.format(said=said, kind=kind, more=more, space=space)
    (folder / f"{name}.xml").write_text(text)


def first_box(own):
    return faces.load_located(own, 40).boxes[0].tolist()


ROWS = "file,x0,y0,x1,y1\na.png,2,4,8,10\nb.png,0,0,20,10\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (ROWS, "utf-8-sig"),
        (ROWS, "utf-16"),
        (ROWS.replace(",", ";"), "utf-8"),
        (ROWS.replace(",", ";").replace("2;4;8;10", "2,0;4,0;8,0;10,0"), "utf-8-sig"),
        ("sep=;\n" + ROWS.replace(",", ";"), "utf-8"),
        (ROWS.replace(",", "\t"), "utf-8"),
        (ROWS.replace(",", ", "), "utf-8"),
        (ROWS.replace(",", "  "), "utf-8"),
        (ROWS.replace("\n", "\r\n"), "utf-8"),
        (ROWS.replace("file,x0", "File, X0").replace("a.png", '"a.png"'), "utf-8"),
        (ROWS + "\n,,,,\n", "utf-8"),
        (ROWS.replace("a.png", "images/a.png").replace("b.png", "C:\\set\\b"), "utf-8"),
        (ROWS.replace("a.png", "A.PNG").replace("b.png", "b.jpg"), "utf-8"),
    ],
    ids=["BOM", "UTF-16", "semicolons", "decimal commas", "sep", "tabs", "spaces after",
         "spaces", "CRLF", "capitals", "empty rows", "folders", "another suffix"],
)  # fmt: skip
def test_a_table_is_read_in_every_form(own, text, encoding):
    table(own, text, encoding)

    assert first_box(own) == BOX


def test_a_table_in_latin_1_names_its_photographs(own):
    photograph(own / "images" / "Müller.png")
    (own / "images" / "a.png").unlink()
    table(own, ROWS.replace("a.png", "Müller.png"), "latin-1")

    assert first_box(own) == BOX  # M before b


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"boxes\.csv is empty"),
        (ROWS.replace("2,4,8,10", "2,4,8"), r"boxes\.csv, line 2 has fewer values"),
        (ROWS.replace("2,4,8,10", "2,4,8,10,3"), r"boxes\.csv, line 2 has more values"),
        (ROWS.replace("2,4,8,10", "nan,4,8,10"), r"box of a\.png .* no area"),
        (ROWS.replace("2,4,8,10", "2,4,inf,10"), r"box of a\.png .* outside"),
        (ROWS.replace("a.png", "a.1"), r"line 2: there is a box for a\.1, but no such"),
    ],
)
def test_a_table_that_has_no_one_reading_is_named(own, text, message):
    table(own, text)

    with pytest.raises(ValueError, match=message):
        faces.load_located(own, 40)


def test_a_name_that_fits_two_photographs_is_refused(own):
    photograph(own / "images" / "sub" / "a.png")
    table(own, ROWS + "sub/a.png,0,0,1,1\n")
    assert first_box(own) == BOX

    photograph(own / "images" / "more" / "c.png")
    photograph(own / "images" / "sub" / "c.png")
    table(own, ROWS + "c.png,0,0,1,1\n")
    with pytest.raises(ValueError, match=r"c\.png may be more/c\.png or sub/c\.png"):
        faces.load_located(own, 40)


@pytest.mark.parametrize(
    "said",
    ["", "<filename>a.png</filename>", "<filename>images/a.png</filename>",
     "<filename>a</filename>", "<filename>C:\\x\\a.jpg</filename>",
     "<size><width>20</width><height>10</height></size>",
     "<size><width>0</width><height>0</height></size>"],
)  # fmt: skip
def test_an_annotation_finds_its_photograph(own, said):
    annotate(own, "a", said)
    annotate(own, "b", space=' xmlns="http://example.org/voc"')
    (own / "annotations" / "._a.xml").write_bytes(b"\0\5\26\7")

    assert faces.load_located(own, 40).boxes.tolist() == [BOX, BOX]


def test_a_box_of_a_face_without_a_mask_is_no_box_of_a_mask(own):
    other = "<object><name>without_mask</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>" \
            "<ymax>9</ymax></bndbox></object>"  # fmt: skip
    annotate(own, "a", more=other)
    annotate(own, "b")
    assert first_box(own) == BOX

    annotate(own, "b", kind="without_mask")
    with pytest.raises(ValueError, match=r"b\.xml has boxes of faces without a mask only"):
        faces.load_located(own, 40)

    annotate(own, "b", kind="dog")
    with pytest.raises(ValueError, match=r"b\.xml has a box of 'dog'"):
        faces.load_located(own, 40)


def test_an_annotation_of_a_photograph_of_another_size_is_refused(own):
    annotate(own, "a", "<size><width>40</width><height>20</height></size>")
    annotate(own, "b")

    with pytest.raises(ValueError, match=r"a\.xml says that a\.png is 40 x 20; it is 20 x 10"):
        faces.load_located(own, 40)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_turns_as_its_pixels_do(orientation):
    pixels = np.zeros((10, 20), np.uint8)
    pixels[4:9, 2:8] = 255
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(file))) > 0

    x0, y0, x1, y1 = pictures.turned_box((2, 4, 8, 9), (20, 10), orientation)

    assert upright[y0:y1, x0:x1].all()
    assert upright.sum() == (y1 - y0) * (x1 - x0) == 30


def test_boxes_and_truths_of_a_stored_photograph_turn_with_it_and_of_an_upright_one_stay(own):
    photograph(own / "images" / "a.png", orientation=6)  # 20 x 10 stored, 10 x 20 seen
    head = "file,width,height,x0,y0,x1,y1\nb.png,20,10,0,0,20,10\n"
    table(own, head + "a.png,20,10,2,4,8,10\n")
    stored = np.zeros((10, 20), np.uint8)
    stored[4:10, 2:8] = 255
    (own / "truth").mkdir()
    Image.fromarray(stored).save(own / "truth" / "a.png")
    Image.fromarray(stored).save(own / "truth" / "b.png")

    turned = faces.load_located(own, 20)

    assert turned.boxes[0].tolist() == [0, 2, 12, 8]  # x: 2 (10 - 10) to 2 (10 - 4), y: 2 to 8
    assert turned.masks[0, 2:8, :12].all()
    assert turned.masks[0].sum() == 6 * 12

    table(own, head + "a.png,10,20,0,2,6,8\n")
    upright = faces.load_located(own, 20)
    assert upright.boxes.equal(turned.boxes)
    assert upright.masks.equal(turned.masks)


def test_what_is_passed_over_or_changed_is_said(own):
    photograph(own / "images" / "a.png", orientation=3)
    (own / "images" / "notes.txt").write_text("")
    (own / "images" / "._a.png").write_bytes(b"")
    table(own, ROWS)
    annotate(own, "a")

    assert faces.load_with_notes(own, 40)[1] == [
        "images: 2 of 4 files; passed over: 1 .txt not read (notes.txt); 1 hidden or of the system "
        "(._a.png)",
        "boxes from boxes.csv, not from annotations/",
        "1 turned as its EXIF data say (a.png)",
    ]


def test_one_photograph_or_a_tiny_one_is_refused_by_name(own):
    table(own, "file,x0,y0,x1,y1\na.png,2,4,8,10\n")
    (own / "images" / "b.png").unlink()
    with pytest.raises(ValueError, match=r"images holds one photograph, a\.png"):
        faces.load_located(own, 40)

    photograph(own / "images" / "b.png", size=(5, 5))
    table(own, ROWS)
    with pytest.raises(ValueError, match=r"b\.png has 5 x 5 pixels"):
        faces.load_located(own, 40)


def test_listed_images_lie_in_folders_too_and_say_what_was_passed_over(tmp_path):
    for name in faces.CLASSES:
        photograph(tmp_path / name / "deeper" / "a.webp")
        photograph(tmp_path / name / "b.jpg")
        (tmp_path / name / "Thumbs.db").write_bytes(b"")

    listed = faces.list_images(tmp_path)

    assert [file.name for file in listed.files] == ["b.jpg", "a.webp"] * 2
    assert listed.labels.tolist() == [0, 0, 1, 1]
    assert listed.notes[1] == (
        "with_mask: 2 of 3 files; passed over: 1 hidden or of the system (Thumbs.db)"
    )


def test_a_squeezed_truth_marks_the_pixels_that_are_white_by_half_and_more(tmp_path):
    stored = np.zeros((4, 4), np.uint8)
    stored[:2, :2] = 255  # of the neighboring squeezed pixels an eighth
    Image.fromarray(stored).save(tmp_path / "a.png")
    truth = face_truth.Truth(tmp_path / "a.png", "truth/a.png")

    marked, _ = face_truth.read(truth, (4, 4), 1, (0, 0, 2, 2), 2)

    assert marked.tolist() == [[True, False], [False, False]]
