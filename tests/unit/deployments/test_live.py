"""The live table: which terminals get it, how it fits them, and what it leaves behind."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

from deployments import live
from tests.tools.stack import PROJECT

PROGRAM = """
import sys, time
from deployments import live
files = int(sys.argv[1])
names = [f"pedidos do dia {n:03} de um nome que \\xe9 longo.csv" for n in range(files)]
with live.LiveTable(sys.stdout) as table:
    table.expect((name, name, 1000) for name in names)
    for name in names[: files // 2 or 1]:
        table.step(name, "profile", 10, 100)
    table.end(names[-1], names[-1], "rejected", bad=True)
    table.note("a warning\\nwith a second line")
    time.sleep(0.3)
print("the end")
"""


def terminal(width: int, height: int, files: int, **environ: str) -> str:
    """Run the table in a pseudo-terminal of some size; return the bytes it got."""
    controller, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    line = [sys.executable, "-c", PROGRAM, str(files)]
    process = subprocess.Popen(line, env=plain | environ, stdin=side, stdout=side, stderr=side, start_new_session=True)
    os.close(side)
    said = b""
    while True:
        try:
            chunk = os.read(controller, 65536)
        except OSError:
            break
        said += chunk
    assert process.wait(30) == 0, said.decode()
    return said.decode()


def frames(said: str) -> list[list[str]]:
    """Return the lines of each picture of the table, without colours."""
    parts = re.split(r"(?:\r?\x1b\[2K(?:\x1b\[1A)?)+", said)
    plain = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part) for part in parts]
    return [part.replace("\r", "").split("\n") for part in plain if " files: " in part]


@pytest.mark.parametrize(("width", "height"), [(30, 10), (60, 24), (100, 40), (250, 8)])
@pytest.mark.parametrize("files", [2, 200])
def test_each_picture_fits_its_terminal(width: int, height: int, files: int) -> None:
    said = terminal(width, height, files)
    pictures = frames(said)
    assert pictures
    for picture in pictures:
        assert len(picture) < height
        assert max(map(len, picture)) < width or width == 30  # the count of a very narrow one is cut at its edge
        assert max(map(len, picture)) <= width
    last = "\n".join(pictures[-1])
    assert f"{files} files: " in last
    assert "rejected" in last or files == 200
    assert "a warning" in said
    assert "second line" not in said
    assert said.rstrip().endswith("the end")
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h") == 1  # the cursor is shown again


def test_columns_of_another_terminal_are_not_believed() -> None:
    assert max(len(line) for picture in frames(terminal(60, 24, 2, COLUMNS="200")) for line in picture) < 60


def test_no_color_takes_the_colours_and_not_the_table() -> None:
    said = terminal(80, 24, 2, NO_COLOR="1")
    assert frames(said)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9][;m]", said)


def test_a_terminal_that_is_not_utf8_gets_escapes() -> None:
    said = terminal(100, 24, 2, LANG="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert "the end" in said
    assert said.isascii()


class Screen:
    """A stream that says whether it is a terminal."""

    def __init__(self, tty: bool) -> None:
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty


@pytest.mark.parametrize(
    ("tty", "environ", "expected"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, True),
        (True, {"TERM": "xterm", "VERBOSE": "0"}, True),
        (True, {"TERM": "xterm", "VERBOSE": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {}, False),
        (False, {"TERM": "xterm", "FORCE_COLOR": "1"}, False),
    ],
)
def test_pipes_dumb_terminals_and_verbose_get_lines(tty: bool, environ: dict[str, str], expected: bool) -> None:
    screen: Any = Screen(tty)
    assert live.wanted(screen, environ) is expected


def test_rows_at_work_come_first_then_what_went_wrong(tmp_path: Path) -> None:
    with (tmp_path / "screen").open("w") as screen:
        table = live.LiveTable(screen)
        table.expect([(name, name, 1) for name in "abcd"])
        table.end("a", "a", "uploaded")
        table.end("b", "b", "rejected", bad=True)
        table.step("c", "upload")
        table.step("a", "profile")  # a late word of a file that has ended changes nothing
        assert [row.title for row in sorted(table._rows.values(), key=lambda row: row.rank)] == ["c", "b", "a", "d"]
        assert table._rows["a"].step == "uploaded"
