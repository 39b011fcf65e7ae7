"""`make ingest`: the main job on the embedded local lake, from nothing, in one command.

Starts the lake and a Prefect server, stores the lake's block, runs the flow in this process, says where everything can
be seen, and stops what it started. It exits 1 if any file did not land, 2 if a part did not start.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from deployments.local import catalog, children, folders, services, showing


def main() -> int:
    """Run the flow once on a folder; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make ingest", description="Ingest a folder into the embedded local lake.")
    parser.add_argument("source", type=Path, nargs="?", default=Path("data/sample"))
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, write nothing")
    options = parser.parse_args()
    children.end_on_sigterm()
    services.isolate_prefect()
    showing.prepare()
    try:
        with services.lake_and_server() as browse_url:
            services.make_masking_key()
            return _run(options.source, browse_url, dry_run=options.dry_run)
    except folders.StackError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; everything that was started has been stopped.", file=sys.stderr)
        return 130


def _run(source: Path, browse_url: str | None = None, *, dry_run: bool) -> int:
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    from flows.ingest_raw import ingest_raw
    from flows.lake.places import absolute

    with showing.run_of_this_process():
        state: Any = ingest_raw(source=absolute(source), dry_run=dry_run, return_state=True)
    # The server stops when this returns: what is still on its way to it must arrive first.
    APILogWorker.drain_all(timeout=20)
    EventsWorker.drain_all(timeout=20)
    print()
    print(state.message)
    print(f"The lake:     {folders.LAKE_FOLDER} (plain files; the log is under Logs/)")
    if catalog.page().exists():
        print(f"On one page:  {catalog.address(browse_url)}")
    print("The profile:  `make up`, then the Artifacts of the run in the UI, which keeps every run")
    return 0 if state.is_completed() else 1


if __name__ == "__main__":
    sys.exit(main())
