"""How a verification is told to people: the words of its state message, and the Markdown of its artifact."""

from __future__ import annotations

from collections import Counter

from flows.lake.manifests.verify import Verification
from flows.lake.units import size_text
from flows.lake.words import md, shown

NAMED_KEYS = 20
LISTED_FINDINGS = 1000


def verdict(found: Verification, bucket: str) -> str:
    """Say in one paragraph what a verification found, with the keys of what is wrong."""
    where = f"in s3://{bucket}, {found.start} to {found.end}"
    what = f"{found.objects:,} objects ({size_text(found.size_bytes)}) that {found.manifests:,} manifests name"
    if not found.findings:
        nothing = "" if found.manifests else " There was nothing to compare with: no run ended on these days."
        return f"Verified {what} {where}.{nothing}"
    counts = Counter(finding.kind for finding in found.findings)
    summary = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
    named = "; ".join(f"{shown(finding.key)} ({finding.kind})" for finding in found.findings[:NAMED_KEYS])
    left = len(found.findings) - NAMED_KEYS
    more = f"; and {left:,} more, see the run's log" if left > 0 else ""
    return f"{len(found.findings):,} findings among {what} {where}: {summary}. {named}{more}."


def markdown(found: Verification, bucket: str) -> str:
    """Write the Markdown of a verification's artifact."""
    wrong = len(found.findings)
    lines = [
        f"# {f'{wrong:,} findings' if wrong else 'Nothing wrong'} in `s3://{bucket}`",
        "",
        f"**{found.objects:,} objects**, {size_text(found.size_bytes)}, that {found.manifests:,} manifests from"
        f" **{found.start}** to **{found.end}** name; {found.raw_objects:,} objects of all days under `Raw/`.",
        "",
    ]
    if found.proofs:
        lines += ["| Proven by | Objects |", "| --- | ---: |"]
        lines += [f"| {proof} | {count:,} |" for proof, count in found.proofs]
    if wrong:
        lines += ["", "## Findings", "", "| Key | Finding | |", "| --- | --- | --- |"]
        lines += [
            f"| {md(finding.key)} | **{finding.kind}** | {md(finding.text)} |"
            for finding in found.findings[:LISTED_FINDINGS]
        ]
        if wrong > LISTED_FINDINGS:
            lines += ["", f"… and {wrong - LISTED_FINDINGS:,} more; the run's log names each."]
    return "\n".join(lines) + "\n"
