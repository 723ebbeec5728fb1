"""Parameters and profiles of the notebooks: what can be asked for, and what was.

``notebooks/parameters.yaml`` describes each parameter by a JSON Schema, which the library
jsonschema checks; this module says in a sentence what came and what was expected.
"""

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from helpers.run import library_names
from helpers.store import paths, reading, schemas, shards, yaml_files

PROFILES = ("smoke", "laptop", "paper")  # from the smallest to the largest
SETTINGS = paths.NOTEBOOKS / "parameters.yaml"
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
LONGEST = 40  # characters of a number
LONGEST_TEXT = 4000  # characters of any other value
SHOWN = 80  # characters of a value in a message


class WrongParameter(ValueError):
    """A parameter is unknown, of the wrong type or out of range; the message says which."""

    def _render_traceback_(self) -> list[str]:
        """What IPython and Papermill show of it: the sentence, and none of our code."""
        return [f"{type(self).__name__}: {self}"]


def notebooks() -> dict[str, dict]:
    """Parameters and profiles of all notebooks, by name."""
    if not SETTINGS.is_file():
        raise WrongParameter(
            f"there is no {SETTINGS.name} around {Path.cwd()}; run this within the project's folder"
        )
    try:
        known = yaml_files.held_by(SETTINGS)
    except reading.Damaged as error:
        raise WrongParameter(
            f"notebooks/{SETTINGS.name} cannot be read ({str(error).splitlines()[0]}); restore it: "
            f"git checkout -- notebooks/{SETTINGS.name}"
        ) from error
    if not known or any(
        not isinstance(chosen, dict) or {"parameters", "profiles"} - chosen.keys()
        for chosen in known.values()
    ):
        raise WrongParameter(
            f"notebooks/{SETTINGS.name} was cut short; restore it: "
            f"git checkout -- notebooks/{SETTINGS.name}"
        )
    return known


def settings(name: str) -> dict:
    """Parameters and profiles of a notebook, from ``notebooks/parameters.yaml``.

    Raises
    ------
    WrongParameter
        If there is no such notebook.
    """
    known = notebooks()
    if name not in known:
        raise WrongParameter(f"there is no notebook {name!r}; there are: {', '.join(known)}")
    return known[name]


def resolve(name: str, profile: str, given: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The profile's parameters with the given ones in their place, all checked.

    Parameters
    ----------
    name
        The notebook.
    profile
        One of :data:`PROFILES`.
    given
        Pairs of a parameter and its value, or the text that stands for the value.

    Raises
    ------
    WrongParameter
        If the profile or a parameter is unknown, a value has the wrong type or is out of range.
    """
    chosen = settings(name)
    if profile not in chosen["profiles"]:
        raise WrongParameter(f"there is no profile {profile!r}; there are: {', '.join(PROFILES)}")
    values = dict(chosen["profiles"][profile])
    named = []
    for key, value in given:
        if key == "profile":
            raise WrongParameter("profile is given twice; give it once, with --profile")
        if key not in chosen["parameters"]:
            raise WrongParameter(
                f"{name} has no parameter {key!r}; it has: {', '.join(chosen['parameters'])}"
            )
        values[key] = value
        named.append(key)
    checked = {
        key: _checked(key, value, chosen["parameters"][key]) for key, value in values.items()
    }
    _check_photographs(chosen["parameters"], checked)
    try:
        library_names.check(chosen["parameters"], checked, named)
    except ValueError as error:
        raise WrongParameter(str(error)) from error
    return {"profile": profile, **checked}


def _check_photographs(rules: dict, values: dict[str, Any]) -> None:
    """Refuse a folder whose photographs cannot be read, or that has fewer than two."""
    for key, rule in rules.items():
        if rule.get("format") != "photographs" or not values[key]:
            continue
        from helpers.inputs import folders

        folder = paths.located(values[key])
        try:
            folders.check(folders.listing(folder))
            from helpers.inputs import photographs  # torch, only where it is needed anyway

            photographs.check_folder(
                folder, values.get("count", folders.FEWEST), values.get("skip_unreadable", False)
            )
        except (OSError, ValueError) as error:
            raise WrongParameter(f"{key} is {values[key]!r}: {error}") from error


def identity(name: str, key: str, value: Any) -> Any:
    """A value as runs are told apart by it: a path in full, as two folders may share a name."""
    kind = settings(name)["parameters"].get(key, {}).get("format")
    if kind not in ("folder", "photographs", "code") or not value:
        return value
    if kind == "code":
        from helpers.saliency import module_files

        return [_file_of(module_files, spec) for spec in value.split(",")]
    return str(paths.located(value).resolve())


def _file_of(module_files: Any, spec: str) -> str:
    try:
        file = module_files.file_of(module_files.split(spec.strip()))
    except ValueError:  # a name that the project knows
        return spec
    return f"{file.resolve()}:{spec.rpartition(':')[2]}" if file else spec


def allowed(rule: dict) -> str:
    """What a parameter may be, in words."""
    if "enum" in rule:
        return "one of " + ", ".join(map(str, rule["enum"]))
    if rule["type"] in ("integer", "number"):
        word = "a whole number" if rule["type"] == "integer" else "a number"
        return f"{word} from {rule['minimum']} to {rule['maximum']}"
    if "title" in rule:
        return f"{rule['title']}, such as {rule['examples'][0]!r}"
    if "examples" in rule:
        return f"text such as {rule['examples'][0]!r}"
    if rule.get("format") in ("folder", "photographs"):
        return "a folder that is there, or nothing"
    return {"boolean": "true or false", "string": "text"}[rule["type"]]


def _checked(key: str, came: Any, rule: dict) -> Any:
    value = _meant(came, rule["type"])
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise WrongParameter(
            f"{key} is {_shown(value)}; expected at most {LONGEST_TEXT} characters"
        )
    if value is None or not _validator()(rule).is_valid(value):
        raise WrongParameter(f"{key} is {_shown(came)}; expected {allowed(rule)}")
    kind = rule.get("format")
    if kind in ("folder", "photographs"):
        return paths.told(value)
    return _code(key, value, "pattern" in rule) if kind == "code" and value else value


def _code(key: str, value: str, named: bool) -> str:
    """Specs ``module:name``, checked without running them, their paths as a page may show them.

    Where `named`, a word without a colon is a name that the project knows.
    """
    from helpers.saliency import module_files

    told = []
    for spec in value.split(","):
        module, colon, name = spec.strip().rpartition(":")
        if (colon or not named) and module not in ("torchvision", "timm"):
            try:
                module_files.check(spec.strip())
            except (ValueError, OSError) as error:  # OSError: a name too long for a file
                reason = getattr(error, "strerror", None) or error
                raise WrongParameter(f"{key} is {_shown(value)}: {reason}") from error
            if "/" in module:
                module = paths.told(module if module.endswith(".py") else f"{module}.py")
        told.append(f"{module}{colon}{name}")
    return ",".join(told)


def _shown(came: Any) -> str:
    """A value as it came, shortened: a number without quotes, wherever it came from."""
    if isinstance(came, str) and (_number(came) is not None or came.lower() in ("nan", "inf")):
        return came
    told = repr(came)
    return told if len(told) <= SHOWN else f"{told[:SHOWN]}… ({len(told)} characters)"


def _meant(came: Any, kind: str) -> Any:
    """The value that stands for what came, or None where there is not one reading.

    The command line gives texts, and Papermill guesses types: ``-p levels 1`` gives a number where
    text is expected, ``-p download true`` a text.
    """
    if kind == "boolean":
        read = {"true": True, "false": False}.get(came.lower()) if isinstance(came, str) else came
        return read if isinstance(read, bool) else None
    if kind == "string" and isinstance(came, str):
        return None if "\n" in came else came  # which $ of a pattern would let pass at the end
    if isinstance(came, bool) or not isinstance(came, str | int | float):
        return None
    if kind == "string":
        return str(came)
    number = _number(came) if isinstance(came, str) else came
    if number is None or not math.isfinite(number):
        return None
    if kind == "number":
        return float(number)
    return int(number) if number == int(number) else None


def _number(text: str) -> int | float | None:
    """A number in plain digits: not Python's ``1_000``, other scripts' digits or blanks around."""
    if len(text) > LONGEST or not NUMBER.fullmatch(text):
        return None
    return float(text) if set(text.lower()) & set(".e") else int(text)


def _is_folder(text: str) -> bool:
    try:
        return paths.located(text).is_dir()
    except (OSError, ValueError, RuntimeError):  # too long, null bytes, no such home
        return False


@lru_cache(maxsize=1)
def _validator() -> Any:
    jsonschema = schemas.load()
    formats = jsonschema.FormatChecker(formats=())
    for kind in ("folder", "photographs"):
        formats.checks(kind)(lambda text: not text or _is_folder(text))
    formats.checks(shards.PARAMETER, raises=ValueError)(lambda text: bool(shards.numbers(text)))
    return lambda rule: jsonschema.Draft202012Validator(rule, format_checker=formats)
