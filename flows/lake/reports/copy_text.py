"""How a copy of a lake, and a comparison of two, are told to people: state messages, and Markdown of artifacts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from flows.lake.bucket import iam_policy
from flows.lake.copying.comparison import Comparison
from flows.lake.copying.results import CopyReport
from flows.lake.s3.bucket import Bucket
from flows.lake.units import size_text
from flows.lake.words import md, shown

NAMED_KEYS = 20
LISTED = 1000

Row = tuple[str, str, str]
"""A key, what is wrong with it in a word, and in a sentence."""


def rows_of(found: CopyReport | Comparison) -> list[Row]:
    """Return what a copy lacks, or in what two lakes differ."""
    if isinstance(found, CopyReport):
        return [(one.key, one.state, one.text) for one in found.bad]
    return [(one.key, one.kind, one.text) for one in found.differences]


def copy_verdict(report: CopyReport, source: str, target: str) -> str:
    """Say in one paragraph what a copy did, with the keys of what it lacks."""
    done = (
        f"s3://{source} to s3://{target}, {report.start} to {report.end}: {report.copied:,} objects copied"
        f" ({size_text(report.bytes_sent)} sent"
        + (f", {report.inside:,} inside S3" if report.inside else "")
        + f"), {report.present:,} were there; {report.manifests_copied:,} of {report.manifests:,} manifests written,"
        f" {report.manifests_present:,} were there."
    )
    return _with_keys(done, rows_of(report), "are not in the copy")


def comparison_verdict(found: Comparison, source: str, target: str) -> str:
    """Say in one paragraph in what two lakes differ."""
    done = (
        f"Compared s3://{target} with s3://{source}, {found.start} to {found.end}: {found.objects:,} objects"
        f" ({size_text(found.size_bytes)}) that {found.manifests:,} manifests name."
    )
    return _with_keys(done, rows_of(found), "differ") if found.differences else f"{done} The lakes are equal."


def _with_keys(done: str, rows: Sequence[Row], what: str) -> str:
    if not rows:
        return done
    counts = ", ".join(f"{count:,} {kind}" for kind, count in Counter(kind for _, kind, _ in rows).items())
    named = "; ".join(f"{shown(key)} ({kind})" for key, kind, _ in rows[:NAMED_KEYS])
    left = len(rows) - NAMED_KEYS
    more = f"; and {left:,} more, see the run's log" if left > 0 else ""
    return f"{len(rows):,} {what} ({counts}): {named}{more}. {done}"


def policies_text(source: Bucket, target: Bucket, *, locked: bool, inside: bool) -> str:
    """Write the IAM policies of the two sides, as JSON to paste.

    Args:
        source: The bucket that is read.
        target: The other one.
        locked: Whether the target is to have Object Lock.
        inside: Whether S3 copies by itself, for which the target's credentials must read the source.
    """
    read = iam_policy.reading_policy(source.name, partition=source.client.meta.partition)
    write = iam_policy.policy(target.name, partition=target.client.meta.partition, locked=locked)
    if inside:
        write["Statement"] += read["Statement"]
    sides = (("reads", source, read), ("writes", target, write))
    return "\n".join(
        f"An IAM policy for whoever {what} s3://{bucket.name}, with just that:\n{json.dumps(policy, indent=2)}"
        for what, bucket, policy in sides
    )


def markdown(title: str, verdict: str, rows: Sequence[Row], proofs: Sequence[tuple[str, int]] = ()) -> str:
    """Write the Markdown of the artifact."""
    lines = [f"# {md(title)}", "", md(verdict), ""]
    if proofs:
        lines += ["| Proven by | Objects |", "| --- | ---: |"]
        lines += [f"| {proof} | {count:,} |" for proof, count in proofs]
    if rows:
        lines += ["", "| Key | | |", "| --- | --- | --- |"]
        lines += [f"| {md(key)} | **{kind}** | {md(text)} |" for key, kind, text in rows[:LISTED]]
        if len(rows) > LISTED:
            lines += ["", f"… and {len(rows) - LISTED:,} more; the run's log names each."]
    return "\n".join(lines) + "\n"
