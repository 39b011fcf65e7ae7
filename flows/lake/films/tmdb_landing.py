"""TMDB's answers on their way to the raw layer: in parts, each complete, so that a killed run loses at most one.

A part is written under a number that was free, and never changed. What a run landed is in its manifest, written at its
end; a part whose run was killed before that is read, checked and named by the next run. Which titles need to be asked
is decided by the answers that are there.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from flows.lake.errors import StorageError
from flows.lake.films.layout import tmdb_key
from flows.lake.films.raw_input import RawInput
from flows.lake.films.tmdb_answers import Answer, Answers
from flows.lake.films.tmdb_client import Asked
from flows.lake.keys import TMDB_PREFIX, day_of_key
from flows.lake.manifests.entries import ManifestFile
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.content import Content
from flows.lake.s3.put_new import put_new
from flows.lake.s3.s3_object import S3Object

if TYPE_CHECKING:
    from flows.lake.films.engine import Connection
    from flows.lake.films.selection import Criteria

TITLES_A_PART = 100
DATASET = "TMDB"
_NUMBER = re.compile(r"/part-(\d+)\.jsonl\.gz$")
MOST_TRIES = 1000


@dataclass
class Landing:
    """The parts of one run: what was landed, and what waits to be.

    Attributes:
        bucket: The bucket.
        day: The day of the run.
        landed: An entry of the manifest for each part.
        waiting: Answers for the next part.
    """

    bucket: Bucket
    day: date
    landed: list[ManifestFile] = field(default_factory=list)
    waiting: list[Asked] = field(default_factory=list)
    _next: int = 1

    def add(self, asked: Asked) -> None:
        """Add an answer; a part that is full is stored."""
        self.waiting.append(asked)
        if len(self.waiting) >= TITLES_A_PART:
            self.store()

    def store(self) -> None:
        """Store the answers that wait.

        Raises:
            StorageError: What S3 answers, or no answer.
        """
        if not self.waiting:
            return
        lines = b"".join(asked.line() for asked in self.waiting)
        body = gzip.compress(lines, mtime=0)
        for number in range(self._next, self._next + MOST_TRIES):
            key = tmdb_key(self.day, number)
            if put_new(self.bucket, key, body, content_type="application/gzip"):
                self._next = number + 1
                self.landed.append(entry(self.bucket, key, body, len(self.waiting), "uploaded"))
                self.waiting = []
                return
        raise StorageError(f"{MOST_TRIES} parts of {self.day} are taken.", bucket=self.bucket.name)


def entry(bucket: Bucket, key: str, body: bytes, titles: int, outcome: str) -> ManifestFile:
    """Return what a manifest says of a part."""
    content, name = Content.of_chunks([body]), key.rpartition("/")[2]
    with bucket.doing(f"checking {key!r}", key=key):
        stored = S3Object(bucket, key).head()
    return ManifestFile.model_validate(
        {
            "name": name,
            "known_as": name,
            "dataset": DATASET,
            "day": day_of_key(key),
            "outcome": outcome,
            "key": key,
            "version_id": stored.version_id if stored else None,
            "etag": stored.etag if stored else None,
            "verified_by": "read back" if outcome == "unchanged" else "checksum",
            "size_bytes": content.size_bytes,
            "sha256": content.sha256,
            "crc64nvme": content.crc64nvme,
            "encoding": "utf-8",
            "compression": "gzip",
            "rows": titles,
        }
    )


def adopt(bucket: Bucket, named: Iterable[RawInput], answers: Answers, until: date) -> list[ManifestFile]:
    """Name the parts that no manifest names, because their run was killed; their answers are added.

    A part that cannot be read is left alone: verify-raw tells of it.
    """
    known = {part.file.key for part in named}
    prefix = f"{TMDB_PREFIX}/Movies/"
    with bucket.doing(f"listing {prefix!r}"):
        others = [
            item["Key"]
            for item in bucket.objects(prefix)
            if item["Key"] not in known
            and _NUMBER.search(item["Key"])
            and (day_of_key(item["Key"]) or date.max) <= until
        ]
    adopted: list[ManifestFile] = []
    for key in others:
        with bucket.doing(f"reading {key!r}", key=key):
            body = bucket.client.get_object(Key=key, **bucket.where)["Body"].read()
        found = Answers()
        found.add(body, day_of_key(key) or until)
        if found.unreadable or not found.by_title:
            continue
        answers.add(body, day_of_key(key) or until)
        adopted.append(entry(bucket, key, body, len(found.by_title), "unchanged"))
    return adopted


def needed(titles: Iterable[str], answers: dict[str, Answer], max_age_days: int) -> list[str]:
    """Return the titles that have no answer, or one that is too old; that TMDB does not know a title is an answer."""
    oldest = datetime.now(UTC) - timedelta(days=max_age_days)

    def is_old(answer: Answer | None) -> bool:
        return answer is None or answer.asked_at < oldest

    return [title for title in titles if is_old(answers.get(title))]


def titles_to_ask(database: Connection, criteria: Criteria, *, english_titles: bool) -> list[str]:
    """Return the titles of the genres and years, those with most votes first.

    Args:
        database: The tables of the trusted layer and the languages of titles.
        criteria: What is asked of a film.
        english_titles: Also those whose title is in English, as that of many a film in another language is.
    """
    genres = list(criteria.genres)
    but = "" if english_titles else "AND identified.code IS DISTINCT FROM 'en'"
    rows = database.execute(
        f"""SELECT title_id FROM titles LEFT JOIN identified ON identified.title = titles.original_title
        WHERE list_has_any(coalesce(genres, []), ?) AND release_year BETWEEN ? AND ? {but}
        ORDER BY votes DESC NULLS LAST, title_id""",
        [genres, criteria.first_year, criteria.last_year],
    ).fetchall()
    return [str(row[0]) for row in rows]
