"""The masker changes the cells of the columns that have rules, and not one byte beside them."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flows.lake.errors import MaskingFailed
from flows.lake.landing import cell_forms
from flows.lake.landing import masker as masker_module
from flows.lake.landing.mask_file import compressed, mask_file, masker_of, unmasker_of
from flows.lake.landing.masking_dialect import MaskingDialect
from flows.lake.landing.masking_key import MaskingKey, MaskingKeys
from flows.lake.masking_rules import MaskingRules, MissingMarkers
from flows.lake.tables.text_cells import MISSING
from flows.lake.units import KIB

KEY = MaskingKey(bytes(range(32)))
UTF8 = MaskingDialect(",", "utf-8")


def mask(
    data: bytes,
    rules: dict[str, str],
    dialect: MaskingDialect = UTF8,
    *,
    missing: tuple[str, ...] = MISSING,
    own: dict[str, frozenset[str]] | None = None,
    piece: int = 1 << 18,
) -> bytes:
    markers = MissingMarkers(frozenset(missing), own or {})
    run = masker_of("people.csv", dialect, MaskingRules.parse(rules), KEY, markers)
    return b"".join(run.run(data[at : at + piece] for at in range(0, len(data), piece)))


def unmask(data: bytes, columns: list[str], dialect: MaskingDialect = UTF8, keys: MaskingKeys | None = None) -> bytes:
    return b"".join(unmasker_of("people.csv", dialect, columns, keys or MaskingKeys(KEY)).run([data]))


# The reference: pandas' rules of cutting, one sign at a time.


def cut(text: str, delimiter: str, quote: str | None) -> Iterator[list[str]]:
    """Yield the records of a text as pieces: cell, what ends it, cell, what ends it, ..."""
    record, cell, at, state = [], "", 0, "start"
    while at < len(text):
        sign = text[at]
        if state == "quoted":
            cell += sign
            if sign == quote:
                if text[at + 1 : at + 2] == quote:
                    cell += quote
                    at += 1
                else:
                    state = "plain"
        elif sign == quote and state == "start":
            cell, state = cell + sign, "quoted"
        elif sign == delimiter or sign in "\r\n":
            end = "\r\n" if text[at : at + 2] == "\r\n" else sign
            at += len(end) - 1
            record += [cell, end]
            cell, state = "", "start"
            if end != delimiter:
                yield record
                record = []
        else:
            cell, state = cell + sign, "plain"
        at += 1
    if record or cell:
        yield [*record, cell, ""]


def masked_by_reference(text: str, columns: set[int], delimiter: str, quote: str | None) -> str:
    """Redact columns of a text, the first record of which is the header."""
    out, header = [], True
    for record in cut(text, delimiter, quote):
        cells = record[0::2]
        if len(cells) == 1 and not cells[0].strip(" \t"):
            pass
        elif header:
            header = False
        else:
            for column in columns:
                cell = cells[column]
                quoted = quote is not None and cell[:1] == quote
                value = cell[1:-1].replace(f"{quote}{quote}", str(quote)) if quoted else cell
                if value not in MISSING:
                    record[2 * column] = f"{quote}REDACTED{quote}" if quoted else "REDACTED"
        out += record
    return "".join(out)


def read(data: bytes) -> pd.DataFrame:
    """Return what pandas reads, every cell as its text."""
    return pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, index_col=False)


ANY = st.text(st.sampled_from('ab ,,""\n\n'), max_size=40)
CELL = st.text(st.sampled_from('ab ""'), max_size=5)
PIECES = st.integers(1, 50)


@settings(max_examples=400, deadline=None)
@given(st.one_of(ANY, st.lists(st.tuples(CELL, CELL).map(",".join), max_size=6).map("\n".join)), st.booleans(), PIECES)
def test_any_text_is_refused_or_masked_as_pandas_cuts_it(body: str, returns: bool, piece: int) -> None:
    """Whatever the text is: no reader finds a cell of the column in clear, and the other columns read as before."""
    data = f"x,y\n{body}".replace("\n", "\r\n" if returns else "\n").encode()
    try:
        masked = mask(data, {"y": "redact"}, piece=piece)
    except MaskingFailed:
        return
    before, after = read(data), read(masked)
    assert set(after["y"]) <= {"REDACTED", *MISSING}
    assert list(after["x"]) == list(before["x"])
    assert [text in MISSING for text in before["y"]] == [text in MISSING for text in after["y"]]


def values(text: str) -> list[list[str]]:
    """Return what the cells of each row say; pandas swallows a delimiter after a blank line that ends in a return."""
    rows = [record[0::2] for record in cut(text, ",", '"')]
    rows = [row for row in rows if len(row) > 1 or row[0].strip(" \t")]
    return [[cell[1:-1].replace('""', '"') if cell[:1] == '"' else cell for cell in row] for row in rows]


PLAIN = st.text(st.sampled_from('ab é日\'""\\;|-0'), max_size=8)
INSIDE = st.text(st.sampled_from('ab é日,;"\r\n\t'), max_size=6)
MISSES = st.sampled_from(["", "NA", "null"])


@st.composite
def files(draw: st.DrawFn, quote: str | None = '"') -> tuple[str, int]:
    """Return a well-formed text and its width: any line ends, blank lines, quoting as each cell likes it."""
    width = draw(st.integers(1, 4))
    ends = draw(st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r\n", "\r"]]))

    def cell() -> str:
        quoted = quote is not None and draw(st.booleans())
        value = draw(st.one_of(INSIDE if quoted else PLAIN.map(lambda text: text.replace(",", "")), MISSES))
        if quoted:
            return f"{quote}{value.replace(quote or '', f'{quote}{quote}')}{quote}"
        return f"a{value}" if quote is not None and value.startswith(quote) else value

    rows = [",".join(f"c{column}" for column in range(width))]
    for _ in range(draw(st.integers(0, 8))):
        row = ",".join(cell() for _ in range(width))
        rows.append(row)
        if draw(st.integers(0, 5)) == 0:
            rows.append(draw(st.sampled_from(["", " ", "\t "])))
    text = "".join(row + draw(st.sampled_from(ends)) for row in rows)
    if draw(st.booleans()):
        text = text.rstrip("\r\n")
    # A carriage return next to a line feed of the next line would be one line end.
    assume("\r\n" in ends or "\r\n" not in text or "\n" not in ends or "\r" not in ends)
    return text, width


@settings(max_examples=200, deadline=None)
@given(files(), st.data())
def test_masked_bytes_are_those_of_the_reference_and_the_rest_is_untouched(
    made: tuple[str, int], data: st.DataObject
) -> None:
    text, width = made
    columns = data.draw(st.sets(st.integers(0, width - 1), min_size=1))
    expected = masked_by_reference(text, columns, ",", '"')
    rules = {f"c{column}": "redact" for column in columns}
    assert mask(text.encode(), rules, piece=data.draw(st.integers(1, 40))).decode() == expected


@settings(max_examples=100, deadline=None)
@given(files(quote=None), st.data())
def test_masked_bytes_of_a_file_without_quotes_are_those_of_the_reference(
    made: tuple[str, int], data: st.DataObject
) -> None:
    text, width = made
    column = data.draw(st.integers(0, width - 1))
    expected = masked_by_reference(text, {column}, ",", None)
    assert mask(text.encode(), {f"c{column}": "redact"}, MaskingDialect(",", "utf-8", None)).decode() == expected


@settings(max_examples=80, deadline=None)
@given(files(), st.data())
def test_small_windows_and_blocks_give_the_same_bytes(made: tuple[str, int], data: st.DataObject) -> None:
    text, width = made
    rules = {f"c{width - 1}": "hash"}
    expected = mask(text.encode(), rules)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(masker_module, "BLOCK_BYTES", data.draw(st.integers(1, 30)))
        patched.setattr(masker_module, "_SMALL_WINDOW", data.draw(st.integers(1, 9)))
        patched.setattr("flows.lake.landing.cells._WALK_BYTES", data.draw(st.integers(1, 9)))
        assert mask(text.encode(), rules, piece=3) == expected


@settings(max_examples=200, deadline=None)
@given(files(), st.sampled_from(["hash", "encrypt"]))
def test_the_way_by_bytes_gives_what_the_way_by_text_does(made: tuple[str, int], method: str) -> None:
    text, width = made
    rules = {f"c{column}": method for column in range(width)}
    by_bytes = mask(text.encode(), rules)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cell_forms.CellForms, "takes_all", lambda self, signs: False)
        assert mask(text.encode(), rules) == by_bytes


@settings(max_examples=80, deadline=None)
@given(files(), st.data())
def test_unmask_gives_back_what_encrypt_closed_byte_for_byte(made: tuple[str, int], data: st.DataObject) -> None:
    text, width = made
    columns = [f"c{column}" for column in data.draw(st.sets(st.integers(0, width - 1), min_size=1))]
    closed = mask(text.encode(), dict.fromkeys(columns, "encrypt"))
    assert unmask(closed, columns) == text.encode()


@settings(max_examples=80, deadline=None)
@given(files(), st.data())
def test_dropped_columns_are_gone_and_the_others_read_as_before(made: tuple[str, int], data: st.DataObject) -> None:
    text, width = made
    assume(width > 1)
    gone = data.draw(st.sets(st.integers(0, width - 1), min_size=1, max_size=width - 1))
    left = mask(text.encode(), {f"c{column}": "drop" for column in gone})

    expected = [[cell for column, cell in enumerate(row) if column not in gone] for row in values(text)]
    assert values(left.decode()) == expected


@pytest.mark.parametrize(
    "gone", [["a"], ["b"], ["d"], ["a", "b"], ["c", "d"], ["a", "d"], ["b", "c"], ["a", "b", "c"], ["b", "c", "d"]]
)
def test_dropped_columns_take_one_delimiter_each(gone: list[str]) -> None:
    data = b"a,b,c,d\r\n1,2,3,4\r\n,,,\r\n5,6,7,8"
    left = [name for name in "abcd" if name not in gone]
    rows = [dict(zip("abcd", line, strict=True)) for line in csv.reader(io.StringIO(data.decode()))]
    expected = "\r\n".join(",".join(row[name] for name in left) or '""' for row in rows)
    assert mask(data, dict.fromkeys(gone, "drop")).decode() == expected


def test_stray_quotes_outside_the_edges_of_cells_are_signs_like_any_other() -> None:
    rows = ['a "b" c,5" pipe,x', '"q,q",1" ,"y ""z"" "', 'm,n",o"'] * 3000
    data = "\n".join(["one,two,three", *rows]).encode()
    masked = mask(data, {"one": "redact", "three": "redact"}).decode().split("\n")
    assert masked[1:4] == ['REDACTED,5" pipe,REDACTED', '"REDACTED",1" ,"REDACTED"', 'REDACTED,n",REDACTED']
    assert masked[1:4] * 3000 == masked[1:]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "cp1252", "iso8859_15", "mac_roman"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_masked_text_keeps_encoding_mark_and_line_ends(encoding: str, end: str) -> None:
    text = end.join(["nome;ação;nº", "José;não;1", "Zoé;;2", ""])
    dialect = MaskingDialect(";", encoding)
    masked = mask(text.encode(encoding), {"ação": "redact", "nome": "first:2"}, dialect, piece=2)
    expected = text.replace("não", "REDACTED").replace("José", "Jo").replace("Zoé", "Zo")
    assert masked == expected.encode(encoding)


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "shift_jis", "gbk", "big5", "cp037", "gb18030", "euc_jp"]
)
def test_masked_text_in_encodings_that_share_bytes_with_the_delimiter(encoding: str) -> None:
    # The second byte of ソ in Shift JIS is a backslash, that of ポ is a bar in other tables.
    text = "id|name\n1|ア\n2|ア\n3|NA\n" if encoding != "cp037" else "id|name\n1|Ana\n2|Bia\n3|NA\n"
    masked = mask(text.encode(encoding), {"name": "redact"}, MaskingDialect("|", encoding), piece=1)
    name = "Ana" if encoding == "cp037" else "ア"
    assert masked == text.replace(name, "REDACTED").replace("Bia", "REDACTED").encode(encoding)


def test_delimiter_inside_a_character_of_shift_jis_cuts_nothing() -> None:
    text = "id\\name\n1\\ソ表\n"
    masked = mask(text.encode("shift_jis"), {"name": "shape"}, MaskingDialect("\\", "shift_jis"))
    assert masked.decode("shift_jis").startswith("id\\name\n1\\")
    assert masked.count(b"\n") == 2
    assert "ソ" not in masked.decode("shift_jis")


def test_lines_above_the_header_stay() -> None:
    data = b"Relatorio;2024\n\n \ncpf;nome\n123;Ana\n"
    masked = mask(data, {"cpf": "redact"}, MaskingDialect(";", "utf-8", header_line=1))
    assert masked == data.replace(b"123", b"REDACTED")


@pytest.mark.parametrize("piece", [1, 7, 1 << 18])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_mask_file_writes_the_same_compressed_bytes_each_time(tmp_path: Path, suffix: str, piece: int) -> None:
    content = b"cpf,nome\n" + b"".join(b"%011d,Ana\n" % number for number in range(5_000))
    packed = {
        "": content,
        ".gz": gzip.compress(content[:400]) + gzip.compress(content[400:]),
        ".zst": zstandard.compress(content),
    }[suffix]
    path = tmp_path / f"people.csv{suffix}"
    path.write_bytes(packed)
    masker = masker_of(path, UTF8, MaskingRules.parse({"cpf": "hash"}), KEY)
    target = io.BytesIO()
    (column,), _ = mask_file(path, target, masker)
    assert (column.column, column.rule, column.masked, column.missing, column.redacted) == ("cpf", "hash", 5_000, 0, 0)
    plain = mask(content, {"cpf": "hash"})
    compression = {"": None, ".gz": "gzip", ".zst": "zstd"}[suffix]
    again = b"".join(compressed((plain[at : at + piece] for at in range(0, len(plain), piece)), compression))
    assert target.getvalue() == again
    unpacked = {
        "": bytes,
        ".gz": gzip.decompress,
        ".zst": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
    }
    assert unpacked[suffix](again) == plain


def peak_bytes(blocks: int) -> int:
    """Return the memory that the masking of so many pieces takes at most, of which nothing is kept."""
    masker = masker_of("x", UTF8, MaskingRules.parse({"cpf": "hash", "nome": "redact"}), KEY)
    block = b"".join(b'%011d,"Ana, da Silva",%d\n' % (number, number) for number in range(3_000))
    tracemalloc.start()
    try:
        for _ in masker.run(itertools.chain([b"cpf,nome,x\n"], itertools.repeat(block, blocks))):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masker_module, "BLOCK_BYTES", 256 * KIB)
    assert peak_bytes(60) < 1.1 * peak_bytes(12)


def test_counts_tell_masked_missing_and_redacted_cells() -> None:
    masker = masker_of("x", UTF8, MaskingRules.parse({"born": "year", "mail": "redact"}), None)
    data = b'born,mail\n1984-12-31,a\nNA,"NA"\nnever,\n"",b\n31/12/1984,REDACTED\n'
    masked = b"".join(masker.run([data]))
    assert masked == b'born,mail\n1984,REDACTED\nNA,"NA"\nREDACTED,\n"",REDACTED\n1984,REDACTED\n'
    born, mail = masker.columns()
    assert (born.masked, born.missing, born.redacted) == (3, 2, 1)
    assert (mail.masked, mail.missing, mail.redacted) == (3, 2, 0)


def test_stated_markers_are_missing_and_stay() -> None:
    assert mask(b"a\n\\N\nx\n", {"a": "redact"}, missing=("", "\\N")) == b"a\n\\N\nREDACTED\n"
    own = {"a": frozenset({"-"})}
    assert mask(b"a,b\n-,-\nx,y\n", {"a": "redact", "b": "redact"}, own=own) == b"a,b\n-,REDACTED\nREDACTED,REDACTED\n"
    assert mask(b"a\n\\N\nx\n", {"a": "redact"}) == b"a\nREDACTED\nREDACTED\n"


def test_masked_text_that_would_be_cut_gets_quotes() -> None:
    dialect = MaskingDialect("a", "utf-8")
    masked = mask(b"onea2\nxxay\n", {"one": "hash"}, dialect).decode()
    assert masked.startswith('onea2\n"')
    assert masked.endswith('"ay\n')
    with pytest.raises(MaskingFailed, match=r"line 2, rule one=hash: the masked cell holds a delimiter"):
        mask(b"onea2\nxxay\n", {"one": "hash"}, MaskingDialect("a", "utf-8", None))


def test_emptied_cells_of_a_lone_column_stay_rows() -> None:
    assert mask(b"a\nx\n\ny", {"a": "empty"}) == b'a\n""\n\n""'
    with pytest.raises(MaskingFailed, match="blank line"):
        mask(b"a\nx\n", {"a": "empty"}, MaskingDialect(",", "utf-8", None))


def test_unmask_opens_what_an_older_key_closed_and_not_what_another_did() -> None:
    data = b'nome,cpf\nAna,111\n"B,ia",NA\n'
    closed = mask(data, {"cpf": "encrypt", "nome": "encrypt"})
    new = MaskingKeys(MaskingKey.generate())
    rotated = MaskingKeys(KEY).rotated(new.current)
    assert unmask(closed, ["nome", "cpf"], keys=rotated) == data
    with pytest.raises(MaskingFailed, match=r"line 2, rule cpf=unmask: no key opens a cell"):
        unmask(closed, ["cpf"], keys=new)
