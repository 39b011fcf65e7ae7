import re
import tempfile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flows.lake.errors import StorageError
from flows.lake.reports import run_log
from flows.lake.reports.run_log import RunLog

ZONE = ZoneInfo("America/Sao_Paulo")


def test_run_log_lines_have_time_stamps_with_offset() -> None:
    log = RunLog(ZONE)
    log.info("one")
    log.error("two")
    first, second = log.text.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-03:00 INFO    one", first)
    assert second.endswith("ERROR   two")


def test_run_log_line_breaks_in_a_text_do_not_start_a_line_of_the_log() -> None:
    log = RunLog(ZONE)
    log.info("name\n2024-01-01 forged\r")
    assert log.text.splitlines()[1] == "    2024-01-01 forged\\r"


def test_run_log_echoes_each_line_whatever_the_level() -> None:
    heard: list[tuple[int, str]] = []
    log = RunLog(ZONE, lambda level, text: heard.append((level, text)))
    log.add(30, "careful")
    assert heard == [(30, "careful")]


class Keys:
    def __init__(self, *taken: str) -> None:
        self.stored = dict.fromkeys(taken, b"")

    def __call__(self, *, key: str, body: bytes, content_type: str) -> bool:
        if key in self.stored:
            return False
        self.stored[key] = body
        return True


def test_ship_takes_the_first_free_key() -> None:
    keys = Keys("a")
    assert run_log.ship("text é", keys, ("a", "b")) == "b"
    assert keys.stored == {"a": b"", "b": "text é".encode()}


def test_ship_replaces_nothing_when_both_keys_are_taken() -> None:
    keys = Keys("a", "b")
    with pytest.raises(StorageError, match="both taken"):
        run_log.ship("text", keys, ("a", "b"))
    assert keys.stored == {"a": b"", "b": b""}


def test_keep_local_copy_holds_the_text_even_with_names_that_are_not_utf8() -> None:
    kept = run_log.keep_local_copy("name \udcff", "log.txt")
    assert Path(kept.removeprefix("it is kept as ")).read_text() == "name \\udcff"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_keep_local_copy_on_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.txt").symlink_to("/dev/full")
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: str(tmp_path))
    kept = run_log.keep_local_copy("text", "log.txt")
    assert kept.startswith("no copy could be kept on this machine either (No space left on device)")
