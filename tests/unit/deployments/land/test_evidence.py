"""The evidence page: the tree, `info()` as pandas writes it, and hostile names that stay text."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from deployments.land import evidence
from deployments.land.words import Words
from flows.lake.models import FileOutcome
from flows.lake.tables.profile import profile_csv

PROJECT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("name", ["movies.csv", "series.csv"])
def test_info_is_what_pandas_says(name: str) -> None:
    profile, said = profile_csv(PROJECT / "data/sample" / name), io.StringIO()
    pd.read_csv(PROJECT / "data/sample" / name, **profile.recipe).info(memory_usage=False, buf=said)
    assert evidence.info(profile).splitlines() == [line.rstrip() for line in said.getvalue().splitlines()]


def test_info_of_a_file_without_rows(tmp_path: Path) -> None:
    path, said = tmp_path / "empty.csv", io.StringIO()
    path.write_text("a,b\n")
    pd.read_csv(path).info(memory_usage=False, buf=said)
    assert evidence.info(profile_csv(path)).splitlines()[:5] == [
        line.rstrip() for line in said.getvalue().splitlines()[:5]
    ]


def test_tree_shows_folders_sizes_and_odd_keys() -> None:
    drawn = evidence.tree("lake", [("Raw/A/x.csv", 1000), ("Raw/A/y.csv", 5), ("Logs/l.txt", 1), ("Logs/l.txt/z", 2)])
    assert drawn.splitlines()[0] == "s3://lake/"
    assert "├── Logs/" in drawn
    assert "│   ├── l.txt  (1 B)" in drawn
    assert "│       └── z  (2 B)" in drawn
    assert "x.csv  (1.0 KB)" in drawn


def test_hostile_text_is_escaped_and_nothing_is_fetched(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>&'\".csv"
    (tmp_path / "file.csv").write_text("<img src=x>,b\n1,2\n")
    profile = profile_csv(tmp_path / "file.csv")
    outcome = FileOutcome(Path(name), "X", f"Raw/{name}", "rejected", reason="</pre><script>", profile=profile)
    html = evidence.page(a_landing(outcome), Words({"LANG": "pt_BR"}))
    assert '<html lang="pt-BR">' in html
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "default-src 'none'" in html
    assert "http://" not in html
    assert "https://" not in html


def a_landing(outcome: FileOutcome) -> Any:
    from datetime import UTC, date, datetime

    summary = SimpleNamespace(
        bucket="lake",
        day=date(2024, 3, 5),
        source=Path("/in/</dd><script>"),
        started=datetime(2024, 3, 5, tzinfo=UTC),
        run_name="2024-03-05 <script>",
        run_id="1",
        dry_run=False,
        outcomes=[outcome],
    )
    return SimpleNamespace(
        summary=lambda: summary,
        lake=None,
        wrote=False,
        state="Failed",
        verdict="<script>",
        log=SimpleNamespace(text="</pre><script>"),
    )


def test_an_archive_shows_info_of_each_file_in_it(tmp_path: Path) -> None:
    from dataclasses import replace

    from flows.lake.models.profiles import Archive, Member

    (tmp_path / "inner.csv").write_text("a,b\n1,2\n")
    inner = profile_csv(tmp_path / "inner.csv")
    member = Member(0, "in/inner.csv", "Inner", 8, 8, "00000000", inner)
    whole = replace(inner, columns=(), archive=Archive((member, replace(member, name="bad.csv", profile=None))))
    assert evidence._infos(whole) == f"in/inner.csv\n{evidence.info(inner)}"
