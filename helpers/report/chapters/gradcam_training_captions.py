"""Captions of the chapter on training stages (Arya 2024): what a table or chart shows, in numbers.

``reported`` is the paper's table as :func:`helpers.report.claims.reported` gives it. An estimate is
(mean, low, high), a 95 % interval.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

from helpers.report.chapters.gradcam_training import PAPERS_NETWORK, listed, origin

PIXELS = 32  # a side, of CIFAR-10's images
NEAR = 2  # points of accuracy: the tolerance of Table 1's claims


def network_sentence(model: str, weights: int, pretrained: bool, size: int) -> str:
    """Which network is trained, from what, at which input size."""
    text = (
        f"`{model}` has {weights:,} weights and starts from "
        f"{'ImageNet' if pretrained else 'random'} weights, in this run at {size} x {size} pixels."
    )
    stand_in = " **It is not the paper's network, but a stand-in.**"
    return text if model == PAPERS_NETWORK else text + stand_in


def pilot_sentence(
    pilot: list[dict], images: int, epochs: int, reported: pd.DataFrame, size: int, rate: float
) -> str:
    """Which cell of the pilot grid is nearest to the paper, and what this run takes."""
    this_run = f"{size} pixels and a rate of {rate:g}."
    if not pilot:
        return f"*The pilot grid is not part of this profile;* this run takes {this_run}"
    nearest = min(pilot, key=lambda row: row["distance (points)"])
    paper = ", ".join(str(reported.reported[f"test_{epoch}"]) for epoch in range(1, epochs + 1))
    return (
        f"Passes over {images:,} images; an epoch of the paper saw 50,000, and its test accuracies "
        f"were {paper} %. Nearest are {nearest['input']} pixels with a rate of "
        f"{nearest['learning rate']}, at {nearest['seconds'] / epochs / images * 1000:.0f} ms an "
        f"image; this run goes on with {this_run}"
    )


def accuracy_caption(images: int, committed: bool, evaluated: int) -> str:
    """The caption of Table 1: on how many images the networks were trained and evaluated."""
    text = f"**Table 1, theirs and ours.** Our networks are {origin(images, committed)}, the "
    text += "paper's on 50,000"
    if images < 50_000:
        text += f", so that one of its epochs is {50_000 / images:.1f} of ours"
    return f"{text}; accuracy is on {evaluated:,} test images."


def gap_sentence(gaps: pd.DataFrame, size: int) -> str:
    """At which epochs we are near the paper, and what a larger input changes after the first.

    `gaps` has the columns input, epoch and gap (points): rows of this run's input size, and one of
    a larger input, or none.
    """
    if not len(gaps):
        return "*The comparison needs a training, and all of CIFAR-10's test images.*"
    ours = gaps[gaps.input == size].set_index("epoch")["gap (points)"]
    larger = gaps[gaps.input != size]
    near = list(ours.index[ours.abs() <= NEAR])
    text = f"{f'At epoch {listed(near)}' if near else 'At none of these epochs'} within {NEAR} "
    text += "points of the paper."
    if not len(larger):
        return text
    gained = larger["gap (points)"].iloc[0] - ours[1]
    change = f"With {larger.input.iloc[0]} pixels instead of {size} the first epoch changes by "
    change += f"{gained:+.1f} points"
    if ours.min() >= 0:
        return f"{text} No epoch is below the paper. {change}."
    could = "could close it" if gained >= -ours.min() else "alone does not close it"
    return (
        f"{text} The largest gap is {ours.min():+.1f} points, after epoch {ours.idxmin()}. "
        f"{change}: a larger input {could}."
    )


def six_sentence(right: int, of: int, untrained: int, cells: str) -> str:
    """How many of the six images the stages get right; `cells` is the maps' size in words."""
    return (
        "*Grad-CAM of the predicted class, from 0 (dark blue) to the map's own maximum (yellow), "
        "over the image in grey; below each the prediction.* "
        f"The trained stages are right on {right} of {of} of these, the untrained one on "
        f"{untrained} of 6. A map has {cells}, so a bright corner is one cell; the paper speaks of "
        f"whiskers and wings, of images {PIXELS} pixels wide."
    )


def mistakes_sentence(count: int, alike: float, chance: float) -> str:
    """How often mistakes stay among animals or among vehicles (%), and how often by chance."""
    if not count:
        return "The 1-epoch model makes no mistake on these images."
    return (
        f"*Each map is stretched by itself.* Of the {count:,} mistakes of the 1-epoch model "
        f"{alike:.0f} % take an animal for an animal or a vehicle for a vehicle; wrong classes "
        f"drawn evenly would do so in {chance:.0f} %."
    )


def focus_sentence(share: Mapping[str, float], names: Mapping[int, str], images: int) -> str:
    """How the mean share of mass on the object (%) goes over the stages, beside two controls.

    `share` is by map: the stages by their `names` (epoch: name), and the controls.
    """
    stages = list(names)
    over = [f"{share[names[s]]:.1f} % ({names[s]})" for s in (stages[0], stages[1], stages[-1])]
    return (
        f"*Mean over {images:,} test images with 95 % intervals; above the stages, below them what "
        "needs no training, or no network.* The share on the object goes from "
        f"{over[0]} over {over[1]} to {over[2]}; the edges of the image have "
        f"{share['edges of the image']:.1f} %, and a bump in the centre that sees neither image "
        f"nor network {share['a bump in the centre']:.1f} %."
    )


def agreement_sentence(
    table: pd.DataFrame, names: Mapping[int, str], noise: float, random: str
) -> str:
    """How far maps agree under noise, and how far those of a network of random weights do.

    `table` has a row a network; its first column is the agreement under noise, ``another image``
    that of the maps of two different images.
    """
    under_noise, stages = table.iloc[:, 0], list(names)
    return (
        "*Above: agreement of the corrupted image's map with the clean one's, by strength, with "
        "95 % intervals. Below: the same at the paper's strengths, beside the agreement of two "
        f"different images' maps.* Under noise of {noise:g} the agreement is "
        f"{under_noise[names[0]]:.2f} untrained, {under_noise[names[1]]:.2f} after 1 epoch and "
        f"{under_noise[names[stages[-1]]]:.2f} after {stages[-1]}; a network of random weights, "
        f"whose maps of different images agree by {table.loc[random, 'another image']:.2f}, has "
        f"{under_noise[random]:.2f}."
    )


def falls_sentence(falls: Mapping[str, Mapping[int, Iterable[float]]], last: int) -> str:
    """How accuracy changes under each corruption, at epoch 3 and at the last.

    `falls` gives, by corruption and epoch, the estimate of the fall in points.
    """
    parts = []
    for name, by_epoch in falls.items():
        three, (mean, low, high) = float(next(iter(by_epoch[3]))), map(float, by_epoch[last])
        parts.append(
            f"Under {name} the accuracy of the 3-epoch model changes by {-three:+.1f} points, that "
            f"of the {last}-epoch one by {-mean:+.1f} [{-high:+.1f}, {-low:+.1f}]."
        )
    return (
        "*From above: accuracy or confidence at the paper's strengths; accuracy, and mean drop of "
        f"the largest probability, by strength; all with 95 % intervals.* {' '.join(parts)}"
    )


def drops_sentence(
    paper: Mapping[int, float], ours: Mapping[int, float], reading: tuple, apart: float
) -> str:
    """The paper's confidence drops and ours by epoch, and which reading of Table 3 is nearest.

    `reading` and `apart` come from `gradcam_training_readings.nearest_reading`.
    """
    pixels, grid, count, probability = reading
    return (
        "*Mean confidence drop ± half the width of its 95 % interval.* The paper has "
        + ", ".join(f"{drop} (epoch {epoch})" for epoch, drop in paper.items())
        + "; ours at 20 black pixels of the original image are "
        + ", ".join(f"{drop:.4f} (epoch {epoch})" for epoch, drop in ours.items())
        + f". Of all readings *{count} {pixels} pixels of the {grid} image, {probability} "
        f"probability* lies nearest to the paper's four numbers, {apart:.4f} away at most."
    )
