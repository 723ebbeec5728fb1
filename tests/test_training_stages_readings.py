"""From outcomes to numbers in every reading: by hand, on outcomes made up."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from two_layers import TwoLayers

from helpers.inputs import cifar, recipes
from helpers.measures import trainings
from helpers.measures.trainings import Estimate
from helpers.trials import training_stages as stages
from helpers.trials import training_stages_alone as alone
from helpers.trials import training_stages_figures as figures
from helpers.trials import training_stages_networks as networks_of
from helpers.trials import training_stages_outcomes as outcomes
from helpers.trials import training_stages_procedure as procedure
from helpers.trials import training_stages_robustness as robustness
from helpers.trials import training_stages_rows as rows
from helpers.trials import training_stages_shards as shards
from helpers.trials import training_stages_survey as survey
from helpers.trials.training_stages import CLEAN, Setting
from helpers.trials.training_stages_outcomes import PAPER, Layers, Outcomes
from helpers.trials.training_stages_rows import Row

RECIPE = recipes.Recipe("net", True, 96, 0.01, 0.9, 64, 0, 100, 20)


def logits_of(predictions):
    """Logits whose largest probability is 0.75, for these classes of two."""
    return torch.tensor([[np.log(3), 0.0] if p == 0 else [0.0, np.log(3)] for p in predictions])


def seen(by_setting, count=4, maps=None):
    """Outcomes of two classes, all images of class 0; predictions by stage and setting."""
    logits = {key: logits_of(predictions) for key, predictions in by_setting.items()}
    masks = torch.zeros(count, 32, 32, dtype=torch.bool)
    masks[:, :16] = True
    return Outcomes(
        sorted({stage for stage, _ in by_setting}), torch.zeros(count, dtype=torch.long), logits,
        maps or {}, masks,
    )  # fmt: skip


def by_reading(found, key, **reading):
    """The estimate of the one row of a claim that has these options."""
    (row,) = [r for r in found if r.key == key and reading.items() <= r.reading.items()]
    return row.estimate


# --- outcomes ---


def test_logits_in_chunks_are_those_of_all_images_at_once(generator, monkeypatch):
    pixels = torch.randint(0, 256, (7, 3, 16, 16), generator=generator, dtype=torch.uint8)
    networks = [TwoLayers().eval(), TwoLayers().eval()]
    networks[1].body[0].weight.data.mul_(2)
    monkeypatch.setattr(outcomes, "CHUNK", 3)

    for setting in (PAPER["noise"], PAPER["rotation"], outcomes.enlarged(PAPER["occlusion"])):
        found = outcomes.compute_logits(networks, pixels, setting, 16, 5)

        for number, network in enumerate(networks):
            expected = network(stages.corrupted(pixels, setting, 16, 5))
            assert torch.allclose(found[str(number)], expected, atol=1e-6)


def test_images_are_corrupted_once_for_all_networks(generator, monkeypatch):
    pixels = torch.randint(0, 256, (4, 3, 16, 16), generator=generator, dtype=torch.uint8)
    calls, corrupt = [], outcomes.corruptions.corrupt
    monkeypatch.setattr(
        outcomes.corruptions, "corrupt", lambda *given: calls.append(given[1]) or corrupt(*given)
    )

    outcomes.compute_logits([TwoLayers().eval()] * 3, pixels, PAPER["noise"], 16, 5)

    assert calls == ["gaussian noise"]


def test_what_is_measured_on_few_images_has_maps_at_the_last_layer_only_beside_the_papers():
    full, small = outcomes.mapped(full=True), outcomes.mapped(full=False)

    assert full["activated"] == [CLEAN]
    assert PAPER["noise"]._replace(strength=0.3) in full["last"]
    assert PAPER["noise"]._replace(strength=0.3) not in full["earlier"]
    assert small == {role: [CLEAN, *PAPER.values()] for role in ("last", "earlier")}


def test_right_and_probabilities_by_hand():
    made = seen({(1, CLEAN): [0, 1, 0, 0]})

    assert outcomes.right(made, 1).tolist() == [100, 0, 100, 100]
    assert outcomes.probability(made, 1) == pytest.approx([0.75] * 4)
    assert outcomes.probability(made, 1, true_class=True) == pytest.approx([0.75, 0.25, 0.75, 0.75])


def test_paired_goes_as_far_as_both_do():
    assert outcomes.paired(np.array([5.0, 6, 7]), np.array([1.0, 1])).tolist() == [4, 5]


def test_empty_maps_are_counted():
    maps = torch.ones(3, 2, 2)
    maps[1] = 0
    made = seen({(1, CLEAN): [0] * 3}, 3, {(1, CLEAN, "last"): maps})

    assert outcomes.empty_maps(made, 1, CLEAN) == 1


# --- accuracy under corruption ---


def test_compare_by_hand():
    setting = PAPER["noise"]
    made = seen({
        (3, CLEAN): [0, 0, 0, 1], (3, setting): [0, 0, 1, 1],
        (20, CLEAN): [0, 0, 0, 0], (20, setting): [1, 0, 1, 0],
    })  # fmt: skip

    found = robustness.compare(made, 20, 3, setting)

    assert found["accuracy"].tolist() == [-100, 0, 0, 100]
    assert found["loss of accuracy"].tolist() == [-100, 0, 0, 0]
    both = found["accuracy where both are right when clean"]
    assert both[:3].tolist() == [-100, 0, 0]
    assert np.isnan(both[3])


def robust_outcomes():
    """Epoch 20 is worse than epoch 3 under noise, and as good under the others."""
    made = {}
    for stage in (0, 1, 2, 3, 20):
        for setting in outcomes.settings_of_many():
            noisy = setting.corruption == "gaussian noise" and setting != CLEAN
            made[stage, setting] = [0, 0, 1, 1] if noisy and stage == 20 else [0, 0, 0, 1]
    return seen(made)


def test_overfit_is_negative_where_the_last_stage_is_worse():
    found = list(robustness.robustness_rows(robust_outcomes()))
    main = rows.main_reading("overfit_noise")

    assert by_reading(found, "overfit_noise", **main).value == -25
    assert by_reading(found, "overfit_rotation", **rows.main_reading("overfit_rotation")).value == 0
    assert by_reading(found, "robust_noise", **rows.main_reading("robust_noise")).value == 0
    against_mean = by_reading(found, "overfit_noise", **main | {"against": robustness.MEAN})
    assert against_mean.value == -25


def test_noise_is_hardest_where_its_accuracy_is_lowest():
    found = list(robustness.robustness_rows(robust_outcomes()))

    last = by_reading(
        found, "noise_hardest_rotation", **rows.main_reading("noise_hardest_rotation")
    )
    assert last.value == -25
    epoch_1 = {"measure": "accuracy", "stage": "epoch 1", "grid": "original"}
    assert by_reading(found, "noise_hardest_rotation", **epoch_1).value == 0


def test_a_short_training_has_no_row_of_the_last_stage():
    made = robust_outcomes()
    short = made._replace(stages=[0, 1, 2, 3])

    keys = {row.key for row in robustness.robustness_rows(short)}

    assert {"robust_noise", "robust_rotation", "robust_occlusion"} <= keys
    assert not any(key.startswith("overfit") for key in keys)


def test_a_drop_is_what_confidence_loses_and_negative_for_a_gain():
    occluded = PAPER["occlusion"]
    made = seen({
        (stage, setting): [0] * 4 for stage in (0, 1, 2, 3, 20) for setting in (CLEAN, occluded)
    })  # fmt: skip
    made.logits[20, occluded] = torch.tensor([[0.0, np.log(9)]] * 4)  # surely wrong

    found = list(robustness.drop_rows(made))
    title = rows.main_reading("drop_20")

    assert by_reading(found, "drop_20", **title).value == pytest.approx(0.75 - 0.9)
    assert by_reading(found, "drop_1", **title).value == pytest.approx(0)
    true_class = title | {"probability": "true class's"}
    assert by_reading(found, "drop_20", **true_class).value == pytest.approx(0.75 - 0.1)
    assert by_reading(found, "drop_20_over_3", **true_class).value == pytest.approx(0.65)


def test_accuracy_grows_by_paired_differences():
    right = {1: np.array([0.0, 100]), 2: np.array([100.0, 100]), 3: np.array([100.0, 0])}

    found = {
        row.key: row.estimate for row in robustness.accuracy_rows(right, {1: {"right": 0.5}}, 9)
    }

    assert found["gain_1_2"].value == 50
    assert found["gain_2_3"].value == -50
    assert found["train_1"] == Estimate(50, 0, 9)
    assert "plateau_15_20" not in found


# --- what maps show ---


def test_focus_less_a_strangers_is_zero_for_a_pattern_common_to_all():
    maps = torch.zeros(3, 2, 2)
    maps[:, 0, 0] = 1
    objects = torch.zeros(3, 32, 32, dtype=torch.bool)
    objects[:, :16] = True

    found = rows.focus_measures(maps, objects)

    assert (found["object"] > 50).all()
    assert found["object, less another image's map"] == pytest.approx([0, 0, 0])
    assert (found["concentration"] > 0).all()


def test_focus_rows_are_the_change_of_the_later_stage():
    upper, lower = torch.zeros(4, 2, 2), torch.zeros(4, 2, 2)
    upper[:, 0], lower[:, 1] = 1, 1
    maps = {(stage, CLEAN, "last"): lower if stage == 0 else upper for stage in (0, 1, 2, 3, 20)}
    made = seen({(stage, CLEAN): [0, 0, 0, 1] for stage in (0, 1, 2, 3, 20)}, maps=maps)

    found = list(rows.focus_rows(made))

    main = by_reading(found, "object_0_1", **rows.main_reading("object_0_1"))
    assert main.value > 30
    assert main.n == 4
    assert by_reading(found, "object_0_1", focus="object", images="right").n == 3
    assert by_reading(found, "object_1_20", **rows.main_reading("object_1_20")).value == 0


def test_the_change_of_agreement_counts_images_that_both_stages_have():
    before = np.array([0.5, 0.7, np.nan]), np.array([0.2, 0.4, 0.1])
    after = np.array([0.9, 0.9, 0.9]), np.array([0.6, 0.2, 0.1])

    raw = rows.corrected_change(before, after, corrected=False)
    corrected = rows.corrected_change(before, after, corrected=True)

    assert raw[:2] == pytest.approx([0.4, 0.2])
    assert np.isnan(raw[2])
    expected = (0.9 - 0.4) / 0.6 - (0.6 - 0.3) / 0.7
    assert np.nanmean(corrected) == pytest.approx(expected)


def test_maps_that_a_corruption_leaves_agree_fully(generator):
    maps = torch.rand(5, 3, 3, generator=generator)

    found = rows.levels_of(maps, maps, PAPER["noise"])

    assert found["own"].value == pytest.approx(1)
    assert found["corrected"].value == pytest.approx(1)
    assert found["another image's"].value < 0.9


def test_only_the_main_reading_is_main():
    main = rows.main_reading("overfit_noise")

    assert main["strength"] == "0.1"
    assert rows.is_main(Row("overfit_noise", main, Estimate(0, 0, 1)))
    for choice in main:
        assert not rows.is_main(Row("overfit_noise", main | {choice: "other"}, Estimate(0, 0, 1)))
    assert rows.is_main(Row("test_1", {}, Estimate(0, 0, 1)))


# --- four pictures, three rounds ---


def test_a_share_of_all_rounds_has_an_error():
    found = figures.share(np.ones(96))

    assert found.value == 100
    assert found.error == pytest.approx(100 * (0.98 * 0.02 / 100) ** 0.5)


def look_of(**rounds):
    """Rounds by corruption that are the same for all images: (stages, images, rounds)."""
    return {name: np.array(value)[:, None].repeat(2, 1) for name, value in rounds.items()}


def test_looks_count_the_rounds_of_one_image_a_picture(generator):
    right = look_of(
        noise=[[1, 1, 1], [0, 0, 0]], rotation=[[1, 1, 0], [1, 1, 1]], occlusion=[[1, 0, 0]] * 2
    )

    found = procedure.looks(right, np.array([0, 1]), 5, np.random.default_rng(0))

    assert found.shape == (5, 4, 2)
    assert (found == [[3, 0], [2, 3], [2, 3], [1, 1]]).all()


def test_rules_by_hand():
    paper = np.array([[[0, 0, 3, 0], [1, 2, 3, 3], [3, 3, 3, 2], [3, 3, 3, 0]]])
    fair = np.array([[[0, 0, 3, 2], [1, 2, 3, 3], [3, 3, 2, 3], [1, 3, 3, 3]]])

    assert procedure.worse_in_most_tests(paper).tolist() == [True]
    assert procedure.worst_in_a_picture(paper).tolist() == [True]
    assert procedure.worse_in_most_tests(fair).tolist() == [False]
    assert procedure.worst_in_a_picture(fair).tolist() == [False]


def test_odds_are_certain_where_every_look_shows_it_and_less_by_chance():
    always = look_of(
        noise=[[1] * 4] * 3 + [[0] * 4], rotation=[[1] * 4] * 3 + [[0] * 4],
        occlusion=[[1] * 4] * 4,
    )  # fmt: skip
    rule = procedure.worse_in_most_tests

    assert procedure.odds(always, np.array([0, 1]), rule, draws=5) == (100, 100, 100)
    by_chance = procedure.odds(always, np.array([0, 1]), rule, shuffled=True, draws=5, count=4000)
    assert by_chance.share == pytest.approx(25, abs=3)  # one of four places
    assert np.isnan(procedure.odds(always, np.array([], int), rule).share)


# --- shards ---


def shard(seed=0, epochs=20, value=1.0):
    table = shards.table([
        Row("gain_1_2", {}, Estimate(value, 0.5, 30)),
        Row("robust_noise", rows.main_reading("robust_noise"), Estimate(2.0, 0.1, 30)),
        Row("robust_noise", rows.main_reading("robust_noise") | {"grid": "enlarged"},
            Estimate(3.0, 0.1, 30)),
        Row("drop_1", {}, Estimate(np.nan, np.nan, 0)),
    ])  # fmt: skip
    return shards.Shard(RECIPE._replace(seed=seed, epochs=epochs), {"few": 3}, table)


def test_a_table_names_the_main_reading_twice_and_leaves_nothing_out_but_nothing():
    table = shard().rows

    assert table.key.tolist() == ["gain_1_2", "robust_noise", "robust_noise", "robust_noise"]
    assert table.reading.tolist()[:2] == ["", ""]
    assert "grid=enlarged" in table.reading[3]


def test_a_shard_comes_back_as_it_was_written(tmp_path):
    shards.write(tmp_path, shard())

    found = shards.read(tmp_path, RECIPE, {"few": 3})

    pd.testing.assert_frame_equal(found.rows, shard().rows)
    assert found.recipe == RECIPE


@pytest.mark.parametrize(
    ("wanted", "measured"),
    [
        (RECIPE._replace(lr=0.02), {"few": 3}),
        (RECIPE._replace(epochs=21), {"few": 3}),
        (RECIPE, {"few": 4}),
    ],
)
def test_a_shard_of_another_recipe_or_measurement_is_not_taken(tmp_path, wanted, measured):
    shards.write(tmp_path, shard())

    assert shards.read(tmp_path, wanted, measured) is None


def test_a_longer_training_serves_for_a_shorter_one_and_another_seed_does_not(tmp_path):
    shards.write(tmp_path, shard())

    assert shards.read(tmp_path, RECIPE._replace(epochs=3), {"few": 3}) is not None
    assert shards.read(tmp_path, RECIPE._replace(seed=1), {"few": 3}) is None


def test_a_shard_that_was_edited_is_refused(tmp_path):
    shards.write(tmp_path, shard())
    file = tmp_path / shards.file_name(RECIPE)
    told = json.loads(file.read_text())
    told["rows"][0][2] = 99.0
    file.write_text(json.dumps(told))

    with pytest.raises(ValueError, match="has changed since it was written"):
        shards.read(tmp_path, RECIPE, {"few": 3})


def test_combining_counts_the_trainings_that_have_a_row():
    long, short = shard(value=1.0).rows, shard(seed=1, epochs=3, value=3.0).rows
    short = short[short.key == "gain_1_2"]

    found = shards.combine([long, short]).set_index(["key", "reading"])

    assert found.loc[("gain_1_2", ""), "value"] == 2
    assert found.loc[("gain_1_2", ""), "trainings"] == 2
    assert found.loc[("robust_noise", ""), "trainings"] == 1
    both = [Estimate(1.0, 0.5, 30), Estimate(3.0, 0.5, 30)]
    assert found.loc[("gain_1_2", ""), "high"] == pytest.approx(trainings.over_trainings(both).high)


def test_a_share_of_rounds_has_the_exact_interval_and_stays_a_share():
    one = shards.table([Row("fig13_1", {}, figures.share(np.ones(50)))])
    other = shards.table([Row("fig13_1", {}, figures.share(np.r_[np.ones(48), 0, 0]))])

    alone = shards.combine([one]).iloc[0]
    assert alone.high == 100
    assert alone.low == pytest.approx(100 * 0.025 ** (1 / 50))
    assert shards.combine([one, other]).iloc[0].high == 100


# --- second networks ---


def test_second_recipes_name_a_model_and_a_size():
    first, second = networks_of.second_recipes("resnet18 net@128", RECIPE, 3)

    assert (first.model, first.image_size, first.pretrained, first.epochs) == (
        "resnet18", 96, False, 3,
    )  # fmt: skip
    assert (second.model, second.image_size, second.pretrained) == ("net", 128, True)
    assert networks_of.called(first) == "resnet18 from random weights at 96 pixels"
    assert networks_of.layers_of("net", "conv") == Layers("conv", "bn2", "blocks.4")


@pytest.mark.parametrize("names", ["net", "net@96", "net@big"])
def test_second_networks_that_are_none_are_refused(names):
    with pytest.raises(ValueError, match="second"):
        networks_of.second_recipes(names, RECIPE, 3)


def test_a_setting_of_the_enlarged_grid_is_another_setting():
    assert outcomes.enlarged(Setting("rotation", 30)) == Setting("rotation", 30, "enlarged")


# --- one training alone ---


def test_a_training_alone_has_the_notebooks_recipe():
    values = alone.profile("laptop")

    own = alone.recipe_of(values, 3, 3)
    second = alone.recipe_of(values, 0, 20, "resnet18")

    assert (own.model, own.seed, own.epochs) == (values["model"], 3, 3)
    assert (own.lr, own.train_images) == (values["lr"], values["train_images"])
    assert (second.model, second.epochs) == ("resnet18", 20)


def test_a_plan_takes_no_more_images_than_there_are():
    test = cifar.Images(torch.zeros(20, 3, 1, 1), torch.zeros(20))
    values = {"robust_images": 15, "test_images": 30, "rounds": 3}

    assert survey.plan(values, test, full=True) == survey.Plan(15, 15, 3, False, True)
    order = survey.shuffled(test, 20)
    assert torch.equal(survey.shuffled(test, 4), order[:4])
    assert sorted(order.tolist()) == list(range(20))
