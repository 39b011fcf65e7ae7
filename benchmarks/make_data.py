r"""Write the reference data: made-up performers of films and series, in the schema and size of the real files.

`python -m benchmarks.make_data` writes `movies.csv` (1,045,161 x 15) and `series.csv` (468,783 x 16) to `data/full/`;
the sample in `data/sample/` comes from the same generator with `--rows`. Files are `|`-separated UTF-8 with `\N` for
missing values, one row per performer in a title. The same seed writes the same bytes: only `random.random()` is drawn
from, whose sequence Python guarantees across versions. Rows are written as they are made, so memory stays flat.
"""

from __future__ import annotations

import argparse
import csv
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

FULL_ROWS = {"movies": 1_045_161, "series": 468_783}
COLUMNS = (
    "id tituloPincipal tituloOriginal anoLancamento anoTermino tempoMinutos genero notaMedia numeroVotos"
    " generoArtista personagem nomeArtista anoNascimento anoFalecimento profissao titulosMaisConhecidos"
).split()
MISSING = r"\N"

_ARTICLES = ("O", "A", "The", "Um", "Le", "La", "Das", "El", "Os", "Uma")
_ADJECTIVES = (
    "Último Grande Silent Perdida Red Azul Eterno Crazy Pequeña Dernière Golden Proibido Quiet Sombria Wild Feliz"
    " Broken Única Frozen São"
).split()
_NOUNS = (
    "Coração River Noite Heart Cidade Empire Canção Winter Sertão Mirror Verão Train Mãe Garden Ilha Shadow Família"
    " Ocean Paixão Bridge Estação Star João Letter Revolução Dream Avó Highway Lua Detective"
).split()
_TAILS = (
    "",
    "",
    "",
    "",
    " 2",
    ": O Retorno",
    ", Part II",
    " (Remake)",
    " & Filhos",
    ', ou "A Volta"',
    " – Vol. 3",
    "!",
)
_FIRST = (
    "Ana João Maria José Beatriz Márcio Helen William François Zoë Lúcia Antônio Grace Søren Inês Robert Chloé"
    " Tomás Akira Wanda Conceição Peter Renée Otávio"
).split()
_LAST = (
    "Silva Souza O'Hara Gonçalves Smith Müller Araújo Lefèvre Nakamura Brontë Simões Johnson Nuñez Öztürk D'Ávila"
    " Costa Kowalski Brandão Watson Peña"
).split()
_GENRES = ("Drama", "Comedy", "Romance", "Short", "Documentary", "Crime", "Action", "Horror", "Family", "Western")
_JOBS = ("actor", "actress", "director", "writer", "producer", "soundtrack", "miscellaneous")
_ROLES = ("Himself", "Mãe", "Dr. Watson", 'Joe "The Rat" Malone', "Detective, retired", "Rainha", "Narrator", "Padre")


class _Dice:
    """Draws what the rows need from one reproducible sequence."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def pick(self, values: Sequence[str]) -> str:
        return values[int(self.random() * len(values))]

    def between(self, low: int, high: int) -> int:
        return low + int(self.random() * (high - low + 1))

    def or_missing(self, share: float, value: object) -> object:
        return MISSING if self.random() < share else value

    def some(self, values: Sequence[str], most: int) -> str:
        start, count = int(self.random() * len(values)), 1 + int(self.random() * most)
        return ",".join((*values, *values)[start : start + count])


def rows(kind: str, count: int, seed: int) -> Iterator[list[object]]:
    """Yield the rows of `movies` or `series`, without the header."""
    dice, made, title_id = _Dice(seed), 0, 60
    series = kind == "series"
    while made < count:
        title_id += dice.between(1, 9)
        title = f"{dice.pick(_ARTICLES)} {dice.pick(_ADJECTIVES)} {dice.pick(_NOUNS)}{dice.pick(_TAILS)}"
        original = title if dice.random() < 0.7 else f"{dice.pick(_ADJECTIVES)} {dice.pick(_NOUNS)}"
        year = dice.between(1894, 2022)
        facts: list[object] = [f"tt{title_id:07}", title, original, dice.or_missing(0.02, year)]
        if series:
            facts.append(dice.or_missing(0.6, year + dice.between(0, 12)))
        facts += [
            dice.or_missing(0.1, dice.between(1, 240)),
            dice.or_missing(0.01, dice.some(_GENRES, 3)),
            f"{1 + 9 * dice.random():.1f}",
            int(5 + 10 ** (6 * dice.random() ** 3)),
        ]
        for _ in range(min(dice.between(1, 10), count - made)):
            yield facts + _performer(dice, year)
            made += 1


def _performer(dice: _Dice, year: int) -> list[object]:
    born = year - dice.between(8, 70)
    known = ",".join(f"tt{dice.between(1, 9_999_999):07}" for _ in range(dice.between(1, 4)))
    return [
        "actor" if dice.random() < 0.6 else "actress",
        dice.or_missing(0.25, dice.pick(_ROLES)),
        f"{dice.pick(_FIRST)} {dice.pick(_LAST)}",
        dice.or_missing(0.15, born),
        dice.or_missing(0.55, born + dice.between(30, 95)),
        dice.or_missing(0.05, dice.some(_JOBS, 3)),
        dice.or_missing(0.03, known),
    ]


def write(kind: str, folder: Path, count: int) -> Path:
    """Write one file; it appears under its name only when it is complete."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind}.csv"
    unfinished = path.with_suffix(".csv.part")
    header = [name for name in COLUMNS if kind == "series" or name != "anoTermino"]
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="|", lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows(kind, count, seed=len(header)))
    unfinished.replace(path)
    return path


def main() -> None:
    """Write both files and say how large they are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=Path("data/full"))
    parser.add_argument("--rows", type=int, help="rows of each file, in place of the reference data's own")
    options = parser.parse_args()
    for kind, full in FULL_ROWS.items():
        started = time.monotonic()
        count = options.rows or full
        path = write(kind, options.folder, count)
        seconds = time.monotonic() - started
        print(f"{path}: {count:,} rows, {path.stat().st_size / 1e6:,.1f} MB in {seconds:.1f} s")


if __name__ == "__main__":
    main()
