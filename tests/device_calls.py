"""What each notebook computes, as functions of a network and of tensors: for tests of devices."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from helpers.inputs import classifiers, conversion, corruptions, fused, photographs, training
from helpers.measures import (
    agreement,
    class_curves,
    distributions,
    focus,
    foreground,
    insertion_deletion,
    localization,
    map_boxes,
    rankings,
    similar_areas,
    sobel,
)
from helpers.papers import (
    ablation_cam,
    black_box,
    cams,
    decam,
    elime,
    lrp,
    pca_cams,
    pca_readings,
    peers,
)
from helpers.saliency import contract, registry


def drawn(*shape: int) -> Tensor:
    """Numbers in [0, 1) that follow from the shape."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def seeded() -> torch.Generator:
    """A new generator on the CPU."""
    return torch.Generator().manual_seed(0)


def network() -> nn.Sequential:
    """Two convolutions with BatchNorm and pooling, ten classes."""
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10),
    )  # fmt: skip
    return layers.eval().requires_grad_(False)


def scored(model: nn.Module, classes: Tensor, probability: bool = True) -> Callable:
    """The score of these classes, without a graph."""
    return torch.no_grad()(classifiers.class_score(model, classes, probability=probability))


X, C = drawn(3, 3, 32, 32), torch.tensor([0, 1, 2])
MAPS, SEGMENTS = drawn(3, 32, 32), (torch.arange(1024) // 64).view(1, 32, 32).repeat(3, 1, 1)
A, G = drawn(3, 6, 4, 4), drawn(3, 6, 4, 4) - 0.5
PHOTOS = conversion.to_unit(photographs.foolbox_imagenet(96).pixels[:3])
BOXES = torch.tensor([[1.0, 2, 9, 8], [0, 0, 4, 4]])
RULES = lrp.zero(), lrp.epsilon(1), lrp.alpha_beta(2), lrp.epsilon(1, batchnorm="merged")
ON_MAPS = (cams.grad_cam, cams.grad_cam_plus_plus, cams.layer_cam, pca_cams.eigen_cam,
           pca_cams.haycam)  # fmt: skip
SEARCH = {"population": 5, "batch_size": 8}

CALLS: dict[str, tuple[Callable, tuple]] = {  # name: (function of a network and tensors, these)
    "LRP (lrp_adversarial)": (
        lambda n, x, c: [lrp.relevance(n, x, c, rule) for rule in RULES], (X, C),
    ),
    "LRP, classes of the CPU": (lambda n, x: lrp.relevance(n, x, C, RULES[0]), (X,)),
    "logits": (lambda n, p: classifiers.logits(n, p), ((255 * X).byte(),)),
    "logits, pixels of the CPU": (lambda n: classifiers.logits(n, (255 * X).byte()), ()),
    "score, classes of the CPU": (lambda n, x: scored(n, C)(x), (X,)),
    "ranks (lrp_adversarial)": (
        lambda n, m: [rankings.overlap(rankings.new_positions(
            rankings.ranking(m), rankings.ranking(m.flip(1)), 50), 20),
            rankings.spearman(m, m.flip(1)), rankings.break_ties(m.round(), seeded())], (MAPS,),
    ),
    "counts of relevance (lrp_adversarial)": (
        lambda n, m: [distributions.grid_counts(m), distributions.sign_counts(
            m - 0.5, m[:, 0, 0] - 0.5)], (MAPS,),
    ),
    "Grad-CAM of a layer (gradcam_training)": (
        lambda n, x, c: cams.grad_cam(*cams.record(n, x, c, "4")), (X, C),
    ),
    "maps from activations (haycam)": (lambda n, a, g: [f(a, g) for f in ON_MAPS], (A, G)),
    "HayCAM+ (haycam)": (
        lambda n, a: [pca_cams.haycam_plus(a, components=2), pca_cams.haycam_plus(a)], (A,),
    ),
    "boxes (haycam)": (
        lambda n, m: [localization.otsu(m), localization.pointing(m, m > 0.5),
                      localization.box_of(localization.largest_part(
                          localization.thresholded(m, 0.9)))], (MAPS,),
    ),
    "boxes by all rules (haycam)": (
        lambda n, m, b: map_boxes.ious(m[:2] - 0.2, b), (MAPS, BOXES),
    ),
    "focus (haycam)": (
        lambda n, m: [focus.forms(m - 0.2), focus.within_images(m[0], m[1]),
                      focus.over_images(m[0], m[1])], (MAPS,),
    ),
    "other readings of PCA (haycam)": (
        lambda n, a, g: [pca_readings.haycam_transformed(a, g), pca_readings.signed_grad_cam(a, g),
                         pca_readings.removed_components(a)], (A, G),
    ),
    "overlap of boxes (haycam)": (lambda n, b: localization.box_iou(b, b.flip(0)), (BOXES,)),
    "corruptions (gradcam_training)": (
        lambda n, x: [corruptions.corrupt(x, k, 3, seeded()) for k in corruptions.CORRUPTIONS],
        (X,),
    ),
    "augmentation (haycam)": (
        lambda n, x: training.random_affine(x, seeded(), degrees=9, shift=0.1, mirror=0.5), (X,),
    ),
    "agreement of maps": (lambda n, m: agreement.agreement(m, m.flip(1)), (MAPS,)),
    "shares and entropy": (
        lambda n, m: [localization.entropy(m), localization.share_within(m, m > 0.5)], (MAPS,),
    ),
    "edges and foreground": (
        lambda n, x: [sobel.edge_magnitude(x), foreground.unlike_the_border(x)], (X,),
    ),
    "FullGrad (decam)": (
        lambda n, x, c: peers.full_grad(peers.full_gradients(n, x, c), 32), (X, C),
    ),
    "RISE (decam)": (
        lambda n, x, c: peers.rise(scored(n, c), x, masks=20, generator=seeded()), (X, C),
    ),
    "DE-CAM (decam)": (
        lambda n, x, c: decam.de_cam(scored(n, c, False), x, area_weight=1.0, iterations=3,
                                     generator=seeded(), **SEARCH).maps, (X, C),
    ),
    "E-LIME (elime)": (
        lambda n, x, s, c: elime.e_lime(scored(n, c), x, s, generations=3, generator=seeded(),
                                        **SEARCH).probability, (X, SEGMENTS, C),
    ),
    "superpixels (elime)": (
        lambda n, x, s, m: [elime.segment_means(x, s),
                            rankings.selection_share(m, s, seeded())], (X, SEGMENTS, MAPS),
    ),
    "masked scores": (
        lambda n, x, m, c: black_box.masked_scores(scored(n, c), x, m[:, None] > 0.5, fill=0.5),
        (X, MAPS, C),
    ),
    "readings of insertion and deletion (decam)": (
        lambda n, x, m, c: [class_curves.between(
            fused.logit_and_probability(fused.without_batchnorm(n, x), c),
            x, class_curves.end_of_deletion(x, fill, x.mean((0, 2, 3)).view(3, 1, 1)), m, steps=5,
        ) for fill in class_curves.FILLS], (X, MAPS, C),
    ),
    "AblationCAM (decam)": (
        lambda n, x, c: ablation_cam.ablation_cam(n, x, c, "6"), (X, C),
    ),
    "similar areas (decam)": (
        lambda n, m: [similar_areas.beyond_others(m, m.flip(1), 4, measure)
                      for measure in similar_areas.MEASURES], (MAPS,),
    ),
    "insertion and deletion (decam)": (
        lambda n, x, m, c: [f(scored(n, c), x, m, steps=5, fill=0.5) for f in (
            insertion_deletion.deletion_curve, insertion_deletion.insertion_curve)], (X, MAPS, C),
    ),
}  # fmt: skip
CALLS |= {
    f"{name} (cross_examination)": (
        lambda n, x, c, f=explain: contract.checked_maps(f, n, x, c, seed=0),
        (PHOTOS, C),
    )
    for methods in registry.METHODS.values()
    for name, explain in methods.items()
    if name != "SmoothGrad"  # draws on the device, where the numbers are others
}
GIVE_HOST = ("logits", "logits, pixels of the CPU")  # whose result is on the CPU


def moved(thing, place):
    """Tensors, also in lists and tuples, at another place."""
    if isinstance(thing, list | tuple):
        return [moved(one, place) for one in thing]
    return thing.to(place)
