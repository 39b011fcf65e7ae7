"""The language of a title: `python -m flows.lake.films.languages` reads titles, one a line, and tells each one's.

Letters decide first: Greek, Hebrew, Thai or Hangul leave one language, Cyrillic, Arabic or Han a few. Among those that
are left the evidence (`flows.lake.films.title_evidence`) is weighed, and what is not likely enough is `und`, ISO 639's
word for a language that is not determined. The weights are learnt from one half of a labelled list and measured on the
other (docs/analysis.md).
"""

from __future__ import annotations

import functools
import json
import sys
import unicodedata
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from flows.lake.films.title_evidence import KINDS, LANGUAGES, evidence, fasttext_model

UNDETERMINED = "und"

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

_SURE_OF_ANOTHER = 0.8
"""From which score on fastText is believed that letters of several languages are those of one that is not ours."""


@dataclass(frozen=True)
class Weights:
    """How much each kind of evidence is believed, what each language has in advance, and when a title is unsure."""

    kinds: NDArray[np.float64]
    bias: NDArray[np.float64]
    threshold: float


@functools.cache
def weights() -> Weights:
    """Return what was learnt."""
    told = json.loads((files(__package__) / "language_weights.json").read_text())
    return Weights(
        np.array([told["kinds"][kind] for kind in KINDS]),
        np.array([told["bias"][code] for code in LANGUAGES]),
        told["threshold"],
    )


def identify(title: str) -> tuple[str, float]:
    """Return the ISO 639-1 code of a title's language, and how likely it is; `und` where that is not enough."""
    letters = letters_of(title)
    if letters is None:
        return UNDETERMINED, 0.0
    if code := _ONE_LANGUAGE.get(letters):
        return code, 1.0
    possible = _OF_LETTERS.get(letters)
    if possible is None or (letters in {"CYRILLIC", "ARABIC", "DEVANAGARI"} and _is_another(title, possible)):
        labels, scores = fasttext_model().predict(title.replace("\n", " "), 1, 0.0)
        code, score = labels[0].removeprefix("__label__"), min(1.0, float(scores[0]))
        return (
            (code, round(score, 3)) if score >= _SURE_OF_ANOTHER and len(code) == 2 else (UNDETERMINED, round(score, 3))
        )
    if len(possible) == 1:
        return possible[0], 1.0
    likely = probabilities(evidence(title), weights(), possible)
    best = int(likely.argmax())
    confidence = round(float(likely[best]), 3)
    return (LANGUAGES[best] if confidence >= weights().threshold else UNDETERMINED), confidence


def probabilities(
    found: NDArray[np.float64], learnt: Weights, possible: tuple[str, ...] = LANGUAGES
) -> NDArray[np.float64]:
    """Return how likely each language is by the evidence; those that the letters rule out have none."""
    total = learnt.kinds @ found + learnt.bias + _ruled_out(possible)
    likely: NDArray[np.float64] = np.exp(total - total.max())
    likely /= likely.sum()
    return likely


@functools.cache
def _ruled_out(possible: tuple[str, ...]) -> NDArray[np.float64]:
    return np.array([0.0 if code in possible else -np.inf for code in LANGUAGES])


def letters_of(title: str) -> str | None:
    """Return the name of the letters that most of a title is written in, as Unicode calls them."""
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
    labels, scores = fasttext_model().predict(title.replace("\n", " "), 1, _SURE_OF_ANOTHER)
    return bool(labels) and labels[0].removeprefix("__label__") not in {*possible, "sh", "arz"} and bool(len(scores))


def main(lines: TextIO, out: TextIO) -> None:
    """Write the language of each line, a tab and the confidence."""
    for line in lines:
        code, confidence = identify(line.rstrip("\n"))
        out.write(f"{code}\t{confidence:.3f}\n")


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    main(sys.stdin, sys.stdout)
