"""The report in a real Chromium without a network: nothing is asked for, nothing fails, everything answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graphrec.report import Findings, write_report
from graphrec.report.document import PAGES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine: the report is not tried in a browser", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SIZES = {"desk": (1400, 900), "phone": (400, 800)}


class Watched:
    """A browser page with everything it asked for and complained about."""

    def __init__(self, context: Any) -> None:
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page = context.new_page()
        self.page.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        context.route("**/*", lambda way: way.continue_() if way.request.url.startswith("file:") else way.abort())

    def open(self, path: Path, page: str = "summary") -> Any:
        """Show a page of a report."""
        self.page.goto(f"{path.as_uri()}#{page}")
        self.page.wait_for_selector(f"section#{page}.current")
        return self.page

    def check(self, path: Path) -> None:
        """Only the file was asked for and nothing was said."""
        assert {url.split("#")[0] for url in self.asked} == {path.as_uri()}
        assert self.complaints == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=["desk"])
def watched(browser: Any, request: pytest.FixtureRequest) -> Iterator[Watched]:
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, offline=True)
    yield Watched(context)
    context.close()


@pytest.mark.parametrize("watched", ["desk", "phone"], indirect=True)
def test_every_page_opens_without_asking_for_anything(watched: Watched, report: Path) -> None:
    for key, title, _ in PAGES:
        page = watched.open(report, key)
        assert page.locator("section.page:visible").count() == 1
        assert page.locator("h1:visible").inner_text() == title
        assert page.locator(".side a[aria-current]").inner_text().endswith(title)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{key} is wider than the screen"
    watched.check(report)


def test_a_click_on_a_node_tells_what_it_is(watched: Watched, report: Path, findings: Findings) -> None:
    assert findings.model is not None
    page = watched.open(report, "graph")
    page.wait_for_function("window.reportGraph && window.reportGraph.nodes('.treatment').length === 1")
    assert "Click a column" in page.locator("#graph-panel").inner_text()
    spot = page.evaluate(
        "(() => { const p = reportGraph.nodes('.treatment').renderedPosition();"
        " const b = document.getElementById('graph-canvas').getBoundingClientRect();"
        " return [b.x + p.x, b.y + p.y]; })()"
    )
    page.mouse.click(*spot)
    page.wait_for_function("document.querySelector('#graph-panel h3').textContent === 'treatment'")
    told = page.locator("#graph-panel").inner_text()
    assert "Solicitation" in told and "Tier 2 (Contact)" in told
    for child in findings.model.graph.children("treatment"):
        assert child.replace("_", " ") in told
    assert page.evaluate("reportGraph.elements('.dim').length") > 0
    page.locator("#graph-panel .close").click()
    assert page.evaluate("reportGraph.elements('.dim').length") == 0
    watched.check(report)


def test_the_graph_finds_filters_highlights_and_answers(watched: Watched, report: Path) -> None:
    page = watched.open(report, "graph")
    page.wait_for_function("window.reportGraph")
    page.select_option("#graph-find", "age")
    assert page.locator("#graph-panel h3").inner_text() == "age"
    assert "immutable trait" in page.locator("#graph-panel").inner_text()
    page.select_option("#graph-view", "all")
    shown = "reportGraph.edges().filter(e => e.style('display') !== 'none').length"
    before = page.evaluate(shown)
    page.locator("#graph-confidence").fill("100")
    assert 0 < page.evaluate(shown) < before
    page.locator(".legend [data-part=mediator]").click()
    lit = page.evaluate("reportGraph.nodes().not('.band').not('.dim').map(n => n.hasClass('mediator'))")
    assert lit and all(lit)
    page.select_option("#ask-cause", "outcome")
    page.select_option("#ask-effect", "age")
    assert page.locator("#ask-answer").inner_text().startswith("No, this is ruled out. ")
    zoom = page.evaluate("reportGraph.zoom()")
    page.locator("#graph-in").click()
    assert page.evaluate("reportGraph.zoom()") > zoom
    page.locator("#graph-fit").click()
    assert page.evaluate("reportGraph.zoom()") == pytest.approx(zoom)
    watched.check(report)


def test_tables_sort_and_filter(watched: Watched, report: Path) -> None:
    page = watched.open(report, "plan")
    header = page.locator("#plan-table thead th", has_text="Appetite")
    column = "[...document.querySelectorAll('#plan-table tbody tr')].map(r => parseFloat(r.cells[5].dataset.value))"
    header.click()
    falling = page.evaluate(column)
    assert falling == sorted(falling, reverse=True)
    header.click()
    assert page.evaluate(column) == sorted(falling)
    page.select_option("[data-filters=plan-table] [data-column=channel]", index=1)
    chosen = page.locator("[data-filters=plan-table] [data-column=channel]").input_value()
    channels = set(page.locator("#plan-table tbody tr:visible td:nth-child(3)").all_inner_texts())
    assert {channel.split()[0] for channel in channels} == {chosen}
    watched.check(report)


def test_hostile_names_run_nothing(watched: Watched, evil_findings: Findings, tmp_path: Path) -> None:
    path = write_report(tmp_path / "evil.html", evil_findings)
    for key, _, _ in PAGES:
        page = watched.open(path, key)
    page = watched.open(path, "graph")
    page.wait_for_function("window.reportGraph")
    page.select_option("#graph-find", "</script><script>alert(1)</script>")
    assert "alert(1)" in page.locator("#graph-panel h3").inner_text()
    assert page.locator("body script").count() == 4
    watched.check(path)


def test_without_scripts_and_on_paper_everything_can_be_read(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("section.page:visible").count() == len(PAGES)
    assert page.locator("#graph svg.drawing").is_visible()
    assert not page.locator(".toolbar:visible").count()
    context.close()
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(report.as_uri())
    page.emulate_media(media="print")
    assert page.locator("section.page:visible").count() == len(PAGES)
    assert page.locator("#graph svg.drawing").is_visible() and not page.locator(".side").is_visible()
    context.close()
