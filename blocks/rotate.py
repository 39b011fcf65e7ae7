"""`python -m blocks.rotate` (`make rotate`): encrypts every block of a Prefect server under a new key, or changes none.

Prefect has no command for this: under another key its server cannot read any block until each is saved again. So this
works on the server's database while the server is stopped, in one transaction: it opens every block with the keys that
are known, writes it under the new one, opens it again to compare, and commits only if all of them fit. A block that no
known key opens stops it before anything is changed.

A key file gets the new key last and in one step; until then the new key lies beside it, so that a rotation that was
killed at any moment is finished by the next one. Keys come from files or the environment, never from the command line,
which every user of the machine can read.

Exit codes: 0 rotated, 1 stopped and nothing changed, 2 a value is missing or wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from prefect.server.database import provide_database_interface
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from flows.lake.errors import LakeError, RotationStopped, SettingsError

CURRENT = "PREFECT_SERVER_ENCRYPTION_KEY"
"""Where Prefect's server looks for its key, before it looks into its own database."""
NEW = "PREFECT_SERVER_ENCRYPTION_KEY_NEW"
WAIT_MS = 2_000
"""How long somebody else's lock on a SQLite database is waited for: a server that runs holds it for good."""
OWN_KEY = "ENCRYPTION_KEY"
"""The row of Prefect's table `configuration` that holds the key of a server that was given none."""


def main(arguments: list[str] | None = None) -> int:
    """Rotate as the command line and the environment say; return the exit code."""
    options = _parser().parse_args(arguments)
    warnings.simplefilter("ignore", sa.exc.SADeprecationWarning)  # of Prefect's own column types
    try:
        if options.key_file:
            rotate_key_file(options.key_file, os.environ, drop_unreadable=options.drop_unreadable)
        else:
            new = os.environ.get(NEW, "")
            if not new:
                remedy = f"Name a --key-file, or set {NEW} to the new key and {CURRENT} to the present one."
                raise SettingsError("There is no place for a new key.", remedy=remedy)
            count = reencrypt(new, _in_environment(os.environ), drop_unreadable=options.drop_unreadable)
            print(f"{_blocks(count)} encrypted under the key of {NEW}. Start the server with it as {CURRENT}.")
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except LakeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def rotate_key_file(path: Path, environ: Mapping[str, str], *, drop_unreadable: bool = False) -> None:
    """Encrypt every block under a new key, and put that key into a file.

    Args:
        path: The file with the present key, where there is one; it holds the new key afterwards, and a file beside it
            with the ending `.old` the former one.
        environ: The environment, which may name the present key.
        drop_unreadable: Delete blocks that no known key opens.

    Raises:
        SettingsError: What is in the file or the environment is not a valid key.
        RotationStopped: Nothing was changed, and why.
    """
    coming, former = path.with_name(path.name + ".new"), path.with_name(path.name + ".old")
    if not coming.exists():
        _write_key(coming, Fernet.generate_key().decode())
    known = [_read(file) for file in (path, former) if file.exists()]
    count = reencrypt(_read(coming), [*known, *_in_environment(environ)], drop_unreadable=drop_unreadable)
    if path.exists():
        _write_key(former, _read(path))
    coming.replace(path)
    print(f"{_blocks(count)} encrypted under the new key in {path}.")
    if former.exists():
        print(f"The former key is kept in {former}: it opens backups of the database from before. Delete it with them.")


def reencrypt(new: str, known: Iterable[str], *, drop_unreadable: bool = False) -> int:
    """Encrypt every block in the database of this process's Prefect settings under a new key; return how many.

    Args:
        new: The new key.
        known: Keys that may have encrypted them; one that lies in the database itself is known without, and removed.
        drop_unreadable: Delete blocks that no key opens, in place of stopping at them.

    Raises:
        SettingsError: One of them is not a valid key.
        RotationStopped: The database cannot be had alone, or holds a block that no key opens.
    """
    keys = [_fernet(new), *(_fernet(key) for key in known)]
    database = provide_database_interface()
    address = make_url(database.database_config.connection_url)
    shown = address.render_as_string(hide_password=True)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        remedy = "Set PREFECT_HOME or PREFECT_SERVER_DATABASE_CONNECTION_URL as the server has it."
        raise RotationStopped(f"There is no Prefect database at {shown}.", remedy=remedy)
    try:
        return asyncio.run(_reencrypt(database, keys, drop_unreadable))
    except (OSError, DBAPIError) as error:
        why = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]
        running = "locked" in why
        remedy = "Stop the Prefect server first" if running else "Look at the address and state of the database"
        remedy += ", then rotate again: it goes on with the same new key."
        raise RotationStopped(f"The database {shown} answered: {why}.", remedy=remedy) from error


async def _reencrypt(database: Any, keys: list[Fernet], drop_unreadable: bool) -> int:
    engine = await database.engine()
    sqlite = engine.dialect.name == "sqlite"
    try:
        if sqlite:
            # Only who is alone may leave the write-ahead log: a server that still runs makes this fail.
            await _outside_transactions(engine, "PRAGMA journal_mode = DELETE")
        async with database.session_context(begin_transaction=True, with_for_update=True) as session:
            if not sqlite:
                await session.execute(sa.text("LOCK TABLE block_document IN EXCLUSIVE MODE"))
            count = await _rewrite(database, session, keys, drop_unreadable)
        if sqlite:
            # What was encrypted under the old key, and that key itself, also leave the pages that are free now.
            with contextlib.suppress(DBAPIError):  # a full disk, for example; the blocks are safe already
                await _outside_transactions(engine, "VACUUM")
    finally:
        await engine.dispose()
    return count


async def _outside_transactions(engine: Any, statement: str) -> None:
    async with engine.connect() as connection:
        await connection.exec_driver_sql(f"PRAGMA busy_timeout = {WAIT_MS}")
        await connection.exec_driver_sql(statement)


async def _rewrite(database: Any, session: Any, keys: list[Fernet], drop_unreadable: bool) -> int:
    own = sa.select(database.Configuration.value).where(database.Configuration.key == OWN_KEY)
    for value in (await session.execute(own)).scalars():
        keys = [*keys, _fernet(value["fernet_key"])]
    table = database.BlockDocument
    columns = sa.select(table.id, table.name, table.block_type_name, table.data)
    unreadable: dict[Any, str] = {}
    count = 0
    for block in (await session.execute(columns)).all():
        try:
            content = MultiFernet(keys).decrypt(block.data)
        except InvalidToken:
            unreadable[block.id] = f"{block.block_type_name}/{block.name}"
            continue
        token = keys[0].encrypt(content).decode()
        await session.execute(sa.update(table).where(table.id == block.id).values(data=token))
        stored = (await session.execute(sa.select(table.data).where(table.id == block.id))).scalar_one()
        if keys[0].decrypt(stored) != content:
            raise RotationStopped(f"Nothing was changed: the database does not give back the block {block.name!r}.")
        count += 1
    if unreadable and not drop_unreadable:
        remedy = f"Name the key that does in {CURRENT}; if it is lost, --drop-unreadable deletes them."
        names = ", ".join(sorted(unreadable.values()))
        raise RotationStopped(f"Nothing was changed: no known key opens {names}.", remedy=remedy)
    for block_id, name in unreadable.items():
        await session.execute(sa.delete(table).where(table.id == block_id))
        print(f"Deleted {name}, which no known key opens.")
    await session.execute(sa.delete(database.Configuration).where(database.Configuration.key == OWN_KEY))
    return count


def _in_environment(environ: Mapping[str, str]) -> list[str]:
    return [environ[CURRENT]] if environ.get(CURRENT) else []


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key.encode())
    except ValueError:
        remedy = "A key is 32 bytes in URL-safe base64, as cryptography's Fernet.generate_key() makes it."
        raise SettingsError("That is not a valid encryption key.", remedy=remedy) from None


def _read(path: Path) -> str:
    return path.read_text().strip()


def _write_key(path: Path, key: str) -> None:
    """Write a key where only its owner can read it, and see it on the disk before anything is encrypted under it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())


def _blocks(count: int) -> str:
    return "1 block is" if count == 1 else f"{count} blocks are"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m blocks.rotate",
        description="Encrypt every block of a stopped Prefect server under a new key, or change nothing. The database "
        "is that of PREFECT_HOME or PREFECT_SERVER_DATABASE_CONNECTION_URL.",
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        help=f"the file that holds the key and gets the new one (else: {CURRENT} and {NEW} in the environment)",
    )
    parser.add_argument(
        "--drop-unreadable",
        action="store_true",
        help="delete blocks whose key is lost: while there is one, the server can list none",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
