"""What is done to a file with masking rules before anything of it is told: its original is kept, its columns masked.

The masked file has the original's name and time and lies in a folder of its own, which only this user may enter and
which goes when the block ends, however it ends. It holds no cell in clear: what a process that is killed leaves behind
is masked, or cut off.

Key decision: it fails closed. Whatever is not certain is a `MaskingError`, raised outside the handlers of what caused
it, since an exception may hold what it could not deal with.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake import keys
from flows.lake.errors import CsvRejected, MaskingFailed, MaskingKeyMissing
from flows.lake.masking_rules import Masking, MissingMarkers
from flows.lake.models import CsvProfile, SourceFile

if TYPE_CHECKING:
    from flows.lake.landing.masking_dialect import MaskingDialect
    from flows.lake.landing.masking_key import MaskingKeys
    from flows.lake.s3.bucket import Bucket
    from flows.lake.s3.content import Content


def no_keys() -> MaskingKeys:
    """Refuse to give keys: how they are had where nobody said from where."""
    raise MaskingKeyMissing("No masking key was named.", remedy="Name its block in masking_key.")


@dataclass(frozen=True)
class Landing:
    """Where the originals of masked files are kept.

    Attributes:
        bucket: The bucket.
        kms_key_id: The KMS key that encrypts them; the bucket's own encryption without one.
    """

    bucket: Bucket
    kms_key_id: str | None = None


def planned(file: SourceFile) -> Masking | None:
    """Return how a file is to be masked, `None` where no rule holds for it."""
    rules = file.contract.mask
    return Masking(rules.as_texts(), None, file.size_bytes) if rules else None


def keep_original(file: SourceFile, landing: Landing, content: Content | None = None) -> str | None:
    """Store a file's original under `Landing/` and return its key; `None` where none is to be kept.

    Args:
        file: The file.
        landing: Where to.
        content: What was read of its bytes before; they are read once more without.

    Raises:
        SourceChanged: It changed while it was read, or since; nothing was stored.
        StorageError: What S3 answers, or no answer.
    """
    if file.rules.dry_run or not file.rules.landing_days:
        return None
    from flows.lake.raw.quarantine import quarantine_file
    from flows.lake.raw.storing import UploadOptions

    key = keys.landing_key(file.key)
    options = UploadOptions(kms_key_id=file.contract.kms_key_id or landing.kms_key_id, keep_replaced=False)
    reason = f"original of a file that does not land as it is; kept for {file.rules.landing_days} days"
    quarantine_file(landing.bucket, file.path, key, reason=reason, options=options, root=file.root, content=content)
    return key


@contextmanager
def masked_file(file: SourceFile, load_keys: Callable[[], MaskingKeys]) -> Iterator[tuple[SourceFile, Content]]:
    """Mask a file while the block runs; yields it as a file like any other, and what the original's bytes were.

    Args:
        file: The file, on this machine.
        load_keys: Gives the keys, if a rule needs one.

    Raises:
        MaskingError: Its rules do not fit it, or there is no key.
        CsvRejected: It is no CSV file, or a damaged archive.
        SourceError: It cannot be read, or changed meanwhile.
    """
    from flows.lake.landing.mask_file import mask_file, masker_of
    from flows.lake.tables.text_cells import MISSING

    rules = file.contract.mask
    key = load_keys().current if rules.needs_key else None
    dialect = _dialect_of(file)
    own = {column: frozenset(markers) for column, markers in file.dialect.column_missing}
    missing = MissingMarkers(frozenset((*MISSING, *file.dialect.missing)), own)
    masker = masker_of(file.path, dialect, rules, key, missing)
    with tempfile.TemporaryDirectory(prefix="ingest-raw-") as folder:
        path = Path(folder, file.path.name)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            cells, content = mask_file(file.path, target, masker, file.root)
        os.utime(path, ns=(file.mtime_ns, file.mtime_ns))
        masking = Masking(rules.as_texts(), key.fingerprint if key else None, file.size_bytes, cells)
        # The delimiter by which it was masked, so that it is not guessed anew from other cells.
        stated = replace(file.dialect, delimiter=dialect.delimiter)
        size = path.stat().st_size
        masked = replace(file, path=path, size_bytes=size, dialect=stated, root=None, origin=None, masking=masking)
        yield masked, content


def check_places(file: SourceFile, profile: CsvProfile) -> None:
    """Make sure that pandas sees the columns of a masked file where they were masked.

    Raises:
        MaskingFailed: It does not, so that nobody can be certain.
    """
    names = [column.name for column in profile.columns]
    for column, rule in file.contract.mask:
        if names.count(column) != (0 if rule.method == "drop" else 1):
            raise MaskingFailed(
                file.path, "pandas finds its header elsewhere than the rules did", rule=f"{column}={rule}"
            )


def _dialect_of(file: SourceFile) -> MaskingDialect:
    from flows.lake.landing.masking_dialect import MaskingDialect
    from flows.lake.tables.profile import find_reading

    try:
        encoding, reading = find_reading(file.path, file.dialect, file.root)
    except CsvRejected as error:
        # Its text may name a byte that does not fit, and that may be one of a cell.
        reason = error.reason if error.encoding is None else f"it is not {error.encoding}"
    else:
        return MaskingDialect.found(file.path, encoding, reading)
    raise MaskingFailed(file.path, reason.rstrip("."), remedy="Ask its source, or state its encoding in the contract.")
