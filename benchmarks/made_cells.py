"""What the cells of made CSV files hold, prose, names, numbers and dates as people write them, and tables of them."""

from __future__ import annotations

import random
from collections.abc import Callable

WORDS = (
    "time year people way day man thing woman life child world school state family student group country problem hand"
    " part place case week company system program question work government number night point home water room mother"
    " area money story fact month lot right study book eye job word business issue side kind head house service friend"
).split()
NAMES = "Ana Silva;João Souza;Mary O'Neil;Li Wei;José da Costa;Zoë Müller;Smith, John;D'Ávila, Rita".split(";")
CITIES = "São Paulo;London;New York, NY;Washington, D.C.;Porto Alegre;Köln;Paris;St. John's".split(";")


def prose(rng: random.Random, words: int) -> str:
    """Return a sentence of so many words, with the marks that mislead detectors."""
    text = ""
    for number in range(words):
        apart = rng.choices([" ", ", ", "; ", ": ", ". ", " - "], [80, 9, 2, 2, 5, 2])[0]
        text += rng.choice(WORDS) + ("" if number == words - 1 else apart)
    return text.capitalize() + rng.choice([".", "!", "?", ""])


def row_count(rng: random.Random) -> int:
    """Return how many rows a file has: few, mostly."""
    return rng.choice([1, 2, 3, 5, 8, 20, 60, 200])


def quoted(text: str, delimiter: str, *, always: bool = False, escape: str = '""') -> str:
    """Return a cell as it stands in a file, quoted where it must be or always."""
    if always or delimiter in text or '"' in text or "\n" in text:
        return '"' + text.replace('"', escape) + '"'
    return text


def made_table(
    rng: random.Random,
    delimiter: str,
    cells: list[Callable[[], str]],
    *,
    header: bool = True,
    always: bool = False,
    escape: str = '""',
    rows: int | None = None,
) -> str:
    """Return a table of cells as text."""
    lines = (
        [delimiter.join(quoted(f"{rng.choice(WORDS)}_{n}", delimiter, always=always) for n in range(len(cells)))]
        if header
        else []
    )
    lines += [
        delimiter.join(quoted(cell(), delimiter, always=always, escape=escape) for cell in cells)
        for _ in range(rows or row_count(rng))
    ]
    return "\n".join(lines) + "\n"


def cell_makers(rng: random.Random) -> dict[str, Callable[[], str]]:
    """Return what makes a cell of each kind, by its name."""
    return {
        "id": lambda: str(rng.randint(1, 99_999)),
        "real": lambda: f"{rng.uniform(-180, 180):.{rng.randint(1, 6)}f}",
        "comma": lambda: f"{rng.uniform(0, 5000):.2f}".replace(".", ","),
        "money": lambda: f"R$ {rng.randint(1, 999)}.{rng.randint(100, 999)},{rng.randint(10, 99)}",
        "percent": lambda: f"{rng.uniform(0, 100):.1f}%".replace(".", rng.choice(".,")),
        "date": lambda: f"{rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/20{rng.randint(10, 24)}",
        "stamp": lambda: (
            f"20{rng.randint(10, 24)}-0{rng.randint(1, 9)}-{rng.randint(10, 28)} {rng.randint(10, 23)}:{rng.randint(10, 59)}:{rng.randint(10, 59)}"
        ),
        "clock": lambda: f"{rng.randint(10, 23)}:{rng.randint(10, 59)}",
        "word": lambda: rng.choice(WORDS),
        "name": lambda: rng.choice(NAMES),
        "city": lambda: rng.choice(CITIES),
        "text": lambda: prose(rng, rng.randint(3, 40)),
        "short": lambda: prose(rng, rng.randint(2, 6)),
        "url": lambda: (
            f"http{rng.choice(['', 's'])}://www.{rng.choice(WORDS)}.org/{rng.choice(WORDS)}?a={rng.randint(1, 9)}&b={rng.choice(WORDS)};c={rng.randint(1, 9)},{rng.randint(1, 9)}"
        ),
        "mail": lambda: f"{rng.choice(WORDS)}.{rng.choice(WORDS)}@{rng.choice(WORDS)}.com",
        "list": lambda: rng.choice([",", ";", "|", "/"]).join(rng.choice(WORDS) for _ in range(rng.randint(1, 5))),
        "json": lambda: '{"a": %d, "b": ["%s", "%s"]}' % (rng.randint(1, 9), rng.choice(WORDS), rng.choice(WORDS)),
        "html": lambda: f'<p style="color:red;margin:0">{prose(rng, 9)} &amp; <b>{rng.choice(WORDS)}</b>&nbsp;</p>',
        "lines": lambda: "\n".join(prose(rng, rng.randint(1, 12)) for _ in range(rng.randint(1, 4))),
        "said": lambda: f'{prose(rng, 4)} "{prose(rng, 3)}" {prose(rng, 3)}',
        "phone": lambda: f"({rng.randint(11, 99)}) {rng.randint(1000, 9999)}-{rng.randint(1000, 9999)}",
        "hex": lambda: f"{rng.getrandbits(64):016x}",
        "empty": lambda: "",
        "maybe": lambda: rng.choice(["", "", "", str(rng.randint(1, 9))]),
    }
