"""The flow `copy-lake` between real servers, after real runs of `ingest-raw`, and the disaster drill of the docs."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3, fresh_bucket_name
from tests.flows.conftest import artifacts_of, logs_of, objects, store_block
from tests.tools.servers import S3Server

SAMPLE = Path(__file__).parents[2] / "data/sample"
DAY = date(2024, 3, 5)
MOVIES = "Raw/Local/CSV/Movies/2024/03/05/movies.csv"


@pytest.fixture
def office(rclone: S3Server) -> S3:
    """A lake as the embedded one."""
    return S3(rclone, fresh_bucket_name())


@pytest.fixture
def cloud(moto: S3Server) -> S3:
    """A lake as on AWS, which nobody has made yet."""
    return S3(moto, fresh_bucket_name())


def ingest(lake: S3, source: Path = SAMPLE, **parameters: Any) -> Any:
    from flows.ingest_raw import ingest_raw

    given: dict[str, Any] = {"bucket": lake.bucket, "credentials": store_block(f"copy-{lake.server.name}", lake)}
    return ingest_raw(source=source, return_state=True, **(given | parameters))


def copy(source: S3, target: S3, **parameters: Any) -> Any:
    from flows.copy_lake import copy_lake

    return copy_lake(
        source_credentials=store_block(f"copy-{source.server.name}", source),
        source_bucket=source.bucket,
        target_credentials=store_block(f"copy-{target.server.name}", target),
        target_bucket=target.bucket,
        return_state=True,
        **parameters,
    )


def verify(lake: S3, day: date = DAY) -> Any:
    from flows.verify_raw import verify_raw

    block = store_block(f"copy-{lake.server.name}", lake)
    return verify_raw(lake.bucket, block, day, day, deep=True, return_state=True)


def test_copy_lake_makes_a_protected_lake_that_verifies_by_itself(office: S3, cloud: S3) -> None:
    ingest(office, partition_date=DAY)
    before = objects(office)
    state = copy(office, cloud)
    assert state.is_completed(), state.message
    assert "3 objects copied" in state.message  # two files and the log
    assert "1 of 1 manifests written" in state.message
    assert objects(office) == before
    assert objects(cloud, "Raw/") == objects(office, "Raw/")
    assert cloud.client().get_bucket_versioning(Bucket=cloud.bucket)["Status"] == "Enabled"
    assert verify(cloud).is_completed()
    assert f"copy-lake-{cloud.bucket}" in [one.key for one in artifacts_of(str(state.state_details.flow_run_id))]

    again = copy(office, cloud)
    assert again.is_completed()
    assert "0 objects copied (0 B sent), 3 were there; 0 of 1 manifests written, 1 were there" in again.message
    assert "The lakes are equal" in copy(office, cloud, check_only=True).message


def test_copy_lake_check_only_lists_what_differs_and_writes_nothing(office: S3, cloud: S3) -> None:
    ingest(office, partition_date=DAY)
    copy(office, cloud)
    client = cloud.client()
    client.delete_object(Bucket=cloud.bucket, Key=MOVIES)
    client.put_object(
        Bucket=cloud.bucket, Key=MOVIES.replace("movies", "series").replace("Movies", "Series"), Body=b"x"
    )
    client.delete_object(Bucket=cloud.bucket, Key="Logs/log-ingestao-20240305.txt")
    client.put_object(Bucket=cloud.bucket, Key="Logs/log-ingestao-20240305-other-1.txt", Body=b"x")
    before = objects(cloud)
    state = copy(office, cloud, check_only=True)
    assert state.is_failed()
    assert state.message.startswith("4 differ (")
    for named in (f"{MOVIES} (missing)", "series.csv (other bytes)", "20240305.txt (missing)", "(only in the target)"):
        assert named in state.message
    assert objects(cloud) == before


def test_copy_lake_conflict_ends_failed_with_the_key(office: S3, cloud: S3) -> None:
    ingest(office, partition_date=DAY)
    client = cloud.client()
    client.create_bucket(Bucket=cloud.bucket)
    client.put_object(Bucket=cloud.bucket, Key=MOVIES, Body=b"somebody else's")
    state = copy(office, cloud)
    assert state.is_failed()
    assert f"{MOVIES} (conflict)" in state.message
    assert objects(cloud, MOVIES) == {MOVIES: b"somebody else's"}
    assert any("Add it with: aws s3api put-bucket-versioning" in line for line in logs_of(state))


def test_copy_lake_dry_run_tells_price_and_policies_and_writes_nothing(office: S3, cloud: S3) -> None:
    ingest(office, partition_date=DAY)
    state = copy(office, cloud, dry_run=True, retention_days=30)
    assert state.is_completed(), state.message
    assert "Nothing was written. 2 objects (331" in state.message
    assert "1 manifests to copy" in state.message
    assert cloud.bucket not in [one["Name"] for one in cloud.client().list_buckets()["Buckets"]]
    text = "\n".join(logs_of(state))
    for words in (f"whoever reads s3://{office.bucket}", "ReadTheLake", "s3:PutBucketObjectLockConfiguration"):
        assert words in text


def test_copy_lake_with_retention_makes_a_lake_that_its_owner_cannot_rewrite(office: S3, cloud: S3) -> None:
    from botocore.exceptions import ClientError

    ingest(office, partition_date=DAY)
    state = copy(office, cloud, retention_days=30)
    assert state.is_completed(), state.message
    client = cloud.client()
    head = client.head_object(Bucket=cloud.bucket, Key=MOVIES)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=cloud.bucket, Key=MOVIES, VersionId=head["VersionId"])


def test_copy_lake_with_retention_where_there_is_none_to_be_had_ends_failed(office: S3) -> None:
    target = S3(office.server, fresh_bucket_name())
    ingest(office, partition_date=DAY)
    state = copy(office, target, retention_days=30)
    assert state.is_failed()
    assert "keeps no Object Lock" in state.message
    assert objects(target) == {}


def test_copy_lake_to_a_server_that_forgets_tags_stops_before_the_first_file(office: S3, cloud: S3) -> None:
    ingest(cloud, partition_date=DAY, tags={"team": "dados"})
    state = copy(cloud, office)
    assert state.is_failed()
    assert "keeps no tags of objects" in state.message
    assert "tags=metadata" in state.message
    assert objects(office) == {}
    assert copy(cloud, office, tags="metadata").is_completed()
    metadata = office.client().head_object(Bucket=office.bucket, Key=MOVIES)["Metadata"]
    assert {name.lower(): value for name, value in metadata.items()}["tag-team"] == "dados"


def test_copy_lake_onto_itself_or_with_wrong_days_says_so(office: S3, cloud: S3) -> None:
    assert "Source and target are both" in copy(office, office).message
    wrong = copy(office, cloud, start_date=DAY, end_date=DAY.replace(day=4))
    assert "start_date 2024-03-05 is after end_date 2024-03-04" in wrong.message


def test_disaster_drill(office: S3, cloud: S3, tmp_path: Path) -> None:
    """As docs/operations.md tells it: the lake is lost, restored from its copy, and the next day goes on."""
    source = tmp_path / "in"
    source.mkdir()
    for name in ("movies.csv", "series.csv"):
        (source / name).write_bytes((SAMPLE / name).read_bytes())
    past = [path.stat().st_mtime - 3600 for path in source.iterdir()]
    for path, moment in zip(source.iterdir(), past, strict=True):
        os.utime(path, (moment, moment))
    assert ingest(office, source, partition_date=DAY).is_completed()
    assert copy(office, cloud).is_completed()

    # The lake is lost.
    client = office.client()
    for key in objects(office):
        client.delete_object(Bucket=office.bucket, Key=key)
    client.delete_bucket(Bucket=office.bucket)

    restored = copy(cloud, office)
    assert restored.is_completed(), restored.message
    assert verify(office).is_completed()
    assert "The lakes are equal" in copy(cloud, office, check_only=True).message

    # The same day again: nothing is read or sent.
    again = ingest(office, source, partition_date=DAY)
    assert again.is_completed()
    outcomes = again.result().outcomes
    assert {(one.state, one.verified_by) for one in outcomes} == {("unchanged", "unchanged etag")}

    # The next day: one file has a new column, and the run knows it.
    lines = (source / "movies.csv").read_text().splitlines()
    (source / "movies.csv").write_text("\n".join([f"{lines[0]}|extra", *(f"{line}|1" for line in lines[1:])]) + "\n")
    tomorrow = ingest(office, source, partition_date=DAY.replace(day=6))
    assert tomorrow.is_completed()
    drift = {one.path.name: [change.kind for change in one.drift] for one in tomorrow.result().outcomes}
    assert drift["movies.csv"]
    assert drift["series.csv"] == []

    # And the copy takes the next day from the restored lake.
    nightly = copy(office, cloud)
    assert nightly.is_completed(), nightly.message
    assert verify(cloud, DAY.replace(day=6)).is_completed()
