"""Captions of the chapter on training stages (Arya 2024): what a table or chart shows, in numbers.

``reported`` is the paper's table as :func:`helpers.report.claims.reported` gives it. An estimate is
(mean, low, high), a 95 % interval.
"""

from collections.abc import Mapping

import pandas as pd

from helpers.report.chapters.gradcam_training import PAPERS_NETWORK, listed, origin

PIXELS = 32  # a side, of CIFAR-10's images


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


def trainings_sentence(epochs: list[int], last: int, others: list[str]) -> str:
    """How many trainings there are, how far each goes, and which second networks."""
    long = sum(count >= last for count in epochs)
    if len(epochs) == 1:
        text = "**One training.** Its intervals are over images; how another training would differ "
        text += "they do not tell."
    else:
        text = f"**{len(epochs)} trainings**, of which {long} go to epoch {last}: rows on that "
        text += f"epoch rest on {long}, rows on the first epochs on all."
    second = f"Second networks: {listed(others)}." if others else "No second network in this run."
    return f"{text} {second}"


def looks_sentence(looks: pd.DataFrame) -> str:
    """How often the author's procedure shows the last model as worst (`claimed.looks`)."""
    if looks.empty:
        return "*No image is classified correctly by all checkpoints, so nothing can be drawn.*"
    parts = []
    for rule, rows in looks.groupby("rule", sort=False):
        ours, chance = (f"{r.share:.0f} % [{r.low:.0f}, {r.high:.0f}]" for r in rows.itertuples())
        parts.append(f"The 20-epoch model comes out *{rule}* in {ours} of the looks; with the ")
        parts.append(f"checkpoints exchanged at random in {chance}. ")
    return "".join(parts).strip()


def six_sentence(right: int, of: int, untrained: int, cells: str) -> str:
    """How many of the six images the stages get right; `cells` is the maps' size in words."""
    return (
        "*Grad-CAM of the predicted class, from 0 (dark blue) to the map's own maximum (yellow), "
        "over the image in gray; below each the prediction.* "
        f"The trained models classify {right} of {of} correctly, the untrained one {untrained} of "
        f"6. A map has {cells}, so a bright corner is one cell; the paper speaks of "
        f"whiskers and wings, of images {PIXELS} pixels wide."
    )


def focus_sentence(share: Mapping[str, float], names: Mapping[int, str], images: int) -> str:
    """How the mean share of mass on the object (%) goes over the stages, beside two controls.

    `share` is by map: the stages by their `names` (epoch: name), and the controls.
    """
    stages = list(names)
    over = [f"{share[names[s]]:.1f} % ({names[s]})" for s in (stages[0], stages[1], stages[-1])]
    return (
        f"*Mean over {images:,} test images with 95 % intervals; above the stages, below them "
        "controls.* The share on the object goes from "
        f"{over[0]} over {over[1]} to {over[2]}; the edges of the image have "
        f"{share['edges of the image']:.1f} %, and a bump in the middle that sees neither image "
        f"nor network {share['a bump in the middle']:.1f} %."
    )


def drops_sentence(
    paper: Mapping[int, float], measured: pd.DataFrame, readings: pd.DataFrame
) -> str:
    """The paper's confidence drops, ours in the title's reading, and in the nearest reading.

    `measured` and `readings` are frames of `claims.Measurements`; `paper` is by epoch. The nearest
    reading is the one whose largest distance from one of the paper's numbers is smallest.
    """
    main = measured.set_index("key").value
    if not {f"drop_{epoch}" for epoch in paper} <= set(main.index):
        return "*The confidence drop of the last epoch was not measured.*"
    ours = ", ".join(f"{main[f'drop_{epoch}']:.4f} (epoch {epoch})" for epoch in paper)
    theirs = ", ".join(f"{drop} (epoch {epoch})" for epoch, drop in paper.items())
    keys = {f"drop_{epoch}": drop for epoch, drop in paper.items()}
    wide = readings[readings.key.isin(keys)].pivot(index="reading", columns="key", values="value")
    apart = (wide[list(keys)] - pd.Series(keys)).abs().max(axis=1)
    zero = max(paper.values())
    return (
        "*Mean confidence drop with its 95 % interval.* "
        f"The paper has {theirs}; ours in the title's reading are {ours}. The nearest of "
        f"{len(wide)} readings, *{apart.idxmin().replace('=', ' ')}*, is {apart.min():.4f} away at "
        f"most from the paper's numbers; no drop at all would be {zero:.4f} away."
    )
