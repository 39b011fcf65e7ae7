"""Whatever lies under `Manifests/` is input from outside: it is read or refused, and never does any harm."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.lake.manifests import drift, history, landing_calendar, manifest
from flows.lake.manifests.signature import signed
from flows.lake.models import SourceFile
from flows.lake.raw.unchanged import known_profile, recorded
from flows.lake.reports.history_text import history_markdown
from tests.tools.rules import RULES
from tests.unit.reports.test_run_report import outcome, profile, summary

KEY = b"a key"
DAY = date(2024, 3, 5)
MADE = manifest.of_run(summary(outcome("a.csv", etag="e")), 1, datetime(2024, 3, 5, tzinfo=UTC), {})
GENUINE: dict[str, Any] = json.loads(manifest.to_json(MADE))

json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
        st.sampled_from(["\0", "nope", "zlib_codec", "idna", "../../x", "a" * 5_000, 10**400, -1, 2**63, "9999-99-99"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a genuine manifest in which some fields hold anything."""
    made = json.loads(json.dumps(GENUINE))
    for part in (made, made["files"][0], made["files"][0]["columns"][0] if made["files"][0].get("columns") else made):
        for name in draw(st.lists(st.sampled_from(sorted(part)), max_size=2)):
            part[name] = draw(json_values)
    return dict(made)


@given(mutated())
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=300, deadline=None)
def test_manifest_with_anything_in_it_is_refused_or_harmless(made: dict[str, Any]) -> None:
    try:
        read = manifest.from_json(json.dumps(made), KEY)
    except ValueError:
        return
    assert not read.is_signed
    use(read)


def use(read: manifest.Manifest) -> None:
    """Do with a manifest what runs do."""
    wanted = {(file.dataset, file.known_as) for file in read.files}
    last = history.last_landings(read, "Manifests/2024/03/05/x.json", wanted)
    for (dataset, _), landing in last.items():
        file = SourceFile(Path("a.csv"), dataset, "Raw/Local/CSV/A/2024/03/05/a.csv", 5000, RULES, before=landing)
        assert recorded(file) is None
        assert known_profile(file) is None
        drift.sentence(drift.find_drift(landing, profile()), landing)
    history_markdown(history.dataset_runs(read), history.dataset_runs(read))
    landing_calendar.make_calendar([read], DAY, DAY)


WRONG = {
    "NUL in a path": ("path", "a\0b"),
    "unknown encoding": ("encoding", "nope"),
    "codec that is not of text": ("encoding", "zlib_codec"),
    "NUL in an encoding": ("encoding", "utf-8\0"),
    "size beyond 64 bits": ("size_bytes", 2**70),
    "time beyond 64 bits": ("mtime_ns", -(2**70)),
    "negative rows": ("rows", -1),
    "key of 2 KB": ("key", "k" * 2_000),
    "digest that is none": ("sha256", "x"),
    "delimiter of two signs": ("delimiter", "||"),
    "year 0": ("day", "0000-01-01"),
    "files that nest": ("columns", [[[[]]]]),
}


@pytest.mark.parametrize(("field", "value"), WRONG.values(), ids=WRONG)
def test_manifest_that_is_wrong_in_one_field_is_refused_and_the_field_named(field: str, value: Any) -> None:
    made = json.loads(json.dumps(GENUINE))
    made["files"][0][field] = value
    with pytest.raises(ValueError, match=field):
        manifest.from_json(json.dumps(made))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "[" * 100_000, '{"a":' * 100_000, "\xff", '{"schema_version": NaN}']
)
def test_text_that_is_not_a_manifest_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        manifest.from_json(text.encode("latin-1"))


def test_signed_manifest_is_recognised_and_any_change_is_noticed() -> None:
    text = signed(manifest.to_json(MADE), KEY)
    assert manifest.from_json(text, KEY).is_signed
    assert manifest.from_json(text, KEY).files == MADE.files
    assert not manifest.from_json(text).is_signed
    assert not manifest.from_json(text, b"another key").is_signed
    assert not manifest.from_json(text.replace('"rows":', '"rows": '), KEY).is_signed
    assert not manifest.from_json(manifest.to_json(MADE), KEY).is_signed


def test_signature_that_the_text_claims_for_itself_is_not_believed() -> None:
    made = {**json.loads(manifest.to_json(MADE)), "signature": "0" * 64, "_is_signed": True, "is_signed": True}
    assert not manifest.from_json(json.dumps(made, separators=(",", ":")), KEY).is_signed


@pytest.mark.parametrize(
    "key", ["/", "", "Raw/", "Raw//a.csv", "Raw/../../other/a.csv", "Quarantine/Local/CSV/a.csv", "Logs/a.txt", "raw/a"]
)
def test_manifest_whose_landed_key_is_not_under_raw_is_wrong(key: str) -> None:
    made = outcome("a.csv")
    text = manifest.to_json(manifest.of_run(summary(made), 1, datetime(2024, 3, 5, tzinfo=UTC), {}))
    wrong = json.loads(text)
    wrong["files"][0]["key"] = key
    with pytest.raises(ValueError, match="not one under Raw/"):
        manifest.from_json(json.dumps(wrong))
