"""The end of a ZIP archive, which says where its directory is: there must be one, and nothing after it."""

from __future__ import annotations

import struct

from flows.lake.archives.archive_bytes import ASK, FETCH_AGAIN, ArchiveBytes

UNKNOWN16, UNKNOWN32 = 2**16 - 1, 2**32 - 1
"""What stands where a value does not fit, and is in the Zip64 records."""

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_MOST_COMMENT = 2**16 - 1
_PADDING = b"\0\r\n "
"""What servers and disks put after a file."""


def find_end(archive: ArchiveBytes) -> tuple[int, int, int, int]:
    """Return where the directory of an archive ends, how many entries it has, its size and where it begins.

    Raises:
        CsvRejected: It has no end, several, or one that contradicts itself.
    """
    length = min(archive.size_bytes, _END.size + _MOST_COMMENT)
    tail, start = archive.exactly(archive.size_bytes - length, length), archive.size_bytes - length
    found, at = [], tail.find(b"PK\5\6")
    seen = at >= 0
    while at >= 0:
        if at + _END.size <= len(tail):
            after = at + _END.size + _END.unpack_from(tail, at)[7]
            if after == len(tail) or (after < len(tail) and not tail[after:].strip(_PADDING)):
                found.append(at)
        at = tail.find(b"PK\5\6", at + 1)
    if len(found) > 1:
        raise archive.refused("its comment holds a second end of the archive", ASK)
    if not found:
        why = "bytes follow its end, or its comment is cut off" if seen else "it is cut off: it has no directory"
        raise archive.refused(why, FETCH_AGAIN)
    _, disk, first_disk, here, count, size, offset, _ = _END.unpack_from(tail, found[0])
    end_at = start + found[0]
    if disk not in (0, UNKNOWN16) or first_disk not in (0, UNKNOWN16) or here != count:
        raise archive.refused("it is one part of a split archive", "Join its parts.")
    return _end64(archive, end_at, count, size, offset) or (end_at, count, size, offset)


def _end64(archive: ArchiveBytes, end_at: int, count: int, size: int, offset: int) -> tuple[int, int, int, int] | None:
    if end_at < _LOCATOR.size:
        return None
    sign, _, at, _ = _LOCATOR.unpack(archive.exactly(end_at - _LOCATOR.size, _LOCATOR.size))
    if sign != b"PK\6\7":
        return None
    if at + _END64.size > end_at - _LOCATOR.size:
        raise archive.refused("it is cut off: its Zip64 end would lie beyond its end", FETCH_AGAIN)
    sign, length, *_, here64, count64, size64, offset64 = _END64.unpack(archive.exactly(at, _END64.size))
    if sign != b"PK\6\6" or at + 12 + length != end_at - _LOCATOR.size:
        raise archive.refused("its Zip64 end is not where it should be", FETCH_AGAIN)
    pairs = ((count, count64, UNKNOWN16), (size, size64, UNKNOWN32), (offset, offset64, UNKNOWN32))
    if here64 != count64 or any(short not in (unknown, long) for short, long, unknown in pairs):
        raise archive.refused("its two ends contradict each other", ASK)
    return at, count64, size64, offset64
