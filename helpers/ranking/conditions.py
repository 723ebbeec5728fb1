"""The conditions of the ranking: those of the book, with networks that have forgotten evenly."""

import torch

from helpers.ranking.forgetting import forgetful
from helpers.trials import conditions as families
from helpers.trials.conditions import Condition
from helpers.trials.settings import Settings


def conditions_of(base: Condition, settings: Settings) -> dict[str, Condition]:
    """All conditions of the ranking's tests by name, from the clean images' condition.

    They are those of :mod:`helpers.trials.conditions` but for the network without its weights,
    which here still tells images apart (:mod:`helpers.ranking.forgetting`).

    Raises
    ------
    ValueError
        If there are fewer than two images, of which side by side needs two.
    """
    if len(base.images) < 2:
        raise ValueError(f"there is {len(base.images)} image; expected two or more to set abreast")
    seed = settings.seed
    attack = families.attack_family(base, settings.attack_size, seed=seed)
    made = [
        base,
        *(condition for condition in attack if condition.name != families.OTHER_IMAGE),
        *(families.corrupted(base, kind, seed=seed) for kind in settings.corruptions),
        families.side_by_side(base),
        *(forgotten(base, level, seed=seed) for level in settings.levels),
        *families.further_draws(base, settings.seeds),
    ]
    return {condition.name: condition for condition in made}


def clean_alone(base: Condition, settings: Settings) -> dict[str, Condition]:
    """The clean images, their further draws, and two side by side: what costs least."""
    made = [base, families.side_by_side(base), *families.further_draws(base, settings.seeds)]
    return {condition.name: condition for condition in made}


def forgotten(base: Condition, share: float, *, seed: int) -> Condition:
    """The images under a network whose upper layers are shuffled, channel by channel rescaled."""
    network = forgetful(base.network, share, base.images, seed=seed)
    return base._replace(
        name=families.randomized_name(share), network=network, memory=False,
        key=families.network_key(network, brought=base.brought),
        varies=f"the network: {100 * share:.0f} % of its layers have forgotten",
    )  # fmt: skip


def spread_out(count: int, seed: int) -> torch.Tensor:
    """An order of images, (count,), so that neighbors of a sorted folder do not share a piece."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))
