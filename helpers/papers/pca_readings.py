"""Other readings of HayCAM's and HayCAM+'s PCA (Ornek & Ceylan 2024), and what it leaves out."""

from torch import Tensor

from helpers.papers import checks, pca_cams


def haycam_transformed(
    activations: Tensor, gradients: Tensor, *, components: int | float = 0.9
) -> Tensor:
    r"""HayCAM with the weights projected as an observation is: less the filters' means.

    .. math:: w' = V^\top (w - \bar A), \qquad L = \sum_p w'_p A'_p

    Ornek & Ceylan 2024, Eqs. 8 and 9, read so that "PCA(w, A)" is one fit to A and one transform,
    such as scikit-learn's, of both: a transform takes the filters' means :math:`\bar A` (K,) off
    first. Gradients and activations have no common unit, so that the map depends on their scales.

    Parameters
    ----------
    activations
        A, (N, K, H, W).
    gradients
        dy/dA, same shape.
    components
        As in :func:`helpers.papers.pca_cams.haycam`.

    Returns
    -------
    Tensor
        L, (N, H, W), of both signs.

    Raises
    ------
    ValueError
        If the two are no finite maps of one shape, or the number of components is out of range.
    """
    checks.check_pair(activations, gradients)
    less = gradients - activations.mean((2, 3), keepdim=True)  # its mean is w less the filters'
    return pca_cams.haycam(activations, less, components=components)


def signed_grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    r"""Grad-CAM before its ReLU: what HayCAM is with all components, but for its mean.

    .. math:: L = \sum_p w_p A^p

    Ornek & Ceylan 2024, Eqs. 1 and 3. (N, K, H, W) each to (N, H, W), in logits.

    Raises
    ------
    ValueError
        If the two are no finite maps of one shape.
    """
    checks.check_pair(activations, gradients)
    return (gradients.mean((2, 3), keepdim=True) * activations).sum(1)


def removed_components(
    activations: Tensor, *, components: int | float = 0.9, sign: str = "largest_position"
) -> Tensor:
    r"""The sum of the components that HayCAM+ leaves out.

    .. math:: L = \sum_{p > n} A'_p

    Ornek & Ceylan 2024, Eq. 13 and Algorithm 1, the other way round: HayCAM+ and this map add up
    to the sum of all components. (N, K, H, W) to (N, H, W), zero where all are kept.

    Parameters
    ----------
    activations
        A, (N, K, H, W).
    components, sign
        As in :func:`helpers.papers.pca_cams.haycam_plus`.
    """
    every, kept = (
        pca_cams.haycam_plus(activations, components=number, sign=sign)
        for number in (1.0, components)
    )
    return every - kept
