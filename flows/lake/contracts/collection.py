"""The contracts of a run: read and checked as a whole, and asked which dataset a file belongs to.

A file belongs to the contract whose `files` name it. An exact name goes before wildcards; a file that several contracts
claim by wildcards belongs to none of them. A contract without `files` claims the files that are named like its dataset,
with or without the day in their names.
"""

from __future__ import annotations

import difflib
import fnmatch
import itertools
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from flows.lake import keys
from flows.lake.contracts.contract import Column, Contract, Expect, Read
from flows.lake.contracts.documents import MAX_BYTES, Document, parse
from flows.lake.errors import ContractInvalid
from flows.lake.words import quoted, shown

DEFAULT_FILE = "datasets.yaml"
"""Read where it lies in the folder in which the flow runs; nothing is missing where it does not."""

_MODELS: dict[str, type[BaseModel]] = {"read": Read, "expect": Expect, "columns": Column}
_SHOWN_PROBLEMS = 10

ReadObject = Callable[[str], bytes]
"""Fetches an `s3://` address."""


class Contracts(Mapping[str, Contract]):
    """Dataset to its contract; not a dataclass, since Prefect walks through those for each task.

    Args:
        contracts: Dataset to its contract.
        name: What people call the place that they are from; empty where there is none.
    """

    def __init__(self, contracts: Mapping[str, Contract] | None = None, name: str = "") -> None:
        self._contracts = dict(contracts or {})
        self.name = name

    @property
    def is_elsewhere(self) -> bool:
        """Whether only their `s3://` address is known yet."""
        return not self._contracts and self.name.startswith("s3://")

    def __getitem__(self, dataset: str) -> Contract:
        return self._contracts[dataset]

    def __iter__(self) -> Iterator[str]:
        return iter(self._contracts)

    def __len__(self) -> int:
        return len(self._contracts)

    def claimants(self, name: str) -> list[str]:
        """Return the datasets whose contracts claim a file, by its name without folders."""
        if not self._contracts:
            return []
        name = _plain(name)
        stem = keys.stem_of(name)
        exact = {dataset for known in (name, stem) for dataset in self._exact.get(known, ())}
        if exact:
            return sorted(exact)
        return sorted({dataset for known in (name, stem) for dataset in self._by_wildcards(known)} or self._named(name))

    def _by_wildcards(self, known: str) -> Iterator[str]:
        for end in itertools.takewhile(len(known).__ge__, self._beginnings):
            for pattern, dataset in self._wildcards.get(known[:end], ()):
                if pattern.match(known):
                    yield dataset

    def _named(self, name: str) -> set[str]:
        """Return the contracts without `files` that a name belongs to by the dataset's own name."""
        stem = keys.stem_of(name)
        found = set(self._titles.get(stem, ()))
        for dataset, pattern in self._dated:
            rest = keys.without_date(stem, pattern)
            if rest is not None and rest.strip("_-. ") in ("", _plain(dataset)):
                found.add(dataset)
        return found

    @cached_property
    def _exact(self) -> dict[str, set[str]]:
        exact: dict[str, set[str]] = defaultdict(set)
        for dataset, contract in self.items():
            for pattern in contract.names:  # also one with wildcards: a file may be called orders[1].csv
                exact[_plain(pattern)].add(dataset)
        return exact

    @cached_property
    def _beginnings(self) -> list[int]:
        """How many characters patterns begin with, shortest first."""
        return sorted({len(begin) for begin in self._wildcards})

    @cached_property
    def _wildcards(self) -> dict[str, list[tuple[re.Pattern[str], str]]]:
        """Patterns by what they begin with, so that a name is not compared with each of thousands."""
        wildcards: dict[str, list[tuple[re.Pattern[str], str]]] = defaultdict(list)
        for dataset, contract in self.items():
            for pattern in map(_plain, contract.names):
                if _has_wildcards(pattern):
                    begins = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
                    wildcards[begins].append((re.compile(fnmatch.translate(pattern)), dataset))
        return wildcards

    @cached_property
    def _titles(self) -> dict[str, set[str]]:
        titles: dict[str, set[str]] = defaultdict(set)
        for dataset, contract in self.items():
            if not contract.files:
                titles[_plain(dataset)].add(dataset)
        return titles

    @cached_property
    def _dated(self) -> list[tuple[str, str]]:
        return [(dataset, of.date) for dataset, of in self.items() if of.date and not of.files]


NO_CONTRACTS = Contracts()


def load(given: str | Mapping[str, Any] | Contracts | None, read_object: ReadObject | None = None) -> Contracts:
    """Read the contracts that a parameter names or holds.

    Args:
        given: A path, an `s3://` address, or the contracts themselves as a mapping or as JSON. The default file need
            not be there.
        read_object: Fetches an address; without it, one stands for no contracts yet.

    Raises:
        ContractInvalid: There is no such file, or it says what it must not; names every problem with its line.
    """
    if isinstance(given, Contracts):
        return given
    if given is None or not given:
        return NO_CONTRACTS
    if isinstance(given, Mapping):
        return check(parse("contracts", json.dumps(given, default=str)))
    text = given.strip()
    if text.startswith("{"):
        return check(parse("contracts", text))
    if text.startswith("s3://"):
        return check(parse(text, read_object(text))) if read_object else Contracts(name=text)
    if "\n" in given or ": " in text:
        return check(parse("contracts", text))
    return _of_file(Path(text))


def _of_file(path: Path) -> Contracts:
    if not path.exists() and str(path) == DEFAULT_FILE:
        return NO_CONTRACTS
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ContractInvalid(
            f"There is no file {shown(str(path))} with contracts.",
            remedy=f"Check the parameter contracts; a relative path starts where the flow runs (here {Path.cwd()}).",
            path=path,
        ) from error
    except OSError as error:
        raise ContractInvalid(
            f"The contracts in {shown(str(path))} cannot be read ({error.strerror}).",
            remedy="Name a file that the user who runs the flow may read.",
            path=path,
        ) from error
    return check(parse(str(path), data))


def check(document: Document) -> Contracts:
    """Make contracts of a document.

    Raises:
        ContractInvalid: Names every problem with its line, dataset and field.
    """
    if document.value is None:
        return Contracts(name=document.name)
    if not isinstance(document.value, dict):
        raise ContractInvalid(
            f"{document.name}: it is not a mapping of datasets to their contracts.",
            remedy="Write each dataset's name, a colon, and its fields below it.",
        )
    contracts: dict[str, Contract] = {}
    problems: list[str] = []
    for given, fields in document.value.items():
        dataset = unicodedata.normalize("NFC", given)
        if wrong := keys.check_dataset_name(dataset):
            problems.append(f"{document.where((given,))}: the name {quoted(given)} {wrong}")
        elif dataset in contracts:
            problems.append(f"{document.where((given,))}: the dataset {quoted(dataset)} stands twice")
        try:
            contracts[dataset] = Contract.model_validate({} if fields is None else fields)
        except ValidationError as error:
            problems += (_problem(document, given, details) for details in error.errors())
    problems += _same_patterns(document, contracts)
    problems += (
        f"{document.where(path)}: {shown(path[0])}, {shown('.'.join(path[1:]))} is empty; leave it out, or put its "
        "value in quotes"
        for path in _empty(document.value)
    )
    if problems:
        raise ContractInvalid(
            "; ".join(problems[:_SHOWN_PROBLEMS])
            + (f"; and {len(problems) - _SHOWN_PROBLEMS:,} more problems" if len(problems) > _SHOWN_PROBLEMS else "")
            + ".",
            remedy="Correct the contracts.",
        )
    return Contracts(contracts, document.name)


def _problem(document: Document, dataset: str, details: Any) -> str:
    path = tuple(str(part) for part in details["loc"])
    where = document.where((dataset, *path))
    field = ".".join(path)
    what = f"{shown(dataset)}, {shown(field)}" if field else shown(dataset)
    if details["type"] == "extra_forbidden":
        return f"{where}: {what} is not a field of a contract{_nearest(path)}"
    if details["type"] in ("model_type", "dict_type"):
        return f"{where}: {what} must be a mapping of fields"
    text = details["msg"].removeprefix("Value error, ").replace("Input should be", "it must be").rstrip(".")
    return f"{where}: {what}: {text[:1].lower()}{text[1:]}"


def _nearest(path: tuple[str, ...]) -> str:
    """Return the known field that was probably meant."""
    model = _MODELS.get(path[0], Contract) if len(path) > 1 else Contract
    fields = list(model.model_fields)
    if near := difflib.get_close_matches(path[-1].lower(), fields, 1, 0.6):
        return f"; did you mean {near[0]}?"
    inside = [name for name, part in _MODELS.items() if path[-1] in part.model_fields]
    if len(path) == 1 and inside:
        return f"; it belongs under {inside[0]}"
    return f"; known are {', '.join(fields)}"


def _empty(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the fields without a value; a dataset or a column may have nothing to say of it."""
    for name, inner in value.items():
        inside = (*path, name)
        if inner is None and not (len(inside) == 1 or (len(inside) == 3 and inside[1] == "columns")):
            yield inside
        elif isinstance(inner, dict):
            yield from _empty(inner, inside)


def _same_patterns(document: Document, contracts: Mapping[str, Contract]) -> Iterator[str]:
    owners: dict[str, str] = {}
    for dataset, contract in contracts.items():
        for pattern in dict.fromkeys(map(_plain, contract.files)):
            if other := owners.get(pattern):
                where = document.where((dataset, "files"))
                yield f"{where}: {shown(other)} and {shown(dataset)} both claim {quoted(pattern)}"
            owners[pattern] = dataset


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).lower()


def _has_wildcards(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def named(datasets: Iterable[str], most: int = 10) -> str:
    """Return names of datasets in a sentence, a bounded number."""
    names = list(datasets)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(shown(name) for name in names[:most]) + more
