"""Boxes of many maps at once against those that are found one by one."""

import pytest
import torch

from helpers.measures import localization, map_boxes


def test_each_rule_gives_the_box_of_its_cells(generator):
    maps = torch.rand(12, 8, 8, generator=generator) - 0.4
    boxes = torch.tensor([[1.0, 2.0, 6.0, 7.0]]).repeat(12, 1)

    found = map_boxes.ious(maps, boxes)

    assert found.shape == (12, len(map_boxes.RULES)) == (12, 16)
    for column, (scale, cut) in zip(found.T, map_boxes.RULES, strict=True):
        values = maps if scale == "maximum" else map_boxes.stretched(maps)
        kept = (
            localization.otsu(values)
            if cut == "Otsu"
            else localization.thresholded(values, float(cut))
        )
        single = localization.box_of(localization.largest_part(kept))
        torch.testing.assert_close(column, localization.box_iou(single, boxes))


def test_a_share_of_the_range_and_of_the_maximum_differ_where_a_map_is_negative():
    maps = torch.tensor([[[-1.0, 0.0, 1.0, 0.0]]])  # zero is at half of the range
    boxes = torch.tensor([[1.0, 0.0, 4.0, 1.0]])

    found = dict(zip(map_boxes.RULES, map_boxes.ious(maps, boxes)[0].tolist(), strict=True))

    assert found["maximum", "0.2"] == pytest.approx(1 / 3)  # the one cell of 1
    assert found["range", "0.2"] == 1  # all but the lowest cell
    assert found["range", "0.6"] == pytest.approx(1 / 3)


def test_a_flat_map_is_stretched_to_zero_and_has_no_box():
    maps = torch.full((1, 4, 4), 3.0)

    assert not map_boxes.stretched(maps).any()
    found = dict(
        zip(map_boxes.RULES, map_boxes.ious(maps, torch.tensor([[0.0, 0, 4, 4]]))[0], strict=True)
    )
    assert found["maximum", "0.5"] == 1
    assert found["range", "0.5"] == 0
