"""Whose credentials `land` signs with: given ones out of the environment, a profile, a role, or answers at a terminal.

Key decision: keys leave `os.environ` before anything else is imported or started, so that no child process gets them,
and live on in a block that is never stored, which neither shows nor pickles them. Everything that renews itself
(profiles, SSO, credential_process, roles) stays boto3's.
"""

from __future__ import annotations

import contextlib
import getpass
import re
import warnings
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deployments.land.words import Words
from flows.lake.errors import CredentialsMissing, SettingsError

if TYPE_CHECKING:
    import argparse

    from blocks.identity import Identity
    from blocks.lake_credentials import LakeCredentials

SECRET_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
_EXPIRY_NAMES = ("aws_credential_expiration", "aws_session_expiration", "aws_expiration", "x_security_token_expires")
"""What tools that write temporary keys into ~/.aws/credentials call their end."""
_SOON = timedelta(minutes=30)
_LAB_ROLE = re.compile(r":assumed-role/voclabs/")
"""The role under which AWS Academy's labs hand out keys."""


@dataclass
class Keys:
    """Keys that were given, or nothing where boto3 finds its own; shown by nothing."""

    access_key_id: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    expires: str = ""


def taken_out_of(environ: MutableMapping[str, str]) -> Keys:
    """Take keys out of the environment, and what is set to nothing (`docker run -e AWS_PROFILE=`) with them.

    An empty variable is not an unset one to boto3: an empty AWS_PROFILE is a profile that does not exist.
    """
    for name in [name for name, value in environ.items() if name.startswith("AWS_") and not value.strip()]:
        del environ[name]
    key_id, secret, token, older_token = (environ.pop(name, "").strip() for name in SECRET_VARIABLES)
    return Keys(key_id, secret, token or older_token, environ.pop("AWS_CREDENTIAL_EXPIRATION", "").strip())


def gather(
    options: argparse.Namespace, keys: Keys, environ: MutableMapping[str, str], words: Words, *, interactive: bool
) -> LakeCredentials:
    """Return a block, stored nowhere, with the credentials that the options and the environment lead to.

    Args:
        options: The options.
        keys: What was in the environment.
        environ: The rest of it; a profile that does not exist is taken out where keys are given.
        words: The reader's language.
        interactive: Whether somebody can be asked.

    Raises:
        CredentialsMissing: There are none, and nobody can be asked.
        SettingsError: They do not fit together.
    """
    profile = options.profile
    if profile:
        keys = Keys()
    elif keys.access_key_id or keys.secret:
        named = {"AWS_ACCESS_KEY_ID": keys.access_key_id, "AWS_SECRET_ACCESS_KEY": keys.secret}
        if missing := [name for name, value in named.items() if not value]:
            raise SettingsError(words("half", missing=" ".join(missing)))
    session = _session(profile, environ, words, required=not keys.access_key_id)
    if not keys.access_key_id and not _finds_some(session, words):
        if not interactive:
            raise CredentialsMissing(words("no_credentials"))
        keys = _asked(words)
    return _block(options, keys, session, environ, words)


def _session(profile: str | None, environ: MutableMapping[str, str], words: Words, *, required: bool) -> Any:
    import boto3
    from botocore import exceptions as boto

    try:
        return boto3.Session(profile_name=profile)
    except boto.ProfileNotFound as error:
        if required:
            raise SettingsError(words("no_profile", name=profile or _named(environ))) from error
    except boto.ConfigParseError as error:
        raise SettingsError(f"{error}.") from error
    # Keys were given: a profile that does not exist would only keep boto3 from using them.
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        environ.pop(name, None)
    return boto3.Session()


def _named(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or ""


def _finds_some(session: Any, words: Words) -> bool:
    from botocore import exceptions as boto

    try:
        return session.get_credentials() is not None
    except boto.BotoCoreError as error:  # a process that fails, half of a key in a file, an SSO session that has ended
        raise CredentialsMissing(f"{str(error).strip().rstrip('.')}.", remedy=f"{words('take_new')}.") from None


def _asked(words: Words) -> Keys:
    print(words("nothing_shown"))
    ask = _masked_question
    key_id, secret = ask(words("ask_key")), ask(words("ask_secret"))
    if not (key_id and secret):
        raise CredentialsMissing(words("no_credentials"))
    return Keys(key_id, secret, ask(words("ask_token")))


def _masked_question(what: str, prompt: Callable[[str], str] = getpass.getpass) -> str:
    with warnings.catch_warnings():
        # Where echo cannot be switched off, getpass would warn and show what is typed.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            answer = prompt(f"{what}: ")
        except (EOFError, getpass.GetPassWarning):
            return ""
    # The lab's page shows lines such as aws_session_token=…, and people paste the line.
    return re.sub(r"^\s*aws_\w+\s*=\s*", "", answer).strip()


def _block(
    options: argparse.Namespace, keys: Keys, session: Any, environ: Mapping[str, str], words: Words
) -> LakeCredentials:
    from pathlib import Path

    from prefect_aws.assume_role_parameters import AssumeRoleParameters
    from prefect_aws.client_parameters import AwsClientParameters
    from pydantic import SecretStr, ValidationError

    from blocks.lake_credentials import LakeCredentials

    fields: dict[str, Any] = {"assume_role_arn": options.role_arn, "profile_name": options.profile}
    scoped = session._session.get_scoped_config()
    expires = keys.expires
    if keys.access_key_id:
        fields["aws_access_key_id"] = keys.access_key_id
        fields["aws_secret_access_key"] = SecretStr(keys.secret)
        fields["aws_session_token"] = SecretStr(keys.token) if keys.token else None
    else:
        expires = next((scoped[name] for name in _EXPIRY_NAMES if scoped.get(name)), "")
    if options.external_id:
        fields["assume_role_kwargs"] = AssumeRoleParameters(ExternalId=options.external_id)
    endpoint = options.endpoint_url or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    endpoint = endpoint or _of_profile(session)
    if endpoint and not endpoint.startswith(("https://", "http://")):
        raise SettingsError(f"{endpoint!r} is not an address: it begins with https:// or http://.")
    ca_bundle = options.ca_bundle or (environ.get("AWS_CA_BUNDLE") if endpoint else None)
    try:
        parameters = AwsClientParameters(endpoint_url=endpoint, verify_cert_path=Path(ca_bundle) if ca_bundle else None)
        region = options.region or environ.get("AWS_REGION")
        block = LakeCredentials(
            region_name=region,
            aws_client_parameters=parameters,
            aws_session_expires=_moment(expires),
            **fields,
        )
    except ValidationError as error:
        # Only the messages: pydantic's own text may quote the input.
        problems = "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())
        raise SettingsError(f"{problems}.") from None
    return block.renewed_by(words("take_new"))


def _of_profile(session: Any) -> str | None:
    """Return the endpoint that the shared configuration names for S3, or for every service."""
    core = session._session
    scoped = core.get_scoped_config()
    services = core.full_config.get("services", {}).get(scoped.get("services"), {})
    of_s3 = services.get("s3", {}) if isinstance(services, dict) else {}
    named = (of_s3.get("endpoint_url") if isinstance(of_s3, dict) else None) or scoped.get("endpoint_url")
    return str(named) if named else None


def _moment(text: str) -> datetime | None:
    """Return when keys end, as tools write it; what is no time says nothing."""
    moment = None
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def expiry(identity: Identity, words: Words) -> str:
    """Say when the credentials end, in the reader's language."""
    if not identity.temporary:
        return words("lasting")
    if identity.renewed:
        return words("renewed")
    if identity.expires_at:
        left = identity.expires_at - datetime.now(UTC)
        when, minutes = f"{identity.expires_at.astimezone():%Y-%m-%d %H:%M %Z}", int(left.total_seconds() // 60)
        name = "have_expired" if left <= timedelta() else "expire_soon" if left < _SOON else "expire_at"
        return words(name, when=when, minutes=minutes)
    return words("expire_lab" if _LAB_ROLE.search(identity.arn or "") else "expire_somewhen")
