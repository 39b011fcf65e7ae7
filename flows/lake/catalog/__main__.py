"""Make the lake's pages from its manifests: `python -m flows.lake.catalog BUCKET`.

Credentials are found as boto3 finds them: environment, profile, role of the machine. It brings up to date what
runs have left behind, and makes every page anew where asked.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date
from typing import TYPE_CHECKING

from flows.lake.catalog.records import INDEX_KEY
from flows.lake.catalog.refresh import rebuild
from flows.lake.errors import LakeError
from flows.lake.manifests.store import ManifestStore
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.client import client_config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def main(arguments: list[str] | None = None) -> int:
    """Bring the pages of a lake up to date; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m flows.lake.catalog", description=(__doc__ or "").partition(":")[0] + "."
    )
    parser.add_argument("bucket", help="the lake's bucket")
    parser.add_argument("--endpoint-url", help="the address of an S3 server other than AWS")
    parser.add_argument("--profile", help="the profile of AWS's own configuration")
    parser.add_argument("--region", help="the bucket's region")
    parser.add_argument("--owner", help="the account that must own the bucket, 12 digits")
    parser.add_argument("--afresh", action="store_true", help="make every page anew, from all manifests")
    options = parser.parse_args(arguments)
    from boto3.session import Session
    from botocore.exceptions import BotoCoreError

    try:
        session = Session(profile_name=options.profile, region_name=options.region)
        client = session.client("s3", endpoint_url=options.endpoint_url, config=client_config())
    except (BotoCoreError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return make(client, options.bucket, options.owner, afresh=options.afresh)


def make(client: S3Client, bucket: str, owner: str | None = None, *, afresh: bool) -> int:
    """Bring the pages of a lake up to date and say so; returns the exit code.

    Args:
        client: An S3 client.
        bucket: The lake's bucket.
        owner: The account that must own it.
        afresh: Make every page anew.
    """
    try:
        done = rebuild(ManifestStore(Bucket(client, bucket, owner)), date.today(), afresh=afresh)
    except LakeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for problem in done.unreadable:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write(
        f"{done.manifests:,} manifests taken up, {done.datasets:,} pages of datasets made: s3://{bucket}/{INDEX_KEY}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
