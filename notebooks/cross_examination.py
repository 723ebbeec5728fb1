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
# # Cross-examination: every method through every paper's test
#
# Each of the five papers tests its own method with its own test. Here twenty methods, and four controls
# that do not depend on the network, go through all of them, with the same images and networks: does an
# explanation change with the decision {cite:p}`dieter2023`, does it stay under corruption
# {cite:p}`arya2024`, does it show the pixels that carry the score {cite:p}`karatsiolis2022`, does it lie
# on the object {cite:p}`ornek2024`, is what it selects enough {cite:p}`wang2022`? To them come a sanity
# check that two of the papers cite {cite:p}`adebayo2018`, and the cost. The tests are judged in turn:
# one that an edge detector wins says little about an explanation.
#
# [](/book/bring-your-own.md) says how a method or a network of yours takes its place in the tables.

# %% [markdown]
# ## Claims, and what would confirm them
#
# No paper made these comparisons, so the claims in `data/reported/cross_examination.csv` are ours, fixed
# before the run: a method beats every control on the test of its own paper, and is in the better half on
# the others'; no control is in the better half of a test; the tests agree; and a map changes with the
# network's weights.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed: int = None  # of noise, attack, random methods and bootstrap
model: str = None  # or torchvision:NAME, timm:NAME, or module:loader of your own
layer: str = None  # that activation maps look at, instead of the last grid of features
method: str = None  # methods of yours, as module:function, apart by commas; they are called Yours
test: str = None  # a test of yours, as module:function, in a column of its own
images: str = None  # a folder of photographs instead of Foolbox's twenty
skip_unreadable: bool = None  # whether those that cannot be read are left out, not refused
count: int = None  # photographs to explain
side: int = None  # pixels of their sides, as a packaged network then sees them
evaluations: int = None  # of the network, that a black box may spend on one map
samples: int = None  # of SmoothGrad; 50 are common
path_steps: int = None  # of Integrated Gradients; 20 to 300 in its paper
precision: str = None  # bfloat16 or float32: of the network while black boxes evaluate it
seeds: int = None  # of every method on the clean images
attack_size: float = None  # largest change of a pixel, of the range 0 to 1: two grey levels
steps: int = None  # of insertion, deletion and sufficiency; RISE's large evaluation: 28
levels: str = None  # shares of the network's layers that are randomized, from the top
strengths: str = None  # corruptions and their strengths, apart by semicolons
stages: str = None  # epochs of chapter 2's committed checkpoints
cifar_count: int = None  # images of CIFAR-10 for them, of Foolbox's twenty
localise_images: int = None  # photographs with a true region, if XAI_DATA has some
bootstrap_draws: int = None  # for the intervals
shard: str = None  # a part of the maps, such as 2/8, to be kept for the run that merges them

# %%
from helpers.run import notebook

session = notebook.begin("cross_examination", globals())

# %% [markdown]
# Helpers by room: inputs, measures, saliency methods, and the words and charts of this page.

# %%
import pandas as pd
import torch
from IPython.display import Markdown, display
from timm.data import ImageNetInfo
from torch.nn import functional as F
from tqdm import tqdm

from helpers.inputs import cifar, classifiers, conversion, faces, photographs
from helpers.measures import standings
from helpers.report import claims, tables, theme
from helpers.report.chapters import cross_examination as show
from helpers.report.chapters import cross_examination_charts as charts
from helpers.report.chapters import cross_examination_pictures as pictures
from helpers.report.chapters import cross_examination_yours as yours
from helpers.saliency import network_check, user_code
from helpers.store import paths

theme.apply_theme()
DEVICE = classifiers.default_device()
measured = claims.Measurements()

# %% [markdown]
# The engine and the tests stand in `helpers/trials`, one file a paper.

# %%
from helpers.trials import (
    agreement,
    attack,
    battery,
    conditions,
    corruption,
    costs,
    engine,
    insertion,
    localization,
    matrix,
    methods,
    own_test,
    remarks,
    sanity,
    sufficiency,
)
from helpers.trials import settings as sizes

# %% [markdown]
# The claims, and the number that each is held against:

# %%
reported = claims.reported("cross_examination")
reported.groupby("group", sort=False).agg(claims=("says", "size"), bound=("reported", "max"))

# %% [markdown]
# ## Methods
#
# The registry in `helpers/saliency/registry.py` holds all methods by kind. Black boxes get a budget of
# evaluations; the rest has the settings of the literature. Methods of yours come first. A test of yours
# is tried beside the papers'.

# %%
settings = sizes.parse(session.values)
COMPARED = [*methods.brought_all(method), *methods.registered(settings)]
YOURS = [m.name for m in COMPARED if m.is_brought]
CONTROLS = [m.name for m in COMPARED if m.kind == methods.CONTROL]
EXPLAINING = [m.name for m in COMPARED if m.kind != methods.CONTROL]
TESTS = dict(battery.TRIALS)
if test:
    own = own_test.load(test)
    TESTS[own.name] = own
pd.Series([m.kind for m in COMPARED]).value_counts(sort=False).rename("methods").to_frame()

# %% [markdown]
# ## Networks, images, conditions
#
# A *condition* is a network, a batch of images and the class to explain in each. All tests below compare
# maps of the same method under two conditions, or hold the map of one condition against the network or
# the truth. Unless it says otherwise, the class is the one that the network predicts.

# %%
if images:
    photos = photographs.load_folder(paths.located(images), count, side, skip_unreadable)
    print("Photographs:", *photos.notes, sep="\n- ")  # as text: a table would cut them short
else:
    photos = photographs.foolbox_imagenet(side)
PIXELS = conversion.to_unit(photos.pixels[:count].to(DEVICE))
battery.check_enough(PIXELS)
battery.check_superpixels(PIXELS)
checked = network_check.prepared(user_code.load_network(model, side), PIXELS, layer)
network = checked.network
clean = conditions.clean(
    network,
    PIXELS.contiguous(memory_format=classifiers.layout(network)),
    brought=model not in classifiers.IMAGENET,
)
Markdown(show.network_notes(model, checked.notes))

# %% [markdown]
# Every other condition changes one thing: the image by an attack, by noise or by a corruption, the class,
# or the network's weights. Chapter 2's checkpoints bring networks at several stages of training.

# %%
CASES = battery.base_conditions(clean, settings)
changed = CASES[conditions.ATTACKED].counts
steady = CASES[conditions.NOISE].counts
Markdown(
    show.photographs(
        len(PIXELS),
        battery.mean_probability(clean),
        attack_size,
        int(changed.sum()),
        int((~steady).sum()),
    )
)

# %% [markdown]
# Photographs with a true region are there if `XAI_DATA` has them: faces whose mask is marked pixel by
# pixel, of which those are taken that the network calls some kind of mask.

# %%
MASKS = (570, 643, 691, 796)  # gas mask, mask, oxygen mask, ski mask


def faces_with_masks(network, size, limit):
    """Images, predicted classes and marked regions of masked faces; None where there are not two."""
    folder = paths.xai_data() / "masks" / "localise" if paths.xai_data() else None
    if not limit or folder is None or not folder.is_dir():
        return None
    located, notes = faces.load_with_notes(folder, size)
    print(*notes, sep="\n", end="\n" if notes else "")
    layout = classifiers.layout(network)
    predicted = classifiers.logits(
        network, located.pixels, batch_size=32, memory_format=layout
    ).argmax(1)
    chosen = torch.isin(predicted, torch.tensor(MASKS)).nonzero()[:limit, 0]
    if located.masks is None or len(chosen) < 2:
        return None
    unit = conversion.to_unit(located.pixels[chosen])
    return unit.to(DEVICE), predicted[chosen].to(DEVICE), located.masks[chosen]


CLASSES = conditions.logits_of(network, PIXELS[:1]).shape[1]
masked = faces_with_masks(network, side, localise_images) if CLASSES == 1000 else None
if masked is not None:
    CASES[conditions.FACES] = conditions.located(clean, *masked)
pd.DataFrame(
    [{"condition": c.name, "what varies": c.varies, "images that count": int(c.counts.sum())}
     for c in CASES.values()]
)  # fmt: skip

# %% [markdown]
# ## Maps of every method under every condition
#
# A cell is a method under a condition. It is kept under a digest of the method's code, the network and
# the images, so that an interrupted run goes on with the cells that are missing, and one more method
# costs its own cells only. A built-in method that fails on a network of ours ends the run. A method of
# yours that fails, and any method that fails on a network of yours, leave a gap with the whole error.

# %% tags=["parts"]
CELLS = dict(
    tqdm(
        engine.run_cells(COMPARED, CASES, settings.seed, shard),
        total=len(COMPARED) * len(CASES),
        desc="cells",
    )
)
found = [
    show.GapRow(*key, cell.reason, cell.traceback)
    for key, cell in CELLS.items()
    if isinstance(cell, engine.Gap)
]
display(show.gaps(found, len(CELLS)), show.remarks(remarks.sentences(CELLS)))

# %% [markdown]
# ### The maps


# %%
def class_name(label):
    """ImageNet's first word for a class, where there are a thousand of them."""
    known = CLASSES == 1000
    return (
        ImageNetInfo().index_to_description(int(label)).split(",")[0] if known else str(int(label))
    )


def maps_under(condition, limit):
    """The first maps under a condition as arrays (limit, H, W), by method, without the gaps."""
    found = {m.name: CELLS[m.name, condition] for m in COMPARED}
    return {
        name: cell.maps[:limit].numpy()
        for name, cell in found.items()
        if isinstance(cell, engine.Maps)
    }


labels = [class_name(label) for label in clean.classes]
pictures.maps_over_photographs(
    PIXELS[:2].permute(0, 2, 3, 1).cpu().numpy(), labels[:2], maps_under(conditions.CLEAN, 2)
)

# %% [markdown]
# *The positive part of each map over the photograph in grey; each scale ends where the strongest 1 % of its
# map begin.*
#
# ## The tests
#
# Each test gives numbers an image; one of them decides who is first. Some images drop out: where the
# attack failed, a corruption changed the decision, or a map is constant, the number is missing. Where
# one image is left, a number has no interval and no rank.


# %%
def summed_up(trial, scores):
    """The rows of the matrix that a test gives, with intervals and ranks."""
    return matrix.summarize(
        {trial.name: scores},
        {trial.name: trial},
        COMPARED,
        network=model,
        draws=bootstrap_draws,
        seed=seed,
    ).table


def deciding(rows):
    return rows[rows.decides & (rows.gap == "")]


def typical(rows, prefix, keys):
    """Mean of measures over the methods that are no controls, by the end of the measure's name."""
    means = rows[rows.method.isin(EXPLAINING)].groupby("measure").value.mean()
    return {key: means.get(f"{prefix}{key}", float("nan")) for key in keys}


SCORED = {}

# %% [markdown]
# ### Does it change when the decision changes? (Dieter & Zisgen)
#
# The overlap of the most relevant pixels before and after an attack that one cannot see. It means
# nothing alone: so it stands beside the overlap with another class's map of the same image, with the
# same class's map of another image, and with the map under noise *as large* that leaves the decision.
# What decides is how much less survives the attack than that noise: a map that follows the decision
# scores high, one that shows edges, or a random one, zero. A map should stay (orange) under noise, and
# should not (white, or blue) under the attack, for another class, or on another image.

# %%
SCORED["decision"] = battery.score_all(attack.TRIAL, COMPARED, CELLS, CASES, settings)
rows = summed_up(attack.TRIAL, SCORED["decision"])
display(
    charts.by_condition(rows, "What of a map stays under the attack, and in each control"),
    Markdown(
        show.attack(len(EXPLAINING), typical(rows, "top 10 % in common, ", attack.COMPARED))
        + " "
        + show.outcome(deciding(rows))
    ),
)

# %% [markdown]
# ### Does it stay when the image is corrupted and the decision stays? (Arya)
#
# The rank correlation of a map with that of the corrupted image, for the same class; under rotation,
# with the clean image's map rotated alike. And the same over the stages of chapter 2's training, with
# noise.

# %%
SCORED["corruption"] = battery.score_all(corruption.TRIAL, COMPARED, CELLS, CASES, settings)
rows = summed_up(corruption.TRIAL, SCORED["corruption"])
by_corruption = typical(rows, "rank correlation, ", [c.label for c in settings.corruptions])
by_stage = {
    stage: typical(rows, "rank correlation, ", [f"epoch {stage} of chapter 2, noise"]).popitem()[1]
    for stage in settings.stages
}
display(
    charts.by_condition(rows, "Rank correlation with the clean image's map", "rank correlation, "),
    Markdown(show.corruption(by_corruption, by_stage) + " " + show.outcome(deciding(rows))),
)

# %% [markdown]
# ### Does it show the pixels that carry the score? (Karatsiolis & Kamilaris)
#
# Insertion, deletion and their difference DiffAUC, as in the paper's chapter, over all seeds.

# %%
SCORED["insertion and deletion"] = battery.score_all(
    insertion.TRIAL, tqdm(COMPARED, desc="curves"), CELLS, CASES, settings
)
rows = summed_up(insertion.TRIAL, SCORED["insertion and deletion"])
Markdown(show.outcome(deciding(rows)))

# %% [markdown]
# ### Does it lie on the object? (Ornek & Ceylan)
#
# The middle halves of two photographs stand side by side, and the class of the left one is explained:
# the truth is known exactly, for any network. As many pixels as the region has are taken, the first of
# the map, so that no threshold favors a method. Pointing game, mass and the box of the pixels above half
# of the maximum stand beside; on faces with a marked mask, the same.

# %%
SCORED["localisation"] = battery.score_all(localization.TRIAL, COMPARED, CELLS, CASES, settings)
rows = summed_up(localization.TRIAL, SCORED["localisation"])
Markdown(show.outcome(deciding(rows)))

# %% [markdown]
# ### Is what it selects enough? (Wang et al.)
#
# A map selects whole superpixels, as E-LIME does: those first in which its mean is largest. Only they
# are shown, the rest is grey. How much of the image must be shown until the class is as probable as in
# the whole image? Beside it: the probability that a fifth of the image keeps, and the highest on the way.
# (A draft kept single pixels. Scattered pixels destroy an image for the network whatever they show, so
# it measured which maps are smooth; this one was fixed before the run that you see.)

# %%
SCORED["keeping"] = battery.score_all(sufficiency.TRIAL, COMPARED, CELLS, CASES, settings)
rows = summed_up(sufficiency.TRIAL, SCORED["keeping"])
Markdown(show.outcome(deciding(rows)))

# %% [markdown]
# ### Does it depend on the weights? (Adebayo et al.)
#
# The network's layers are shuffled from the top, and the map is compared with that of the network as it
# was. A high correlation means that the map does not show what was learned.

# %%
SCORED["randomisation"] = battery.score_all(sanity.TRIAL, COMPARED, CELLS, CASES, settings)
rows = summed_up(sanity.TRIAL, SCORED["randomisation"])
means = typical(rows, "", [sanity.measure_at(level) for level in settings.levels])
by_level = dict(zip(settings.levels, means.values(), strict=True))
display(
    charts.by_condition(
        rows, "Rank correlation with a randomized network's map", "rank correlation, "
    ),
    Markdown(show.randomization(by_level) + " " + show.outcome(deciding(rows))),
)

# %% [markdown]
# ### What does it cost?
#
# Seconds, and passes through the network, of every run over the photographs but those in which memory
# is measured, since that slows them: memory is what a method holds beyond what was there before.

# %%
SCORED["cost"] = battery.score_all(costs.TRIAL, COMPARED, CELLS, CASES, settings)
rows = summed_up(costs.TRIAL, SCORED["cost"])
Markdown(show.outcome(deciding(rows)))

# %% [markdown]
# Relevance has a price of another kind: what it loses, or makes up, on its way from the logit to the
# pixels. Where a rule should keep all of it, a large error means that it is numerically unstable.

# %%
costs.conservation(COMPARED, clean).set_index("method").round(3)

# %% [markdown]
# ### A test of yours
#
# With `-p test module:function` a test of yours takes its column here.

# %%
for name, trial in TESTS.items():
    if name not in SCORED:
        SCORED[name] = battery.score_all(trial, COMPARED, CELLS, CASES, settings)
Markdown(
    " ".join(
        f"**{name}**: {show.outcome(deciding(summed_up(TESTS[name], SCORED[name])))}"
        for name in TESTS
        if name not in battery.TRIALS
    )
    or "None was given."
)

# %% [markdown]
# ## The matrix
#
# Means with 95 % intervals: images are drawn anew, and of each image its seeds, where a test has more
# than one (insertion, deletion, sufficiency); the cost is over runs. Every draw ranks all methods by the
# deciding measure, so that ranks, and how well two tests agree, have intervals over the same images.

# %%
SUMMARY = matrix.summarize(SCORED, TESTS, COMPARED, network=model, draws=bootstrap_draws, seed=seed)
places = standings.with_places(SUMMARY.table)
tables.rank_table(places[places.decides])

# %% [markdown]
# *The deciding measure of each test with its interval, and in round brackets the rank with its interval;
# ↑ higher, ↓ lower is better. [](/book/leaderboard.md) sorts by any measure.*
#
# ### Yours among the others
#
# Every test's deciding measure for methods of yours, with the best control (a map that knows nothing of the
# network reaches it), the best method, and how many methods stand before yours.

# %%
mine = yours.among_others(places[places.decides], YOURS)
mine if YOURS else Markdown("No method of yours was given; `-p method module:function` brings one.")

# %% [markdown]
# ### Do the tests agree on who is good?
#
# The rank correlation of two tests over the methods. If all measured "a good explanation", it would be
# high everywhere. Two cannot agree: staying under corruption rewards what never moves, such as the
# centre, and changing with the network what always does, such as a random map. Each alone is won by a
# control; only both together say something.

# %%
pairs = agreement.agreement(SUMMARY.ranks)
charts.agreement(
    {pair: agreement.estimate(draws) for pair, draws in pairs.items()}, list(SUMMARY.ranks)
)

# %% [markdown]
# The cost is no test of an explanation; it is left out of the means that follow.

# %%
RANKS = {
    name: SUMMARY.ranks[name] for name in battery.TRIALS if name in SUMMARY.ranks and name != "cost"
}
between = agreement.agreement(RANKS)
mutual = agreement.mean_agreement(between)
best = {test: agreement.best_control(table, CONTROLS) for test, table in RANKS.items()}
control_standing = {test: (control.name, control.standing) for test, control in best.items()}


def row(key, draws, n):
    """A measurement from draws of which the first is the value."""
    return claims.measurement(key, claims.INDEPENDENT, *agreement.estimate(draws), n)


measured["agreement"] = [row("agree", mutual, len(PIXELS))]
measured["controls"] = [
    row(f"controls/{test}", control.draws, len(PIXELS)) for test, control in best.items()
]
values = {pair: draws[0] for pair, draws in between.items()}
Markdown(show.agreement(values, agreement.estimate(mutual)) + " " + show.controls(control_standing))

# %% [markdown]
# ### The papers' own methods, on their own test and on the others'
#
# For each paper: how far its method is ahead of the best control on its own test, and where it stands on
# the other tests.

# %%
OWN = {
    "decision": "LRP-epsilon", "corruption": "Grad-CAM", "insertion and deletion": "DE-CAM",
    "localisation": "HayCAM+", "keeping": "E-LIME",
}  # fmt: skip
ALL_RANDOM = ("randomisation", sanity.measure_at(max(settings.levels)))


def own_claims(test, name):
    """The row of a paper's method in the table below, and its three claims."""
    trial, others = battery.TRIALS[test], agreement.elsewhere(RANKS, name, test)
    ahead = agreement.lead(SUMMARY.draws[test, trial.decides], trial.better, name, CONTROLS)
    n = matrix.observations(SCORED[test], name, trial.decides)
    found = [row(f"own/{test}", ahead.draws, n), row(f"others/{name}", others, len(PIXELS))]
    if name in SUMMARY.draws.get(ALL_RANDOM, ()):
        found.append(row(f"sanity/{name}", SUMMARY.draws[ALL_RANDOM][name], len(PIXELS)))
    line = {
        "paper": trial.paper, "method": name,
        "on its own test": agreement.standing(RANKS[test])[name].iloc[0],
        "best control": ahead.control,
        "ahead of it by": show.interval(agreement.estimate(ahead.draws)),
        "mean on the others'": others[0],
    }  # fmt: skip
    return line, found


own = [own_claims(test, name) for test, name in OWN.items() if name in RANKS.get(test, ())]
measured["papers' methods"] = [claim for _, found in own for claim in found]
pd.DataFrame([line for line, _ in own]).set_index("paper").round(2)

# %% [markdown]
# *Standing: 1 is the first of all methods, 0 the last. Ahead in the unit of the test: shares, rank
# correlations, points, IoU, % of the image.*
#
# ### All tests alike, and does quality cost more time?

# %%
overall = agreement.mean_standing(RANKS, [m.name for m in COMPARED])
kinds = {m.name: m.kind for m in COMPARED}
seconds = SUMMARY.table[(SUMMARY.table.test == "cost") & SUMMARY.table.decides]
charts.standings(
    pd.DataFrame(
        [
            {"method": name, "kind": kinds[name]}
            | dict(zip(("standing", "low", "high"), agreement.estimate(draws), strict=True))
            for name, draws in overall.items()
        ]
    )
    .round(3)
    .merge(seconds[["method", "value"]].rename(columns={"value": "seconds an image"}))
)

# %% [markdown]
# In words, with the correlation of standing and low cost:

# %%
cost_by = {
    label: agreement.cost_correlation(overall, SUMMARY.ranks["cost"], names)
    for label, names in (
        ("all", list(overall)),
        ("the methods without the controls", EXPLAINING),
    )
}
stands = overall.loc[0].to_dict()
Markdown(show.overall(stands, CONTROLS, cost_by))

# %% [markdown]
# ## For the explorer
#
# Small pictures of the first images and their maps go to [](/book/explorer.md), with their scores. A
# folder of yours stays out of it.

# %%
SHOWN = 8  # images of a network


def scores_by_method():
    """The deciding measures of the tests, a number an image, by method."""
    found = {m.name: {} for m in COMPARED}
    for test, by_method in SCORED.items():
        trial = TESTS[test]
        for name, result in by_method.items():
            for score in result.scores:
                if score.measure == trial.decides and test != "cost":
                    key = f"{test}: {score.measure}"
                    found[name][key] = score.values[:SHOWN].mean(1)
    return found


# %% [markdown]
# A network's part holds photographs, maps and scores.


# %%
def part(title, condition, names, scores):
    """One network's part of the explorer's file."""
    case = CASES[condition]
    chosen = case.images[:SHOWN]
    likely = conditions.logits_of(case.network, chosen).softmax(1)
    likely = likely.gather(1, case.classes[:SHOWN, None])[:, 0].tolist()
    maps = maps_under(condition, None)
    small = {
        name: F.interpolate(
            torch.from_numpy(values[:SHOWN, None]), (pictures.MAP, pictures.MAP), mode="area"
        )[:, 0].numpy()
        for name, values in maps.items()
    }
    signed = {name: bool((values[:SHOWN] < 0).any()) for name, values in maps.items()}
    photos = chosen.permute(0, 2, 3, 1).cpu().numpy()
    return pictures.network_part(title, photos, names[:SHOWN], likely, small, signed, scores)


# %% [markdown]
# The run's network, and chapter 2's after its last stage:

# %%
last = f"epoch {settings.stages[-1]}"
names = [cifar.CIFAR10_CLASSES[label] for label in CASES[last].classes]
parts = [part(f"chapter 2's network, {last}", last, names, {})]
if not images:
    parts = [part(model, conditions.CLEAN, labels, scores_by_method()), *parts]
explorer = pictures.explorer_file(parts)
print(f"{len(explorer) / 2**20:.2f} MB of small pictures")

# %% [markdown]
# ## Theirs and ours
#
# Every claim with its measurement and verdict.

# %%
judged = claims.judge(measured.table(), "cross_examination")
tables.verdict_table(judged)

# %% [markdown]
# The run's summary, which stands at the top of this page in the book:

# %% tags=["verdict"]
first = {test: table.iloc[0].idxmin() for test, table in RANKS.items()}
mean_agreement = agreement.estimate(mutual)
notebook.finish(
    session,
    measured.table(),
    show.verdict(judged, first, mean_agreement, control_standing, stands),
    finding=show.finding(mean_agreement, control_standing, stands),
    files={
        "-matrix.csv": SUMMARY.table.round(6).to_csv(index=False),
        "-explorer.json": explorer,
    },
)

# %% [markdown]
# ## What differs, and what we do not know
#
# - **Images.** Few photographs, so intervals are wide; ranks that differ by less than theirs say nothing.
#   Only insertion, deletion and sufficiency are done with more than one seed.
# - **Black boxes** get a few hundred evaluations, an order of magnitude less than in their papers;
#   DE-CAM's price of the area is that of its chapter. Their network may be rounded (`precision`), others'
#   is not.
# - **The attack** is PGD, not the first paper's L-BFGS, which would take hours at this size.
# - **Relevance** is that of the normalised input; sums of branches are shared in proportion (Zennit's
#   rule), BatchNorm is merged where it follows a convolution directly and a layer of its own elsewhere,
#   activations and normalizations pass all relevance on, a gate and attention weights count as constants,
#   and of a product of two branches each gets half. Maps add up colors with their signs.
# - **Side by side** is not a natural image, and its halves are equally large: chance is an IoU of a third.
# - **Randomized** layers have their weights shuffled, not drawn anew.
# - **Ties** are broken in one random order, the same before and after.
