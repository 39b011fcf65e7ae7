"""The flow `ingest-raw`: CSV files from a folder to the raw layer of an S3 data lake.

It reads as the list of its stages. What a stage does is in `flows.lake`, how it shows in Prefect in
`flows.ingest.tasks`, what the run tells about itself in `flows.ingest.run`, and how it ends in `flows.ingest.closing`.
No class is defined here: Prefect may load this file under two names.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import allow_failure, flow
from prefect.client.schemas.objects import State
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.connection import THREADS
from flows.ingest import past_runs, stages, tasks
from flows.ingest.closing import closed_run
from flows.lake.contracts.collection import DEFAULT_FILE
from flows.lake.contracts.replaced import refuse_replaced
from flows.lake.models import SourceFile
from flows.lake.places import is_s3, is_web
from flows.lake.sources.batches import arrange
from flows.ui.days import DEFAULT_TIMEZONE, run_name
from flows.ui.parameters import BlockName, BucketName, Contracts, Source, TimeZone, refusing
from flows.workers import processes


@refusing(refuse_replaced)
@flow(
    name="ingest-raw",
    flow_run_name=run_name,
    task_runner=ThreadPoolTaskRunner(max_workers=THREADS),  # type: ignore[arg-type]  # Prefect's own futures differ
)
def ingest_raw(
    source: Source = Path("data/sample"),
    pattern: Annotated[str, Field(min_length=1, max_length=255)] = "*.csv",
    recursive: bool = False,
    follow_links: bool = False,
    bucket: BucketName = "compass-desafio-final-dramance",
    credentials: BlockName = "local-lake",
    contracts: Contracts = DEFAULT_FILE,
    only_contracts: bool = False,
    group: Literal["off", "auto"] = "off",
    partition_date: date | None = None,
    timezone: TimeZone = DEFAULT_TIMEZONE,
    unreadable: Literal["quarantine", "land", "leave"] = "quarantine",
    bad_rows_percent: Annotated[int, Field(ge=0, le=100)] = 1,
    on_drift: Literal["warn", "reject", "ignore"] = "warn",
    drift_rows_percent: Annotated[int, Field(ge=1, le=1_000_000)] = 50,
    sensitive: Literal["warn", "reject", "ignore"] = "warn",
    masking_key: BlockName = "masking-key",
    masking_off: list[str] | None = None,
    web_credentials: list[str] | None = None,
    landing_bucket: Annotated[str, Field(max_length=63)] = "",
    landing_days: Annotated[int, Field(ge=0, le=3650)] = 7,
    storage_class: Literal["STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR"] = "STANDARD",
    tags: dict[str, str] | None = None,
    tags_as: Literal["tags", "metadata"] = "tags",
    expected_bucket_owner: Annotated[str, Field(max_length=12)] = "",
    kms_key_id: Annotated[str, Field(max_length=2048)] = "",
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 0,
    max_columns: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000,
    reread: bool = False,
    own_tasks_up_to: Annotated[int, Field(ge=0, le=1000)] = 100,
    dry_run: bool = False,
) -> State[Any]:
    r"""Land the CSV files of a folder, unchanged, in the raw layer of an S3 data lake.

    Args:
        source: Folder that holds the CSV files, as the machine that runs the flow sees it, or an address such as
            s3://landing-zone/orders, read with the same credentials. It is only read. Or the https:// address
            of a file, or a list of them, in which %Y, %m and %d stand for the day.
        pattern: Which files to take, as a file name with wildcards, compared without case: *.csv, orders_*.csv*.
            Addresses are all taken.
        recursive: Also take the files of folders below the source.
        follow_links: Also take files that are links, or lie behind linked folders, to somewhere outside the source.
            Links that stay inside are always taken.
        bucket: S3 bucket of the lake; created if it does not exist. {account} and {region} in it are filled in.
        credentials: Name of the Lake Credentials block, as stored by make block.
        contracts: What is known of the datasets: a file such as datasets.yaml, an s3:// address, or the contracts
            themselves, such as {"Orders": {"files": "orders_*.csv", "date": "_%Y-%m-%d"}}. The default need not be
            there. Files that no contract claims are named by their stem.
        only_contracts: Reject files that no contract claims.
        group: Whether files that no contract claims, and whose names differ in a date or a counting number alone, are
            one dataset (auto), as if a contract said so: they go to the day in their names where that can be read in
            one way only. Else the run says which contract to write (off). A file alone is no group.
        partition_date: Day of the partition, for a backfill. Empty: the day of the run's scheduled start. Files whose
            contract has a date go to the day in their name.
        timezone: IANA time zone that decides which day the scheduled start falls on.
        unreadable: What to do with a file that cannot be read as CSV: keep it under Quarantine/ in the bucket, land it
            all the same (the manifest says why nothing is known of it), or leave it where it is.
        bad_rows_percent: Reject a file of whose rows more percent cannot be cut as the others; up to that they are
            left out of the profile, counted and told, and the file lands. 0 allows none.
        on_drift: What to do with a file whose columns, dtypes or number of rows differ from what landed of it last:
            warn and land it, reject it, or ignore the difference.
        drift_rows_percent: By how many percent the rows of a file may fall or grow before that is a difference.
        sensitive: What to do with a file that has columns which look sensitive and are not masked: warn and land it,
            reject it, or ignore them.
        masking_key: Name of the Masking Key block, by which columns are masked that have a rule in their contract; made
            by python -m blocks.register masking-key.
        masking_off: Datasets that had masking rules and shall have none from now on. Without their names here, such a
            change is an error.
        web_credentials: Names of Web Credentials blocks, each of one host that publishes files and asks who asks for
            them; stored by python -m blocks.web_credentials.
        landing_bucket: Bucket for the originals of files that are masked, under Landing/. {account} and {region} in it
            are filled in. Empty: the lake's own.
        landing_days: Days after which such originals expire. 0: none are kept.
        storage_class: S3 storage class of the files stored.
        tags: Tags of the files stored, at most 10, such as {"team": "analytics"}.
        tags_as: Whether tags are S3's own, or kept in the metadata as tag-<name>, for servers that keep no tags of
            objects (R2, B2).
        expected_bucket_owner: Account (12 digits, or {account} for the credentials' own) that must own the bucket; sent
            with every request, so that a bucket whose name someone else took gets nothing.
        kms_key_id: KMS key (id, ARN or alias) that encrypts a bucket which this run creates. Empty: SSE-S3.
        retention_days: Days for which a bucket that this run creates keeps each object from everybody, its owner
            included (Object Lock in governance mode). 0: no lock.
        max_columns: A file with more columns is rejected: each costs memory and time, however little it holds.
        reread: Read and compare every file, also those whose size and modification time are as an earlier run recorded.
        own_tasks_up_to: Runs of up to this many files give each file its own tasks. In larger runs only large ones
            have their own; the others share tasks and go through worker processes, which keeps runs of thousands quick.
        dry_run: Say for each file its key and what would happen, and write nothing.
    """
    parameters = locals()
    with closed_run() as run:  # whatever happens inside, the log is closed and shipped
        settings = run.begin(parameters)
        lake = run.tell(tasks.find_lake(settings, run.day))
        settings = run.take_contracts(lake)
        bucket = run.tell(tasks.ensure_bucket(settings, lake))
        if dry_run:
            run.tell(tasks.check_access(settings, lake, bucket is not None))
        folder = run.tell(tasks.find_files(settings, run.day, lake))
        if stages.keeps_originals(folder.files):
            run.tell(tasks.ensure_landing(settings, lake))
        ahead = past_runs.look_ahead(folder.files, settings, lake)
        history = run.tell(past_runs.read_history(folder.files, settings, run.day, lake))
        files = stages.with_last_landings(folder.files, history, settings)
        unchanged = run.tell(past_runs.find_unchanged(files, lake, ahead))
        with processes.workers(unchanged.left, own_tasks_up_to) as workers:  # they start with the first batch
            whole = is_s3(source) or is_web(source) or not workers.split_files
            work = arrange(unchanged.left, own_tasks_up_to, run_files=len(files), whole=whole)
            landing: dict[Any, Sequence[SourceFile]] = {}
            for file in work.alone:
                profile = tasks.profile_file.submit(file, lake)
                landing[tasks.upload_file.submit(file, allow_failure(profile), lake)] = [file]
            for batch in work.batches:
                landing[tasks.ingest_batch.submit(batch, lake, workers)] = batch.files
            run.wait_for(landing)
        if bucket:
            run.tell(tasks.list_bucket(lake))
    return run.state
