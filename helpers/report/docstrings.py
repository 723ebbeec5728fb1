"""Docstrings in numpydoc's reStructuredText, as the Markdown of the book's pages."""

import re
from textwrap import dedent, indent

_SECTION = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", re.MULTILINE)
_MATH_BLOCK = re.compile(r"^\.\. math::(.*(?:\n(?:[ \t]+.*|[ \t]*(?=\n[ \t]+)))*)", re.MULTILINE)
_ROLE = re.compile(r":(?:func|class|data|meth|mod):`~?([^`]+)`")
_LITERAL = re.compile(r"``([^`]+)``|(?<![`:\w])`([^`]+)`(?!`)")


def sections(docstring: str) -> tuple[str, dict[str, str]]:
    """Part a docstring into its description and its sections (``Parameters``, ``Returns``, ...)."""
    description, *rest = _SECTION.split(docstring)
    return description.strip(), dict(zip(rest[::2], rest[1::2], strict=True))


def to_markdown(text: str) -> str:
    r"""Write reStructuredText as MyST Markdown: equations between dollars, literals as code.

    What is neither equation nor code loses ``<`` to ``&lt;``, so that it cannot become HTML.
    """
    parts = []
    for part in re.split(r"(\$\$[^$]*\$\$|\$[^$]*\$|`[^`]*`)", _with_dollars(text)):
        is_plain = part[:1] not in ("$", "`")
        parts.append(part.replace("<", "&lt;") if is_plain else part)
    return "".join(parts)


def definitions(section: str) -> list[tuple[str, str]]:
    """The entries of a section such as ``Parameters``, each with its description."""
    entries = re.split(r"^(?=\S)", section.strip("\n"), flags=re.MULTILINE)
    pairs = (entry.split("\n", 1) for entry in entries if entry.strip())
    return [(name.strip(), dedent(rest[0]).strip() if rest else "") for name, *rest in pairs]


def as_definition_list(section: str) -> str:
    """Such a section as a definition list in Markdown."""
    return "\n".join(
        f"`{name}`\n: {indent(to_markdown(text), '  ').strip()}\n"
        for name, text in definitions(section)
    )


def _with_dollars(text: str) -> str:
    text = _MATH_BLOCK.sub(lambda block: f"$$\n{_one_equation(block[1])}\n$$", text)
    text = re.sub(r":math:`([^`]+)`", lambda math: f"${' '.join(math[1].split())}$", text)
    text = _ROLE.sub(lambda role: f"`{role[1].rsplit('.', 1)[-1]}`", text)
    return _LITERAL.sub(lambda literal: f"`{literal[1] or literal[2]}`", text)


def _one_equation(block: str) -> str:
    """The lines of an equation without the blank ones, which would end it in Markdown."""
    return "\n".join(line.strip() for line in block.splitlines() if line.strip())
