"""The reader's journey through the built book, in a browser: CONTRIBUTING has it in words."""

import hashlib
import json
import time
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from helpers.report import claims, differences, scorecard, theme
from helpers.store import paths

pytestmark = pytest.mark.slow

CHAPTERS = [f"book/runs/{name}" for name in scorecard.chapters()]
PAGES = [
    "book/intro", *CHAPTERS, "book/scorecard", "book/leaderboard", "book/which-method",
    "book/methods", "book/method", "book/status", "book/references", "book/cite", "book/equations",
    "book/explorer", "book/bring-your-own", "book/full-reproduction", "book/reliability",
]  # fmt: skip
WIDER = """(() => {
  const column = document.querySelector("article").getBoundingClientRect().right + 1;
  return [...document.querySelectorAll("article :is(table, figure, img, svg.marks)")]
    .filter(e => e.getBoundingClientRect().width && e.getBoundingClientRect().right > column)
    .map(e => e.tagName + " in " + e.closest("figure")?.id);
})()"""
CUT = """[...document.querySelectorAll("article :is(td, th)")]
  .filter(e => e.clientWidth > 5 && e.scrollWidth > e.clientWidth + 2)
  .map(e => "cut: " + e.textContent.slice(0, 40))"""
CHARTS_WIDER = """[...document.querySelectorAll(".drawn")].filter(e => {
  const svg = e.querySelector("svg.marks");
  return svg && svg.getBoundingClientRect().right > e.getBoundingClientRect().right + 1;
}).length"""
CONTRAST = """(() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = parse(c).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor; if ((parse(c)[3] ?? 1) > 0.5) return c; }
    return "rgb(255, 255, 255)"; };
  return [...document.querySelectorAll("article :is(td, th, figcaption, summary)")]
    .filter(e => e.offsetParent).map(e => {
      const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort();
      return (b + 0.05) / (a + 0.05); }).reduce((a, b) => Math.min(a, b), 21);
})()"""
LEGENDS_OUT = """[...document.querySelectorAll("svg.marks")].flatMap(svg => {
  const right = svg.getBoundingClientRect().right + 2;
  return [...svg.querySelectorAll(".role-legend text, .role-axis-title text")]
    .filter(t => t.getBoundingClientRect().right > right).map(t => t.textContent);
})"""
AXE = paths.ROOT / ".venv" / "axe-4.10.3.min.js"
AXE_SHA256 = "880970c081707360e64f34cea25ff91892f5bc95675b0776925b9709dd8a68bb"
CONTRAST_ONLY = "{runOnly: ['color-contrast']}"
# what axe-core would look at for minutes: colored code, which is the theme's, and long tables' ends
SHORTER = """document.querySelectorAll(
  "article :is(pre, svg.marks) *, article tr:nth-of-type(n + 25)").forEach(e => e.remove())"""
THEMES = {"region", "landmark-unique", "aria-required-children", "label-content-name-mismatch"}


@pytest.fixture
def visit(browser, built_book):
    """Open a page of the book as wide as given, with all its charts drawn."""

    def opened(page, width=1280, **look):
        browser.look(width, **look)
        browser.open(built_book / f"{page}.html")
        if look.get("scripts", True):
            browser.evaluate("book.drawAll()")
            browser.settle()
        return browser

    return opened


@pytest.mark.parametrize("page", PAGES)
def test_a_page_suits_its_reader_at_every_width_in_light_and_dark(browser, built_book, page):
    """One visit, many checks: a first visit's size, what is cut, the console, axe-core."""
    browser.look(1280)
    browser.open(built_book / f"{page}.html")
    loaded = browser.evaluate('performance.getEntriesByType("resource").map(e => e.name)')
    browser.evaluate("window.book?.drawAll()")

    faults = {}
    for width in (1280, 768, 1024, 390):  # turned from one to the next, as a tablet is
        browser.resize(width, touch=width < 500)
        browser.settle()
        faults[width] = [*browser.evaluate(WIDER), *browser.evaluate(CUT)]
    time.sleep(0.5)  # after which the theme lets keys reach what scrolls
    found = axe(browser, "{}") + axe(browser, CONTRAST_ONLY, dark=True)

    assert faults == {1280: [], 768: [], 1024: [], 390: []}
    assert browser.complaints == []
    assert found == []
    files = {Path(name.removeprefix("file://").partition("?")[0]) for name in loaded}
    files.add(built_book / f"{page}.html")
    assert sum(file.stat().st_size for file in files if file.is_file()) <= 2.5e6


def axe(browser, options, dark=False):
    """Serious and critical violations of ours; none where axe-core is not here."""
    if not AXE.exists():
        return []
    script = AXE.read_text(encoding="utf-8")
    assert hashlib.sha256(script.encode()).hexdigest() == AXE_SHA256
    browser.evaluate(SHORTER)
    if dark:
        browser.evaluate("document.documentElement.dataset.theme = 'dark'")
    browser.evaluate(f"window.axe || eval({json.dumps(script)}); 1")
    said = browser.evaluate(
        f"axe.run({{preload: false, resultTypes: ['violations'], ...{options}}}).then(r =>"
        "r.violations.filter(v => ['serious', 'critical'].includes(v.impact))"
        ".map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 120))]))"
    )
    return [one for one in said if one[0] not in THEMES]


def test_charts_follow_each_change_of_the_windows_width(visit):
    shown = visit("book/runs/gradcam_training", 768)

    for width in (1024, 390, 1280, 600):
        shown.resize(width)
        assert shown.evaluate(CHARTS_WIDER) == 0  # at once
        shown.settle()
        assert shown.evaluate(CHARTS_WIDER) == 0  # and when all is drawn anew


@pytest.mark.parametrize("page", CHAPTERS)
def test_legends_and_axis_titles_stay_inside_a_phone(visit, page):
    assert visit(page, 390, touch=True).evaluate(LEGENDS_OUT) == []


def test_a_tap_shows_what_hovering_shows(visit):
    shown = visit("book/runs/elime", 390, touch=True)
    mark = ".drawn .mark-symbol path"
    shown.evaluate(f"document.querySelector('{mark}').scrollIntoView({{block: 'center'}})")
    shown.settle()
    x, y = shown.evaluate(
        f"(r => [r.x + r.width / 2, r.y + r.height / 2])"
        f"(document.querySelector('{mark}').getBoundingClientRect())"
    )

    shown.tap(x, y)
    time.sleep(0.5)

    told = shown.evaluate("document.querySelector('.vg-tooltip.visible')?.innerText || ''")
    assert "E-LIME" in told
    assert "evaluations" in told


@pytest.mark.parametrize(
    "page", ["book/runs/cross_examination", "book/scorecard", "book/leaderboard"]
)
def test_the_dark_theme_is_readable(visit, page):
    shown = visit(page, dark=True)

    assert shown.evaluate("document.documentElement.dataset.theme") == "dark"
    assert shown.evaluate(CONTRAST) >= 4.5


def test_the_title_of_a_chart_has_the_color_of_its_labels_in_the_dark(visit):
    shown = visit("book/runs/decam", dark=True)
    shown.evaluate("window.book?.drawAll()")
    shown.settle()

    title, label = (
        shown.evaluate(f"document.querySelector('.drawn .{role} text')?.getAttribute('fill')")
        for role in ("role-title", "role-axis-label")
    )
    assert label
    assert title == label != "#000"


def test_without_scripts_every_chart_leaves_its_picture_or_its_data(visit):
    shown = visit("book/runs/haycam", scripts=False)
    shown.send("Emulation.setScriptExecutionDisabled", value=False)

    left = shown.evaluate(
        "[...document.querySelectorAll('.drawn')]"
        ".map(e => e.querySelector('img.still') ? 'picture' : e.innerText)"
    )
    assert left
    assert all(one == "picture" or "file below" in one for one in left)


def test_keys_reach_and_use_the_scorecards_filters(visit):
    shown = visit("book/scorecard")
    shown.evaluate("document.querySelector('.claim-filters select[name=verdict]').focus()")
    before = shown.evaluate("document.querySelectorAll('tr[data-verdicts]:not([hidden])').length")

    shown.press("ArrowDown")
    shown.settle()

    after = shown.evaluate("document.querySelectorAll('tr[data-verdicts]:not([hidden])').length")
    assert 0 < after < before


def test_the_scorecards_filters_act_on_the_tables_and_say_if_nothing_fits(visit):
    shown = visit("book/scorecard")
    choose = """((name, value) => {
      const list = document.querySelector(`.claim-filters [name=${name}]`);
      list.value = value; list.dispatchEvent(new Event("change", {bubbles: true})); })"""

    shown.evaluate(f"{choose}('paper', 'Arya 2024')")
    papers = shown.evaluate(
        "[...new Set([...document.querySelectorAll('tr[data-paper]:not([hidden])')]"
        ".map(r => r.dataset.paper))]"
    )
    shown.evaluate(f"{choose}('verdict', 'not comparable')")
    said = shown.evaluate("document.querySelector('.claim-filters output').textContent")

    assert papers == ["Arya 2024"]
    assert said == "No claim is like this." or said.endswith("claims")


def test_the_leaderboard_sorts_by_a_head(visit):
    shown = visit("book/leaderboard")
    first = "document.querySelector('table.sortable tbody tr th').innerText.split(/\\s/)[0]"

    best = shown.evaluate(first)
    shown.evaluate("document.querySelectorAll('table.sortable th button')[1].click()")
    shown.evaluate("document.querySelectorAll('table.sortable th button')[1].click()")

    assert shown.evaluate(first) != best
    links = shown.evaluate(
        "[...document.querySelectorAll('table.sortable th a')].map(a => a.getAttribute('href'))"
    )
    assert len(links) >= 20
    assert all("methods.html#method-" in link for link in links)


@pytest.mark.parametrize("paper", [p for p in scorecard.PAPERS if p.chapter])
def test_one_click_leads_from_the_front_page_to_each_answer(visit, paper):
    shown = visit("book/intro")
    link = f'article a[href$="runs/{paper.chapter}.html"]'
    assert shown.evaluate(f"!!document.querySelector('{link}')")

    shown.evaluate(f"document.querySelector('{link}').click()")
    time.sleep(0.3)
    shown.settle()

    box = shown.evaluate("document.querySelector('article .answer')?.getBoundingClientRect().top")
    assert box is not None
    assert box < 900  # on the first screen


@pytest.mark.parametrize("chapter", scorecard.chapters())
def test_one_click_leads_to_what_differs_and_whether_it_is_fair(visit, chapter):
    shown = visit("book/intro")
    target = f"runs/{chapter}.html#{differences.ANCHOR}"
    card = f'article p > a[href$="{target}"]'
    assert "what differs, and is it fair?" in shown.evaluate(
        f"document.querySelector('{card}').textContent"
    )

    shown.evaluate(f"document.querySelector('{card}').click()")
    time.sleep(0.3)
    shown.settle()

    heads = f"[...document.querySelectorAll('#{differences.ANCHOR} table thead th')]"
    assert shown.evaluate(f"{heads}.map(e => e.innerText)")[1:4] == [
        "the paper", "here", "effect expected"
    ]  # fmt: skip
    assert "Is it fair?" in shown.evaluate(
        f"document.querySelector('#{differences.ANCHOR} p').innerText"
    )


def test_the_scorecard_leads_from_a_verdict_to_what_differs(visit):
    shown = visit("book/scorecard")

    rows = shown.evaluate(
        "[...document.querySelectorAll('details.claim-group tr[data-verdicts]')].map(r =>"
        "[r.dataset.verdicts, [...r.querySelectorAll('a')].map(a => a.hash)])"
    )
    asking = [hashes for verdicts, hashes in rows if "not comparable" in verdicts]
    assert asking
    assert all(f"#{differences.ANCHOR}" in hashes for hashes in asking)


def test_the_share_of_verdicts_is_read_aloud_and_has_a_mark_beside_its_color(visit):
    shown = visit("book/intro")

    bars = shown.evaluate(
        "[...document.querySelectorAll('.share-bar')].map(b => [b.getAttribute('role'),"
        "b.getAttribute('aria-label'), b.nextElementSibling.innerText])"
    )
    assert len(bars) > len(scorecard.chapters())
    for role, label, words in bars:
        assert role == "img"
        assert "numbers and orders: " in label
        assert words.split(", ")[0][0] in theme.MARKS.values()


def test_an_address_opens_the_explorers_view_and_keeps_what_is_chosen(visit, built_book):
    shown = visit("book/explorer")
    shown.evaluate("document.querySelector('#two-maps [name=first]').focus()")
    shown.press("ArrowDown")  # keys change the choice
    shown.settle()
    address, first = shown.evaluate(
        "[location.hash, document.querySelector('#two-maps [name=first]').value]"
    )
    assert f"first={quote_plus(first)}&" in address

    shown.open("about:blank")  # else only the address would change, and no page be opened
    shown.open(
        (built_book / "book/explorer.html").as_uri() + "#first=RISE&second=random&over=false"
    )
    seen = "[...document.querySelectorAll('#two-maps figure.map figcaption')].map(e => e.innerText)"

    assert shown.evaluate(seen) == ["RISE", "random"]
    assert not shown.evaluate("document.querySelector('#two-maps [name=over]').checked")


def test_a_long_list_of_measures_is_in_groups_by_test(visit):
    shown = visit("book/leaderboard")

    assert shown.evaluate("document.querySelectorAll('select optgroup').length") >= 6


def test_every_row_of_the_scorecards_chart_has_its_name(visit):
    shown = visit("book/scorecard", 390, touch=True)
    names = """[...document.querySelectorAll('.claim-chart .role-axis-label text')]
      .filter(e => getComputedStyle(e).opacity === "1" && e.textContent.includes(":")).length"""

    groups = len({
        (chapter, name)
        for chapter in scorecard.chapters()
        for name in claims.reported(chapter).query("rests_on == ''").group
    })  # fmt: skip
    assert shown.evaluate(names) == groups


def test_every_figures_links_lead_to_data_code_and_command(visit, built_book):
    shown = visit("book/runs/decam")

    hrefs = shown.evaluate(
        "[...document.querySelectorAll('figure .links a')].map(a => a.getAttribute('href'))"
    )
    folder = built_book / "book" / "runs"
    assert hrefs
    for href in hrefs:
        if href.startswith("#"):
            assert shown.evaluate(f"!!document.getElementById('{href[1:]}')"), href
        else:
            assert (folder / href).exists(), href


def test_the_book_is_below_forty_megabytes_without_runs_of_ones_own(built_book):
    sizes = [
        file.stat().st_size
        for file in built_book.rglob("*")
        if file.is_file() and "_made" not in file.parts
    ]
    assert sum(sizes) < 40e6


def test_what_is_folded_is_opened_for_printing_but_for_code(visit):
    shown = visit("book/scorecard")

    shown.evaluate("dispatchEvent(new Event('beforeprint'))")
    closed = shown.evaluate("document.querySelectorAll('details.claim-group:not([open])').length")
    shown.evaluate("dispatchEvent(new Event('afterprint'))")

    assert closed == 0
    assert shown.evaluate("document.querySelectorAll('details.claim-group:not([open])').length") > 0


def test_one_switch_shows_all_code(visit):
    shown = visit("book/runs/elime")

    shown.evaluate("document.querySelector('.code-switch').click()")

    assert shown.evaluate("document.querySelectorAll('details.hide:not([open])').length") == 0
