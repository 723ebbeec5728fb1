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
# Wang et al. explain one decision of a network by evolution: a genetic algorithm chooses the
# superpixels of an image that, shown alone, make the network most certain of its class
# {cite:p}`wang2022`. LIME {cite:p}`ribeiro2016` instead fits a linear model to the network's answers
# for random choices of superpixels.
#
# **What we read.** The full text is public. We could read three abstracts of it: those of the
# preprint's first (2022) and third version (2025), and the journal's. They say that superpixels are
# coded as binary vectors, and that the fitness is the probability of the prediction. They do not
# give the segmentation, the size of the search, its operators, what hides a superpixel, LIME's
# settings, the images or any table. All of that is ours here (**arm B**), so that no number of the
# paper's tables is checked, nor its experiment with a vision transformer.

# %% [markdown]
# ## What is claimed, and how it is tested
#
# - *The evolved explanations raise the probability*, on four images, in 30 runs. The whole image is
#   itself a selection of superpixels, so the best selection of any search is never less probable.
#   We therefore ask whether evolution reaches more than as many random selections.
# - *They take less than a minute, a tenth of LIME's time.* Time is evaluations of the network times
#   the cost of one. How many each method takes is a setting. We therefore ask after how many
#   evaluations E-LIME is as good as LIME is after 100, 200, 500 and 1,000.
# - *DenseNet and MobileNet can be explained as well.* We ask the first question again with a second
#   and a third network.
# - *They capture meaningful features.* We read this as: insertion and deletion of what a single run
#   selects do better than with as many random superpixels.
#
# The rows stand in `data/reported/elime.csv`. They were written when earlier forms of the same
# measurements had been seen, and say so. That people recognize the features needs people and is not
# tested.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed: int = None  # of the searches, of LIME, the controls and the bootstrap
networks: str = None  # by name; the paper: ResNet, DenseNet, MobileNet
images: int = None  # photographs to explain in all; the paper: 4
shown: int = None  # of them, animals of Foolbox's, that are shown and get all runs; the paper: 4
runs: int = None  # of the search on each of those and each network; the paper: 30
population: int = None  # individuals; ours, as all settings of the search: the abstract has none
generations: int = None  # after the first population; ours
tournament: int = None  # individuals, of which the fittest becomes a parent; ours
crossover: float = None  # probability that two parents mix; ours
mutation: float = None  # bits of a child that flip on average; ours
elite: int = None  # individuals that go on unchanged; ours
segmentation: str = None  # quickshift, the lime package's default, or slic-50 and the like
fill: str = None  # what hides a superpixel: grey, black, or its own mean color (mean)
lime_samples: int = None  # evaluations of LIME, and of the longest searches; its default is 1000
lime_runs: int = None  # of LIME with as many evaluations as E-LIME
random_runs: int = None  # of the search that only draws at random
batch_size: int = None  # images the network gets at once; LIME's 10 where times are compared
steps: int = None  # of insertion and deletion; RISE: 224
sizes: int = None  # at which the curves over the size of a selection are taken
sensitivity_runs: int = None  # of the search for classes that are not predicted
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
import math
import time

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from tqdm import tqdm

from helpers.inputs import at_hand, classifiers, conversion, photographs
from helpers.measures import insertion_deletion, intervals, paired, selections
from helpers.papers import elime
from helpers.report import claims, figures, multiverse_chart, tables, theme
from helpers.report.chapters import elime as show
from helpers.report.chapters import elime_charts, elime_searches, elime_verdict
from helpers.run import card
from helpers.saliency import black_boxes, lime_surrogate
from helpers.store import cache, paths
from helpers.trials import selection_searches as searches
from helpers.trials import superpixel_trials as trials

# %%
theme.apply_theme()
CHAPTER = "elime"
DEVICE = classifiers.default_device()
REPORTED = claims.reported(CHAPTER)


NETWORKS = at_hand.networks(networks.split())
NAMES = list(NETWORKS)
FIRST = NAMES[0]
EVALUATIONS = population + generations * (population - elite)  # of one run
measured = claims.Measurements()
print(card.device_name(), EVALUATIONS, "evaluations a run", sep="; ")
REPORTED.groupby("group", sort=False).agg(claims=("says", "size"), bound=("reported", "max"))

# %% [markdown]
# A row is measured as a mean over images, with a 95 % interval: by bootstrap from ten images on,
# else Student's.


# %%
def mean_of(values):
    """Mean of values (N, ...) over the first axis, and its 95 % interval."""
    values = np.asarray(values, dtype=float)
    if len(values) < 10:
        return np.apply_along_axis(paired.mean_and_interval, 0, values)
    return intervals.mean_interval(values, draws=bootstrap_draws, seed=seed)


def measurement(key, values, **choices):
    """A row of results, or a reading of it: the mean of these values (N,)."""
    values = np.asarray(values, dtype=float)
    measured_as = *mean_of(values), int(np.isfinite(values).sum())
    if choices:
        return claims.reading(key, claims.INDEPENDENT, choices, *measured_as)
    return claims.measurement(key, claims.INDEPENDENT, *measured_as)


# %% [markdown]
# ## The images, and a sanity check first
#
# The paper drew four images from ImageNet at random. Ours are all that *every* network classifies
# correctly: first those of the twenty photographs that Foolbox ships {cite:p}`rauber2017`, animals
# before others; then, if they are at hand, photographs of `XAI_DATA/imagenet-sample`, of which only
# numbers are shown. The first ones, `shown`, stand for the paper's four: they are animals and get
# all runs.

# %%
ANIMALS = 398  # ImageNet's classes 0 to 397 are animals
SAMPLE = paths.xai_data() and paths.xai_data() / "imagenet-sample"
found = at_hand.classified_correctly(NETWORKS, images, SAMPLE, lambda labels: labels >= ANIMALS)
PIXELS, CLASSES = found.pixels, found.labels
ALL = range(len(CLASSES))  # the photographs by number
CHOSEN = [i for i in ALL[: min(shown, found.own)] if CLASSES[i] < ANIMALS]  # those that are shown
LABELS = {i: photographs.class_name(int(CLASSES[i])) for i in ALL}
Markdown(show.photographs(found.counts, [LABELS[i] for i in CHOSEN], len(ALL), images))

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
# Bits and fitness are in the third version's abstract. The rest is ours: half of the bits are set at
# first, tournaments choose parents, children mix them bit by bit, one bit flips on average, the
# fittest stays. Hidden superpixels become grey, near the networks' mean color. Between equal
# probabilities the smaller selection wins.

# %%
SEARCH = {
    "population": population, "generations": generations, "tournament": tournament,
    "crossover": crossover, "mutation": mutation, "elite": elite,
}  # fmt: skip


def evolve(network, image, segments, label, *, rows, fill=fill, batch_size=batch_size, **changed):
    """Independent runs of E-LIME on one image (3, H, W): one row a run."""
    score = classifiers.class_score(network, torch.full((rows,), label), probability=True)
    return elime.e_lime(
        score, image.expand(rows, -1, -1, -1), segments.expand(rows, -1, -1), **SEARCH | changed,
        fill=trials.hidden_behind(fill, image, segments), batch_size=batch_size,
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip


# %% [markdown]
# The probability under any other selection, with the same fill:


# %%
def rate(network, image, segments, label, bits):
    """The class's probability under each of the selections (N, S), float64 (N,), on the CPU."""
    settings = {"fill": fill, "batch_size": batch_size}
    return trials.rate(network, image, segments, label, bits, **settings)


# %% [markdown]
# ### What it is compared with
#
# - **LIME** as its package has it: random halves of the superpixels, a ridge regression. It is given
#   the same superpixels. Its selection is that of the best size: the superpixels of the largest
#   weights, as many as make the class most probable (as many evaluations more as there are
#   superpixels). Beside it stand the five superpixels that the package shows by default.
# - **Random selections**, drawn like E-LIME's first population; the best so far counts.
# - **Greedy selection**: from nothing, always the superpixel that raises the probability most.
#
# In this comparison all four hide superpixels behind the same fill. For the picture and for seconds
# LIME has its package's own: 1,000 samples in batches of 10, each superpixel hidden behind its own
# mean color. Each image is kept when it is done, so that an interrupted run goes on with the next.

# %%
TIMED_BATCH = 10  # LIME's default


def timed_lime(network, pixels, label, *, evaluations, seed):
    """LIME's weights (S,) for a class, and the seconds that they took."""
    started = time.perf_counter()
    segments = elime.superpixels(pixels, segmentation)
    weights = lime_surrogate.weights(
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
# What the photographs that are shown get: all runs, and LIME as its package has it.


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
# Each pair of a network and an image is kept by itself.


# %%
def kept(what, function, name, i, *more):
    """A function of a network, pixels and a class, on one photograph, kept."""
    pair = NETWORKS[name], PIXELS[i], int(CLASSES[i])
    return cache.kept(f"{CHAPTER}/{what}", function, *pair, *more)


PAIRS = [(name, i) for name in NAMES for i in CHOSEN]
RESULTS = {
    (name, i): kept("searches", search_all, name, i)
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
    behind = torch.as_tensor(trials.hidden_behind(fill, image, segments))
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
        [picture_row(PIXELS[i], RESULTS[FIRST, i]) for i in CHOSEN],
        row_labels=[LABELS[i] for i in CHOSEN],
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
# ## Does the probability rise, and further than by chance?
#
# The curves show the best probability so far by evaluations of the network, mean over images.

# %%
LONGEST = max(math.ceil((lime_samples - population) / (population - elite)), generations)
COUNTED = population + (population - elite) * torch.arange(LONGEST + 1)  # evaluations so far
LIME_AT = sorted({max(round(share * lime_samples), 2) for share in (0.1, 0.2, 0.5, 1)})


def compare(network, pixels, label):
    """The best probability so far of each search on one image, by its evaluations."""
    image = conversion.to_unit(pixels).to(DEVICE)
    segments = elime.superpixels(pixels, segmentation).to(DEVICE)
    count = int(segments.max()) + 1
    watch, answer = searches.remembering(generations)  # what a run of the usual length gives

    def rated(bits):
        return rate(network, image, segments, label, bits)

    run = evolve(network, image, segments, label, rows=1, generations=LONGEST, watch=watch)
    generator = torch.Generator().manual_seed(seed + 1)
    drawn = torch.rand(random_runs * lime_samples, count, generator=generator) < 0.5
    weights = lime_surrogate.weights_after(
        network, image, label, segments, evaluations=LIME_AT, seed=seed, fill=trials.FILLS[fill],
        batch_size=batch_size,
    )  # fmt: skip
    five = torch.stack([black_boxes.strongest_superpixels(row) for row in weights])
    return {
        "segments": segments,
        "bits": answer[0],  # (S,)
        "E-LIME": run.history.amax(2)[:, 0].double(),  # (T,), at COUNTED
        "random": rated(drawn).view(random_runs, -1).cummax(1).values.mean(0),  # (lime_samples,)
        "greedy": searches.greedy(rated, count, lime_samples),
        "LIME": searches.best_of_sizes(rated, weights),  # (K,), at LIME_AT + S
        "LIME, five": rated(five),  # (K,), at LIME_AT
        "weights": weights[-1],
        "whole": rated(torch.ones(1, count, dtype=torch.bool)),
    }


# %% [markdown]
# All photographs go through it, with one run of E-LIME each:

# %%
COMPARED = {
    (name, i): kept("compared", compare, name, i)
    for name in NAMES
    for i in tqdm(ALL, desc=f"searches, {name}")
}


# %% [markdown]
# Their means, at some numbers of evaluations:


# %%
def over_images(name, budgets):
    """The best probability with so many evaluations, of all images: search to (images, K)."""
    rows = [searches.by_budget(COMPARED[name, i], budgets, COUNTED, LIME_AT) for i in ALL]
    return {search: torch.stack([row[search] for row in rows]).numpy() for search in rows[0]}


GRID = [n for n in (20, 50, 100, 150, EVALUATIONS, 300, 400, 600, 800, 1000) if n <= lime_samples]
elime_searches.curves(
    {n: {s: mean_of(v) for s, v in over_images(n, GRID).items()} for n in NAMES}, GRID
)

# %% [markdown]
# *Best probability so far, mean over images with 95 % intervals; choose a network below. LIME's points
# stand where its evaluations end.*
#
# E-LIME less the best of as many random selections, by evaluations:

# %%
BUDGETS = [n for n in sorted({*LIME_AT, EVALUATIONS}) if population <= n <= lime_samples]
ROWS = dict(zip(("first", "second", "third"), NAMES, strict=False))
gains = {
    name: {n: values["E-LIME"][:, k] - values["random"][:, k] for k, n in enumerate(BUDGETS)}
    for name in NAMES
    for values in [over_images(name, BUDGETS)]
}
measured["probability"] = [
    measurement(f"rise/{key}", gains[name][n], **choice)
    for key, name in ROWS.items()
    for n, choice in [
        *([(EVALUATIONS, {})] if EVALUATIONS in BUDGETS else []),
        *(
            (n, {"evaluations": str(n), "fill": fill, "segmentation": segmentation})
            for n in BUDGETS
        ),
    ]
]
elime_searches.gain_table({n: {k: mean_of(v) for k, v in by.items()} for n, by in gains.items()})

# %% [markdown]
# What the searches reach at the end, and how far plain greedy selection goes:

# %%
ends = {name: {s: v[:, 0] for s, v in over_images(name, [lime_samples]).items()} for name in NAMES}
Markdown(elime_searches.ends(ends, lime_samples))

# %% [markdown]
# ### All runs on the photographs that are shown


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
        "whole image": result["ends"][0].item(),
        "E-LIME": result["probability"].mean().item(),
        "worst run": result["probability"].min().item(),
        "random": result["random"].amax(1).mean().item(), "LIME": result["lime"][0].item(),
    }  # fmt: skip


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
# One mark per run, by what is shown of the image:

# %%
elime_charts.by_selection(ARRAYS)

# %% [markdown]
# ## How fast, and what makes it fast?
#
# Every method here pays for evaluations of the network. So
#
# $$ \frac{t_\mathrm{LIME}}{t_\mathrm{E}} = \frac{n_\mathrm{LIME}}{n_\mathrm{E}} \cdot
# \frac{t_\mathrm{LIME} / n_\mathrm{LIME}}{t_\mathrm{E} / n_\mathrm{E}}, $$
#
# budget times cost of an evaluation. The first factor is somebody's decision, the second is the
# algorithm's doing. Ratios of seconds are geometric means over images.

# %%
IS_DEFAULT = lime_samples == 1000  # the abstract's ten times are against LIME's default
ours, cutting = np.array([result["seconds"].numpy() for result in MAIN]).T
theirs = np.array([float(result["lime seconds"][0]) for result in MAIN])
equal = np.array([float(result["lime seconds"][1:].mean()) for result in MAIN])
equal_lime = np.array([float(result["lime"][1:].mean()) for result in MAIN])
e_lime, lime = (level.loc[FIRST, method].to_numpy() for method in ("E-LIME", "LIME"))
measured["time"] = [measurement("time/seconds", ours)]
if IS_DEFAULT:
    ratio = *paired.ratio_and_interval(theirs, ours), len(ours)
    faster = claims.measurement("time/faster", claims.INDEPENDENT, *ratio)
    measured["time"] = [*measured["time"], faster]
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
    seconds=float(ours.mean()), ratio=paired.ratio_and_interval(theirs, ours)[0],
    budget=lime_samples / EVALUATIONS, equal=paired.ratio_and_interval(equal, ours)[0],
    cutting=float(cutting.mean()),
)  # fmt: skip
Markdown(show.speed(speed, FIRST, len(MAIN), lime_samples, EVALUATIONS, IS_DEFAULT))

# %% [markdown]
# ### At which budgets is it ten times?
#
# A ratio of times at budgets that each method chose for itself compares budgets. So let E-LIME stop
# as soon as its selection is as probable as LIME's, and count the evaluations of both. A run that
# never gets there counts 0. LIME's five superpixels show a small part of the image, and the first
# population half of it, so that against them the first population often suffices. A budget of LIME
# below ten populations could not show the claim, and is no reading of it.


# %%
def sooner(name, selection):
    """LIME's evaluations over E-LIME's at equal probability, for each of LIME_AT: (images, K)."""
    rows = []
    for i in ALL:
        result = COMPARED[name, i]
        own = len(result["bits"]) if selection == "LIME" else 0  # to try each size
        cost = torch.tensor(LIME_AT) + own
        rows.append(searches.times_sooner(result[selection], cost, COUNTED, result["E-LIME"]))
    return torch.stack(rows).numpy()


SELECTION = {"best size": "LIME", "five superpixels": "LIME, five"}
matched = {
    (name, selection): sooner(name, key) for name in NAMES for selection, key in SELECTION.items()
}
measured["match"] = [
    *([measurement("time/match", matched[FIRST, "best size"][:, -1])] if IS_DEFAULT else []),
    *(
        measurement(
            "time/match", values[:, k],
            **{"LIME's evaluations": str(n), "LIME's selection": selection, "network": name},
        )
        for (name, selection), values in matched.items()
        for k, n in enumerate(LIME_AT)
        if n > elime_searches.TIMES * population
    ),
]  # fmt: skip
times = {pair: mean_of(values) for pair, values in matched.items()}
elime_searches.sooner_chart(times, LIME_AT)

# %% [markdown]
# *How many times fewer evaluations E-LIME needs to be as good as LIME, mean over images with 95 %
# intervals; the broken line is the abstract's ten. Choose a network below.*

# %%
Markdown(elime_searches.sooner(times, LIME_AT, population))

# %% [markdown]
# ## Other networks
#
# The method needs only the output, so it runs with any classifier; what the searches reach with each
# network stands above. Do networks keep the same superpixels?
#
# The share of runs that keep a superpixel, by network:

# %%
figures.with_alt_text(
    figures.heatmap_grid(
        [
            [figures.overlay(picture(PIXELS[i]), frequency(RESULTS[n, i])) for n in NAMES]
            for i in CHOSEN
        ],
        row_labels=[LABELS[i] for i in CHOSEN],
        column_labels=[name.removeprefix("tf_efficientnet_") for name in NAMES],
        signed=False,
    ),
    "For each photograph and network, how often each superpixel is kept over all runs",
)

# %% [markdown]
# How far the maps of two networks of an image agree:

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
# under the first curve and a small one under the second. The map is the selection of **one run**,
# as the method gives it: ones and zeros, so that the order within each is random. Its control is as
# many superpixels at random. LIME's weights and a random order of all superpixels stand beside.
# E-LIME maximizes what a selection alone shows, and neither curve asks for exactly that.


# %%
def curves(network, pixels, label, segments, ranked):
    """Insertion, deletion and the probability by size, of orders (M, S) of superpixels."""
    settings = {"fill": fill, "batch_size": batch_size, "seed": seed}
    return trials.curves(
        network, pixels, label, segments, ranked, steps=steps, sizes=sizes, **settings
    )


def orders_of(result):
    """One run's selection, LIME's weights, as many at random, and random orders: (2 + 2 R, S)."""
    return trials.orders(result["bits"], result["weights"], random_runs, seed)


# %% [markdown]
# Of the photographs that are shown, the frequencies over all runs are measured as well. They are ours,
# and cost as many times more.

# %%
MAPS = ["E-LIME, one run", "LIME", "as many at random", "random order"]
OVER_RUNS = "E-LIME, all runs"
CURVED = {
    (name, i): kept("curves", curves, name, i, COMPARED[name, i]["segments"], orders_of(COMPARED[name, i]))
    for name in NAMES
    for i in tqdm(ALL, desc=f"insertion and deletion, {name}")
}  # fmt: skip
FREQUENT = {
    pair: kept("curves", curves, *pair, result["segments"], result["bits"].double().mean(0)[None])
    for pair, result in RESULTS.items()
}


def area(pair, measure):
    """Areas under the curves of one image by map, (4,)."""
    return trials.by_map(insertion_deletion.auc(CURVED[pair][measure]), random_runs).numpy()


# %% [markdown]
# Of each image, the area by a run's selection less that by as many superpixels at random:

# %%
AREAS = {
    (measure, n): np.stack([area((n, i), measure) for i in ALL])
    for measure in ("insertion", "deletion")
    for n in NAMES
}
ahead = {  # of a run against as many superpixels at random: of each network, by image
    "insertion": {n: AREAS["insertion", n][:, 0] - AREAS["insertion", n][:, 2] for n in NAMES},
    "deletion": {n: AREAS["deletion", n][:, 2] - AREAS["deletion", n][:, 0] for n in NAMES},
}
measured["features"] = [
    measurement(f"features/{measure}", values, **choice)
    for measure, by_network in ahead.items()
    for values, choice in [
        (np.mean(list(by_network.values()), axis=0), {}),
        *((values, {"network": name}) for name, values in by_network.items()),
    ]
]
# %% [markdown]
# Mean areas by map, over images and networks:

# %%
means = {m: np.mean([AREAS[m, n] for n in NAMES], axis=0) for m in ahead}
over_runs = {
    m: float(np.mean([insertion_deletion.auc(c[m]) for c in FREQUENT.values()])) for m in ahead
}
area_table = show.area_table({m: mean_of(values) for m, values in means.items()}, MAPS)
area_table.round(3)

# %% [markdown]
# *Area under the curves, mean over images and networks, with 95 % intervals over images.*

# %%
gain, drop = (float(np.mean(list(ahead[m].values()))) for m in ("insertion", "deletion"))
here = {m: float(means[m][CHOSEN, 0].mean()) for m in means}
Markdown(
    show.areas(area_table, gain, drop, len(ALL), len(NAMES))
    + " " + show.over_runs(over_runs, here, len(CHOSEN), runs)
)  # fmt: skip

# %% [markdown]
# The curves, mean over images and networks:

# %%
elime_charts.insertion_deletion(
    {
        measure: torch.stack([trials.by_map(c[measure], random_runs) for c in CURVED.values()])
        .mean(0)
        .numpy()
        for measure in means
    },
    MAPS,
)

# %% [markdown]
# ## Beyond the paper: does every run say the same?
#
# Two selections agree by their Jaccard index: the superpixels in both over those in either. Large
# selections agree by chance, so each is compared with as many superpixels at random.


# %%
def fresh():
    """A generator at the run's seed, anew at each call."""
    return torch.Generator().manual_seed(seed)


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
def sized(name, i):
    """The probability by size of the selection, for each of :data:`ORDERS`: (3, sizes)."""
    others = trials.by_map(CURVED[name, i]["by size"], random_runs)
    return torch.cat([FREQUENT[name, i]["by size"], others[[1, 3]]]).numpy()


ORDERS = [OVER_RUNS, "LIME", "random order"]
elime_charts.by_size(
    {LABELS[i]: sized(FIRST, i) for i in CHOSEN},
    {LABELS[i]: CURVED[FIRST, i]["shares"].numpy() for i in CHOSEN},
    ORDERS,
)


# %% [markdown]
# ## What the free choices do
#
# Segmentation and fill are not in the abstracts. With each combination E-LIME is held against as many
# random selections again, at the evaluations of one run and with the first network.

# %%
CHOICES = [(f, s) for f in trials.FILLS for s in ("quickshift", "slic-50")]
AS_ABOVE = fill, segmentation


def vary(network, pixels, label, fill, segmentation, rows):
    """Runs of E-LIME with other choices, the best of as many random selections, and bits kept."""
    image = conversion.to_unit(pixels).to(DEVICE)
    segments = elime.superpixels(pixels, segmentation).to(DEVICE)
    search = evolve(network, image, segments, label, rows=rows, fill=fill)
    generator = torch.Generator().manual_seed(seed + 1)
    drawn = torch.rand(EVALUATIONS, search.bits.shape[1], generator=generator) < 0.5
    settings = {"fill": fill, "batch_size": batch_size}
    rated = trials.rate(network, image, segments, label, drawn, **settings)
    kept = search.bits.double().mean(1)
    return {"E-LIME": search.probability, "random": rated.amax()[None], "superpixels": kept}


def varied(i, label, choice, rows=1):
    """:func:`vary` on a photograph with the first network, kept."""
    settings = NETWORKS[FIRST], PIXELS[i], label, *choice, rows
    return cache.kept(f"{CHAPTER}/variants", vary, *settings)


# %% [markdown]
# One row per combination, means over images:

# %%
BY_CHOICE = {
    choice: [varied(i, int(CLASSES[i]), choice) for i in ALL]
    for choice in tqdm(CHOICES, desc="fills and segmentations")
}


def lead(parts):
    """E-LIME less random, by image."""
    return [float(part["E-LIME"].mean() - part["random"]) for part in parts]


def choice_row(parts):
    """Means over images, and the interval of E-LIME's lead."""
    value, low, high = mean_of(lead(parts))
    means = {key: float(np.mean([part[key].mean() for part in parts])) for key in parts[0]}
    kept = {"superpixels kept (%)": 100 * means.pop("superpixels")}
    return means | {"difference": value, "low": low, "high": high} | kept


measured["choices"] = [
    measurement("rise/first", lead(parts), evaluations=str(EVALUATIONS), fill=f, segmentation=s)
    for (f, s), parts in BY_CHOICE.items()
    if (f, s) != AS_ABOVE
]
table = pd.DataFrame({f"{f}, {s}": choice_row(parts) for (f, s), parts in BY_CHOICE.items()}).T
table.round(3)

# %% [markdown]
# *Probabilities after one run's evaluations; the interval is that of the difference, over images.*

# %%
Markdown(show.choices(table, len(ALL), FIRST))

# %% [markdown]
# The first row's claim in all its readings, by evaluations, fill and segmentation:

# %%
multiverse_chart.of_row(
    measured.readings(), REPORTED, "rise/first", "E-LIME less random selections (probability)"
)

# %% [markdown]
# *One dot per reading, with its 95 % interval over images; below, what each one chose.*

# %% [markdown]
# ## Is it evidence?
#
# Masked images are out of distribution: a rise in probability on them is weak evidence. Two tests. If
# the selection held all the evidence, the *rest* of the image should no longer give the class. And if
# a high probability spoke for an explanation, the search should fail for classes that are *not* in
# the image: the runner-up, and the class of the next image.


# %%
WHOLE = classifiers.logits(NETWORKS[FIRST], PIXELS[CHOSEN], batch_size=20).softmax(1)


def evidence_rows(place, i):
    """Probabilities of the predicted class, the runner-up and another image's class."""
    whole, result = WHOLE[i], RESULTS[FIRST, i]
    others = {
        "runner-up": int(whole.argsort(descending=True)[1]),
        "another image's class": int(CLASSES[CHOSEN[(place + 1) % len(CHOSEN)]]),
    }
    rows = [
        ("predicted class", LABELS[i], result["ends"][0], result["probability"], result["bits"])
    ]
    for what, label in others.items():
        search = varied(i, label, AS_ABOVE, sensitivity_runs)
        row = (what, photographs.class_name(label), whole[label], search["E-LIME"])
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
judged = claims.judge(measured.table(), CHAPTER, measured.readings())
tables.verdict_table(judged)

# %% [markdown]
# *Every row beside our number. Rows in several readings say in how many of them they hold.*

# %% tags=["verdict"]
notebook.finish(
    session,
    measured.table(),
    elime_verdict.verdict(
        judged, everywhere, len(PAIRS), level, speed if IS_DEFAULT else None, stable, evidence
    ),
    readings=measured.readings(),
    finding=elime_verdict.finding(level, everywhere, len(PAIRS), stable, evidence),
)

# %% [markdown]
# ## What differs, and what we do not know
#
# - **We read abstracts.** Population, generations, operators, segmentation, fill, LIME's settings, the
#   machine, the images and all tables are unknown to us; we found no code.
# - **Networks.** MobileNetV2 is of a family that the paper names, in another training;
#   EfficientNet-Lite0 and SqueezeNet are not. `-p networks "resnet50 densenet121 mobilenet_v2"` takes
#   the paper's families, by a download; which depths it has we do not know.
# - **Images.** By the rule above; the paper's four are not named.
# - **Time.** Seconds depend on the machine and on what else it did; evaluations do not. On a GPU large
#   batches favor whoever rates a population at once; here both are given batches of 10.
# - **Recognizable to people**: not tested.
# - **Places.** An earlier form asked whether selections lie on masks that were pasted into photographs
#   of faces. LIME did no better than chance there either, so that test could not tell good from bad,
#   and the paper makes no claim about it: it was taken out.
# - **Single runs.** Where several runs are averaged, the text says so.
