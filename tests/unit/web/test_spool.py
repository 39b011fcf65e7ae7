"""What a killed fetch leaves, and how the next one goes on from it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from flows.lake.errors import LakeError
from flows.lake.masking_rules import MaskingRules
from flows.lake.models import FileContract, SourceFile
from flows.lake.rules import LandingRules
from flows.lake.sources.web import may_be_kept
from flows.lake.web import spool
from flows.lake.web.addresses import WebOrigin
from flows.lake.web.errors import AnswerWrong
from flows.lake.web.fetching import Fetch
from flows.lake.web.rules import WebRules
from flows.lake.web.spool import kept_spool
from tests.tools.scripted_server import scripted_server

BODY = bytes(range(256)) * 4000
HALF = len(BODY) // 2
OPEN = WebRules(http=True, private_networks=True)

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux can do it")


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def stalling():
    """A server that sends half of a file and waits, and the other half to whoever asks for it."""
    asked, etags = [], ['"one"']

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(dict(self.headers))
            rest = self.headers.get("Range") == f"bytes={HALF}-" and self.headers.get("If-Range") == etags[0]
            self.send_response(206 if rest else 200)
            self.send_header("ETag", etags[0])
            self.send_header("Content-Length", str(len(BODY) - (HALF if rest else 0)))
            if rest:
                self.send_header("Content-Range", f"bytes {HALF}-{len(BODY) - 1}/{len(BODY)}")
            self.end_headers()
            self.wfile.write(BODY[HALF:] if rest else BODY[:HALF])
            if not rest:
                self.wfile.flush()
                if len(asked) == 1:
                    time.sleep(3)  # until it is killed
                else:
                    self.wfile.write(BODY[HALF:])

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/x.bin", asked, etags
    server.shutdown()
    server.server_close()


def kill_in_mid_fetch(url, folder):
    """Fetch in a process of its own, and kill it when half has come; return the file that it leaves."""
    program = textwrap.dedent(f"""
        import sys, tempfile
        from pathlib import Path
        tempfile.tempdir = {str(folder)!r}
        from flows.lake.web.addresses import WebOrigin
        from flows.lake.web.fetching import Fetch
        from flows.lake.web.rules import WebRules
        from flows.lake.web.spool import kept_spool
        origin = WebOrigin({url!r}, WebRules(True, True))
        with kept_spool(origin.fingerprint, Path({str(folder)!r}, "first")) as spool:
            Fetch(origin).into(spool.path, None, spool)
    """)
    process = subprocess.Popen([sys.executable, "-c", program])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        parts = list(folder.glob("ingest-raw-fetches-*/*.part"))
        if parts and parts[0].stat().st_size == HALF:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return parts[0]
        time.sleep(0.05)
    raise AssertionError("half of it never came")


def go_on(url, folder):
    origin = WebOrigin(url, OPEN)
    with kept_spool(origin.fingerprint, folder / "second") as open_spool:
        Fetch(origin, lambda _: None).into(open_spool.path, None, open_spool)
        return open_spool.path.read_bytes()


def test_a_killed_fetch_goes_on_in_the_next_run(stalling, tmp_path):
    url, asked, _ = stalling
    left = kill_in_mid_fetch(url, tmp_path)
    assert stat.S_IMODE(left.parent.stat().st_mode) == 0o700
    assert go_on(url, tmp_path) == BODY
    assert [one.get("Range") for one in asked] == [None, f"bytes={HALF}-"]
    assert not list(left.parent.iterdir())  # a whole file has no name


def test_a_killed_fetch_starts_anew_where_the_file_has_changed(stalling, tmp_path):
    url, asked, etags = stalling
    kill_in_mid_fetch(url, tmp_path)
    etags[0] = '"two"'
    assert go_on(url, tmp_path) == BODY
    assert len(asked) == 2


def test_what_a_machine_left_that_was_started_anew_is_not_trusted(stalling, tmp_path):
    url, asked, _ = stalling
    left = kill_in_mid_fetch(url, tmp_path)
    note = left.with_suffix(".json")
    note.write_text(json.dumps(json.loads(note.read_text()) | {"boot": "another"}))
    assert go_on(url, tmp_path) == BODY
    assert asked[1].get("Range") is None


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"boot": 1}', "\0", '{"answer": {"etag": 5}}'])
def test_a_note_that_is_nonsense_is_none(stalling, tmp_path, note):
    url, asked, _ = stalling
    asked.append({})  # so that the server does not wait
    origin = WebOrigin(url, OPEN)
    folder = spool.own_folder("fetches")
    (folder / f"{origin.fingerprint}.part").write_bytes(b"x" * HALF)
    (folder / f"{origin.fingerprint}.json").write_text(note)
    assert go_on(url, tmp_path) == BODY


def test_two_processes_at_one_address_do_not_meet(tmp_path):
    with kept_spool("a" * 64, tmp_path / "one") as first, kept_spool("a" * 64, tmp_path / "two") as second:
        assert first is not None
        assert second is None


def test_what_is_no_file_is_not_kept(tmp_path):
    with scripted_server(lambda _: (200, b"<html>maintenance</html>", {"ETag": '"one"'})) as server:
        origin = WebOrigin(f"{server.url}/x.csv", OPEN)
        with (
            kept_spool(origin.fingerprint, tmp_path / "x") as open_spool,
            pytest.raises(AnswerWrong, match="page of HTML"),
        ):
            Fetch(origin).into(open_spool.path, None, open_spool)
    assert not list(spool.own_folder("fetches").iterdir())


def test_what_nobody_comes_back_for_goes(tmp_path):
    old = spool.own_folder("fetches") / "b.part"
    old.write_bytes(b"x")
    os.utime(old, (0, 0))
    with kept_spool("a" * 64, tmp_path / "x"):
        assert not old.exists()


def test_a_folder_that_others_may_write_to_is_refused():
    spool.own_folder("fetches").chmod(0o777)
    with pytest.raises(LakeError, match="not this user's alone"):
        spool.own_folder("fetches")


class Inside:
    masks = True


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({}, True),
        ({"contract": FileContract(mask=MaskingRules.parse({"cpf": "hash"}))}, False),
        ({"lost_rules": True}, False),
        ({"inside": Inside()}, False),
        ({"rules": LandingRules.model_construct(sensitive="reject")}, False),
    ],
)
def test_a_file_that_may_hold_what_is_to_be_masked_is_not_kept(changes, kept):
    given = {"rules": LandingRules.model_construct(sensitive="warn")} | changes
    file = SourceFile(Path("https:/a.example/x.csv"), "X", "Raw/Web/CSV/X/2024/03/05/x.csv", 0, **given)
    assert may_be_kept(file) is kept
