"""Other readings of HayCAM and HayCAM+ against scikit-learn's PCA and against their parts."""

import numpy as np
import torch
from sklearn.decomposition import PCA

from helpers.papers import pca_cams, pca_readings


def pair(generator, filters=6, height=3, width=2):
    shape = (3, filters, height, width)
    draws = torch.rand(2, *shape, generator=generator, dtype=torch.float64)
    return draws[0], draws[1] - 0.5


def test_transformed_weights_are_those_of_scikit_learns_transform(generator):
    activations, gradients = pair(generator)

    found = pca_readings.haycam_transformed(activations, gradients, components=2)

    for image, values, slopes in zip(found, activations, gradients, strict=True):
        positions = values.flatten(1).T.numpy()
        fitted = PCA(2).fit(positions)
        weights = fitted.transform(slopes.mean((1, 2)).numpy()[None])[0]
        expected = (fitted.transform(positions) * weights).sum(1)
        np.testing.assert_allclose(image.flatten(), expected, rtol=1e-9, atol=1e-12)


def test_the_two_projections_are_one_where_the_filters_have_mean_zero(generator):
    activations, gradients = pair(generator)
    centered = activations - activations.mean((2, 3), keepdim=True)

    both = (
        pca_readings.haycam_transformed(centered, gradients),
        pca_cams.haycam(centered, gradients),
    )

    torch.testing.assert_close(*both, rtol=1e-10, atol=1e-12)


def test_haycam_with_all_components_is_signed_grad_cam_less_its_mean(generator):
    activations, gradients = pair(generator)
    signed = pca_readings.signed_grad_cam(activations, gradients)

    found = pca_cams.haycam(activations, gradients, components=1.0)

    torch.testing.assert_close(found, signed - signed.mean((1, 2), keepdim=True))


def test_signed_grad_cam_is_grad_cam_where_it_is_positive(generator):
    activations, gradients = pair(generator)
    signed = pca_readings.signed_grad_cam(activations, gradients)

    assert (signed < 0).any()
    expected = torch.stack(
        [
            (w[:, None, None] * a).sum(0)
            for w, a in zip(gradients.mean((2, 3)), activations, strict=True)
        ]
    )
    torch.testing.assert_close(signed, expected)


def test_removed_components_are_the_last_ones_of_scikit_learns_pca(generator):
    activations, _ = pair(generator)

    found = pca_readings.removed_components(activations, components=2)

    for image, values in zip(found, activations, strict=True):
        scores = PCA().fit_transform(values.flatten(1).T.numpy())[:, 2:]
        largest = scores[np.abs(scores).argmax(0), np.arange(scores.shape[1])]
        kept = np.abs(scores).max(0) > 1e-9  # a component without variance has no sign
        expected = (scores * np.sign(largest))[:, kept].sum(1)
        np.testing.assert_allclose(image.flatten(), expected, atol=1e-7)  # root of the rounding


def test_nothing_is_removed_where_all_components_are_kept(generator):
    activations, _ = pair(generator)

    assert pca_readings.removed_components(activations, components=1.0).abs().max() == 0


def test_centered_components_have_no_part_in_the_logit_of_a_pooling_head(generator):
    """Each component sums to zero over the positions, and such a head sees sums alone."""
    activations, _ = pair(generator)
    for components in (1, 2, 0.9, 1.0):  # the last ones have no variance but its rounding
        maps = pca_cams.haycam_plus(activations, components=components)

        torch.testing.assert_close(
            maps.sum((1, 2)), torch.zeros(3, dtype=torch.float64), atol=1e-6, rtol=0
        )
