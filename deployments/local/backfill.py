"""`make backfill`: a run of `backfill-raw/days` for a range of days, followed to its end.

The days run in their order inside that one run. Ctrl-C cancels it; the same command goes on where it ended.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from typing import Any

from deployments.local import folders, run

DEPLOYMENT = "backfill-raw/days"


def parameters_of(first: date, last: date, source: str | None) -> dict[str, Any]:
    """Return the parameters of the run; a source may hold `%Y`, `%m` and `%d`, for folders of a day each.

    Raises:
        ValueError: The range is the wrong way round.
    """
    if last < first:
        raise ValueError(f"The range ends ({last}) before it begins ({first}).")
    days = {"first_day": first.isoformat(), "last_day": last.isoformat()}
    return days | ({"source": run.absolute(source)} if source else {})


def main() -> int:
    """Start the run, and follow it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make backfill", description="Ingest each day of a range, in order.")
    parser.add_argument("first", type=_day, help="first day, as 2024-02-27")
    parser.add_argument("last", type=_day, help="last day")
    parser.add_argument("source", nargs="?", help="folder, in which %%Y, %%m and %%d stand for the day")
    options = parser.parse_args()
    try:
        parameters = parameters_of(options.first, options.last, options.source)
        with run.server():
            return run.follow(DEPLOYMENT, parameters, cancel_on_interrupt=True)
    except (folders.StackError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        example = "make backfill FROM=2024-02-27 TO=2024-03-02"
        raise argparse.ArgumentTypeError(f"{text!r} is not a date. Name the first and the last: {example}") from None


if __name__ == "__main__":
    sys.exit(main())
