"""Text from outside cannot be told from ours only if it can hide; it cannot hide."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.lake.errors import LONGEST_MESSAGE, LakeError
from flows.lake.words import cut, md, one_line, printable, quoted, shown, unfit_for_key

HOSTILE = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from(list("\x00\x1b\x7f\x9b\r\n\t\u2028\u2029\u202e\u2066\u200b\ufeff\udcff\ud800|<>`*_[]()!&#{}%")),
    ),
    max_size=300,
)
BAD = {"Cc", "Cs", "Zl", "Zp"}
DIRECTION = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def hidden(text: str) -> set[str]:
    return {one for one in text if unicodedata.category(one) in BAD or one in DIRECTION}


@given(HOSTILE)
def test_one_line_of_any_text_is_visible_and_utf8(text: str) -> None:
    assert not hidden(one_line(text))
    one_line(text).encode("utf-8")


@given(HOSTILE)
def test_printable_keeps_lines_and_what_can_be_seen(text: str) -> None:
    assert hidden(printable(text)) <= {"\n", "\t"}
    assert printable(text).count("\n") == text.count("\n")
    assert printable(printable(text)) == printable(text)


@given(HOSTILE.filter(lambda text: text.isprintable()))
def test_shown_text_without_anything_hidden_keeps_each_letter(text: str) -> None:
    letters = [one for one in text if one.isalnum()][:100]
    assert [one for one in shown(text, 10_000) if one in letters][: len(letters)] == letters


@pytest.mark.parametrize(
    "name", ["preço.csv", "captura de tela 10.42.18\u202fAM.csv", "👩\u200d💻.csv", "a\u00a0b", "字\u3000"]
)
def test_shown_name_with_honest_signs_stays_as_it_is(name: str) -> None:
    assert shown(name) == name


def test_shown_long_name_keeps_both_ends() -> None:
    text = shown("a" * 10_000 + "end.csv")
    assert len(text) <= 200
    assert text.endswith("end.csv")


@given(HOSTILE)
def test_md_of_any_text_is_one_line_without_markdown(text: str) -> None:
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(f"| h |\n| --- |\n| {md(text)} |")
    kinds = {child.type for token in tokens for child in token.children or ()}
    assert kinds <= {"text", "text_special"}


def test_quoted_text_with_a_quote_takes_the_other_kind() -> None:
    assert (quoted("a"), quoted("it's")) == ("'a'", '"it\'s"')


def test_cut_says_how_much_is_left_out() -> None:
    assert re.fullmatch(r"a+ … \(\d+ characters more\)", cut("a" * 200, 100))
    assert len(cut("a" * 200, 100)) == 100


@given(HOSTILE)
def test_error_with_any_text_in_it_becomes_one_bounded_line(text: str) -> None:
    said = str(LakeError(f"The file {text} broke.", remedy="Mend it."))
    assert not hidden(said)
    assert len(said) <= LONGEST_MESSAGE + 10
    assert said.endswith("Mend it.")
    json.dumps(said).encode()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a\x07b", "U+0007 (a control character)"),
        ("a\u2028b", "U+2028 (a line separator)"),
        ("a\udcffb", "bytes that are not UTF-8"),
        ("a\uffffb", "U+FFFF (which XML cannot carry)"),
    ],
)
def test_unfit_for_key_names_the_character(name: str, why: str) -> None:
    assert unfit_for_key(name) == why


@pytest.mark.parametrize("sign", "\u00a0\u202f\u3000\u200c\u200d\u202e\u00ad\ufeff\ue000")
def test_signs_that_s3_takes_are_fit_for_a_key(sign: str) -> None:
    assert unfit_for_key(f"a{sign}b.csv") is None
