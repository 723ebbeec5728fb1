"""What a user's method may give: read where there is one reading, refused by name elsewhere."""

import re

import numpy as np
import pytest
import torch

from helpers.trials import map_forms, remarks

IMAGES = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
MAPS = IMAGES.mean(1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (MAPS.clone(), None),
        (MAPS.clone().requires_grad_() * 1, None),
        (torch.nn.Parameter(MAPS.clone()), None),
        (MAPS.double(), None),
        (MAPS.numpy(), "it gives a NumPy array"),
        (MAPS.numpy().astype(np.longdouble), "it gives a NumPy array"),
        (MAPS.numpy().astype(">f4"), "it gives a NumPy array"),
        (MAPS.numpy()[:, ::-1, ::-1][:, ::-1, ::-1], "it gives a NumPy array"),
        (np.ma.array(MAPS.numpy()), "it gives a NumPy array"),
        (MAPS.tolist(), "it gives a list"),
        (list(MAPS), "it gives a list"),
        (tuple(MAPS.requires_grad_(False).numpy()), "it gives a tuple"),
        (MAPS[:, None], "taken as (N, H, W)"),
        (MAPS.numpy()[..., None], "taken as (N, H, W)"),
        (MAPS.to_sparse(), "sparse"),
        (MAPS * 1e35, "divided by it"),
        (MAPS.double() * 1e-200, "divided by it"),
    ],
)
def test_maps_of_one_reading_are_taken_and_it_is_said(given, said):
    with remarks.collected() as found:
        maps = map_forms.as_maps(given, IMAGES)

    assert maps.dtype == torch.float32
    assert not maps.requires_grad
    assert torch.allclose(maps / maps.max(), MAPS / MAPS.max(), atol=1e-6)
    assert (said is None and not found) or any(said in remark for remark in found)


def test_true_and_false_whole_numbers_and_half_precision_are_numbers():
    mask = MAPS > 0.5

    assert torch.equal(map_forms.as_maps(mask, IMAGES), mask.float())
    assert torch.equal(map_forms.as_maps(mask.numpy(), IMAGES), mask.float())
    for kind in (torch.uint8, torch.int64, torch.float16, torch.bfloat16):
        assert torch.equal(map_forms.as_maps(mask.to(kind), IMAGES), mask.float())
    assert torch.equal(map_forms.as_maps(mask.numpy().astype(np.uint32), IMAGES), mask.float())


def test_one_image_may_have_a_map_without_its_own_dimension():
    assert torch.equal(map_forms.as_maps(MAPS[0], IMAGES[:1]), MAPS[:1])
    assert torch.equal(map_forms.as_maps(MAPS[0].tolist(), IMAGES[:1]), MAPS[:1])


@pytest.mark.parametrize("small", [torch.arange(8.0).view(2, 2, 2), torch.zeros(2, 1, 4, 4)])
def test_small_maps_are_enlarged_and_it_is_said(small):
    with remarks.collected() as found:
        maps = map_forms.as_maps(small, IMAGES)

    assert maps.shape == (2, 8, 8)
    assert maps.mean((1, 2)).tolist() == pytest.approx(small.float().flatten(1).mean(1).tolist())
    assert any("enlarged bilinearly to 8 x 8" in remark for remark in found)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (IMAGES, "reduce colors to one number"),
        (IMAGES.permute(0, 2, 3, 1).numpy(), "reduce colors to one number"),
        (MAPS[0], "gave (8, 8); expected (2, 8, 8)"),
        (MAPS[:1], "gave (1, 8, 8); expected (2, 8, 8)"),
        (MAPS.flatten(1), "gave (2, 64); expected (2, 8, 8)"),
        (torch.rand(2, 16, 16), "only smaller ones of the same proportions"),
        (torch.rand(2, 4, 2), "only smaller ones of the same proportions"),
        (torch.rand(2, 0, 0), "only smaller ones"),
        (MAPS.to(torch.complex64), "complex numbers"),
        (MAPS.numpy().astype(complex), "complex numbers"),
        (MAPS.to("meta"), "meta"),
        (None, "gave NoneType"),
        ({"maps": MAPS}, "gave dict"),
        (iter(MAPS), "expected a tensor"),
        ((MAPS, MAPS, MAPS), "a tuple of 3"),
        ((MAPS, MAPS.sum()), "a tuple of 2"),
        ([], "a list of 0"),
        ([MAPS[0], None], "a list of 2|of object"),
        (np.array(["a", "b"]), "expected numbers"),
        (np.ma.array(MAPS.numpy(), mask=MAPS.numpy() > 0.5), "masked array with holes"),
        (torch.where(MAPS.sigmoid() < 0.6, MAPS, torch.nan), "NaN or infinite values in"),
        (np.where(MAPS.numpy() < 0.5, MAPS.numpy(), np.inf), "NaN or infinite values in"),
        (1 + 1e-10 * MAPS.double(), "differ too little for float32"),
    ],
)
def test_what_has_no_reading_or_several_is_refused_by_name(given, words):
    with pytest.raises(ValueError, match="|".join(map(re.escape, words.split("|")))):
        map_forms.as_maps(given, IMAGES)


def test_maps_do_not_share_the_methods_memory():
    buffer = MAPS.clone()
    maps = map_forms.as_maps(buffer, IMAGES)
    buffer.zero_()

    assert torch.equal(maps, MAPS)


def test_remarks_are_collected_once_and_only_where_somebody_collects():
    remarks.add("lost")
    with remarks.collected() as found:
        remarks.add("kept")
        remarks.add("kept")

    assert found == ["kept"]
