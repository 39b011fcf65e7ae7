"""Manifests in a bucket: written whole and once, read newest first and never further than needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from flows.lake import keys
from flows.lake.errors import StorageError
from flows.lake.manifests import history, manifest
from flows.lake.manifests.store import ManifestStore
from flows.lake.models import ColumnProfile, FileOutcome
from tests.storage.conftest import Lake
from tests.unit.reports.test_run_report import outcome, profile, summary

DAY = date(2024, 3, 5)
on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)


def manifest_text(day: date, *outcomes: FileOutcome, name: str = "run") -> str:
    made = summary(*outcomes, day=day, run_name=name)
    return manifest.to_json(manifest.of_run(made, 1, datetime(2024, 3, 5, tzinfo=UTC), {}))


def put(lake: Lake, day: date, *outcomes: FileOutcome, name: str = "run") -> str:
    keys_of_run = keys.manifest_keys(day, name, "01234567", 1)
    return ManifestStore(lake.whole).store(manifest_text(day, *outcomes, name=name), keys_of_run)


def landed(name: str, rows: int, **changes: Any) -> FileOutcome:
    return outcome(name, profile=replace(profile(name, rows), columns=(ColumnProfile("x", "int64", rows),)), **changes)


@contextmanager
def requests_of(lake: Lake) -> Iterator[list[str]]:
    """Collect the names of the requests that the client sends."""
    sent: list[str] = []

    def note(model: Any, **_: Any) -> None:
        sent.append(model.name)

    lake.client.meta.events.register("before-call.s3", note)
    yield sent
    lake.client.meta.events.unregister("before-call.s3", note)


def test_store_taken_key_takes_the_second_and_then_refuses(lake: Lake) -> None:
    first, second = put(lake, DAY), put(lake, DAY)
    assert (first, second) == keys.manifest_keys(DAY, "run", "01234567", 1)
    with pytest.raises(StorageError, match="both taken"):
        put(lake, DAY)


@on_moto
def test_store_by_many_writers_at_once_lets_one_have_the_key(lake: Lake) -> None:
    texts = [manifest_text(DAY, landed(f"{n}.csv", n)) for n in range(8)]
    taken: list[str] = []

    def write(n: int) -> None:
        names = ("Manifests/2024/03/05/run.json", f"Manifests/2024/03/05/run-{n}.json")
        taken.append(ManifestStore(lake.whole).store(texts[n], names))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == 8
    found = {ManifestStore(lake.whole).read(key).files[0].name for key in taken}
    assert found == {f"{n}.csv" for n in range(8)}


def test_store_is_never_seen_half_written(lake: Lake) -> None:
    text = manifest_text(DAY, *[landed("a.csv", 1)] * 8_000)
    size_bytes = len(text.encode())
    seen: set[int] = set()
    done = threading.Event()

    def look() -> None:
        client = lake.s3.client()
        last_look = False
        while not last_look:
            last_look = done.is_set()
            for n in range(3):
                try:
                    body = client.get_object(Bucket=lake.bucket, Key=f"Manifests/2024/03/05/{n}.json")["Body"].read()
                except ClientError:
                    continue
                seen.add(len(body))

    reader = threading.Thread(target=look)
    reader.start()
    for n in range(3):
        ManifestStore(lake.whole).store(text, (f"Manifests/2024/03/05/{n}.json", ""))
    done.set()
    reader.join()
    assert seen == {size_bytes}


def test_read_history_finds_the_last_landing_of_each_file(lake: Lake) -> None:
    put(lake, DAY - timedelta(days=40), landed("old.csv", 1))
    put(lake, DAY - timedelta(days=2), landed("a.csv", 2), landed("b.csv", 3))
    put(lake, DAY - timedelta(days=1), landed("a.csv", 4), landed("b.csv", 5, state="rejected"))
    put(lake, DAY + timedelta(days=1), landed("a.csv", 6))
    wanted = [("A", "a.csv"), ("A", "b.csv"), ("A", "old.csv"), ("A", "new.csv"), ("Other", "a.csv")]
    found = history.read_history(ManifestStore(lake.whole), wanted, DAY)
    assert {name: last.rows for name, last in found.last.items()} == {
        ("A", "a.csv"): 4,
        ("A", "b.csv"): 3,
        ("A", "old.csv"): 1,
    }
    assert found.last["A", "a.csv"].columns == (ColumnProfile("x", "int64", 4),)
    assert found.last["A", "a.csv"].manifest == "Manifests/2024/03/04/run.json"
    assert [(run.day, run.landed, run.bad, run.rows) for run in found.runs][:2] == [
        (DAY - timedelta(days=1), 1, 1, 4),
        (DAY - timedelta(days=2), 2, 0, 5),
    ]


@on_moto
def test_read_history_of_a_long_past_asks_for_no_more_than_the_days_it_shows(lake: Lake) -> None:
    for days in range(1, 70):
        put(lake, DAY - timedelta(days=days), landed("a.csv", days))
    with requests_of(lake) as sent:
        found = history.read_history(ManifestStore(lake.whole), [("A", "a.csv")], DAY)
    assert found.last["A", "a.csv"].rows == 1
    assert found.manifests == history.SHOWN_DAYS - 1
    assert sent.count("GetObject") == history.SHOWN_DAYS - 1
    assert sent.count("ListObjectsV2") == 2


@on_moto
def test_read_history_of_a_new_file_stops_at_its_limits(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for days in range(1, 30):
        put(lake, DAY - timedelta(days=days), landed("a.csv", days))
    monkeypatch.setattr(history, "MAX_MANIFESTS", 20)
    with requests_of(lake) as sent:
        history.read_history(ManifestStore(lake.whole), [("A", "new.csv")], DAY)
    assert sent.count("GetObject") == 20
    longest = max(one.size_bytes for one in ManifestStore(lake.whole).newest_first(DAY, 3))
    monkeypatch.setattr(history, "MAX_BYTES", 2 * longest)
    with requests_of(lake) as sent:
        history.read_history(ManifestStore(lake.whole), [("A", "new.csv")], DAY)
    assert sent.count("GetObject") == 2


def test_between_returns_the_days_of_a_range_over_months_in_order(lake: Lake) -> None:
    days = [date(2023, 12, 30), date(2023, 12, 31), date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 2)]
    for day in reversed(days):
        put(lake, day)
    lake.client.put_object(Bucket=lake.bucket, Key="Manifests/2024/01/31/notes.txt", Body=b"x")
    found = ManifestStore(lake.whole).between(days[1], days[3])
    assert [one.day for one in found] == days[1:4]
    assert all(one.key.endswith("/run.json") for one in found)
    with requests_of(lake) as sent:
        assert ManifestStore(lake.whole).between(date.min, days[3])[1:] == found
    assert sent.count("ListObjectsV2") == 1


KEY = b"a key of this server's"


def signing(lake: Lake) -> ManifestStore:
    return ManifestStore(lake.whole, signing_key=KEY)


def of(dataset: str, name: str, rows: int, day: date) -> FileOutcome:
    return replace(landed(name, rows), dataset=dataset, key=f"Raw/Local/CSV/{dataset}/{keys.day_path(day)}/f.csv")


def land(lake: Lake, day: date, dataset: str, rows: int, *, named: bool = True, run: str = "run") -> None:
    """Store what a run leaves: the object under its raw key, and the manifest."""
    names = keys.manifest_keys(day, run, "01234567", 1)
    made = of(dataset, f"{dataset.lower()}.csv", rows, day)
    text = manifest_text(day, made, name=run).replace('"bucket":"lake"', f'"bucket":"{lake.bucket}"')
    signing(lake).store(text, names)
    metadata = {"manifest": "|".join(names)} if named else {}
    lake.client.put_object(Bucket=lake.bucket, Key=made.key, Body=b"x", Metadata=metadata)


def hourly(lake: Lake, monkeypatch: pytest.MonkeyPatch, limit: int = 5) -> None:
    monkeypatch.setattr(history, "MAX_MANIFESTS", limit)
    for hour in range(limit + 2):
        land(lake, DAY - timedelta(days=1), "Hourly", hour, run=f"run {hour}")


@pytest.mark.parametrize("named", [True, False], ids=["names its manifest", "stored by an older version"])
def test_read_history_finds_a_quarterly_dataset_in_a_lake_of_hourly_runs(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    land(lake, date(2023, 9, 30), "Quarterly", 1, named=named)
    land(lake, date(2023, 12, 31), "Quarterly", 2, named=named)
    land(lake, DAY + timedelta(days=1), "Quarterly", 9, named=named)  # a backfill does not look at later days
    hourly(lake, monkeypatch)
    wanted = [("Hourly", "hourly.csv"), ("Quarterly", "quarterly.csv")]
    with requests_of(lake) as sent:
        found = history.read_history(signing(lake), wanted, DAY)
    assert {name: last.rows for name, last in found.last.items()} == {wanted[0]: 6, wanted[1]: 2}
    more = len(sent) - 5 - sent.count("ListObjectsV2")
    assert more <= 3  # the head of an object, its manifest
    assert sent.count("ListObjectsV2") <= 3 + 5


@on_moto
def test_read_history_of_many_new_datasets_asks_once_whether_they_exist(lake: Lake) -> None:
    land(lake, DAY, "Other", 1)
    wanted = [(f"D{number}", "a.csv") for number in range(200)]
    with requests_of(lake) as sent:
        assert not history.read_history(signing(lake), wanted, DAY).last
    assert len(sent) <= 6


def test_read_history_of_datasets_that_one_old_manifest_names_reads_it_once(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = date(2023, 9, 30)
    names = keys.manifest_keys(old, "run", "01234567", 1)
    files = [of(f"D{number}", f"{number}.csv", number, old) for number in range(5)]
    signing(lake).store(manifest_text(old, *files), names)
    for one in files:
        lake.client.put_object(Bucket=lake.bucket, Key=one.key, Body=b"x", Metadata={"manifest": names[0]})
    hourly(lake, monkeypatch)
    with requests_of(lake) as sent:
        found = history.read_history(signing(lake), [(f"D{number}", f"{number}.csv") for number in range(5)], DAY)
    assert len(found.last) == 5
    assert sent.count("HeadObject") == 1


def test_read_history_believes_only_what_is_signed_that_a_file_is_unchanged(lake: Lake) -> None:
    wanted = [("A", "a.csv")]
    put(lake, DAY, landed("a.csv", 1))
    forged = history.read_history(signing(lake), wanted, DAY).last["A", "a.csv"]
    assert (forged.landed, forged.is_signed) == (None, False)
    made = landed("a.csv", 1, etag="e")
    text = manifest_text(DAY, made, name="run").replace('"bucket":"lake"', f'"bucket":"{lake.bucket}"')
    signing(lake).store(text, ("Manifests/2024/03/05/signed.json", ""))
    assert history.read_history(signing(lake), wanted, DAY).last["A", "a.csv"].is_signed
    other = ManifestStore(lake.whole, signing_key=b"another server's")
    assert not history.read_history(other, wanted, DAY).last["A", "a.csv"].is_signed
    body = lake.read("Manifests/2024/03/05/signed.json").replace(b'"rows":1', b'"rows":2')
    lake.client.put_object(Bucket=lake.bucket, Key="Manifests/2024/03/05/signed.json", Body=body)
    assert not history.read_history(signing(lake), wanted, DAY).last["A", "a.csv"].is_signed


def test_read_history_goes_on_to_an_earlier_landing_where_the_last_one_left_no_manifest(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, date(2023, 9, 30), "Quarterly", 1)
    land(lake, date(2023, 12, 31), "Quarterly", 2)
    lake.client.delete_object(Bucket=lake.bucket, Key=keys.manifest_keys(date(2023, 12, 31), "run", "01234567", 1)[0])
    hourly(lake, monkeypatch)
    found = history.read_history(signing(lake), [("Quarterly", "quarterly.csv")], DAY)
    assert found.last["Quarterly", "quarterly.csv"].rows == 1
    assert any("There is no manifest at" in problem for problem in found.unreadable)


def test_read_history_warns_of_a_wrong_manifest_that_it_finds_by_a_key(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, date(2023, 12, 31), "Quarterly", 2)
    key = keys.manifest_keys(date(2023, 12, 31), "run", "01234567", 1)[0]
    lake.client.put_object(Bucket=lake.bucket, Key=key, Body=b"{}")
    hourly(lake, monkeypatch)
    found = history.read_history(signing(lake), [("Quarterly", "quarterly.csv")], DAY)
    assert not found.last
    assert any(key in problem for problem in found.unreadable)


@pytest.mark.parametrize("named", [True, False], ids=["names its manifest", "stored by an older version"])
def test_read_history_finds_a_file_with_a_date_in_its_name_by_the_day_of_its_run(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    today, of_day = datetime.now(UTC).date(), date(2023, 9, 30)
    made = of("Quarterly", "quarterly.csv", 3, of_day)
    names = keys.manifest_keys(today, "run", "01234567", 1)
    lake.client.put_object(
        Bucket=lake.bucket, Key=made.key, Body=b"x", Metadata={"manifest": names[0]} if named else {}
    )
    signing(lake).store(manifest_text(today, made).replace('"bucket":"lake"', f'"bucket":"{lake.bucket}"'), names)
    hourly(lake, monkeypatch)
    found = history.read_history(signing(lake), [("Quarterly", "quarterly.csv")], DAY)
    assert found.last["Quarterly", "quarterly.csv"].rows == 3


@on_moto
def test_read_history_is_led_astray_by_no_foreign_folder_and_no_crowd_of_objects(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(lake, date(2023, 12, 31), "Quarterly", 2)
    for number in range(1100):
        lake.client.put_object(Bucket=lake.bucket, Key=f"Raw/Local/CSV/Quarterly/2023/12/01/{number}.csv", Body=b"")
    for junk in ("99", "1", "20240", "abc", "0000/00/00/x", "2024/01/", "2023/99/x"):
        lake.client.put_object(Bucket=lake.bucket, Key=f"Raw/Local/CSV/Quarterly/{junk}", Body=b"")
    hourly(lake, monkeypatch)
    with requests_of(lake) as sent:
        found = history.read_history(signing(lake), [("Quarterly", "quarterly.csv")], DAY)
    assert found.last["Quarterly", "quarterly.csv"].rows == 2
    assert len(sent) <= 3 + 5 + 12  # the manifests of three months, what is read of them, and this search


@on_moto
def test_read_history_of_a_missing_bucket_is_an_error_of_the_bucket(lake: Lake) -> None:
    from dataclasses import replace as changed

    with pytest.raises(StorageError, match="NoSuchBucket"):
        changed(signing(lake), bucket=changed(lake.whole, name="no-such-bucket-here")).read("Manifests/x.json")
