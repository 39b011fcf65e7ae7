"""A file of contracts for a folder, as its names and a look at its files suggest, for a person to go on from."""

from __future__ import annotations

import glob
import tempfile
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from flows.lake import keys
from flows.lake.contracts.contract import Contract
from flows.lake.contracts.name_groups import FileGroup, find_groups
from flows.lake.errors import LakeError, SourceNotFound
from flows.lake.landing.sensitive import SensitiveColumn, SensitiveFinder
from flows.lake.models import CsvProfile, S3Origin
from flows.lake.places import is_web, source_text
from flows.lake.reports.next_steps import contract_yaml, group_contract
from flows.lake.sources.folder import matching
from flows.lake.tables.profile import profile_csv
from flows.lake.tables.recipes import reading_stated
from flows.lake.web.addresses import WebOrigin, origins
from flows.lake.words import shown, unfit_for_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_HINTS = 5
_HEAD = """\
# yaml-language-server: $schema=docs/contract.schema.json
# Suggested for {source}: {files} in {datasets}.
# Read it before you use it. What stands here was found in the names of the files and in up to three files of each
# dataset; what looks sensitive is a comment, since how it is masked is yours to say (docs/landing.md).
"""

_File = tuple[Path, S3Origin | WebOrigin | None]


@dataclass
class _Dataset:
    """What is suggested for one dataset."""

    name: str
    files: list[_File] = field(default_factory=list)
    group: FileGroup | None = None


@dataclass(frozen=True)
class _Look:
    """What a look at a file found."""

    profile: CsvProfile
    sensitive: tuple[SensitiveColumn, ...]


def suggest(source: Path, pattern: str, recursive: bool = False, client: S3Client | None = None) -> str:
    """Return contracts for the files of a source, as YAML with comments.

    Args:
        source: A folder, a prefix in S3, or addresses.
        pattern: Which files, as a name with wildcards.
        recursive: Also those of folders below.
        client: Reads a source in S3.

    Raises:
        SourceError: There is no such source, or no file in it.
        StorageError: What S3 answers, or no answer.
    """
    if is_web(source):
        files: list[_File] = [(origin.place, origin) for origin in origins(source, date.today())]
    else:
        files, _ = matching(source, pattern, recursive, client)
    if not files:
        raise SourceNotFound(
            f"No file in {source_text(source)} matches {pattern!r}.", remedy="Check the folder and the pattern."
        )
    fit = [file for file in files if not unfit_for_key(file[0].name)]
    groups = find_groups({path.name for path, _ in fit}, fallback=source.absolute().name)
    datasets = _datasets(fit, [group for group in groups if group.is_sure])
    parts = [part for dataset in datasets for part in _part(dataset, client)]
    head = _HEAD.format(
        source=shown(source_text(source)), files=_count(len(files), "file"), datasets=_count(len(datasets), "dataset")
    )
    asked = [
        f"# {_count(len(group.names), 'file')} from {shown(group.names[0], 80)} to {shown(group.names[-1], 80)} differ "
        "in a number alone: if they are one dataset, write:\n"
        + _commented(contract_yaml({group.dataset: group.contract()}))
        for group in groups
        if not group.is_sure
    ]
    unfit = [
        f"# {shown(path.name)} cannot land: its name holds {unfit_for_key(path.name)}.\n"
        for path, _ in files
        if unfit_for_key(path.name)
    ]
    return "\n".join([head, *parts, *asked, *unfit])


def _datasets(files: Sequence[_File], groups: Sequence[FileGroup]) -> list[_Dataset]:
    owner = {name: group for group in groups for name in group.names}
    found: dict[str, _Dataset] = {}
    for file in files:
        name = file[0].name
        group = owner.get(name)
        dataset = group.dataset if group else keys.dataset_of(name)
        found.setdefault(dataset, _Dataset(dataset, group=group)).files.append(file)
    return sorted(found.values(), key=lambda one: one.name)


def _part(dataset: _Dataset, client: S3Client | None) -> Iterator[str]:
    """Yield the part of the file that is about a dataset."""
    if wrong := keys.check_dataset_name(dataset.name):
        yield f"# {shown(dataset.files[0][0].name)} needs a contract with a name: its own {wrong}.\n"
        return
    files = dataset.files
    comments = [_count(len(files), "file") + ("" if len(files) == 1 else f", such as {shown(files[0][0].name, 80)}")]
    looks: list[_Look] = []
    for file in dict.fromkeys((files[0], files[len(files) // 2], files[-1])):
        try:
            looks.append(_look(file, client))
        except LakeError as error:
            comments.append(f"{shown(file[0].name, 80)} cannot be read: {shown(str(error))}")
    contract = _contract(dataset)
    profiles = [look.profile for look in looks]
    comments += _told(dataset, profiles)
    readings = [reading_stated(profile) for profile in profiles]
    if readings and all(reading == readings[0] for reading in readings):
        contract = _if_valid(contract, {"read": readings[0]})
    text = "".join(f"# {comment}\n" for comment in comments) + contract_yaml({dataset.name: contract}) + "\n"
    sensitive = {one.column: one for look in looks for one in look.sensitive}
    if sensitive:
        text += "  # Looks sensitive; to have it masked before it lands, take the # away:\n"
        text += "".join(f"  #   {shown(name, 80)}: {shown(one.why)}\n" for name, one in sensitive.items())
        rules = {"columns": {name: {"mask": one.mask} for name, one in sensitive.items()}}
        text += "".join(f"  # {line}\n" for line in contract_yaml(rules).split("\n"))
    yield text


def _contract(dataset: _Dataset) -> dict[str, Any]:
    if dataset.group:
        return group_contract(dataset.group)
    stems = {
        glob.escape(keys.stem_of(unicodedata.normalize("NFC", path.name)).lower()): None for path, _ in dataset.files
    }
    files = list(stems)
    return {"files": files[0] if len(files) == 1 else files}


def _if_valid(contract: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Return a contract with more in it, unless that is not what a contract can say."""
    try:
        Contract.model_validate(contract | more)
    except ValidationError:
        return contract
    return contract | more


def _told(dataset: _Dataset, profiles: Sequence[CsvProfile]) -> Iterator[str]:
    group = dataset.group
    if group and group.days:
        rhythm = f", {group.every}" if group.every else "; no rhythm is certain"
        yield f"Days in the names: {group.days[0]} to {group.days[-1]}, {len(group.days):,} of them{rhythm}"
    if group and group.forms:
        yield f"The day in the names can be read as {' or as '.join(group.forms)}: state which as date"
    if len({tuple(column.name for column in profile.columns) for profile in profiles}) > 1:
        yield "The columns of its files differ: make sure that they are one dataset"
    hints: dict[str, None] = defaultdict()
    for profile in profiles:
        hints |= dict.fromkeys(getattr(hint, "quiet", hint) for hint in profile.hints)
    yield from (shown(hint) for hint in list(hints)[:_HINTS])


def _look(file: _File, client: S3Client | None) -> _Look:
    path, origin = file
    if origin is None:
        return _profiled(path)
    from flows.lake.sources.s3_prefix import fetch  # brings botocore

    with tempfile.TemporaryDirectory(prefix="suggest-") as folder:
        local = Path(folder, path.name)
        if isinstance(origin, WebOrigin):
            from flows.lake.web.fetching import Fetch  # brings httpx

            Fetch(origin).into(local)
        elif client is not None:
            fetch(client, origin, local)
        return _profiled(local)


def _profiled(path: Path) -> _Look:
    finders: list[SensitiveFinder] = []

    def watch(names: list[str]) -> SensitiveFinder:
        finders.append(SensitiveFinder(names))
        return finders[-1]

    profile = profile_csv(path, watch=watch)
    return _Look(profile, finders[-1].found() if finders else ())


def _commented(text: str) -> str:
    return "".join(f"#   {line}\n" for line in text.split("\n"))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
