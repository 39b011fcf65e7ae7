"""The tutorial, run as it stands: its commands in one shell, on a stack of its own, with moto in AWS's place."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.system.test_three_ways import eventually
from tests.tools.servers import S3Server
from tests.tools.stack import PROJECT, RunningStack, environment, stack_up
from tests.tools.webhook import receiver

KEEPS_WHAT_IS_INSTALLED = 'make() { command make -o .venv/.local "$@"; }'


@dataclass(frozen=True)
class Told:
    """What the tutorial's commands printed, what the chat got, and the bucket."""

    printed: str
    chat: list[str]
    bucket: str


def blocks() -> list[str]:
    """Return the tutorial's blocks of commands, as they stand."""
    return re.findall(r"^```\n(.*?)^```", (PROJECT / "docs/tutorial.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, moto: S3Server) -> Iterator[Told]:
    first, *others = blocks()
    assert first == "make up\n"
    state = tmp_path_factory.mktemp("tutorial")
    with stack_up(state) as stack, receiver() as (address, chat):
        done = run(others, stack, moto, address)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
        (bucket,) = re.findall(r"^bucket (\S+)$", done.stdout, re.MULTILINE)
        eventually(lambda: any("has changed" in body for body in chat), "word of the second day")
        yield Told(done.stdout, chat, bucket)


def run(commands: list[str], stack: RunningStack, moto: S3Server, webhook: str) -> subprocess.CompletedProcess[str]:
    """Run blocks of commands in one shell, whose `$PWD/.prefect` is that of the stack."""
    script = "\n".join(["set -e", KEEPS_WHAT_IS_INSTALLED, *commands, 'echo "bucket $BUCKET"'])
    keys = {
        "AWS_ACCESS_KEY_ID": moto.access_key,
        "AWS_SECRET_ACCESS_KEY": moto.secret_key,
        "AWS_ENDPOINT_URL": moto.endpoint_url,
        "AWS_REGION": moto.region,
        "AWS_DEFAULT_REGION": moto.region,
    }
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin", "NO_COLOR": "1", "COLUMNS": "200"}
    return subprocess.run(
        ["bash", "-c", script.replace("$PWD/.prefect", f"{stack.state}/.prefect")],
        cwd=PROJECT,
        env=environment(stack.state, WEBHOOK=webhook, PREFECT_API_KEY="", **keys, **path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
    )


def test_tutorial_both_days_are_in_the_bucket(told: Told, moto: S3Server) -> None:
    listed = moto.client().list_objects_v2(Bucket=told.bucket)["Contents"]
    keys = {item["Key"] for item in listed}
    assert {f"Raw/Local/CSV/Orders/2024/03/{day}/orders.csv" for day in ("04", "05")} <= keys
    assert {"Logs/log-ingestao-20240304.txt", "Catalog/index.html"} <= keys


def test_tutorial_webhook_is_told_of_the_second_day(told: Told) -> None:
    (message,) = [json.loads(body)["text"] for body in told.chat if "has changed" in body]
    assert "coupon" in message
    assert "total" in message


def test_tutorial_address_opens_the_page_of_the_lake(told: Told) -> None:
    (address,) = re.findall(r"^http\S+Catalog/index\.html\S+$", told.printed, re.MULTILINE)
    page = httpx.get(address, timeout=30).raise_for_status().text
    assert "Orders" in page
