"""Sphinx extension: the list of references names each entry as the text cites it.

Registered in ``_config.yml`` together with ``bibtex_default_style: as_cited``.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style as UnsortedStyle
from pybtex.style.labels import BaseLabelStyle

NAMED = 2  # authors, of more the first one


class AsCited(BaseLabelStyle):
    """Labels such as "Adebayo et al., 2018"."""

    def format_labels(self, sorted_entries: Iterable[Any]) -> Iterator[str]:
        """A label for each entry, a letter behind the year where two would be the same."""
        seen: dict[str, int] = {}
        for entry in sorted_entries:
            names = [" ".join(person.last_names) for person in entry.persons["author"]]
            text = label(names, entry.fields.get("year", ""))
            seen[text] = seen.get(text, 0) + 1
            yield text if seen[text] == 1 else f"{text}{chr(ord('a') + seen[text] - 1)}"


class Style(UnsortedStyle):
    """Entries sorted by author and year, labeled as they are cited."""

    default_label_style = AsCited
    default_sorting_style = "author_year_title"


def label(names: list[str], year: str) -> str:
    """Authors and year as `sphinxcontrib-bibtex` cites them by author and year."""
    if len(names) > NAMED:
        return f"{names[0]} et al., {year}"
    return f"{' and '.join(names)}, {year}"


def setup(app: Any) -> dict[str, Any]:
    """Register the style; Sphinx reads its name from the configuration."""
    register_plugin("pybtex.style.formatting", "as_cited", Style)
    return {"version": "1", "parallel_read_safe": True}
