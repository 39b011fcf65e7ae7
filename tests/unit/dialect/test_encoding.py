"""The encoding of a file: exact where it is told or tells itself, noticed or guessed, and said, where not."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.lake.dialect.encoding import detect_encoding, is_utf8_where_sparse
from flows.lake.errors import CsvRejected
from flows.lake.models import CsvDialect
from flows.lake.tables.profile import profile_csv

TABLE = "município;população;variação\nSão Paulo;11451245;1,5\nBrasília;2817068;-0,25\nGoiânia;1437366;2,0\n"
RUSSIAN = "город;население\nМосква;13010112\nСанкт-Петербург;5601911\nНовосибирск;1633595\nЕкатеринбург;1544376\n" * 8


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("stored", "encoding"),
    [
        (TABLE.encode("utf-8"), "utf-8"),
        (TABLE.encode("utf-8-sig"), "utf-8-sig"),
        (TABLE.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + TABLE.encode("utf-16-be"), "utf-16"),
        (TABLE.encode("utf-16-le"), "utf-16-le"),
        (TABLE.encode("utf-16-be"), "utf-16-be"),
        (TABLE.encode("utf-32"), "utf-32"),
        (TABLE.encode("cp1252"), "cp1252"),
    ],
)
def test_profile_csv_encoding_is_found_and_names_are_read(tmp_path: Path, stored: bytes, encoding: str) -> None:
    profile = profile_csv(write(tmp_path / "f.csv", stored))
    assert profile.encoding == encoding
    assert [(c.name, c.dtype) for c in profile.columns] == [
        ("município", "str"),
        ("população", "int64"),
        ("variação", "float64"),
    ]
    assert (profile.delimiter, profile.decimal, profile.shape) == (";", ",", (3, 3))
    assert bool(profile.hints) == (encoding in {"cp1252", "utf-16-le", "utf-16-be"})


def test_detect_encoding_other_alphabets_are_not_taken_for_windows_1252() -> None:
    assert detect_encoding(RUSSIAN.encode("cp1251")) == "cp1251"


@pytest.mark.parametrize("byte", [b"\xe3", b"\xba", b"\x80", b"\x96"])
def test_detect_encoding_a_single_western_letter_is_windows_1252(byte: bytes) -> None:
    assert detect_encoding(b"a;b\n1;x" + byte + b"y\n") == "cp1252"


def test_detect_encoding_utf8_cut_in_a_letter_is_utf8() -> None:
    assert detect_encoding("çã".encode()[:-1]) == "utf-8"


def test_profile_csv_first_letter_beyond_ascii_far_below_is_windows_1252(tmp_path: Path) -> None:
    content = b"a;b\n" + b"1;x\n" * 200_000 + "2;ação\n".encode("cp1252") + b"3;y\n" * 100_000
    profile = profile_csv(write(tmp_path / "late.csv", content))
    assert profile.encoding == "cp1252"
    assert profile.rows == 300_001


@pytest.mark.parametrize("rows", [0, 200_000])
def test_profile_csv_a_line_in_another_encoding_is_told_and_read_with_replacements(tmp_path: Path, rows: int) -> None:
    good = b"a;b\n" + "1;ação\n".encode() * 9 + b"1;x\n" * rows
    path = write(tmp_path / "mixed.csv", good + "2;ação\n".encode("cp1252") + "3;ação\n".encode() * 3)
    profile = profile_csv(path)
    assert (profile.encoding, profile.recipe["encoding_errors"]) == ("utf-8", "replace")
    assert any(f"first line {rows + 11:,}" in hint for hint in profile.hints)
    frame = pd.read_csv(path, **profile.recipe)
    assert (len(frame), frame["b"].tolist()[-4]) == (profile.rows, "a\ufffd\ufffdo")


def test_profile_csv_stated_encoding_that_is_wrong_is_rejected(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", TABLE.encode("cp1252"))
    with pytest.raises(CsvRejected, match="is not valid utf-8"):
        profile_csv(path, CsvDialect(encoding="utf-8"))
    with pytest.raises(CsvRejected, match="utf-16"):
        profile_csv(path, CsvDialect(encoding="utf-16"))


def test_profile_csv_letters_across_read_borders_stay_whole(tmp_path: Path) -> None:
    for shift in range(3):
        content = ("a" * shift + ",b\n" + "ééé€,ç\n" * 100_000).encode()
        assert profile_csv(write(tmp_path / "f.csv", content), chunk_rows=10_000).rows == 100_000


def decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@given(
    st.lists(st.sampled_from([b"a", b"\n", "ã".encode(), "€".encode(), "😀".encode(), b"\xc3", b"\x82", b"\xf0\x9f"]))
)
def test_is_utf8_where_sparse_agrees_with_the_decoder(pieces: list[bytes]) -> None:
    among_ascii = b"".join(piece + b"-" * 40 for piece in pieces)
    assert is_utf8_where_sparse(among_ascii) == decodes(among_ascii)
    cut_off = b"-" * 200 + b"".join(pieces[:3])
    assert is_utf8_where_sparse(cut_off) == decodes(cut_off)


def test_is_utf8_where_sparse_leaves_dense_text_to_the_decoder() -> None:
    assert not is_utf8_where_sparse(RUSSIAN.encode())
