"""How every S3 request is sent: connections, time-outs, and the one layer that decides what is tried again.

botocore's own retries are switched off (`total_max_attempts: 1`) and `RetryPolicy` takes their place on the client,
because botocore counts attempts where a run needs time (a server that is away for ten seconds outlasts three
attempts), draws on a quota that one bad minute empties, and takes an untrusted certificate for a passing trouble.
Whoever calls S3 through the client (uploads, listings, logs) is served by this layer; nobody above retries a request.

Left to others: what an error means to the user (`flows.lake.s3.errors`) and repeating a whole file
(`flows.lake.raw.upload`).
"""

from __future__ import annotations

import random
import ssl
import time
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from botocore import exceptions as boto
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_S = 10
READ_TIMEOUT_S = 60
"""How long a connection may stand still. Bodies are sent in pieces (`flows.lake.s3.body`), so that this holds for each
piece rather than for a whole part: the time a part may take grows with its size, and a stall is seen after a minute."""

RETRY_FOR_S = 75.0
FIRST_CONTACT_S = 15.0
"""How long an endpoint is tried that has never answered: a typing error should not cost more than a minute."""

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0

CHECKSUM_HEADER = "x-amz-checksum-crc64nvme"

BUSY_STATUSES = frozenset({429, 500, 502, 503, 504})
BUSY_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "ConditionalRequestConflict",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes that pass by themselves. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""


def client_config(*, max_connections: int = 10, path_style: bool | None = None) -> Config:
    """Return the botocore configuration for a client that a run uses.

    Args:
        max_connections: Connections kept open; as many as requests are under way at once.
        path_style: Put the bucket into the path (`True`) or the host name (`False`); `None` leaves it to botocore.
    """
    style: Literal["auto", "path", "virtual"] = "auto" if path_style is None else "path" if path_style else "virtual"
    return Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        max_pool_connections=max_connections,
        retries={"total_max_attempts": 1, "mode": "standard"},
        tcp_keepalive=True,
        # Uploads name their own checksum; botocore's default would add one as a trailer, which not every server knows.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": style},
    )


_AWS_DOMAINS = ("amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws")


def is_aws(endpoint_url: str | None) -> bool:
    """Say whether an endpoint is AWS itself rather than another server that speaks S3; no address means AWS."""
    host = (urlsplit(endpoint_url).hostname or "") if endpoint_url else "amazonaws.com"
    return any(host == domain or host.endswith(f".{domain}") for domain in _AWS_DOMAINS)


def is_certificate_error(error: BaseException | None) -> bool:
    """Say whether a TLS error is about trust or protocol, which waiting does not cure, and no lost connection."""
    if not isinstance(error, boto.SSLError):
        return False
    chain: list[Any] = [error, error.kwargs.get("error")]
    chain += [argument for link in chain for argument in getattr(link, "args", ())]
    if any(isinstance(link, ssl.SSLCertVerificationError) for link in chain):
        return True
    return any(sign in str(error) for sign in ("CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER", "doesn't match"))


class RetryPolicy:
    """Decide, as a handler of botocore's `needs-retry` event, whether and when a request is sent again.

    Args:
        retry_for_s: Seconds after a request's first failure during which it is tried again.
        first_contact_s: The same for connections to an endpoint that has never answered.
        first_delay_s: The first pause; each next one is twice as long, and half of each is random.
        longest_delay_s: No pause is longer.
    """

    def __init__(
        self,
        *,
        retry_for_s: float = RETRY_FOR_S,
        first_contact_s: float = FIRST_CONTACT_S,
        first_delay_s: float = FIRST_DELAY_S,
        longest_delay_s: float = LONGEST_DELAY_S,
    ) -> None:
        self.retry_for_s = retry_for_s
        self.first_contact_s = first_contact_s
        self.first_delay_s = first_delay_s
        self.longest_delay_s = longest_delay_s
        self._answered = False

    def __call__(
        self,
        *,
        response: tuple[Any, dict[str, Any]] | None,
        caught_exception: Exception | None,
        attempts: int,
        request_dict: dict[str, Any],
        **_: Any,
    ) -> float | None:
        """Return the pause in seconds before the next try, or `None` to give up."""
        self._answered = self._answered or response is not None
        if not is_transient(response, caught_exception):
            return None
        now = time.monotonic()
        first: float = request_dict["context"].setdefault("lake_first_failure_s", now)
        patience = self.retry_for_s if self._answered else min(self.first_contact_s, self.retry_for_s)
        if now - first >= patience:
            return None
        longest = min(self.longest_delay_s, self.first_delay_s * 2.0 ** min(attempts - 1, 16))
        return longest * (0.5 + 0.5 * random.random())  # noqa: S311 - jitter, no secret


def is_transient(response: tuple[Any, dict[str, Any]] | None, caught: Exception | None) -> bool:
    """Say whether a failed request may succeed when it is sent again unchanged."""
    if caught is not None:
        return isinstance(caught, boto.HTTPClientError | boto.ConnectionError) and not is_certificate_error(caught)
    if response is None:
        return False
    http, parsed = response
    code = str(parsed.get("Error", {}).get("Code", ""))
    return code in BUSY_CODES or (http is not None and http.status_code in BUSY_STATUSES)


def use_own_retries(client: S3Client, policy: RetryPolicy | None = None) -> None:
    """Make `RetryPolicy` the client's only retry layer; a client that has one already keeps it.

    Args:
        client: Any boto3 S3 client, also one that was made without `client_config`.
        policy: The policy to use, in place of the default one.
    """
    events: Any = client.meta.events  # the stubs know no handler that answers
    events.unregister("needs-retry.s3", unique_id="retry-config-s3")  # botocore's, whichever mode it is in
    events.register("needs-retry.s3", policy or RetryPolicy(), unique_id="raw-lake-retries")
    events.register("before-sign.s3", _name_checksum, unique_id="raw-lake-checksum")


def _name_checksum(request: Any, **_: Any) -> None:
    """Tell the signer that a body is protected by a checksum in a signed header.

    Over TLS it then signs the headers alone, as it does for checksums of botocore's own making, and saves a SHA-256
    over every byte (0.2 s for 250 MB here); over plain HTTP it signs the body all the same.
    """
    if CHECKSUM_HEADER in request.headers:
        context = request.context.setdefault("checksum", {})
        context.setdefault("request_algorithm", {"algorithm": "crc64nvme", "in": "header", "name": CHECKSUM_HEADER})
