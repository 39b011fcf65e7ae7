"""A copy of a lake, judged by the target alone: `verify-raw` finds nothing wrong, whatever the two servers are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flows.lake.errors import TagsNotOffered
from flows.lake.manifests.store import ManifestStore
from tests.storage.copying.conftest import KEY, Lakes
from tests.tools.lakes import DAY, NOON
from tests.tools.uploads import write_csv

A, B, C = (f"Raw/Local/CSV/F/2024/03/05/{name}.csv" for name in "abc")
QUARANTINED = "Quarantine/Local/CSV/F/2024/03/05/c.csv"
MANIFEST = "Manifests/2024/03/05/run.json"
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def landed(lakes: Lakes) -> Lakes:
    """Two small files, one in parts, one in quarantine; a manifest and a log."""
    large = write_csv(lakes.folder / "large.csv", 40_000)
    lakes.land(
        {"a.csv": "x\n1\n22\n", "b.csv": "y\n3\n", "c.csv": "z\n1,2\n3,4,5,6\n", "séries do ano.csv": large},
        signing_key=KEY,
    )
    return lakes


def test_copy_holds_everything_and_verifies_without_the_source(landed: Lakes) -> None:
    before = landed.of_source()
    report = landed.copy()
    assert report.bad == []
    assert (report.manifests_copied, report.objects, report.copied) == (1, 4, 5)
    assert landed.of_source() == before
    for prefix in ("Raw/", "Quarantine/", "Logs/"):
        assert landed.of_target(prefix) == landed.of_source(prefix)
    assert list(landed.of_target("Manifests/")) == [MANIFEST]
    assert landed.verified().findings == ()
    assert landed.verified(deep=False).findings == ()
    assert landed.incomplete == []


def test_copy_keeps_what_an_object_carries(landed: Lakes) -> None:
    landed.copy()
    for key in landed.of_source("Raw/"):
        heads = [one.client.head_object(Bucket=one.name, Key=key) for one in (landed.source, landed.target)]
        assert heads[0]["ContentType"] == heads[1]["ContentType"]
        carried = [{name.lower(): value for name, value in head["Metadata"].items()} for head in heads]
        for metadata in carried:
            metadata.pop("mtime", None)  # rclone's own
        assert carried[0] == carried[1]
        assert carried[0]["sha256"]


def test_copied_manifest_names_the_targets_versions_and_where_they_come_from(landed: Lakes) -> None:
    landed.copy()
    there, here = (ManifestStore(one, KEY).read(MANIFEST) for one in (landed.source, landed.target))
    assert here.bucket == landed.target.name
    assert here.copied_from
    assert here.copied_from.bucket == landed.source.name
    assert here.is_signed
    for old, new in zip(there.files, here.files, strict=True):
        if not old.landed:
            continue
        assert new.copied_from
        assert (new.copied_from.version_id, new.copied_from.etag) == (old.version_id, old.etag)
        head = landed.target.client.head_object(Bucket=landed.target.name, Key=new.key)
        assert new.etag == head["ETag"].strip('"')
        assert new.version_id == head.get("VersionId")
        assert (new.sha256, new.rows, new.columns, new.path) == (old.sha256, old.rows, old.columns, old.path)
        assert bool(new.version_id) == landed.versioned


def test_second_copy_sends_nothing_and_writes_nothing(landed: Lakes) -> None:
    landed.copy()
    before = landed.of_target()
    report = landed.copy()
    assert (report.copied, report.bytes_sent, report.manifests_copied, report.manifests_present) == (0, 0, 0, 1)
    assert (report.present, report.bad) == (5, [])
    assert landed.of_target() == before


def test_unsigned_manifest_is_not_signed_by_the_copy(lakes: Lakes) -> None:
    lakes.land({"a.csv": "x\n1\n"})
    lakes.copy()
    assert not ManifestStore(lakes.target, KEY).read(MANIFEST).is_signed


def test_copy_of_some_days_leaves_the_others(lakes: Lakes) -> None:
    for number in range(3):
        lakes.land({"a.csv": f"x\n{number}\n"}, DAY + timedelta(days=number))
    report = lakes.copy(start=DAY, end=DAY + timedelta(days=1))
    assert (report.manifests_copied, report.bad) == (2, [])
    assert len(lakes.of_target("Raw/")) == len(lakes.of_target("Logs/")) == 2
    assert lakes.copy(start=DAY + timedelta(days=2)).manifests_copied == 1
    assert lakes.of_target("Raw/") == lakes.of_source("Raw/")


def test_key_with_other_bytes_is_a_conflict_and_is_not_touched(landed: Lakes) -> None:
    landed.target.client.put_object(Bucket=landed.target.name, Key=A, Body=b"x\n1\n23\n")
    report = landed.copy()
    assert [(one.state, one.key) for one in report.bad] == [("conflict", A), ("failed", MANIFEST)]
    assert "was not touched" in report.bad[0].text
    assert landed.of_target("Raw/")[A] == b"x\n1\n23\n"
    assert set(landed.of_target("Raw/")) == set(landed.of_source("Raw/"))
    assert landed.of_target("Manifests/") == {}
    landed.target.client.delete_object(Bucket=landed.target.name, Key=A)
    assert landed.copy().bad == []
    assert landed.verified().findings == ()


def test_manifest_of_another_run_is_a_conflict_and_its_objects_stay_where_they_are(landed: Lakes) -> None:
    landed.target.client.put_object(Bucket=landed.target.name, Key=MANIFEST, Body=b"{}")
    report = landed.copy()
    assert [(one.state, one.key) for one in report.bad] == [("conflict", MANIFEST)]
    assert landed.of_target("Raw/") == {}


def test_log_with_other_text_is_a_conflict(landed: Lakes) -> None:
    landed.target.client.put_object(Bucket=landed.target.name, Key="Logs/log-ingestao-20240305.txt", Body=b"another")
    report = landed.copy()
    assert [(one.state, one.key) for one in report.bad] == [("conflict", "Logs/log-ingestao-20240305.txt")]


def test_object_that_the_source_has_lost_or_altered_holds_its_manifest_back(landed: Lakes) -> None:
    landed.source.client.delete_object(Bucket=landed.source.name, Key=A)
    landed.source.client.put_object(Bucket=landed.source.name, Key=B, Body=b"y\n4\n")
    if landed.versioned:  # the versions that the manifest names are still there
        assert landed.copy().bad == []
        assert landed.verified().findings == ()
        return
    report = landed.copy()
    assert [(one.state, one.key) for one in report.bad] == [("failed", A), ("failed", B), ("failed", MANIFEST)]
    assert "is not there" in report.bad[0].text
    assert "is not what its manifest says" in report.bad[1].text
    assert set(landed.of_target("Raw/")) == set(landed.of_source("Raw/")) - {A, B}
    assert landed.of_target("Manifests/") == {}


def test_key_that_was_landed_twice_ends_with_the_later_bytes(lakes: Lakes) -> None:
    lakes.land({"a.csv": "x\n1\n"}, signing_key=KEY)
    lakes.land({"a.csv": "x\n2\n3\n"}, name="again", ended=LATER, signing_key=KEY)
    report = lakes.copy()
    assert report.bad == []
    assert lakes.of_target("Raw/") == {A: b"x\n2\n3\n"}
    assert report.manifests_copied == 2
    assert lakes.verified().findings == ()
    versions = lakes.target.client.list_object_versions(Bucket=lakes.target.name) if lakes.versioned else None
    if versions:
        of_key = [one["VersionId"] for one in versions["Versions"] if one["Key"] == A]
        assert len(of_key) == 2
        first = ManifestStore(lakes.target).read(MANIFEST).files[0]
        body = lakes.target.client.get_object(Bucket=lakes.target.name, Key=A, VersionId=first.version_id)["Body"]
        assert body.read() == b"x\n1\n"
    assert lakes.copy().copied == 0
    # The reader of history takes the last manifest of a day by when it was written.
    newest = next(iter(ManifestStore(lakes.target).newest_first(DAY, 1)))
    assert newest.key.endswith("again.json")


def test_key_that_was_landed_anew_after_the_copy_is_replaced_by_the_next(lakes: Lakes) -> None:
    lakes.land({"a.csv": "x\n1\n", "b.csv": "y\n1\n"})
    lakes.copy()
    lakes.land({"a.csv": "x\n2\n3\n", "b.csv": "y\n1\n"}, name="again", ended=LATER)
    report = lakes.copy()
    assert (report.bad, report.copied) == ([], 2)  # the file and a log
    assert lakes.of_target("Raw/")[A] == b"x\n2\n3\n"
    if not lakes.versioned:
        (kept,) = lakes.of_target("Superseded/").values()
        assert kept == b"x\n1\n"
    assert lakes.verified().findings == ()


def test_copy_of_an_earlier_day_does_not_put_its_bytes_over_later_ones(lakes: Lakes) -> None:
    """A run of another day landed the key anew: only that run's days are copied first."""
    lakes.land({"a.csv": "x\n1\n"})
    lakes.land({"a.csv": "x\n2\n3\n"}, DAY + timedelta(days=2), file_day=DAY, name="late", ended=LATER)
    lakes.copy(start=DAY + timedelta(days=1))
    report = lakes.copy()
    assert (report.bad, report.left_behind) == ([], 1)
    assert lakes.of_target("Raw/") == {A: b"x\n2\n3\n"}
    assert lakes.verified().findings == ()


def test_tags_go_along(versioned: Lakes) -> None:
    versioned.land({"a.csv": "x\n1\n"}, tags={"team": "dados e análises"})
    versioned.copy()
    tags = versioned.target.client.get_object_tagging(Bucket=versioned.target.name, Key=A)["TagSet"]
    assert tags == [{"Key": "team", "Value": "dados e análises"}]


def test_tags_that_the_target_does_not_keep_stop_the_copy_or_go_where_they_were_asked_to(versioned: Lakes) -> None:
    versioned.land({"a.csv": "x\n1\n"}, tags={"team": "dados"})
    with pytest.raises(TagsNotOffered, match="tags=metadata"):
        versioned.copy(takes_tags=False)
    assert versioned.of_target() == {}
    assert versioned.copy(takes_tags=False, tags="metadata").bad == []
    head = versioned.target.client.head_object(Bucket=versioned.target.name, Key=A)
    assert head["Metadata"]["tag-team"] == "dados"
    assert versioned.target.client.get_object_tagging(Bucket=versioned.target.name, Key=A)["TagSet"] == []


def test_copy_inside_one_server_sends_no_byte(versioned: Lakes) -> None:
    large = write_csv(versioned.folder / "large.csv", 40_000)
    versioned.land({"a.csv": "x\n1\n", "b.csv": large}, tags={"team": "dados"})
    report = versioned.copy(inside=True, copy_at_once_bytes=20_000)
    assert (report.bad, report.copied) == ([], 3)
    assert report.inside == 2
    assert report.bytes_sent == len(b"run run\n")
    assert versioned.verified().findings == ()
    for key in (A, B):
        head = versioned.target.client.head_object(Bucket=versioned.target.name, Key=key)
        assert head["Metadata"]["sha256"]
        tags = versioned.target.client.get_object_tagging(Bucket=versioned.target.name, Key=key)["TagSet"]
        assert tags == [{"Key": "team", "Value": "dados"}]
    assert versioned.copy(inside=True).copied == 0


def test_copy_of_a_copy_and_back_is_the_lake_that_it_was(landed: Lakes) -> None:
    landed.copy()
    report = landed.copy(source=landed.target, target=landed.source)
    assert (report.copied, report.manifests_copied, report.bad) == (0, 0, [])
