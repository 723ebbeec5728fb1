"""What a chapter's last cell shows and publishes, built from its verdicts."""

import json
import time

import pandas as pd
import pytest

from helpers.report import claims, opening, registration
from helpers.run import notebook


@pytest.fixture
def published(monkeypatch):
    """Finish a session of a chapter with committed results, and give what it displayed."""
    shown = []
    monkeypatch.setattr(notebook, "display", lambda what, **_: shown.append(what))

    def finish(name, **further):
        session = notebook.Session(name, {"profile": "smoke"}, {}, frozenset(), time.monotonic(), 0)
        known = claims.reported(name).index
        measured = claims.results(name)
        notebook.finish(session, measured[measured.key.isin(known)], ["So."], **further)
        (content,) = [
            s[notebook.RESULTS] for s in shown if isinstance(s, dict) and notebook.RESULTS in s
        ]
        texts = [s.data for s in shown if hasattr(s, "data")]
        return texts, json.loads(content["card"]), content["files"]

    return finish


def test_the_first_screen_and_the_finding_follow_from_the_verdicts(published):
    texts, card, files = published("elime", finding="typed by hand")

    judged = claims.judge(claims.results("elime"), "elime")
    assert texts[0] == opening.opening("elime", judged)
    assert card["finding"] == opening.finding("elime", judged)
    assert "typed" not in str(card)
    assert list(files) == [".csv"]


def test_the_run_card_keeps_what_each_row_promised(published):
    _, card, _ = published("elime")

    assert card["claims"] == registration.digests(claims.reported("elime"))
    assert registration.undeclared(claims.reported("elime"), card) == []


def test_readings_are_published_beside_the_results_and_judged(published):
    rows = [claims.reading("features/insertion", "B", {"order": "worst first"}, -1, -2, -0.5, 4)]

    texts, _, files = published("elime", readings=pd.DataFrame(rows))

    assert files["-readings.csv"].splitlines()[0] == "key,arm,value,low,high,n,reading"
    assert "1 depends on the reading" in texts[0]
