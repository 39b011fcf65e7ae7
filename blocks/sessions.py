"""Builds the botocore credentials behind a block: who signs, and how a session that ends is renewed.

Key decision: an assumed role is a botocore *refreshable* credential, never a copy of one answer of STS, so that a
client goes on signing in a run that is longer than the session. What botocore finds by itself (profiles, SSO, process
credentials, instance, ECS and pod roles) is refreshable already and left to it.

The fields of the block and the messages for its users are left to `blocks.lake_credentials`.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
    RefreshableCredentials,
)
from botocore.loaders import Loader, create_loader
from botocore.utils import parse_timestamp

from flows.lake.errors import CredentialsMissing
from flows.lake.redact import guard_logs

DEFAULT_REGION = "us-east-1"
"""What signatures name where nobody says a region: STS needs one, and so do endpoints that ignore it."""

ROLE_SESSION_NAME = "csv-to-raw-lake"
"""How the runs show up in CloudTrail unless the block says otherwise."""


@dataclass
class Shared:
    """What all clients of one block object share: its credentials, resolved once. Never compared, copied or shown."""

    lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)
    credentials: Credentials | None = field(default=None, compare=False, repr=False)

    def __deepcopy__(self, memo: dict[int, Any]) -> Shared:
        return Shared()


def merged_config(*configs: Config | None) -> Config:
    """Return one botocore config; later ones win, setting by setting also inside `s3`, `retries` and `proxies`."""
    options: dict[str, Any] = {}
    for config in configs:
        for name, value in getattr(config, "_user_provided_options", {}).items():
            known = options.get(name)
            nested = isinstance(known, dict) and isinstance(value, dict)
            options[name] = {**(known or {}), **value} if nested else value
    return Config(**options)


class _RoleCredentials(DeferredRefreshableCredentials):
    """An assumed role, fetched on first use and renewed well before it ends."""

    def __init__(self, refresh_using: Callable[[], dict[str, Any]], duration_s: int) -> None:
        super().__init__(refresh_using=refresh_using, method="assume-role")
        # botocore's own windows (15 and 10 minutes) would renew a 15-minute session at every single request.
        self._advisory_refresh_timeout = min(15 * 60, duration_s // 3)
        self._mandatory_refresh_timeout = min(10 * 60, duration_s // 6)


def role_credentials(
    base: boto3.Session, role_arn: str, parameters: dict[str, Any], sts_options: dict[str, Any]
) -> Credentials:
    """Return credentials that assume a role and renew themselves.

    Args:
        base: The session whose identity assumes the role.
        role_arn: The role.
        parameters: Further parameters of AssumeRole, as the API spells them.
        sts_options: Where and how to reach STS, as `Session.create_client` takes it.

    Raises:
        CredentialsMissing: The base session leads to no credentials.
    """
    core = base._session
    source = core.get_credentials()
    if source is None:
        raise CredentialsMissing(f"There are no credentials with which to assume the role {role_arn}.")
    parameters = {"RoleSessionName": ROLE_SESSION_NAME, **parameters}
    code = parameters.pop("TokenCode", None)

    def mfa_code(_prompt: str) -> str:
        if code is None:
            raise CredentialsMissing("The role asks for an MFA code, and a run has nobody to ask for it.")
        return str(code)

    fetcher = AssumeRoleCredentialFetcher(
        client_creator=lambda service, **keys: core.create_client(service, **{**sts_options, **keys}),
        source_credentials=source,
        role_arn=role_arn,
        extra_args=parameters,
        mfa_prompter=mfa_code,
    )

    def fetch() -> dict[str, Any]:
        answer: dict[str, Any] = fetcher.fetch_credentials()
        guard_logs((answer["secret_key"], answer["token"]))
        return answer

    return _RoleCredentials(fetch, int(parameters.get("DurationSeconds", 3600)))


def guard_signatures(session: boto3.Session) -> None:
    """Have the log guard learn each key and token just before something is signed with it, renewed ones included."""

    def learn(**_event: Any) -> None:
        credentials = session.get_credentials()
        if credentials is not None:
            frozen = credentials.get_frozen_credentials()
            guard_logs(value for value in (frozen.secret_key, frozen.token) if value)

    session.events.register("before-sign", learn)


def in_use(credentials: Credentials | None) -> Iterable[str]:
    """Return the secret values that credentials hold now, without asking anybody for new ones."""
    if credentials is None:
        return ()
    if isinstance(credentials, RefreshableCredentials):
        # The public properties renew what is about to end; what is in use is asked here, and nothing more.
        values = (getattr(credentials, "_secret_key", None), getattr(credentials, "_token", None))
    else:
        values = (credentials.secret_key, credentials.token)
    return (value for value in values if value)


def renews(credentials: Credentials | None) -> bool:
    """Return whether botocore renews these credentials before they end."""
    return isinstance(credentials, RefreshableCredentials)


def expiry_of(credentials: Credentials | None) -> datetime | None:
    """Return when the session behind credentials ends, where botocore knows it."""
    value = getattr(credentials, "_expiry_time", None)
    return value if isinstance(value, datetime) else None


def share_descriptions(session: boto3.Session) -> None:
    """Have a session read the services' descriptions from what the process's other sessions have read already.

    botocore keeps them for each session: S3's and the list of endpoints are 13 MB and a tenth of a second each time.
    """
    core: Any = session._session
    core.register_component("data_loader", _descriptions(core.get_config_variable("data_path")))


@functools.cache
def _descriptions(data_path: str | None) -> Loader:
    return create_loader(data_path)


def read_times_quickly(session: boto3.Session) -> None:
    """Make a session's clients read ISO 8601 times as Python does.

    botocore has dateutil guess at the form of each one, which is three quarters of what a listing of objects costs.
    """
    factory: Any = session._session.get_component("response_parser_factory")
    factory.set_parser_defaults(timestamp_parser=_timestamp)


def _timestamp(value: Any) -> datetime:
    if isinstance(value, str) and value.endswith("Z"):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    parsed: datetime = parse_timestamp(value)
    return parsed
