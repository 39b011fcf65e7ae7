"""The flow `unmask`: the encrypted columns of one object, opened for who has the key; the log says who asked.

`python -m flows.unmask s3://BUCKET/Raw/… --to FILE` runs it in this process, against the Prefect server that has the
blocks. What comes out never goes back into the lake.
"""

from __future__ import annotations

import argparse
import getpass
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed, Failed
from pydantic import Field

from flows.connection import connect, find_lake, masking_keys
from flows.lake.errors import LakeError
from flows.lake.redact import mask_known
from flows.lake.words import quoted, shown
from flows.ui.parameters import BlockName, BucketName


@flow(name="unmask", flow_run_name="{key}")
def unmask(
    key: Annotated[str, Field(min_length=1, max_length=1024)],
    to: Path,
    columns: list[str] | None = None,
    bucket: BucketName = "compass-desafio-final-dramance",
    credentials: BlockName = "local-lake",
    masking_key: BlockName = "masking-key",
) -> State[Any]:
    """Write an object of the raw layer to a file, with the columns opened that were encrypted.

    Args:
        key: The object's key, such as Raw/Local/CSV/Clientes/2024/03/05/clientes.csv.
        to: File to write, on the machine that runs the flow; it must not exist, and only its user may read it.
        columns: Which of the encrypted columns to open. Empty: all of them.
        bucket: S3 bucket of the lake. {account} and {region} in it are filled in.
        credentials: Name of the Lake Credentials block; it needs no permission to write.
        masking_key: Name of the Masking Key block.
    """
    from flows.lake.landing.opened_object import open_object

    asked = f"{getpass.getuser()}@{socket.gethostname()}"
    what = ", ".join(map(quoted, columns)) if columns else "all encrypted columns"
    try:
        address = replace(find_lake(bucket, credentials), masking_key=masking_key)
        told = f"s3://{address.bucket}/{shown(key, 1000)}"
        get_run_logger().warning("%s asks to open %s of %s", asked, what, told)
        opened = open_object(connect(address).bucket, key, columns or [], masking_keys(address), to)
    except LakeError as error:
        return Failed(message=mask_known(str(error)), data=error)
    cells = ", ".join(f"{one.masked:,} cells of {shown(one.column, 100)}" for one in opened)
    return Completed(message=f"Opened {cells} of {told} for {asked}, into {to}.")


def main(arguments: list[str]) -> int:
    """Run the flow as the command line says; return the exit code."""
    from blocks.server import server_in_use

    options = _parser().parse_args(arguments)
    bucket, _, key = options.address.removeprefix("s3://").partition("/")
    try:
        with server_in_use():
            state: Any = unmask(
                key=key,
                to=options.to,
                columns=options.columns,
                bucket=bucket,
                credentials=options.credentials,
                masking_key=options.masking_key,
                return_state=True,
            )
    except LakeError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    (sys.stdout if state.is_completed() else sys.stderr).write(f"{state.message}\n")
    return 0 if state.is_completed() else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m flows.unmask", description="Open the encrypted columns of an object of the raw layer."
    )
    parser.add_argument("address", help="s3://BUCKET/Raw/Local/CSV/…")
    parser.add_argument("--to", type=Path, required=True, help="the file to write; it must not exist")
    parser.add_argument("--columns", nargs="+", help="only these of the encrypted columns")
    parser.add_argument("--credentials", default="local-lake", help="the Lake Credentials block (default: %(default)s)")
    parser.add_argument("--masking-key", default="masking-key", help="the Masking Key block (default: %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
