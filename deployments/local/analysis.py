"""`make analysis`: the four questions about films, answered on the embedded local lake, from nothing, without a key.

Ingests the sample of real films into a bucket of its own, starts a TMDB of the tests' that knows their countries and
directors, runs ingest-tmdb and analyze-films, and prints the answers and where the report is. It exits 1 if a run
failed, 2 if a part did not start.
"""

from __future__ import annotations

import contextlib
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from deployments.local import children, folders, services

BUCKET = "films-sample"
"""Apart from the lake of `make ingest`, whose Movies are made up."""

SOURCE = folders.PROJECT / "data/films"
TMDB_BLOCK = "tmdb-sample"
SAMPLE_TOKEN = "token-of-the-scripted-tmdb"  # noqa: S105 - it opens nothing but the scripted server


def main() -> int:
    """Run the three flows; returns the exit code."""
    children.end_on_sigterm()
    services.isolate_prefect()
    if not services.colour(sys.stdout):
        os.environ["PREFECT_LOGGING_COLORS"] = "false"
    os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
    try:
        with services.lake_and_server(), _scripted_tmdb():
            return _run()
    except folders.StackError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; everything that was started has been stopped.", file=sys.stderr)
        return 130


@contextlib.contextmanager
def _scripted_tmdb() -> Iterator[None]:
    """Run the scripted TMDB server, and store a block that leads to it."""
    from pydantic import SecretStr

    from blocks.tmdb_credentials import TmdbCredentials

    port = services.free_port()
    log = folders.PREFECT_HOME / "tmdb.log"
    command = [sys.executable, "-m", "tests.tools.tmdb_server", str(port), str(SOURCE / "tmdb.jsonl")]
    url = f"http://127.0.0.1:{port}/3"
    with children.child(command, log) as process:
        children.wait_until(lambda: _answers(url), process, "the scripted TMDB", log)
        TmdbCredentials(token=SecretStr(SAMPLE_TOKEN), base_url=url).save(TMDB_BLOCK, overwrite=True)
        yield


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True  # it asks for a token
    except OSError:
        return False


def _run() -> int:
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    from flows.analyze_films import analyze_films
    from flows.ingest_raw import ingest_raw
    from flows.ingest_tmdb import ingest_tmdb

    where: dict[str, Any] = {"bucket": BUCKET, "return_state": True}
    day = datetime.now(ZoneInfo("America/Sao_Paulo")).date()
    steps: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("ingest-raw", lambda: ingest_raw(source=SOURCE, partition_date=day, **where)),
        (
            "ingest-tmdb",
            lambda: ingest_tmdb(tmdb=TMDB_BLOCK, partition_date=day, requests_per_second=40, **where),
        ),
        ("analyze-films", lambda: analyze_films(partition_date=day, **where)),
    )
    try:
        for name, start in steps:
            children.say(f"Running {name}")
            state = start()
            print(f"  {state.message}")
            if not state.is_completed():
                return 1
        _print_answers(day)
        return 0
    finally:
        APILogWorker.drain_all(timeout=20)
        EventsWorker.drain_all(timeout=20)


def _print_answers(day: date) -> None:
    """Print what the report's artifact says of each question."""
    from prefect.artifacts import Artifact

    print()
    for number in range(1, 5):
        artifact: Any = Artifact.get(f"films-question-{number}")
        lines = str(artifact.data).splitlines() if artifact else []
        for line in _plain(lines):
            print(line)
        print()
    from flows.lake.films.layout import report_key

    print(f"The report:   {folders.LAKE_FOLDER / BUCKET / report_key(day)}")
    print("The films are a sample that somebody chose: it shows what the analysis does, and nothing about the world.")


def _plain(lines: list[str]) -> Iterator[str]:
    """Yield lines of Markdown as a terminal shows them: heading, sentence, the table's first rows."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    yield from (line.lstrip("# ").replace("\\", "") for line in lines if line and not line.startswith("|"))
    shown = [row for row in rows if not set("".join(row)) <= {"-"}][:14]
    widths = [max(len(row[column]) for row in shown) for column in range(len(shown[0]))] if shown else []
    for row in shown:
        yield (
            "  "
            + "  ".join(cell.replace("\\", "").ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    if len(rows) - 1 > len(shown):
        yield f"  … {len(rows) - 1 - len(shown)} rows more in the report"


if __name__ == "__main__":
    sys.exit(main())
