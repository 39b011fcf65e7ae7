"""Runs the real flow on Prefect's test harness, one server for the session, against S3 servers over HTTP."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3

os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")


@pytest.fixture(scope="session", autouse=True)
def prefect_harness(no_aws_settings: None) -> Iterator[None]:
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


_stored: dict[str, dict[str, Any]] = {}
"""What each block holds by now; saving one costs Prefect a tenth of a run."""


def store_block(name: str, s3: S3, **changes: Any) -> str:
    """Save a credentials block for a test server, unless it is stored so already; returns its name."""
    from prefect_aws.client_parameters import AwsClientParameters

    from blocks.lake_credentials import LakeCredentials

    fields: dict[str, Any] = {
        "aws_access_key_id": s3.server.access_key,
        "aws_secret_access_key": s3.server.secret_key,
        "region_name": s3.server.region,
        "aws_client_parameters": AwsClientParameters(endpoint_url=s3.endpoint_url),
    }
    fields |= changes
    if _stored.get(name) != fields:
        LakeCredentials(**fields).save(name, overwrite=True)
        _stored[name] = fields
    return name


@pytest.fixture
def ingest(s3: S3) -> Callable[..., Any]:
    """Run the flow against this test's server and bucket; returns its final state."""
    from flows.ingest_raw import ingest_raw

    block = store_block(f"test-{s3.server.name}", s3)

    def run(source: Path, **parameters: Any) -> Any:
        given = {"bucket": s3.bucket, "credentials": block} | parameters
        return ingest_raw(source=source, return_state=True, **given)

    return run


@pytest.fixture
def web_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs fetch from servers of the tests."""
    monkeypatch.setenv("INGEST_WEB_HTTP", "1")
    monkeypatch.setenv("INGEST_WEB_PRIVATE", "1")


def objects(s3: S3, prefix: str = "") -> dict[str, bytes]:
    """Read every object of the test's bucket back, the catalog's records unpacked, so that nothing hides in them."""
    client = s3.client()
    found: dict[str, bytes] = {}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=s3.bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            body = client.get_object(Bucket=s3.bucket, Key=entry["Key"])["Body"].read()
            found[entry["Key"]] = gzip.decompress(body) if entry["Key"].startswith("Catalog/data/") else body
    return found


def log_of(s3: S3) -> str:
    """Return the one log that the bucket holds."""
    (body,) = objects(s3, "Logs/").values()
    return body.decode()


def logs_of(state: Any) -> list[str]:
    """Return the messages of a run's log as the UI shows them."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
    from prefect.logging.handlers import APILogWorker

    APILogWorker.drain_all(timeout=20)
    with get_client(sync_client=True) as client:
        chosen = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[state.state_details.flow_run_id]))
        return [one.message for one in client.read_logs(chosen, limit=200)]


def artifacts_of(run_id: str) -> list[Any]:
    from uuid import UUID

    from prefect import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    with get_client(sync_client=True) as client:
        return client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(run_id)]))
        )


def event_of(run_id: str, name: str) -> dict[str, Any]:
    """Return the one event of that name that a flow run is related to; the server stores events in its own time."""
    from prefect import get_client

    wanted = {
        "event": {"name": [name]},
        "related": {"id": [f"prefect.flow-run.{run_id}"]},
    }
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = client._client.post("/events/filter", json={"filter": wanted}).json()["events"]
            if found:
                (event,) = found
                return dict(event)
            time.sleep(0.3)
    raise AssertionError(f"no event {name} of run {run_id}")
