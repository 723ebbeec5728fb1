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
# # Saliency by differential evolution
#
# Karatsiolis and Kamilaris (2022) explain a network of which they only see the output. Their
# method, DE-CAM, evolves masks of ten ellipses, keeps those under which the class's logit stays
# high, and adds them up to a saliency map {cite:p}`karatsiolis2022`. Judged by insertion and
# deletion, they say, such a map is as good as those of Grad-CAM and FullGrad, which use the
# network's activations and gradients. This chapter runs DE-CAM, the methods it is compared with
# and the measure, and asks what the search gains over masks that are drawn at random.

# %% [markdown]
# ## What is claimed, and how it is judged
#
# The claims stand in `data/reported/decam.csv` with tolerances that were fixed before the run.
# The paper has no code. Its text lacks the weight of the area, the size of the population and two
# limits, so its nine values of DiffAUC depend on choices that nobody can check. The *differences*
# between methods on the same images depend on them less; they are claims of their own.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed: int = None  # of the search, of the random maps and of the bootstrap
networks: str = None  # by name, in the places of VGG19, ResNet50 and MobileNetV2
images: int = None  # of the twenty photographs that Foolbox ships
sample_images: int = None  # further ones, from XAI_DATA/imagenet-sample; the paper: 1,000 in all
population: int = None  # individuals; the paper does not say
iterations: int = None  # generations; the paper: 200
ellipses: int = None  # of an individual; the paper: 10
crossover: float = None  # CR; the paper: 0.2
weight: float = None  # F; the paper: 0.8
largest: float = None  # largest side of an ellipse, a share of the image's; lost in print
area_weights: str = None  # alpha, in logits; of several the calibration below takes one
steps: int = None  # of insertion and deletion; RISE's large evaluation has 28, its single runs 224
few: int = None  # images on which choices are varied, which costs a search for each
spread_runs: int = None  # searches of the same image that differ in their seeds alone
at_once: int = None  # images that are searched together
precision: str = None  # float32 or bfloat16: of searches, not of insertion and deletion
bootstrap_draws: int = None  # for the intervals

# %%
from helpers.run import notebook

session = notebook.begin("decam", globals())

# %% [markdown]
# ## Set-up
#
# The table counts the paper's claims, with the widest tolerance of each group.

# %%
import time
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display
from torch import Tensor, nn
from tqdm import tqdm

from helpers.inputs import classifiers, conversion, devices, photographs
from helpers.measures import insertion_deletion, intervals, localization, rankings, sobel
from helpers.papers import cams, decam, peers
from helpers.report import claims, figures, tables, theme
from helpers.report.chapters import decam as show
from helpers.report.chapters import decam_charts, decam_tables
from helpers.run import card
from helpers.saliency import activation_maps, black_boxes, gradients
from helpers.store import cache, paths

# %%
theme.apply_theme()
CHAPTER = "decam"
DEVICE = classifiers.default_device()
BATCH = devices.batch_that_fits((3, 224, 224), DEVICE)  # images that a network gets at once
NAMES = networks.split()
PAPERS = dict(zip(NAMES, ("VGG19", "ResNet50", "MobileNetV2"), strict=False))
REPORTED = claims.reported(CHAPTER)
measured = claims.Measurements()
print(f"{card.device_name()}; {', '.join(NAMES)}")
REPORTED.groupby("group", sort=False).agg(
    claims=("says", "size"), tolerance=("tolerance_b", "max"), unit=("unit", "first")
)

# %% [markdown]
# The measurement of a claim is a mean over images, with a 95 % bootstrap interval.


# %%
def mean_of(values):
    """Mean of values (N, ...) over the first axis, and its 95 % bootstrap interval."""
    return intervals.mean_interval(values, draws=bootstrap_draws, seed=seed)


def measurements(values):
    """Rows of results: of each of these keys that is a claim, the mean of its values (N,)."""
    return [
        claims.measurement(key, claims.INDEPENDENT, *mean_of(numbers), len(numbers))
        for key, numbers in values.items()
        if key in REPORTED.index
    ]


# %% [markdown]
# ## Photographs and networks
#
# Foolbox ships twenty photographs of ImageNet; the networks see their middle square, 7/8 of the
# shorter side. The paper's VGG19, ResNet50 and MobileNetV2 come from torchvision, by download.
# Where that cannot be had, three networks whose weights come as packages take their places in the
# table; they share no more with them than the place. The class whose map is made is the one that
# the network predicts. A search may be run in bfloat16, as this run's parameter `precision` says;
# every map is judged in float32.


# %%
class Network(NamedTuple):
    """A classifier, the copy that searches evaluate, and its predictions for the photographs."""

    network: nn.Module  # images in [0, 1] to logits, in float32
    searched: nn.Module  # the same, in the precision of the searches
    layer: str  # the last feature map before pooling
    fill: Tensor  # (3, 1, 1): its mean color, which is zero once normalized
    logits: Tensor  # (N, 1000)
    classes: Tensor  # (N,): those predicted

    def probabilities(self):
        """Of the predicted classes, (N,)."""
        return self.logits.softmax(1).amax(1)


def load_photographs(count, further):
    """The first `count` of Foolbox's photographs, and `further` of XAI_DATA/imagenet-sample."""
    parts = [photographs.Photographs(*(field[:count] for field in photographs.foolbox_imagenet()))]
    folder = paths.xai_data() / "imagenet-sample" if further and paths.xai_data() else None
    if folder is not None and folder.is_dir():
        parts.append(photographs.load_folder(folder, further))
    names = [name for part in parts for name in part.names]
    pixels, labels = (torch.cat([part[field] for part in parts]) for field in (0, 1))
    return photographs.Photographs(pixels, labels, names)


# %%
def load_network(name, pixels):
    """A network of ImageNet and its logits for the photographs."""
    network, layer = classifiers.load_imagenet(name)
    searched = classifiers.Bfloat16(network) if precision == "bfloat16" else network
    logits = classifiers.logits(network, pixels, batch_size=BATCH)
    return Network(network, searched, layer, network.mean[0], logits, logits.argmax(1))


def network_row(net, pixels, labels):
    """Share of right predictions, mean probability and logit, and how `precision` moves it."""
    rounded = classifiers.logits(net.searched, pixels, batch_size=BATCH)
    change = (rounded - net.logits).gather(1, net.classes[:, None]).abs()
    correct = (net.classes == labels)[labels >= 0].double()
    columns = correct, net.probabilities(), net.logits.amax(1), change
    return tuple(values.mean().item() for values in columns)


# %% [markdown]
# Their accuracy is the first check: without it no map is worth reading.

# %%
photos = load_photographs(images, sample_images)
n = len(photos.names)
inputs = conversion.to_unit(photos.pixels.to(DEVICE)).contiguous(memory_format=torch.channels_last)
nets = {name: load_network(name, photos.pixels) for name in NAMES}
first = nets[NAMES[0]]  # on which all that is varied is varied
rows = {name: network_row(net, photos.pixels, photos.labels) for name, net in nets.items()}
decam_tables.networks(rows, PAPERS, precision)

# %% [markdown]
# ## Method: a population of ellipses
#
# An individual is ten ellipses, each the corners of a box and an angle: 50 numbers. Its mask M
# keeps the pixels that lie in one of them and puts the network's mean color elsewhere. Its
# fitness is
#
# $$ f_c(X \odot M) - \alpha \, \frac{1}{HW} \sum_{ij} m_{ij}, $$
#
# the logit less a price for the area (Eq. 1). A trial {cite:p}`storn1997` takes each number, with
# probability 0.2, from $a + 0.8\,(b - c)$ of three other individuals, and replaces its parent if
# it is fitter (Algorithm 1). After 200 iterations the masks that are fitter than 2/3 of the mean
# are added up. Two departures from the paper: a generation is made as a whole instead of in
# place, so that it is one batch; and where the mean fitness is negative, the paper's rule would
# keep nothing or the wrong masks, so that those above the mean are kept. The method is
# `helpers/papers/decam.py`.


# %%
def generations_shown(iterations):
    """The generations after which a map is kept, for quality against cost: 0, 5, 10, 20, 40, ..."""
    return [0] + [t for t in (5 * 2**k for k in range(20)) if t < iterations] + [iterations]


def search_group(network, images, classes, fill, seed, batch_size, settings):
    """DE-CAM of images (B, ...) that are searched together, for the cache; see `search_maps`."""
    size, early = images.shape[-2:], []
    shown, ellipses = generations_shown(settings["iterations"]), settings["ellipses"]

    def watch(search):
        for generation, state in enumerate(search):
            if generation in shown:
                early.append(decam.ellipse_map(state, size, ellipses, settings["share"]))
            yield state

    started = time.perf_counter()
    score = classifiers.class_score(network, classes, probability=False)
    result = decam.de_cam(
        score, images, **settings, fill=fill, batch_size=batch_size, watch=watch,
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip
    seconds = torch.full((len(images),), (time.perf_counter() - started) / len(images))
    best = result.population.best()[0].unflatten(-1, (ellipses, 5))
    area = decam.ellipse_masks(best, size).float().mean((1, 2))
    history = {"mean": result.history.mean(2).T, "best": result.history.amax(2).T}
    maps = {"maps": result.maps, "early": torch.stack(early, 1)}
    return {**maps, **history, "area": area, "seconds": seconds}


# %% [markdown]
# Images are searched in groups, and each group is kept, so that a run that breaks off can go on.
# A group shares one stream of random numbers, which starts at the seed.


# %%
def in_groups(name, function, network, batches, *others):
    """A function's results for tensors (N, ...), `at_once` rows at a time, each group kept."""
    groups = torch.arange(len(batches[0])).split(at_once)
    parts = [
        cache.kept(f"{CHAPTER}/{name}", function, network, *(b[group] for b in batches), *others)
        for group in tqdm(groups, desc=name, disable=len(groups) < 2)
    ]
    return {key: torch.cat([part[key] for part in parts]) for key in parts[0]}


def search_maps(net, images, classes, settings, seed):
    """DE-CAM of images (N, 3, H, W) on a network, on the CPU.

    Gives maps (N, H, W), early maps of some generations (N, T, H, W), the mean and the best fitness
    of each (N, G), the best mask's area as a share of the image (N,), and seconds an image (N,).
    """
    others = {key: value for key, value in settings.items() if key != "fill"}
    fill = settings.get("fill", net.fill)
    return in_groups(
        "search", search_group, net.searched, (images, classes), fill, seed, BATCH, others
    )


# %% [markdown]
# ### The measure: insertion and deletion
#
# Deletion replaces pixels by the mean color, the most relevant first, and follows the class's
# probability. Insertion starts from a blurred image and puts the pixels back
# {cite:p}`petsiuk2018`. The paper's DiffAUC is the area under the second curve less that under
# the first, times 100. A map that is a sum of masks has many equal values; here they go in row
# order, and a section below shows what another order changes.


# %%
def curves_of_group(network, images, classes, maps, fill, steps, batch_size):
    """Deletion and insertion curves of maps (B, H, W), for the cache; see `curves_of`."""
    score = classifiers.class_score(network, classes, probability=True)
    both = [
        curve(score, images, maps.to(images.device), steps=steps, fill=fill, batch_size=batch_size)
        for curve in (insertion_deletion.deletion_curve, insertion_deletion.insertion_curve)
    ]
    return {"curves": torch.stack(both, 1)}


def curves_of(net, images, classes, maps):
    """Deletion and insertion curves (N, 2, steps + 1) of maps (N, H, W)."""
    batches, others = (images, classes, maps), (net.fill, steps, BATCH)
    return in_groups("curves", curves_of_group, net.network, batches, *others)["curves"]


def diff_auc(curves):
    """The paper's DiffAUC, 100 (insertion - deletion), of curves (N, 2, steps + 1): (N,)."""
    areas = 100 * insertion_deletion.auc(curves)
    return (areas[:, 1] - areas[:, 0]).numpy()


# %% [markdown]
# ### Sanity check: an individual, and where the curves start and stop
#
# In the middle one random individual of ten ellipses, as in the paper's Figure 2, and right what
# it keeps of an image.


# %%
def as_picture(image):
    """An image (3, H, W) as an array (H, W, 3)."""
    return image.cpu().permute(1, 2, 0).float().numpy()


def random_individual():
    """The mask (224, 224) of one individual of the first population."""
    generator = torch.Generator().manual_seed(seed)
    limits = 224 / 20, 224 * largest
    genes = decam.random_ellipses((1, ellipses), (224, 224), limits, generator)
    return decam.ellipse_masks(genes, (224, 224))[0]


mask = random_individual()
masked = torch.where(mask, inputs[0].cpu(), first.fill.cpu())
figures.with_alt_text(
    figures.heatmap_grid(
        [[as_picture(inputs[0]), mask.float().numpy(), as_picture(masked)]],
        row_labels=[""], column_labels=["image", "mask", "what is kept"], signed=False, cell=144,
    ),
    "A photograph, a mask of ten random ellipses, and the photograph with the rest in gray",
)  # fmt: skip

# %% [markdown]
# Whatever the map, deletion must start and insertion must stop at the whole image. There both are
# compared with the network's own probability, for a random map.

# %%
random_maps = torch.rand(n, 224, 224, generator=torch.Generator().manual_seed(seed))
random_curves = curves_of(first, inputs, first.classes, random_maps)
at_whole = torch.stack([random_curves[:, 0, 0], random_curves[:, 1, -1]])
Markdown(
    show.sanity(
        n,
        (at_whole - first.probabilities().double()).abs().max().item(),
        plain=random_curves[:, 0, -1].mean().item(),
        blurred=random_curves[:, 1, 0].mean().item(),
    )
)

# %% [markdown]
# ## The price of the area, calibrated in the open
#
# The paper does not give alpha. Without a price the search keeps what it can; with a price too
# high it keeps nothing. The rule was fixed before the first run: of a small grid, take the alpha
# whose best masks keep a share of the image nearest to 20 %, on average over a few images of the
# first network.

# %%
SETTINGS = {
    "population": population, "iterations": iterations, "ellipses": ellipses,
    "crossover": crossover, "weight": weight, "limits": (1 / 20, largest), "share": 2 / 3,
}  # fmt: skip
chosen = list(range(min(few, n)))  # images on which choices are varied


def scored_search(net, images, classes, settings):
    """DiffAUC of a search's maps, the best mask's share of the image, its fitness: (N,) each."""
    result = search_maps(net, images, classes, settings, seed)
    values = diff_auc(curves_of(net, images, classes, result["maps"]))
    return values, result["area"].numpy(), result["best"][:, -1].numpy()


# %% [markdown]
# A table shows what each alpha keeps, where there is more than one.

# %%
grid = [float(text) for text in area_weights.split()]
subset, classes = inputs[chosen], first.classes[chosen]
tried = {
    alpha: scored_search(first, subset, classes, SETTINGS | {"area_weight": alpha})
    for alpha in grid[: len(grid) if len(grid) > 1 else 0]
}
area_weight = min(grid, key=lambda alpha: abs(tried[alpha][1].mean() - 0.2)) if tried else grid[0]
if tried:
    display(decam_tables.calibration(tried))
Markdown(show.calibration(area_weight, len(grid), len(chosen)))

# %% [markdown]
# ## Table 1: DiffAUC of each method on each network
#
# Grad-CAM takes the last feature map before pooling. FullGrad adds up what the input and every
# bias contribute {cite:p}`srinivas2019`. Integrated Gradients, which the paper shows but does not
# score, starts from black, takes 50 steps and adds up what the three colors contribute, with its
# sign {cite:p}`sundararajan2017`. RISE, on the first network, has exactly as many evaluations as
# DE-CAM. Three controls never evaluate the network.


# %%
def grad_cam(network, images, classes, layer):
    """Grad-CAM of images (N, 3, H, W) at their size, (N, H, W)."""
    return cams.upsample(cams.grad_cam(*cams.record(network, images, classes, layer)), 224)


def timed(method, network, images, classes):
    """A method's maps (N, H, W), four images at a time, and the seconds that one took, (N,)."""
    started = time.perf_counter()
    maps = [
        method(network, images[group], classes[group].to(images.device)).detach().cpu()
        for group in torch.arange(len(images)).split(4)
    ]
    seconds = (time.perf_counter() - started) / len(images)
    return {"maps": torch.cat(maps), "seconds": torch.full((len(images),), seconds)}


def white_box(net, images):
    """Maps and seconds of the methods that use activations and gradients, by method."""
    methods = {
        "Grad-CAM": partial(grad_cam, layer=net.layer),
        "FullGrad": activation_maps.full_grad,
        "Integrated Gradients": partial(gradients.integrated_gradients, steps=50),
    }
    return {
        name: cache.kept(f"{CHAPTER}/white-box", timed, method, net.network, images, net.classes)
        for name, method in methods.items()
    }


# %% [markdown]
# RISE averages random masks, each weighted by the class's probability under it; a group of images
# gets the same masks.


# %%
def rise_group(network, images, classes, fill, masks, seed, batch_size):
    """RISE of images (B, 3, H, W) with so many masks, for the cache."""
    score = classifiers.class_score(network, classes, probability=True)
    generator = torch.Generator().manual_seed(seed)
    maps = peers.rise(
        score, images, masks=masks, fill=fill, batch_size=batch_size, generator=generator
    )
    return {"maps": maps}


def rise(net, images, masks):
    """RISE's maps (N, H, W)."""
    others = net.fill, masks, seed, BATCH
    return in_groups("rise", rise_group, net.searched, (images, net.classes), *others)["maps"]


def control_maps(images, random_maps):
    """Maps that never see a network: random, the image's center, the image's edges."""
    rows, columns = torch.meshgrid(torch.arange(224.0), torch.arange(224.0), indexing="ij")
    center = -((rows - 111.5) ** 2 + (columns - 111.5) ** 2)
    edges = sobel.edge_magnitude(images).sum(1).cpu()
    return {"random": random_maps, "centre": center.expand(len(images), -1, -1), "edges": edges}


# %% [markdown]
# All maps of all networks, their curves and their DiffAUC:

# %%
EVALUATIONS = population * (iterations + 1)  # of the network by one search
SEARCH = SETTINGS | {"area_weight": area_weight}
WHITE_BOXES = ("Grad-CAM", "FullGrad", "Integrated Gradients")
SHOWN = (*WHITE_BOXES, "DE-CAM")  # by the paper
controls = control_maps(inputs, random_maps)
searches = {name: search_maps(net, inputs, net.classes, SEARCH, seed) for name, net in nets.items()}
white_boxes = {name: white_box(net, inputs) for name, net in nets.items()}
rise_maps = {NAMES[0]: {"RISE": rise(first, inputs, EVALUATIONS)}}  # as slow as DE-CAM, so once
maps = {
    name: {
        **{method: result["maps"] for method, result in white_boxes[name].items()},
        "DE-CAM": searches[name]["maps"],
        **rise_maps.get(name, {}),
        **controls,
    }
    for name in NAMES
}
curves = {
    name: {method: curves_of(net, inputs, net.classes, m) for method, m in maps[name].items()}
    for name, net in nets.items()
}
diff_aucs = {name: {m: diff_auc(c) for m, c in curves[name].items()} for name in NAMES}

# %% [markdown]
# The table has the mean DiffAUC with its interval, and the paper's.

# %%
table1 = pd.DataFrame(
    [
        (name, method, *mean_of(values), n,
         REPORTED.reported.get(f"diffauc/{PAPERS.get(name)}/{method}", np.nan))
        for name in NAMES
        for method, values in diff_aucs[name].items()
    ],
    columns=["network", "method", "DiffAUC", "low", "high", "n", "paper"],
)  # fmt: skip
measured["Table 1"] = measurements(
    {
        f"diffauc/{paper}/{method}": diff_aucs[name][method]
        for name, paper in PAPERS.items()
        for method in SHOWN
    }
)
display(decam_tables.table1(table1, NAMES, PAPERS))
decam_charts.diff_aucs(table1, NAMES)

# %% [markdown]
# *DiffAUC, mean over the images with its 95 % interval. A method that scores no higher than the
# controls has not shown that its map depends on the network.*
#
# The differences are of the same images, which makes their intervals narrower:

# %%
pairs = pd.DataFrame(
    [
        (name, method, *mean_of(diff_aucs[name]["DE-CAM"] - values))
        for name in NAMES
        for method, values in diff_aucs[name].items()
        if method != "DE-CAM"
    ],
    columns=["network", "method", "points", "low", "high"],
)
measured["differences"] = measurements(
    {
        f"diff/{paper}/{method}": diff_aucs[name]["DE-CAM"] - diff_aucs[name][method]
        for name, paper in PAPERS.items()
        for method in WHITE_BOXES
    }
)
decam_tables.differences(pairs, NAMES)

# %% [markdown]
# *Paired differences of DiffAUC, DE-CAM minus the other method, with 95 % intervals over images.*
#
# The paper's values lie higher than is usual for this measure. Two readings could explain it:
# values divided by the whole image's probability, and only images of which the network is sure.

# %%
confidence = {name: net.probabilities().numpy() for name, net in nets.items()}
decam_tables.readings(table1, diff_aucs, confidence, SHOWN)

# %% [markdown]
# ## Figures 3 to 6: what the maps look like
#
# As in the paper each map is stretched by itself, so brightness cannot be compared across maps.
# The number below is its DiffAUC. Integrated Gradients has both signs, so its zero is a middle
# tone.


# %%
def gallery(images, maps, scores, indices, cell=112):
    """Photographs and each method's map of them (maps, scores: by method), with its DiffAUC."""
    pictures, captions = [], []
    for i in indices:
        scaled = [cams.display_scaled(m[i : i + 1].float())[0].numpy() for m in maps.values()]
        pictures.append([as_picture(images[i]), *scaled])
        captions.append(["", *(f"{scores[method][i]:.0f}" for method in maps)])
    return figures.heatmap_grid(
        pictures, row_labels=[str(i + 1) for i in indices], column_labels=["image", *maps],
        captions=captions, cell=cell, signed=False,
    )  # fmt: skip


def shown_maps(maps):
    """Those that the paper shows, and RISE's."""
    return {m: maps[m] for m in (*SHOWN, "RISE") if m in maps}


# %% [markdown]
# On the first network, where RISE was run too:

# %% tags=["picture"]
figures.with_alt_text(
    gallery(inputs, shown_maps(maps[NAMES[0]]), diff_aucs[NAMES[0]], range(min(4, n))),
    f"Photographs and five methods' maps of them on {NAMES[0]}, with the DiffAUC of each",
)

# %% [markdown]
# Further photographs, on the other networks:

# %%
further = [
    figures.with_alt_text(
        gallery(inputs, shown_maps(maps[name]), diff_aucs[name], range(4, min(7, n)), cell=80),
        f"Photographs and four methods' maps of them on {name}",
    )
    for name in NAMES[1:]
    if n > 4
]
figures.side_by_side(further) if further else Markdown(
    "*Other networks are not part of this profile.*"
)

# %% [markdown]
# The curves behind the numbers, for the photographs above:

# %%
shown_curves = {m: curves[NAMES[0]][m][:4].numpy() for m in SHOWN}
decam_charts.insertion_deletion(shown_curves)

# %% [markdown]
# *Figure 6, for the photographs above on the first network; choose one below the chart.*
#
# ### Similar areas, fewer pixels?
#
# The paper sees that all methods find similar areas, and that DE-CAM marks fewer pixels on
# MobileNetV2. Similar is read as: the ranks of two maps of an image agree better than those of
# maps of two different images. The area of a map is the share of pixels above half of its
# maximum.


# %%
def area(maps):
    """Share of the pixels above half of each map's maximum, (N,)."""
    return (maps > maps.amax((1, 2), keepdim=True) / 2).float().mean((1, 2)).numpy()


def agreement(maps, method):
    """DE-CAM's mean rank correlation with a method's map of the image, and of another image."""
    pairs = [(m["DE-CAM"].float(), m[method].float()) for m in maps.values()]
    same = [rankings.spearman(ours, theirs).nan_to_num() for ours, theirs in pairs]
    apart = [rankings.spearman(ours, theirs.roll(1, 0)).nan_to_num() for ours, theirs in pairs]
    return torch.stack(same).mean(0).numpy(), torch.stack(apart).mean(0).numpy()


# %%
similar = {method: agreement(maps, method) for method in WHITE_BOXES}
areas = {method: area(m) for method, m in maps[NAMES[-1]].items()}
measured["maps"] = measurements(
    {f"similar/{method}": same - apart for method, (same, apart) in similar.items()}
    | {f"fewer/{method}": 100 * (areas["DE-CAM"] - areas[method]) for method in WHITE_BOXES}
)
decam_tables.similar(similar, areas, NAMES[-1])

# %% [markdown]
# ## What it costs
#
# The paper's search takes a minute on two graphics cards, "comparable to Integrated Gradients"
# and "orders of magnitude" more than Grad-CAM. Seconds depend on the machine, evaluations of the
# network do not.

# %%
seconds = {
    (name, method): result["seconds"].double().numpy()
    for name in NAMES
    for method, result in (white_boxes[name] | {"DE-CAM": searches[name]}).items()
}
ours = seconds[NAMES[0], "DE-CAM"]
measured["cost"] = measurements(
    {
        "cost/seconds": ours,
        "cost/ig": ours / seconds[NAMES[0], "Integrated Gradients"],
        "cost/grad_cam": ours / seconds[NAMES[0], "Grad-CAM"],
    }
)
decam_tables.costs(seconds, EVALUATIONS)

# %% [markdown]
# *Seconds an image on the device that the run card names; in batches where a method allows.*
#
# ### Does the population get better, and does the map?
#
# First what the search maximizes, against the number of evaluations.

# %%
history = pd.DataFrame(
    [
        (name, population * (generation + 1), *mean_of(searches[name]["mean"][:, generation]))
        for name in NAMES
        for generation in range(0, iterations + 1, max(iterations // 50, 1))
    ],
    columns=["network", "evaluations", "fitness", "low", "high"],
)
fitness = searches[NAMES[0]]["mean"]  # (N, generations + 1)
decam_charts.fitness(history)

# %% [markdown]
# Then what the map is judged by.

# %%
early = [
    diff_auc(curves_of(first, inputs, first.classes, m))
    for m in searches[NAMES[0]]["early"].unbind(1)
]
spent = [population * (generation + 1) for generation in generations_shown(iterations)]
levels = {m: diff_aucs[NAMES[0]][m].mean() for m in ("Grad-CAM", "RISE", "random")}
quality = pd.DataFrame(
    [("DE-CAM", x, *mean_of(values)) for x, values in zip(spent, early, strict=True)]
    + [(m, x, y, y, y) for m, y in levels.items() for x in (spent[0], spent[-1])],
    columns=["map", "evaluations", "DiffAUC", "low", "high"],
)
decam_charts.quality(quality)

# %% [markdown]
# What the search gains over its random start, and over RISE, which has as many evaluations:

# %%
gain = mean_of(early[-1] - early[0])
rise_difference = mean_of(diff_aucs[NAMES[0]]["DE-CAM"] - diff_aucs[NAMES[0]]["RISE"])
measured["search"] = measurements(
    {
        "fitness": (fitness[:, -1] - fitness[:, 0]).numpy(),
        "rise": diff_aucs[NAMES[0]]["RISE"] - diff_aucs[NAMES[0]]["Grad-CAM"],
    }
)
Markdown(show.search(n, gain, rise_difference, EVALUATIONS - population))

# %% [markdown]
# ## How much is chance?
#
# The same image and the same settings with another seed: how alike are two maps, and how far
# apart is their DiffAUC?

# %%
runs = [
    search_maps(first, subset, classes, SEARCH, seed + 1 + run)["maps"]
    for run in range(spread_runs)
]
run_scores = np.stack([diff_auc(curves_of(first, subset, classes, m)) for m in runs])
agreements = torch.stack(
    [rankings.spearman(a, b) for i, a in enumerate(runs) for b in runs[i + 1 :]]
).nan_to_num()
shuffled = [  # equal values in another order
    rankings.break_ties(maps[NAMES[0]]["DE-CAM"][chosen], torch.Generator().manual_seed(draw))
    for draw in range(3)
]
orders = np.stack([diff_auc(curves_of(first, subset, classes, m)) for m in shuffled])
Markdown(
    show.chance(
        spread_runs, len(chosen), agreements.flatten().tolist(),
        deviation=run_scores.std(0, ddof=1).mean(), spread=np.ptp(run_scores, axis=0).max(),
        ties=np.ptp(orders, axis=0).max(), orders=len(orders),
    )
)  # fmt: skip

# %% [markdown]
# Maps of several seeds, with their DiffAUC:

# %%
by_seed = {f"seed {seed + 1 + run}": (runs[run], run_scores[run]) for run in range(len(runs[:5]))}
seed_maps, seed_scores = ({key: pair[i] for key, pair in by_seed.items()} for i in (0, 1))
figures.with_alt_text(
    gallery(subset, seed_maps, seed_scores, range(len(chosen[:3])), cell=104),
    "Photographs and DE-CAM's map of each from several seeds, with its DiffAUC",
)

# %% [markdown]
# ## Choices that the paper leaves open
#
# Each row changes one thing: what a masked pixel becomes (black, as zero before normalization
# would be, instead of the mean color), how large an ellipse may be, how many individuals there
# are with as many evaluations, and which solutions count.


# %%
def population_of(individuals):
    """Settings that keep the number of evaluations with another size of the population."""
    return {"population": individuals, "iterations": max(EVALUATIONS // individuals - 1, 1)}


variants = {
    "as above": {},
    "masked pixels black": {"fill": torch.zeros_like(first.fill)},
    "ellipses up to a third": {"limits": (1 / 20, 1 / 3)},
    "ellipses up to all": {"limits": (1 / 20, 1.0)},
    "half the population, twice as long": population_of(max(population // 2, 4)),
    "twice the population, half as long": population_of(2 * population),
    "all solutions count": {"share": -1e9},
}
decam_tables.choices(
    {
        label: scored_search(first, subset, classes, SEARCH | changes)
        for label, changes in variants.items()
    }
)

# %% [markdown]
# *Mean DiffAUC, and the lowest and highest of the images.*
#
# ## Several objects
#
# The paper leaves images with several objects to later work. Here the middle halves of two
# photographs stand side by side, and the map is that of the left one's class; and the same half
# stands beside its own mirror image, so that both sides carry the class. In the first case a good
# map lies left, in the second on both sides.


# %%
def beside(left, right):
    """The middle halves of two images (3, 224, 224), side by side: (1, 3, 224, 224)."""
    halves = [left[:, :, 56:168], right[:, :, 56:168]]
    return torch.cat(halves, 2)[None].contiguous(memory_format=torch.channels_last)


def left_shares(net, image, classes):
    """Share of the mass of two methods' maps of an image (1, 3, 224, 224) on its left half."""
    maps = {
        "DE-CAM": search_maps(net, image, classes, SEARCH, seed)["maps"],
        "Grad-CAM": grad_cam(net.network, image, classes.to(image.device), net.layer).cpu(),
    }
    left = (torch.arange(224) < 112)[None, None]
    shares = {m: localization.share_within(values, left) for m, values in maps.items()}
    return {m: share.nan_to_num(0.5).item() for m, share in shares.items()}


# %% [markdown]
# *Share of the map's mass on the left half, and on the half that has less:*

# %%
composites = [
    (kind, i, beside(inputs[i], right))
    for i in chosen
    for kind, right in (("two classes", inputs[(i + 1) % n]), ("twice the same", inputs[i].flip(2)))
]
decam_tables.several(
    (kind, method, share)
    for kind, i, image in composites
    for method, share in left_shares(first, image, first.classes[i : i + 1]).items()
)

# %% [markdown]
# ## LIME with as many evaluations
#
# LIME {cite:p}`ribeiro2016` fits a linear model to random choices of superpixels. With as many
# evaluations as DE-CAM, its weights make a map of segments. *DiffAUC on the images of this
# section:*


# %%
def lime_maps(network, images, classes, evaluations, seed, batch_size):
    """LIME's weights on their superpixels, (N, H, W), for the cache."""
    options = {"evaluations": evaluations, "seed": seed, "batch_size": batch_size}
    return {"maps": black_boxes.lime(network, images, classes, **options)}


lime = cache.kept(
    f"{CHAPTER}/lime", lime_maps, first.searched, subset, classes, EVALUATIONS, seed, BATCH
)["maps"]
peer_scores = {
    m: diff_aucs[NAMES[0]][m][chosen]
    for m in ("DE-CAM", "RISE", "Grad-CAM", "random", "centre", "edges")
} | {"LIME": diff_auc(curves_of(first, subset, classes, lime))}
decam_tables.peers(peer_scores)

# %% [markdown]
# ## Theirs and ours
#
# Verdicts by group of claims, and the claims that are not reproduced, inconclusive or not run:

# %%
judged = claims.judge(measured.table(), CHAPTER)
display(judged.groupby(["group", "verdict"], sort=False).size().unstack(fill_value=0))
tables.verdict_table(judged[judged.verdict != claims.REPRODUCED])

# %% [markdown]
# The verdict adds up comparisons and controls over all networks.

# %% tags=["verdict"]
differences = {
    control: [diff_aucs[name]["DE-CAM"] - diff_aucs[name][control] for name in NAMES]
    for control in controls
}
sentences = show.verdict(
    judged, pairs, evaluations=EVALUATIONS, gain=gain, difference=rise_difference,
    controls={control: mean_of(np.concatenate(d)) for control, d in differences.items()},
    stand_ins=[name for name in NAMES if name not in ("vgg19", "resnet50", "mobilenet_v2")],
)  # fmt: skip
notebook.finish(session, measured.table(), sentences, finding=show.finding(gain, rise_difference))

# %% [markdown]
# ## What differs, and what we do not know
#
# - **Networks.** Without a download, none of the paper's; the table says which stands in whose
#   place.
# - **Images.** The paper scores 1,000 images of "the ImageNet test set", whose labels are not
#   public; ours are Foolbox's, and more from `XAI_DATA/imagenet-sample` if that is set.
# - **Alpha, the population's size and the largest ellipse** are not in the paper. Alpha was
#   calibrated above by a rule fixed beforehand; the others were varied.
# - **Rounding.** Where `precision` is bfloat16, DE-CAM, RISE and LIME evaluate a network that is
#   rounded so; the table of the networks says how far its logits move. Insertion and deletion are
#   in float32.
# - **The population** here is small, since a processor evaluates a few dozen images a second; the
#   curve above shows what more evaluations gain. The paper's "hundreds of decent solutions" need
#   a graphics card.
# - **Which solutions count.** The text has lost the fraction; 2/3 of the mean fitness is read off
#   Algorithm 1.
# - **Synchronous generations** instead of replacement in place.
# - **Insertion and deletion** use the softmax's probability of the class that the network
#   predicts, the mean color and RISE's blur. The paper names only the measure.
# - **Integrated Gradients** start from black, and the map adds up the signed contributions of the
#   colors.
# - **LIME** has the superpixels of quickshift, the same as everywhere in this book.
