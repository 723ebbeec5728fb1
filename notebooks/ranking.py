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
# # One order of methods, and how far it can be trusted
#
# Which saliency method is best? [](/book/leaderboard.md) answers for one network and few photographs, test
# by test. Here the methods go through those tests that know a right map from a wrong one
# ([](planted_truth.ipynb)), on several networks and more photographs. The answer is an order, with how far
# it depends on the networks, on the tests, on the photographs and on what replaces a removed pixel.

# %% [markdown]
# ## Claims, and what would confirm them
#
# The claims in `data/reported/ranking.csv` are ours. They were written after small runs of two and four
# photographs, and after the leaderboard's one network, and say so. An order can be *trusted* if leaving out any one network, or any one test, leaves it nearly as
# it was, if it holds for other images than ImageNet's, and if no map that ignores the network stands above
# the middle of the methods.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed: int = None  # of the choice of images, noise, attack, random methods and bootstrap
networks: str = None  # of ImageNet, by name, with spaces between
photographs: int = None  # to explain: Foolbox's, then those of XAI_DATA/imagenet-sample
cifar_images: int = None  # of CIFAR-10, for the networks of chapters 1 and 2; a download; or 0
kinds: str = None  # of methods in the order, apart by semicolons; the controls always are
method: str = None  # methods of yours, as module:function, apart by commas; they are called Yours
black_boxes: int = None  # photographs that black boxes explain, the first ones; or 0
asked: str = None  # networks that the black boxes ask, by name, with spaces between
budgets: str = None  # model evaluations for one map of a black box, with spaces between
samples: int = None  # of SmoothGrad
path_steps: int = None  # of Integrated Gradients
seeds: int = None  # draws of every method on the clean images
attack_size: float = None  # largest change of a pixel, of the range 0 to 1
steps: int = None  # of insertion, deletion and sufficiency
levels: str = None  # shares of a network's layers that forget, from the top
strengths: str = None  # corruptions and their strengths, apart by semicolons
piece: int = None  # photographs that are measured together, and kept together
bootstrap_draws: int = None  # for the intervals

# %%
from helpers.run import notebook

session = notebook.begin("ranking", globals())

# %% [markdown]
# Helpers by room: inputs, the ranking, and the words and charts of this page.

# %%
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display
from torch.nn import functional as F
from tqdm import tqdm

from helpers.inputs import at_hand, checkpoints, cifar, classifiers, conversion
from helpers.inputs import photographs as photos
from helpers.ranking import conditions, orders, pieces, ranked_tests
from helpers.report import claims, order, tables, theme
from helpers.report.chapters import ranking as show
from helpers.store import paths
from helpers.trials import methods
from helpers.trials import settings as sizes

theme.apply_theme()
DEVICE = classifiers.default_device()
CHAPTER = "ranking"
measured = claims.Measurements()
OWN = {**sizes.of_profile(profile), **session.values}  # the tests' sizes that this page has not
SETTINGS = sizes.parse(OWN)._replace(stages=(), evaluations=0)

# %% [markdown]
# The claims, and the number that each is held against:

# %%
reported = claims.reported(CHAPTER)
reported.groupby("group", sort=False).agg(claims=("says", "size"), bound=("reported", "max"))

# %% [markdown]
# ## Tests
#
# A test enters the order in a form in which an oracle wins and every map that knows nothing of the network
# loses; the project's own tests hold each of these to that:

# %%
pd.Series(ranked_tests.IN_WORDS, name="question").rename_axis("test").to_frame()

# %% [markdown]
# *Removal* {cite:p}`rong2022` takes away the first pixels of a map, or the last ones, and fills the gap with
# the mean of its neighbors (ROAD); insertion and deletion fill with grey. In *randomization* and *stability*
# a network forgets: its weights are shuffled, and every channel gets its mean and deviation back. A network
# whose weights are only shuffled answers the same to every image, and then a map may change because there is
# nothing left to explain.
#
# ## Networks and photographs

# %%
NETWORKS = at_hand.networks(networks.split())


def scaled(pixels, side):
    """Photographs (N, 3, H, W) as uint8 in [0, 1], at a network's size, on the device."""
    unit = conversion.to_unit(pixels.to(DEVICE))
    return F.interpolate(unit, (side, side), mode="bilinear", antialias=True)


def sample(number):
    """Photographs, Foolbox's and then those of a folder, in an order drawn by the seed."""
    folder = paths.xai_data() and paths.xai_data() / "imagenet-sample"
    found = [photos.foolbox_imagenet().pixels]
    if number > len(found[0]) and folder and folder.is_dir():
        found.append(photos.load_folder(folder, number - len(found[0])).pixels)
    pixels = torch.cat(found)[:number]
    return pixels[conditions.spread_out(len(pixels), seed)]


PHOTOGRAPHS = sample(photographs)
IMAGES = {name: scaled(PHOTOGRAPHS, classifiers.IMAGENET[name][0]) for name in NETWORKS}

# %% [markdown]
# Two networks of CIFAR-10 see other images: the first chapter's, and the second's after its last epoch.


# %%
def committed(name, network):
    """A network with the weights that chapter 1 or 2 has committed."""
    file = paths.MODELS / f"{name}.safetensors"
    return checkpoints.load_weights(network, file.read_bytes(), file.name).to(DEVICE)


SMALL = {}
if cifar_images:
    test = cifar.cifar10("test", download=True)
    drawn = conditions.spread_out(len(test.labels), seed)[:cifar_images]
    lite = classifiers.timm_network("tf_efficientnet_lite0", classes=10, size=96, pretrained=False)
    SMALL = {
        "chapter 1's": (committed("lrp_adversarial", classifiers.dieter_cnn()), 32),
        "chapter 2's": (committed("gradcam_training-epoch-20", lite), 96),
    }
    SMALL = {name: (net, scaled(test.pixels[drawn], side)) for name, (net, side) in SMALL.items()}
print(f"{len(PHOTOGRAPHS)} photographs; {len(NETWORKS)} networks; {len(SMALL)} of CIFAR-10")

# %% [markdown]
# ## Every score, a piece at a time
#
# A *piece* is a few images of one network with all methods under all conditions. What it gives is kept, so
# that a run resumes, and several processes that run this notebook share the pieces out. The methods that
# look inside the network and the controls see all images.

# %%
REGISTERED = methods.registered(SETTINGS)
WANTED = [kind.strip() for kind in kinds.split(";")]
OURS = [m for m in REGISTERED if m.kind in (*WANTED, methods.CONTROL)]
COMPARED = [*methods.brought_all(method), *OURS]
NAMES = [m.name for m in COMPARED]
KINDS = {m.name: m.kind for m in COMPARED}
TESTS = list(ranked_tests.TRIALS)


def scores_on(network, images, chosen, whole=True):
    """What `pieces.measured` gives of a network."""
    work = pieces.Work(network, images, chosen, SETTINGS, whole)
    return pieces.measured(work, piece)


LARGE = {
    name: scores_on(NETWORKS[name].to(DEVICE), IMAGES[name], COMPARED)
    for name in tqdm(NETWORKS, desc="networks")
}
LITTLE = {
    name: scores_on(network, images, COMPARED)
    for name, (network, images) in tqdm(SMALL.items(), desc="CIFAR-10")
}
show.sizes({**LARGE, **LITTLE}, TESTS)

# %% [markdown]
# *Images of each network that have a number in each test, and how far its networks that forgot still tell
# images apart (share of the logits' variance, by share of layers).* Where a method has no number, and why:

# %%
missing = show.gaps({**LARGE, **LITTLE})
missing if len(missing) else Markdown("Every method has a number in every test.")

# %% [markdown]
# ## The order
#
# On every image the methods are ranked; the standing is 1 for the first and 0 for the last. It is averaged
# over images, then networks, then tests. Intervals draw images and networks anew {cite:p}`owen2007`, so that
# they speak of other networks as well.


# %%
def standings_of(found):
    """Standings (L, T, M, N) by the ranking's tests, of what networks gave."""
    return orders.standings(np.stack([scores.values[: len(TESTS)] for scores in found.values()]))


STANDING = standings_of(LARGE)
DRAWN = orders.drawn(STANDING, draws=bootstrap_draws, seed=seed)
OVERALL = orders.overall(DRAWN)  # (draws + 1, methods)
COST = np.nanmean([scores.cost for scores in LARGE.values()], 0)
TABLE = show.order_table(NAMES, KINDS, OVERALL, COST)
OF_TESTS = orders.over_networks(DRAWN)
SIZE = {"images": len(PHOTOGRAPHS), "networks": len(LARGE)}
ORDER = show.order_rows(order.EVERY, TABLE, NAMES, TESTS, OF_TESTS, **SIZE)
show.order_chart(TABLE)

# %% [markdown]
# *Mean standing of each method over tests and networks, with its 95 % interval; the best on top.* In words:

# %%
RANKS, ranked_images = orders.mean_ranks(STANDING)
difference = orders.critical_difference(int(np.isfinite(RANKS).sum()), max(ranked_images, 1))
EQUAL = [[NAMES[i] for i in group] for group in orders.groups(RANKS, difference)]
ALIKE = np.nanmean(np.concatenate([scores.alike for scores in LARGE.values()], 2), 2)
ONE = [[NAMES[i] for i in group] for group in orders.same_maps(np.nan_to_num(ALIKE))]
Markdown(show.order_sentences(TABLE, EQUAL, difference, ranked_images, ONE))

# %% [markdown]
# The standing in each test, over networks:

# %%
show.by_test(NAMES, TESTS, orders.means(STANDING))

# %% [markdown]
# ## How far does it depend on networks, tests and fills?
#
# The rank correlation of the order with the order without one network or one test; and of the orders by
# removal alone with three fills.


# %%
def without(axis):
    """Agreement (draws + 1, K) of the order with those without one network (0) or test (1)."""
    return np.stack([orders.without_each(means, axis) for means in DRAWN])


BY_REMOVAL = ["removal", *ranked_tests.FILLS]
PLACES = [[*TESTS, *ranked_tests.FILLS].index(name) for name in BY_REMOVAL]
FILLED = orders.standings(np.stack([scores.values[PLACES] for scores in LARGE.values()]))
BY_FILL = orders.drawn(FILLED, draws=bootstrap_draws, seed=seed)
LEFT = {"network": without(0) if len(LARGE) > 1 else None, "test": without(1)}
FILLS = show.fill_agreement(BY_FILL, ["ROAD", "grey", "blur"], orders.agreement)
show.left_out({"network": list(LARGE), "test": TESTS}, LEFT, FILLS)

# %% [markdown]
# *Rank correlations with 95 % intervals.* The same order on CIFAR-10, with its own networks and images:

# %%
OTHER = None
if LITTLE:
    SMALL_DRAWN = orders.drawn(standings_of(LITTLE), draws=bootstrap_draws, seed=seed)
    both = zip(OVERALL, orders.overall(SMALL_DRAWN), strict=True)
    OTHER = np.array([orders.agreement(one, other) for one, other in both])
    first = orders.overall(SMALL_DRAWN)
    display(show.order_chart(show.order_table(NAMES, KINDS, first, COST)))
Markdown(show.other_images(OTHER))

# %% [markdown]
# ## Black boxes, by their budget
#
# A black box can only ask. How good is its map after how many evaluations of the network, and when does it
# overtake Grad-CAM, which needs one? Beside the other methods, on the first photographs, in the tests that
# need the clean images alone, on some of the networks.


# %%
def with_budget(evaluations):
    """The black boxes with a budget, named by it."""
    budget = SETTINGS._replace(evaluations=evaluations, precision="float32")
    return [
        m._replace(name=f"{m.name}, {evaluations}")
        for m in methods.registered(budget)
        if m.kind == methods.BLACK_BOX
    ]


BUDGETS = [int(text) for text in budgets.split()] if black_boxes else []
BOXES = [m for evaluations in BUDGETS for m in with_budget(evaluations)]
ASKED = {
    name: scores_on(NETWORKS[name].to(DEVICE), IMAGES[name][:black_boxes], BOXES, whole=False)
    for name in (tqdm(asked.split(), desc="black boxes") if BOXES else ())
    if name in NETWORKS
}
BESIDE = show.beside(ASKED, LARGE, TESTS, list(ranked_tests.CLEAN_ALONE))

# %% [markdown]
# Every black box with every budget, beside the methods that look inside:

# %%
OF_BOXES = []
if ASKED:
    boxed = orders.drawn(orders.standings(BESIDE), draws=bootstrap_draws, seed=seed)
    spent = np.nanmean([scores.cost for scores in ASKED.values()], 0)
    named = [*NAMES, *(m.name for m in BOXES)]
    kinds = {**KINDS, **{m.name: m.kind for m in BOXES}}
    spending = np.concatenate([COST, spent])
    table = show.order_table(named, kinds, orders.overall(boxed), spending)
    front = orders.front(table.standing.to_numpy(), table.passes.to_numpy())
    cheap = [table.method[place] for place in front]
    shared, sized = (
        list(ranked_tests.CLEAN_ALONE),
        {"images": BESIDE.shape[-1], "networks": len(ASKED)},
    )
    of_tests = orders.over_networks(boxed)
    OF_BOXES = [show.order_rows(order.ASKED, table, named, shared, of_tests, **sized)]
    display(show.budget_chart(table), Markdown(show.budget_sentences(table, cheap)))

# %% [markdown]
# ## Theirs and ours
#
# Every claim with its measurement and verdict.


# %%
def row(key, draws, n):
    """A measurement from draws of which the first is the value."""
    return claims.measurement(key, claims.INDEPENDENT, *show.estimate(draws), n)


n = STANDING.shape[-1]
least = {key: found.min(1) for key, found in LEFT.items() if found is not None}
measured["order"] = [row(f"leave/{key}", draws, n) for key, draws in least.items()]
measured["fills"] = [row("fills", np.min([*FILLS.values()], 0), n)]
measured["controls"] = [row("controls", show.best_control(OVERALL, NAMES, KINDS), n)]
measured["CIFAR-10"] = [] if OTHER is None else [row("cifar", OTHER, n)]
measured["papers"] = [
    row(f"papers/{name}", OVERALL[:, NAMES.index(name)], n)
    for name in ("LRP-epsilon", "Grad-CAM", "HayCAM+")
    if name in NAMES
]
judged = claims.judge(measured.table(), CHAPTER)
tables.verdict_table(judged)

# %% [markdown]
# The run's summary, which stands at the top of this page in the book:

# %% tags=["verdict"]
notebook.finish(
    session,
    measured.table(),
    show.verdict(judged, TABLE),
    files={"-order.csv": pd.concat([ORDER, *OF_BOXES]).to_csv(index=False)},
)

# %% [markdown]
# ## What differs, and what we do not know
#
# - **Networks.** All are convolutional. A transformer may order methods otherwise.
# - **Tests.** That a test tells a planted mark says that it can tell a right map from one that knows
#   nothing, not that its order of two good maps is right.
# - **Side by side** is set up within a piece of photographs; two photographs of one class may meet.
# - **Settings of methods** are those of the literature, not tuned on these tests.
# - **DE-CAM, E-LIME, LIME and RISE** stand in the order of the tests that need the clean images alone.
# - **A method without a number in a test** is averaged over the others.
# - **Tests are correlated**: insertion and deletion, removal and sufficiency all ask which pixels carry the
#   score, so that this question counts several times.
# - **Other forms than on trial.** Removal is not on the page of the tests on trial, and networks without
#   their weights are shuffled in another way there.
