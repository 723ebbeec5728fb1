"""Every saliency method as one function (model, images, classes) -> maps, by name.

A model, in evaluation mode, takes images (N, 3, H, W) in [0, 1] to logits; classes are int64 (N,);
maps are (N, H, W), of both signs where the method has both. A method that draws at random draws
from torch's global generator, or seeds its library from it, so that whoever calls it fixes the seed
and no method of a user's own needs to know how. To add a method, add a line to :data:`METHODS`.
"""

import contextlib
import copy
import io
import operator
import warnings
from collections.abc import Callable
from functools import lru_cache, partial

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import EpsilonGammaBox, EpsilonPlusFlat
from zennit.layer import Sum

from helpers import cams, data, evolve, lrp, metrics, models

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="IProgress")  # they wish for widgets
    from captum.attr import InputXGradient, IntegratedGradients, NoiseTunnel, Saliency
    from lime.lime_image import LimeImageExplainer
    from timm.layers import BatchNormAct2d

Explain = Callable[[nn.Module, Tensor, Tensor], Tensor]
GREY = 0.5  # in place of what a black box's mask hides, as RISE's evaluation has it
QUESTIONS = 300  # to the network, of a black box: a few per cent of what their papers ask


# --- gradients: captum's -------------------------------------------------------------------------


def gradient(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    r"""Simonyan et al. 2014: :math:`\max_k |\partial y_c / \partial x_k|`, over colours k."""
    return Saliency(model).attribute(_leaf(images), classes, abs=True).amax(1)


def gradient_x_input(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    r"""Shrikumar et al. 2016: :math:`\sum_k x_k \, \partial y_c / \partial x_k`, signed."""
    return InputXGradient(model).attribute(_leaf(images), classes).sum(1).detach()


def smooth_grad(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    samples: int = 15,
    deviation: float = 0.15,
) -> Tensor:
    """Smilkov et al. 2017: the mean gradient under noise of that deviation; then as `gradient`."""
    noisy = NoiseTunnel(Saliency(model)).attribute(
        _leaf(images), nt_type="smoothgrad", nt_samples=samples, nt_samples_batch_size=1,
        stdevs=deviation, target=classes, abs=False,
    )  # fmt: skip
    return noisy.abs().amax(1)


def integrated_gradients(
    model: nn.Module, images: Tensor, classes: Tensor, *, steps: int = 20
) -> Tensor:
    """Sundararajan et al. 2017 from black, with Gauss-Legendre's steps; the sum over colours."""
    explainer = IntegratedGradients(model)
    parts = [  # an image at a time: all its steps are one batch
        explainer.attribute(images[i : i + 1], target=classes[i : i + 1], n_steps=steps)
        for i in range(len(images))
    ]
    return torch.cat(parts).sum(1).detach()


def _leaf(images: Tensor) -> Tensor:
    """The images, as something that captum may take gradients of without a warning."""
    return images.detach().requires_grad_()


# --- layer-wise relevance: zennit's --------------------------------------------------------------


def relevance(rule: lrp.Rule, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Relevance by a rule of :mod:`helpers.lrp`, summed over colours, at the size of the images.

    It is that of the network's own input: behind the resizing and the normalisation of a
    :class:`helpers.models.Enlarged`, which have no relevance to give. See :func:`layered`.
    """
    body, inputs = _own_input(model, images)
    found = lrp.relevance(layered(body), inputs, classes, rule).sum(1)
    return cams.upsample(found, images.shape[-2:])


def composite(kind: type, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Relevance by one of Zennit's composites, with BatchNorm merged; as :func:`relevance`."""
    made = partial(kind, canonizers=[SequentialMergeBatchNorm()])
    if kind is EpsilonGammaBox:
        ends = torch.zeros_like(images), torch.ones_like(images)
        low, high = (_own_input(model, end)[1] for end in ends)
        made = partial(made, low=low, high=high)
    return relevance(lrp.Rule(kind.__name__, made, True), model, images, classes)


def layered(network: nn.Module) -> nn.Module:
    """A copy of a network in which all that relevance must know of is a layer.

    timm's BatchNorm with an activation inside becomes the two; a sum of two branches, which would
    otherwise hand all relevance to both, becomes Zennit's :class:`zennit.layer.Sum`, and layers
    stand in the order in which they run, as merging BatchNorm needs them to.

    Raises
    ------
    ValueError
        If the network's code cannot be traced, because it branches on its input.
    """
    network = copy.deepcopy(network).eval()
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, BatchNormAct2d):
                setattr(parent, name, _split(child))
    try:
        graph = _Leaves().trace(network)
    except Exception as error:  # whatever its code does with a value that is not there yet
        raise ValueError(
            f"{type(network).__name__} cannot be traced, so relevance does not know its sums: "
            f"{str(error).splitlines()[0]}"
        ) from error
    sums = [n for n in graph.nodes if n.op == "call_function" and n.target in _SUMS]
    for count, node in enumerate(node for node in sums if _both_nodes(node)):
        network.add_module(f"sum_{count}", Sum(-1))
        with graph.inserting_before(node):
            stacked = graph.call_function(torch.stack, (node.args[:2], -1))
            total = graph.call_module(f"sum_{count}", (stacked,))
        node.replace_all_uses_with(total)
        graph.erase_node(node)
    return fx.GraphModule(network, graph)


_SUMS = {torch.add, operator.add, operator.iadd}


class _Leaves(fx.Tracer):
    """Looks into modules that hold others, and takes the rest as they are."""

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return not list(module.children())


def _both_nodes(node: fx.Node) -> bool:
    return len(node.args) >= 2 and all(isinstance(part, fx.Node) for part in node.args[:2])


def _split(both: BatchNormAct2d) -> nn.Sequential:
    plain = nn.BatchNorm2d(both.num_features, eps=both.eps).to(both.weight)
    plain.load_state_dict(
        {key: value for key, value in both.state_dict().items() if key in plain.state_dict()}
    )
    activation = copy.deepcopy(both.act)
    if hasattr(activation, "inplace"):
        activation.inplace = False
    return nn.Sequential(plain, activation).eval()


def _own_input(model: nn.Module, images: Tensor) -> tuple[nn.Module, Tensor]:
    """The network behind its resizing and normalisation, and what they make of the images."""
    if not isinstance(model, models.Enlarged):
        return model, images
    size = (model.size, model.size)
    if images.shape[-2:] != size:
        images = F.interpolate(images, size, mode="bilinear")
    return model.body, (images - model.mean) / model.std


# --- class activation maps: ours -----------------------------------------------------------------


def activation_map(method: Callable, model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """One of the maps of :mod:`helpers.cams` from the network's last map, at the images' size."""
    recorded = cams.record(model, images, classes, last_map(model, images))
    return cams.upsample(method(*recorded), images.shape[-2:])


def full_grad(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """Srinivas & Fleuret 2019: what the input and every bias contribute, in magnitude."""
    return cams.full_grad(cams.full_gradients(model, images, classes), images.shape[-2:])


def last_map(model: nn.Module, images: Tensor) -> str:
    """The last layer that gives maps (N, K, H, W) of more than one cell: where CAMs look.

    Raises
    ------
    ValueError
        If there is none.
    """
    last = []

    def note(name: str, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[-2:] != (1, 1):
            last.append(name)

    hooks = [
        module.register_forward_hook(lambda _m, _i, output, name=name: note(name, output))
        for name, module in model.named_modules()
        if name
    ]
    try:
        with torch.no_grad():
            model(images[:1])
    finally:
        for hook in hooks:
            hook.remove()
    if not last:
        raise ValueError(f"no layer of {type(model).__name__} gives maps of more than one cell")
    return last[-1]


# --- black boxes: ours, and the lime package -----------------------------------------------------


def rise(
    model: nn.Module, images: Tensor, classes: Tensor, *, questions: int = QUESTIONS
) -> Tensor:
    """RISE with as many masks as it may ask questions: :func:`helpers.evolve.rise`."""
    score = models.class_score(model, classes, probability=True)
    return evolve.rise(_quietly(score), images, masks=questions, fill=GREY, generator=_generator())


def de_cam(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    questions: int = QUESTIONS,
    population: int = 12,
    area_weight: float = 20.0,
) -> Tensor:
    """DE-CAM with as many generations as it may ask questions: :func:`helpers.evolve.de_cam`."""
    score = models.class_score(model, classes, probability=False)
    return evolve.de_cam(
        _quietly(score), images, area_weight=area_weight, population=population, fill=GREY,
        iterations=max(questions // population - 1, 1), generator=_generator(),
    ).maps  # fmt: skip


def e_lime(
    model: nn.Module,
    images: Tensor,
    classes: Tensor,
    *,
    questions: int = QUESTIONS,
    population: int = 20,
) -> Tensor:
    """The superpixels that :func:`helpers.evolve.e_lime` selects: 1 there, and 0 elsewhere."""
    segments = segments_of(images)
    score = models.class_score(model, classes, probability=True)
    found = evolve.e_lime(
        _quietly(score), images, segments, population=population, fill=GREY,
        generations=max((questions - population) // (population - 1), 1), generator=_generator(),
    )  # fmt: skip
    return evolve.superpixel_masks(found.bits[:, None], segments)[:, 0].to(images)


def lime(
    model: nn.Module, images: Tensor, classes: Tensor, *, questions: int = QUESTIONS
) -> Tensor:
    """The weights of the `lime` package's linear model, on the superpixels they belong to."""

    def answer(batch) -> Tensor:
        with torch.no_grad():
            shown = torch.stack([torch.from_numpy(one) for one in batch]).permute(0, 3, 1, 2)
            return model(data.to_unit(shown.to(images.device))).softmax(1).cpu().double().numpy()

    maps = []
    for image, label, segments in zip(images, classes.tolist(), segments_of(images), strict=True):
        seed = int(torch.randint(2**31, ()))
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bar cannot be turned off
            explained = LimeImageExplainer(random_state=seed).explain_instance(
                (255 * image).round().byte().permute(1, 2, 0).cpu().numpy(), answer,
                labels=(label,), top_labels=None, num_samples=questions, batch_size=32,
                segmentation_fn=lambda _, found=segments: found.cpu().numpy(),
            )  # fmt: skip
        weights = torch.zeros(int(segments.max()) + 1)
        for segment, weight in explained.local_exp[label]:
            weights[segment] = float(weight)
        maps.append(weights.to(images.device)[segments])
    return torch.stack(maps)


def segments_of(images: Tensor) -> Tensor:
    """The superpixels of images in [0, 1], (N, H, W): :func:`helpers.evolve.superpixels`."""
    pixels = (255 * images).round().byte().cpu()
    found = [_superpixels(some.numpy().tobytes(), tuple(some.shape)) for some in pixels]
    return torch.stack(found).to(images.device)


@lru_cache(maxsize=256)
def _superpixels(pixels: bytes, shape: tuple) -> Tensor:
    """Those of one image, which E-LIME and LIME both ask for."""
    return evolve.superpixels(torch.frombuffer(bytearray(pixels), dtype=torch.uint8).view(shape))


def _quietly(score: Callable) -> Callable:
    """The score without a graph."""
    return torch.no_grad()(score)


def _generator() -> torch.Generator:
    """A generator of its own, seeded from torch's global one."""
    return torch.Generator().manual_seed(int(torch.randint(2**31, ())))


# --- controls: they never ask the network --------------------------------------------------------


def dice(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """A number for every pixel, drawn evenly and anew at every call."""
    return torch.rand(images[:, 0].shape).to(images)


def centre(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """1 in the middle, falling with the distance to 0 in the corners."""
    height, width = images.shape[-2:]
    rows = torch.linspace(-1, 1, height).to(images)[:, None]
    columns = torch.linspace(-1, 1, width).to(images)
    return (1 - ((rows**2 + columns**2) / 2).sqrt()).expand(len(images), -1, -1).clone()


def edges(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The magnitude of each colour's Sobel gradient, summed over colours."""
    return metrics.edges(images).sum(1)


def brightness(model: nn.Module, images: Tensor, classes: Tensor) -> Tensor:
    """The image's own brightness."""
    return images.mean(1)


METHODS: dict[str, dict[str, Explain]] = {
    "gradient": {
        "Gradient": gradient,
        "Gradient x input": gradient_x_input,
        "SmoothGrad": smooth_grad,
        "Integrated Gradients": integrated_gradients,
    },
    "relevance": {
        "LRP-0": partial(relevance, lrp.zero(batchnorm="merged")),
        "LRP-epsilon": partial(relevance, lrp.epsilon(0.25, batchnorm="merged")),
        "LRP-alpha-beta": partial(relevance, lrp.alpha_beta(2, batchnorm="merged")),
        "EpsilonPlusFlat": partial(composite, EpsilonPlusFlat),
        "EpsilonGammaBox": partial(composite, EpsilonGammaBox),
    },
    "activation map": {
        "Grad-CAM": partial(activation_map, cams.grad_cam),
        "Grad-CAM++": partial(activation_map, cams.grad_cam_plus_plus),
        "LayerCAM": partial(activation_map, cams.layer_cam),
        "EigenCAM": partial(activation_map, cams.eigen_cam),
        "HayCAM": partial(activation_map, cams.haycam),
        "HayCAM+": partial(activation_map, cams.haycam_plus),
        "FullGrad": full_grad,
    },
    "black box": {"RISE": rise, "LIME": lime, "E-LIME": e_lime, "DE-CAM": de_cam},
    "control": {"random": dice, "centre": centre, "edges": edges, "brightness": brightness},
}  # by kind


def explained(
    explain: Explain, model: nn.Module, images: Tensor, classes: Tensor, *, seed: int
) -> Tensor:
    """A method's maps, float32 (N, H, W), if they are maps; torch's global generator is left alone.

    Raises
    ------
    ValueError
        If what comes is no tensor of one finite number a pixel.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        maps = explain(model, images, classes)
    expected = (len(images), *images.shape[-2:])
    if not isinstance(maps, Tensor):
        raise ValueError(f"the method gave {type(maps).__name__}; expected a tensor {expected}")
    if tuple(maps.shape) != expected:
        raise ValueError(
            f"the method gave {tuple(maps.shape)}; expected {expected}, a number a pixel: sum over "
            "colours, and bring small maps to size with helpers.cams.upsample"
        )
    maps = maps.detach().float()
    if not maps.isfinite().all():
        wrong = int((~maps.isfinite()).flatten(1).any(1).sum())
        raise ValueError(f"the method gave NaN or infinite values in {wrong} of {len(maps)} maps")
    return maps


def randomised(network: nn.Module, share: float, *, seed: int) -> nn.Module:
    """A copy of a network whose upper layers have forgotten what they learned.

    Every tensor of the last `share` of the layers that have weights (at least one) has its entries
    shuffled, which keeps their scale. Adebayo et al. 2018 draw them anew, which after BatchNorm's
    kept statistics leaves many networks without finite answers.

    Raises
    ------
    ValueError
        If share is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; expected more than 0, and at most 1")
    changed = copy.deepcopy(network)
    layers = [m for m in changed.modules() if any(True for _ in m.parameters(recurse=False))]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in layers[-max(round(share * len(layers)), 1) :]:
            for tensor in [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]:
                if tensor.is_floating_point():
                    order = torch.randperm(tensor.numel(), generator=generator).to(tensor.device)
                    tensor.copy_(tensor.flatten()[order].view_as(tensor))
    return changed
