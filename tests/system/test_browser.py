"""A person's way through Prefect's V2 UI, in a real browser against the stack of `make up`.

With `SCREENSHOTS=some/folder` in the environment it takes pictures; those of the README are cut out of them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as NotShown

from tests.tools.chromium import WAIT_MS, chromium, needs_chromium
from tests.tools.stack import PROJECT, RunningStack

TRIES = 3

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=stack.ui_url)
    # Prefect's pages also ask for statistics and pictures elsewhere: a test waits for nothing but the stack.
    context.route(lambda url: not url.startswith((stack.ui_url, "file:")), lambda route: route.abort())
    context.set_default_timeout(WAIT_MS)
    expect.set_options(timeout=WAIT_MS)
    yield signed_in(context.new_page(), stack)
    context.close()


def signed_in(page: Page, stack: RunningStack) -> Page:
    """Sign in by the page that `make up` names; Prefect's pages forget a password that they could not check at once."""
    for _ in range(TRIES):
        page.goto((stack.state / ".prefect/sign-in.html").as_uri())
        with suppress(AssertionError):
            expect(page.get_by_role("link", name="Deployments", exact=True)).to_be_visible(timeout=WAIT_MS / TRIES)
            break
    return page


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.wait_for_timeout(1500)  # until what moves has come to rest; only the picture depends on it
        note_on_the_new_run = "[aria-label^='Notifications'] { visibility: hidden }"
        page.screenshot(path=PROJECT / folder / f"{name}.png", animations="disabled", style=note_on_the_new_run)


def parameter(page: Page, name: str) -> Locator:
    return page.get_by_role("textbox", name=f"{name} (Optional)", exact=True)


def open_run_form(page: Page) -> None:
    page.get_by_role("link", name="Deployments", exact=True).click()
    page.get_by_role("link", name="daily", exact=True).click()
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Custom run").click()
    expect(parameter(page, "source")).to_have_value("data/sample")


def submit(page: Page, source: Path) -> None:
    """Fill in the folder, submit, and go to the run that this starts."""
    parameter(page, "source").fill(str(source))
    # The pages, unlike Prefect's client, do not repeat a request that was refused while SQLite was locked: people do.
    for _ in range(TRIES):
        page.get_by_role("button", name="Submit").click()
        with suppress(NotShown):
            page.get_by_role("link", name="View run").click(timeout=WAIT_MS / TRIES)
            break
    page.wait_for_url("**/runs/flow-run/**")


def wait_for_state(page: Page, state: str) -> None:
    """Wait until a run's page shows that it has come to a state, loading the page again as people do."""
    shown = page.get_by_text(state, exact=True).first
    for _ in range(TRIES):
        with suppress(AssertionError):
            expect(shown).to_be_visible(timeout=WAIT_MS / TRIES)
            return
        page.reload()
    expect(shown).to_be_visible()


def test_ui_custom_run_completes_and_its_artifacts_show_the_profile(
    page: Page, stack: RunningStack, tmp_path: Path
) -> None:
    folder = tmp_path / "entrada"
    shutil.copytree(PROJECT / "data/sample", folder)
    open_run_form(page)
    schema = httpx.get(f"{stack.api_url}/deployments/name/ingest-raw/daily", auth=stack.auth, timeout=60).json()
    for name, parameter in schema["parameter_openapi_schema"]["properties"].items():
        expect(page.get_by_text(f"{name} (Optional)", exact=True)).to_be_visible()
        expect(page.get_by_text(parameter["description"], exact=True)).to_be_visible()
    picture(page, "run-form")
    submit(page, folder)
    wait_for_state(page, "Completed")
    assert list(stack.lake.glob("Raw/Local/CSV/Movies/*/*/*/movies.csv"))
    page.get_by_role("tab", name="Task Runs").click()
    for name in ("profile movies.csv", "upload movies.csv", "profile series.csv", "upload series.csv"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    picture(page, "run")

    page.get_by_role("tab", name="Artifacts").click()
    run_page = page.url
    page.get_by_role("heading", name=f"ingest-raw-{folder.parent.name.replace('_', '-')}-entrada").click()
    page.locator("a[href*='/artifacts/artifact/']").first.click()
    expect(page.get_by_role("heading", name=re.compile("2 files: 2 (uploaded|unchanged)"))).to_be_visible()
    address = page.get_by_role("link", name="Raw/Local/CSV/Movies").get_attribute("href")
    assert address
    assert httpx.get(address, timeout=60).content == (folder / "movies.csv").read_bytes()
    picture(page, "run-summary")

    page.goto(run_page)
    page.get_by_role("heading", name="profile-movies").click()
    page.locator("a[href*='/artifacts/artifact/']").first.click()
    row = page.get_by_role("row").filter(has_text="notaMedia")
    expect(row).to_contain_text("1000")
    expect(row).to_contain_text("float64")
    picture(page, "profile")


def test_ui_run_on_a_missing_folder_shows_why_it_failed(page: Page, tmp_path: Path) -> None:
    open_run_form(page)
    submit(page, tmp_path / "nowhere")
    wait_for_state(page, "Failed")
    page.get_by_role("tab", name="Details").click()
    reason = page.get_by_text(f"There is no folder {tmp_path / 'nowhere'}.")
    reason.scroll_into_view_if_needed()
    expect(reason).to_be_visible()
    picture(page, "failed-run")


def test_ui_form_says_which_parameter_is_wrong_and_starts_nothing(page: Page, stack: RunningStack) -> None:
    def runs() -> int:
        return int(httpx.post(f"{stack.api_url}/flow_runs/count", json={}, auth=stack.auth, timeout=60).json())

    before = runs()
    open_run_form(page)
    parameter(page, "bucket").fill("ab")
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("'ab' is too short", exact=True)).to_be_visible()
    assert runs() == before
