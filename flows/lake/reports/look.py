"""What one file is, for a terminal: what was found of it and why, its profile, its first rows, and what to state."""

from __future__ import annotations

import warnings
from pathlib import Path

from flows.lake import keys
from flows.lake.models import CsvProfile
from flows.lake.reports.profile_report import format_profile
from flows.lake.tables.recipes import as_duckdb, as_pandas, reading_stated
from flows.lake.words import printable, shown

_ROWS = 5
_CELL = 30


def look_text(profile: CsvProfile) -> str:
    """Return everything that a profile says of its file, and the contract to paste."""
    path = str(profile.path)
    parts = [
        format_profile(profile),
        _bad(profile),
        "First rows as they are cut:\n" + _first_rows(profile),
        "Read it with pandas:\n  " + printable(as_pandas(profile, path)),
        "or with DuckDB:\n  FROM " + printable(as_duckdb(profile, path)),
        "The contract that says so:\n" + _contract(profile),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _bad(profile: CsvProfile) -> str:
    if not profile.bad_rows and not profile.short_rows:
        return ""
    return f"Rows left out: {profile.bad_rows:,}. Rows with fewer fields than columns: {profile.short_rows:,}."


def _first_rows(profile: CsvProfile) -> str:
    import pandas as pd

    recipe = {**profile.recipe, "dtype": str, "keep_default_na": False}
    recipe["nrows"] = min(_ROWS, recipe.get("nrows", _ROWS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pd.read_csv(profile.path, **recipe)
    names = [shown(str(name), _CELL) for name in frame.columns]
    rows = [[shown(str(cell), _CELL) for cell in row] for row in frame.itertuples(index=False)]
    lines = ["  " + f"{name}: " + " | ".join(row[place] for row in rows) for place, name in enumerate(names[:50])]
    return "\n".join(lines) + (f"\n  … and {len(names) - 50:,} more columns" if len(names) > 50 else "")


def _contract(profile: CsvProfile) -> str:
    import yaml

    contract = {
        keys.dataset_of(Path(profile.path).name): {
            "files": Path(profile.path).name,
            "read": reading_stated(profile),
        }
    }
    text = yaml.safe_dump(contract, sort_keys=False, allow_unicode=True, width=110)
    return "\n".join(f"  {line}" for line in text.rstrip().splitlines())
