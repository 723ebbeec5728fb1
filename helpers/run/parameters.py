"""Parameters and profiles of the notebooks: what can be asked for, and what was."""

from typing import Any

import yaml

from helpers.store import paths

PROFILES = ("smoke", "laptop", "paper")  # from the smallest to the largest
SETTINGS = paths.NOTEBOOKS / "parameters.yaml"


class WrongParameter(ValueError):
    """A parameter is unknown, of the wrong type or out of range; the message says which."""


def settings(name: str) -> dict:
    """Parameters and profiles of a notebook, from ``notebooks/parameters.yaml``.

    Raises
    ------
    WrongParameter
        If there is no such notebook.
    """
    known = yaml.safe_load(SETTINGS.read_text())
    if name not in known:
        raise WrongParameter(f"there is no notebook {name!r}; there are: {', '.join(known)}")
    return known[name]


def resolve(name: str, profile: str, given: list[tuple[str, str]]) -> dict[str, Any]:
    """The profile's parameters with the given ones in their place, all checked.

    Raises
    ------
    WrongParameter
        If the profile or a parameter is unknown, a value has the wrong type or is out of range.
    """
    chosen = settings(name)
    if profile not in chosen["profiles"]:
        raise WrongParameter(f"there is no profile {profile!r}; there are: {', '.join(PROFILES)}")
    values = dict(chosen["profiles"][profile])
    for key, text in given:
        if key not in chosen["parameters"]:
            raise WrongParameter(
                f"{name} has no parameter {key!r}; it has: {', '.join(chosen['parameters'])}"
            )
        values[key] = _parse(key, text, chosen["parameters"][key])
    return {"profile": profile, **values}


def _parse(key: str, text: str, rule: dict) -> Any:
    kind = {"int": int, "float": float, "str": str, "bool": bool}[rule["type"]]
    try:
        value = {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise WrongParameter(f"{key} is {text!r}; expected {_allowed(rule)}") from None
    outside = kind in (int, float) and not rule["low"] <= value <= rule["high"]
    if outside or ("choices" in rule and value not in rule["choices"]):
        raise WrongParameter(f"{key} is {text}; expected {_allowed(rule)}")
    return value


def _allowed(rule: dict) -> str:
    if "choices" in rule:
        return "one of " + ", ".join(map(str, rule["choices"]))
    if rule["type"] in ("int", "float"):
        word = "a whole number" if rule["type"] == "int" else "a number"
        return f"{word} from {rule['low']} to {rule['high']}"
    return {"bool": "true or false", "str": "text"}[rule["type"]]
