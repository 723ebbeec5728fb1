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


def mark(file, pixels):
    file.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(file)


def marked(dtype=np.uint8, value=255, size=(20, 10), columns=slice(4, 8)):
    """A truth that marks the lower right of the box 2, 4, 8, 10."""
    pixels = np.zeros(size[::-1], dtype)
    pixels[5:10, columns] = value
    return pixels


def test_truth_is_read_for_every_photograph(places):
    mark(places / "truth" / "a.png", marked())
    mark(places / "truth" / "b.png", np.full((10, 20), 255, np.uint8))

    found = faces.load_located(places, 20)

    assert found.masks.sum((1, 2)).tolist() == [4 * 10, 400]
    assert found.masks[0, 10:, 4:8].all()


@pytest.mark.parametrize(
    ("dtype", "value"), [(np.uint8, 1), (np.uint8, 128), (np.uint16, 1), (bool, 1)]
)
def test_truth_of_0_and_another_value_is_black_and_white(places, dtype, value):
    for name in ("a.png", "b.png"):
        mark(places / "truth" / name, marked(dtype, value))

    assert faces.load_located(places, 20).masks.sum((1, 2)).tolist() == [40, 40]


def test_truth_with_a_palette_or_in_color_and_another_suffix_is_read(places):
    palette = Image.fromarray(marked(value=1)).convert("P")
    palette.putpalette([0, 0, 0, 128, 0, 0])
    (places / "truth").mkdir()
    palette.save(places / "truth" / "a.gif")
    mark(places / "truth" / "b.PNG", np.stack([marked()] * 3, 2))

    assert faces.load_located(places, 20).masks.sum((1, 2)).tolist() == [40, 40]


LABELS = marked(value=2)
LABELS[0, 0] = 1
HIDDEN = np.full((10, 20, 4), 255, np.uint8)
HIDDEN[..., 3] = marked()
GRAY = np.linspace(0, 255, 200).reshape(10, 20).astype(np.uint8)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((10, 20), np.uint8), "is black all over"),
        (marked(columns=slice(9, 19)), "nothing within the box"),
        (255 - marked(), "of which .*% lie in the box .* swapped"),
        (LABELS, "has 3 values from 0 to 2"),
        (GRAY, "values from 0 to 255; expected white"),
        (HIDDEN, "transparent"),
        (np.full((10, 20), 7, np.uint8), "has 1 values from 7"),
    ],
)
def test_truth_that_marks_nothing_or_something_else_is_named(places, pixels, message):
    mark(places / "truth" / "a.png", pixels)
    mark(places / "truth" / "b.png", marked())

    with pytest.raises(ValueError, match=rf"truth/a\.png .*{message}"):
        faces.load_located(places, 20)


def test_truth_that_marks_more_than_its_box_is_said(places):
    for name in ("a.png", "b.png"):
        mark(places / "truth" / name, np.full((10, 20), 255, np.uint8))

    found, notes = faces.load_with_notes(places, 20)

    assert found.masks.all()
    assert "1 with most of the truth outside its box (a.png)" in notes


def test_truth_too_small_for_the_square_is_named(places):
    small = marked()
    small[:] = 0
    small[6, 4] = 255
    for name in ("a.png", "b.png"):
        mark(places / "truth" / name, small)

    with pytest.raises(ValueError, match=r"truth/a\.png marks too little .* 4 x 4"):
        faces.load_located(places, 4)


def test_two_truths_for_one_photograph_and_one_for_two_are_refused(places):
    mark(places / "truth" / "a.png", marked())
    mark(places / "truth" / "a.gif", marked())
    with pytest.raises(ValueError, match=r"truth/a\.gif and truth/a\.png for a\.png"):
        faces.load_located(places, 20)

    (places / "truth" / "a.gif").unlink()
    photograph(places / "images" / "a.jpg")
    write(places, "a.png,2,4,8,10", "b.png,0,0,20,10", "a.jpg,2,4,8,10")
    with pytest.raises(ValueError, match=r"a\.jpg and a\.png share truth/a\.png"):
        faces.load_located(places, 20)


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


def test_label_1_is_with_a_mask(photographs):
    listed = faces.list_images(photographs)

    by_folder = zip((file.parent.name for file in listed.files), listed.labels, strict=True)
    assert {name: int(label) for name, label in by_folder} == {"without_mask": 0, "with_mask": 1}


@pytest.mark.parametrize("box", ["-1,4,8,10", "2,-1,8,10", "2,4,21,10", "2,4,8,11"])
def test_a_box_that_leaves_its_photograph_on_any_side_is_refused(places, box):
    write(places, f"a.png,{box}", "b.png,0,0,20,10")

    with pytest.raises(ValueError, match=r"the box of a\.png is .* outside the image of 20 x 10"):
        faces.load_located(places, 8)
