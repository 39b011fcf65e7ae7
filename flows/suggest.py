"""A first version of `datasets.yaml` for a folder, for a person to read: `python -m flows.suggest SOURCE`.

It needs neither a server nor a lake. An `s3://` source is read with boto3's own credentials (a profile, the
environment, a role). It writes to standard output, or to a file that is not there yet.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake.contracts.collection import DEFAULT_FILE, load
from flows.lake.errors import CredentialsError, CredentialsMissing, LakeError, SettingsError
from flows.lake.places import is_s3
from flows.lake.reports import suggested_contracts
from flows.lake.s3.client import client_config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_WHERE_KEYS_ARE = (
    "This command takes keys where boto3 finds them: AWS_PROFILE, AWS_ACCESS_KEY_ID and its secret, or a role."
)


def main(arguments: list[str] | None = None) -> int:
    """Write contracts for a folder; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.suggest", description=(__doc__ or "").partition(":")[0] + "."
    )
    parser.add_argument("source", type=Path, help="a folder of CSV files, an s3:// address, or the address of a file")
    parser.add_argument("--pattern", default="*.csv*", help="which files, compared without case")
    parser.add_argument("--recursive", action="store_true", help="also the files of folders below")
    parser.add_argument("--output", type=Path, help=f"a file that is not there yet, such as {DEFAULT_FILE}")
    options = parser.parse_args(arguments)
    try:
        if options.output and options.output.exists():
            raise SettingsError(
                f"{options.output} is there already.", remedy="Name another file, and take from it what you need."
            )
        client = _client() if is_s3(options.source) else None
        text = suggested_contracts.suggest(options.source, options.pattern, options.recursive, client)
        load(text)  # what is handed over is what a run takes
        if options.output:
            with options.output.open("x", encoding="utf-8") as file:
                file.write(text)
        else:
            sys.stdout.write(text)
    except CredentialsError as error:
        # The remedy is for runs, whose credentials are in a block.
        sys.stderr.write(f"{str(error).removesuffix(error.remedy or '').strip()} {_WHERE_KEYS_ARE}\n")
        return 1
    except (OSError, LakeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _client() -> S3Client:
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.client("s3", config=client_config(max_connections=4))
    except (BotoCoreError, ValueError) as error:  # no such profile, a broken configuration, no address
        raise CredentialsMissing(f"{error}.") from error


if __name__ == "__main__":
    sys.exit(main())
