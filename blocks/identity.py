"""Says whose a block's credentials are, and when they expire.

Key decision: on AWS `GetCallerIdentity` decides, which needs no permission and cannot be denied; on a custom endpoint
a listing of buckets does, and "access denied" to it still proves that the endpoint knows the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from botocore import exceptions as boto
from botocore.config import Config

from blocks import sessions
from flows.lake.errors import CredentialsMissing
from flows.lake.s3 import errors
from flows.lake.s3.client import is_aws

QUICK = Config(connect_timeout=10, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2})
"""Whoever waits for answers about credentials sits at a terminal or holds up a run."""


class Block(Protocol):
    """What is asked of a credentials block here; `blocks.lake_credentials.LakeCredentials` is one."""

    aws_access_key_id: str | None
    aws_session_token: Any
    aws_session_expires: datetime | None
    profile_name: str | None
    assume_role_arn: str | None

    @property
    def endpoint_url(self) -> str | None:
        """The custom endpoint, `None` for AWS."""

    @property
    def block_name(self) -> str | None:
        """The name under which the block is stored, `None` before it is."""

    def get_client(self, client_type: Any, config: Config | None = None) -> Any:
        """Return a client of an AWS service."""

    def get_s3_client(self, config: Config | None = None) -> Any:
        """Return an S3 client."""

    def get_boto3_session(self) -> Any:
        """Return the session that all clients share."""


@dataclass(frozen=True)
class Identity:
    """Whose credentials are.

    Attributes:
        way: How they authenticate, for example `access key` or `assumed role`.
        account: The AWS account, `None` on a custom endpoint.
        arn: The AWS identity, `None` on a custom endpoint.
        access_key_id: The public name of the key that signs now.
        endpoint: The custom endpoint that knows the key, `None` for AWS.
        buckets: How many buckets the endpoint lists, `None` where it was not asked or does not tell.
        expires_at: When the session ends, where it is known.
        renewed: Whether the session is renewed by itself before it ends.
        temporary: Whether there is an end at all.
    """

    way: str
    account: str | None
    arn: str | None
    access_key_id: str
    endpoint: str | None
    buckets: int | None
    expires_at: datetime | None
    renewed: bool
    temporary: bool

    def sentence(self) -> str:
        """Return whose they are and when they expire, for people."""
        if self.arn:
            whose = f"{self.arn} in AWS account {self.account}"
        else:
            seen = "" if self.buckets is None else f", which shows {self.buckets} bucket{'s' * (self.buckets != 1)}"
            whose = f"{self.access_key_id} at {self.endpoint}{seen}"
        return f"{self.way} {whose}. {self.expiry()}"

    def expiry(self) -> str:
        """Return when they expire, for people."""
        if not self.temporary:
            return "These credentials do not expire."
        when = self.expires_at.astimezone().strftime("%Y-%m-%d %H:%M %Z") if self.expires_at else None
        if self.renewed:
            return f"The session ends {f'at {when}' if when else 'soon'} and renews itself."
        return f"These credentials expire at {when}." if when else "These credentials expire; AWS does not say when."


def ask(credentials: Block) -> Identity:
    """Ask the endpoint whose credentials are; botocore's errors are left to the caller to translate."""
    account = arn = buckets = None
    if is_aws(credentials.endpoint_url):
        answer = credentials.get_client("sts", QUICK).get_caller_identity()
        account, arn = answer["Account"], answer["Arn"]
    else:
        buckets = _count_buckets(credentials)
    used = credentials.get_boto3_session().get_credentials()
    if used is None:
        raise CredentialsMissing("Nothing leads to credentials.")
    frozen = used.get_frozen_credentials()
    renewed = sessions.renews(used)
    return Identity(
        way=_way(credentials, used.method),
        account=account,
        arn=arn,
        access_key_id=frozen.access_key or "",
        endpoint=credentials.endpoint_url,
        buckets=buckets,
        expires_at=sessions.expiry_of(used) or (credentials.aws_session_expires if frozen.token else None),
        renewed=renewed,
        temporary=renewed or bool(frozen.token),
    )


def _count_buckets(credentials: Block) -> int | None:
    try:
        return len(credentials.get_s3_client(QUICK).list_buckets().get("Buckets", []))
    except boto.ClientError as error:
        if errors.code_of(error) in ("AccessDenied", "AccessDeniedException", "AllAccessDisabled"):
            return None
        raise


def _way(credentials: Block, method: str) -> str:
    if credentials.assume_role_arn:
        return "assumed role"
    if credentials.profile_name:
        return f"profile {credentials.profile_name}"
    if credentials.aws_session_token:
        return "temporary keys"
    if credentials.aws_access_key_id:
        return "access key"
    return {"container-role": "role of the container", "iam-role": "role of the instance"}.get(method, method)


def is_sso(error: BaseException | None) -> bool:
    """Return whether an error, or what caused it, says that an SSO session has ended."""
    while error is not None:
        if isinstance(error, (boto.SSOError, boto.TokenRetrievalError)):
            return True
        error = error.__cause__ or error.__context__
    return False


def renewal(credentials: Block, error: BaseException, advice: str = "") -> str:
    """Return how credentials that an error is about are renewed: by their profile, as advised, or by their block."""
    if credentials.profile_name and is_sso(error):
        return f"Renew the session with `aws sso login --profile {credentials.profile_name}`"
    return advice or f"Renew it with `{renewing_command(credentials.block_name)}`"


def renewing_command(name: str | None) -> str:
    """Return the command that stores new credentials under a block's name."""
    return f"python -m blocks.register --name {name or 'NAME'} --overwrite"
