"""The content of members: every method that is read, and what a damaged or lying member is told."""

from __future__ import annotations

import random
import tracemalloc
import zipfile
import zlib
from collections import deque

import pytest

from flows.lake.archives.content import MemberContent, unread_method
from flows.lake.errors import CsvRejected
from tests.unit.archives.make import CSV, Made, archive, content, entries, opened, random_text, with_zipfile

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [0, 1, 65_536, 300_001])
@pytest.mark.parametrize("kind", ["alike", "random"])
def test_content_of_every_method(method: int, size: int, kind: str) -> None:
    text = b"x" * size if kind == "alike" else random_text(size)
    data = with_zipfile({"a.csv": text, "b.csv": CSV}, method)
    assert content(data) == text
    assert content(data, 1) == CSV


def test_content_read_in_any_pieces() -> None:
    text = random_text(50_000) + b"y" * 200_000 + random_text(1_000)
    data = with_zipfile({"a.csv": text})
    for size in (1_000, 4_096, 65_537, 10**6):
        assert content(data, size=size) == text


def deflated(text: bytes) -> bytes:
    return Made(content=text, method=8).bytes_stored


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (Made(crc=7), "its CRC-32 is [0-9a-f]{8}, and the archive states 00000007"),
        (Made(method=8, crc=7), "its CRC-32 is"),
        (Made(method=8, size=5), "it is larger than the 5 bytes that the archive states"),
        (Made(method=8, size=5, crc=zlib.crc32(CSV[:5])), "it is larger than the 5 bytes"),
        (Made(method=8, size=99), "it has 16 bytes, and the archive states 99"),
        (Made(method=8, stored=deflated(CSV) + b"hidden"), "more bytes are stored of it than its content takes"),
        (Made(method=8, stored=deflated(CSV)[:-3]), "it ends in the middle"),
        (Made(method=8, stored=b"\xff" * 30), "it cannot be unfolded"),
        (Made(method=12, stored=b"no bzip2 at all"), "it cannot be unfolded"),
        (Made(method=14, stored=b"\0\0\5\0\x5d\xff\xff\xff\x7f..."), "it needs a dictionary of 2,147,483,647 bytes"),
        (Made(method=14, stored=b"\0"), "its LZMA properties are damaged"),
    ],
)
def test_damaged(made: Made, reason: str) -> None:
    with pytest.raises(CsvRejected, match=rf"a\.zip: member 'a\.csv' is damaged: .*{reason}"):
        content(archive(made))


def test_a_bomb_is_unfolded_no_further_than_it_states() -> None:
    data = archive(Made(method=8, stored=deflated(b"0" * 50_000_000), size=1_000_000))
    member = MemberContent(opened(data), entries(data)[0])
    tracemalloc.start()
    with pytest.raises(CsvRejected, match="it is larger than"):
        deque(iter(lambda: member.read(65_536), b""), maxlen=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("method", "name"), [(9, "Deflate64"), (93, "Zstandard"), (99, "AES encryption"), (200, "number 200")]
)
def test_methods_that_are_not_read(method: int, name: str) -> None:
    assert unread_method(entries(archive(Made(method=method)))[0]) == name


@pytest.mark.parametrize("seed", range(300))
def test_a_byte_changed_anywhere_never_gives_another_content(seed: int) -> None:
    """Whatever is changed, there is the same content, or an error of our own."""
    chance = random.Random(seed)
    method = chance.choice(METHODS)
    data = bytearray(with_zipfile({"a.csv": CSV * 20, "b.csv": CSV}, method))
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    try:
        assert content(bytes(data), 0) == CSV * 20
        assert content(bytes(data), 1) == CSV
    except CsvRejected:
        pass
