"""A profile's recipe as people paste it: for pandas, and for DuckDB."""

from __future__ import annotations

import csv
from typing import Any

from flows.lake.models import CsvProfile

_DUCKDB_ENCODINGS = {
    "utf-8": None,
    "utf-8-sig": None,
    "cp1252": "windows-1252",
    "latin-1": "latin-1",
    "iso8859-1": "latin-1",
}


def as_pandas(profile: CsvProfile, path: str) -> str:
    """Return the call of `pandas.read_csv` that gives exactly the profile's frame."""
    return f"pd.read_csv({path!r}, {', '.join(f'{name}={value!r}' for name, value in profile.recipe.items())})"


def as_duckdb(profile: CsvProfile, path: str) -> str:
    """Return the call of DuckDB's `read_csv` that reads the same rows; its types are its own."""
    extra = profile.extra
    plain_quotes = extra.get("quoting") == csv.QUOTE_NONE
    told: dict[str, Any] = {"delim": profile.delimiter, "quote": "" if plain_quotes else profile.quotechar}
    told["escape"] = "" if plain_quotes else extra.get("escapechar", profile.quotechar)
    told["header"] = extra.get("header", 0) is not None
    if isinstance(skip := extra.get("skiprows"), int):
        told["skip"] = skip
    if "names" in extra:
        told["names"] = extra["names"]
    if profile.decimal != ".":
        told["decimal_separator"] = profile.decimal
    if "thousands" in extra:
        told["thousands"] = extra["thousands"]
    if "na_values" in extra:
        told["nullstr"] = ["", *extra["na_values"]]
    if "comment" in extra:
        told["comment"] = extra["comment"]
    if profile.bad_rows or "nrows" in extra:
        told["ignore_errors"] = True
    if profile.short_rows:
        told["null_padding"] = True
    if "dtype" in extra:
        told["types"] = dict.fromkeys(extra["dtype"], "VARCHAR")
    if encoding := _DUCKDB_ENCODINGS.get(profile.encoding, profile.encoding):
        told["encoding"] = encoding
    return f"read_csv({_sql(path)}, {', '.join(f'{name} = {_sql(value)}' for name, value in told.items())})"


def _sql(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_sql(name)}: {_sql(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_sql, value)) + "]"
    text = str(value).replace("'", "''")
    return f"'{text}'" if text.isprintable() else "E'" + "".join(_escaped(sign) for sign in text) + "'"


def _escaped(sign: str) -> str:
    return {"\t": "\\t", "\\": "\\\\"}.get(sign, sign if sign.isprintable() else f"\\x{ord(sign):02x}")


def reading_stated(profile: CsvProfile) -> dict[str, Any]:
    """Return what a contract's `read` would state to read a file as it was read."""
    extra = profile.extra
    read: dict[str, Any] = {"delimiter": {"\t": "tab", " ": "space"}.get(profile.delimiter, profile.delimiter)}
    read["encoding"] = profile.encoding
    if profile.decimal != ".":
        read["decimal"] = profile.decimal
    if profile.quotechar != '"':
        read["quotechar"] = profile.quotechar
    if extra.get("quoting") == csv.QUOTE_NONE:
        read["quoting"] = "none"
    if "escapechar" in extra:
        read["escapechar"] = extra["escapechar"]
    if isinstance(skip := extra.get("skiprows"), int):
        read["skip"] = skip
    if "header" in extra and extra["header"] is None:
        read |= {"header": "none", "names": list(extra["names"])}
    for name, field in (("thousands", "thousands"), ("comment", "comment"), ("na_values", "missing")):
        if name in extra:
            read[field] = extra[name]
    return read
