"""Learn how much each kind of evidence about a title's language is believed, and measure it on titles held back.

`python -m benchmarks.tune_languages` measures; with `--write` it first learns anew from one half of the labelled list
(`data/films/titles.tsv`) and writes `title_examples.tsv` and `language_weights.json`. Which half a title belongs to is
decided by its hash, so that a title keeps its half when others are added.

The classifier is multinomial logistic regression with one weight for each kind of evidence and one bias for each
language. Parts of words are learnt from the same half, so the evidence of each title comes from the other folds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flows.lake.films import languages, title_evidence, title_parts
from flows.lake.films.languages import UNDETERMINED, Weights
from flows.lake.films.title_evidence import INDEX, KINDS, LANGUAGES

LIST = Path("data/films/titles.tsv")
ROOM = Path("flows/lake/films")
THRESHOLD = 0.4
FOLDS = 6
STEPS = 600

Labelled = list[tuple[str, str]]


def labelled(path: Path = LIST) -> tuple[Labelled, Labelled]:
    """Return the titles to learn from, and those held back, each with the language of the title."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    halves: tuple[Labelled, Labelled] = ([], [])
    for title, code, _ in rows:
        halves[is_held_back(title)].append((title, code))
    return halves


def is_held_back(title: str) -> bool:
    """Say whether a title is one of those that nothing is learnt from."""
    return hashlib.sha256(title.encode()).digest()[0] % 2 == 0


def learn(titles: Labelled) -> Weights:
    """Learn the weights from titles whose evidence comes from the others."""
    found = np.zeros((len(titles), len(KINDS), len(LANGUAGES)))
    for fold in range(FOLDS):
        examples = [one for number, one in enumerate(titles) if number % FOLDS != fold]
        _use(title_evidence.learn_parts(examples))
        others = [number for number in range(len(titles)) if number % FOLDS == fold]
        found[others] = title_evidence.evidence([titles[number][0] for number in others])
    _use(title_evidence.learn_parts(titles))
    allowed = np.array([_allowed(title) for title, _ in titles])
    wanted = np.eye(len(LANGUAGES))[[INDEX[code] for _, code in titles]]
    kinds, bias = np.full(len(KINDS), 0.5), np.zeros(len(LANGUAGES))
    squares_kinds, squares_bias = np.full(len(KINDS), 1e-8), np.full(len(LANGUAGES), 1e-8)
    for step in range(STEPS):
        total = np.einsum("k,nkl->nl", kinds, found) + bias + allowed
        total -= total.max(axis=1, keepdims=True)
        likely = np.exp(total)
        likely /= likely.sum(axis=1, keepdims=True)
        wrong = (likely - wanted) / len(titles)
        slope_kinds = np.einsum("nl,nkl->k", wrong, found)
        slope_bias = wrong.sum(axis=0) + 0.02 * bias / len(LANGUAGES)
        squares_kinds = 0.99 * squares_kinds + 0.01 * slope_kinds**2
        squares_bias = 0.99 * squares_bias + 0.01 * slope_bias**2
        pace = 0.03 * 0.99 ** (step / 6)
        kinds -= pace * slope_kinds / np.sqrt(squares_kinds)
        bias -= pace * slope_bias / np.sqrt(squares_bias)
    return Weights(kinds, bias, THRESHOLD)


def _use(parts: title_parts.Parts) -> None:
    title_evidence._parts = lambda: parts  # type: ignore[assignment]
    title_evidence._told.clear()


def _allowed(title: str) -> NDArray[np.float64]:
    possible = languages._OF_LETTERS.get(languages.letters_of(title) or "", LANGUAGES)
    return np.array([0.0 if code in possible else -50.0 for code in LANGUAGES])


def write(titles: Labelled, learnt: Weights) -> None:
    """Write what was learnt."""
    text = "".join(f"{title}\t{code}\n" for title, code in sorted(titles, key=lambda one: (one[1], one[0])))
    (ROOM / "title_examples.tsv").write_text(text, encoding="utf-8")
    told = {
        "kinds": {kind: round(float(value), 4) for kind, value in zip(KINDS, learnt.kinds, strict=True)},
        "bias": {code: round(float(value), 4) for code, value in zip(LANGUAGES, learnt.bias, strict=True)},
        "threshold": learnt.threshold,
    }
    (ROOM / "language_weights.json").write_text(json.dumps(told, indent=1) + "\n")


def measure(titles: Labelled) -> dict[str, float]:
    """Return which share of titles is right, of all and of those that are sure, and the share of those that are not."""
    told = [(languages.identify(title)[0], code) for title, code in titles]
    sure = [(said, code) for said, code in told if said != UNDETERMINED]
    return {
        "titles": len(titles),
        "und": 1 - len(sure) / len(told),
        "language": sum(said == code for said, code in sure) / len(sure),
        "english": sum((said == "en") == (code == "en") for said, code in sure) / len(sure),
        "language of all": sum(said == code for said, code in told) / len(told),
    }


def main() -> None:
    """Learn if asked to, measure, and print what is confused most."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="learn anew and write what was learnt")
    options = parser.parse_args()
    known, held_back = labelled()
    if options.write:
        write(known, learn(known))
    for name, titles in (("learnt from", known), ("held back", held_back)):
        print(name, {what: round(value, 3) for what, value in measure(titles).items()})
    confused = Counter(
        (code, said) for title, code in held_back if (said := languages.identify(title)[0]) not in {code, UNDETERMINED}
    )
    print(confused.most_common(12))


if __name__ == "__main__":
    main()
