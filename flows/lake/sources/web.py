"""A source that is an address of the web, or several: each file fetched for as long as it is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from flows.lake.models import SourceFile
from flows.lake.web.access import WebAccess
from flows.lake.web.addresses import WebOrigin
from flows.lake.web.answers import WebAnswer
from flows.lake.web.arrival import arriving
from flows.lake.web.errors import NotModified
from flows.lake.web.fetching import Fetch
from flows.lake.web.hosts import wait_for_turn
from flows.lake.web.network import robots_of
from flows.lake.web.spool import kept_spool


@contextmanager
def fetched(
    file: SourceFile,
    origin: WebOrigin,
    path: Path,
    known: WebAnswer | None,
    *,
    whole: bool = True,
    access: WebAccess | None = None,
) -> Iterator[SourceFile]:
    """Fetch a file that is published at an address, and have it while the block runs.

    Args:
        file: The file.
        origin: Its address.
        path: What is to lead to it; if something is there, it is written to that.
        known: What its server said when the lake got it, if it has it.
        whole: Whether all of it must be there; otherwise the block begins with its first bytes.
        access: What hosts are told of who asks.

    Yields:
        The local file; `all_of` waits for its end.

    Raises:
        NotModified: Its server says that it is still the known one.
        WebError: It cannot be had.
    """
    wait_for_turn(urlsplit(origin.url).netloc, lambda: robots_of(origin.url, origin.rules))
    with ExitStack() as stack:
        spool = None
        if may_be_kept(file):
            spool = stack.enter_context(kept_spool(origin.fingerprint, path.with_name(f"{path.name}~")))
            if spool:
                path.unlink(missing_ok=True)
                spool.path.rename(path)
                spool = replace(spool, path=path)
        fetch = Fetch(origin, access=access)
        arrival = stack.enter_context(arriving(lambda told: fetch.into(path, known, spool, told)))
        if not arrival.begins():
            raise NotModified
        local = replace(file, path=path, root=None, arrival=arrival)
        yield all_of(local) if whole else local


def all_of(file: SourceFile) -> SourceFile:
    """Wait until all of a file is there that is being fetched; any other is as it is.

    Raises:
        WebError: It cannot be had.
    """
    if file.arrival is None:
        return file
    answer = file.arrival.end()
    info = file.path.stat()
    return replace(file, size_bytes=info.st_size, mtime_ns=info.st_mtime_ns, web=answer, arrival=None)


def may_be_kept(file: SourceFile) -> bool:
    """Say whether the beginning of a file may lie here between two runs: not if it may hold what is to be masked."""
    masks_inside = file.inside is not None and (file.inside.masks or bool(file.lost_inside))
    return not (file.contract.mask or file.lost_rules or masks_inside or file.rules.sensitive == "reject")
