"""The page that says how to cite the book and its papers, from ``CITATION.cff``."""

from pathlib import Path

from helpers.report import render
from helpers.store import paths, yaml_files

CITATION = paths.ROOT / "CITATION.cff"
KINDS = {"article": "article", "software": "software"}


def entries(file: Path = CITATION) -> list[dict[str, str]]:
    """The book and its papers as BibTeX has them: ``key``, ``kind``, and the fields in order."""
    cited = yaml_files.held_by(file)
    return [_entry(cited), *map(_entry, cited["references"])]


def bibtex(entry: dict) -> str:
    """One entry in BibTeX."""
    lines = [f"  {name} = {{{value}}}" for name, value in entry["fields"].items() if value]
    return f"@{entry['kind']}{{{entry['key']},\n" + ",\n".join(lines) + "\n}"


def cite_page() -> str:
    """Write the page's entries."""
    return render.markdown("cite", entries=[bibtex(entry) for entry in entries()])


def _entry(cited: dict) -> dict:
    names = [
        ", ".join(filter(None, [one.get("family-names", ""), one.get("given-names", "")]))
        or f"{{{one['name']}}}"
        for one in cited["authors"]
    ]
    family = cited["authors"][0].get("family-names", "xai-rerun").lower()
    pages = f"{cited['start']}--{cited['end']}" if "start" in cited else ""
    fields = {
        "author": " and ".join(names),
        "title": f"{{{' '.join(cited['title'].split())}}}",
        **{name: str(cited.get(name, "")) for name in ("journal", "volume", "version", "year")},
        "number": str(cited.get("issue", "")),
        "pages": pages,
        "doi": cited.get("doi", ""),
    }
    return {
        "kind": KINDS[cited["type"]],
        "key": f"{family}{cited.get('year', '')}",
        "fields": fields,
    }
