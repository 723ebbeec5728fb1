import numpy as np
import pytest
import torch
from PIL import Image

from helpers.inputs import faces, portrait_painter

VOC = """<annotation><filename>{}</filename><object><name>with_mask</name><bndbox>
<xmin>3</xmin><ymin>5</ymin><xmax>8</xmax><ymax>10</ymax></bndbox></object></annotation>"""


def photograph(file, size=(20, 10), color=(200, 100, 50)):
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(file)


@pytest.fixture
def photographs(tmp_path):
    """Two classes of plain photographs, in a folder of their own."""
    for name in faces.CLASSES:
        for number in range(2):
            photograph(tmp_path / "train" / name / f"{name}-{number}.png")
    return tmp_path / "train"


@pytest.fixture
def places(tmp_path):
    """Two photographs of 20 x 10 with boxes, in a folder of their own."""
    for name in ("a.png", "b.png"):
        photograph(tmp_path / "own" / "images" / name)
    write(tmp_path / "own", "a.png,2,4,8,10", "b.png,0,0,20,10")
    return tmp_path / "own"


def write(folder, *rows):
    (folder / "boxes.csv").write_text("\n".join(["file,x0,y0,x1,y1", *rows]))


def test_listing_gives_every_photograph_its_folders_label(photographs):
    listed = faces.list_images(photographs)

    assert [file.parent.name for file in listed.files] == [
        faces.CLASSES[label] for label in listed.labels
    ]
    assert listed.labels.tolist() == [0, 0, 1, 1]


def test_missing_class_folder_is_named(photographs):
    (photographs / "with_mask").rename(photographs / "masked")

    with pytest.raises(ValueError, match="no folder with_mask in train"):
        faces.list_images(photographs)


def test_empty_class_folder_is_named(photographs):
    for file in (photographs / "without_mask").iterdir():
        file.rename(file.with_suffix(".txt"))

    with pytest.raises(ValueError, match="train/without_mask holds no photograph"):
        faces.list_images(photographs)


@pytest.mark.parametrize("content", [b"not an image", None], ids=["text", "cut short"])
def test_unreadable_photograph_is_named_and_not_skipped(photographs, content):
    file = photographs / "with_mask" / "with_mask-1.png"
    file.write_bytes(content or file.read_bytes()[:45])

    with pytest.raises(ValueError, match=r"with_mask-1\.png cannot be read as an image"):
        faces.load_images(faces.list_images(photographs).files, 8)


def test_photographs_are_squeezed_whole_into_the_square(tmp_path):
    left_black = np.zeros((10, 20, 3), np.uint8)
    left_black[:, 10:] = 255
    Image.fromarray(left_black).save(tmp_path / "half.png")

    pixels = faces.load_images([tmp_path / "half.png"], 4)

    assert pixels.shape == (1, 3, 4, 4)
    assert pixels[0, 0, 0, [0, 3]].tolist() == [0, 255]
    assert pixels[0, 0, 0, 1:3].sum() == 255


def test_boxes_are_squeezed_with_their_photograph(places):
    found = faces.load_located(places, 40)

    assert found.boxes.tolist() == [[4, 16, 16, 40], [0, 0, 40, 40]]
    assert found.labels.tolist() == [1, 1]
    assert found.masks is None


def test_pascal_voc_boxes_count_from_one_and_include_their_end(places):
    (places / "boxes.csv").unlink()
    (places / "annotations").mkdir()
    for name in ("a", "b"):
        (places / "annotations" / f"{name}.xml").write_text(VOC.format(f"{name}.png"))

    found = faces.load_located(places, 40)

    assert found.boxes[0].tolist() == [4, 16, 16, 40]  # 2, 4, 8, 10 before


def test_truth_is_read_for_every_photograph(places):
    for name in ("a.png", "b.png"):
        photograph(places / "truth" / name, color=(255, 255, 255))

    found = faces.load_located(places, 5)

    assert found.masks.sum((1, 2)).tolist() == [25, 25]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a.png,2,4,8,10"], "b.png has no box"),
        (["a.png,2,4,8,10", "a.png,2,4,8,9", "b.png,0,0,1,1"], "a.png has 2 boxes"),
        (["a.png,2,4,8,10", "b.png,5,5,5,8"], "box of b.png .* no area"),
        (["a.png,2,4,8,10", "b.png,8,5,5,8"], "box of b.png .* no area"),
        (["a.png,-1,4,8,10", "b.png,0,0,1,1"], "box of a.png .* outside the image of 20 x 10"),
        (["a.png,2,4,21,10", "b.png,0,0,1,1"], "box of a.png .* outside the image"),
        (["a.png,2,4,8,10", "b.png,0,0,1,1", "c.png,0,0,1,1"], "no such photograph"),
        (["a.png,2,4,8,ten", "b.png,0,0,1,1"], "boxes.csv, line 2"),
    ],
)
def test_table_of_boxes_that_does_not_fit_is_refused(places, rows, message):
    write(places, *rows)

    with pytest.raises(ValueError, match=message):
        faces.load_located(places, 8)


def test_table_without_a_column_is_refused(places):
    (places / "boxes.csv").write_text("file,x0,y0,x1\na.png,1,2,3\n")

    with pytest.raises(ValueError, match="lacks the column 'y1'"):
        faces.load_located(places, 8)


def test_folder_without_boxes_is_refused(places):
    (places / "boxes.csv").unlink()

    with pytest.raises(ValueError, match=r"neither boxes\.csv nor annotations"):
        faces.load_located(places, 8)


def test_broken_annotation_is_named(places):
    (places / "boxes.csv").unlink()
    (places / "annotations").mkdir()
    (places / "annotations" / "a.xml").write_text("<annotation>")

    with pytest.raises(ValueError, match=r"a\.xml is no Pascal VOC file"):
        faces.load_located(places, 8)


def test_missing_truth_and_truth_of_another_size_are_refused(places):
    photograph(places / "truth" / "a.png", size=(20, 11))
    with pytest.raises(ValueError, match=r"truth/a.png is \(20, 11\)"):
        faces.load_located(places, 8)

    (places / "truth" / "a.png").unlink()
    with pytest.raises(ValueError, match=r"no truth/a\.png"):
        faces.load_located(places, 8)


def truths(places, values, name="a.png"):
    (places / "truth").mkdir(exist_ok=True)
    for other in ("a.png", "b.png"):
        Image.new("L", (20, 10), 255).save(places / "truth" / other)
    Image.fromarray(values).save(places / "truth" / name)


def test_a_truth_of_zeros_and_ones_is_read_as_black_and_white(places):
    values = np.zeros((10, 20), np.uint8)
    values[4:10, 2:8] = 1
    truths(places, values)
    ones = faces.load_located(places, 20).masks
    truths(places, values * 255)

    assert torch.equal(ones, faces.load_located(places, 20).masks)
    assert ones[0].any()


def test_a_black_truth_and_one_outside_of_its_box_are_refused_by_name(places):
    values = np.zeros((10, 20), np.uint8)
    truths(places, values)
    with pytest.raises(ValueError, match=r"truth/a\.png is black all over"):
        faces.load_located(places, 20)

    values[:, 12:] = 255  # the box ends at column 8
    truths(places, values)
    with pytest.raises(ValueError, match=r"truth/a\.png marks nothing within the box"):
        faces.load_located(places, 20)


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffile,x0,y0,x1,y1\r\na.png,2,4,8,10\r\nb.png,0,0,20,10\r\n",
        "file;x0;y0;x1;y1\na.png;2,0;4;8;10\nb.png;0;0;20;10\n",
        "file, x0, y0, x1, y1\na.png, 2, 4, 8, 10\nb.png, 0, 0, 20, 10\n",
        "File\tX0\tY0\tX1\tY1\nimages/a.png\t2\t4\t8\t10\nC:\\x\\b.jpg\t0\t0\t20\t10\n",
    ],
    ids=["mark of bytes", "semicolons", "spaces", "tabs, folders and suffixes"],
)
def test_tables_as_programs_write_them_are_read_alike(places, text):
    (places / "boxes.csv").write_text(text, newline="")

    assert faces.load_located(places, 40).boxes.tolist() == [[4, 16, 16, 40], [0, 0, 40, 40]]


def test_a_table_in_latin_1_is_read(places):
    (places / "images/a.png").rename(places / "images/ä.png")
    rows = "file,x0,y0,x1,y1\nä.png,2,4,8,10\nb.png,0,0,20,10\n"
    (places / "boxes.csv").write_bytes(rows.encode("latin-1"))

    assert faces.load_located(places, 40).boxes.shape == (2, 4)


def voc(places, text, name="a"):
    (places / "boxes.csv").unlink(missing_ok=True)
    (places / "annotations").mkdir(exist_ok=True)
    for other in ("a", "b"):
        (places / "annotations" / f"{other}.xml").write_text(VOC.format(f"{other}.png"))
    (places / "annotations" / f"{name}.xml").write_text(text)


@pytest.mark.parametrize("filename", ["images/a.png", "a", "a.jpg", "C:\\data\\a.png", " a.png "])
def test_a_file_name_with_folders_or_another_suffix_is_understood(places, filename):
    voc(places, VOC.format(filename))

    assert faces.load_located(places, 40).boxes[0].tolist() == [4, 16, 16, 40]


def test_namespaces_parts_and_faces_without_a_mask_are_understood(places):
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>"
    more = f"<object><name>without_mask</name>{box}</object></annotation>"
    text = VOC.format("a.png").replace("</object>", f"<part><name>x</name>{box}</part></object>")
    text = text.replace("<annotation>", '<annotation xmlns="urn:somebody">')
    voc(places, text.replace("</annotation>", more))

    assert faces.load_located(places, 40).boxes[0].tolist() == [4, 16, 16, 40]


def test_a_box_that_counts_on_another_size_is_refused(places):
    size = "<size><width>{}</width><height>{}</height></size><object>"
    voc(places, VOC.format("a.png").replace("<object>", size.format(40, 20)))
    with pytest.raises(ValueError, match=r"a\.xml says that a\.png is 40 x 20; it is 20 x 10"):
        faces.load_located(places, 8)

    voc(places, VOC.format("a.png").replace("<object>", size.format(20, 10)))
    assert faces.load_located(places, 40).boxes[0].tolist() == [4, 16, 16, 40]


def test_a_box_is_of_the_photograph_as_a_person_sees_it(places):
    lying = Image.new("RGB", (10, 20), (9, 9, 9))  # stored 10 x 20, seen 20 x 10
    exif = lying.getexif()
    exif[0x0112] = 6
    lying.save(places / "images/a.png", exif=exif)
    assert faces.load_located(places, 40).boxes[0].tolist() == [4, 16, 16, 40]

    size = "<size><width>10</width><height>20</height></size><object>"
    voc(places, VOC.format("a.png").replace("<object>", size))
    with pytest.raises(ValueError, match=r"a\.xml counts its box on a\.png as it is stored"):
        faces.load_located(places, 8)


def test_hidden_files_are_no_photographs(photographs):
    (photographs / "with_mask" / "._with_mask-0.png").write_bytes(b"\0\5\26\7")

    assert len(faces.list_images(photographs).files) == 4


@pytest.fixture(scope="module")
def portraits():
    return portrait_painter.paint_portraits(12, 64, seed=1)


def test_drawn_portraits_follow_from_their_seed(portraits):
    again, other = (portrait_painter.paint_portraits(12, 64, seed=seed) for seed in (1, 2))

    assert torch.equal(portraits.pixels, again.pixels)
    assert not torch.equal(portraits.pixels, other.pixels)


def test_every_second_portrait_wears_a_mask_and_only_those_have_a_true_one(portraits):
    assert portraits.labels.tolist() == [0, 1] * 6
    assert torch.equal(portraits.masks.any((1, 2)), portraits.labels.bool())


def test_true_box_of_a_portrait_is_tight_around_its_mask(portraits):
    for mask, (x0, y0, x1, y1) in zip(portraits.masks, portraits.boxes.int(), strict=True):
        rows, columns = mask.nonzero().unbind(1)
        if len(rows):
            expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert [x0, y0, x1, y1] == expected


def test_true_mask_of_a_portrait_covers_the_cloth_alone(portraits):
    for pixels, mask in zip(portraits.pixels, portraits.masks, strict=True):
        if mask.any():
            cloth = pixels[:, mask].float()  # one colour with folds, light and grain
            assert cloth.std(1).max() < 40
            assert 0.02 < mask.float().mean() < 0.25
