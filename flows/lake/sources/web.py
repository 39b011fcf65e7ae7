"""A source that is an address of the web, or several: each file fetched for as long as it is worked on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flows.lake.errors import SourceError
from flows.lake.models import SourceFile
from flows.lake.web.addresses import WebOrigin
from flows.lake.web.answers import WebAnswer
from flows.lake.web.errors import NotModified
from flows.lake.web.fetching import Fetch


def fetched(file: SourceFile, path: Path, known: WebAnswer | None) -> SourceFile:
    """Fetch a file that is published at an address.

    Args:
        file: The file.
        path: Where it is written to.
        known: What its server said when the lake got it, if it has it.

    Returns:
        The local file.

    Raises:
        NotModified: Its server says that it is still the known one.
        WebError: It cannot be had.
    """
    if not isinstance(file.origin, WebOrigin):
        raise SourceError(f"{file.title} has no address.", path=file.path)
    answer = Fetch(file.origin).into(path, known)
    if answer is None:
        raise NotModified
    info = path.stat()
    return replace(file, path=path, root=None, size_bytes=info.st_size, mtime_ns=info.st_mtime_ns, web=answer)
