"""Where a file is written while it is fetched, so that a fetch which is killed goes on in the next run.

While it is on its way, a file that may be kept has a name in a folder of the user's own, and beside it stands what its
server said of it. As soon as it is whole it loses that name: from there on it is gone with its process, however that
ends. A file that may hold columns to be masked never has one.

What is there is taken for the beginning of a file only if the machine has not been started anew since: the system may
keep a file's length and lose its bytes. Whether the rest is of the same file, its server must prove.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from flows.lake.web.answers import WebAnswer
from flows.lake.web.errors import WebError

KEPT_FOR_S = 7 * 24 * 3600.0
"""What lies longer than that, nobody comes back for."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def own_folder(name: str) -> Path:
    """Return a folder of temporary files that belongs to this user alone.

    Raises:
        WebError: Somebody else has made it.
    """
    folder = Path(tempfile.gettempdir(), f"ingest-raw-{name}-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    info = folder.lstat()
    if folder.is_symlink() or info.st_uid != os.getuid() or info.st_mode & 0o022:
        raise WebError(
            f"The folder {folder} is not this user's alone.", remedy="Remove it, or set TMPDIR to another folder."
        )
    return folder


@dataclass(frozen=True)
class Spool:
    """A file that is being fetched.

    Attributes:
        path: Where it is written.
        note: Where that is told which is needed to go on; `None` where nothing is kept.
        name: The name that it has meanwhile.
    """

    path: Path
    note: Path | None = None
    name: Path | None = None

    def begun(self) -> tuple[WebAnswer, dict[str, bytes]] | None:
        """Return what the server said of what is there, and the digests that the whole must have."""
        try:
            told = json.loads(self.note.read_text()) if self.note else None
            if not told or told["boot"] != _boot() or not self.path.stat().st_size:
                return None
            return WebAnswer(**told["answer"]), {name: base64.b64decode(text) for name, text in told["digests"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def begin(self, answer: WebAnswer, digests: dict[str, bytes]) -> None:
        """Note what the server says of a file whose first bytes are about to come."""
        if self.note is None:
            return
        texts = {name: base64.b64encode(digest).decode() for name, digest in digests.items()}
        told = {"boot": _boot(), "answer": asdict(answer), "digests": texts}
        fresh = self.note.with_suffix(".new")
        fresh.write_text(json.dumps(told))
        fresh.replace(self.note)

    def forget(self) -> None:
        """Let nothing be found of it later; the bytes stay as long as the file is open."""
        for path in (self.note, self.name):
            if path is not None:
                path.unlink(missing_ok=True)


@contextmanager
def kept_spool(fingerprint: str, path: Path) -> Iterator[Spool | None]:
    """Open the spool of an address, as far as an earlier run came with it.

    Args:
        fingerprint: The address.
        path: What is to lead to it; nothing is there yet.

    Yields:
        The spool; `None` where another process is at that address, or the system cannot do it.
    """
    folder = own_folder("fetches")
    _without_old(folder)
    name = folder / f"{fingerprint}.part"
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(name.open("ab"))
        opened = Path(f"/proc/{os.getpid()}/fd/{file.fileno()}")
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = name.stat().st_ino == os.fstat(file.fileno()).st_ino  # the one before may just have ended
        except OSError:
            mine = False
        if not (mine and opened.exists()):
            yield None
            return
        path.symlink_to(opened)
        yield Spool(path, folder / f"{fingerprint}.json", name)


def _without_old(folder: Path) -> None:
    now = time.time()
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if now - path.stat().st_mtime > KEPT_FOR_S:
                path.unlink()


def _boot() -> str:
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""
