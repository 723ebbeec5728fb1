"""The page that says how each chapter's results were made."""

import re

from helpers.report import registration, render, scorecard

# the first on the front page, the others on the scorecard
SHOWN_ELSEWHERE = {"finding", "claims", registration.CARRIED}


def status_page(cards: dict[str, dict]) -> str:
    """Write how each chapter's results were made, a table of settings a chapter."""
    papers = [
        {
            "name": paper.name,
            "command": scorecard.command(paper.chapter, {}),
            "settings": _settings(cards[paper.chapter]),
        }
        for paper in scorecard.papers_of(cards)
        if paper.chapter in cards
    ]
    return render.markdown("status", papers=papers)


def _settings(card: dict) -> list[tuple[str, str]]:
    """The entries of a run card, nested ones too, as pairs of a name and a text of one line."""
    pairs = []
    for name, entry in card.items():
        if name not in SHOWN_ELSEWHERE:
            inner = entry if isinstance(entry, dict) else {"": entry}
            pairs += [(f"{name} {key}", _one_line(value)) for key, value in inner.items()]
    return [(name, text) for name, text in pairs if text]


def _one_line(value) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    text = re.sub(r"\b1 threads\b", "1 thread", text)  # as earlier runs wrote it
    return " ".join(text.split()).replace("|", "/").replace("`", "'")
