"""Parts of words up to four letters long, counted in each language as a naive Bayes classifier counts them.

A part is a number: four letters of an alphabet, 16 bits each. So a hundred thousand parts are learnt, and those of many
words looked up, by a few calls of numpy; in Python alone both would take most of the time of the analysis's languages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LONGEST = 4
_BITS = 16
_MOST_LETTERS = 2**15 - 1
"""Four of 16 bits are one signed number of 64."""

_PSEUDO_COUNT = 0.05

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Parts:
    """What was learnt: for each part how much likelier each language makes it than a part that was never seen.

    Attributes:
        alphabet: The code points of all letters, in order; a letter's number is its place, from 1 on.
        keys: The parts, in order.
        scores: A row for each part, with a column for each language.
    """

    alphabet: Numbers
    keys: Numbers
    scores: NDArray[np.float32]

    def of_words(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Return for each word the sum of its parts' scores."""
        found = np.zeros((len(words), self.scores.shape[1]))
        keys, owners = _keys(words, self.alphabet)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = self.keys[places] == keys
        if not known.any():
            return found
        order = np.argsort(owners[known], kind="stable")
        having, starts = np.unique(owners[known][order], return_index=True)
        found[having] = np.add.reduceat(self.scores[places[known][order]], starts, axis=0)
        return found


def learn(samples: Iterable[tuple[int, float, Sequence[str]]], languages: int) -> Parts:
    """Learn from words.

    Args:
        samples: The number of a language, how much each of its parts counts, and words.
        languages: How many languages there are.
    """
    samples = [(number, weight, words) for number, weight, words in samples if words]
    alphabet = np.unique(_code_points("".join("".join((" ", *words)) for _, _, words in samples)))
    alphabet = alphabet[:_MOST_LETTERS]
    told = [(_keys(words, alphabet)[0], number, weight) for number, weight, words in samples]
    keys, places = np.unique(np.concatenate([one for one, _, _ in told]), return_inverse=True)
    numbers = np.concatenate([np.full(len(one), number) for one, number, _ in told])
    weights = np.concatenate([np.full(len(one), weight) for one, _, weight in told])
    told_by = np.bincount(places * languages + numbers, weights, len(keys) * languages).astype(float)
    counts = told_by.reshape(-1, languages) + _PSEUDO_COUNT
    totals = counts.sum(axis=0)
    scores = np.log(counts / totals) - np.log(_PSEUDO_COUNT / totals.mean())
    return Parts(alphabet, keys, scores.astype(np.float32))


def _keys(words: Sequence[str], alphabet: Numbers) -> tuple[Numbers, Numbers]:
    """Return the parts of words, and for each the number of its word; blanks stand for a word's ends.

    A part with a letter that is not in the alphabet is none that was learnt.
    """
    points = _code_points("".join(f" {word} " for word in words))
    owners = np.repeat(np.arange(len(words)), [len(word) + 2 for word in words])
    places = np.minimum(np.searchsorted(alphabet, points), len(alphabet) - 1)
    letters = np.where(alphabet[places] == points, places + 1, 0).astype(np.int64)
    keys, of = [letters[letters > 0]], [owners[letters > 0]]
    longer, known = letters, letters > 0
    for length in range(2, LONGEST + 1):
        last = letters[length - 1 :]
        longer = (longer[:-1] << _BITS) | last
        known = known[:-1] & (last > 0) & (owners[length - 1 :] == owners[: len(owners) - length + 1])
        keys.append(longer[known])
        of.append(owners[: len(known)][known])
    return np.concatenate(keys), np.concatenate(of)


def _code_points(text: str) -> Numbers:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
