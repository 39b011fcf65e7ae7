"""The values that travel between the stages of a run: small, frozen, without behaviour beyond their own shape.

They are standard dataclasses of plain types, so that they pickle, become JSON, and cost nothing to import.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CsvDialect:
    """What the user states about a CSV file; `None` means that it is detected.

    Attributes:
        delimiter: The field separator, one character.
        encoding: A Python codec name.
        decimal: The decimal mark, one character.
        quotechar: The quote character, one character.
    """

    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    quotechar: str | None = None


@dataclass(frozen=True)
class ColumnProfile:
    """One column as pandas reads it.

    Attributes:
        name: The name that pandas gives it.
        dtype: The dtype's name, for example `int64`, `float64`, `str`, `bool` or `object`.
        non_null: The number of values that pandas does not take as missing.
    """

    name: str
    dtype: str
    non_null: int


@dataclass(frozen=True)
class CsvProfile:
    """What one pass over a CSV file found.

    Attributes:
        path: The file.
        rows: Data rows, without the header.
        columns: The columns in the file's order.
        size_bytes: Bytes read, which is the whole file.
        mtime_ns: The file's modification time when it was opened, in nanoseconds since the epoch.
        sha256: SHA-256 of the bytes, hexadecimal.
        crc64nvme: CRC-64/NVME of the bytes, base64, as S3 writes it in `x-amz-checksum-crc64nvme`.
        encoding: The codec that read the file.
        delimiter: The field separator that read the file.
        decimal: The decimal mark that read the file.
        quotechar: The quote character that read the file.
        hints: What a person should know about the file, a sentence each.
        compression: `gzip` or `zstd` where the content was profiled through it; size and digests are of the stored bytes.
    """

    path: Path
    rows: int
    columns: tuple[ColumnProfile, ...]
    size_bytes: int
    mtime_ns: int
    sha256: str
    crc64nvme: str
    encoding: str
    delimiter: str
    decimal: str = "."
    quotechar: str = '"'
    hints: tuple[str, ...] = ()
    compression: str | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as `DataFrame.shape`."""
        return self.rows, len(self.columns)


@dataclass(frozen=True)
class SourceFile:
    """A file that a run will ingest, and where it goes.

    Attributes:
        path: The file.
        dataset: The dataset it belongs to.
        key: Its key in the raw layer.
        size_bytes: Its size when the folder was listed.
        dialect: What the user states about its format.
    """

    path: Path
    dataset: str
    key: str
    size_bytes: int
    dialect: CsvDialect = dataclasses.field(default_factory=CsvDialect)
