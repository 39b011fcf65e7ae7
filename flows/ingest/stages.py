"""The stages of a landing that need no Prefect run: tasks of `ingest-raw` call them, and `csv-to-raw-lake land` does.

Plain functions of a `Lake`. Whatever they find comes back as a value; who tells it to whom is the caller's affair.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

from flows.connection import Lake
from flows.lake import keys
from flows.lake.errors import LakeError, StorageError, TagsNotOffered
from flows.lake.manifests.history import History
from flows.lake.memory import seldom_collected
from flows.lake.models import SourceFile
from flows.lake.places import is_web
from flows.lake.run_models import BucketReport, FileList, LandingReport
from flows.lake.settings import IngestSettings

if TYPE_CHECKING:
    from flows.lake.manifests.history import FileName
    from flows.lake.manifests.store import ManifestStore
    from flows.lake.s3.bucket import Bucket


def ensure_bucket(settings: IngestSettings, lake: Lake) -> BucketReport | None:
    """Create the bucket, or verify that an existing one can be used; a dry run only looks (`None`: there is none).

    Raises:
        StorageError: It cannot be used, or keeps no tags where there are some to keep.
    """
    from flows.lake.bucket import ensure

    bucket = lake.bucket
    if settings.dry_run:
        found = ensure.inspect_bucket(bucket, retention_days=settings.retention_days)
        if found:
            _check_tags(settings, bucket)
        return found
    report = ensure.ensure_bucket(
        bucket,
        kms_key_id=settings.kms_key_id or None,
        account=lake.address.account,
        retention_days=settings.retention_days,
    )
    _check_tags(settings, bucket)
    return report if report.created else dataclasses.replace(report, notes=_without_stale_uploads(bucket))


def _check_tags(settings: IngestSettings, bucket: Bucket) -> None:
    """Make sure, before any file is sent, that the server keeps the tags that files are to have.

    Raises:
        TagsNotOffered: It keeps none.
    """
    from flows.lake.bucket.access import keeps_tags

    if settings.tags and settings.tags_as == "tags" and not keeps_tags(bucket, may_write=not settings.dry_run):
        raise TagsNotOffered(
            f"{bucket.endpoint} keeps no tags of objects, and the run is to set some.",
            remedy="Choose tags_as=metadata to keep them in the objects' metadata, or leave tags empty.",
            bucket=bucket.name,
        )


def _without_stale_uploads(bucket: Bucket) -> tuple[str, ...]:
    """Give up what killed runs left incomplete; a run is not lost for it."""
    from flows.lake.s3.stale_uploads import abort_stale_uploads

    try:
        aborted = abort_stale_uploads(
            bucket,
            tuple(
                f"{top}/{origin}/{kind}/"
                for top in ("Raw", "Quarantine", "Landing")
                for origin in keys.ORIGINS
                for kind in keys.FORMATS
            ),
        )
    except LakeError as error:
        return (f"Incomplete uploads of earlier runs could not be given up: {error}",)
    return (f"{aborted:,} incomplete uploads of killed runs were given up.",) if aborted else ()


def check_access(settings: IngestSettings, lake: Lake, exists: bool) -> str:
    """Tell, without writing, what the credentials may do, when they expire, and the policy that a run needs."""
    from blocks import permissions

    return permissions.report(
        lake.block,
        lake.bucket,
        exists=exists,
        kms_key_id=settings.kms_key_id or None,
        locked=settings.retention_days > 0,
    )


def keeps_originals(files: Sequence[SourceFile]) -> bool:
    """Say whether the originals of some files may have to be kept."""
    return any(file.rules.landing_days and not file.rules.dry_run and _may_be_kept(file) for file in files)


def _may_be_kept(file: SourceFile) -> bool:
    masked_inside = file.inside is not None and file.contract.unpack and file.inside.masks
    return bool(file.contract.mask) or masked_inside or file.rules.sensitive == "reject"


def ensure_landing(settings: IngestSettings, lake: Lake) -> LandingReport:
    """Make sure that there is a place for the originals of masked files, and that they expire there."""
    from flows.lake.bucket import ensure, landing_expiry

    bucket = lake.landing_bucket
    if bucket.name != lake.address.bucket:
        ensure.ensure_bucket(bucket, kms_key_id=settings.kms_key_id or None, account=lake.address.account)
    days = settings.landing_days
    return LandingReport(bucket.name, days, landing_expiry.ensure_expiry(bucket, days))


def read_history(files: Sequence[SourceFile], settings: IngestSettings, day: date, store: ManifestStore) -> History:
    """Find the last landing of each file, and the last runs of each dataset.

    Raises:
        StorageError: It cannot be read, and the run was asked to reject files that differ from it.
    """
    from flows.lake.bucket import ensure
    from flows.lake.manifests import history

    if settings.dry_run and ensure.inspect_bucket(store.bucket) is None:
        return History(wanted=len(files))
    wanted = {name_of(file) for file in files}
    try:
        past = history.read_history(store, wanted, day, "Web" if is_web(settings.source) else "Local")
    except StorageError as error:
        if any(file.rules.on_drift == "reject" for file in files):
            raise
        past = History(unreadable=(f"What landed before could not be read: {error}",))
    return dataclasses.replace(past, wanted=len(files))


def name_of(file: SourceFile) -> FileName:
    """Return what a file is looked for as in earlier days."""
    return file.dataset, keys.known_as(file.path.name, file.contract.date, file.contract.forms)


@seldom_collected()
def with_last_landings(files: Iterable[SourceFile], history: History, settings: IngestSettings) -> FileList[SourceFile]:
    """Return files with each one's last landing; `reread` takes none for read or stored because of it."""
    last = history.last
    if settings.reread:
        last = {name: dataclasses.replace(landing, landed=None) for name, landing in last.items()}
    lost = history.masked - set(settings.masking_off)
    return FileList(
        dataclasses.replace(
            file,
            before=last.get(name_of(file)),
            lost_rules=file.dataset in lost and not file.contract.mask,
            lost_inside=frozenset(lost) if file.inside else frozenset(),
        )
        for file in files
    )
