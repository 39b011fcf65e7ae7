"""The evidence page of a landing, for who must hand one in: the lake as a tree, `info()` of each file, the log.

One file, without scripts and without anything from the network. The template engine escapes whatever comes from
outside, and every text passes the run's redactor before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployments.land.words import Words
from flows.lake.errors import LakeError
from flows.lake.models import CsvProfile
from flows.lake.places import source_text
from flows.lake.reports import run_report
from flows.lake.units import size_text
from flows.lake.words import one_line, printable, shown

if TYPE_CHECKING:
    from deployments.land.landing import Landing
    from flows.lake.s3.bucket import Bucket

MOST_OBJECTS = 2_000
MOST_FILES = 200
MOST_COLUMNS = 500
"""What a page that people print can hold; manifest and log have the rest."""


def page(landing: Landing, words: Words) -> str:
    """Return the page of a landing, as HTML."""
    from jinja2 import Environment, FileSystemLoader

    summary, lake = landing.summary(), landing.lake
    objects, more = _objects(lake.bucket) if lake and landing.wrote else ([], False)
    redact = lake.redact if lake else printable
    template = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    ).get_template("evidence.html.j2")
    return template.render(
        words=words,
        summary=summary,
        bucket=summary.bucket,
        source=redact(source_text(summary.source)),
        state=landing.state,
        verdict=redact(landing.verdict),
        files=[_file(outcome, redact) for outcome in summary.outcomes[:MOST_FILES]],
        tree=redact(tree(summary.bucket, objects)),
        cut=f"{len(objects):,}" if more else "",
        log=redact(landing.log.text),
    )


def _file(outcome: Any, redact: Any) -> dict[str, Any]:
    return {
        "name": redact(shown(outcome.path.name)),
        "state": outcome.state,
        "bad": outcome.is_bad,
        "shape": run_report.shape_text(outcome),
        "size": size_text(outcome.size_bytes),
        "proof": outcome.verified_by or "",
        "key": redact(one_line(outcome.kept_as or outcome.key)),
        "reason": redact(outcome.reason),
        "info": redact(_infos(outcome.profile)) if outcome.profile else "",
    }


def _infos(profile: CsvProfile) -> str:
    """Return `info()` of a file, or of each CSV file in an archive."""
    if profile.archive is None:
        return info(profile)
    read = [member for member in profile.archive.members[:MOST_FILES] if member.profile]
    return "\n\n".join(f"{shown(member.name)}\n{info(member.profile)}" for member in read if member.profile)


def _objects(bucket: Bucket) -> tuple[list[tuple[str, int]], bool]:
    """Return keys and sizes of a bucket's objects up to a limit, and whether there are more."""
    objects: list[tuple[str, int]] = []
    try:
        with bucket.doing(f"listing bucket {bucket.name!r}"):
            for found in bucket.pages(""):
                objects += [(item["Key"], item["Size"]) for item in found.get("Contents", ())]
                if len(objects) > MOST_OBJECTS or (len(objects) == MOST_OBJECTS and found.get("IsTruncated")):
                    return objects[:MOST_OBJECTS], True
    except LakeError:
        return objects, True
    return objects, False


def tree(bucket: str, objects: Iterable[tuple[str, int]]) -> str:
    """Draw keys as a tree of folders, with the size of each object."""
    root: dict[str, Any] = {}
    for key, size_bytes in objects:
        folder = root
        *folders, name = key.split("/")
        for part in folders:
            inner = folder.setdefault(f"{part}/", {})
            folder = inner if isinstance(inner, dict) else root
        folder[name] = size_bytes
    return "\n".join([f"s3://{bucket}/", *_branches(root, "")])


def _branches(folder: dict[str, Any], indent: str) -> Iterable[str]:
    last = len(folder) - 1
    for at, (name, inside) in enumerate(sorted(folder.items())):
        twig, deeper = ("└── ", "    ") if at == last else ("├── ", "│   ")
        if isinstance(inside, dict):
            yield f"{indent}{twig}{shown(name)}"
            yield from _branches(inside, indent + deeper)
        else:
            yield f"{indent}{twig}{shown(name)}  ({size_text(inside)})"


def info(profile: CsvProfile) -> str:
    """Write what `DataFrame.info(memory_usage=False)` says of a file."""
    columns = profile.columns[:MOST_COLUMNS]
    titles = (" # ", "Column", "Non-Null Count", "Dtype")
    rows = [titles, tuple("-" * len(title) for title in titles)]
    rows += [(f" {at}", shown(one.name), f"{one.non_null} non-null", one.dtype) for at, one in enumerate(columns)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    left_out = len(profile.columns) - len(columns)
    dtypes = Counter(column.dtype for column in profile.columns)
    index = f"{profile.rows} entries" + (f", 0 to {profile.rows - 1}" if profile.rows else "")
    return "\n".join(
        [
            "<class 'pandas.DataFrame'>",
            f"RangeIndex: {index}",
            f"Data columns (total {len(profile.columns)} columns):",
            *("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows),
            *([f" … {left_out:,} …"] if left_out else []),
            "dtypes: " + ", ".join(f"{dtype}({count})" for dtype, count in sorted(dtypes.items())),
        ]
    )
