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


def test_components_of_float32_are_as_exact_as_float32_allows(generator):
    """A Gram matrix squares the range: in float32 a component 1e-4 as long as the first is lost."""
    positions, filters = 49, 12
    left, _ = np.linalg.qr(torch.randn(positions, filters, generator=generator).double().numpy())
    right, _ = np.linalg.qr(torch.randn(filters, filters, generator=generator).double().numpy())
    sizes = np.array([1000.0, 0.1, *[0.01] * (filters - 2)])
    matrix = torch.from_numpy(left * sizes @ right.T).float()

    _, variances = pca_cams._principal(matrix[None])

    assert variances.dtype == torch.float32
    np.testing.assert_allclose(variances[0, :2].sqrt(), sizes[:2], rtol=1e-3)
