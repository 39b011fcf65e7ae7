"""The parts of the local stack as child processes: the embedded lake and a Prefect server of the project's own.

Everything the stack stores is inside the project (`.prefect/`, `lake/`): the user's `~/.prefect`, profile and Cloud
login are neither read nor changed. Children run in sessions of their own, so that Ctrl-C reaches only the parent, which
then stops them in order; on Linux they also end when the parent is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from deployments.local.children import child, say, wait_until
from deployments.local.folders import LAKE_FOLDER, LOCK, PREFECT_HOME, PROJECT, StackError
from deployments.local.ways_in import api_password, block_key, ui_of
from flows.lake.memory import seldom_collected

LAKE_BLOCK = "local-lake"
MASKING_BLOCK = "masking-key"


@dataclass(frozen=True)
class LakeServer:
    """The embedded lake: `rclone serve s3` over plain files."""

    endpoint_url: str
    access_key: str
    secret_key: str = field(repr=False)
    browse_url: str | None = None


@contextlib.contextmanager
def only_one(api_url: str = "") -> Iterator[str | None]:
    """Hold the project's Prefect home, which two servers must not share, while the block runs.

    Args:
        api_url: The address to tell others that want to use what this process runs; empty if they may not.

    Yields:
        `None` when this process holds the home now, else the address of the stack that holds it.

    Raises:
        StackError: Something else that does not share its server is at work.
    """
    PREFECT_HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    with LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            running = lock.read().strip()
            if not running:
                raise StackError(f"Another `make ingest` is at work in {PROJECT}: wait for it to end.") from None
            yield running
            return
        lock.truncate(0)
        lock.write(api_url)
        lock.flush()
        yield None
        lock.truncate(0)


def isolate_prefect() -> None:
    """Point this process, and those it starts, at the project's own Prefect, whatever the user has configured.

    Must run before prefect is imported, which reads the environment then.
    """
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    os.environ.update(
        PREFECT_HOME=str(PREFECT_HOME),
        PREFECT_PROFILES_PATH=str(PREFECT_HOME / "profiles.toml"),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",  # no usage statistics to Prefect's makers
        DO_NOT_TRACK="1",
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="false",
        PREFECT_CLI_PROMPT="false",
    )


def use_server(api_url: str) -> None:
    """Point this process, and those it starts, at a server of the stack."""
    os.environ["PREFECT_API_URL"] = api_url
    os.environ["PREFECT_API_AUTH_STRING"] = api_password()
    os.environ["PREFECT_UI_URL"] = ui_of(api_url)


PORTS = {"UI_PORT": 4200, "LAKE_PORT": 4210, "BROWSE_PORT": 4211}
"""The variables that name the ports of `make up`, and what they are without."""


def port_number(variable: str) -> int:
    """Return the port that a variable names, or its default.

    Raises:
        StackError: It is not a port number.
    """
    text = os.environ.get(variable) or str(PORTS[variable])
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise StackError(f"{variable}={text} is not a port number.")
    return int(text)


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    # No proxy: a proxy configured for the internet must not be asked for loopback addresses.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


_WITHOUT_BLOCK_TYPES = {
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",  # which loads every integration to see what is new
}
"""For a server whose UI nobody opens: the types of blocks that its pages offer are a second of its start."""


@contextlib.contextmanager
def prefect_server(port: int, *, for_people: bool = True) -> Iterator[str]:
    """Run a Prefect server, and point this process at it; yields the address of its API.

    Args:
        port: Its loopback port.
        for_people: Whether somebody may open its UI, and look there for types of blocks.
    """
    log = PREFECT_HOME / "server.log"
    command = [sys.executable, "-m", "deployments.local.server", str(port)]
    api_url = f"http://127.0.0.1:{port}/api"
    # The UI's pages are told where the API is, and the server does not derive that from `--port`.
    environment = {
        "PREFECT_SERVER_ENCRYPTION_KEY": block_key(),
        "PREFECT_SERVER_UI_API_URL": api_url,
        "PREFECT_SERVER_API_AUTH_STRING": api_password(),
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port},http://localhost:{port}",
        # In memory, as is the default, the lease of a run is lost with the server: the run would be cancelled,
        # or its place taken for good.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    }
    if not for_people:
        environment |= _WITHOUT_BLOCK_TYPES
    say("Starting the Prefect server")
    with child(command, log, environment) as process:
        use_server(api_url)
        _import_what_a_run_needs()
        wait_until(lambda: _answers(f"{api_url}/health"), process, "the Prefect server", log)
        yield api_url


@contextlib.contextmanager
def lake_and_server() -> Iterator[str | None]:
    """Use the server and the lake that `make up` runs, or run some of this process's own, until the block ends.

    Yields:
        Where a browser finds the lake of `make up`; `None` where it does not run.

    Raises:
        StackError: A part did not start, or something that does not share its server is at work.
    """
    with only_one() as running, contextlib.ExitStack() as started:
        if running:
            say("Using the server and the lake that `make up` runs")
            use_server(running)
            yield browse_url_of_stack()
            return
        lake = started.enter_context(embedded_lake(free_port()))
        started.enter_context(prefect_server(free_port(), for_people=False))
        store_lake_block(lake)
        yield None


def _import_what_a_run_needs() -> None:
    """Spend the many seconds that a server needs to start on imports that take as many."""
    with seldom_collected():
        import flows.ingest_raw
        import flows.lake.raw.upload
        import flows.lake.tables.profile  # noqa: F401


@contextlib.contextmanager
def embedded_lake(port: int, browse_port: int | None = None, folder: Path = LAKE_FOLDER) -> Iterator[LakeServer]:
    """Run `rclone serve s3` over a folder, with keys made for this start.

    Args:
        port: Its loopback port.
        browse_port: A port at which a browser can read the same folder; without one, links lead to that of `make up`.
        folder: The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = PREFECT_HOME / "lake.log"
    browse_url = f"http://127.0.0.1:{browse_port or port_number('BROWSE_PORT')}"
    lake = LakeServer(f"http://127.0.0.1:{port}", secrets.token_hex(10), secrets.token_urlsafe(30), browse_url)
    # The keys go by environment: a command line can be read by every user of the machine. rclone reads the variable as
    # CSV, hence the quotes around the comma.
    keys = {"RCLONE_AUTH_KEY": f'"{lake.access_key},{lake.secret_key}"'}
    with contextlib.ExitStack() as servers:
        rclone = [str(Path(sys.executable).with_name("rclone")), "serve", "s3", "--addr", f"127.0.0.1:{port}"]
        s3 = servers.enter_context(child([*rclone, *rclone_options(), str(folder)], log, keys))
        if browse_port:
            browse = [sys.executable, "-m", "deployments.local.browse", str(browse_port), str(folder)]
            servers.enter_context(child(browse, log))
        wait_until(lambda: _answers(lake.endpoint_url), s3, "the embedded lake", log)
        yield lake


def rclone_options() -> list[str]:
    """Return the options of every `rclone serve s3` over plain files that people may also change by hand.

    By default rclone answers for five minutes out of its memory of a folder. One second is not felt by a person, and
    costs nothing where thousands of files arrive; with none at all, each of them has the folder read anew.
    """
    return ["--config", os.devnull, "--dir-cache-time", "1s"]


def store_lake_block(lake: LakeServer) -> None:
    """Save the credentials block of the embedded lake on the server that this process talks to."""
    from prefect_aws.client_parameters import AwsClientParameters
    from pydantic import SecretStr

    from blocks.lake_credentials import LakeCredentials

    LakeCredentials(
        aws_access_key_id=lake.access_key,
        aws_secret_access_key=SecretStr(lake.secret_key),
        region_name="us-east-1",
        aws_client_parameters=AwsClientParameters(endpoint_url=lake.endpoint_url),
        browse_url=lake.browse_url,
    ).save(LAKE_BLOCK, overwrite=True)


def browse_url_of_stack() -> str | None:
    """Return where the lake of the server that this process talks to is seen in a browser."""
    from blocks.loading import load_credentials

    return load_credentials(LAKE_BLOCK).browse_url


def make_masking_key() -> None:
    """Make the key by which columns are masked on the server that this process talks to, unless there is one."""
    from blocks.new_masking_key import make_masking_key as made
    from flows.lake.errors import LakeError

    try:
        made(MASKING_BLOCK)
    except LakeError as error:
        # Only files with masking rules need it, and they say so.
        say(f"The masking key cannot be used: {error}")


def colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal that may be sent control characters."""
    return stream.isatty() and "NO_COLOR" not in os.environ
