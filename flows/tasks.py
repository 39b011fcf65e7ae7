"""The stages of `ingest-raw` as Prefect tasks: thin wrappers that add names, progress and states to `flows.lake`.

A task that meets an expected problem ends Failed with that problem's sentence as its message, without a traceback.
Tasks have no Prefect retries: botocore retries what is transient (`flows.lake.s3_client`), and a second layer on top
would multiply its waiting. Tasks take the *name* of the credentials block, so that no secret travels as a parameter.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.api_secrets import api_secrets
from flows.lake import keys, run_log
from flows.lake.errors import CredentialsError, LakeError, SettingsError, UploadFailed
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.redact import Redactor, guard_logs
from flows.lake.settings import IngestSettings
from flows.lake.storage_rules import OWN_ACCOUNT, STORAGE_CLASSES
from flows.ui import FileProgress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from blocks.lake_credentials import LakeCredentials
    from flows.lake.bucket import BucketListing, BucketReport
    from flows.lake.ingest_file import Destination, ProfiledFile

Result = TypeVar("Result")


@dataclass(frozen=True)
class Target:
    """Where a run stores things; plain values only, since it is a task parameter.

    Attributes:
        bucket: The bucket's name, placeholders filled in.
        credentials: The credentials block's name.
        run_id: The flow run's id.
        quarantine: Whether files that are no readable CSV are kept under `Quarantine/`.
        dry_run: Whether nothing may be written.
        account: The AWS account of the credentials; `None` on other servers.
        expected_owner: The account that must own the bucket.
        kms_key_id: The KMS key of a bucket that this run creates.
        storage_class: The storage class of files; `None` for S3's own default.
        tags: The tags of files.
    """

    bucket: str
    credentials: str
    run_id: str
    quarantine: bool = True
    dry_run: bool = False
    account: str | None = None
    expected_owner: str | None = None
    kms_key_id: str | None = None
    storage_class: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lake:
    """A connection to the lake.

    Attributes:
        client: The S3 client of the credentials block.
        block: The block itself, which knows whose it is and explains what S3 says of its credentials.
    """

    client: S3Client
    block: LakeCredentials

    def mask(self, text: str) -> tuple[str, int]:
        """Return a text with every secret of the block and of Prefect's API masked, and how many were found."""
        # Made anew each time: an assumed role's secrets change while the run goes on.
        return Redactor((*self.block.secret_values(), *api_secrets())).mask(text)

    def redact(self, text: str) -> str:
        """Return a text with every secret of the block masked."""
        return self.mask(text)[0]


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
                        error = _explained(error, connect(target.credentials, target.run_id))
                return Failed(message=str(error), data=error)

        return Stage(fn=run, cache_policy=NO_CACHE, **options)

    return decorate


def _has_traceback(record: logging.LogRecord) -> bool:
    """Keep Prefect from logging `NoneType: None` as the traceback of a task that returned a Failed state."""
    if record.exc_info and record.exc_info[0] is None:
        record.exc_info = None
    return True


logging.getLogger("prefect.task_runs").addFilter(_has_traceback)
# From here on, since connections to the API are opened, and logged at DEBUG, before a run loads its block.
guard_logs(api_secrets())


@functools.lru_cache(maxsize=2)
def connect(credentials: str, run_id: str) -> Lake:  # noqa: ARG001 - part of the cache's key: each run connects anew
    """Load a credentials block and make its S3 client, once for each run and process.

    Raises:
        CredentialsError: There is no such block, or what it holds leads to no credentials.
    """
    # Imported here: prefect-aws and boto3 take a second that a run with wrong parameters need not wait for.
    from blocks.lake_credentials import load_credentials
    from flows.lake.s3_client import client_config

    block = load_credentials(credentials)
    return Lake(block.get_s3_client(client_config()), block)


def locate(settings: IngestSettings) -> Target:
    """Prove that the credentials work, and fill in the bucket's name.

    Raises:
        CredentialsError: They do not, so that the run ends before any file is read.
        SettingsError: The name breaks S3's rules once it is filled in, or asks for an account where there is none.
    """
    from flows.lake import bucket

    run_id = flow_run.id or ""
    lake = connect(settings.credentials, run_id)
    identity = lake.block.identity()
    get_run_logger().info("Credentials block %r: %s", settings.credentials, identity.sentence())

    def account(parameter: str = "bucket") -> str:
        if identity.account is None:
            raise SettingsError(
                f"{parameter} asks for an AWS account, and {identity.endpoint} has none.",
                remedy=f"Leave {{account}} out of {parameter}.",
            )
        return identity.account

    owner = settings.expected_bucket_owner
    return Target(
        bucket=bucket.expand_bucket_name(settings.bucket, account=account, region=lake.client.meta.region_name),
        credentials=settings.credentials,
        run_id=run_id,
        quarantine=settings.quarantine,
        dry_run=settings.dry_run,
        account=identity.account,
        expected_owner=(account("expected_bucket_owner") if owner == OWN_ACCOUNT else owner) or None,
        kms_key_id=settings.kms_key_id or None,
        storage_class=None if settings.storage_class == STORAGE_CLASSES[0] else settings.storage_class,
        tags=dict(settings.tags),
    )


def _explained(error: LakeError, lake: Lake) -> LakeError:
    """Return an error of the credentials as one that names the block and the command that renews it."""
    return lake.block.explain(error) if isinstance(error, CredentialsError) else error


@stage(name="ensure-bucket", task_run_name="ensure bucket {target.bucket}")
def ensure_bucket(target: Target) -> BucketReport | None:
    """Create the bucket, or verify that an existing one can be used; a dry run only looks (`None`: there is none)."""
    from flows.lake import bucket

    client = connect(target.credentials, target.run_id).client
    owner = target.expected_owner
    if target.dry_run:
        return bucket.inspect_bucket(client, target.bucket, expected_owner=owner)
    report = bucket.ensure_bucket(
        client, target.bucket, expected_owner=owner, kms_key_id=target.kms_key_id, account=target.account
    )
    return report if report.created else replace(report, notes=_without_stale_uploads(client, target))


def _without_stale_uploads(client: S3Client, target: Target) -> tuple[str, ...]:
    """Give up what killed runs left incomplete; a run is not lost for it."""
    from flows.lake.stale_uploads import abort_stale_uploads

    prefixes = (f"{keys.RAW_PREFIX}/", f"{keys.QUARANTINE_PREFIX}/")
    try:
        aborted = abort_stale_uploads(client, target.bucket, prefixes, expected_owner=target.expected_owner)
    except LakeError as error:
        return (f"Incomplete uploads of earlier runs could not be given up: {error}",)
    return (f"{aborted:,} incomplete uploads of killed runs were given up.",) if aborted else ()


@stage(name="profile-csv", task_run_name="profile {file.path.name}")
def profile_file(file: SourceFile, target: Target) -> ProfiledFile:
    """Profile one file."""
    from flows.lake.ingest_file import read_file

    lake = connect(target.credentials, target.run_id)
    read = read_file(file, FileProgress("profile", file.path.name, file.size_bytes, lake.redact))
    rows, columns = read.profile.shape
    get_run_logger().info(
        "%s: %s rows x %s columns in %.1f s", file.path.name, f"{rows:,}", f"{columns:,}", read.seconds
    )
    return read


@stage(name="upload-csv", task_run_name="upload {file.path.name}")
def upload_file(file: SourceFile, read: ProfiledFile | Exception, target: Target) -> Any:
    """Store one profiled file in the raw layer; one that is no readable CSV goes to quarantine.

    Returns:
        The file's `FileOutcome`, in a Failed state where it could not be stored.
    """
    from flows.lake.ingest_file import store_file

    lake = connect(target.credentials, target.run_id)
    progress = FileProgress("upload", file.path.name, file.size_bytes, lake.redact)
    outcome = store_file(file, read, destination(target), progress)
    return Failed(message=f"Did not land: {outcome.reason}", data=outcome) if outcome.is_bad else outcome


def destination(target: Target) -> Destination:
    """Return the lake as `flows.lake.ingest_file` takes it: connected, and with errors that name the block."""
    from flows.lake.ingest_file import Destination
    from flows.lake.storing import UploadOptions

    lake = connect(target.credentials, target.run_id)
    return Destination(
        lake.client,
        target.bucket,
        options=UploadOptions(
            expected_owner=target.expected_owner,
            storage_class=target.storage_class,
            tags=target.tags,
            metadata={"run-id": target.run_id},
        ),
        quarantine=target.quarantine,
        dry_run=target.dry_run,
        explain=functools.partial(_explained, lake=lake),
    )


@stage(name="list-bucket", task_run_name="list bucket {target.bucket}")
def list_bucket(target: Target) -> BucketListing | None:
    """Count the bucket's objects and add up their sizes; `None` where a dry run found no bucket."""
    from flows.lake import bucket

    client = connect(target.credentials, target.run_id).client
    owner = target.expected_owner
    if target.dry_run and bucket.inspect_bucket(client, target.bucket, expected_owner=owner) is None:
        return None
    return bucket.list_bucket(client, target.bucket, expected_owner=owner)


@stage(name="ship-log", task_run_name="ship log")
def ship_log(text: str, log_keys: tuple[str, str], target: Target) -> str:
    """Store the run's log; returns its key."""
    from flows.lake import upload

    lake = connect(target.credentials, target.run_id)
    put_new = functools.partial(upload.put_new, lake.client, bucket=target.bucket, expected_owner=target.expected_owner)
    return run_log.ship(lake.redact(text), put_new, log_keys)


def outcome_of(file: SourceFile, result: FileOutcome | Exception) -> FileOutcome:
    """Return a file's outcome also where its task ended in an error that nobody expected."""
    if isinstance(result, FileOutcome):
        return result
    reason = f"{type(result).__name__}: {result}"
    error = UploadFailed(f"{file.path.name}: {reason}.", remedy="The run's log in Prefect has the traceback.")
    return FileOutcome(file.path, file.dataset, file.key, "failed", reason=str(error), size_bytes=file.size_bytes)


def failed_before(unusable: Iterable[Any]) -> list[FileOutcome]:
    """Return the outcomes of files that could not even be chosen, for example for their names."""
    return [FileOutcome(one.path, one.dataset, "", "failed", reason=str(one.error)) for one in unusable]


def source_text(source: Path) -> str:
    """Return a folder as people recognise it: absolute, so that a relative one cannot mislead."""
    return str(source.absolute())
