r"""The rows of the raw file with types, in the order of the file: the table `typed`.

How the file is written is what its manifest says, and nothing else: where DuckDB has to find out, a title with a stray
quote keeps it from reading the whole file. A row that does not fit the table is counted, and the others are read. A
value that its type cannot hold becomes NULL and leaves a bit in the column `wrong`; no number is cut or guessed.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.lake.films.engine import text
from flows.lake.films.raw_input import TITLE_COLUMNS, RawInput
from flows.lake.units import MIB

if TYPE_CHECKING:
    from flows.lake.films.engine import Connection
    from flows.lake.manifests.entries import ManifestFile

LOWEST_RATING, HIGHEST_RATING = 1, 10
FIRST_YEAR, LAST_YEAR = 1870, 2100
"""A release year outside is no year: the first films are of the 1870s."""

LONGEST_LINE_BYTES = 16 * MIB
"""A longer line is counted as one that does not fit the table."""

BAD_YEAR, BAD_RATING, BAD_MINUTES, BAD_VOTES, BAD_LIFE, ROUNDED_RATING = 1, 2, 4, 8, 16, 32
"""The bits of `wrong`. A release year that is missing is a bad one too; anything else may be missing."""

_MISSING = r"\N"

_TIDY = """CREATE OR REPLACE MACRO tidy(told) AS CASE
    WHEN contains(told, ' ') OR contains(told, ',,') OR starts_with(told, ',') OR ends_with(told, ',')
    THEN array_to_string([trim(one) FOR one IN string_split(told, ',') IF trim(one) <> ''], ',')
    ELSE told END"""
"""A list as text without blanks and gaps. Most have none, and looking for them takes a tenth of splitting."""

_BLANKS = " \t\u00a0\u3000\ufeff"
"""What stands around an id that was copied from a page or a spreadsheet."""

_CLEAN = f"""
    CREATE OR REPLACE MACRO clean(told) AS
        CASE WHEN told < '!' OR ends_with(told, ' ') THEN nullif(trim(told), '') ELSE told END;
    CREATE OR REPLACE MACRO title_id(told) AS
        CASE WHEN regexp_full_match(told, 'tt[0-9]+') THEN told
        ELSE nullif(regexp_extract(lower(trim(told, {text(_BLANKS)})), '^tt[0-9]+$'), '') END"""
"""A text without blanks around it, and a title's id. Most need nothing, which is seen by their first and last byte."""

_DIGITS = "(1 + (n >= 10)::UTINYINT" + "".join(f" + (n >= {10**power})::UTINYINT" for power in range(2, 10)) + ")"
_WHOLE = f"""
    CREATE OR REPLACE MACRO digits(n) AS {_DIGITS};
    CREATE OR REPLACE MACRO unusual(told) AS CASE
        WHEN regexp_full_match(told, '[0-9]+') THEN try_cast(told AS INTEGER)
        WHEN regexp_full_match(told, '[0-9]+[{{decimal}}](0|00)?')
        THEN try_cast(regexp_extract(told, '^[0-9]+') AS INTEGER)
        WHEN regexp_full_match(told, '[0-9]{{{{1,3}}}}([{{thousands}}][0-9]{{{{3}}}})+([{{decimal}}](0|00)?)?')
        THEN try_cast(replace(regexp_extract(told, '^[0-9{{thousands}}]+'), '{{thousands}}', '') AS INTEGER) END;
    CREATE OR REPLACE MACRO whole(told) AS CASE
        WHEN strlen(told) = digits(try_cast(told AS INTEGER)) THEN try_cast(told AS INTEGER)
        WHEN told IS NOT NULL THEN unusual(trim(told)) END"""
r"""A whole number. `32.0` is one, as pandas writes them. `32.000` is 32 thousand where the recipe says that the decimal
mark is a comma; where it is a point, nobody can tell, and it is none. Most are nothing but digits, which is seen by
their number without a regular expression."""


def read(database: Connection, path: Path, raw: RawInput) -> None:
    """Read the file into the table `typed`.

    Args:
        database: The database, which keeps rows in order.
        path: The file, as UTF-8.
        raw: What its manifest says of it.

    Raises:
        duckdb.Error: It cannot be read as the manifest says.
    """
    import duckdb

    names = [column.name for column in raw.file.columns]
    title = next(name for name in TITLE_COLUMNS if name in names)
    decimal, thousands = _marks(raw.file)
    database.execute(_TIDY)
    database.execute(_CLEAN)
    database.execute(_WHOLE.format(decimal=decimal, thousands=thousands))
    query = "CREATE TABLE typed AS " + _typed(f'"{title}"', _source(path, raw.file))
    try:
        database.execute(query)
    except duckdb.InvalidInputException:
        if not _unify_line_ends(path):
            raise
        database.execute(query)


def _unify_line_ends(path: Path) -> bool:
    """End every line with a line feed, and say whether some did not: DuckDB takes no file that mixes both."""
    unified, mixed = path.with_suffix(".unified"), False
    with path.open("rb") as source, unified.open("wb") as out:
        while block := source.read(MIB):
            if block.endswith(b"\r"):
                block += source.read(1)
            mixed = mixed or b"\r\n" in block
            out.write(block.replace(b"\r\n", b"\n"))
    unified.replace(path)
    return mixed


def _marks(file: ManifestFile) -> tuple[str, str]:
    """Return the decimal mark and the thousands mark, as they stand in a literal of SQL."""
    decimal = file.decimal or "."
    thousands = (file.recipe or {}).get("thousands") or ("." if decimal == "," else ",")
    return decimal.replace("'", "''"), thousands.replace("'", "''")


def _source(path: Path, file: ManifestFile) -> str:
    """Return the call of `read_csv` that reads a file as its recipe says, every value as text."""
    recipe = file.recipe or {}
    quote = "" if recipe.get("quoting") == csv.QUOTE_NONE else file.quotechar or '"'
    columns = ", ".join(f"{text(column.name)}: 'VARCHAR'" for column in file.columns)
    missing = [_MISSING, *(one for one in recipe.get("na_values") or () if isinstance(one, str) and one)]
    told: dict[str, Any] = {
        "auto_detect": "false",
        "columns": f"{{{columns}}}",
        "delim": text(file.delimiter or ","),
        "quote": text(quote),
        "escape": text(recipe.get("escapechar") or quote),
        "header": "false" if recipe.get("header", 0) is None else "true",
        "max_line_size": LONGEST_LINE_BYTES,
        "buffer_size": 2 * LONGEST_LINE_BYTES,
        "store_rejects": "true",
        "nullstr": f"[{', '.join(text(one) for one in dict.fromkeys(missing))}]",
    }
    if isinstance(recipe.get("skiprows"), int):
        told["skip"] = recipe["skiprows"]
    if recipe.get("comment"):
        told["comment"] = text(recipe["comment"])
    return f"read_csv({text(path)}, {', '.join(f'{name} = {value}' for name, value in told.items())})"


def _typed(title: str, source: str) -> str:
    rated = f"rating_number BETWEEN {LOWEST_RATING} AND {HIGHEST_RATING}"
    dated = f"year_number BETWEEN {FIRST_YEAR} AND {LAST_YEAR}"
    return f"""
    SELECT
        title_id, title, coalesce(original_title, title) AS original_title,
        CASE WHEN {dated} THEN year_number::SMALLINT END AS release_year,
        minutes, genres,
        CASE WHEN {rated} THEN rating_number::DECIMAL(3, 1) END AS rating,
        votes, name, role, character,
        try_cast(born AS SMALLINT) AS birth_year, try_cast(died AS SMALLINT) AS death_year,
        professions, known_for,
        (CASE WHEN {dated} THEN 0 ELSE {BAD_YEAR} END
            | CASE WHEN {rated} THEN CASE WHEN abs(rating_number - round(rating_number, 1)) > 1e-9
                THEN {ROUNDED_RATING} ELSE 0 END WHEN trim(rating_text) <> '' THEN {BAD_RATING} ELSE 0 END
            | CASE WHEN minutes IS NULL AND trim(tempoMinutos) <> '' THEN {BAD_MINUTES} ELSE 0 END
            | CASE WHEN votes IS NULL AND trim(numeroVotos) <> '' THEN {BAD_VOTES} ELSE 0 END
            | CASE WHEN (try_cast(born AS SMALLINT) IS NULL AND trim(anoNascimento) <> '')
                OR (try_cast(died AS SMALLINT) IS NULL AND trim(anoFalecimento) <> '') THEN {BAD_LIFE} ELSE 0 END
        )::UTINYINT AS wrong
    FROM (
        SELECT title_id(id) AS title_id, clean({title}) AS title, clean(tituloOriginal) AS original_title,
            whole(anoLancamento) AS year_number, nullif(whole(tempoMinutos), 0) AS minutes, tidy(genero) AS genres,
            notaMedia AS rating_text, try_cast(replace(notaMedia, ',', '.') AS DOUBLE) AS rating_number,
            whole(numeroVotos) AS votes, clean(nomeArtista) AS name,
            clean(generoArtista) AS role, clean(personagem) AS character,
            whole(anoNascimento) AS born, whole(anoFalecimento) AS died, tidy(profissao) AS professions,
            tidy(titulosMaisConhecidos) AS known_for, tempoMinutos, numeroVotos, anoNascimento, anoFalecimento
        FROM {source}
    )"""
