"""What a thief gets: the database without the key, the API without the password."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.system.conftest import PrefectServer, run_python, running_server
from tests.system.test_no_leaks import SECRET, TOKEN, leaks

SAVE = """
import os
from blocks import LakeCredentials
LakeCredentials(
    aws_access_key_id="ASIAENCRYPTED",
    aws_secret_access_key=os.environ["MARKER_SECRET"],
    aws_session_token=os.environ["MARKER_TOKEN"],
).save("encrypted", overwrite=True)
"""
LOAD = """
from blocks.loading import load_credentials
from flows.lake.errors import CredentialsMissing
try:
    print("opened", load_credentials("encrypted").aws_access_key_id)
except CredentialsMissing as error:
    print(error)
"""
REGISTER = {
    "AWS_ACCESS_KEY_ID": "AKIA",
    "AWS_SECRET_ACCESS_KEY": "never-stored",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}


@pytest.fixture(scope="module")
def server(prefect_server: PrefectServer) -> PrefectServer:
    """The server of the session, with a block of marker secrets on it."""
    saved = run_python(prefect_server, ["-c", SAVE], MARKER_SECRET=SECRET, MARKER_TOKEN=TOKEN)
    assert saved.returncode == 0, saved.stderr
    return prefect_server


@pytest.fixture(scope="module")
def stolen(server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server over a copy of the database, without the key."""
    home = tmp_path_factory.mktemp("stolen") / "server"
    home.mkdir()
    with closing(sqlite3.connect(server.database)) as source, closing(sqlite3.connect(home / "prefect.db")) as copy:
        source.backup(copy)
    with running_server(home, password="", encryption_key=None) as started:
        yield started


@pytest.mark.parametrize("path", ["/block_documents/filter", "/flow_runs/filter", "/logs/filter", "/events/filter"])
def test_api_with_a_password_refuses_whoever_gives_none_or_another_one(server: PrefectServer, path: str) -> None:
    wanted = json.dumps({"include_secrets": True} if "block" in path else {}).encode()

    assert server.get(path, wanted)[0] == 200
    for password in ("", "admin:another-password"):
        status, body = server.get(path, wanted, password=password)
        assert status == 401
        assert leaks({"answer": body}) == []


def test_api_with_a_password_is_named_by_the_command_that_was_given_none(server: PrefectServer) -> None:
    done = run_python(server, ["-m", "blocks.register", "--name", "x"], PREFECT_API_AUTH_STRING="", **REGISTER)

    assert done.returncode == 1
    assert "PREFECT_API_AUTH_STRING" in done.stderr
    assert "Traceback" not in done.stderr


def test_database_and_its_log_hold_no_secret(server: PrefectServer) -> None:
    files = {path.name: path.read_bytes() for path in server.home.glob("prefect.db*")}

    assert leaks(files) == []
    assert any(b"LakeCredentials" in data for data in files.values())
    with closing(sqlite3.connect(server.database)) as database:
        row = database.execute("select data from block_document where name = 'encrypted'").fetchone()
        assert row[0].startswith('"gAAAA')
        assert database.execute("select * from configuration where key = 'ENCRYPTION_KEY'").fetchall() == []


def test_database_without_the_key_opens_nothing(stolen: PrefectServer) -> None:
    for include_secrets in (False, True):
        wanted = json.dumps({"include_secrets": include_secrets}).encode()
        status, body = stolen.get("/block_documents/filter", wanted)
        assert status == 500
        assert b"ASIAENCRYPTED" not in body


def test_database_without_the_key_is_told_with_the_way_out(stolen: PrefectServer) -> None:
    done = run_python(stolen, ["-c", LOAD], PREFECT_API_AUTH_STRING="")

    assert "The Prefect server cannot read the credentials block 'encrypted'" in done.stdout, done.stderr
    assert "python -m blocks.rotate --drop-unreadable" in done.stdout

    command = ["-m", "blocks.register", "--name", "encrypted", "--overwrite"]
    again = run_python(stolen, command, PREFECT_API_AUTH_STRING="", **REGISTER)
    assert again.returncode == 1


def test_server_that_runs_keeps_its_key(server: PrefectServer, tmp_path: Path) -> None:
    home = {"PREFECT_HOME": str(server.home), "PREFECT_SERVER_ENCRYPTION_KEY": server.encryption_key or ""}
    done = run_python(server, ["-m", "blocks.rotate", "--key-file", str(tmp_path / "key")], **home)

    assert done.returncode == 1, done.stdout
    assert "Stop the Prefect server first" in done.stderr
    assert server.get("/block_documents/filter", b"{}")[0] == 200
