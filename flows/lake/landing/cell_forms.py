"""Owns the two forms of a cell, its bytes in the file and its text, and the masked bytes for each cell of a column.

A cell keeps its quotes where it has some, and gets them where its new text would be cut without. What was masked once
is remembered for a while, since columns repeat their values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flows.lake.landing.cells import Layout
from flows.lake.landing.methods import REDACTED, Mask, Unmaskable

MOST_REMEMBERED = 1 << 16
"""Cells of a column: some 20 MB where they are long."""


@dataclass(frozen=True)
class CellForms:
    """How cells stand in a file.

    Attributes:
        layout: What cuts the file into cells.
        encoding: The codec of their text; every byte below 128 stands for itself in it.
        alone: Whether a cell is its line's only one, so that a blank one would be a line that readers skip.
        was_alone: Whether that was so before any column was dropped: blank ones are such lines then, and stay.
    """

    layout: Layout
    encoding: str
    alone: bool = False
    was_alone: bool = False

    def text_of(self, cell: bytes) -> str:
        """Return a cell's text.

        Raises:
            Unmaskable: It is not text in the encoding.
        """
        quote = self.layout.quote
        if quote is not None and cell[:1] == quote:
            cell = cell[1:-1].replace(quote * 2, quote)
        try:
            return cell.decode(self.encoding)
        except UnicodeError:
            pass
        # Outside the handler: the codec's error holds the cell, and must not hang on to this one.
        raise Unmaskable(f"a cell of the column is not valid {self.encoding}")

    def cell_of(self, text: str, before: bytes) -> bytes:
        """Return a cell with another text.

        Args:
            text: What it says now.
            before: The cell as it was.

        Raises:
            Unmaskable: The text needs quotes and the file has none.
        """
        cell = text.encode(self.encoding)
        quote = self.layout.quote
        was_quoted = quote is not None and before[:1] == quote
        if not was_quoted and not self._wants_quotes(cell):
            return cell
        if quote is None:
            raise Unmaskable("the masked cell holds a delimiter or is a blank line, and the file has no quotes")
        return quote + cell.replace(quote, quote * 2) + quote

    def stays(self, cell: bytes) -> bool:
        """Return whether a cell is a blank line, which is no row."""
        return self.was_alone and not cell.strip(b" \t")

    def kept(self, cell: bytes) -> bytes:
        """Return a cell that says what it said, in quotes where it would now be a blank line.

        Raises:
            Unmaskable: It would, and the file has no quotes.
        """
        if not self.alone or self.was_alone or cell.strip(b" \t"):
            return cell
        return self.cell_of(cell.decode("ascii"), cell)

    def takes_all(self, signs: str) -> bool:
        """Return whether a text of some signs never needs quotes."""
        return not set(signs.encode("ascii")) & {*self.layout.delimiter, *(self.layout.quote or b"")}

    def _wants_quotes(self, cell: bytes) -> bool:
        opens = self.layout.quote is not None and cell[:1] == self.layout.quote
        blank = self.alone and not cell.strip(b" \t")
        return opens or blank or self.layout.delimiter in cell or b"\n" in cell or b"\r" in cell


@dataclass
class ColumnMask:
    """The masking of one column.

    Attributes:
        rule: The rule as it is shown, `column=method`.
        mask: What masks a cell; `None` where the column is dropped.
        forms: How the column's cells stand in the file.
        missing: What stands for a missing value and stays.
        masked: Cells masked so far.
        kept: Missing cells so far, which stayed as they are.
        redacted: Cells among the masked that the method could not deal with.
    """

    rule: str
    mask: Mask | None
    forms: CellForms
    missing: frozenset[str]
    masked: int = 0
    kept: int = 0
    redacted: int = 0
    _known: _Known = field(init=False)

    def __post_init__(self) -> None:
        of_bytes = self.mask.of_bytes if self.mask else None
        if of_bytes is None or self.forms.alone or not self.forms.takes_all(self.mask.signs if self.mask else ""):
            self._known = _Known(self)
        else:
            self._known = _KnownByBytes(self, of_bytes)

    def apply(self, cells: list[bytes]) -> list[bytes]:
        """Return the masked cells for a block's.

        Raises:
            Unmaskable: One of them cannot be masked.
        """
        if self.mask is None:
            self.masked += len(cells)
            return [b""] * len(cells)
        known = self._known
        answers = list(map(known.__getitem__, cells))
        kept = sum(map(known.stays.__contains__, cells)) if known.stays else 0
        self.kept += kept
        self.masked += len(cells) - kept
        if known.redacts:
            self.redacted += sum(map(known.redacts.__contains__, cells))
        if len(known) > MOST_REMEMBERED:
            known.forget()
        return answers

    def masked_text(self, text: str) -> str:
        """Return a text masked.

        Raises:
            Unmaskable: It cannot be; also for an error that nobody foresaw, whose words may quote the text.
        """
        try:
            return self.mask.of_text(text) if self.mask else ""
        except Unmaskable:
            raise
        except Exception as error:
            kind = type(error).__name__
        raise Unmaskable(f"the method failed ({kind})")

    def first_unmaskable(self, cells: list[bytes]) -> int:
        """Return which of the cells cannot be masked."""
        for place, cell in enumerate(cells):
            try:
                self._known[cell]
            except Unmaskable:
                return place
        raise AssertionError("asked only where one cannot be")

    def __repr__(self) -> str:
        return f"ColumnMask({self.rule!r})"


class _Known(dict[bytes, bytes]):
    """Masked cells by what they were, filled in as they are asked for."""

    def __init__(self, column: ColumnMask) -> None:
        super().__init__()
        self._column = column
        self.stays: set[bytes] = set()
        self.redacts: set[bytes] = set()

    def __missing__(self, cell: bytes) -> bytes:
        column = self._column
        text = column.forms.text_of(cell)
        if text in column.missing or column.forms.stays(cell):
            self.stays.add(cell)
            answer = column.forms.kept(cell)
        else:
            masked = column.masked_text(text)
            if masked is REDACTED and not column.rule.endswith("=redact"):
                self.redacts.add(cell)
            answer = column.forms.cell_of(masked, cell)
        self[cell] = answer
        return answer

    def forget(self) -> None:
        self.clear()
        self.stays.clear()
        self.redacts.clear()

    def __repr__(self) -> str:
        return f"<{len(self)} cells>"


class _KnownByBytes(_Known):
    """The same by way of bytes, for ASCII cells and methods whose answers need no quotes: twice as fast."""

    def __init__(self, column: ColumnMask, of_bytes: Callable[[bytes], bytes]) -> None:
        super().__init__(column)
        self._of_bytes = of_bytes
        self._quote = column.forms.layout.quote or b""
        self._missing = frozenset(text.encode("utf-8") for text in column.missing)

    def __missing__(self, cell: bytes) -> bytes:
        quote = self._quote
        is_quoted = quote != b"" and cell[:1] == quote
        inner = cell[1:-1].replace(quote * 2, quote) if is_quoted else cell
        if not cell.isascii() or inner in self._missing:
            return super().__missing__(cell)
        try:
            answer = self._of_bytes(inner)
        except Exception:
            return super().__missing__(cell)  # which knows how to say it
        self[cell] = answer = quote + answer + quote if is_quoted else answer
        return answer
