"""`docker run` by hand: one run of `ingest-raw` in this process, on the server that PREFECT_API_URL names.

It is the image's own command. Credentials come from the block, as in every other run: none is passed by environment or
command line. It exits 1 if the run failed and 2 if it could not begin.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from datetime import date
from pathlib import Path
from typing import Any


def main(arguments: list[str] | None = None) -> int:
    """Run the flow once; returns the exit code."""
    given = vars(_parser().parse_args(arguments))
    if not os.environ.get("PREFECT_API_URL"):
        print(
            "PREFECT_API_URL is not set: name the Prefect server that holds the credentials block,"
            " for example http://prefect.example:4200/api.",
            file=sys.stderr,
        )
        return 2
    # As process 1 of a container Python ignores SIGTERM unless told otherwise, and `docker stop` would wait and kill.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Imported here: a wrong option is answered at once.
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    from flows.ingest_raw import ingest_raw

    state: Any = ingest_raw(**{name: value for name, value in given.items() if value is not None}, return_state=True)
    APILogWorker.drain_all(timeout=20)
    EventsWorker.drain_all(timeout=20)
    print(state.message)
    return 0 if state.is_completed() else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.once", description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--source", type=Path, default=Path("data"), help="the folder (default: %(default)s, the image's volume)")
    add("--bucket", help="the lake's bucket; {account} and {region} are filled in")
    add("--credentials", help="name of the Lake Credentials block")
    add("--pattern", help="which files to take")
    add("--recursive", action="store_true", default=None, help="also take the files of folders below")
    add("--follow-links", action="store_true", default=None, help="also take files that are links out of the folder")
    add("--partition-date", type=date.fromisoformat, help="day of the partition, for a backfill")
    add("--dry-run", action="store_true", default=None, help="say what would happen, write nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
