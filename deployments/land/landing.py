"""One landing from begin to end, in this process: the stages of `ingest-raw` in their order, and its end.

The stages are the flow's own (`flows.ingest.stages`, `flows.lake`). What a server would keep, secrets blocks and
artifacts, is not there: manifests are signed by a key in a file, if one is given, and a file's trouble becomes its
outcome as in a batch. However it ends, manifest and log are left in the lake.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from deployments.land.side_by_side import SideBySide
from deployments.land.traces import Traces
from flows.connection import THREADS, Lake, filled_in, load_contracts
from flows.ingest import stages
from flows.lake import keys
from flows.lake.errors import LakeError, SettingsError, StorageError
from flows.lake.landing.masking_key import MaskingKeys
from flows.lake.manifests.store import ManifestStore
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.places import source_text
from flows.lake.raw.unchanged import find_unchanged
from flows.lake.redact import mask_known
from flows.lake.reports import lines, next_steps, run_report
from flows.lake.reports.run_log import RunLog
from flows.lake.run_models import BucketListing, BucketReport, FileList, LakeAddress, LandingReport, RunSummary
from flows.lake.settings import IngestSettings
from flows.lake.words import shown

if TYPE_CHECKING:
    from blocks.lake_credentials import LakeCredentials
    from deployments.live import LiveTable
    from flows.lake.contracts.name_groups import FileGroup
    from flows.lake.manifests.history import DatasetRun

T = TypeVar("T")


@dataclass(frozen=True)
class Means:
    """What a landing works with.

    Attributes:
        block: The credentials; stored nowhere.
        masking_keys: The keys by which columns are masked.
        signing_key: Signs manifests; none are signed without.
        echo: Called with the level and text of each line of the log.
        table: Shows files as they land, if there is somebody to see it.
    """

    block: LakeCredentials
    masking_keys: Callable[[], MaskingKeys]
    signing_key: bytes | None
    echo: Callable[[int, str], None]
    table: LiveTable | None


class Landing:
    """A landing, and what it found.

    Attributes:
        settings: What was asked.
        lake: The connection, once there is one.
        log: What the lake gets to read.
        log_key: Where the log is, once it is there.
        manifest_key: Where the manifest is, once it is there.
        wrote: Whether anything may have been written.
        error: What ended it before its end.
    """

    def __init__(self, settings: IngestSettings, means: Means) -> None:
        self.settings, self._means = settings, means
        self.run_id = str(uuid.uuid4())
        self._started, self._clock = datetime.now(settings.zone), time.monotonic()
        self.day: date = settings.partition_date or self._started.date()
        self.run_name = f"{self.day} {shown(source_text(settings.source).rstrip('/').rsplit('/', 1)[-1])}"
        self.log = RunLog(settings.zone, means.echo)
        self.lake: Lake | None = None
        self.log_key: str | None = None
        self.manifest_key: str | None = None
        self.wrote = False
        self.error: BaseException | None = None
        self.state = "Failed"
        self.verdict = ""
        self._outcomes: dict[int, FileOutcome] = {}
        self._warnings: list[str] = []
        self._hidden = 0
        self._groups: Sequence[FileGroup] = ()
        self._bucket: BucketReport | None = None
        self._past: Sequence[DatasetRun] = ()
        self._listing: BucketListing | None = None

    def run(self) -> None:
        """Go through the stages, and end with manifest and log; what stopped it is in `error`."""
        try:
            self._go()
        except (LakeError, KeyboardInterrupt) as error:
            self.error = error
        except Exception as error:
            self.error = LakeError(mask_known(f"{type(error).__name__}: {error}"))
        self._close()

    def connect(self, identity: Any) -> None:
        """Connect to the lake with credentials that work.

        Args:
            identity: Whose they are.

        Raises:
            LakeError: The bucket's name is wrong, or there is no connection.
        """
        from flows.lake.raw.storing import UploadOptions
        from flows.lake.s3.client import client_config

        asked, block = self.settings, self._means.block
        client = block.get_s3_client(client_config(max_connections=THREADS * UploadOptions().concurrency))
        address = LakeAddress(
            asked.bucket,
            asked.credentials,
            self.run_id,
            manifest_keys=keys.manifest_keys(self.day, self.run_name, self.run_id, 1),
            landing_bucket=asked.landing_bucket,
            landing_kms_key_id=asked.kms_key_id or None,
        )
        address = filled_in(address, identity, client.meta.region_name, asked.expected_bucket_owner)
        self.lake = Lake(client, block, address)
        self.log.info(f"Run {self.run_name} ({self.run_id}, without a server) started")
        self.log.info(
            f"Source {shown(source_text(asked.source), 1000)}, pattern {asked.pattern!r}, partition date {self.day}"
            + (", dry run: nothing is written" if asked.dry_run else "")
        )
        self.log.info(f"Lake s3://{address.bucket}. {identity.sentence()}")

    def _go(self) -> None:
        lake = self._connected
        contracts = load_contracts(self.settings.contracts, lake.address)
        self.settings = settings = self.settings.model_copy(update={"contracts": contracts})
        if contracts.name:
            count = len(contracts)
            self.log.info(f"Contracts of {count:,} dataset{'s' * (count != 1)} from {shown(contracts.name, 1000)}")
        folder = self._find_files(lake)
        self.wrote = not settings.dry_run
        bucket = self._tell(stages.ensure_bucket(settings, lake))
        if settings.dry_run:
            self._tell(stages.check_access(settings, lake, bucket is not None))
        if stages.keeps_originals(folder):
            self._tell(stages.ensure_landing(settings, lake))
        store = ManifestStore(lake.bucket, self._means.signing_key)
        history = self._tell(stages.read_history(folder, settings, self.day, store))
        self._warnings += history.unreadable
        self._past = history.runs
        unchanged = self._tell(
            find_unchanged(lake.bucket, stages.with_last_landings(folder, history, settings), self._fingerprint(folder))
        )
        self._end(unchanged.outcomes)
        to = replace(lake.raw_layer, masking_keys=self._means.masking_keys)
        SideBySide(to, self._end, self._means.echo, self._means.table).land(unchanged.left)
        if bucket:
            from flows.lake.s3 import listing

            self._listing = self._tell(listing.list_bucket(lake.bucket))

    def _find_files(self, lake: Lake) -> Sequence[SourceFile]:
        from flows.lake.sources import folder

        found = self._tell(folder.find_files(self.settings, self.day, lake.client))
        self._hidden, self._groups = found.hidden, found.groups
        self.settings = self.settings.model_copy(update={"contracts": found.contracts})
        if self._means.table:
            self._means.table.expect((str(file.path), file.title, file.size_bytes) for file in found.files)
        if not self._means.signing_key and any(file.rules.on_drift == "reject" for file in found.files):
            raise SettingsError(
                "on_drift=reject compares with manifests that are signed, and there is no key to tell them by.",
                remedy="Add --signing-key-file FILE; the key is made there at the first landing.",
            )
        self._end(found.unusable)
        return found.files

    @property
    def _connected(self) -> Lake:
        if self.lake is None:
            raise RuntimeError("connect() comes first")
        return self.lake

    def _fingerprint(self, files: Sequence[SourceFile]) -> str | None:
        try:
            return (
                self._means.masking_keys().current.fingerprint
                if any(file.contract.mask.needs_key for file in files)
                else None
            )
        except LakeError:  # each file says so when it is masked
            return None

    def _end(self, outcomes: Sequence[FileOutcome]) -> None:
        """Note how files ended, each once; an interrupt may come while one is told, so it is noted before."""
        for outcome in outcomes:
            if id(outcome) in self._outcomes:
                continue
            self._outcomes[id(outcome)] = outcome
            self._tell(outcome)
            if self._means.table:
                self._means.table.end(str(outcome.path), shown(outcome.path.name), outcome.state, bad=outcome.is_bad)

    def _tell(self, result: T) -> T:
        telling = lines.Telling(self._connected.address.bucket, True, self.settings.dry_run)
        for level, text in lines.lines_of(result, telling):
            self.log.add(level, text)
        if isinstance(result, BucketReport):
            self._bucket = result
            self._warnings += result.notes
        if isinstance(result, LandingReport):
            self._warnings += result.warnings
        return result

    def summary(self) -> RunSummary:
        """Return what a person wants to know of it."""
        seen = next_steps.Seen(
            self.settings, self._groups, list(self._outcomes.values()), self._past, self.day, self._bucket
        )
        return RunSummary(
            run_id=self.run_id,
            run_name=self.run_name,
            source=self.settings.source,
            bucket=self.lake.address.bucket if self.lake else self.settings.bucket,
            day=self.day,
            dry_run=self.settings.dry_run,
            outcomes=FileList(sorted(self._outcomes.values(), key=lambda outcome: outcome.path)),
            hidden=self._hidden,
            warnings=tuple(self._warnings),
            objects=self._listing.objects if self._listing else None,
            size_bytes=self._listing.size_bytes if self._listing else 0,
            started=self._started,
            duration_s=time.monotonic() - self._clock,
            more_objects=bool(self._listing and self._listing.more),
            steps=tuple(next_steps.steps_of(seen)),
        )

    def _close(self) -> None:
        """Judge, and leave manifest and log in the lake where anything may have been written."""
        summary = self.summary()
        if self.error is None:
            self.state = "Failed" if summary.bad else "Completed"
            self.verdict = mask_known(run_report.verdict_text(summary))
            self.log.info(f"What became of each file:\n{run_report.closing_table(summary)}")
            if told := next_steps.log_text(summary.steps):
                self.log.info(told)
        elif isinstance(self.error, KeyboardInterrupt):
            self.state, self.verdict = "Cancelled", run_report.cancelled_text(summary)
        else:
            self.verdict = mask_known(str(self.error))
        traces = Traces(self.lake, self.settings, self._means.signing_key) if self.wrote and self.lake else None
        if traces and (self.error is None or summary.outcomes):
            self._write_manifest(traces, summary)
        self.log.end(self.state, self.verdict)
        if traces:
            self._ship_log(traces)

    def _write_manifest(self, traces: Traces, summary: RunSummary) -> None:
        try:
            self.manifest_key, made = traces.write_manifest(summary)
        except StorageError as error:
            self._fail(str(error))
            return
        self.log.info(f"Manifest written to s3://{summary.bucket}/{self.manifest_key}")
        try:
            self._tell(traces.refresh_pages(self.manifest_key, made))
        except LakeError as error:
            self.log.add(lines.WARNING, mask_known(lines.not_refreshed(summary.bucket, error)))

    def _ship_log(self, traces: Traces) -> None:
        try:
            self.log_key = traces.ship_log(self.log, self.day, self.run_id)
        except StorageError as error:
            self._fail(str(error))
        else:
            self._means.echo(logging.INFO, f"Log shipped to s3://{traces.lake.address.bucket}/{self.log_key}")

    def _fail(self, trouble: str) -> None:
        """Note what went wrong after the files: a landing without its traces is not one that went well."""
        trouble = mask_known(trouble)
        self.log.error(trouble)
        self.state = "Failed" if self.state == "Completed" else self.state
        self.verdict = f"{self.verdict} {trouble}"
