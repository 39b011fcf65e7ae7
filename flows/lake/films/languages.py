"""The language of a title: `python -m flows.lake.films.languages` reads titles, one a line, and tells each one's.

A title that somebody has labelled needs no guess. Of the others letters decide first: Greek, Hebrew, Thai or Hangul
leave one language, Cyrillic, Arabic or Han a few. Among those that are left the evidence
(`flows.lake.films.title_evidence`) is weighed, and what is not likely enough is `und`, ISO 639's word for a language
that is not determined. The weights are learnt from some labelled titles and measured on others (docs/analysis.md).
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from flows.lake.films.title_evidence import KINDS, LANGUAGES, evidence, fasttext_model, known_titles, one_line

UNDETERMINED = "und"

AT_A_TIME = 1000
"""Lines that are read before the first is answered."""

SURE_OF_KNOWN = 0.99
"""How likely the language is of a title that somebody has labelled: another film may have the same title."""

_OF_LETTERS: dict[str, tuple[str, ...]] = {
    "LATIN": LANGUAGES,
    "CYRILLIC": ("ru", "uk", "bg"),
    "ARABIC": ("ar", "fa"),
    "CJK": ("zh", "ja"),
    "KANA": ("ja",),
    "HANGUL": ("ko",),
    "GREEK": ("el",),
    "HEBREW": ("he",),
    "DEVANAGARI": ("hi",),
}
_ONE_LANGUAGE = {
    "THAI": "th",
    "TAMIL": "ta",
    "TELUGU": "te",
    "MALAYALAM": "ml",
    "KANNADA": "kn",
    "BENGALI": "bn",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "SINHALA": "si",
    "GEORGIAN": "ka",
    "ARMENIAN": "hy",
    "KHMER": "km",
    "LAO": "lo",
    "MYANMAR": "my",
    "TIBETAN": "bo",
    "ETHIOPIC": "am",
}
"""Letters that one language of films has, as good as alone."""

_TELLING = {
    **dict.fromkeys("þð", "is"),
    **dict.fromkeys("ėųį", "lt"),
    **dict.fromkeys("ķļņģ", "lv"),
    "ə": "az",
    **dict.fromkeys("ђћ", "sr"),
    **dict.fromkeys("ѓќѕ", "mk"),
    **dict.fromkeys("ٹڈڑںے", "ur"),
    "ळ": "mr",
}
"""Letters that only a language beyond ours has, among those of films."""

_TELLING_LETTER = re.compile(f"[{''.join(_TELLING)}]", re.IGNORECASE)
_SOUTH_SLAVIC = re.compile("[јљњџ]", re.IGNORECASE)
"""Letters that Serbian and Macedonian share; no other language of ours has them."""

_LATIN = re.compile(r"[\W\d_]*[A-Za-zÀ-ÖØ-öø-ɏ][\W\d_A-Za-zÀ-ÖØ-öø-ɏ]*")
"""What the titles of most films consist of, said by one look."""

_SHARED = frozenset({"CYRILLIC", "ARABIC", "DEVANAGARI"})
"""Letters of more languages than ours, which fastText tells apart."""

_SURE_OF_ANOTHER = 0.9
"""From which score on fastText is believed that letters of several languages are those of one that is not ours."""


@dataclass(frozen=True)
class Weights:
    """How much each kind of evidence is believed, what each language has in advance, and when a title is unsure.

    Attributes:
        kinds: A row for each kind, with a column for each language: endings tell Finnish, but not Danish.
        bias: A number for each language.
        threshold: From which likelihood on a language is told.
    """

    kinds: NDArray[np.float64]
    bias: NDArray[np.float64]
    threshold: float


@functools.cache
def weights() -> Weights:
    """Return what was learnt."""
    told = json.loads((files(__package__) / "language_weights.json").read_text())
    return Weights(
        np.array([[told["kinds"][kind][code] for code in LANGUAGES] for kind in KINDS]),
        np.array([told["bias"][code] for code in LANGUAGES]),
        told["threshold"],
    )


def identify(title: str) -> tuple[str, float]:
    """Return the ISO 639-1 code of a title's language, and how likely it is; `und` where that is not enough."""
    return identify_all([title])[0]


def identify_all(titles: Sequence[str]) -> list[tuple[str, float]]:
    """Return for each title what `identify` does; many together take half as long."""
    by_letters = [_by_letters(title) for title in titles]
    open_ones = [number for number, told in enumerate(by_letters) if told[0] is None]
    found = [(code or UNDETERMINED, confidence) for code, confidence, _ in by_letters]
    if open_ones:
        likely = probabilities(
            [titles[number] for number in open_ones], [by_letters[number][2] for number in open_ones]
        )
        for number, best, confidence in zip(
            open_ones, likely.argmax(axis=1).tolist(), likely.max(axis=1).round(3).tolist(), strict=True
        ):
            code = LANGUAGES[best] if confidence >= weights().threshold else UNDETERMINED
            found[number] = code, confidence
    return found


def _by_letters(title: str) -> tuple[str | None, float, tuple[str, ...]]:
    """Return what the letters of a title say: a language and how likely it is, or which languages are left."""
    if code := known_titles().get(title.strip()):
        return code, SURE_OF_KNOWN, ()
    letters = letters_of(title)
    if letters is None:
        return UNDETERMINED, 0.0, ()
    if not title.isascii() and (telling := _TELLING_LETTER.search(title)):
        return _TELLING[telling[0].lower()], 1.0, ()
    if letters == "CYRILLIC" and _SOUTH_SLAVIC.search(title):
        return _likelier(title, ("sr", "mk")), 1.0, ()
    if code := _ONE_LANGUAGE.get(letters):
        return code, 1.0, ()
    possible = _OF_LETTERS.get(letters)
    if possible is None or (letters in _SHARED and _is_another(title, possible)):
        labels, scores = fasttext_model().predict(one_line(title), 1, 0.0)
        code, score = labels[0].removeprefix("__label__"), round(min(1.0, float(scores[0])), 3)
        return (code if score >= _SURE_OF_ANOTHER and len(code) == 2 else UNDETERMINED), score, ()
    return (possible[0], 1.0, ()) if len(possible) == 1 else (None, 0.0, possible)


def probabilities(titles: Sequence[str], possible: Sequence[tuple[str, ...]]) -> NDArray[np.float64]:
    """Return how likely each language is for each title; those that its letters rule out have no chance."""
    learnt = weights()
    total = np.einsum("kl,nkl->nl", learnt.kinds, evidence(titles)) + learnt.bias
    total += np.array([_ruled_out(codes) for codes in possible])
    likely: NDArray[np.float64] = np.exp(total - total.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    return likely


@functools.cache
def _ruled_out(possible: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([0.0 if code in possible else -np.inf for code in LANGUAGES])


def letters_of(title: str) -> str | None:
    """Return the name of the letters that most of a title is written in, as Unicode calls them."""
    if _LATIN.fullmatch(title):
        return "LATIN"
    names = Counter(name for character in title if (name := _letter(character)))
    if names["HIRAGANA"] or names["KATAKANA"]:
        return "KANA"
    return names.most_common(1)[0][0] if names else None


@functools.lru_cache(maxsize=10_000)
def _letter(character: str) -> str:
    """Return the first word of a letter's name; empty for anything else."""
    return unicodedata.name(character, "").partition(" ")[0].partition("-")[0] if character.isalpha() else ""


def _is_another(title: str, possible: tuple[str, ...]) -> bool:
    """Say whether fastText is sure that it is a language which these letters have, but which is not among ours."""
    labels, scores = fasttext_model().predict(one_line(title), 1, _SURE_OF_ANOTHER)
    return bool(labels) and labels[0].removeprefix("__label__") not in {*possible, "sh", "arz"} and bool(len(scores))


def _likelier(title: str, codes: tuple[str, ...]) -> str:
    """Return which of some languages fastText takes for the likeliest."""
    labels, _ = fasttext_model().predict(one_line(title), -1, 0.0)
    return next((code for label in labels if (code := label.removeprefix("__label__")) in codes), codes[0])


def main(lines: TextIO, out: TextIO) -> None:
    """Write the language of each line, a tab and the confidence."""
    while titles := [line.rstrip("\r\n") for line in itertools.islice(lines, AT_A_TIME)]:
        out.writelines(f"{code}\t{confidence:.3f}\n" for code, confidence in identify_all(titles))


if __name__ == "__main__":
    # A carriage return inside a title ends no line: each line gets exactly one answer.
    sys.stdin.reconfigure(encoding="utf-8", errors="replace", newline="\n")  # type: ignore[union-attr]
    main(sys.stdin, sys.stdout)
