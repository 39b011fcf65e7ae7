"""Learn how much each kind of evidence about a title's language is believed, and measure it on titles held back.

`python -m benchmarks.tune_languages` measures, and with `--results` writes RESULTS-languages.md; with `--write` it learns
anew, from one half of the labelled list (`data/films/titles.tsv`) and all of `data/films/more_titles.tsv`, and writes
`title_examples.tsv`, `title_parts.npz` and `language_weights.json`. Which half a title belongs to is decided by its hash, so that a title keeps its half when
others are added. Nothing is learnt from the other half, nor from `data/films/fresh_titles.tsv`, which was collected
elsewhere afterwards.

The classifier is multinomial logistic regression with a weight for each kind of evidence in each language, and one bias
for each language. Parts of words are learnt from the same titles, so the evidence about each comes from the other folds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import learn_title_parts
from benchmarks.learn_title_parts import Learnt, from_titles
from flows.lake.films import languages, title_evidence, title_parts
from flows.lake.films.languages import UNDETERMINED, Weights
from flows.lake.films.title_evidence import INDEX, KINDS, LANGUAGES

LIST = Path("data/films/titles.tsv")
MORE = Path("data/films/more_titles.tsv")
FRESH = Path("data/films/fresh_titles.tsv")
RESULTS = Path("benchmarks/RESULTS-languages.md")
ROOM = Path("flows/lake/films")
THRESHOLD = 0.22
FOLDS = 5
STEPS = 1500
ALIKE = 0.01
"""How much it costs that a kind of evidence is believed differently in different languages."""

MEASURES = {
    "und": "`und`",
    "language of all": "language right, of all titles (`und` is wrong)",
    "language": "language right, of titles that are not `und`",
    "english": "English or not, right of titles that are not `und`",
    "english of all": "English or not, right of all titles (`und` is not English)",
}

Labelled = list[tuple[str, str]]


def labelled(path: Path = LIST) -> tuple[Labelled, Labelled]:
    """Return the titles to learn from, and those held back, each with the language of the title."""
    halves: tuple[Labelled, Labelled] = ([], [])
    for title, code in read(path):
        halves[is_held_back(title)].append((title, code))
    return halves


def read(path: Path) -> Labelled:
    """Return the titles of a list with their languages."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    return [(title, code) for title, code, *_ in rows]


def is_held_back(title: str) -> bool:
    """Say whether a title is one of those that nothing is learnt from."""
    return hashlib.sha256(title.encode()).digest()[0] % 2 == 0


def evidence_from_others(titles: Labelled, words: Learnt) -> NDArray[np.float64]:
    """Return the evidence about each title, where what parts of words say was learnt without it."""
    found = np.zeros((len(titles), len(KINDS), len(LANGUAGES)))
    for fold in range(FOLDS):
        _use(from_titles(words, [one for number, one in enumerate(titles) if number % FOLDS != fold]))
        others = [number for number in range(len(titles)) if number % FOLDS == fold]
        found[others] = title_evidence.evidence([titles[number][0] for number in others])
    return found


def learn(titles: Labelled, found: NDArray[np.float64]) -> Weights:
    """Learn the weights from titles and the evidence about them."""
    allowed = np.array([_allowed(title) for title, _ in titles])
    wanted = np.eye(len(LANGUAGES))[[INDEX[code] for _, code in titles]]
    kinds, bias = np.full((len(KINDS), len(LANGUAGES)), 0.5), np.zeros(len(LANGUAGES))
    squares_kinds, squares_bias = np.full(kinds.shape, 1e-8), np.full(bias.shape, 1e-8)
    for step in range(STEPS):
        total = np.einsum("kl,nkl->nl", kinds, found) + bias + allowed
        total -= total.max(axis=1, keepdims=True)
        likely = np.exp(total)
        likely /= likely.sum(axis=1, keepdims=True)
        wrong = (likely - wanted) / len(titles)
        slope_kinds = np.einsum("nl,nkl->kl", wrong, found)
        slope_kinds += 2 * ALIKE * (kinds - kinds.mean(axis=1, keepdims=True))
        slope_bias = wrong.sum(axis=0) + 0.02 * bias / len(LANGUAGES)
        squares_kinds = 0.99 * squares_kinds + 0.01 * slope_kinds**2
        squares_bias = 0.99 * squares_bias + 0.01 * slope_bias**2
        pace = 0.03 * 0.99 ** (step / 6)
        kinds -= pace * slope_kinds / np.sqrt(squares_kinds)
        bias -= pace * slope_bias / np.sqrt(squares_bias)
    return Weights(kinds, bias, THRESHOLD)


def _use(rows: NDArray[np.float32]) -> None:
    title_parts.table = lambda: rows  # type: ignore[assignment]
    title_evidence._told.clear()


def _allowed(title: str) -> NDArray[np.float64]:
    possible = languages._OF_LETTERS.get(languages.letters_of(title) or "", LANGUAGES)
    return np.array([0.0 if code in possible else -50.0 for code in LANGUAGES])


def write(titles: Labelled, learnt: Weights) -> None:
    """Write what was learnt."""
    text = "".join(f"{title}\t{code}\n" for title, code in sorted(titles, key=lambda one: (one[1], one[0])))
    (ROOM / "title_examples.tsv").write_text(text, encoding="utf-8")
    told = {
        "kinds": {kind: _by_language(row) for kind, row in zip(KINDS, learnt.kinds, strict=True)},
        "bias": _by_language(learnt.bias),
        "threshold": learnt.threshold,
    }
    (ROOM / "language_weights.json").write_text(json.dumps(told, indent=1) + "\n")


def _by_language(values: NDArray[np.float64]) -> dict[str, float]:
    return {code: round(float(value), 3) for code, value in zip(LANGUAGES, values, strict=True)}


def measure(titles: Labelled) -> dict[str, float]:
    """Return which share of titles is right: of those that are not `und`, and of all.

    The language of a title that is `und` is wrong; and `und` is not English.
    """
    told = [(said, code) for (said, _), (_, code) in zip(answers(titles), titles, strict=True)]
    sure = [(said, code) for said, code in told if said != UNDETERMINED]
    english = [(said == "en") == (code == "en") for said, code in sure]
    of_all = [(said == "en") == (code == "en") for said, code in told]
    right = sum(said == code for said, code in sure)
    return {
        "titles": len(titles),
        "und": 1 - len(sure) / len(told),
        "language": right / len(sure),
        "english": sum(english) / len(sure),
        "language of all": right / len(told),
        "english of all": sum(of_all) / len(told),
    }


def answers(titles: Labelled) -> list[tuple[str, float]]:
    """Return what is said of each title."""
    return languages.identify_all([title for title, _ in titles])


def results(lists: dict[str, Labelled]) -> str:
    """Return the page of results: each list's measures, each language's share, and what is confused most."""
    measured = [measure(titles) for titles in lists.values()]
    lines = [
        "# The language of titles",
        "",
        "Titles that nothing was learnt from. `python -m benchmarks.tune_languages --results` writes this page.",
        "",
        f"| | {' | '.join(lists)} |",
        f"| --- |{' ---: |' * len(lists)}",
        f"| titles | {' | '.join(str(one['titles']) for one in measured)} |",
    ]
    lines += [f"| {said} | {' | '.join(f'{one[name]:.1%}' for one in measured)} |" for name, said in MEASURES.items()]
    lines += ["", "Right, of all titles of a language, where `und` is wrong; and what the others were taken for:", ""]
    lines += [f"| language | {' | '.join(lists)} | taken for |", f"| --- |{' ---: |' * len(lists)} --- |"]
    told = [
        [(code, said) for (said, _), (_, code) in zip(answers(titles), titles, strict=True)]
        for titles in lists.values()
    ]
    for code in sorted({code for one in told for code, _ in one}):
        shares = [_share([said == code for of, said in one if of == code]) for one in told]
        wrong = Counter(said for one in told for of, said in one if of == code != said)
        taken = ", ".join(f"{said} {number}" for said, number in wrong.most_common(5))
        lines.append(f"| {code} | {' | '.join(shares)} | {taken} |")
    return "\n".join(lines) + "\n"


def _share(right: list[bool]) -> str:
    return f"{sum(right)} of {len(right)}" if right else ""


def main() -> None:
    """Learn if asked to, or measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="learn anew and write what was learnt")
    parser.add_argument("--results", action="store_true", help=f"measure and write {RESULTS}")
    options = parser.parse_args()
    known, held_back = labelled()
    if options.write:
        titles = sorted(known + read(MORE), key=lambda one: (one[1], one[0]))
        words = learn_title_parts.from_words()
        found = evidence_from_others(titles, words)
        write(titles, learn(titles, found))
        learn_title_parts.write(from_titles(words, titles), ROOM / "title_parts.npz")
        return
    page = results({"held back": held_back, "collected afterwards": read(FRESH)})
    print(page)
    if options.results:
        RESULTS.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
