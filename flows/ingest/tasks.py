"""The stages of `ingest-raw` as Prefect tasks: thin wrappers that add names, progress and states to `flows.lake`.

Tasks take the *name* of the credentials block, so that no secret travels as a parameter.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Failed

from flows import connection
from flows.connection import api_secrets, connect
from flows.ingest import stages
from flows.lake import keys
from flows.lake.errors import CredentialsError
from flows.lake.memory import reuse_freed_memory
from flows.lake.models import SourceFile
from flows.lake.redact import guard_logs, mask_known
from flows.lake.reports import run_log, run_report
from flows.lake.run_models import BucketListing, BucketReport, LakeAddress, LandingReport
from flows.lake.settings import IngestSettings
from flows.lake.sources import folder
from flows.lake.sources.batches import Batch
from flows.lake.sources.folder import SourceFolder
from flows.lake.words import cut, shown
from flows.ui import watching
from flows.ui.progress import FileProgress
from flows.ui.stage import stage

if TYPE_CHECKING:
    from flows.lake.raw.ingest_file import ProfiledFile
    from flows.workers.processes import ThisProcess, WorkerProcesses

# From here on, since connections to the API are opened, and logged at DEBUG, before a run loads its block.
guard_logs(api_secrets())
reuse_freed_memory()  # before threads have heaps of their own


def find_lake(settings: IngestSettings, day: date) -> LakeAddress:
    """Find the lake of a run, as `flows.connection.find_lake` does."""
    manifest_keys = keys.manifest_keys(day, flow_run.name or "", flow_run.id or "", flow_run.run_count)
    address = connection.find_lake(
        settings.bucket,
        settings.credentials,
        settings.expected_bucket_owner,
        manifest_keys,
        settings.landing_bucket,
    )
    address = replace(
        address,
        masking_key=settings.masking_key,
        landing_kms_key_id=settings.kms_key_id or None,
        web_credentials=tuple(settings.web_credentials),
    )
    connection.web_access(address)  # a block that is missing ends the run before any file is asked for
    return address


@stage(name="ensure-bucket", task_run_name="ensure bucket {address.bucket}")
def ensure_bucket(settings: IngestSettings, address: LakeAddress) -> BucketReport | None:
    """Create the bucket, or verify that an existing one can be used; a dry run only looks (`None`: there is none)."""
    return stages.ensure_bucket(settings, connect(address))


@stage(name="check-access", task_run_name="check access to {address.bucket}")
def check_access(settings: IngestSettings, address: LakeAddress, exists: bool) -> str:
    """Tell, without writing, what the credentials may do, when they expire, and the policy that a run needs."""
    return stages.check_access(settings, connect(address), exists)


def find_files(settings: IngestSettings, day: date, address: LakeAddress) -> SourceFolder:
    """Choose the files of a run, in a folder or under an S3 prefix.

    Raises:
        SourceError: There is no such source, or no file in it.
    """
    lake = connect(address)
    try:
        return folder.find_files(settings, day, lake.client)
    except CredentialsError as error:
        raise lake.explained(error) from error


@stage(name="ensure-landing", task_run_name="ensure landing")
def ensure_landing(settings: IngestSettings, address: LakeAddress) -> LandingReport:
    """Make sure that there is a place for the originals of masked files, and that they expire there."""
    return stages.ensure_landing(settings, connect(address))


@stage(name="profile-csv", task_run_name="profile {file.title}")
def profile_file(file: SourceFile, address: LakeAddress) -> ProfiledFile:
    """Profile one file."""
    from flows.lake.raw.ingest_file import read_file

    lake = connect(address)
    progress = FileProgress("profile", file.path.name, file.size_bytes, lake.redact, str(file.path))
    read = read_file(file, progress)
    rows, columns = read.profile.shape
    get_run_logger().info("%s: %s rows x %s columns in %.1f s", file.title, f"{rows:,}", f"{columns:,}", read.seconds)
    return read


@stage(name="upload-csv", task_run_name="upload {file.title}")
def upload_file(file: SourceFile, read: ProfiledFile | Exception, address: LakeAddress) -> Any:
    """Store one profiled file in the raw layer; one that cannot be read as CSV goes to quarantine.

    Returns:
        The file's `FileOutcome`, in a Failed state where it could not be stored.
    """
    from flows.lake.raw.ingest_file import store_file

    lake = connect(address)
    progress = FileProgress("upload", file.path.name, file.size_bytes, lake.redact, str(file.path))
    outcome = store_file(file, read, lake.raw_layer, progress)
    return Failed(message=mask_known(f"Did not land: {outcome.reason}"), data=outcome) if outcome.is_bad else outcome


@stage(name="ingest-batch", task_run_name="batch {batch}")
def ingest_batch(batch: Batch, address: LakeAddress, workers: ThisProcess | WorkerProcesses) -> Any:
    """Profile and store the files of a batch in worker processes.

    Returns:
        A list of each file's `FileOutcome`, in a Failed state where any could not be stored.
    """
    for file in batch.files:
        watching.step(str(file.path), "batch")
    outcomes = list(workers.ingest(batch.files, address))
    counts = run_report.counts_text(outcomes)
    get_run_logger().info("%s", counts)
    if bad := [outcome for outcome in outcomes if outcome.is_bad]:
        first = f"first {shown(bad[0].path.name)}: {cut(bad[0].reason, 500)}"
        return Failed(message=mask_known(f"{len(bad):,} of {counts}, {first}"), data=outcomes)
    return outcomes


@stage(name="list-bucket", task_run_name="list bucket {address.bucket}")
def list_bucket(address: LakeAddress) -> BucketListing:
    """Count the bucket's objects, up to a limit, and add up their sizes."""
    from flows.lake.s3 import listing

    return listing.list_bucket(connect(address).bucket)


@stage(name="ship-log", task_run_name="ship log")
def ship_log(text: str, log_keys: tuple[str, str], address: LakeAddress) -> str:
    """Store the run's log; returns its key."""
    from flows.lake.s3.put_new import put_new

    lake = connect(address)
    return run_log.ship(lake.redact(text), functools.partial(put_new, lake.bucket), log_keys)
