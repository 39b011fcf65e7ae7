"""The block that holds the credentials of the lake: stored once, encrypted by the server, never shown again.

Key decisions: every secret is a `SecretStr` (the parent's session token is a plain string, which the API and the UI
show); clients are made anew on each call, since the parent's cache serves sessions that have ended; a block object
refuses to be pickled, so that it cannot travel inside a result or to another machine: code passes the block's *name*.

How sessions are built and renewed is left to `blocks.sessions`, whose they are to `blocks.identity`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from prefect_aws.credentials import AwsCredentials, ClientType
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_validator, model_validator

from blocks import identity, schema, sessions
from flows.lake.errors import ClockSkewed, CredentialsError, CredentialsMissing
from flows.lake.redact import guard_logs
from flows.lake.s3.client import is_aws
from flows.lake.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class LakeCredentials(schema.MadeOnce, AwsCredentials):
    """Credentials of an S3 data lake, on AWS or behind a custom endpoint such as MinIO, Ceph or rclone.

    Leave every field empty on a machine that has a role of its own (EC2, ECS, EKS). Make and renew the block with
    `python -m blocks.register`, which checks the credentials first.

    Example:
        Load stored credentials:
        ```python
        from blocks import LakeCredentials

        credentials = LakeCredentials.load("BLOCK_NAME")
        s3 = credentials.get_s3_client()
        ```
    """

    # Pydantic prints the input of what it refuses, and here that is a secret.
    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True)

    _block_type_name: ClassVar[str] = "Lake Credentials"
    _documentation_url: ClassVar[Any] = "https://docs.prefect.io/integrations/prefect-aws"

    aws_access_key_id: str | None = Field(
        default=None,
        title="AWS Access Key ID",
        description="The access key's public name. Leave it empty for a profile or a role of the machine.",
    )
    aws_secret_access_key: SecretStr | None = Field(
        default=None,
        title="AWS Secret Access Key",
        description="The access key's secret half. It is encrypted and never shown again.",
    )
    aws_session_token: SecretStr | None = Field(  # type: ignore[assignment]
        default=None,
        title="AWS Session Token",
        description="The session token of temporary keys. It is encrypted and never shown again.",
    )
    aws_session_expires: datetime | None = Field(
        default=None,
        title="AWS Session Expires",
        description="When temporary keys end, if it is known; AWS does not say it of keys that are typed in.",
    )
    profile_name: str | None = Field(
        default=None,
        title="Profile Name",
        description="A named profile of the machine where runs happen, SSO included. Nothing secret is stored then.",
    )
    region_name: str | None = Field(
        default=None,
        title="Region Name",
        description="The AWS region of the lake, for example sa-east-1.",
    )
    browse_url: str | None = Field(
        default=None,
        title="Browse URL",
        description="Where a browser shows the lake, if not in AWS's console: bucket and key follow, as after"
        " https://minio.example/browser.",
    )
    _shared: sessions.Shared = PrivateAttr(default_factory=sessions.Shared)
    _renewing: str = PrivateAttr(default="")

    @field_validator(
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "profile_name",
        "region_name",
        "assume_role_arn",
        "browse_url",
        mode="before",
    )
    @classmethod
    def _strip(cls, value: Any) -> Any:
        """Drop what pasting adds, and take a field of the form that was left empty as absent."""
        if isinstance(value, SecretStr):
            return SecretStr(value.get_secret_value().strip()) if value.get_secret_value().strip() else None
        return (value.strip() or None) if isinstance(value, str) else value

    @field_validator("aws_client_parameters", mode="before")
    @classmethod
    def _keep_ca_bundle(cls, value: Any) -> Any:
        """Leave out a `verify` that says nothing: prefect-aws takes it for a no and drops the stored CA bundle."""
        return {k: v for k, v in value.items() if k != "verify" or v is not None} if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _is_complete(self) -> LakeCredentials:
        if bool(self.aws_access_key_id) != bool(self.aws_secret_access_key):
            raise ValueError("an access key has two halves: give both the access key ID and the secret access key")
        if self.aws_session_token and not self.aws_access_key_id:
            raise ValueError("a session token belongs to an access key: give the access key ID and its secret too")
        if self.aws_access_key_id and self.profile_name:
            raise ValueError("give either an access key or a profile, not both: they may be different people")
        if self.browse_url and not self.browse_url.startswith(("http://", "https://")):
            raise ValueError("browse_url must begin with https:// or http://")
        for address in (
            self.aws_client_parameters.endpoint_url,
            self.browse_url,
            *((self.aws_client_parameters.config or {}).get("proxies") or {}).values(),
        ):
            if address and "@" in address:
                raise ValueError("an address with a password would be stored in clear: take the part before @ out")
        return self

    def block_initialization(self) -> None:
        """Mask what the block holds in every log record from here on."""
        guard_logs(self.secret_values())

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("Credentials are never serialized: pass the block's name and load it where it is needed.")

    @property
    def endpoint_url(self) -> str | None:
        """The custom endpoint's address, `None` for AWS itself."""
        return self.aws_client_parameters.endpoint_url or None

    @property
    def block_name(self) -> str | None:
        """The name under which the block is stored, `None` before it is."""
        name: str | None = self._block_document_name
        return name

    def get_boto3_session(self) -> boto3.Session:
        """Return a session whose credentials renew themselves, shared with every other session of this object.

        Raises:
            CredentialsMissing: The profile does not exist, or nothing leads to credentials.
        """
        with self.explained("reading the credentials"):
            session = self._session_of_the_fields()
            with self._shared.lock:
                if self._shared.credentials is None:
                    self._shared.credentials = self._resolve()
            # botocore has no public way to hand over credentials that renew themselves.
            session._session._credentials = self._shared.credentials  # type: ignore[attr-defined]
        sessions.guard_signatures(session)
        sessions.read_times_quickly(session)
        return session

    def _session_of_the_fields(self) -> boto3.Session:
        session = boto3.Session(
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=_plain(self.aws_secret_access_key),
            aws_session_token=_plain(self.aws_session_token),
            profile_name=self.profile_name,
            region_name=self.region_name,
        )
        sessions.share_descriptions(session)
        return session

    def _resolve(self) -> Any:
        # A session of its own: whoever assumes a role signs as somebody else than the role.
        session = self._session_of_the_fields()
        credentials = session.get_credentials()
        if credentials is None:
            raise CredentialsMissing("The block holds no keys and names no profile, and this machine has no role.")
        if not self.assume_role_arn:
            return credentials
        sessions.guard_signatures(session)
        parameters = self.assume_role_kwargs.get_params_override()
        return sessions.role_credentials(
            session, self.assume_role_arn, parameters, self._client_options("sts", session)
        )

    def _client_options(self, service: str, session: boto3.Session, config: Config | None = None) -> dict[str, Any]:
        """Return what a client of a service is made with, from the block's client parameters."""
        options = self.aws_client_parameters.get_params_override()
        defaults = Config()
        if not is_aws(self.endpoint_url):
            # Bucket names as host names need wildcard DNS and certificates, which few custom endpoints have.
            defaults = Config(s3={"addressing_style": "path"})
        elif service != "s3":
            # AWS behind an S3 address of its own (a VPC endpoint): other services are where they always are.
            options.pop("endpoint_url", None)
        if service != "s3":
            options.pop("api_version", None)
        # The block is what the user states; the caller's settings are what the code would like.
        own = options.get("config")
        options["config"] = sessions.merged_config(defaults, config, own)
        if getattr(own, "signature_version", None) is UNSIGNED:
            options["config"].signature_version = UNSIGNED
        if "verify" in options and not isinstance(options["verify"], bool):
            options["verify"] = str(options["verify"])
        options["region_name"] = session.region_name or sessions.DEFAULT_REGION
        return options

    def get_client(self, client_type: str | ClientType, config: Config | None = None) -> Any:
        """Return a new client of an AWS service.

        Args:
            client_type: The service's name.
            config: Settings that the caller wants; the block's own win where both say something.

        Raises:
            CredentialsError: The credentials are missing or were refused.
        """
        service = client_type.value if isinstance(client_type, ClientType) else client_type
        session = self.get_boto3_session()
        with self.explained(f"connecting to {service}"):
            return session.client(service, **self._client_options(service, session, config))  # type: ignore[call-overload]

    def get_s3_client(self, config: Config | None = None) -> S3Client:
        """Return a new S3 client, path-style for custom endpoints.

        Args:
            config: Settings that the caller wants; the block's own win where both say something.

        Raises:
            CredentialsError: The credentials are missing or were refused.
        """
        client: S3Client = self.get_client("s3", config)
        return client

    def secret_values(self) -> tuple[str, ...]:
        """Return every secret that the block holds, and the temporary ones that its sessions use now."""
        own = (_plain(self.aws_secret_access_key), _plain(self.aws_session_token))
        used = sessions.in_use(self._shared.credentials)
        return tuple(dict.fromkeys(value for value in (*own, *used) if value))

    def identity(self) -> identity.Identity:
        """Ask whose the credentials are: STS on AWS, a listing of buckets on a custom endpoint.

        Raises:
            CredentialsError: They are missing, wrong or expired, or this machine's clock is wrong.
            StorageError: There was no answer, or another refusal.
        """
        with self.explained("checking the credentials"):
            return identity.ask(self)

    @contextmanager
    def explained(self, doing: str, *, bucket: str | None = None, key: str | None = None) -> Iterator[None]:
        """Raise the project's errors for botocore's; those of the credentials name the block and its renewal.

        Args:
            doing: What is being done, to follow "while".
            bucket: The bucket concerned.
            key: The object key concerned.
        """
        try:
            with translated(doing, bucket=bucket, key=key, endpoint=self.endpoint_url):
                yield
        except CredentialsError as error:
            explained = self.explain(error)
            if explained is error:
                raise
            raise explained from error.__cause__

    def explain(self, error: CredentialsError) -> CredentialsError:
        """Return an error of the credentials as one that says which block it is and the command that renews it."""
        name = f"The credentials block {self.block_name!r}" if self.block_name else "This set of credentials"
        if isinstance(error, ClockSkewed) or str(error).startswith(name):
            return error
        what = str(error).removesuffix(error.remedy or "").strip().rstrip(".")
        return type(error)(
            f"{name} cannot be used: {what}.",
            remedy=f"{identity.renewal(self, error, self._renewing)} and start the run again.",
            bucket=error.bucket,
            key=error.key,
            path=error.path,
        )

    def renewed_by(self, advice: str) -> LakeCredentials:
        """Return the block, whose errors give this advice in place of the command that stores it anew."""
        self._renewing = advice
        return self


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
