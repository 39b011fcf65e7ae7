"""What an archive says is in it, and which archives are refused."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib

import pytest

from flows.lake.errors import CsvRejected
from tests.unit.archives.make import CSV, Made, archive, content, entries, with_zipfile

LINK = (stat.S_IFLNK | 0o777) << 16


def unicode_path(raw: bytes, name: str) -> bytes:
    field = struct.pack("<BL", 1, zlib.crc32(raw)) + name.encode()
    return struct.pack("<2H", 0x7075, len(field)) + field


def test_members_as_zipfile_writes_them() -> None:
    data = with_zipfile({"a.csv": CSV, "pasta/ação.csv": CSV, "pasta/": b""})
    assert [one.name for one in entries(data)] == ["a.csv", "pasta/ação.csv", "pasta/"]
    assert [one.is_folder for one in entries(data)] == [False, False, True]
    assert [one.index for one in entries(data)] == [0, 1, 2]


def test_an_archive_written_to_a_pipe() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.csv", CSV)
        made.writestr("b.csv", CSV * 2)
    assert content(pipe.data, 1) == CSV * 2


def test_zip64() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        with made.open("a.csv", "w", force_zip64=True) as member:
            member.write(CSV)
        for number in range(65_536):
            made.writestr(zipfile.ZipInfo(f"{number}/"), b"")
    found = entries(out.getvalue())
    assert len(found) == 65_537
    assert content(out.getvalue()) == CSV


@pytest.mark.parametrize(
    ("raw", "flags", "extra", "name"),
    [
        ("ação.csv".encode("cp437", "replace").replace(b"?", b"\xc6"), 0, b"", "ação.csv"),
        ("Município.csv".encode("cp850"), 0, b"", "Município.csv"),
        ("SÃO PAULO Nº 1.csv".encode("cp850"), 0, b"", "SÃO PAULO Nº 1.csv"),
        ("INFORMAÇÕES.csv".encode("cp1252"), 0, b"", "INFORMAÇÕES.csv"),
        ("São.csv".encode(), 0, b"", "São.csv"),
        ("São.csv".encode(), 0x800, b"", "São.csv"),
        ("Sa\u0303o.csv".encode(), 0x800, b"", "São.csv"),
        (b"S_o\xff.csv", 0, unicode_path(b"S_o\xff.csv", "São.csv"), "São.csv"),
        (b"S\xc6o.csv", 0, unicode_path(b"another", "x.csv"), "São.csv"),
        (b"pasta\\a.csv", 0, b"", "pasta/a.csv"),
        (b"\xb3\xb4\xb0.csv", 0, b"", "│┤░.csv"),
    ],
)
def test_names(raw: bytes, flags: int, extra: bytes, name: str) -> None:
    assert entries(archive(Made(raw, flags=flags, extra=extra)))[0].name == name


FAKE_END = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)
GOOD = archive(Made())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (archive(Made(b"../a.csv")), "member '../a.csv' climbs out of the archive"),
        (archive(Made(b"x\\..\\..\\a.csv")), "climbs out of the archive"),
        (archive(Made(b"/etc/a.csv")), "member '/etc/a.csv' has an absolute path"),
        (archive(Made(b"\\\\host\\a.csv")), "has an absolute path"),
        (archive(Made(b"C:\\a.csv")), "names a drive"),
        (archive(Made(b"a.csv\0.pdf")), "has a NUL in its name"),
        (archive(Made(b"")), "has no name"),
        (archive(Made(made_by=3, attributes=LINK)), "member 'a.csv' is a link"),
        (archive(Made(made_by=3, attributes=stat.S_IFIFO << 16)), "is a device, pipe or socket"),
        (archive(Made(flags=1)), "member 'a.csv' is encrypted"),
        (archive(Made(flags=1 << 13)), "its directory is encrypted"),
        (archive(Made(), Made()), "two members are called 'a.csv'"),
        (archive(Made(header_name=b"b.csv")), "directory and header of member 'a.csv' differ in name"),
        (archive(Made(header_size=7)), "differ in size"),
        (archive(Made(header_method=8)), "differ in method"),
        (archive(Made(), Made(b"b.csv", at=0)), "differ in name"),
        (archive(Made(stored=CSV * 9, content=CSV)), "is stored as it is, in two sizes"),
        (archive(Made(), before=b"MZ" + b"\0" * 98, shift=-100), "100 bytes stand before its first member"),
        (archive(Made(), before=b"MZ" + b"\0" * 98), "100 bytes stand before its first member"),
        (archive(Made(), comment=FAKE_END), "its comment holds a second end of the archive"),
        (archive(Made(), after=b"more"), "bytes follow its end"),
        (archive(Made(flags=8, descriptor=b"\0" * 24)), "the sizes behind member 'a.csv' are not those"),
        (GOOD[:-1], "bytes follow its end, or its comment is cut off"),
        (GOOD[:40], "it is cut off"),
        (b"", "it is cut off"),
        (b"id,name\n1,a\n", "it is cut off: it has no directory"),
        (GOOD[20:], "it is cut off: its directory would lie beyond its end"),
        (GOOD.replace(b"PK\1\2", b"PK\1\3"), "its directory is damaged at entry 1 of 1"),
        (GOOD.replace(b"PK\3\4", b"PK\3\5"), "member 'a.csv' is not where its directory says"),
    ],
)
def test_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CsvRejected) as refused:
        entries(data)
    assert reason in str(refused.value)
    assert str(refused.value).startswith("a.zip: ")
    assert refused.value.remedy


def test_overlapping_members() -> None:
    """The kernel of one member is the whole of the next, header included, as in a bomb that is flat."""
    inner = archive(Made(b"b.csv"))[: 30 + 5 + len(CSV)]
    data = archive(Made(content=inner), Made(b"b.csv", at=30 + 5))
    with pytest.raises(CsvRejected, match=r"members 'a\.csv' and 'b\.csv' overlap"):
        entries(data)


def test_a_descriptor_in_each_of_its_forms() -> None:
    sizes = zlib.crc32(CSV), len(CSV), len(CSV)
    for form in ("<3L", "<LQQ"):
        for sign in (b"", b"PK\7\x08"):
            data = archive(Made(flags=8, descriptor=sign + struct.pack(form, *sizes)), Made(b"b.csv"))
            assert len(entries(data)) == 2


def test_a_flag_for_a_descriptor_that_is_not_there_where_the_header_knows_the_sizes() -> None:
    data = bytearray(archive(Made(flags=8), Made(b"b.csv")))
    struct.pack_into("<3L", data, 14, zlib.crc32(CSV), len(CSV), len(CSV))
    assert content(bytes(data)) == CSV


def test_a_header_written_before_the_sizes_were_known_may_hold_the_mark_of_zip64() -> None:
    data = bytearray(archive(Made(flags=8, descriptor=struct.pack("<LQQ", zlib.crc32(CSV), len(CSV), len(CSV)))))
    struct.pack_into("<2L", data, 18, 2**32 - 1, 2**32 - 1)
    assert content(bytes(data)) == CSV


def test_a_size_that_is_the_mark_of_zip64_is_itself_without_that_field() -> None:
    data = archive(Made(method=8, size=2**32 - 1))
    assert entries(data, free_bytes=2**33)[0].size_bytes == 2**32 - 1


@pytest.mark.parametrize("padding", [b"\0" * 512, b"\r\n", b" \n"])
def test_padding_after_the_end_is_no_content(padding: bytes) -> None:
    assert content(archive(Made(), comment=b"made today", after=padding)) == CSV


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"members": 1}, "it has 2 members, and 1 are allowed"),
        ({"size_bytes": 100}, "it unfolds to 200.0 KB, and 100 B are allowed"),
        ({"ratio": 50, "free_bytes": 1000}, "times as much, and 50 times are allowed"),
        ({"directory_bytes": 10}, "its directory has 110 B, and 10 B are allowed"),
    ],
)
def test_limits(limits: dict[str, int], reason: str) -> None:
    data = with_zipfile({"aaaaa.csv": b"a" * 100_000, "bbbbb.csv": b"b" * 100_000})
    assert len(entries(data)) == 2
    with pytest.raises(CsvRejected, match=reason):
        entries(data, **limits)


def test_a_directory_with_more_than_it_counts() -> None:
    data = bytearray(archive(Made(), Made(b"b.csv")))
    data[-14:-10] = struct.pack("<2H", 1, 1)
    with pytest.raises(CsvRejected, match="its directory has more than its 1 entries"):
        entries(bytes(data))
