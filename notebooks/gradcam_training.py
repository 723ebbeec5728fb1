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
# # Grad-CAM across training stages and corruptions
#
# Arya (2024) fine-tunes EfficientNet-B0 on CIFAR-10, looks at Grad-CAM heatmaps of a handful of test
# images after 0, 1, 2, 3 and 20 epochs, corrupts a few of them, and tells what is seen: focus
# moves to the object, maps grow more consistent, and the 20-epoch model, though most accurate, is the
# least robust {cite:p}`arya2024`. This chapter shows the same heatmaps, and then measures over many
# images what the paper claims from a few.

# %% [markdown]
# ## What is claimed, and what would count
#
# Every number of the paper, and every sentence of it that can be measured, stands in
# `data/reported/gradcam_training.csv` with a tolerance that was fixed before the run. Where the paper
# only says "more" or "less", the whole 95 % interval of the paired difference must lie on that side;
# the interval is a bootstrap over test images. There is no code and no checkpoint of the author's, so
# all of this is arm B, our own material.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed: int = None  # of the new layer, of the order of training and of what is drawn
seeds: int = None  # trainings: with this seed and the next ones
model: str = None  # any name of timm; the paper's is efficientnet_b0, whose weights are a download
pretrained: bool = None  # whether training starts from ImageNet weights; the paper does not say
image_size: int = None  # pixels a side, to which CIFAR-10's 32 are enlarged; the paper does not say
lr: float = None  # learning rate of SGD, constant; the paper does not say
momentum: float = None  # of SGD; the paper does not say
batch_size: int = None  # images a step; the paper does not say
epochs: int = None  # of training; the paper: 20
train_images: int = None  # images an epoch; the paper: 50,000; 0 takes the committed checkpoints
test_images: int = None  # images on which heatmaps are measured, of 10,000; the paper: a handful
pilot_images: int = None  # training images of a cell of the pilot grid; 0 leaves the grid out
rounds: int = None  # draws of each corruption of Figures 13 to 16; the paper shows three
bootstrap_draws: int = None  # for the intervals; the paper has none
layer: str = None  # of Grad-CAM: conv_head, the last convolution; the paper does not say
larger_size: int = None  # input of one more epoch, to see what the input size does; 0 leaves it out
download: bool = None  # whether CIFAR-10 may be fetched; without it, Foolbox's 20 images serve

# %% [markdown]
# A parameter that is `None` takes the profile's value.

# %%
from helpers.run import notebook

session = notebook.begin("gradcam_training", globals())

# %% [markdown]
# Without CIFAR-10 the twenty test images that Foolbox ships serve; claims on named test images and on
# accuracy are then not measured.

# %%
import itertools

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from torch.nn import functional as F
from tqdm import tqdm

from helpers.inputs import cifar, classifiers, conversion, corruptions, recipes
from helpers.measures import agreement, foreground, intervals, sobel, two_groups
from helpers.papers import cams
from helpers.report import claims, figures, tables, theme
from helpers.report.chapters import gradcam_training as show
from helpers.report.chapters import gradcam_training_captions as captions
from helpers.report.chapters import gradcam_training_charts as charts
from helpers.report.chapters import gradcam_training_readings as open_questions
from helpers.report.chapters import gradcam_training_tables as layout
from helpers.run import card
from helpers.store import cache
from helpers.trials import training_stages as stages
from helpers.trials.training_stages import CLEAN, SIDE, Setting

# %%
CHAPTER, CLASSES = "gradcam_training", cifar.CIFAR10_CLASSES
DEVICE = classifiers.default_device()
theme.apply_theme()
pd.set_option("display.max_colwidth", None)
reported = claims.reported(CHAPTER)
measured = claims.Measurements()
try:
    test = cifar.cifar10("test", download=download)
except FileNotFoundError:
    test = cifar.foolbox_cifar10()
complete = len(test.labels) == 10_000  # the whole test set, or Foolbox's twenty of it
taken = len(test.labels) if train_images else test_images  # no training: less time for this
evaluated = cifar.Images(test.pixels[:taken], test.labels[:taken])
print(f"{card.device_name()}; {len(evaluated.labels):,} of {len(test.labels):,} test images")

# %% [markdown]
# The claims by group, with the widest tolerance of each.

# %%
reported.groupby("group", sort=False).agg(
    claims=("says", "size"),
    tolerance=("tolerance_b", "max"),
    unit=("unit", lambda units: ", ".join(units.unique())),
)

# %% [markdown]
# ## The network
#
# The paper takes EfficientNet-B0 from timm. Whether with ImageNet weights it does not say; its test
# accuracy after one epoch is out of reach without them. Nor does it give the input size, the learning
# rate, the momentum, the batch or the layer that Grad-CAM looks at. Where timm's weights cannot be
# downloaded, `tf_efficientnet_lite0` stands in, EfficientNet without squeeze-and-excitation, whose
# ImageNet weights come as a package. CIFAR-10's images are enlarged bilinearly and normalised inside
# the network. All that a training depends on is its *recipe*.

# %%
recipe = recipes.Recipe(
    model, pretrained, image_size, lr, momentum, batch_size, seed, train_images, epochs
)
weights = sum(p.numel() for p in recipes.network_at_start(recipe).parameters())
Markdown(captions.network_sentence(model, weights, pretrained, image_size))

# %% [markdown]
# ### At CIFAR-10's own size there is nothing to see
#
# The network halves its input five times. At 32 x 32 the last feature map is a single cell, so a
# heatmap of it would be flat; `cams.record` refuses it. The paper's maps have structure, so its images
# were enlarged, or an earlier layer was taken.


# %%
def map_size(recipe):
    """How many cells a map has for a recipe's input size, or why there is none."""
    images = torch.zeros(1, 3, recipe.image_size, recipe.image_size, device=DEVICE)
    network = recipes.network_at_start(recipe).to(DEVICE)
    try:
        activations, _ = cams.record(network, images, torch.tensor([0]), f"body.{layer}")
    except ValueError as error:
        return str(error)
    return f"{activations.shape[2]} x {activations.shape[3]} cells"


sizes = {f"{s} x {s}": map_size(recipe._replace(image_size=s)) for s in (32, 64, image_size, 224)}
pd.DataFrame({f"map at {layer}": sizes}).rename_axis("input")

# %% [markdown]
# ## Training
#
# SGD on cross-entropy without augmentation (the paper's training accuracy ends so near 100 % that there
# can hardly have been any), at a constant rate. Every epoch is kept, and a training that was broken off
# goes on from its last one. Four epochs of one training are committed, with their recipe and records
# (`data/models/gradcam_training.json`): they are taken whenever a run wants exactly that recipe, and
# where `train_images` is 0.
#
# Accuracies and maps are measured on the first images of a fixed shuffle, so that a smaller choice lies
# within a larger one.


# %%
def first_of_shuffle(images, count):
    """The first `count` images of a fixed shuffle."""
    order = torch.randperm(len(images.labels), generator=torch.Generator().manual_seed(0))[:count]
    return cifar.Images(images.pixels[order], images.labels[order])


def compute_logits(network, pixels):
    """Logits (N, 10) of pixels (N, 3, 32, 32)."""
    return {"logits": classifiers.logits(network, pixels, batch_size=50)}


def predict(network, pixels):
    """The classes (N,) that a network predicts for pixels (N, 3, 32, 32); its logits are kept."""
    return cache.kept(f"{CHAPTER}/logits", compute_logits, network, pixels)["logits"].argmax(1)


def hits(network, images):
    """100 where the network is right, 0 where it is not, (N,)."""
    return 100 * (predict(network, images.pixels) == images.labels).double().numpy()


def estimate(values):
    """Mean over images of values (N,) or (N, K), NaN left out, with its 95 % interval."""
    return intervals.mean_interval(values, draws=bootstrap_draws, seed=seed)


def measure(key, values):
    """The measurement of a claim from one value an image; none where there is no value."""
    count = int((~np.isnan(values)).sum())
    return [claims.measurement(key, claims.INDEPENDENT, *estimate(values), count)] if count else []


# %% [markdown]
# ### The pilot that chose input size and learning rate
#
# Both are unknown, so a small grid of them is trained for three passes over few images, and compared
# with the paper's own first three epochs, by the mean distance of training and test accuracies. The
# profiles take a size that a CPU trains within hours, and at that size the nearer rate. That this choice
# was made on the paper's numbers has to be said, since the same numbers are then compared.

# %%
PILOT_EPOCHS, HELD_OUT = 3, 2000  # and the test images on which the pilot's networks are compared


def pilot_row(wanted, images, held, paper):
    """One cell of the pilot grid: accuracies, and their mean distance to the paper's."""
    trained, ours = recipes.train_or_load(wanted, images, CHAPTER), {}
    for epoch in range(1, PILOT_EPOCHS + 1):
        ours[f"train_{epoch}"] = 100 * trained.records[epoch]["right"]
        ours[f"test_{epoch}"] = hits(recipes.network_after(trained, epoch), held).mean()
    distance = np.mean([abs(paper[key] - value) for key, value in ours.items()])
    seconds = sum(record.get("seconds", 0) for record in trained.records.values())
    return layout.pilot_row(wanted.image_size, wanted.lr, ours, distance, seconds)


pilot = []
if pilot_images:
    few = first_of_shuffle(cifar.cifar10("train", download=download), pilot_images)
    held = first_of_shuffle(test, HELD_OUT)
    small = recipe._replace(train_images=len(few.labels), epochs=PILOT_EPOCHS)
    for size, rate in itertools.product((32, 64, 96, 128), (0.003, 0.01)):
        wanted = small._replace(image_size=size, lr=rate)
        pilot.append(pilot_row(wanted, few, held, reported.reported))
pd.DataFrame(pilot).round(2)

# %% [markdown]
# What the pilot says, and what this run takes:

# %%
Markdown(captions.pilot_sentence(pilot, pilot_images, PILOT_EPOCHS, reported, image_size, lr))

# %% [markdown]
# ### The networks of this run
#
# Five stages of each training, and beside them, as a control, a network of random weights.

# %%
STAGES, RANDOM = [0, 1, 2, 3, epochs], "random weights"
LABELS = layout.stage_names(STAGES)
committed = recipes.committed_training(CHAPTER)
if train_images:
    training_set = first_of_shuffle(cifar.cifar10("train", download=download), train_images)
    trainings = [
        recipes.train_or_load(recipe._replace(seed=s), training_set, CHAPTER, committed)
        for s in range(seed, seed + seeds)
    ]
else:
    recipes.check_same(recipe, committed.recipe, but=("seed", "train_images"))
    trainings = [committed]
first = trainings[0].recipe
networks = {(s, t.recipe.seed): recipes.network_after(t, s) for t in trainings for s in STAGES}
control = recipes.network_at_start(recipe._replace(pretrained=False)).eval()
networks[RANDOM, first.seed] = control.to(DEVICE, memory_format=torch.channels_last)

# %% [markdown]
# ### Sanity first, and Table 1: how often is each stage right?


# %%
def test_accuracy(trainings, epoch, images):
    """Test accuracy (%) after an epoch, averaged over trainings, with an interval over images."""
    right = [hits(recipes.network_after(trained, epoch), images) for trained in trainings]
    return estimate(np.mean(right, axis=0))


PAPERS = {int(key.split("_")[1]) for key in reported.filter(regex=r"^test_\d", axis=0).index}
available = sorted(set.intersection(*(set(trained.files) for trained in trainings)))
curve_rows = []
for epoch in sorted(PAPERS.union(STAGES) & {0, *available}):
    tested = test_accuracy(trainings, epoch, evaluated)
    curve_rows.append(layout.accuracy_row(epoch, "test", tested, len(evaluated.labels)))
for epoch in available:
    share = np.mean([trained.records[epoch]["right"] for trained in trainings])
    count = first.train_images * len(trainings)
    running = layout.share_interval(share, count)
    curve_rows.append(layout.accuracy_row(epoch, "training", running, count))
curve = pd.DataFrame(curve_rows)
comparable = complete and train_images > 0  # our own training, all of the test images
measured["Table 1"] = layout.accuracy_claims(curve, reported) if comparable else []
Markdown(
    captions.accuracy_caption(first.train_images, committed in trainings, len(evaluated.labels))
)

# %% [markdown]
# Training accuracy is the running one of the epoch, as the paper's must be, since it lies below the test
# accuracy at first.

# %%
layout.accuracy_table(curve, reported)

# %% [markdown]
# The same as a chart, with all epochs that are kept:

# %%
charts.accuracy(curve, reported)

# %% [markdown]
# *Accuracy by epoch: lines with dots are ours, with 95 % intervals, open diamonds the paper's.*
#
# ### How far from the paper, and does a larger input close the gap?
#
# The first epoch is trained once more with a larger input, all else equal. If that comes nearer to the
# paper, the input size is a cause of the gap; what is left is the stand-in's, or that of settings which
# the paper does not give.

# %%
gap_rows = []
if comparable:
    for row in curve[(curve.set == "test") & curve.epoch.isin([1, 2, 3, 20])].itertuples():
        ours = (row.right, row.low, row.high)
        gap_rows.append(layout.gap_row(image_size, row.epoch, ours, reported))
if comparable and larger_size not in (0, image_size):
    larger = recipe._replace(image_size=larger_size, epochs=1)
    ours = test_accuracy([recipes.train_or_load(larger, training_set, CHAPTER)], 1, evaluated)
    gap_rows.append(layout.gap_row(larger_size, 1, ours, reported))
gaps = pd.DataFrame(gap_rows)
gaps.set_index(["input", "epoch"]).round(2) if len(gaps) else gaps

# %% [markdown]
# What the rows say:

# %%
Markdown(captions.gap_sentence(gaps, image_size))

# %% [markdown]
# ## Figures 1 to 6: what the paper looked at
#
# Grad-CAM {cite:p}`selvaraju2017` of the predicted class's logit at the last convolution, the
# paper's Eqs. 1 to 3, for the six test images that it names, at all five stages. Each map is stretched
# by itself, as in the paper, so brightness says nothing across maps.


# %%
def predict_images(network, images):
    """The classes that a network predicts for images in [0, 1]."""
    with torch.no_grad():
        return torch.cat([network(batch.to(DEVICE)).argmax(1).cpu() for batch in images.split(50)])


def as_arrays(images):
    """Images (N, 3, H, W) in [0, 1] as a list of arrays (H, W, 3)."""
    return list(images.permute(0, 2, 3, 1).double().numpy())


def overlays(network, images, classes):
    """Images (N, 3, H, W) in grey under their maps, each stretched by itself: arrays (H, W, 3)."""
    maps = stages.logits_and_maps(network, images, classes, layer)["maps"]
    large = F.interpolate(images, (image_size, image_size), mode="bilinear").clamp(0, 1)
    shares = cams.display_scaled(cams.upsample(maps, image_size)).double().numpy()
    return [figures.overlay(*pair) for pair in zip(as_arrays(large), shares, strict=True)]


def strip(network, images):
    """Pictures of the maps of the predicted classes, and these classes."""
    predictions = predict_images(network, images)
    return overlays(network, images, predictions), [CLASSES[c] for c in predictions]


# %%
SIX = [950, 799, 2927, 3333, 1244, 722] if complete else list(range(6))  # Figures 1 to 6
six = conversion.to_unit(test.pixels[SIX])
true_classes = [CLASSES[c] for c in test.labels[SIX]]
strips = {stage: strip(networks[stage, first.seed], six) for stage in STAGES}

# %% [markdown]
# From left to right the image and its map at each stage:

# %% tags=["picture"]
charts.stage_grid(as_arrays(six), true_classes, SIX, {LABELS[s]: strips[s] for s in STAGES})

# %% [markdown]
# Two claims count the right predictions among these.

# %%
right_of_six = {s: sum(map(str.__eq__, strips[s][1], true_classes)) for s in STAGES}
later = sum(right_of_six[stage] for stage in STAGES[1:])
measured["six images"] = [
    claims.measurement(key, claims.INDEPENDENT, count, count, count, of)
    for key, count, of in (("six_right", later, 24), ("six_untrained", right_of_six[0], 6))
    if complete
]
Markdown(
    captions.six_sentence(
        later, 6 * len(STAGES[1:]), right_of_six[0], sizes[f"{image_size} x {image_size}"]
    )
)

# %% [markdown]
# The same maps with a slider over the stages that are kept; above each the epoch and the test image,
# below it the prediction.

# %%
by_epoch = {
    epoch: strips.get(epoch) or strip(recipes.network_after(trainings[0], epoch), six)
    for epoch in [0, *trainings[0].files]
}
charts.stage_slider(charts.stage_frames(by_epoch, SIX, true_classes))

# %% [markdown]
# ## Figures 7 to 12: mistakes
#
# The paper drew images until a stage mistook one. Here stand the same six confusions, each by the first
# test image that has it, with the map for the predicted class and for the true one, and with how common
# the confusion is.

# %%
CASES = {  # figure: stage, true class, predicted class
    7: (1, "cat", "dog"), 8: (1, "dog", "deer"), 9: (1, "bird", "deer"),
    10: (2, "truck", "airplane"), 11: (2, "horse", "frog"), 12: (3, "dog", "cat"),
}  # fmt: skip


def confusion(network, images, true, wrong):
    """The images of a class that are taken for another, and how many of it are mistaken."""
    predictions = predict(network, images.pixels)
    of_class = images.labels == CLASSES.index(true)
    confused = (of_class & (predictions == CLASSES.index(wrong))).nonzero()[:, 0].tolist()
    return confused, int((of_class & (predictions != CLASSES.index(true))).sum())


confusions, pictured = [], {}
for figure, (stage, *pair) in CASES.items():
    network = networks[stage, first.seed]
    confused, mistaken = confusion(network, evaluated, *pair)
    confusions.append(layout.confusion_row(figure, stage, *pair, len(confused), mistaken))
    if confused:
        image = conversion.to_unit(evaluated.pixels[confused[:1]])
        maps = [overlays(network, image, torch.tensor([CLASSES.index(c)]))[0] for c in pair[::-1]]
        pictured[f"Fig. {figure}: test image {confused[0]}, epoch {stage}"] = (
            [as_arrays(image)[0], *maps], [pair[0], pair[1], pair[0]]
        )  # fmt: skip
charts.mistakes(pictured)

# %% [markdown]
# How common each confusion is:

# %%
pd.DataFrame(confusions).set_index("figure").round(1)

# %% [markdown]
# The paper says that mistakes stay among look-alikes. Chance is the share of look-alikes among the other
# nine classes: 5 of 9 for an animal, 3 of 9 for a vehicle.

# %%
ANIMALS = torch.tensor([False, False, True, True, True, True, True, True, False, False])
predictions = predict(networks[1, first.seed], evaluated.pixels)
wrong = predictions != evaluated.labels
alike = (ANIMALS[predictions] == ANIMALS[evaluated.labels]).double()[wrong]
chance = torch.where(ANIMALS[evaluated.labels], 5 / 9, 3 / 9)[wrong]
beyond_chance = 100 * (alike - chance).numpy()
measured["mistakes"] = measure("mistakes_animals", beyond_chance) if wrong.sum() > 1 else []
Markdown(captions.mistakes_sentence(len(alike), 100 * alike.mean(), 100 * chance.mean()))

# %% [markdown]
# ## Figures 13 to 16: corrupted images, round after round
#
# Noise of standard deviation 0.1 (of the range from 0 to 1; the paper gives no unit), rotation by up to
# 30 degrees, 20 black pixels. The paper shows three rounds and reads conclusions from them. Here are
# three rounds as well; beside them stands in how many of many rounds a stage is right.

# %%
STRENGTHS = {"gaussian noise": 0.1, "rotation": 30, "occlusion": 20}  # the paper's
ROUNDS = {13: 3333, 14: 799, 15: 2927, 16: 950}  # figure: test image
KINDS = {13: "gaussian noise", 14: "rotation", 15: "rotation", 16: "occlusion"}

round_rows, round_grids, round_claims = [], [], []
for place, (figure, number) in enumerate(ROUNDS.items()):
    index, corruption = number if complete else place, KINDS[figure]
    copies = corruptions.corrupt(
        conversion.to_unit(test.pixels[index]).expand(rounds, -1, -1, -1), corruption,
        STRENGTHS[corruption], torch.Generator().manual_seed(seed),
    )  # fmt: skip
    shown = {}
    for stage in STAGES:
        network = networks[stage, first.seed]
        predictions = predict_images(network, copies)
        values = 100 * (predictions == test.labels[index]).double().numpy()
        names = [CLASSES[c] for c in predictions[:3]]
        shown[LABELS[stage]] = overlays(network, copies[:3], predictions[:3]), names
        round_rows.append(
            layout.round_row(figure, LABELS[stage], index, corruption, estimate(values), names)
        )
        if complete and f"fig{figure}_{stage}" in reported.index:
            round_claims += measure(f"fig{figure}_{stage}", values)
    round_grids.append(charts.rounds(shown, index, corruption))
measured["Figures 13 to 16"] = round_claims
figures.side_by_side(round_grids)

# %% [markdown]
# *Figures 13 (noise), 14 and 15 (rotation) and 16 (occlusion), in this order: three rounds, predictions
# below. Each map is stretched by itself, from 0 (dark blue) to its own maximum (yellow).*

# %%
pd.DataFrame(round_rows).set_index(["figure", "stage"]).round(0)

# %% [markdown]
# *In how many of the rounds (%) a stage is right, with a 95 % interval over rounds, and what it predicts in
# the three rounds shown.* Three rounds of one image decide little.
#
# ## Measured instead of seen
#
# From here on many test images, chosen by a fixed shuffle, and all the strengths of a corruption. A map
# is always that of the class predicted for the *clean* image, so that clean and corrupted maps can be
# compared. Logits and maps are kept one setting at a time, so that a run that was broken off goes on.

# %%
COUNTS, GRIDS = (5, 10, 20), ("original", "enlarged")  # the paper's numbers of occluded pixels
SETTINGS = [
    *(Setting("gaussian noise", deviation) for deviation in (0.02, 0.05, 0.1, 0.2, 0.3)),
    *(Setting("rotation", degrees) for degrees in (5, 15, 30, 45, 60)),
    *(Setting("occlusion", count) for count in (*COUNTS, 50, 100)),
    *(Setting("occlusion", count, "enlarged") for count in (*COUNTS, 100, 500)),
]
BLURRED = [Setting("blurred occlusion", count, grid) for grid in GRIDS for count in COUNTS]
SETTINGS_OF = {s: SETTINGS + BLURRED if s in STAGES[1:] else SETTINGS for s in [*STAGES, RANDOM]}


def kept_under(network, pixels, classes, setting, layer):
    """Logits and maps of a network under a setting, made or read."""
    return cache.kept(
        f"{CHAPTER}/maps", stages.under, network, pixels, classes, setting, layer, seed
    )


sample = first_of_shuffle(test, test_images)
clean_class = {key: predict(network, sample.pixels) for key, network in networks.items()}
results = {
    (key, setting): kept_under(network, sample.pixels, clean_class[key], setting, layer)
    for key, network in tqdm(networks.items(), desc="networks")
    for setting in [CLEAN, *SETTINGS_OF[key[0]]]
}

# %% [markdown]
# ### Where the maps look
#
# Three numbers a map: the share of its mass in the middle quarter of the image (an even map has 25 %),
# the share on the object, and its entropy (an even map has 10 bits on 32 x 32 pixels). CIFAR-10 has no
# object masks; for each image we take the quarter of the pixels whose colour is least like the image's
# border (by Mahalanobis distance, smoothed). That is an estimate, and chance is again 25 %. The chapter
# on HayCAM+ has masks that are exact.

# %%
clean_images = conversion.to_unit(sample.pixels)
objects = foreground.unlike_the_border(clean_images)
figures.with_alt_text(
    figures.heatmap_grid(
        [as_arrays(clean_images[:8]), list(objects[:8].double().numpy())],
        row_labels=["image", "taken for the object"], column_labels=[""] * 8, signed=False, cell=72,
    ),
    "Eight test images, and in yellow the quarter of each that is taken for the object",
)  # fmt: skip

# %% [markdown]
# Below the stages stand controls: maps that need no training, or no network.


# %%
FOCUS = {"mass in the centre (%)": 2, "mass on the object (%)": 2, "entropy (bits)": 2}  # decimals


def over_trainings(tensors):
    """Per-image values (N, K) of several trainings, averaged; NaN only where all are."""
    values = np.stack([tensor.numpy() for tensor in tensors])
    count = (~np.isnan(values)).sum(0)
    return np.where(count > 0, np.nansum(values, 0) / np.maximum(count, 1), np.nan)


keys = {stage: [key for key in networks if key[0] == stage] for stage in [*STAGES, RANDOM]}
maps_of = {key: result["maps"] for key, result in results.items()}
focus = {
    stage: over_trainings(stages.focus(maps_of[key, CLEAN], objects) for key in keys[stage])
    for stage in keys
}
last, draw = (epochs, first.seed), torch.Generator().manual_seed(seed)
other_class = (clean_class[last] + torch.randint(1, 10, sample.labels.shape, generator=draw)) % 10
random_class = kept_under(networks[last], sample.pixels, other_class, CLEAN, layer)
bump = torch.exp(-agreement.squared_radius(SIDE) / 0.5)
controls = {
    "Grad-CAM of a random class": random_class["maps"],
    "a bump in the centre": bump.expand(objects.shape),
    "edges of the image": sobel.edge_magnitude(clean_images).sum(1),
    "even map": torch.ones(objects.shape),
}

# %% [markdown]
# All of them in one table:

# %%
by_map = {LABELS.get(stage, stage): values for stage, values in focus.items()}
by_map |= {name: stages.focus(maps, objects).numpy() for name, maps in controls.items()}
focus_rows = [
    {**row, "maps without mass": int(np.isnan(values[:, 2]).sum())}
    for name, values in by_map.items()
    for row in layout.estimate_rows(estimate(values), FOCUS, map=name)
]
layout.interval_table(focus_rows, ["map"], FOCUS)

# %% [markdown]
# The claims are about paired differences: one epoch against the start, and 20 epochs against one.

# %%
measured["focus"] = [
    row
    for column, name in enumerate(("centre", "object", "entropy"))
    for key, before, after in (("0_1", 0, 1), ("1_20", 1, epochs))
    for row in measure(f"{name}_{key}", (focus[after] - focus[before])[:, column])
]
on_object = {name: estimate(values)[0][1] for name, values in by_map.items()}
Markdown(captions.focus_sentence(on_object, LABELS, len(objects)))

# %% [markdown]
# ### Do the maps settle as training goes on?
#
# Agreement of two maps of one image: Spearman's correlation over pixels, and how much of the strongest
# fifth they share (20 % by chance). First between the maps of consecutive stages.

# %%
AGREEMENT = {"Spearman": 3, "top fifth shared (%)": 1}  # decimals
settled = {
    (earlier, later): over_trainings(
        stages.map_agreement(maps_of[(earlier, key[1]), CLEAN], maps_of[key, CLEAN])
        for key in keys[later]
    )
    for earlier, later in itertools.pairwise(STAGES)
}
measured["settling"] = measure("settle_1_3", (settled[2, 3] - settled[1, 2])[:, 0])
settle_rows = [
    row
    for pair, values in settled.items()
    for row in layout.estimate_rows(
        estimate(values), AGREEMENT, **{"maps of": " and ".join(LABELS[stage] for stage in pair)}
    )
]
layout.interval_table(settle_rows, ["maps of"], AGREEMENT)

# %% [markdown]
# ### Do the maps stay when the image is corrupted?
#
# For rotations the clean map is turned by the same angle and compared in the inscribed disc. As a control
# the same agreement between the maps of two *different* clean images: a network whose maps hardly depend
# on the image looks stable under every corruption.

# %%
stable = {
    (stage, setting): over_trainings(
        stages.stability(maps_of[key, CLEAN], maps_of[key, setting], setting, seed)
        for key in keys[stage]
    )
    for stage in keys
    for setting in tqdm(SETTINGS_OF[stage], desc=f"agreement, {LABELS.get(stage, stage)}")
}
clean_maps = {stage: [maps_of[key, CLEAN] for key in keys[stage]] for stage in keys}
strangers = {
    stage: over_trainings(stages.map_agreement(maps, maps.roll(1, 0)) for maps in clean_maps[stage])
    for stage in keys
}
behaves = {
    (stage, setting): stages.Behavior(
        *over_trainings(
            stages.behavior(
                results[key, setting]["logits"], results[key, CLEAN]["logits"], sample.labels
            )
            for key in keys[stage]
        ).T
    )
    for stage in keys
    for setting in [CLEAN, *SETTINGS_OF[stage]]
}

# %% [markdown]
# By strength, for all images and for those on which the decision stays:

# %%
points = []
for stage, setting in itertools.product(keys, SETTINGS):
    values, unchanged = stable[stage, setting], behaves[stage, setting].unchanged == 100
    where_same = estimate(values[unchanged])[0][0] if unchanged.sum() > 1 else np.nan
    point = (setting.corruption, setting.grid, setting.strength, LABELS.get(stage, stage))
    points.append(layout.agreement_point(*point, estimate(values), where_same))
charts.agreement(pd.DataFrame(points))

# %% [markdown]
# The same at the paper's strengths, beside the control:

# %%
AT_PAPER = {
    "noise" if name == "gaussian noise" else name: Setting(name, strength)
    for name, strength in STRENGTHS.items()
}  # by the names in the claims' keys
columns = {f"{s.corruption} {s.strength:g}": s for s in AT_PAPER.values()}
agreements = pd.DataFrame(
    {
        LABELS.get(stage, stage): {
            **{name: estimate(stable[stage, s])[0][0] for name, s in columns.items()},
            "another image": estimate(strangers[stage])[0][0],
        }
        for stage in keys
    }
).T.rename_axis("network")
measured["consistency"] = [
    row
    for name, setting in AT_PAPER.items()
    for row in measure(f"stable_{name}", (stable[epochs, setting] - stable[1, setting])[:, 0])
]
agreements.round(3)

# %% [markdown]
# In words:

# %%
Markdown(captions.agreement_sentence(agreements, LABELS, STRENGTHS["gaussian noise"], RANDOM))

# %% [markdown]
# ### Does accuracy imply robustness?
#
# Accuracy and confidence by stage under each corruption at the paper's strength, then by strength.

# %%
bars = []
for stage, (name, setting) in itertools.product(STAGES, {"clean": CLEAN, **columns}.items()):
    behavior = behaves[stage, setting]
    both = estimate(np.stack([behavior.right, 100 * behavior.confidence], 1))
    bars += layout.bars(LABELS[stage], name, both, len(behavior.right))
charts.behavior(pd.DataFrame(bars))

# %% [markdown]
# By strength, first the accuracy:

# %%
strength_points = []
for stage, setting in itertools.product(STAGES, SETTINGS):
    behavior, on_clean = behaves[stage, setting], behaves[stage, CLEAN]
    both = estimate(np.stack([behavior.right, on_clean.confidence - behavior.confidence], 1))
    point = (setting.corruption, setting.grid, setting.strength, LABELS[stage])
    strength_points.append(layout.strength_point(*point, both))
charts.accuracy_by_strength(pd.DataFrame(strength_points))

# %% [markdown]
# And the confidence drop: the largest probability on the clean image less that on the corrupted one.

# %%
charts.drop_by_strength(pd.DataFrame(strength_points))

# %% [markdown]
# The claims are paired differences in accuracy, image by image.

# %%
right = {key: behavior.right for key, behavior in behaves.items()}
fall = {
    (stage, name): right[stage, CLEAN] - right[stage, setting]
    for stage in STAGES[1:]
    for name, setting in AT_PAPER.items()
}
differences = {"fall_occlusion": fall[epochs, "occlusion"] - fall[3, "occlusion"]}
for name, setting in AT_PAPER.items():
    differences[f"robust_{name}"] = right[3, setting] - right[1, setting]
    differences[f"overfit_{name}"] = right[epochs, setting] - right[3, setting]
    if name != "noise":
        harder = right[epochs, AT_PAPER["noise"]] - right[epochs, setting]
        differences[f"noise_hardest_{name}"] = harder
measured["robustness"] = [row for item in differences.items() for row in measure(*item)]
falls = {
    setting.corruption: {stage: estimate(fall[stage, name]) for stage in (3, epochs)}
    for name, setting in AT_PAPER.items()
}
Markdown(captions.falls_sentence(falls, epochs))

# %% [markdown]
# One more claim compares two groups of images, so it is not paired: where the 1-epoch model errs, its map
# should lie less on the object than where it is right.

# %%
right_clean, object_share = right[1, CLEAN] == 100, focus[1][:, 1]
measured["focus of mistakes"] = []
if 1 < right_clean.sum() < len(right_clean) - 1:
    gap = two_groups.mean_difference(object_share, right_clean, draws=bootstrap_draws, seed=seed)
    measured["focus of mistakes"] = [
        claims.measurement(
            "mistakes_focus", claims.INDEPENDENT, *gap, (~np.isnan(object_share)).sum()
        )
    ]
print(f"{right_clean.sum():,} of {len(right_clean):,} images are right")

# %% [markdown]
# ### Table 3: the confidence drop, in all its readings
#
# Largest probability on the clean image minus the largest on the occluded one. The paper occludes "20",
# "10" and "5" pixels in different places, once "blurred", and does not say on which grid; nor whether the
# largest probability or the true class's is meant. All of these, as means over the sample. The claims
# are held against its title: 20 pixels, largest probability, here black on the original image.

# %%
PROBABILITIES = {"confidence": "largest", "true_class": "true class's"}
occluded = [s for s in SETTINGS if s.corruption == "occlusion" and s.strength in COUNTS]
readings = []
for setting, column, stage in itertools.product([*occluded, *BLURRED], PROBABILITIES, STAGES[1:]):
    clean, values = (getattr(behaves[stage, s], column) for s in (CLEAN, setting))
    reading = (setting.corruption, setting.grid, setting.strength, PROBABILITIES[column])
    readings.append(open_questions.reading_row(*reading, stage, estimate(clean - values)))
open_questions.drop_table(readings, LABELS)

# %% [markdown]
# The paper's numbers beside the reading of its title, and beside the reading that is nearest to them:

# %%
occlusion = AT_PAPER["occlusion"]
drops = {s: behaves[s, CLEAN].confidence - behaves[s, occlusion].confidence for s in STAGES[1:]}
papers_epoch = {stage: 20 if stage == epochs else stage for stage in drops}
by_claim = {f"drop_{papers_epoch[stage]}": values for stage, values in drops.items()}
by_claim |= {f"drop_20_over_{stage}": drops[epochs] - drops[stage] for stage in (1, 2, 3)}
measured["Table 3"] = [row for item in by_claim.items() for row in measure(*item)]
paper_drops = {stage: reported.reported[f"drop_{papers_epoch[stage]}"] for stage in drops}
our_drops = {stage: values.mean() for stage, values in drops.items()}
nearest = open_questions.nearest_reading(readings, paper_drops)
Markdown(captions.drops_sentence(paper_drops, our_drops, *nearest))

# %% [markdown]
# ### Does it hang on the layer?
#
# The literal "last convolution" is taken before its BatchNorm and activation. Beside it the activation
# after it, and an earlier block, whose map has twice as many cells a side. A cell of the last layer is a
# corner of the picture, but not of what the network saw there: the share of the image's pixels that
# a corner cell depends on tells how far the upsampled map can be read as a place at all.

# %%
LAYERS = list(dict.fromkeys((layer, "bn2", "blocks.4")))
BY_LAYER = FOCUS | {f"Spearman with {layer}": 2, "top fifth shared (%)": 2}  # decimals
layer_focus, layer_rows = {}, []
for other, stage in itertools.product(LAYERS, (0, 1, epochs)):
    key = (stage, first.seed)
    layer_maps = kept_under(networks[key], sample.pixels, clean_class[key], CLEAN, other)["maps"]
    layer_focus[other, stage] = stages.focus(layer_maps, objects).numpy()
    same = stages.map_agreement(maps_of[key, CLEAN], layer_maps).numpy()
    both = estimate(np.concatenate([layer_focus[other, stage], same], axis=1))
    seen = f"{stages.receptive_share(networks[key], other, seed=seed):.0f}"
    about = {"layer": other, "stage": LABELS[stage], "cells a side": layer_maps.shape[-1]}
    about["seen by a corner (%)"] = seen
    layer_rows += layout.estimate_rows(both, BY_LAYER, **about)
layout.interval_table(layer_rows, ["layer", "stage"], BY_LAYER)

# %% [markdown]
# How the share on the object moves at each layer:

# %%
object_moves = {
    other: [
        estimate((layer_focus[other, after] - layer_focus[other, before])[:, 1])
        for before, after in ((0, 1), (1, epochs))
    ]
    for other in LAYERS
}
Markdown(show.layers_sentence(object_moves, epochs))

# %% [markdown]
# ## Theirs and ours

# %%
judged = claims.judge(measured.table(), CHAPTER)
judged.groupby(["group", "verdict"], sort=False).size().unstack(fill_value=0)

# %% [markdown]
# What this amounts to:

# %% tags=["verdict"]
origin = show.origin(first.train_images, committed in trainings)
sentences = show.verdict(judged, model, origin, object_moves, agreements, epochs)
finding = show.finding(judged, agreements, epochs)
notebook.finish(session, measured.table(), sentences, finding=finding)

# %% [markdown]
# Claims that are not reproduced, open or not run:

# %%
tables.verdict_table(judged[judged.verdict != claims.REPRODUCED])

# %% [markdown]
# ## What the paper says twice, and differently

# %%
open_questions.contradictions(reported)

# %% [markdown]
# ## What differs, and what we do not know
#
# - **Network.** Where EfficientNet-B0's weights cannot be had, its lite variant stands in: no
#   squeeze-and-excitation, ReLU6 instead of SiLU.
# - **Input size, rate, momentum, batch, layer, normalisation** are not in the paper. Size and rate were
#   chosen by the pilot above, on the paper's own accuracies, and on what a CPU can train.
# - **Images and seeds.** The laptop profile trains on all of CIFAR-10, which takes a processor two to four
#   hours, once; with one seed. The paper profile has three. The committed checkpoints, with which the
#   smoke profile works, come from a shorter training, on 18,000 images an epoch
#   (`data/models/gradcam_training.json`).
# - **"Untrained"** here means ImageNet weights under a new last layer. A network of random weights stands
#   beside it as a control.
# - **Which class a map is of** the paper does not say: ours is the class that the network predicts for
#   the clean image.
# - **The object** is estimated from colours, and a map of few cells is a coarse thing; the shares say where
#   a map lies, not whether what lies there was used.
# - **Intervals** are over test images. With one training they do not include how another training would
#   differ.
