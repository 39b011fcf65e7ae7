"""Learn what parts of words say about a language: the table that `flows.lake.films.title_parts` looks them up in.

Softmax regression by gradient descent with a pace for each part (Adagrad). Titles are few, so what words look like is
first learnt from wordfreq's lists, one to three words at a time, common ones more often, some without their accents;
then from titles, together with some of those words, so that they are not forgotten.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.lake.films import title_evidence, title_parts
from flows.lake.films.title_evidence import INDEX, LANGUAGES, words_of

Samples = list[tuple[list[str], int]]
"""Words that stand together, and the number of their language."""

MADE_OF_EACH = 12_000
MADE_BESIDE_TITLES = 600
MOST_COMMON = 30_000
WITHOUT_ACCENTS = 0.15
EPOCHS_OF_WORDS, EPOCHS_OF_TITLES = 3, 2
TITLES_REPEATED = 4
AT_A_TIME = 256
PACE = 0.3
SHRINKING = 1e-5
LEVELS = 127

SHARED = ("LATIN", "CYRILLIC", "ARABIC", "CJK")
"""Letters that leave the language of a word open."""


@dataclass
class Learnt:
    """The table, and for each part how far it has moved already: what has moved far moves on slowly."""

    rows: NDArray[np.float32]
    moved: NDArray[np.float32]

    def copy(self) -> Learnt:
        """Return a copy, on which learning may go on."""
        return Learnt(self.rows.copy(), self.moved.copy())


def from_words(seed: int = 1) -> Learnt:
    """Learn from the words of each language."""
    learnt = Learnt(
        np.zeros((title_parts.ROWS, len(LANGUAGES)), np.float32), np.full(title_parts.ROWS, 1e-3, np.float32)
    )
    _descend(learnt, made(MADE_OF_EACH, seed), EPOCHS_OF_WORDS, shrinking=0.0)
    return learnt


def from_titles(before: Learnt, titles: list[tuple[str, str]], seed: int = 5) -> NDArray[np.float32]:
    """Go on learning, from titles with their languages; returns the table."""
    learnt = before.copy()
    learnt.moved *= 0.3
    of_titles = [(words, INDEX[code]) for title, code in titles if (words := words_of(title))]
    _descend(learnt, of_titles * TITLES_REPEATED + made(MADE_BESIDE_TITLES, seed), EPOCHS_OF_TITLES, SHRINKING)
    return learnt.rows


def made(number: int, seed: int) -> Samples:
    """Return words of each language, one to three together."""
    chance = np.random.default_rng(seed)
    samples: Samples = []
    for code, known in zip(LANGUAGES, title_evidence.frequencies(), strict=True):
        latin = [word for word in known if _as_in_titles(word)]
        words = sorted(latin, key=lambda word: (-known[word], word))[:MOST_COMMON]
        often = np.sqrt([known[word] for word in words])
        drawn = iter(chance.choice(len(words), size=3 * number, p=often / often.sum()).tolist())
        for together in chance.choice([1, 2, 3], size=number, p=[0.5, 0.3, 0.2]).tolist():
            sample = [words[next(drawn)] for _ in range(together)]
            if chance.random() < WITHOUT_ACCENTS:
                sample = [_plain(word) for word in sample]
            samples.append((words_of(" ".join(sample)), INDEX[code]))
    return samples


def _as_in_titles(word: str) -> bool:
    """Say whether a word has letters of several languages; parts of other words teach nothing."""
    return word.replace("'", "").isalpha() and unicodedata.name(word[0], "").startswith(SHARED)


def _plain(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", word) if not unicodedata.combining(letter))


def _descend(learnt: Learnt, samples: Samples, epochs: int, shrinking: float) -> None:
    chance = np.random.default_rng(0)
    hashed = [title_parts.hashes_of(words)[0] for words, _ in samples]
    wanted = np.array([number for _, number in samples])
    for _ in range(epochs):
        order = chance.permutation(len(samples))
        for begin in range(0, len(order), AT_A_TIME):
            some = order[begin : begin + AT_A_TIME]
            _step(learnt, [hashed[number] for number in some], wanted[some], shrinking)


def _step(learnt: Learnt, hashed: list[NDArray[np.int64]], wanted: NDArray[np.int64], shrinking: float) -> None:
    parts = np.concatenate(hashed)
    lengths = np.array([len(one) for one in hashed])
    scale = (1 / np.sqrt(lengths))[:, None]
    total = np.add.reduceat(learnt.rows[parts], np.concatenate(([0], lengths.cumsum()[:-1])), axis=0) * scale
    wrong = np.exp(total - total.max(axis=1, keepdims=True))
    wrong /= wrong.sum(axis=1, keepdims=True)
    wrong[np.arange(len(wanted)), wanted] -= 1
    slopes = np.repeat((wrong * scale).astype(np.float32), lengths, axis=0)
    order = np.argsort(parts, kind="stable")
    met, starts = np.unique(parts[order], return_index=True)
    slope = np.add.reduceat(slopes[order], starts, axis=0)
    learnt.moved[met] += (slope**2).mean(axis=1)
    learnt.rows[met] -= PACE * slope / np.sqrt(learnt.moved[met])[:, None]
    learnt.rows[met] *= 1 - shrinking


def rounded(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], np.float32]:
    """Return the table in whole numbers of one byte, and what one of them stands for; very large ones are cut."""
    step = np.float32(np.quantile(np.abs(rows), 0.9995) / LEVELS)
    return np.clip(np.rint(rows / step), -LEVELS, LEVELS).astype(np.int8), step


def write(rows: NDArray[np.float32], path: Path) -> None:
    """Write the table, packed."""
    whole, step = rounded(rows)
    np.savez_compressed(path, rows=whole, step=step)
