"""The report of a backtest: one file, in a browser without a network."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import pytest


@pytest.fixture
def made(notifier, project, history):
    """The report of a late order against rules that tell of it a day later, and the same as JSON."""
    arrived = {"id": "1043", "delivered_at": "2026-03-19T14:00:00Z"}
    history.append(
        {**history[1], "id": "e3", "type": "order.delivered", "time": "2026-03-19T14:00:00Z", "data": arrived}
    )
    history.append({**history[1], "id": "e4", "data": {"id": "1044", "<i>gift": True}})
    (project / "events.ndjson").write_text("".join(json.dumps(one) + "\n" for one in history), encoding="utf-8")
    settings = project / "config" / "notifier.yaml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("name: Example Shop", 'name: "Sun <b>& Sea"'), encoding="utf-8")
    shutil.copytree(project / "rules", project / "old" / "rules")
    rules = project / "old" / "rules" / "delivery.yaml"
    rules.write_text(
        rules.read_text(encoding="utf-8").replace("promised_at + 1d", "promised_at + 2d"), encoding="utf-8"
    )
    asked = ["backtest", "--events", "events.ndjson", "--until", "2026-03-25", "--against", "old"]
    told = notifier(*asked, "--report", "report.html")
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith("\nThe report is in report.html.\n")
    return project / "report.html", notifier(*asked, "--json").records


class _Outside(HTMLParser):
    """What a page would fetch or run, and the texts in it."""

    def __init__(self):
        super().__init__()
        self.fetched, self.texts = [], []

    def handle_starttag(self, tag, attributes):
        self.fetched += [tag] if tag in ("script", "link", "iframe", "img", "object") else []
        self.fetched += [
            name for name, _ in attributes if name in ("src", "href", "xlink:href") or name.startswith("on")
        ]

    def handle_data(self, data):
        self.texts.append(data)


def test_it_needs_nothing_beside_it(made):
    """No script, no link, no picture, nothing from elsewhere; names from outside are text."""
    page = made[0].read_text(encoding="utf-8")
    outside = _Outside()
    outside.feed(page)
    assert outside.fetched == []
    assert not re.search(r"https?://|@import|url\(", page)
    assert "Sun <b>& Sea" in "".join(outside.texts)
    assert "<i>gift" in "".join(outside.texts)


def test_a_browser_shows_the_figures(made, needs):
    """Without a network, on a phone and on paper, in the light and in the dark: the numbers are those of --json."""
    from playwright.sync_api import sync_playwright

    path, records = made
    summary = next(one["summary"] for one in records if "summary" in one)
    delays = summary["delays"]
    assert (delays["told"], delays["false_alarms"], delays["late"]) == (2, 0, 1)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=needs("chromium"), args=["--no-sandbox"])
        grounds = []
        for width, scheme in ((320, "light"), (1200, "dark")):
            context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
            page, asked, trouble = context.new_page(), [], []
            page.set_default_timeout(30_000)
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("console", lambda message, trouble=trouble: trouble.append(message.text))
            page.goto(path.as_uri())
            assert (asked, trouble) == ([path.as_uri()], [])
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            tiles = [page.locator(".tile").nth(place).inner_text().split("\n")[0] for place in range(7)]
            kinds = [f"{summary[kind]}" for kind in ("messages", "surveys", "staff")]
            assert tiles == [*kinds, "1", "0.0%", "0.0%", "30 h before"]
            drawn = page.locator("figure").first.locator("rect")
            assert drawn.count() == sum(
                1 for one in summary["sent_by"]["day"].values() for count in one.values() if count
            )
            heights = drawn.evaluate_all("rects => rects.map(one => one.getBoundingClientRect().height)")
            assert min(heights) > 2
            row = page.locator("#delays tbody tr").first.inner_text()
            assert row.split()[:3] == ["promise-at-risk", "1", "1"]
            against = page.locator("#against").inner_text()
            assert "Against old" in against
            assert "1 otherwise" in against
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            if width == 1200:
                assert page.pdf(format="A4").startswith(b"%PDF")
        chromium.close()
    assert len(set(grounds)) == 2


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("nowhere/report.html", "notifier: --report nowhere/report.html: there is no directory nowhere\n"),
        ("rules", "notifier: --report rules: this is a directory; name a file in it, like rules/report.html\n"),
    ],
)
def test_where_it_cannot_be_written(notifier, events, report, said):
    """Said at once, not after minutes of replaying."""
    ended = notifier("backtest", "--events", "events.ndjson", "--report", report)
    assert (ended.code, ended.out, ended.err) == (2, "", said)


def test_a_report_of_nothing(notifier, project):
    """An empty history has a page, too."""
    (project / "events.ndjson").write_text("", encoding="utf-8")
    assert notifier("backtest", "--events", "events.ndjson", "--report", "report.html").code == 0
    assert "No rule went off." in (project / "report.html").read_text(encoding="utf-8")
