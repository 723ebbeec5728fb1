"""Which layer activation maps look at: the last whose output is a grid over the image.

Convolutional networks give maps (N, K, H, W), some transformers (N, H, W, K), others tokens
(N, T, K), which stand row by row behind a class token and registers. Left out are attention maps,
class maps (as many channels as classes, and no weights after them), and outputs of whose cells the
logits do not depend, such as a last norm of which only the class token is used.
"""

from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from helpers.inputs import classifiers
from helpers.papers import cams, checks
from helpers.saliency import contract, network_graph

CHOSEN = "cam_layer"  # the attribute of a network that names its layer, if anybody chose one
MAPS, CHANNELS_LAST, TOKENS = "maps", "channels last", "tokens"
TRIED = 12  # layers from the end whose cells are looked for in the image
EXTRA_TOKENS = (0, 1, 2, 4, 5, 8)  # a class token, one of distillation, registers


class FeatureLayer(NamedTuple):
    """A layer whose output is a grid over the image, and how to read it as maps."""

    name: str
    layout: str
    grid: tuple[int, int]  # rows and columns
    channels: int

    def maps(self, output: Tensor) -> Tensor:
        """The layer's output as maps (N, K, H, W): tokens laid out, channels in second place."""
        if self.layout == MAPS:
            return output
        if self.layout == CHANNELS_LAST:
            return output.permute(0, 3, 1, 2)
        rows, columns = self.grid
        cells = output[:, output.shape[1] - rows * columns :]  # behind the class token
        return cells.transpose(1, 2).unflatten(2, self.grid)

    def told(self) -> str:
        """The layer in words."""
        rows, columns = self.grid
        how = {MAPS: "", CHANNELS_LAST: ", channels last", TOKENS: ", from tokens"}[self.layout]
        return f"{self.name} ({self.channels} maps of {rows} x {columns}{how})"


class _Seen(NamedTuple):
    """What a module gave for one image."""

    layer: FeatureLayer
    output: Tensor
    module: nn.Module
    position: int  # in the order in which modules end


_FOUND: WeakKeyDictionary[nn.Module, dict[tuple, FeatureLayer]] = WeakKeyDictionary()


def find(model: nn.Module, images: Tensor) -> FeatureLayer:
    """The layer of a network that activation maps look at, for images (N, 3, H, W).

    That is the one in its attribute ``cam_layer``, or else the last whose output is a grid.

    Raises
    ------
    helpers.saliency.contract.NotApplicable
        If there is none.
    ValueError
        If the attribute names a layer that gives none.
    """
    chosen = getattr(model, CHOSEN, None)
    key = tuple(images.shape[1:]), chosen
    known = _FOUND.setdefault(model, {})
    if key not in known:
        known[key] = named(model, images, chosen) if chosen else _last(model, images)
    return known[key]


def named(model: nn.Module, images: Tensor, name: str) -> FeatureLayer:
    """A layer by its name, for images (N, 3, H, W).

    What stands around a user's network, such as ``body.``, may be left off the name.

    Raises
    ------
    ValueError
        If there is none of that name whose output is a grid; the message lists those there are.
    """
    seen, logits, ended = _seen(model, images)
    grids = {one.layer.name: one.layer for one in seen}
    for prefix in ("", "body.", "network.", "network.body."):
        if prefix + name in grids:
            return grids[prefix + name]
    names = list(dict.fromkeys(one.layer.name for one in reversed(_useful(seen, logits, ended))))
    there = name in dict(model.named_modules())
    wrong = "gives no grid over the image" if there else "is no layer of the network"
    raise ValueError(
        f"{name!r} {wrong}; some that do, the last first: {', '.join(names[:8]) or 'none'}"
    )


def maps_and_gradients(
    model: nn.Module, images: Tensor, classes: Tensor, layer: FeatureLayer
) -> tuple[Tensor, Tensor]:
    """Activations and the logits' gradients at a layer, as :func:`helpers.papers.cams.record`.

    Images (N, 3, H, W) and classes (N,) to maps (N, K, H', W') each.
    """
    if layer.layout == MAPS:
        return cams.record(model, images, classes, layer.name)
    checks.check_unit_range(images)
    kept: list[Tensor] = []

    def start(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
        torch.set_grad_enabled(True)  # until the no_grad block ends: what comes before has no graph
        kept.append(output.detach().requires_grad_())
        return kept[-1].clone()

    handle = model.get_submodule(layer.name).register_forward_hook(start)
    try:
        with checks.evaluating(model), torch.no_grad():
            logits = model(images)
            checks.check_class_range(classes, logits)
            score = logits.gather(1, classes.to(logits.device)[:, None]).sum()
            (gradients,) = torch.autograd.grad(score, kept[-1])
    finally:
        handle.remove()
    return layer.maps(kept[-1].detach()), layer.maps(gradients)


def _last(model: nn.Module, images: Tensor) -> FeatureLayer:
    seen, logits, ended = _seen(model, images)
    useful = _useful(seen, logits, ended)
    for one in reversed(useful[-TRIED:]):
        if one.layer.layout == MAPS or _lies_as_the_image(model, images[:1], one.layer):
            return one.layer
    raise contract.NotApplicable(
        f"no layer of {type(model).__name__} gives maps of more than one cell that lie as "
        "the image does"
    )


@torch.no_grad()
def _lies_as_the_image(model: nn.Module, image: Tensor, layer: FeatureLayer) -> bool:
    """Whether a change of the image's upper right, or lower left, is strongest in that cell.

    Tokens may stand in another order than row by row, which their number does not show.
    """
    height, width = image.shape[-2:]
    rows, columns = layer.grid
    tall, wide = max(height // rows, 1), max(width // columns, 1)
    changed = image.repeat(3, 1, 1, 1)
    changed[1, :, :tall, -wide:] = 1 - changed[1, :, :tall, -wide:].round()
    changed[2, :, -tall:, :wide] = 1 - changed[2, :, -tall:, :wide].round()
    with network_graph.without_hooks(model), cams.output_of(model, layer.name) as kept:
        model(changed)
    maps = layer.maps(kept[-1])
    moved = (maps[1:] - maps[0]).pow(2).sum(1).flatten(1).argmax(1).tolist()  # cells
    expected = (columns - 1, (rows - 1) * columns)
    return all(
        abs(cell // columns - there // columns) <= 1 and abs(cell % columns - there % columns) <= 1
        for cell, there in zip(moved, expected, strict=True)
    )


def _useful(seen: list[_Seen], logits: Tensor, ended: dict[nn.Module, int]) -> list[_Seen]:
    """Those that are no class maps, no parts of a layer, and on whose cells the logits depend."""
    weights = [at for m, at in ended.items() if any(True for _ in m.parameters(recurse=False))]
    last_weights = max(weights, default=-1)
    classes = logits.shape[1]
    features = [one for one in seen if one.layer.channels != classes or one.position < last_weights]
    width = features[-1].layer.channels if features else 0
    features = [
        one
        for one in features
        if one.layer.layout != TOKENS
        or (one.layer.channels == width and not isinstance(one.module, nn.Linear))
    ]
    return _mattering(features, logits)


def _mattering(features: list[_Seen], logits: Tensor) -> list[_Seen]:
    """Those on more than one of whose cells the logits depend; all where nobody can tell."""
    told = [one for one in features if one.output.requires_grad]
    if not logits.requires_grad or not told:
        return features
    factors = torch.linspace(1, 2, logits.shape[1]).to(logits)  # so that nothing cancels
    slopes = torch.autograd.grad(
        (logits * factors).sum(), [one.output for one in told], allow_unused=True
    )
    return [
        one
        for one, slope in zip(told, slopes, strict=True)
        if slope is not None and int((one.layer.maps(slope) != 0).any(1).sum()) > 1
    ] or features


def _seen(model: nn.Module, images: Tensor) -> tuple[list[_Seen], Tensor, dict[nn.Module, int]]:
    """All outputs that are grids, the logits, and when each module ended, for the first image."""
    outputs: list[tuple[str, nn.Module, Tensor]] = []
    ended: dict[nn.Module, int] = {}
    runs: dict[str, int] = {}

    def note(name: str, module: nn.Module, output: object) -> Tensor | None:
        ended[module] = len(ended)
        runs[name] = runs.get(name, 0) + 1
        if not isinstance(output, Tensor) or isinstance(module, nn.Identity | nn.Dropout):
            return None
        outputs.append((name, module, output))
        return output.clone()  # what follows may work in place

    with network_graph.without_hooks(model):
        hooks = [
            module.register_forward_hook(lambda m, _i, output, name=name: note(name, m, output))
            for name, module in model.named_modules()
            if name and not isinstance(module, torch.jit.ScriptModule)  # that takes no hooks
        ]
        try:
            with checks.evaluating(model), torch.enable_grad():
                logits = model(images[:1].detach().clone().requires_grad_())
        finally:
            for hook in hooks:
                hook.remove()
    once = [part for part in outputs if runs[part[0]] == 1]
    return _grids(model, images, once, ended), logits, ended


def _grids(
    model: nn.Module,
    images: Tensor,
    outputs: list[tuple[str, nn.Module, Tensor]],
    ended: dict[nn.Module, int],
) -> list[_Seen]:
    sides = (images.shape[-2], images.shape[-1])
    if isinstance(model, classifiers.Preprocessed):
        sides = (model.size, model.size)
    extra = [getattr(module, "num_prefix_tokens", None) for module in model.modules()]
    prefixes = [n for n in extra if isinstance(n, int)][:1] or EXTRA_TOKENS
    tokens = {output.shape[1] for _, _, output in outputs if output.ndim == 3}
    found: list[_Seen] = []
    grids: dict[tuple[int, int], None] = {}
    for name, module, output in outputs:
        layer = _read(name, module, tuple(output.shape), sides, tokens | set(map(_cells, grids)))
        if output.ndim == 3:
            layer = _tokens(name, tuple(output.shape), list(grids), prefixes)
        if layer is not None:
            grids[layer.grid] = None
            found.append(_Seen(layer, output, module, ended[module]))
    return found


def _cells(grid: tuple[int, int]) -> int:
    return grid[0] * grid[1]


def _read(
    name: str, module: nn.Module, shape: tuple, sides: tuple[int, int], tokens: set[int]
) -> FeatureLayer | None:
    """An output of four dimensions as a grid, channels second or last; None if it is none."""
    if len(shape) != 4 or shape[0] != 1:
        return None
    first, last = shape[2:], shape[1:3]
    if first[0] == first[1] and first[0] in tokens:  # attention of each token to each
        return None
    layouts = [(MAPS, first, shape[1]), (CHANNELS_LAST, last, shape[3])]
    if type(module) is nn.LayerNorm and module.normalized_shape == shape[3:]:
        layouts = layouts[1:]  # it normalizes the last dimension, so that holds the channels
    for layout, grid, channels in layouts:
        if _is_grid(grid, sides):
            return FeatureLayer(name, layout, grid, channels)
    return None


def _is_grid(grid: tuple[int, int], sides: tuple[int, int]) -> bool:
    """Whether rows and columns are those of the image, reduced by one factor up to rounding."""
    (rows, columns), (height, width) = grid, sides
    apart = abs(rows * width - columns * height)
    fits = rows <= height + 8 and columns <= width + 8 and apart <= max(height, width)
    return rows * columns > 1 and fits


def _tokens(
    name: str, shape: tuple, grids: list[tuple[int, int]], prefixes: object
) -> FeatureLayer | None:
    """Tokens (1, T, K) as a grid that was seen before, or one of half its sides."""
    _, count, channels = shape
    for grid in reversed(grids):
        for _ in range(4):
            if _cells(grid) > 1 and count - _cells(grid) in tuple(prefixes):
                return FeatureLayer(name, TOKENS, grid, channels)
            grid = ((grid[0] + 1) // 2, (grid[1] + 1) // 2)
    return None
