"""Uploading a file: what arrives, what is not sent, what is kept, what is refused."""

from __future__ import annotations

import datetime as dt
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.lake.errors import SourceChanged, SourceUnreadable
from flows.lake.keys import SUPERSEDED_PREFIX
from flows.lake.raw import upload
from flows.lake.raw.quarantine import quarantine_file
from flows.lake.raw.storing import UploadOptions
from flows.lake.s3.put_new import put_new
from flows.lake.s3.stale_uploads import abort_stale_uploads
from tests.storage.conftest import Lake
from tests.tools.uploads import RAW, SMALL_PARTS, incomplete_uploads, profile_of, write_csv

WHOLE = UploadOptions()


@pytest.fixture(params=[WHOLE, SMALL_PARTS], ids=["one-request", "parts"])
def options(request: pytest.FixtureRequest) -> UploadOptions:
    return request.param


def send(lake: Lake, options: UploadOptions = WHOLE, **arguments: Any) -> upload.UploadResult:
    profile = arguments.pop("profile", None) or profile_of(lake.path)
    return upload.upload_file(lake.whole, lake.path, profile, RAW, options=options, **arguments)


def operations(client: Any) -> list[str]:
    """Record the names of the operations that a client sends from now on."""
    sent: list[str] = []
    client.meta.events.register_first("before-call.s3", lambda model, **_: sent.append(model.name))
    return sent


def test_upload_new_file_bytes_arrive_and_are_proven(lake: Lake, options: UploadOptions) -> None:
    result = send(lake, options)
    assert lake.read(RAW) == lake.path.read_bytes()
    assert result.outcome == "uploaded"
    assert result.checksum == profile_of(lake.path).crc64nvme
    assert result.bytes_sent == lake.path.stat().st_size
    assert result.verified_by in ("checksum", "size and etag")


def test_upload_over_plain_http_body_is_signed(lake: Lake, options: UploadOptions) -> None:
    """TLS protects a body from being changed on purpose; without it the signature has to."""
    signed: list[str] = []

    def note(request: Any, **_: Any) -> None:
        if request.method == "PUT":
            signed.append(request.headers["X-Amz-Content-SHA256"].decode())

    lake.client.meta.events.register("before-send.s3", note)
    send(lake, options)
    assert signed
    assert all(len(digest) == 64 for digest in signed)


def test_upload_empty_file_arrives(lake: Lake) -> None:
    lake.path.write_bytes(b"")
    send(lake)
    assert lake.read(RAW) == b""


def test_upload_same_file_again_is_unchanged_with_one_request(lake: Lake, options: UploadOptions) -> None:
    send(lake, options)
    sent = operations(lake.client)
    result = send(lake, options)
    assert (result.outcome, result.bytes_sent) == ("unchanged", 0)
    assert sent == ["HeadObject"]


def test_upload_other_part_size_is_unchanged(lake: Lake) -> None:
    send(lake, UploadOptions(part_size_bytes=6 * 1024, multipart_above_bytes=1024))
    assert send(lake, SMALL_PARTS).outcome == "unchanged"


def test_upload_other_bytes_versioned_bucket_makes_a_version(lake: Lake, options: UploadOptions) -> None:
    if not lake.versioned:
        pytest.skip("the server has no versions")
    lake.client.put_bucket_versioning(Bucket=lake.bucket, VersioningConfiguration={"Status": "Enabled"})
    old, before = lake.path.read_bytes(), send(lake, options)
    new = write_csv(lake.path, 90_000, seed=2)
    after = send(lake, options)
    assert None not in (before.version_id, after.version_id)
    assert before.version_id != after.version_id
    assert lake.read(RAW) == new
    assert lake.read(RAW, VersionId=before.version_id) == old
    assert lake.keys() == [RAW]


def test_upload_other_bytes_unversioned_bucket_keeps_the_old_object(lake: Lake, options: UploadOptions) -> None:
    old = lake.path.read_bytes()
    send(lake, options)
    new = write_csv(lake.path, 90_000, seed=2)
    result = send(lake, options)
    kept = lake.keys(f"{SUPERSEDED_PREFIX}/")
    assert lake.read(RAW) == new
    assert kept == [result.superseded_key]
    assert kept[0].startswith(f"{SUPERSEDED_PREFIX}/{RAW}/")
    assert lake.read(kept[0]) == old


def test_upload_object_carries_metadata_type_tags_and_class(lake: Lake) -> None:
    options = UploadOptions(
        metadata={"run-id": "abc"}, tags={"dono": "equipe à"}, storage_class="STANDARD_IA" if lake.versioned else None
    )
    send(lake, options)
    head = lake.client.head_object(Bucket=lake.bucket, Key=RAW)
    if lake.s3.server.name == "rclone":
        return  # keeps neither metadata nor tags of an object stored with one request; it must take them all the same
    profile = profile_of(lake.path)
    assert head["ContentType"] == "text/csv; charset=utf-8"
    assert head["StorageClass"] == "STANDARD_IA"
    assert head["Metadata"] == {
        "sha256": profile.sha256,
        "rows": str(profile.rows),
        "columns": "2",
        "source-name": "s%C3%A9ries do ano.csv",
        "source-modified": dt.datetime.fromtimestamp(int(profile.mtime_ns / 1e9), dt.UTC).isoformat(),
        "run-id": "abc",
    }
    tags = lake.client.get_object_tagging(Bucket=lake.bucket, Key=RAW)["TagSet"]
    assert tags == [{"Key": "dono", "Value": "equipe à"}]


def test_upload_progress_ends_at_the_size(lake: Lake, options: UploadOptions) -> None:
    seen: list[tuple[int, int]] = []
    send(lake, options, progress=lambda done, size: seen.append((done, size)))
    size = lake.path.stat().st_size
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"tt1|x|1\n")


def _cut(path: Path) -> None:
    os.truncate(path, 50_000)


def _replace(path: Path) -> None:
    other = path.with_suffix(".new")
    write_csv(other, 120_000, seed=3)
    other.replace(path)


def _rewrite_secretly(path: Path) -> None:
    """Change one byte and put size and times back: only a checksum can see it."""
    times = path.stat()
    with path.open("r+b") as file:
        file.seek(60_000)
        file.write(b"\x00")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


CHANGES = [_append, _cut, _replace, Path.unlink, _rewrite_secretly]


@pytest.mark.parametrize("change", CHANGES)
def test_upload_file_changed_after_profile_is_rejected(lake: Lake, options: UploadOptions, change: Any) -> None:
    profile = profile_of(lake.path)
    change(lake.path)
    with pytest.raises(SourceChanged, match="séries do ano"):
        send(lake, options, profile=profile)
    assert lake.keys() == []


@pytest.mark.parametrize("change", CHANGES)
def test_upload_file_changed_in_mid_upload_leaves_nothing(lake: Lake, change: Any) -> None:
    def at_the_second_part(params: dict[str, Any], **_: Any) -> None:
        if params.get("PartNumber") == 2 and lake.path.exists():
            change(lake.path)

    lake.client.meta.events.register("provide-client-params.s3.UploadPart", at_the_second_part)
    with pytest.raises(SourceChanged):
        send(lake, UploadOptions(part_size_bytes=8192, multipart_above_bytes=8192, concurrency=1))
    assert lake.keys() == []
    assert incomplete_uploads(lake.client, lake.bucket) == []


def test_upload_several_files_at_once_share_the_parts_in_memory(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.lake.s3.transfer._parts", threading.BoundedSemaphore(3))
    lock, under_way, most = threading.Lock(), 0, 0

    def count(by: int) -> None:
        nonlocal under_way, most
        with lock:
            under_way += by
            most = max(most, under_way)

    lake.client.meta.events.register("before-call.s3.UploadPart", lambda **_: count(1))
    lake.client.meta.events.register("after-call.s3.UploadPart", lambda **_: count(-1))
    paths = [tmp_path / f"file-{number}.csv" for number in range(4)]
    for path in paths:
        write_csv(path, 50_000)
    options = UploadOptions(part_size_bytes=8192, multipart_above_bytes=8192, concurrency=4)

    def send_one(path: Path) -> upload.UploadResult:
        return upload.upload_file(lake.whole, path, profile_of(path), f"Raw/{path.name}", options=options)

    with ThreadPoolExecutor(4) as pool:
        assert {result.outcome for result in pool.map(send_one, paths)} == {"uploaded"}
    assert [lake.read(f"Raw/{path.name}") for path in paths] == [path.read_bytes() for path in paths]
    assert 1 < most <= 3


def test_upload_file_without_permission_says_so(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = profile_of(lake.path)

    def refuse(*_: Any) -> int:  # the tests may run as root, whom no permission stops
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("flows.lake.source_file.os.open", refuse)
    with pytest.raises(SourceUnreadable, match="read permission"):
        send(lake, profile=profile)


def test_plan_says_what_would_happen_and_writes_nothing(lake: Lake) -> None:
    def plan() -> str:
        return upload.plan_upload(lake.whole, profile_of(lake.path), RAW)

    assert plan() == "would upload"
    assert lake.keys() == []
    send(lake)
    assert plan() == "unchanged"
    write_csv(lake.path, 50_000, seed=9)
    sent = operations(lake.client)
    assert plan() == "would supersede"
    assert sent == ["HeadObject"]


def test_settled_file_that_changes_once_is_stored_as_it_became(lake: Lake) -> None:
    profile, pauses = profile_of(lake.path), []
    new = write_csv(lake.path, 70_000, seed=5)
    result, stored = upload.upload_settled(
        lake.whole,
        lake.path,
        profile,
        RAW,
        reprofile=lambda: profile_of(lake.path),
        pause_s=3,
        sleep=pauses.append,
    )
    assert result.outcome == "uploaded"
    assert stored == profile_of(lake.path)
    assert pauses == [3]
    assert lake.read(RAW) == new


def test_settled_file_that_never_rests_is_still_being_written(lake: Lake) -> None:
    profile, pauses = profile_of(lake.path), []
    _append(lake.path)

    def reprofile() -> Any:
        seen = profile_of(lake.path)
        _append(lake.path)
        return seen

    with pytest.raises(SourceChanged, match="still being written"):
        upload.upload_settled(
            lake.whole,
            lake.path,
            profile,
            RAW,
            reprofile=reprofile,
            tries=3,
            sleep=pauses.append,
        )
    assert len(pauses) == 2
    assert lake.keys() == []


def test_quarantine_keeps_bytes_and_reason(lake: Lake) -> None:
    lake.path.write_bytes(b"\x00\x01binary")
    key = "Quarantine/Local/CSV/Movies/2026/01/02/bad.csv"
    reason = "line 3: não é CSV,\n" + "muito longo " * 200
    result = quarantine_file(lake.whole, lake.path, key, reason=reason)
    assert result.outcome == "uploaded"
    assert lake.read(key) == b"\x00\x01binary"
    if lake.versioned:
        metadata = lake.client.head_object(Bucket=lake.bucket, Key=key)["Metadata"]
        assert metadata["reason"].startswith("line 3: n%C3%A3o %C3%A9 CSV, muito longo")


def test_put_new_taken_key_is_left_alone(lake: Lake) -> None:
    def put(body: bytes) -> bool:
        return put_new(lake.whole, "Logs/log.txt", body, content_type="text/plain")

    assert put(b"first") is True
    assert put(b"second") is False
    assert lake.read("Logs/log.txt") == b"first"


def test_stale_uploads_old_ones_under_our_keys_are_aborted(lake: Lake) -> None:
    ours, others = "Raw/Local/CSV/a.csv", "Elsewhere/b.csv"
    for key in (ours, others):
        lake.client.create_multipart_upload(Bucket=lake.bucket, Key=key)
    now = dt.datetime.now(dt.UTC)

    def abort(age: dt.timedelta) -> int:
        return abort_stale_uploads(lake.whole, ["Raw/", "Quarantine/"], older_than=dt.timedelta(days=1), now=now + age)

    if not lake.versioned:  # moto gives every upload a date in 2010
        assert abort(dt.timedelta(hours=23)) == 0
    assert abort(dt.timedelta(hours=25)) == 1
    assert incomplete_uploads(lake.client, lake.bucket) == [others]


def test_stale_uploads_none_in_the_bucket_is_zero(lake: Lake) -> None:
    assert abort_stale_uploads(lake.whole, ["Raw/"]) == 0


def test_upload_other_bytes_under_the_good_checksum_are_not_taken_for_unchanged(lake: Lake) -> None:
    profile = profile_of(lake.path)
    other = bytes(byte ^ 1 for byte in lake.path.read_bytes())
    lake.client.put_object(Bucket=lake.bucket, Key=RAW, Body=other, ChecksumCRC64NVME=profile.crc64nvme)
    assert upload.plan_upload(lake.whole, profile, RAW) == "would supersede"
    result = upload.upload_file(lake.whole, lake.path, profile, RAW)
    assert (result.outcome, result.verified_by) != ("unchanged", "checksum")
    assert lake.read(RAW) == lake.path.read_bytes()
