"""The one way in which a source file is opened: without waiting for it, and without being led out of the source.

Whoever may write to an inbox may put a link there. A link that leads out of the source folder would make a run land any
file that its user can read, credentials included; so a path below a `root` is walked folder by folder, each opened
relative to the one before and never through a link (`openat` with `O_NOFOLLOW`), and links are followed by hand, as
long as they stay inside. What is checked is what is opened: a file or folder that is replaced by a link between the
listing and the opening is caught as well. A hard link cannot be told from the file that it is.

A FIFO, a device or a socket is never waited for: it is opened with `O_NONBLOCK`, looked at, and refused.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from flows.lake.errors import LinkLeadsOut, SourceError
from flows.lake.words import shown

MOST_LINKS = 40
"""Links on the way to one file, as Linux counts them."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY
_KINDS = {
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def open_regular(path: Path, root: Path | None = None) -> int:
    """Open a file for reading and return its descriptor, which the caller closes.

    Args:
        path: The file.
        root: The folder out of which no link may lead; links lead anywhere without one.

    Raises:
        LinkLeadsOut: A link on the way to it leads out of the root.
        SourceError: It is not a regular file.
        OSError: As for `os.open`.
    """
    descriptor = os.open(path, _FLAGS) if root is None else _open_inside(path, root)
    try:
        kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
        if kind == stat.S_IFREG:
            return descriptor
        raise SourceError(
            f"{shown(path.name)} is not a regular file, but {_KINDS.get(kind, 'something else')}.",
            remedy="Move it out of the source folder.",
            path=path,
        )
    except BaseException:
        os.close(descriptor)
        raise


def check_inside(path: Path, root: Path) -> None:
    """Make sure that no link on the way to a file or folder leads out of a root; the file may be missing.

    Raises:
        LinkLeadsOut: One does; names where it leads.
    """
    with contextlib.suppress(OSError):
        if path.parent == root and not path.is_symlink():
            return
        with _folders_of(root) as folders:
            _walk(path, root, folders)


def _open_inside(path: Path, root: Path) -> int:
    """Open a file below a root, following no link but by hand."""
    with _folders_of(root) as folders:
        for _ in range(MOST_LINKS):
            name = _walk(path, root, folders)
            try:
                return os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=folders[-1])
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
            # It has become a link since it was looked at: walk anew.
            _climb(folders)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


@contextlib.contextmanager
def _folders_of(root: Path) -> Iterator[list[int]]:
    """Yield a stack of open folders that begins with the root; what is on it at the end is closed."""
    folders = [os.open(root, _FOLDER)]
    try:
        yield folders
    finally:
        for folder in folders:
            os.close(folder)


def _climb(folders: list[int], to: int = 1) -> None:
    while len(folders) > to:
        os.close(folders.pop())


def _walk(path: Path, root: Path, folders: list[int]) -> str:
    """Enter the folders on the way to a file; return its name in the last one, where it is not a link."""
    waiting = list(path.relative_to(root).parts)[::-1]
    links = 0
    while waiting:
        name = waiting.pop()
        if name in ("", "."):
            continue
        target = _link_target(name, folders[-1])
        if target is not None:
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
            waiting += _parts_of(target, path, root, folders)[::-1]
        elif name == "..":
            if len(folders) == 1:
                raise _leads_out(path)
            _climb(folders, len(folders) - 1)
        elif not waiting:
            return name
        else:
            folders.append(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folders[-1]))
    return "."


def _link_target(name: str, folder: int) -> str | None:
    """Return where a link leads, as it says; `None` for what is not a link."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.EINVAL:
            return None
        raise


def _parts_of(target: str, path: Path, root: Path, folders: list[int]) -> list[str]:
    """Return the parts of a link's target below the folder where the walk is; an absolute one starts at the root."""
    if not target.startswith("/"):
        return target.split("/")
    for spelling in (root.absolute(), root.resolve()):
        with contextlib.suppress(ValueError):
            parts = Path(target).relative_to(spelling).parts
            _climb(folders)
            return list(parts)
    raise _leads_out(path)


def _leads_out(path: Path) -> LinkLeadsOut:
    target = os.path.realpath(path)
    return LinkLeadsOut(
        f"{shown(path.name)} is a link, or lies behind one, that leads out of the source: to {shown(target, 500)}.",
        remedy="Put the file itself into the folder, or set follow_links=true if such links are meant.",
        path=path,
    )
