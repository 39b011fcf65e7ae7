"""A UTF-8 file with lines in another encoding is read as Python and pandas replace what is not UTF-8, and says so."""

from __future__ import annotations

import codecs
import io
import re
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.lake.dialect.encoding import Utf8Text, detect_encoding
from flows.lake.errors import CsvRejected

PIECES = [
    b"a",
    b";",
    b"\n",
    b"\r",
    b"\r\n",
    *(char.encode() for char in "ã€😀\ufffd"),
    b"\xc3",
    b"\x82",
    b"\xf0\x9f",
    b"\xe7",
    b"\xff",
]
MIXED = "id;nome\n1;ação\n2;pão\n".encode() + "3;maçã\r\n".encode("cp1252") + b"4;x\n" + "5;avô\n".encode("cp1252")


def text_of(pieces: list[bytes], encoding: str = "utf-8", *, stated: bool = False) -> tuple[str, Utf8Text]:
    waiting = iter(pieces)
    text = Utf8Text(Path("f.csv"), lambda: next(waiting, b""), encoding, stated=stated)
    found = b""
    while not text.at_end:
        found += text.next_piece()
    return found.decode("utf-8"), text


def cut(content: bytes, places: set[int]) -> list[bytes]:
    borders = [0, *sorted(place for place in places if 0 < place < len(content)), len(content)]
    return [piece for start, end in pairwise(borders) if (piece := content[start:end])]


def is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.sets(st.integers(0, 90)), st.booleans())
def test_utf8_text_replaces_as_the_decoder_does_wherever_pieces_end(
    parts: list[bytes], places: set[int], marked: bool
) -> None:
    header = codecs.BOM_UTF8 * marked + "é;b\n".encode()
    content = header + b"".join(parts)
    found, text = text_of(cut(content, places | {len(header)}), "utf-8-sig" if marked else "utf-8")
    assert found == content.decode("utf-8-sig", "replace")
    lines = re.split(rb"\r\n|\r|\n", content)
    broken = [number for number, line in enumerate(lines, 1) if not is_utf8(line)]
    assert text.replaced_lines == len(broken)
    assert text.first_replaced_line == (broken[0] if broken else None)


def test_utf8_text_mixed_lines_read_as_pandas_reads_them() -> None:
    assert detect_encoding(MIXED) == "utf-8"
    found, text = text_of([MIXED])
    assert (text.encoding, text.replaced_lines, text.first_replaced_line) == ("utf-8", 2, 4)
    expected = pd.read_csv(io.BytesIO(MIXED), sep=";", encoding="utf-8", encoding_errors="replace")
    pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(found), sep=";"), expected)
    assert expected["nome"].tolist() == ["ação", "pão", "ma��", "x", "av�"]


def test_utf8_text_replacement_characters_that_the_file_itself_holds_are_not_counted() -> None:
    _, text = text_of(["a;é\n".encode(), "1;\ufffd\n".encode(), b"2;\xe7\n"])
    assert (text.replaced_lines, text.first_replaced_line) == (1, 3)


def test_utf8_text_letter_cut_off_at_the_end_of_the_file_is_replaced() -> None:
    found, text = text_of(["a;é\n1;".encode(), "€".encode()[:2]])
    assert (found, text.replaced_lines, text.first_replaced_line) == ("a;é\n1;\ufffd", 1, 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_text_stated_utf8_is_refused_where_a_line_is_not(encoding: str) -> None:
    content = MIXED.decode("utf-8", "ignore").encode(encoding) + b"6;\xe7\n"
    with pytest.raises(CsvRejected, match="0xe7 is not valid utf-8") as caught:
        text_of([content[:2], content[2:]], encoding, stated=True)
    assert caught.value.byte == content.index(b"\xe7\n")


def test_utf8_text_ascii_before_most_lines_of_another_encoding_is_that_encoding() -> None:
    found, text = text_of([b"a;b\n", "1;ação\n2;maçã\n".encode("cp1252") + "3;avô\n".encode()])
    assert (text.encoding, text.replaced_lines) == ("cp1252", 0)
    assert found.startswith("a;b\n1;ação\n2;maçã\n")
