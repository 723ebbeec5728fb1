"""Sentences, tables and charts of the chapter on training stages, on made-up rows."""

import json

import numpy as np
import pandas as pd
import pytest
from IPython.display import Markdown

from helpers.inputs import checkpoints, cifar, classifiers, recipes
from helpers.report import claims, registration
from helpers.report.chapters import gradcam_training as show
from helpers.report.chapters import gradcam_training_captions as captions
from helpers.report.chapters import gradcam_training_charts as charts
from helpers.report.chapters import gradcam_training_claims as claimed
from helpers.report.chapters import gradcam_training_readings as open_questions
from helpers.report.chapters import gradcam_training_tables as layout
from helpers.store import paths
from helpers.trials import training_stages_shards as shards

CHAPTER = "gradcam_training"
LOOKS = pd.DataFrame(
    {
        "rule": ["worse in most tests"] * 2 + ["worst in a picture"] * 2,
        "checkpoints": ["as they are", "exchanged at random"] * 2,
        "share": [12.0, 20.0, 31.0, 40.0],
        "low": [10.0, 19.0, 28.0, 38.0],
        "high": [14.0, 21.0, 35.0, 42.0],
    }
)


def judged(value: float = 2.0) -> pd.DataFrame:
    """Made-up measurements of the rows that the verdict tells, judged by the chapter's claims."""
    keys = [f"{name}_{c}" for name in ("stable", "overfit") for c in show.CORRUPTIONS]
    rows = [
        claims.measurement(key, claims.INDEPENDENT, value, value - 1, value + 1, 9)
        for key in ["object_0_1", *keys]
    ]
    return claims.judge(pd.DataFrame(rows), CHAPTER)


# --- the verdict ---


def test_each_corruption_is_told_with_its_own_verdict():
    rows = judged().drop_duplicates("key").set_index("key")
    rows.loc["overfit_rotation", "verdict"] = claims.INCONCLUSIVE

    text = show.rows_sentence(rows, "overfit", "Accuracy")

    assert text == (
        "Accuracy: +2 [+1, +3] points (not reproduced) under noise, +2 [+1, +3] points "
        "(inconclusive) under rotation and +2 [+1, +3] points (not reproduced) under occlusion."
    )


def test_a_row_that_was_not_run_has_no_number():
    rows = claims.judge(claims.Measurements().table(), CHAPTER).set_index("key")

    assert "not run under noise, not run under rotation" in show.rows_sentence(rows, "stable", "x")


def test_verdict_tells_network_robustness_look_focus_and_consistency():
    sentences = show.verdict(
        judged(), "net", show.origin(18_000, True), [20], 20, LOOKS
    )  # fmt: skip

    assert (
        "a stand-in, `net`, taken from the committed checkpoints, trained on 18,000" in sentences[0]
    )
    assert "Accuracy of the 20-epoch model less the 3-epoch one's: +2" in sentences[1]
    assert "worse in most tests in 12 % [10, 14] of draws, and in 20 % [19, 21]" in sentences[2]
    assert "untrained one: +2 [+1, +3] points (reproduced)." in sentences[3]
    assert "(not reproduced) under occlusion" in sentences[4]  # which the paper says is less


@pytest.mark.parametrize(
    ("epochs", "says"),
    [
        ([20], "one training, so that the intervals do not say how another would differ."),
        ([20, 20, 3], "3 trainings to epoch 3, 2 of them to epoch 20."),
    ],
)
def test_the_network_sentence_counts_trainings(epochs, says):
    assert show.network_sentence("efficientnet_b0", "x", epochs, 20).endswith(says)


def test_nothing_drawn_is_said():
    assert "was not measured" in show.look_sentence(LOOKS.iloc[:0], 20)
    assert "nothing can be drawn" in captions.looks_sentence(LOOKS.iloc[:0])


def test_both_rules_of_the_look_are_told():
    text = captions.looks_sentence(LOOKS)

    assert "*worse in most tests* in 12 % [10, 14] of the looks" in text
    assert text.endswith("exchanged at random in 40 % [38, 42].")


@pytest.mark.parametrize(
    ("epochs", "others", "says"),
    [
        ([20], [], "**One training.** Its intervals are over images"),
        ([20, 3, 3], ["net"], "**3 trainings**, of which 1 go to epoch 20"),
    ],
)
def test_trainings_are_counted(epochs, others, says):
    text = captions.trainings_sentence(epochs, 20, others)

    assert text.startswith(says)
    assert ("No second network" in text) == (not others)


# --- rows ---


def estimates(*rows) -> pd.DataFrame:
    columns = ["key", "reading", "value", "low", "high", "n", "trainings"]
    return pd.DataFrame([(*row, 9, 1) for row in rows], columns=columns)


def test_table_1_is_measured_only_where_it_may_be_and_final_is_epoch_20():
    found = estimates(("test_20", "", 92, 91, 93), ("gain_1_2", "", 1, 0, 2))

    assert [r["key"] for r in claimed.measurements(found, table_1=False)] == ["gain_1_2"]
    keys = [r["key"] for r in claimed.measurements(found, table_1=True)]
    assert keys == ["test_20", "gain_1_2", "test_final"]


def test_an_accuracy_has_no_interval_beyond_a_hundred_percent():
    found = estimates(("train_20", "", 99.7, 97.5, 101.9), ("gain_1_2", "", 1, -101, 102))

    rows = {row["key"]: row for row in claimed.measurements(found, table_1=True)}

    assert (rows["train_20"]["low"], rows["train_20"]["high"]) == (97.5, 100)
    assert (rows["train_final"]["low"], rows["train_final"]["high"]) == (97.5, 100)
    assert (rows["gain_1_2"]["low"], rows["gain_1_2"]["high"]) == (-101, 102)  # a difference
    assert layout.accuracy_curve(found[:1]).high.item() == 100


def test_each_training_stands_by_itself_in_the_main_reading():
    reported = claims.reported("gradcam_training")
    one = estimates(
        ("overfit_noise", "", 7.5, 1, 2), ("overfit_noise", "x=1", 3, 1, 2),
        ("gain_1_2", "", 4, 1, 2), ("overfit_more", "", 5, 1, 2),
    )  # fmt: skip
    other = estimates(("overfit_rotation", "", -1.25, 1, 2))

    table = claimed.by_training({"seed 0": one, "seed 1": other}, reported, "overfit_")

    says = reported.says
    assert table.to_dict() == {
        "seed 0": {says["overfit_noise"]: "7.5", says["overfit_rotation"]: "–"},
        "seed 1": {says["overfit_noise"]: "–", says["overfit_rotation"]: "-1.25"},
    }


def test_second_networks_have_readings_of_the_rows_that_carry_a_conclusion():
    reported = claims.reported(CHAPTER)
    found = estimates(("overfit_noise", "", 1, 0, 2), ("robust_noise", "", 1, 0, 2))

    made = claimed.second_readings(found, "other", lambda key: {"grid": "original"}, reported)

    assert [(r["key"], r["reading"]) for r in made] == [
        ("overfit_noise", "grid=original; network=other")
    ]


def readings_of(*rows) -> pd.DataFrame:
    made = [claims.reading(k, claims.INDEPENDENT, c, v, v - 1, v + 1, 9) for k, c, v in rows]
    measured = claims.Measurements()
    measured["x"] = made
    return measured.readings()


def test_networks_stand_beside_the_chapters_own():
    own, other = {"grid": "original", "network": "own"}, {"grid": "original", "network": "other"}
    readings = readings_of(
        ("overfit_noise", own, 2.0), ("overfit_noise", own | {"grid": "enlarged"}, 3.0),
        ("overfit_noise", other, -4.0),
    )  # fmt: skip

    table = claimed.networks_table(readings, judged())

    assert list(table.columns) == ["this network", "other"]
    assert table.iloc[0].tolist() == ["2 [1, 3] points", "-4 [-5, -3]"]
    assert "no second network" in claimed.networks_table(readings.iloc[:2], judged()).iloc[0, 0]


def test_strengths_are_told_in_their_order():
    base = {"measure": "accuracy", "against": "epoch 3", "grid": "original"}
    readings = readings_of(
        ("overfit_noise", base | {"strength": "0.1"}, 2.0),
        ("overfit_noise", base | {"strength": "0.02"}, 1.0),
        ("overfit_noise", base | {"strength": "0.02", "grid": "enlarged"}, 7.0),
    )

    table = claimed.by_strength(readings)

    assert table.index.tolist() == [("noise", 0.02), ("noise", 0.1)]
    assert table.iloc[0, 0] == "1.0 [0.0, 2.0]"


def test_shares_tell_in_how_many_readings_a_row_holds():
    readings = readings_of(
        ("overfit_noise", {"grid": "original"}, 2.0), ("overfit_noise", {"grid": "enlarged"}, -2.0)
    )
    measured = pd.DataFrame([claims.measurement("overfit_noise", "B", 2, 1, 3, 9)])

    table = claimed.shares(claims.judge(measured, CHAPTER, readings), "overfit_noise")

    assert table.iloc[0].tolist() == [
        "2 [1, 3] points", "not reproduced", "1 of 2 readings", "grid", "± depends on the reading",
    ]  # fmt: skip


def test_looks_are_shares_within_bounds():
    found = estimates(
        ("look: r", "stages=as they are", 1, -2, 4), ("look: r", "stages=exchanged", 99, 97, 101)
    )

    table = claimed.looks(found, ["r"])

    assert table.low.tolist() == [0, 97]
    assert table.high.tolist() == [4, 100]


def test_a_quantity_counted_elsewhere_is_not_tallied():
    rows = claims.judge(claims.Measurements().table(), CHAPTER)

    assert claimed.tally(rows).to_numpy().sum() == (rows.same_as == "").sum()


def test_what_is_folded_is_escaped():
    assert "<summary>a &lt; b</summary>" in claimed.folded("table", "a < b")


def test_a_withdrawn_row_is_no_claim_any_more():
    gone = registration.withdrawn(CHAPTER)

    assert {"fig13_0", "mistakes_focus", "centre_0_1"} <= set(gone)
    assert not set(gone) & set(claims.reported(CHAPTER).index)


def test_the_paper_is_read_as_it_says():
    reported = claims.reported(CHAPTER)

    assert reported.bound["stable_occlusion"] == "below"  # "extremely random" after 20 epochs
    assert reported.bound["stable_noise"] == "above"
    assert reported.bound["overfit_noise"] == "below"
    assert reported.needs["six_right"] == "selection"
    figures = reported[reported.index.str.match(r"fig\d")]
    assert (figures.bound == "binomial").all()
    assert (figures.rounds == np.where(figures.index.str.startswith("fig13"), 1, 3)).all()


# --- captions, tables and charts ---


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


def test_drops_are_told_beside_the_nearest_reading_and_no_drop_at_all():
    paper = {1: 0.1, 20: 0.25}
    readings = pd.DataFrame(
        [
            ("drop_1", "pixels=black", 0.1, 0, 1), ("drop_20", "pixels=black", 0.2, 0, 1),
            ("drop_1", "pixels=blurred", 0.0, 0, 1), ("drop_20", "pixels=blurred", 0.3, 0, 1),
        ],
        columns=["key", "reading", "value", "low", "high"],
    )  # fmt: skip
    measured = pd.DataFrame({"key": ["drop_1", "drop_20"], "value": [0.1, 0.2]})

    text = captions.drops_sentence(paper, measured, readings)

    assert "nearest of 2 readings, *pixels black*, is 0.0500 away" in text
    assert "no drop at all would be 0.2500 away" in text
    assert "was not measured" in captions.drops_sentence(paper, measured.iloc[:1], readings)


def test_table_3_has_a_row_a_reading():
    readings = readings_of(
        ("drop_1", {"pixels": "black", "count": "20"}, 2.0),
        ("drop_20", {"pixels": "black", "count": "20"}, 3.0),
    )

    table = open_questions.drop_table(readings)

    assert table.loc[("black", "20"), "epoch 20"] == "3.0000 [2.0000, 4.0000]"
    assert open_questions.drop_table(readings.iloc[:0]).empty


def test_a_choice_without_a_second_option_is_no_column_of_table_3():
    readings = readings_of(
        *((f"drop_{epoch}", {"pixels": "black", "count": count}, 2.0)
          for epoch in (1, 20) for count in ("5", "20"))
    )  # fmt: skip

    table = open_questions.drop_table(readings)

    assert table.index.names == ["count"]
    assert table.index.tolist() == ["5", "20"]


def test_accuracy_table_joins_the_papers_epochs():
    curve = layout.accuracy_curve(
        estimates(
            *((f"{s}_{e}", "", 90, 89, 91) for e in (1, 6, 20) for s in ("test", "train")),
            ("test_final", "", 1, 0, 2), ("gain_1_2", "", 1, 0, 2),
        )
    )  # fmt: skip

    table = layout.accuracy_table(curve, claims.reported(CHAPTER))

    assert list(table.index) == [1, 20]
    assert table.loc[1, "test, paper"] == 87.78
    assert set(curve.epoch) == {1, 6, 20}


def test_focus_table_counts_maps_without_mass():
    maps = np.array([[[0.0, 0.0]], [[1.0, 0.0]]])

    table = layout.focus_table({"a": ({"object": (2.0, 1.0, 3.0)}, maps)})

    assert table.loc["a", "object (%)"] == "2.00 [1.00, 3.00]"
    assert table.loc["a", "maps without mass"] == 1


def test_readings_chart_is_drawn_or_said_to_be_missing():
    reported = claims.reported(CHAPTER)
    rows = readings_of(
        ("overfit_noise", {"grid": "original"}, 2.0), ("overfit_noise", {"grid": "enlarged"}, -2.0)
    )

    assert charts.readings(rows, reported, "overfit_noise", "points").to_dict()
    assert isinstance(charts.readings(rows, reported, "robust_noise", "points"), Markdown)


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


def test_the_published_run_took_the_committed_training_as_its_first():
    told = json.loads((paths.MODELS / f"{CHAPTER}.json").read_text())
    values = claims.run_card(CHAPTER)["parameters"]
    recipe = recipes.Recipe(**{name: values[name] for name in recipes.Recipe._fields})
    file = paths.RESULTS / f"{CHAPTER}-trainings" / shards.file_name(recipe)
    shard = shards.read(file.parent, recipe, json.loads(file.read_text())["measured"])

    assert told["recipe"] == recipe._asdict()
    main = shard.rows[shard.rows.reading == ""].set_index("key").value
    assert main["train_1"] == pytest.approx(100 * told["epochs"]["1"]["right"], abs=1e-4)


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
