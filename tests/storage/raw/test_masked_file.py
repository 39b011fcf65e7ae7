"""A masked file while it lives: where it lies, who may read it, and what is left of it afterwards, also by kill -9."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flows.lake.errors import MaskingFailed, MaskingKeyMissing, SourceChanged
from flows.lake.masking_rules import MaskingRules
from flows.lake.models import CsvDialect, FileContract, SourceFile
from flows.lake.raw.masked_file import Landing, keep_original, masked_file, no_keys
from flows.lake.s3.content import Content
from tests.storage.conftest import Lake
from tests.tools.rules import RULES

MARKER = "Zyxwvut"


def source(path: Path, data: bytes, rules: dict[str, str] | None = None, **stated: Any) -> SourceFile:
    path.write_bytes(data)
    contract = FileContract(mask=MaskingRules.parse(rules or {"name": "redact"}))
    info = path.stat()
    dialect = CsvDialect(**stated)
    return SourceFile(path, "D", "k", info.st_size, RULES, dialect, contract, info.st_mtime_ns, root=path.parent)


def test_masked_file_is_for_its_user_alone_and_goes_however_the_block_ends(tmp_path: Path) -> None:
    file = source(tmp_path / "a.csv", f"id,name\n1,{MARKER}\n".encode())
    for trouble in (None, RuntimeError("in the block")):
        with contextlib.suppress(RuntimeError), masked_file(file, no_keys) as (local, _):
            assert local.path.read_bytes() == b"id,name\n1,REDACTED\n"
            assert local.path.stat().st_mode & 0o777 == 0o600
            assert local.path.parent.stat().st_mode & 0o777 == 0o700
            assert (local.path.name, local.path.stat().st_mtime_ns) == ("a.csv", file.mtime_ns)
            if trouble:
                raise trouble
        assert not local.path.parent.exists()


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_original_is_kept_by_what_was_read_while_it_was_masked_and_refused_when_it_changed_since(
    lake: Lake, tmp_path: Path
) -> None:
    file = replace(source(tmp_path / "a.csv", b"id,name\n1,x\n"), key="Raw/Local/CSV/D/2024/03/05/a.csv")
    with masked_file(file, no_keys) as (_, content):
        pass
    assert content == Content.of_chunks([b"id,name\n1,x\n"])
    file.path.write_bytes(b"id,name\n1,y\n")
    with pytest.raises(SourceChanged):
        keep_original(file, Landing(lake.whole), content)
    assert lake.keys() == []
    file.path.write_bytes(b"id,name\n1,x\n")
    assert keep_original(file, Landing(lake.whole), content) == "Landing/Local/CSV/D/2024/03/05/a.csv"


def test_masked_file_by_a_keyed_rule_without_a_key_is_refused(tmp_path: Path) -> None:
    file = source(tmp_path / "a.csv", b"id,name\n1,x\n", {"name": "hash"})
    with pytest.raises(MaskingKeyMissing), masked_file(file, no_keys):
        pass


def test_masked_file_whose_first_foreign_letters_come_late_is_read_by_their_encoding(tmp_path: Path) -> None:
    rows = "1,x\n" * 100_000 + "2,São João\n"
    file = source(tmp_path / "a.csv", f"id,name\n{rows}".encode("cp1252"), {"name": "first:3"})
    with masked_file(file, no_keys) as (local, _):
        assert local.path.read_bytes().endswith("2,São\n".encode("cp1252"))


@pytest.mark.parametrize(
    ("data", "stated", "told"),
    [
        (b"id;name\n1;x\n", {"escapechar": "\\"}, "escapes its quotes"),
        (b"id;name\n1;x\n", {"comment": "#"}, "has comments"),
        (b"1;x\n2;y\n", {"header": False, "names": ("id", "name")}, "no line of the file names its columns"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), {}, "not CSV"),
        (b"", {}, "it is empty"),
        (b"id,name\n1,\xff\n", {"encoding": "utf-8"}, "rule name=redact"),
    ],
)
def test_masked_file_that_is_not_certain_is_refused(
    tmp_path: Path, data: bytes, stated: dict[str, Any], told: str
) -> None:
    file = source(tmp_path / "a.csv", data, **stated)
    with pytest.raises(MaskingFailed, match=told) as raised, masked_file(file, no_keys):
        pass
    error: BaseException | None = raised.value
    while error is not None:  # an error of decoding holds the bytes
        assert not isinstance(error, UnicodeError)
        error = error.__cause__ or error.__context__


KILLED = """
import os, signal, sys
from pathlib import Path
from flows.lake.landing import mask_file
from flows.lake.raw.masked_file import masked_file, no_keys
from tests.storage.raw.test_masked_file import source

whole = mask_file.compressed

def cut_off(pieces, compression):
    for number, piece in enumerate(whole(pieces, compression)):
        if sys.argv[2] == "amid" and number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield piece

mask_file.compressed = cut_off
path = Path(sys.argv[1])
with masked_file(source(path, path.read_bytes()), no_keys):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["amid", "after"])
def test_masked_file_of_a_process_that_is_killed_leaves_no_cell_in_clear(tmp_path: Path, when: str) -> None:
    left, path = tmp_path / "tmp", tmp_path / "a.csv"
    left.mkdir()
    path.write_text("id,name\n" + f"1,{MARKER}\n" * 1_000_000)
    command = [sys.executable, "-c", KILLED, str(path), when]
    ended = subprocess.run(command, env={**os.environ, "TMPDIR": str(left)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    (found,) = (one for one in left.rglob("*") if one.is_file())
    data = found.read_bytes()
    assert b"REDACTED" in data
    assert MARKER.encode() not in data
