"""The source folder: which files a run takes, and the key each of them gets.

Every key is known, and checked for collisions, before the first byte is sent. The folder is only ever read.
"""

from __future__ import annotations

import fnmatch
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.lake import keys
from flows.lake.errors import KeyCollision, LakeError, SourceError, SourceNotFound, SourceUnreadable
from flows.lake.models import SourceFile
from flows.lake.settings import IngestSettings


@dataclass(frozen=True)
class UnusableFile:
    """A file that was chosen but cannot be ingested, for example for its name.

    Attributes:
        path: The file.
        dataset: The dataset it would have belonged to.
        error: Why.
    """

    path: Path
    dataset: str
    error: LakeError


@dataclass(frozen=True)
class SourceFolder:
    """What a run found in its source folder.

    Attributes:
        files: The files to ingest, in the order of their paths.
        unusable: Chosen files that cannot be ingested; each fails, the others go on.
        hidden: How many dotfiles (`._*` of macOS among them) were left out.
    """

    files: tuple[SourceFile, ...]
    unusable: tuple[UnusableFile, ...]
    hidden: int


def find_files(settings: IngestSettings, day: date) -> SourceFolder:
    """Choose the files of a run and give each its key.

    Args:
        settings: The run's parameters.
        day: The partition date of files whose dataset has no `date_from_name`.

    Raises:
        SourceNotFound: There is no such folder, or no file in it matches.
        SourceUnreadable: The folder cannot be listed.
        KeyCollision: Two files would get the same key; names both.
    """
    matched, hidden = _matching(settings)
    files: dict[str, SourceFile] = {}
    unusable: list[UnusableFile] = []
    for path in matched:
        dataset = keys.dataset_of(path.name, settings.datasets, settings.date_from_name)
        try:
            file = _describe(path, dataset, settings, day)
        except LakeError as error:
            unusable.append(UnusableFile(path, dataset, error))
            continue
        if other := files.get(file.key):
            raise KeyCollision(
                f"{other.path} and {path} would both be stored as {file.key}.",
                remedy="Rename one of them, or give its dataset another name (parameter datasets).",
                path=path,
                key=file.key,
            )
        files[file.key] = file
    if not files and not unusable:
        left_out = f" ({hidden} hidden files were left out)" if hidden else ""
        raise SourceNotFound(
            f"No file in {settings.source} matches {settings.pattern!r}{left_out}.",
            remedy="Check the folder, the pattern, and whether recursive is meant.",
            path=settings.source,
        )
    return SourceFolder(tuple(files.values()), tuple(unusable), hidden)


def _matching(settings: IngestSettings) -> tuple[list[Path], int]:
    matched, hidden = [], 0
    pattern = settings.pattern.lower()
    for path in _walk(settings.source, settings.recursive):
        # Names are compared without case: portals and Windows write MOVIES.CSV.
        if not fnmatch.fnmatchcase(path.name.lower(), pattern):
            continue
        if path.name.startswith("."):
            hidden += 1
        else:
            matched.append(path)
    return sorted(matched), hidden


def _walk(folder: Path, recursive: bool) -> Iterator[Path]:
    try:
        if not folder.is_dir():
            raise SourceNotFound(
                f"There is no folder {folder}" + (" (it is a file)." if folder.exists() else "."),
                remedy="Check the parameter source; a relative path starts where the flow runs"
                f" (here {Path.cwd()}), and a container sees only what is mounted.",
                path=folder,
            )
        for path in sorted(folder.iterdir()):
            if path.is_dir():
                # A link to a folder may lead back up: only real folders are entered.
                if recursive and not path.name.startswith(".") and not path.is_symlink():
                    yield from _walk(path, recursive)
            else:
                yield path
    except PermissionError as error:
        raise SourceUnreadable(
            f"The folder {folder} cannot be listed ({error.strerror}).",
            remedy="Give the user that runs the flow the right to read it.",
            path=folder,
        ) from error


def _describe(path: Path, dataset: str, settings: IngestSettings, day: date) -> SourceFile:
    if pattern := settings.date_from_name.get(dataset):
        day = keys.date_in_name(path, pattern)
    key = keys.raw_key(path, dataset, day)
    if wrong := keys.check_dataset_name(dataset):
        raise SourceError(
            f"{path.name!a}: the dataset name {dataset!a} {wrong}.", remedy="Name its dataset (datasets).", path=path
        )
    try:
        info = path.stat()
    except OSError as error:
        raise SourceUnreadable(
            f"{path.name}: cannot be read ({error.strerror}).", remedy="Check the file and its rights.", path=path
        ) from error
    if not stat.S_ISREG(info.st_mode):
        raise SourceError(f"{path.name}: is no regular file.", remedy="Move it out of the folder.", path=path)
    return SourceFile(path, dataset, key, info.st_size, settings.dialect_of(dataset))
