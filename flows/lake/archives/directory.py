"""The directory of a ZIP archive, read with suspicion: what is in it, and that it is what it says.

Python's `zipfile` reads what it can make sense of; an archive that others may have made on purpose must leave one
reading only. So each entry of the central directory is compared with the header that stands before the member's bytes,
members may not overlap, nothing may stand before the first one or after the end, and what would unfold to more than the
limits is refused before a byte of it is unfolded.

The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass, replace
from itertools import pairwise

from flows.lake.archives.archive_bytes import ASK, FETCH_AGAIN, ArchiveBytes
from flows.lake.archives.ends import UNKNOWN16, UNKNOWN32, find_end
from flows.lake.archives.names import fields, name_of, path_problem
from flows.lake.errors import CsvRejected
from flows.lake.units import GB, MB, size_text
from flows.lake.words import quoted

STORED, DEFLATED = 0, 8
_ENTRY = struct.Struct("<4s6H3L5H2L")
_HEADER = struct.Struct("<4s5H3L2H")
_ENCRYPTED, _DESCRIPTOR, _MASKED = 1, 1 << 3, 1 << 13
_UNIX = 3


@dataclass(frozen=True)
class Limits:
    """What an archive may hold.

    Attributes:
        members: Members.
        size_bytes: The size of all together, unfolded.
        ratio: How many times larger than the archive they may be, beyond `free_bytes`.
        free_bytes: Up to this size unfolded, the ratio does not matter.
        directory_bytes: The size of its directory.
    """

    members: int = 100_000
    size_bytes: int = 256 * GB
    ratio: int = 250
    free_bytes: int = 64 * MB
    directory_bytes: int = 64 * MB


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of an archive.

    Attributes:
        index: Its place in the directory, counted from 0, which is also that in `zipfile.ZipFile.infolist()`.
        name: Its path in the archive.
        method: The number of its compression method.
        crc32: The CRC-32 of its content.
        size_bytes: The size of its content.
        stored_bytes: The size of what is stored of it.
        starts_at: Where its header stands.
        data_at: Where what is stored of it begins.
    """

    index: int
    name: str
    method: int
    crc32: int
    size_bytes: int
    stored_bytes: int
    starts_at: int
    data_at: int

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.name.endswith("/")

    @property
    def ends_at(self) -> int:
        """Where what is stored of it ends."""
        return self.data_at + self.stored_bytes


@dataclass(frozen=True, slots=True)
class _Listed:
    """An entry as the central directory has it."""

    raw: bytes
    flags: int
    extra: bytes
    made_on: int
    attributes: int
    entry: Entry


def read_directory(archive: ArchiveBytes, limits: Limits | None = None) -> tuple[Entry, ...]:
    """Return what is in an archive, in the order of its directory.

    Args:
        archive: The archive.
        limits: What it may hold.

    Raises:
        CsvRejected: It is no ZIP archive, is damaged, or is not to be trusted; names the member.
    """
    return _Directory(archive, limits or Limits()).entries()


class _Directory:
    def __init__(self, archive: ArchiveBytes, limits: Limits) -> None:
        self._archive = archive
        self._limits = limits

    def entries(self) -> tuple[Entry, ...]:
        end_at, count, size, offset = find_end(self._archive)
        if count > self._limits.members:
            raise self._archive.refused(f"it has {count:,} members, and {self._limits.members:,} are allowed", ASK)
        if size > self._limits.directory_bytes:
            most = size_text(self._limits.directory_bytes)
            raise self._archive.refused(f"its directory has {size_text(size)}, and {most} are allowed", ASK)
        before = end_at - size - offset
        if before < 0:
            raise self._archive.refused("it is cut off: its directory would lie beyond its end", FETCH_AGAIN)
        if before:
            raise self._before(before)
        listed = self._listed(self._archive.exactly(offset, size), count, offset)
        for one in listed:
            self._check_entry(one)
        self._check_names(listed)
        self._check_sizes(listed)
        entries = [self._with_header(one, offset) for one in listed]
        self._check_overlaps(entries)
        return tuple(entries)

    def _listed(self, data: bytes, count: int, begins_at: int) -> list[_Listed]:
        listed, at = [], 0
        for index in range(count):
            if at + _ENTRY.size > len(data) or data[at : at + 4] != b"PK\1\2":
                raise self._archive.refused(
                    f"its directory is damaged at entry {index + 1:,} of {count:,}", FETCH_AGAIN
                )
            (
                *_,
                made_by,
                _,
                flags,
                method,
                _,
                _,
                crc,
                stored,
                size,
                name_length,
                extra_length,
                comment_length,
                disk,
                _,
                attributes,
                starts_at,
            ) = _ENTRY.unpack_from(data, at)
            name_at = at + _ENTRY.size
            extra_at = name_at + name_length
            at = extra_at + extra_length + comment_length
            raw, extra = data[name_at:extra_at], data[extra_at : extra_at + extra_length]
            if at > len(data):
                raise self._archive.refused(
                    f"its directory is damaged at entry {index + 1:,} of {count:,}", FETCH_AGAIN
                )
            name = name_of(raw, flags, extra)
            if flags & _MASKED:
                raise self._archive.refused("its directory is encrypted", "Ask its source for one without a password.")
            size, stored, starts_at = self._sizes(name, size, stored, starts_at, extra)
            if disk not in (0, UNKNOWN16) or starts_at + _HEADER.size + stored > begins_at:
                raise self._archive.refused(f"member {quoted(name)} would lie beyond its end", FETCH_AGAIN)
            entry = Entry(index, name, method, crc, size, stored, starts_at, 0)
            listed.append(_Listed(raw, flags, extra, made_by >> 8, attributes, entry))
        if at != len(data):
            raise self._archive.refused(f"its directory has more than its {count:,} entries", ASK)
        return listed

    def _sizes(self, name: str, size: int, stored: int, starts_at: int, extra: bytes) -> tuple[int, int, int]:
        """Return sizes and place, those beyond 32 bits from the Zip64 field, if there is one."""
        values = [size, stored, starts_at]
        field, at = fields(extra).get(1), 0
        for number, value in enumerate(values):
            if value == UNKNOWN32 and field is not None:
                if at + 8 > len(field):
                    raise self._archive.refused(f"member {quoted(name)} has no Zip64 sizes", FETCH_AGAIN)
                values[number] = int.from_bytes(field[at : at + 8], "little")
                at += 8
        return values[0], values[1], values[2]

    def _check_entry(self, one: _Listed) -> None:
        name = quoted(one.entry.name)
        if wrong := path_problem(one.entry.name):
            raise self._archive.refused(f"member {name} {wrong}", ASK)
        if one.flags & _ENCRYPTED:
            raise self._archive.refused(f"member {name} is encrypted", "Ask its source for one without a password.")
        mode = one.attributes >> 16
        if one.made_on == _UNIX and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            kind = "a link" if stat.S_ISLNK(mode) else "a device, pipe or socket"
            raise self._archive.refused(f"member {name} is {kind}", ASK)
        if one.entry.method == STORED and one.entry.size_bytes != one.entry.stored_bytes:
            raise self._archive.refused(f"member {name} is stored as it is, in two sizes", ASK)

    def _check_names(self, listed: list[_Listed]) -> None:
        seen: set[str] = set()
        for one in listed:
            name = one.entry.name
            if name in seen:
                raise self._archive.refused(f"two members are called {quoted(one.entry.name)}", ASK)
            seen.add(name)

    def _check_sizes(self, listed: list[_Listed]) -> None:
        total = sum(one.entry.size_bytes for one in listed)
        if total > self._limits.size_bytes:
            most = size_text(self._limits.size_bytes)
            raise self._archive.refused(f"it unfolds to {size_text(total)}, and {most} are allowed", ASK)
        if total > max(self._limits.free_bytes, self._limits.ratio * self._archive.size_bytes):
            times = total // self._archive.size_bytes
            raise self._archive.refused(
                f"it unfolds from {size_text(self._archive.size_bytes)} to {size_text(total)}, {times:,} times as much,"
                f" and {self._limits.ratio:,} times are allowed",
                ASK,
            )

    def _with_header(self, one: _Listed, end: int) -> Entry:
        """Return an entry with the place of its bytes, after comparing it with the header before them."""
        entry, name = one.entry, quoted(one.entry.name)
        data = self._archive.read_at(entry.starts_at, _HEADER.size)
        if len(data) < _HEADER.size or data[:4] != b"PK\3\4":
            raise self._archive.refused(f"member {name} is not where its directory says", FETCH_AGAIN)
        _, _, flags, method, _, _, crc, stored, size, name_length, extra_length = _HEADER.unpack(data)
        names_at = entry.starts_at + _HEADER.size
        rest = self._archive.exactly(names_at, name_length + extra_length)
        extra = rest[name_length:]
        size, stored, _ = self._sizes(entry.name, size, stored, 0, extra)
        # What was not known when the header was written stands after the bytes.
        later = bool(flags & _DESCRIPTOR)
        unknown = (0, UNKNOWN32) if later else ()
        same = {
            "name": rest[:name_length] == one.raw,
            "method": method == entry.method,
            "encryption": not (flags ^ one.flags) & _ENCRYPTED,
            "CRC-32": crc == entry.crc32 or crc in unknown,
            "size": size == entry.size_bytes or size in unknown,
            "stored size": stored == entry.stored_bytes or stored in unknown,
        }
        if differing := [what for what, is_same in same.items() if not is_same]:
            raise self._archive.refused(f"directory and header of member {name} differ in {', '.join(differing)}", ASK)
        data_at = names_at + name_length + extra_length
        if data_at + entry.stored_bytes > end:
            raise self._archive.refused(f"member {name} would lie beyond its end", FETCH_AGAIN)
        found = replace(entry, data_at=data_at)
        # Some tools set the flag, know the sizes all the same, and write nothing behind.
        if later and (crc, stored, size) != (entry.crc32, entry.stored_bytes, entry.size_bytes):
            self._check_descriptor(found)
        return found

    def _check_descriptor(self, entry: Entry) -> None:
        """Compare an entry with the sizes that stand after its bytes, with or without a sign before them."""
        data = self._archive.read_at(entry.ends_at, 24).removeprefix(b"PK\7\x08")
        sizes = entry.crc32, entry.stored_bytes, entry.size_bytes
        if not data.startswith(struct.pack("<LQQ", *sizes)) and not (
            max(sizes) <= UNKNOWN32 and data.startswith(struct.pack("<3L", *sizes))
        ):
            name = quoted(entry.name)
            raise self._archive.refused(f"the sizes behind member {name} are not those in the directory", ASK)

    def _check_overlaps(self, entries: list[Entry]) -> None:
        in_order = sorted(entries, key=lambda entry: entry.starts_at)
        if in_order and in_order[0].starts_at:
            raise self._before(in_order[0].starts_at)
        for one, after in pairwise(in_order):
            if one.ends_at > after.starts_at:
                raise self._archive.refused(f"members {quoted(one.name)} and {quoted(after.name)} overlap", ASK)

    def _before(self, count: int) -> CsvRejected:
        return self._archive.refused(
            f"{count:,} bytes stand before its first member, as in a program that unpacks itself",
            "Ask its source for the archive alone.",
        )
