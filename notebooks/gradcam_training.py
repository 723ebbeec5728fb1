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
# # Grad-CAM across training stages and corruptions
#
# TODO

# %% tags=["parameters"]
profile = "smoke"  # smoke, laptop or paper: how much is run; see notebooks/parameters.yaml
seed = 0  # of the new layer, of the order of training and of the choice of images
seeds = 1  # trainings, with this seed and the next ones
model = "tf_efficientnet_lite0"  # any name of timm; the paper's is efficientnet_b0
pretrained = True  # whether training starts from ImageNet weights
image_size = 96  # pixels a side, to which CIFAR-10's 32 are enlarged
lr = 0.01  # learning rate of SGD, constant
momentum = 0.9  # of SGD
batch_size = 64  # images a step
epochs = 20  # of training
train_images = 18000  # images an epoch, of CIFAR-10's 50,000
test_images = 20  # images on which heatmaps are measured, of 10,000
pilot_images = 0  # training images of a cell of the pilot grid; 0 leaves it out
bootstrap_draws = 200  # for the intervals
layer = "conv_head"  # whose maps are explained: the last convolution
download = False  # whether CIFAR-10 may be fetched; without it, Foolbox's 20 images serve

# %%
import torch
from tqdm import tqdm

from helpers import (
    cams,
    claims,
    corruptions,
    data,
    metrics,
    models,
    paths,
    plots,
    provenance,
    stats,
    training,
)

plots.theme()
device = models.device()
chapter = "gradcam_training"
reported = claims.reported(chapter)


# %%
def network_at_start(seed, size=image_size, pretrained=pretrained):
    """The network before training: a new last layer, on ImageNet weights or on random ones."""
    return models.timm_network(model, classes=10, size=size, pretrained=pretrained, seed=seed)


def trained(seed, images, *, size, lr, momentum, epochs):
    """Train with one setting, or read what is kept of it: the folder and each epoch's record."""
    network = network_at_start(seed, size)
    settings = {"lr": lr, "momentum": momentum, "batch_size": batch_size, "seed": seed}
    name = provenance.digest(
        training.fit,
        models.Enlarged,
        model,
        size,
        settings,
        *network.state_dict().values(),
        *images,
    )
    folder = paths.CACHE / chapter / f"training-{name}"
    fit = training.fit(
        network.to(device), images, folder, epochs=epochs, batch_size=batch_size, momentum=momentum,
        rate=lambda step: lr, seed=seed,
    )  # fmt: skip
    return folder, [record for _, record in tqdm(fit, total=epochs + 1, desc=f"training {name}")]


def some_of(images, count):
    """The first images of a fixed shuffle, so that a smaller choice lies within a larger one."""
    order = torch.randperm(len(images.labels), generator=torch.Generator().manual_seed(0))[:count]
    return data.Images(images.pixels[order], images.labels[order])
