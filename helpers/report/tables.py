"""Tables of verdicts and ranks, as HTML with every text escaped."""

import html

import pandas as pd

from helpers.report import theme


def rank_table(ranked: pd.DataFrame) -> theme.Html:
    """Methods by tests: the deciding value and its place, both with intervals; it scrolls.

    An arrow tells whether higher or lower values are better.
    `ranked` holds the deciding rows of one network, as `standings.with_places` gives them.
    """
    tests = ranked.drop_duplicates("test")
    counts = ranked[ranked.n > 0].groupby("test").n.agg(["min", "max"])
    head = ["method", *(_test_head(row, counts) for row in tests.itertuples())]
    cells = "".join(f'<th scope="col">{text}</th>' for text in head)
    body = []
    for (method, kind), rows in ranked.groupby(["method", "kind"], sort=False):
        shown = {row.test: _placed(row) for row in rows.itertuples()}
        line = "".join(f"<td>{shown.get(test, '–')}</td>" for test in tests.test)
        name = f"{html.escape(method)} <small>{html.escape(kind)}</small>"
        body.append(f'<tr><th scope="row">{name}</th>{line}</tr>')
    return theme.Html(
        '<div class="verdicts matrix" tabindex="0" role="region" aria-label="methods and tests">'
        f"<table>\n<thead><tr>{cells}</tr></thead>\n<tbody>\n"
        + "\n".join(body)
        + "\n</tbody></table></div>"
    )


def verdict_table(judged: pd.DataFrame) -> theme.Html:
    """Claims beside what we measured, as a table that scrolls within the page.

    `judged` is a frame as `claims.judge` gives it. A verdict is a word and a mark, never a color
    alone.
    """
    head = ["claim", "verdict", "paper", "ours", "n", "unit", "arm", "where"]
    cells = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = "\n".join(_verdict_row(row) for row in judged.itertuples())
    return theme.Html(
        '<div class="verdicts" style="overflow-x: auto" tabindex="0" role="region" '
        f'aria-label="claims and verdicts"><table>\n<thead><tr>{cells}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _verdict_row(row) -> str:
    mark = f'<b aria-hidden="true">{theme.MARKS[row.verdict]}</b>'
    verdict = f'<span class="{row.verdict.replace(" ", "-")}">{mark} {row.verdict}</span>'
    paper, measured = (_with_aside(*text) for text in (reported(row), ours(row)))
    arm = "–" if pd.isna(row.arm) else row.arm
    says, unit, arm, where = (
        html.escape(str(text)) for text in (row.says, row.unit, arm, row.where)
    )
    cells = [says, verdict, paper, measured, theme.number(row.n), unit, arm, where]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def reported(row) -> tuple[str, str]:
    """The paper's number and its tolerance, in words."""
    paper, bound = theme.number(row.reported), getattr(row, "bound", "")
    if bound:
        paper = f"{'more' if bound == 'above' else 'less'} than {paper}"
    return (
        paper,
        f"{'by' if bound else '±'} {theme.number(row.tolerance)}" if row.tolerance > 0 else "",
    )


def ours(row) -> tuple[str, str]:
    """Our number and its interval, in words."""
    return theme.number(row.value), _interval(row)


def _interval(row) -> str:
    return f"[{theme.number(row.low)}, {theme.number(row.high)}]" if row.low < row.high else ""


def _with_aside(text: str, aside: str) -> str:
    return f"{text} <small>{aside}</small>" if aside else text


def _test_head(row, counts: pd.DataFrame) -> str:
    ends = (
        dict.fromkeys(map(theme.number, counts.loc[row.test]))
        if row.test in counts.index
        else ["0"]
    )
    arrow = "↑" if row.better == 1 else "↓"
    lines = [f"{row.measure} {arrow}", row.paper, f"n = {' to '.join(ends)}"]
    small = "<br>".join(html.escape(line) for line in lines if line)
    return f"{html.escape(row.test)}<br><small>{small}</small>"


def _placed(row) -> str:
    if pd.isna(row.value):
        return "gap"
    place = f"{row.place:.0f}"
    if row.rank_low < row.rank_high:
        place += f", {row.rank_low:.0f}–{row.rank_high:.0f}"
    text = f"{theme.number(row.value)} <small>{_interval(row)} ({place})</small>"
    return f"<b>{text}</b>" if row.place == 1 else text
