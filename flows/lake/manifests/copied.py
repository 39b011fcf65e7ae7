"""A manifest in a copy of its lake: the same record, with what the copy's bucket calls the objects.

The text is changed field by field rather than read into the model and written again, so that fields which a newer
version of this program wrote arrive as they are. What the objects were called where they were copied from stays beside
it (`copied_from`): the last lake only, since that one's manifest names the one before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

OF_THE_BUCKET = frozenset({"bucket", "signature", "copied_from"})
OF_THE_BUCKETS_FILES = frozenset({"version_id", "etag", "verified_by", "copied_from"})
"""What two lakes' manifests of one run may differ in."""


class FileOrigin(BaseModel):
    """What the lake that a file was copied from called it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version_id: str | None = Field(default=None, description="The object's version there.")
    etag: Annotated[str, Field(max_length=1024)] | None = Field(default=None, description="Its ETag there.")


class ManifestOrigin(BaseModel):
    """The lake that a manifest was copied from, with what it names."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    bucket: str = Field(description="The bucket.")
    endpoint: str = Field(description="The address of its server.")
    copied: AwareDatetime = Field(description="When.")
    run_id: str = Field(default="", description="Prefect's id of the run that copied it.")


@dataclass(frozen=True, slots=True)
class Place:
    """What the copy's bucket calls an object: its version, its ETag, and what proved its bytes; `None` if not known."""

    version_id: str | None
    etag: str | None
    verified_by: str | None


def rewritten(text: bytes, bucket: str, places: Mapping[str, Place], origin: ManifestOrigin) -> str:
    """Return a valid manifest's text for a copy of its lake, without a signature.

    Args:
        text: The manifest.
        bucket: The bucket that it is copied to.
        places: Key to what that bucket calls the object; a file whose key is missing here has no object.
        origin: Where it comes from.
    """
    record: dict[str, Any] = json.loads(text)
    files = record.pop("files")
    record.pop("signature", None)
    record |= {"bucket": bucket, "copied_from": origin.model_dump(mode="json")}
    lines = ",\n".join(_dumped(_moved(file, places)) for file in files)
    return f'{_dumped(record)[:-1]},"files":[\n{lines}\n]}}\n'


def places_in_twin(text: bytes, other: bytes) -> dict[str, Place] | None:
    """Return what another lake's manifest calls the objects, if it is the same text but for what each bucket says.

    A tenth of the work of reading both into the model. `None` tells nothing: the other text may be of another form, or
    no manifest at all.

    Args:
        text: A valid manifest.
        other: Whatever the other lake holds under its key.
    """
    try:
        here, there = json.loads(text), json.loads(other)
        places = {_key_of(file): Place(file.get("version_id"), file.get("etag"), None) for file in there["files"]}
        if _bare(here) != _bare(there):
            return None
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        return None
    said = (value for place in places.values() for value in (place.version_id, place.etag))
    return places if all(value is None or isinstance(value, str) for value in said) else None


def _bare(record: dict[str, Any]) -> dict[str, Any]:
    """Take from a record what differs from lake to lake."""
    for name in OF_THE_BUCKET:
        record.pop(name, None)
    for file in record["files"]:
        for name in OF_THE_BUCKETS_FILES:
            file.pop(name, None)
    return record


def _key_of(file: Mapping[str, Any]) -> str:
    return file.get("key" if file.get("outcome") in ("uploaded", "unchanged") else "kept_as") or ""


def _moved(file: dict[str, Any], places: Mapping[str, Place]) -> dict[str, Any]:
    place = places.get(_key_of(file))
    if place is None:
        return file
    there = {name: file.pop(name, None) for name in ("version_id", "etag")}
    here = {"version_id": place.version_id, "etag": place.etag, "verified_by": place.verified_by}
    file.pop("verified_by", None)
    file |= {name: value for name, value in here.items() if value is not None}
    file["copied_from"] = {name: value for name, value in there.items() if value is not None}
    return file


def _dumped(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
