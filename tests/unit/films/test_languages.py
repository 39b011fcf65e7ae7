"""The languages of titles, measured on those titles of the labelled list that nothing was learnt from."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import tune_languages
from flows.lake.films import languages, title_evidence, title_parts
from flows.lake.films.title_romanising import romanised

PROJECT = Path(__file__).resolve().parents[3]
ROOM = PROJECT / tune_languages.ROOM


def test_titles_held_back_are_right_as_often_as_the_documentation_says() -> None:
    _, held_back = tune_languages.labelled(PROJECT / tune_languages.LIST)
    measured = tune_languages.measure(held_back)
    assert measured["titles"] >= 500
    assert measured["english"] >= 0.96
    assert measured["language"] >= 0.85
    assert measured["language of all"] >= 0.81
    assert measured["und"] <= 0.05


def test_titles_collected_afterwards_elsewhere_are_right_as_often() -> None:
    fresh = tune_languages.read(PROJECT / tune_languages.FRESH)
    measured = tune_languages.measure(fresh)
    assert measured["titles"] >= 300
    assert len({code for _, code in fresh}) >= 30
    assert measured["english"] >= 0.95
    assert measured["language of all"] >= 0.85


def test_nothing_was_learnt_from_titles_that_measure() -> None:
    known, held_back = tune_languages.labelled(PROJECT / tune_languages.LIST)
    more = tune_languages.read(PROJECT / tune_languages.MORE)
    assert title_evidence.known_titles() == dict(known + more)
    learnt_from = {title.casefold() for title in title_evidence.known_titles()}
    measuring = held_back + tune_languages.read(PROJECT / tune_languages.FRESH)
    assert not learnt_from & {title.casefold() for title, _ in measuring}


def test_models_stay_small() -> None:
    assert sum(path.stat().st_size for path in ROOM.iterdir() if path.suffix in {".json", ".npz", ".tsv"}) < 2_000_000


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
        ("ALEMÃO: OS DOIS LADOS DO COMPLEXO", "pt"),
        ("Poslednyaya noch v gorode", "ru"),
        ("Mere sapnon ki duniya", "hi"),
        ("Wolves of the Last Winter, The", "en"),
        ('"The Old House": A Story of Two Brothers', "en"),
        ("Балкански шпијун", "sr"),
        ("Медена земја", "mk"),
        ("Ћутање", "sr"),
        ("مولا جٹ", "ur"),
        ("शोले और आग", "hi"),
        ("阿飛正傳", "zh"),
        ("東京の女", "ja"),
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


@pytest.mark.parametrize(
    ("code", "word", "spelling"),
    [
        ("ru", "изгнание", "izgnanie"),
        ("uk", "бачення", "bachennia"),
        ("bg", "пътуване", "patuvane"),
        ("el", "ευτυχία", "eftychia"),
        ("hi", "दिलवाले", "dilwale"),
        ("hi", "ज़िन्दगी", "zindagi"),
        ("ko", "올드보이", "oldeuboi"),
    ],
)
def test_words_are_romanised_as_titles_spell_them(code: str, word: str, spelling: str) -> None:
    assert (word, spelling) in romanised(code, ["один", word])


def test_no_word_is_romanised_where_no_rule_is_known() -> None:
    assert list(romanised("de", ["Straße"])) == list(romanised("ko", ["film"])) == []


def test_parts_of_a_word_do_not_depend_on_its_neighbours() -> None:
    rows = np.random.default_rng(0).normal(size=(title_parts.ROWS, 3)).astype(np.float32)
    words = ["a", "haus", "Žluťoučký", "家", "x" * 300]
    together = title_parts.of_words(words, rows)
    alone = np.concatenate([title_parts.of_words([word], rows) for word in words])
    assert np.allclose(together, alone)
    counts = [len(title_parts.hashes_of([word])[0]) for word in words]
    assert counts == [title_parts.number_of(np.array(len(word)), np.array(1)) for word in words]
