"""`make backfill`: a run of `ingest-raw/daily` for each day of a range, each with that day as its partition date.

The runs wait in line, since the deployment runs one at a time; the command only queues them.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date, timedelta
from typing import Any

from deployments.local import run, services


def days(first: date, last: date) -> list[date]:
    """Return every day of a range, both ends included.

    Raises:
        ValueError: The range is the wrong way round.
    """
    if last < first:
        raise ValueError(f"The range ends ({last}) before it begins ({first}).")
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def parameters_of(day: date, source: str | None) -> dict[str, Any]:
    """Return the parameters of one day's run; a source may hold `%Y`, `%m` and `%d`, for folders of a day each."""
    return {"partition_date": day.isoformat()} | ({"source": run.absolute(day.strftime(source))} if source else {})


def main() -> int:
    """Queue the runs and name them; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make backfill", description="Queue a run for each day of a range.")
    parser.add_argument("first", type=_day, help="first day, as 2024-02-27")
    parser.add_argument("last", type=_day, help="last day")
    parser.add_argument("source", nargs="?", help="folder, in which %%Y, %%m and %%d stand for the day")
    options = parser.parse_args()
    try:
        chosen = days(options.first, options.last)
        with run.server():
            _queue(chosen, options.source)
    except (services.StackError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        example = "make backfill FROM=2024-02-27 TO=2024-03-02"
        raise argparse.ArgumentTypeError(f"{text!r} is not a date. Name the first and the last: {example}") from None


def _queue(chosen: list[date], source: str | None) -> None:
    from prefect.deployments import run_deployment
    from prefect.utilities.urls import url_for

    for day in chosen:
        flow_run: Any = run_deployment(run.DEPLOYMENT, parameters=parameters_of(day, source), timeout=0)
        print(f"{day}  {url_for(flow_run)}", flush=True)
    print(f"{len(chosen)} runs are queued; they start one at a time.")


if __name__ == "__main__":
    sys.exit(main())
