"""How a file that is to be masked is written: the value that the masker is given, since it guesses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flows.lake.errors import MaskingFailed, SettingsError
from flows.lake.landing.cells import Layout
from flows.lake.models import CsvProfile
from flows.lake.tables.reading import Reading

_DIFFERING = {
    "escapechar": "the file escapes its quotes",
    "comment": "the file has comments",
    "skipinitialspace": "the file has blanks before its quotes",
}


def _uncertain(reading: Reading) -> Iterator[str]:
    """Yield why the cells of a file cannot be told for certain."""
    if not reading.has_header or reading.names:
        yield "no line of the file names its columns, so that a rule cannot find its own"
    for name, what in _DIFFERING.items():
        if reading.how.get(name):
            yield f"{what}, which readers take differently"


@dataclass(frozen=True)
class MaskingDialect:
    """How a file to be masked is written; nothing is guessed here.

    Attributes:
        delimiter: The field separator, one ASCII character.
        encoding: A Python codec name.
        quotechar: The quote character, one ASCII character; `None` where a quote is a sign like any other.
        header_line: How many lines stand above the header; blank ones right above it need not be counted.
    """

    delimiter: str
    encoding: str
    quotechar: str | None = '"'
    header_line: int = 0

    def __post_init__(self) -> None:
        for name, sign in (("delimiter", self.delimiter), ("quotechar", self.quotechar)):
            if sign is not None and (len(sign) != 1 or not sign.isascii() or sign in "\r\n\0"):
                raise SettingsError(
                    f"The {name} {sign!r} is not one ASCII character.", remedy="State one, such as ';'."
                )
        if self.delimiter == self.quotechar:
            raise SettingsError(f"{self.delimiter!r} is both delimiter and quotechar.", remedy="State two signs.")

    @classmethod
    def found(cls, path: Path, encoding: str, reading: Reading) -> MaskingDialect:
        """Return how a file is written whose reading was found.

        Raises:
            MaskingFailed: It is written in a way in which cells cannot be told for certain.
        """
        if why := next(_uncertain(reading), None):
            raise MaskingFailed(path, why, remedy="Have its source write it plainly, or mask it before it comes here.")
        return cls(reading.delimiter, encoding, None if reading.plain_quotes else reading.quotechar, reading.skip)

    @classmethod
    def of(cls, profile: CsvProfile) -> MaskingDialect:
        """Return how a file is written whose profile was made."""
        return cls(profile.delimiter, profile.encoding, profile.quotechar)

    @property
    def layout(self) -> Layout:
        """The bytes that cut the file into cells."""
        return Layout(self.delimiter.encode("ascii"), self.quotechar.encode("ascii") if self.quotechar else None)
