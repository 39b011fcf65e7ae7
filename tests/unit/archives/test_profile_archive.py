"""An archive as a run reads it: a profile of each table in it, equal to pandas', and what keeps it out."""

from __future__ import annotations

import os
import warnings
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.lake.errors import CsvRejected, LakeError, MaskingFailed
from flows.lake.manifests.archives import READ, archive_of, of_archive
from flows.lake.models import LastLanding, SourceFile
from flows.lake.raw.archive_drift import find_archive_drift, missing_in_members
from flows.lake.raw.archive_file import profile_archive, read_as_recorded, sensitive_members
from flows.lake.raw.ingest_file import read_file
from flows.lake.sources.folder import find_files
from tests.tools import rules
from tests.unit.archives.make import CSV, Made, archive, with_zipfile
from tests.unit.tables.test_profile_exact import assert_equals
from tests.unit.tables.test_recipe import RAW

DAY = date(2024, 3, 5)
MASKED = {"Clientes": {"files": "clientes*.csv", "columns": {"nome": {"mask": "redact"}}}}


def source(folder: Path, data: bytes, name: str = "pacote.zip", **asked: Any) -> SourceFile:
    (folder / name).write_bytes(data)
    asked = {"contracts": {}} | asked
    (file,) = find_files(rules.settings(source=folder, pattern="*.zip", **asked), DAY).files
    return file


def test_key_has_the_format_and_members_their_profiles(tmp_path: Path) -> None:
    text = "código;valor\r\n1;1,5\r\n2;2,5\r\n".encode("cp1252")
    data = with_zipfile({"a.csv": CSV, "pasta/": b"", "pasta/B.CSV": text, "leiame.pdf": b"%PDF-1", "LEIAME": b""})
    file = source(tmp_path, data)
    assert file.key == "Raw/Local/ZIP/Pacote/2024/03/05/pacote.zip"
    seen: list[tuple[int, int]] = []
    profile = profile_archive(file, lambda done, total: seen.append((done, total)))
    assert profile.archive is not None
    one, two = profile.archive.members
    assert (one.name, two.name, two.index) == ("a.csv", "pasta/B.CSV", 2)
    assert (profile.rows, profile.columns, profile.size_bytes, profile.recipe) == (4, (), len(data), {})
    assert profile.archive.others == {".pdf": 1, "no suffix": 1}
    assert two.profile is not None
    assert two.profile.recipe["decimal"] == ","
    assert [column.name for column in two.profile.columns] == ["código", "valor"]
    assert seen[-1] == (len(CSV) + len(text),) * 2
    assert list(tmp_path.iterdir()) == [file.path]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(parts=RAW, method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
def test_recipe_of_a_member_gives_its_profile(tmp_path: Path, parts: list[str], method: int) -> None:
    text = "".join(parts).encode()
    data = with_zipfile({"readme.txt": b"x", "são/a.csv": text, "other.csv": CSV}, method)
    try:
        file = source(tmp_path, data)
        profile = profile_archive(file)
    except LakeError:
        return
    assert profile.archive is not None
    for member in of_archive(profile.archive).members:
        held = profile.archive.members[0 if member.name == "são/a.csv" else 1].profile
        if member.read is None:
            assert held is None
            continue
        assert member.read == READ.format(index=member.index)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names = {"zipfile": zipfile, "pandas": pd, "path": file.path, "recipe": member.recipe}
            opening, reading = member.read.split("; ")
            exec(opening, names)
            frame = eval(reading, names)
        assert held is not None
        assert_equals(held, frame)


def test_what_a_manifest_knows_of_an_archive_is_what_was_read(tmp_path: Path) -> None:
    profile = profile_archive(source(tmp_path, with_zipfile({"a.csv": CSV, "b.csv": b"%PDF-1.4", "x.txt": b""})))
    assert profile.archive is not None
    again = archive_of(of_archive(profile.archive))
    assert again.others == profile.archive.others
    assert of_archive(again) == of_archive(profile.archive)
    good, bad = profile.archive.members
    assert good.profile is not None
    assert "is damaged" not in bad.reason
    assert "b.csv" in bad.reason
    assert profile.hints[0].startswith("member 'b.csv' cannot be read: ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (with_zipfile({}), "pacote.zip: it is empty."),
        (with_zipfile({"leiame.pdf": b"", "b.pdf": b""}), "it holds no CSV file (2 .pdf)."),
        (with_zipfile({"xl/workbook.xml": b"", "a.csv": CSV}), "it is an Excel workbook (.xlsx)"),
        (with_zipfile({"META-INF/MANIFEST.MF": b"", "a.csv": CSV}), "it is a Java archive (.jar)"),
        (with_zipfile({"META-INF/manifest.xml": b"", "content.xml": CSV}), "it is an OpenDocument file (.ods)"),
        (with_zipfile({"a.csv": b"", "b.csv": b"%PDF-1.4"}), "none of its 2 CSV files can be read; 'a.csv': a.csv"),
        (archive(Made(), Made(b"b.csv", crc=1)), "member 'b.csv' is damaged: its CRC-32 is"),
        (archive(Made(), Made(b"b.csv", flags=1)), "member 'b.csv' is encrypted"),
        (b"<!DOCTYPE html><html>Erro</html>", "it is an HTML page"),
        (b"id,name\n1,a\n" * 9, "it is cut off: it has no directory"),
        (archive(Made(method=9)), "It is compressed with Deflate64, which is not read."),
    ],
)
def test_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(CsvRejected) as refused:
        profile_archive(source(tmp_path, data))
    assert reason in str(refused.value)


def test_members_that_are_not_read_are_told_and_the_others_land(tmp_path: Path) -> None:
    data = archive(Made(), Made(b"b.csv", method=9), Made(b"c.zip"), Made(b"__MACOSX/._a.csv"))
    profile = profile_archive(source(tmp_path, data))
    assert profile.archive is not None
    assert [member.name for member in profile.archive.members] == ["a.csv", "b.csv"]
    assert profile.hints == (
        "member 'b.csv' cannot be read: It is compressed with Deflate64, which is not read.",
        "Members that are not CSV: 1 .csv, 1 .zip. A nested archive is not looked into.",
    )


def test_a_contract_claims_a_member_that_is_not_called_csv(tmp_path: Path) -> None:
    contracts = {"Empresas": {"files": "*.EMPRE", "read": {"delimiter": ";", "header": "none"}}}
    data = with_zipfile({"K3241.EMPRE": b"1;a\n2;b\n", "notas.txt": b""})
    profile = profile_archive(source(tmp_path, data, contracts=contracts))
    assert profile.archive is not None
    (member,) = profile.archive.members
    assert (member.dataset, member.profile and member.profile.shape) == ("Empresas", (2, 2))
    assert len(member.contract) == 64


@pytest.mark.parametrize("data", [with_zipfile({"x/clientes_1.csv": b"nome\na\n", "a.csv": CSV}), b"PK no archive"])
def test_where_a_dataset_is_masked_nothing_that_may_hold_it_lands(tmp_path: Path, data: bytes) -> None:
    file = source(tmp_path, data, contracts=MASKED)
    with pytest.raises(MaskingFailed):
        read_file(file)


def test_an_archive_of_a_masked_dataset_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = source(tmp_path, with_zipfile({"a.csv": CSV}), "clientes.csv.zip", contracts=MASKED)
    assert file.dataset == "Clientes"
    with pytest.raises(MaskingFailed, match="the columns of 'Clientes' are masked"):
        read_file(file)


def test_columns_of_members_that_look_sensitive_are_told_and_refused(tmp_path: Path) -> None:
    rows = "".join(f"pessoa{number}@example.com\n" for number in range(100))
    data = with_zipfile({"a.csv": CSV, "b.csv": ("contato\n" + rows).encode()})
    file = source(tmp_path, data, sensitive="reject")
    profile = profile_archive(file)
    assert profile.archive is not None
    assert [one.column for one in profile.sensitive] == ["contato"]
    refused = sensitive_members(file, profile.archive, profile)
    assert "'contato'" in str(refused)
    assert not read_as_recorded(file, profile.archive)
    assert "pessoa1@" not in str(profile)


def test_recorded_members_are_read_again_when_a_contract_comes(tmp_path: Path) -> None:
    data = with_zipfile({"clientes.csv": b"nome\na\n"})
    file = source(tmp_path, data)
    profile = profile_archive(file)
    assert profile.archive is not None
    assert read_as_recorded(file, profile.archive)
    assert not read_as_recorded(source(tmp_path, data, contracts=MASKED), profile.archive)
    other = {"Other": {"files": "clientes.csv"}}
    assert not read_as_recorded(source(tmp_path, data, contracts=other), profile.archive)


def drift(tmp_path: Path, before: dict[str, bytes], now: dict[str, bytes]) -> list[str]:
    file = source(tmp_path, with_zipfile(before))
    was = profile_archive(file)
    file = source(tmp_path, with_zipfile(now))
    last = LastLanding(DAY, was.rows, (), "m", archive=was.archive)
    archive_now = profile_archive(file).archive
    assert archive_now is not None
    return [one.text for one in find_archive_drift(replace(file, before=last), archive_now)]


def test_drift_of_members_whose_names_have_another_day(tmp_path: Path) -> None:
    before = {"a_20240301.csv": CSV, "b.csv": CSV, "gone.csv": CSV}
    now = {"a_20240302.csv": b"id,nome\n1,a\n2,b\n", "b.csv": CSV, "new.csv": CSV}
    assert drift(tmp_path, before, now) == [
        "member 'a_20240302.csv': column 'name' is now 'nome'",
        "member 'new.csv' is new",
        "member 'gone.csv' is gone",
    ]


def test_drift_of_members_that_are_numbered_compares_each_with_its_own(tmp_path: Path) -> None:
    before = {"uf_11.csv": CSV, "uf_12.csv": b"x\n1\n"}
    assert drift(tmp_path, before, before) == []
    assert drift(tmp_path, before, {**before, "uf_12.csv": CSV}) != []
    assert drift(tmp_path, before, {**before, "uf_12.csv": b""}) == ["member 'uf_12.csv' cannot be read any more"]


def test_required_columns_of_members(tmp_path: Path) -> None:
    contracts = {"A": {"files": "a.csv", "columns": {"cpf": {"required": True}}}}
    file = source(tmp_path, with_zipfile({"a.csv": CSV, "b.csv": CSV}), contracts=contracts)
    contents = profile_archive(file).archive
    assert contents is not None
    assert [one.text for one in missing_in_members(file, contents)] == [
        "member 'a.csv': it has no column 'cpf', which its contract requires"
    ]


def test_an_archive_that_changes_while_it_is_read(tmp_path: Path) -> None:
    file = source(tmp_path, with_zipfile({"a.csv": CSV}))

    def touch(_done: int, _total: int) -> None:
        os.utime(file.path, ns=(1, 1))

    with pytest.raises(LakeError, match="changed while it was read"):
        profile_archive(file, touch)
