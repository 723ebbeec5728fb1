"""Which rows a run may be held against: decided by the settings that a row needs, before the run.

``data/reported/settings.yaml`` says, by chapter and arm, which settings are not as in the paper and
why. A row is *not comparable* in an arm if, and only if, one of its ``needs`` is listed there.
"""

from functools import lru_cache
from pathlib import Path

from helpers.store import paths, yaml_files

SETTINGS = {  # what a row may need to be as in the paper
    "network": "the network's architecture",
    "weights": "the paper's own trained weights",
    "pretraining": "the weights that training starts from",
    "training": "schedule, epochs, augmentation and other choices of training",
    "images": "the images, or images of the same kind",
    "boxes": "the true boxes around the objects",
    "resolution": "the size of the network's input and of the explained layer's maps",
    "attack": "loss, distance and search of the attack",
    "solver": "the optimizer that the attack calls",
    "rounding": "how many bits the measured images have",
    "selection": "which of the images or runs enter a number",
    "budget": "how many model evaluations a method may use",
    "machine": "the device that a time was taken on",
    "fill": "what a removed pixel is replaced by",
    "score": "the scale of the score that is measured",
    "area": "how much of the image a map keeps",
    "seeds": "how many trained networks a number is taken over",
    "control": "a control that shows that the test can tell good from bad",
}


class WrongSetting(ValueError):
    """The file of settings or a row's needs name what is not known."""


@lru_cache
def deviations(
    chapter: str, finished: str = "", file: Path = paths.REPORTED / "settings.yaml"
) -> dict:
    """The settings of a chapter that are not as in the paper: arm -> setting -> why.

    An entry is a sentence, or a sentence (``why``) with the last day (``until``) or the first one
    (``since``) of the runs that it holds for, where the chapter's setting has changed.

    Parameters
    ----------
    chapter
        Whose settings.
    finished
        When the run was made, an ISO date or more; empty for a run under way.

    Raises
    ------
    WrongSetting
        If an arm is neither A nor B, a setting is not in `SETTINGS`, or a reason is no sentence.
    """
    listed = yaml_files.tables(file)
    found: dict[str, dict[str, str]] = {}
    for arm, settings in listed.get(chapter, {}).items():
        if arm not in ("A", "B"):
            raise WrongSetting(f"{file.name}: {chapter} has the arm {arm!r}; expected A or B")
        if not isinstance(settings or {}, dict):
            raise WrongSetting(f"{file.name}: {chapter}, {arm} is no table of settings")
        found[arm] = {}
        for name, entry in (settings or {}).items():
            given = entry if isinstance(entry, dict) else {"why": entry}
            why, day = given.get("why"), finished[:10]
            until, since = (str(given.get(end, "")) for end in ("until", "since"))
            if name not in SETTINGS:
                raise WrongSetting(f"{file.name}: {chapter} lists {name!r}; known: {[*SETTINGS]}")
            if not isinstance(why, str) or not why.strip().endswith("."):
                raise WrongSetting(f"{file.name}: {chapter}, {name}: say why in a whole sentence")
            ended = until and not (day and day <= until)
            if not ended and not (since and day and day < since):
                found[arm][name] = why
    return found


def reason(needs: str, arm: str, listed: dict) -> str:
    """Why a row is not comparable in an arm, or nothing if it is.

    Parameters
    ----------
    needs
        Names of settings separated by spaces.
    listed
        Of the chapter, as :func:`deviations` gives it.
    """
    differing = listed.get(arm, {})
    return " ".join(differing[name] for name in needs.split() if name in differing)


def check(needs: str, key: str) -> None:
    """Refuse a row that needs a setting that is not known.

    Raises
    ------
    WrongSetting
        With the row's key.
    """
    unknown = [name for name in needs.split() if name not in SETTINGS]
    if unknown:
        raise WrongSetting(f"claim {key!r} needs {unknown[0]!r}; known settings: {[*SETTINGS]}")
