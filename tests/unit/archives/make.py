"""Makes ZIP archives byte by byte, also those that no tool would make."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

from flows.lake.archives.archive_bytes import ArchiveBytes
from flows.lake.archives.content import MemberContent
from flows.lake.archives.directory import Entry, Limits, read_directory

CSV = b"id,name\n1,a\n2,b\n"


@dataclass(frozen=True)
class Made:
    """A member, and what its header says otherwise than its entry in the directory."""

    name: bytes = b"a.csv"
    content: bytes = CSV
    method: int = 0
    flags: int = 0
    extra: bytes = b""
    attributes: int = 0
    made_by: int = 0
    crc: int | None = None
    size: int | None = None
    stored: bytes | None = None
    header_name: bytes | None = None
    header_size: int | None = None
    header_method: int | None = None
    descriptor: bytes = b""
    at: int | None = None

    @property
    def bytes_stored(self) -> bytes:
        if self.stored is not None:
            return self.stored
        if self.method == 8:
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
            return deflate.compress(self.content) + deflate.flush()
        return self.content


def archive(*members: Made, before: bytes = b"", comment: bytes = b"", after: bytes = b"", shift: int = 0) -> bytes:
    """Return the bytes of an archive; `shift` is added to the places in its directory."""
    out, directory = io.BytesIO(), io.BytesIO()
    out.write(before)
    for one in members:
        at = out.tell() if one.at is None else one.at
        stored = one.bytes_stored
        crc = zlib.crc32(one.content) if one.crc is None else one.crc
        size = len(one.content) if one.size is None else one.size
        later = bool(one.flags & 8)
        name = one.name if one.header_name is None else one.header_name
        method = one.method if one.header_method is None else one.header_method
        header_size = (0 if later else size) if one.header_size is None else one.header_size
        if one.at is None:
            sizes = (0 if later else crc, 0 if later else len(stored), header_size)
            out.write(struct.pack("<4s5H3L2H", b"PK\3\4", 20, one.flags, method, 0, 33, *sizes, len(name), 0))
            out.write(name + stored + one.descriptor)
        entry = (b"PK\1\2", one.made_by << 8 | 20, 20, one.flags, one.method, 0, 33, crc, len(stored), size)
        lengths = (len(one.name), len(one.extra), 0, 0, 0)
        directory.write(struct.pack("<4s6H3L5H2L", *entry, *lengths, one.attributes, at + shift))
        directory.write(one.name + one.extra)
    listed, at = directory.getvalue(), out.tell()
    out.write(listed)
    end = (b"PK\5\6", 0, 0, len(members), len(members), len(listed), at + shift, len(comment))
    out.write(struct.pack("<4s4H2LH", *end) + comment + after)
    return out.getvalue()


def with_zipfile(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, **how: object) -> bytes:
    """Return an archive as Python makes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method, **how) as made:  # type: ignore[arg-type]
        for name, content in members.items():
            made.writestr(name, content)
    return out.getvalue()


def opened(data: bytes, name: str = "a.zip") -> ArchiveBytes:
    """Return an archive that is in memory."""
    return ArchiveBytes(Path(name), len(data), lambda at, length: data[at : at + length])


def entries(data: bytes, **limits: int) -> tuple[Entry, ...]:
    """Return what is in an archive."""
    return read_directory(opened(data), replace(Limits(), **limits))


def content(data: bytes, number: int = 0, size: int = 7_000) -> bytes:
    """Return the content of a member."""
    member = MemberContent(opened(data), entries(data)[number])
    return b"".join(iter(lambda: member.read(size), b""))


def random_text(size: int) -> bytes:
    """Return so many bytes that hardly compress."""
    return os.urandom(size // 2).hex().encode()
