# ---
# jupyter:
#   jupytext:
#     formats: notebooks//py:percent,notebooks/ipynb//ipynb
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Cross-examination: every method through every paper's test
#
# Each of the five papers tests its own method with its own test. Here twenty methods, and four controls
# that never ask the network, go through all of them, with the same images and networks: does an
# explanation change with the decision {cite:p}`dieter2023`, does it stay under corruption
# {cite:p}`arya2024`, does it name the pixels that carry the score {cite:p}`karatsiolis2022`, does it lie
# on the object {cite:p}`ornek2024`, is what it keeps enough {cite:p}`wang2022`? To them come a sanity
# check that two of the papers cite {cite:p}`adebayo2018`, and the bill. Then the tests themselves are on
# trial: one that an edge detector wins says little about an explanation.
#
# [](/book/bring-your-own.md) says how a method or a network of yours takes its place in the tables.

# %% [markdown]
# ## What is asked, and what would count
#
# No paper made these comparisons, so the questions in `data/reported/cross_examination.csv` are ours,
# fixed before the run: a method should beat every control on the test of its own paper, and be in the
# better half on the others'; no control should be in the better half of a test; the tests should agree;
# and a map should not outlive the network's weights.

# %% tags=["parameters"]
profile = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed = 0  # of noise, attack, random methods and bootstrap
model = "tf_efficientnet_lite0"  # or torchvision:NAME, timm:NAME, or module:loader of your own
method = ""  # one more method, as module:function; it is called Yours
images = ""  # a folder of photographs instead of Foolbox's twenty
count = 2  # photographs to explain
side = (
    160  # pixels of their sides, as a network of helpers.inputs.classifiers.IMAGENET then sees them
)
questions = 24  # to the network, that a black box may ask for one map
samples = 3  # of SmoothGrad, and steps of Integrated Gradients; 50 are common
precision = "bfloat16"  # or float32: of the network while black boxes question it
seeds = 2  # of every method on the clean images
attack_size = 0.008  # largest change of a pixel by the attack, of the range 0 to 1: two grey levels
steps = 4  # of insertion, deletion and keeping; RISE's large evaluation: 28
levels = "1"  # shares of the network's layers that are randomised, from the top
strengths = "gaussian noise 0.1"  # corruptions and their strengths, apart by semicolons
stages = "20"  # epochs of chapter 2's committed checkpoints
cifar_count = 2  # images of CIFAR-10 for them, of Foolbox's twenty
localise_images = 0  # photographs with a true region, if XAI_DATA has some
bootstrap_draws = 200  # for the intervals

# %%
import base64
import inspect
import io
import json
from functools import partial
from pathlib import Path

import altair as alt
import foolbox
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display
from PIL import Image
from torch.nn import functional as F
from tqdm import tqdm

from helpers.inputs import (
    checkpoints,
    cifar,
    classifiers,
    conversion,
    corruptions,
    faces,
    photographs,
)
from helpers.measures import insertion_deletion, intervals, localization, rankings
from helpers.papers import black_box
from helpers.report import claims, figures, leaderboard, tables, theme
from helpers.run import card
from helpers.saliency import black_boxes, cost_meter, gradients, registry, relevance, user_code
from helpers.store import cache, digests, paths
from helpers.trials import randomization

theme.apply_theme()
device = classifiers.default_device()
chapter = "cross_examination"
reported = claims.reported(chapter)
BATCH = 32 if device.type == "cpu" else 256
KIND = {name: kind for kind, some in registry.METHODS.items() for name in some}
EXPLAIN = {name: explain for some in registry.METHODS.values() for name, explain in some.items()}
EXPLAIN |= {
    name: partial(explain, evaluations=questions)
    for name, explain in registry.METHODS["black box"].items()
}
EXPLAIN["SmoothGrad"] = partial(gradients.smooth_grad, samples=samples)
EXPLAIN["Integrated Gradients"] = partial(gradients.integrated_gradients, steps=samples)
if method:
    EXPLAIN, KIND = {"Yours": user_code.load_method(method)} | EXPLAIN, {"Yours": "yours"} | KIND
CONTROLS = list(registry.METHODS["control"])
print(f"{card.device_name()}; {model}; {len(EXPLAIN)} methods, {len(CONTROLS)} of them controls")

# %%
reported.groupby("group", sort=False).agg(questions=("says", "size"), bound=("reported", "max"))

# %% [markdown]
# ## Networks, images, conditions
#
# A *condition* is a network, a batch of images and the class to explain in each. All tests below compare
# maps of the same method under two conditions, or hold the map of one condition against the network or
# the truth. Unless it says otherwise, the class is the one that the network names.

# %%
network = user_code.load_network(model, side)
if images:
    photos = photographs.load_folder(Path(images), count, side)
else:
    photos = photographs.foolbox_imagenet(side)
    photos = photographs.Photographs(
        photos.pixels[:count], photos.labels[:count], photos.names[:count]
    )
x = conversion.to_unit(photos.pixels.to(device)).contiguous(memory_format=torch.channels_last)
n = len(x)


@torch.no_grad()
def answers(net, some):
    """The network's logits for images in [0, 1]."""
    return torch.cat([net(part) for part in some.split(BATCH)])


logits = answers(network, x)
c = logits.argmax(1)
CLASSES = logits.shape[1]


def class_name(label):
    """ImageNet's first word for a class, where there are a thousand of them."""
    from timm.data import ImageNetInfo

    known = CLASSES == 1000
    return (
        ImageNetInfo().index_to_description(int(label)).split(",")[0] if known else str(int(label))
    )


def drawn():
    """The same generator at every call, so that conditions do not depend on one another."""
    return torch.Generator().manual_seed(seed)


foolish = foolbox.PyTorchModel(network, bounds=(0, 1), device=device)
torch.manual_seed(seed)  # PGD starts at random
attack = foolbox.attacks.LinfPGD(steps=20, rel_stepsize=0.1)
_, attacked, _ = attack(foolish, x, c, epsilons=attack_size)
c_attacked = answers(network, attacked).argmax(1)
changed = c_attacked != c
noisy = (x + attack_size * torch.rand(x.shape, generator=drawn()).to(x).sub(0.5).sign()).clamp(0, 1)
CONDITIONS = {
    "clean": (network, x, c),
    "attacked": (network, attacked, c_attacked),
    "another class": (network, x, c_attacked),
    "another image": (network, x.roll(-1, 0), c),
    "noise as large": (network, noisy, c),
}
angles = {}
for text in strengths.split(";"):
    name, strength = text.strip().rsplit(" ", 1)
    CONDITIONS[text.strip()] = (network, corruptions.corrupt(x, name, float(strength), drawn()), c)
    angles[text.strip()] = (
        corruptions.draw_angles(n, float(strength), drawn()) if name == "rotation" else None
    )
halves = x[..., side // 4 : side // 4 + side // 2]
CONDITIONS["side by side"] = (network, torch.cat([halves, halves.roll(-1, 0)], 3), c)
LEVELS = [float(level) for level in levels.split()]
for level in LEVELS:
    CONDITIONS[f"randomised {level:g}"] = (
        randomization.randomized(network, level, seed=seed),
        x,
        c,
    )
few = cifar.foolbox_cifar10()
small = F.interpolate(
    conversion.to_unit(few.pixels[:cifar_count].to(device)), (96, 96), mode="bilinear"
)
rough = corruptions.corrupt(small, "gaussian noise", 0.1, drawn())
STAGES = [int(stage) for stage in stages.split()]
for stage in STAGES:
    file = paths.MODELS / f"gradcam_training-epoch-{stage:02d}.safetensors"
    learned = classifiers.timm_network(
        "tf_efficientnet_lite0", classes=10, size=96, pretrained=False
    )
    checkpoints.load_weights(learned, file.read_bytes(), file.name).to(device)
    named = answers(learned, small).argmax(1)
    CONDITIONS[f"epoch {stage}"] = (learned, small, named)
    CONDITIONS[f"epoch {stage}, noise"] = (learned, rough, named)
Markdown(
    f"{n} photographs; the network's mean probability of the class that it names is "
    f"{logits.softmax(1).amax(1).mean():.2f}. The attack (PGD, no pixel changed by more than "
    f"{attack_size:g}) changes {int(changed.sum())} of {n} decisions, noise of the same size "
    f"{int((answers(network, noisy).argmax(1) != c).sum())}."
)

# %% [markdown]
# Photographs with a true region are there if `XAI_DATA` has them: faces whose mask is marked pixel by
# pixel, of which those are taken that the network gives the name of some mask.

# %%
MASKS = (570, 643, 691, 796)  # gas mask, mask, oxygen mask, ski mask
folder = paths.xai_data() / "masks" / "localise" if paths.xai_data() else None
regions = None
if localise_images and CLASSES == 1000 and folder is not None and folder.is_dir():
    located = faces.load_located(folder, side)
    if located.masks is not None:
        pixels = located.pixels
        said = classifiers.logits(network, pixels, batch_size=BATCH).argmax(1)
        chosen = torch.isin(said, torch.tensor(MASKS)).nonzero()[:localise_images, 0]
        if len(chosen) > 1:
            regions = located.masks[chosen].to(device)
            CONDITIONS["faces"] = (
                network,
                conversion.to_unit(pixels[chosen].to(device)),
                said[chosen].to(device),
            )
print("no faces" if regions is None else f"{len(regions)} faces")

# %% [markdown]
# ## Every map, a cell at a time
#
# A cell is a method under a condition. It is kept under a digest of the method's code, the network's
# weights and the images, so that an interrupted run goes on with the cells that are missing, and one
# more method costs its own cells only. A method that fails leaves a gap, with what it said.


# %%
def identity(explain):
    """What a method's maps depend on: its own code, that of the helpers it stands on, its settings."""
    told = []
    while isinstance(explain, partial):
        told += [getattr(a, "name", getattr(a, "__name__", repr(a))) for a in explain.args]
        told += sorted(map(str, explain.keywords.items()))
        explain = explain.func
    file = Path(inspect.getsourcefile(explain))
    if not file.is_relative_to(paths.HELPERS):
        return [told, file]
    beneath = [paths.HELPERS / f"{name}.py" for name in ("cams", "evolve", "lrp", "metrics")]
    return [told, explain, relevance.with_layers_for_lrp, *beneath]


WEIGHED = ("clean", "another image")  # where memory is looked at
WHO = {name: digests.digest(*identity(explain)) for name, explain in EXPLAIN.items()}
WEIGHTS = {}
for net, _, _ in CONDITIONS.values():
    WEIGHTS[id(net)] = WEIGHTS.get(id(net)) or digests.digest(
        type(net).__name__, getattr(net, "size", 0), *net.state_dict().values()
    )
SEED = seed
gaps = {}


def cell(name, condition, seed=seed):
    """Maps (N, H, W) of a method under a condition, and their cost; an empty dict for a gap."""
    if (name, condition) in gaps:
        return {}
    if seed != SEED and not cell(name, condition).get("drew", True):
        return cell(name, condition)  # no seed changes it
    net, some, wanted = CONDITIONS[condition]
    black = KIND[name] == "black box"
    asked = classifiers.Bfloat16(net) if black and precision == "bfloat16" else net
    digest = digests.digest(
        WHO[name], WEIGHTS[id(net)], precision if black else "", str(device), some, wanted,
        condition, seed,
    )  # fmt: skip
    fresh = int(digests.digest(condition, seed), 16) % 2**31  # each condition draws anew

    def make():
        parts = [
            cost_meter.maps_and_cost(
                EXPLAIN[name], asked, part, k, seed=fresh + i, memory=condition in WEIGHED
            )
            for i, (part, k) in enumerate(zip(some.split(BATCH), wanted.split(BATCH), strict=True))
        ]
        maps, costs = zip(*parts, strict=True)
        bill = [*np.sum([cost[:3] for cost in costs], axis=0), max(cost[3] for cost in costs)]
        return {
            "maps": torch.cat(maps),
            "cost": torch.tensor(bill, dtype=torch.float64),
            "drew": torch.tensor(any(cost.drew for cost in costs)),
        }

    try:
        return cache.kept(f"{chapter}/{digest}", make)
    except Exception as error:  # a method of anybody's may fail in any way; the others go on
        gaps[name, condition] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        return {}


cost_meter.maps_and_cost(
    gradients.gradient, network, x, c, seed=seed
)  # what a first pass prepares, nobody pays
jobs = [(name, "clean", seed + more) for more in range(seeds) for name in EXPLAIN]
jobs += [(name, condition, seed) for condition in CONDITIONS for name in EXPLAIN]
jobs = list(dict.fromkeys(jobs))
for job in tqdm(jobs, desc="cells"):
    cell(*job)


def ordered(name, condition, seed=seed):
    """A method's maps with their ties broken in one fixed random order; None for a gap."""
    found = cell(name, condition, seed)
    return rankings.break_ties(found["maps"], drawn()) if found else None


pd.Series({f"{name}, {condition}": said for (name, condition), said in gaps.items()}, name="gap").to_frame() if gaps else Markdown(
    f"All {len(jobs):,} cells are there."
)  # fmt: skip

# %% [markdown]
# ### What they look like

# %%
shown = [name for name in EXPLAIN if cell(name, "clean")]


def beginning(maps):
    """Where the strongest 1 % by magnitude of each map begin, (N, 1, 1)."""
    return maps.abs().flatten(1).quantile(0.99, dim=1).clamp(min=1e-12)[:, None, None]


def row(i, names):
    """A photograph, and over it the positive parts of some methods' maps."""
    photo = x[i].permute(1, 2, 0).cpu().numpy()
    maps = torch.stack([cell(name, "clean")["maps"][i] for name in names])
    return [
        photo,
        *(figures.overlay(photo, one.numpy()) for one in (maps / beginning(maps)).clamp(0, 1)),
    ]


figures.side_by_side(
    [
        figures.with_alt_text(
            figures.heatmap_grid(
                [row(i, names) for i in range(min(n, 2))],
                row_labels=[class_name(label) for label in c[: min(n, 2)]],
                column_labels=["image", *names],
                signed=False,
                cell=84,
            ),
            f"Photographs, and over them maps by {', '.join(names)}",
        )
        for names in (shown[k : k + 6] for k in range(0, len(shown), 6))
    ]
)

# %% [markdown]
# *The positive part of each map over the photograph in grey; each scale ends where the strongest 1 % of its
# map begin.*
#
# ## The tests
#
# Each test gives numbers an image; one of them decides, and is marked below. Some images drop out:
# where the attack failed or a corruption changed the decision, the number is missing.

# %%
scores = {}  # test, measure, method: numbers, (N, seeds)
BETTER = {}  # test, measure: 1, -1 or 0
DECIDES = {}  # test: its measure


def score(test, measure, name, values, *, better=0, decides=False):
    """Note a test's numbers of a method."""
    values = torch.as_tensor(values).double().cpu()
    scores[test, measure, name] = values.reshape(len(values), -1).numpy()
    BETTER[test, measure] = better
    if decides:
        DECIDES[test] = measure


def where(kept, values):
    """The values, and NaN where an image drops out."""
    return torch.where(kept.cpu(), values.double().cpu(), torch.nan)


def overlaps(before, after):
    """Shares of the first 1 % and 10 % of the pixels that two orders have in common, (N,) each."""
    pixels = before[0].numel()
    cuts = {share: max(pixels * share // 100, 1) for share in (1, 10)}
    moved = rankings.new_positions(rankings.ranking(before), rankings.ranking(after), cuts[10])
    return {share: rankings.overlap(moved[:, :cut], cut) for share, cut in cuts.items()}


# %% [markdown]
# ### Does it change when the decision changes? (Dieter & Zisgen)
#
# The overlap of the most relevant pixels before and after an attack that one cannot see. It means
# nothing alone: so it stands beside the overlap with another class's map of the same image, with the
# same class's map of another image, and with the map under noise *as large* that leaves the decision.
# What decides is how much less survives the attack than that noise: a map that follows the decision
# scores high, one that shows edges, or dice, zero.

# %%
steady = answers(network, noisy).argmax(1) == c
PAIRS = {
    "attacked": changed,
    "noise as large": steady,
    "another class": changed,
    "another image": torch.ones_like(changed),
}
for name in EXPLAIN:
    before = ordered(name, "clean")
    found = {other: ordered(name, other) for other in PAIRS}
    if before is None or any(after is None for after in found.values()):
        continue
    common = {other: overlaps(before, after) for other, after in found.items()}
    for other, counts in PAIRS.items():
        for share, values in common[other].items():
            score("decision", f"top {share} % in common, {other}", name, where(counts, values))
        agreement = rankings.spearman(cell(name, "clean")["maps"], cell(name, other)["maps"])
        score("decision", f"rank correlation, {other}", name, where(counts, agreement.nan_to_num()))
    score(
        "decision",
        "top 10 % lost to the attack, beyond noise",
        name,
        where(changed & steady, common["noise as large"][10] - common["attacked"][10]),
        better=1,
        decides=True,
    )

# %% [markdown]
# ### Does it stay when the image is corrupted and the decision stays? (Arya)
#
# The rank correlation of a map with that of the corrupted image, for the same class; under rotation,
# with the clean image's map turned alike. And the same over the stages of chapter 2's training, with
# noise.

# %%
for name in EXPLAIN:
    if not cell(name, "clean"):
        continue
    clean, mean = cell(name, "clean")["maps"], []
    for text, turn in angles.items():
        if not cell(name, text):
            continue
        turned = clean if turn is None else corruptions.rotate(clean[:, None], turn)[:, 0]
        stays = answers(network, CONDITIONS[text][1]).argmax(1) == c
        agreement = where(stays, rankings.spearman(turned, cell(name, text)["maps"]).nan_to_num())
        score("corruption", f"rank correlation, {text}", name, agreement, better=1)
        mean.append(agreement)
    if len(mean) == len(angles):
        score(
            "corruption",
            "rank correlation, mean over corruptions",
            name,
            torch.stack(mean).nanmean(0),
            better=1,
            decides=True,
        )
    for stage in STAGES:
        both = [cell(name, f"epoch {stage}"), cell(name, f"epoch {stage}, noise")]
        if all(both):
            net, some, wanted = CONDITIONS[f"epoch {stage}, noise"]
            agreement = rankings.spearman(both[0]["maps"], both[1]["maps"]).nan_to_num()
            score(
                "corruption",
                f"rank correlation, epoch {stage} of chapter 2, noise",
                name,
                where(answers(net, some).argmax(1) == wanted, agreement),
                better=1,
            )

# %% [markdown]
# ### Does it name the pixels that carry the score? (Karatsiolis & Kamilaris)
#
# Insertion, deletion and their difference DiffAUC, as in the paper's chapter, over all seeds.
#
# ### Is what it keeps enough? (Wang et al.)
#
# A map selects whole superpixels, as E-LIME does: those first in which its mean is largest. Only they
# are shown, the rest is grey. How much of the image must be shown until the class is as probable as in
# the whole image? Beside it: the probability that a fifth of the image keeps, and the highest on the way.
# (A draft kept single pixels. Scattered pixels destroy an image for the network whatever they show, so
# it asked which maps are smooth; this one was fixed before the run that you see.)

# %%
GREY = black_boxes.GREY
segments = black_boxes.segments_of(x).cpu()
share_of = torch.linspace(0, 1, steps + 1, dtype=torch.float64)


def curves(maps):
    """Deletion, insertion and keeping curves of maps of the clean images: (N, 3, steps + 1), kept."""

    def make():
        rated = classifiers.class_score(network, c, probability=True)
        how = {"steps": steps, "fill": GREY, "batch_size": BATCH}
        maps_there = maps.to(device)
        chosen = (
            rankings.selection_share(maps, segments, drawn())[:, None] <= share_of[:, None, None]
        )
        chosen = chosen.to(device)
        return {
            "curves": torch.stack(
                [
                    insertion_deletion.deletion_curve(rated, x, maps_there, **how),
                    insertion_deletion.insertion_curve(rated, x, maps_there, **how),
                    black_box.masked_scores(rated, x, chosen, fill=GREY, batch_size=BATCH),
                ],
                1,
            )
        }

    digest = digests.digest(CURVES, WEIGHTS[id(network)], x, c, maps, steps, str(device), segments)
    return torch.no_grad()(lambda: cache.kept(f"{chapter}/curves-{digest}", make)["curves"])()


CURVES = digests.digest(
    insertion_deletion.deletion_curve, insertion_deletion.insertion_curve, rankings.ranking, black_box.masked_scores, rankings.selection_share
)  # fmt: skip
whole = logits.softmax(1).gather(1, c[:, None])[:, 0].cpu().double()
fifth = int(torch.argmin((share_of - 0.2).abs()))
for name in tqdm(EXPLAIN, desc="curves"):
    every = [ordered(name, "clean", seed + more) for more in range(seeds)]
    if any(one is None for one in every):
        continue
    found = torch.stack([curves(one) for one in every], -1)  # (N, 3, steps + 1, seeds)
    areas = 100 * insertion_deletion.auc(found.movedim(2, -1))  # (N, 3, seeds)
    score("insertion and deletion", "deletion (points)", name, areas[:, 0], better=-1)
    score("insertion and deletion", "insertion (points)", name, areas[:, 1], better=1)
    score(
        "insertion and deletion",
        "DiffAUC (points)",
        name,
        areas[:, 1] - areas[:, 0],
        better=1,
        decides=True,
    )
    kept = found[:, 2]  # (N, steps + 1, seeds)
    enough = (kept >= whole[:, None, None] - 1e-6).double().argmax(1)
    score(
        "keeping",
        "image shown until it is as probable as the whole (%)",
        name,
        100 * share_of[enough],
        better=-1,
        decides=True,
    )
    less = kept - whole[:, None, None]
    some = f"probability kept by {100 * share_of[fifth]:.0f} % of the image, less the whole image's"
    score("keeping", some, name, less[:, fifth], better=1)
    score(
        "keeping", "highest probability kept, less the whole image's", name, less.amax(1), better=1
    )
    if seeds > 1:
        agreement = rankings.spearman(
            cell(name, "clean")["maps"], cell(name, "clean", seed + 1)["maps"]
        ).nan_to_num()
        score("corruption", "rank correlation of two seeds", name, agreement, better=1)

# %% [markdown]
# ### Does it lie on the object? (Ornek & Ceylan)
#
# The middle halves of two photographs stand side by side, and the class of the left one is explained:
# the truth is known exactly, for any network. As many pixels as the region has are taken, the first of
# the map, so that no threshold favours a method. Pointing game, mass and the box of the pixels above half
# of the maximum stand beside; on faces with a marked mask, the same.

# %%
left = torch.zeros(side, side, dtype=torch.bool)
left[:, : side // 2] = True
PLACES = {"side by side": left.expand(n, -1, -1)}
if regions is not None:
    PLACES["faces"] = regions.cpu()
for name in EXPLAIN:
    for place, truth in PLACES.items():
        found = cell(name, place)
        if not found:
            continue
        maps, order = found["maps"], rankings.ranking(ordered(name, place))
        size = truth.flatten(1).sum(1, keepdim=True)
        first = torch.zeros_like(truth.flatten(1)).scatter(
            1, order, torch.arange(order.shape[1]) < size
        )
        box = localization.box_of(localization.thresholded(maps, 0.5))
        inside = localization.share_within(maps.clamp(min=0), truth.double())
        decides = place == "side by side"
        iou = localization.mask_iou(first.view(truth.shape), truth)
        score(
            "localisation", f"IoU of as many pixels, {place}", name, iou, better=1, decides=decides
        )
        dice = 2 * iou / (1 + iou)
        score("localisation", f"Dice of as many pixels, {place}", name, dice, better=1)
        score(
            "localisation",
            f"pointing game, {place}",
            name,
            localization.pointing(maps, truth),
            better=1,
        )
        score("localisation", f"mass inside, {place}", name, inside, better=1)
        score(
            "localisation",
            f"IoU of boxes, {place}",
            name,
            localization.box_iou(box, localization.box_of(truth)),
            better=1,
        )
        score(
            "localisation",
            f"Dice of boxes, {place}",
            name,
            localization.box_dice(box, localization.box_of(truth)),
            better=1,
        )

# %% [markdown]
# ### Does it outlive the weights? (Adebayo et al.)
#
# The network forgets its layers from the top, and the map is compared with that of the network that
# remembers. A high correlation means that the map does not show what was learned.
#
# ### What does it cost?
#
# Seconds, and passes through the network, of every run over the photographs but those in which memory
# is looked at, since that slows them: memory is what a method holds beyond what was there before.

# %%
for name in EXPLAIN:
    if not cell(name, "clean"):
        continue
    outlived = []
    for level in LEVELS:
        if cell(name, f"randomised {level:g}"):
            outlived.append(
                rankings.spearman(
                    cell(name, "clean")["maps"], cell(name, f"randomised {level:g}")["maps"]
                ).nan_to_num()
            )
            score(
                "randomisation",
                f"rank correlation, {100 * level:.0f} % of the layers randomised",
                name,
                outlived[-1],
                better=-1,
            )
    if len(outlived) == len(LEVELS):
        score(
            "randomisation",
            "rank correlation, mean over levels",
            name,
            torch.stack(outlived).mean(0),
            better=-1,
            decides=True,
        )
    bills = {
        k: cell(name, k).get("cost", torch.full((4,), torch.nan))
        for k in (*PAIRS, *angles, "clean")
    }
    paid = torch.stack([bill / n for k, bill in bills.items() if k not in WEIGHED])
    for k, measure in enumerate(
        ("seconds an image", "forward passes an image", "backward passes an image")
    ):
        score("cost", measure, name, paid[:, k], better=-1, decides=not k)
    held = torch.stack([bills[k][3] for k in WEIGHED])
    score("cost", "peak memory (MB)", name, held, better=-1)

# %% [markdown]
# ## The matrix
#
# Means with 95 % intervals: images are drawn anew, and of each image its seeds, where a test has more
# than one (insertion, deletion, keeping); the cost is over runs. Every draw ranks all methods by the
# deciding measure, so that ranks, and how well two tests agree, have intervals over the same images.

# %%
PAPERS = {
    "decision": "Dieter & Zisgen", "corruption": "Arya", "insertion and deletion": "Karatsiolis & Kamilaris",
    "localisation": "Ornek & Ceylan", "keeping": "Wang et al.", "randomisation": "", "cost": "",
}  # fmt: skip
rows = []
means = {}  # test, measure: the means of the methods that have it, as they are and drawn, by name
for test, measure in BETTER:
    names = [name for name in EXPLAIN if (test, measure, name) in scores]
    table = np.stack([scores[test, measure, name] for name in names])  # (M, N, seeds)
    drawn_means = intervals.bootstrap_means(table, draws=bootstrap_draws, seed=seed)
    means[test, measure] = pd.DataFrame(drawn_means, columns=names)
    for name, values, drawn_values in zip(names, table, drawn_means.T, strict=True):
        value, low, high = intervals.estimate_and_interval(drawn_values)
        rows.append(
            {"network": model, "test": test, "paper": PAPERS[test], "measure": measure, "method": name,
             "kind": KIND[name], "value": value, "low": low, "high": high,
             "n": int((~np.isnan(values)).any(1).sum()), "seeds": values.shape[1],
             "better": BETTER[test, measure], "decides": DECIDES.get(test) == measure, "gap": "" if np.isfinite(value) else "no image is left"}
        )  # fmt: skip
USES = {
    "decision": ["clean", *PAIRS], "corruption": ["clean", *angles], "insertion and deletion": ["clean"],
    "localisation": ["side by side"], "keeping": ["clean"], "cost": ["clean"],
    "randomisation": ["clean", *(f"randomised {level:g}" for level in LEVELS)],
}  # fmt: skip
for test, used in USES.items():
    for name in EXPLAIN:
        said = [gaps[name, condition] for condition in used if (name, condition) in gaps]
        if said:
            measure = DECIDES.get(test, "")
            rows.append({"network": model, "test": test, "paper": PAPERS[test], "measure": measure, "method": name, "kind": KIND[name],
                         "n": 0, "seeds": 0, "better": BETTER.get((test, measure), 0), "decides": True, "gap": said[0]})  # fmt: skip
matrix = pd.DataFrame(rows)
ranked = {}  # test: the ranks of the methods, in every draw
for test in USES:
    found = means.get((test, DECIDES.get(test)), pd.DataFrame()).dropna(axis=1, how="all")
    if not found.empty:
        ranked[test] = (found * -BETTER[test, DECIDES[test]]).rank(axis=1)
TESTS = list(ranked)
for test, ranks in ranked.items():
    deciding = (matrix.test == test) & matrix.decides & (matrix.gap == "")
    for column, share in (("rank_low", 0.025), ("rank_high", 0.975)):
        matrix.loc[deciding, column] = matrix.method[deciding].map(ranks.iloc[1:].quantile(share))
placed = leaderboard.ranked(matrix)
tables.rank_table(placed[placed.decides])

# %% [markdown]
# *The deciding measure of each test with its interval, and in round brackets the rank with its interval;
# ↑ higher, ↓ lower is better. [](/book/leaderboard.md) sorts by any measure.*
#
# ### Beneath the ranks: what stays, by condition
#
# The first two tests and the sanity check hold two maps of a method against one another. Here are all
# their conditions. A map should stay (orange) under noise and corruption and should not (white, or blue)
# under the attack, for another class, on another image, and when the network forgets.


# %%
def heat(test, description, cut=""):
    """What a test holds against one another, methods by conditions."""
    some = matrix[(matrix.test == test) & (matrix.gap == "") & ~matrix.measure.str.contains("lost")]
    under = some.measure.str.removeprefix(cut).str.replace(" of the layers randomised", "")
    frame = some[["method", "n"]].assign(under=under, **some[["value", "low", "high"]].round(3))
    return (
        alt.Chart(frame, description=description)
        .mark_rect()
        .encode(
            x=alt.X(
                "under:N", sort=None, title=None, axis=alt.Axis(labelAngle=-50, labelLimit=220)
            ),
            y=alt.Y("method:N", sort=None, title=None),
            color=alt.Color("value:Q", title=None, scale=HEAT),
            tooltip=["method", "under", "value", "low", "high", "n"],
        )
        .properties(width="container", height=alt.Step(17))
        .configure_axis(grid=False, labelOverlap=False)
    )


HEAT = alt.Scale(scheme="blueorange", domain=[-1, 1], domainMid=0)
ASKED = [name for name in EXPLAIN if name not in CONTROLS]


def typical(test, measure):
    """Mean of a measure over the methods that are no controls."""
    found = means.get((test, measure))
    return np.nan if found is None else found.loc[0, found.columns.intersection(ASKED)].mean()


stay = {other: typical("decision", f"top 10 % in common, {other}") for other in PAIRS}
display(
    heat("decision", "What of a map stays under the attack, and in each control"),
    Markdown(
        "*Shares of the first hundredth and tenth of the pixels that two maps have in common, and their "
        "rank correlation; by chance 0.01, 0.1 and 0.* "
        f"Over the {len(ASKED)} methods **{stay['attacked']:.2f}** of the first tenth stay under the "
        f"attack, {stay['noise as large']:.2f} under noise as large, {stay['another class']:.2f} when the "
        "class of the attack is explained in the clean image, "
        f"{stay['another image']:.2f} from one image to another."
    ),
)

# %%
fallen = {text: typical("corruption", f"rank correlation, {text}") for text in angles}
trained = {
    s: typical("corruption", f"rank correlation, epoch {s} of chapter 2, noise") for s in STAGES
}
display(
    heat("corruption", "Rank correlation with the clean image's map", "rank correlation, "),
    Markdown(
        "*Rank correlation of the map of the clean image and of the corrupted one, for decisions that "
        "stay; the last columns are chapter 2's checkpoints under noise, and the same image under two "
        "seeds.* Over the methods it is "
        + ", ".join(f"{value:.2f} ({text})" for text, value in fallen.items())
        + "; over the stages of training "
        + ", ".join(f"{value:.2f} (epoch {s})" for s, value in trained.items())
        + "."
    ),
)

# %%
outlive = {
    k: typical("randomisation", f"rank correlation, {100 * k:.0f} % of the layers randomised")
    for k in LEVELS
}
display(
    heat("randomisation", "Rank correlation with a randomised network's map", "rank correlation, "),
    Markdown(
        "*Rank correlation with the map of a network whose upper layers are shuffled.* Over the methods "
        "it is "
        + ", ".join(f"{value:.2f} ({100 * k:.0f} % of the layers)" for k, value in outlive.items())
        + "."
    ),
)

# %% [markdown]
# ### Do the tests agree on who is good?
#
# The rank correlation of two tests over the methods. If all measured "a good explanation", it would be
# high everywhere. Two cannot agree: staying under corruption rewards what never moves, such as the
# centre, and forgetting with the network what always does, such as dice. Each is won for nothing, so
# that only both together say something.


# %%
def standing(ranks):
    """1 for the first, 0 for the last, 0.5 in the middle: under each draw, (draws + 1, M)."""
    return 1 - (ranks - 1) / max(ranks.shape[1] - 1, 1)


MEASURING = [test for test in TESTS if test != "cost"]
agreement = {}
for k, test in enumerate(TESTS):
    for other in TESTS[k + 1 :]:
        both = [name for name in ranked[test] if name in ranked[other]]
        pairs = zip(ranked[test][both].to_numpy(), ranked[other][both].to_numpy(), strict=True)
        agreement[test, other] = np.array(
            [np.corrcoef(a, b)[0, 1] if np.ptp(a) and np.ptp(b) else np.nan for a, b in pairs]
        )
table = pd.DataFrame(
    [
        {"test": a, "other": b, "correlation": round(values[0], 3), "low": round(np.nanquantile(values, 0.025), 3),
         "high": round(np.nanquantile(values, 0.975), 3)}
        for (one, two), values in agreement.items()
        for a, b in ((one, two), (two, one))
    ]
)  # fmt: skip
base = alt.Chart(table, description="Rank correlation of every two tests over the methods").encode(
    x=alt.X("test:N", title=None, sort=TESTS, axis=alt.Axis(labelAngle=-50)),
    y=alt.Y("other:N", title=None, sort=TESTS),
)
alt.layer(
    base.mark_rect().encode(
        color=alt.Color("correlation:Q", title=None, scale=HEAT),
        tooltip=["test", "other", "correlation", "low", "high"],
    ),
    base.mark_text(fontSize=11).encode(text=alt.Text("correlation:Q", format=".1f")),
).properties(width="container", height=alt.Step(30)).configure_axis(grid=False, labelOverlap=False)  # fmt: skip

# %%
mutual = np.nanmean(
    [v for (a, b), v in agreement.items() if a in MEASURING and b in MEASURING], axis=0
)
measured = []


def claimed(key, values, count=n):
    """Note a measured question: the first is the value, the rest are draws."""
    measured.append(
        claims.measurement(
            key, claims.INDEPENDENT, *intervals.estimate_and_interval(np.asarray(values)), count
        )
    )


claimed("agree", mutual)
on_trial = {}
for test in MEASURING:
    stands = standing(ranked[test])
    best = stands[[name for name in CONTROLS if name in stands]]
    on_trial[test] = (best.iloc[0].idxmax(), best.iloc[0].max())
    claimed(f"controls/{test}", best.max(axis=1).to_numpy())
pairs = {pair: values[0] for pair, values in agreement.items() if "cost" not in pair}
alike, apart = (choose(pairs, key=pairs.get) for choose in (max, min))
Markdown(
    "*Rank correlation of two tests over all methods and controls.* Most alike are "
    f"{' and '.join(alike)} ({pairs[alike]:+.2f}), most apart {' and '.join(apart)} ({pairs[apart]:+.2f}). "
    f"Over the tests the mean rank correlation of two is **{mutual[0]:+.2f}** "
    f"[{np.nanquantile(mutual, 0.025):+.2f}, {np.nanquantile(mutual, 0.975):+.2f}]. The best control "
    "stands (1 is first, 0 last): "
    + "; ".join(f"{test}: {name} {place:.2f}" for test, (name, place) in on_trial.items())
    + ". "
    + (
        "**On trial themselves**, since a control is in their better half: "
        + ", ".join(test for test, (_, place) in on_trial.items() if place >= 0.5)
        + "."
        if any(place >= 0.5 for _, place in on_trial.values())
        else "No control is in the better half of any test."
    )
)

# %% [markdown]
# ### The papers' own methods, on their own test and on the others'

# %%
CHAMPIONS = {
    "decision": "LRP-epsilon", "corruption": "Grad-CAM", "insertion and deletion": "DE-CAM",
    "localisation": "HayCAM+", "keeping": "E-LIME",
}  # fmt: skip
rows = []
for test, name in CHAMPIONS.items():
    if test not in ranked or name not in ranked[test]:
        continue
    measure = DECIDES[test]
    sign = BETTER[test, measure]
    drawn_here = sign * means[test, measure]
    rivals = [k for k in CONTROLS if k in drawn_here]
    best = drawn_here.loc[0, rivals].idxmax()
    apart = (drawn_here[name] - drawn_here[best]).to_numpy()
    ahead = intervals.estimate_and_interval(apart)
    claimed(f"own/{test}", apart, int((~np.isnan(scores[test, measure, name])).any(1).sum()))
    others = [
        standing(ranked[other])[name]
        for other in MEASURING
        if other != test and name in ranked[other]
    ]
    elsewhere = np.nanmean(np.stack(others), axis=0)
    claimed(f"others/{name}", elsewhere)
    level = f"rank correlation, {100 * max(LEVELS):.0f} % of the layers randomised"
    if name in means.get(("randomisation", level), ()):
        claimed(f"sanity/{name}", means["randomisation", level][name])
    rows.append(
        {"paper": PAPERS[test], "method": name, "on its own test": standing(ranked[test]).iloc[0][name],
         "best control": best, "ahead of it by": f"{ahead[0]:+.3g} [{ahead[1]:+.3g}, {ahead[2]:+.3g}]",
         "mean on the others'": elsewhere[0]}
    )  # fmt: skip
champions = pd.DataFrame(rows).set_index("paper")
champions.round(2)

# %% [markdown]
# *Standing: 1 is the first of all methods, 0 the last. Ahead in the unit of the test: shares, rank
# correlations, points, IoU, % of the image.*
#
# ### All tests alike, and is what is good also dear?

# %%
LOOKS = [
    alt.Scale(domain=list(theme.KIND_LOOKS), range=list(look))
    for look in zip(*theme.KIND_LOOKS.values(), strict=True)
]
stands = [standing(ranked[test]) for test in MEASURING]
overall = pd.concat(stands).groupby(level=0).mean()  # (draws + 1, M)
overall = overall[[name for name in EXPLAIN if name in overall]]  # gaps in all tests are left out
places = pd.DataFrame(
    [{"method": name, "kind": KIND[name], **dict(zip(("standing", "low", "high"), np.round(intervals.estimate_and_interval(overall[name].to_numpy()), 3), strict=True))}
     for name in overall]
).merge(matrix[(matrix.test == "cost") & matrix.decides][["method", "value"]].rename(columns={"value": "seconds an image"}))  # fmt: skip
base = alt.Chart(
    places, description="Mean standing of each method over the tests, with its interval"
).encode(
    y=alt.Y("method:N", title=None, sort=alt.SortField("standing", order="descending")),
    color=alt.Color("kind:N", title=None, scale=LOOKS[0], legend=alt.Legend(columns=3)),
    tooltip=["method", "kind", "standing", "low", "high", "seconds an image"],
)
alt.layer(
    base.mark_rule().encode(
        x=alt.X("low:Q", title="mean standing: 1 first, 0 last", axis=alt.Axis(tickCount=5)),
        x2="high:Q",
    ),
    base.mark_point(filled=True, size=60, opacity=1).encode(
        x="standing:Q", shape=alt.Shape("kind:N", title=None, scale=LOOKS[1])
    ),
).properties(width="container", height=alt.Step(18))

# %%
best = overall.loc[0].sort_values(ascending=False)
cheap = standing(ranked["cost"]).loc[0].reindex(overall.columns)
worth = {
    label: intervals.estimate_and_interval(
        np.array([row[names].corr(cheap[names]) for _, row in overall.iterrows()])
    )
    for label, names in (
        ("all", overall.columns),
        ("the methods without the controls", overall.columns.intersection(ASKED)),
    )
}
Markdown(
    "*Mean standing over the tests, every test counting alike.* At the top are "
    + ", ".join(f"{name} ({value:.2f})" for name, value in best.head(3).items())
    + f"; the best control is {best[CONTROLS].idxmax()} ({best[CONTROLS].max():.2f}). With how cheap a "
    "method is the standing correlates by "
    + " and ".join(f"{value:+.2f} [{low:+.2f}, {high:+.2f}] over {label}" for label, (value, low, high) in worth.items())
    + "."
)  # fmt: skip

# %% [markdown]
# ## For the explorer
#
# Small pictures of the first images and their maps go to [](/book/explorer.md), with their scores.


# %%
SHOWN = 8  # images of a network in the explorer


def encoded(array, kind, size):
    """An image (H, W) or (H, W, 3) in [0, 1], small, as base64."""
    picture = Image.fromarray((255 * array).round().astype("uint8")).resize((size, size))
    buffer = io.BytesIO()
    picture.save(buffer, kind, **({"quality": 80} if kind == "JPEG" else {"optimize": True}))
    return base64.b64encode(buffer.getvalue()).decode()


def small_maps(name, condition):
    """A method's maps as grey pictures: from 0 to the strongest, or, where negative, about the middle."""
    maps = cell(name, condition)["maps"][:SHOWN]
    small = F.interpolate(maps[:, None], (56, 56), mode="area")[:, 0]
    shares = (small / beginning(small)).clamp(-1, 1)
    shares = (shares + 1) / 2 if (maps < 0).any() else shares
    return [encoded(one.mul(32).round().div(32).numpy(), "PNG", 56) for one in shares]  # 33 levels


def gallery(title, condition, names):
    """One network's part of the explorer's file."""
    net, some, wanted = CONDITIONS[condition]
    some, wanted = some[:SHOWN], wanted[:SHOWN]
    sure = answers(net, some).softmax(1).gather(1, wanted[:, None])[:, 0].tolist()
    there = [name for name in EXPLAIN if cell(name, condition)]
    per_image = [(test, measure) for test, measure in DECIDES.items() if test != "cost"]
    return {
        "name": title,
        "images": [
            {"name": str(i + 1), "class": label, "probability": round(p, 3),
             "picture": encoded(picture.permute(1, 2, 0).cpu().numpy(), "JPEG", 160)}
            for i, (label, p, picture) in enumerate(zip(names, sure, some, strict=False))
        ],
        "maps": {name: small_maps(name, condition) for name in there},
        "scale": {name: "signed" if (cell(name, condition)["maps"] < 0).any() else "unsigned" for name in there},
        "scores": {
            name: {
                f"{test}: {measure}": [None if np.isnan(v) else round(float(v), 3) for v in scores[test, measure, name][:SHOWN].mean(1)]
                for test, measure in per_image
                if condition == "clean" and (test, measure, name) in scores
            }
            for name in there
        },
    }  # fmt: skip


CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
galleries = [] if images else [gallery(model, "clean", [class_name(label) for label in c])]
galleries += [
    gallery(
        f"chapter 2's network, epoch {s}",
        f"epoch {s}",
        [CIFAR[k] for k in CONDITIONS[f"epoch {s}"][2]],
    )
    for s in STAGES[-1:]
]
explorer = json.dumps({"networks": galleries}, separators=(",", ":"))
print(f"{len(explorer) / 2**20:.2f} MB of small pictures")

# %% [markdown]
# ## Questions and answers

# %%
measured = pd.DataFrame(measured)
judged = claims.judge(measured, chapter)
claims.publish(
    measured,
    {"-matrix.csv": matrix.round(6).to_csv(index=False), "-explorer.json": explorer},
)
tables.verdict_table(judged)

# %% tags=["verdict"]
tally = judged.verdict.value_counts()
first = {test: ranks.iloc[0].idxmin() for test, ranks in ranked.items()}
beaten = [test for test, (_, place) in on_trial.items() if place >= 0.5]
sentences = [
    f"**{tally.get(claims.REPRODUCED, 0)} of {tally.sum()}** questions are answered with yes, "
    f"{tally.get(claims.NOT_REPRODUCED, 0)} with no, {tally.get(claims.INCONCLUSIVE, 0)} are open and "
    f"{tally.get(claims.NOT_RUN, 0)} were not run.",
    "First are " + ", ".join(f"{name} ({test})" for test, name in first.items() if test != "cost") + ".",
    f"The tests' orders agree by a rank correlation of {mutual[0]:+.2f} on average; a control is in the "
    + (f"better half of {len(beaten)} of {len(MEASURING)} tests ({', '.join(beaten)})." if beaten else "better half of none."),
    f"Over all tests alike {best.index[0]} stands best ({best.iloc[0]:.2f}; 1 would be first everywhere).",
]  # fmt: skip
if "Yours" in best:
    sentences.insert(
        0, f"**Your method** stands at {best['Yours']:.2f} on average (1: first, 0: last)."
    )
Markdown("**Verdict.** " + " ".join(sentences))

# %% [markdown]
# ## What differs, and what we do not know
#
# - **Images.** Few photographs, so intervals are wide; ranks that differ by less than theirs say nothing.
#   Only insertion, deletion and keeping are done with more than one seed.
# - **Black boxes** ask a few hundred questions, an order of magnitude less than their papers do; DE-CAM's
#   price of the area is that of its chapter. Their network may be rounded (`precision`), others' is not.
# - **The attack** is PGD, not the first paper's L-BFGS, which would take hours at this size.
# - **Relevance** is that of the normalised input; sums of branches are shared in proportion (Zennit's
#   rule), BatchNorm is merged, ReLU6 hands everything through. Maps add up colours with their signs.
# - **Side by side** is not a natural image, and its halves are equally large: chance is an IoU of a third.
# - **Randomised** layers have their weights shuffled, not drawn anew.
# - **Ties** are broken in one random order, the same before and after.
