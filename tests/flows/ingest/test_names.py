"""Names that people's programs give to files, with signs that are not letters: they land and are found again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from flows.verify_raw import verify_raw
from tests.conftest import S3
from tests.flows.conftest import objects, store_block

DAY = date(2024, 3, 5)
NAMES = [
    "Captura de Tela 2024-03-05 às 10.11.12\u202fAM.csv",  # macOS
    "vendas\u00a0março.csv",  # a no-break space, pasted from a web page
    "売上\u3000三月.csv",
    "می\u200cخواهم.csv",
    "família 👨\u200d👩\u200d👧.csv",
]


def test_names_with_joiners_and_spaces_of_other_scripts_land_and_are_found_unchanged(
    ingest: Callable[..., Any], s3: S3, tmp_path: Path
) -> None:
    for number, name in enumerate(NAMES):
        (tmp_path / name).write_text(f"a,b\n{number},1\n", encoding="utf-8")
    first = ingest(tmp_path, partition_date=DAY)
    assert first.is_completed(), first.message
    landed = objects(s3, "Raw/")
    assert sorted(key.rsplit("/", 1)[-1] for key in landed) == sorted(NAMES)
    again = ingest(tmp_path, partition_date=DAY)
    assert {outcome.state for outcome in again.result().outcomes} == {"unchanged"}
    block = store_block(f"names-{s3.server.name}", s3)
    verified = verify_raw(s3.bucket, block, DAY, DAY, deep=True, return_state=True)
    assert verified.is_completed(), verified.message
