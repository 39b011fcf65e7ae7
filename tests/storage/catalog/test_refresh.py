"""The catalog in a bucket: made of what is new, by several runs at once, and again from manifests alone."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from unittest.mock import patch

import pytest

from flows.lake.catalog import objects, refresh
from flows.lake.catalog.__main__ import main
from flows.lake.catalog.records import INDEX_KEY, LAKE_KEY, DatasetRecord, LakeRecord, page_key, record_key
from flows.lake.manifests.manifest import Manifest
from flows.lake.manifests.store import ManifestStore
from flows.lake.s3.bucket import Bucket
from tests.conftest import fresh_bucket_name
from tests.storage.conftest import Lake
from tests.storage.manifests.test_store import requests_of
from tests.tools.catalogs import landed, manifest_of, store
from tests.tools.servers import S3Server

DAY = date(2024, 3, 5)


def made_on(lake: Lake, day: date, *datasets: str, name: str = "run", hour: int = 6) -> tuple[str, Manifest]:
    outcomes = [landed(dataset, f"{dataset.lower()}-{name}.csv", day) for dataset in datasets]
    made = manifest_of(day, *outcomes, bucket=lake.bucket, name=name, hour=hour)
    return store(ManifestStore(lake.whole), made), made


def records(lake: Lake) -> tuple[LakeRecord, dict[str, DatasetRecord]]:
    of_lake, _ = objects.read(lake.whole, LAKE_KEY, LakeRecord)
    assert of_lake
    found = {name: objects.read(lake.whole, record_key(name), DatasetRecord)[0] for name in of_lake.datasets}
    return of_lake, {name: record for name, record in found.items() if record}


def text(lake: Lake, key: str) -> str:
    return lake.read(key).decode()


def test_refresh_makes_the_lakes_page_and_one_for_each_dataset(lake: Lake) -> None:
    key, made = made_on(lake, DAY, "Movies", "Series")
    done = refresh.refresh(ManifestStore(lake.whole), DAY, {key: made})
    assert (done.manifests, done.datasets, done.behind) == (1, 2, 0)
    assert lake.keys("Catalog/") == sorted(
        [INDEX_KEY, LAKE_KEY, *(of(name) for of in (page_key, record_key) for name in ("Movies", "Series"))]
    )
    assert page_key("Movies").removeprefix("Catalog/") in text(lake, INDEX_KEY)
    assert made.files[0].sha256 in text(lake, page_key("Movies"))
    head = lake.client.head_object(Bucket=lake.bucket, Key=INDEX_KEY)
    assert head["ContentType"].startswith("text/html")


def test_refresh_reads_nothing_but_what_is_new(lake: Lake) -> None:
    manifests = ManifestStore(lake.whole)
    for n in range(3):
        key, made = made_on(lake, DAY + timedelta(days=n), "Movies")
        with requests_of(lake) as sent, patch.object(ManifestStore, "read", side_effect=AssertionError):
            refresh.refresh(manifests, DAY + timedelta(days=n), {key: made})
    assert sent.count("ListObjectsV2") <= 2
    assert sum(name.startswith("Put") for name in sent) == 4
    assert len(records(lake)[1]["Movies"].days) == 3


def test_refresh_takes_up_the_manifest_of_a_run_that_was_killed(lake: Lake) -> None:
    made_on(lake, DAY, "Movies")
    refresh.refresh(ManifestStore(lake.whole), DAY)
    made_on(lake, DAY + timedelta(days=1), "Movies")  # and then its process is gone
    key, made = made_on(lake, DAY + timedelta(days=2), "Series")
    assert refresh.refresh(ManifestStore(lake.whole), DAY + timedelta(days=2), {key: made}).manifests == 2
    assert len(records(lake)[1]["Movies"].days) == 2


def test_runs_at_once_do_not_lose_each_others_day(lake: Lake) -> None:
    runs = [made_on(lake, DAY + timedelta(days=n), "Movies", f"Own{n}", name=f"run {n}") for n in range(4)]
    begin, troubles = threading.Barrier(len(runs)), []

    def run(key: str, made: Manifest) -> None:
        begin.wait()
        try:
            refresh.refresh(ManifestStore(lake.whole), made.logical_date, {key: made})
        except Exception as error:
            troubles.append(error)

    threads = [threading.Thread(target=run, args=one) for one in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    of_lake, of_datasets = records(lake)
    assert sorted(of_datasets["Movies"].days) == [made.logical_date for _, made in runs]
    assert of_lake.datasets.keys() == {"Movies", *(f"Own{n}" for n in range(4))}
    assert (of_lake.datasets["Movies"].days, of_lake.datasets["Movies"].rows) == (4, 40)
    page = text(lake, page_key("Movies"))
    assert all(f'id="d-{made.logical_date}"' in page for _, made in runs)
    assert all(f"Own{n}" in text(lake, INDEX_KEY) for n in range(4))


@pytest.mark.parametrize("meanwhile", ["another run", "the lake's record is overwritten", "the dataset's record is"])
def test_what_others_write_while_pages_are_made_is_not_lost(
    lake: Lake, meanwhile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests, put_page = ManifestStore(lake.whole), refresh._put_page
    key, made = made_on(lake, DAY - timedelta(days=1), "Movies", name="first")
    refresh.refresh(manifests, DAY, {key: made})
    before = {key: lake.read(key) for key in (LAKE_KEY, record_key("Movies"))}
    at, pages = page_key("Movies") if meanwhile == "another run" else INDEX_KEY, list[str]()

    def put(store: ManifestStore, key: str, page: str) -> None:
        pages.append(key)
        if pages.count(at) == 1 and key == at:  # its record is written, its page is not
            if meanwhile == "another run":
                other_key, other = made_on(lake, DAY, "Movies", name="other")
                refresh.refresh(store, DAY, {other_key: other})
            else:  # by a run that had read it before, on a server without conditions
                overwritten = LAKE_KEY if "lake" in meanwhile else record_key("Movies")
                lake.client.put_object(Bucket=lake.bucket, Key=overwritten, Body=before[overwritten])
        put_page(store, key, page)

    monkeypatch.setattr(refresh, "_put_page", put)
    last = DAY + timedelta(days=1)
    key, made = made_on(lake, last, "Movies", name="last")
    refresh.refresh(manifests, DAY, {key: made})
    days = [DAY - timedelta(days=1), *([DAY] if meanwhile == "another run" else ()), last]
    of_lake, of_datasets = records(lake)
    assert sorted(of_datasets["Movies"].days) == days
    assert of_lake.datasets["Movies"].days == len(days)
    assert all(f'id="d-{day}"' in text(lake, page_key("Movies")) for day in days)
    assert str(last) in text(lake, INDEX_KEY)


def test_record_that_changes_between_reading_and_writing_is_changed_anew(moto: S3Server) -> None:
    client, name = moto.client(), fresh_bucket_name()
    client.create_bucket(Bucket=name)
    bucket, tries = Bucket(client, name), list[str]()

    def change(held: LakeRecord | None) -> LakeRecord:
        tries.append("")
        record = held or LakeRecord(bucket=name)
        if len(tries) < 3:  # another run is quicker: the first time it makes the record, then it changes it
            other = LakeRecord(bucket=name, unreadable={str(n): "" for n in range(len(tries))})
            objects.put(bucket, LAKE_KEY, objects.packed(other), "application/gzip")
        record.unreadable["mine"] = ""
        return record

    record, _ = objects.update(bucket, LAKE_KEY, LakeRecord, change)
    assert len(tries) == 3
    assert record.unreadable.keys() == {"0", "1", "mine"}
    assert objects.read(bucket, LAKE_KEY, LakeRecord)[0] == record


def test_record_that_was_lost_is_made_again_from_manifests(lake: Lake) -> None:
    manifests = ManifestStore(lake.whole)
    for n in range(3):
        key, made = made_on(lake, DAY + timedelta(days=n), "Movies")
        refresh.refresh(manifests, DAY + timedelta(days=n), {key: made})
    for body in (None, b"\x1f\x8b broken"):
        if body is None:
            lake.client.delete_object(Bucket=lake.bucket, Key=record_key("Movies"))
        else:
            lake.client.put_object(Bucket=lake.bucket, Key=record_key("Movies"), Body=body)
        n += 1
        key, made = made_on(lake, DAY + timedelta(days=n), "Movies")
        refresh.refresh(manifests, DAY + timedelta(days=n), {key: made})
        assert len(records(lake)[1]["Movies"].days) == n + 1


def test_rebuild_from_manifests_alone_says_the_same(lake: Lake) -> None:
    manifests = ManifestStore(lake.whole)
    for n in range(3):
        key, made = made_on(lake, DAY + timedelta(days=40 * n), "Movies", "Series")
        refresh.refresh(manifests, DAY + timedelta(days=80), {key: made})
    before = {key: lake.read(key) for key in lake.keys("Catalog/") if key.endswith(".html")}
    for key in lake.keys("Catalog/"):
        lake.client.delete_object(Bucket=lake.bucket, Key=key)
    refresh.rebuild(manifests, DAY + timedelta(days=80))
    assert {key: lake.read(key) for key in lake.keys("Catalog/") if key.endswith(".html")} == before
    refresh.rebuild(manifests, DAY + timedelta(days=80), afresh=True)
    assert {key: lake.read(key) for key in lake.keys("Catalog/") if key.endswith(".html")} == before


def test_manifest_that_cannot_be_read_is_told_and_the_others_are_shown(lake: Lake) -> None:
    made_on(lake, DAY, "Movies")
    lake.client.put_object(Bucket=lake.bucket, Key="Manifests/2024/03/05/zz.json", Body=b'{"files": <b>')
    done = refresh.refresh(ManifestStore(lake.whole), DAY)
    assert (done.manifests, len(done.unreadable)) == (1, 1)
    assert "zz.json" in text(lake, INDEX_KEY)


def test_run_of_very_many_datasets_shows_all_and_makes_the_pages_that_need_a_look(lake: Lake) -> None:
    manifests = ManifestStore(lake.whole)
    names = [f"D{n}" for n in range(8)]
    with patch.object(refresh, "PAGES_OF_A_RUN", 2), patch.object(refresh, "PAGES_OF_MANY", 2):
        for n in range(2):
            day = DAY + timedelta(days=n)
            outcomes = [landed(name, "a.csv", day, bytes_=name) for name in names[:-1]]
            outcomes.append(landed(names[-1], "a.csv", day, state="rejected", reason="a.csv: is empty."))
            made = manifest_of(day, *outcomes, bucket=lake.bucket)
            done = refresh.refresh(manifests, day, {store(manifests, made): made})
    assert (done.datasets, done.behind) == (2, 6)
    of_lake, _ = records(lake)
    assert of_lake.datasets.keys() == set(names)
    line = of_lake.datasets["D5"]
    assert (line.rows, line.files, line.days, line.states, line.state) == (20, 2, 2, "lu", "unchanged")
    assert page_key("D7") in lake.keys("Catalog/datasets/")
    assert "python -m flows.lake.catalog" in text(lake, INDEX_KEY)
    done = refresh.rebuild(manifests, DAY + timedelta(days=1))
    assert done.behind == 0
    of_lake, of_datasets = records(lake)
    assert {len(record.days) for record in of_datasets.values()} == {2}
    assert of_lake.datasets["D5"].rows == 20


def test_copied_catalog_of_another_bucket_is_not_believed(lake: Lake) -> None:
    key, made = made_on(lake, DAY, "Movies")
    manifests = ManifestStore(lake.whole)
    refresh.refresh(manifests, DAY, {key: made})
    held, _ = objects.read(lake.whole, LAKE_KEY, LakeRecord)
    assert held
    objects.put(lake.whole, LAKE_KEY, objects.packed(held.model_copy(update={"bucket": "other"})), "application/gzip")
    refresh.refresh(manifests, DAY)
    assert records(lake)[0].bucket == lake.bucket


def test_command_makes_the_pages_of_any_lake(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made_on(lake, DAY, "Movies")
    server = lake.s3.server
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint_url)
    assert main([lake.bucket, "--region", server.region]) == 0
    assert f"s3://{lake.bucket}/{INDEX_KEY}" in capsys.readouterr().out
    assert "Movies" in text(lake, INDEX_KEY)
    assert main(["no-such-bucket-here", "--region", server.region]) == 1
    assert "no-such-bucket-here" in capsys.readouterr().err
