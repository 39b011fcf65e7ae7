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


def _moved(file: dict[str, Any], places: Mapping[str, Place]) -> dict[str, Any]:
    landed = file.get("outcome") in ("uploaded", "unchanged")
    place = places.get(file.get("key" if landed else "kept_as") or "")
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
