"""Recognise files that are not CSV by their magic bytes."""

from __future__ import annotations

import re

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PAR1", "a Parquet file", "It needs no CSV profile: land it by other means, or export it as CSV."),
    (b"\x1f\x8b", "gzip-compressed", "Name it so that it ends in .csv.gz, and match that in the pattern."),
    (
        b"\x28\xb5\x2f\xfd",
        "Zstandard-compressed",
        "Name it so that it ends in .csv.zst, and match that in the pattern.",
    ),
    (b"BZh", "bzip2-compressed", "Decompress it, or compress it as .csv.gz or .csv.zst."),
    (b"\xfd7zXZ\x00", "xz-compressed", "Decompress it, or compress it as .csv.gz or .csv.zst."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Extract the CSV files from it."),
    (b"Rar!\x1a\x07", "a RAR archive", "Extract the CSV files from it."),
    (b"%PDF-", "a PDF document", "Ask its source for the data as CSV."),
    (b"{\\rtf", "an RTF document", "Ask its source for the data as CSV."),
    (b"SQLite format 3\x00", "an SQLite database", "Export its tables as CSV."),
    (b"ARROW1", "an Arrow file", "Export it as CSV."),
    (b"FEA1", "a Feather file", "Export it as CSV."),
    (b"ORC", "an ORC file", "Export it as CSV."),
    (b"Obj\x01", "an Avro file", "Export it as CSV."),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", "Export it as CSV."),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", "It holds no table."),
    (b"\xff\xd8\xff", "a JPEG image", "It holds no table."),
    (b"GIF8", "a GIF image", "It holds no table."),
    (b"\x7fELF", "a program", "It holds no table."),
)
_HTML = re.compile(rb"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"\s*<\?xml\s", re.IGNORECASE)
_JSON = re.compile(rb'\s*(?:\[\s*)?\{\s*"(?:[^"\\\r\n]|\\.)*"\s*:')
_CONTROLS = bytes(range(9)) + bytes(range(14, 32))
_DELIMITERS = b"\x01\x1f"
"""Controls that separate fields: Hive's default, and ASCII's own."""


def not_csv(head: bytes) -> tuple[str, str] | None:
    """Return what a file is instead of a CSV, as `it is …`, and what to do about it; None if it may be one.

    Args:
        head: The first bytes of its content, some kilobytes.
    """
    if head.startswith(_ZIP):
        return _inside_zip(head)
    if head.startswith(_OLE):
        return "an Excel workbook (.xls) or another Office document", "Save the sheet as CSV."
    for magic, what, remedy in _MAGIC:
        if head.startswith(magic) and _is_binary_beyond(head, magic):
            return what, remedy
    if head[257:262] == b"ustar":
        return "a tar archive", "Extract the CSV files from it."
    text = head.removeprefix(b"\xef\xbb\xbf")
    if _HTML.match(text):
        return (
            "an HTML page, perhaps an error or log-in page that a download saved under this name",
            "Open it in a browser to see what the server said, and fetch the file again.",
        )
    if _XML.match(text):
        return "an XML document", "Ask its source for the data as CSV."
    if _JSON.match(text):
        return "a JSON document", "Ask its source for the data as CSV, or convert it."
    return None


def _inside_zip(head: bytes) -> tuple[str, str]:
    if b"xl/" in head or b"[Content_Types].xml" in head:
        return "an Excel workbook (.xlsx)", "Save the sheet as CSV."
    if b"opendocument.spreadsheet" in head:
        return "an OpenDocument spreadsheet (.ods)", "Save the sheet as CSV."
    return "a ZIP archive", "Name it so that it ends in .zip, and match that in the pattern."


def _is_binary_beyond(head: bytes, magic: bytes) -> bool:
    """Whether short letters such as `ORC` begin a binary file and not the name of a column."""
    return not magic.isalnum() or any(byte in _CONTROLS for byte in head[len(magic) : 4096])


def looks_binary(head: bytes) -> bool:
    """Return whether text would hardly hold so many control characters; UTF-16 must be ruled out before."""
    if len(head) - len(head.translate(None, _CONTROLS)) <= 0.1 * len(head):
        return False
    others = bytes(set(_CONTROLS) - set(_DELIMITERS))
    lines = head.splitlines()
    cut = sum(any(sign in line for sign in _DELIMITERS) for line in lines)
    return cut < 0.8 * len(lines) or len(head) - len(head.translate(None, others)) > 0.01 * len(head)
