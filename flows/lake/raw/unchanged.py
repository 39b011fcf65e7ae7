"""Files that need no work: an earlier run recorded them, and neither they nor their objects have changed since.

A file is taken for what it was when its path, size and modification time are those in the newest manifest that knows
it, and neither its contract nor its format is stated in another way than it was read by. If it also goes to the same
key, and the key still holds the object that was proven then (by size and ETag), it is neither read nor sent. If it goes
to another key (the next day's), its profile is taken as known and the file is sent; that compares its bytes with the
profile's checksum, so a file that only looked the same is noticed and read again.

The limit: a change that keeps both size and time (`touch -r`, a restored backup, a server whose clock stands still)
is not seen for the same key. `reread` reads everything. A file that had changed within two seconds before a run began
is read again by the next one, since file systems keep times as coarse as that.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flows.lake.contracts.changes import changes
from flows.lake.errors import LakeError
from flows.lake.memory import seldom_collected
from flows.lake.models import CsvProfile, FileOutcome, Landed, SourceFile
from flows.lake.places import place_text
from flows.lake.run_models import FileList
from flows.lake.web.addresses import WebOrigin

if TYPE_CHECKING:
    from flows.lake.s3.bucket import Bucket
    from flows.lake.s3.stored_keys import StoredKey

MANY_FILES = 1_000
"""From so many on, the lake takes a second to say what it holds, which the reading of the past need not wait for."""

FEW_KEYS = 4

PROOF = "unchanged etag"
"""How an object is verified that was proven by an earlier run and still has the ETag that it had then."""


def recorded(file: SourceFile, key: str | None = None) -> Landed | None:
    """Return the landing of a file that it still is by path, size, time, stated format and masking, if there is one.

    Args:
        file: The file.
        key: The fingerprint of the key by which files are masked today, if it can be had.
    """
    landed = file.before.landed if file.before else None
    if landed is None or landed.path != place_text(file.path):
        return None
    profile, masking, rules = landed.profile, landed.masking, file.contract.mask
    size_bytes = masking.size_bytes if masking else profile.size_bytes
    if isinstance(file.origin, WebOrigin):  # whether it still is what it was, its server says
        same = landed.web is not None and landed.web.address == file.origin.fingerprint
    else:
        same = (size_bytes, profile.mtime_ns) == (file.size_bytes, file.mtime_ns)
    if file.lost_rules or not (masking.is_by(rules, key) if masking else not rules):
        return None
    if profile.sensitive and file.rules.sensitive == "reject":
        return None
    if file.before and file.before.contract is not None and changes(file.before.contract, file.contract.text):
        return None
    if profile.archive is not None or file.inside is not None:
        from flows.lake.raw.archive_file import read_as_recorded

        return landed if same and profile.archive and read_as_recorded(file, profile.archive) else None
    return landed if same and _read_as_stated(file, profile) else None


def known_profile(file: SourceFile) -> CsvProfile | None:
    """Return what an earlier run read of a file that has not changed since; a masked one is made anew."""
    landed = None if file.contract.mask else recorded(file)
    return replace(landed.profile, path=file.path) if landed else None


@dataclass(frozen=True)
class Unchanged:
    """Files that need no work, and the others.

    Attributes:
        outcomes: The outcomes of those that need none.
        left: The files that do.
    """

    outcomes: FileList[FileOutcome]
    left: FileList[SourceFile]


class LookAhead:
    """What the keys of a run's files hold, asked of the lake while the past is read.

    Args:
        bucket: The lake.
        files: The run's files.
    """

    def __init__(self, bucket: Bucket, files: Sequence[SourceFile]) -> None:
        thread = ThreadPoolExecutor(1)
        self._found = thread.submit(_stored_if_any, bucket, [file.key for file in files])
        thread.shutdown(wait=False)

    def found(self) -> dict[str, StoredKey] | None:
        """Return what is stored under each key; `None` where that could not be learnt, and is to be asked again."""
        try:
            return self._found.result()
        except LakeError:  # who asks again is told
            return None


def look_ahead(bucket: Bucket, files: Sequence[SourceFile]) -> LookAhead | None:
    """Begin to ask what the keys of many files hold; `None` where they are few, or are read whatever is stored."""
    is_worth_it = len(files) >= MANY_FILES and not isinstance(files[0].origin, WebOrigin)
    return LookAhead(bucket, files) if is_worth_it else None


def _stored_if_any(bucket: Bucket, keys: list[str]) -> dict[str, StoredKey] | None:
    """Return what is stored under keys; `None` where a few of them hold nothing, as in a day's first run."""
    from flows.lake.s3.stored_keys import find_stored

    return find_stored(bucket, keys) if find_stored(bucket, keys[:: len(keys) // FEW_KEYS]) else None


@seldom_collected()
def find_unchanged(
    bucket: Bucket, files: Sequence[SourceFile], key: str | None = None, ahead: LookAhead | None = None
) -> Unchanged:
    """Tell apart the files that need no work.

    Args:
        bucket: The lake.
        files: The run's files, each with its last landing.
        key: The fingerprint of the key by which files are masked today, if it can be had.
        ahead: What has been asked of the lake already.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    from flows.lake.s3.stored_keys import (  # brings botocore, which a caller that only names a proof need not
        StoredKey,
        find_stored,
    )

    candidates = {
        file.key: (file, landed)
        for file in files
        if not isinstance(file.origin, WebOrigin) and (landed := recorded(file, key)) and landed.key == file.key
    }
    if not candidates:
        return Unchanged(FileList(), FileList(files))
    stored = ahead.found() if ahead else None
    if stored is None:
        stored = find_stored(bucket, candidates)
    outcomes = [
        unchanged_outcome(file, landed, PROOF)
        for file, landed in candidates.values()
        if stored.get(file.key) == StoredKey(landed.profile.size_bytes, landed.etag)
    ]
    done = {outcome.key for outcome in outcomes}
    return Unchanged(FileList(outcomes), FileList(file for file in files if file.key not in done))


def unchanged_outcome(file: SourceFile, landed: Landed, proof: str) -> FileOutcome:
    """Return the outcome of a file that is what landed before.

    Args:
        file: The file.
        landed: Its last landing, whose object the lake still holds.
        proof: How that was found.
    """
    return FileOutcome(
        file.path,
        file.dataset,
        landed.key,
        "unchanged",
        profile=replace(landed.profile, path=file.path),
        size_bytes=landed.profile.size_bytes,
        version_id=landed.version_id,
        verified_by=proof,
        etag=landed.etag,
        masking=landed.masking,
        web=landed.web,
    )


def _read_as_stated(file: SourceFile, profile: CsvProfile) -> bool:
    stated = file.dialect
    pairs = (
        (stated.delimiter, profile.delimiter),
        (stated.decimal, profile.decimal),
        (stated.quotechar, profile.quotechar),
        (_codec(stated.encoding), _codec(profile.encoding)),
    )
    return all(wanted is None or wanted == used for wanted, used in pairs)


def _codec(name: str | None) -> str | None:
    return codecs.lookup(name).name if name else None
