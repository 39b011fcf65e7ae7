"""What the analysis reads: objects of the raw layer that a manifest names, proven to be what it says of them.

The past is read from manifests alone, so an object that somebody put under `Raw/` by hand is never a part of an answer,
and one that was replaced since ends the run with its key. A file is fetched to a local folder once: DuckDB's wheel has
no S3 of its own (its extension is downloaded when it is first used, which a closed network refuses), and bytes that
nobody hashed prove nothing.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import IO, Any, cast

from flows.lake import keys
from flows.lake.errors import AnalysisInputChanged, AnalysisInputMissing, ManifestUnreadable
from flows.lake.films.raw_input import COLUMNS, TITLE_COLUMNS, RawInput
from flows.lake.keys import TMDB_PREFIX, day_of_key
from flows.lake.manifests import last_landing
from flows.lake.manifests.entries import ManifestFile
from flows.lake.manifests.store import ManifestStore
from flows.lake.s3.bucket import Bucket
from flows.lake.units import MIB
from flows.lake.words import shown


def find_raw(store: ManifestStore, dataset: str, until: date) -> RawInput:
    """Find the last landing of a dataset up to a day, by its manifest.

    Raises:
        AnalysisInputMissing: No manifest names one, or it lacks columns that the analysis needs.
    """
    found = last_landing.find(store, keys.raw_folder("", dataset), until)
    manifest = found.manifest
    files = [one for one in manifest.files if one.landed and one.dataset == dataset] if manifest else []
    if manifest is None or found.key is None or not files:
        why = f" {found.unreadable[0]}" if found.unreadable else ""
        raise AnalysisInputMissing(
            f"No manifest of s3://{store.bucket.name} names a landing of {shown(dataset)} up to {until}.{why}",
            remedy="Run ingest-raw on the films first, or name their dataset in the parameter dataset.",
            bucket=store.bucket.name,
        )
    if len(files) > 1:
        raise AnalysisInputMissing(
            f"{len(files)} files of {shown(dataset)} landed in one run ({found.key}); the analysis reads one.",
            remedy="Give the film file a dataset of its own (parameter datasets of ingest-raw).",
            bucket=store.bucket.name,
        )
    (file,) = files
    _check_columns(file, store.bucket)
    return RawInput(file, found.key, file.day or manifest.logical_date)


def _check_columns(file: ManifestFile, bucket: Bucket) -> None:
    names = {column.name for column in file.columns}
    missing = [name for name in COLUMNS if name not in names]
    if not names & set(TITLE_COLUMNS):
        missing.insert(0, TITLE_COLUMNS[0])
    if missing:
        raise AnalysisInputMissing(
            f"s3://{bucket.name}/{file.key} has no column {', '.join(missing)}; it has {shown(', '.join(names))}.",
            remedy="Look at what changed in the source: the manifest's drift says it.",
            bucket=bucket.name,
            key=file.key,
        )


def fetch(bucket: Bucket, raw: RawInput, folder: Path) -> Path:
    """Fetch a raw object into a folder, as UTF-8 without compression, and prove it on the way.

    Raises:
        AnalysisInputChanged: It is not there, or its bytes are not those that the manifest names.
        AnalysisInputMissing: It cannot be decoded as the manifest says.
    """
    path = folder / "films.csv"
    fetched = folder / "films.raw"
    _fetch_proven(bucket, raw.file, fetched)
    encoding = raw.file.encoding or "utf-8"
    plain = codecs.lookup(encoding).name in {"utf-8", "ascii"}
    if plain and not raw.file.compression and raw.encoding_errors == "strict":
        return fetched.rename(path)
    with _decompressed(fetched, raw.file.compression) as source, path.open("w", encoding="utf-8", newline="") as out:
        reader = codecs.getreader(encoding)(source, raw.encoding_errors)
        try:
            while text := reader.read(MIB):
                out.write(text)
        except UnicodeDecodeError as error:
            # Prefect logs the repr of an error, and that of this one is the whole text that was to be decoded.
            raise AnalysisInputMissing(
                f"{raw.file.key} holds bytes that are not in the encoding {encoding} ({error.reason}).",
                remedy="State its encoding in its contract (read, in datasets.yaml), and ingest it again.",
                bucket=bucket.name,
                key=raw.file.key,
            ) from None
    fetched.unlink()
    return path


def _decompressed(path: Path, compression: str | None) -> IO[bytes]:
    if compression == "gzip":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if compression == "zstd":
        import zstandard

        return cast("IO[bytes]", zstandard.open(path, "rb"))
    return path.open("rb")


def _fetch_proven(bucket: Bucket, file: ManifestFile, path: Path) -> None:
    digest = hashlib.sha256()
    with bucket.doing(f"reading {file.key!r}", key=file.key), path.open("wb") as out:
        for chunk in _chunks(bucket, file):
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != file.sha256:
        raise _changed(bucket, file, "holds other bytes than its manifest says")


def _chunks(bucket: Bucket, file: ManifestFile) -> Iterator[bytes]:
    version: dict[str, Any] = {"VersionId": file.version_id} if file.version_id else {}
    try:
        answer = bucket.client.get_object(Key=file.key, **bucket.where, **version)
    except bucket.client.exceptions.NoSuchKey as error:
        raise _changed(bucket, file, "is not there") from error
    yield from answer["Body"].iter_chunks(MIB)


def _changed(bucket: Bucket, file: ManifestFile, what: str) -> AnalysisInputChanged:
    return AnalysisInputChanged(
        f"s3://{bucket.name}/{file.key} {what}.",
        remedy="Run verify-raw to see what else was changed, and ingest the file again.",
        bucket=bucket.name,
        key=file.key,
    )


def find_tmdb_parts(store: ManifestStore, until: date) -> list[RawInput]:
    """Find the parts of TMDB's answers up to a day that manifests name, in the order of their keys.

    The days are those of the parts' keys; which parts count, and with which bytes, is what the manifests say.
    """
    prefix = f"{TMDB_PREFIX}/Movies/"
    with store.bucket.doing(f"listing {prefix!r}"):
        present = {item["Key"]: day_of_key(item["Key"]) for item in store.bucket.objects(prefix)}
    days = sorted({day for day in present.values() if day and day <= until})
    parts: dict[str, RawInput] = {}
    for day in days:
        for one in store.between(day, day):
            try:
                manifest = store.read(one.key)
            except ManifestUnreadable:
                continue
            for file in manifest.files:
                if file.landed and file.key in present and file.key.startswith(prefix):
                    parts[file.key] = RawInput(file, one.key, file.day or day)
    return [parts[key] for key in sorted(parts)]


def read_part(bucket: Bucket, part: RawInput) -> bytes:
    """Read a part of TMDB's answers, and prove it.

    Raises:
        AnalysisInputChanged: It is not there, or its bytes are not those that the manifest names.
    """
    with bucket.doing(f"reading {part.file.key!r}", key=part.file.key):
        body = b"".join(_chunks(bucket, part.file))
    if hashlib.sha256(body).hexdigest() != part.file.sha256:
        raise _changed(bucket, part.file, "holds other bytes than its manifest says")
    return body
