import torch

from helpers.measures import sobel


def test_edges_of_a_step_lie_at_the_step():
    image = torch.zeros(1, 1, 4, 6)
    image[..., 3:] = 1

    found = sobel.edge_magnitude(image)

    assert found[0, 0, 1].tolist() == [0, 0, 4, 4, 0, 0]  # 1 + 2 + 1 across the step


def test_a_flat_image_has_no_edges_not_even_at_its_border():
    assert sobel.edge_magnitude(torch.full((2, 3, 5, 5), 0.7)).abs().max() < 1e-6
