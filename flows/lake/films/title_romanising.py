"""Words in Latin letters by rule, as titles spell those of languages that have other letters.

`Изгнание` is `Izgnanie` in the lists that films are in, so the words of Russian are of use only in that spelling.
Where two spellings are common, both are returned (`Bachennya metelyka`, `Bachennia metelyka`). Arabic, Hebrew and
Persian do not write their vowels, and Chinese and Japanese no sounds: no rule can tell theirs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

Rule: TypeAlias = Callable[[Sequence[str]], Iterable[tuple[str, str]]]
"""Words in; out each with its usual spellings, one after the other."""

_RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_UKRAINIAN = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя'"
_BULGARIAN = "абвгдежзийклмнопрстуфхцчшщъьюя"
_GREEK = "αβγδεζηθικλμνξοπρσςτυφχψω"


def _table(letters: str, spellings: str) -> dict[int, str]:
    """Return what `str.translate` takes; a dash stands for nothing."""
    return str.maketrans(
        {letter: "" if to == "-" else to for letter, to in zip(letters, spellings.split(), strict=True)}
    )


_TABLES = {
    "ru": (
        _table(_RUSSIAN, "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya"),
        _table(_RUSSIAN, "a b v g d e e zh z i j k l m n o p r s t u f h c ch sh sch - y ' e iu ia"),
    ),
    "uk": (
        _table(_UKRAINIAN, "a b v h g d e ye zh z y i yi y k l m n o p r s t u f kh ts ch sh shch - yu ya -"),
        _table(_UKRAINIAN, "a b v h g d e ie zh z y i i i k l m n o p r s t u f kh ts ch sh shch - iu ia -"),
    ),
    "bg": (
        _table(_BULGARIAN, "a b v g d e zh z i y k l m n o p r s t u f h ts ch sh sht a y yu ya"),
        _table(_BULGARIAN, "a b v g d e zh z i j k l m n o p r s t u f h c ch sh sht u - ju ja"),
    ),
    "el": (
        _table(_GREEK, "a v g d e z i th i k l m n x o p r s s t y f ch ps o"),
        _table(_GREEK, "a v g d e z i th i k l m n x o p r s s t i f h ps o"),
    ),
}

_GREEK_PAIRS = (("ου", "ou"), ("αυ", "av"), ("ευ", "ev"), ("ηυ", "iv"), ("γγ", "ng"), ("γκ", "gk"), ("γχ", "nch"))

_CONSONANTS = dict(
    zip(
        "कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह",
        "k kh g gh n ch chh j jh n t th d dh n t th d dh n p ph b bh m y r l v sh sh s h".split(),
        strict=True,
    )
)
_DOTTED = {"क": "q", "ख": "kh", "ग": "g", "ज": "z", "ड": "d", "ढ": "dh", "फ": "f"}
_VOWELS = dict(zip("अआइईउऊऋएऐओऔऑ", "a aa i ee u oo ri e ai o au o".split(), strict=True))
_SIGNS = dict(zip("ािीुूृेैोौॉ", "aa i ee u oo ri e ai o au o".split(), strict=True))
_DOT, _NO_VOWEL, _NASAL = "़", "्", "ंँ"
_UNWRITTEN = "A"

_INITIALS = (
    "g kk n d tt r m b pp s ss - j jj ch k t p h".replace("-", "").split(" "),
    "k kk n t tt r m p pp s ss - ch jj ch k t p h".replace("-", "").split(" "),
)
_MEDIALS = (
    "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split(),
    "a ae ya yae o e yo ye o wa wae oe yo u wo we wi yu u ui i".split(),
)
_FINALS = " k k k n n n t l k m l l l p l m p p t t ng t t k t p t".split(" ")
_FIRST_SYLLABLE, _SYLLABLES = 0xAC00, 11172


def romanised(code: str, words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return words, each with itself in Latin letters, in the spellings that are common.

    Nothing is told where there is no rule for a language, or where a word has a letter that its rule does not know.
    """
    rule = _RULES.get(code)
    return (pair for pair in rule(words) if pair[1].isascii()) if rule else iter(())


def _by_table(code: str) -> Rule:
    """Write all words at once: one call for each of ten thousand takes ten times as long."""

    def spell(words: Sequence[str]) -> Iterator[tuple[str, str]]:
        lines = "\n".join(words)
        if code == "el":
            lines = _plain_greek(lines)
        for table in _TABLES[code]:
            yield from zip(words, lines.translate(table).split("\n"), strict=True)

    return spell


def _plain_greek(lines: str) -> str:
    parted = unicodedata.normalize("NFD", lines)
    plain = parted.translate(dict.fromkeys(ord(sign) for sign in set(parted) if unicodedata.combining(sign)))
    plain = re.sub("(?m)^μπ", "b", re.sub("(?m)^ντ", "d", plain))
    plain = re.sub("(?m)([αεη])υ(?=[θκξπσςτφχψ]|$)", r"\1φ", plain)
    for pair, spelling in _GREEK_PAIRS:
        plain = plain.replace(pair, spelling)
    return plain


def _hindi(word: str) -> list[str]:
    """Leave out the vowel that is not written where it is not spoken either: at the end, and between two others."""
    parts: list[list[str]] = []
    for letter in unicodedata.normalize("NFD", word):
        if letter in _CONSONANTS:
            parts.append([_CONSONANTS[letter], _UNWRITTEN])
        elif letter in _VOWELS:
            parts.append(["", _VOWELS[letter]])
        elif parts and letter == _DOT:
            parts[-1][0] = next((to for of, to in _DOTTED.items() if _CONSONANTS[of] == parts[-1][0]), parts[-1][0])
        elif parts and (letter in _SIGNS or letter == _NO_VOWEL):
            parts[-1][1] = _SIGNS.get(letter, "")
        elif parts and letter in _NASAL:
            parts[-1][1] += "n"
    if len(parts) > 1 and parts[-1][1] == _UNWRITTEN:
        parts[-1][1] = ""
    for place in range(len(parts) - 2, 0, -1):
        before, here, behind = (parts[number][1] for number in (place - 1, place, place + 1))
        if before and here == _UNWRITTEN and behind not in ("", _UNWRITTEN):
            parts[place][1] = ""
    told = "".join(consonant + vowel.replace(_UNWRITTEN, "a") for consonant, vowel in parts)
    told = re.sub("aa$", "a", told)
    short = told.replace("aa", "a").replace("ee", "i").replace("oo", "u")
    return [told, short, told.replace("v", "w"), short.replace("v", "w")]


def _korean(word: str) -> list[str]:
    """Return both of the usual romanisations, without the changes that neighbouring sounds make."""
    numbers = [ord(letter) - _FIRST_SYLLABLE for letter in word]
    if not all(0 <= number < _SYLLABLES for number in numbers):
        return []
    found = []
    for initials, medials in zip(_INITIALS, _MEDIALS, strict=True):
        syllables = [
            (initials if not place else _INITIALS[0])[number // 588]
            + medials[number % 588 // 28]
            + _FINALS[number % 28]
            for place, number in enumerate(numbers)
        ]
        found.append("".join(syllables))
    return found


def _word_by_word(rule: Callable[[str], list[str]]) -> Rule:
    return lambda words: ((word, spelling) for word in words for spelling in rule(word))


_RULES: dict[str, Rule] = {
    "ru": _by_table("ru"),
    "uk": _by_table("uk"),
    "bg": _by_table("bg"),
    "el": _by_table("el"),
    "hi": _word_by_word(_hindi),
    "ko": _word_by_word(_korean),
}

ROMANISED = tuple(_RULES)
"""The languages that a rule is known for."""
