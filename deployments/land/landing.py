"""One landing from begin to end, in this process: the stages of `ingest-raw` in their order, and its end.

The stages are the flow's own (`flows.ingest.stages`, `flows.lake`). What a server would keep, secrets blocks and
artifacts, is not there: manifests are signed by a key in a file, if one is given, and a file's trouble becomes its
outcome as in a batch. However it ends, manifest and log are left in the lake.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from flows.connection import THREADS, Lake, filled_in, load_contracts
from flows.ingest import stages
from flows.lake import keys
from flows.lake.errors import LakeError, SettingsError
from flows.lake.landing.masking_key import MaskingKeys
from flows.lake.manifests.store import ManifestStore
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.places import source_text
from flows.lake.raw.ingest_file import Step, ingest_file
from flows.lake.raw.outcomes import failed_outcome
from flows.lake.raw.unchanged import find_unchanged
from flows.lake.redact import mask_known
from flows.lake.reports import lines, next_steps, run_log, run_report
from flows.lake.reports.run_log import RunLog
from flows.lake.run_models import BucketListing, BucketReport, FileList, LakeAddress, LandingReport, RunSummary
from flows.lake.settings import IngestSettings
from flows.lake.words import shown

if TYPE_CHECKING:
    from blocks.lake_credentials import LakeCredentials
    from deployments.live import LiveTable
    from flows.lake.contracts.name_groups import FileGroup
    from flows.lake.manifests.history import DatasetRun
    from flows.lake.manifests.manifest import Manifest
    from flows.lake.raw.raw_layer import RawLayer

T = TypeVar("T")
FILES_MAY_TAKE_S = 10.0
"""What files that are on their way get once the run is interrupted; `docker stop` kills after 10 s by itself."""
_WORKERS = max(2, THREADS // 2)
"""Files at a time: pandas parses without holding up other threads."""


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
        self._outcomes: list[FileOutcome] = []
        self._warnings: list[str] = []
        self._hidden = 0
        self._groups: Sequence[FileGroup] = ()
        self._bucket: BucketReport | None = None
        self._past: Sequence[DatasetRun] = ()
        self._listing: BucketListing | None = None
        self._stop = threading.Event()

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
        self._land(unchanged.left, replace(lake.raw_layer, masking_keys=self._means.masking_keys))
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

    def _land(self, files: Sequence[SourceFile], to: RawLayer) -> None:
        """Land files, some at a time; an interrupt lets those arrive that are on their way."""
        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="land")
        futures: dict[Future[FileOutcome | None], SourceFile] = {}
        try:
            futures = {pool.submit(self._land_one, file, to): file for file in files}
            left = set(futures)
            while left:
                # Without a time-out the wait would not be interrupted on every platform.
                done, left = wait(left, timeout=0.5, return_when="FIRST_COMPLETED")
                self._end([outcome for future in done if (outcome := future.result())])
        except KeyboardInterrupt:
            self._stop.set()
            self._means.echo(logging.WARNING, "Interrupted: files on their way may still arrive; Ctrl-C again ends it.")
            known = {outcome.path for outcome in self._outcomes}
            done, _ = wait(futures, timeout=FILES_MAY_TAKE_S)
            for future, file in futures.items():
                if file.path not in known:
                    outcome = future.result() if future in done else None
                    self._end([outcome or failed_outcome(file, "the run was cancelled before it landed")])
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _land_one(self, file: SourceFile, to: RawLayer) -> FileOutcome | None:
        if self._stop.is_set():
            return None
        table = self._means.table

        def watch(step: Step) -> Callable[[int, int], None]:
            if table is None:
                return lambda _done, _total: None
            table.step(str(file.path), step)
            return functools.partial(table.step, str(file.path), step)

        return ingest_file(file, to, watch=watch)

    def _end(self, outcomes: Sequence[FileOutcome]) -> None:
        for outcome in outcomes:
            self._outcomes.append(self._tell(outcome))
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
        seen = next_steps.Seen(self.settings, self._groups, self._outcomes, self._past, self.day, self._bucket)
        return RunSummary(
            run_id=self.run_id,
            run_name=self.run_name,
            source=self.settings.source,
            bucket=self.lake.address.bucket if self.lake else self.settings.bucket,
            day=self.day,
            dry_run=self.settings.dry_run,
            outcomes=FileList(sorted(self._outcomes, key=lambda outcome: outcome.path)),
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
        if self.wrote and self.lake and (self.error is None or summary.outcomes):
            self._write_manifest(summary, self.lake)
        self.log.end(self.state, self.verdict)
        if self.wrote and self.lake:
            self._ship_log(self.lake)

    def _write_manifest(self, summary: RunSummary, lake: Lake) -> None:
        from flows.lake.manifests import manifest

        try:
            made = manifest.of_run(summary, 1, datetime.now(self.settings.zone), self.settings.contracts)
            store = ManifestStore(lake.bucket, self._means.signing_key)
            text, made = manifest.with_masked(made, lake.redact)
            self.manifest_key = store.store(text, lake.address.manifest_keys)
            self.log.info(f"Manifest written to s3://{summary.bucket}/{self.manifest_key}")
        except (LakeError, ValueError) as error:
            self._fail(f"The manifest could not be written ({error}): the next run will compare with an older one.")
            return
        self._refresh_catalog(store, made, self.manifest_key)

    def _refresh_catalog(self, store: ManifestStore, made: Manifest, key: str) -> None:
        from flows.lake.catalog.refresh import refresh

        try:
            self._tell(refresh(store, datetime.now(self.settings.zone).date(), {key: made}))
        except LakeError as error:
            self.log.add(lines.WARNING, mask_known(lines.not_refreshed(store.bucket.name, error)))

    def _ship_log(self, lake: Lake) -> None:
        from flows.lake.s3.put_new import put_new

        text, log_keys = lake.redact(self.log.text), keys.log_keys(self.day, self.run_id, 1)
        try:
            self.log_key = run_log.ship(text, functools.partial(put_new, lake.bucket), log_keys)
        except LakeError as error:
            kept = run_log.keep_local_copy(text, log_keys[1].rsplit("/", 1)[-1])
            self._fail(f"The log could not be shipped ({error}); {kept}.")
        else:
            self._means.echo(logging.INFO, f"Log shipped to s3://{lake.address.bucket}/{self.log_key}")

    def _fail(self, trouble: str) -> None:
        """Note what went wrong after the files: a landing without its traces is not one that went well."""
        trouble = mask_known(trouble)
        self.log.error(trouble)
        self.state = "Failed" if self.state == "Completed" else self.state
        self.verdict = f"{self.verdict} {trouble}"
