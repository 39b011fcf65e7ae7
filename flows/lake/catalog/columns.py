"""The columns of a dataset over time: with which dtype each was seen, and since when."""

from __future__ import annotations

from datetime import date

from flows.lake.catalog.records import Column, DatasetRecord, Span
from flows.lake.manifests.entries import ManifestFile

KEPT_COLUMNS = 20_000
KEPT_SPANS = 12


def take_columns(record: DatasetRecord, day: date, landed: list[ManifestFile]) -> None:
    """Note the columns of a day's files, which may differ from each other."""
    if not landed:
        return
    is_newest = record.columns_day is None or day >= record.columns_day
    seen: dict[str, list[int]] = {}
    dtypes: dict[str, set[str]] = {}
    for file in landed:
        for held in file.columns:
            counts = seen.setdefault(held.name, [0, 0])
            counts[0] += held.non_null
            counts[1] += file.rows or 0
            dtypes.setdefault(held.name, set()).add(held.dtype)
    for place, (name, (non_null, rows)) in enumerate(seen.items()):
        column = record.columns.get(name)
        if column is None:
            if len(record.columns) >= KEPT_COLUMNS:
                continue
            column = record.columns[name] = Column()
        column.spans = with_day(column.spans, day, " / ".join(sorted(dtypes[name])))[-KEPT_SPANS:]
        if is_newest:
            column.place, column.non_null, column.rows = place, non_null, rows
            column.sensitive = column.suggested = None
    if is_newest:
        record.columns_day = day
        for file in landed:
            for found in file.sensitive:
                if found.column in record.columns:
                    record.columns[found.column].sensitive = found.kind
                    record.columns[found.column].suggested = found.mask
    for file in landed:
        for name, rule in (file.masking.rules if file.masking else {}).items():
            if name in record.columns:
                record.columns[name].masked = rule


def with_day(spans: list[Span], day: date, dtype: str) -> list[Span]:
    """Return a column's history with another day on which it was seen."""
    spans = sorted([*spans, Span(first=day, last=day, dtype=dtype)], key=lambda span: (span.first, span.last))
    joined: list[Span] = []
    for span in spans:
        before = joined[-1] if joined else None
        if before and before.dtype == span.dtype:
            joined[-1] = Span(first=before.first, last=max(before.last, span.last), dtype=span.dtype)
        elif before and before.last >= span.first:  # one day with another dtype within a longer time
            joined[-1] = Span(first=before.first, last=span.first, dtype=before.dtype)
            joined.append(span)
            if before.last > span.last:
                joined.append(Span(first=span.last, last=before.last, dtype=before.dtype))
        else:
            joined.append(span)
    return joined
