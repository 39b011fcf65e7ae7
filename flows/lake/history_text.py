"""How the past of a run's datasets is told in its artifact: the last runs of each, and their rows day by day.

The plot is a line of block characters: Markdown is all that an artifact shows without a public web server for images.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from flows.lake.history import SHOWN_DAYS, DatasetRun
from flows.lake.report import md, size_text

BARS = "▁▂▃▄▅▆▇█"
NO_RUN = "·"
SHOWN_DATASETS = 20
SHOWN_RUNS = 7
SHOWN_CHANGES = 3


def history_markdown(now: Sequence[DatasetRun], earlier: Sequence[DatasetRun]) -> str:
    """Write the section on earlier runs; empty where there were none.

    Args:
        now: What this run did with each of its datasets.
        earlier: What earlier runs did, the newest first, with any dataset.
    """
    of_dataset: dict[str, list[DatasetRun]] = {run.dataset: [run] for run in now}
    for run in earlier:
        if run.dataset in of_dataset:
            of_dataset[run.dataset].append(run)
    known = {dataset: runs for dataset, runs in of_dataset.items() if len(runs) > 1}
    if not known:
        return ""
    # Those that changed first: with many datasets the others are cut off.
    ordered = sorted(known, key=lambda dataset: not known[dataset][0].drift)
    lines = [
        "",
        "## The last runs",
        "",
        f"| Dataset | Rows, last {SHOWN_DAYS} days | Day | Rows | Size | What changed |",
        "| --- | --- | --- | ---: | ---: | --- |",
    ]
    for dataset in ordered[:SHOWN_DATASETS]:
        runs = known[dataset]
        for number, run in enumerate(runs[:SHOWN_RUNS]):
            first = f"{md(dataset)} | {plot(runs, runs[0].day)}" if number == 0 else " | "
            lines.append(f"| {first} | {run.day} | {run.rows:,} | {size_text(run.size_bytes)} | {_changes(run)} |")
    if len(ordered) > SHOWN_DATASETS:
        lines += ["", f"… and {len(ordered) - SHOWN_DATASETS:,} more datasets; the manifests hold each."]
    return "\n".join(lines) + "\n"


def _changes(run: DatasetRun) -> str:
    told = [f"**{run.bad:,} did not land**"] if run.bad else []
    told += [md(change) for change in run.drift[:SHOWN_CHANGES]]
    if len(run.drift) > SHOWN_CHANGES:
        told.append(f"and {len(run.drift) - SHOWN_CHANGES:,} more")
    return "; ".join(told)


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
