"""What is opened is a regular file inside the source, at the moment at which it is opened."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from flows.lake import opening
from flows.lake.errors import LinkLeadsOut, SourceError
from flows.lake.opening import check_inside, open_regular
from flows.lake.source_file import opened
from flows.lake.tables.profile import profile_csv


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "in"
    (root / "sub").mkdir(parents=True)
    (root / "sub/a.csv").write_text("inside")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/secret.csv").write_text("secret")
    return root


def read(path: Path, root: Path) -> str:
    with os.fdopen(open_regular(path, root)) as file:
        return file.read()


INSIDE = {
    "to a file": ("x.csv", "sub/a.csv"),
    "to a folder": ("link/a.csv", "sub"),
    "up and down again": ("sub/y.csv", "../sub/a.csv"),
    "with dots and slashes": ("x.csv", ".//sub/./a.csv"),
    "absolute": ("x.csv", "{root}/sub/a.csv"),
}
OUTSIDE = {
    "to a file": ("x.csv", "../elsewhere/secret.csv"),
    "absolute": ("x.csv", "{root}/../elsewhere/secret.csv"),
    "to a folder": ("link/secret.csv", "../elsewhere"),
    "to where nothing is": ("x.csv", "../nowhere"),
    "far up": ("x.csv", "../" * 50 + "etc/passwd"),
    "out and in again": ("x.csv", "../in/sub/a.csv"),
}


def link(root: Path, name: str, target: str) -> Path:
    first = Path(name).parts[0] if name.startswith("link") else name
    (root / first).symlink_to(target.format(root=root))
    return root / name


@pytest.mark.parametrize(("name", "target"), INSIDE.values(), ids=INSIDE)
def test_link_that_stays_inside_is_followed(root: Path, name: str, target: str) -> None:
    path = link(root, name, target)
    check_inside(path, root)
    assert read(path, root) == "inside"


@pytest.mark.parametrize(("name", "target"), OUTSIDE.values(), ids=OUTSIDE)
def test_link_that_leads_out_is_refused_with_its_target(root: Path, name: str, target: str) -> None:
    path = link(root, name, target)
    with pytest.raises(LinkLeadsOut, match=r"follow_links=true"):
        open_regular(path, root)
    with pytest.raises(LinkLeadsOut, match=rf"to {os.path.realpath(path)}\."):
        check_inside(path, root)


def test_chain_of_links_that_leads_out_at_its_end_is_refused(root: Path) -> None:
    (root / "c.csv").symlink_to("../elsewhere/secret.csv")
    (root / "b.csv").symlink_to("c.csv")
    (root / "a.csv").symlink_to("b.csv")
    with pytest.raises(LinkLeadsOut):
        open_regular(root / "a.csv", root)


def test_links_that_go_round_in_a_circle_end(root: Path) -> None:
    (root / "a.csv").symlink_to("b.csv")
    (root / "b.csv").symlink_to("a.csv")
    with pytest.raises(OSError, match="Too many"):
        open_regular(root / "a.csv", root)


def test_source_that_is_itself_a_link_is_the_operators_choice(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert read(tmp_path / "link/sub/a.csv", tmp_path / "link") == "inside"


@pytest.mark.parametrize("replaced", ["sub", "sub/a.csv"])
def test_path_that_becomes_a_link_after_it_was_looked_at_is_refused(
    root: Path, replaced: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replace it between the look and the opening, which is when an attacker would."""
    look = opening._link_target

    def replace_after_look(name: str, folder: int) -> str | None:
        found = look(name, folder)
        if name == Path(replaced).name and not (root / replaced).is_symlink():
            (root / replaced).rename(root / "away")
            (root / replaced).symlink_to("../" * replaced.count("/") + "../elsewhere")
        return found

    monkeypatch.setattr(opening, "_link_target", replace_after_look)
    with pytest.raises((LinkLeadsOut, OSError)):
        open_regular(root / "sub/a.csv", root)
    assert (root / replaced).is_symlink()


def test_upload_and_profile_refuse_a_link_out_of_the_root(root: Path) -> None:
    path = link(root, *OUTSIDE["to a file"])
    with pytest.raises(LinkLeadsOut), opened(path, root=root):
        pass
    with pytest.raises(LinkLeadsOut):
        profile_csv(path, root=root)
    assert profile_csv(path).rows == 0  # whoever names the file itself means it


@pytest.mark.parametrize("kind", ["fifo", "socket", "folder", "device"])
@pytest.mark.parametrize("reader", ["profile_csv(path)", "opened(path).__enter__()"])
def test_what_is_not_a_regular_file_is_refused_and_never_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, reader: str
) -> None:
    path = tmp_path / "x.csv"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        monkeypatch.chdir(tmp_path)
        socket.socket(socket.AF_UNIX).bind("x.csv")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    program = (
        "from pathlib import Path\nfrom flows.lake.tables.profile import profile_csv\n"
        f"from flows.lake.source_file import opened\npath = Path({str(path)!r})\n"
        f"try:\n    {reader}\nexcept Exception as error:\n    print(type(error).__name__, error)\n"
    )
    # In a process of its own: what waits for a FIFO does not end with the test.
    project = Path(__file__).parents[3]
    ended = subprocess.run([sys.executable, "-c", program], cwd=project, capture_output=True, text=True, timeout=60)
    assert "not a regular file" in ended.stdout or "No such device" in ended.stdout, ended


def test_file_that_becomes_a_fifo_after_the_listing_is_an_error_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    info = path.stat()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(SourceError, match="named pipe"), opened(path, size_bytes=info.st_size):
        pass
