"""The pages as text: nothing from outside acts, both languages say the same, and very much stays within bounds."""

from __future__ import annotations

import base64
import hashlib
import re
import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import Mock

import pytest
from jinja2 import Environment

from flows.lake.catalog import lines, pages, taking
from flows.lake.catalog.needs import SHOWN_NEEDS, needs_of
from flows.lake.catalog.records import DatasetRecord, LakeRecord, RunLine, StepLine, page_key, record_key, slug_of
from flows.lake.models import Drift
from tests.tools.catalogs import archive_manifest, landed, manifest_of

DAY = date(2024, 3, 5)
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></textarea><svg onload=alert(1)>",
    "\u202egnp.exe",
    "a\nb\tc\x07",
    "../../../etc/passwd",
    "..",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "🎬" * 300,
    "n" * 5_000,
    "&lt;b&gt;",
    "bad\udcff",
)


class Tags(HTMLParser):
    """Collects every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def record_of(name: str, text: str = "x") -> DatasetRecord:
    change = Drift("column added", f"column {text!r} is new", text)
    outcomes = (
        landed("Safe", "a.csv", DAY, columns=((text, "int64"),), drift=(change,)),
        landed("Safe", f"{text[:50]}.csv".replace("/", "-"), DAY, state="rejected", reason=text),
    )
    made = manifest_of(DAY, *(replace(outcome, dataset=name) for outcome in outcomes))
    record = DatasetRecord(dataset=name)
    taking.take(record, "Manifests/2024/03/05/run.json", made, list(made.files), lambda _: None)
    return record


def lake_of(*records: DatasetRecord) -> LakeRecord:
    return LakeRecord(bucket="a-lake", datasets={one.dataset: lines.summed_up(one) for one in records})


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text_and_nothing_else(name: str) -> None:
    text = name.encode("utf-8", "backslashreplace").decode()
    record = record_of(text, text)
    lake = pages.lake_page(lake_of(record), DAY, linked=True)
    dataset = pages.dataset_page(record, "a-lake", linked=True)
    for page in (lake, dataset):
        tags = Tags()
        tags.feed(page)
        assert [tag for tag, _ in tags.found].count("script") == 1
        assert not {"img", "iframe", "object", "form", "link", "base", "textarea"} & {tag for tag, _ in tags.found}
        for tag, attributes in tags.found:
            assert not [one for one in attributes if one.startswith("on") or one == "style"], (tag, attributes)
            assert re.match(r"(#|\.\./|datasets/|Raw)", attributes.get("href") or "#")
        assert "\u202e" not in page
        assert "\x07" not in page


def test_page_allows_its_own_style_and_script_and_nothing_else() -> None:
    page = pages.lake_page(lake_of(record_of("Orders")), DAY, linked=False)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1].replace("&#39;", "'")  # type: ignore[index]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        held = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]  # type: ignore[index]
        digest = base64.b64encode(hashlib.sha256(held.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_both_languages_have_the_same_places() -> None:
    for key, (english, portuguese) in pages.texts().items():
        assert sorted(re.findall(r"\{\d\}", english)) == sorted(re.findall(r"\{\d\}", portuguese)), key


def test_every_text_of_the_templates_is_in_both_languages() -> None:
    here = pages._HERE.joinpath("templates")
    used = {
        key
        for name in ("base.html.j2", "parts.html.j2", "lake.html.j2", "dataset.html.j2")
        for key in re.findall(
            r"""(?<![\w.])(?:t|column_head)\("([a-z0-9_]+)\"""", here.joinpath(name).read_text("utf-8")
        )
    }
    assert len(used) > 40
    assert used - pages.texts().keys() <= {"need_", "out_"}


def test_names_that_differ_have_pages_that_differ_and_lie_in_the_catalog() -> None:
    names = ("Orders", "orders", "Órders", "Or/ders", "../x", "..", "  ", "é", "e\u0301")
    assert len({slug_of(name) for name in names}) == len(names)
    for name in names:
        assert re.fullmatch(r"Catalog/datasets/[a-z0-9-]+\.html", page_key(name))
        assert re.fullmatch(r"Catalog/data/datasets/[a-z0-9-]+\.json\.gz", record_key(name))


def test_lake_of_ten_thousand_datasets_is_one_page_within_bounds() -> None:
    line = lines.summed_up(record_of("Orders"))
    lake = LakeRecord(bucket="a-lake", datasets={f"Dataset {n:05}": line for n in range(10_000)})
    page = pages.lake_page(lake, DAY, linked=False)
    assert len(page) < 6_000_000
    assert page.count("<svg") < 3 * pages.FULL_ROWS + 200
    assert "Dataset 09999" in page


def test_dataset_of_ten_years_and_five_thousand_columns_is_one_page_within_bounds() -> None:
    record = DatasetRecord(dataset="Wide")
    columns = tuple((f"column {n}", "int64") for n in range(5_000))
    first = date(2014, 3, 5)
    wide = manifest_of(first, landed("Wide", "a.csv", first, columns=columns))
    taking.take(record, "first", wide, list(wide.files), lambda _: None)
    for n in range(1, 3_650):
        record.days[first + timedelta(days=n)] = replace(record.days[first])
    last = first + timedelta(days=3_650)
    wide = manifest_of(last, landed("Wide", "a.csv", last, columns=columns))
    taking.take(record, "last", wide, list(wide.files), lambda _: None)
    page = pages.dataset_page(record, "a-lake", linked=False)
    assert len(page) < 5_000_000
    assert "column 4999" in page
    assert "2014-03-05" in page


def test_what_is_due_and_did_not_come_is_late() -> None:
    record = record_of("Orders")
    line = replace(lines.summed_up(record), expect="daily", last=DAY, state="landed", states="l")
    lake = LakeRecord(bucket="a-lake", datasets={"Orders": line})
    assert [need.kind for need in needs_of(lake, DAY + timedelta(days=1))[0]] == []
    needs, _ = needs_of(lake, DAY + timedelta(days=2))
    assert [(need.kind, need.values) for need in needs] == [("late", ("2024-03-06", "daily"))]
    assert "b-late" in pages.lake_page(lake, DAY + timedelta(days=2), linked=False)


def test_what_needs_a_person_comes_first_and_says_why() -> None:
    lake = lake_of(record_of("Orders", "is <empty>"))
    page = pages.lake_page(lake, DAY, linked=False)
    assert page.index("is &lt;empty&gt;") < page.index('id="h-totals"')


def test_what_did_not_land_is_told_for_a_week_unless_it_has_landed_since() -> None:
    record = DatasetRecord(dataset="Orders")

    def run(day: date, file: str, state: str, hour: int = 6) -> None:
        made = manifest_of(day, landed("Orders", file, day, state=state), hour=hour)
        key = f"Manifests/{day}-{hour}.json"
        taking.take(record, key, made, list(made.files), lambda _: None)

    def told() -> list[tuple[str, tuple[str, ...]]]:
        return [(need.kind, need.values) for need in needs_of(lake_of(record), DAY + timedelta(days=30))[0]]

    run(DAY, "a.csv", "rejected")
    for n in range(1, 8):
        run(DAY + timedelta(days=n), "a.csv", "uploaded")
        assert told() == ([("rejected", (str(DAY),))] if n < 7 else [])
    run(DAY + timedelta(days=6), "b.csv", "rejected", hour=7)
    assert told() == [("rejected", (str(DAY + timedelta(days=6)),))]
    run(DAY + timedelta(days=6), "b.csv", "uploaded", hour=8)
    assert told() == []


@pytest.mark.parametrize(("files", "state"), [("a", "landed"), ("b", "rejected"), ("bc", "rejected"), ("ba", "landed")])
def test_run_of_other_files_does_not_say_that_those_of_the_day_have_landed(files: str, state: str) -> None:
    line = None
    for outcome in (landed("Orders", "a", DAY, state="rejected"), *(landed("Orders", file, DAY) for file in files)):
        made = manifest_of(DAY, outcome)
        one = taking.day_of([taking.line_of(held, made) for held in made.files])
        line = lines.line_with(line, DAY, one, DAY)
    assert line
    assert (line.state, line.states) == (state, state[0])


def test_manifests_that_cannot_be_read_do_not_hide_what_did_not_land() -> None:
    lake = lake_of(record_of("Orders"))
    lake.unreadable = {f"Manifests/{n}.json": "is none" for n in range(SHOWN_NEEDS)}
    needs, more = needs_of(lake, DAY)
    assert [need.kind for need in needs][:2] == ["rejected", "unreadable"]
    assert (len(needs), more) == (SHOWN_NEEDS, 1)


def test_blank_names_are_told_and_lakes_without_runs_have_no_table_of_them() -> None:
    assert '<code><bdi>"  "</bdi></code>'.replace('"', "&#34;") in pages.dataset_page(
        record_of("A", "  "), "a-lake", linked=False
    )
    assert "h-runs" not in pages.lake_page(LakeRecord(bucket="a-lake"), DAY, linked=False)


def test_bars_of_few_days_are_wide() -> None:
    made = pages.dataset_page(record_of("A"), "a-lake", linked=False)
    assert f'viewBox="0 0 {2 * pages.LEAST_BAR_DAYS} 60"' in made


def test_what_to_do_next_is_that_of_the_last_run_and_can_be_copied_where_it_can_be_seen() -> None:
    steps = [StepLine(text="3 files are <one> dataset.", snippet="Orders:\n  files: <x>\n")]
    steps.append(StepLine(text="Names hold \u202e.", snippet="a: \u202e\n"))
    started = datetime(2024, 3, 5, 6, tzinfo=UTC)
    run = RunLine(day=DAY, name="2024-03-05 in", started=started, manifest="Manifests/m.json", steps=steps)
    page = pages.lake_page(lake_of(record_of("Orders")).model_copy(update={"runs": [run]}), DAY, linked=False)
    assert "3 files are &lt;one&gt; dataset." in page
    assert "Orders:\n  files: &lt;x&gt;\n" in page
    assert "c-step-2" not in page
    assert "\u202e" not in page
    assert 'id="h-steps"' not in pages.lake_page(lake_of(record_of("Orders")), DAY, linked=False)


def test_page_shows_what_is_in_an_archive(tmp_path: Path) -> None:
    bad = "%PDF-1.7\n" + "\x00\x01\x02\x00\x05" * 99
    members = {"<b>ruim</b>.csv": bad} | {f"{number:03}.csv": "a,b\n1,2\n" for number in range(60)}
    made = archive_manifest(members, tmp_path / "a.zip")
    record = DatasetRecord(dataset="Dados")
    taking.take(record, "Manifests/2024/03/05/run.json", made, list(made.files), lambda _: None)
    page = pages.dataset_page(record, "a-lake", linked=True)
    assert '<data value="61">61</data>' in page
    assert "000.csv" in page
    assert "059.csv" not in page
    assert "<b>ruim" not in page
    assert "not read; the manifest says why" in page
    assert "archive.infolist()[1]" in page


@pytest.mark.parametrize("where", ["a folder", "nowhere", "a full disk"])
def test_templates_are_compiled_once_for_all_runs(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path if where != "nowhere" else tmp_path / "not there"
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    if where == "a full disk":
        monkeypatch.setattr(tempfile, "NamedTemporaryFile", Mock(side_effect=OSError(28, "No space left on device")))
    compiled: list[str] = []
    compile_ = Environment.compile
    monkeypatch.setattr(
        Environment, "compile", lambda *given, **named: compiled.append("") or compile_(*given, **named)
    )
    made = [pages.dataset_page(record_of("A"), "a-lake", linked=True) for _ in range(2) if _forgotten()]
    assert made[0] == made[1]
    # page, its frame, and what both take from; the second time from the folder.
    assert len(compiled) == (3 if where == "a folder" else 6)
    _forgotten()


def _forgotten() -> bool:
    pages._environment.cache_clear()
    return True


def test_day_to_come_is_told_and_hides_neither_the_last_days_nor_that_one_is_missing() -> None:
    record = DatasetRecord(dataset="Orders")
    days = [date(2024, 3, day) for day in (1, 2, 3)]
    for of_file in (*days, date(2099, 3, 3)):
        made = manifest_of(min(of_file, days[-1]), landed("Orders", f"{of_file}.csv", of_file))
        taking.take(record, f"Manifests/{of_file:%Y/%m/%d}/run.json", made, list(made.files), lambda _: None)
    record.expect = "daily"
    lake = lake_of(record)
    assert lake.datasets["Orders"].states[-3:] == "lll"
    needs, _ = needs_of(lake, date(2024, 3, 6))
    assert [(need.kind, need.values[0]) for need in needs] == [("ahead", "2099-03-03"), ("late", "2024-03-04")]
    assert "still to come, 2099-03-03" in pages.lake_page(lake, date(2024, 3, 6), linked=True)
    # Tomorrow may have begun where its runs are.
    told = {today: [need.kind for need in needs_of(lake, today)[0]] for today in (date(2099, 3, 1), date(2099, 3, 2))}
    assert ("ahead" in told[date(2099, 3, 1)], "ahead" in told[date(2099, 3, 2)]) == (True, False)
