"""What a run says about itself: its log, its artifacts, its closing table and the state it ends in.

`RunRecord` is a context manager around the stages. However they end, the log is closed with a last line that says so
and is shipped (Prefect's own hooks are not guaranteed to run). An expected problem ends the run Failed with its
sentence; an unexpected one is noted, and left to Prefect to report with its traceback.
"""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import date, datetime
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows import tasks, ui
from flows.lake import keys, report, run_log
from flows.lake.csv_profile_text import format_profile
from flows.lake.errors import LakeError, RunFailed
from flows.lake.models import CsvProfile, FileOutcome, RunSummary
from flows.lake.settings import IngestSettings
from flows.lake.source import SourceFolder


class RunRecord:
    """Collects what the stages did, and tells it when they are over."""

    def __init__(self) -> None:
        self._log = run_log.RunLog(ZoneInfo(ui.DEFAULT_TIMEZONE), get_run_logger().log)
        self._settings: IngestSettings | None = None
        self._target: tasks.Target | None = None
        self._outcomes: list[FileOutcome] = []
        self._warnings: list[str] = []
        self._hidden = 0
        self._objects: int | None = None
        self._size_bytes = 0
        self._day: date | None = None
        self._log_key: str | None = None
        self._started = datetime.now(ZoneInfo(ui.DEFAULT_TIMEZONE))
        self._clock = time.monotonic()
        self.state: State[Any] = Failed(message="The run did not come to its end.")

    def begin(self, **parameters: Any) -> IngestSettings:
        """Check the run's parameters and open its log.

        Raises:
            SettingsError: At least one is wrong; names each.
        """
        settings = IngestSettings(**parameters)
        self._settings = settings
        self._started = self._started.astimezone(settings.zone)
        self._log = run_log.RunLog(settings.zone, get_run_logger().log)
        self._day = settings.partition_date or ui.logical_date(settings.zone)
        self._log.info(f"Run {flow_run.name} ({flow_run.id}, attempt {flow_run.run_count}) started")
        self._log.info(
            f"Source {tasks.source_text(settings.source)}, pattern {settings.pattern!r}, partition date {self._day}"
            + (", dry run: nothing is written" if settings.dry_run else "")
        )
        return settings

    @property
    def day(self) -> date:
        """The partition date."""
        if self._day is None:
            raise RuntimeError("begin() comes first")
        return self._day

    def connected(self, target: tasks.Target) -> tasks.Target:
        """Note which lake the run writes to."""
        self._target = target
        self._log.info(f"Lake s3://{target.bucket}, credentials block {target.credentials!r}")
        return target

    def ensured(self, bucket: Any) -> None:
        """Note what became of the bucket; `None` where a dry run found none."""
        if bucket is None:
            self._log.info("There is no such bucket yet: a run that writes would create it")
            return
        self._log.info(f"Bucket {bucket.name} {'created' if bucket.created else 'is there'} in {bucket.region}")
        for setting in bucket.settings:
            self._log.detail(f"Bucket setting {setting.name}: {setting.state}")
        for warning in bucket.warnings:
            self._warnings.append(warning)
            self._log.warning(warning)

    def found(self, folder: SourceFolder) -> SourceFolder:
        """Note which files were chosen."""
        self._hidden = folder.hidden
        self._log.info(f"{len(folder.files) + len(folder.unusable):,} files chosen, {folder.hidden:,} hidden left out")
        for outcome in tasks.failed_before(folder.unusable):
            self.ended(outcome)
        return folder

    def ended(self, outcome: FileOutcome) -> None:
        """Note how one file's way ended."""
        self._outcomes.append(outcome)
        where = f"s3://{self._target.bucket}/{outcome.key}" if self._target else outcome.key
        if outcome.is_bad:
            kept = f" Kept as {outcome.kept_as}." if outcome.kept_as else ""
            self._log.error(f"{outcome.path.name} {outcome.state}: {outcome.reason}{kept}")
            return
        proof = f", verified by {outcome.verified_by}" if outcome.verified_by else ""
        self._log.info(
            f"{outcome.path.name} {outcome.state}: {where}, {report.shape_text(outcome)},"
            f" {report.size_text(outcome.size_bytes)}{proof}"
        )
        if outcome.profile:
            self._log.detail(f"Profile of {outcome.path.name}:\n{format_profile(outcome.profile)}")
            for hint in outcome.profile.hints:
                self._log.warning(f"{outcome.path.name}: {hint}")

    def listed(self, listing: Any) -> None:
        """Note what the bucket holds at the end."""
        if listing is None:
            return
        self._objects, self._size_bytes = listing.objects, listing.size_bytes
        self._log.info(f"The bucket holds {listing.objects:,} objects, {report.size_text(listing.size_bytes)}")

    def __enter__(self) -> RunRecord:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        expected = error is None or isinstance(error, LakeError)
        summary = self._summary()
        if error is not None:
            failed, verdict = True, str(error) if expected else f"{type(error).__name__}: {error}"
        elif summary is not None:
            failed, verdict = bool(summary.bad), report.verdict_text(summary)
            self._log.info(f"What became of each file:\n{report.closing_table(summary)}")
        else:
            failed, verdict = True, "The run ended before it began."
        self._mask_log()
        self._log.end(failed, verdict)
        trouble = self._ship(as_task=expected)
        if summary is not None and self._target is not None:
            self._publish(summary, self._target)
        if failed or trouble:
            message = f"{verdict} {trouble}".rstrip()
            self.state = Failed(message=message, data=RunFailed(message))
        else:
            self.state = Completed(message=verdict, data=summary)
        return expected

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
            path = run_log.keep_local_copy(self._redacted(self._log.text), log_keys[1].rsplit("/", 1)[-1])
            trouble = f"The log could not be shipped ({error}); it is kept as {path}."
            get_run_logger().error(trouble)
            return trouble
        self._log_key = key
        get_run_logger().info("Log shipped to s3://%s/%s", target.bucket, key)
        return ""

    def _redacted(self, text: str) -> str:
        return self._lake(self._target).redact(text) if self._target else text

    def _lake(self, target: tasks.Target) -> tasks.Lake:
        return tasks.connect(target.credentials, target.run_id)

    def _mask_log(self) -> None:
        """Say so where the log holds a secret of the block; it is masked when it ships."""
        if self._target and (found := self._lake(self._target).mask(self._log.text)[1]):
            self._log.error(f"{found} secret values were found in this log and masked: find out how they got there.")

    def _publish(self, summary: RunSummary, target: tasks.Target) -> None:
        lake = self._lake(target)
        about = f"{summary.day} from {summary.source}" + (" (dry run)" if summary.dry_run else "")
        by_dataset: dict[str, list[CsvProfile]] = defaultdict(list)
        for outcome in summary.outcomes:
            if outcome.profile:
                by_dataset[outcome.dataset].append(outcome.profile)
        for dataset, profiles in by_dataset.items():
            ui.publish_profile(dataset, profiles, about, lake.redact)

        def link(key: str) -> str:
            region = lake.client.meta.region_name
            return report.object_link(lake.block.browse_url or lake.block.endpoint_url, summary.bucket, region, key)

        markdown = report.run_markdown(summary, link, self._log_key)
        ui.publish_run(markdown, summary.source, f"{about}: {report.counts_text(summary)}.", lake.redact)

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
            outcomes=tuple(sorted(self._outcomes, key=lambda outcome: outcome.path)),
            hidden=self._hidden,
            warnings=tuple(self._warnings),
            objects=self._objects,
            size_bytes=self._size_bytes,
            started=self._started,
            duration_s=time.monotonic() - self._clock,
        )
