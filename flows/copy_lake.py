"""The flow `copy-lake`: everything that the manifests of some days name, from one lake to another, and then these.

It reads as the list of its stages; what they do is in `flows.lake.copying`. Each lake has a credentials block of its
own, so that the source's needs no permission to write. What was found is left where people look: the state message,
the run's log in Prefect and an artifact; nothing about the copy itself is written into either lake.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from flows.connection import connect, find_lake
from flows.ingest import past_runs
from flows.lake.errors import CopyIncomplete, LakeError, SettingsError
from flows.lake.run_models import LakeAddress
from flows.lake.words import shown
from flows.ui import artifacts
from flows.ui.days import as_date
from flows.ui.parameters import BlockName, BucketName
from flows.ui.stage import stage

if TYPE_CHECKING:
    from flows.lake.copying.comparison import Comparison
    from flows.lake.copying.results import CopyReport
    from flows.lake.run_models import BucketReport


def run_name() -> str:
    """Name a run after where it copies to, and its days: `my-lake-2, 2026-11-17 to 2026-11-24`."""
    given = flow_run.parameters
    start, end = as_date(given.get("start_date")), as_date(given.get("end_date"))
    days = f", {start or 'the first day'} to {end or 'the last'}" if start or end else ""
    doing = " (check)" if given.get("check_only") else " (dry run)" if given.get("dry_run") else ""
    return shown(str(given.get("target_bucket") or "")) + days + doing


@flow(name="copy-lake", flow_run_name=run_name)
def copy_lake(
    source_credentials: BlockName = "local-lake",
    source_bucket: BucketName = "compass-desafio-final-dramance",
    target_credentials: BlockName = "aws-lake",
    target_bucket: BucketName = "raw-lake-{account}-{region}-an",
    start_date: date | None = None,
    end_date: date | None = None,
    tags: Literal["keep", "metadata", "drop"] = "keep",
    storage_class: Literal["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR"] = "STANDARD",
    kms_key_id: Annotated[str, Field(max_length=2048)] = "",
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 0,
    check_only: bool = False,
    dry_run: bool = False,
) -> State[Any]:
    """Copy a lake, or some of its days, to another bucket, region, account or server, and prove each object there.

    Args:
        source_credentials: Name of the Lake Credentials block for the source; it needs no permission to write.
        source_bucket: S3 bucket of the lake that is copied. {account} and {region} in it are filled in.
        target_credentials: Name of the Lake Credentials block for the target.
        target_bucket: S3 bucket of the copy; created if it does not exist. {account} and {region} in it are filled in.
        start_date: First day whose runs are copied. Empty: the lake's first.
        end_date: Last day whose runs are copied. Empty: the lake's last.
        tags: What becomes of the tags of objects: keep them, put them into the metadata (for servers that keep no
            tags), or drop them.
        storage_class: S3 storage class of the copied objects.
        kms_key_id: KMS key (id, ARN or alias/…) that encrypts a bucket which the run creates. Empty: SSE-S3.
        retention_days: Days for which a bucket that the run creates keeps each object from everybody (Object Lock,
            governance mode). 0: no lock.
        check_only: Compare the two lakes and list what differs; write nothing.
        dry_run: Say what a copy would take, and which permissions; write nothing.
    """
    try:
        source, target = _lakes(source_bucket, source_credentials, target_bucket, target_credentials, kms_key_id)
        if start_date and end_date and start_date > end_date:
            wrong = f"start_date {start_date} is after end_date {end_date}."
            raise SettingsError(wrong, remedy="Correct the run's parameters.")
        if dry_run:
            return Completed(message=tell_price(source, target, start_date, end_date, retention_days))
        if check_only:
            return _told(compare(source, target, start_date, end_date), source, target)
        for warning in ensure_target(target, kms_key_id, retention_days).warnings:
            get_run_logger().warning("%s", warning)
        return _told(copy(source, target, start_date, end_date, tags, storage_class), source, target)
    except LakeError as error:
        return Failed(message=str(error), data=error)


def _lakes(
    source_bucket: str, source_credentials: str, target_bucket: str, target_credentials: str, kms_key_id: str
) -> tuple[LakeAddress, LakeAddress]:
    """Prove that both credentials work, and that there are two lakes.

    Raises:
        CredentialsError: One of them does not work.
        SettingsError: Both are the same bucket, or a parameter is wrong.
    """
    from flows.lake.s3.storage_rules import kms_key_problems

    if problems := "; ".join(kms_key_problems(kms_key_id)):
        raise SettingsError(f"{problems}.", remedy="Correct the run's parameters.")
    source = find_lake(source_bucket, source_credentials)
    target = find_lake(target_bucket, target_credentials)
    ends = [(connect(lake).bucket.endpoint, lake.bucket) for lake in (source, target)]
    if ends[0] == ends[1]:
        raise SettingsError(
            f"Source and target are both {target.bucket!r} at {ends[0][0]}.", remedy="Name another target_bucket."
        )
    return source, target


@stage(name="ensure-target", task_run_name="ensure bucket {target.bucket}")
def ensure_target(target: LakeAddress, kms_key_id: str, retention_days: int) -> BucketReport:
    """Create the target's bucket and protect it as a run does, or verify that an existing one can be used."""
    from dataclasses import replace

    from flows.lake.bucket import ensure
    from flows.lake.bucket.iam_policy import PREFIXES
    from flows.lake.s3.stale_uploads import abort_stale_uploads

    bucket = connect(target).bucket
    report = ensure.ensure_bucket(
        bucket, kms_key_id=kms_key_id or None, account=target.account, retention_days=retention_days
    )
    aborted = 0 if report.created else abort_stale_uploads(bucket, PREFIXES)
    note = (f"{aborted:,} incomplete uploads of killed runs were given up.",) if aborted else ()
    return replace(report, notes=(*report.notes, *note))


@stage(name="copy", task_run_name="copy {source.bucket} to {target.bucket}")
def copy(
    source: LakeAddress, target: LakeAddress, start: date | None, end: date | None, tags: Any, storage_class: str
) -> CopyReport:
    """Copy the lake of some days."""
    from flows.lake.bucket.access import keeps_tags
    from flows.lake.copying import lake_copy
    from flows.lake.copying.results import CopyOptions
    from flows.lake.raw.storing import UploadOptions
    from flows.lake.s3.storage_rules import STORAGE_CLASSES

    options = CopyOptions(
        upload=UploadOptions(storage_class=None if storage_class == STORAGE_CLASSES[0] else storage_class),
        tags=tags,
        takes_tags=tags != "keep" or keeps_tags(connect(target).bucket),
        inside=_one_account(source, target),
    )
    return lake_copy.copy_lake(
        past_runs.store_of(source),
        past_runs.store_of(target, make_key=True),
        start,
        end,
        options=options,
        run_id=target.run_id,
        progress=get_run_logger().info,
    )


@stage(name="compare", task_run_name="compare {target.bucket} with {source.bucket}")
def compare(source: LakeAddress, target: LakeAddress, start: date | None, end: date | None) -> Comparison:
    """Compare two lakes."""
    from flows.lake.bucket import ensure
    from flows.lake.copying import comparison

    there = past_runs.store_of(target) if ensure.inspect_bucket(connect(target).bucket) else None
    return comparison.compare(past_runs.store_of(source), there, start, end, progress=get_run_logger().info)


@stage(name="price", task_run_name="price of {source.bucket} in {target.bucket}")
def tell_price(
    source: LakeAddress, target: LakeAddress, start: date | None, end: date | None, retention_days: int
) -> str:
    """Tell what a copy would take, and the policies that the two sides need; returns the sentence about its price."""
    from flows.lake.bucket import ensure
    from flows.lake.copying import price
    from flows.lake.copying.lake_copy import in_range
    from flows.lake.reports.copy_text import policies_text

    buckets = connect(source).bucket, connect(target).bucket
    inside = _one_account(source, target)
    report = ensure.inspect_bucket(buckets[1], retention_days=retention_days)
    for warning in report.warnings if report else ():
        get_run_logger().warning("%s", warning)
    store = past_runs.store_of(source)
    there = past_runs.store_of(target) if report else None
    found = price.estimate(store, there, in_range(store, start, end), inside=inside)
    get_run_logger().info("%s", policies_text(*buckets, locked=retention_days > 0, inside=inside))
    return f"Nothing was written. {found.sentence()}"


def _one_account(source: LakeAddress, target: LakeAddress) -> bool:
    """Say whether S3 may be asked to copy by itself: one server, one region, one account."""
    from flows.lake.copying.server_side import is_possible

    lakes = connect(source), connect(target)
    accounts = [lake.address.account or lake.block.aws_access_key_id for lake in lakes]
    return is_possible(lakes[0].bucket, lakes[1].bucket, (accounts[0], accounts[1]))


def _told(found: CopyReport | Comparison, source: LakeAddress, target: LakeAddress) -> State[Any]:
    """Tell what was copied, or in what the lakes differ, and return the state that the run ends in."""
    from flows.lake.copying.results import CopyReport
    from flows.lake.reports import copy_text

    def redact(text: str) -> str:
        return connect(target).redact(connect(source).redact(text))

    rows = copy_text.rows_of(found)
    for key, kind, text in rows:
        get_run_logger().error("%s %s: %s", shown(key), kind, redact(text))
    tell: Any = copy_text.copy_verdict if isinstance(found, CopyReport) else copy_text.comparison_verdict
    verdict = redact(tell(found, source.bucket, target.bucket))
    proofs = sorted(found.proofs.items()) if isinstance(found, CopyReport) else ()
    text = copy_text.markdown(f"{source.bucket} in {target.bucket}", verdict, rows, proofs)
    about = f"Whether {target.bucket} holds what {source.bucket} does."
    artifacts.publish_markdown(f"copy-lake-{artifacts.slug(target.bucket)}", text, about, redact)
    if rows:
        return Failed(message=verdict, data=CopyIncomplete(verdict))
    return Completed(message=verdict, data=found)
