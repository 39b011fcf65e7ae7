"""An archive on its way into the lake: it lands as it is, and each CSV file in it is profiled by streaming.

Nothing is unpacked to the disk. What is wrong with the archive as a whole, or with a member's bytes, keeps it out, as
it does a broken file; a member that is no table is told, and the archive lands as long as one of them is.

It fails closed: where a member's dataset is masked, the archive stays out of the raw layer, since it would take what
is to be masked there in clear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from flows.lake.contracts.contract import digest
from flows.lake.errors import CsvRejected, LakeError, MaskingDropped, MaskingFailed, SensitiveRejected
from flows.lake.models import Archive, CsvProfile, Member, Progress, SourceFile
from flows.lake.raw.sensitive import reading_with_a_watch, refusal
from flows.lake.units import KIB
from flows.lake.words import quoted, shown

if TYPE_CHECKING:
    from flows.lake.archives.archive_bytes import ArchiveBytes
    from flows.lake.archives.directory import Entry

MOST_HINTS = 20
"""Remarks on members that become the archive's; the manifest has each member's."""

MAGIC_BYTES = 4 * KIB

_TABLES = ("csv", ".tsv")


def profile_archive(file: SourceFile, progress: Progress | None = None) -> CsvProfile:
    """Profile every CSV file in an archive, without unpacking it.

    Raises:
        CsvRejected: It is no archive, is damaged or not to be trusted, or holds no CSV file that can be read.
        MaskingFailed: A member's dataset is masked.
        SourceError: It cannot be read, or changed meanwhile.
    """
    from flows.lake.archives.archive_bytes import ArchiveBytes
    from flows.lake.archives.directory import read_directory
    from flows.lake.tables.csv_source import CsvSource

    with CsvSource(file.path, root=file.root) as source:
        archive = ArchiveBytes(file.path, source.size_bytes, source.read_at)
        try:
            check_magic(archive)
            entries = read_directory(archive)
        except CsvRejected as error:
            raise certain(file, error) from error
        found = tables(file, entries)
        check_kind(file, entries)
        total = sum(entry.size_bytes for entry, _ in found)
        reader = _Members(archive, source.mtime_ns, total, progress)
        members = tuple(reader.read(entry, member) for entry, member in found)
        others = Counter(_kind(entry.name) for entry in entries if not entry.is_folder)
        others.subtract(_kind(entry.name) for entry, _ in found)
        contents = Archive(members, {kind: count for kind, count in sorted(others.items()) if count})
        _check_members(file, contents)
        source.finish()
        return CsvProfile(
            path=file.path,
            rows=sum(member.profile.rows for member in members if member.profile),
            columns=(),
            size_bytes=source.size_bytes,
            mtime_ns=source.mtime_ns,
            sha256=source.sha256,
            crc64nvme=source.crc64nvme,
            encoding="",
            delimiter="",
            hints=tuple(_hints(contents)),
            compression="zip",
            sensitive=tuple(
                dict.fromkeys(one for member in members if member.profile for one in member.profile.sensitive)
            ),
            archive=contents,
        )


class _Members:
    """Reads the members of one archive, and tells how far that is."""

    def __init__(self, archive: ArchiveBytes, mtime_ns: int, total: int, progress: Progress | None) -> None:
        self._archive = archive
        self._mtime_ns = mtime_ns
        self._total = total
        self._progress = progress
        self._done = 0

    def read(self, entry: Entry, file: SourceFile | str) -> Member:
        """Profile a member; one that is no table is told why.

        Raises:
            CsvRejected: Its bytes are not what the archive says of them.
        """
        from flows.lake.archives.content import unread_method
        from flows.lake.archives.member_source import MemberSource

        dataset = "" if isinstance(file, str) else file.dataset
        crc32 = f"{entry.crc32:08x}"
        contract = "" if isinstance(file, str) or not file.contract.text else digest(file.contract.text)
        member = Member(
            entry.index, entry.name, dataset, entry.size_bytes, entry.stored_bytes, crc32, contract=contract
        )
        if isinstance(file, str):
            return replace(member, reason=file)
        if method := unread_method(entry):
            return replace(member, reason=f"It is compressed with {method}, which is not read.")
        try:
            profile = reading_with_a_watch(
                file, None, lambda: MemberSource(self._archive, entry, self._mtime_ns, self._count)
            )
        except CsvRejected as error:
            if error.path == self._archive.path:
                raise
            return replace(member, reason=str(error))
        return replace(member, profile=profile)

    def _count(self, size: int) -> None:
        self._done = min(self._done + size, self._total)
        if self._progress:
            self._progress(self._done, self._total)


def tables(file: SourceFile, entries: tuple[Entry, ...]) -> list[tuple[Entry, SourceFile | str]]:
    """Return the CSV files among the members, by their names or since a contract claims them, each with its way.

    Raises:
        MaskingFailed: The dataset of one is masked, or it cannot be told which one's it is.
    """
    assert file.inside is not None  # noqa: S101 - the caller's condition
    found: list[tuple[Entry, SourceFile | str]] = []
    for entry in entries:
        name = PurePosixPath(entry.name).name
        if entry.is_folder or _is_hidden(entry.name):
            continue
        try:
            claimed = file.inside.claimed_as(entry.name)
            if claimed is None and not name.lower().endswith(_TABLES):
                continue
            member = file.inside.of_member(file, entry.name, entry.size_bytes)
        except LakeError as error:
            found.append((entry, str(error)))
            continue
        if member.lost_rules:
            raise MaskingDropped(
                f"{file.title}: its member {quoted(entry.name)} is of {quoted(member.dataset)}, which was masked when "
                "it landed last, and no rule holds today.",
                remedy="Restore its rules in contracts; if it is to land in clear, name it in masking_off.",
                path=file.path,
            )
        if member.contract.mask and not file.contract.unpack:
            raise MaskingFailed(
                file.path,
                f"its member {quoted(entry.name)} is of {quoted(member.dataset)}, whose columns are masked, and an "
                "archive lands as it is",
                remedy="State unpack: true in the contract of the archive's dataset.",
            )
        found.append((entry, member))
    return found


def certain(file: SourceFile, error: CsvRejected) -> LakeError:
    """Return why an archive is refused of which it is not known what is in it.

    It would go to quarantine as it is; where datasets are masked, nobody can say that it holds none of theirs.
    """
    if file.inside is None or not file.inside.masks:
        return error
    return MaskingFailed(file.path, f"{error.reason.rstrip('.')}; since it may hold what is masked, it is kept nowhere")


def refuse_masked(file: SourceFile) -> MaskingFailed:
    """Return the error of an archive whose own dataset is masked."""
    return MaskingFailed(
        file.path,
        f"the columns of {quoted(file.dataset)} are masked, and an archive lands as it is",
        remedy="State unpack: true in its contract.",
    )


def sensitive_members(file: SourceFile, archive: Archive, profile: CsvProfile) -> SensitiveRejected | None:
    """Return why an archive is kept out for what columns of a member look like, `None` where it is not."""
    for member in archive.members:
        if member.profile and member.profile.sensitive and file.inside:
            of_member = file.inside.of_member(file, member.name, member.size_bytes)
            if error := refusal(of_member, member.profile):
                return SensitiveRejected(
                    f"{file.title}: {error.args[0]}", profile=profile, path=file.path, key=file.key
                )
    return None


def read_as_recorded(file: SourceFile, archive: Archive) -> bool:
    """Return whether the members of a recorded archive would be read by the same contracts today."""
    if file.inside is None:
        return False
    try:
        for member in archive.members:
            now = file.inside.of_member(file, member.name, member.size_bytes)
            text = now.contract.text
            if now.contract.mask or (member.dataset, member.contract) != (now.dataset, digest(text) if text else ""):
                return False
            if member.profile and member.profile.sensitive and now.rules.sensitive == "reject":
                return False
    except LakeError:
        return False
    return True


def _is_hidden(name: str) -> bool:
    """Return whether a member is what macOS puts beside each file, or a dotfile."""
    parts = PurePosixPath(name).parts
    return parts[0] == "__MACOSX" or parts[-1].startswith(".")


def check_magic(archive: ArchiveBytes) -> None:
    """Refuse what is something else under the name of an archive, such as the page of an error."""
    from flows.lake.dialect.file_kinds import not_csv

    head = archive.read_at(0, MAGIC_BYTES)
    if not head.startswith(b"PK") and (other := not_csv(head)):
        raise CsvRejected(archive.path, f"it is {other[0]}, not a ZIP archive.", byte=0, remedy=other[1])


def check_kind(file: SourceFile, entries: tuple[Entry, ...]) -> None:
    """Refuse a document or program whose format is built on ZIP."""
    names = {entry.name for entry in entries}
    what = None
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        what = "an Excel workbook (.xlsx)"
    elif "[Content_Types].xml" in names:
        what = "an Office document"
    elif "META-INF/manifest.xml" in names and "content.xml" in names:
        what = "an OpenDocument file (.ods)"
    elif "META-INF/MANIFEST.MF" in names:
        what = "a Java archive (.jar)"
    if what:
        raise CsvRejected(file.path, f"it is {what}, not an archive of CSV files.", remedy="Save its data as CSV.")


def _kind(name: str) -> str:
    return PurePosixPath(name).suffix.lower()[:20] or "no suffix"


def _check_members(file: SourceFile, archive: Archive) -> None:
    if any(member.profile for member in archive.members):
        return
    if archive.members:
        first = archive.members[0]
        raise CsvRejected(
            file.path,
            f"none of its {len(archive.members):,} CSV files can be read; {quoted(first.name)}: {first.reason}",
        )
    held = _others_text(archive)
    raise CsvRejected(
        file.path,
        f"it holds no CSV file ({held})." if held else "it is empty.",
        remedy="Claim the names of its tables in files of a contract, if they end otherwise." if held else None,
    )


def _others_text(archive: Archive) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in archive.others.items())


def _hints(archive: Archive) -> Iterator[str]:
    bad = [member for member in archive.members if member.profile is None]
    yield from (f"member {quoted(member.name)} cannot be read: {member.reason}" for member in bad[:MOST_HINTS])
    if len(bad) > MOST_HINTS:
        yield f"{len(bad) - MOST_HINTS:,} more members cannot be read; the manifest names each."
    if archive.others:
        nested = " A nested archive is not looked into." if ".zip" in archive.others else ""
        yield f"Members that are not CSV: {_others_text(archive)}.{nested}"
    hints = [
        f"{shown(member.name)}: {hint}" for member in archive.members if member.profile for hint in member.profile.hints
    ]
    yield from hints[:MOST_HINTS]
    if len(hints) > MOST_HINTS:
        yield f"{len(hints) - MOST_HINTS:,} more remarks on members; the manifest has each."
