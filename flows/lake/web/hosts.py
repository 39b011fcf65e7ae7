"""How a host is asked, whatever processes of this machine ask it: few files at a time, at the pace that it wishes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.robotparser import RobotFileParser

from flows.lake.web.spool import own_folder

AT_ONCE = 2
"""Portals of authorities are small; what a browser would do is welcome."""

LONGEST_DELAY_S = 60.0
"""A `Crawl-delay` of more is for those who read a whole site."""

ROBOTS_FOR_S = 24 * 3600.0
_LOOK_AGAIN_S = 0.2


@contextmanager
def place_at(host: str, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Hold one of a host's places while the block runs; waits for one.

    A place is a lock on an empty file, which the system gives back when its process ends in any way.
    """
    name = _file(host, "")
    files = [name.with_suffix(f".{number}").open("w") for number in range(AT_ONCE)]
    try:
        while not any(_locked(file.fileno()) for file in files):
            sleep(_LOOK_AGAIN_S)
        yield
    finally:
        for file in files:
            file.close()


def wait_for_turn(host: str, read_robots: Callable[[], str], sleep: Callable[[float], None] = time.sleep) -> None:
    """Wait until a host may be asked for one more file, by the pace that its `robots.txt` names.

    A host that was not asked for a while is not asked for its `robots.txt` either: one file is one request.

    Args:
        host: The host, with its port.
        read_robots: Fetches the text of `robots.txt`; it is kept for a day.
        sleep: Waits for so many seconds.
    """
    with _file(host, ".turn").open("a") as turn:
        fcntl.flock(turn.fileno(), fcntl.LOCK_EX)  # whoever else asks this host waits behind this one
        last = _changed(host, ".asked")
        if (since := time.time() - last) < LONGEST_DELAY_S:
            delay_s = _delay_s(host, read_robots)
            if 0 <= since < delay_s:
                sleep(delay_s - since)
        _file(host, ".asked").write_bytes(b"")


def _delay_s(host: str, read_robots: Callable[[], str]) -> float:
    kept = _file(host, ".robots")
    if time.time() - _changed(host, ".robots") > ROBOTS_FOR_S:
        kept.write_text(read_robots(), encoding="utf-8", errors="replace")
    return crawl_delay_s(kept.read_text(encoding="utf-8"))


def crawl_delay_s(robots: str, agent: str = "csv-to-raw-lake") -> float:
    """Return the seconds between two requests that a `robots.txt` asks for, up to a limit; 0 where it names none."""
    parser = RobotFileParser()
    parser.parse(robots.removeprefix("\ufeff").splitlines())
    parser.modified()  # else it takes nothing for read
    delays = [0.0]
    with contextlib.suppress(ValueError, ZeroDivisionError):
        if told := parser.crawl_delay(agent):
            delays.append(float(told))
        if rate := parser.request_rate(agent):
            delays.append(rate.seconds / rate.requests)
    return min(max(delays), LONGEST_DELAY_S)


def _file(host: str, suffix: str) -> Path:
    return own_folder("hosts") / f"{hashlib.sha256(host.lower().encode()).hexdigest()[:16]}{suffix}"


def _changed(host: str, suffix: str) -> float:
    try:
        return _file(host, suffix).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
