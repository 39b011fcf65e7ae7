"""Everything that can go wrong on the way to the lake, as one tree.

Each message says what happened, where, and what to do next, so that a Prefect state message or a log line is
enough to act on. Where it happened is also kept in attributes (`bucket`, `key`, `path`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.lake.words import cut, one_line, shown

LONGEST_MESSAGE = 2_000
"""Characters: a message becomes a state, a log line and a cell, and may quote a path or a server's answer."""


def _rebuild(cls: type[LakeError], args: tuple[Any, ...], attributes: dict[str, Any]) -> LakeError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class LakeError(Exception):
    """Base of every error that this project raises on purpose.

    Args:
        message: What happened and where, as one sentence.
        remedy: What the reader should do next, as one sentence.
        bucket: The S3 bucket concerned.
        key: The object key concerned.
        path: The source file or folder concerned.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        bucket: str | None = None,
        key: str | None = None,
        path: Path | str | None = None,
    ) -> None:
        # Messages quote names and answers from outside, and end as states, logs and events.
        message = cut(one_line(message), LONGEST_MESSAGE)
        super().__init__(f"{message} {remedy}" if remedy else message)
        self.remedy = remedy
        self.bucket = bucket
        self.key = key
        self.path = Path(path) if path is not None else None

    def __reduce__(self) -> tuple[Any, ...]:
        # The default rebuilds by calling the class with `args`, which subclasses with other signatures refuse; errors
        # cross process borders (Dask, process pools), so they must pickle.
        return _rebuild, (type(self), self.args, self.__dict__)


class SettingsError(LakeError, ValueError):
    """The run's parameters are wrong; raised before the first network call."""


class ContractInvalid(SettingsError):
    """The contracts of datasets cannot be read, or say what they must not; names file, line, dataset and field."""


class SourceError(LakeError):
    """The source folder or a file in it cannot be used."""


class SourceNotFound(SourceError, FileNotFoundError):
    """The source folder does not exist, is not a folder, or holds no file that matches."""


class SourceUnreadable(SourceError, PermissionError):
    """A source file cannot be opened for reading."""


class LinkLeadsOut(SourceError):
    """A link leads from the source folder to somewhere else, and links out of it are not to be followed."""


class SourceChanged(SourceError):
    """A source file changed while it was read: it is still being written."""


class KeyCollision(SourceError, ValueError):
    """Two source files would be stored under the same key."""


class KeyInvalid(SourceError, ValueError):
    """A file's key breaks S3's rules, for example its 1,024 bytes of UTF-8."""


class CsvRejected(LakeError, ValueError):
    """A file that pandas cannot read as CSV.

    Args:
        path: The file.
        reason: Why it was rejected, as one sentence.
        line: The line, counted from 1, where the trouble is, if it is known.
        byte: The offset, counted from 0, where the trouble is, if it is known.
        delimiter, encoding: Those that were tried.
        opens_quote: Whether it is that a quote opens and never closes.
    """

    def __init__(
        self,
        path: Path | str,
        reason: str,
        *,
        line: int | None = None,
        byte: int | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
        remedy: str | None = None,
        opens_quote: bool = False,
    ) -> None:
        where = f", line {line:,}" if line is not None else f", byte {byte:,}" if byte is not None else ""
        tried = [f"delimiter {delimiter!r}"] * (delimiter is not None) + [f"encoding {encoding}"] * (
            encoding is not None
        )
        tried_text = f" (read with {', '.join(tried)})" if tried else ""
        super().__init__(f"{Path(path).name}{where}: {reason}{tried_text}", remedy=remedy, path=path)
        self.reason, self.line, self.byte = reason, line, byte
        self.delimiter, self.encoding, self.opens_quote = delimiter, encoding, opens_quote


class DriftRejected(LakeError, ValueError):
    """A file differs from what landed of it before, and is not to land; `profile` and `drift` say what and how."""

    def __init__(self, message: str, *, profile: Any, drift: tuple[Any, ...], **where: Any) -> None:
        super().__init__(message, **where)
        self.profile = profile
        self.drift = drift


class MaskingError(LakeError):
    """A file's columns cannot be masked or opened, so that nothing of it may go on."""


class MaskingKeyMissing(MaskingError, LookupError):
    """There is no masking key of that name, or what the server holds is none."""


class MaskingDropped(MaskingError):
    """A dataset had masking rules when it landed last and has none today, and nobody said that this is meant."""


class SensitiveRejected(LakeError, ValueError):
    """A file has columns that look sensitive and are not masked; `profile` is what it holds."""

    def __init__(self, message: str, *, profile: Any, **where: Any) -> None:
        super().__init__(message, **where)
        self.profile = profile


class MaskingFailed(MaskingError, ValueError):
    """A file that rules of masking do not fit; it never quotes a cell.

    Args:
        path: The file.
        reason: What does not fit, as a clause without its full stop and without anything of the file's content.
        rule: The rule concerned, as `column=method`, where it is one.
        line: The line, counted from 1, where it does not fit, if it is known.
    """

    def __init__(
        self,
        path: Path | str,
        reason: str,
        *,
        rule: str | None = None,
        line: int | None = None,
        remedy: str | None = None,
    ) -> None:
        where = f", line {line:,}" if line is not None else ""
        which = f", rule {shown(rule)}" if rule is not None else ""
        super().__init__(f"{shown(Path(path).name)}{where}{which}: {reason}.", remedy=remedy, path=path)
        self.reason, self.rule, self.line = reason, rule, line


class StorageError(LakeError):
    """The S3 side refused, failed or cannot be reached."""


class EndpointUnreachable(StorageError, ConnectionError):
    """No answer from the S3 endpoint: wrong address, no network, or a time-out."""


class CertificateRejected(StorageError):
    """The endpoint's TLS certificate is not trusted."""


class CredentialsError(StorageError):
    """The credentials do not work; nothing can be done in this run."""


class CredentialsMissing(CredentialsError):
    """The credentials block does not exist, cannot be read, or leads to no credentials."""


class CredentialsRejected(CredentialsError):
    """S3 or STS does not know the access key, or the signature does not match."""


class CredentialsExpired(CredentialsError):
    """The session behind the credentials has ended."""


class ClockSkewed(CredentialsError):
    """This machine's clock is too far from the server's: signatures are refused."""


class AccessDenied(StorageError, PermissionError):
    """The credentials are valid but may not do this."""


class BucketError(StorageError):
    """The bucket cannot be used."""


class BucketNameInvalid(BucketError, SettingsError):
    """The bucket's name breaks S3's published rules; raised before any call."""


class BucketNotOurs(BucketError, PermissionError):
    """The bucket belongs to someone else, or these credentials may not see it."""


class BucketInOtherRegion(BucketError):
    """The bucket exists in another region than the credentials block names."""


class BucketVanished(BucketError):
    """The bucket was deleted while the run was using it; it is never made again silently."""


class BucketNotHardened(BucketError):
    """A bucket was created on AWS but a required protection could not be applied."""


class UploadFailed(StorageError):
    """An object could not be stored after every retry."""


class IntegrityError(StorageError):
    """What S3 holds differs from what was read."""


class ManifestUnreadable(StorageError, ValueError):
    """An object under `Manifests/` is not a manifest that this version can read."""


class TagsNotOffered(StorageError):
    """The server keeps no tags of objects, and there are some to keep."""


class CopyConflict(StorageError):
    """A key of the lake that is copied to holds something else; it is not touched."""


class CopyIncomplete(LakeError):
    """A copy of a lake lacks something, or two lakes differ; the message names the keys."""


class VerificationFailed(LakeError):
    """The raw layer is not what its manifests say; the message names the keys."""


class RunFailed(LakeError):
    """At least one file of a run did not reach the raw layer; the message counts and names them."""


class RunStopped(LakeError):
    """A run ended before it came to the end of its files, or could not leave its log or manifest."""


class RotationStopped(LakeError):
    """The stored credentials could not be encrypted under a new key, and nothing was changed."""


class AnalysisInputMissing(LakeError):
    """The raw layer holds nothing that an analysis can read: no manifest names it, or its columns are not there."""


class AnalysisInputChanged(StorageError):
    """A raw object is not what its manifest says: it was deleted or replaced behind the manifest's back."""


class SelectionEmpty(LakeError):
    """No film is left after the steps of a selection; the message names the step that left none."""


class TmdbRefused(LakeError):
    """TMDB does not know the token, or does not let it ask."""


class TmdbUnreachable(LakeError, ConnectionError):
    """TMDB gave no answer that can be used, after every retry."""
