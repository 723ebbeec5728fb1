"""Fill the templates in ``helpers/report/templates/``; every text that goes in is escaped."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from helpers.report import theme

_TEMPLATES = Environment(
    loader=PackageLoader("helpers.report", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)
_TEMPLATES.filters["number"] = theme.number


def render(name: str, **values) -> theme.Html:
    """Fill the template of that name; values of the type `theme.Html` go in as they are."""
    return theme.Html(_TEMPLATES.get_template(name).render(values))
