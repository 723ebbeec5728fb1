"""How large the tests are: seeds, sizes, strengths, as numbers and not as texts."""

from typing import Any, NamedTuple

from helpers.inputs import corruptions
from helpers.store import paths, yaml_files

CHAPTER = "cross_examination"


class Corruption(NamedTuple):
    """A corruption of :data:`helpers.inputs.corruptions.CORRUPTIONS`, with its strength."""

    label: str  # both in words, such as "gaussian noise 0.1"
    name: str
    strength: float


class Settings(NamedTuple):
    """Sizes of the tests; ``notebooks/parameters.yaml`` holds three profiles of them."""

    seed: int  # of noise, attack, random methods and bootstrap
    seeds: int  # how often each method is run on the clean images
    evaluations: int  # of the network, that a black box may spend on one map
    samples: int  # of SmoothGrad
    path_steps: int  # of Integrated Gradients
    precision: str  # "bfloat16" or "float32": of the network that black boxes evaluate
    attack_size: float  # largest change of a pixel, of the range 0 to 1
    steps: int  # of the insertion, deletion and sufficiency curves
    levels: tuple[float, ...]  # shares of the network's layers that are randomized
    corruptions: tuple[Corruption, ...]
    stages: tuple[int, ...]  # epochs of chapter 2's committed checkpoints
    cifar_count: int  # images of CIFAR-10 for them
    localise_images: int  # photographs with a true region
    bootstrap_draws: int


def parse(values: dict[str, Any]) -> Settings:
    """Settings from the parameters of the notebook, whose lists are texts.

    Raises
    ------
    ValueError
        If a list holds something else than numbers, or an unknown corruption.
    """
    lists = ("levels", "stages")
    plain = {k: values[k] for k in Settings._fields if k in values and k not in lists}
    return Settings(
        **plain,
        levels=tuple(_numbers("levels", values["levels"], float)),
        stages=tuple(_numbers("stages", values["stages"], int)),
        corruptions=tuple(_corruption(text) for text in values["strengths"].split(";")),
    )


def of_profile(profile: str) -> dict[str, Any]:
    """The parameters that a profile of the cross-examination sets.

    Raises
    ------
    ValueError
        If there is no such profile.
    """
    profiles = yaml_files.held_by(paths.NOTEBOOKS / "parameters.yaml")[CHAPTER]["profiles"]
    if profile not in profiles:
        raise ValueError(f"there is no profile {profile!r}; expected one of {', '.join(profiles)}")
    return dict(profiles[profile])


def _numbers(name: str, text: str, kind: type) -> list:
    try:
        numbers = [kind(word) for word in str(text).split()]
    except ValueError:
        numbers = []
    if not numbers:
        raise ValueError(f"{name} is {text!r}; expected numbers with spaces between, such as '1 2'")
    if name == "levels" and not all(0 < number <= 1 for number in numbers):
        raise ValueError(
            f"levels is {text!r}; expected shares of the layers, above 0 and at most 1"
        )
    return numbers


def _corruption(text: str) -> Corruption:
    name, _, strength = text.strip().rpartition(" ")
    try:
        number = float(strength)
    except ValueError:
        number = float("nan")
    if name not in corruptions.CORRUPTIONS or not number >= 0:
        raise ValueError(
            f"{text.strip()!r} is no corruption with its strength; expected for example 'gaussian "
            f"noise 0.1; rotation 15', of: {', '.join(corruptions.CORRUPTIONS)}"
        )
    return Corruption(text.strip(), name, number)
