"""What a run says about itself: its log, its artifacts, its closing table and the state it ends in.

`RunRecord` is a context manager around the stages. However they end, the log is closed with a last line that says so
and is shipped (Prefect's own hooks are not guaranteed to run). An expected problem ends the run Failed with its
sentence; an unexpected one is noted, and left to Prefect to report with its traceback.
"""

from __future__ import annotations

import time
from collections import UserList
from collections.abc import Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.connection import Lake, Target, connect
from flows.ingest import past_runs, tasks
from flows.lake import keys, units
from flows.lake.errors import LakeError, RunFailed
from flows.lake.manifests.drift import sentence
from flows.lake.manifests.history import History
from flows.lake.models import FileOutcome, RunSummary, SourceFile
from flows.lake.redact import mask_known
from flows.lake.reports import run_log, run_report
from flows.lake.reports.profile_text import format_profile
from flows.lake.settings import IngestSettings
from flows.lake.sources.folder import SourceFolder, source_text
from flows.lake.words import shown
from flows.ui import artifacts


class RunRecord:
    """Collects what the stages did, and tells it when they are over."""

    def __init__(self) -> None:
        self._log = run_log.RunLog(ZoneInfo(artifacts.DEFAULT_TIMEZONE), get_run_logger().log)
        self._settings: IngestSettings | None = None
        self._target: Target | None = None
        self._outcomes: list[FileOutcome] = []
        self._progress: artifacts.FileProgress | None = None
        self._done_bytes = self._left_bytes = 0
        self._warnings: list[str] = []
        self._hidden = self._bad = 0
        self._objects: int | None = None
        self._size_bytes = 0
        self._more_objects = False
        self._day: date | None = None
        self._log_key: str | None = None
        self._manifest_key: str | None = None
        self._memory = past_runs.Memory({})
        self._has_bucket = False
        self._started = datetime.now(ZoneInfo(artifacts.DEFAULT_TIMEZONE))
        self._clock = time.monotonic()
        self.state: State[Any] = Failed(message="The run did not come to its end.")

    def begin(self, **parameters: Any) -> IngestSettings:
        """Check the run's parameters and open its log.

        Raises:
            SettingsError: At least one is wrong; names each.
        """
        settings = IngestSettings(**parameters)
        self._settings = settings
        self._memory = past_runs.Memory(settings.date_from_name)
        self._started = self._started.astimezone(settings.zone)
        self._log = run_log.RunLog(settings.zone, get_run_logger().log)
        self._day = settings.partition_date or artifacts.logical_date(settings.zone)
        self._log.info(f"Run {flow_run.name} ({flow_run.id}, attempt {flow_run.run_count}) started")
        self._log.info(
            f"Source {shown(source_text(settings.source), 1000)}, pattern {settings.pattern!r},"
            f" partition date {self._day}" + (", dry run: nothing is written" if settings.dry_run else "")
        )
        return settings

    @property
    def _given(self) -> IngestSettings:
        if self._settings is None:
            raise RuntimeError("begin() comes first")
        return self._settings

    @property
    def day(self) -> date:
        """The partition date."""
        if self._day is None:
            raise RuntimeError("begin() comes first")
        return self._day

    def connected(self, target: Target) -> Target:
        """Note which lake the run writes to."""
        self._target = target
        self._log.info(f"Lake s3://{target.bucket}, credentials block {target.credentials!r}")
        return target

    def noted(self, text: str) -> None:
        """Note what somebody wants to read who asked for it."""
        self._log.info(text)

    def ensured(self, bucket: Any) -> bool:
        """Note what became of the bucket and return whether there is one; `None` where a dry run found none."""
        if bucket is None:
            self._log.info("The bucket does not exist yet: a real run would create it")
            return False
        self._has_bucket = True
        what = "Created bucket" if bucket.created else "Using the existing bucket"
        self._log.info(f"{what} {bucket.name} in {bucket.region}")
        for setting in bucket.settings:
            if setting.state != "not offered":
                self._log.detail(f"Bucket setting {setting.name}: {setting.state}")
        if bucket.not_offered:
            self._log.detail(f"Bucket settings that this endpoint does not offer: {', '.join(bucket.not_offered)}")
        for warning in bucket.warnings:
            self._warnings.append(warning)
            self._log.warning(warning)
        return True

    def found(self, folder: SourceFolder) -> SourceFolder:
        """Note which files were chosen."""
        self._hidden = folder.hidden
        chosen = len(folder.files) + len(folder.unusable)
        self._log.info(f"{chosen:,} file{'s' * (chosen != 1)} chosen, {folder.hidden:,} hidden left out")
        for outcome in tasks.failed_before(folder.unusable):
            self._ended(outcome, alone=True)
        return folder

    def recalled(self, folder: SourceFolder, history: History) -> SourceFolder:
        """Note what is known of earlier runs, and return the folder with each file's last landing."""
        for problem in history.unreadable:
            self._warnings.append(problem)
            self._log.warning(problem)
        self._log.info(
            f"{len(history.last):,} of {len(folder.files):,} files landed before ({history.manifests:,} manifests read)"
        )
        return self._memory.recall(folder, history, reread=self._given.reread)

    def spared(self, files: Sequence[SourceFile], unchanged: Sequence[FileOutcome]) -> list[SourceFile]:
        """Note which files need no work, and return the others."""
        done = {outcome.key for outcome in unchanged}
        if done:
            self._log.info(f"{len(done):,} of {len(files):,} files are recorded and unchanged: neither read nor sent")
        for outcome in unchanged:
            self._ended(outcome, alone=len(files) <= self._given.own_tasks_up_to)
        left = [file for file in files if file.key not in done]
        if len(left) > self._given.own_tasks_up_to and self._target:
            self._left_bytes = sum(file.size_bytes for file in left)
            redact = self._lake(self._target).redact
            self._progress = artifacts.FileProgress("ingest", self._given.source.name, self._left_bytes, redact)
        return left

    def ended(self, *outcomes: FileOutcome) -> None:
        """Note how files' ways ended; of several that share a task, the terminal and the UI hear only of bad ones."""
        for outcome in outcomes:
            self._ended(outcome, alone=len(outcomes) == 1)
            self._done_bytes += outcome.size_bytes
        if self._progress:
            self._progress(self._done_bytes, self._left_bytes)

    def _ended(self, outcome: FileOutcome, *, alone: bool) -> None:
        self._outcomes.append(outcome)
        where = f"s3://{self._target.bucket}/{outcome.key}" if self._target else outcome.key
        if outcome.is_bad:
            kept = f" Kept as {outcome.kept_as}." if outcome.kept_as else ""
            self._bad += 1
            said = f"{shown(outcome.path.name)} {outcome.state}: {outcome.reason}{kept}"
            self._log.error(said, echo=self._bad <= run_report.SHOWN_FILES)
            if self._bad == run_report.SHOWN_FILES:
                get_run_logger().error("The log in the lake names each further file that does not land.")
            return
        proof = f", verified by {outcome.verified_by}" if outcome.verified_by else ""
        tell, warn = (self._log.info, self._log.warning) if alone else (self._log.detail, self._log.detail)
        tell(
            f"{shown(outcome.path.name)} {outcome.state}: {where}, {run_report.shape_text(outcome)},"
            f" {units.size_text(outcome.size_bytes)}{proof}"
        )
        if outcome.drift:
            warn(f"{shown(outcome.path.name)} has changed: {sentence(outcome.drift, None)}")
        if outcome.profile:
            self._log.detail(f"Profile of {shown(outcome.path.name)}:\n{format_profile(outcome.profile)}")
            for hint in outcome.profile.hints:
                warn(f"{shown(outcome.path.name)}: {hint}")

    def listed(self, listing: Any) -> None:
        """Note what the bucket holds at the end."""
        if listing is None:
            return
        self._objects, self._size_bytes, self._more_objects = listing.objects, listing.size_bytes, listing.more
        self._log.info(run_report.holds_text(listing.objects, listing.size_bytes, more=listing.more))

    def __enter__(self) -> RunRecord:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        expected = error is None or isinstance(error, LakeError)
        summary = self._summary()
        if error is not None:
            said = str(error) if expected else f"{type(error).__name__}: {error}"
            failed, verdict = True, mask_known(said)
            # Prefect would make the text of an unexpected error the run's state as it is.
            if not expected and isinstance(error, Exception) and verdict != said:
                get_run_logger().error("An unexpected error, whose text holds a secret", exc_info=error)
                expected = True
        elif summary is not None:
            failed, verdict = bool(summary.bad), mask_known(run_report.verdict_text(summary))
            self._log.info(f"What became of each file:\n{run_report.closing_table(summary)}")
        else:
            failed, verdict = True, "The run ended before it began."
        if lost := self._write_manifest(summary, as_task=expected):
            failed, verdict = True, f"{verdict} {lost}"
        self._mask_log()
        self._log.end(failed, verdict)
        trouble = self._ship(as_task=expected)
        if summary is not None and self._target is not None:
            if not summary.dry_run:
                past_runs.emit_drift(summary.outcomes, self._target)
            self._publish(summary, self._target)
        if failed or trouble:
            message = f"{verdict} {trouble}".rstrip()
            self.state = Failed(message=message, data=RunFailed(message))
        else:
            self.state = Completed(message=verdict, data=summary)
        return expected

    def _write_manifest(self, summary: RunSummary | None, *, as_task: bool) -> str:
        """Write what the run did for programs to read; returns what went wrong, or nothing."""
        if summary is None or summary.dry_run or self._target is None or not self._has_bucket:
            return ""
        try:
            self._manifest_key = self._memory.write(summary, self._target, as_task=as_task)
        except Exception as error:
            trouble = f"The manifest could not be written ({error}): the next run will compare with an older one."
            self._log.error(trouble)
            return trouble
        self._log.info(f"Manifest written to s3://{summary.bucket}/{self._manifest_key}")
        return ""

    def _ship(self, *, as_task: bool) -> str:
        """Ship the log; returns what went wrong, or nothing.

        A run that is being cancelled can start no more tasks, so the plain function does it there.
        """
        settings, target = self._settings, self._target
        if settings is None or settings.dry_run:
            return ""
        log_keys = keys.log_keys(self.day, flow_run.id or "", flow_run.run_count)
        try:
            if target is None:
                raise LakeError("There is no connection to the lake.")
            shipper = tasks.ship_log if as_task else tasks.ship_log.fn
            key = shipper(self._log.text, log_keys, target)
            if isinstance(key, State):
                key = key.result()
        except Exception as error:
            trouble = f"The log could not be shipped ({error})"
            self._log.error(f"Run ended Failed: {trouble}", echo=False)  # whatever the last line said until now
            kept = run_log.keep_local_copy(self._redacted(self._log.text), log_keys[1].rsplit("/", 1)[-1])
            trouble = f"{trouble}; {kept}."
            get_run_logger().error(trouble)
            return trouble
        self._log_key = key
        get_run_logger().info("Log shipped to s3://%s/%s", target.bucket, key)
        return ""

    def _redacted(self, text: str) -> str:
        return self._lake(self._target).redact(text) if self._target else text

    def _lake(self, target: Target) -> Lake:
        return connect(target.credentials, target.run_id)

    def _mask_log(self) -> None:
        """Say so where the log holds a secret of the block; it is masked when it ships."""
        if self._target and (found := self._lake(self._target).mask(self._log.text)[1]):
            self._log.error(f"{found} secret values were found in this log and masked: find out how they got there.")

    def _publish(self, summary: RunSummary, target: Target) -> None:
        lake, found = self._lake(target), 0

        def redact(text: str) -> str:
            nonlocal found
            masked, count = lake.mask(text)
            found += count
            return masked

        about = f"{summary.day} from {source_text(summary.source)}" + (" (dry run)" if summary.dry_run else "")
        by_dataset = run_report.new_profiles(summary.outcomes)
        if len(by_dataset) <= run_report.SHOWN_DATASETS:
            for dataset, profiles in by_dataset.items():
                artifacts.publish_profile(dataset, profiles, about, redact)

        def link(key: str) -> str:
            region = lake.client.meta.region_name
            return run_report.object_link(lake.block.browse_url or lake.block.endpoint_url, summary.bucket, region, key)

        markdown = run_report.run_markdown(summary, link, self._log_key, self._memory.markdown(), self._manifest_key)
        artifacts.publish_run(markdown, summary.source, f"{about}: {run_report.counts_text(summary.outcomes)}.", redact)
        if found:
            get_run_logger().error("%s secret values were found in this run's artifacts and masked.", found)

    def _summary(self) -> RunSummary | None:
        if self._settings is None or self._day is None:
            return None
        return RunSummary(
            run_id=flow_run.id or "",
            run_name=flow_run.name or "",
            source=self._settings.source,
            bucket=self._target.bucket if self._target else self._settings.bucket,
            day=self._day,
            dry_run=self._settings.dry_run,
            # No list: Prefect would look into each outcome of the result for futures, seconds for many thousands.
            outcomes=UserList(sorted(self._outcomes, key=lambda outcome: outcome.path)),
            hidden=self._hidden,
            warnings=tuple(self._warnings),
            objects=self._objects,
            size_bytes=self._size_bytes,
            started=self._started,
            duration_s=time.monotonic() - self._clock,
            more_objects=self._more_objects,
        )
