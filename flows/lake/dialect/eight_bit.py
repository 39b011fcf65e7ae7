"""Owns the guess at the encoding of bytes that are neither ASCII nor UTF-8.

Windows-1252 is the answer where it gives the letters of one Western language. Otherwise chardet ranks the candidates,
by nothing but the words that are not ASCII; of those that give the script of its first fitting choice, the one is taken
whose letters and signs fit together best.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property

from flows.lake.dialect.alphabets import main_script, misfit
from flows.lake.units import KIB

_EVIDENCE_BYTES = 8 * KIB
_CANDIDATES = 12
_FITS = 0.05
_PLAUSIBLE = 0.2
_HANDICAP = 0.03
_FEW = 0.3
_WORD = re.compile(rb"""[^\s,;"]*[\x80-\xff][^\s,;"]*""")
_FOREIGN_WORD = re.compile(r"[^\x00-\x7f]{4,}")
_WESTERN = ("cp1252", "cp850", "mac-roman", "iso8859-15")
_UNLIKELY = (
    "cp424 cp500 cp875 cp1026 cp1140 cp273 cp720 cp864 cp1006 cp1125 koi8-t kz1048 ptcp154 hp-roman8 johab mac-iceland "
    "cp856 cp858 cp860 cp861 cp863 cp869 iso8859-3 iso8859-10 iso8859-14 tis-620 hz utf-7 iso2022_jp_2 iso2022_jp_2004 "
    "iso2022_jp_ext iso2022_kr"
).split()
_COMMON_NAMES = {"euc_jis_2004": "euc_jp", "shift_jis_2004": "cp932", "iso8859-1": "cp1252", "euc_kr": "cp949"}


@dataclass(frozen=True)
class _Reading:
    """What the evidence means in a codec."""

    codec: str
    text: str

    @cached_property
    def script(self) -> str:
        return main_script(self.text)

    @cached_property
    def foreign(self) -> int:
        return sum(not char.isascii() for char in self.text)

    @cached_property
    def misfit(self) -> float:
        return misfit(self.text)


def detect_eight_bit(data: bytes) -> str:
    """Return the codec for bytes that are not UTF-8."""
    evidence = _evidence(data)
    western = _reading(evidence, "cp1252")
    if western and _is_western(western.text):
        return _with_euro_sign(western, evidence)
    ranked = [reading for codec in _ranking(evidence) if (reading := _reading(evidence, codec))]
    plausible = [reading for reading in ranked if reading.misfit <= _PLAUSIBLE]
    if western and western in plausible and _is_strewn(western.text):
        plausible = [reading for reading in plausible if reading.script == "LATIN"]
    if not plausible:
        return "cp1252" if western else "latin-1"
    first = next((reading for reading in plausible if reading.misfit <= _FITS), plausible[0])
    if first.script == "EAST ASIAN":
        return first.codec
    alike = [reading for reading in plausible if reading.script == first.script]
    best = min(alike, key=lambda reading: (reading.misfit, reading.codec not in _WESTERN))
    if western in alike and western.misfit <= best.misfit + _HANDICAP + _FEW / best.foreign:
        return western.codec
    return best.codec


def _with_euro_sign(western: _Reading, evidence: bytes) -> str:
    """Return ISO 8859-15 where that fits better: it has the euro sign and a few letters in other places."""
    other = _reading(evidence, "iso8859-15")
    return other.codec if other and other.misfit < western.misfit else western.codec


def _evidence(data: bytes) -> bytes:
    """Return words that are not ASCII, from all over the data, each once: one that many rows repeat says no more."""
    words = list(dict.fromkeys(_WORD.findall(data)))
    step = sum(map(len, words)) // _EVIDENCE_BYTES + 1
    return b" ".join(words[::step])[: 2 * _EVIDENCE_BYTES]


def _reading(evidence: bytes, codec: str) -> _Reading | None:
    try:
        return _Reading(codec, codecs.getincrementaldecoder(codec)().decode(evidence))
    except UnicodeDecodeError:
        return None


def _is_western(text: str) -> bool:
    """Whether a text has letters of Western Europe, strewn among others: other scripts come in whole words."""
    return _is_strewn(text) and misfit(text, western=True) <= _FITS


def _is_strewn(text: str) -> bool:
    in_words = sum(map(len, _FOREIGN_WORD.findall(text)))
    return in_words <= 0.3 * sum(not char.isascii() for char in text)


def _ranking(evidence: bytes) -> list[str]:
    """Return codecs from the likeliest on."""
    from chardet import detect_all  # only for these files: its import is slow

    found = detect_all(
        evidence, ignore_threshold=True, prefer_superset=False, compat_names=False, exclude_encodings=_UNLIKELY
    )
    names = (str(each["encoding"]) for each in found if each["encoding"] not in {None, "ascii", "utf-8"})
    ranked = [codecs.lookup(_COMMON_NAMES.get(name, name)).name for name in names]
    return list(dict.fromkeys([*ranked[:_CANDIDATES], *_WESTERN]))
