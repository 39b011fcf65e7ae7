"""SQL that makes the analysis's Parquet tables of Amazon Athena, for what outgrows one machine.

    python -m flows.lake.films.athena my-lake --database lake --since 2026-01-01

Days and release years are projected from the key layout, so that no partition is ever added
(https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html). Titles without a release year lie under
`release_year=0`, which the projection leaves out: with it, a query that names no year would look for two thousand more
folders a day.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date

from flows.lake.films import layout
from flows.lake.films.raw_rows import FIRST_YEAR, LAST_YEAR
from flows.lake.manifests.athena_ddl import sql_name

_LIST = "array<string>"
TRUSTED: dict[layout.TrustedTable, dict[str, str]] = {
    "titles": {
        "title_id": "string",
        "title": "string",
        "original_title": "string",
        "minutes": "int",
        "genres": _LIST,
        "rating": "decimal(3,1)",
        "votes": "int",
    },
    "performers": {
        "title_id": "string",
        "name": "string",
        "role": "string",
        "character": "string",
        "birth_year": "smallint",
        "death_year": "smallint",
        "professions": _LIST,
        "known_for": _LIST,
    },
}
REFINED: dict[layout.RefinedTable, dict[str, str]] = {
    "film": {
        "film_id": "string",
        "title": "string",
        "original_title": "string",
        "release_year": "smallint",
        "minutes": "int",
        "genres": _LIST,
        "rating": "decimal(3,1)",
        "votes": "int",
        "language_code": "string",
        "language_by": "string",
        "title_language": "string",
        "title_confidence": "double",
    },
    "person": {"person_id": "string", "name": "string", "birth_year": "smallint", "tmdb_id": "bigint"},
    "country": {"country_code": "string", "name": "string", "m49_region": "string", "region": "string"},
    "language": {"language_code": "string", "name": "string"},
    "region": {"region": "string", "m49_regions": _LIST},
    "film_person": {"film_id": "string", "person_id": "string", "role": "string"},
    "film_country": {"film_id": "string", "country_code": "string"},
}
"""The columns of each table, as Athena has their types; those of partitions are not among them."""


def ddl(bucket: str, database: str | None, since: date) -> str:
    """Return the statements of every table.

    Args:
        bucket: The bucket.
        database: The database of the tables; the session's own without one.
        since: The first day that a query sees.
    """
    statements = [
        _statement(f"films_{table}", f"s3://{bucket}/{layout.TRUSTED_PREFIX}/{table}/", columns, database, since, True)
        for table, columns in TRUSTED.items()
    ]
    statements += [
        _statement(f"films_{table}", f"s3://{bucket}/{layout.REFINED_PREFIX}/{table}/", columns, database, since, False)
        for table, columns in REFINED.items()
    ]
    return "\n".join(statements)


def _statement(
    name: str, location: str, columns: dict[str, str], database: str | None, since: date, by_year: bool
) -> str:
    fields = ",\n".join(f"  `{column}` {kind}" for column, kind in columns.items())
    partitions = "`day` string, `release_year` int" if by_year else "`day` string"
    template = f"{location}day=${{day}}/" + ("release_year=${release_year}/" if by_year else "")
    properties = {
        "projection.enabled": "true",
        "projection.day.type": "date",
        "projection.day.format": "yyyy-MM-dd",
        "projection.day.range": f"{since},NOW+1DAYS",
        "projection.day.interval": "1",
        "projection.day.interval.unit": "DAYS",
    }
    if by_year:
        properties |= {
            "projection.release_year.type": "integer",
            "projection.release_year.range": f"{FIRST_YEAR},{LAST_YEAR}",
        }
    told = ",\n".join(
        f"  '{key}' = '{value}'" for key, value in (properties | {"storage.location.template": template}).items()
    )
    where = f"`{sql_name(database)}`." if database else ""
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {where}`{name}` (\n{fields}\n)\nPARTITIONED BY ({partitions})\n"
        f"STORED AS PARQUET\nLOCATION '{location}'\nTBLPROPERTIES (\n{told}\n);\n"
    )


def main(arguments: list[str] | None = None) -> None:
    """Write the statements for a bucket."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.lake.films.athena", description=__doc__.partition("\n")[0] if __doc__ else None
    )
    parser.add_argument("bucket", help="the bucket of the lake")
    parser.add_argument("--database", help="the database of the tables")
    parser.add_argument("--since", type=date.fromisoformat, required=True, help="the first day that a query sees")
    options = parser.parse_args(arguments)
    sys.stdout.write(ddl(options.bucket, options.database, options.since))


if __name__ == "__main__":
    main()
