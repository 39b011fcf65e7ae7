import html
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from flows.lake import units, words
from flows.lake.models import ColumnProfile, CsvProfile, FileOutcome
from flows.lake.reports import run_report
from flows.lake.run_models import RunSummary, Written


def profile(name: str = "a.csv", rows: int = 1234) -> CsvProfile:
    columns = (ColumnProfile("x", "int64", rows), ColumnProfile("y", "str", 2))
    return CsvProfile(Path(name), rows, columns, 5000, 0, "0" * 64, "AAAAAAAAAAA=", "utf-8", ",", hints=("a hint",))


def outcome(name: str, state: Any = "uploaded", **changes: Any) -> FileOutcome:
    given = {"profile": profile(name), "size_bytes": 5000, "bytes_sent": 5000} | changes
    return FileOutcome(Path(name), "A", f"Raw/Local/CSV/A/2024/03/05/{name}", state, **given)


def summary(*outcomes: FileOutcome, **changes: Any) -> RunSummary:
    given: dict[str, Any] = {
        "run_id": "0123",
        "run_name": "2024-03-05 in",
        "source": Path("in"),
        "bucket": "lake",
        "day": date(2024, 3, 5),
        "dry_run": False,
        "outcomes": outcomes,
        "hidden": 0,
        "warnings": (),
        "objects": 3,
        "size_bytes": 10_000,
        "started": datetime(2024, 3, 5, 6, tzinfo=UTC),
        "duration_s": 1.5,
    }
    return RunSummary(**given | changes)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (173_200_000, "173.2 MB"), (5e15, "5,000.0 TB")]
)
def test_size_text_uses_decimal_units(size: float, text: str) -> None:
    assert units.size_text(size) == text


def test_verdict_of_a_good_run_counts_by_outcome() -> None:
    text = run_report.verdict_text(summary(outcome("a.csv"), outcome("b.csv", "unchanged")))
    assert text == "Landed in s3://lake. 2 files: 1 uploaded, 1 unchanged."


def test_verdict_of_a_bad_run_counts_and_names() -> None:
    bad = outcome("b.csv", "rejected", reason="line 3: too many fields.", profile=None)
    text = run_report.verdict_text(summary(outcome("a.csv"), bad))
    assert text == "1 of 2 files did not land: b.csv (rejected): line 3: too many fields."


def test_verdict_names_files_with_ten_reasons_and_counts_the_rest() -> None:
    text = run_report.verdict_text(summary(*(outcome(f"f{n}.csv", "failed", reason=f"no {n}") for n in range(12))))
    assert "12 of 12" in text
    assert text.endswith("f9.csv (failed): no 9; and 2 more, see the log.")


def test_verdict_and_markdown_say_once_what_many_files_have_in_common() -> None:
    bad = [outcome(f"f{n}.csv", "rejected", reason=f"f{n}.csv, line 2: no.", profile=None) for n in range(9)]
    other = outcome("g.csv", "failed", reason="line 2: no.", profile=None)
    run = summary(*bad, other)
    assert run_report.verdict_text(run) == (
        "10 of 10 files did not land: f0.csv, f1.csv, f2.csv and 6 more (rejected): line 2: no;"
        " g.csv (failed): line 2: no."
    )
    text = run_report.run_markdown(run, lambda _: None)
    assert "- **f0.csv**, **f1.csv**, **f2.csv** and 6 more: line 2: no.\n- **g.csv**: line 2: no.\n" in text


def test_closing_table_has_a_line_a_file_and_no_control_characters() -> None:
    text = run_report.closing_table(summary(outcome("a.csv"), outcome("line\nbreak.csv"), outcome("[bold]x.csv")))
    assert "1,234 x 2" in text
    assert "5.0 KB" in text
    assert "line\\nbreak.csv" in text
    assert "[bold]x.csv" in text
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2 + 3


def test_closing_table_keeps_long_keys_whole() -> None:
    name = "n" * 250 + ".csv"
    assert f"2024/03/05/{name}" in run_report.closing_table(summary(outcome(name)))


def test_run_markdown_links_keys_and_lists_reasons_and_hints() -> None:
    bad = outcome("b|c.csv", "failed", reason="no [rights]", profile=None)
    text = run_report.run_markdown(summary(outcome("a.csv"), bad), lambda key: f"http://x/{key}", Written("Logs/l.txt"))
    assert "](http://x/Raw/Local/CSV/A/2024/03/05/a.csv)" in text
    assert r"b\|c.csv" in text
    assert r"no \[rights\]" in text
    assert "a hint" in text
    assert "[s3://lake/Logs/l.txt](http://x/Logs/l.txt)" in text


def test_run_markdown_of_many_remarks_shows_some_and_counts_the_rest() -> None:
    text = run_report.run_markdown(summary(*(outcome(f"f{n}.csv") for n in range(50))), lambda _: None)
    assert text.count("a hint") == 20
    assert "and 30 more remarks" in text


def test_run_markdown_of_ten_thousand_files_stays_short() -> None:
    text = run_report.run_markdown(summary(*(outcome(f"f{n}.csv") for n in range(10_000))), lambda _: None)
    assert len(text) < 30_000
    assert "and 9,900 more files; the log and the manifest name each" in text


def test_run_markdown_says_why_files_did_not_land_before_it_lists_the_others() -> None:
    bad = outcome("z.csv", "failed", reason="z.csv, line 3: no rights.", profile=None)
    text = run_report.run_markdown(summary(outcome("a.csv"), bad), lambda _: None)
    first, last = text.split("## Files")
    assert "- **z.csv**: line 3: no rights.\n" in first
    assert last.index("z.csv") < last.index("a.csv")


def test_run_markdown_of_ten_thousand_bad_files_stays_short() -> None:
    bad = [outcome(f"f{n}.csv", "failed", reason=f"no rights {n}", profile=None) for n in range(10_000)]
    text = run_report.run_markdown(summary(*bad), lambda _: None)
    assert len(text) < 30_000
    assert "and 9,900 more; the log and the manifest say why" in text
    assert len(run_report.closing_table(summary(*bad))) < 30_000


def test_run_markdown_of_too_many_datasets_for_artifacts_says_where_their_profiles_are() -> None:
    def of(count: int, **changes: Any) -> str:
        outcomes = [outcome(f"f{n}.csv") for n in range(count)]
        datasets = [replace(one, dataset=f"D{n}") for n, one in enumerate(outcomes)]
        return run_report.run_markdown(summary(*datasets, **changes), lambda _: None, Written(None, "Manifests/m.json"))

    assert "artifact each" not in of(50)
    assert "51 datasets are too many for an artifact each: the manifest holds their columns." in of(51)
    assert "Manifest: `s3://lake/Manifests/m.json`." in of(51)
    assert "51 datasets are too many for an artifact each." in of(51, dry_run=True)


def test_run_markdown_links_the_lakes_page() -> None:
    written = Written(catalog="Catalog/index.html")
    text = run_report.run_markdown(summary(outcome("a.csv")), lambda key: f"http://x/{key}", written)
    assert "The lake on one page: [s3://lake/Catalog/index.html](http://x/Catalog/index.html)." in text
    assert "one page" not in run_report.run_markdown(summary(outcome("a.csv")), lambda _: None)


def test_object_link_points_to_the_place_to_browse_or_to_the_console_of_aws_alone() -> None:
    key = "Raw/a b#.csv"
    assert run_report.object_link(None, True, "lake", "sa-east-1", key) == (
        "https://sa-east-1.console.aws.amazon.com/s3/object/lake?region=sa-east-1&prefix=Raw%2Fa%20b%23.csv"
    )
    assert run_report.object_link(None, True, "lake", "us-gov-west-1", "a").startswith(
        "https://console.amazonaws-us-gov.com/s3/"
    )
    assert run_report.object_link(None, True, "lake", "cn-north-1", "a").startswith("https://console.amazonaws.cn/s3/")
    assert run_report.object_link("http://h:1/", False, "lake", "x", key) == "http://h:1/lake/Raw/a%20b%23.csv"
    assert run_report.object_link(None, False, "lake", "x", key) is None


def test_holds_text_says_where_counting_stopped() -> None:
    assert run_report.holds_text(1, 10, more=False) == "The bucket holds 1 object, 10 B"
    text = "The bucket holds more than the 20,000 objects, 5.0 KB, at which counting stopped"
    assert run_report.holds_text(20_000, 5000, more=True) == text
    assert f"{text}." in run_report.run_markdown(
        summary(outcome("a.csv"), objects=20_000, size_bytes=5000, more_objects=True), lambda _: None
    )


@pytest.mark.parametrize(
    "text", ["_a_b__c_", "*a* **b**", "[a](b) ![c](d)", "a <b> &amp;c", "`a` ~b~ #c", r"a\*b", "é_ç_1_ _", "\\_"]
)
def test_markdown_of_any_text_shows_the_text(text: str) -> None:
    shown = MarkdownIt("commonmark").renderInline(words.md(text))
    assert html.unescape(shown) == text


def test_markdown_of_a_name_with_underscores_has_no_backslashes() -> None:
    assert words.md("microdados_censo_2024.csv") == "microdados_censo_2024.csv"


def test_run_markdown_ends_each_row_with_the_key() -> None:
    text = run_report.run_markdown(summary(outcome("a_b.csv")), lambda key: f"http://lake/{key}")
    head, _, row = (line for line in text.splitlines() if line.startswith("|"))
    assert head == "| Outcome | Rows x columns | Size | Seconds | Key |"
    key = "Raw/Local/CSV/A/2024/03/05/a_b.csv"
    assert row == f"| uploaded | 1,234 x 2 | 5.0 KB | 0.0 | [{key}](http://lake/{key}) |"
