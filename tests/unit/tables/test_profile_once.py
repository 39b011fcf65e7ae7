"""The one pass: each byte of a file is read once, and memory stays bounded whatever the file holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flows.lake.errors import CsvRejected
from flows.lake.tables.profile import profile_csv

REPOSITORY = Path(__file__).parents[3]


def read_calls(path: Path) -> tuple[int, int]:
    """Return how often a process opened the file, and how many bytes it read from it, as its own audit and OS say."""
    program = """
import os, sys
from pathlib import Path
from flows.lake.tables.profile import profile_csv
import pandas, chardet
warm = Path(sys.argv[1]).with_suffix(".warm.csv")
warm.write_text("a,b\\n1,x\\n,y\\n"); profile_csv(warm)
opened = []
def hear(event, args):
    if event == "open" and str(args[0]) == sys.argv[1]:
        opened.append(event)
sys.addaudithook(hear)
def read_bytes():
    return int(Path("/proc/self/io").read_text().split()[1])
before = read_bytes(); own = read_bytes() - before
before = read_bytes()
profile_csv(sys.argv[1])
print(len(opened), read_bytes() - before - own)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    opened, read = done.stdout.split()
    return int(opened), int(read)


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts a process's reads")
def test_profile_csv_file_is_opened_once_and_its_bytes_read_once(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    hard = "1,,9223372036854775808,-0\n2,1.0,18446744073709551616,0\n" * 100_000
    path.write_text("a,b,c,d\n" + hard, encoding="utf-8")
    opened, read = read_calls(path)
    assert opened == 1
    size = path.stat().st_size
    assert size <= read < size + 2_000


PEAK = r"""
import re, sys
from pathlib import Path
from flows.lake.tables.profile import profile_csv
from flows.lake.errors import CsvRejected
try:
    profile_csv(sys.argv[1])
    print("read")
except CsvRejected as error:
    print(error.line)
# Not ru_maxrss, which a process inherits from the one that started it.
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def peak_mb(path: Path) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    said, peak = done.stdout.split()
    return said, int(peak)


def test_profile_csv_unclosed_quote_in_a_large_file_is_plain_text_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "open.csv"
    row = b"12345,some text that is long enough,2020-01-01\n"
    with path.open("wb") as file:
        file.write(b"id,text,day\n" + row * 1_000 + b'1,"never closed,2020-01-01\n')
        for _ in range(200):
            file.write(row * 20_000)
    said, peak = peak_mb(path)
    assert said == "read"
    assert peak < 220


@pytest.mark.parametrize("line", [b"1\n", b"abcdefgh%d,%d\n", b'"a,b",2\n'])
def test_profile_csv_memory_does_not_grow_with_the_file(tmp_path: Path, line: bytes) -> None:
    peaks = []
    for times in (2, 6):
        path = tmp_path / f"{times}.csv"
        with path.open("wb") as file:
            file.write(b"a,b\n")
            for _ in range(times):
                if b"%" in line:
                    file.write(b"".join(line % (n, n) for n in range(300_000)))
                else:
                    file.write(line * (6_000_000 // len(line)))
        peaks.append(peak_mb(path)[1])
    assert peaks[1] < 1.15 * peaks[0]


@pytest.mark.parametrize("cell", [b"", b"ab"])
def test_profile_csv_wide_table_of_short_cells_has_bounded_memory(tmp_path: Path, cell: bytes) -> None:
    path, columns = tmp_path / "wide.csv", 3_000
    row = b",".join([cell] * columns) + b"\n"
    with path.open("wb") as file:
        file.write(b",".join(b"c%d" % n for n in range(columns)) + b"\n")
        for _ in range(20_000_000 // len(row)):
            file.write(row)
    assert peak_mb(path)[1] < 220


def test_profile_csv_record_larger_than_the_limit_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    path.write_bytes(b'a,b\n1,"' + b"x" * (17 * 1024 * 1024) + b'"\n')
    with pytest.raises(CsvRejected, match="next 16 MB") as caught:
        profile_csv(path)
    assert caught.value.line == 2
