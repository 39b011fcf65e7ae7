"""Rotation of the key that encrypts blocks, on a copy of a real server's database."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from prefect.server.database import provide_database_interface
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import temporary_database_config
from prefect.server.models import block_documents
from prefect.settings import get_current_settings

from blocks import LakeCredentials, rotate

SECRET, TOKEN = "rotated/secret+key", "rotated/session+token=="


@pytest.fixture(autouse=True)
def _no_keys_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (rotate.CURRENT, rotate.NEW):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the harness's database with two blocks in it; its server was given no key, so the key is inside."""
    for name in ("rotate-one", "rotate-two"):
        LakeCredentials(
            aws_access_key_id="ASIAROTATE", aws_secret_access_key=SECRET, aws_session_token=TOKEN, region_name=name
        ).save(name, overwrite=True)
    live = str(get_current_settings().server.database.connection_url.get_secret_value()).partition("///")[2]
    path = tmp_path_factory.mktemp("rotate") / "stored.db"
    with closing(sqlite3.connect(live)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
    return path


@pytest.fixture
def database(stored: Path, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "copy.db"
    shutil.copyfile(stored, path)
    with using(path):
        yield path


def using(path: Path) -> AbstractContextManager[Any]:
    """Prefect reads the address of its database once for each process, and here it is another one for each test."""
    return temporary_database_config(AioSqliteConfiguration(connection_url=f"sqlite+aiosqlite:///{path}"))


def rows(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("select id, data from block_document"))


def key_inside(path: Path) -> str | None:
    with closing(sqlite3.connect(path)) as database:
        row = database.execute("select value from configuration where key = 'ENCRYPTION_KEY'").fetchone()
    return json.loads(row[0])["fernet_key"] if row else None


def opened(key: str | None) -> dict[str, Any]:
    """Return what the server's own code makes of the blocks with a key; raises InvalidToken where it opens nothing."""

    async def read() -> dict[str, Any]:
        database = provide_database_interface()
        engine = await database.engine()
        try:
            async with database.session_context() as session:
                found = await block_documents.read_block_documents(session, include_secrets=True)
        finally:
            await engine.dispose()
        return {block.name: block.data for block in found}

    with pytest.MonkeyPatch.context() as patch:
        if key:
            patch.setenv(rotate.CURRENT, key)
        return asyncio.run(read())


def test_rotate_from_the_key_in_the_database_moves_it_out_so_that_the_database_alone_opens_nothing(
    database: Path, tmp_path: Path
) -> None:
    former, before = key_inside(database), opened(None)
    assert former

    assert rotate.main(["--key-file", str(tmp_path / "key")]) == 0

    assert key_inside(database) is None
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    for key in (None, former):
        with pytest.raises(InvalidToken):
            opened(key)
    assert opened((tmp_path / "key").read_text()) == before
    assert before["rotate-one"]["aws_session_token"] == TOKEN
    # Neither the former key nor what it opens is left in pages that the database does not use any more.
    assert former.encode() not in database.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "key"]


def test_rotate_again_changes_every_block_and_keeps_the_former_key_beside_the_new_one(
    database: Path, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    rotate.main(["--key-file", str(key)])
    former, first = key.read_text(), rows(database)

    assert rotate.main(["--key-file", str(key)]) == 0

    second = rows(database)
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values())
    assert (tmp_path / "key.old").read_text() == former != key.read_text()
    assert (tmp_path / "key.old").stat().st_mode & 0o777 == 0o600
    assert opened(key.read_text())["rotate-two"]["aws_secret_access_key"] == SECRET


@pytest.mark.parametrize("committed", [False, True], ids=["before the blocks were written", "after"])
def test_rotation_that_was_killed_is_finished_by_the_next_one(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    key = tmp_path / "key"
    rotate.main(["--key-file", str(key)])
    before = opened(key.read_text())
    real = rotate.reencrypt

    def killed(*arguments: Any, **options: Any) -> int:
        if committed:
            real(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(rotate, "reencrypt", killed)
    with pytest.raises(KeyboardInterrupt):
        rotate.main(["--key-file", str(key)])
    monkeypatch.setattr(rotate, "reencrypt", real)

    assert rotate.main(["--key-file", str(key)]) == 0

    assert opened(key.read_text()) == before
    assert not (tmp_path / "key.new").exists()


def test_rotate_with_a_block_that_no_key_opens_names_it_and_changes_nothing(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = Fernet.generate_key()
    with closing(sqlite3.connect(database)) as copy, copy:
        token = json.dumps(Fernet(lost).encrypt(b"{}").decode())
        copy.execute("update block_document set data = ? where name = 'rotate-two'", (token,))
    before = rows(database), key_inside(database)

    assert rotate.main(["--key-file", str(tmp_path / "key")]) == 1

    assert "Nothing was changed: no known key opens Lake Credentials/rotate-two." in capsys.readouterr().err
    assert (rows(database), key_inside(database)) == before
    assert not (tmp_path / "key").exists()

    assert rotate.main(["--key-file", str(tmp_path / "key"), "--drop-unreadable"]) == 0

    left = opened((tmp_path / "key").read_text())
    assert "rotate-two" not in left
    assert left["rotate-one"]["aws_secret_access_key"] == SECRET


def test_rotate_with_keys_of_the_environment_needs_no_file(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate.main(["--key-file", str(tmp_path / "key")])
    new = Fernet.generate_key().decode()
    monkeypatch.setenv(rotate.CURRENT, (tmp_path / "key").read_text())
    monkeypatch.setenv(rotate.NEW, new)

    assert rotate.main([]) == 0

    assert opened(new)["rotate-one"]["aws_secret_access_key"] == SECRET


def test_rotate_of_a_database_that_somebody_uses_stops_and_says_so(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rotate, "WAIT_MS", 100)
    before = rows(database)
    with closing(sqlite3.connect(database)) as server:
        server.execute("pragma journal_mode = wal")
        server.execute("select count(*) from block_document").fetchone()  # an idle server holds no more than this

        assert rotate.main(["--key-file", str(tmp_path / "key")]) == 1

    assert "Stop the Prefect server first" in capsys.readouterr().err
    assert rows(database) == before


@pytest.mark.parametrize(
    ("given", "told"),
    [({}, "There is no place for a new key"), ({rotate.NEW: "short"}, "not a valid encryption key")],
)
def test_rotate_without_a_usable_new_key_is_refused_and_no_key_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: dict[str, str], told: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    assert rotate.main([]) == 2

    said = capsys.readouterr().err
    assert told in said
    assert "short" not in said


def test_rotate_where_there_is_no_database_says_where_it_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with using(tmp_path / "none.db"):
        assert rotate.main(["--key-file", str(tmp_path / "key")]) == 1

    assert "none.db" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()
