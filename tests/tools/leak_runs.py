"""Runs the flow several times in one process, for `test_no_leaks`: one case for each stage at which it can fail.

Reads the cases as JSON from standard input and the secrets from the environment; prints each run's end.
"""

import json
import os
import sys
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

from prefect.settings import PREFECT_RESULTS_PERSIST_BY_DEFAULT, temporary_settings
from prefect_aws.assume_role_parameters import AssumeRoleParameters
from prefect_aws.client_parameters import AwsClientParameters

from blocks.lake_credentials import LakeCredentials
from blocks.register import save_block
from flows.ingest_raw import ingest_raw


def run(case: dict[str, Any]) -> None:
    role = {"assume_role_arn": case["role"], "assume_role_kwargs": AssumeRoleParameters(ExternalId="partner-7")}
    block = LakeCredentials(
        aws_access_key_id="ASIAMARKER",
        aws_secret_access_key=os.environ["MARKER_SECRET"],
        aws_session_token=os.environ["MARKER_TOKEN"],
        region_name="us-east-1",
        aws_client_parameters=AwsClientParameters(endpoint_url=case["endpoint"]),
        **(role if case["role"] else {}),
    )
    save_block(case["name"], block)
    with temporary_settings({PREFECT_RESULTS_PERSIST_BY_DEFAULT: True}) if case["persist"] else nullcontext():
        state = ingest_raw(
            source=Path(case["source"]),
            bucket=case["bucket"],
            credentials=case["name"],
            partition_date=date(2024, 3, 5),
            own_tasks_up_to=case["own_tasks_up_to"],
            return_state=True,
        )
    ended = json.dumps({"name": case["name"], "state": state.name, "message": state.message})
    # On a line of its own, in one write: threads that log may be in the middle of theirs, in the same pipe.
    print(f"\nENDED {ended}\n", end="", flush=True)


if __name__ == "__main__":  # worker processes import this module, too
    for given in json.load(sys.stdin):
        run(given)
