"""The names of members: how they are written, and which of them lead somewhere else.

An archive says of a name that it is UTF-8, or nothing. Python takes cp437 then; archives made under Windows in Brazil
have cp850, some tools write UTF-8 or Windows-1252 without saying so, and Info-ZIP writes the Unicode name beside it.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib

_UTF8 = 1 << 11
_UNICODE_PATH = 0x7075
_ENCODINGS = ("cp850", "cp437", "cp1252")
_LIKELY = frozenset("áàâãäåæéèêëíìîïóòôõöøúùûüçñýÿßÁÀÂÃÄÅÆÉÈÊËÍÌÎÏÓÒÔÕÖØÚÙÛÜÇÑÝªº°§–")
_DRIVE = re.compile(r"^[A-Za-z]:")


def name_of(raw: bytes, flags: int, extra: bytes) -> str:
    """Return a member's name as a person would write it; a backslash between folders becomes a slash.

    Args:
        raw: The name as it is stored.
        flags: The entry's general purpose flags.
        extra: The entry's extra fields.
    """
    return unicodedata.normalize("NFC", _decoded(raw, flags, extra)).replace("\\", "/")


def _decoded(raw: bytes, flags: int, extra: bytes) -> str:
    if raw.isascii():
        return raw.decode()
    field = fields(extra).get(_UNICODE_PATH, b"")
    if field[:1] == b"\1" and field[1:5] == struct.pack("<L", zlib.crc32(raw)):
        return field[5:].decode(errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if flags & _UTF8:
            return raw.decode("utf-8", "replace")
    for encoding in _ENCODINGS:
        text = raw.decode(encoding, "replace")
        if all(sign.isascii() or sign in _LIKELY for sign in text):
            return text
    return raw.decode("cp437")


def path_problem(name: str) -> str | None:
    """Return what is wrong with where a member's name leads, `None` where it stays in the archive."""
    if not name or "\0" in name:
        return "has a NUL in its name" if name else "has no name"
    if name.startswith("/"):
        return "has an absolute path"
    if _DRIVE.match(name):
        return "names a drive"
    if ".." in name.split("/"):
        return "climbs out of the archive"
    return None


def fields(extra: bytes) -> dict[int, bytes]:
    """Return the extra fields of an entry by their numbers; what is cut off is left out."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(extra):
        number, length = struct.unpack_from("<2H", extra, at)
        if at + 4 + length > len(extra):
            break
        found.setdefault(number, extra[at + 4 : at + 4 + length])
        at += 4 + length
    return found
