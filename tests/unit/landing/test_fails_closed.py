"""What cannot be masked for certain is an error that names rule and line, and shows nothing of any cell."""

from __future__ import annotations

import gzip
import io
import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.lake.errors import CsvRejected, MaskingFailed, SettingsError
from flows.lake.landing.mask_file import mask_file, masker_of, unmasker_of
from flows.lake.landing.masker import MAX_RECORD_BYTES
from flows.lake.landing.masking_dialect import MaskingDialect
from flows.lake.landing.masking_key import MaskingKey, MaskingKeys
from flows.lake.landing.methods import Mask
from flows.lake.masking_rules import MaskingRules

KEY = MaskingKey(bytes(range(32)))
MARKER = "Zaratustra"
"""Stands in every cell of a masked column here; no error, log or repr may hold it, nor its first letters."""

METHODS = ["hash", "shape", "encrypt", "redact", "empty", "domain", "year", "month", "first:1", "last:1", "drop"]


def pieces(data: bytes) -> Iterator[bytes]:
    yield from (data[at : at + 1000] for at in range(0, len(data), 1000))


def fails(
    data: bytes, rules: dict[str, str], encoding: str = "utf-8", quotechar: str | None = '"', delimiter: str = ","
) -> MaskingFailed:
    """Mask, and return the error, of which nothing shows the marker."""
    masker = masker_of("people.csv", MaskingDialect(delimiter, encoding, quotechar), MaskingRules.parse(rules), KEY)
    out: list[bytes] = []
    with pytest.raises(MaskingFailed) as caught:
        out.extend(masker.run(pieces(data)))
    assert_silent(caught.value)
    assert MARKER.encode() not in b"".join(out)
    return caught.value


def assert_silent(error: BaseException | None) -> None:
    shown = "".join(traceback.format_exception(error)) if error else ""
    while error is not None:
        shown += f"{error!r} {error.args!r} {vars(error)!r}"
        assert not isinstance(error, UnicodeError), "it holds the bytes it could not decode"
        shown += str(pickle.dumps(error)) if isinstance(error, MaskingFailed) else ""
        error = error.__cause__ or error.__context__
    assert MARKER[:5] not in shown


@pytest.mark.parametrize("method", METHODS)
def test_absent_column_is_an_error_of_its_rule(method: str) -> None:
    error = fails(f"CPF,nome\n{MARKER},x\n".encode(), {"e-mail": method})
    assert str(error).startswith(f"people.csv, line 1, rule e-mail={method}: the header has no such column.")
    assert (error.rule, error.line) == (f"e-mail={method}", 1)


def test_renamed_column_in_other_letters_is_named_as_such() -> None:
    error = fails(f"x, CPF\n1,{MARKER}\n".encode(), {"cpf": "hash"})
    assert "in other letters or with blanks" in str(error)


def test_doubled_column_is_an_error_and_blank_lines_count() -> None:
    error = fails(f"\n\ncpf,cpf\n{MARKER},{MARKER}\n".encode(), {"cpf": "hash"})
    assert "line 3, rule cpf=hash: the header has the column 2 times." in str(error)


def test_file_without_a_header_shows_no_name_since_it_is_data() -> None:
    assert "no such column" in str(fails(f"{MARKER},1\n{MARKER},2\n".encode(), {"cpf": "hash"}))


ROWS = {f"{MARKER}": 1, f"{MARKER},1,2": 3, f"{MARKER},1,": 3, f'"{MARKER}"': 1, f'"{MARKER},1"': 1}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("before", ["", "a,b\n" * 9, '"a\n\r\n",b\n' * 9, "a,b\n" * 1_200_000], ids=len)
@pytest.mark.parametrize("after", ["", "\n", "\nc,d\n"])
def test_row_of_another_width_is_an_error_with_its_line(row: str, before: str, after: str) -> None:
    error = fails(f"cpf,x\n{before}{row}{after}".encode(), {"cpf": "redact"})
    assert error.line == 2 + before.count("\n")
    assert f"rule cpf=redact: this row has {ROWS[row]} fields where 2 are expected" in str(error)


@pytest.mark.parametrize("before", [0, 1, 200_000])
@pytest.mark.parametrize("header", ["nome,CPF,uf", '"nome","CPF","uf"', "nome,CPF,regiao"])
def test_second_header_with_the_column_at_another_place_is_an_error_with_its_line(before: int, header: str) -> None:
    data = "CPF,nome,uf\n" + f"{MARKER},x,SP\n" * before + f"{header}\nx,{MARKER},SP\n"
    error = fails(data.encode(), {"CPF": "hash"})
    assert str(error).startswith(
        f"people.csv, line {before + 2:,}, rule CPF=hash: a second header has the column at another place."
    )


def test_second_header_with_a_quote_in_a_name_is_an_error() -> None:
    data = f'"C""PF",nome\n{MARKER},x\nnome,"C""PF"\nx,{MARKER}\n'
    assert fails(data.encode(), {'C"PF': "hash"}).line == 3


@pytest.mark.parametrize("row", ["CPF,nome,uf", "x,CPF,SP", "x,CPF do pai,SP", ",,CPF"])
def test_header_again_as_it_was_and_cells_that_say_a_column_s_name_are_rows(row: str) -> None:
    masker = masker_of("p.csv", MaskingDialect(",", "utf-8", '"'), MaskingRules.parse({"CPF": "redact"}), KEY)
    out = b"".join(masker.run(pieces(f"CPF,nome,uf\n1,a,SP\n{row}\n2,b,RJ\n".encode())))
    assert out.count(b"\n") == 4


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_lines_are_counted_whichever_way_they_end(end: str) -> None:
    assert fails(f"cpf,x{end}1,2{end}{end}{MARKER}{end}".encode(), {"cpf": "hash"}).line == 4


def test_quote_that_never_closes_is_an_error_with_its_line() -> None:
    error = fails(f'cpf,x\n1,2\n"{MARKER},3\n{MARKER},4\n'.encode(), {"cpf": "hash"})
    assert error.line == 3
    assert "never closes" in str(error)


def test_record_that_grows_without_end_is_an_error_and_not_all_of_memory() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        yield b'cpf,x\n1,2\n"'
        while True:
            read += 1_000_000
            yield MARKER.encode() * 100_000

    masker = masker_of("people.csv", MaskingDialect(",", "utf-8"), MaskingRules.parse({"cpf": "hash"}), KEY)
    with pytest.raises(MaskingFailed, match=r"line 3, .*never closes") as caught:
        list(masker.run(endless()))
    assert_silent(caught.value)
    assert read < 3 * MAX_RECORD_BYTES


@pytest.mark.parametrize("cell", [f'"{MARKER}" x', f'"a" "{MARKER}"', f'"{MARKER}"b"'])
def test_quoted_cell_that_goes_on_is_an_error_since_readers_differ(cell: str) -> None:
    for rows in (0, 2, 20_000):
        text = "cpf,x\n" + "1,2\n" * rows + f"3,{cell}\n4,5\n"
        error = fails(text.encode(), {"cpf": "hash"})
        assert error.line == rows + 2
        assert "goes on after its closing quote" in str(error)


@pytest.mark.parametrize("method", [one for one in METHODS if one != "drop"])
def test_undecodable_cell_is_an_error_with_its_line_and_no_byte_of_it(method: str) -> None:
    data = f"x,cpf\n1,a\n2,{MARKER}".encode() + b"\xe9\n3,b\n"
    error = fails(data, {"cpf": method})
    assert f"line 3, rule cpf={method}: a cell of the column is not valid utf-8." in str(error)
    assert "xe9" not in str(error)


def test_undecodable_cell_of_another_column_is_no_concern_of_the_rule() -> None:
    masker = masker_of("x", MaskingDialect(",", "utf-8"), MaskingRules.parse({"a": "redact"}))
    assert b"".join(masker.run([b"a,b\n1,\xe9\n"])) == b"a,b\nREDACTED,\xe9\n"


@pytest.mark.parametrize("encoding", ["utf-16", "shift_jis", "gb18030"])
def test_undecodable_text_in_a_wide_encoding_is_an_error(encoding: str) -> None:
    good = f"cpf,x\n{MARKER},1\n".encode(encoding)
    error = fails(good + b"\x81" if encoding != "utf-16" else good + b"\x00\xd8\n\x00", {"cpf": "hash"}, encoding)
    assert encoding in str(error)


def test_text_that_would_not_come_back_as_it_was_is_an_error() -> None:
    # Two codes of Windows-932 mean one character.
    data = b"cpf,x\n" + MARKER.encode() + b",\x87\x90\n"
    assert data.decode("cp932").encode("cp932") != data
    assert "two spellings" in str(fails(data, {"cpf": "hash"}, "cp932"))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b" \n\t"])
def test_file_without_a_header_line_is_an_error(data: bytes) -> None:
    assert "there is no header" in str(fails(data, {"cpf": "hash"}))


def test_all_columns_dropped_is_an_error() -> None:
    assert "nothing is left" in str(fails(b"a,b\n1,2\n", {"a": "drop", "b": "drop"}))


def test_error_that_nobody_foresaw_says_its_kind_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = MaskingRules.parse({"cpf": "year"})
    masker = masker_of("people.csv", MaskingDialect(",", "utf-8"), rules)
    monkeypatch.setattr(masker, "_masks", {"cpf": Mask(lambda text: str(int(text)))})
    with pytest.raises(MaskingFailed, match=r"line 2, rule cpf=year: the method failed \(ValueError\)") as caught:
        list(masker.run([f"cpf\n{MARKER}\n".encode()]))
    assert_silent(caught.value)


def test_unmask_of_what_is_not_encrypted_is_an_error() -> None:
    masker = unmasker_of("people.csv", MaskingDialect(",", "utf-8"), ["cpf"], MaskingKeys(KEY))
    with pytest.raises(MaskingFailed, match=r"line 3, rule cpf=unmask") as caught:
        list(masker.run([f"cpf,x\nNA,1\n{MARKER},2\n".encode()]))
    assert_silent(caught.value)


@pytest.mark.parametrize("method", ["hash", "shape", "encrypt"])
def test_keyed_method_without_a_key_never_starts(method: str) -> None:
    with pytest.raises(SettingsError, match=f"{method} needs a key.*register masking-key"):
        masker_of("x", MaskingDialect(",", "utf-8"), MaskingRules.parse({"cpf": method}), None)


@pytest.mark.parametrize("signs", [("", '"'), (";;", '"'), ("\n", '"'), ("é", '"'), (",", "''"), ("|", "|")])
def test_signs_that_cut_nothing_for_certain_are_refused(signs: tuple[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"not one ASCII character|both delimiter and quotechar"):
        MaskingDialect(signs[0], "utf-8", signs[1])


def test_cut_off_gzip_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "people.csv.gz"
    path.write_bytes(gzip.compress(f"cpf\n{MARKER}\n".encode() * 1000)[:-9])
    masker = masker_of(path, MaskingDialect(",", "utf-8"), MaskingRules.parse({"cpf": "hash"}), KEY)
    with pytest.raises(CsvRejected, match="cannot be decompressed") as caught:
        mask_file(path, io.BytesIO(), masker)
    assert_silent(caught.value)


def test_nothing_of_a_cell_is_shown_by_what_masks_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    masker = masker_of("x", MaskingDialect(",", "utf-8"), MaskingRules.parse({"cpf": "hash"}), KEY)
    list(masker.run([f"cpf\n{MARKER}\n".encode()]))
    shown = f"{masker!r} {masker._columns!r} {masker._columns[0][1]._known!r} {masker.columns()!r} {caplog.text}"
    assert MARKER not in shown
