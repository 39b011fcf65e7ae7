"""The way from a credentials block's name to a connected lake, for every process that works for a run.

What travels (to a task, to another process, to another machine) is a `Target` of plain values; each process loads the
block by its name and makes its own client, so that no credential is ever serialized.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flows.api_secrets import api_secrets
from flows.lake.errors import CredentialsError, LakeError
from flows.lake.models import DEFAULT_ROWS_PERCENT, OnDrift
from flows.lake.redact import Redactor
from flows.lake.words import printable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from blocks.lake_credentials import LakeCredentials
    from flows.lake.raw.ingest_file import Destination


THREADS = 2 * (os.cpu_count() or 2)
"""An upload waits for its own profile in a thread of its own, hence two threads a core."""


@dataclass(frozen=True)
class Target:
    """Where a run stores things; plain values only, since it is a task parameter.

    Attributes:
        bucket: The bucket's name, placeholders filled in.
        credentials: The credentials block's name.
        run_id: The flow run's id.
        quarantine: Whether files that cannot be read as CSV are kept under `Quarantine/`.
        dry_run: Whether nothing may be written.
        on_drift: What becomes of a file that differs from what landed of it before.
        rows_percent: By how many percent its rows may fall or grow.
        account: The AWS account of the credentials; `None` on other servers.
        expected_owner: The account that must own the bucket.
        kms_key_id: The KMS key of a bucket that this run creates.
        storage_class: The storage class of files; `None` for S3's own default.
        tags: The tags of files.
        manifest_keys: The keys of which one will be the manifest's of the run.
    """

    bucket: str
    credentials: str
    run_id: str
    quarantine: bool = True
    dry_run: bool = False
    on_drift: OnDrift = "warn"
    rows_percent: int = DEFAULT_ROWS_PERCENT
    account: str | None = None
    expected_owner: str | None = None
    kms_key_id: str | None = None
    storage_class: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    manifest_keys: tuple[str, ...] = ()


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
        return Redactor((*self.block.secret_values(), *api_secrets())).mask(printable(text))

    def redact(self, text: str) -> str:
        """Return a text with every secret of the block masked."""
        return self.mask(text)[0]


@functools.lru_cache(maxsize=2)
def connect(credentials: str, run_id: str) -> Lake:  # noqa: ARG001 - part of the cache's key: each run connects anew
    """Load a credentials block and make its S3 client, once for each run and process.

    Raises:
        CredentialsError: There is no such block, or what it holds leads to no credentials.
    """
    # Imported here: prefect-aws and boto3 take a second that a run with wrong parameters need not wait for.
    from blocks.lake_credentials import load_credentials
    from flows.lake.memory import leave_out_of_collections
    from flows.lake.raw.storing import UploadOptions
    from flows.lake.s3.client import client_config

    block = load_credentials(credentials)
    config = client_config(max_connections=THREADS * UploadOptions().concurrency)
    client = block.get_s3_client(config)
    leave_out_of_collections()  # now that all modules are here
    return Lake(client, block)


def destination(target: Target) -> Destination:
    """Return the lake as `flows.lake.raw.ingest_file` takes it: connected, and with errors that name the block."""
    from flows.lake.raw.ingest_file import Destination
    from flows.lake.raw.storing import UploadOptions

    lake = connect(target.credentials, target.run_id)
    return Destination(
        lake.client,
        target.bucket,
        options=UploadOptions(
            expected_owner=target.expected_owner,
            storage_class=target.storage_class,
            tags=target.tags,
            metadata={"run-id": target.run_id},
            manifest_keys=target.manifest_keys,
        ),
        quarantine=target.quarantine,
        on_drift=target.on_drift,
        rows_percent=target.rows_percent,
        dry_run=target.dry_run,
        explain=functools.partial(explained, lake=lake),
    )


def explained(error: LakeError, lake: Lake) -> LakeError:
    """Return an error of the credentials as one that names the block and the command that renews it."""
    return lake.block.explain(error) if isinstance(error, CredentialsError) else error
