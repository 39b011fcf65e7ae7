"""The parts of the local stack as child processes: the embedded lake and a Prefect server of the project's own.

Everything the stack stores is inside the project (`.prefect/`, `lake/`): the user's `~/.prefect`, profile and Cloud
login are neither read nor changed. Children run in sessions of their own, so that Ctrl-C reaches only the parent, which
then stops them in order; on Linux they also end when the parent is killed.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from deployments.local.server import SIGN_IN

PROJECT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ.get("LAKE_STATE") or PROJECT)
"""Where the stack keeps what it stores; tests give each stack a folder of its own."""
PREFECT_HOME = STATE / ".prefect"
LAKE_FOLDER = STATE / "lake"
LOCK = PREFECT_HOME / "stack.lock"
BLOCK_KEY = PREFECT_HOME / "block-encryption.key"
API_PASSWORD = PREFECT_HOME / "api-auth-string"
SIGN_IN_PAGE = PREFECT_HOME / "sign-in.html"
PROFILE = PREFECT_HOME / "stack.toml"
"""For `prefect` in a terminal: PREFECT_PROFILES_PATH names it, so that no password is typed or shown."""
LAKE_BLOCK = "local-lake"
START_TIMEOUT_S = 300
"""A server may take a minute on a slow machine, and longer on its first start, when it creates its database."""


class StackError(Exception):
    """A part of the local stack did not start; the message says which, why and where its output is."""


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


def block_key() -> str:
    """Return the key that encrypts this stack's blocks, made on first use.

    It lies in a file that only its owner may read, beside the database and not in it: the database alone opens nothing.
    """
    # The form of a Fernet key, which is what Prefect takes.
    return _kept(BLOCK_KEY, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())


def api_password() -> str:
    """Return the password of this stack's API as Prefect takes it, `user:password`, made on first use.

    Without one, whoever reaches the port gets every block in clear, and has the worker run commands.
    """
    return _kept(API_PASSWORD, f"admin:{secrets.token_urlsafe(24)}")


def _kept(path: Path, made: str) -> str:
    """Return what a file holds that only its owner may read; it is made on first use."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole under another name: what reads the file at the same moment must not find it empty.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(made)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()


def write_ways_in(api_url: str) -> None:
    """Write how people come in: a page that signs a browser in, and a profile for `prefect` in a terminal."""
    password, ui_url = api_password(), api_url.removesuffix("/api")
    address = f"{ui_url}{SIGN_IN}#{urllib.parse.quote(password, safe='')}"
    page = f'<!doctype html><meta charset="utf-8"><script>location.replace({json.dumps(address)})</script>\n'
    profile = f'active = "stack"\n\n[profiles.stack]\nPREFECT_API_URL = "{api_url}"\n'
    profile += f'PREFECT_API_AUTH_STRING = "{password}"\nPREFECT_UI_URL = "{ui_of(api_url)}"\n'
    for path, text in ((SIGN_IN_PAGE, page), (PROFILE, profile)):
        path.unlink(missing_ok=True)
        _kept(path, text)


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


def ui_of(api_url: str) -> str:
    """Return where the UI of a server is that people get; left to itself, Prefect prints addresses of the older one."""
    return api_url.rstrip("/").removesuffix("/api") + "/v2"


def is_cloud(api_url: str) -> bool:
    """Say whether an API is that of Prefect Cloud, which has one UI only."""
    return (urllib.parse.urlsplit(api_url).hostname or "").endswith("prefect.cloud")


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


def say(text: str) -> None:
    """Tell the user what is going on."""
    print(text, flush=True)


_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def _begin_child() -> None:
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
    # In the background of a script SIGINT is ignored, and a worker, which ends by way of it, would have to be killed.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def child(
    command: list[str], log: Path | None, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends; its output goes to a file, or where this process's own goes."""
    with contextlib.ExitStack() as files:
        output = None
        if log is not None:
            log.parent.mkdir(parents=True, exist_ok=True)
            output = files.enter_context(log.open("ab"))
        # An interrupt that came between the fork and the assignment would leave a child that nobody knows of.
        signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
        process = None
        try:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
                preexec_fn=_begin_child,
            )
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
            yield process
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
            if process:
                stop(process)


def stop(process: subprocess.Popen[bytes], patience_s: float = 15) -> None:
    """End a child and whatever it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    # The leader may have gone before its children did.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], what: str, log: Path) -> None:
    """Wait for a child to answer, saying every few seconds what is being waited for.

    Raises:
        StackError: It ended, or did not answer in five minutes.
    """
    started, told = time.monotonic(), 0.0
    while not ready():
        waited = time.monotonic() - started
        if process.poll() is not None:
            problem = f"ended with code {process.returncode} before it answered"
        elif waited > START_TIMEOUT_S:
            problem = f"did not answer in {START_TIMEOUT_S} s"
        else:
            problem = ""
        if problem:
            raise StackError(f"{what} {problem}. Its output is in {log}:\n{_tail(log)}")
        if waited - told >= 5:
            told = waited
            say(f"Waiting for {what} ({waited:.0f} s; a first start takes longer)")
        time.sleep(0.1)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:])


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


@contextlib.contextmanager
def prefect_server(port: int) -> Iterator[str]:
    """Run a Prefect server, and point this process at it; yields the address of its API."""
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
    say("Starting the Prefect server")
    with child(command, log, environment) as process:
        use_server(api_url)
        _import_what_a_run_needs()
        wait_until(lambda: _answers(f"{api_url}/health"), process, "the Prefect server", log)
        yield api_url


def _import_what_a_run_needs() -> None:
    """Spend the many seconds that a server needs to start on imports that take as many."""
    import flows.ingest_raw
    import flows.lake.raw.upload  # noqa: F401


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


def colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal that may be sent control characters."""
    return stream.isatty() and "NO_COLOR" not in os.environ


def end_on_sigterm() -> None:
    """Treat SIGTERM as Ctrl-C, so that the children are stopped in either case."""

    def interrupt(_signum: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
