r"""SQL that makes the raw layer's datasets tables of Amazon Athena, written from a manifest.

    python -m flows.lake.manifests.athena_ddl manifest.json --database lake
    aws s3 cp s3://BUCKET/Manifests/2024/03/05/RUN.json - | python -m flows.lake.manifests.athena_ddl -

A table covers a dataset's folder. Its days are projected from the key layout, so that no partition is ever added
(https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html). Files without quotes are read by
LazySimpleSerDe, which knows `\N` and types. Files with quotes need OpenCSVSerDe, which knows neither: there the table
`…_text` holds text, and a view under the dataset's name has the types. Athena's readers take no line breaks within a
value, and no UTF-16.
"""

from __future__ import annotations

import argparse
import re
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from flows.lake import keys
from flows.lake.contracts.contract import Contract
from flows.lake.errors import LakeError, SettingsError
from flows.lake.manifests.entries import ManifestColumn, ManifestFile
from flows.lake.manifests.manifest import Manifest, from_json
from flows.lake.s3.object_metadata import charset
from flows.lake.words import one_line

TYPES = {"int64": "bigint", "uint64": "decimal(20,0)", "float64": "double", "bool": "boolean"}
"""Athena's type for pandas' dtype; anything else is a string."""

LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
OPEN_CSV = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
MISSING = r"\N"
PARTITION = "day"
_UNKNOWN_TO_ATHENA = {"comment", "escapechar", "index_col", "skipinitialspace", "thousands", "usecols", "on_bad_lines"}


def ddl(manifest: Manifest, *, database: str | None = None, since: date | None = None) -> str:
    """Return the statements for every dataset of a manifest that landed.

    Args:
        manifest: The manifest of a run.
        database: The database of the tables; the session's own without one.
        since: The first day that a query sees; without one, that of the contract, or the first of the manifest's year.

    Raises:
        SettingsError: A dataset is written as Athena cannot read it, or its files differ in columns or format.
    """
    by_dataset: dict[str, list[ManifestFile]] = {}
    for file in manifest.files:
        if file.landed:
            by_dataset.setdefault(file.dataset, []).append(file)
    first_day = since or date(manifest.logical_date.year, 1, 1)
    statements = []
    for dataset, of_dataset in by_dataset.items():
        files = [file for file in of_dataset if file.archive is None]
        if len(files) < len(of_dataset):
            name = " ".join(dataset.split())
            statements.append(
                f"-- {name}: {len(of_dataset) - len(files):,} ZIP archives, which Athena does not read.\n"
            )
        if not files:
            continue
        contract = _contract_of(manifest, files[-1])
        first = since or (contract.expect.since if contract.expect else None) or first_day
        statements.append(_statements(dataset, _alike(dataset, files), manifest.bucket, database, first, contract))
    if not statements:
        raise SettingsError("No file landed in this run.", remedy="Take the manifest of another one.")
    return "\n".join(statements)


def _contract_of(manifest: Manifest, file: ManifestFile) -> Contract:
    """Return the contract that a file was read by; an empty one where it had none, or one of a later version."""
    try:
        return Contract.model_validate_json(manifest.contract_of(file) or "{}")
    except ValidationError:
        return Contract()


def _alike(dataset: str, files: list[ManifestFile]) -> ManifestFile:
    """Return one file that stands for all of a dataset."""
    shapes = {(tuple(column.name for column in file.columns), file.delimiter, file.encoding) for file in files}
    if len(shapes) > 1:
        raise SettingsError(
            f"The {len(files)} files of {dataset} differ in columns, delimiter or encoding and do not form one table.",
            remedy="Give them datasets of their own (contracts).",
        )
    file = files[0]
    if (file.encoding or "").startswith(("utf-16", "utf-32")):
        raise SettingsError(f"{dataset} is {file.encoding}, which Athena does not read.", remedy="Ask for UTF-8.")
    return file.model_copy(
        update={"quoted": any(one.quoted is not False for one in files), "columns": _widest([f.columns for f in files])}
    )


def _widest(columns: list[tuple[ManifestColumn, ...]]) -> tuple[ManifestColumn, ...]:
    """Return the columns with a dtype that holds those of every file."""
    return tuple(
        replace(same[0], dtype=_widest_dtype({column.dtype for column in same})) for same in zip(*columns, strict=True)
    )


def _widest_dtype(dtypes: set[str]) -> str:
    return dtypes.pop() if len(dtypes) == 1 else "float64" if dtypes == {"int64", "float64"} else "str"


def _statements(
    dataset: str, file: ManifestFile, bucket: str, database: str | None, since: date, contract: Contract
) -> str:
    name = sql_name(dataset)
    names = _unique(sql_name(column.name) for column in file.columns)
    as_text = bool(file.quoted) or file.decimal == ","
    table = f"{name}_text" if as_text else name
    types = ["string" if as_text else TYPES.get(column.dtype, "string") for column in file.columns]
    fields = ",\n".join(
        f"  `{column}` {kind}{_comment(contract, held.name)}"
        for column, kind, held in zip(names, types, file.columns, strict=True)
    )
    location = f"s3://{bucket}/{'/'.join(file.key.split('/')[:4])}/"
    serde, properties = _serde(file)
    text = f"""\
{_remarks(dataset, file, since)}CREATE EXTERNAL TABLE IF NOT EXISTS {_in(database, "`")}`{table}` (
{fields}
)
{_table_comment(contract)}PARTITIONED BY (`{PARTITION}` string)
ROW FORMAT SERDE '{serde}'
WITH SERDEPROPERTIES (
{_properties(properties)}
)
LOCATION {_quoted(location)}
TBLPROPERTIES (
{_properties(_projection(location, since, _lines_above(file)))}
);
"""
    return text + (_view(name, table, names, file, database) if as_text else "")


def _comment(contract: Contract, column: str) -> str:
    of_column = contract.columns.get(column)
    return f" COMMENT {_quoted(one_line(of_column.description))}" if of_column and of_column.description else ""


def _table_comment(contract: Contract) -> str:
    return f"COMMENT {_quoted(one_line(contract.description))}\n" if contract.description else ""


def _serde(file: ManifestFile) -> tuple[str, dict[str, str]]:
    delimiter = file.delimiter or ","
    if file.quoted:
        # A character that occurs in no text: the default, a backslash, would turn \N into N.
        return OPEN_CSV, {"separatorChar": delimiter, "quoteChar": file.quotechar or '"', "escapeChar": "\x01"}
    properties = {"field.delim": delimiter, "serialization.null.format": MISSING}
    encoding = charset(file.encoding or "utf-8")
    return LAZY, properties | ({} if encoding in {"utf-8", "us-ascii"} else {"serialization.encoding": encoding})


def _projection(location: str, since: date, lines_above: int) -> dict[str, str]:
    return {
        "skip.header.line.count": str(lines_above),
        "projection.enabled": "true",
        f"projection.{PARTITION}.type": "date",
        f"projection.{PARTITION}.format": "yyyy/MM/dd",
        # NOW is in UTC, and a run east of it may be a day ahead.
        f"projection.{PARTITION}.range": f"{keys.day_path(since)},NOW+1DAYS",
        f"projection.{PARTITION}.interval": "1",
        f"projection.{PARTITION}.interval.unit": "DAYS",
        "storage.location.template": f"{location}${{{PARTITION}}}/",
    }


def _lines_above(file: ManifestFile) -> int:
    """Return how many lines stand above the first row."""
    recipe = file.recipe or {}
    skipped = recipe.get("skiprows", 0)
    has_header = recipe.get("header", 0) is not None
    return (skipped if isinstance(skipped, int) else 0) + has_header


def _view(name: str, table: str, names: list[str], file: ManifestFile, database: str | None) -> str:
    fields = [
        f'  {_typed(column, TYPES.get(held.dtype), file.decimal)} AS "{column}"'
        for column, held in zip(names, file.columns, strict=True)
    ]
    selected = ",\n".join([*fields, f'  "{PARTITION}"'])
    source, view = _in(database, '"'), _in(database, '"')
    return f'CREATE OR REPLACE VIEW {view}"{name}" AS\nSELECT\n{selected}\nFROM {source}"{table}";\n'


def _typed(column: str, kind: str | None, decimal: str | None) -> str:
    """Return the expression that reads a text column as what it is; what is missing becomes NULL."""
    if kind is None:
        return f"""nullif("{column}", '{MISSING}')"""
    text = f'"{column}"'
    if decimal == "," and kind == "double":
        text = f"replace(replace({text}, '.', ''), ',', '.')"
    return f"try_cast({text} AS {kind})"


def _remarks(dataset: str, file: ManifestFile, since: date) -> str:
    lines = [f"{dataset}: days before {since} are not seen."]
    encoding = charset(file.encoding or "utf-8")
    recipe = file.recipe or {}
    if "nrows" in recipe:
        lines.append("Lines below the table, which pandas is told to leave out (nrows), are rows to Athena.")
    if unknown := sorted(_UNKNOWN_TO_ATHENA & set(recipe)):
        lines.append(f"Athena's readers know nothing like {', '.join(unknown)}: compare before you rely on it.")
    if file.quoted and encoding not in {"utf-8", "us-ascii"}:
        lines.append(f"The files are {encoding}; Athena's reader for quoted values takes them for UTF-8.")
    return "".join(f"-- {' '.join(line.split())}\n" for line in lines)


def sql_name(text: str) -> str:
    """Return a name as Athena takes it: lower-case ASCII letters, digits and underscores, no digit first."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "unnamed"
    return f"_{name}" if name[0].isdigit() else name


def _unique(names: Iterable[str]) -> list[str]:
    """Return names that differ, also from the partition's: a number is added to those that do not."""
    taken = {PARTITION}
    columns_found = []
    for name in names:
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        columns_found.append(unique)
    return columns_found


def _in(database: str | None, quote: str) -> str:
    return f"{quote}{sql_name(database)}{quote}." if database else ""


def _properties(properties: dict[str, str]) -> str:
    return ",\n".join(f"  {_quoted(name)} = {_quoted(value)}" for name, value in properties.items())


def _quoted(text: str) -> str:
    r"""Return a literal as Athena's DDL takes it: Hive's, with backslash escapes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\t", "\\t").replace("\x01", "\\u0001")
    return f"'{escaped}'"


def main(arguments: list[str] | None = None) -> int:
    """Write the statements for a manifest; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.lake.manifests.athena_ddl", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("manifest", help="the manifest's file, or - for standard input")
    parser.add_argument("--database", help="the database of the tables")
    parser.add_argument("--since", type=date.fromisoformat, help="the first day that a query sees (yyyy-mm-dd)")
    options = parser.parse_args(arguments)
    try:
        data = sys.stdin.buffer.read() if options.manifest == "-" else Path(options.manifest).read_bytes()
        sys.stdout.write(ddl(from_json(data), database=options.database, since=options.since))
    except (OSError, LakeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except ValueError:
        sys.stderr.write(f"{options.manifest} is not a manifest that this version can read.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
