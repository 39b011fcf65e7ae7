"""The languages of titles, measured on those titles of the labelled list that nothing was learnt from."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import tune_languages
from flows.lake.films import languages, title_evidence

PROJECT = Path(__file__).resolve().parents[3]


def test_titles_held_back_are_right_as_often_as_the_documentation_says() -> None:
    _, held_back = tune_languages.labelled(PROJECT / tune_languages.LIST)
    measured = tune_languages.measure(held_back)
    assert measured["titles"] >= 500
    assert measured["english"] >= 0.95
    assert measured["language"] >= 0.85
    assert measured["und"] <= 0.16


def test_nothing_was_learnt_from_titles_held_back() -> None:
    known, held_back = tune_languages.labelled(PROJECT / tune_languages.LIST)
    learnt_from = {title for title, _ in title_evidence._examples()}
    assert learnt_from == {title for title, _ in known}
    assert not learnt_from & {title for title, _ in held_back}


def test_labelled_list_has_a_thousand_titles_in_thirty_languages() -> None:
    rows = [line.split("\t") for line in (PROJECT / tune_languages.LIST).read_text().splitlines()[1:]]
    assert len(rows) == len({title for title, _, _ in rows}) >= 1000
    assert len({code for _, code, _ in rows}) >= 30
    assert [title for title, code, film in rows if code == "en" and film == "tl"]


@pytest.mark.parametrize(
    ("title", "code"),
    [
        ("The Lives of Others and the Rest of Us", "en"),
        ("Às vezes eu quero ir embora", "pt"),
        ("விடுதலை", "ta"),
        ("ราชินีแห่งท้องทะเล", "th"),
        ("겨울 이야기", "ko"),
        ("冬の物語", "ja"),
        ("Ο τελευταίος χειμώνας", "el"),
        ("Haru no machi no kodomo", "ja"),
        ("", "und"),
        ("1984", "und"),
        ("!?", "und"),
        ("Bacurau", "und"),
    ],
)
def test_identify_says_the_language_or_that_it_is_not_certain(title: str, code: str) -> None:
    assert languages.identify(title)[0] == code


@pytest.mark.parametrize("title", ["a" * 100_000, "\x00\u202e\udc80", "Ünïcödé\n\ttabs", "🎬🎬", "٢٠١٦ في"])
def test_identify_takes_any_text(title: str) -> None:
    code, confidence = languages.identify(title)
    assert code
    assert 0 <= confidence <= 1


def test_main_writes_a_line_for_each_title() -> None:
    out = io.StringIO()
    languages.main(io.StringIO("Dois Filhos de Francisco\n\nThe Big Short\n"), out)
    lines = [line.split("\t") for line in out.getvalue().splitlines()]
    assert [code for code, _ in lines] == ["pt", "und", "en"]
    assert all(0 <= float(confidence) <= 1 for _, confidence in lines)


def test_command_answers_each_line_once_whatever_bytes_it_holds() -> None:
    given = b"Dois Filhos de Francisco\r\nDois\rFilhos\n\n\xff\xfe caf\xe9\nThe Big Short"
    command = [sys.executable, "-m", "flows.lake.films.languages"]
    done = subprocess.run(command, input=given, capture_output=True, cwd=PROJECT, check=True)
    lines = [line.split("\t") for line in done.stdout.decode("ascii").splitlines()]
    assert [code for code, _ in lines][0::4] == ["pt", "en"]
    assert len(lines) == 5
