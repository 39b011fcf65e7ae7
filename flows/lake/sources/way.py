"""The way of each file of a source: its dataset, its key, and how it is read and lands."""

from __future__ import annotations

import contextlib
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path, PurePosixPath

from flows.lake import keys
from flows.lake.contracts.collection import named
from flows.lake.contracts.patterns import forms_of
from flows.lake.errors import SourceError, SourceUnreadable
from flows.lake.models import CsvDialect, FileContract, S3Origin, SourceFile
from flows.lake.opening import check_inside
from flows.lake.rules import LandingRules
from flows.lake.settings import IngestSettings
from flows.lake.sources.published import owners
from flows.lake.web.addresses import WebOrigin
from flows.lake.words import shown


class Way:
    """Finds the way of each file: its dataset, its key, and how it is read and lands.

    Args:
        settings: The run's parameters.
        day: The partition date of files whose contract names no `date`.
    """

    def __init__(self, settings: IngestSettings, day: date) -> None:
        self._settings = settings
        self._day = day
        self._decided: dict[str, tuple[LandingRules, CsvDialect, FileContract]] = {}
        self._by_address = owners(settings.contracts, day)
        self._without_contract = settings.rules, CsvDialect(), FileContract()

    def contract_of(self, path: Path, origin: S3Origin | WebOrigin | None = None) -> str | None:
        """Return the dataset whose contract claims a file, by its address or its name; `None` where none does.

        Raises:
            SourceError: Several do.
        """
        if isinstance(origin, WebOrigin) and origin.url in self._by_address:
            return self._by_address[origin.url]
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
        return keys.raw_key(member.path, member.dataset, day, _name_of(member.origin))

    def describe(self, path: Path, origin: S3Origin | WebOrigin | None, dataset: str) -> SourceFile:
        """Describe a file and its way."""
        settings, day = self._settings, self._day
        rules, dialect, contract = self._decided.get(dataset) or self._decide(dataset)
        if contract.date:
            day = keys.date_in_name(path, contract.date)
        key = keys.raw_key(path, dataset, day, _name_of(origin))
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
        if not stated:
            return self._without_contract
        contract = FileContract(
            stated.text,
            stated.required,
            stated.kms_key_id,
            stated.date,
            stated.owner,
            stated.mask,
            stated.unpack,
            forms_of(stated.files),
        )
        self._decided[dataset] = self._settings.rules_of(dataset), stated.dialect, contract
        return self._decided[dataset]


def _name_of(origin: S3Origin | WebOrigin | None) -> keys.Origin:
    return "Web" if isinstance(origin, WebOrigin) else "Local"
