"""Files with one defect each, of the kinds that surveys of open-data portals count, made from one table of orders.

The kinds are those of Pollock (Vitagliano et al., "Pollock: A Data Loading Benchmark", VLDB 2023); the table and the code
are this project's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

Rows = list[list[str]]
HEADER = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "ProductType", "ProductDescription", "URL", "Comments"]
_WORDS = ("lamp", "chair", "table, round", 'the "big" one', "two\r\nlines", "", "desk; oak", "shelf")


@dataclass(frozen=True)
class Polluted:
    """A file with a defect.

    Attributes:
        kind: The kind of defect.
        data: Its bytes.
        header: The names that a reader should find; none where no line holds them.
        rows: The rows that it should find.
    """

    kind: str
    data: bytes
    header: list[str]
    rows: Rows


def table(rows: int = 83) -> Rows:
    """Return the rows of the clean table."""
    return [
        [
            f"{n % 28 + 1:02}/{n % 12 + 1:02}/2014",
            f"{n % 24:02}:{n * 7 % 60:02}",
            str(n % 9 + 1),
            f"PRD{n:04}",
            f"{n * 37 % 400 + 1}.{n % 100:02}",
            ("Furniture", "Light", "Garden")[n % 3],
            _WORDS[n % len(_WORDS)],
            f"http://shop.example/p?id={n}&x=1",
            "" if n % 4 else f"note {n}",
        ]
        for n in range(rows)
    ]


def records(
    rows: Rows, *, sign: str = ",", quote: str = '"', end: str = "\r\n", escape: str | None = None
) -> list[str]:
    """Return the header and the rows as text, every field in quotes."""
    inside = escape if escape is not None else quote
    return [
        sign.join(quote + cell.replace(quote, inside + quote) + quote for cell in row) + end for row in [HEADER, *rows]
    ]


def files() -> Iterator[Polluted]:
    """Yield a file for each defect and place."""
    rows = table()
    plain = records(rows)

    def made(
        kind: str, text: str, kept: Rows | None = None, header: list[str] | None = None, encoding: str = "utf-8"
    ) -> Polluted:
        return Polluted(
            kind, text.encode(encoding), HEADER if header is None else header, rows if kept is None else kept
        )

    yield made("nothing", "".join(plain))
    for place in range(1, len(plain), 2):
        for field in range(len(HEADER)):
            cells = plain[place].removesuffix("\r\n").split('","')
            if len(cells) != len(HEADER):
                continue
            more = [*cells]
            more[field] += '","' if field < len(HEADER) - 1 else '",""'[:-1]
            yield made(
                "row with a separator more", "".join([*plain[:place], '","'.join(more) + "\r\n", *plain[place + 1 :]])
            )
            if field:
                less = [*cells[: field - 1], cells[field - 1] + cells[field], *cells[field + 1 :]]
                yield made(
                    "row with a separator less",
                    "".join([*plain[:place], '","'.join(less) + "\r\n", *plain[place + 1 :]]),
                )
            quoted = [*cells]
            quoted[field] = '""' + cells[0][1:] if field == 0 else '"' + cells[field]
            yield made("extra quote", "".join([*plain[:place], '","'.join(quoted) + "\r\n", *plain[place + 1 :]]))
    for sign in (";", "|", "\t", " ", ", ", "||", "\t\t", ":", "\x01"):
        yield made("other delimiter", "".join(records(rows, sign=sign)))
    yield made("other quote", "".join(records(rows, quote="'")))
    yield made("other escape", "".join(records(rows, escape="\\")))
    for end in ("\n", "\r"):
        yield made("other record end", "".join(records(rows, end=end)))
    yield made("no header", "".join(plain[1:]), header=[])
    yield made("doubled header", plain[0] + "".join(plain), kept=[HEADER, *rows])
    for above in (
        "PREAMBLE\r\n" * 3,
        "PREAMBLE\r\n" * 3 + "\r\n",
        f"PREAMBLE{',' * 8}\r\n" * 3,
        f"PREAMBLE{',' * 8}\r\n" * 3 + "," * 8 + "\r\n",
    ):
        yield made("preamble", above + "".join(plain))
    for below in (
        "FOOTNOTE\r\n" * 3,
        "\r\n" + "FOOTNOTE\r\n" * 3,
        f"FOOTNOTE{',' * 8}\r\n" * 3,
        "," * 8 + "\r\n" + f"FOOTNOTE{',' * 8}\r\n" * 3,
    ):
        yield made("footnote", "".join(plain) + below)
    yield made("several tables", "".join(plain) + "\r\n" + "a,b,c\r\n1,2,3\r\n4,5,6\r\n")
    yield made("no trailing newline", "".join(plain).removesuffix("\r\n"))
    yield made(
        "one column", "".join(f'"{row[0]}"\r\n' for row in [HEADER, *rows]), [row[:1] for row in rows], HEADER[:1]
    )
    yield made("header only", plain[0], kept=[])
    yield made("one row", "".join(plain[:2]), kept=rows[:1])
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):
        yield made("encoding", "".join(plain), encoding=encoding)
