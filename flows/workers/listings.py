"""Which keys of a run's files hold nothing, asked for many files at once.

Some servers read a whole folder for each page of a listing (`rclone serve s3`: 45 ms of processor time for 5,000
files), so neighbouring batches share one. What it said holds for a short while only: it decides who looks at the key
before a file is sent, and another run may be writing to the same keys.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from flows.connection import connect
from flows.lake.errors import LakeError
from flows.lake.models import SourceFile
from flows.lake.run_models import LakeAddress

KEYS_AT_ONCE = 1_000
"""As many as S3 tells with one answer."""

HOLDS_S = 10.0


@dataclass(frozen=True)
class Listed:
    """What was found under some keys.

    Attributes:
        asked: The keys.
        stored: Those that held something.
        at_s: When that was asked, in seconds of this machine's monotonic clock, which all its processes share.
    """

    asked: frozenset[str] = frozenset()
    stored: frozenset[str] = frozenset()
    at_s: float = 0.0

    def knows(self, keys: frozenset[str]) -> bool:
        """Say whether it still tells of all these keys."""
        return keys <= self.asked and time.monotonic() - self.at_s < HOLDS_S

    def of(self, files: Sequence[SourceFile]) -> Listed:
        """Return the same of some files alone."""
        keys = keys_of(files)
        return Listed(self.asked & keys, self.stored & keys, self.at_s)


class Listings:
    """The listings of one run; used by several threads.

    Args:
        files: The files of the run, in the order in which they come.
    """

    def __init__(self, files: Sequence[SourceFile] = ()) -> None:
        self._files = files
        self._places = {file.key: place for place, file in enumerate(files)}
        self._lock = threading.Lock()
        self._latest = Listed()

    def of(self, files: Sequence[SourceFile], address: LakeAddress) -> Listed:
        """Return what the keys of some files hold, and ask for those that follow at the same time.

        Raises:
            LakeError: What S3 answers, or no answer.
        """
        keys = keys_of(files)
        with self._lock:
            if not self._latest.knows(keys):
                place = self._places.get(files[0].key, len(self._files))
                self._latest = look([*files, *self._files[place : place + KEYS_AT_ONCE]], address)
            return self._latest.of(files)


def look(files: Sequence[SourceFile], address: LakeAddress) -> Listed:
    """Ask once for the keys of all files, instead of looking at each; a dry run may have no bucket to list.

    Raises:
        LakeError: What S3 answers, or no answer.
    """
    from flows.lake.s3.stored_keys import find_stored

    at_s, keys = time.monotonic(), keys_of(files)
    if files[0].rules.dry_run:
        return Listed(keys, keys, at_s)
    to = connect(address).raw_layer
    try:
        return Listed(keys, frozenset(find_stored(to.bucket, keys)), at_s)
    except LakeError as error:
        raise to.explain(error) from error


def keys_of(files: Sequence[SourceFile]) -> frozenset[str]:
    """Return the keys of files."""
    return frozenset(file.key for file in files)
