# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # HayCAM+: do fewer filters find the mask better?
#
# Ornek & Ceylan (2024) train a network to tell faces with a protective mask from faces without one,
# and draw a box around the mask from an activation map. Of six maps their own, HayCAM+, gives the
# best boxes: it adds up the first principal components of the last layer, without the class and
# without a gradient {cite:p}`ornek2024`. This chapter computes the six maps on networks that start
# from ImageNet weights, as the paper's does, and on photographs whose masks are known to the pixel
# (**arm B**). What the paper leaves open is varied: each claim is judged over all readings.

# %% [markdown]
# ## What is claimed, and what would count
#
# The claims stand in `data/reported/haycam.csv`. The paper's images, its boxes and its rule from map
# to box are unpublished, so its mean overlaps and accuracies are *not comparable*; both numbers are
# shown. Comparable are orders, on the same images: an order is reproduced if the whole interval of
# the paired difference lies above zero. Where the paper leaves a choice open (the rule from map to
# box, the sign of a principal component, which PCA is meant, how HayCAM projects the weights), and
# over networks, weights and layers, all options are run: they are *readings* of the row. A claim
# that holds in one reading and fails in another *depends on the reading*.
#
# The paper's sentences are claims as well: that HayCAM+ has the most focused areas, that focus means
# better boxes, that PCA removes what is unrelated to the class, and that all six maps find what
# matters. How each is measured was written down before the run.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed: int = None  # of the networks' new weights, of the portraits, the controls, the bootstrap
use_photographs: bool = None  # whether the photographs in XAI_DATA are used, if there are any
show_photographs: bool = None  # whether the page shows people's faces; committed pages do not
images: int = None  # faces with a known mask; the paper's tables have room for six or seven
portraits: int = None  # drawn portraits to train on where photographs are not used
networks: str = None  # with ImageNet weights, fine-tuned, the main one first; the paper: ResNet18
backbone: str = None  # a network of timm that is trained from random weights beside them
layers: str = None  # of that network, an earlier one and the last; the paper: the last one
size: int = None  # side of the images in pixels; the paper: 224
tuning_epochs: int = None  # of fine-tuning; the paper's recipe is not in its text
small_size: int = None  # side of the images in the first phase from random weights
small_epochs: int = None  # of that phase
full_epochs: int = None  # of training from random weights on images of the full size
batch_size: int = None  # images a step of training
threshold: float = None  # share of a map's maximum that cells of a box need; the paper: unknown
components: float = None  # share of the variance that the kept components exceed; the paper: 0.9
bootstrap_draws: int = None  # for the intervals

# %%
from helpers.run import notebook

session = notebook.begin("haycam", globals())

# %% [markdown]
# A parameter that was not given has the value of the profile; a value that cannot be stops here.

# %%
import html
import math
from functools import partial
from typing import NamedTuple

import pandas as pd
import torch
from IPython.display import Markdown, display
from torch.nn import functional as F
from tqdm import tqdm

from helpers.inputs import cifar, classifiers, conversion, corruptions, faces, fine_tuning, phases
from helpers.inputs.portrait_painter import paint_portraits
from helpers.measures import focus, intervals, localization, map_boxes, rankings
from helpers.papers import cams, pca_cams
from helpers.report import claims, figures, tables, theme
from helpers.report.chapters import haycam as show
from helpers.report.chapters import haycam_charts, haycam_pictures, haycam_printed, haycam_verdict
from helpers.report.chapters import haycam_findings as findings
from helpers.report.chapters import haycam_readings as in_readings
from helpers.report.chapters import haycam_samples as samples
from helpers.run import card
from helpers.store import cache, paths
from helpers.trials import mask_controls, mask_maps

# %% [markdown]
# The paper's claims by group:

# %%
CHAPTER = "haycam"
DEVICE = classifiers.default_device()
MASKS = (paths.xai_data() or paths.DATA / "none") / "masks"
real = use_photographs and MASKS.is_dir()
theme.apply_theme()
print(f"{card.device_name()}; measured on {'photographs' if real else 'drawn portraits'}")
reported = claims.reported(CHAPTER)
measured = claims.Measurements()
reported.groupby("group", sort=False).agg(
    claims=("says", "size"), counted=("same_as", lambda column: (column == "").sum())
)

# %% [markdown]
# *Claims by group, and how many of them are counted: Dice follows from IoU image by image, and the
# size of a difference from the same numbers as its order.*
#
# ## The faces
#
# With `XAI_DATA` there are photographs of faces in two classes, and more of them with a mask that
# was put in by hand, so that its exact pixels are known: the mask and its ear loops are where the
# photograph differs from the same photograph without it. Each photograph is squeezed into a square.
# Without `XAI_DATA`, portraits are drawn from a seed. They are **synthetic**, and their numbers
# test the code rather than the paper.

# %%
WITH_MASK, WITHOUT_MASK = 1, 0  # the classes, as in faces.CLASSES


def photographed(listed, side):
    """Photographs with their labels, squeezed into squares."""
    return cifar.Images(faces.load_images(listed.files, side), listed.labels)


def drawn(count, seed, side):
    """As many portraits with their labels, drawn from a seed."""
    painted = paint_portraits(count, side, seed)
    return cifar.Images(painted.pixels, painted.labels)


def with_masks(portraits, count):
    """The first `count` of the faces that wear a mask."""
    chosen = (portraits.labels == WITH_MASK).nonzero()[:count, 0]
    return faces.Faces(*(None if part is None else part[chosen] for part in portraits))


# %% [markdown]
# Sixty portraits are drawn in any case: the pictures on this page show them.

# %%
sketches = paint_portraits(60, size, seed + 1)
if real:
    listed = faces.list_images(MASKS / "test")
    test = photographed(listed, size)
    everyone, notes = faces.load_with_notes(MASKS / "localise", size)
    located = with_masks(everyone, images)
    display(*map(Markdown, map(html.escape, [*listed.notes, *notes])))
else:
    test = cifar.Images(sketches.pixels, sketches.labels)
    located = with_masks(sketches, images)
n = len(located.labels)
area = math.nan if located.masks is None else located.masks.float().mean().item()
Markdown(show.faces_used(len(test.labels), int(test.labels.sum()), n, area))

# %% [markdown]
# ## The networks, and a sanity check first
#
# The paper takes a ResNet18 {cite:p}`he2016` with ImageNet weights, gives it two classes and trains
# it on 18,400 images; of the recipe nothing is said. ResNet18's ImageNet weights are a download, so
# the first profile that has them is `paper`. Here other networks start from ImageNet weights and get
# two classes: EfficientNet-Lite0, and where `XAI_DATA` has its weights MobileNetV2 (with
# TensorFlow's one-sided padding). The first gives the main numbers. Readings beside them are the
# same networks with their ImageNet weights *unchanged*, and a ResNet18 that is trained from random
# weights.
#
# Each training image is cropped, shifted, mirrored and relit:


# %%
def augment(images, generator, *, size):
    """Crop, shift, mirror and relight each image (B, 3, H, W), and give it the side `size`."""
    count = len(images)
    zoom, right, down, mirror, light, contrast = torch.rand(6, count, generator=generator).to(
        images.device
    )
    visible = 0.6 + 0.5 * zoom  # the share of each side that is seen
    flip = torch.where(mirror < 0.5, -1.0, 1.0)
    zero = torch.zeros_like(visible)
    rows = [visible * flip, zero, 0.3 * (2 * right - 1), zero, visible, 0.3 * (2 * down - 1)]
    matrices = torch.stack(rows, dim=1).view(-1, 2, 3)  # from -1 to 1, so 0.3 is 15 % of the side
    moved = corruptions.affine(images, matrices, "border", size=(size, size))
    gain = (0.6 + 0.8 * contrast).view(-1, 1, 1, 1)
    shift = (0.3 * (light - 0.5)).view(-1, 1, 1, 1)
    return ((moved - 0.5) * gain + 0.5 + shift).clamp(0, 1)


# %% [markdown]
# Training goes through phases, each with images of a size of its own; in each the learning rate
# climbs for a tenth of the steps and then falls to zero (`helpers/inputs/phases.py`). A training that
# is broken off goes on from its last epoch, and a finished one is read.

# %%
TUNING = [phases.Phase(size, size, tuning_epochs, batch_size, peak=0.001)]
WHOLE = [
    phases.Phase(4 * small_size // 3, small_size, small_epochs, batch_size, peak=0.03),
    phases.Phase(size, size, full_epochs, batch_size, peak=0.01),
]
PICTURES = partial(drawn, portraits, seed)
if real:
    PICTURES = partial(photographed, faces.list_images(MASKS / "train"))

# %% [markdown]
# The rate of fine-tuning was chosen before this run, on the photographs for validation: of .001, .003
# and .01 the first alone let both networks learn. Fine-tuning keeps the BatchNorm layers' means and
# variances, which is usual with small batches. The first network must be at hand; further ones are
# left out, and named, where their weights are not.


# %%
class Net(NamedTuple):
    """A network that is read: its names, its layers (last one last), and the classes to explain."""

    name: str
    weights: str
    network: torch.nn.Module
    layers: list
    classes: torch.Tensor  # (N,)
    others: torch.Tensor  # (N,), the class that it is compared with
    history: list


FINE_TUNED, UNCHANGED = "ImageNet, fine-tuned", "ImageNet, unchanged"
FROM_RANDOM = "random, trained"


def fine_tuned(name, known):
    """A network that starts from ImageNet weights and is trained on the two classes."""
    start = fine_tuning.with_new_head(name, classes=2, size=size, seed=seed).to(DEVICE)
    network, history = phases.train_or_load(CHAPTER, start, PICTURES, TUNING, augment)
    return Net(name, FINE_TUNED, network, fine_tuning.LAYERS[name], *known, history)


def from_random(name, known):
    """A network of timm that is trained from random weights."""
    start = classifiers.timm_network(name, classes=2, size=size, pretrained=False, seed=seed)
    network, history = phases.train_or_load(CHAPTER, start.to(DEVICE), PICTURES, WHOLE, augment)
    return Net(name, FROM_RANDOM, network, layers.split(), *known, history)


# %% [markdown]
# An unchanged network has no protective mask among its classes, but four other kinds: gas, oxygen and
# ski masks, and masks that disguise. The class that is explained is the best of the four in each image,
# and the class to compare with the best of all others.


# %%
def unchanged(name, pixels):
    """A network with its ImageNet weights, whose class is the best of ImageNet's four masks."""
    network = fine_tuning.unchanged(name, size).to(DEVICE, memory_format=torch.channels_last)
    logits = classifiers.logits(network, pixels, batch_size=64)
    kinds = torch.tensor([*fine_tuning.MASKS.values()])
    others = logits.index_fill(1, kinds, -math.inf).argmax(1)
    best = kinds[logits[:, kinds].argmax(1)]
    return Net(name, UNCHANGED, network, fine_tuning.LAYERS[name], best, others, [])


# %%
FIRST, *MORE = networks.split()
left_out = [name for name in MORE if not fine_tuning.is_at_hand(name)]
at_hand = [FIRST, *(name for name in MORE if name not in left_out)]
two = [torch.full((n,), label) for label in (WITH_MASK, WITHOUT_MASK)]
nets = [
    *(fine_tuned(name, two) for name in at_hand),
    *(unchanged(name, located.pixels) for name in at_hand),
    from_random(backbone, two),
]
main, network = nets[0], nets[0].network
haycam_charts.training({f"{x.name}, {x.weights}": x.history for x in nets if x.history})

# %% [markdown]
# *Accuracy on augmented training images, epoch by epoch.* How good are they on images that they did
# not learn from?


# %%
def mean_of(values):
    """Mean over images (N, ...), with the limits of its 95 % bootstrap interval."""
    return intervals.mean_interval(values, draws=bootstrap_draws, seed=seed)


def claim(key, numbers, count):
    """What we measured of a claim: the value, the limits of its interval, how many images."""
    return claims.measurement(key, claims.INDEPENDENT, *numbers, count)


def is_right(network, pixels, labels):
    """Whether the network's class is the right one: 1 or 0 for each image, (N,)."""
    return (classifiers.logits(network, pixels, batch_size=64).argmax(1) == labels).float()


# %%
logits = classifiers.logits(network, test.pixels, batch_size=64)
correct = (logits.argmax(1) == test.labels).float()
groups = {
    "accuracy": correct,
    "loss": 1 - correct,
    "sensitivity": correct[test.labels == WITH_MASK],
    "specificity": correct[test.labels == WITHOUT_MASK],
}
measured["classifier"] = [
    claim(key, [100 * number for number in mean_of(values)], len(values))
    for key, values in groups.items()
]
judged = claims.judge(measured.table(), CHAPTER)
tables.verdict_table(judged[judged.group.eq("classifier") & judged.value.notna()])

# %% [markdown]
# *The main network beside the paper's.*

# %%
recognized = is_right(network, located.pixels, located.labels).mean().item()
entropy = F.cross_entropy(logits, test.labels).item()
Markdown(
    show.classifier(
        main.name, (correct.mean().item(), len(correct)), (recognized, n), entropy,
        reported.reported,
    )
)  # fmt: skip

# %% [markdown]
# All networks:

# %%
accuracies = {
    (net.name, net.weights): math.nan
    if net.weights == UNCHANGED
    else 100 * is_right(net.network, test.pixels, test.labels).mean().item()
    for net in nets
}
Markdown(findings.networks_sentence(accuracies, left_out))

# %% [markdown]
# ## Six maps from one pass
#
# All six start from the last layer's activations $A^k$ ($k$ filters of $H \times W$ cells); the
# first three and HayCAM use the gradients $g^k = \partial y / \partial A^k$ of the class's logit
# too. One forward pass and one backward pass down to the layer serve all of them.
#
# | map | equation | class used |
# | --- | --- | --- |
# | Grad-CAM {cite:p}`selvaraju2017` | $\mathrm{ReLU}(\sum_k w_k A^k)$, $w_k$ the mean of $g^k$ | yes |
# | Grad-CAM++ {cite:p}`chattopadhay2018` | the same, $w_k = \sum_{ij} \mathrm{ReLU}(g^k_{ij}) / (2 + g^k_{ij} \sum A^k)$ | yes |
# | LayerCAM {cite:p}`jiang2021` | $\mathrm{ReLU}(\sum_k \mathrm{ReLU}(g^k) A^k)$, cell by cell | yes |
# | EigenCAM {cite:p}`muhammad2020` | $A V_1$ with $A = U \Sigma V^\top$, positions by filters | no |
# | HayCAM {cite:p}`ornek2022` | $\sum_p w'_p A'_p$, $(w', A')$ the principal components of $w$ and $A$ | yes |
# | HayCAM+ {cite:p}`ornek2024` | $\sum_p A'_p$ over the components that hold 90 % of the variance | no |
#
# The paper's equation 5, for LayerCAM, has lost its weights in print; what it calls second-order
# derivatives the method does not use. HayCAM's number of components is not given, so it follows
# HayCAM+'s rule. Three choices about the PCA are open, and are readings:
#
# - the **sign** of each component in HayCAM+, which *adds* components, so that with $n$ of them there
#   are $2^n$ maps;
# - the **PCA**: "the sum over axis 1" of Algorithm 2 may be that of the components' scores (positions
#   are samples), or of the eigenvectors themselves (filters are samples);
# - HayCAM's **projection**: the weights may be projected as they are, or, as scikit-learn's
#   `transform` does, less the filters' means.
#
# Each network and layer is passed through once; its maps of all variants and what is measured of them
# are kept.


# %%
def read_layer(net, which, layer, located):
    """The maps of a network's layer in all variants, and all that is measured of them."""
    given = located.pixels, located.boxes, located.masks, net.classes, net.others
    found = cache.kept(
        f"{CHAPTER}/maps", mask_maps.measured, net.network, *given, layer, components
    )
    choices = {"network": net.name, "weights": net.weights, "layer": which}
    return in_readings.Arm(choices, {key: part.numpy() for key, part in found.items()})


# %%
WHICH = "last", "earlier"
arms = [
    read_layer(net, which, layer, located)
    for net in tqdm(nets, desc="networks")
    for which, layer in zip(WHICH, reversed(net.layers), strict=False)
]
variants = mask_maps.variants(components)
AXES = in_readings.Axes(
    [(v.method, v.choices) for v in variants], map_boxes.RULES, focus.FORMS,
    [*mask_maps.OVER], mask_maps.SIGNS, [*mask_maps.PROJECTED],
)  # fmt: skip
METHODS = {v.method: v.function for v in variants if mask_maps.is_main(v.choices)}
PLACES = [place for place, v in enumerate(variants) if mask_maps.is_main(v.choices)]
ours_found = arms[0].found
maps = {
    name: torch.from_numpy(ours_found["maps"][place])
    for name, place in zip(METHODS, PLACES, strict=True)
}
empty = {name: (values.amax((1, 2)) <= 0).sum().item() for name, values in maps.items()}
LAST = main.layers[-1]
activations, _ = next(mask_maps.record_batches(network, located.pixels[:1], two[0][:1], LAST))
_, filters, side, _ = activations.shape
Markdown(show.empty_maps(filters, side, empty, n))

# %% [markdown]
# Are these six different maps? Before a pooling head the gradient of a filter is the same in all its
# cells, so that LayerCAM and Grad-CAM++ differ little by algebra; and HayCAM with all components is
# Grad-CAM less its mean, before the ReLU.

# %%
NEAR = ("HayCAM", "Grad-CAM"), ("LayerCAM", "Grad-CAM++"), ("HayCAM+", "EigenCAM")
alike = {pair: rankings.spearman(*(maps[name] for name in pair)).nanmean().item() for pair in NEAR}
Markdown(findings.alike_sentence(alike))

# %% [markdown]
# ### What they look like
#
# Photographs of people are not shown on committed pages. Below are drawn portraits, explained by the
# network that gives the numbers.


# %%
def maps_by_method(network, pixels, label=WITH_MASK, layer=LAST, methods=METHODS):
    """Maps (N, h, w) by each method, for one class and one layer."""
    recorded = mask_maps.record_batches(network, pixels, torch.full((len(pixels),), label), layer)
    parts = [{name: f(*both).cpu() for name, f in methods.items()} for both in recorded]
    return {name: torch.cat([part[name] for part in parts]) for name in methods}


# %%
known = is_right(network, sketches.pixels, sketches.labels)
seen = ((sketches.labels == WITH_MASK) & (known == 1)).nonzero()[:5, 0]
shown = seen if len(seen) else (sketches.labels == WITH_MASK).nonzero()[:5, 0]
Markdown(findings.pictures_sentence(main.name, known.mean().item(), len(known), len(seen)))

# %% [markdown]
# From a map to a box: the map is enlarged to the image, cells of at least a fixed share of its
# maximum stay, and the tightest box around their largest connected part counts {cite:p}`zhou2016`.
# How the paper gets from one to the other it does not say.

# %%
RULE = partial(localization.thresholded, threshold=threshold)  # the cells that stay


def boxes_of(maps):
    """The tightest box around the largest part of each map that the rule leaves, in pixels."""
    return map_boxes.boxes_of(RULE(cams.upsample(maps, size)))


def iou_of(maps, true_boxes):
    """IoU of the maps' boxes and the true ones, (N,)."""
    return localization.box_iou(boxes_of(maps), true_boxes)


def as_pictures(pixels):
    """Images (H, W, 3) in [0, 1]."""
    return list(conversion.to_unit(pixels).permute(0, 2, 3, 1).numpy())


def gallery(pixels, true_boxes, maps):
    """Images, and each method's map over them with the box that it gives and the true box."""
    shown = {
        name: haycam_pictures.Shown(
            *(cams.upsample(m, size).numpy(), boxes_of(m).numpy(), iou_of(m, true_boxes).numpy())
        )
        for name, m in maps.items()
    }
    return haycam_pictures.gallery(as_pictures(pixels), true_boxes.numpy(), shown)


# %% [markdown]
# First the maps as they are, without boxes:

# %%
sketch_maps = maps_by_method(network, sketches.pixels[shown])
figures.with_alt_text(
    haycam_pictures.raw_maps(
        as_pictures(sketches.pixels[shown[:3]]),
        {name: m[:3].numpy() for name, m in sketch_maps.items()},
    ),
    "Three drawn portraits and the six activation maps of each, in the layer's own cells",
)

# %% [markdown]
# *The paper's Figures 5 and 6: maps in the layer's own cells, each divided by its largest
# magnitude; blue is negative.* Grad-CAM, Grad-CAM++ and LayerCAM have no negative cells by
# construction. EigenCAM has none either, because it takes no mean off activations that are never
# negative.

# %% tags=["picture"]
figures.with_alt_text(
    gallery(sketches.pixels[shown], sketches.boxes[shown], sketch_maps),
    "Drawn portraits under the six maps, with the box each gives and the true box of the mask",
)

# %% [markdown]
# *The paper's Figures 7 and 8 on drawn portraits: the map (positive cells, as a share of its
# maximum), the box that it gives in orange, the true box in broken white, and below each picture
# the IoU of the two.*

# %%
photographs = Markdown("Photographs are shown with `-p show_photographs true` and `XAI_DATA`.")
if real and show_photographs:
    photographs = figures.with_alt_text(
        gallery(located.pixels[:8], located.boxes[:8], {name: m[:8] for name, m in maps.items()}),
        "Photographs under the six maps, with the box each gives and the true box of the mask",
    )
photographs

# %% [markdown]
# ## Tables 1 and 2: boxes
#
# The rule from map to box above serves all methods alike. With the true box,
#
# $$\mathrm{IoU} = \frac{|B \cap T|}{|B \cup T|}, \qquad
# \mathrm{Dice} = \frac{2 |B \cap T|}{|B| + |T|}.$$

# %%
MEASURES = {"IoU": localization.box_iou, "Dice": localization.box_dice}
boxes = {name: boxes_of(values) for name, values in maps.items()}
overlaps = {
    measure: pd.DataFrame(
        {name: overlap(found, located.boxes).numpy() for name, found in boxes.items()},
        index=[f"image {number + 1}" for number in range(n)],
    )
    for measure, overlap in MEASURES.items()
}
show.overlap_table(overlaps, first=10)

# %% [markdown]
# *The first images of our Tables 1 and 2, one row per image, above mean and deviation over all.* The
# claims: a mean for each method, and for each pair that the paper's means set apart the order on the
# same images. Sizes of differences, and Dice, are measured as well and counted with these.

# %%
PAIRS = [
    key.split("/")[2].split(" - ") for key in reported.index if key.startswith("difference/iou")
]


def overlap_claims(measure, values, pairs, known):
    """Our measurements of the claims about one measure; values are images by methods."""
    rows = {f"{measure}/{name}": values[name] for name in values}
    for first, second in pairs:
        difference = values[first] - values[second]
        rows[f"difference/{measure}/{first} - {second}"] = difference
        rows[f"order/{measure}/{first} > {second}"] = difference
    return [claim(key, mean_of(row), len(row)) for key, row in rows.items() if key in known]


# %% [markdown]
# They are judged by the rules of the page *What counts*:

# %%
measured["IoU"] = overlap_claims("iou", overlaps["IoU"], PAIRS, reported.index)
measured["Dice"] = overlap_claims("dice", overlaps["Dice"], PAIRS, reported.index)
measured["IoU as discussed"] = [
    claim("iou/HayCAM+/discussion", mean_of(overlaps["IoU"]["HayCAM+"]), n)
]
judged = claims.judge(measured.table(), CHAPTER)
tables.verdict_table(judged[judged.group.eq("boxes: IoU")])

# %% [markdown]
# *The means by IoU; those by Dice are in the scorecard.*

# %%
tables.verdict_table(judged[judged.group.eq("order by IoU")])

# %% [markdown]
# *The order of the methods by IoU, in the main reading alone.* All six at once:

# %%
paper = {name: reported.reported[f"iou/{name}"] for name in METHODS}
ours = overlaps["IoU"].mean()
Markdown(show.order(paper, ours))

# %% [markdown]
# ## Which order holds at which threshold?
#
# Six methods and one unknown rule: the share of the maximum from which a cell counts. Maps of one
# kind are broad and of another narrow, so a threshold that suits one fails another. Otsu's
# threshold {cite:p}`otsu1979` suits itself to each map.


# %%
RULE_PLACE = map_boxes.RULES.index(("maximum", f"{threshold:g}"))
swept = pd.DataFrame(
    [
        (scale, cut, name, *mean_of(ours_found["iou"][place, :, rule]))
        for rule, (scale, cut) in enumerate(map_boxes.RULES)
        for name, place in zip(METHODS, PLACES, strict=True)
    ],
    columns=["scale", "cut", "method", "IoU", "low", "high"],
)
of_maximum = swept[swept.scale == "maximum"].drop(columns="scale")
haycam_charts.thresholds(of_maximum, METHODS)

# %% [markdown]
# *Mean IoU by threshold, with 95 % intervals, on the main network.*

# %%
table = swept.pivot(index=["scale", "cut"], columns="method", values="IoU")
by_rule = table.loc[map_boxes.RULES, list(METHODS)]
show.threshold_table(by_rule, paper)

# %% [markdown]
# *Mean IoU at each threshold.* Common code stretches each map from its lowest to its highest cell
# before it is thresholded. Then a cell of zero in a map with negative cells already has a good share
# of the *range*, and the box grows; Grad-CAM's negative cells are cut off by its ReLU.

# %%
Markdown(show.thresholds(by_rule.set_axis([" ".join(rule) for rule in map_boxes.RULES])))

# %% [markdown]
# ## Signs and components of HayCAM+
#
# Three conventions for the sign, each with both kinds of PCA. A fourth, the sign as the decomposition
# gives it, may differ between machines, so that it is no reading.

# %%
signs = pd.DataFrame(
    [
        v.choices | dict(zip(("IoU", "low", "high"), mean_of(ious), strict=True))
        for v, ious in zip(variants, ours_found["iou"][:, :, RULE_PLACE], strict=True)
        if v.method == "HayCAM+"
    ]
)
signs.round(3)

# %% [markdown]
# *HayCAM+ with both kinds of PCA and all signs, on the main network.*

# %%
CONVENTIONS = {sign: pca_cams.SIGNS[sign] for sign in mask_maps.SIGNS}
by_sign = signs.set_index(["PCA", "sign"]).IoU
Markdown(show.signs(by_sign, paper["HayCAM+"] - paper["HayCAM"], CONVENTIONS))

# %% [markdown]
# How many components the 90 % take, and what another number would do:


# %%
def component_counts(activations, share):
    """How many principal components hold a share of the variance of (N, K, H, W), (N,)."""
    matrix = activations.flatten(2)
    matrix = matrix - matrix.mean(2, keepdim=True)
    return pca_cams.kept_components(torch.linalg.svdvals(matrix).square(), share).sum(1)


# %%
limit = min(filters, side * side)
tried = {f"{k} component{'s' * (k > 1)}": k for k in (1, 2, 5, 10, 20, limit) if k <= limit}
tried |= {f"{100 * share:g} % of the variance": share for share in (0.5, 0.8, 0.9, 0.95, 0.99)}
numbered = {
    (label, name): partial(method, components=k)
    for name, method in (("HayCAM", pca_cams.haycam), ("HayCAM+", pca_cams.haycam_plus))
    for label, k in tried.items()
}
by_number = pd.Series(
    {
        key: iou_of(values, located.boxes).mean().item()
        for key, values in maps_by_method(network, located.pixels, methods=numbered).items()
    }
).unstack(sort=False)
by_number.rename_axis("components").round(3)

# %% [markdown]
# *Mean IoU by the number of components.*

# %%
counts = torch.cat(
    [
        component_counts(activations, components)
        for activations, _ in mask_maps.record_batches(network, located.pixels, two[0], LAST)
    ]
)
Markdown(show.components(components, counts.tolist(), by_number))

# %% [markdown]
# ## The orders in all readings
#
# Network x weights x layer x threshold x what it is a share of x sign x PCA x projection: each order
# in every combination, with the interval of its paired difference. The claims of the sections below
# are measured in the same way, each with the choices that concern it; this is the main reading:

# %%
SELF = {"network": main.name, "weights": FINE_TUNED, "layer": WHICH[0]}
MAIN = SELF | mask_maps.MAIN | {"threshold": f"{threshold:g}", "scale": map_boxes.SCALES[0]}
MAIN |= {"measure": focus.MEASURES[0], "over": "maps", "beside": in_readings.RANDOM_PLACE}
pd.Series(MAIN, name="main reading").to_frame()

# %% [markdown]
# The two places without a map are those of the section on important areas.

# %%
beside = {}
if located.masks is not None:
    lying = 100 * located.masks.double()
    beside[in_readings.RANDOM_PLACE] = lying.mean((1, 2)).numpy()
    beside[in_readings.MIDDLE] = lying[:, size // 2, size // 2].numpy()
series = {key: in_readings.of_claim(key, arms, AXES, beside) for key in reported.index}
measured["in all readings"] = [
    row
    for key, found in tqdm(series.items(), desc="claims")
    for row in in_readings.rows(key, found or [], mean_of, None if "order/" in key else MAIN)
]
judged = claims.judge(measured.table(), CHAPTER, measured.readings())
in_readings.shares(judged, "order/iou")

# %% [markdown]
# *The orders by IoU over all readings.* Nearest to the paper are the last layers of the fine-tuned
# networks; their readings alone:

# %%
NEAR_THE_PAPER = {"weights": FINE_TUNED, "layer": WHICH[0]}
PLUS_FIRST = [key for key in reported.index if key.startswith("order/iou/HayCAM+")]
in_readings.counts(measured.readings(), reported, PLUS_FIRST, NEAR_THE_PAPER)

# %% [markdown]
# *Readings by outcome, of networks with fine-tuned ImageNet weights, at their last layer.* What turns
# the orders, over all readings:

# %%
in_readings.by_option(measured.readings(), reported, PLUS_FIRST)

# %% [markdown]
# *Share of readings (%) in which HayCAM+ has better boxes than each other method, by option.* The
# main network alone, HayCAM+ against Grad-CAM:

# %%
haycam_charts.readings(
    measured.readings(), reported, "order/iou/HayCAM+ > Grad-CAM", SELF,
    "IoU of HayCAM+ less that of Grad-CAM",
)  # fmt: skip

# %% [markdown]
# *Each reading of the last layer of the main network.* In words:

# %%
Markdown(findings.readings_sentence(judged, "order/iou/HayCAM+ > Grad-CAM"))

# %% [markdown]
# ### Networks and layers
#
# The paper leaves other layers to future work. The earlier layer has four times as many cells and
# knows less of the class. Mean IoU in the main reading otherwise:

# %%
by_network = pd.DataFrame(
    [
        {**arm.choices, "cells": f"{arm.found['maps'].shape[-2]} x {arm.found['maps'].shape[-1]}"}
        | dict(zip(METHODS, arm.found["iou"][PLACES, :, RULE_PLACE].mean(1), strict=True))
        for arm in arms
    ]
).set_index(["network", "weights", "layer", "cells"])
show.threshold_table(by_network, paper)

# %% [markdown]
# *Mean IoU by network, weights and layer.*
#
# ## What can seven images show?
#
# The bodies of the paper's Tables 1 and 2 are empty in the text at hand; their blank lines have room
# for six or seven images. How often do seven of ours show the paper's order, and how often its
# reverse?

# %%
last = {
    f"{a.choices['network']} ({a.choices['weights']})": a
    for a in arms
    if a.choices["layer"] == "last"
}
overlaps_of = {
    name: pd.DataFrame(arm.found["iou"][PLACES, :, RULE_PLACE].T, columns=[*METHODS])
    for name, arm in last.items()
}
drawn_means = {name: samples.drawn(values, seed) for name, values in overlaps_of.items()}
seven = samples.orders_table(drawn_means, paper)
seven.round(1)

# %% [markdown]
# *Share of draws (%) of seven images in which an order appears, by network.* On the main network,
# pair by pair:

# %%
own = next(iter(overlaps_of))
seven_pairs = samples.pairs_table(overlaps_of[own], drawn_means[own], PAIRS, paper)
seven_pairs.round(3)

# %% [markdown]
# *Each pair of methods.*

# %%
Markdown(samples.told(seven, seven_pairs, "HayCAM+", n))

# %% [markdown]
# ## What the paper's own numbers prove
#
# For one image, Dice follows from IoU: $D = 2I / (1 + I)$. That curve bends down, so the mean Dice
# over images lies below the Dice of the mean IoU, by about half the curve's bend times the
# *variance* of IoU. So one can tell from the means how much IoU varied from image to image.

# %%
implied = haycam_printed.implied_table(reported.reported, overlaps["IoU"], overlaps["Dice"])
implied.round(4)

# %% [markdown]
# *Means as printed, and what they imply.*

# %%
Markdown(
    "\n\n".join(
        [
            haycam_printed.implied(implied, reported.reported),
            haycam_printed.used_before(reported.reported),
            haycam_printed.sums(reported.reported),
        ]
    )
)

# %% [markdown]
# ## Are HayCAM+'s areas the most focused?
#
# The paper shows focus in pictures. Here it is the smallest share of a map's cells that holds half of
# its positive mass, small for a focused map. Readings take two other measures (the share of cells over
# which equal mass would have the map's entropy; the share of cells above a fifth of the maximum), and
# the map stretched from its lowest to its highest cell instead of its positive part.

# %%
areas = ours_found["focus"][PLACES].transpose(1, 0, 2)  # images, methods, forms
pd.DataFrame(
    dict(zip(map(" of ".join, focus.FORMS), mean_of(areas)[0].T, strict=True)), index=[*METHODS]
).round(1)

# %% [markdown]
# *Mean share of the cells (%) in all forms, of a map's maximum (its positive part) or of its range, on
# the main network: smaller is more focused.*

# %%
in_readings.shares(judged, "focus/HayCAM+")

# %% [markdown]
# *Area of each other method less that of HayCAM+, over all readings.*

# %%
Markdown(findings.group_sentence(judged, "focus/HayCAM+", "conclusion/most focused"))

# %% [markdown]
# ## Does focus mean better boxes?
#
# If it does, then of an image's six maps the more focused one has the better box: the rank correlation
# of focus and IoU over the maps of an image is positive on average. A reading ranks the images of each
# method instead.

# %%
haycam_charts.readings(
    measured.readings(), reported, "focus/boxes", SELF, "rank correlation of focus and IoU"
)

# %% [markdown]
# *Rank correlation in each reading of the main network's last layer.*

# %%
Markdown(findings.readings_sentence(judged, "focus/boxes"))

# %% [markdown]
# ## Does PCA remove what is unrelated to the class?
#
# Two tests. If what PCA removes is unrelated, the components that it keeps lie more on the mask than
# those that it removes. And if it leaves what tells the classes apart, the maps of two classes are
# less alike after PCA than before: Grad-CAM before its ReLU against HayCAM, which is the same after
# PCA.

# %%
in_readings.shares(judged, "pca/")

# %% [markdown]
# *Both tests over all readings.*

# %%
before, after = mean_of(ours_found["alike"][:2].T)[0]
Markdown(findings.blind_sentence(before, after))

# %% [markdown]
# ## Beyond the paper: pixels, and maps that know nothing
#
# A box hides what a map does inside it. With the mask's pixels known, three things can be measured
# without a box: is the highest cell on the mask (the pointing game {cite:p}`zhang2018`), what share
# of the map's positive mass lies on it, and how well does the thresholded map cover it? And each
# number needs something to be held against:
#
# - **random**: every cell drawn at random;
# - **center**: highest in the middle of the image, falling off to its corners;
# - **edges**: Sobel edges of the image, averaged over the layer's cells;
# - **centered box**: in the middle of the image, of half its side, fixed before the run;
# - **supervised prior**: the mean of the *other* images' true boxes. It never looks at the image, but
#   it is made of true boxes, and these masks lie near one place; no map has that help.


# %%
priors = {
    show.PRIOR: mask_controls.mean_of_others(located.boxes),
    show.CENTERED: mask_controls.centered_boxes(n, size),
}
compared = maps | mask_controls.control_maps(located.pixels, side, seed)
truth = located.boxes, located.masks, size, threshold
localized = {name: mask_controls.localize(values, *truth) for name, values in compared.items()}
localized |= {
    name: {"IoU of boxes": localization.box_iou(fixed, located.boxes)}
    for name, fixed in priors.items()
}
localization_means = pd.DataFrame(
    [
        (name, measure, *mean_of(values))
        for name, by_measure in localized.items()
        for measure, values in by_measure.items()
    ],
    columns=["map", "measure", "value", "low", "high"],
)
haycam_charts.localization(localization_means, METHODS)

# %% [markdown]
# *Each measure with 95 % intervals, on the main network.*

# %%
level = show.table_of_means(localization_means)
level.round(3)

# %% [markdown]
# *The same means as numbers.*

# %%
Markdown(show.localized(level, list(METHODS), area))

# %% [markdown]
# ### Do all six identify what matters?
#
# The claim is that the highest place of a map lies on the mask more often than a place without a map: a
# random place, or as a reading the middle of the image, near which these masks lie.

# %%
in_readings.shares(judged, "points/")

# %% [markdown]
# *Hits less those of a place without a map, over all readings.*

# %%
Markdown(findings.group_sentence(judged, "points/", "conclusion/important areas"))

# %% [markdown]
# ## Does the map explain the decision?
#
# EigenCAM and HayCAM+ use neither the class nor what comes after the layer. So the same map
# "explains" *mask* and *no mask*, and it would stay the same if the network's last layer had the
# opposite sign. Two checks: maps for the other class, and maps of a network before any training, as in
# {cite:t}`adebayo2018`.

# %%
against = maps_by_method(network, located.pixels, label=WITHOUT_MASK)
by_class = pd.DataFrame(
    {
        name: {
            "correlation: mask, no mask": mask_maps.correlation(maps[name], against[name])
            .nan_to_num()
            .mean()
            .item(),
            "IoU, class mask": ours[name],
            "IoU, class no mask": iou_of(against[name], located.boxes).mean().item(),
        }
        for name in METHODS
    }
).T
by_class.round(3)

# %% [markdown]
# *Means over the images with a known mask, on the main network; a map without any cell counts as a
# correlation of 0.* The network from random weights, before and after its training:

# %%
untrained = classifiers.timm_network(
    backbone, classes=2, size=size, pretrained=False, seed=seed + 1
)
untrained = untrained.to(DEVICE).eval().requires_grad_(False)
unlearned = maps_by_method(untrained, located.pixels, layer=nets[-1].layers[-1])
learned = overlaps_of[f"{backbone} ({FROM_RANDOM})"].mean()
trainings = pd.DataFrame(
    {
        "untrained": {m: iou_of(v, located.boxes).mean().item() for m, v in unlearned.items()},
        "trained": learned,
    }
)
trainings.round(3)

# %% [markdown]
# *Mean IoU.*

# %%
same = [name for name in METHODS if torch.equal(maps[name], against[name])]
Markdown(show.class_free(same, by_class, trainings, n))

# %% [markdown]
# ## Theirs and ours

# %%
counted = judged[judged.same_as.eq("")]
counted.groupby(["group", "verdict"], sort=False).size().unstack(fill_value=0)

# %% [markdown]
# *Verdicts by group of claims, each quantity once.* In one look:

# %% tags=["verdict"]
outcome = haycam_verdict.Outcome(
    judged=judged,
    network=main.name,
    paper=paper,
    ours=ours,
    gain=mean_of(overlaps["IoU"]["HayCAM+"] - overlaps["IoU"]["Grad-CAM"]),
    seven=seven,
    same=same,
    photographs=real,
)
notebook.finish(
    session, measured.table(), haycam_verdict.verdict(outcome), readings=measured.readings()
)

# %% [markdown]
# And what does not hold, or only in some readings:

# %%
tables.verdict_table(counted[counted.verdict.isin([claims.NOT_REPRODUCED, claims.DEPENDS])])

# %% [markdown]
# *Claims that are not reproduced or depend on the reading.*
#
# ## What differs, and what we do not know
#
# - **Networks.** The paper's is ResNet18 with ImageNet weights; ours are smaller ones with ImageNet
#   weights, and a ResNet18 without them. The profile `paper` takes the paper's.
# - **Images.** The paper's images are partly private, and how many of them carry boxes is not in
#   the text at hand. Ours are fewer, and the masks with known pixels were put into the photographs by
#   hand, all of one kind and all near the middle; hence the two boxes among the controls.
# - **What the box surrounds.** Ours is tight around mask and ear loops. The paper does not say
#   whether its boxes surround the mask or the face.
# - **From map to box.** Threshold, negative cells, connected parts: unknown in the paper, varied
#   above.
# - **HayCAM.** We found no code of it, and its number of components is unknown; ours follows HayCAM+'s
#   rule.
# - **Grad-CAM++** is computed by its formula; common code adds a constant to the denominator, which
#   matters where gradients are small.
# - **Readings are no sample.** The share of readings in which a claim holds counts our options, each
#   once; it is no probability. Among so many readings a few turn by chance, so that "depends on the
#   reading" says less than the share and what changes it.
# - **Another network**: `-p backbone` takes any of timm's, with `-p layers` naming its layers;
#   those must not be negative, or Grad-CAM++ refuses them.
