"""One place that turns botocore's exceptions into the project's own.

The table maps S3's and STS's published error codes to a class and a remedy. What the server answered is kept in the
message, so that nothing is hidden by the translation; the cause stays attached (`raise … from`). Whatever is in no
row becomes a plain `StorageError` with the server's own words.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from flows.lake import errors
from flows.lake.redact import mask_known
from flows.lake.s3.client import is_certificate_error

RENEW = "Renew the credentials in the block with `make block` and start the run again."


@dataclass(frozen=True)
class _Row:
    error: type[errors.StorageError]
    remedy: str


_WRONG_KEYS = _Row(errors.CredentialsRejected, RENEW)
_EXPIRED = _Row(errors.CredentialsExpired, RENEW)
_CLOCK = _Row(errors.ClockSkewed, "Set this machine's clock (NTP) and start the run again.")
_DENIED = _Row(errors.AccessDenied, "Give these credentials the permission, or use the block of another identity.")
_NO_BUCKET = _Row(errors.BucketVanished, "Find out who deleted it; a new run creates it again.")
_ELSEWHERE = _Row(errors.BucketInOtherRegion, "Name the bucket's region in the credentials block.")
_KMS_KEY = _Row(errors.StorageError, "Check the bucket's KMS key: it must exist in the bucket's region and be enabled.")
_ARCHIVED = _Row(
    errors.StorageError,
    "It is archived. Restore it (aws s3api restore-object), wait until it is there, and start again.",
)
_FULL = _Row(errors.UploadFailed, "The server has no room left: free some, then start the run again.")
_OF_STS = {"GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"}
_BUSY = _Row(errors.UploadFailed, "The server stayed busy through every retry: start the run again later.")

BY_CODE: dict[str, _Row] = {
    "InvalidAccessKeyId": _WRONG_KEYS,
    "InvalidClientTokenId": _WRONG_KEYS,
    "UnrecognizedClientException": _WRONG_KEYS,
    "SignatureDoesNotMatch": _WRONG_KEYS,
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "InvalidToken": _WRONG_KEYS,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "RequestTimeTooSkewed": _CLOCK,
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "AllAccessDisabled": _DENIED,
    "AccountProblem": _DENIED,
    "NoSuchBucket": _NO_BUCKET,
    "PermanentRedirect": _ELSEWHERE,
    "301": _ELSEWHERE,
    "IllegalLocationConstraintException": _ELSEWHERE,
    "InvalidBucketName": _Row(errors.BucketNameInvalid, "Choose a name that the server takes."),
    "InvalidNamespaceHeader": _Row(
        errors.BucketNameInvalid, "Write it as lake-{account}-{region}-an, and both are filled in."
    ),
    "BucketAlreadyExists": _Row(errors.BucketNotOurs, "Bucket names are global: choose another one."),
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "InternalError": _BUSY,
    "KMS.DisabledException": _KMS_KEY,
    "KMS.InvalidKeyUsageException": _KMS_KEY,
    "KMS.KMSInvalidStateException": _KMS_KEY,
    "KMS.NotFoundException": _KMS_KEY,
    "InvalidObjectState": _ARCHIVED,
    "InsufficientStorage": _FULL,
    "XMinioStorageFull": _FULL,
    "BadDigest": _Row(errors.IntegrityError, "The bytes were altered on their way: start the run again."),
    "InvalidDigest": _Row(errors.IntegrityError, "The bytes were altered on their way: start the run again."),
}


def code_of(error: BaseException) -> str:
    """Return the server's error code, or the HTTP status where it sent none, or an empty string."""
    if isinstance(error, boto.ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return ""


def status_of(error: BaseException) -> int:
    """Return the HTTP status of a botocore client error, 0 for anything else."""
    if isinstance(error, boto.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return 0


def translate(
    error: Exception,
    doing: str,
    *,
    bucket: str | None = None,
    key: str | None = None,
    endpoint: str | None = None,
    path: Path | None = None,
) -> errors.LakeError:
    """Return the project's error for one of botocore's.

    Args:
        error: What botocore raised.
        doing: What was being done, to follow "while", for example `uploading movies.csv`.
        bucket: The bucket concerned.
        key: The key concerned.
        endpoint: The endpoint's address, for messages about the connection.
        path: The source file concerned.
    """
    where: dict[str, Any] = {"bucket": bucket, "key": key, "path": path}
    at = f" at {endpoint}" if endpoint else ""
    if isinstance(error, boto.ClientError):
        # Servers quote what they were sent, and that may be the token; this text becomes states, logs and events.
        message = mask_known(str(error.response.get("Error", {}).get("Message", "")).rstrip("."))
        code = code_of(error)
        row = BY_CODE.get(code)
        if row is None and status_of(error) == 403:
            row = _DENIED
        service = "STS" if error.operation_name in _OF_STS else "S3"
        answer = f"{service} answered {code or status_of(error)}"
        answer += f" ({message})" if message and message != code else ""
        tries = int(error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) + 1
        named = f" in bucket {bucket!r}" if bucket and repr(bucket) not in doing else ""
        named += f", {tries} times" if tries > 1 else ""
        if row:
            return row.error(f"{answer} while {doing}{named}.", remedy=row.remedy, **where)
        return errors.StorageError(f"{answer} while {doing}{named}.", **where)
    if is_certificate_error(error):
        remedy = "Name its CA bundle in the block (AWS Client Parameters, verify_cert_path)."
        return errors.CertificateRejected(
            f"The TLS certificate{at} is not trusted while {doing}.", remedy=remedy, **where
        )
    if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError, boto.ProfileNotFound)):
        return errors.CredentialsMissing(f"No usable credentials while {doing}: {error}.", remedy=RENEW, **where)
    if isinstance(error, (boto.SSOError, boto.TokenRetrievalError)):
        return errors.CredentialsExpired(f"The SSO session has ended while {doing}: {error}.", remedy=RENEW, **where)
    if isinstance(error, (boto.CredentialRetrievalError, boto.MetadataRetrievalError)):
        return errors.CredentialsMissing(f"No usable credentials while {doing}: {error}.", remedy=RENEW, **where)
    if isinstance(error, (boto.HTTPClientError, boto.ConnectionError)):
        return errors.EndpointUnreachable(
            f"No answer from the S3 endpoint{at} while {doing} ({type(error).__name__}).",
            remedy="Check the endpoint address in the credentials block and the network, then start the run again.",
            **where,
        )
    if isinstance(error, ResponseParserError):
        remedy = "Check that the endpoint address in the credentials block leads to an S3 server."
        return errors.StorageError(f"The answer{at} is not S3's while {doing}.", remedy=remedy, **where)
    return errors.StorageError(f"{type(error).__name__} while {doing}: {error}.", **where)


@contextmanager
def translated(
    doing: str,
    *,
    bucket: str | None = None,
    key: str | None = None,
    endpoint: str | None = None,
    path: Path | None = None,
) -> Iterator[None]:
    """Raise the project's error, from its cause, for any of botocore's inside the block."""
    try:
        yield
    except (boto.ClientError, boto.BotoCoreError, boto.HTTPClientError, ResponseParserError) as error:
        raise translate(error, doing, bucket=bucket, key=key, endpoint=endpoint, path=path) from error
