"""Files whose names differ in a date or a number alone: one dataset, and the contract that says so.

Pure functions of names. A date is reason enough. A number is where it counts (`part-1`, `0001`); other numbers tell
tables apart as often (`iso3166-1`, `iso3166-2`), so that three names with them are worth a question and no more.
Numbers of versions (`v2`) and of copies (`(1)`) never make a group.
"""

from __future__ import annotations

import glob
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flows.lake import keys
from flows.lake.contracts.collection import Contracts
from flows.lake.contracts.contract import Contract
from flows.lake.contracts.name_parts import MONTH, NamePart, day_of, parts_of
from flows.lake.contracts.rhythm import rhythm_of
from flows.lake.errors import LakeError

LEAST_ASKED = 3
"""Names that differ in a number which may mean something, for a question to be worth it."""
_MOST_SHAPES = 12
_EDGES = "-_. =,;~+"

Day = date

_Member = tuple[str, tuple[NamePart, ...]]
"""A name without its suffix, and the parts of it that may differ."""


@dataclass(frozen=True)
class FileGroup:
    """Files that are one dataset by their names.

    Attributes:
        dataset: What it would be called.
        patterns: The names of its files, as a contract has them in `files`.
        names: The names that were seen, in order.
        date: The form of the day in them, where each holds one that can be read in one way only.
        forms: The forms between which a person must choose, where the day can be read in several ways.
        days: The days in the names, in order.
        is_sure: Whether the names alone are reason enough.
    """

    dataset: str
    patterns: tuple[str, ...]
    names: tuple[str, ...]
    date: str | None = None
    forms: tuple[str, ...] = ()
    days: tuple[Day, ...] = ()
    is_sure: bool = True

    @property
    def every(self) -> str | None:
        """The rhythm of its days, as a contract has it in `expect`; `None` where they show none."""
        return rhythm_of(self.days)

    def contract(self) -> dict[str, Any]:
        """Return the contract that makes its files one dataset, as plain values."""
        files = list(self.patterns)
        return {"files": files[0] if len(files) == 1 else files} | ({"date": self.date} if self.date else {})


def find_groups(names: Iterable[str], taken: Iterable[str] = (), fallback: str = "") -> list[FileGroup]:
    """Find the files that are one dataset by their names.

    Args:
        names: The files' names without folders; those that no contract claims.
        taken: The names of datasets that there are already.
        fallback: What a dataset is called whose names hold nothing but dates and numbers.
    """
    by_stem: dict[str, set[str]] = defaultdict(set)
    for name in names:
        by_stem[keys.stem_of(unicodedata.normalize("NFC", name)).lower()].add(name)
    alike: dict[tuple[str, ...], list[_Member]] = defaultdict(list)
    for stem in by_stem:
        if parts := tuple(parts_of(stem)):
            alike[_skeleton(stem, parts)].append((stem, parts))
    found = [group for members in alike.values() if len(members) > 1 for group in _split(members)]
    grouped = {stem for members, _ in found for stem, _ in members}
    used = set(taken) | {keys.dataset_of(f"{stem}.csv") for stem in by_stem.keys() - grouped}
    groups: dict[str, tuple[list[_Member], FileGroup]] = {}
    for members, is_sure in found:
        dataset = _free(_title(members[0], members, fallback), used, any(part.forms for part in members[0][1]))
        used.add(dataset)
        seen = sorted(name for stem, _ in members for name in by_stem[stem])
        groups[dataset] = (members, _described(dataset, members, seen, is_sure))
    return sorted(_without_overlap(groups, by_stem), key=lambda group: group.dataset)


def with_groups(contracts: Contracts, groups: Iterable[FileGroup]) -> Contracts:
    """Return contracts with those of groups beside them."""
    made = {group.dataset: Contract.model_validate(group.contract()) for group in groups}
    return Contracts({**contracts, **made}, contracts.name) if made else contracts


def _skeleton(stem: str, parts: Sequence[NamePart]) -> tuple[str, ...]:
    pieces: list[str] = []
    at = 0
    for part in parts:
        pieces += [stem[at : part.start], part.kind]
        at = part.end
    return (*pieces, stem[at:])


def _split(members: list[_Member]) -> Iterator[tuple[list[_Member], bool]]:
    """Yield what belongs together of names with the same words, and whether that is sure."""
    varied = _varied(members)
    loose = [place for place in varied if _may_mean_something([parts[place] for _, parts in members])]
    if not loose:
        yield members, True
        return
    by_numbers: dict[tuple[str, ...], list[_Member]] = defaultdict(list)
    for member in members:
        by_numbers[tuple(member[1][place].text for place in loose)].append(member)
    several = [subset for subset in by_numbers.values() if len(subset) > 1]
    for subset in several:
        yield from _split(subset)
    if not several and len(members) >= LEAST_ASKED:
        yield members, False


def _varied(members: Sequence[_Member]) -> list[int]:
    return [place for place in range(len(members[0][1])) if len({parts[place].text for _, parts in members}) > 1]


def _may_mean_something(parts: Sequence[NamePart]) -> bool:
    if parts[0].kind != "number" or all(part.is_counted for part in parts):
        return False
    is_padded = len({len(part.text) for part in parts}) == 1 and any(
        len(part.text) > 1 and part.text[0] == "0" for part in parts
    )
    return not is_padded


def _free_places(members: Sequence[_Member]) -> set[int]:
    """Return the parts that a pattern leaves open: those that differ, and days, times and identifiers, which will."""
    will = {place for place, part in enumerate(members[0][1]) if part.forms or part.kind in ("time", "id")}
    return set(_varied(members)) | will


def _title(first: _Member, members: Sequence[_Member], fallback: str) -> str:
    stem, parts = first
    words: list[str] = []
    at = 0
    for place in sorted(_free_places(members)):
        words.append(stem[at : parts[place].start])
        at = parts[place].end
    words.append(stem[at:])
    left = [word.rstrip(_EDGES + "([{").lstrip(_EDGES + ")]}") for word in words]
    title = "_".join(word for word in left if re.search(r"[^\W\d_]", word))
    return (title or fallback.strip(_EDGES) or "files").title()


def _free(dataset: str, used: set[str], is_dated: bool) -> str:
    tries = [dataset, f"{dataset}_{'Dated' if is_dated else 'Numbered'}"]
    tries += [f"{tries[1]}_{number}" for number in range(2, 2 + len(used))]
    return next(name for name in tries if name not in used)


def _described(dataset: str, members: list[_Member], names: list[str], is_sure: bool) -> FileGroup:
    places = [place for place in _free_places(members) if all(parts[place].forms for _, parts in members)]
    form, forms, days = None, tuple[str, ...](), list[date]()
    if len(places) == 1:
        texts = [parts[places[0]] for _, parts in members]
        forms = tuple(sorted(frozenset.intersection(*(part.forms for part in texts))))
        if len(forms) == 1:
            form, forms = forms[0], ()
            days = [day for part in texts if (day := day_of(part.text, form))]
            if not _is_read(names, form, set(days)):
                form = None
    patterns = _patterns(members, is_wide=True)
    return FileGroup(dataset, patterns, tuple(names), form, forms, tuple(sorted(set(days))), is_sure)


def _is_read(names: Iterable[str], form: str, days: set[date]) -> bool:
    """Return whether a run finds the same days in the names."""
    try:
        return {keys.date_in_name(Path(name), form) for name in names} == days
    except LakeError:
        return False


def _patterns(members: Sequence[_Member], *, is_wide: bool) -> tuple[str, ...]:
    """Return what names the files: `orders_[0-9][0-9].csv` without its suffix.

    Args:
        members: The names.
        is_wide: Let numbers have more digits than any has, and months other letters.
    """
    free = {place: _has_one_width(members, place) for place in sorted(_free_places(members))}
    shapes: set[str] = set()
    for stem, parts in members:
        shape, at = "", 0
        for place, has_one_width in free.items():
            part = parts[place]
            shape += glob.escape(stem[at : part.start]) + _shape(part, is_wide, has_one_width)
            at = part.end
        shapes.add(shape + glob.escape(stem[at:]))
    if "*" in shapes:  # names of months and nothing else: it would claim whatever comes
        return _patterns(members, is_wide=False)
    return tuple(sorted(shapes)) if len(shapes) <= _MOST_SHAPES else ()


def _has_one_width(members: Sequence[_Member], place: int) -> bool:
    texts = [parts[place].text for _, parts in members]
    return len(set(map(len, texts))) == 1 and (texts[0][0] == "0" or len(texts[0]) > 1)


def _shape(part: NamePart, is_wide: bool, has_one_width: bool) -> str:
    if part.kind == "id":
        return re.sub(r"[0-9a-f]", "?", part.text)
    if part.kind == "time":
        return re.sub(r"[0-9]", "[0-9]", part.text)
    if part.kind == "number" and is_wide and not has_one_width:
        return "[0-9]*"
    if not is_wide:
        return re.sub(r"[0-9]", "[0-9]", part.text)
    text = part.text
    if (part.forms or MONTH.search(text)) and re.search(r"(?<![0-9])[0-9](?![0-9])", text):  # 2024-1-31
        text = re.sub(r"(?<![0-9])[0-9]{1,2}(?![0-9])", "\0", text)
    return MONTH.sub("*", re.sub(r"[0-9]", "[0-9]", text)).replace("\0", "[0-9]*")


def _without_overlap(
    groups: Mapping[str, tuple[list[_Member], FileGroup]], by_stem: Mapping[str, set[str]]
) -> Iterator[FileGroup]:
    """Yield the groups whose patterns claim their own files and no other; narrower ones where that takes it."""
    chosen = {dataset: group for dataset, (_, group) in groups.items() if group.patterns}
    owner = {name: dataset for dataset, group in chosen.items() for name in group.names}
    names = [name for of_stem in by_stem.values() for name in of_stem]
    for is_last in (False, True):
        contracts = with_groups(Contracts(), chosen.values())
        wrong: set[str] = set()
        for name in names:
            claimants = contracts.claimants(name)
            expected = [owner[name]] if owner.get(name) in chosen else []
            if claimants != expected:
                wrong.update(claimants, expected)
        for dataset in wrong:
            members, group = groups[dataset]
            patterns = () if is_last else _patterns(members, is_wide=False)
            if patterns:
                chosen[dataset] = FileGroup(**{**vars(group), "patterns": patterns})
            else:
                del chosen[dataset]
    yield from chosen.values()
