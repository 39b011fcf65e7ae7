"""Archives whose contract asks for their members: what lands of each, and what is seen of it in clear."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.models import FileOutcome
from flows.lake.raw.raw_layer import RawLayer
from flows.lake.raw.unpacked_file import ingest_members
from flows.lake.sources.folder import find_files
from tests.storage.conftest import Lake
from tests.tools import rules
from tests.unit.archives.make import CSV, with_zipfile

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)  # nothing here is the server's

MARKER = b"Zyxwvut"
PEOPLE = b"id,nome\n1,Zyxwvut\n"
CONTRACTS: dict[str, Any] = {
    "Pacote": {"files": "pacote.zip", "unpack": True},
    "Clientes": {"files": "clientes.csv", "columns": {"nome": {"mask": "redact"}}},
}


def unpacked(lake: Lake, folder: Path, data: bytes) -> list[FileOutcome]:
    (folder / "pacote.zip").write_bytes(data)
    settings = rules.settings(source=folder, pattern="*.zip", contracts=CONTRACTS)
    (file,) = find_files(settings, date(2024, 3, 5)).files
    return ingest_members(file, RawLayer(lake.whole))


def test_members_land_as_they_are_and_masked_where_they_must_be(lake: Lake, tmp_path: Path) -> None:
    text = "código;valor\r\n1;1,5\r\n".encode("cp1252")
    members = {"x/a.csv": text, "y/b.csv": CSV, "z/a.csv": CSV, "clientes.csv": PEOPLE, "leiame.pdf": b""}
    outcomes = unpacked(lake, tmp_path, with_zipfile(members))
    assert [outcome.state for outcome in outcomes] == ["uploaded", "uploaded", "failed", "uploaded"]
    assert "'x/a.csv' and 'z/a.csv' would both be stored as" in outcomes[2].reason
    assert {key: lake.read(key) for key in lake.keys("")} == {
        "Raw/Local/CSV/Pacote/2024/03/05/a.csv": text,
        "Raw/Local/CSV/Pacote/2024/03/05/b.csv": CSV,
        "Raw/Local/CSV/Clientes/2024/03/05/clientes.csv": b"id,nome\n1,REDACTED\n",
        "Landing/Local/CSV/Clientes/2024/03/05/clientes.csv": PEOPLE,
    }
    assert outcomes[3].masking is not None
    assert (outcomes[0].unpacked and outcomes[0].unpacked.member) == "x/a.csv"
    stored = lake.client.head_object(Bucket=lake.bucket, Key="Raw/Local/CSV/Pacote/2024/03/05/a.csv")
    assert stored["Metadata"]["member"] == "x/a.csv"
    assert stored["Metadata"]["archive"].endswith("/pacote.zip")
    again = unpacked(lake, tmp_path, with_zipfile(members))
    assert [outcome.state for outcome in again] == ["unchanged", "unchanged", "failed", "unchanged"]


def test_an_archive_that_cannot_be_trusted_is_kept_nowhere_where_a_dataset_is_masked(
    lake: Lake, tmp_path: Path
) -> None:
    data = with_zipfile({"clientes.csv": PEOPLE}, 0)
    for broken in (data[:-1], data.replace(MARKER, MARKER.upper()), data.replace(b"PK\3\4", b"PK\3\5")):
        (outcome,) = unpacked(lake, tmp_path, broken)
        assert outcome.is_bad
        assert lake.keys() == []
