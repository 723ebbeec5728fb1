"""Activation maps from principal components: EigenCAM, HayCAM, HayCAM+ (Ornek & Ceylan 2024)."""

import torch
from torch import Tensor

from helpers.papers import checks


def eigen_cam(
    activations: Tensor,
    gradients: Tensor | None = None,
    *,
    centered: bool = False,
    sign: str = "largest_position",
) -> Tensor:
    r"""Project the activations onto the direction in which they are strongest.

    .. math:: A = U \Sigma V^\top, \qquad L = A V_1

    Muhammad & Yeasin 2020; Ornek & Ceylan 2024, Eqs. 6 and 7, with A the matrix of positions by
    filters. The class plays no part. The decomposition leaves the sign open, see :data:`SIGNS`;
    non-negative activations have a projection of one sign, which all but ``raw`` make positive.

    Parameters
    ----------
    activations
        A, (N, K, H, W).
    gradients
        Not used.
    centered
        Take each filter's mean off first, as pytorch-grad-cam does and the paper does not.
    sign
        One of :data:`SIGNS`.

    Returns
    -------
    Tensor
        L, (N, H, W), of both signs if centered, in units of the activations.
    """
    checks.check_maps(activations, "activations")
    matrix = _by_position(activations)
    taken = _without_mean(matrix, 1) if centered else matrix
    scores, _ = _principal(taken)
    chosen = _signed(scores, scores, taken, matrix.mean(2), sign)[..., 0]  # (N, HW)
    return chosen.unflatten(1, activations.shape[2:])


def haycam(activations: Tensor, gradients: Tensor, *, components: int | float = 0.9) -> Tensor:
    r"""Grad-CAM in the space of the feature maps' first principal components.

    .. math::
        (w', A') = \mathrm{PCA}(w, A), \quad w_p = \frac{1}{N} \sum_{jk} g^p_{jk},
        \qquad L = \sum_p w'_p A'_p

    Ornek & Ceylan 2024, Eqs. 8 and 9. Positions are the samples and filters the features of the
    PCA; each filter's mean is taken off A, and w is projected as it is. A component's sign cancels
    in :math:`w'_p A'_p`. With all components the map is Grad-CAM of centered activations, before
    its ReLU. The paper gives no number of components; the default is the rule of HayCAM+.

    Parameters
    ----------
    activations
        A, (N, K, H, W).
    gradients
        dy/dA, same shape.
    components
        A number of components, or the share of the variance they must exceed.

    Returns
    -------
    Tensor
        L, (N, H, W), of both signs, in logits.

    Raises
    ------
    ValueError
        If the number of components or the share is out of range.
    """
    checks.check_pair(activations, gradients)
    matrix = _without_mean(_by_position(activations), 1)
    scores, variances = _principal(matrix)
    along = torch.einsum("npk,nk->np", matrix, gradients.mean(dim=(2, 3)))
    weights = torch.einsum("npc,np->nc", scores, along) / _or_one(variances)  # w', as V = A' U / S
    weights = weights * kept_components(variances, components)
    return torch.einsum("npc,nc->np", scores, weights).unflatten(1, activations.shape[2:])


def haycam_plus(
    activations: Tensor,
    gradients: Tensor | None = None,
    *,
    components: int | float = 0.9,
    sign: str = "largest_position",
    reading: str = "scores",
) -> Tensor:
    r"""Add up the first principal components of the feature maps; no class and no gradient.

    .. math:: A' = \mathrm{PCA}(A), \qquad L = \sum_p A'_p

    Ornek & Ceylan 2024, Eqs. 12 and 13, Algorithms 1 and 2. The text leaves two things open that
    change the map. The *reading*: with 512 filters of 49 positions, "the sum over axis 1" gives 49
    numbers either as the sum of the components' ``scores`` (positions are samples, each filter's
    mean is taken off; as in HayCAM and EigenCAM) or as the sum of the ``eigenvectors`` themselves
    (filters are samples, the mean filter is taken off). And the *sign* of every component.

    Parameters
    ----------
    activations
        A, (N, K, H, W).
    gradients
        Not used.
    components
        A number of components, or the share of the variance that they must exceed (Algorithm 1).
    sign
        One of :data:`SIGNS`.
    reading
        "scores" or "eigenvectors".

    Returns
    -------
    Tensor
        L, (N, H, W), of both signs; with "eigenvectors" it has no unit.

    Raises
    ------
    ValueError
        If components, sign or reading is not one of those.
    """
    if reading not in ("scores", "eigenvectors"):
        raise ValueError(f"reading is {reading!r}; expected 'scores' or 'eigenvectors'")
    checks.check_maps(activations, "activations")
    matrix = _by_position(activations)
    taken = _without_mean(matrix, 1 if reading == "scores" else 2)
    scores, variances = _principal(taken)
    maps = scores
    if reading == "eigenvectors":
        maps = scores / _or_one(variances.sqrt())[:, None]  # of unit length
    maps = _signed(maps, scores, taken, matrix.mean(2), sign)
    maps = maps * kept_components(variances, components)[:, None]
    return maps.sum(2).unflatten(1, activations.shape[2:])


SIGNS = {
    "largest_position": "the position of largest magnitude is positive: scikit-learn's PCA before "
    "1.5, and pytorch-grad-cam's sign correction",
    "largest_filter": "the filter of largest magnitude is positive: scikit-learn's PCA from 1.5 on",
    "activation": "the component goes with the mean activation rather than against it",
    "raw": "as the decomposition gives it, which may differ between machines",
}  # of a principal component, whose sign its definition leaves open (reading "scores")


def kept_components(variances: Tensor, components: int | float) -> Tensor:
    """Which components count, bool (N, C): a fixed number, or Algorithm 1's share of the variance.

    Variances (N, C) descend. With a share s, components are added until their part of the total
    exceeds s (Ornek & Ceylan 2024, Algorithm 1, s = 0.9).

    Raises
    ------
    ValueError
        If the number is not in 1 to C, or the share not in (0, 1].
    """
    count = variances.shape[-1]
    if isinstance(components, bool):
        raise ValueError(f"components is {components}; expected a number or a share")
    if isinstance(components, int):
        if not 1 <= components <= count:
            raise ValueError(
                f"components is {components}; expected 1 to {count}, as many as there are, or a "
                "share of the variance below 1"
            )
        first = torch.arange(count, device=variances.device) < components
        return first.expand_as(variances)
    if not 0 < components <= 1:
        raise ValueError(f"components is {components}; expected a share of the variance in (0, 1]")
    total = variances.sum(-1, keepdim=True)
    share = variances / torch.where(total > 0, total, 1)
    return share.cumsum(-1) - share <= components


def _by_position(activations: Tensor) -> Tensor:
    return activations.flatten(2).mT  # (N, K, H, W) to (N, HW, K)


def _without_mean(matrix: Tensor, dim: int) -> Tensor:
    return matrix - matrix.mean(dim, keepdim=True)


def _principal(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (N, P, C) and variances (N, C) of matrices (N, P, K), descending; C = min(P, K).

    One batched eigendecomposition of the smaller Gram matrix, P x P or K x K, in float64: a Gram
    matrix squares the range of values, and in float32 LAPACK sometimes ended with NaN. Variances
    are sums of squares, not divided by P - 1.
    """
    kind, matrix = matrix.dtype, matrix.double()
    positions_fewer = matrix.shape[1] <= matrix.shape[2]
    gram = matrix @ matrix.mT if positions_fewer else matrix.mT @ matrix
    values, vectors = torch.linalg.eigh(gram)
    variances, vectors = values.flip(-1).clamp(min=0), vectors.flip(-1)  # largest first
    if positions_fewer:
        return (vectors * variances.sqrt()[:, None]).to(kind), variances.to(kind)
    return (matrix @ vectors).to(kind), variances.to(kind)


def _or_one(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, 1)


def _signed(maps: Tensor, scores: Tensor, matrix: Tensor, mean: Tensor, sign: str) -> Tensor:
    """Turn each component's map (N, P, C) by a convention; mean is the mean activation (N, P).

    The loadings that ``largest_filter`` asks for are matrix' times scores, up to a positive factor.
    """
    if sign not in SIGNS:
        raise ValueError(f"sign is {sign!r}; expected one of {', '.join(SIGNS)}")
    if sign == "raw":
        return maps
    if sign == "activation":
        turn = torch.einsum("npc,np->nc", maps, mean)
    else:
        source = maps if sign == "largest_position" else matrix.mT @ scores
        turn = source.gather(1, source.abs().argmax(1, keepdim=True))[:, 0]
    return maps * torch.where(turn < 0, -1, 1)[:, None]
