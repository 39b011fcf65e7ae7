"""What is told of masking: which cells were masked by which rule and key, and what is not masked but might be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from flows.lake.landing.sensitive import contract_of
from flows.lake.masking_rules import LooksSensitive, Masking
from flows.lake.models import FileOutcome
from flows.lake.words import md, shown

_MOST = 50


def told(masking: Masking) -> str:
    """Return how a file was masked, as a clause."""
    key = f", under the key {masking.key}" if masking.key else ""
    cells = [
        f"{one.masked:,} cells of {shown(one.column, 100)} by {one.rule}"
        + (f" ({one.redacted:,} redacted)" if one.redacted and one.rule != "redact" else "")
        for one in masking.columns[:_MOST]
    ]
    more = f" and {len(masking.columns) - _MOST:,} more columns" if len(masking.columns) > _MOST else ""
    return f"{', '.join(cells) or 'nothing'}{more}{key}"


def to_paste(dataset: str, columns: Iterable[LooksSensitive]) -> str:
    """Return the contract that masks columns as is suggested."""
    return contract_of(dataset, columns).rstrip()


def markdown(outcomes: Sequence[FileOutcome]) -> Iterator[str]:
    """Yield the part of a run's summary that is about masking, a line each."""
    masked = [one for one in outcomes if one.masking and not one.is_bad]
    if masked:
        yield "## Masked\n"
        yield from (f"- {md(shown(one.path.name))}: {md(told(one.masking))}." for one in masked[:_MOST] if one.masking)
        if len(masked) > _MOST:
            yield f"- … and {len(masked) - _MOST:,} more files; the manifest has each."
        yield ""


def sensitive_by_dataset(outcomes: Iterable[FileOutcome]) -> dict[str, list[LooksSensitive]]:
    """Return the columns that look sensitive, each once, by dataset."""
    found: dict[str, dict[str, LooksSensitive]] = defaultdict(dict)
    for outcome in outcomes:
        for one in outcome.profile.sensitive if outcome.profile else ():
            found[outcome.dataset].setdefault(one.column, one)
    return {dataset: list(columns.values()) for dataset, columns in found.items()}
