"""The source folder: which files a run takes, and the key each of them gets.

Every key is known, and checked for collisions, before the first byte is sent. The folder is only ever read.
"""

from __future__ import annotations

import contextlib
import fnmatch
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from flows.lake import keys
from flows.lake.contracts.collection import Contracts, named
from flows.lake.contracts.name_groups import FileGroup, find_groups, with_groups
from flows.lake.errors import KeyCollision, LakeError, SourceError, SourceNotFound, SourceUnreadable
from flows.lake.models import CsvDialect, FileContract, FileOutcome, S3Origin, SourceFile
from flows.lake.opening import check_inside
from flows.lake.places import is_s3, source_text
from flows.lake.rules import LandingRules
from flows.lake.run_models import FileList
from flows.lake.settings import IngestSettings
from flows.lake.words import shown, unfit_for_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


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
    matched, hidden = matching(settings.source, settings.pattern, settings.recursive, client)
    groups = FileList(groups_in(settings, (path.name for path, _ in matched)))
    if settings.group == "auto" and not settings.only_contracts:
        contracts = with_groups(settings.contracts, (group for group in groups if group.is_sure))
        settings = settings.model_copy(update={"contracts": contracts})
    files: dict[str, SourceFile] = {}
    unusable: FileList[FileOutcome] = FileList()
    unclaimed: FileList[str] = FileList()
    way = _Way(settings, day)
    for path, origin in matched:
        dataset = keys.dataset_of(path.name)
        try:
            claimed = way.contract_of(path)
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
    return find_groups(left, settings.contracts, settings.source.name)


def _refused(path: Path, dataset: str, settings: IngestSettings) -> FileOutcome:
    reason = (
        f"{shown(path.name)}: no contract claims it. Add its name to files of a dataset in "
        f"{settings.contracts.name or 'contracts'}, or turn only_contracts off."
    )
    return FileOutcome(path, dataset, "", "rejected", reason=reason)


def matching(
    source: Path, pattern: str, recursive: bool, client: S3Client | None = None
) -> tuple[list[tuple[Path, S3Origin | None]], int]:
    """Return the files of a source that a pattern chooses, in the order of their paths, and how many are hidden.

    Raises:
        SourceNotFound: There is no such folder.
        SourceUnreadable: The folder cannot be listed.
    """
    matched: list[tuple[Path, S3Origin | None]] = []
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


def _all(source: Path, recursive: bool, client: S3Client | None) -> Iterator[tuple[Path, S3Origin | None]]:
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
        for path in _listed(folder):
            if not path.is_dir():
                yield path
            elif recursive and not path.name.startswith("."):
                (linked if path.is_symlink() else waiting).append(path)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except PermissionError as error:
        raise SourceUnreadable(
            f"The folder {folder} cannot be listed ({error.strerror}).",
            remedy="Give the user that runs the flow the right to read it.",
            path=folder,
        ) from error


class _Way:
    """Finds the way of each file: its dataset, its key, and how it is read and lands.

    Args:
        settings: The run's parameters.
        day: The partition date of files whose contract names no `date`.
    """

    def __init__(self, settings: IngestSettings, day: date) -> None:
        self._settings = settings
        self._day = day
        self._decided: dict[str, tuple[LandingRules, CsvDialect, FileContract]] = {}

    def contract_of(self, path: Path) -> str | None:
        """Return the dataset whose contract claims a file, `None` where none does.

        Raises:
            SourceError: Several do.
        """
        claimants = self._settings.contracts.claimants(path.name)
        if len(claimants) > 1:
            raise SourceError(
                f"{shown(path.name)}: the contracts of {named(claimants)} all claim it.",
                remedy="Make their files narrower, or name this file exactly in one of them.",
                path=path,
            )
        return claimants[0] if claimants else None

    @property
    def masks(self) -> bool:
        """Whether any dataset of the run is masked."""
        return any(contract.mask for contract in self._settings.contracts.values())

    def claimed_as(self, name: str) -> str | None:
        """Return the dataset whose contract claims a member of an archive.

        Raises:
            SourceError: Several do.
        """
        return self.contract_of(Path(PurePosixPath(name).name))

    def of_member(self, archive: SourceFile, name: str, size_bytes: int) -> SourceFile:
        """Describe a member of an archive; one that no contract claims belongs to the archive's dataset.

        Raises:
            SourceError: Several contracts claim it.
        """
        dataset = self.claimed_as(name) or archive.dataset
        rules, dialect, contract = self._decided.get(dataset) or self._decide(dataset)
        path = Path(archive.path, name)
        return replace(
            archive,
            path=path,
            dataset=dataset,
            size_bytes=size_bytes,
            rules=rules,
            dialect=dialect,
            contract=contract,
            inside=None,
            lost_inside=frozenset(),
            before=None,
            lost_rules=dataset in archive.lost_inside and not contract.mask,
        )

    def key_of(self, member: SourceFile) -> str:
        """Return the key of a member that is unpacked.

        Raises:
            SourceError: Its name allows none.
        """
        day = keys.day_of_key(member.key) or self._day
        if member.contract.date:
            with contextlib.suppress(SourceError):  # the archive's name has it then
                day = keys.date_in_name(member.path, member.contract.date)
        return keys.raw_key(member.path, member.dataset, day)

    def describe(self, path: Path, origin: S3Origin | None, dataset: str) -> SourceFile:
        """Describe a file and its way."""
        settings, day = self._settings, self._day
        rules, dialect, contract = self._decided.get(dataset) or self._decide(dataset)
        if contract.date:
            day = keys.date_in_name(path, contract.date)
        key = keys.raw_key(path, dataset, day)
        if wrong := keys.check_dataset_name(dataset):
            remedy = "Name its dataset in contracts."
            raise SourceError(f"{path.name!a}: the dataset name {dataset!a} {wrong}.", remedy=remedy, path=path)
        inside = self if keys.is_archive(path.name) else None
        if origin is not None:
            size_bytes, modified_ns = origin.size_bytes, origin.modified_ns
            return SourceFile(
                path, dataset, key, size_bytes, rules, dialect, contract, modified_ns, origin=origin, inside=inside
            )
        root = None if settings.follow_links else settings.source
        if root is not None:
            check_inside(path, root)
        try:
            info = path.stat()
        except OSError as error:
            raise SourceUnreadable(
                f"{shown(path.name)} cannot be read ({error.strerror}).",
                remedy="Check the file and its rights.",
                path=path,
            ) from error
        if not stat.S_ISREG(info.st_mode):
            remedy = "Move it out of the folder."
            raise SourceError(f"{shown(path.name)} is not a regular file.", remedy=remedy, path=path)
        return SourceFile(
            path, dataset, key, info.st_size, rules, dialect, contract, info.st_mtime_ns, root=root, inside=inside
        )

    def _decide(self, dataset: str) -> tuple[LandingRules, CsvDialect, FileContract]:
        """Return what the files of a dataset share, made once: tasks then carry it once too."""
        stated = self._settings.contracts.get(dataset)
        dialect, contract = CsvDialect(), FileContract()
        if stated:
            dialect = stated.dialect
            contract = FileContract(
                stated.text, stated.required, stated.kms_key_id, stated.date, stated.owner, stated.mask, stated.unpack
            )
        self._decided[dataset] = self._settings.rules_of(dataset), dialect, contract
        return self._decided[dataset]
