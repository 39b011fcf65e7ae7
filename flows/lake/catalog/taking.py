"""How a manifest gets into a dataset's record; neither their order nor one that is taken twice makes a difference.

Of a file that several runs of a day tell of, the last one counts, but for one that failed after the file had landed.
The files of the newest days are kept for that; of an older day, or of one with very many files, the manifests are read
again where a run of other files touches it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import date

from pydantic import ValidationError

from flows.lake.catalog.columns import take_columns
from flows.lake.catalog.how_to_read import how_to_read
from flows.lake.catalog.records import Change, DatasetRecord, Day, FileLine, MemberLine
from flows.lake.contracts.contract import Contract
from flows.lake.manifests.entries import ManifestFile
from flows.lake.manifests.manifest import Manifest
from flows.lake.words import cut

Reread = Callable[[str], Manifest | None]
"""Reads a manifest by its key; `None` where that cannot be done any more."""

KEPT_FILES = 2_000
"""Files of a dataset that are kept with all that is shown of them; those of the newest day that are shown, always."""
SHOWN_FILES = 200
SHOWN_MEMBERS = 50
KEPT_DAYS = 3_700
KEPT_CHANGES = 300
_LONGEST_TEXT = 500


def by_dataset(manifest: Manifest) -> dict[str, list[ManifestFile]]:
    """Return the files of a manifest by their datasets."""
    found: dict[str, list[ManifestFile]] = {}
    for file in manifest.files:
        found.setdefault(file.dataset, []).append(file)
    return found


def by_day(manifest: Manifest, files: Iterable[ManifestFile]) -> dict[date, list[ManifestFile]]:
    """Return the files of a manifest by the days of their partitions."""
    found: dict[date, list[ManifestFile]] = {}
    for file in files:
        found.setdefault(file.day or manifest.logical_date, []).append(file)
    return found


def take(record: DatasetRecord, key: str, manifest: Manifest, files: list[ManifestFile], reread: Reread) -> None:
    """Take what a manifest tells of a dataset into its record.

    Args:
        record: The record, which changes.
        key: The manifest's key.
        manifest: The manifest.
        files: Its files of this dataset.
        reread: Reads an earlier manifest again.
    """
    for day, of_day in by_day(manifest, files).items():
        known = record.days.get(day)
        if known and key in known.manifests:
            continue
        _take_day(record, day, [line_of(file, manifest) for file in of_day], key, reread)
        landed = [file for file in of_day if file.landed and file.columns]
        take_columns(record, day, landed)
        _take_changes(record, day, of_day)
        readable = landed or [file for file in of_day if file.landed and file.archive]
        if readable and (record.read is None or day >= record.read.day):
            record.read = how_to_read(manifest, readable, day)
        if record.columns_day is None or day >= record.columns_day:
            _take_contract(record, manifest, of_day[-1])
    _bound(record)


def line_of(file: ManifestFile, manifest: Manifest) -> FileLine:
    """Return what is kept of a file."""
    members = file.archive.members if file.archive else ()
    return FileLine(
        name=file.name,
        landed=file.landed,
        outcome=file.outcome,
        key=file.kept_as or file.key,
        size_bytes=file.size_bytes,
        rows=file.rows or 0,
        sha256=file.sha256,
        version_id=file.version_id,
        known_as=file.known_as,
        reason=cut(file.reason, _LONGEST_TEXT) if file.reason else None,
        changes=len(file.drift),
        masked=file.masking is not None,
        ended=manifest.ended,
        members=[
            MemberLine(name=cut(one.name, _LONGEST_TEXT), dataset=one.dataset, rows=one.rows, columns=len(one.columns))
            for one in members[:SHOWN_MEMBERS]
        ],
        members_count=len(members),
    )


def _take_day(record: DatasetRecord, day: date, lines: list[FileLine], key: str, reread: Reread) -> None:
    known, held = record.days.get(day), record.files.get(day, {})
    if known and len(held) < known.landed + known.bad:
        held = {} if _replaces(known, lines) else _of_manifests(record.dataset, day, known.manifests, reread)
    held = merged(held, lines)
    made = day_of(held.values())
    made.manifests = [*(known.manifests if known else ()), key]
    record.days[day], record.files[day] = made, held


def merged(held: dict[str, FileLine], lines: Iterable[FileLine]) -> dict[str, FileLine]:
    """Return files with those of another run."""
    held = dict(held)
    for line in lines:
        other = held.get(line.name)
        if other is None or (line.landed, line.ended) >= (other.landed, other.ended):
            held[line.name] = line
    return held


def _replaces(known: Day, lines: list[FileLine]) -> bool:
    """Say whether a run is of the same files as were known, and says more recent things of all of them."""
    return names_of(lines) == known.names and all(line.landed and line.ended >= known.ended for line in lines)


def _of_manifests(dataset: str, day: date, manifest_keys: list[str], reread: Reread) -> dict[str, FileLine]:
    held: dict[str, FileLine] = {}
    for key in manifest_keys:
        if manifest := reread(key):
            of_day = by_day(manifest, by_dataset(manifest).get(dataset, ())).get(day, ())
            held = merged(held, [line_of(file, manifest) for file in of_day])
    return held


def day_of(files: Iterable[FileLine]) -> Day:
    """Return a day of the files that it has."""
    lines = list(files)
    day = Day(ended=lines[0].ended, names=names_of(lines))
    landed = []
    for line in lines:
        day.ended = max(day.ended, line.ended)
        if line.landed:
            landed.append(f"{line.known_as}\0{line.sha256}")
            day.rows += line.rows
            day.size_bytes += line.size_bytes
            day.changes += line.changes
    day.landed, day.bad = len(landed), len(lines) - len(landed)
    day.content = _digest(landed) if landed else ""
    return day


def names_of(lines: Iterable[FileLine]) -> str:
    """Return a digest of the names of files, whatever their order."""
    return _digest(line.name for line in lines)


def _digest(texts: Iterable[str]) -> str:
    return hashlib.blake2b("\n".join(sorted(texts)).encode("utf-8", "replace"), digest_size=6).hexdigest()


def _take_changes(record: DatasetRecord, day: date, files: list[ManifestFile]) -> None:
    known = {(one.day, one.file, one.text) for one in record.changes}
    for file in files:
        for change in file.drift[:KEPT_CHANGES]:
            text = cut(change.text, _LONGEST_TEXT)
            if (day, file.name, text) not in known and len(known) < KEPT_CHANGES * 4:
                known.add((day, file.name, text))
                record.changes.append(
                    Change(day=day, file=file.name, kind=change.kind, text=text, column=change.column)
                )


def _take_contract(record: DatasetRecord, manifest: Manifest, file: ManifestFile) -> None:
    try:
        contract = Contract.model_validate_json(manifest.contract_of(file) or "{}")
    except (ValidationError, ValueError):  # of a later version
        return
    record.description, record.owner = contract.description, contract.owner
    record.expect = None
    if contract.expect:
        since = f" since {contract.expect.since}" if contract.expect.since else ""
        record.expect = f"{contract.expect.rhythm.text}{since}"


def _bound(record: DatasetRecord) -> None:
    """Keep what is shown, and let go of the rest."""
    for day in sorted(record.days)[:-KEPT_DAYS]:
        del record.days[day]
    left = KEPT_FILES
    for number, day in enumerate(sorted(record.files, reverse=True)):
        held = record.files[day]
        whole = KEPT_FILES if number == 0 else SHOWN_FILES
        if left <= 0:
            del record.files[day]
        elif len(held) > whole:
            first = sorted(held.values(), key=lambda line: (line.landed, not line.changes, line.name))[:SHOWN_FILES]
            record.files[day] = {line.name: line for line in first}
        left -= min(len(held), SHOWN_FILES)
    record.changes = sorted(record.changes, key=lambda one: one.day)[-KEPT_CHANGES:]
