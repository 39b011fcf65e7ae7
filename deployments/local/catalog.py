"""`make catalog`: the embedded lake's pages, made anew from its manifests; and where they are seen."""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path
from urllib.parse import quote

from deployments.local import children, folders, services


def default_bucket() -> str:
    """Return the bucket of runs that name none."""
    from flows.ingest_raw import ingest_raw

    bucket: str = inspect.signature(ingest_raw.fn).parameters["bucket"].default
    return bucket


def page(bucket: str | None = None) -> Path:
    """Return the file that is the page of the embedded lake."""
    from flows.lake.catalog.records import INDEX_KEY

    return folders.LAKE_FOLDER / (bucket or default_bucket()) / INDEX_KEY


def address(browse_url: str | None, bucket: str | None = None) -> str:
    """Return where a browser shows the page: at the server of `make up`, else as a file."""
    if not browse_url:
        return page(bucket).as_uri()
    return f"{browse_url}/{quote(page(bucket).relative_to(folders.LAKE_FOLDER).as_posix())}"


def not_yet() -> str:
    """Return a remark where no run has made the page yet."""
    return "" if page().exists() else " (after the first run)"


def main() -> int:
    """Make the pages anew; returns the exit code."""
    from flows.lake.catalog.__main__ import make

    parser = argparse.ArgumentParser(prog="make catalog", description=(__doc__ or "").partition(";")[0] + ".")
    parser.add_argument("bucket", nargs="?", default=None)
    bucket = parser.parse_args().bucket or default_bucket()
    children.end_on_sigterm()
    try:
        # A second server over the same folder: the one of `make up`, if it runs, has keys of its own.
        with services.embedded_lake(services.free_port()) as lake:
            import boto3

            client = boto3.client(
                "s3",
                endpoint_url=lake.endpoint_url,
                aws_access_key_id=lake.access_key,
                aws_secret_access_key=lake.secret_key,
                region_name="us-east-1",
            )
            code = make(client, bucket, afresh=True)
    except folders.StackError as error:
        print(error, file=sys.stderr)
        return 2
    if not code:
        print(f"Open {page(bucket).as_uri()}")
    return code


if __name__ == "__main__":
    sys.exit(main())
