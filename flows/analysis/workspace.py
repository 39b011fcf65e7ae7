"""What the stages of one run about films share: a temporary folder, a database in it, and what was found so far."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from prefect.runtime import flow_run

from flows.connection import connect
from flows.ingest import past_runs
from flows.lake.films import made_manifest

if TYPE_CHECKING:
    from flows.analysis.run import FilmsRun
    from flows.lake.films.engine import Connection
    from flows.lake.films.raw_input import RawInput
    from flows.lake.films.selection import Criteria, Selection
    from flows.lake.films.storing import Made
    from flows.lake.films.tmdb_answers import Answers
    from flows.lake.films.trusted import Defects


@dataclass
class Found:
    """What the stages found, each for the next ones and for the manifest.

    Attributes:
        criteria: What is asked of a film.
        raw: The raw file.
        parts: The parts of TMDB's answers.
        answers: What they say.
        defects: What was wrong in the raw file.
        selection: The films that are left.
        made: What was stored.
    """

    criteria: Criteria | None = None
    raw: RawInput | None = None
    parts: list[RawInput] = field(default_factory=list)
    answers: Answers | None = None
    defects: Defects | None = None
    selection: Selection | None = None
    made: list[Made] = field(default_factory=list)


class Workspace:
    """A folder and a database, which live as long as the run.

    It is no dataclass: Prefect walks through those of each task, value by value.
    """

    def __init__(self, folder: Path, database: Connection, day: date, found: Found) -> None:
        self.folder = folder
        self.database = database
        self.day = day
        self.found = found

    def subfolder(self, name: str) -> Path:
        """Return where a stage writes files; the folder itself is DuckDB's to make."""
        return self.folder / name


@contextlib.contextmanager
def workspace(day: date, found: Found) -> Iterator[Workspace]:
    """Make a workspace, and remove it at the end."""
    from flows.lake.films.engine import connection

    with tempfile.TemporaryDirectory(prefix="analyze-films-") as name, connection(Path(name)) as database:
        yield Workspace(Path(name), database, day, found)


def write_manifest(found: Found, run: FilmsRun) -> str | None:
    """Store what the run read and made; nothing where it did not come to read anything."""
    if run.lake is None or found.raw is None or found.criteria is None:
        return None
    made = made_manifest.MadeManifest(
        run_id=flow_run.id or "",
        run_name=flow_run.name or "",
        run_count=flow_run.run_count,
        logical_date=run.day,
        bucket=run.lake.bucket,
        started=run.started,
        ended=made_manifest.now_like(run.started),
        criteria=dataclasses.asdict(found.criteria),
        read=tuple(_read(one) for one in [found.raw, *found.parts]),
        made=tuple(
            made_manifest.MadeObject(**dataclasses.asdict(one)) for one in sorted(found.made, key=lambda one: one.key)
        ),
        funnel=tuple(
            made_manifest.FunnelStep(name=step.name, left=step.left, fell_out=dict(step.fell_out))
            for step in (found.selection.steps if found.selection else ())
        ),
    )
    names = made_manifest.manifest_keys(run.day, flow_run.name or "", flow_run.id or "", flow_run.run_count)
    text = connect(run.lake).redact(made_manifest.to_json(made))
    return past_runs.store_of(run.lake, make_key=True).store(text, names)


def _read(one: RawInput) -> made_manifest.ReadObject:
    return made_manifest.ReadObject(
        key=one.file.key,
        sha256=one.file.sha256,
        size_bytes=one.file.size_bytes,
        version_id=one.file.version_id,
        manifest=one.manifest_key,
    )
