"""What the chapter on DE-CAM keeps of a group of images: searches, maps, curves; and seconds."""

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from helpers.inputs import classifiers, fused
from helpers.measures import class_curves, insertion_deletion
from helpers.papers import ablation_cam, black_box, cams, decam, peers
from helpers.saliency import activation_maps, black_boxes, gradients

WHITE_BOXES = ("Grad-CAM", "FullGrad", "Integrated Gradients")  # that the paper shows
ABLATION = "AblationCAM"
TIMED_CHANNELS = 64  # of AblationCAM's, which are all alike


def generations_shown(iterations: int) -> list[int]:
    """The generations after which a map is kept, for quality against cost: 0, 5, 10, 20, 40, ..."""
    return [0] + [t for t in (5 * 2**k for k in range(20)) if t < iterations] + [iterations]


def search(
    network: nn.Module, images: Tensor, classes: Tensor, fill: Tensor, seed: int, batch_size: int,
    settings: dict,
) -> dict[str, Tensor]:  # fmt: skip
    """DE-CAM of images (B, 3, H, W) that are searched together.

    Parameters
    ----------
    fill
        What removed pixels become while it searches, (3, 1, 1).
    settings
        Of :func:`helpers.papers.decam.de_cam`.

    Returns
    -------
    dict
        maps (B, H, W); early maps of some generations (B, T, H, W); the best mask's area as a share
        of the image (B,); mean and best fitness (B, G); genes (B, N, D) and fitness (B, N) of the
        last population.
    """
    size = images.shape[-2], images.shape[-1]
    shown, ellipses = generations_shown(settings["iterations"]), settings["ellipses"]
    early = []

    def watch(states):
        for generation, state in enumerate(states):
            if generation in shown:
                early.append(decam.ellipse_map(state, size, ellipses, settings["share"]))
            yield state

    score = classifiers.class_score(network, classes, probability=False)
    result = decam.de_cam(
        score, images, **settings, fill=fill, batch_size=batch_size, watch=watch,
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip
    best = result.population.best()[0].unflatten(-1, (ellipses, 5))
    return {
        "maps": result.maps,
        "early": torch.stack(early, 1),
        "area": decam.ellipse_masks(best, size).float().mean((1, 2)),
        "mean": result.history.mean(2).T,
        "best": result.history.amax(2).T,
        "genes": result.population.genes,
        "fitness": result.population.fitness,
    }


def by_solutions(
    genes: Tensor, fitness: Tensor, shares: dict[str, float], ellipses: int, size: tuple[int, int]
) -> dict[str, Tensor]:
    """DE-CAM's maps (B, H, W) of a population by the rule for which solutions count.

    Genes are (B, N, D), fitness (B, N); `shares` gives of each rule the share of the mean fitness.
    """
    last = black_box.Population(genes, fitness)
    return {rule: decam.ellipse_map(last, size, ellipses, share) for rule, share in shares.items()}


def explained(
    network: nn.Module, images: Tensor, classes: Tensor, judged: nn.Module, layer: str, method: str
) -> dict[str, Tensor]:
    """Maps (B, H, W) of a method that looks inside the network: a white box, or AblationCAM.

    FullGrad needs the biases of BatchNorms and Grad-CAM takes them along; what depends on the
    logits alone is computed with `judged`, the same network without BatchNorms, which is faster.
    Images are (B, 3, H, W), classes (B,).
    """
    ways: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "Grad-CAM": lambda x, c: _at_size(cams.grad_cam(*cams.record(network, x, c, layer)), x),
        "FullGrad": lambda x, c: activation_maps.full_grad(network, x, c),
        "Integrated Gradients": lambda x, c: gradients.integrated_gradients(judged, x, c, steps=50),
        ABLATION: lambda x, c: _at_size(
            ablation_cam.ablation_cam(judged, x, c, layer, batch_size=256), x
        ),
    }
    return {"maps": ways[method](images, classes.to(images.device)).detach()}


def rise(
    network: nn.Module, images: Tensor, classes: Tensor, masks: int, seed: int, batch_size: int
) -> dict[str, Tensor]:
    """RISE of images (B, 3, H, W) with so many masks, to black: (B, H, W)."""
    score = classifiers.class_score(network, classes, probability=True)
    generator = torch.Generator().manual_seed(seed)
    maps = peers.rise(
        score, images, masks=masks, fill=0.0, batch_size=batch_size, generator=generator
    )
    return {"maps": maps}


def lime(
    network: nn.Module, images: Tensor, classes: Tensor, evaluations: int, seed: int,
    batch_size: int,
) -> dict[str, Tensor]:  # fmt: skip
    """LIME's weights on the superpixels of images (B, 3, H, W): (B, H, W)."""
    options = {"evaluations": evaluations, "seed": seed, "batch_size": batch_size}
    return {"maps": black_boxes.lime(network, images, classes, **options)}


def curves(
    network: nn.Module, images: Tensor, classes: Tensor, maps: Tensor, way: str, mean: Tensor,
    steps: int, batch_size: int,
) -> dict[str, Tensor]:  # fmt: skip
    """Logit and probability along one path of images (B, 3, H, W): (B, steps + 1, 2).

    Parameters
    ----------
    maps
        In whose order pixels change, (B, H, W).
    way
        "insertion", from the blurred image to the whole one, or a fill of
        :data:`helpers.measures.class_curves.FILLS`, to which pixels are deleted.
    mean
        The network's mean color, (3, 1, 1), which the blur takes for the surroundings.
    """
    scores = fused.logit_and_probability(network, classes)
    if way == "insertion":
        ends = insertion_deletion.blurred(images, mean), images
    else:
        ends = images, class_curves.end_of_deletion(images, way, mean)
    found = class_curves.between(scores, *ends, maps, steps=steps, batch_size=batch_size)
    return {"curves": found}


def timings(
    network: nn.Module,
    judged: nn.Module,
    image: Tensor,
    classes: Tensor,
    layer: str,
    batch_size: int,
    settings: dict,
) -> dict[str, float]:
    """Seconds for the map of one image (1, 3, H, W) by method, one after the other.

    DE-CAM, Integrated Gradients and AblationCAM evaluate `judged`, the network without BatchNorms;
    AblationCAM, as it was published, all of it once a channel, of which :data:`TIMED_CHANNELS` are
    timed.
    """
    channels = channels_of(network, image, layer)
    some = torch.arange(min(TIMED_CHANNELS, channels))
    fill = image.new_zeros(3, 1, 1)
    ways: dict[str, Callable[[], object]] = {
        method: partial(explained, network, image, classes, judged, layer, method)
        for method in WHITE_BOXES
    }
    ways[ABLATION] = lambda: ablation_cam.scores_without(
        judged, image, classes.to(image.device), layer, some, batch_size=batch_size, whole=True
    )  # fmt: skip
    ways["DE-CAM"] = lambda: search(judged, image, classes, fill, 0, batch_size, settings)
    found = {method: _seconds(work, image.is_cuda) for method, work in ways.items()}
    return found | {ABLATION: found[ABLATION] * (channels + 1) / len(some)}


def channels_of(network: nn.Module, image: Tensor, layer: str) -> int:
    """How many channels a layer's output has, for an image (1, 3, H, W)."""
    with torch.no_grad(), cams.output_of(network, layer) as outputs:
        network(image)
    return outputs[0].shape[1]


def _seconds(work: Callable[[], object], on_gpu: bool) -> float:
    started = time.perf_counter()
    work()
    if on_gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _at_size(maps: Tensor, images: Tensor) -> Tensor:
    return cams.upsample(maps, (images.shape[-2], images.shape[-1]))
