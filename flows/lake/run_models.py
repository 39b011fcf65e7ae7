"""The values that a run is made of besides its files: where the lake is, what its bucket is like, and the summary.

Plain dataclasses like those of `flows.lake.models`: they pickle, and cost nothing to import.
"""

from __future__ import annotations

from collections import UserList
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal, TypeVar

from flows.lake.models import FileOutcome

T = TypeVar("T")


class FileList(UserList[T]):
    """A list of many files, or of what became of them, that Prefect does not look into.

    Prefect walks through the lists, tuples and dataclasses of each parameter and result to find futures in them, value
    by value: with ten thousand files that takes longer than the work. It leaves other sequences alone.
    """


@dataclass(frozen=True)
class LakeAddress:
    """Where a run finds its lake; plain values only, since it travels to tasks, processes and machines.

    Attributes:
        bucket: The bucket's name, placeholders filled in.
        credentials: The credentials block's name.
        run_id: The flow run's id.
        account: The AWS account of the credentials; `None` on other servers.
        owner: The account that must own the bucket.
        manifest_keys: The keys of which one will be the manifest's of the run.
        landing_bucket: The bucket that keeps the originals of masked files; the lake's own without one.
        landing_kms_key_id: The KMS key that encrypts them; the bucket's own encryption without one.
        masking_key: The name of the block with the key by which columns are masked.
        web_credentials: The names of the blocks with the credentials of hosts that publish files.
    """

    bucket: str
    credentials: str
    run_id: str
    account: str | None = None
    owner: str | None = None
    manifest_keys: tuple[str, ...] = ()
    landing_bucket: str | None = None
    landing_kms_key_id: str | None = None
    masking_key: str = "masking-key"
    web_credentials: tuple[str, ...] = ()


SettingState = Literal["applied", "present", "missing", "not offered", "unknown"]


@dataclass(frozen=True)
class BucketSetting:
    """One protection of the bucket as a run found or left it.

    Attributes:
        name: What it is called.
        state: Applied by this run, present before, missing, not offered by the server, or unknown because these
            credentials may not look.
        detail: What was seen.
        remedy: The command that adds what is missing, or `None`.
    """

    name: str
    state: SettingState
    detail: str
    remedy: str | None = None


@dataclass(frozen=True)
class BucketReport:
    """The bucket of a run.

    Attributes:
        name: The bucket.
        created: This run made it.
        region: The region that the server names, else the client's.
        settings: Its protections.
        notes: What else a person should know, a sentence each.
    """

    name: str
    created: bool
    region: str
    settings: tuple[BucketSetting, ...]
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should mend, a sentence each with the command that does it."""
        missing = tuple(
            f"Bucket {self.name!r} has no {setting.name} ({setting.detail})."
            + (f" Add it with: {setting.remedy}" if setting.remedy else "")
            for setting in self.settings
            if setting.state == "missing"
        )
        return missing + self.notes

    @property
    def not_offered(self) -> tuple[str, ...]:
        """The names of the protections that the server does not know."""
        return tuple(setting.name for setting in self.settings if setting.state == "not offered")


@dataclass(frozen=True)
class LandingReport:
    """Where a run keeps the originals of masked files.

    Attributes:
        bucket: The bucket.
        days: For how many days.
        expiry: Whether they expire by themselves.
    """

    bucket: str
    days: int
    expiry: BucketSetting

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should mend, a sentence."""
        if self.expiry.state in ("applied", "present"):
            return ()
        remedy = f" Add it with: {self.expiry.remedy}" if self.expiry.remedy else " Delete them by hand."
        return (
            f"Originals under s3://{self.bucket}/Landing/ may not expire after {self.days} days "
            f"({self.expiry.detail}).{remedy}",
        )


@dataclass(frozen=True)
class BucketListing:
    """What a bucket holds under a prefix.

    Attributes:
        objects: The number of objects counted.
        size_bytes: The sum of their sizes.
        more: There are more that were not counted.
    """

    objects: int
    size_bytes: int
    more: bool = False


StepKind = Literal["group", "read", "mask", "expect", "protections", "notification", "expiry"]


@dataclass(frozen=True)
class NextStep:
    """Something that a person will want to do after a run.

    Attributes:
        kind: What it is about; stable, for programs.
        text: What was seen and what to do, in sentences; no cell of a file is in it.
        snippet: What to paste; may be empty.
        language: What the snippet is written in.
        dataset: The dataset concerned, if it is one.
    """

    kind: StepKind
    text: str
    snippet: str = ""
    language: Literal["yaml", "bash"] = "yaml"
    dataset: str | None = None


@dataclass(frozen=True)
class RunSummary:
    """Everything a person wants to know of a run, for its log, its artifact and its closing table.

    Attributes:
        run_id: Prefect's id of the flow run.
        run_name: Its name.
        source: The folder.
        bucket: The bucket.
        day: The partition date.
        dry_run: Whether nothing was written.
        outcomes: One for each chosen file, in the order of their paths.
        hidden: Dotfiles that were left out.
        warnings: What to know about the bucket or the run, a sentence each.
        objects: Objects counted in the bucket at the end, `None` where it was not listed.
        size_bytes: Their size together.
        started: When the run began, with offset.
        duration_s: Seconds from then to the end of the work.
        more_objects: There are more objects than were counted.
        steps: What a person will want to do next.
    """

    run_id: str
    run_name: str
    source: Path
    bucket: str
    day: date
    dry_run: bool
    outcomes: Sequence[FileOutcome]
    hidden: int
    warnings: tuple[str, ...]
    objects: int | None
    size_bytes: int
    started: datetime
    duration_s: float
    more_objects: bool = False
    steps: tuple[NextStep, ...] = ()

    @property
    def bad(self) -> tuple[FileOutcome, ...]:
        """The files that make the run fail."""
        return tuple(outcome for outcome in self.outcomes if outcome.is_bad)


@dataclass(frozen=True)
class Written:
    """The keys of what a run left in the lake beside its files, as far as it did.

    Attributes:
        log: Its log.
        manifest: Its manifest.
        catalog: The lake's page.
    """

    log: str | None = None
    manifest: str | None = None
    catalog: str | None = None


NOTHING_WRITTEN = Written()
