"""What a manifest says of an archive that landed as it is, and how it is read back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePosixPath

from flows.lake.manifests.entries import ManifestArchive, ManifestColumn, ManifestMember
from flows.lake.masking_rules import LooksSensitive
from flows.lake.models import Archive, ColumnProfile, CsvProfile, Member
from flows.lake.s3.content import Content

_BESIDE = ("sep", "encoding", "decimal", "quotechar", "low_memory")
READ = "a = zipfile.ZipFile(path); pandas.read_csv(a.open(a.infolist()[{index}]), **recipe)"
"""By its place: how a name that is not ASCII is read varies from one version of Python to the next."""


def of_archive(archive: Archive) -> ManifestArchive:
    """Return what a manifest says of an archive."""
    return ManifestArchive(members=tuple(map(_of_member, archive.members)), others=dict(archive.others))


def _of_member(member: Member) -> ManifestMember:
    profile = member.profile
    known = {} if profile is None else _of_profile(member.index, profile)
    return ManifestMember.model_validate(
        {
            "index": member.index,
            "name": member.name,
            "dataset": member.dataset,
            "size_bytes": member.size_bytes,
            "stored_bytes": member.stored_bytes,
            "crc32": member.crc32,
            "reason": member.reason or None,
            "contract": member.contract or None,
        }
        | known
    )


def _of_profile(index: int, profile: CsvProfile) -> dict[str, object]:
    return {
        "sha256": profile.sha256,
        "encoding": profile.encoding,
        "read": READ.format(index=index),
        "recipe": profile.recipe,
        "bad_rows": profile.bad_rows or None,
        "short_rows": profile.short_rows or None,
        "hints": profile.hints,
        "rows": profile.rows,
        "columns": tuple(ManifestColumn(column.name, column.dtype, column.non_null) for column in profile.columns),
        "sensitive": [asdict(one) for one in profile.sensitive],
    }


def archive_of(found: ManifestArchive) -> Archive:
    """Return what a manifest knows of an archive."""
    return Archive(tuple(map(_member_of, found.members)), found.others)


def _member_of(found: ManifestMember) -> Member:
    profile = None
    if found.recipe is not None and found.rows is not None and found.sha256 is not None:
        recipe = found.recipe
        profile = CsvProfile(
            path=PurePosixPath(found.name),  # type: ignore[arg-type]  # it lies in no file system
            rows=found.rows,
            columns=tuple(ColumnProfile(column.name, column.dtype, column.non_null) for column in found.columns),
            size_bytes=found.size_bytes,
            mtime_ns=0,
            sha256=found.sha256,
            crc64nvme=Content.of_chunks(()).crc64nvme,
            encoding=found.encoding or "utf-8",
            delimiter=recipe.get("sep", ","),
            decimal=recipe.get("decimal", "."),
            quotechar=recipe.get("quotechar", '"'),
            hints=found.hints,
            extra={name: value for name, value in recipe.items() if name not in _BESIDE},
            bad_rows=found.bad_rows or 0,
            short_rows=found.short_rows or 0,
            sensitive=tuple(LooksSensitive(one.column, one.kind, one.mask) for one in found.sensitive),
        )
    return Member(
        found.index,
        found.name,
        found.dataset,
        found.size_bytes,
        found.stored_bytes,
        found.crc32,
        profile,
        found.reason or "",
        found.contract or "",
    )
