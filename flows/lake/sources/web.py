"""A source that is an address of the web, or several: each file fetched for as long as it is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from flows.lake.models import SourceFile
from flows.lake.web.addresses import WebOrigin
from flows.lake.web.answers import WebAnswer
from flows.lake.web.errors import NotModified
from flows.lake.web.fetching import Fetch
from flows.lake.web.hosts import wait_for_turn
from flows.lake.web.network import robots_of
from flows.lake.web.spool import Spool, kept_spool


@contextmanager
def fetched(file: SourceFile, origin: WebOrigin, path: Path, known: WebAnswer | None) -> Iterator[SourceFile]:
    """Fetch a file that is published at an address, and have it while the block runs.

    Args:
        file: The file.
        origin: Its address.
        path: What is to lead to it; if something is there, it is written to that.
        known: What its server said when the lake got it, if it has it.

    Yields:
        The local file.

    Raises:
        NotModified: Its server says that it is still the known one.
        WebError: It cannot be had.
    """
    wait_for_turn(urlsplit(origin.url).netloc, lambda: robots_of(origin.url, origin.rules))
    with ExitStack() as stack:
        spool = None
        if may_be_kept(file):
            spool = stack.enter_context(kept_spool(origin.fingerprint, path.with_name(f"{path.name}~")))
        answer = Fetch(origin).into(spool.path if spool else path, known, spool)
        if answer is None:
            raise NotModified
        local = _in_place(spool, path)
        info = local.stat()
        yield replace(file, path=local, root=None, size_bytes=info.st_size, mtime_ns=info.st_mtime_ns, web=answer)


def _in_place(spool: Spool | None, path: Path) -> Path:
    """Return the path of what was fetched, under the file's name."""
    if spool is not None:
        path.unlink(missing_ok=True)
        spool.path.rename(path)
    return path


def may_be_kept(file: SourceFile) -> bool:
    """Say whether the beginning of a file may lie here between two runs: not if it may hold what is to be masked."""
    masks_inside = file.inside is not None and (file.inside.masks or bool(file.lost_inside))
    return not (file.contract.mask or file.lost_rules or masks_inside or file.rules.sensitive == "reject")
