import numpy as np
import pytest
from matplotlib._pylab_helpers import Gcf

from helpers.report import figures, theme


def grid(*pictures, vmax=1.0):
    labels = [str(number) for number in range(len(pictures))]
    return figures.heatmap_grid(
        [list(pictures)], row_labels=["row"], column_labels=labels, vmax=vmax, cell=8
    )


INSIDE = (
    2 * figures.GAP + figures._text_width("row") + 4,
    figures.TOP + 4,
)  # a pixel of the first picture of such a grid


def colors(figure):
    return {color for _, color in figure.getcolors(figure.width * figure.height)}


def test_signed_map_is_blue_below_zero_white_at_zero_and_red_above():
    below, zero, above = (grid(np.full((2, 2), value)).getpixel(INSIDE) for value in (-1, 0, 1))

    assert below[2] > below[0]
    assert zero == (247, 247, 247)
    assert above[0] > above[2]


def test_map_beyond_the_scale_takes_the_color_of_its_end():
    inside, beyond = np.full((2, 2), 0.5), np.full((2, 2), 7.0)

    assert grid(inside, vmax=0.5).tobytes() == grid(beyond, vmax=0.5).tobytes()


def test_images_keep_their_colors():
    orange = np.broadcast_to([1.0, 0.6, 0.2], (4, 4, 3))

    assert (255, 153, 51) in colors(grid(orange))


def test_grid_enlarges_pixels_without_mixing_them():
    checks = np.indices((4, 4)).sum(axis=0)[..., None].repeat(3, axis=2) % 2 * np.array([1, 0, 1])

    figure = grid(checks.astype(float))

    assert (128, 0, 128) not in colors(figure)
    assert (255, 0, 255) in colors(figure)


@pytest.mark.parametrize(
    ("picture", "complaint"),
    [(np.full((2, 2, 3), 255.0), "255"), (np.zeros((3, 2, 2, 2)), r"\(3, 2, 2, 2\)")],
)
def test_grid_rejects_what_is_neither_image_nor_map(picture, complaint):
    with pytest.raises(ValueError, match=complaint):
        grid(picture)


def test_grid_rejects_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="expected 2 rows"):
        figures.heatmap_grid([[np.zeros((2, 2))]], row_labels=["a", "b"], column_labels=["c"])


def test_picture_carries_its_description():
    shown = figures.with_alt_text(grid(np.zeros((2, 2))), 'a "flat" map')

    assert 'alt="a &#34;flat&#34; map"' in shown


def test_color_table_of_signed_maps_is_white_at_level_128_and_even_to_both_sides():
    signed, plain = (np.array(figures.color_table(kind)) for kind in (True, False))

    assert signed.shape == plain.shape == (256, 3)
    assert signed[128].tolist() == [247, 247, 247]
    assert signed[255].tolist() == [103, 0, 31]  # RdBu's last red and last blue
    assert signed[1].tolist() == [5, 48, 97]
    assert plain[[0, 255]].tolist() == [[0, 34, 78], [254, 232, 56]]  # cividis


def test_grid_draws_the_colors_of_the_color_table():
    level = grid(np.full((2, 2), 64 / 127)).getpixel(INSIDE)

    assert list(level) == figures.color_table(True)[128 + 64]


def test_grid_draws_greek_letters_each_with_a_shape_of_its_own():
    picture = np.zeros((2, 2))

    drawn = [
        figures.heatmap_grid([[picture]], row_labels=["x"], column_labels=[label]).tobytes()
        for label in ("α", "β", "ε", "a")
    ]

    assert len(set(drawn)) == 4


def test_grid_writes_dollar_signs_as_they_are():
    labels = {"row_labels": ["x"], "column_labels": ["$a$"]}

    assert figures.heatmap_grid([[np.zeros((2, 2))]], **labels).width > 0


def test_grid_is_the_same_in_bytes_each_time_and_leaves_no_figure_open():
    first, second = (theme.as_png(grid(np.eye(4))) for _ in range(2))

    assert first == second
    assert Gcf.figs == {}


def test_grid_is_as_large_as_its_cells_labels_and_scale_need():
    labels = {"row_labels": ["", ""], "column_labels": ["a", "b"]}

    figure = figures.heatmap_grid([[np.eye(2)] * 2] * 2, **labels, cell=100)

    left = 2 * figures.GAP
    assert figure.width == left + 2 * (100 + figures.GAP)
    assert figure.height == figures.TOP + 2 * (100 + figures.GAP) + figures.BOTTOM


@pytest.mark.parametrize("count", [7, 8, 10, 24])
def test_a_grid_is_never_wider_than_the_page_and_keeps_every_picture(count):
    pictures = [np.full((2, 2, 3), (5 * n + 50) / 255) for n in range(count)]  # a grey each
    labels = [f"class {n}" for n in range(count)]

    figure = figures.heatmap_grid(
        [pictures, pictures], row_labels=["image", "map"], column_labels=labels, cell=96
    )

    assert figure.width <= theme.PAGE_WIDTH
    areas = {color: area for area, color in figure.getcolors(figure.width * figure.height)}
    shown = [areas.get((5 * n + 50,) * 3, 0) for n in range(count)]
    assert min(shown) >= 2 * 72**2  # both rows show it, no smaller than three quarters


def test_a_grid_that_fits_the_page_keeps_its_cells_and_one_that_nearly_fits_shrinks_them():
    assert figures._fitted(96, 60, 6, 40) == (96, 6)
    assert figures._fitted(96, 60, 7, 40) == (86, 7)  # (688 - 40) // 7 - 6
    assert figures._fitted(96, 90, 7, 40) == (96, 4)  # labels of 90 pixels do not fit
    assert figures._fitted(96, 60, 10, 40) == (96, 5)


def test_unsigned_maps_run_from_dark_blue_to_yellow_and_captions_take_a_line():
    flat = [[np.zeros((2, 2)), np.ones((2, 2))]]
    labels = {"row_labels": ["a"], "column_labels": ["zero", "one"]}

    figure = figures.heatmap_grid(flat, **labels, signed=False)
    with_captions = figures.heatmap_grid(flat, **labels, signed=False, captions=[["cat", "dog"]])

    drawn = {color for _, color in figure.getcolors(maxcolors=100_000)}
    assert {(0, 34, 78), (254, 232, 56)} <= drawn
    assert with_captions.height > figure.height


def test_a_map_laid_over_an_image_keeps_its_color_and_the_images_lightness():
    image = np.stack([np.array([[0.0, 1.0]])] * 3, axis=-1)
    laid = figures.overlay(image, np.zeros((1, 2)))

    np.testing.assert_allclose(laid[0, 0], 0.6 * np.array([0, 34, 78]) / 255, atol=0.6 / 255)
    np.testing.assert_allclose(laid[0, 1] - laid[0, 0], 0.4)
    with pytest.raises(ValueError, match="expected one height, width"):
        figures.overlay(image, np.zeros((2, 2)))


def test_boxes_are_drawn_at_their_place_and_the_true_one_in_broken_white():
    drawn = figures.draw_boxes(
        np.full((8, 8, 3), 0.5), np.array([0, 0, 4, 4]), np.array([2, 2, 7, 7]), cell=64
    )

    orange = [0xD5 / 255, 0x5E / 255, 0]
    assert drawn[1, 10] == pytest.approx(orange, abs=0.01)
    assert drawn[30, 10] == pytest.approx(orange, abs=0.01)
    assert drawn[60, 60] == pytest.approx([0.5] * 3, abs=0.01)
    white = (drawn[55, 16:56].min(axis=1) > 0.9).sum()  # of 40 pixels along its lower side
    assert 8 < white < 32


def test_box_without_an_area_is_not_drawn():
    black = np.zeros((8, 8, 3))
    drawn = figures.draw_boxes(black, np.zeros(4), np.array([2, 2, 6, 6]), cell=64)

    assert drawn.max() == 1
    assert (drawn == drawn[:, :, :1]).all()  # black to white, nothing of the other box's orange
