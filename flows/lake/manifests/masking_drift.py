"""What is different about how a file is masked, and which of its other differences follow from that alone."""

from __future__ import annotations

from collections.abc import Sequence

from flows.lake.masking_rules import KEYED, Masking
from flows.lake.models import Drift, LastLanding
from flows.lake.words import quoted

_OF_CELLS = {"dtype changed", "column empty", "column added", "column removed"}


def find_masking_drift(before: LastLanding | None, now: Masking | None, drift: Sequence[Drift]) -> list[Drift]:
    """Return the differences of a file with those of its masking first, and without what follows from these.

    Args:
        before: What landed last.
        now: How the file is masked.
        drift: How it differs otherwise.
    """
    if before is None:
        return list(drift)
    old, new = before.masking, now
    was, becomes = dict(old.rules) if old else {}, dict(new.rules) if new else {}
    changed = {name: _told(name, was.get(name), becomes.get(name)) for name in sorted({*was, *becomes})}
    if old and new and old.key and new.key and old.key != new.key:
        text = f"is masked under the key {new.key}, and was under {old.key}: the two days cannot be joined by it"
        keyed = (name for name, rule in becomes.items() if rule in KEYED and not changed[name])
        changed |= {name: f"column {quoted(name)} {text}" for name in keyed}
    told = {name: text for name, text in changed.items() if text}
    rest = [one for one in drift if not (one.column in told and one.kind in _OF_CELLS)]
    return [*(Drift("masking changed", text, name) for name, text in told.items()), *rest]


def _told(name: str, was: str | None, becomes: str | None) -> str:
    if was == becomes:
        return ""
    past = f"was by {was}" if was else "was in clear"
    return f"column {quoted(name)} is {'masked by ' + becomes if becomes else 'in clear'}, and {past}"
