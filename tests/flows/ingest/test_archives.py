"""ZIP archives through the whole flow: they land as they are, and their members stand in the manifest."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.manifests.athena_ddl import ddl
from flows.lake.manifests.manifest import from_json
from tests.conftest import S3
from tests.flows.conftest import log_of, objects
from tests.unit.archives.make import CSV, Made, archive, with_zipfile

DAY = date(2024, 3, 5)
KEY = "Raw/Local/ZIP/Pacote/2024/03/05/pacote.zip"


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    then = time.time() - 3600
    os.utime(path, (then, then))


def test_an_archive_lands_as_it_is_and_is_not_read_again(ingest: Callable[..., Any], s3: S3, tmp_path: Path) -> None:
    data = with_zipfile({"a.csv": CSV, "b/c.csv": b"x\n1\n", "leiame.pdf": b"%PDF"})
    write(tmp_path / "pacote.zip", data)
    write(tmp_path / "evil.zip", archive(Made(b"../a.csv")))
    asked: dict[str, Any] = {"pattern": "*.zip", "partition_date": DAY, "contracts": {}}
    state = ingest(tmp_path, **asked)
    assert "evil.zip (rejected): member '../a.csv' climbs out of the archive" in state.message
    assert objects(s3, "Raw/") == {KEY: data}
    assert set(objects(s3, "Quarantine/")) == {"Quarantine/Local/ZIP/Evil/2024/03/05/evil.zip"}
    (text,) = objects(s3, "Manifests/").values()
    entry = json.loads(text)["files"][1]
    assert (entry["key"], entry["compression"], entry["rows"]) == (KEY, "zip", 3)
    assert [(one["name"], one["rows"]) for one in entry["archive"]["members"]] == [("a.csv", 2), ("b/c.csv", 1)]
    assert entry["archive"]["others"] == {".pdf": 1}
    assert "ZIP archives, which Athena does not read" in ddl(from_json(text))
    assert "member b/c.csv, CRC-32 " in log_of(s3)

    (tmp_path / "evil.zip").unlink()
    again = ingest(tmp_path, **asked).result().outcomes[0]
    assert (again.state, again.verified_by) == ("unchanged", "unchanged etag")
    assert len(again.profile.archive.members) == 2


@pytest.mark.parametrize("s3", ["moto"], indirect=True)  # nothing here is the server's
def test_drift_of_a_member_is_told_and_an_s3_source_lands_alike(
    ingest: Callable[..., Any], s3: S3, tmp_path: Path
) -> None:
    write(tmp_path / "pacote.zip", with_zipfile({"a_1.csv": CSV}))
    ingest(tmp_path, pattern="*.zip", partition_date=DAY)
    client = s3.client()
    client.put_object(Bucket=s3.bucket, Key="in/pacote.zip", Body=with_zipfile({"a_2.csv": b"id\n1\n2\n"}))
    state = ingest(Path(f"s3://{s3.bucket}/in"), pattern="*.zip", partition_date=date(2024, 3, 6))
    (outcome,) = state.result().outcomes
    assert [one.text for one in outcome.drift] == ["member 'a_2.csv': column 'name' is gone"]
    assert outcome.key == "Raw/Local/ZIP/Pacote/2024/03/06/pacote.zip"
