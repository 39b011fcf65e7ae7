"""Text to copy that reads a dataset: for pandas by the manifest's recipe, for DuckDB, for Athena."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from flows.lake.catalog.records import HowToRead
from flows.lake.errors import LakeError
from flows.lake.manifests.athena_ddl import ddl
from flows.lake.manifests.entries import ManifestArchive, ManifestFile
from flows.lake.manifests.manifest import Manifest
from flows.lake.words import printable

MAX_TEXT = 60_000
"""Characters of a text to copy; the table of Athena for thousands of columns is printed by a command instead."""

_OF_DUCKDB = {"sep", "encoding", "decimal", "low_memory", "quotechar", "na_values"}
"""What DuckDB can be told too; for anything else the recipe of pandas is the one to follow."""
_ENCODINGS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "latin-1": "latin-1", "iso8859-1": "latin-1"}


def how_to_read(manifest: Manifest, landed: list[ManifestFile], day: date) -> HowToRead:
    """Return how the files of a dataset are read.

    Args:
        manifest: The manifest.
        landed: Its files of the dataset that landed on the day.
        day: The day.
    """
    file = landed[-1]
    if file.archive:
        return _of_archive(manifest.bucket, file, file.archive, day)
    athena, problem = _athena(manifest, landed)
    return HowToRead(
        day=day,
        key=file.key,
        pandas=_bounded(_pandas(manifest.bucket, file)),
        duckdb=_bounded(_duckdb(manifest.bucket, file)),
        athena=athena,
        athena_problem=problem,
    )


def _of_archive(bucket: str, file: ManifestFile, archive: ManifestArchive, day: date) -> HowToRead:
    """Return how the first member that could be read is; it is found by its place, as the manifest says."""
    index, recipe = next(((one.index, one.recipe) for one in archive.members if one.recipe is not None), (0, {}))
    options = f'    Bucket={bucket!a},\n    Key={file.key!a},\n    Filename="archive.zip",\n'
    pandas = (
        "import zipfile\n\nimport boto3\nimport pandas as pd\n\n"
        f'boto3.client("s3").download_file(\n{options})\n'
        f'archive = zipfile.ZipFile("archive.zip")\n'
        f"frame = pd.read_csv(\n    archive.open(archive.infolist()[{index}]),\n{_options(recipe)})\n"
    )
    unpack = "with unpack: true in its contract, what is in it lands as CSV (docs/sources.md)."
    return HowToRead(
        day=day,
        key=file.key,
        pandas=_bounded(pandas),
        duckdb=f"-- DuckDB reads no ZIP archives; {unpack}\n",
        athena_problem=f"Athena reads no ZIP archives; {unpack}",
    )


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "\n# … cut: the manifest holds all of it\n"


def _pandas(bucket: str, file: ManifestFile) -> str:
    recipe = dict(file.recipe or {})
    if file.compression:
        recipe["compression"] = file.compression
    return (
        "import boto3\nimport pandas as pd\n\n"
        f'body = boto3.client("s3").get_object(\n    Bucket={bucket!a},\n    Key={file.key!a},\n)["Body"]\n'
        f"frame = pd.read_csv(\n    body,\n{_options(recipe)})\n"
    )


def _options(recipe: Mapping[str, Any]) -> str:
    return "".join(f"    {name}={_literal(value)},\n" for name, value in recipe.items() if name.isidentifier())


def _literal(value: Any) -> str:
    return ascii(value)  # JSON's values are Python's; what is not ASCII is escaped, so that nothing can hide in it


def _duckdb(bucket: str, file: ManifestFile) -> str:
    folder = file.key.rsplit("/", 4)[0] if file.key.count("/") >= 4 else file.key
    recipe = file.recipe or {}
    options = ["filename = true"]
    if file.delimiter:
        options.append(f"delim = {sql_text(file.delimiter)}")
    quote = file.quotechar or '"'
    options += [f"quote = {sql_text(quote)}", f"escape = {sql_text(quote)}"]
    if file.decimal and file.decimal != ".":
        options.append(f"decimal_separator = {sql_text(file.decimal)}")
    encoding = (file.encoding or "utf-8").lower()
    known = _ENCODINGS.get(encoding)
    if known != "utf-8":
        options.append(f"encoding = {sql_text(known or encoding)}")
    remarks = "" if known else f"-- {encoding} needs: INSTALL encodings; LOAD encodings;\n"
    if set(recipe) - _OF_DUCKDB:
        remarks += "-- The files need more than DuckDB is told here (rows above the table, left-out rows …):\n"
        remarks += "-- the recipe of pandas is the one that is proven.\n"
    suffix = {"gzip": ".csv.gz", "zstd": ".csv.zst"}.get(file.compression or "", "")
    name = f"*{suffix}" if suffix and file.key.lower().endswith(suffix) else "*"
    where = sql_text(f"s3://{bucket}/{_glob(folder)}/*/*/*/{name}")
    joined = ",\n                ".join(options)
    return (
        "INSTALL httpfs; LOAD httpfs;\nCREATE SECRET (TYPE s3, PROVIDER credential_chain);\n"
        f"{remarks}SELECT replace(regexp_extract(filename, '\\d{{4}}/\\d\\d/\\d\\d'), '/', '-')::DATE AS day, *\n"
        f"FROM read_csv({where},\n                {joined});\n"
    )


def _glob(path: str) -> str:
    """Return a path in which the signs of patterns stand for themselves."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in path)


def sql_text(text: str) -> str:
    """Return a literal of DuckDB's SQL; what cannot be seen is written as its code, so that it cannot be missed."""
    pieces = list(_visible(text))
    literal = " || ".join(pieces)
    return literal if len(pieces) == 1 else f"({literal})"


def _visible(text: str) -> Iterator[str]:
    for is_seen, signs in itertools.groupby(text, lambda sign: sign.isprintable() and printable(sign) == sign):
        if is_seen:
            yield "'" + "".join(signs).replace("'", "''") + "'"
        else:
            yield from (f"chr({ord(sign)})" for sign in signs)
    if not text:
        yield "''"


def _athena(manifest: Manifest, landed: list[ManifestFile]) -> tuple[str | None, str | None]:
    if landed[0].key.split("/")[2:3] != ["CSV"]:
        return None, "It is not CSV."
    try:
        text = ddl(manifest.model_copy(update={"files": tuple(landed)}))
    except LakeError as error:
        return None, str(error)
    if len(text) > MAX_TEXT:
        return None, "The table is too long for a page; python -m flows.lake.manifests.athena_ddl prints it."
    return printable(text), None
