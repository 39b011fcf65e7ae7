"""The stages of `ingest-raw` as Prefect tasks: thin wrappers that add names, progress and states to `flows.lake`.

A task that meets an expected problem ends Failed with that problem's sentence as its message, without a traceback.
Tasks have no Prefect retries: botocore retries what is transient (`flows.lake.s3.client`), and a second layer on top
would multiply its waiting. Tasks take the *name* of the credentials block, so that no secret travels as a parameter.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.api_secrets import api_secrets
from flows.connection import Target, connect, destination, explained
from flows.lake import keys
from flows.lake.errors import BucketVanished, CredentialsError, LakeError, SettingsError
from flows.lake.memory import reuse_freed_memory
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.raw.outcomes import failed_outcome
from flows.lake.redact import guard_logs, mask_known
from flows.lake.reports import run_log, run_report
from flows.lake.s3.storage_rules import OWN_ACCOUNT, STORAGE_CLASSES
from flows.lake.settings import IngestSettings
from flows.lake.sources.batches import Batch
from flows.lake.sources.folder import SourceFolder, find_files
from flows.lake.words import cut, shown
from flows.ui.artifacts import FileProgress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from flows.lake.bucket.ensure import BucketListing, BucketReport
    from flows.lake.raw.ingest_file import ProfiledFile
    from flows.workers.processes import ThisProcess, WorkerProcesses

Result = TypeVar("Result")


class Stage(Task[..., Any]):
    """A task that raises in the flow that calls it when it ends Failed.

    Prefect's engine hands a Failed state that a task returns to its caller as a value, like any other one.
    """

    def __call__(self, *args: Any, return_state: bool = False, **kwargs: Any) -> Any:
        """Run the task; raise the problem that ended it, unless the state is asked for."""
        ended = super().__call__(*args, return_state=return_state, **kwargs)
        if isinstance(ended, State) and not return_state:
            return ended.result()
        return ended


def stage(**options: Any) -> Callable[[Callable[..., Result]], Any]:
    """Make a function a task whose expected problems become Failed states that say what to do."""

    def decorate(function: Callable[..., Result]) -> Any:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except LakeError as error:
                for target in (one for one in (*args, *kwargs.values()) if isinstance(one, Target)):
                    with contextlib.suppress(LakeError):  # where the block itself cannot be read, the error says so
                        error = explained(error, connect(target.credentials, target.run_id))
                return Failed(message=mask_known(str(error)), data=error)
            except Exception as error:
                said = f"{type(error).__name__}: {error}"
                if (masked := mask_known(said)) == said:
                    raise
                # Prefect would make the text of the error the task's state as it is.
                get_run_logger().exception("An unexpected error, whose text holds a secret")
                return Failed(message=masked, data=LakeError(masked))

        return Stage(fn=run, cache_policy=NO_CACHE, **options)

    return decorate


def _says_more(record: logging.LogRecord) -> bool:
    """Leave out what Prefect logs of a Failed state that a task returned, before it says that the task ended in it.

    It is the whole state, with the outcomes of a batch's files in it, and `NoneType: None` for a traceback.
    """
    return not record.exc_info or record.exc_info[0] is not None


logging.getLogger("prefect.task_runs").addFilter(_says_more)
# From here on, since connections to the API are opened, and logged at DEBUG, before a run loads its block.
guard_logs(api_secrets())
reuse_freed_memory()  # before threads have heaps of their own


def locate(settings: IngestSettings, day: date) -> Target:
    """Find the lake of a run that ingests, as `find_lake` does."""
    return replace(
        find_lake(settings.bucket, settings.credentials, settings.expected_bucket_owner),
        quarantine=settings.quarantine,
        dry_run=settings.dry_run,
        on_drift=settings.on_drift,
        rows_percent=settings.drift_rows_percent,
        kms_key_id=settings.kms_key_id or None,
        storage_class=None if settings.storage_class == STORAGE_CLASSES[0] else settings.storage_class,
        tags=dict(settings.tags),
        manifest_keys=keys.manifest_keys(day, flow_run.name or "", flow_run.id or "", flow_run.run_count),
    )


def find_lake(bucket_name: str, credentials: str, owner: str = "") -> Target:
    """Prove that the credentials work, and fill in the bucket's name and its owner.

    Raises:
        CredentialsError: They do not, so that the run ends before any file is read.
        SettingsError: The name breaks S3's rules once it is filled in, or asks for an account where there is none.
    """
    from flows.lake.bucket import ensure

    run_id = flow_run.id or ""
    lake = connect(credentials, run_id)
    identity = lake.block.identity()
    get_run_logger().info("Credentials block %r: %s", credentials, identity.sentence())

    def account(parameter: str = "bucket") -> str:
        if identity.account is None:
            raise SettingsError(
                f"{parameter} asks for an AWS account, and {identity.endpoint} has none.",
                remedy=f"Leave {{account}} out of {parameter}.",
            )
        return identity.account

    return Target(
        bucket=ensure.expand_bucket_name(bucket_name, account=account, region=lake.client.meta.region_name),
        credentials=credentials,
        run_id=run_id,
        account=identity.account,
        expected_owner=(account("expected_bucket_owner") if owner == OWN_ACCOUNT else owner) or None,
    )


@stage(name="ensure-bucket", task_run_name="ensure bucket {target.bucket}")
def ensure_bucket(target: Target) -> BucketReport | None:
    """Create the bucket, or verify that an existing one can be used; a dry run only looks (`None`: there is none)."""
    from flows.lake.bucket import ensure

    client = connect(target.credentials, target.run_id).client
    owner = target.expected_owner
    if target.dry_run:
        return ensure.inspect_bucket(client, target.bucket, expected_owner=owner)
    report = ensure.ensure_bucket(
        client, target.bucket, expected_owner=owner, kms_key_id=target.kms_key_id, account=target.account
    )
    return report if report.created else replace(report, notes=_without_stale_uploads(client, target))


def _without_stale_uploads(client: S3Client, target: Target) -> tuple[str, ...]:
    """Give up what killed runs left incomplete; a run is not lost for it."""
    from flows.lake.s3.stale_uploads import abort_stale_uploads

    prefixes = (f"{keys.RAW_PREFIX}/", f"{keys.QUARANTINE_PREFIX}/")
    try:
        aborted = abort_stale_uploads(client, target.bucket, prefixes, expected_owner=target.expected_owner)
    except LakeError as error:
        return (f"Incomplete uploads of earlier runs could not be given up: {error}",)
    return (f"{aborted:,} incomplete uploads of killed runs were given up.",) if aborted else ()


@stage(name="check-access", task_run_name="check access to {target.bucket}")
def check_access(target: Target, exists: bool) -> str:
    """Tell, without writing, what the credentials may do, when they expire, and the policy that a run needs."""
    from blocks import permissions

    lake = connect(target.credentials, target.run_id)
    return permissions.report(
        lake.block,
        lake.client,
        target.bucket,
        exists=exists,
        expected_owner=target.expected_owner,
        kms_key_id=target.kms_key_id,
    )


def find(settings: IngestSettings, day: date, target: Target) -> SourceFolder:
    """Choose the files of a run, in a folder or under an S3 prefix.

    Raises:
        SourceError: There is no such source, or no file in it.
    """
    lake = connect(target.credentials, target.run_id)
    try:
        return find_files(settings, day, lake.client)
    except CredentialsError as error:
        raise explained(error, lake) from error


@stage(name="profile-csv", task_run_name="profile {file.title}")
def profile_file(file: SourceFile, target: Target) -> ProfiledFile:
    """Profile one file."""
    from flows.lake.raw.ingest_file import read_file

    lake = connect(target.credentials, target.run_id)
    read = read_file(file, FileProgress("profile", file.path.name, file.size_bytes, lake.redact))
    rows, columns = read.profile.shape
    get_run_logger().info("%s: %s rows x %s columns in %.1f s", file.title, f"{rows:,}", f"{columns:,}", read.seconds)
    return read


@stage(name="upload-csv", task_run_name="upload {file.title}")
def upload_file(file: SourceFile, read: ProfiledFile | Exception, target: Target) -> Any:
    """Store one profiled file in the raw layer; one that cannot be read as CSV goes to quarantine.

    Returns:
        The file's `FileOutcome`, in a Failed state where it could not be stored.
    """
    from flows.lake.raw.ingest_file import store_file

    lake = connect(target.credentials, target.run_id)
    progress = FileProgress("upload", file.path.name, file.size_bytes, lake.redact)
    outcome = store_file(file, read, destination(target), progress)
    return Failed(message=mask_known(f"Did not land: {outcome.reason}"), data=outcome) if outcome.is_bad else outcome


@stage(name="ingest-batch", task_run_name="batch {batch}")
def ingest_batch(batch: Batch, target: Target, workers: ThisProcess | WorkerProcesses) -> Any:
    """Profile and store the files of a batch in worker processes.

    Returns:
        A list of each file's `FileOutcome`, in a Failed state where any could not be stored.
    """
    outcomes = list(workers.ingest(batch.files, target))
    counts = run_report.counts_text(outcomes)
    get_run_logger().info("%s", counts)
    if bad := [outcome for outcome in outcomes if outcome.is_bad]:
        first = f"first {shown(bad[0].path.name)}: {cut(bad[0].reason, 500)}"
        return Failed(message=mask_known(f"{len(bad):,} of {counts}, {first}"), data=outcomes)
    return outcomes


@stage(name="list-bucket", task_run_name="list bucket {target.bucket}")
def list_bucket(target: Target) -> BucketListing | None:
    """Count the bucket's objects, up to a limit, and add up their sizes; `None` where a dry run found no bucket."""
    from flows.lake.bucket import ensure

    client = connect(target.credentials, target.run_id).client
    try:
        return ensure.list_bucket(client, target.bucket, expected_owner=target.expected_owner)
    except BucketVanished:
        if target.dry_run:
            return None
        raise


@stage(name="ship-log", task_run_name="ship log")
def ship_log(text: str, log_keys: tuple[str, str], target: Target) -> str:
    """Store the run's log; returns its key."""
    from flows.lake.raw import upload

    lake = connect(target.credentials, target.run_id)
    put_new = functools.partial(upload.put_new, lake.client, bucket=target.bucket, expected_owner=target.expected_owner)
    return run_log.ship(lake.redact(text), put_new, log_keys)


def outcomes_of(files: Sequence[SourceFile], done: PrefectFuture[Any]) -> list[FileOutcome]:
    """Return the outcomes of a task's files, also where it ended in an error that nobody expected."""
    try:
        result = done.result(raise_on_failure=False)
    except Exception as error:  # the task itself was lost, as with a Dask worker that died again and again
        result = error
    if isinstance(result, FileOutcome):
        return [result]
    if isinstance(result, list):
        return result
    why = str(result) if isinstance(result, LakeError) else f"{type(result).__name__}: {result}"
    return [failed_outcome(file, why) for file in files]


def failed_before(unusable: Iterable[Any]) -> list[FileOutcome]:
    """Return the outcomes of files that could not even be chosen, for example for their names."""
    return [FileOutcome(one.path, one.dataset, "", "failed", reason=str(one.error)) for one in unusable]
