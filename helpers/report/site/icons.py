"""Of the theme's 2,000 icons only those that a page shows: a fifteenth of the bytes."""

import re

_ENTRY = re.compile(
    r'"?([\w-]+)"?:\[\d+,\d+,\[([^\]]*)\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?'
)  # fmt: skip
_NAME = re.compile(r"\bfa-([a-z-]+)")


def named(text: str) -> set[str]:
    """The names of the icons that a page or a script shows."""
    return set(_NAME.findall(text))


def subset(script: str, used: set[str]) -> str:
    """The theme's script of icons with those of the given names alone.

    An icon is kept by its name or by an alias.
    """

    def kept(found: re.Match) -> str:
        names = {found[1], *re.findall(r'"([\w-]+)"', found[2])}
        return found[0] if names & used else ""

    return _ENTRY.sub(kept, script)
