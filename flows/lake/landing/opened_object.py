"""Owns the opening of the encrypted columns of an object in the raw layer, for who has the key.

How the object is written, and which of its columns were encrypted, the manifest of its run says, which its metadata
name; nothing is guessed. What comes out lies in a file that only this user may read, or nowhere.
"""

from __future__ import annotations

import contextlib
import csv
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from flows.lake import keys
from flows.lake.errors import ManifestUnreadable, MaskingError, SettingsError
from flows.lake.landing.mask_file import mask_file, unmasker_of
from flows.lake.landing.masking_dialect import MaskingDialect
from flows.lake.landing.masking_key import MaskingKeys
from flows.lake.manifests.entries import ManifestFile
from flows.lake.manifests.last_landing import manifests_of
from flows.lake.manifests.store import ManifestStore
from flows.lake.masking_rules import MaskedCells, MissingMarkers
from flows.lake.models import S3Origin
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.s3_object import S3Object
from flows.lake.sources.s3_prefix import fetch
from flows.lake.tables.text_cells import MISSING
from flows.lake.words import quoted


def open_object(
    bucket: Bucket, key: str, columns: Sequence[str], masking_keys: MaskingKeys, to: Path
) -> tuple[MaskedCells, ...]:
    """Write an object with its encrypted columns opened to a new file; return what became of them.

    Args:
        bucket: The bucket.
        key: The object's key.
        columns: Which of its encrypted columns; all of them if none is named.
        masking_keys: The key of today and those before it.
        to: The file, which must not exist.

    Raises:
        MaskingError: It has no such columns, or they cannot be opened.
        SettingsError: The file is there, or cannot be made.
        StorageError: What S3 answers, or no answer.
    """
    origin = _origin(bucket, key)
    file = _entry(bucket, origin)
    rules = file.masking.rules if file.masking else {}
    encrypted = [name for name, rule in rules.items() if rule == "encrypt"]
    unknown = [name for name in columns if name not in encrypted]
    if unknown or not encrypted:
        told = f"no encrypted column {quoted(unknown[0])}" if unknown else "no encrypted column"
        remedy = f"It has: {', '.join(map(quoted, encrypted))}." if encrypted else "Other methods cannot be opened."
        raise MaskingError(f"{key} has {told}.", remedy=remedy, bucket=bucket.name, key=key)
    missing = _missing((file.recipe or {}).get("na_values", ()))
    masker = unmasker_of(Path(key), _dialect(file), columns or encrypted, masking_keys, missing)
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise SettingsError(
            f"{to} cannot be made: {error.strerror}.", remedy="Name a file that is not there."
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as target, tempfile.TemporaryDirectory(prefix="unmask-") as folder:
            masked = Path(folder, Path(key).name)
            fetch(bucket.client, origin, masked)
            opened, _ = mask_file(masked, target, masker)
            return opened
    except BaseException:
        to.unlink(missing_ok=True)
        raise


def _missing(stated: Sequence[str] | Mapping[str, Sequence[str]]) -> MissingMarkers:
    """Return what stood for a missing value when a file was masked, as its recipe says it."""
    if isinstance(stated, Mapping):
        own = {column: frozenset(markers) for column, markers in stated.items()}
        return MissingMarkers(frozenset(MISSING), own)
    return MissingMarkers(frozenset((*MISSING, *stated)))


def _origin(bucket: Bucket, key: str) -> S3Origin:
    with bucket.doing(f"looking at {key!r}", key=key):
        stored = S3Object(bucket, key).head()
    if stored is None:
        raise MaskingError(f"There is no object {key!r} in {bucket.name}.", remedy="Check its key.", key=key)
    return S3Origin(bucket.name, key, stored.size_bytes, stored.etag, stored.last_modified)


def _entry(bucket: Bucket, origin: S3Origin) -> ManifestFile:
    """Return what the manifest of an object's run says of it."""
    key, store = origin.key, ManifestStore(bucket)
    day = keys.day_of_key(key)
    with bucket.doing(f"looking for the manifest of {key!r}", key=key):
        for name in manifests_of(store, key, day, origin.modified) if day else ():
            with contextlib.suppress(ManifestUnreadable):
                found = [file for file in store.read(name).files if file.key == key and file.landed]
                if found:
                    return found[0]
    raise MaskingError(
        f"No manifest says how {key!r} is written and what of it is encrypted.",
        remedy="Only objects that ingest-raw has landed in Raw/ can be opened.",
        bucket=bucket.name,
        key=key,
    )


def _dialect(file: ManifestFile) -> MaskingDialect:
    recipe = file.recipe or {}
    plain = recipe.get("quoting") == csv.QUOTE_NONE
    above = recipe.get("skiprows", 0)
    return MaskingDialect(
        file.delimiter or ",",
        file.encoding or "utf-8",
        None if plain else file.quotechar or '"',
        above if isinstance(above, int) else 0,
    )
