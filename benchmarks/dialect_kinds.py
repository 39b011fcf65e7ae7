"""Small CSV files of the kinds that people publish, each made from a template with a seeded generator.

They stand in for real files that misled detectors: exports of banks, surveys, spreadsheets, translations, dumps, lists.
The delimiter is known by construction; an empty one means a single column.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.made_cells import CITIES, WORDS, cell_makers, made_table, prose, quoted, row_count

Maker = Callable[[random.Random], tuple[str, str]]


def _mixed(rng: random.Random) -> tuple[str, str]:
    """A table of any cells, any of the four delimiters."""
    delimiter = rng.choice([",", ",", ";", "\t", "|"])
    cells = list(cell_makers(rng).values())
    chosen = [rng.choice(cells) for _ in range(rng.randint(2, 12))]
    return made_table(rng, delimiter, chosen, header=rng.random() < 0.8, always=rng.random() < 0.2), delimiter


def _of(delimiter: str, *names: str, **how: Any) -> Maker:
    def make(rng: random.Random) -> tuple[str, str]:
        cells = cell_makers(rng)
        return made_table(
            rng, delimiter, [cells[name] for name in names], **{"header": rng.random() < 0.7, **how}
        ), delimiter

    return make


def _one(name: str) -> Maker:
    def make(rng: random.Random) -> tuple[str, str]:
        cell = cell_makers(rng)[name]
        head = [rng.choice(WORDS)] if rng.random() < 0.6 else []
        return "\n".join([*head, *(cell() for _ in range(max(3, row_count(rng))))]) + "\n", ""

    return make


def _bank(rng: random.Random) -> tuple[str, str]:
    """A bank's export: an account, a period, a blank line, then the table."""
    cells = cell_makers(rng)
    top = f'"Kontonummer:";"{rng.randint(10**8, 10**9)} / Girokonto";\n\n"Von:";"{cells["date"]()}";\n"Bis:";"{cells["date"]()}";\n"Kontostand vom {cells["date"]()}:";"{cells["comma"]()} EUR";\n\n'
    names = ["date", "short", "text", "comma", "hex"]
    return top + made_table(rng, ";", [cells[name] for name in names], always=True, rows=rng.randint(3, 60)), ";"


def _report(rng: random.Random) -> tuple[str, str]:
    """A statistics office's table: a title, notes, a wide table of counts, sources below."""
    delimiter = rng.choice([",", ";", "\t"])
    years = range(2000, 2000 + rng.randint(3, 15))
    pad = delimiter * (len(years) if rng.random() < 0.5 else 0)
    lines = [
        f"Table {rng.randint(1, 9)}: {quoted(prose(rng, 8), delimiter)}{pad}",
        pad,
        delimiter.join(["Area", *map(str, years)]),
    ]
    for _ in range(rng.randint(4, 40)):
        lines.append(
            delimiter.join(
                [
                    quoted(rng.choice(CITIES), delimiter),
                    *(
                        rng.choice(
                            [
                                str(rng.randint(0, 9999)),
                                f'"{rng.randint(1, 9)},{rng.randint(100, 999)}"'
                                if delimiter == ","
                                else f"{rng.randint(1, 9)},{rng.randint(100, 999)}",
                                "-",
                            ]
                        )
                        for _ in years
                    ),
                ]
            )
        )
    lines += [
        pad,
        f"Source: {quoted(prose(rng, 6), delimiter)}{pad}",
        f"Note: {prose(rng, 5).replace(delimiter, ' ')}{pad}",
    ]
    return "\n".join(lines) + "\n", delimiter


def _baskets(rng: random.Random) -> tuple[str, str]:
    """Shopping baskets: rows of any length."""
    delimiter = rng.choice([",", ";", "\t"])
    rows = [
        delimiter.join(
            rng.choice(["whole milk", "rolls", "other vegetables", "beer", "soda"]) for _ in range(rng.randint(1, 9))
        )
        for _ in range(rng.randint(8, 90))
    ]
    return "\n".join(rows) + "\n", delimiter


def _translations(rng: random.Random) -> tuple[str, str]:
    """Texts of a program in several languages."""
    delimiter = rng.choice([",", ";", "\t"])
    rows = []
    for n in range(rng.randint(3, 60)):
        texts = [rng.choice([prose(rng, rng.randint(1, 12)), "%s: %d", "<br>", "\\n", "..."]) for _ in range(3)]
        rows.append(
            delimiter.join([f"MSG_{n}", *(quoted(text, delimiter, always=rng.random() < 0.3) for text in texts)])
        )
    return "\n".join([delimiter.join(["key", "en", "pt", "fr"]), *rows]) + "\n", delimiter


def _sections(rng: random.Random) -> tuple[str, str]:
    """Two tables in one file, under comments."""
    cells = cell_makers(rng)
    one = made_table(rng, ",", [cells[name] for name in ("date", "id", "percent")], rows=rng.randint(3, 40))
    two = made_table(rng, ",", [cells[name] for name in ("city", "id", "real", "id", "id")], rows=rng.randint(3, 40))
    return "# ----------------------------------------\n# " + prose(rng, 5) + "\n# " + cells[
        "stamp"
    ]() + "\n" + one + "\n" + two, ","


def _sheet(rng: random.Random) -> tuple[str, str]:
    """A spreadsheet that is mostly empty."""
    delimiter = rng.choice([",", ";"])
    width = rng.randint(5, 14)
    rows = [[""] * width for _ in range(rng.randint(6, 40))]
    for _ in range(rng.randint(6, 40)):
        rng.choice(rows)[rng.randrange(width)] = quoted(
            rng.choice([prose(rng, 3), str(rng.randint(1, 99)), "x"]), delimiter
        )
    return "\n".join(delimiter.join(row) for row in rows) + "\n", delimiter


def _padded(rng: random.Random) -> tuple[str, str]:
    """Blanks around the delimiter."""
    delimiter = rng.choice([",", "|", ";"])
    cells = cell_makers(rng)
    names = ["id", "word", "real", "date", "short"][: rng.randint(2, 5)]
    rows = [[cells[name]().replace(delimiter, "") for name in names] for _ in range(row_count(rng))]
    return "\n".join(
        f" {delimiter} ".join(row) if delimiter == "|" else f"{delimiter} ".join(row) for row in [names, *rows]
    ) + "\n", delimiter


def _r_table(rng: random.Random) -> tuple[str, str]:
    """What R's write.table writes: quoted words, blanks between, one field less in the header."""
    delimiter = rng.choice([" ", ",", "\t"])
    rows = [
        f'"{n}"{delimiter}{rng.uniform(0, 9):.3f}{delimiter}{rng.randint(0, 9)}{delimiter}"{rng.choice(WORDS)} {rng.choice(WORDS)}"'
        for n in range(1, rng.randint(4, 60))
    ]
    return "\n".join([delimiter.join(['"weight"', '"group"', '"label"']), *rows]) + "\n", delimiter


def _matrix(rng: random.Random) -> tuple[str, str]:
    """Numbers alone."""
    delimiter = rng.choice([",", " ", "\t", ";", ":", "|"])
    width = rng.randint(2, 30)
    digits = rng.choice([0, 2, 6])
    rows = [
        delimiter.join(f"{rng.uniform(0, 99):.{digits}f}" for _ in range(width)) for _ in range(max(3, row_count(rng)))
    ]
    return "\n".join(
        row + (delimiter if width > 3 and delimiter in ",;" and len(rows) % 2 else "") for row in rows
    ) + "\n", delimiter


def _accounts(rng: random.Random) -> tuple[str, str]:
    """Colons, carets and tildes."""
    delimiter = rng.choice([":", "^", "~"])
    cells = cell_makers(rng)
    rows = [
        delimiter.join([cells["word"](), "x", cells["id"](), cells["name"](), f"/home/{cells['word']()}"])
        for _ in range(rng.randint(3, 40))
    ]
    return "\n".join(rows) + "\n", delimiter


def _apostrophes(rng: random.Random) -> tuple[str, str]:
    """Fields in single quotes."""
    delimiter = rng.choice([",", ";"])
    rows = [
        delimiter.join(f"'{rng.choice([rng.choice(WORDS), 'a, b; c', str(rng.randint(1, 9))])}'" for _ in range(4))
        for _ in range(rng.randint(3, 40))
    ]
    return "\n".join(rows) + "\n", delimiter


def _stray(rng: random.Random) -> tuple[str, str]:
    """Quotes that mean inches, or nothing."""
    delimiter = rng.choice([",", "\t", "|", ";"])
    rows = [
        delimiter.join(
            [
                str(n),
                rng.choice(['5" pipe', 'the "best', "12'", "plain", '3 1/2"']),
                f"{rng.uniform(0, 9):.2f}",
                rng.choice(WORDS),
            ]
        )
        for n in range(rng.randint(4, 60))
    ]
    return "\n".join([delimiter.join(["n", "size", "price", "use"]), *rows]) + "\n", delimiter


KINDS: dict[str, Maker] = {
    "any cells": _mixed,
    "any cells, again": _mixed,
    "coordinates": _of(",", "real", "real"),
    "time series": _of(",", "stamp", "real", "real"),
    "time series, semicolons": _of(";", "stamp", "comma", "comma"),
    "clock and decimal comma": _of(";", "clock", "comma"),
    "dates and money": _of(";", "date", "short", "money"),
    "percent with commas": _of("\t", "word", "percent", "percent"),
    "tweets": _of(",", "id", "mail", "text"),
    "tweets, tabs": _of("\t", "id", "text"),
    "verses": _of("|", "word", "id", "id", "text"),
    "dictionary": _of("\t", "word", "text"),
    "dictionary, semicolons": _of(";", "word", "text"),
    "addresses": _of("\t", "name", "city"),
    "addresses, pipes": _of("|", "id", "name", "city", "phone"),
    "addresses, semicolons": _of(";", "name", "city", "phone", "mail"),
    "documents": _of(",", "hex", "json"),
    "documents, tabs": _of("\t", "hex", "stamp", "json"),
    "pages": _of(",", "url", "html"),
    "pages, semicolons": _of(";", "url", "html", "id"),
    "pages, quoted": _of(",", "id", "html", "text", always=True),
    "descriptions over lines": _of(",", "id", "lines", "word"),
    "descriptions over lines, semicolons": _of(";", "id", "lines", "comma"),
    "backslashes": _of(",", "id", "said", "word", escape='\\"', always=True),
    "speech": _of(",", "name", "said"),
    "links": _of(",", "url", "id"),
    "lists in cells": _of(",", "id", "list", "list"),
    "lists in cells, pipes": _of("|", "id", "list", "list"),
    "lists in cells, semicolons": _of(";", "id", "list", "real"),
    "mostly missing": _of(",", "id", "maybe", "empty", "maybe", "empty", "maybe"),
    "mostly missing, semicolons": _of(";", "short", "maybe", "empty", "maybe", "empty"),
    "survey": _of(",", "stamp", "short", "short", "text", "word", always=True),
    "numbers and names": _of(",", "id", "name"),
    "one column of words": _one("word"),
    "one column of names": _one("name"),
    "one column of phrases": _one("short"),
    "one column of prose": _one("text"),
    "one column of numbers": _one("real"),
    "one column of addresses": _one("mail"),
    "one column of links": _one("url"),
    "one column of time stamps": _one("stamp"),
    "one column of phones": _one("phone"),
    "one column of sums": _one("money"),
    "bank": _bank,
    "report": _report,
    "report, again": _report,
    "baskets": _baskets,
    "translations": _translations,
    "sections": _sections,
    "sheet": _sheet,
    "padded": _padded,
    "R": _r_table,
    "matrix": _matrix,
    "accounts": _accounts,
    "apostrophes": _apostrophes,
    "stray quotes": _stray,
}


def files(each: int, rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """Yield texts, their delimiters and their kinds."""
    for kind, make in KINDS.items():
        for _ in range(each):
            text, delimiter = make(rng)
            if rng.random() < 0.3:
                text = text.replace("\n", "\r\n")
            yield text, delimiter, kind
