"""A person's way through Prefect's V2 UI, in a real browser against the stack of `make up`.

With `SCREENSHOTS=docs/images` in the environment the pictures of the README are taken anew.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.stack import PROJECT, RunningStack, stack_up

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_MS = 60_000

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium is installed: `apt-get install chromium` (or `chromium-browser`)"
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with stack_up(tmp_path_factory.mktemp("ui")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # Chromium would otherwise ask its makers for updates and suggestions.
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *quiet])
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, stack: RunningStack) -> Iterator[Any]:
    page = browser.new_page(viewport={"width": 1280, "height": 860}, base_url=stack.ui_url)
    page.set_default_timeout(WAIT_MS)
    yield page
    page.close()


def picture(page: Any, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        path = PROJECT / folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(1000)  # animations; only the picture depends on it
        page.screenshot(path=path)


def open_run_form(page: Any) -> None:
    page.goto("/v2/deployments")
    page.get_by_role("link", name="daily", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Custom run").click()
    page.get_by_text("Folder that holds the CSV files").wait_for()


def submit(page: Any, source: Path) -> None:
    """Fill the form's source in, submit, and go to the run that it started."""
    page.locator("textarea").first.fill(str(source))
    page.get_by_role("button", name="Submit").click()
    page.get_by_role("button", name="View run").or_(page.get_by_role("link", name="View run")).first.click()
    page.wait_for_url("**/runs/flow-run/**")


def test_ui_custom_run_completes_and_its_artifacts_tell_the_profile(
    page: Any, stack: RunningStack, tmp_path: Path
) -> None:
    folder = tmp_path / "entrada"
    shutil.copytree(PROJECT / "data/sample", folder)
    open_run_form(page)
    for name in ("source", "pattern", "partition_date", "timezone", "dry_run"):
        assert page.get_by_text(name, exact=False).first.is_visible()
    picture(page, "run-form")
    submit(page, folder)
    page.get_by_text("Completed").first.wait_for()
    picture(page, "flow-run")
    page.get_by_role("tab", name="Task Runs").click()
    page.get_by_text("upload movies.csv").first.wait_for()
    assert list(stack.lake.glob("Raw/Local/CSV/Movies/*/*/*/movies.csv"))

    page.goto("/v2/artifacts")
    page.get_by_text("profile-movies").first.wait_for()
    picture(page, "artifacts")
    page.goto("/v2/artifacts/key/ingest-raw-run")
    page.locator("a[href*='/artifacts/artifact/']").first.click()
    page.get_by_text("2 files: 2 uploaded").first.wait_for()
    assert page.get_by_role("link", name="Raw/Local/CSV/Movies").first.is_visible()
    picture(page, "run-summary")
    page.goto("/v2/artifacts/key/profile-movies")
    page.locator("a[href*='/artifacts/artifact/']").first.click()
    page.get_by_text("notaMedia").first.wait_for()
    assert page.get_by_text("float64").first.is_visible()
    picture(page, "profile")


def test_ui_run_on_a_missing_folder_shows_why_it_failed(page: Any, tmp_path: Path) -> None:
    open_run_form(page)
    submit(page, tmp_path / "nowhere")
    page.get_by_text("Failed").first.wait_for()
    page.reload()
    page.get_by_text("There is no folder").first.wait_for()
    picture(page, "failed-run")


def test_ui_form_refuses_an_empty_pattern(page: Any) -> None:
    open_run_form(page)
    page.locator("textarea").nth(1).fill("")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_timeout(2000)
    picture(page, "form-error")
    assert page.url.split("?")[0].endswith("/run")
