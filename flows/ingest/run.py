"""One run of `ingest-raw`: what it was asked, what its stages found, and its log.

How it ends is left to `flows.ingest.closing`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from prefect.client.schemas.objects import State
from prefect.futures import as_completed
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.connection import connect, load_contracts
from flows.ingest.outcomes import outcomes_of, outcomes_when_cancelled
from flows.lake.manifests.history import History
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.places import source_text
from flows.lake.raw.unchanged import Unchanged
from flows.lake.reports import lines, next_steps, run_report
from flows.lake.reports.run_log import RunLog
from flows.lake.run_models import (
    BucketListing,
    BucketReport,
    FileList,
    LakeAddress,
    LandingReport,
    NextStep,
    RunSummary,
)
from flows.lake.settings import IngestSettings
from flows.lake.sources.folder import SourceFolder
from flows.lake.words import shown
from flows.ui import watching
from flows.ui.days import DEFAULT_TIMEZONE, logical_date
from flows.ui.progress import FileProgress

T = TypeVar("T")


class Run:
    """Gathers what the stages found, and tells it.

    Attributes:
        log: What the lake will get to read.
        lake: Where the lake is, once it is found.
        has_bucket: Whether the bucket is there.
        history: What earlier runs did.
        outcomes: How files' ways ended.
        state: The state that the flow ends in.
    """

    def __init__(self) -> None:
        self.log = RunLog(ZoneInfo(DEFAULT_TIMEZONE), get_run_logger().log)
        self.lake: LakeAddress | None = None
        self.has_bucket = False
        self.history = History()
        self.outcomes: list[FileOutcome] = []
        self.state: State[Any] = Failed(message="The run did not come to its end.")
        self._settings: IngestSettings | None = None
        self._day: date | None = None
        self._hidden = self._bad = 0
        self._warnings: list[str] = []
        self._listing: BucketListing | None = None
        self._folder: SourceFolder | None = None
        self._bucket: BucketReport | None = None
        self._waiting: dict[Any, Sequence[SourceFile]] = {}
        self._progress: FileProgress | None = None
        self._done_bytes = self._left_bytes = 0
        self._started = datetime.now(ZoneInfo(DEFAULT_TIMEZONE))
        self._clock = time.monotonic()

    def begin(self, parameters: Mapping[str, Any]) -> IngestSettings:
        """Check the run's parameters and open its log.

        Raises:
            SettingsError: At least one is wrong; names each.
        """
        settings = self._settings = IngestSettings(**parameters)
        self._started = self._started.astimezone(settings.zone)
        self._day = settings.partition_date or logical_date(settings.zone)
        self.log = RunLog(settings.zone, get_run_logger().log)
        self.log.info(f"Run {flow_run.name} ({flow_run.id}, attempt {flow_run.run_count}) started")
        self.log.info(
            f"Source {shown(source_text(settings.source), 1000)}, pattern {settings.pattern!r},"
            f" partition date {self._day}" + (", dry run: nothing is written" if settings.dry_run else "")
        )
        return settings

    def take_contracts(self, address: LakeAddress) -> IngestSettings:
        """Fetch the contracts where they are in S3, and say which hold.

        Raises:
            ContractInvalid: They say what they must not.
            StorageError: They cannot be fetched.
        """
        contracts = load_contracts(self.settings.contracts, address)
        self._settings = settings = self.settings.model_copy(update={"contracts": contracts})
        if contracts.name:
            count = len(contracts)
            self.log.info(f"Contracts of {count:,} dataset{'s' * (count != 1)} from {shown(contracts.name, 1000)}")
        return settings

    @property
    def settings(self) -> IngestSettings:
        """What the run was asked."""
        if self._settings is None:
            raise RuntimeError("begin() comes first")
        return self._settings

    @property
    def has_begun(self) -> bool:
        """Whether its parameters were right."""
        return self._day is not None

    @property
    def day(self) -> date:
        """The partition date."""
        if self._day is None:
            raise RuntimeError("begin() comes first")
        return self._day

    def tell(self, result: T, *, alone: bool = True) -> T:
        """Note something that a stage found, in the log and in the summary, and return it.

        Args:
            result: What it found.
            alone: Whether a file is told of by itself.
        """
        telling = lines.Telling(self.lake.bucket if self.lake else None, alone, self.settings.dry_run)
        for level, text in lines.lines_of(result, telling):
            self.log.add(level, text, echo=not self._is_one_too_many(level, result))
        match result:
            case LakeAddress():
                self.lake = result
            case LandingReport():
                self._warnings += result.warnings
            case BucketReport():
                self.has_bucket = True
                self._bucket = result
                self._warnings += result.notes
            case SourceFolder():
                self._hidden = result.hidden
                self._settings = self.settings.model_copy(update={"contracts": result.contracts})
                self._folder = result
                watching.expect([(str(file.path), file.title, file.size_bytes) for file in result.files])
                self.tell_all(result.unusable)
            case History():
                self.history = result
                self._warnings += result.unreadable
            case Unchanged():
                self._begin_files(result)
            case BucketListing():
                self._listing = result
            case FileOutcome():
                self.outcomes.append(result)
                watching.end(str(result.path), shown(result.path.name), result.state, bad=result.is_bad)
        return result

    def tell_all(self, outcomes: Iterable[FileOutcome], *, alone: bool = True) -> None:
        """Note how the ways of files ended."""
        for outcome in outcomes:
            self.tell(outcome, alone=alone)
            self._done_bytes += outcome.size_bytes

    def _is_one_too_many(self, level: int, result: object) -> bool:
        """Say whether the terminal and the UI have heard of enough bad files; the log holds them all."""
        if level != lines.ERROR or not isinstance(result, FileOutcome):
            return False
        self._bad += 1
        if self._bad == run_report.SHOWN_FILES + 1:
            get_run_logger().error("The log in the lake names each further file that does not land.")
        return self._bad > run_report.SHOWN_FILES

    def _begin_files(self, unchanged: Unchanged) -> None:
        """Note which files need no work; of many others, the progress is shown."""
        files = len(unchanged.outcomes) + len(unchanged.left)
        self.tell_all(unchanged.outcomes, alone=files <= self.settings.own_tasks_up_to)
        self._done_bytes = 0
        if len(unchanged.left) > self.settings.own_tasks_up_to and self.lake:
            self._left_bytes = sum(file.size_bytes for file in unchanged.left)
            redact = connect(self.lake).redact
            self._progress = FileProgress(
                "ingest", Path(source_text(self.settings.source)).name, self._left_bytes, redact
            )

    def wait_for(self, landing: Mapping[Any, Sequence[SourceFile]]) -> None:
        """Note how the files of tasks ended, as the tasks end.

        Args:
            landing: Each task's future, and the files that the task lands.
        """
        self._waiting = dict(landing)
        for done in as_completed(list(landing)):
            outcomes = outcomes_of(self._waiting[done], done)
            self.tell_all(outcomes, alone=len(outcomes) == 1)
            del self._waiting[done]  # last, since the run may be interrupted at any line
            if self._progress:
                self._progress(self._done_bytes, self._left_bytes)

    def let_files_arrive(self, timeout_s: float) -> None:
        """Note how the files ended that were on their way when the run was cancelled; no others begin."""
        landing, self._waiting = self._waiting, {}
        settled = {outcome.path for outcome in self.outcomes}
        outcomes = [one for one in outcomes_when_cancelled(landing, timeout_s) if one.path not in settled]
        self.tell_all(outcomes, alone=len(outcomes) <= self.settings.own_tasks_up_to if outcomes else True)

    def summary(self) -> RunSummary | None:
        """Return what a person wants to know of the run; `None` where its parameters were wrong."""
        if not self.has_begun:
            return None
        listing = self._listing
        return RunSummary(
            run_id=flow_run.id or "",
            run_name=flow_run.name or "",
            source=self.settings.source,
            bucket=self.lake.bucket if self.lake else self.settings.bucket,
            day=self.day,
            dry_run=self.settings.dry_run,
            outcomes=FileList(sorted(self.outcomes, key=lambda outcome: outcome.path)),
            hidden=self._hidden,
            warnings=tuple(self._warnings),
            objects=listing.objects if listing else None,
            size_bytes=listing.size_bytes if listing else 0,
            started=self._started,
            duration_s=time.monotonic() - self._clock,
            more_objects=bool(listing and listing.more),
            steps=tuple(self._steps()),
        )

    def _steps(self) -> list[NextStep]:
        """Return what a person will want to do, as far as the run's own stages saw it."""
        return next_steps.steps_of(
            next_steps.Seen(
                self.settings,
                self._folder.groups if self._folder else (),
                self.outcomes,
                self.history.runs,
                self.day,
                self._bucket,
            )
        )
