"""The source folder: which files a run takes, and the key each of them gets.

Every key is known, and checked for collisions, before the first byte is sent. The folder is only ever read.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake import keys
from flows.lake.contracts.collection import Contracts
from flows.lake.contracts.name_groups import FileGroup, find_groups, with_groups
from flows.lake.errors import KeyCollision, LakeError, SourceNotFound, SourceUnreadable
from flows.lake.memory import seldom_collected
from flows.lake.models import FileOutcome, S3Origin, SourceFile
from flows.lake.places import is_s3, is_web, source_text
from flows.lake.run_models import FileList
from flows.lake.settings import IngestSettings
from flows.lake.sources.published import published
from flows.lake.sources.way import Way
from flows.lake.web.addresses import WebOrigin
from flows.lake.words import shown, unfit_for_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


Matched = list[tuple[Path, S3Origin | WebOrigin | None]]
"""Files of a source, each with its origin where it is in no folder."""


@dataclass(frozen=True)
class SourceFolder:
    """What a run found in its source folder.

    Attributes:
        files: The files to ingest, in the order of their paths.
        unusable: The outcomes of chosen files that cannot be ingested, for example for their names; the others go on.
        hidden: How many dotfiles (`._*` of macOS among them) were left out.
        unclaimed: The files that no contract claims, where there are contracts.
        idle: The datasets whose contracts claim no file here.
        groups: Files whose names differ in a date or a number alone, and that no contract claims.
        contracts: The contracts that hold for the run; those of groups are among them where the run was to make them.
    """

    files: FileList[SourceFile]
    unusable: FileList[FileOutcome]
    hidden: int
    unclaimed: FileList[str] = field(default_factory=FileList)
    idle: FileList[str] = field(default_factory=FileList)
    groups: FileList[FileGroup] = field(default_factory=FileList)
    contracts: Contracts = field(default_factory=Contracts)


@seldom_collected()
def find_files(settings: IngestSettings, day: date, client: S3Client | None = None) -> SourceFolder:
    """Choose the files of a run and give each its key.

    Args:
        settings: The run's parameters.
        day: The partition date of files whose contract names no `date`.
        client: Reads the source where it is an S3 prefix.

    Raises:
        SourceNotFound: There is no such folder, or no file in it matches.
        SourceUnreadable: The folder cannot be listed.
        KeyCollision: Two files would get the same key; names both.
    """
    if is_web(settings.source):  # each was named, so no pattern chooses among them
        matched: Matched = [*published(settings, day)]
        hidden = 0
    else:
        matched, hidden = matching(settings.source, settings.pattern, settings.recursive, client)
    groups = FileList(groups_in(settings, (path.name for path, _ in matched)))
    if settings.group == "auto" and not settings.only_contracts:
        contracts = with_groups(settings.contracts, (group for group in groups if group.is_sure))
        settings = settings.model_copy(update={"contracts": contracts})
    files: dict[str, SourceFile] = {}
    unusable: FileList[FileOutcome] = FileList()
    unclaimed: FileList[str] = FileList()
    way = Way(settings, day)
    for path, origin in matched:
        dataset = keys.dataset_of(path.name)
        try:
            claimed = way.contract_of(path, origin)
            if claimed is None:
                unclaimed.append(path.name)
                if settings.only_contracts:
                    unusable.append(_refused(path, dataset, settings))
                    continue
            file = way.describe(path, origin, dataset := claimed or dataset)
        except LakeError as error:
            unusable.append(FileOutcome(path, dataset, "", "failed", reason=str(error)))
            continue
        if other := files.get(file.key):
            raise KeyCollision(
                f"{other.path} and {path} would both be stored as {file.key}.",
                remedy="Rename one of them, or give it a dataset of its own in contracts.",
                path=path,
                key=file.key,
            )
        files[file.key] = file
    if not files and not unusable:
        left_out = f" ({hidden} hidden files were left out)" if hidden else ""
        raise SourceNotFound(
            f"No file in {source_text(settings.source)} matches {settings.pattern!r}{left_out}.",
            remedy="Check the folder, the pattern, and whether recursive is meant.",
            path=settings.source,
        )
    contracts = settings.contracts
    idle = FileList(sorted(contracts.keys() - {file.dataset for file in files.values()}))
    told = unclaimed if contracts else FileList[str]()
    return SourceFolder(FileList(files.values()), unusable, hidden, told, idle, groups, contracts)


def groups_in(settings: IngestSettings, names: Iterable[str]) -> list[FileGroup]:
    """Return which of a run's files are one dataset by their names, of those that no contract claims."""
    left = [name for name in names if not unfit_for_key(name) and not settings.contracts.claimants(name)]
    return find_groups(left, settings.contracts, Path(source_text(settings.source)).name)


def _refused(path: Path, dataset: str, settings: IngestSettings) -> FileOutcome:
    reason = (
        f"{shown(path.name)}: no contract claims it. Add its name to files of a dataset in "
        f"{settings.contracts.name or 'contracts'}, or turn only_contracts off."
    )
    return FileOutcome(path, dataset, "", "rejected", reason=reason)


def matching(source: Path, pattern: str, recursive: bool, client: S3Client | None = None) -> tuple[Matched, int]:
    """Return the files of a source that a pattern chooses, in the order of their paths, and how many are hidden.

    Raises:
        SourceNotFound: There is no such folder.
        SourceUnreadable: The folder cannot be listed.
    """
    matched: Matched = []
    hidden = 0
    pattern = pattern.lower()
    for path, origin in _all(source, recursive, client):
        # Names are compared without case: portals and Windows write MOVIES.CSV.
        if not fnmatch.fnmatchcase(path.name.lower(), pattern):
            continue
        if path.name.startswith("."):
            hidden += 1
        else:
            matched.append((path, origin))
    return sorted(matched, key=lambda entry: entry[0]), hidden


def _all(source: Path, recursive: bool, client: S3Client | None) -> Iterator[tuple[Path, S3Origin | WebOrigin | None]]:
    if client is not None and is_s3(source):
        from flows.lake.sources import s3_prefix  # brings botocore

        yield from s3_prefix.objects(client, source, recursive)
    else:
        yield from ((path, None) for path in _walk(source, recursive))


def _walk(source: Path, recursive: bool) -> Iterator[Path]:
    """Yield what is in a folder, and below it. Each folder is entered once, linked ones last, so that loops end."""
    if not source.is_dir():
        raise SourceNotFound(
            f"There is no folder {source}" + (" (it is a file)." if source.exists() else "."),
            remedy="Check the parameter source; a relative path starts where the flow runs"
            f" (here {Path.cwd()}), and a container sees only what is mounted.",
            path=source,
        )
    waiting, linked = [source], list[Path]()
    entered: set[tuple[int, int]] = set()
    while waiting or linked:
        folder = waiting.pop() if waiting else linked.pop()
        info = folder.stat()
        if (info.st_dev, info.st_ino) in entered:
            continue
        entered.add((info.st_dev, info.st_ino))
        for path, is_folder in _listed(folder):
            if not is_folder:
                yield path
            elif recursive and not path.name.startswith("."):
                (linked if path.is_symlink() else waiting).append(path)


def _listed(folder: Path) -> list[tuple[Path, bool]]:
    """Return what is in a folder, in order, and whether each is a folder or a link to one."""
    try:
        with os.scandir(folder) as entries:
            return sorted((folder / entry.name, _is_folder(entry)) for entry in entries)
    except PermissionError as error:
        raise SourceUnreadable(
            f"The folder {folder} cannot be listed ({error.strerror}).",
            remedy="Give the user that runs the flow the right to read it.",
            path=folder,
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # Of a link that leads to itself the entry would raise an error, where a path says no.
    return Path(entry.path).is_dir() if entry.is_symlink() else entry.is_dir()
