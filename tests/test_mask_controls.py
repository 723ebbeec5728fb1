"""Maps and boxes that know nothing, and how maps find a mask."""

import pytest
import torch

from helpers.measures import localization
from helpers.trials import mask_controls

SIZE = 8


def test_the_supervised_prior_is_the_mean_of_the_other_boxes():
    boxes = torch.tensor([[0.0, 0, 2, 2], [2, 2, 4, 4], [4, 4, 6, 6]])

    found = mask_controls.mean_of_others(boxes)

    assert found.tolist() == [[3, 3, 5, 5], [2, 2, 4, 4], [1, 1, 3, 3]]


def test_the_centered_box_has_half_the_side_and_a_quarter_of_the_area():
    (box,) = mask_controls.centered_boxes(1, SIZE)

    assert box.tolist() == [2, 2, 6, 6]
    whole = torch.tensor([[0.0, 0, SIZE, SIZE]])
    assert localization.box_iou(box[None], whole).item() == pytest.approx(0.25)


def test_controls_see_the_image_in_its_edges_only(generator):
    pixels = torch.randint(256, (2, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)
    pixels[1] = 128

    found = mask_controls.control_maps(pixels, 4, seed=0)

    assert {name: tuple(maps.shape) for name, maps in found.items()} == dict.fromkeys(
        ("random", "center", "edges"), (2, 4, 4)
    )
    assert torch.equal(found["center"][0], found["center"][1])
    assert found["center"][0, 1, 1] > found["center"][0, 0, 0]
    assert found["edges"][0].min() > 0
    assert found["edges"][1].abs().max() < 1e-6
    again = mask_controls.control_maps(pixels, 4, seed=0)["random"]
    assert torch.equal(again, found["random"])


def test_a_map_of_the_mask_itself_finds_it_by_all_measures():
    masks = torch.zeros(2, SIZE, SIZE, dtype=torch.bool)
    masks[:, 2:6, 2:6] = True
    maps = masks.float()
    maps[1] = -1  # without a positive cell

    found = mask_controls.localize(maps, localization.box_of(masks), masks, SIZE, 0.2)

    assert {name: values.tolist() for name, values in found.items()} == {
        "IoU of boxes": [1, 0],
        "IoU of pixels": [1, 0],
        "pointing game": [1, 0],
        "mass inside": [1, 0],
    }


def test_without_pixels_boxes_alone_are_measured():
    maps, boxes = torch.ones(1, SIZE, SIZE), torch.tensor([[0.0, 0, SIZE, SIZE]])

    assert [*mask_controls.localize(maps, boxes, None, SIZE, 0.2)] == ["IoU of boxes"]
