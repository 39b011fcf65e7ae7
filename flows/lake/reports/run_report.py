"""How a run is told to people: sizes in words, the closing table, the Markdown of the run's artifact.

Pure functions of a `RunSummary`; plain text and Markdown only, so that the same words stand in the log, the terminal
and the UI. rich draws the table, which Prefect brings along.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from flows.lake.models import CsvProfile, FileOutcome
from flows.lake.places import source_text
from flows.lake.raw import unchanged
from flows.lake.reports import masking_text, next_steps
from flows.lake.run_models import NOTHING_WRITTEN, RunSummary, Written
from flows.lake.units import size_text
from flows.lake.words import cut, md, md_code, one_line, quoted, shown

SHOWN_FILES = 100
"""Files that a table or list names, bad ones first; of ten thousand the others are in the log and the manifest."""
SHOWN_DATASETS = 50
"""Datasets whose profiles become artifacts; among more of them nobody would find the summary of the run."""
_SHOWN_HINTS = 20
_SHOWN_REASONS = 10
_NAMED_ALIKE = 3
_LONGEST_REASON = 500
"""Reasons in a state's message, files that are named for each, and the characters of a reason."""


def holds_text(objects: int, size_bytes: int, *, more: bool) -> str:
    """Say how much the bucket holds, or how far it was counted."""
    if more:
        return f"The bucket holds more than the {objects:,} objects, {size_text(size_bytes)}, at which counting stopped"
    return f"The bucket holds {objects:,} object{'s' * (objects != 1)}, {size_text(size_bytes)}"


def shape_text(outcome: FileOutcome) -> str:
    """Write a file's shape, or a dash where it is not known."""
    if outcome.profile is None:
        return "-"
    rows, columns = outcome.profile.shape
    if outcome.profile.archive is not None:
        files = len(outcome.profile.archive.members)
        return f"{rows:,} in {files:,} file{'s' * (files != 1)}"
    return f"{rows:,} x {columns:,}"


def counts_text(outcomes: Sequence[FileOutcome]) -> str:
    """Count outcomes: `2 files: 1 uploaded, 1 rejected`."""
    counts = Counter(outcome.state for outcome in outcomes)
    files = len(outcomes)
    by_state = ", ".join(f"{n:,} {state}" for state, n in counts.items())
    return f"{files:,} file{'s' * (files != 1)}" + (f": {by_state}" if by_state else "")


def verdict_text(summary: RunSummary) -> str:
    """Say how a run ended, in the words of its state message: counts, and each bad file with its reason."""
    if not summary.bad:
        did = "Dry run, nothing was written" if summary.dry_run else f"Landed in s3://{summary.bucket}"
        changed = sum(bool(outcome.drift) for outcome in summary.outcomes)
        drift_text = (
            f" {changed:,} differ{'s' * (changed == 1)} from what landed before, see the log." if changed else ""
        )
        return f"{did}. {counts_text(summary.outcomes)}.{drift_text}"
    groups = _by_reason(summary.bad)
    named = "; ".join(
        f"{_names(group, shown)} ({group[0].state}): {cut(_without_name(group[0]), _LONGEST_REASON)}"
        for group in groups[:_SHOWN_REASONS]
    )
    left_out = sum(len(group) for group in groups[_SHOWN_REASONS:])
    more = f"; and {left_out:,} more, see the log" if left_out else ""
    total = len(summary.outcomes)
    return f"{len(summary.bad):,} of {total:,} file{'s' * (total != 1)} did not land: {named}{more}."


def cancelled_text(summary: RunSummary | None) -> str:
    """Say what a run had done when it was cancelled."""
    if summary is None or not summary.outcomes:
        return "The run was cancelled before any file landed."
    landed, files = sum(not outcome.is_bad for outcome in summary.outcomes), len(summary.outcomes)
    return f"The run was cancelled; {landed:,} of {files:,} file{'s' * (files != 1)} had landed. Start it again."


def _by_reason(bad: Sequence[FileOutcome]) -> list[list[FileOutcome]]:
    """Group bad files by their reason: what one permission or dialect does to thousands is said once."""
    groups: dict[tuple[str, str], list[FileOutcome]] = defaultdict(list)
    for outcome in bad:
        groups[outcome.state, _without_name(outcome)].append(outcome)
    return list(groups.values())


def _names(group: Sequence[FileOutcome], write: Callable[[str], str]) -> str:
    more = f" and {len(group) - _NAMED_ALIKE:,} more" if len(group) > _NAMED_ALIKE else ""
    return ", ".join(write(outcome.path.name) for outcome in group[:_NAMED_ALIKE]) + more


def _without_name(outcome: FileOutcome) -> str:
    """Return a bad file's reason without the name that many reasons begin with."""
    return (
        outcome.reason.removeprefix(shown(outcome.path.name))
        .removeprefix(quoted(outcome.path.name))
        .lstrip(",: ")
        .rstrip(".")
    )


def _listed(summary: RunSummary) -> tuple[list[FileOutcome], int]:
    """Return the outcomes worth a row each, bad ones first, and how many were left out."""
    ordered = sorted(summary.outcomes, key=lambda outcome: not outcome.is_bad)
    return ordered[:SHOWN_FILES], max(0, len(ordered) - SHOWN_FILES)


def new_profiles(outcomes: Sequence[FileOutcome]) -> dict[str, list[CsvProfile]]:
    """Return the profiles made by a run, by dataset; those that it recalled were told by the run that made them."""
    profiles: dict[str, list[CsvProfile]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.profile is None or outcome.verified_by == unchanged.PROOF:
            continue
        if outcome.profile.archive is None:
            profiles[outcome.dataset].append(outcome.profile)
        else:
            for member in outcome.profile.archive.members:
                if member.profile:
                    profiles[member.dataset].append(member.profile)
    return profiles


def closing_table(summary: RunSummary) -> str:
    """Draw a run's outcome as a table of plain characters, as wide as its keys need."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("File", no_wrap=True)
    table.add_column("Outcome", no_wrap=True)
    table.add_column("Rows x columns", justify="right", no_wrap=True)
    table.add_column("Size", justify="right", no_wrap=True)
    table.add_column("Key", no_wrap=True)
    listed, left_out = _listed(summary)
    for outcome in listed:
        table.add_row(
            shown(outcome.path.name),
            outcome.state,
            shape_text(outcome),
            size_text(outcome.size_bytes),
            one_line(outcome.kept_as or outcome.key),
        )
    screen = io.StringIO()
    console = Console(file=screen, width=4096, no_color=True, highlight=False, markup=False, emoji=False)
    console.print(table)
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    text = "\n".join(line for line in lines if line)
    return f"{text}\n… and {left_out:,} more" if left_out else text


def run_markdown(
    summary: RunSummary,
    link: Callable[[str], str | None],
    written: Written = NOTHING_WRITTEN,
    history: str = "",
) -> str:
    """Write the Markdown of a run's artifact: what went wrong comes first, and long lists are cut.

    Args:
        summary: The run.
        link: Gives a key's address in a browser, or `None` where there is none.
        written: What the run left beside its files.
        history: What there is to say of earlier runs, as Markdown (`flows.lake.reports.history_text`).
    """
    total = sum(outcome.size_bytes for outcome in summary.outcomes)
    rows = sum(outcome.profile.rows for outcome in summary.outcomes if outcome.profile)
    sent = sum(outcome.bytes_sent for outcome in summary.outcomes)
    lines = [
        f"# {'Dry run: ' if summary.dry_run else ''}{counts_text(summary.outcomes)}",
        "",
        f"**{rows:,} rows**, {size_text(total)} from `{md_code(source_text(summary.source))}` for **{summary.day}** in"
        f" {summary.duration_s:.1f} s, {size_text(sent)} sent to `s3://{summary.bucket}`.",
        "",
        *([_object("The lake on one page", summary, written.catalog, link), ""] if written.catalog else []),
        *_why_bad(summary),
        *_file_table(summary, link),
        *([history.strip(), ""] if history else []),
        *masking_text.markdown(summary.outcomes),
        *next_steps.markdown(summary.steps),
        *_remarks(summary),
        f"Run `{md_code(summary.run_name)}` ({summary.run_id}),"
        f" started {summary.started.isoformat(timespec='seconds')}.",
    ]
    if summary.objects is not None:
        lines.append(holds_text(summary.objects, summary.size_bytes, more=summary.more_objects) + ".")
    if summary.hidden:
        lines.append(f"{summary.hidden:,} hidden files were left out.")
    if (datasets := len(new_profiles(summary.outcomes))) > SHOWN_DATASETS:
        where = "" if summary.dry_run else ": the manifest holds their columns"
        lines.append(f"{datasets:,} datasets are too many for an artifact each{where}.")
    for name, key in (("Log", written.log), ("Manifest", written.manifest)):
        if key:
            lines.append(_object(name, summary, key, link))
    return "\n".join(lines) + "\n"


def _object(name: str, summary: RunSummary, key: str, link: Callable[[str], str | None]) -> str:
    where, address = f"s3://{summary.bucket}/{key}", link(key)
    return f"{name}: [{md(where)}]({address})." if address else f"{name}: `{md_code(where)}`."


def _catalog(summary: RunSummary, link: Callable[[str], str | None], key: str | None) -> Iterator[str]:
    if key:
        where, address = f"s3://{summary.bucket}/{key}", link(key)
        yield (
            f"The lake on one page: [{md(where)}]({address})."
            if address
            else f"The lake on one page: `{md_code(where)}`."
        )
        yield ""


def _why_bad(summary: RunSummary) -> Iterator[str]:
    if not summary.bad:
        return
    yield "## Why files did not land\n"
    groups = _by_reason(summary.bad)
    for group in groups[:SHOWN_FILES]:
        names = _names(group, lambda name: f"**{md(shown(name))}**")
        yield f"- {names}: {md(cut(_without_name(group[0]), _LONGEST_REASON))}."
    if left_out := sum(len(group) for group in groups[SHOWN_FILES:]):
        yield f"- … and {left_out:,} more; the log and the manifest say why."
    yield ""


def _file_table(summary: RunSummary, link: Callable[[str], str | None]) -> Iterator[str]:
    listed, left_out = _listed(summary)
    if summary.bad:
        yield "## Files\n"
    yield "| Outcome | Rows x columns | Size | Seconds | Key |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for outcome in listed:
        # The key ends in the file's name, and comes last: nothing wraps it, so a long one would push all else away.
        key = outcome.kept_as or outcome.key
        address = link(key) if key else None
        yield (
            f"| {'**' + outcome.state + '**' if outcome.is_bad else outcome.state} | {shape_text(outcome)} |"
            f" {size_text(outcome.size_bytes)} | {outcome.profile_s + outcome.upload_s:.1f} |"
            f" {f'[{md(key)}]({address})' if address else md(key or outcome.path.name)} |"
        )
    if left_out:
        yield f"\n… and {left_out:,} more files; the log and the manifest name each."
    yield ""


def _remarks(summary: RunSummary) -> Iterator[str]:
    notes = [
        f"{shown(outcome.path.name)}: {hint}"
        for outcome in summary.outcomes
        if outcome.profile
        for hint in outcome.profile.hints
    ]
    if not (summary.warnings or notes):
        return
    yield "## Worth knowing\n"
    yield from (f"- {md(note)}" for note in (*summary.warnings[:_SHOWN_HINTS], *notes[:_SHOWN_HINTS]))
    if len(summary.warnings) > _SHOWN_HINTS:
        yield f"- … and {len(summary.warnings) - _SHOWN_HINTS:,} more warnings; the log has each."
    if len(notes) > _SHOWN_HINTS:
        yield f"- … and {len(notes) - _SHOWN_HINTS:,} more remarks on files; the log has each."
    yield ""


def object_link(browse_url: str | None, on_aws: bool, bucket: str, region: str, key: str) -> str | None:
    """Return the address at which a browser shows an object.

    Args:
        browse_url: Where buckets can be looked at in a browser, if there is such a place.
        on_aws: Whether the bucket is on AWS, whose console shows it otherwise.
        bucket: The bucket.
        region: Its region.
        key: The object's key.

    Returns:
        The address; `None` on other servers, whose S3 port answers 403 to a link that is not signed.
    """
    if browse_url:
        return f"{browse_url.rstrip('/')}/{bucket}/{quote(key)}"
    if not on_aws:
        return None
    # https://docs.aws.amazon.com/general/latest/gr/rande.html: other partitions have consoles of their own.
    partition = region.split("-", 1)[0] if region.startswith(("cn-", "us-gov-")) else ""
    console = {"cn": "console.amazonaws.cn", "us": "console.amazonaws-us-gov.com"}.get(
        partition, f"{region}.console.aws.amazon.com"
    )
    return f"https://{console}/s3/object/{bucket}?region={region}&prefix={quote(key, safe='')}"
