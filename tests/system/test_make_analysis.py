"""`make analysis` as a process: what it prints and leaves, and its report in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.test_make_ingest import run_module
from tests.tools.chromium import chromium, needs_chromium
from tests.tools.stack import left_running


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("analysis")
    done = run_module("deployments.local.analysis", state)
    assert done.returncode == 0, done.stdout
    assert left_running(state) == []
    for told in (
        "TMDB was asked for 251 titles (250 found, 1 not found)",
        "1. How many films were released each year",
        "2. Which actresses and actors appear most",
        "3. Which directors have most titles",
        "4. Of the 100 best rated titles",
        "Ricardo Darín       actor             6      Spanish 6",
    ):
        assert told in done.stdout
    assert "token-of-the-scripted-tmdb" not in done.stdout
    (page,) = (state / "lake/films-sample/Reports/Films").glob("*/*/*/index.html")
    assert str(page) in done.stdout
    return page


def test_make_analysis_answers_the_questions_and_leaves_the_report(report: Path) -> None:
    text = report.read_text(encoding="utf-8")
    assert text.count("<svg") == 4
    assert "<script" not in text
    assert "234 of 262 titles were selected." in text


@needs_chromium
@pytest.mark.parametrize("width", [1280, 390])
def test_report_is_whole_in_a_browser_and_loads_nothing(report: Path, width: int) -> None:
    complaints: list[str] = []
    requests: list[str] = []
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(report.as_uri())
        assert page.locator("h2").count() == 7
        assert page.locator("svg rect").count() > 60
        assert page.get_by_role("img").first.get_attribute("aria-label", timeout=5000)
        assert page.evaluate("document.documentElement.scrollWidth") <= width  # wide tables scroll by themselves
    assert complaints == []
    assert requests == [report.as_uri()]
