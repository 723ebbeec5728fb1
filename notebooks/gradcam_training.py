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
# Arya (2024) fine-tunes EfficientNet-B0 on CIFAR-10 and compares five checkpoints, after 0, 1, 2, 3 and
# 20 epochs: their Grad-CAM maps on six test images, their mistakes, and their predictions for four images
# under noise, rotation and occlusion {cite:p}`arya2024`. The paper describes what is seen. This chapter
# shows the same pictures and measures the same statements on many images and several trainings.

# %% [markdown]
# ## Grad-CAM, and what is claimed
#
# Grad-CAM {cite:p}`selvaraju2017` asks which places of a feature map speak for a class. Each channel of
# the last convolution is weighed by the mean gradient of the class's logit, the channels are added, and
# what is negative is set to zero (the paper's Eqs. 1 to 3):
#
# $$\alpha_k = \frac{1}{Z} \sum_{ij} \frac{\partial y^c}{\partial A^k_{ij}}, \qquad
# L = \mathrm{ReLU}\Bigl(\sum_k \alpha_k A^k\Bigr).$$
#
# The result, a map of as many cells as the layer has, is enlarged to the image.
#
# Every number of the paper, and every sentence of it that can be measured, is a row of
# `data/reported/gradcam_training.csv`. A row that says "more" or "less" is held against the paired
# difference between two checkpoints on the same images, with a 95 % interval. Where the paper leaves a choice
# open (the layer, the grid, the strength, the measure), all options are run: they are *readings* of the row.
# There is no code and no checkpoint of the author's, so all of this is arm B, our own material.

# %% tags=["parameters"]
profile: str = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed: int = None  # of the first training: of its new layer and of the order of images
seeds: int = None  # trainings: with this seed and the next ones; the paper has one
long_seeds: int = None  # go on to the last epoch: the first and the last ones; others end after 3
model: str = None  # any name of timm; the paper's is efficientnet_b0, whose weights are a download
pretrained: bool = None  # whether training starts from ImageNet weights; the paper does not say
image_size: int = None  # pixels a side, to which CIFAR-10's 32 are enlarged; the paper does not say
lr: float = None  # learning rate of SGD, constant; the paper does not say
momentum: float = None  # of SGD; the paper does not say
batch_size: int = None  # images a step; the paper does not say
epochs: int = None  # of training; the paper: 20
train_images: int = None  # images an epoch; the paper: 50,000; 0 takes the committed checkpoints
test_images: int = None  # on which maps and further strengths are measured; the paper: a handful
robust_images: int = None  # on which accuracy is measured, clean and at the paper's strengths
pilot_images: int = None  # training images of a cell of the pilot grid; 0 leaves the grid out
rounds: int = None  # draws of each corruption of Figures 13 to 16; the paper shows three
layer: str = None  # of Grad-CAM: conv_head, the last convolution
second_models: str = None  # further networks or input sizes; the paper announces ResNet-18
second_epochs: int = None  # of their training
download: bool = None  # whether CIFAR-10 may be fetched; without it, Foolbox's 20 images serve

# %% [markdown]
# A parameter that is `None` takes the profile's value.

# %%
from helpers.run import notebook

session = notebook.begin("gradcam_training", globals())

# %% [markdown]
# Without CIFAR-10 the twenty test images that Foolbox ships serve; rows on named test images and on
# Table 1 are then not measured.

# %%
import itertools

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown
from torch.nn import functional as F
from tqdm import tqdm

from helpers.inputs import cifar, classifiers, conversion, corruptions, recipes
from helpers.measures import agreement, intervals, sobel, trainings
from helpers.papers import cams
from helpers.report import claims, figures, tables, theme
from helpers.report.chapters import gradcam_training as show
from helpers.report.chapters import gradcam_training_captions as captions
from helpers.report.chapters import gradcam_training_charts as charts
from helpers.report.chapters import gradcam_training_claims as claimed
from helpers.report.chapters import gradcam_training_readings as open_questions
from helpers.report.chapters import gradcam_training_tables as layout
from helpers.run import card
from helpers.store import paths
from helpers.trials import training_stages as stages
from helpers.trials import training_stages_networks as networks_of
from helpers.trials import training_stages_outcomes as outcomes
from helpers.trials import training_stages_procedure as procedure
from helpers.trials import training_stages_rows as rows_of
from helpers.trials import training_stages_shards as shards
from helpers.trials import training_stages_survey as survey
from helpers.trials.training_stages import CLEAN, SIDE
from helpers.trials.training_stages_outcomes import PAPER

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
print(f"{card.device_name()}; {len(test.labels):,} test images")

# %% [markdown]
# The rows by group:

# %%
layout.groups(reported)

# %% [markdown]
# ## The network
#
# The paper takes EfficientNet-B0 from timm. It does not say whether training starts from ImageNet weights,
# nor the input size, the learning rate, the momentum or the batch. Its test accuracy after one epoch suggests
# ImageNet weights. Where timm's weights cannot be downloaded, `tf_efficientnet_lite0` stands in, EfficientNet
# without squeeze-and-excitation, whose ImageNet weights come as a package. CIFAR-10's images are enlarged
# bilinearly and normalized inside the network. All that a training depends on is its *recipe*.

# %%
recipe = recipes.Recipe(
    model, pretrained, image_size, lr, momentum, batch_size, seed, train_images, epochs
)
weights = sum(p.numel() for p in recipes.network_at_start(recipe).parameters())
Markdown(captions.network_sentence(model, weights, pretrained, image_size))

# %% [markdown]
# ### At CIFAR-10's own size the last map is one cell
#
# The network halves its input five times. At 32 x 32 the last feature map has a single cell, so that
# its heatmap is flat. The paper's maps have structure, so its images were enlarged, or an earlier layer was
# taken. Both are readings below.


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
# SGD on cross-entropy at a constant rate, without augmentation: the paper's training accuracy ends so near
# 100 % that there can hardly have been any. Every epoch is kept, and a training that was interrupted resumes
# after its last one. Four epochs of one training are committed with their recipe
# (`data/models/gradcam_training.json`): they are taken whenever a run wants exactly that recipe, and where
# `train_images` is 0. Images are taken in the order of a fixed shuffle, so that a smaller choice lies within
# a larger one.


# %%
def accuracy(network, images):
    """The share (%) of images that a network classifies correctly."""
    logits = outcomes.kept_logits(network, images.pixels, [CLEAN])[CLEAN]
    return 100 * float((logits.argmax(1) == images.labels).double().mean())


# %% [markdown]
# ### The pilot that chose input size and learning rate
#
# Both are unknown, so a small grid of them is trained for three passes over few images, and compared
# with the paper's first three epochs by the mean distance of training and test accuracies. The profiles take
# a size that a CPU trains within hours. This choice used the paper's numbers and test images; the
# rows of Table 1 are therefore no independent test of it.

# %%
PILOT_EPOCHS, HELD_OUT = 3, 2000  # and the test images on which the pilot's networks are compared


def pilot_row(wanted, images, held, paper):
    """One cell of the pilot grid: accuracies, and their mean distance to the paper's."""
    trained, ours = recipes.train_or_load(wanted, images, CHAPTER), {}
    for epoch in range(1, PILOT_EPOCHS + 1):
        ours[f"train_{epoch}"] = 100 * trained.records[epoch]["right"]
        ours[f"test_{epoch}"] = accuracy(networks_of.after(trained, epoch), held)
    distance = np.mean([abs(paper[key] - value) for key, value in ours.items()])
    seconds = sum(record.get("seconds", 0) for record in trained.records.values())
    return layout.pilot_row(wanted.image_size, wanted.lr, ours, distance, seconds)


pilot = []
if pilot_images:
    training_images = cifar.cifar10("train", download=download)
    few = survey.chosen(training_images, survey.shuffled(training_images, pilot_images))
    held = survey.chosen(test, survey.shuffled(test, HELD_OUT))
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
# ### The trainings of this run
#
# The first training is at hand with its networks; its pictures stand on this page. Of each training
# one file is kept, with an estimate for every row and reading
# (`data/results/gradcam_training-trainings/`), its recipe's digest and a checksum. A training whose file
# is there is read and not repeated, so that trainings of several days or machines add up;
# `python -m helpers.trials.training_stages_alone --seed 3` makes one.

# %%
STAGES, RANDOM = [0, 1, 2, 3, epochs], "random weights"
LABELS = layout.stage_names(STAGES)
FOLDER = paths.RESULTS / f"{CHAPTER}-trainings"
committed = recipes.committed_training(CHAPTER)
plan = survey.plan(session.values, test, full=True)
order = survey.shuffled(test, plan.many)
images, sample = survey.chosen(test, order), survey.chosen(test, order[: plan.few])
layers = networks_of.layers_of(model, layer)
if train_images:
    training_images = cifar.cifar10("train", download=download)
    training_set = survey.chosen(training_images, survey.shuffled(training_images, train_images))
    trained = networks_of.train_or_load(recipe, training_set, committed)
else:
    recipes.check_same(recipe, committed.recipe, but=("seed", "train_images"))
    trained = committed
first = trained.recipe
own = survey.survey(trained, epochs, test, images, layers, plan)
networks, seen = own.networks, own.seen

# %% [markdown]
# The other trainings, and the second networks, which serve the conclusions alone:


# %%
def shard_of(wanted, layers, plan, training_set, committed, test, images):
    """What another training shows: read if its file is there, else trained and measured."""
    about = survey.told(plan, layers)
    found = shards.read(FOLDER, wanted, about)
    if found:
        return found
    made = networks_of.train_or_load(wanted, training_set, committed)
    table = survey.survey(made, epochs, test, images, layers, plan).table
    return shards.Shard(wanted, about, table)


made = [shards.Shard(first, survey.told(plan, layers), own.table)]
second = []
if train_images:
    common = training_set, committed, test, images
    for number in tqdm(range(1, seeds), desc="trainings"):
        goes_to = epochs if number > seeds - long_seeds else rows_of.THIRD
        wanted = recipe._replace(seed=seed + number, epochs=goes_to)
        made.append(shard_of(wanted, layers, plan, *common))
    for wanted in networks_of.second_recipes(second_models, recipe, second_epochs):
        own_layers = networks_of.layers_of(wanted.model)
        second.append(shard_of(wanted, own_layers, plan._replace(full=False), *common))

# %% [markdown]
# Over trainings an estimate is their mean. Its interval takes in both how trainings differ and how images
# do, and is Student's with the degrees of freedom of Welch and Satterthwaite
# (`helpers/measures/trainings.py`); with one training it is over images alone.

# %%
found, in_readings = survey.over([shard.rows for shard in made], reported.index)
own_name = networks_of.called(recipe)
others = {networks_of.called(shard.recipe): shard.rows for shard in second}
measured["trainings"] = claimed.measurements(
    found, table_1=complete and train_images > 0
) + claimed.readings(in_readings, own_name if others else "")
measured["second networks"] = [
    row
    for name, table in others.items()
    for row in claimed.second_readings(
        survey.over([table], reported.index)[0], name, rows_of.main_reading, reported
    )
]
Markdown(captions.trainings_sentence([shard.recipe.epochs for shard in made], epochs, [*others]))

# %% [markdown]
# ## Table 1: does accuracy grow, and level off?

# %%
combined = shards.combine([shard.rows for shard in made])
curve = layout.accuracy_curve(combined)
Markdown(captions.accuracy_caption(first.train_images, committed is trained, len(images.labels)))

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
# *Accuracy by epoch: lines with dots are ours, with 95 % intervals, open marks the paper's.*
#
# ## Figures 1 to 6: the maps at five stages
#
# Grad-CAM of the predicted class at the last convolution, for the six test images that the paper names.
# Each map is stretched by itself, as in the paper, so that brightness cannot be compared across maps.


# %%
def predict_images(network, images):
    """The classes that a network predicts for images in [0, 1]."""
    with torch.no_grad():
        return torch.cat([network(batch.to(DEVICE)).argmax(1).cpu() for batch in images.split(50)])


def as_arrays(images):
    """Images (N, 3, H, W) in [0, 1] as a list of arrays (H, W, 3)."""
    return list(images.permute(0, 2, 3, 1).double().numpy())


def overlays(network, images, classes):
    """Images (N, 3, H, W) in gray under their maps, each stretched by itself: arrays (H, W, 3)."""
    maps = stages.logits_and_maps(network, images, classes, layer)["maps"]
    large = F.interpolate(images, (image_size, image_size), mode="bilinear").clamp(0, 1)
    shares = cams.display_scaled(cams.upsample(maps, image_size)).double().numpy()
    return [figures.overlay(*pair) for pair in zip(as_arrays(large), shares, strict=True)]


def strip(network, images):
    """Pictures of the maps of the predicted classes, and these classes."""
    predictions = predict_images(network, images)
    return overlays(network, images, predictions), [CLASSES[c] for c in predictions]


# %%
SIX = list(survey.SIX) if complete else list(range(6))  # Figures 1 to 6
six = conversion.to_unit(test.pixels[SIX])
true_classes = [CLASSES[c] for c in test.labels[SIX]]
strips = {stage: strip(networks[stage], six) for stage in STAGES}

# %% [markdown]
# From left to right the image and its map at each stage:

# %% tags=["picture"]
charts.stage_grid(as_arrays(six), true_classes, SIX, {LABELS[s]: strips[s] for s in STAGES})

# %% [markdown]
# How many of these predictions are correct says little: the author chose images on which the trained
# models are.

# %%
right_of_six = {s: sum(map(str.__eq__, strips[s][1], true_classes)) for s in STAGES}
later = sum(right_of_six[stage] for stage in STAGES[1:])
cells = sizes[f"{image_size} x {image_size}"]
Markdown(captions.six_sentence(later, 6 * len(STAGES[1:]), right_of_six[0], cells))

# %% [markdown]
# The same maps with a slider over the epochs that are kept; above each the epoch and the test image,
# below it the prediction.

# %%
by_epoch = {
    epoch: strips.get(epoch) or strip(networks_of.after(trained, epoch), six)
    for epoch in [0, *trained.files]
}
charts.stage_slider(charts.stage_frames(by_epoch, SIX, true_classes))

# %% [markdown]
# ## Figures 7 to 12: mistakes
#
# The paper drew images until a model misclassified one. For each of its six confusions the first test image
# on which it occurs is shown, if there is one, with the map of the predicted class and of the true one.
# No row is made of them: that CIFAR-10's mistakes are among similar classes is true of any classifier.

# %%
CASES = {  # figure: stage, true class, predicted class
    7: (1, "cat", "dog"), 8: (1, "dog", "deer"), 9: (1, "bird", "deer"),
    10: (2, "truck", "airplane"), 11: (2, "horse", "frog"), 12: (3, "dog", "cat"),
}  # fmt: skip


def confusion(predictions, labels, true, wrong):
    """The images of a class that are taken for another, and how many of it are mistaken."""
    of_class = labels == CLASSES.index(true)
    confused = (of_class & (predictions == CLASSES.index(wrong))).nonzero()[:, 0].tolist()
    return confused, int((of_class & (predictions != CLASSES.index(true))).sum())


confusions, pictured = [], {}
for figure, (stage, *pair) in CASES.items():
    predictions = seen.logits[stage, CLEAN].argmax(1)
    confused, mistaken = confusion(predictions, images.labels, *pair)
    confusions.append(layout.confusion_row(figure, stage, *pair, len(confused), mistaken))
    if confused:
        image = conversion.to_unit(images.pixels[confused[:1]])
        target = [torch.tensor([CLASSES.index(c)]) for c in pair[::-1]]
        maps = [overlays(networks[stage], image, classes)[0] for classes in target]
        pictured[f"Fig. {figure}: test image {int(order[confused[0]])}, epoch {stage}"] = (
            [as_arrays(image)[0], *maps], [pair[0], pair[1], pair[0]]
        )  # fmt: skip
charts.mistakes(pictured)

# %% [markdown]
# How common each confusion is:

# %%
pd.DataFrame(confusions).set_index("figure").round(1)

# %% [markdown]
# ## Figures 13 to 16: four corrupted images, three rounds
#
# Noise of standard deviation 0.1 (of the range from 0 to 1; the paper gives no unit), rotation by up to
# 30 degrees, 20 black pixels. Three rounds are shown, as in the paper; next to them stands the share of
# many random draws that each checkpoint classifies correctly. A row is reproduced where the paper's count
# is not unusual (two-sided binomial tail of at least 5 %) for all shares in our interval.

# %%
FIGURES = {
    13: ("noise", 3333),
    14: ("rotation", 799),
    15: ("rotation", 2927),
    16: ("occlusion", 950),
}

round_rows, round_grids = [], []
for place, (figure, (name, number)) in enumerate(FIGURES.items()):
    index, setting = number if complete else place, PAPER[name]
    copies = corruptions.corrupt(
        conversion.to_unit(test.pixels[index]).expand(rounds, -1, -1, -1), setting.corruption,
        setting.strength, torch.Generator().manual_seed(outcomes.DRAWS),
    )  # fmt: skip
    shown = {}
    for stage in STAGES:
        predictions = predict_images(networks[stage], copies)
        hits = int((predictions == test.labels[index]).sum())
        names = [CLASSES[c] for c in predictions[:3]]
        shown[LABELS[stage]] = overlays(networks[stage], copies[:3], predictions[:3]), names
        share = 100 * np.array(intervals.share_interval(hits, rounds))
        round_rows.append(
            layout.round_row(figure, LABELS[stage], index, setting.corruption, share, names)
        )
    round_grids.append(charts.rounds(shown, index, setting.corruption))
figures.side_by_side(round_grids)

# %% [markdown]
# *Figures 13 (noise), 14 and 15 (rotation) and 16 (occlusion), in this order: three rounds, predictions
# below. Each map is stretched by itself, from 0 (dark blue) to its own maximum (yellow).*

# %%
pd.DataFrame(round_rows).set_index(["figure", "stage"]).round(0)

# %% [markdown]
# *Share of the rounds (%) that a checkpoint of the first training classifies correctly, with its exact 95 %
# interval, and the predictions in the rounds shown.*
#
# ### How often would such a look mislead?
#
# The author's procedure can be repeated many times on our networks. Each time four images are drawn that
# all trained checkpoints classify correctly when clean, one for noise, two for rotation and one for occlusion,
# and three rounds of each are looked at. What is counted is how often the 20-epoch model comes out
# worst, by two rules: in most of the three tests it is correct in fewer rounds than the 3-epoch model
# (the Conclusions' "most robustness tests"), or in at least one picture in fewer than each other checkpoint
# (as in Figure 16). Beside it stands the same with the checkpoints exchanged at random in each look, so that
# none is worse than another.

# %%
looks = claimed.looks(combined, procedure.RULES)
looks.round(1)

# %% [markdown]
# In words:

# %%
Markdown(captions.looks_sentence(looks))

# %% [markdown]
# ## Do maps move to the object?
#
# The rest of the chapter uses images from a fixed shuffle of the test set, and several strengths of each
# corruption. A map is always that of the class predicted for the *clean* image, so that clean and
# corrupted maps can be compared.
#
# CIFAR-10 has no object masks. The object is estimated: the quarter of the pixels whose color is least like
# the image's border (by Mahalanobis distance, smoothed). An even map has 25 % of its mass there.

# %%
clean_images, objects = conversion.to_unit(sample.pixels), seen.objects
figures.with_alt_text(
    figures.heatmap_grid(
        [as_arrays(clean_images[:8]), list(objects[:8].double().numpy())],
        row_labels=["image", "taken for the object"], column_labels=[""] * 8, signed=False, cell=72,
    ),
    "Eight test images, and in yellow the quarter of each that is taken for the object",
)  # fmt: skip

# %% [markdown]
# Four measures of focus: the share of mass on the object; the same less the share that *another image's* map
# has there, which a pattern common to all maps does not raise; the share in the middle quarter of the image;
# and the concentration, 100 % for a single pixel and 0 % for an even map. Below the stages stand controls:
# maps of a network with random weights, of a class drawn at random, and maps without any network.


# %%
def estimate(values):
    """Mean over images of values (N,), NaN left out, with its 95 % interval."""
    return trainings.over_trainings([trainings.mean(values)])


control = recipes.network_at_start(recipe._replace(pretrained=False)).eval()
control = control.to(DEVICE, memory_format=torch.channels_last)
draw, labels = torch.Generator().manual_seed(outcomes.DRAWS), sample.labels
settings = [CLEAN, *PAPER.values()]
predicted = outcomes.kept_logits(control, sample.pixels, [CLEAN])[CLEAN].argmax(1)
untrained = outcomes.kept_maps(control, sample.pixels, predicted, settings, layer)
predicted = seen.logits[epochs, CLEAN][: len(labels)].argmax(1)
drawn = (predicted + torch.randint(1, 10, labels.shape, generator=draw)) % 10
of_drawn = outcomes.kept_maps(networks[epochs], sample.pixels, drawn, [CLEAN], layer)
bump = torch.exp(-agreement.squared_radius(SIDE) / 0.5)
by_map = {LABELS[stage]: seen.maps[stage, CLEAN, "last"] for stage in STAGES} | {
    RANDOM: untrained[CLEAN]["maps"],
    "Grad-CAM of a random class": of_drawn[CLEAN]["maps"],
    "a bump in the middle": bump.expand(objects.shape),
    "edges of the image": sobel.edge_magnitude(clean_images).sum(1),
    "even map": torch.ones(objects.shape),
}

# %% [markdown]
# All of them in one table, at the last convolution:

# %%
focus = {name: rows_of.focus_measures(maps, objects) for name, maps in by_map.items()}
layout.focus_table({
    name: ({what: estimate(values) for what, values in found.items()}, by_map[name])
    for name, found in focus.items()
})  # fmt: skip

# %% [markdown]
# What it shows:

# %%
on_object = {name: estimate(found["object"]).value for name, found in focus.items()}
Markdown(captions.focus_sentence(on_object, LABELS, len(objects)))

# %% [markdown]
# ### Does the result depend on the layer, or on the measure?
#
# The last convolution is taken before its BatchNorm and activation. The readings add the activation after it
# and an earlier block, whose map has twice as many cells a side. The share of the image's pixels that a corner
# cell depends on tells how far a cell can be read as a place at all.

# %%
layer_rows = []
for role, name in layers._asdict().items():
    maps = seen.maps[epochs, CLEAN, role]
    share = stages.receptive_share(networks[epochs], name, seed=outcomes.DRAWS)
    layer_rows.append(layout.layer_row(rows_of.LAYERS[role], name, maps.shape[-1], share))
pd.DataFrame(layer_rows).set_index("layer").round(0)

# %% [markdown]
# The change of focus from the untrained to the 1-epoch model in every reading, in the order of its value:

# %%
judged = claims.judge(measured.table(), CHAPTER, measured.readings())
charts.readings(measured.readings(), reported, "object_0_1", "change of focus (points)")

# %% [markdown]
# In how many readings each row of focus holds, and which choice turns it:

# %%
claimed.shares(judged, "object_")

# %% [markdown]
# ## Do maps grow more consistent?
#
# Agreement of two maps is Spearman's correlation over pixels. The maps of two *different* images agree as
# well, because they share a pattern. So agreement is corrected as in Cohen's kappa, by
#
# $$c = \frac{\text{own} - \text{stranger}}{1 - \text{stranger}},$$
#
# where *own* is the agreement of an image's clean and corrupted map, and *stranger* that of its corrupted map
# with another image's clean map: 1 is full agreement, 0 no more than two images share. For rotations the clean
# map is turned by the same angle and compared in the inscribed disc. Maps without any mass have no correlation;
# they are left out and counted.

# %%
consistency = []
for stage, (name, setting) in itertools.product(STAGES, PAPER.items()):
    levels = rows_of.levels(seen, setting, stage)
    told = {what: trainings.over_trainings([level]) for what, level in levels.items()}
    empty = outcomes.empty_maps(seen, stage, setting)
    consistency.append(layout.consistency_row(LABELS[stage], name, told, empty))
for name, setting in PAPER.items():
    levels = rows_of.levels_of(untrained[CLEAN]["maps"], untrained[setting]["maps"], setting)
    told = {what: trainings.over_trainings([level]) for what, level in levels.items()}
    empty = int((untrained[setting]["maps"].flatten(1).amax(1) == 0).sum())
    consistency.append(layout.consistency_row(RANDOM, name, told, empty))
pd.DataFrame(consistency).set_index(["corruption", "network"]).sort_index(
    level=0, sort_remaining=False
)

# %% [markdown]
# The Abstract says that features grow more consistent with accuracy; of occlusion the Discussion says the
# opposite: stable maps after 1 to 3 epochs, "extremely random and inaccurate" ones after 20. So the row on
# occlusion has the other direction. By strength of the corruption:

# %%
points = [
    layout.agreement_point(
        setting.corruption, setting.grid, setting.strength, LABELS[stage],
        trainings.over_trainings([rows_of.levels(seen, setting, stage)["corrected"]]),
    )
    for stage in tqdm(STAGES, desc="agreement")
    for setting in outcomes.mapped(full=True)["last"]
    if setting != CLEAN
]  # fmt: skip
charts.agreement(pd.DataFrame(points))

# %% [markdown]
# In how many readings each row of consistency holds, and which choice turns it:

# %%
claimed.shares(judged, "stable_", "settle_")

# %% [markdown]
# ## Is the 20-epoch model less robust?
#
# Accuracy and confidence of each checkpoint of the first training, on clean and corrupted images:

# %%
bars = []
for stage, (name, setting) in itertools.product(STAGES, {"clean": CLEAN, **PAPER}.items()):
    right = outcomes.right(seen, stage, setting)
    both = [estimate(v) for v in (right, 100 * outcomes.probability(seen, stage, setting))]
    bars += layout.bars(LABELS[stage], name, both, len(right))
charts.behavior(pd.DataFrame(bars))

# %% [markdown]
# Accuracy by strength:

# %%
strength_points = [
    layout.strength_point(
        setting.corruption, setting.grid, setting.strength, LABELS[stage],
        estimate(outcomes.right(seen, stage, setting)),
    )
    for stage in STAGES
    for setting in outcomes.mapped(full=True)["last"]
    if setting != CLEAN
]  # fmt: skip
charts.accuracy_by_strength(pd.DataFrame(strength_points))

# %% [markdown]
# The accuracy of the 20-epoch model less that of the 3-epoch model, at every strength. Positive numbers are
# against the paper.

# %%
claimed.by_strength(measured.readings())

# %% [markdown]
# What the paper leaves open is more than the strength: the grid on which the corruption acts, the checkpoint
# with which the last one is compared, and whether accuracy, its loss, or the accuracy on images that both
# classify correctly when clean is meant. All readings of the row on noise:

# %%
charts.readings(measured.readings(), reported, "overfit_noise", "difference in accuracy (points)")

# %% [markdown]
# In how many readings each row holds, and which choice turns it:

# %%
claimed.shares(judged, "overfit_", "robust_", "noise_hardest_")

# %% [markdown]
# The same rows in each training by itself. Two trainings have an interval of 12.7 standard errors to each
# side, so that a row on the last epoch may be open although both agree in sign:

# %%
BY_TRAINING = {f"seed {s.recipe.seed}, {s.recipe.epochs} epochs": s.rows for s in made}
claimed.by_training(BY_TRAINING, reported, "overfit_", "robust_", "noise_hardest_")

# %% [markdown]
# ## Table 3: the confidence drop
#
# The largest probability on the clean image minus the largest on the occluded one. The paper occludes "20",
# "10" and "5" pixels in different places, once "blurred", and does not say on which grid, on how many images,
# or whether the true class's probability is meant; the text points to Figure 16, which is test image 950 alone.
# All of these are readings. Verdicts start from the table's title: 20 pixels, here black ones of the original
# image. A wrong prediction with high confidence counts as no drop, so the drop is no full measure of robustness.

# %%
charts.readings(
    measured.readings(), reported, "drop_20_over_3", "confidence drop, epoch 20 less epoch 3"
)

# %% [markdown]
# The drops themselves:

# %%
drops = open_questions.drop_table(measured.readings())
claimed.folded(theme.Html(drops.to_html(max_rows=None)), f"All {len(drops)} readings")

# %% [markdown]
# The paper's numbers beside the reading of its title, and beside the reading that is nearest to them:

# %%
paper_drops = {stage: reported.reported[f"drop_{stage}"] for stage in (1, 2, 3, 20)}
Markdown(captions.drops_sentence(paper_drops, measured.table(), measured.readings()))

# %% [markdown]
# In how many readings each row holds:

# %%
claimed.shares(judged, "drop_")

# %% [markdown]
# ## Other networks
#
# The main reading of each row that carries a conclusion, on the second networks of this run:

# %%
claimed.networks_table(measured.readings(), judged)

# %% [markdown]
# ## Theirs and ours

# %%
claimed.tally(judged)

# %% [markdown]
# The run's summary, which stands at the top of this page in the book:

# %% tags=["verdict"]
origin = show.origin(first.train_images, committed is trained)
epochs_run = [shard.recipe.epochs for shard in made]
sentences = show.verdict(judged, model, origin, epochs_run, epochs, looks)
notebook.finish(
    session, measured.table(), sentences, readings=measured.readings(),
    files={f"-trainings/{shards.file_name(s.recipe)}": shards.as_text(s) for s in made + second},
)  # fmt: skip

# %% [markdown]
# All rows with both numbers:

# %%
claimed.folded(tables.verdict_table(judged[judged.kind != claims.CONCLUSION]), "All rows")

# %% [markdown]
# ## What the paper says twice, and differently

# %%
open_questions.contradictions(reported)

# %% [markdown]
# ## What differs, and what we do not know
#
# - **Network.** Where EfficientNet-B0's weights cannot be had, its lite variant stands in: no
#   squeeze-and-excitation, ReLU6 instead of SiLU.
# - **Input size, rate, momentum, batch, normalization** are not in the paper. Size and rate were
#   chosen by the pilot above, on the paper's own accuracies, and by what a CPU can train; the pilot's nearest
#   cell may be another one.
# - **"Untrained"** here means ImageNet weights under a new last layer. A network of random weights stands
#   beside it as a control.
# - **Which class a map is of** the paper does not say: ours is the class that the network predicts for
#   the clean image.
# - **The object** is estimated from colors, and a map of few cells is coarse; the shares say where
#   a map lies, not whether what lies there was used.
# - **Trainings.** Rows on the last epoch rest on fewer trainings than rows on the first three. With one
#   training the intervals are over images alone and do not include how another training would differ.
# - **No row** is made of what holds for any network or by construction: that mistakes of a CIFAR-10 network
#   are among similar classes, that an untrained network is wrong on a few images, and that most mistakes occur
#   before the last epoch. Figure 15 gives no count for the 1-epoch model (its caption repeats Figure 14's), so
#   it has no row. That Figure 10's airplane is "slanted upwards" was not measured.
