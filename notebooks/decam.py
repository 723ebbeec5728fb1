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
# Karatsiolis and Kamilaris (2022) explain a black-box network with masks of ten ellipses. DE-CAM
# evolves the masks, keeps those under which the class's logit stays high, and adds them up to a
# saliency map {cite:p}`karatsiolis2022`. By insertion and deletion, they say, such a map is about
# as good as those of Grad-CAM and FullGrad, which use activations and gradients. This chapter runs
# DE-CAM, the methods of comparison and the measure, and asks in which readings of the paper that
# holds, and what the search gains over masks that are drawn at random.

# %% [markdown]
# ## What is claimed, and how it is judged
#
# The claims stand in `data/reported/decam.csv`. *Comparable quality* is an equivalence: the mean
# paired difference in DiffAUC between two methods must lie within five points, tested by two
# one-sided tests. A row that names a network is measured on that network or not at all; other
# networks are shown beside, without a verdict. The paper has no code. It does not say on which
# scale the score is, what exactly a removed pixel becomes, and which solutions make the map. All
# combinations of these are *readings* of each claim, computed from the same searches. It does not
# give the weight of the area, the population and two limits either; these change the search
# itself and are varied on a few images.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed: int = None  # of the search, of the random maps and of the bootstrap
networks: str = None  # by name; claims are judged on those that the paper names, others are shown
images: int = None  # of the twenty photographs that Foolbox ships
sample_images: int = None  # more for the first network, from XAI_DATA/imagenet-sample; paper: 1,000
other_images: int = None  # on the other networks, on RISE, and along the search
calibration_images: int = None  # on which alpha is calibrated; none of them is evaluated
population: int = None  # individuals; the paper does not say
iterations: int = None  # generations; the paper: 200
other_iterations: int = None  # generations on the other networks
ellipses: int = None  # of an individual; the paper: 10
crossover: float = None  # CR; the paper: 0.2
weight: float = None  # F; the paper: 0.8
largest: float = None  # largest side of an ellipse, a share of the image's; lost in print
area_weights: str = None  # alpha, in logits; of several the calibration below takes one
steps: int = None  # of insertion and deletion; RISE's large evaluation has 28, its single runs 224
few: int = None  # images on which choices of the search are varied
spread_runs: int = None  # searches of the same image that differ in their seeds alone
timed_images: int = None  # on which seconds are taken, never from what is kept
at_once: int = None  # images that are searched together, and kept together
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
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display
from tqdm import tqdm

from helpers.inputs import classifiers, devices, held_out
from helpers.measures import class_curves, intervals, multiverse, paired, rankings, similar_areas
from helpers.papers import cams, decam
from helpers.report import claims, figures, tables, theme
from helpers.report.chapters import decam as show
from helpers.report.chapters import decam_charts, decam_claims, decam_tables
from helpers.run import card
from helpers.saliency import controls
from helpers.store import cache, paths
from helpers.trials import ellipse_maps, ellipse_networks

# %%
theme.apply_theme()
CHAPTER = "decam"
DEVICE = classifiers.default_device()
MOST = ellipse_networks.MOST_ON_A_CPU if DEVICE.type == "cpu" else devices.MOST
BATCH = min(devices.batch_that_fits((3, 224, 224), DEVICE), MOST)  # images at once
NAMES = ellipse_networks.at_hand(networks.split())
PAPERS = decam_claims.named_by_the_paper(NAMES)  # ours to the paper's
REPORTED = claims.reported(CHAPTER)
measured = claims.Measurements()
print(f"{card.device_name()}; of {networks} at hand: {', '.join(NAMES)}")
REPORTED.groupby("group", sort=False).agg(
    claims=("says", "size"), tolerance=("tolerance_b", "max"), unit=("unit", "first")
)

# %% [markdown]
# The measurement of a claim is a mean over images with a 95 % interval: by the bootstrap, and by
# Student's distribution where there are fewer than ten images.


# %%
def mean_of(values):
    """Mean of values (N,), and its 95 % interval."""
    if len(values) < 10:
        return paired.mean_and_interval(np.asarray(values, float))
    return tuple(map(float, intervals.mean_interval(values, draws=bootstrap_draws, seed=seed)))


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
# Twenty photographs come with Foolbox; where `XAI_DATA` is set, others come from a collection of a
# thousand, one a class, among them one of each class that the paper's figures show. They
# are not the paper's photographs. Networks see their middle square, 7/8 of the shorter side. The
# weight of the area is settled on photographs that are not evaluated.

# %%
data = paths.xai_data()
folder = data / "imagenet-sample" if sample_images and data else None
photos, spare = held_out.load(
    images, folder, [*decam_claims.FIGURES.values()], sample_images, calibration_images, seed
)
Markdown(show.photographs(len(photos.names), images, len(spare.names), folder is not None))

# %% [markdown]
# The paper's VGG19, ResNet50 and MobileNetV2 come from torchvision, by download.
# `tf_mobilenetv2_100` is the paper's MobileNetV2 in another training, with TensorFlow's one-sided
# padding and weights that were made for 8 bits; it counts as the paper's network. Networks of other
# names stand for none of the paper's. The class whose map is made is the one that the network
# predicts. For searches, insertion and deletion every BatchNorm is folded into the convolution
# before it, which is faster and the same up to rounding; FullGrad, which needs BatchNorm's biases,
# and Grad-CAM take the network itself.


# %% [markdown]
# Their accuracy is the first check: without it no map is worth reading. The last column is the
# largest change of a predicted class's logit between the network that is searched and the network
# as it was loaded.

# %%
nets = {
    name: ellipse_networks.load(
        name,
        photos if name == NAMES[0] else ellipse_networks.first_of(photos, other_images),
        spare,
        iterations=iterations if name == NAMES[0] else other_iterations,
        precision=precision,
        batch_size=BATCH,
    )
    for name in NAMES
}
first = nets[NAMES[0]]  # on which all that is varied is varied
rows = {name: ellipse_networks.row(net, photos, BATCH) for name, net in nets.items()}
decam_tables.networks(rows, PAPERS, precision)

# %% [markdown]
# ## Method: a population of ellipses
#
# An individual is ten ellipses, each the corners of a box and an angle: 50 numbers. Its mask M
# keeps the pixels that lie in one of them and sets all others to zero. The paper multiplies image
# and mask, so zero is black here, in the image's own values before any normalization. Its
# fitness is
#
# $$ f_c(X \odot M) - \alpha \, \frac{1}{HW} \sum_{ij} m_{ij}, $$
#
# the logit less a price for the area (Eq. 1). A trial {cite:p}`storn1997` takes each number, with
# probability 0.2, from $a + 0.8\,(b - c)$ of three other individuals, and replaces its parent if
# it is fitter (Algorithm 1). After 200 iterations the masks that are fitter than 2/3 of the mean
# are added up; of that fraction a "2" and a "%" are left in print, so it is a reading. Two
# departures from the paper: a generation is made as a whole instead of in
# place, so that it is one batch; and where the mean fitness is negative, the paper's rule would
# keep nothing or the wrong masks, so that those above the mean are kept. The method is
# `helpers/papers/decam.py`; what is kept of a search, `search` of `helpers/trials/ellipse_maps.py`.


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
    """DE-CAM of images (N, 3, H, W) on a network, with what `ellipse_maps.search` tells, (N, ...).

    Removed pixels are black where the settings have no other fill.
    """
    others = {key: value for key, value in settings.items() if key != "fill"}
    fill = settings.get("fill", torch.zeros_like(net.mean))
    batches = images, classes
    return in_groups(
        "search", ellipse_maps.search, net.searched, batches, fill, seed, BATCH, others
    )


# %% [markdown]
# ### The measure: insertion and deletion
#
# Deletion sets pixels to zero, the most relevant first, and follows the class's score. Insertion
# starts from a blurred image and puts the pixels back {cite:p}`petsiuk2018`. DiffAUC is the area
# under the second curve less that under the first, times 100. A map that is a sum of masks has many
# equal values; here they go in row order, and a section below shows what another order changes.
# In the main reading a removed pixel is black, the paper's zero, and the score is the
# probability, as in the measure that the paper cites.


# %%
def curves_of(net, images, classes, maps, fills=(class_curves.BLACK,)):
    """Insertion, and deletion with each fill: logit and probability, (N, steps + 1, 2) each."""
    batches, others = (images, classes, maps), (net.mean, steps, BATCH)
    return {
        way: in_groups("curves", ellipse_maps.curves, net.judged, batches, way, *others)["curves"]
        for way in ("insertion", *fills)
    }


def diff_auc(curves, fill=class_curves.BLACK, score=class_curves.PROBABILITY):
    """The paper's DiffAUC in one reading, of what `curves_of` gives: (N,)."""
    return class_curves.diff_auc(curves[fill], curves["insertion"], score).numpy()


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


mask, shown = random_individual(), as_picture(first.images[0])
figures.with_alt_text(
    figures.heatmap_grid(
        [[shown, mask.float().numpy(), shown * mask.numpy()[..., None]]],
        row_labels=[""], column_labels=["image", "mask", "what is kept"], signed=False, cell=144,
    ),
    "A photograph, a mask of ten random ellipses, and the photograph with the rest in black",
)  # fmt: skip

# %% [markdown]
# Whatever the map, deletion must start and insertion must stop at the whole image. There both are
# compared with the network's own probability, for a random map.

# %%
random_maps = torch.rand(len(first.images), 224, 224, generator=torch.Generator().manual_seed(seed))
random_curves = curves_of(first, first.images, first.classes, random_maps)
deleted, inserted = (random_curves[way][..., 1] for way in (class_curves.BLACK, "insertion"))
own = first.logits.softmax(1).amax(1).double()
Markdown(
    show.sanity(
        len(own),
        (torch.stack([deleted[:, 0], inserted[:, -1]]) - own).abs().max().item(),
        plain=deleted[:, -1].mean().item(),
        blurred=inserted[:, 0].mean().item(),
    )
)

# %% [markdown]
# ## The price of the area, calibrated on other images
#
# The paper does not give alpha. Without a price the search keeps what it can; with a price too
# high it keeps nothing. The rule was fixed before the first run: of a small grid, take the alpha
# whose best masks keep a share of the image nearest to 20 %, on average over the images that are
# held out, for each network by itself, because logits of networks differ in scale. These searches are
# as long as those that follow: a longer one finds smaller masks at the same price.

# %%
SETTINGS = {
    "population": population, "iterations": iterations, "ellipses": ellipses,
    "crossover": crossover, "weight": weight, "limits": (1 / 20, largest), "share": 2 / 3,
}  # fmt: skip
GRID = [float(text) for text in area_weights.split()]


def calibration(net):
    """The searches of a network's held-out images by alpha."""
    long = SETTINGS | {"iterations": net.iterations}
    return {
        alpha: search_maps(net, net.spare, net.spare_classes, long | {"area_weight": alpha}, seed)
        for alpha in GRID
    }


def explained(net, images, classes, method):
    """Maps (N, H, W) of a method that looks inside the network."""
    batches, others = (images, classes), (net.judged, net.layer, method)
    return in_groups("maps", ellipse_maps.explained, net.network, batches, *others)["maps"]


def area(maps):
    """Share of the pixels above half of each map's maximum, (N,)."""
    return (maps > maps.amax((1, 2), keepdim=True) / 2).float().mean((1, 2)).numpy()


# %% [markdown]
# How much of the image DE-CAM's map marks follows from alpha as well, so that whether it marks
# fewer pixels than another method is decided by a number that the paper does not give. The last
# columns show it: the share of pixels above half of the map's maximum.

# %%
calibrated = {name: calibration(net) for name, net in nets.items()}
alphas = {
    name: min(GRID, key=lambda alpha: abs(float(found[alpha]["area"].mean()) - 0.2))
    for name, found in calibrated.items()
}
kept = {
    (name, alpha): (
        found["area"].numpy(), area(found["maps"]),
        area(explained(nets[name], nets[name].spare, nets[name].spare_classes, "Grad-CAM")),
    )
    for name, searched in calibrated.items() for alpha, found in searched.items()
}  # fmt: skip
display(decam_tables.calibration(kept))
Markdown(show.calibration(alphas, len(GRID), len(spare.names)))

# %% [markdown]
# ## Table 1: DiffAUC of each method on each network
#
# Grad-CAM takes the last feature map before pooling. FullGrad adds up what the input and every
# bias contribute {cite:p}`srinivas2019`. Integrated Gradients, which the paper shows but does not
# score, starts from black, takes 50 steps and adds up what the three colors contribute, with its
# sign {cite:p}`sundararajan2017`. AblationCAM weighs each channel of the last feature map by what
# the class's logit loses without it {cite:p}`desai2020`. It, Integrated Gradients and RISE are run on
# the first network. RISE gets exactly as many model evaluations as DE-CAM there, on fewer images. Three
# baselines do not depend on the network.


# %% [markdown]
# RISE averages random masks, each weighted by the class's probability under it; a group of images
# gets the same masks. What it removes is black, as for DE-CAM.


# %%
EVALUATIONS = population * (iterations + 1)  # of the network by one search of the first network
RIVALS = ("Grad-CAM", "FullGrad")  # that the paper scores
SHOWN = (*ellipse_maps.WHITE_BOXES, "DE-CAM")  # by the paper


def maps_of(net, searched, is_first):
    """All maps of a network's images by method, (N, H, W); of RISE fewer, on the first alone."""
    inside = [*ellipse_maps.WHITE_BOXES, ellipse_maps.ABLATION] if is_first else RIVALS
    batches = net.images, net.classes
    found = {method: explained(net, *batches, method) for method in inside}
    found["DE-CAM"] = searched["maps"]
    if is_first:
        some = tuple(batch[:other_images] for batch in batches)
        others = EVALUATIONS, seed, BATCH
        found["RISE"] = in_groups("rise", ellipse_maps.rise, net.searched, some, *others)["maps"]
    return found


# %% [markdown]
# All maps of all networks, their curves and their DiffAUC. DE-CAM's maps of three rules for the
# solutions that count are made from the same last population.

# %%
SOLUTIONS = {"above 2/3 mean": 2 / 3, "above the mean": 1.0, "all": -1e9}
searches = {
    name: search_maps(
        net, net.images, net.classes,
        SETTINGS | {"iterations": net.iterations, "area_weight": alphas[name]}, seed,
    )
    for name, net in nets.items()
}  # fmt: skip
baselines = {
    name: {
        "random": random_maps[: len(net.images)],
        "centre": controls.center(net.network, net.images, net.classes).cpu(),
        "edges": controls.edges(net.network, net.images, net.classes).cpu(),
    }
    for name, net in nets.items()
}
maps = {
    name: maps_of(net, searches[name], net is first) | baselines[name] for name, net in nets.items()
}

# %% [markdown]
# Curves with black as the fill; for the methods of Table 1 on the first network and on those of the
# paper, with all fills and rules.


# %%
def curves_in_readings(net, found, searched):
    """Curves with all fills of Table 1's methods, DE-CAM's by rule: by method and rule."""
    of_rules = ellipse_maps.by_solutions(
        searched["genes"], searched["fitness"], SOLUTIONS, ellipses, (224, 224)
    )
    several = {("DE-CAM", rule): m for rule, m in of_rules.items()}
    several |= {(method, ""): found[method] for method in RIVALS}
    return {
        key: curves_of(net, net.images, net.classes, m, class_curves.FILLS)
        for key, m in several.items()
    }


curves = {
    name: {
        method: curves_of(net, net.images[: len(m)], net.classes[: len(m)], m)
        for method, m in maps[name].items()
    }
    for name, net in nets.items()
}
in_readings = {
    name: curves_in_readings(nets[name], maps[name], searches[name])
    for name in dict.fromkeys([NAMES[0], *PAPERS])
}
diff_aucs = {name: {m: diff_auc(c) for m, c in curves[name].items()} for name in NAMES}

# %% [markdown]
# The table has the mean DiffAUC with its interval, and the paper's where the network is the
# paper's.

# %%
table1 = pd.DataFrame(
    [
        (name, method, *mean_of(values), len(values),
         decam_claims.printed(REPORTED, PAPERS.get(name), method))
        for name in NAMES for method, values in diff_aucs[name].items()
    ],
    columns=["network", "method", "DiffAUC", "low", "high", "n", "paper"],
)  # fmt: skip
measured["Table 1"] = measurements(
    {
        f"diffauc/{paper}/{method}": diff_aucs[name][method]
        for name, paper in PAPERS.items()
        for method in (*RIVALS, "DE-CAM")
    }
)
decam_tables.table1(table1, NAMES, PAPERS)

# %% [markdown]
# The same as a chart:

# %%
decam_charts.diff_aucs(table1, NAMES)

# %% [markdown]
# *DiffAUC, mean over the images with its 95 % interval. A method that scores no higher than the
# baselines has not shown that its map depends on the network.*
#
# The differences are of the same images, which makes their intervals narrower:


# %%
def difference(scores, method):
    """DE-CAM's DiffAUC less a method's (scores: by method), on the images that have both, (N,)."""
    return scores["DE-CAM"][: len(scores[method])] - scores[method]


pairs = pd.DataFrame(
    [
        (name, method, *mean_of(difference(diff_aucs[name], method)))
        for name in NAMES for method in diff_aucs[name] if method != "DE-CAM"
    ],
    columns=["network", "method", "points", "low", "high"],
)  # fmt: skip
measured["differences"] = measurements(
    {
        f"{kind}/{paper}/{rival}": difference(diff_aucs[name], rival)
        for kind in ("diff", "quality", "not_worse")
        for name, paper in PAPERS.items()
        for rival in RIVALS
    }
)
decam_tables.differences(pairs, NAMES)

# %% [markdown]
# *Paired differences of DiffAUC, DE-CAM minus the other method, with 95 % intervals over images.*
#
# ## The same maps in all readings
#
# What the paper leaves open is what a removed pixel becomes when a map is judged (black, the
# mean color, a blurred image), the scale of the score (the probability; the *relative* probability or
# logit, divided by the whole image's own), and which solutions make the map (those fitter than 2/3 of
# the mean fitness, than the mean, or all). Every
# combination is computed from the same searches and maps; the searches themselves removed pixels
# to black in all of them. Where a score is divided, DiffAUC is in per cent of the image's own
# score, and the margin of five is five per cent of it.


# %%
def in_reading(curves, method, fill, score, solutions=""):
    """DiffAUC of a method of Table 1 in one reading, (N,)."""
    return diff_auc(curves[method, solutions if method == "DE-CAM" else ""], fill, score)


def readings(measure, names):
    """A quantity in the product of the named choices; `measure` gives values (N,)."""
    of = {
        "fill": class_curves.FILLS, "score": class_curves.SCORES, "solutions": SOLUTIONS,
        "smoothing": CELLS, "measure": similar_areas.MEASURES, "sign": ("dropped", "kept"),
    }  # fmt: skip

    def claim(**options):
        values = measure(**options)
        return multiverse.Interval(*mean_of(values), len(values))

    return multiverse.run(claim, {name: {option: option for option in of[name]} for name in names})


CELLS = ("none", "8 pixels", "16 pixels", "32 pixels")  # sides of the cells that maps are taken in
OF_LEVEL, OF_DIFFERENCE = ("fill", "score"), ("fill", "score", "solutions")

# %% [markdown]
# The difference between DE-CAM and each rival, and the levels, in every reading:

# %%
in_all = {
    (name, rival): readings(
        lambda name=name, rival=rival, **r: (
            in_reading(in_readings[name], "DE-CAM", **r)
            - in_reading(in_readings[name], rival, r["fill"], r["score"])
        ),
        OF_DIFFERENCE,
    )
    for name in in_readings
    for rival in RIVALS
}
levels = {
    (name, method): readings(
        lambda name=name, method=method, **r: in_reading(in_readings[name], method, **r),
        OF_DIFFERENCE if method == "DE-CAM" else OF_LEVEL,
    )
    for name in in_readings
    for method in (*RIVALS, "DE-CAM")
}
measured["readings"] = decam_claims.readings(in_all, levels, PAPERS, REPORTED)
decam_claims.shares(in_all, margin=decam_claims.MARGIN)

# %% [markdown]
# All readings of the difference from Grad-CAM on the first network, in the order of their values;
# the margin is five:

# %%
decam_charts.readings(in_all[NAMES[0], "Grad-CAM"], margin=decam_claims.MARGIN, network=NAMES[0])

# %% [markdown]
# The levels in the readings of fill and score, on the networks that the paper names, beside the
# printed ones; on a network of another name, where no other was run, without them:

# %%
decam_tables.levels(levels, PAPERS, REPORTED)

# %% [markdown]
# ## Figures 3 to 6: what the maps look like
#
# As in the paper each map is stretched by itself, so brightness cannot be compared across maps.
# The number below is its DiffAUC. Integrated Gradients has both signs, so its zero is a middle
# tone.


# %%
def gallery(shown, maps, scores, indices, cell=112):
    """Photographs and each method's map of them (maps, scores: by method), with its DiffAUC."""
    pictures, captions = [], []
    for i in indices:
        scaled = [cams.display_scaled(m[i : i + 1].float())[0].numpy() for m in maps.values()]
        pictures.append([as_picture(shown[i]), *scaled])
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
    gallery(
        first.images,
        shown_maps(maps[NAMES[0]]),
        diff_aucs[NAMES[0]],
        range(min(4, images, other_images)),
    ),
    f"Photographs and five methods' maps of them on {NAMES[0]}, with the DiffAUC of each",
)

# %% [markdown]
# Further photographs, on the other networks:

# %%
further = [
    figures.with_alt_text(
        gallery(
            nets[name].images, shown_maps(maps[name]), diff_aucs[name],
            range(4, min(7, images, other_images)), cell=80,
        ),
        f"Photographs and four methods' maps of them on {name}",
    )
    for name in NAMES[1:] if min(images, other_images) > 4
]  # fmt: skip
figures.side_by_side(further) if further else Markdown(
    "*Other networks are not part of this profile.*"
)

# %% [markdown]
# The curves behind the numbers, for the photographs above:

# %%
shown_curves = {
    m: torch.stack(
        [curves[NAMES[0]][m][way][:4, :, 1] for way in (class_curves.BLACK, "insertion")], 1
    )
    for m in SHOWN
}
decam_charts.insertion_deletion({m: c[: min(4, images)].numpy() for m, c in shown_curves.items()})

# %% [markdown]
# *Figure 6, for the photographs above on the first network; choose one below the chart.*
#
# ### Photographs of the paper's classes
#
# The paper describes single maps: of a snail (the shell more than the head), a violin (the player's
# face too), a hockey player (the uniform more than the stick). The photographs are not
# published. The collection has one of each class of the figures; their pixels are not shown here,
# their numbers are. What lies where in a map cannot be read off a number, so that no row is judged
# on them.

# %%
places = range(images, min(images + len(decam_claims.FIGURES), len(photos.names)))
coarse = {m: similar_areas.in_cells(maps[NAMES[0]][m].float(), 16) for m in SHOWN}
figure_rows = [
    (
        int(first.classes[i]) == label, float(searches[NAMES[0]]["area"][i]),
        {m: diff_aucs[NAMES[0]][m][i] for m in (*RIVALS, "DE-CAM")},
        {
            m: similar_areas.agreement(coarse["DE-CAM"][i : i + 1], coarse[m][i : i + 1]).item()
            for m in ellipse_maps.WHITE_BOXES
        },
    )
    for i, label in zip(places, decam_claims.FIGURES.values(), strict=False)
]  # fmt: skip
decam_tables.of_figures(figure_rows)

# %% [markdown]
# ## Similar areas, fewer pixels?
#
# The paper sees that all methods tend to find similar areas. Maps of *different* images agree as
# well, since most are bright in the middle, so that agreement is judged beyond that with another
# image's map. Maps are first averaged over cells of 16 pixels, since a map of single pixels such
# as that of Integrated Gradients has no area otherwise, and its sign is dropped, since parts that
# speak for and against the class cancel. Smoothing, measure and that sign are readings.


# %%
def beyond_others(maps, method, smoothing, measure, sign="dropped"):
    """DE-CAM's agreement with a method (maps: by method), less that with another image, (N,)."""
    cell = 1 if smoothing == "none" else int(smoothing.split()[0])
    ours, theirs = (maps[m].float() for m in ("DE-CAM", method))
    theirs = theirs.abs() if sign == "dropped" else theirs
    return similar_areas.beyond_others(ours, theirs, cell, measure).numpy()


OF_AREAS = dict.fromkeys(RIVALS, ("smoothing", "measure"))
OF_AREAS |= {"Integrated Gradients": ("smoothing", "measure", "sign")}
alike = {
    method: readings(lambda method=method, **r: beyond_others(maps[NAMES[0]], method, **r), choices)
    for method, choices in OF_AREAS.items()
}
areas = {name: {m: area(found.float()) for m, found in maps[name].items()} for name in PAPERS}
measured["maps"] = (
    decam_claims.similar(alike)
    + measurements(
        {
            f"fewer/{method}": 100 * (areas[name]["DE-CAM"] - areas[name][method])
            for name, paper in PAPERS.items() if paper == "MobileNetV2"
            for method in RIVALS
        }
    )
)  # fmt: skip
decam_tables.similar(alike)

# %% [markdown]
# ## What it costs
#
# The paper's search takes a minute on two graphics cards, "comparable to" Integrated Gradients, "a
# little higher" than AblationCAM, and "orders of magnitude" more than Grad-CAM. Model evaluations
# do not depend on the machine; seconds do. They are taken here from searches of this run
# alone, never from what is kept, on the same threads, one image at a time. Of AblationCAM, which
# evaluates the network once without each channel, 64 channels are timed.


# %% [markdown]
# A short search before the first one warms the machine up and is not counted.

# %%
SEARCH = SETTINGS | {"area_weight": alphas[NAMES[0]]}
channels = ellipse_maps.channels_of(first.network, first.images[:1], first.layer)
warm_up = (0, SEARCH | {"iterations": 1})
timed = [
    ellipse_maps.timings(
        first.network, first.searched, first.images[i : i + 1], first.classes[i : i + 1],
        first.layer, BATCH, settings,
    )
    for i, settings in (warm_up, *((i, SEARCH) for i in range(timed_images)))
]  # fmt: skip
seconds = pd.DataFrame(timed[1:])
evaluations = decam_claims.evaluations(population, iterations, channels)
measured["cost"] = decam_claims.cost(seconds)
decam_tables.costs(evaluations, seconds)

# %% [markdown]
# In model evaluations the paper's two comparisons can be counted:

# %%
Markdown(show.counted(iterations, channels))

# %% [markdown]
# ## Does the population get better, and does the map?
#
# First what the search maximizes, against the number of evaluations.

# %%
history = pd.DataFrame(
    [
        (name, population * (generation + 1), *mean_of(searches[name]["mean"][:, generation].numpy()))
        for name, net in nets.items()
        for generation in range(0, net.iterations + 1, max(net.iterations // 50, 1))
    ],
    columns=["network", "evaluations", "fitness", "low", "high"],
)  # fmt: skip
decam_charts.fitness(history)

# %% [markdown]
# Has the search converged? The last fifth of its generations against the first four:

# %%
best = searches[NAMES[0]]["best"].double().numpy()  # (N, generations + 1)
late = -(-4 * iterations // 5)
last_fifth = mean_of((best[:, -1] - best[:, late]) / (best[:, -1] - best[:, 0]).clip(1e-9))
Markdown(show.convergence(last_fifth, population, iterations, len(best)))

# %% [markdown]
# Then what the map is judged by.

# %%
some = slice(0, min(other_images, len(first.images)))
early = [
    diff_auc(curves_of(first, first.images[some], first.classes[some], m))
    for m in searches[NAMES[0]]["early"][some].unbind(1)
]
spent = [population * (generation + 1) for generation in ellipse_maps.generations_shown(iterations)]
lines = {m: diff_aucs[NAMES[0]][m][some].mean() for m in ("Grad-CAM", "FullGrad", "RISE", "random")}
quality = pd.DataFrame(
    [("DE-CAM", x, *mean_of(values)) for x, values in zip(spent, early, strict=True)]
    + [(m, x, y, y, y) for m, y in lines.items() for x in (spent[0], spent[-1])],
    columns=["map", "evaluations", "DiffAUC", "low", "high"],
)
decam_charts.quality(quality)

# %% [markdown]
# What the search gains over its random start, what its last part still gains, and how it compares
# with RISE, which has as many evaluations:

# %%
gain = mean_of(early[-1] - early[0])
late_gain = mean_of(early[-1] - early[-2])
rise_difference = mean_of(difference(diff_aucs[NAMES[0]], "RISE"))
Markdown(
    show.search(len(early[0]), gain, rise_difference, EVALUATIONS - population)
    + " " + show.late(late_gain, spent[-2])
)  # fmt: skip

# %% [markdown]
# ## How much is chance?
#
# The same image and the same settings with another seed: how alike are two maps, and how far
# apart is their DiffAUC?

# %%
chosen = list(range(min(few, images)))  # on which choices of the search are varied
subset, classes = first.images[chosen], first.classes[chosen]
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
Markdown(show.chance(
    spread_runs, len(chosen), agreements.flatten().tolist(),
    deviation=run_scores.std(0, ddof=1).mean(), spread=np.ptp(run_scores, axis=0).max(),
    ties=np.ptp(orders, axis=0).max(), orders=len(orders),
))  # fmt: skip

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
# ## Choices of the search that the paper leaves open
#
# Each row changes one thing in the search: what it puts in place of removed pixels, how large an
# ellipse may be, how many individuals there are with as many evaluations, and the price of the area.
# The maps are judged in the main reading, and beside it LIME {cite:p}`ribeiro2016` with as many
# evaluations, whose weights make a map of superpixels.


# %%
def population_of(individuals):
    """Settings that keep the number of evaluations with another size of the population."""
    return {"population": individuals, "iterations": max(EVALUATIONS // individuals - 1, 1)}


def scored_search(net, images, classes, settings):
    """DiffAUC of a search's maps, and the best mask's share of the image: (N,) each."""
    result = search_maps(net, images, classes, settings, seed)
    return diff_auc(curves_of(net, images, classes, result["maps"])), result["area"].numpy()


variants = {
    "as above": {},
    "removed pixels in the mean color": {"fill": first.mean},
    "ellipses up to a third": {"limits": (1 / 20, 1 / 3)},
    "ellipses up to all": {"limits": (1 / 20, 1.0)},
    "half the population, twice as long": population_of(max(population // 2, 4)),
    "twice the population, half as long": population_of(2 * population),
    **{f"alpha times {by:g}": {"area_weight": by * alphas[NAMES[0]]} for by in (0.5, 2)},
}
tried = {
    label: scored_search(first, subset, classes, SEARCH | changes)
    for label, changes in variants.items()
}

# %% [markdown]
# LIME gets the same superpixels as everywhere in this book.


# %%
lime = cache.kept(
    f"{CHAPTER}/lime", ellipse_maps.lime, first.searched, subset, classes, EVALUATIONS, seed, BATCH
)["maps"]
lime_scores = diff_auc(curves_of(first, subset, classes, lime))
decam_tables.choices(tried | {"LIME": (lime_scores, np.full(len(chosen), np.nan))})

# %% [markdown]
# *Mean DiffAUC, and the lowest and highest of the images.*
#
# ## Theirs and ours
#
# Verdicts by group of claims:

# %%
judged = claims.judge(measured.table(), CHAPTER, measured.readings())
display(judged.groupby(["group", "verdict"], sort=False).size().unstack(fill_value=0))
tables.verdict_table(
    judged[(judged.kind != claims.CONCLUSION) & (judged.verdict != claims.NOT_RUN)]
)

# %% [markdown]
# The verdict adds up comparisons and baselines over all networks.

# %% tags=["verdict"]
against = {
    control: mean_of(np.concatenate([difference(diff_aucs[name], control) for name in NAMES]))
    for control in baselines[NAMES[0]]
}
sentences = show.verdict(
    judged, pairs, networks=NAMES, papers=PAPERS, images=len(first.images),
    search=(population, iterations), gain=gain, difference=rise_difference, controls=against,
)  # fmt: skip
notebook.finish(session, measured.table(), sentences, readings=measured.readings())

# %% [markdown]
# ## What differs, and what we do not know
#
# - **Networks.** VGG19 and ResNet50 need a download; where it cannot be had, their rows are not run.
#   `tf_mobilenetv2_100` is MobileNetV2 in another training, with TensorFlow's padding. Other networks
#   are shown without a verdict.
# - **Images.** The paper scores 1,000 images of "the ImageNet test set", whose labels are not
#   public; ours are Foolbox's, and more from `XAI_DATA/imagenet-sample` if that is set.
# - **Alpha** is not in the paper. It was calibrated above by a rule fixed beforehand, on images that
#   are not evaluated, for each network. It decides how much of the image a map marks.
# - **The population** is not in the paper. Ours is small, since a processor evaluates a few dozen
#   images a second; the curves above show what more evaluations gain. The paper's "hundreds of
#   decent solutions" need a graphics card.
# - **What varies in the judging** are fill, score and the rule for the solutions: no search is
#   repeated for them. **What varies in the search** (its fill, the largest ellipse, the
#   population, alpha) is varied on a few images only.
# - **Which solutions count.** The text has lost the fraction; 2/3 of the mean fitness is a guess,
#   and a reading beside two others.
# - **Insertion** starts in all readings from RISE's blur, as in the paper, with the mean color beyond
#   the border.
# - **Synchronous generations** instead of replacement in place.
# - **Rounding.** Searches, insertion and deletion evaluate one and the same network where
#   `precision` is float32; the table of the networks says how far folding or rounding moves a logit.
# - **Integrated Gradients** start from black, and the map adds up the signed contributions of the
#   colors.
# - **RISE and LIME** are no rows: the paper speaks of maps of RISE that people cannot interpret, which
#   a score does not measure, and of LIME with another paper's words. Their DiffAUC stands beside.
# - **AblationCAM's cost** is that of the method as published, one evaluation of the network for each
#   channel. Its map is computed from the last feature map alone, which gives the same.
