"""A PostgreSQL cluster of the tests' own, from the machine's packages, that can be stopped and started."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.system.conftest import free_port

USER, DATABASE = "prefect", "prefect"


def programs() -> Path | None:
    """Return the folder of PostgreSQL's programs, `None` where there is no server."""
    found = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder.resolve() for folder in found if (folder / "initdb").exists()), None)


@dataclass
class Postgres:
    """A cluster in a folder of its own, on a port of its own."""

    programs: Path
    folder: Path
    port: int
    account: str | None

    def run(self, program: str, *arguments: str) -> None:
        # Debian puts links to some of the programs elsewhere.
        command = [str((self.programs / program).resolve()), *arguments]
        # PostgreSQL refuses to be run by root.
        done = subprocess.run(
            command,
            user=self.account,
            group=pwd.getpwnam(self.account).pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        log = self.folder / "log"
        assert done.returncode == 0, done.stderr + (log.read_text()[-2000:] if log.exists() else "")

    def start(self) -> None:
        # No Unix socket: its folder belongs to a PostgreSQL of the machine.
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
        self.run(
            "pg_ctl", "start", "-w", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-o", options
        )

    def stop(self) -> None:
        self.run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.folder / "data"))

    def url(self, password: str) -> str:
        return f"postgresql+asyncpg://{USER}:{password}@127.0.0.1:{self.port}/{DATABASE}"


@contextmanager
def postgres(password: str) -> Iterator[Postgres]:
    """Run a cluster whose only user has a password, until the block ends."""
    folder = programs()
    assert folder
    # Not below pytest's own folder, which only its owner may enter.
    home = Path(tempfile.mkdtemp(prefix="lake-postgres-"))
    account = None
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        account = "postgres" if "postgres" in names else "nobody"
        shutil.chown(home, account)
    cluster = Postgres(folder, home, free_port(), account)
    secret = home / "password"
    secret.write_text(password)
    secret.chmod(0o644)
    try:
        arguments = ["-D", str(home / "data"), "-U", USER, "-A", "scram-sha-256", "--pwfile", str(secret), "-N"]
        cluster.run("initdb", *arguments, "-E", "UTF8", "--locale", "C")
        cluster.start()
        try:
            _create_database(cluster, password)
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(home)


def _create_database(cluster: Postgres, password: str) -> None:
    import asyncio

    import asyncpg

    async def create() -> None:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=cluster.port, user=USER, password=password, database="postgres"
        )
        await connection.execute(f"CREATE DATABASE {DATABASE}")
        await connection.close()

    asyncio.run(create())
