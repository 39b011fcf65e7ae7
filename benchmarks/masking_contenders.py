"""Mask a file as the project does, and as plain scripts of pandas and Polars do, each in a process of its own.

    python -m benchmarks.masking_contenders NAME SOURCE TARGET DELIMITER column=method ...

prints the seconds of wall and processor time that it took, without imports. All of them hash by the same HMAC.
"""

from __future__ import annotations

import hashlib
import hmac
import sys
import time
from collections.abc import Callable
from pathlib import Path

from flows.lake.landing.masking_key import MaskingKey

KEY = MaskingKey(bytes(range(32)))
MISSING = ("", r"\N")

Rules = dict[str, str]


def ours(source: Path, target: Path, delimiter: str, rules: Rules) -> None:
    """Mask by the project's masker."""
    from flows.lake.landing.mask_file import mask_file, masker_of
    from flows.lake.landing.masking_dialect import MaskingDialect
    from flows.lake.masking_rules import MaskingRules

    masker = masker_of(source, MaskingDialect(delimiter, "utf-8"), MaskingRules.parse(rules), KEY)
    with target.open("wb") as file:
        mask_file(source, file, masker)


def pandas_script(source: Path, target: Path, delimiter: str, rules: Rules) -> None:
    """Read, map and write by pandas, as one writes it."""
    import pandas as pd

    frame = pd.read_csv(source, sep=delimiter, low_memory=False)
    for column, method in rules.items():
        frame[column] = frame[column].map(_method(method), na_action="ignore")
    frame.to_csv(target, sep=delimiter, index=False)


def polars_script(source: Path, target: Path, delimiter: str, rules: Rules) -> None:
    """Read, map and write by Polars, as one writes it."""
    import polars as pl

    frame = pl.read_csv(source, separator=delimiter, infer_schema_length=None)
    frame = frame.with_columns(
        pl.col(column).cast(pl.String).map_elements(_method(method), return_dtype=pl.String)
        for column, method in rules.items()
    )
    frame.write_csv(target, separator=delimiter)


def _method(method: str) -> Callable[[object], str]:
    key = KEY.derive("hash", 32)

    def mask(value: object) -> str:
        if value in MISSING:
            return str(value)
        return "REDACTED" if method == "redact" else hmac.digest(key, str(value).encode(), hashlib.sha256).hex()

    return mask


CONTENDERS: dict[str, Callable[[Path, Path, str, Rules], None]] = {
    "mask_file": ours,
    "pandas script": pandas_script,
    "Polars script": polars_script,
}


def main() -> None:
    """Run one contender and print what it took."""
    name, source, target, delimiter, *rules = sys.argv[1:]
    parsed = dict(rule.split("=", 1) for rule in rules)
    contender = CONTENDERS[name]
    import_all(name)
    wall, cpu = time.perf_counter(), time.process_time()
    contender(Path(source), Path(target), delimiter, parsed)
    print(time.perf_counter() - wall, time.process_time() - cpu)


def import_all(name: str) -> None:
    """Import what a contender needs."""
    import importlib

    modules = {"mask_file": "flows.lake.landing.mask_file", "pandas script": "pandas", "Polars script": "polars"}
    importlib.import_module(modules[name])


if __name__ == "__main__":
    main()
