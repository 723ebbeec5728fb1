"""Class activation maps: pure functions of a layer's activations and of the class's gradients.

:func:`record` runs the network once for a batch and gives both; each method then takes
``(activations, gradients)``, (N, K, H, W) each, to maps (N, H, W), at the layer's own resolution
and in the method's own unit. :func:`upsample` and :func:`display_scaled` are steps of their own,
because papers differ on them and because a scale of its own for each map hides how strong it is.
"""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from helpers import data


def record(model: nn.Module, images: Tensor, classes: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    r"""Activations A of a layer, and the gradients :math:`\partial y_c / \partial A` of the logits.

    One forward pass, and one backward pass that ends at the layer: what comes before it builds no
    graph. Images do not mix, so the gradient of the summed logits is each image's own. Parameters
    may be frozen; no hook, no ``.grad`` and no changed mode stays behind.

    Parameters
    ----------
    model
        Takes images to logits (N, classes); it is run in evaluation mode.
    images
        (N, 3, H, W) in [0, 1].
    classes
        The class to explain, one an image, int64 (N,).
    layer
        The layer's name, as in ``dict(model.named_modules())``.

    Returns
    -------
    tuple
        A and its gradients, (N, K, H', W') each, detached.

    Raises
    ------
    ValueError
        If there is no such layer, its output is no map or a map of one cell, or if images, classes
        and logits do not fit each other.
    """
    data.check_unit(images)
    if images.ndim != 4 or classes.shape != images.shape[:1]:
        raise ValueError(
            f"images are {tuple(images.shape)} and classes {tuple(classes.shape)}; expected "
            "(N, 3, H, W) and (N,)"
        )
    module = _layer(model, layer)
    with _evaluating(model), torch.no_grad(), _leaf(module) as kept:
        logits = model(images)  # gradients are on from the layer onwards
        if len(kept) != 1:
            raise ValueError(
                f"layer {layer!r} ran {len(kept)} times; choose one that runs once: "
                f"{_candidates(model)}"
            )
        _check_map(kept[0], layer)
        if not 0 <= int(classes.min()) <= int(classes.max()) < logits.shape[1]:
            raise ValueError(
                f"classes run from {int(classes.min())} to {int(classes.max())}; expected 0 to "
                f"{logits.shape[1] - 1}, the model's logits"
            )
        score = logits.gather(1, classes.to(logits.device)[:, None]).sum()
        if not score.isfinite():
            raise ValueError("the model's logits are not finite; check its weights and the images")
        (gradients,) = torch.autograd.grad(score, kept[0])
    return kept[0].detach(), gradients


def grad_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    r"""Weigh each feature map by its mean gradient, and keep what speaks for the class.

    .. math::
        \alpha_k = \frac{1}{HW} \sum_{ij} \frac{\partial y}{\partial A^k_{ij}},
        \qquad
        L_{ij} = \mathrm{ReLU}\Bigl(\sum_k \alpha_k A^k_{ij}\Bigr)

    Selvaraju et al. 2017, Eqs. 1 and 2; Arya 2024, Eqs. 1 to 3. Here y is the logit, not the
    probability. The map is zero where nothing speaks for the class, so it may be zero everywhere.

    Parameters
    ----------
    activations
        A, the feature maps of the chosen layer, (N, K, H, W).
    gradients
        dy/dA, same shape.

    Returns
    -------
    Tensor
        L, (N, H, W), non-negative, in logits.
    """
    weights = gradients.mean(dim=(2, 3))  # (N, K)
    return torch.einsum("nk,nkhw->nhw", weights, activations).relu()


def grad_cam_plus_plus(activations: Tensor, gradients: Tensor) -> Tensor:
    r"""Weigh each feature map by its positive gradients, less where the map is strong already.

    .. math::
        \alpha^k_{ij} = \frac{g_{ij}^2}{2 g_{ij}^2 + \sum_{ab} A^k_{ab}\, g_{ij}^3},
        \quad
        w_k = \sum_{ij} \alpha^k_{ij}\, \mathrm{ReLU}(g_{ij}),
        \quad
        L_{ij} = \mathrm{ReLU}\Bigl(\sum_k w_k A^k_{ij}\Bigr)

    Chattopadhay et al. 2018, Eqs. 5, 10 and 19, with g the gradient of the logit: the factor
    :math:`e^y` that the paper's score :math:`e^y` brings is the same in a whole map and left out.
    Divided through by :math:`g^2` the weight is :math:`\sum \mathrm{ReLU}(g) / (2 + S_k g)`, which
    is computed here: it has no powers, so it needs no constant against a division by zero.

    Parameters
    ----------
    activations
        A, non-negative, (N, K, H, W).
    gradients
        g, same shape.

    Returns
    -------
    Tensor
        L, (N, H, W), non-negative.

    Raises
    ------
    ValueError
        If an activation is negative: the denominator then crosses zero.
    """
    if activations.numel() and activations.min() < 0:
        raise ValueError(
            f"activations reach {activations.min().item():.3g}; Grad-CAM++ is defined for "
            "non-negative ones: take a layer's output after its ReLU"
        )
    positive = gradients.relu()  # negative gradients add nothing to the weight
    strength = activations.sum((2, 3), keepdim=True)  # (N, K, 1, 1)
    weights = (positive / (2 + strength * positive)).sum((2, 3))  # (N, K)
    return torch.einsum("nk,nkhw->nhw", weights, activations).relu()


def layer_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    r"""Weigh each cell of each feature map by its own gradient, where that is positive.

    .. math:: L_{ij} = \mathrm{ReLU}\Bigl(\sum_k \mathrm{ReLU}(g^k_{ij})\, A^k_{ij}\Bigr)

    Jiang et al. 2021, Eqs. 5 to 7. Ornek & Ceylan's Eq. 5 lost the weights in print and names
    second-order derivatives, which the method does not use. (N, K, H, W) each to (N, H, W).
    """
    return torch.einsum("nkhw,nkhw->nhw", gradients.relu(), activations).relu()


def hires_cam(activations: Tensor, gradients: Tensor) -> Tensor:
    r"""HiResCAM: :math:`\mathrm{ReLU}(\sum_k g^k_{ij} A^k_{ij})`; Draelos & Carin 2020, Eq. 5."""
    return torch.einsum("nkhw,nkhw->nhw", gradients, activations).relu()


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
    matrix = _by_position(activations)
    taken = _without_mean(matrix, 1 if reading == "scores" else 2)
    scores, variances = _principal(taken)
    maps = scores
    if reading == "eigenvectors":
        maps = scores / _or_one(variances.sqrt())[:, None]  # of unit length
    maps = _signed(maps, scores, taken, matrix.mean(2), sign)
    maps = maps * kept_components(variances, components)[:, None]
    return maps.sum(2).unflatten(1, activations.shape[2:])


def full_gradients(model: nn.Module, images: Tensor, classes: Tensor) -> list[Tensor]:
    r"""The logit's full gradient: what the input and what every bias contributes, in logits.

    .. math::
        y_c = \nabla_x y_c^\top x + \sum_l \sum_{kij} \frac{\partial y_c}{\partial z^l_{kij}} b^l_k

    Srinivas & Fleuret 2019, Eq. 3, exact for networks of linear layers, ReLU and max-pooling. The
    terms are those of x, the input of the first convolution, and of the biases of convolutions and
    of BatchNorm (:math:`\beta - \gamma \mu / \sigma`); the biases of fully connected layers, which
    have no place in the image, are left out, as the authors do, and so is what other activations
    (ReLU6, SiLU) add beyond their slope.

    Returns
    -------
    list
        Terms (N, K, H_l, W_l), that of the input first.
    """
    data.check_unit(images)
    terms: list[tuple[Tensor, Tensor | None]] = []
    hooks = []

    def leaf(_module: nn.Module, inputs: tuple) -> tuple:
        if not terms:
            terms.append((inputs[0].detach().requires_grad_(), None))
            return (terms[0][0].clone(), *inputs[1:])
        return inputs

    def keep(bias: Tensor, output: Tensor) -> Tensor:
        terms.append((output, bias))
        return output.clone()  # what follows may work in place

    for module in model.modules():
        bias = _spatial_bias(module)
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_pre_hook(leaf))
        if bias is None:
            continue
        inner = next(module.children(), None)  # timm's BatchNorm holds its activation
        if inner is None:
            hooks.append(module.register_forward_hook(lambda _m, _i, out, b=bias: keep(b, out)))
        else:
            hooks.append(inner.register_forward_pre_hook(lambda _m, i, b=bias: (keep(b, i[0]),)))
    try:
        with _evaluating(model), torch.enable_grad():
            logits = model(images)
            score = logits.gather(1, classes.to(logits.device)[:, None]).sum()
            gradients = torch.autograd.grad(score, [values for values, _ in terms])
    finally:
        for hook in hooks:
            hook.remove()
    return [
        (gradient * (values if bias is None else bias.view(1, -1, 1, 1))).detach()
        for gradient, (values, bias) in zip(gradients, terms, strict=True)
    ]


def full_grad(terms: list[Tensor], size: int | tuple[int, int]) -> Tensor:
    r"""FullGrad: :math:`\sum_l \sum_k \psi(\text{term}^l_k)` (Srinivas & Fleuret 2019, Eq. 6).

    psi takes magnitudes, stretches each term of an image to [0, 1] over all its channels, as the
    authors' code does, and upsamples bilinearly. terms are from :func:`full_gradients`; (N, H, W).
    """
    total = torch.zeros(())
    for term in terms:
        flat = term.abs().flatten(1)
        low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
        scaled = (flat - low) / torch.where(high > low, high - low, 1)
        total = total.to(term) + upsample(scaled.view_as(term).sum(1), size)
    return total


def _spatial_bias(module: nn.Module) -> Tensor | None:
    """What a convolution or BatchNorm adds to each of its maps, (K,), if anything."""
    if isinstance(module, nn.Conv2d):
        return module.bias
    if isinstance(module, nn.BatchNorm2d) and module.track_running_stats:
        shift = module.running_mean / (module.running_var + module.eps).sqrt()
        return module.bias - module.weight * shift if module.affine else -shift
    return None


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


def upsample(maps: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Maps (N, H, W) at another size, bilinearly; cells count by their area, not their centres."""
    size = (size, size) if isinstance(size, int) else size
    return F.interpolate(maps[:, None], size, mode="bilinear", align_corners=False)[:, 0]


def display_scaled(maps: Tensor) -> Tensor:
    """Each map (N, H, W) stretched to [0, 1] by itself, for the eye; a flat map becomes zero."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / torch.where(high > low, high - low, 1)


def _by_position(activations: Tensor) -> Tensor:
    return activations.flatten(2).mT  # (N, K, H, W) to (N, HW, K)


def _without_mean(matrix: Tensor, dim: int) -> Tensor:
    return matrix - matrix.mean(dim, keepdim=True)


def _principal(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Scores (N, P, C) and variances (N, C) of matrices (N, P, K), descending; C = min(P, K).

    One batched eigendecomposition of the smaller Gram matrix, P x P or K x K. Variances are sums of
    squares, not divided by P - 1.
    """
    positions_fewer = matrix.shape[1] <= matrix.shape[2]
    gram = matrix @ matrix.mT if positions_fewer else matrix.mT @ matrix
    values, vectors = torch.linalg.eigh(gram)
    variances, vectors = values.flip(-1).clamp(min=0), vectors.flip(-1)  # largest first
    if positions_fewer:
        return vectors * variances.sqrt()[:, None], variances
    return matrix @ vectors, variances


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


@contextmanager
def output_of(model: nn.Module, layer: str) -> Iterator[list[Tensor]]:
    """Collect what a layer gives while the block runs, with its graph; the hook never outlives it.

    Raises
    ------
    ValueError
        If there is no such layer.
    """
    kept: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        kept.append(output)

    handle = _layer(model, layer).register_forward_hook(keep)
    try:
        yield kept
    finally:
        handle.remove()


@contextmanager
def _leaf(module: nn.Module) -> Iterator[list[Tensor]]:
    """Let the graph start at the module's output; the list holds that output, once a run."""
    kept: list[Tensor] = []

    def start(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor | None:
        if not isinstance(output, Tensor):
            return None  # e.g. an attention layer's pair; refused as no map
        torch.set_grad_enabled(True)  # until the caller's no_grad block ends
        kept.append(output.detach().requires_grad_())
        return kept[-1].clone()  # what follows may work in place

    handle = module.register_forward_hook(start)
    try:
        yield kept
    finally:
        handle.remove()


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _layer(model: nn.Module, name: str) -> nn.Module:
    layers = dict(model.named_modules())
    if name in layers:
        return layers[name]
    near = difflib.get_close_matches(name, layers, n=3, cutoff=0.4)
    raise ValueError(
        f"there is no layer {name!r}; near it: {', '.join(near) or 'none'}. "
        f"The convolutions: {_candidates(model)}"
    )


def _candidates(model: nn.Module) -> str:
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    return ", ".join(names if len(names) <= 8 else [*names[:3], "...", *names[-4:]])


def _check_map(activations: Tensor, layer: str) -> None:
    shape = tuple(activations.shape)
    if activations.ndim != 4:
        raise ValueError(f"layer {layer!r} gives {shape}; expected maps (N, K, H, W)")
    if shape[2:] == (1, 1):
        raise ValueError(
            f"layer {layer!r} gives a map of one cell, so every explanation of it is flat; "
            "enlarge the images or choose an earlier layer"
        )
