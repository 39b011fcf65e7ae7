"""`python -m blocks.register` (`make block`): checks credentials, then stores them in a Lake Credentials block.

Secrets come from the environment, from a profile that stays where it is, or from prompts that echo nothing; never from
the command line, which shells keep and every user of the machine can read. Whose they are is asked before anything is
stored. Without a terminal nothing is ever asked: a value that is missing is an error that names its variable.

Exit codes: 0 stored, 1 refused (by AWS, by the endpoint, by Prefect), 2 a value is missing or wrong.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from prefect.exceptions import PrefectHTTPStatusError
from prefect.utilities.urls import url_for
from prefect_aws.assume_role_parameters import AssumeRoleParameters
from prefect_aws.client_parameters import AwsClientParameters
from pydantic import SecretStr, ValidationError

from blocks import sessions
from blocks.lake_credentials import LakeCredentials
from blocks.loading import unreadable
from blocks.server import check_name, exists, refused, server_in_use
from flows.lake.errors import LakeError, SettingsError
from flows.lake.s3.client import is_aws

DEFAULT_NAME = "aws-lake"


def main(arguments: list[str] | None = None) -> int:
    """Store a block as the command line and the environment say; return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["masking-key"]:
        from blocks.new_masking_key import main as make_masking_key

        return make_masking_key(arguments[1:])
    options = _parser().parse_args(arguments)
    interactive = sys.stdin.isatty() and not options.non_interactive
    try:
        check_name(options.name)
        with server_in_use():
            if not options.overwrite and exists(options.name, LakeCredentials):
                raise SettingsError(
                    f"There is a Lake Credentials block {options.name!r} already.",
                    remedy="Add --overwrite to replace it, or choose another --name.",
                )
            credentials = gather(options, os.environ, interactive)
            whose = credentials.identity()
            print(f"The credentials work: {whose.sentence()}")
            address = save_block(options.name, credentials, overwrite=options.overwrite)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        print(unreadable(options.name) if status >= 500 else refused(error), file=sys.stderr)
        return 1
    except LakeError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Stored, encrypted, as the Lake Credentials block {options.name!r}.")
    print(f"See it at {address}" if address else "Prefect names no address of a UI; `prefect block ls` lists it.")
    print(f"Use it with the flow's parameter credentials={options.name!r}.")
    return 0


def save_block(name: str, credentials: LakeCredentials, overwrite: bool = True) -> str | None:
    """Store a block on the Prefect server of this process, and prove that the server gives it back.

    Args:
        name: The block's name.
        credentials: What it holds.
        overwrite: Replace a block of that name.

    Returns:
        Where to see it in the UI, if there is one.

    Raises:
        SettingsError: There is such a block and it must not be replaced.
    """
    try:
        credentials.save(name, overwrite=overwrite)
    except ValueError as error:
        remedy = "Ask to overwrite it, or choose another name."
        raise SettingsError(f"There is a Lake Credentials block {name!r} already.", remedy=remedy) from error
    stored = cast("LakeCredentials", LakeCredentials.load(name))
    if stored != credentials:
        raise SettingsError(f"The server does not give back what was stored in {name!r}.")
    return url_for(stored)


def gather(options: argparse.Namespace, environ: Mapping[str, str], interactive: bool) -> LakeCredentials:
    """Return credentials from the options, the environment and, at a terminal, from prompts.

    Raises:
        SettingsError: Something is missing and nobody can be asked, or does not fit together.
    """
    fields: dict[str, Any] = {"assume_role_arn": options.role_arn}
    profile = options.profile or (environ.get("AWS_PROFILE") if not environ.get("AWS_ACCESS_KEY_ID") else None)
    if options.external_id:
        fields["assume_role_kwargs"] = AssumeRoleParameters(ExternalId=options.external_id)
    endpoint = options.endpoint_url or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or None
    ca_bundle = options.ca_bundle or (environ.get("AWS_CA_BUNDLE") if endpoint else None)
    ask = _ask if interactive else None
    if profile:
        fields["profile_name"] = profile
    elif not options.machine_role:
        fields |= _keys(environ, ask, on_aws=is_aws(endpoint))
    region = options.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not region and not profile and is_aws(endpoint):
        if ask is None:
            raise _missing(["AWS_REGION"])
        region = ask("AWS region of the lake", secret=False) or sessions.DEFAULT_REGION
    try:
        parameters = AwsClientParameters(endpoint_url=endpoint, verify_cert_path=Path(ca_bundle) if ca_bundle else None)
        return LakeCredentials(region_name=region, aws_client_parameters=parameters, **fields)
    except ValidationError as error:
        # Only the messages: pydantic's own text may quote the input.
        raise SettingsError(
            "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors()) + "."
        ) from None


def _keys(environ: Mapping[str, str], ask: Any, *, on_aws: bool) -> dict[str, Any]:
    key_id, secret = environ.get("AWS_ACCESS_KEY_ID", ""), environ.get("AWS_SECRET_ACCESS_KEY", "")
    token, expires = environ.get("AWS_SESSION_TOKEN", ""), environ.get("AWS_CREDENTIAL_EXPIRATION")
    if ask is None:
        wanted = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": secret}
        if key_id.startswith("ASIA") and on_aws:
            wanted["AWS_SESSION_TOKEN"] = token
        if missing := [name for name, value in wanted.items() if not value]:
            raise _missing(missing)
    elif not (key_id and secret):
        # Half of somebody's keys in the environment is nobody's keys: all of them are asked for.
        print("Nothing that you type or paste is shown.")
        key_id, secret = ask("AWS access key ID", secret=True), ask("AWS secret access key", secret=True)
        token, expires = ask("AWS session token (empty for long-lived keys)", secret=True), None
    return {
        "aws_access_key_id": key_id,
        "aws_secret_access_key": SecretStr(secret),
        "aws_session_token": SecretStr(token) if token else None,
        "aws_session_expires": expires if token else None,
    }


def _missing(names: list[str]) -> SettingsError:
    return SettingsError(
        f"Missing in the environment: {', '.join(names)}.",
        remedy="Set them, or use --profile NAME, or --machine-role for the role of an instance, container or pod.",
    )


def _ask(what: str, *, secret: bool) -> str:
    return (getpass.getpass if secret else input)(f"{what}: ").strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m blocks.register",
        description="Check credentials and store them in an encrypted Lake Credentials block. Secrets come from "
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, from a profile, or from masked prompts.",
        epilog="`python -m blocks.register masking-key` makes the key by which columns are masked.",
    )
    add = parser.add_argument
    add("--name", default=DEFAULT_NAME, help="the block's name (default: %(default)s)")
    add("--overwrite", action="store_true", help="replace a block of that name")
    add("--profile", help="a named profile of the machine where runs happen, SSO included (default: AWS_PROFILE)")
    add("--machine-role", action="store_true", help="no keys: use the role of the instance, container or pod")
    add("--role-arn", help="assume this role with the credentials above")
    add("--external-id", help="the external id that the role asks for")
    add("--region", help="the lake's region (default: AWS_REGION, AWS_DEFAULT_REGION)")
    add("--endpoint-url", help="an S3 endpoint other than AWS (default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL)")
    add("--ca-bundle", help="the CA bundle of that endpoint, as the machine where runs happen sees it")
    add("--non-interactive", action="store_true", help="never ask, even at a terminal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
