"""What the catalog makes of manifests: the same whatever their order, and never a cell of a masked column."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

from flows.lake.catalog import lines, taking
from flows.lake.catalog.columns import with_day
from flows.lake.catalog.records import DatasetRecord, Span, packed, unpacked
from flows.lake.manifests.manifest import Manifest
from flows.lake.masking_rules import MaskedCells, Masking
from flows.lake.models import Drift
from tests.tools.catalogs import landed, manifest_of

DAY = date(2024, 3, 5)
EVIDENCE = Drift(
    "dtype changed", "column 'cpf' changed from int64 to str (line 7, cpf: '123-X' is not a number)", "cpf"
)


def taken(*manifests: Manifest, dataset: str = "Orders") -> DatasetRecord:
    record, by_key = DatasetRecord(dataset=dataset), {str(n): made for n, made in enumerate(manifests)}
    for key, made in by_key.items():
        taking.take(record, key, made, taking.by_dataset(made)[dataset], by_key.get)
    return record


def test_order_of_manifests_makes_no_difference() -> None:
    runs = (
        manifest_of(DAY, landed("Orders", "a.csv", DAY, 10), landed("Orders", "b.csv", DAY, 5), hour=6),
        manifest_of(DAY, landed("Orders", "a.csv", DAY, 12), hour=7),
        manifest_of(DAY, landed("Orders", "b.csv", DAY, state="rejected", reason="bad"), hour=8),
    )
    results = [taken(*order).days[DAY] for order in itertools.permutations(runs)]
    assert {(day.landed, day.bad, day.rows) for day in results} == {(2, 0, 17)}


def test_manifest_taken_twice_counts_once() -> None:
    made = manifest_of(DAY, landed("Orders", "a.csv", DAY, 10))
    record = DatasetRecord(dataset="Orders")
    for _ in range(2):
        taking.take(record, "key", made, list(made.files), lambda _: None)
    assert (record.days[DAY].rows, record.days[DAY].manifests) == (10, ["key"])


def test_file_that_failed_after_it_had_landed_is_still_there() -> None:
    record = taken(
        manifest_of(DAY, landed("Orders", "a.csv", DAY, 10)),
        manifest_of(DAY, landed("Orders", "a.csv", DAY, state="failed", reason="no answer"), hour=9),
    )
    assert (record.days[DAY].landed, record.days[DAY].bad) == (1, 0)


def test_day_whose_files_are_not_kept_is_made_of_its_manifests_again() -> None:
    days = [DAY + timedelta(days=n) for n in range(taking.KEPT_FILES // 100 + 5)]
    runs = [manifest_of(day, *(landed("Orders", f"{n}.csv", day, 1) for n in range(100))) for day in days]
    late = manifest_of(DAY, landed("Orders", "late.csv", DAY, 7), hour=9)
    record = taken(*runs, late)
    assert DAY not in record.files
    assert (record.days[DAY].landed, record.days[DAY].rows) == (101, 107)


def test_states_tell_the_unchanged_day_from_the_landed_one() -> None:
    days = [DAY + timedelta(days=n) for n in range(4)]
    record = taken(
        manifest_of(days[0], landed("Orders", "a.csv", days[0], bytes_="one")),
        manifest_of(days[1], landed("Orders", "a.csv", days[1], bytes_="one")),
        manifest_of(days[2], landed("Orders", "a.csv", days[2], bytes_="two", drift=(EVIDENCE,))),
        manifest_of(days[3], landed("Orders", "a.csv", days[3], state="rejected", reason="a.csv: is empty.")),
    )
    assert list(lines.states_of(record.days).values()) == ["landed", "unchanged", "drifted", "rejected"]
    line = lines.summed_up(record)
    assert line.states[-4:] == "ludr"
    assert (line.last, line.newest, line.note) == (days[2], days[3], "a.csv: is empty.")


def test_column_tells_since_when_and_what_it_was() -> None:
    days = [DAY + timedelta(days=n) for n in range(3)]
    runs = [
        manifest_of(day, landed("Orders", "a.csv", day, columns=(("x", dtype),)))
        for day, dtype in zip(days, ("int64", "str", "str"), strict=True)
    ]
    for order in itertools.permutations(runs):
        spans = taken(*order).columns["x"].spans
        assert [(span.first, span.dtype) for span in spans] == [(days[0], "int64"), (days[1], "str")]


def test_span_within_another_one_cuts_it_in_two() -> None:
    spans = with_day([Span(first=DAY, last=DAY + timedelta(days=9), dtype="int64")], DAY + timedelta(days=4), "str")
    assert [span.dtype for span in spans] == ["int64", "str", "int64"]


def test_cell_that_caused_drift_is_told_unless_its_column_is_masked() -> None:
    columns = (("cpf", "str"), ("nome", "str"))
    clear = manifest_of(DAY, landed("Orders", "a.csv", DAY, columns=columns, drift=(EVIDENCE,)))
    record = taken(clear)
    assert "'123-X' is not a number" in lines.text_of(record.changes[0], record)
    masking = Masking({"cpf": "hash"}, None, 80, (MaskedCells("cpf", "hash", 10, 0, 0),))
    later = DAY + timedelta(days=1)
    record = taken(clear, manifest_of(later, landed("Orders", "a.csv", later, columns=columns, masking=masking)))
    assert "123-X" not in lines.text_of(record.changes[0], record)
    assert "123-X" not in lines.summed_up(record).note


def test_cell_of_a_column_that_has_another_name_today_is_not_told() -> None:
    clear = manifest_of(DAY, landed("Orders", "a.csv", DAY, columns=(("cpf", "str"),), drift=(EVIDENCE,)))
    masking = Masking({"documento": "hash"}, None, 80, ())
    later = DAY + timedelta(days=1)
    renamed = manifest_of(later, landed("Orders", "a.csv", later, columns=(("documento", "str"),), masking=masking))
    record = taken(clear, renamed)
    assert "123-X" not in lines.text_of(record.changes[0], record)


def test_record_that_is_packed_is_the_same_unpacked_and_others_are_none() -> None:
    record = taken(manifest_of(DAY, landed("Orders", "a.csv", DAY)))
    assert unpacked(packed(record), DatasetRecord) == record
    for broken in (None, b"", b"{}", packed(record)[:-20], packed(record)[:40] + b"\0\0"):
        assert unpacked(broken, DatasetRecord) is None
