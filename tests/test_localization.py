import pytest
import torch
import torchvision

from helpers.measures import localization


def box(*sides):
    return torch.tensor([sides], dtype=torch.float32)


def test_threshold_keeps_cells_from_a_share_of_the_maximum_on():
    maps = torch.tensor([[[0.0, 1.0], [2.0, 5.0]], [[-5.0, -2.0], [-1.0, -4.0]]])

    assert localization.thresholded(maps, 0.4).tolist() == [
        [[False, False], [True, True]],
        [[False, False], [False, False]],
    ]


def test_threshold_of_a_map_of_zeros_is_empty():
    assert not localization.thresholded(torch.zeros(1, 3, 3), 0.2).any()
    assert not localization.otsu(torch.zeros(1, 3, 3)).any()


@pytest.mark.parametrize("threshold", [0.0, -0.1, 1.2])
def test_threshold_outside_the_unit_range_is_refused(threshold):
    with pytest.raises(ValueError, match=r"share of the maximum in \(0, 1\]"):
        localization.thresholded(torch.zeros(1, 2, 2), threshold)


def test_otsu_parts_two_heaps_and_leaves_out_what_is_negative():
    maps = torch.tensor([[[-9.0, 1.0, 1.2], [0.9, 8.0, 10.0]]])

    assert localization.otsu(maps).tolist() == [[[False, False, False], [False, True, True]]]


def test_otsu_equals_a_search_over_all_thresholds(generator):
    maps = torch.rand(4, 9, 9, generator=generator, dtype=torch.float64) ** 3

    found = localization.otsu(maps)

    for one, mask in zip(maps, found, strict=True):
        # ours cuts between 256 bins, so compare the quality of the cut, not the cut itself
        def quality(mask, one=one):
            share = mask.double().mean()
            return share * (1 - share) * (one[mask].mean() - one[~mask].mean()) ** 2

        best = max(quality(one >= cut) for cut in one.flatten().unique()[1:])
        assert quality(mask) >= 0.995 * best


def test_largest_part_is_the_one_with_most_cells_and_diagonals_do_not_join():
    mask = torch.tensor([[[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1]]]).bool()

    assert localization.largest_part(mask).int().tolist() == [
        [[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 0, 1]]
    ]


def test_largest_part_of_nothing_is_nothing():
    empty = torch.zeros(2, 3, 3, dtype=torch.bool)

    assert torch.equal(localization.largest_part(empty), empty)


def test_box_of_a_mask_is_tight_and_half_open():
    mask = torch.zeros(2, 5, 6, dtype=torch.bool)
    mask[0, 1:3, 2:6] = True

    assert localization.box_of(mask).tolist() == [[2, 1, 6, 3], [0, 0, 0, 0]]


def test_iou_and_dice_match_hand_computed_overlaps():
    # 4 x 4 and 4 x 2, sharing 2 x 2
    first, second = box(0, 0, 4, 4), box(2, 1, 6, 3)

    assert localization.box_iou(first, second).item() == pytest.approx(4 / 20)
    assert localization.box_dice(first, second).item() == pytest.approx(8 / 24)


def test_boxes_side_by_side_and_empty_boxes_share_nothing():
    true = box(4, 0, 8, 4)

    assert localization.box_iou(box(0, 0, 4, 4), true).item() == 0
    assert localization.box_dice(box(0, 0, 0, 0), true).item() == 0


def test_dice_of_one_image_follows_from_its_iou(generator):
    sides = torch.rand(2, 50, 4, generator=generator).sort(2).values[..., [0, 1, 2, 3]]
    first, second = sides

    iou, dice = localization.box_iou(first, second), localization.box_dice(first, second)

    torch.testing.assert_close(dice, 2 * iou / (1 + iou))


def test_true_box_without_area_is_refused():
    with pytest.raises(ValueError, match="no area"):
        localization.box_iou(box(0, 0, 2, 2), box(1, 1, 1, 3))


def test_mask_iou_matches_hand_count():
    first = torch.tensor([[[1, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]).bool()
    second = torch.tensor([[[0, 1, 1], [1, 0, 0]], [[0, 0, 0], [0, 0, 0]]]).bool()

    assert localization.mask_iou(first, second).tolist() == [0.25, 0]


def test_pointing_asks_for_the_highest_cell_only():
    masks = torch.tensor([[[1, 0], [0, 0]]]).bool().expand(3, 2, 2)
    maps = torch.tensor([[[3.0, 1], [2, 2]], [[1.0, 3], [0, 0]], [[0.0, -1], [-1, -1]]])

    assert localization.pointing(maps, masks).tolist() == [True, False, False]


def test_share_within_is_the_mass_inside_over_all_mass():
    maps = torch.tensor([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]])
    region = torch.tensor([[False, True], [False, True]])

    share = localization.share_within(maps, region)

    assert share[0].item() == pytest.approx(0.6)
    assert share[1].isnan()


def test_entropy_is_zero_for_a_point_and_bits_for_an_even_map():
    point, even = torch.zeros(4, 4), torch.full((4, 4), 7.0)
    point[1, 2] = 3
    half = torch.zeros(4, 4)
    half[0, :2] = 1

    assert localization.entropy(torch.stack([point, even, half])).tolist() == pytest.approx(
        [0, 4, 1]
    )
    assert localization.entropy(torch.zeros(1, 4, 4)).isnan().all()


def test_no_maps_and_no_boxes_give_no_numbers():
    maps, masks, boxes = torch.zeros(0, 4, 5), torch.zeros(0, 4, 5).bool(), torch.zeros(0, 4)

    assert localization.share_within(maps, masks).shape == (0,)
    assert localization.entropy(maps).shape == (0,)
    assert localization.thresholded(maps, 0.2).shape == (0, 4, 5)
    assert localization.otsu(maps).shape == (0, 4, 5)
    assert localization.largest_part(masks).shape == (0, 4, 5)
    assert localization.box_of(masks).shape == (0, 4)
    assert localization.box_iou(boxes, boxes).shape == (0,)
    assert localization.mask_iou(masks, masks).shape == (0,)
    assert localization.pointing(maps, masks).shape == (0,)


def test_boxes_and_their_overlap_are_torchvisions(generator):
    masks = torch.rand(20, 9, 11, generator=generator) > 0.9
    masks = masks[masks.any((1, 2))]
    boxes = localization.box_of(masks)
    theirs = torchvision.ops.masks_to_boxes(masks) + torch.tensor([0, 0, 1, 1])

    assert torch.equal(boxes, theirs)
    torch.testing.assert_close(
        localization.box_iou(boxes, boxes.flip(0)),
        torchvision.ops.box_iou(boxes, boxes.flip(0)).diagonal(),
    )


def test_boxes_apart_in_both_directions_share_nothing():
    assert localization.box_iou(box(0, 0, 1, 1), box(2, 2, 3, 3)).tolist() == [0]
    assert localization.box_dice(box(0, 0, 1, 1), box(2, 2, 3, 3)).tolist() == [0]
