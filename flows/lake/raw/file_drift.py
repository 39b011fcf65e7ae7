"""How a file differs from what landed of it before, and whether that keeps it out."""

from __future__ import annotations

from dataclasses import replace

from flows.lake.errors import DriftRejected
from flows.lake.manifests.drift import sentence, without_contract
from flows.lake.manifests.masking_drift import find_masking_drift
from flows.lake.models import CsvProfile, Drift, SourceFile
from flows.lake.raw.archive_drift import differences_of, missing_in
from flows.lake.redact import mask_known


def find_file_drift(file: SourceFile, profile: CsvProfile) -> tuple[Drift, ...]:
    """Return how a file differs from what landed of it before.

    Raises:
        DriftRejected: It does, and such files are not to land.
    """
    missing = tuple(missing_in(file, profile))
    if missing:
        raise DriftRejected(
            f"{file.path.name}: {mask_known(sentence(missing, None))}.",
            remedy="Ask its source; if the column is not needed any more, take required out of the contract.",
            profile=profile,
            drift=tuple(map(_masked, missing)),
            path=file.path,
            key=file.key,
        )
    if file.rules.on_drift == "ignore":
        return ()
    # It quotes cells and names columns, and becomes states, events and logs.
    differences = differences_of(file, profile)
    drift = tuple(map(_masked, find_masking_drift(file.before, file.masking, differences)))
    # Anybody who may write to the lake can write a manifest: only one of our own keeps a file out of it.
    own = without_contract(drift)
    if own and file.rules.on_drift == "reject" and file.before and file.before.is_signed:
        raise DriftRejected(
            f"{file.path.name}: {sentence(own, file.before)}.",
            remedy="Ask its source; if the change is meant, run once with on_drift=warn.",
            profile=profile,
            drift=drift,
            path=file.path,
            key=file.key,
        )
    return drift


def _masked(change: Drift) -> Drift:
    return replace(change, text=mask_known(change.text), column=change.column and mask_known(change.column))
