"""Owns the masking of a file, whatever it is compressed with, and the opening of what was encrypted.

A compressed file is masked inside and compressed again, by the same bytes each time: no name, no time, one level. What
is read is proven to be the whole file and one that did not change meanwhile; until that proof, which is after the last
byte, nothing of what was yielded may be used.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from flows.lake.landing.masker import PANDAS_MISSING, Masker
from flows.lake.landing.masking_dialect import MaskingDialect
from flows.lake.landing.masking_key import MaskingKey, MaskingKeys
from flows.lake.landing.methods import mask_of, opener
from flows.lake.masking_rules import MaskedCells, MaskingRules, MissingMarkers
from flows.lake.s3.content import Content
from flows.lake.tables.csv_source import CsvSource

GZIP_LEVEL, ZSTD_LEVEL = 6, 3


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def masker_of(
    path: Path | str,
    dialect: MaskingDialect,
    rules: MaskingRules,
    key: MaskingKey | None = None,
    missing: MissingMarkers = PANDAS_MISSING,
) -> Masker:
    """Return what masks one file by rules.

    Args:
        path: The file, for messages.
        dialect: How it is written.
        rules: How its columns are masked.
        key: The key, which `hash`, `shape` and `encrypt` need.
        missing: What stands for a missing value; such cells stay as they are.

    Raises:
        SettingsError: A rule needs a key and there is none.
    """
    masks = {
        column: None if rule.method == "drop" else mask_of(rule, key, missing.of(column)) for column, rule in rules
    }
    return Masker(path, dialect, masks, rules.as_texts(), missing)


def unmasker_of(
    path: Path | str,
    dialect: MaskingDialect,
    columns: Iterable[str],
    keys: MaskingKeys,
    missing: MissingMarkers = PANDAS_MISSING,
) -> Masker:
    """Return what opens the encrypted columns of one masked file; the answer to it is what was masked, byte for byte.

    Args:
        path: The file, for messages.
        dialect: How it is written.
        columns: The columns that the rule `encrypt` closed.
        keys: The key of today and those before it.
        missing: What stood for a missing value when it was masked.
    """
    wanted = tuple(dict.fromkeys(columns))
    return Masker(path, dialect, {c: opener(keys.all) for c in wanted}, dict.fromkeys(wanted, "unmask"), missing)


def mask_file(
    path: Path, target: BinaryIO, masker: Masker, root: Path | None = None
) -> tuple[tuple[MaskedCells, ...], Content]:
    """Write a file's masked bytes to an open file; return what became of its columns, and what the file held before.

    Args:
        path: The file; `.gz` and `.zst` are masked inside.
        target: Where to write; what is there after an error must not be used.
        masker: What masks it, made for this file.
        root: The folder out of which no link may lead; links lead anywhere without one.

    Raises:
        MaskingFailed: The rules do not fit it.
        CsvRejected: It cannot be decompressed.
        SourceError: It cannot be read, or changed meanwhile.
    """
    with CsvSource(path, root=root) as source:
        source.decompress()
        content = masker.run(iter(source.read, b""))
        for piece in compressed(content, source.compression):
            target.write(piece)
        source.finish()
        return masker.columns(), Content(source.size_bytes, source.crc64nvme, source.sha256)


def compressed(pieces: Iterable[bytes], compression: str | None) -> Iterator[bytes]:
    """Yield bytes compressed, `gzip`, `zstd` or not at all: the same ones for the same content, however it is cut."""
    if compression is None:
        yield from pieces
        return
    compressor = _compressor(compression)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def _compressor(compression: str) -> _Compressor:
    if compression == "gzip":
        return _Gzip()
    import zstandard  # only for these files: the import costs every other run some milliseconds

    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()


class _Gzip:
    """gzip as Python's own module writes it for the time 0 and no name, piece by piece."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._file = gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=self._buffer, mtime=0)

    def compress(self, data: bytes, /) -> bytes:
        self._file.write(data)
        return self._taken()

    def flush(self) -> bytes:
        self._file.close()
        return self._taken()

    def _taken(self) -> bytes:
        data = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return data
