"""One training of the chapter on training stages, measured alone and kept as a shard.

``python -m helpers.trials.training_stages_alone --seed 3 --epochs 3`` trains (or goes on training)
seed 3 with the recipe of the laptop profile, measures it as the notebook does, and writes its shard
into ``data/results/gradcam_training-trainings``, from where the notebook reads it. So trainings can
be made on several days or machines.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.inputs import cifar, recipes
from helpers.inputs.recipes import Recipe
from helpers.store import paths, yaml_files
from helpers.trials import training_stages_networks as networks_of
from helpers.trials import training_stages_shards as shards
from helpers.trials import training_stages_survey as survey
from helpers.trials.training_stages_outcomes import CHAPTER


def profile(name: str, file: Path = paths.NOTEBOOKS / "parameters.yaml") -> dict:
    """What a profile asks of the chapter."""
    return yaml_files.held_by(file)[CHAPTER]["profiles"][name]


def recipe_of(values: Mapping, seed: int, epochs: int, second: str = "") -> Recipe:
    """The recipe of a training, or of a second network (``model`` or ``model@size``)."""
    own = Recipe(**{name: values[name] for name in Recipe._fields} | {"seed": seed})
    if second:
        (own,) = networks_of.second_recipes(second, own, epochs)
    return own._replace(epochs=epochs)


def measured(values: Mapping, wanted: Recipe, *, second: bool) -> shards.Shard:
    """Train or go on, and measure as the notebook does.

    Raises
    ------
    FileNotFoundError
        If CIFAR-10 is not there.
    """
    test = cifar.cifar10("test", download=values["download"])
    train = cifar.cifar10("train", download=values["download"])
    images = survey.chosen(test, survey.shuffled(test, values["robust_images"]))
    training_set = survey.chosen(train, survey.shuffled(train, values["train_images"]))
    plan = survey.plan(values, test, full=not second)
    layers = networks_of.layers_of(wanted.model, "" if second else values["layer"])
    committed = recipes.committed_training(CHAPTER)
    trained = networks_of.train_or_load(wanted, training_set, committed)
    found = survey.survey(trained, values["epochs"], test, images, layers, plan)
    return shards.Shard(wanted, survey.told(plan, layers), found.table)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one training and write its shard."""
    parser = argparse.ArgumentParser(prog="python -m helpers.trials.training_stages_alone")
    parser.add_argument("--profile", default="laptop")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=3, help="3 for a short training, or 20")
    parser.add_argument("--second", default="", help="a second network, as model or model@size")
    parser.add_argument("--out", type=Path, default=paths.RESULTS / f"{CHAPTER}-trainings")
    given = parser.parse_args(arguments)
    values = profile(given.profile)
    wanted = recipe_of(values, given.seed, given.epochs, given.second)
    shard = measured(values, wanted, second=bool(given.second))
    shards.write(given.out, shard)
    print(f"{len(shard.rows):,} estimates in {given.out / shards.file_name(wanted)}")


if __name__ == "__main__":
    main()
