"""The members of an archive whose contract asks for them: each CSV file lands as a file of its own.

A member lives as a file without a name for as long as it is worked on, one at a time; its bytes are proven before
anything is done with them, and from there on it is a file like any other, masked if its dataset is.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from flows.lake.errors import CsvRejected, KeyCollision, LakeError
from flows.lake.models import FileOutcome, SourceFile, Unpacked
from flows.lake.places import place_text
from flows.lake.raw.archive_file import certain, check_kind, check_magic, tables
from flows.lake.raw.ingest_file import ingest_file
from flows.lake.raw.outcomes import failed_outcome
from flows.lake.raw.raw_layer import RawLayer
from flows.lake.raw.set_aside import set_aside
from flows.lake.words import quoted

if TYPE_CHECKING:
    from flows.lake.archives.archive_bytes import ArchiveBytes
    from flows.lake.archives.directory import Entry


def ingest_members(file: SourceFile, to: RawLayer) -> list[FileOutcome]:
    """Land the CSV files in an archive; whatever happens to each becomes its outcome.

    Args:
        file: The archive.
        to: Where they go.
    """
    from flows.lake.sources.s3_prefix import as_file

    try:
        with as_file(to.bucket.client, file, access=to.web_access) as local:
            try:
                return _members(file, local, to)
            except CsvRejected as error:
                # What is kept of it is the whole archive, in clear.
                return [replace(set_aside(local, certain(file, error), to), path=file.path)]
    except LakeError as error:
        return [failed_outcome(file, str(to.explain(error)))]
    except Exception as error:
        return [failed_outcome(file, f"{type(error).__name__} while it was unpacked")]


def _members(file: SourceFile, local: SourceFile, to: RawLayer) -> list[FileOutcome]:
    from flows.lake.archives.archive_bytes import ArchiveBytes
    from flows.lake.archives.content import unread_method
    from flows.lake.archives.directory import read_directory
    from flows.lake.tables.csv_source import CsvSource

    outcomes: list[FileOutcome] = []
    taken: dict[str, str] = {}
    with CsvSource(local.path, root=local.root) as source:
        archive = ArchiveBytes(local.path, source.size_bytes, source.read_at)
        check_magic(archive)
        entries = read_directory(archive)
        found = tables(file, entries)
        check_kind(file, entries)
        if not found:
            raise CsvRejected(file.path, "it holds no CSV file.")
        for entry, member in found:
            if isinstance(member, str):
                outcomes.append(failed_outcome(file, f"{quoted(entry.name)}: {member}"))
                continue
            way, member = member, replace(member, key="", web=local.web)
            try:
                if method := unread_method(entry):
                    raise CsvRejected(member.path, f"it is compressed with {method}, which is not read.")
                assert file.inside is not None  # noqa: S101 - it is an archive
                member = replace(member, key=file.inside.key_of(way), mtime_ns=source.mtime_ns)
                if other := taken.get(member.key):
                    raise KeyCollision(
                        f"{quoted(other)} and {quoted(entry.name)} would both be stored as {member.key}."
                    )
                taken[member.key] = entry.name
                outcomes.append(_ingest(member, archive, entry, file, to))
            except LakeError as error:
                outcomes.append(failed_outcome(member, str(to.explain(error))))
    return outcomes


def _ingest(member: SourceFile, archive: ArchiveBytes, entry: Entry, file: SourceFile, to: RawLayer) -> FileOutcome:
    from flows.lake.archives.content import PIECE_BYTES, MemberContent
    from flows.lake.sources.s3_prefix import nameless

    unpacked = Unpacked(place_text(file.path), entry.name, f"{entry.crc32:08x}")
    with nameless(member.path.name) as path:
        content = MemberContent(archive, entry)
        with path.open("wb") as target:
            while data := content.read(PIECE_BYTES):
                target.write(data)
        os.utime(path, ns=(member.mtime_ns, member.mtime_ns))
        local = replace(member, path=path, root=None, origin=None, unpacked=unpacked)
        return replace(ingest_file(local, to), path=member.path, unpacked=unpacked, web=member.web)
