"""Principal components of activations against NumPy's singular values."""

import numpy as np
import pytest
import torch

from helpers.papers import pca_cams


@pytest.mark.parametrize(("filters", "height"), [(6, 2), (3, 4)])
def test_eigen_cam_is_as_long_as_the_first_singular_value(filters, height, generator):
    """With fewer positions than filters and with more: U_1 s_1 of the matrix of positions."""
    activations = torch.rand(2, filters, height, 2, generator=generator, dtype=torch.float64)

    found = pca_cams.eigen_cam(activations, activations).flatten(1)

    for image, values in zip(found, activations.flatten(2).mT, strict=True):
        left, sizes, _ = np.linalg.svd(values.numpy(), full_matrices=False)
        np.testing.assert_allclose(image.abs(), np.abs(left[:, 0] * sizes[0]), rtol=1e-9)
