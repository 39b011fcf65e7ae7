"""Runs the flow once over files with masking rules, for `test_masking_is_silent`, and may kill itself at a stage.

Arguments: the stage, the source, the bucket, and the lake's address, key and secret. Prints the end of the run.
"""

import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

from prefect_aws.client_parameters import AwsClientParameters
from pydantic import SecretStr

from blocks.lake_credentials import LakeCredentials
from blocks.new_masking_key import make_masking_key
from flows.ingest_raw import ingest_raw
from flows.lake.landing import mask_file
from flows.lake.raw import quarantine, upload

RULES = {
    "Clientes": {
        "files": "clientes*",
        "read": {"encoding": "utf-8", "delimiter": ";"},
        "columns": {"nome": {"mask": "hash"}, "obs": {"mask": "redact"}},
    }
}


def die(*_: Any, **__: Any) -> Any:
    """End at once, as by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


def after(whole: Any) -> Any:
    """Return a function that ends the process once another is done."""
    return lambda *given, **named: die(whole(*given, **named))


def in_the_midst(whole: Any) -> Any:
    """Return a function that ends the process once another has yielded something that was used."""

    def pieces(*given: Any) -> Iterator[bytes]:
        for number, piece in enumerate(whole(*given)):
            if number == 2:
                die()
            yield piece

    return pieces


def fails(*_: Any, **__: Any) -> Any:
    """Fail as nobody expects, with a cell in the text."""
    raise RuntimeError("it holds Zyxwvut")


def set_up(stage: str) -> None:
    """Have the run end at a stage."""
    if stage == "original":
        quarantine.quarantine_file = after(quarantine.quarantine_file)
    elif stage == "masking":
        mask_file.compressed = in_the_midst(mask_file.compressed)
    elif stage == "upload":
        upload.upload_file = die
    elif stage == "error":
        upload.upload_file = fails


if __name__ == "__main__":
    stage, source, bucket, address, key, secret = sys.argv[1:]
    make_masking_key("silent")
    LakeCredentials(
        aws_access_key_id=key,
        aws_secret_access_key=SecretStr(secret),
        region_name="us-east-1",
        aws_client_parameters=AwsClientParameters(endpoint_url=address),
    ).save("silent", overwrite=True)
    set_up(stage)
    state: Any = ingest_raw(
        source=source,
        bucket=bucket,
        credentials="silent",
        masking_key="silent",
        contracts=RULES,
        partition_date="2024-03-05",
        unreadable="quarantine",
        return_state=True,
    )
    print("ENDED", state.message, flush=True)
