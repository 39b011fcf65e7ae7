"""How the past of a run's datasets is told in its artifact: the last runs of each, and their rows day by day.

The plot is a line of block characters: Markdown is all that an artifact shows without a public web server for images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from flows.lake.manifests.history import SHOWN_DAYS, DatasetRun
from flows.lake.units import size_text
from flows.lake.words import md

BARS = "▁▂▃▄▅▆▇█"
NO_RUN = "·"
SHOWN_DATASETS = 20
SHOWN_RUNS = 7
SHOWN_CHANGES = 50


def history_markdown(now: Sequence[DatasetRun], earlier: Sequence[DatasetRun]) -> str:
    """Write the sections on what changed and on earlier runs; empty where there were none.

    Args:
        now: What this run did with each of its datasets.
        earlier: What earlier runs did, the newest first, with any dataset.
    """
    of_dataset: dict[str, list[DatasetRun]] = {run.dataset: [run] for run in now}
    for run in earlier:
        if run.dataset in of_dataset:
            of_dataset[run.dataset].append(run)
    known = [runs for runs in of_dataset.values() if len(runs) > 1]
    # Those that changed first: with many datasets the others are cut off.
    known.sort(key=lambda runs: not runs[0].drift)
    return "\n".join((*_changes([change for run in now for change in run.drift]), *_table(known)))


def _changes(changes: list[str]) -> Iterator[str]:
    if not changes:
        return
    yield "## What changed since the last landing\n"
    yield from (f"- {md(change)}" for change in changes[:SHOWN_CHANGES])
    if len(changes) > SHOWN_CHANGES:
        yield f"- … and {len(changes) - SHOWN_CHANGES:,} more; the manifest holds each."
    yield ""


def _table(known: list[list[DatasetRun]]) -> Iterator[str]:
    if not known:
        return
    # Cells do not wrap in the UI, and what is wider than the page is cut off: nothing long stands in them.
    yield "## The last runs\n"
    yield f"| Dataset | Rows, {SHOWN_DAYS} days | Day | Rows | Size | Changes |"
    yield "| --- | --- | --- | ---: | ---: | ---: |"
    for runs in known[:SHOWN_DATASETS]:
        for number, run in enumerate(runs[:SHOWN_RUNS]):
            first = f"{md(run.dataset)} | {plot(runs, run.day)}" if number == 0 else " | "
            changes = f"**{run.bad:,} did not land**" if run.bad else f"{run.changes:,}" if run.changes else ""
            yield f"| {first} | {run.day} | {run.rows:,} | {size_text(run.size_bytes)} | {changes} |"
    if len(known) > SHOWN_DATASETS:
        yield f"\n… and {len(known) - SHOWN_DATASETS:,} more datasets; the manifests hold each."
    yield ""


def plot(runs: Sequence[DatasetRun], until: date) -> str:
    """Draw the rows of the days up to one as a line of bars from zero, the last day at the right.

    Args:
        runs: A dataset's runs, the newest first; of several on a day the newest counts.
        until: The last day.
    """
    rows: dict[date, int] = {}
    for run in runs:
        rows.setdefault(run.day, run.rows)
    days = [until - timedelta(days=n) for n in range(SHOWN_DAYS - 1, -1, -1) if until.toordinal() > n]
    most = max((rows.get(day, 0) for day in days), default=0)
    return "".join(_bar(rows[day], most) if day in rows else NO_RUN for day in days)


def _bar(rows: int, most: int) -> str:
    return BARS[min(len(BARS) - 1, rows * len(BARS) // most)] if most else BARS[0]
