"""Which pages a run of very many datasets brings up to date."""

from __future__ import annotations

import pytest

from flows.lake.catalog import refresh
from flows.lake.catalog.records import LakeRecord
from tests.tools.catalogs import DAY, landed, manifest_of


@pytest.mark.parametrize(("many", "bad", "chosen"), [(100, 0, 100), (101, 0, 5), (101, 7, 7), (101, 50, 25)])
def test_pages_of_a_run_are_those_that_need_a_look(many: int, bad: int, chosen: int) -> None:
    good = manifest_of(DAY, landed("D", "d.csv", DAY)).files
    wrong = manifest_of(DAY, landed("D", "d.csv", DAY, state="rejected")).files
    touched = {f"D{n:03}": [("key", list(wrong if n >= many - bad else good))] for n in range(many)}
    found = refresh._chosen(LakeRecord(bucket="a-lake"), touched)
    assert len(found) == chosen
    assert sum(name in found for name in list(touched)[many - bad :]) == min(bad, chosen)
