"""Past runs as Prefect tasks: what earlier runs landed is read before the files, what this one did is written.

A run whose manifest could not be written ends Failed, since the next one would compare with an older day. A run that
may not read the past still ingests, unless it was asked to reject what differs from it.
"""

from __future__ import annotations

import contextlib
import functools
import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import SecretStr

from flows.connection import connect, masking_keys
from flows.ingest import stages
from flows.lake.errors import LakeError, MaskingError
from flows.lake.manifests.history import History
from flows.lake.models import SourceFile
from flows.lake.raw.unchanged import LookAhead, Unchanged
from flows.lake.redact import guard_logs
from flows.lake.run_models import LakeAddress, RunSummary
from flows.lake.settings import IngestSettings
from flows.ui.stage import stage

if TYPE_CHECKING:
    from flows.lake.catalog.records import Refreshed
    from flows.lake.manifests.manifest import Manifest
    from flows.lake.manifests.store import ManifestStore

SIGNING_KEY = "lake-manifests"
"""The secret block that holds the key which signs this server's manifests."""


@stage(name="read-history", task_run_name="read history")
def read_history(files: Sequence[SourceFile], settings: IngestSettings, day: date, address: LakeAddress) -> History:
    """Find the last landing of each file, and the last runs of each dataset.

    Raises:
        StorageError: It cannot be read, and the run was asked to reject files that differ from it.
    """
    return stages.read_history(files, settings, day, store_of(address))


def look_ahead(files: Sequence[SourceFile], settings: IngestSettings, address: LakeAddress) -> LookAhead | None:
    """Begin to ask what the lake holds of the files, where that takes a while and is needed."""
    from flows.lake.raw import unchanged

    return None if settings.reread or settings.dry_run else unchanged.look_ahead(connect(address).bucket, files)


@stage(name="find-unchanged", task_run_name="find unchanged files")
def find_unchanged(files: Sequence[SourceFile], address: LakeAddress, ahead: LookAhead | None = None) -> Unchanged:
    """Tell apart the files that an earlier run recorded and that, like their objects, are unchanged."""
    from flows.lake.raw import unchanged

    key = None
    if any(file.contract.mask.needs_key for file in files):
        with contextlib.suppress(MaskingError):  # each file says so when it is masked
            key = masking_keys(address).current.fingerprint
    return unchanged.find_unchanged(connect(address).bucket, files, key, ahead)


def store_of(address: LakeAddress, *, make_key: bool = False) -> ManifestStore:
    """Return the manifests of a lake."""
    from flows.lake.manifests.store import ManifestStore

    bucket = connect(address).bucket
    key = signing_key(address.run_id, make_key) if flow_run.id else None
    return ManifestStore(bucket, key)


@functools.lru_cache(maxsize=2)
def signing_key(run_id: str, create: bool) -> bytes | None:  # noqa: ARG001 - part of the cache's key
    """Return the key that signs this server's manifests; made on first use, as a secret block that is never shown.

    Args:
        run_id: The flow run; each asks anew.
        create: Whether it may be made.

    Returns:
        The key, or `None` where the server gives none: nothing is signed then, and no file is left unread.
    """
    from prefect.blocks.system import Secret

    for _ in range(2):
        try:
            key: str = Secret.load(SIGNING_KEY).get()  # type: ignore[union-attr]  # a synchronous call
        except ValueError:  # there is none
            if not create:
                return None
            with contextlib.suppress(ValueError):  # another run was quicker
                Secret(value=SecretStr(secrets.token_urlsafe(32))).save(SIGNING_KEY)
        except Exception as error:
            problem = type(error).__name__
            get_run_logger().warning("The key that signs manifests cannot be had (%s): every file is read.", problem)
            return None
        else:
            guard_logs([key])
            return key.encode()
    return None


@stage(name="write-manifest", task_run_name="write manifest")
def write_manifest(text: str, address: LakeAddress) -> str:
    """Store the run's manifest; returns its key."""
    return store_of(address, make_key=True).store(text, address.manifest_keys)


def write(
    summary: RunSummary, settings: IngestSettings, address: LakeAddress, *, as_task: bool
) -> tuple[Manifest, str]:
    """Write the manifest of a run; return it as it was stored, and its key.

    Args:
        summary: The run.
        settings: What it was asked.
        address: The lake.
        as_task: Whether a task may be started for it; a run that is being cancelled can start none.

    Raises:
        LakeError: It could not be stored.
    """
    from flows.lake.manifests import manifest

    made = manifest.of_run(summary, flow_run.run_count, datetime.now(summary.started.tzinfo), settings.contracts)
    try:
        text, stored = manifest.with_masked(made, connect(address).redact)
    except ValueError as error:
        raise LakeError("with its secrets masked it is not valid any more") from error
    writer = write_manifest if as_task else write_manifest.without_task
    key: str = writer(text, address)
    return stored, key


@stage(name="refresh-catalog", task_run_name="refresh catalog")
def refresh_catalog(made: Sequence[Manifest], key: str, today: date, address: LakeAddress) -> Refreshed:
    """Bring the lake's pages up to date.

    Args:
        made: The run's manifest, in a list that Prefect does not look into.
        key: Its key.
        today: The day in the run's time zone.
        address: The lake.
    """
    from flows.lake.catalog import refresh

    return refresh.refresh(store_of(address), today, dict.fromkeys([key], made[0]))
