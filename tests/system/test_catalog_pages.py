"""A person's way through the lake's pages, in a real browser, as `make up` serves them.

With `SCREENSHOTS=some/folder` in the environment it takes the pictures of the README.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from deployments.land import evidence
from deployments.land.words import Words
from flows.lake.catalog.pages import lake_page
from flows.lake.catalog.records import INDEX_KEY, page_key
from flows.lake.catalog.refresh import rebuild
from flows.lake.manifests.store import ManifestStore
from flows.lake.models import Drift, FileOutcome
from flows.lake.s3.bucket import Bucket
from flows.lake.tables.profile import profile_csv
from tests.system.conftest import free_port
from tests.tools.catalogs import landed, manifest_of, store
from tests.tools.chromium import WAIT_MS, chromium, needs_chromium
from tests.tools.servers import rclone_server
from tests.tools.stack import PROJECT
from tests.unit.catalog.test_pages import lake_of, record_of
from tests.unit.deployments.land.test_evidence import a_landing

HOSTILE = "<script>document.title='acted'</script>"
TODAY = date(2026, 11, 28)
COLUMNS = (
    ("id", "str"),
    ("tituloPincipal", "str"),
    ("anoLancamento", "str"),
    ("notaMedia", "float64"),
    ("genero", "str"),
)
NOW_TEXT = (*COLUMNS[:3], ("notaMedia", "str"), *COLUMNS[4:])

pytestmark = needs_chromium


def _land(manifests: ManifestStore) -> None:
    """Make the manifests of some weeks: a good dataset, one that drifts, one that is rejected, one with a bad name."""
    dice = random.Random(7)
    for back in range(80, -1, -1):
        day = TODAY - timedelta(days=back)
        rows = 1_000_000 + dice.randrange(60_000)
        changed = Drift(
            "dtype changed",
            "column 'notaMedia' changed from float64 to str (line 48,211, notaMedia: 'N/A' is not a number)",
            "notaMedia",
        )
        outcomes = [
            landed("Movies", "movies.csv", day, rows, columns=COLUMNS, version_id="v1"),
            landed(
                "Series", "series.csv", day, rows // 3, columns=NOW_TEXT if back < 6 else COLUMNS,
                drift=(changed,) if back == 5 else (),
            ),
        ]  # fmt: skip
        if day.weekday() < 5:
            bad = back in (1, 40)
            outcomes.append(
                landed("Orders", f"orders_{day}.csv", day, 400, state="rejected" if bad else "uploaded",
                       reason="line 3 has 9 fields where the header has 8." if bad else "")
            )  # fmt: skip
        if back == 9:
            outcomes.append(landed("Unsafe", "a.csv", day, columns=((HOSTILE, "str"),)))
        store(manifests, manifest_of(day, *outcomes, bucket="my-lake", name=f"{day} data"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a lake with pages; yields the address of its bucket."""
    folder = tmp_path_factory.mktemp("lake")
    with rclone_server(folder) as server:
        client = server.client()
        client.create_bucket(Bucket="my-lake")
        manifests = ManifestStore(Bucket(client, "my-lake"))
        _land(manifests)
        rebuild(manifests, TODAY)
    (folder / "my-lake/Catalog/own.html").write_text("<title>calm</title><script>document.title='acted'</script>")
    port = free_port()
    command = [sys.executable, "-m", "deployments.local.browse", str(port), str(folder)]
    process = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL)
    try:
        client_of_pages = httpx.Client(transport=httpx.HTTPTransport(retries=8))
        client_of_pages.get(f"http://127.0.0.1:{port}/my-lake/{INDEX_KEY}", timeout=60)
        yield f"http://127.0.0.1:{port}/my-lake/"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class Reader:
    """Opens pages as a certain reader, and notes what the browser complains of."""

    def __init__(self, browser: Browser, site: str) -> None:
        self._browser, self._site = browser, site
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []

    def open(self, key: str, **who: Any) -> Page:
        given: dict[str, Any] = {"locale": "en-US", "viewport": {"width": 1280, "height": 800}} | who
        context = self._browser.new_context(base_url=self._site, **given)
        context.set_default_timeout(WAIT_MS)
        context.route(lambda url: not url.startswith((self._site, "data:")), lambda route: route.abort())
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(key)
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def reader(browser: Browser, site: str) -> Iterator[Reader]:
    made = Reader(browser, site)
    yield made
    made.close()
    assert made.complaints == []


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=PROJECT / folder / f"{name}.png", animations="disabled")


def test_lake_tells_what_needs_a_person_and_leads_to_the_dataset(reader: Reader) -> None:
    page = reader.open(INDEX_KEY)
    needs = page.get_by_role("region", name="What needs a person")
    expect(needs).to_contain_text("Orders: files did not land on 2026-11-27")
    expect(needs).to_contain_text("line 3 has 9 fields where the header has 8.")
    rows = page.locator("#rows tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.filter(has_text="Movies")).to_contain_text("60 of 60 days with data")
    picture(page, "catalog")
    page.get_by_role("row").filter(has_text="Series").get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Series")
    expect(page.locator(".timeline")).to_contain_text("(line 48,211, notaMedia: 'N/A' is not a number)")
    row = page.get_by_role("row").filter(has_text="notaMedia")
    expect(row).to_contain_text("str100.0%2026-11-23float64 until 2026-11-22")
    picture(page, "catalog-dataset")
    key = page.get_by_role("link", name="Raw/Local/CSV/Series/2026/11/28/series.csv")
    assert key.get_attribute("href") == "../../Raw/Local/CSV/Series/2026/11/28/series.csv"


def test_search_sort_day_picker_and_language_work(reader: Reader) -> None:
    page = reader.open(INDEX_KEY)
    rows = page.locator("#rows tbody tr:visible")
    page.get_by_label("Search datasets").fill("ser")
    expect(rows).to_have_count(1)
    expect(page.locator("#found")).to_have_text("1 found")
    page.get_by_label("Search datasets").fill("")
    expect(rows).to_have_count(4)
    page.get_by_role("button", name="Rows", exact=True).click()
    expect(page.locator("#rows thead th[aria-sort=ascending]")).to_have_text("Rows")
    expect(rows.first).to_contain_text("Unsafe")
    page.get_by_role("button", name="Rows", exact=True).press("Enter")
    expect(rows.first).to_contain_text("Movies")
    page.get_by_role("button", name="Português").click()
    expect(page.get_by_role("heading", name="O que precisa de uma pessoa")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "pt-BR"

    page = reader.open(page_key("Movies"))
    page.get_by_label("Go to a day").fill("2026-11-20")
    expect(page.locator("#d-2026-11-20 table")).to_be_visible()
    page.get_by_label("Go to a day").fill("2026-09-15")
    expect(page.locator("#d-2026-09-15")).to_be_visible()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()


def test_texts_are_in_the_language_of_the_reader(reader: Reader) -> None:
    page = reader.open(page_key("Movies"), locale="pt-BR")
    expect(page.get_by_role("heading", name="Como ler")).to_be_visible()
    totals = page.locator(".totals")
    expect(totals).to_contain_text(re.compile(r"Linhas\d\d\.\d{3}\.\d{3}"))
    expect(page.get_by_text(re.compile(r"Bytes, no máximo \d,\d MB"))).to_be_visible()
    page = reader.open(page_key("Movies"), locale="de-DE")
    expect(page.get_by_role("heading", name="How to read it")).to_be_visible()


def test_pages_say_the_same_without_javascript(reader: Reader) -> None:
    page = reader.open(INDEX_KEY, java_script_enabled=False)
    expect(page.locator("#rows tbody tr")).to_have_count(4)
    assert page.locator("button:visible, input:visible").count() == 0
    page.get_by_role("link", name="Movies").first.click()
    page.locator("#d-2026-11-27 summary").click()
    expect(page.locator("#d-2026-11-27 table")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_people_from_reading(reader: Reader, scheme: str) -> None:
    for key in (INDEX_KEY, page_key("Series"), page_key("Orders")):
        # The page's own policy forbids what axe adds to it.
        page = reader.open(key, color_scheme=scheme, bypass_csp=True)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()
        if scheme == "dark" and key == INDEX_KEY:
            picture(page, "catalog-dark")


def test_axe_finds_nothing_on_the_evidence_page(reader: Reader) -> None:
    path = PROJECT / "data/sample/movies.csv"
    outcome = FileOutcome(path, "Movies", f"Raw/{'n' * 200}", "uploaded", profile=profile_csv(path))
    page = reader.open(INDEX_KEY, viewport={"width": 360, "height": 740}, bypass_csp=True)
    page.set_content(evidence.page(a_landing(outcome), Words({})))
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_phone_scrolls_down_and_not_sideways(reader: Reader) -> None:
    for key in (INDEX_KEY, page_key("Series")):
        page = reader.open(key, viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        if key == INDEX_KEY:
            picture(page, "catalog-phone")
            page.set_content(lake_page(lake_of(record_of("n" * 200)), TODAY, linked=True))
            assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_keyboard_reaches_the_content_at_once_and_every_control(reader: Reader) -> None:
    page = reader.open(INDEX_KEY)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim() || document.activeElement.id"))
    assert {"Movies", "search", "Rows", "How to read the squares"} <= {one[:30] for one in reached}


def test_name_that_is_markup_is_shown_and_does_not_act(reader: Reader) -> None:
    page = reader.open(page_key("Unsafe"))
    expect(
        page.get_by_role("cell", name=HOSTILE).or_(page.get_by_role("rowheader", name=HOSTILE)).first
    ).to_be_visible()
    assert "acted" not in page.title()


def test_page_of_someone_else_in_the_catalog_does_not_act(browser: Browser, site: str) -> None:
    context = browser.new_context(base_url=site)
    page = context.new_page()
    page.goto("Catalog/own.html")
    assert page.title() == "calm"
    context.close()
    assert "allow-scripts" not in httpx.get(f"{site}Manifests/").headers["content-security-policy"]


def test_screenshots_of_the_readme_are_there() -> None:
    readme = (PROJECT / "README.md").read_text()
    for name in ("catalog", "catalog-dataset"):
        assert f"docs/images/{name}.png" in readme
        assert (PROJECT / f"docs/images/{name}.png").exists()
