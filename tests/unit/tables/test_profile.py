"""`profile_csv` on the kinds of file that people hand in: what it says, and what it says when it refuses."""

from __future__ import annotations

import base64
import gzip
import hashlib
import os
import pickle
from pathlib import Path

import pandas as pd
import pytest
import zstandard
from awscrt.checksums import crc64nvme

from flows.lake.errors import CsvRejected, SettingsError, SourceChanged, SourceNotFound, SourceUnreadable
from flows.lake.models import ColumnProfile, CsvDialect
from flows.lake.reports.profile_report import format_profile
from flows.lake.tables.profile import profile_csv


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def movies(tmp_path: Path) -> Path:
    rows = ["tt0000001|Carmencita|1894|5.7", r"tt0000002|Le clown|\N|5.8", r"tt0000003|Pauvre Pierrot|1892|"]
    return write(tmp_path / "movies.csv", "\n".join(["id|tituloPincipal|anoLancamento|notaMedia", *rows]) + "\n")


def test_profile_csv_reference_lookalike_is_profiled(movies: Path) -> None:
    profile = profile_csv(movies)
    assert profile.shape == (3, 4)
    assert profile.columns == (
        ColumnProfile("id", "str", 3),
        ColumnProfile("tituloPincipal", "str", 3),
        ColumnProfile("anoLancamento", "str", 3),
        ColumnProfile("notaMedia", "float64", 2),
    )
    assert (profile.delimiter, profile.encoding, profile.decimal) == ("|", "utf-8", ".")


def test_profile_csv_unknown_missing_marker_is_a_hint_with_its_count(movies: Path) -> None:
    (hint,) = profile_csv(movies).hints
    assert hint.startswith(r"'\N' stands in 1 cell of 1 column (anoLancamento 1): if it means a missing value")


def test_profile_csv_marker_in_many_columns_is_one_hint_with_each_count(tmp_path: Path) -> None:
    header = ",".join(f"c{n}" for n in range(12))
    rows = [",".join("-" if n <= row else str(row) for n in range(12)) for row in range(9)]
    (hint,) = profile_csv(write(tmp_path / "f.csv", "\n".join([header, *rows])), chunk_rows=2).hints
    assert "'-' stands in 45 cells of 9 columns (c0 9, c1 8, c2 7, c3 6, c4 5, c5 4, c6 3, c7 2 and 1 more):" in hint


def test_profile_csv_digests_are_of_the_stored_bytes(movies: Path) -> None:
    profile, data = profile_csv(movies), movies.read_bytes()
    assert profile.size_bytes == len(data)
    assert profile.mtime_ns == movies.stat().st_mtime_ns
    assert profile.sha256 == hashlib.sha256(data).hexdigest()
    assert profile.crc64nvme == base64.b64encode(crc64nvme(data).to_bytes(8, "big")).decode()


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_profile_csv_compressed_file_is_profiled_by_content_and_digested_as_stored(
    tmp_path: Path, movies: Path, suffix: str, pack: object
) -> None:
    packed = pack(movies.read_bytes()[:30]) + pack(movies.read_bytes()[30:])  # type: ignore[operator]
    path = write(tmp_path / f"movies.csv{suffix}", packed)
    profile = profile_csv(path)
    assert profile.columns == profile_csv(movies).columns
    assert profile.size_bytes == len(packed)
    assert profile.sha256 == hashlib.sha256(packed).hexdigest()


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_profile_csv_damaged_compression_is_rejected(tmp_path: Path, movies: Path, suffix: str) -> None:
    pack = {".gz": gzip.compress, ".zst": zstandard.compress}[suffix]
    with pytest.raises(CsvRejected, match="decompressed"):
        profile_csv(write(tmp_path / f"cut.csv{suffix}", pack(os.urandom(100_000))[:-200]))
    with pytest.raises(CsvRejected, match="decompressed"):
        profile_csv(write(tmp_path / f"plain.csv{suffix}", movies.read_bytes()))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"\n\n\r\n", "nothing but blank lines"),
        (b"\xef\xbb\xbf", "nothing but blank lines"),
        (b"PK\x03\x04\x14\x00\x06\x00data.csv", "a ZIP archive"),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00[Content_Types].xml", "an Excel workbook"),
        (b"PK\x03\x04\x14\x00mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "an OpenDocument spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an Excel workbook"),
        (b"PAR1\x15\x04\x15" + bytes(100), "a Parquet file"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"\n<!DOCTYPE html>\n<html><body>404</body></html>", "an HTML page"),
        (b"\xef\xbb\xbf<html lang='pt'>", "an HTML page"),
        (b'<?xml version="1.0"?><a/>', "an XML document"),
        (b'[{"id": 1, "name": "x"}]', "a JSON document"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "gzip-compressed"),
        (zstandard.compress(b"a,b\n1,2\n"), "Zstandard-compressed"),
        (bytes(range(256)) * 40, "a binary file"),
    ],
)
def test_profile_csv_no_csv_is_rejected_with_what_it_is(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(CsvRejected, match=says) as caught:
        profile_csv(write(tmp_path / "file.csv", content))
    assert caught.value.path == tmp_path / "file.csv"
    assert caught.value.remedy
    assert isinstance(caught.value, ValueError)
    assert pickle.loads(pickle.dumps(caught.value)).reason == caught.value.reason


def test_profile_csv_header_that_begins_like_a_binary_format_is_read(tmp_path: Path) -> None:
    assert profile_csv(write(tmp_path / "f.csv", "ORC,PAR1\n1,2\n")).shape == (1, 2)
    assert profile_csv(write(tmp_path / "g.csv", "PAR1,ORC\n1,2\n")).shape == (1, 2)


@pytest.mark.parametrize("rows", [1, 2, 50_000])
def test_profile_csv_ragged_row_is_rejected_with_its_line(tmp_path: Path, rows: int) -> None:
    path = write(tmp_path / "ragged.csv", 'a,b\n\n1,"x\ny"\n3,4\n5,6,7\n8,9\n')
    with pytest.raises(CsvRejected, match="3 fields where 2 are expected") as caught:
        profile_csv(path, chunk_rows=rows)
    assert (caught.value.line, caught.value.delimiter, caught.value.encoding) == (6, ",", "utf-8")


def test_profile_csv_lines_above_the_header_are_left_out_and_told(tmp_path: Path) -> None:
    table = "mes;valor;nota\n" + "jan;1,5;x\n" * 9
    profile = profile_csv(write(tmp_path / "notes.csv", "Gastos de 2020\nem reais\n" + table))
    assert (profile.shape, profile.recipe["skiprows"]) == ((9, 3), 2)
    assert "2 lines stand above the table: its header is on line 3." in profile.hints


def test_profile_csv_line_for_excel_is_hinted_at(tmp_path: Path) -> None:
    profile = profile_csv(write(tmp_path / "excel.csv", "sep=;\na;b\n1;2\n"))
    assert profile.delimiter == ";"
    assert any("for Excel alone" in hint for hint in profile.hints)


def test_profile_csv_columns_aligned_with_blanks_are_hinted_at(tmp_path: Path) -> None:
    text = "".join(f"{1700 + n}   {n * 7 % 60:2}  {n}.5\n" for n in range(40))
    assert any("aligned with several blanks" in hint for hint in profile_csv(write(tmp_path / "f.csv", text)).hints)


def test_profile_csv_quotes_escaped_by_backslashes_are_hinted_at(tmp_path: Path) -> None:
    text = 'id,said\n1,"he said \\"no\\" twice"\n2,"x"\n'
    assert any("escaped with a backslash" in hint for hint in profile_csv(write(tmp_path / "f.csv", text)).hints)


def test_profile_csv_dialect_that_is_stated_is_used_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "a,b;c\n1,5;2\n".encode("cp1252"))
    profile = profile_csv(path, CsvDialect(delimiter=",", encoding="cp1252", decimal=".", quotechar="'"))
    assert [column.name for column in profile.columns] == ["a", "b;c"]
    assert (profile.delimiter, profile.encoding, profile.decimal, profile.quotechar) == (",", "cp1252", ".", "'")
    assert profile.hints == ()


@pytest.mark.parametrize("rows", [1, 3, 50_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_profile_csv_unclosed_quote_is_rejected_with_the_line_where_it_opens(
    tmp_path: Path, rows: int, end: str
) -> None:
    text = 'a,b\n1,"ok\nok"\n2,"open\n' + "3,4\n" * 50
    path = write(tmp_path / "open.csv", text.replace("\n", end))
    with pytest.raises(CsvRejected, match="does not close before the end of the file") as caught:
        profile_csv(path, chunk_rows=rows)
    assert caught.value.line == 4


def test_profile_csv_one_field_more_than_the_header_is_pandas_shape_with_a_hint(tmp_path: Path) -> None:
    path = write(tmp_path / "index.csv", "a,b\nx,1,2\ny,3,4\nz,5,6\n")
    for rows in (1, 50_000):
        profile = profile_csv(path, chunk_rows=rows)
        assert profile.shape == pd.read_csv(path).shape == (3, 2)
        assert any("as the index" in hint for hint in profile.hints)


def test_profile_csv_header_only_is_zero_rows(tmp_path: Path) -> None:
    for name, content in (("a.csv", "a,b,a\n"), ("b.csv", "a,b,a")):
        profile = profile_csv(write(tmp_path / name, content))
        assert profile.shape == (0, 3)
        assert [(c.name, c.dtype, c.non_null) for c in profile.columns] == [
            ("a", "object", 0),
            ("b", "object", 0),
            ("a.1", "object", 0),
        ]


@pytest.mark.parametrize(
    "content", ["a,b\r1,2\r3,4\r", "a,b\r\n1,2\r\n3,4", "\n\na,b\n\n1,2\n  \n3,4\n\n\n", "a,b\n1,2\n3,4"]
)
def test_profile_csv_line_ends_and_blank_lines_are_read_as_pandas_does(tmp_path: Path, content: str) -> None:
    for rows in (1, 50_000):
        assert profile_csv(write(tmp_path / "f.csv", content), chunk_rows=rows).shape == (2, 2)


def test_profile_csv_nul_bytes_are_a_hint(tmp_path: Path) -> None:
    profile = profile_csv(write(tmp_path / "nul.csv", b"a,b\n1,x\x00y\n2,z\n" * 3))
    assert any("3 NUL bytes" in hint for hint in profile.hints)


def test_profile_csv_one_megabyte_field_is_read(tmp_path: Path) -> None:
    big = "word, \n" * 150_000
    profile = profile_csv(write(tmp_path / "big.csv", f'a,b\n1,"{big}"\n2,x\n'), chunk_rows=1)
    assert profile.shape == (2, 2)


def test_profile_csv_five_thousand_columns_are_read(tmp_path: Path) -> None:
    row = ",".join(map(str, range(5_000)))
    profile = profile_csv(write(tmp_path / "wide.csv", "\n".join([row] * 4)))
    assert profile.shape == (3, 5_000)


def test_profile_csv_missing_file_is_source_not_found(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        profile_csv(tmp_path / "none.csv")


@pytest.mark.unprivileged
def test_profile_csv_unreadable_file_is_source_unreadable(tmp_path: Path) -> None:
    path = write(tmp_path / "secret.csv", "a\n1\n")
    path.chmod(0)
    with pytest.raises(SourceUnreadable, match="permission denied"):
        profile_csv(path)


@pytest.mark.parametrize("change", ["grow", "shrink", "touch"])
def test_profile_csv_file_that_changes_while_it_is_read_is_source_changed(tmp_path: Path, change: str) -> None:
    path = write(tmp_path / "growing.csv", "a,b\n" + "1,2\n" * 200_000)
    done = []

    def meddle(done_bytes: int, total_bytes: int) -> None:
        if not done:
            if change == "grow":
                with path.open("a") as file:
                    file.write("3,4\n")
            elif change == "shrink":
                os.truncate(path, 600_000)
            else:
                os.utime(path, (1, 1))
        done.append(done_bytes)

    with pytest.raises(SourceChanged, match="still being written"):
        profile_csv(path, progress=meddle)


def test_profile_csv_progress_ends_at_the_file_size(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "a,b\n" + "1,2\n" * 200_000)
    calls: list[tuple[int, int]] = []
    profile_csv(path, progress=lambda done, total: calls.append((done, total)))
    assert calls == sorted(calls)
    assert len(calls) > 2
    assert calls[-1] == (path.stat().st_size, path.stat().st_size)


@pytest.mark.parametrize(
    "dialect",
    [CsvDialect(delimiter="||"), CsvDialect(delimiter="\n"), CsvDialect(encoding="utf-9"), CsvDialect(quotechar="«")],
)
def test_profile_csv_dialect_that_is_none_is_a_settings_error(movies: Path, dialect: CsvDialect) -> None:
    with pytest.raises(SettingsError):
        profile_csv(movies, dialect)


def test_format_profile_prints_like_dataframe_info(movies: Path) -> None:
    text = format_profile(profile_csv(movies))
    assert "movies.csv: 3 rows x 4 columns" in text
    assert "\n3  notaMedia           2 non-null  float64" in text
    assert "dtypes: float64(1), str(3)" in text
    assert "hint: " in text
