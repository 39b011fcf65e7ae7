"""What a landing leaves in the lake beside its files: the manifest, the lake's pages, and the log."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from flows.connection import Lake
from flows.lake import keys
from flows.lake.errors import LakeError, StorageError
from flows.lake.manifests.store import ManifestStore
from flows.lake.reports import run_log
from flows.lake.reports.run_log import RunLog
from flows.lake.run_models import RunSummary
from flows.lake.settings import IngestSettings

if TYPE_CHECKING:
    from flows.lake.manifests.manifest import Manifest


@dataclass(frozen=True)
class Traces:
    """Where the traces of a landing go.

    Attributes:
        lake: The lake.
        settings: What was asked.
        signing_key: Signs the manifest; it is not signed without.
    """

    lake: Lake
    settings: IngestSettings
    signing_key: bytes | None

    def write_manifest(self, summary: RunSummary) -> tuple[str, Manifest]:
        """Write the manifest; returns its key and what it holds.

        Raises:
            StorageError: It could not be written.
        """
        from flows.lake.manifests import manifest

        try:
            made = manifest.of_run(summary, 1, datetime.now(self.settings.zone), self.settings.contracts)
            text, made = manifest.with_masked(made, self.lake.redact)
            return self._store.store(text, self.lake.address.manifest_keys), made
        except (LakeError, ValueError) as error:
            raise StorageError(
                f"The manifest could not be written ({error}): the next run will compare with an older one.",
                bucket=self.lake.bucket.name,
            ) from error

    def refresh_pages(self, key: str, made: Manifest) -> Any:
        """Bring the lake's pages up to date with a manifest; returns what was done, to be told.

        Raises:
            LakeError: They could not be; the next run takes it up.
        """
        from flows.lake.catalog.refresh import refresh

        return refresh(self._store, datetime.now(self.settings.zone).date(), {key: made})

    def ship_log(self, log: RunLog, day: date, run_id: str) -> str:
        """Ship the log; returns its key.

        Raises:
            StorageError: It could not be shipped; a local copy is kept and named.
        """
        from flows.lake.s3.put_new import put_new

        text, log_keys = self.lake.redact(log.text), keys.log_keys(day, run_id, 1)
        try:
            return run_log.ship(text, functools.partial(put_new, self.lake.bucket), log_keys)
        except LakeError as error:
            kept = run_log.keep_local_copy(text, log_keys[1].rsplit("/", 1)[-1])
            raise StorageError(
                f"The log could not be shipped ({error}); {kept}.", bucket=self.lake.bucket.name
            ) from error

    @property
    def _store(self) -> ManifestStore:
        return ManifestStore(self.lake.bucket, self.signing_key)
