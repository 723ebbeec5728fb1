"""Fill the templates in ``helpers/report/templates/``.

In ``*.html`` every text that goes in is escaped; in ``*.md`` a template escapes by ``| e`` what may
hold HTML, since Markdown shows code as it stands.
"""

import re
from html import escape

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from helpers.report import theme

_TEMPLATES = Environment(
    loader=PackageLoader("helpers.report", "templates"),
    autoescape=select_autoescape(["html"]),
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
_TEMPLATES.filters["number"] = theme.number
_TEMPLATES.filters["cell"] = lambda text: _cell(str(text))


def _cell(text: str) -> str:
    """Any text in one cell of a Markdown table: no HTML, no columns, no markup of its own."""
    escaped = escape(" ".join(text.split()))
    return re.sub(r"([\\`*_{}\[\]|$~^<>])", r"\\\1", escaped)


def html(name: str, **values) -> theme.Html:
    """Fill ``name.html``; values of the type `theme.Html` go in as they are."""
    return theme.Html(_TEMPLATES.get_template(f"{name}.html").render(values))


def markdown(name: str, **values) -> str:
    """Fill ``name.md``."""
    return _TEMPLATES.get_template(f"{name}.md").render(values)
