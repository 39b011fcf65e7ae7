"""The way from a credentials block's name to a connected lake, for every process that works for a run.

What travels (to a task, to another process, to another machine) is a `LakeAddress` of plain values; each process loads
the block by its name and makes its own client, so that no credential is ever serialized.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.settings import get_current_settings

from flows.lake.contracts.collection import Contracts, load
from flows.lake.contracts.documents import MAX_BYTES
from flows.lake.errors import ContractInvalid, CredentialsError, LakeError, SettingsError
from flows.lake.redact import Redactor
from flows.lake.run_models import LakeAddress
from flows.lake.web.access import WebAccess
from flows.lake.words import printable, shown

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from blocks.identity import Identity
    from blocks.lake_credentials import LakeCredentials
    from flows.lake.landing.masking_key import MaskingKeys
    from flows.lake.raw.raw_layer import RawLayer
    from flows.lake.s3.bucket import Bucket


THREADS = 2 * (os.cpu_count() or 2)
"""An upload waits for its own profile in a thread of its own, hence two threads a core."""


@dataclass(frozen=True)
class Lake:
    """A connection to the lake.

    Attributes:
        client: The S3 client of the credentials block.
        block: The block itself, which knows whose it is and explains what S3 says of its credentials.
        address: Where the lake is.
    """

    client: S3Client
    block: LakeCredentials
    address: LakeAddress

    @property
    def bucket(self) -> Bucket:
        """The lake's bucket."""
        from flows.lake.s3.bucket import Bucket

        return Bucket(self.client, self.address.bucket, self.address.owner)

    @property
    def raw_layer(self) -> RawLayer:
        """Its raw layer, as the run writes to it."""
        from flows.lake.raw.raw_layer import RawLayer

        return RawLayer(
            self.bucket,
            self.address.run_id,
            self.address.manifest_keys,
            self.explained,
            self.landing_bucket,
            self.address.landing_kms_key_id,
            lambda: masking_keys(self.address),
            lambda: web_access(self.address),
        )

    @property
    def landing_bucket(self) -> Bucket:
        """The bucket that keeps the originals of masked files."""
        from flows.lake.s3.bucket import Bucket

        return Bucket(self.client, self.address.landing_bucket or self.address.bucket, self.address.owner)

    def mask(self, text: str) -> tuple[str, int]:
        """Return a text with every secret of the block and of Prefect's API masked, and how many were found."""
        # Made anew each time: an assumed role's secrets change while the run goes on.
        return Redactor((*self.block.secret_values(), *api_secrets())).mask(printable(text))

    def redact(self, text: str) -> str:
        """Return a text with every secret of the block masked."""
        return self.mask(text)[0]

    def explained(self, error: LakeError) -> LakeError:
        """Return an error of the credentials as one that names the block and the command that renews it."""
        return self.block.explain(error) if isinstance(error, CredentialsError) else error


def connect(address: LakeAddress) -> Lake:
    """Connect to a lake, once for each run and process.

    Raises:
        CredentialsError: There is no such block, or what it holds leads to no credentials.
    """
    return Lake(*_load(address.credentials, address.run_id), address)


@functools.lru_cache(maxsize=4)
def _load(credentials: str, run_id: str) -> tuple[S3Client, LakeCredentials]:  # noqa: ARG001 - each run loads anew
    # Imported here: prefect-aws and boto3 take a second that a run with wrong parameters need not wait for.
    from blocks.loading import load_credentials
    from flows.lake.memory import leave_out_of_collections
    from flows.lake.raw.storing import UploadOptions
    from flows.lake.s3.client import client_config

    block = load_credentials(credentials)
    config = client_config(max_connections=THREADS * UploadOptions().concurrency)
    client = block.get_s3_client(config)
    leave_out_of_collections()  # now that all modules are here
    return client, block


def masking_keys(address: LakeAddress) -> MaskingKeys:
    """Return the keys by which a run masks columns; each process loads them once for each run.

    Raises:
        MaskingKeyMissing: There are none of that name, or they cannot be read.
    """
    return _load_keys(address.masking_key, address.run_id)


@functools.lru_cache(maxsize=2)
def _load_keys(name: str, run_id: str) -> MaskingKeys:  # noqa: ARG001 - each run loads anew
    from blocks.masking_key import load_masking_keys

    return load_masking_keys(name)


def web_access(address: LakeAddress) -> WebAccess:
    """Return what hosts that publish files are told of who asks; each process loads it once for each run.

    Raises:
        CredentialsMissing: There is no such block, or it cannot be read.
    """
    return _load_access(address.web_credentials, address.run_id)


@functools.lru_cache(maxsize=2)
def _load_access(names: tuple[str, ...], run_id: str) -> WebAccess:  # noqa: ARG001 - each run loads anew
    if not names:
        return WebAccess()
    from blocks.web_credentials import load_access

    return load_access(names)


def find_lake(
    bucket: str,
    credentials: str,
    owner: str = "",
    manifest_keys: tuple[str, ...] = (),
    landing_bucket: str = "",
) -> LakeAddress:
    """Prove that the credentials work, and fill in the bucket's name and its owner.

    Args:
        bucket: The bucket's name, perhaps with placeholders.
        credentials: The block's name.
        owner: The account that must own the bucket, `{account}` for the credentials' own, or nothing.
        manifest_keys: The keys of which one will be the manifest's of the run.
        landing_bucket: The name of the bucket that keeps originals, perhaps with placeholders; the lake's without one.

    Raises:
        CredentialsError: They do not work, so that the run ends before any file is read.
        SettingsError: The name breaks S3's rules once it is filled in, or asks for an account where there is none.
    """
    run_id = flow_run.id or ""
    client, block = _load(credentials, run_id)
    identity = block.identity()
    get_run_logger().info("Credentials block %r: %s", credentials, identity.sentence())
    address = LakeAddress(bucket, credentials, run_id, manifest_keys=manifest_keys, landing_bucket=landing_bucket)
    return filled_in(address, identity, client.meta.region_name, owner)


def filled_in(address: LakeAddress, identity: Identity, region: str, owner: str = "") -> LakeAddress:
    """Return a lake's address with account and region for the placeholders in its names, and its owner.

    Args:
        address: The address as a run was asked for it.
        identity: Whose the credentials are.
        region: The client's region.
        owner: The account that must own the bucket, `{account}` for the credentials' own, or nothing.

    Raises:
        SettingsError: A name breaks S3's rules once it is filled in, or asks for an account where there is none.
    """
    from flows.lake.s3.bucket_names import expand_bucket_name
    from flows.lake.s3.storage_rules import OWN_ACCOUNT

    def account(parameter: str = "bucket") -> str:
        if identity.account is None:
            raise SettingsError(
                f"{parameter} asks for an AWS account, and {identity.endpoint} has none.",
                remedy=f"Leave {{account}} out of {parameter}.",
            )
        return identity.account

    landing = ""
    if address.landing_bucket:
        of_landing = functools.partial(account, "landing_bucket")
        landing = expand_bucket_name(address.landing_bucket, account=of_landing, region=region)
    return replace(
        address,
        bucket=expand_bucket_name(address.bucket, account=account, region=region),
        landing_bucket=landing or None,
        account=identity.account,
        owner=(account("expected_bucket_owner") if owner == OWN_ACCOUNT else owner) or None,
    )


def load_contracts(given: str | Mapping[str, Any] | Contracts | None, address: LakeAddress) -> Contracts:
    """Read contracts, those at an `s3://` address with the lake's credentials.

    Args:
        given: What a parameter names or holds; contracts that are there already come back as they are.
        address: The lake.

    Raises:
        ContractInvalid: There are none there, or they say what they must not.
        StorageError: They cannot be fetched.
    """
    if isinstance(given, Contracts):
        given = given.name if given.is_elsewhere else given
    return load(given, lambda place: _fetch(place, address))


def _fetch(place: str, address: LakeAddress) -> bytes:
    from flows.lake.s3.bucket import Bucket

    name, _, key = place.removeprefix("s3://").partition("/")
    is_own = name == address.bucket
    bucket = Bucket(connect(address).client, name, address.owner if is_own else None)
    with bucket.doing(f"fetching {place}", key=key):
        data = bucket.get(key, MAX_BYTES) if name and key else None
    if data is None:
        raise ContractInvalid(f"There are no contracts at {shown(place)}.", remedy="Check the parameter contracts.")
    return data


def api_secrets() -> tuple[str, ...]:
    """Return the key and password of Prefect's API, as far as they are set; a password also without its user.

    At DEBUG, the WebSocket library below Prefect prints the password with every connection that it opens.
    """
    api = get_current_settings().api
    whole = tuple(secret.get_secret_value() for secret in (api.key, api.auth_string) if secret)
    return (*whole, *(value.partition(":")[2] for value in whole if ":" in value))
