"""YAML files, read as all files from outside are: named, and refused if they are damaged."""

from pathlib import Path
from typing import Any

import yaml

from helpers.store import reading


class _Once(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader, ten times as fast where libyaml is; of two equal keys it takes none."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise ValueError(f"the key {twice[0]!r} stands twice")
        return super().construct_mapping(node, deep)


def held_by(file: Path, kind: type = dict) -> Any:
    """What a YAML file holds, its keys once each; an empty one holds an empty `kind`.

    Raises
    ------
    FileNotFoundError, Damaged
        As :func:`helpers.store.reading.text`; or if it is no YAML of texts, numbers, lists and
        tables, is no `kind`, or a key stands twice in a table.
    """
    text = reading.text(file)
    try:
        held = yaml.load(text, Loader=_Once)
    except (yaml.YAMLError, ValueError) as error:
        told = " ".join(str(error).split())[:200]
        raise reading.Damaged(
            f"{reading.shown(file)} cannot be read as YAML ({told}); {reading.mend(file)}"
        ) from error
    held = kind() if held is None else held
    if not isinstance(held, kind):
        raise reading.Damaged(
            f"{reading.shown(file)} holds {type(held).__name__}; expected {kind.__name__}: "
            f"{reading.mend(file)}"
        )
    return held


def tables(file: Path) -> dict[str, dict]:
    """The tables of a YAML file by name, empty where nothing stands; none without the file.

    Raises
    ------
    Damaged
        As `held_by`; or if an entry is no table.
    """
    held = held_by(file) if file.exists() else {}
    for name, entry in held.items():
        if not isinstance(entry or {}, dict):
            raise reading.Damaged(
                f"{reading.shown(file)}: {name} holds {type(entry).__name__}; expected a table: "
                f"{reading.mend(file)}"
            )
    return {name: entry or {} for name, entry in held.items()}
