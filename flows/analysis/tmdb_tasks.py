"""The stages of ingest-tmdb as Prefect tasks; the work is in `flows.lake.films`.

The pace is Prefect's: a global concurrency limit whose one slot comes back so many times a second, so that runs on
several machines together ask no faster than one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows.analysis.workspace import Workspace
from flows.connection import connect
from flows.ingest import past_runs
from flows.lake import keys
from flows.lake.errors import LakeError, TmdbUnreachable
from flows.lake.run_models import LakeAddress
from flows.ui import artifacts
from flows.ui.stage import stage

if TYPE_CHECKING:
    from blocks.tmdb_credentials import TmdbCredentials
    from flows.analysis.run import FilmsRun
    from flows.lake.films.selection import Criteria
    from flows.lake.manifests.entries import ManifestFile

LIMIT = "tmdb-requests"
MOST_FAILURES = 5
"""Titles one after the other without an answer: TMDB is away, and the run ends."""

TOLD_EVERY = 200


@dataclass
class Asking:
    """What the run landed so far; the manifest is made of it, however the run ends.

    Attributes:
        wanted: The titles of the genres and years.
        needed: Those that had no answer that is young enough.
        asked: Those that were asked.
        unanswered: Those for which TMDB gave no answer.
        parts: The parts of this run, and those of killed runs before it.
        requests: How many requests it took.
    """

    wanted: int = 0
    needed: list[str] = field(default_factory=list)
    asked: int = 0
    unanswered: list[str] = field(default_factory=list)
    parts: list[ManifestFile] = field(default_factory=list)
    requests: int = 0
    by_outcome: dict[str, int] = field(default_factory=dict)


def pace(requests_per_second: int) -> Callable[[], None]:
    """Return what waits until the next request may go out."""
    from prefect import get_client
    from prefect.concurrency.sync import rate_limit

    with get_client(sync_client=True) as client:
        client.upsert_global_concurrency_limit_by_name(LIMIT, 1, slot_decay_per_second=float(requests_per_second))
    return lambda: rate_limit(LIMIT, strict=True)


@stage(name="choose-titles", task_run_name="choose titles")
def choose_titles(
    work: Workspace,
    asking: Asking,
    criteria: Criteria,
    address: LakeAddress,
    *,
    english_titles: bool,
    max_age_days: int,
    max_titles: int | None,
) -> str:
    """Find out which titles have no answer that is young enough; returns how many, as a sentence."""
    from flows.lake.films import tmdb_landing

    answers = work.found.answers
    if answers is None:
        raise RuntimeError("read_films comes first")
    adopted = tmdb_landing.adopt(connect(address).bucket, work.found.parts, answers, work.day)
    asking.parts += adopted
    wanted = tmdb_landing.titles_to_ask(work.database, criteria, english_titles=english_titles)
    asking.wanted = len(wanted)
    asking.needed = tmdb_landing.needed(wanted, answers.by_title, max_age_days)[:max_titles]
    found = f"{len(adopted)} parts of runs that were killed are named now. " if adopted else ""
    return f"{found}{len(asking.needed):,} of {len(wanted):,} titles are to be asked for."


@stage(name="ask-tmdb", task_run_name="ask TMDB")
def ask(work: Workspace, asking: Asking, address: LakeAddress, tmdb: str, requests_per_second: int) -> None:
    """Ask TMDB for each title, and land the answers part by part."""
    import httpx

    from blocks.tmdb_credentials import load
    from flows.lake.films.tmdb_client import TIMEOUT_S, TmdbClient
    from flows.lake.films.tmdb_landing import Landing

    block: TmdbCredentials = load(tmdb)
    headers = {"Authorization": f"Bearer {block.token.get_secret_value()}", "Accept": "application/json"}
    landing = Landing(connect(address).bucket, work.day)
    landing.landed = asking.parts  # one list: what is landed when the run is interrupted is in the manifest
    in_a_row = 0
    with httpx.Client(base_url=block.base_url, headers=headers, timeout=TIMEOUT_S) as http:
        client = TmdbClient(http, pace(requests_per_second))
        try:
            for number, title in enumerate(asking.needed, start=1):
                try:
                    answer = client.ask(title)
                except TmdbUnreachable as error:
                    get_run_logger().warning("%s: %s", title, error)
                    asking.unanswered.append(title)
                    in_a_row += 1
                    if in_a_row == MOST_FAILURES:
                        raise
                    continue
                in_a_row = 0
                landing.add(answer)
                asking.asked += 1
                asking.by_outcome[answer.outcome] = asking.by_outcome.get(answer.outcome, 0) + 1
                if number % TOLD_EVERY == 0:
                    get_run_logger().info("%s of %s titles", f"{number:,}", f"{len(asking.needed):,}")
        finally:
            asking.requests = client.requests
            landing.store()


def check_token(tmdb: str) -> None:
    """Load the block, so that a run without one ends before it reads anything.

    Raises:
        CredentialsMissing: There is no such block.
    """
    from blocks.tmdb_credentials import load

    load(tmdb)


def verdict(asking: Asking) -> str:
    """Return what became of the titles, as a sentence."""
    outcomes = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(asking.by_outcome.items()))
    known = asking.wanted - len(asking.needed)
    text = f"TMDB was asked for {asking.asked:,} titles ({outcomes or 'none'}) with {asking.requests:,} requests;"
    text += f" {known:,} of {asking.wanted:,} were not asked, as their answers are young enough or a limit was set."
    return text + (f" {len(asking.unanswered):,} got no answer." if asking.unanswered else "")


def publish(asking: Asking, day: str, redact: artifacts.Redact) -> None:
    """Publish what the run did."""
    from flows.lake.films.report import ATTRIBUTION

    lines = [f"# TMDB {day}", verdict(asking), "", *(f"- `{part.key}`: {part.rows} titles" for part in asking.parts)]
    artifacts.publish_markdown("ingest-tmdb", "\n".join([*lines, "", f"_{ATTRIBUTION}_"]), f"TMDB {day}", redact)


def write_manifest(asking: Asking, run: FilmsRun) -> str | None:
    """Store what landed, as the manifest of any run that lands files; nothing where nothing did."""
    from flows.lake.manifests.manifest import Manifest, masked

    if run.lake is None or not asking.parts:
        return None
    ended = datetime.now(run.started.tzinfo)
    made = Manifest(
        schema_version=1,
        run_id=flow_run.id or "",
        run_name=flow_run.name or "",
        run_count=flow_run.run_count,
        logical_date=run.day,
        source="TMDB",
        bucket=run.lake.bucket,
        started=run.started,
        ended=ended,
        duration_s=round((ended - run.started).total_seconds(), 3),
        files=tuple(asking.parts),
    )
    try:
        text = masked(made, connect(run.lake).redact)
    except ValueError as error:
        raise LakeError("with its secrets masked it is not valid any more") from error
    names = keys.manifest_keys(run.day, flow_run.name or "", flow_run.id or "", flow_run.run_count)
    return past_runs.store_of(run.lake, make_key=True).store(text, names)
