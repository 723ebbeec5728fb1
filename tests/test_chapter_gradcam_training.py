import itertools
import json

import numpy as np
import pandas as pd
import pytest

from helpers.inputs import checkpoints, cifar, classifiers, recipes
from helpers.report import claims
from helpers.report.chapters import gradcam_training as show
from helpers.report.chapters import gradcam_training_captions as captions
from helpers.report.chapters import gradcam_training_charts as charts
from helpers.report.chapters import gradcam_training_readings as open_questions
from helpers.report.chapters import gradcam_training_tables as layout
from helpers.store import paths

CHAPTER = "gradcam_training"
OUTCOMES = (claims.REPRODUCED, claims.NOT_REPRODUCED, claims.INCONCLUSIVE, claims.NOT_RUN)
AGREEMENT = pd.DataFrame(
    {"gaussian noise 0.1": [0.6], "rotation 30": [0.75], "another image": [0.62]}, ["epoch 20"]
)


def judged(verdicts: dict[str, str]) -> pd.DataFrame:
    """Made-up rows: not run unless `verdicts` says otherwise."""
    keys = [f"{name}_{c}" for name in ("stable", "overfit") for c in show.CORRUPTIONS]
    rows = []
    for key in ["object_0_1", *keys]:
        verdict = verdicts.get(key, claims.NOT_RUN)
        value = np.nan if verdict == claims.NOT_RUN else 2.0
        rows.append(
            {"key": key, "verdict": verdict, "value": value, "low": value - 1, "high": value + 1,
             "unit": "points"}
        )  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize("verdicts", list(itertools.product(OUTCOMES, repeat=3)))
def test_robustness_says_of_each_corruption_its_own_verdict(verdicts):
    rows = judged(
        {f"overfit_{c}": v for c, v in zip(show.CORRUPTIONS, verdicts, strict=True)}
    ).set_index("key")

    text = show.robustness_sentence(rows, 20).partition(";")[0]

    said = text.removeprefix("That the 20-epoch model is less robust than the 3-epoch one ")
    for phrase in said.replace("does not hold", "fails").split(" under ")[0:1]:
        assert phrase in ("holds", "fails", "stays open", "was not measured")
    for corruption, verdict in zip(show.CORRUPTIONS, verdicts, strict=True):
        before = said[: said.index(corruption)]
        last = max(show.OUTCOMES.values(), key=before.rfind)
        assert last == show.OUTCOMES[verdict]


def test_what_holds_for_no_corruption_is_not_said_to_hold_for_some():
    rows = judged(
        {
            "overfit_noise": claims.NOT_REPRODUCED,
            "overfit_rotation": claims.INCONCLUSIVE,
            "overfit_occlusion": claims.NOT_REPRODUCED,
        }
    )

    text = show.robustness_sentence(rows.set_index("key"), 20)

    assert "does not hold under noise and occlusion and stays open under rotation;" in text
    assert "only" not in text


def test_consistency_sets_copies_beside_another_image():
    rows = judged({f"stable_{c}": claims.REPRODUCED for c in show.CORRUPTIONS}).set_index("key")

    text = show.consistency_sentence(rows, AGREEMENT.loc["epoch 20"], 20)

    assert "accuracy holds under noise, rotation and occlusion (noise +2 [+1, +3] points," in text
    assert "two different images agree by 0.62" in text
    assert "corrupted copy by 0.60 to 0.75." in text


@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        (claims.REPRODUCED, "moves Grad-CAM onto the object (+2 [+1, +3] points of its mass)"),
        (claims.NOT_REPRODUCED, "does not move Grad-CAM onto the object ("),
        (claims.INCONCLUSIVE, "does not clearly move Grad-CAM ("),
        (claims.NOT_RUN, "the last convolution, the first epoch was not measured; at `b`"),
    ],
)
def test_verdict_tells_where_the_first_epoch_moves_the_map(verdict, says):
    moves = {"a": ((2, 1, 3), (0, 0, 0)), "b": ((-2, -3, -1), (0, 0, 0))}
    rows = judged({"object_0_1": verdict})

    sentences = show.verdict(rows, "net", show.origin(18_000, True), moves, AGREEMENT, 20)

    assert says in sentences[1]
    assert sentences[1].endswith("The sign depends on the layer, which the paper does not name.")
    assert "at `b` it moves by -2 [-3, -1] points" in sentences[1]
    assert "Of 7 claims" in sentences[0]
    assert (
        "a stand-in, `net`, taken from the committed checkpoints, trained on 18,000" in sentences[0]
    )


def test_verdict_says_off_the_object_where_the_whole_interval_is_negative():
    rows = judged({"object_0_1": claims.NOT_REPRODUCED})
    rows.loc[0, ["value", "low", "high"]] = (-4.4, -4.7, -4.1)

    sentences = show.verdict(
        rows, "efficientnet_b0", "x", {"a": ((-4, -5, -4), None)}, AGREEMENT, 20
    )

    assert "moves Grad-CAM *off* the object (-4.4 [-4.7, -4.1] points" in sentences[1]
    assert sentences[1].endswith("The layers agree on the sign of the first epoch's move.")
    assert "the network is the paper's, x." in sentences[0]


def test_verdict_counts_every_outcome():
    rows = judged({"object_0_1": claims.REPRODUCED, "stable_noise": claims.INCONCLUSIVE})

    first = show.verdict(rows, "net", "x", {"a": ((0, -1, 1), None)}, AGREEMENT, 20)[0]

    assert "Of 7 claims **1** are reproduced, 0 are not, 1 are open and 5 were not run" in first


def test_finding_is_the_verdict_on_consistency_and_robustness():
    rows = judged({})

    sentences = show.verdict(rows, "net", "x", {"a": ((0, -1, 1), None)}, AGREEMENT, 20)

    assert show.finding(rows, AGREEMENT, 20) == " ".join(sentences[2:])


@pytest.mark.parametrize(
    ("second", "says"),
    [
        ((5, 4, 6), "The layers agree on the sign"),
        ((-5, -6, -4), "The sign depends on the layer"),
        ((1, -1, 3), "The sign of the first epoch's move is open at `b`."),
        ((np.nan, np.nan, np.nan), "The sign of the first epoch's move is open at `b`."),
    ],
)
def test_layers_agree_only_where_their_intervals_do(second, says):
    text = show.layers_sentence({"a": ((2, 1, 3), (0, -1, 1)), "b": (second, (0, -1, 1))}, 20)

    assert says in text
    assert "at `a` by +2.0 [+1.0, +3.0] points in the first epoch and by +0.0 [-1.0, +1.0]" in text


def gaps(ours: list[float], larger: float | None = None) -> pd.DataFrame:
    rows = [{"input": 96, "epoch": e, "gap (points)": g} for e, g in enumerate(ours, 1)]
    rows += [] if larger is None else [{"input": 128, "epoch": 1, "gap (points)": larger}]
    return pd.DataFrame(rows)


def test_gap_sentence_without_a_training():
    assert "needs a training" in captions.gap_sentence(pd.DataFrame(), 96)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (gaps([-1, -2, -2.2]), "At epoch 1 and 2 within 2 points of the paper."),
        (gaps([-5, -4]), "At none of these epochs within 2 points of the paper."),
        (gaps([-0.25, -2.2], 2.43), "changes by +2.7 points: a larger input could close it."),
        (gaps([-1, -9], 1), "changes by +2.0 points: a larger input alone does not close it."),
        (gaps([1, 3], 0), "No epoch is below the paper. With 128 pixels instead of 96"),
    ],
)
def test_gap_sentence_follows_the_rows(frame, says):
    assert says in captions.gap_sentence(frame, 96)


def test_pilot_sentence_takes_the_nearest_cell_or_says_there_is_none():
    reported = claims.reported(CHAPTER)
    cells = [
        {"input": 96, "learning rate": "0.003", "distance (points)": 9.0, "seconds": 60},
        {"input": 128, "learning rate": "0.01", "distance (points)": 5.0, "seconds": 30},
    ]

    assert "Nearest are 128 pixels with a rate of 0.01, at 10 ms an image" in (
        captions.pilot_sentence(cells, 1000, 3, reported, 96, 0.01)
    )
    assert "not part of this profile" in captions.pilot_sentence([], 0, 3, reported, 96, 0.01)


def test_captions_of_accuracy_and_network_name_their_origin():
    few = captions.accuracy_caption(18_000, True, 20)
    all_of_them = captions.accuracy_caption(50_000, False, 10_000)

    assert "committed checkpoints" in few
    assert "one of its epochs is 2.8 of ours" in few
    assert "committed" not in all_of_them
    assert "of ours" not in all_of_them
    assert "stand-in" in captions.network_sentence("net", 5, True, 96)
    assert "stand-in" not in captions.network_sentence("efficientnet_b0", 5, False, 96)
    assert "random weights" in captions.network_sentence("efficientnet_b0", 5, False, 96)


def test_mistakes_sentence_without_a_mistake():
    assert captions.mistakes_sentence(0, np.nan, np.nan).endswith(
        "makes no mistake on these images."
    )
    assert "Of the 1,247 mistakes" in captions.mistakes_sentence(1247, 86, 50)


def test_falls_are_told_as_changes_of_accuracy():
    text = captions.falls_sentence({"noise": {3: (60, 50, 70), 20: (-5, -8, -1)}}, 20)

    assert "of the 3-epoch model changes by -60.0 points" in text
    assert "of the 20-epoch one by +5.0 [+1.0, +8.0]." in text


def test_nearest_reading_is_the_one_whose_largest_distance_is_least():
    readings = [
        open_questions.reading_row(corruption, "original", 20, "largest", stage, (mean, 0, 1))
        for corruption, means in (("occlusion", (0.1, 0.2)), ("blurred occlusion", (0.0, 0.3)))
        for stage, mean in zip((1, 20), means, strict=True)
    ]

    reading, apart = open_questions.nearest_reading(readings, {1: 0.1, 20: 0.25})
    table = open_questions.drop_table(readings, layout.stage_names([1, 20]))

    assert reading == ("black", "original", 20, "largest")
    assert apart == pytest.approx(0.05)
    assert table.loc[("blurred", "original", 20, "largest"), "epoch 20"] == "0.3000 ± 0.5000"


def test_interval_table_keeps_the_order_of_rows_and_other_columns():
    rows = [
        {**row, "cells": 3}
        for name in ("z", "a")
        for row in layout.estimate_rows(([1.0, 2.0], [0.0, 1.0], [2.0, 3.0]), ["p", "q"], map=name)
    ]

    table = layout.interval_table(rows, ["map"], {"p": 1, "q": 2})

    assert list(table.index) == ["z", "a"]
    assert list(table.columns) == ["cells", "p", "q"]
    assert table.loc["a", "q"] == "2.00 [1.00, 3.00]"


def test_accuracy_table_and_claims_join_the_papers_epochs():
    reported = claims.reported(CHAPTER)
    curve = pd.DataFrame(
        [
            layout.accuracy_row(e, s, (90, 89, 91), 10)
            for e in (1, 6, 20)
            for s in ("test", "training")
        ]
    )

    table = layout.accuracy_table(curve, reported)
    keys = [row["key"] for row in layout.accuracy_claims(curve, reported)]

    assert list(table.index) == [1, 20]
    assert table.loc[1, "test, paper"] == 87.78
    assert keys == ["test_1", "train_1", "test_20", "test_final", "train_20", "train_final"]


def test_share_interval_is_the_normal_one():
    assert layout.share_interval(0.5, 100) == pytest.approx((50, 40.2, 59.8))


def test_slider_has_a_frame_for_each_picture_and_stage():
    picture = np.zeros((4, 4, 3))
    strips = {0: ([picture] * 2, ["cat", "dog"]), 7: ([picture] * 2, ["cat", "cat"])}

    frames = charts.stage_frames(strips, [950, 799], ["cat", "dog"])

    assert [(f["number"], f["epoch"], f["right"]) for f in frames] == [
        (0, 0, True), (0, 0, True), (1, 7, True), (1, 7, False),
    ]  # fmt: skip
    assert charts.stage_slider(frames).to_dict()


def test_committed_training_is_described_as_its_checkpoints_are():
    committed = recipes.committed_training(CHAPTER)

    for epoch, file in committed.files.items():
        record = checkpoints.checkpoint_record(file)
        assert record["right"] == committed.records[epoch]["right"]
        assert record["loss"] == committed.records[epoch]["loss"]
        right = record["right"] * committed.recipe.train_images
        assert abs(right - round(right)) < 1e-6  # a count of images, so of this many images


def test_committed_training_is_not_the_published_run_of_all_images():
    """The page of 50,000 training images has 76.75 %; these checkpoints are of 18,000."""
    told = json.loads((paths.MODELS / f"{CHAPTER}.json").read_text())
    published = claims.results(CHAPTER).set_index("key").value["train_1"]

    assert told["recipe"]["train_images"] != 50_000
    assert abs(100 * told["epochs"]["1"]["right"] - published) > 10


def test_committed_checkpoint_is_right_on_most_of_foolboxs_images():
    committed = recipes.committed_training(CHAPTER)
    images = cifar.foolbox_cifar10()

    logits = classifiers.logits(recipes.network_after(committed, 20), images.pixels)

    assert int((logits.argmax(1) == images.labels).sum()) == 19


def test_the_wanted_recipe_decides_whether_the_checkpoints_are_taken(monkeypatch):
    committed = recipes.committed_training(CHAPTER)
    count = committed.recipe.train_images
    images = cifar.Images(np.empty(count), np.empty(count))

    assert recipes.train_or_load(committed.recipe, images, CHAPTER, committed) is committed

    class Trained(Exception):
        pass

    def refuse(*arguments, **named):
        raise Trained

    monkeypatch.setattr(recipes, "network_at_start", refuse)
    for other in ({"lr": 0.02}, {"seed": 1}, {"epochs": 4}, {"image_size": 128}):
        with pytest.raises(Trained):
            recipes.train_or_load(committed.recipe._replace(**other), images, CHAPTER, committed)
    with pytest.raises(ValueError, match="18000 training images; the recipe wants 50000"):
        recipes.train_or_load(
            committed.recipe._replace(train_images=50_000), images, CHAPTER, committed
        )


def test_a_recipe_that_differs_is_refused_with_the_difference():
    recipe = recipes.committed_training(CHAPTER).recipe

    recipes.check_same(recipe._replace(seed=3), recipe, but=("seed",))
    with pytest.raises(ValueError, match=r"lr 0\.1, not 0\.01"):
        recipes.check_same(recipe._replace(lr=0.1), recipe)


def test_an_epoch_that_is_not_kept_is_refused():
    with pytest.raises(KeyError, match="epoch 4 is not kept; there are 0, 1, 2, 3, 20"):
        recipes.network_after(recipes.committed_training(CHAPTER), 4)
