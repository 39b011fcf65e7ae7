"""Owns how well a text's letters and signs beyond ASCII fit together: a wrong reading of bytes shows in them.

The wrong code page turns letters into those of another language, puts capitals and signs into the middle of words, or
mixes scripts in one. For Latin letters the alphabets of languages are known here, for other scripts only their names.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache

WESTERN_ALPHABETS = (
    "áàâãçéêíóôõúü",  # Portuguese
    "áéíñóúüç",  # Spanish
    "àçèéíïòóúü",  # Catalan
    "àâæçéèêëîïôœùûüÿ",  # French
    "àèéìíîòóùú",  # Italian
    "äöüßé",  # German
    "áâäèéêëïíóöôúûü",  # Dutch
    "åäæøöéüô",  # Danish, Norwegian, Swedish, Finnish
)
OTHER_ALPHABETS = (
    "áðéíóúýþæö",  # Icelandic
    "ąćęłńóśźż",  # Polish
    "áčďéěíňóřšťúůýž",  # Czech
    "áäčďéíĺľňóôŕšťúýž",  # Slovak
    "áéíóöőúüű",  # Hungarian
    "ăâîșțşţ",  # Romanian
    "čćđšž",  # Croatian, Slovenian
    "çğıöşüâîû",  # Turkish
    "äöõüšž",  # Estonian
    "āčēģīķļņšūž",  # Latvian
    "ąčęėįšųūž",  # Lithuanian
)
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH", "BOPOMOFO")
_CONTEXT = re.compile(r"(?s)(?=(.?)([^\x00-\x7f])(.?))")
_SWALLOWED = re.compile(r"(?<=[a-z])[^\x00-\x7f]|[^\x00-\x7f](?=[a-z])|(?<=[A-Z])[^\x00-\x7f](?=[A-Z])")
"""A letter of a Latin word and the next one, taken for one of the two-byte characters of East Asia."""

_WORD = re.compile(r"[^\W\d_]+")
_ANYWHERE = frozenset("ªº°’‘´·–—\xa0\xad•…²³\u200c\u200d\u200e\u200f")
_BEFORE_WORDS = frozenset("¿¡«‹“„‚£€№§©")
_AFTER_WORDS = frozenset("»›”™®¹")


def _with_capitals(alphabets: tuple[str, ...]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(letters + letters.upper() + "İ" * ("ı" in letters)) for letters in alphabets)


_WESTERN = _with_capitals(WESTERN_ALPHABETS)
_LATIN = _WESTERN + _with_capitals(OTHER_ALPHABETS)
_ANY_WESTERN = frozenset().union(*_WESTERN)
_MIXED = 0.1
"""What a text costs that has letters of several Western languages: a list of customers, say."""


@cache
def script_of(char: str) -> str:
    """Return the script of a letter, `""` for what is none; those of East Asia go together in one text."""
    if unicodedata.category(char)[0] not in "LM" or char in "ªº":
        return ""
    name = unicodedata.name(char, "")
    return "EAST ASIAN" if name.startswith(_EAST_ASIAN) else name.partition(" ")[0]


def main_script(text: str) -> str:
    """Return the script of most letters beyond ASCII, `""` where there are none."""
    scripts = Counter(script for char in text if not char.isascii() and (script := script_of(char)))
    return max(scripts, key=scripts.__getitem__, default="")


def misfit(text: str, *, western: bool = False) -> float:
    """Return the share of the characters beyond ASCII that are not where, or not what, they would be in real text.

    Args:
        text: Words, most of them with letters beyond ASCII.
        western: Whether to judge it as text in a language of Western Europe.
    """
    foreign = Counter(char for char in text if not char.isascii() and char != "\xa0")
    if not foreign:
        return 0.0
    script = "LATIN" if western else main_script(text)
    wrong: float = sum(_is_out_of_place(*around) for around in _CONTEXT.findall(text))
    strangers = {char: count for char, count in foreign.items() if script_of(char) not in {"", script}}
    wrong += sum(strangers.values())
    if script == "LATIN":
        letters = {char: count for char, count in foreign.items() if script_of(char) == script}
        alphabets = _WESTERN if western else _LATIN
        mixed = _strange(letters, _ANY_WESTERN) + _MIXED * foreign.total()
        wrong += min(mixed, *(_strange(letters, each) for each in alphabets))
    elif script == "EAST ASIAN":
        wrong += len(_SWALLOWED.findall(text))
    else:
        wrong += sum(_mixes_scripts(word) for word in _WORD.findall(text))
    return wrong / foreign.total()


def _strange(letters: dict[str, int], alphabet: frozenset[str]) -> float:
    return sum(count for char, count in letters.items() if char not in alphabet)


def _is_out_of_place(before: str, char: str, after: str) -> bool:
    """Whether a sign stands where none would, or a letter is capital where its neighbours are small, or the reverse."""
    if char in _ANYWHERE:
        return False
    if char == "¤":
        return True  # nobody writes it: it is another code page's letter, or the euro sign
    if not script_of(char):
        beside_before, beside_after = before.isalpha(), after.isalpha()
        if char in _BEFORE_WORDS:
            return beside_before
        if char in _AFTER_WORDS:
            return beside_after
        return beside_before or beside_after or unicodedata.category(char) in {"Cc", "Cn", "Co"}
    if char.isupper():
        return before.islower()
    return char.islower() and char != "ß" and before.isupper() and after.isupper()


def _mixes_scripts(word: str) -> bool:
    return not word.isascii() and any(char.isascii() for char in word)
