"""What a person will want to do after a run, each once and ready to paste.

Seen in what the run's stages found anyway. No cell of a file is in it: names of files, datasets and columns, and how
files are read. Few are told; the others are counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flows.lake import keys
from flows.lake.contracts.collection import DEFAULT_FILE
from flows.lake.contracts.name_groups import FileGroup
from flows.lake.contracts.rhythm import rhythm_of
from flows.lake.manifests.history import DatasetRun
from flows.lake.masking_rules import LooksSensitive
from flows.lake.models import CsvProfile, FileOutcome
from flows.lake.reports import masking_text
from flows.lake.run_models import BucketReport, NextStep
from flows.lake.settings import IngestSettings
from flows.lake.tables.recipes import reading_stated
from flows.lake.words import md, shown

SHOWN_STEPS = 12
"""More than that nobody does after a run."""
OF_A_KIND = 4
_MOST_COLUMNS = 40
_OWN_PARTS = ("header", "skip", "thousands", "quoting", "escapechar", "comment")
_PLAIN_ENCODINGS = ("utf-8", "utf-8-sig", "ascii", "utf-16", "utf-32")


@dataclass(frozen=True)
class Seen:
    """What a run's stages found.

    Attributes:
        settings: What the run was asked, with the contracts that held.
        groups: Files that are one dataset by their names.
        outcomes: What became of each file.
        runs: Earlier runs of each dataset.
        day: The partition date.
        bucket: The bucket, where it was looked at.
    """

    settings: IngestSettings
    groups: Sequence[FileGroup]
    outcomes: Sequence[FileOutcome]
    runs: Sequence[DatasetRun]
    day: date
    bucket: BucketReport | None = None


def steps_of(seen: Seen) -> list[NextStep]:
    """Return what a person will want to do, the most pressing first."""
    groups = list(_open_groups(seen))
    return [
        *_protections(seen.bucket),
        *map(_group, groups),
        *_mask(seen, groups),
        *_read(seen, groups),
        *_expect(seen, groups),
    ]


def contract_yaml(contracts: Mapping[str, Any]) -> str:
    """Return contracts as they are pasted into a file of them."""
    import yaml  # only where there is something to say

    return str(yaml.safe_dump(dict(contracts), sort_keys=False, allow_unicode=True, width=110)).rstrip()


def _open_groups(seen: Seen) -> Iterator[FileGroup]:
    """Yield the groups that no contract makes one dataset, unless their files' columns differ."""
    columns: dict[str, tuple[str, ...]] = {}
    for outcome in seen.outcomes:
        if outcome.profile:
            columns[outcome.path.name] = tuple(column.name for column in outcome.profile.columns)
    for group in seen.groups:
        if group.dataset in seen.settings.contracts:
            continue
        if len({columns[name] for name in group.names if name in columns}) <= 1:
            yield group


def group_contract(group: FileGroup) -> dict[str, Any]:
    """Return the contract of a group, with the rhythm of the days in its names."""
    return group.contract() | ({"expect": group.every} if group.every else {})


def _group(group: FileGroup) -> NextStep:
    names = group.names
    what = "a date or a number" if group.is_sure else "a number"
    text = (
        f"{len(names):,} files differ in {what} alone ({shown(names[0], 80)} to {shown(names[-1], 80)}) and land as "
        f"{len(names):,} datasets. "
    )
    if group.is_sure:
        text += f"To have them as one, write this into {DEFAULT_FILE}, or run with group=auto."
    else:
        text += f"If they are one, write this into {DEFAULT_FILE}."
    if group.forms:
        text += f" The day in their names can be read as {' or as '.join(group.forms)}: state which as date."
    return NextStep("group", text, contract_yaml({group.dataset: group_contract(group)}), dataset=group.dataset)


def _by_dataset(seen: Seen, groups: Iterable[FileGroup]) -> dict[str, list[FileOutcome]]:
    """Return the files of each dataset, as it will be once the groups are."""
    owner = {name: group.dataset for group in groups for name in group.names}
    outcomes: dict[str, list[FileOutcome]] = defaultdict(list)
    for outcome in seen.outcomes:
        outcomes[owner.get(outcome.path.name, outcome.dataset)].append(outcome)
    return outcomes


def _mask(seen: Seen, groups: Iterable[FileGroup]) -> Iterator[NextStep]:
    for dataset, outcomes in _by_dataset(seen, groups).items():
        columns: dict[str, LooksSensitive] = {}
        for found in masking_text.sensitive_by_dataset(outcomes).values():
            columns |= {one.column: one for one in found if one.column not in columns}
        if not columns:
            continue
        count = len(columns)
        which = "1 column looks" if count == 1 else f"{count:,} columns look"
        text = (
            f"{shown(dataset)}: {which} sensitive and {'is' if count == 1 else 'are'} not masked. To have "
            f"{'it' if count == 1 else 'them'} masked, write this into {DEFAULT_FILE}; if not, sensitive: ignore."
        )
        snippet = masking_text.to_paste(dataset, list(columns.values())[:_MOST_COLUMNS])
        yield NextStep("mask", text, snippet, dataset=dataset)


def is_doubtful(profile: CsvProfile) -> bool:
    """Return whether how a file is read was taken from evidence that a person should confirm."""
    read = reading_stated(profile)
    return profile.encoding not in _PLAIN_ENCODINGS or any(part in read for part in _OWN_PARTS)


def _read(seen: Seen, groups: Iterable[FileGroup]) -> Iterator[NextStep]:
    for dataset, outcomes in _by_dataset(seen, groups).items():
        contract = seen.settings.contracts.get(dataset)
        if contract is not None and "read" in contract.model_fields_set:
            continue
        # An archive is not read as one table; its members stand in the manifest with a recipe each.
        profiles = [outcome.profile for outcome in outcomes if outcome.profile and not outcome.profile.archive]
        readings = [reading_stated(profile) for profile in profiles]
        if not profiles or not is_doubtful(profiles[0]) or any(reading != readings[0] for reading in readings):
            continue
        read = readings[0]
        if len(read.get("names", ())) > _MOST_COLUMNS:
            del read["names"]
        text = (
            f"{shown(dataset)}: how it is read was found, not stated. If this is right, write it into {DEFAULT_FILE}, "
            "so that a file which looks otherwise is told."
        )
        yield NextStep("read", text, contract_yaml({dataset: {"read": read}}), dataset=dataset)


def _expect(seen: Seen, groups: Iterable[FileGroup]) -> Iterator[NextStep]:
    grouped = {group.dataset for group in groups}
    landed: dict[str, set[date]] = defaultdict(set)
    for run in seen.runs:
        if run.landed:
            landed[run.dataset].add(run.day)
    for dataset, outcomes in _by_dataset(seen, groups).items():
        contract = seen.settings.contracts.get(dataset)
        if dataset in grouped or (contract is not None and contract.expect is not None):
            continue
        days = {keys.day_of_key(outcome.key) for outcome in outcomes if not outcome.is_bad}
        of_names = contract is not None and contract.date is not None
        known = {day for day in days if day} | (set() if of_names else landed[dataset])
        if every := rhythm_of(known):
            text = (
                f"{shown(dataset)} has come on {len(known):,} days as {every} says. To be told when it does not, write "
                f"this into {DEFAULT_FILE}."
            )
            yield NextStep("expect", text, contract_yaml({dataset: {"expect": every}}), dataset=dataset)


def _protections(bucket: BucketReport | None) -> Iterator[NextStep]:
    missing = [setting for setting in bucket.settings if setting.state == "missing"] if bucket else []
    if not bucket or not missing:
        return
    names = ", ".join(setting.name for setting in missing)
    text = f"Bucket {bucket.name} was there before, and lacks {len(missing):,} of the lake's protections: {names}."
    yield NextStep("protections", text, "\n".join(one.remedy for one in missing if one.remedy), "bash")


def _chosen(steps: Sequence[NextStep]) -> tuple[list[NextStep], int]:
    """Return the steps that are told, and how many are not."""
    chosen: list[NextStep] = []
    for step in steps:
        if sum(one.kind == step.kind for one in chosen) < OF_A_KIND and len(chosen) < SHOWN_STEPS:
            chosen.append(step)
    return chosen, len(steps) - len(chosen)


def markdown(steps: Sequence[NextStep]) -> Iterator[str]:
    """Yield the part of a run's summary that says what to do next, a line each."""
    chosen, more = _chosen(steps)
    if not chosen:
        return
    yield "## What to do next\n"
    for step in chosen:
        yield f"- {md(step.text)}"
        if step.snippet:
            yield f"\n```{step.language}\n{step.snippet.replace('```', chr(39) * 3)}\n```\n"
    if more:
        yield f"- … and {more:,} more of the same kinds; `make suggest SOURCE=…` writes a whole file of contracts."
    yield ""


def log_text(steps: Sequence[NextStep]) -> str:
    """Return what the log says of what to do next; of protections each has its line there already."""
    chosen, more = _chosen([step for step in steps if step.kind != "protections"])
    if not chosen:
        return ""
    told = [step.text + "".join(f"\n    {line}" for line in step.snippet.splitlines()) for step in chosen]
    if more:
        told.append(f"… and {more:,} more of the same kinds")
    return "What to do next:\n" + "\n".join(f"- {text}" for text in told)
