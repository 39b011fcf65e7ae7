"""The programs of the local stack as child processes, which end with the one that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from deployments.local.folders import PROJECT, StackError

START_TIMEOUT_S = 300
"""A server may take a minute on a slow machine, and longer on its first start, when it creates its database."""


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
    started, reported_s = time.monotonic(), 0.0
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
        if waited - reported_s >= 5:
            reported_s = waited
            say(f"Waiting for {what} ({waited:.0f} s; a first start takes longer)")
        time.sleep(0.1)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-8:])


def end_on_sigterm() -> None:
    """Treat SIGTERM as Ctrl-C, so that the children are stopped in either case."""

    def interrupt(_signum: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
