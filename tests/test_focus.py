"""Focus by hand and against SciPy; focus beside overlap."""

import numpy as np
import pytest
import torch
from scipy import stats

from helpers.measures import focus


def maps(*rows):
    return torch.tensor([[row] for row in rows], dtype=torch.float64)


def test_half_of_the_mass_by_hand():
    values = maps([1, 1, 1, 1], [4, 0, 0, 0], [3, 1, 0, 0], [0, 0, 0, 0], [2, 2, 3, 1])

    found = focus.half_of_mass(values)

    # two of four; half of one; 2/3 of one; none; the 3 and half of a 2
    assert found[:3].tolist() == pytest.approx([50, 12.5, 100 * 2 / 3 / 4])
    assert found[3].isnan()
    assert found[4].item() == pytest.approx(100 * 1.5 / 4)


def test_effective_cells_by_hand():
    found = focus.effective_cells(maps([1, 1, 1, 1], [7, 0, 0, 0], [2, 2, 0, 0], [0, 0, 0, 0]))

    assert found[:3].tolist() == pytest.approx([100, 25, 50])
    assert found[3].isnan()


def test_cells_above_a_threshold_by_hand():
    found = focus.above_threshold(maps([10, 2, 1.9, 0], [0, 0, 0, 0]))

    assert found[0] == 50
    assert found[1].isnan()


def test_no_form_depends_on_a_maps_scale(generator):
    values = torch.rand(5, 3, 4, generator=generator, dtype=torch.float64) - 0.3

    torch.testing.assert_close(focus.forms(values), focus.forms(values * 7))


def test_the_forms_are_of_what_is_positive_and_of_the_stretched_map():
    values = maps([-1, 0, 1, 0])

    found = dict(zip(focus.FORMS, focus.forms(values)[0].tolist(), strict=True))

    assert found["half of the mass", "maximum"] == pytest.approx(12.5)  # 0 0 1 0
    assert found["half of the mass", "range"] == pytest.approx(25)  # 0 .5 1 .5
    assert found["above a threshold", "range"] == 75


def test_negative_maps_are_refused():
    with pytest.raises(ValueError, match="non-negative"):
        focus.half_of_mass(maps([-1.0, 2]))


def test_the_smaller_area_with_the_larger_overlap_counts_as_agreement():
    areas = torch.tensor([[1.0, 2, 3], [1, 2, 3], [1, torch.nan, 3], [1, 2, 3]])
    overlaps = torch.tensor([[0.3, 0.2, 0.1], [0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2, 0.2, 0.2]])

    found = focus.within_images(areas, overlaps)

    assert found[:2].tolist() == [1, -1]
    assert found[2:].isnan().all()


def test_the_mean_of_the_images_parts_is_the_mean_rank_correlation(generator):
    areas, overlaps = torch.rand(2, 30, 4, generator=generator)
    overlaps = (overlaps * 5).round()  # with ties

    found = focus.over_images(areas, overlaps)

    expected = np.mean([stats.spearmanr(-areas[:, m], overlaps[:, m]).statistic for m in range(4)])
    assert found.mean().item() == pytest.approx(expected)


def test_an_image_without_an_area_is_left_out_and_a_constant_map_adds_nothing():
    areas = torch.tensor([[1.0, 5], [2, 5], [torch.nan, 5], [3, 5]])
    overlaps = torch.tensor([[0.3, 0.1], [0.2, 0.2], [0.9, 0.9], [0.1, 0.3]])

    found = focus.over_images(areas, overlaps)

    assert found[2].isnan()
    assert found[[0, 1, 3]].mean().item() == pytest.approx(0.5)  # 1 and 0
