"""A file is profiled while it is fetched, to the same end as after it."""

from __future__ import annotations

import gzip
import math
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from flows.lake.models import SourceFile
from flows.lake.raw.ingest_file import read_file
from flows.lake.rules import LandingRules
from flows.lake.s3.content import Content
from flows.lake.sources.web import all_of, fetched
from flows.lake.tables.profile import profile_csv
from flows.lake.web import fetching
from flows.lake.web.addresses import WebOrigin
from flows.lake.web.arrival import arriving
from flows.lake.web.body import Body
from flows.lake.web.errors import AnswerWrong, FetchFailed
from flows.lake.web.rules import WebRules
from tests.tools.scripted_server import Request, scripted_server

OPEN = WebRules(http=True, private_networks=True)
BODY = b"id;nome\n" + b"".join(b"%d;Ana\n" % number for number in range(400_000))
OTHER = b"id;nome\n" + b"".join(b"%d;Bia\n" % number for number in range(400_000))


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(fetching.Fetch, "_pause", lambda *_: None)


def landed(script, folder: Path, name="dados.csv"):
    """Return the profile that is made on the way, the file's bytes, and its way."""
    rules = LandingRules.model_construct(sensitive="warn", max_columns=100, bad_rows_percent=10)
    with scripted_server(script) as server:
        origin = WebOrigin(f"{server.url}/{name}", OPEN)
        file = SourceFile(origin.place, "Dados", "k", 0, rules, origin=origin)
        with fetched(file, origin, folder / name, None, whole=False) as local:
            try:
                read = read_file(local).profile
            except Exception as error:
                read = error
            whole = all_of(local)
            return read, whole.path.read_bytes(), whole


def in_one_piece(request: Request):
    return 200, BODY, {"ETag": '"one"'}


def test_a_file_is_profiled_on_its_way_as_it_is_when_it_is_there(tmp_path):
    profile, data, whole = landed(in_one_piece, tmp_path)
    (tmp_path / "there").mkdir()
    there = tmp_path / "there/dados.csv"
    there.write_bytes(BODY)
    expected = replace(profile_csv(there), path=profile.path, mtime_ns=profile.mtime_ns)
    assert (profile, data) == (expected, BODY)
    assert (whole.size_bytes, whole.web.etag, whole.arrival) == (len(BODY), '"one"', None)
    assert whole.mtime_ns == profile.mtime_ns


def test_a_packed_file_is_profiled_on_its_way(tmp_path):
    profile, data, _ = landed(lambda _: (200, gzip.compress(BODY)), tmp_path, "dados.csv.gz")
    assert (profile.rows, profile.compression, gzip.decompress(data) == BODY) == (400_000, "gzip", True)


def test_a_file_of_which_another_begins_in_mid_way_is_read_again(tmp_path):
    asked = []

    def script(request: Request):
        asked.append(request.headers.get("range"))
        if len(asked) == 1:
            return 200, BODY[:3_000_000], {"ETag": '"one"', "Content-Length": str(len(BODY)), "Connection": "close"}
        return 200, OTHER, {"ETag": '"two"'}

    profile, data, whole = landed(script, tmp_path)
    assert asked == [None, "bytes=3000000-"]
    assert data == OTHER
    assert Content.of_profile(profile) == Content.of_chunks([OTHER])
    assert whole.web.etag == '"two"'


def test_a_cut_does_not_disturb_who_reads(tmp_path):
    def script(request: Request):
        headers = {"ETag": '"one"', "Content-Length": str(len(BODY)), "Connection": "close"}
        if not (wanted := request.headers.get("range")):
            return 200, BODY[:2_000_000], headers
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        return 206, BODY[start:], {"ETag": '"one"', "Content-Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"}

    profile, data, _ = landed(script, tmp_path)
    assert (data, Content.of_profile(profile)) == (BODY, Content.of_chunks([BODY]))


def test_a_fetch_that_fails_says_so_and_not_what_its_beginning_was_taken_for(tmp_path):
    def script(request: Request):
        if "range" in request.headers:
            return 404, b""
        return 200, BODY[:2_000_000], {"ETag": '"one"', "Content-Length": str(len(BODY)), "Connection": "close"}

    with pytest.raises(FetchFailed, match="HTTP 404"):
        landed(script, tmp_path)


def test_a_digest_that_is_wrong_keeps_a_file_out_that_was_read(tmp_path):
    with pytest.raises(AnswerWrong, match="another md5"):
        landed(lambda _: (200, BODY, {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}), tmp_path)


def test_what_cannot_be_read_is_fetched_to_its_end_to_be_set_aside(tmp_path):
    binary = bytes(range(256)) * 20_000
    error, data, _ = landed(lambda _: (200, binary), tmp_path)
    assert "binary" in str(error)
    assert data == binary


def test_a_fetch_that_nobody_waits_for_ends():
    ended = threading.Event()

    def fetch(told):
        try:
            while True:
                told(1)
        finally:
            ended.set()

    with arriving(fetch) as arrival:
        assert arrival.begins()
    assert ended.wait(10)


def test_a_new_start_is_told_before_a_byte_changes(tmp_path):
    path, seen = tmp_path / "dados.csv", []
    path.write_bytes(b"id;nome\n")
    body = Body(
        WebOrigin("https://a.example/dados.csv", OPEN), math.inf, lambda there: seen.append((there, path.read_bytes()))
    )
    body.begin_anew(path)
    assert seen == [(0, b"id;nome\n")]
    assert path.read_bytes() == b""
