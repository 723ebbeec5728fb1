"""Maps of a small network in all readings, against the same made one by one."""

import pytest
import torch
from torch import nn

from helpers.inputs import conversion
from helpers.measures import focus, localization, map_boxes
from helpers.papers import cams, pca_cams, pca_readings
from helpers.trials import mask_maps

LAYER, SIDE, COUNT = "1", 16, 5
NAMES = ["Grad-CAM", "Grad-CAM++", "LayerCAM", "EigenCAM", *["HayCAM"] * 2, *["HayCAM+"] * 6]


@pytest.fixture
def network():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 6, 4, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(6, 2)).requires_grad_(False).eval()


@pytest.fixture
def faces(generator):
    """Pixels, true boxes, masks."""
    pixels = torch.randint(256, (COUNT, 3, SIDE, SIDE), generator=generator, dtype=torch.uint8)
    masks = torch.zeros(COUNT, SIDE, SIDE, dtype=torch.bool)
    masks[:, 6:13, 3:12] = True
    return pixels, localization.box_of(masks), masks


ONES, ZEROS = torch.ones(COUNT, dtype=torch.int64), torch.zeros(COUNT, dtype=torch.int64)


@pytest.fixture
def found(network, faces):
    return mask_maps.measured(network, *faces, ONES, ZEROS, LAYER, 0.9)


def recorded(network, pixels, classes):
    return cams.record(network, conversion.to_unit(pixels), classes, LAYER)


def test_main_readings_come_first_of_each_method():
    variants = mask_maps.variants(0.9)

    assert [variant.method for variant in variants] == NAMES
    first = [variants[NAMES.index(name)] for name in dict.fromkeys(NAMES)]
    assert all(mask_maps.is_main(variant.choices) for variant in first)
    assert sum(mask_maps.is_main(variant.choices) for variant in variants) == 6


def test_each_map_is_that_of_its_method(network, faces, found):
    activations, gradients = recorded(network, faces[0], ONES)

    for name, function in (
        ("Grad-CAM", cams.grad_cam), ("HayCAM", pca_cams.haycam), ("HayCAM+", pca_cams.haycam_plus)
    ):  # fmt: skip
        expected = function(activations, gradients)
        torch.testing.assert_close(found["maps"][NAMES.index(name)], expected)
    expected = pca_readings.haycam_transformed(activations, gradients)
    torch.testing.assert_close(found["maps"][NAMES.index("HayCAM") + 1], expected)


def test_overlaps_focus_and_hits_are_those_of_the_maps(faces, found):
    _, boxes, masks = faces
    for number, maps in enumerate(found["maps"]):
        large = cams.upsample(maps, SIDE)
        torch.testing.assert_close(found["iou"][number], map_boxes.ious(large, boxes))
        torch.testing.assert_close(found["focus"][number], focus.forms(maps), equal_nan=True)
        assert torch.equal(found["hits"][number], localization.pointing(large, masks).float())


def test_focus_is_related_to_the_overlap_of_the_same_scale_and_to_every_threshold(found):
    main = [NAMES.index(name) for name in dict.fromkeys(NAMES)]
    areas, overlaps = found["focus"][main], found["iou"][main]

    for form, (measure, scale) in enumerate(focus.FORMS):
        for rule, (of, cut) in enumerate(map_boxes.RULES):
            if of != scale:
                continue
            place = (
                focus.MEASURES.index(measure),
                map_boxes.SCALES.index(scale),
                [c for s, c in map_boxes.RULES if s == scale].index(cut),
            )
            for over, function in enumerate(mask_maps.OVER.values()):
                torch.testing.assert_close(
                    found["relation"][over, *place],
                    function(areas[:, :, form].mT, overlaps[:, :, rule].mT),
                    equal_nan=True,
                )


def test_maps_of_both_classes_are_opposite_where_their_weights_are(network, faces):
    """With logits w and -w the maps of the two classes are the negative of each other."""
    network[-1].weight[0] = -network[-1].weight[1]

    found = mask_maps.measured(network, *faces, ONES, ZEROS, LAYER, 0.9)

    torch.testing.assert_close(found["alike"][0], -torch.ones(COUNT))
    torch.testing.assert_close(found["alike"][1], -torch.ones(COUNT))
    assert (found["alike"][2] > -0.999).any()  # which takes the means off both weights


def test_kept_and_removed_components_are_held_against_the_mask(network, faces, found):
    pixels, _, masks = faces
    activations, _ = recorded(network, pixels, ONES)
    kept = pca_cams.haycam_plus(activations, components=0.9)
    removed = pca_cams.haycam_plus(activations, components=1.0) - kept

    shares = [
        100 * localization.share_within(cams.upsample(maps, SIDE).clamp(min=0), masks)
        for maps in (kept, removed)
    ]

    assert found["kept"].shape == (3, COUNT)
    torch.testing.assert_close(found["kept"][0], shares[0] - shares[1], rtol=1e-3, atol=1e-3)


def test_without_known_pixels_only_boxes_are_measured(network, faces):
    pixels, boxes, _ = faces

    found = mask_maps.measured(network, pixels, boxes, None, ONES, ZEROS, LAYER, 0.9)

    assert {*found} == {"maps", "alike", "iou", "focus", "relation"}


def test_correlation_by_hand_and_of_a_flat_map():
    maps = torch.tensor([[[1.0, 2, 3]], [[1.0, 2, 3]], [[1.0, 1, 1]]])
    others = torch.tensor([[[2.0, 4, 6]], [[3.0, 2, 1]], [[1.0, 2, 3]]])

    found = mask_maps.correlation(maps, others)

    assert found[:2].tolist() == pytest.approx([1, -1])
    assert found[2].isnan()
