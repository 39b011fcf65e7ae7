"""Real S3 servers for the tests, each a process of its own on a free loopback port.

Both servers are asked for port 0 and say themselves which one they got, so no port is picked that another process
could take first. They are processes rather than threads so that moto's hooks into botocore stay out of the tests, and
so that a test can lose a server for real.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import boto3
from botocore.config import Config

from deployments.local.services import rclone_options
from tests.tools.certificates import Authority

START_TIMEOUT_S = 60
REGION = "us-east-1"
MIN_PART_BYTES = 5 * 1024
"""The smallest part but the last that the test moto takes; S3's own 5 MiB would make every multipart test slow."""


@dataclass(frozen=True)
class S3Server:
    """A running server and what a client needs to use it."""

    name: str
    endpoint_url: str
    access_key: str
    secret_key: str
    ca_bundle: str | None = None
    root: Path | None = None
    region: str = REGION

    def client(self, *, region: str | None = None, config: Config | None = None, **overrides: Any) -> Any:
        """Return a boto3 client that looks at no environment variable, profile or shared file."""
        arguments: dict[str, Any] = {
            "endpoint_url": self.endpoint_url,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "region_name": region or self.region,
            "verify": self.ca_bundle or True,
            "config": config or Config(s3={"addressing_style": "path"}),
        }
        from blocks.sessions import share_descriptions  # brings Prefect, which is no part of what benchmarks measure

        session = boto3.session.Session()
        share_descriptions(session)
        return session.client("s3", **(arguments | overrides))

    @property
    def versioned(self) -> bool:
        """Whether the server has versions, encryption and the other settings of a bucket."""
        return self.name.startswith("moto")


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_", "MOTO_"))}


def _address(process: subprocess.Popen[bytes], output: IO[bytes], pattern: str) -> str:
    """Wait until the server has written its address to its output, and return it."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        output.seek(0)
        text = output.read().decode(errors="replace")
        if found := re.search(pattern, text):
            return found.group(1)
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError(f"The test server did not start:\n{text}")


@contextmanager
def _served(command: list[str], pattern: str, environment: dict[str, str] | None = None) -> Iterator[str]:
    """Run a server, yield the address that it prints, and end it."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_clean_environment() | (environment or {}),
        )
        try:
            yield _address(process, output, pattern).rstrip("/")
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def moto_server(*, tls: Authority | None = None) -> Iterator[S3Server]:
    """Run moto's server: versions, settings and policies, but no integrity checks (it believes every checksum).

    Args:
        tls: Speak TLS with this authority's certificate.
    """
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", "0"]
    if tls:
        command += ["-c", str(tls.certificate), "-k", str(tls.key)]
    environment = {"S3_UPLOAD_PART_MIN_SIZE": str(MIN_PART_BYTES), "PYTHONUNBUFFERED": "1"}
    with _served(command, r"Running on (https?://\S+)", environment) as url:
        yield S3Server(
            name="moto-tls" if tls else "moto",
            endpoint_url=url,
            access_key="AKIAMOTOTESTKEY00001",
            secret_key="moto-secret",
            ca_bundle=str(tls.ca_bundle) if tls else None,
        )


@contextmanager
def rclone_server(root: Path, *, tls: Authority | None = None) -> Iterator[S3Server]:
    """Run `rclone serve s3` over a folder: checks signatures and Content-MD5, knows no versions and no checksums.

    Args:
        root: The folder; each folder in it is a bucket.
        tls: Speak TLS with this authority's certificate.
    """
    root.mkdir(parents=True, exist_ok=True)
    access_key, secret_key = "rclonetestkey", "rclone-secret"
    command = [str(Path(sys.executable).with_name("rclone")), "serve", "s3", *rclone_options()]
    command += ["--auth-key", f"{access_key},{secret_key}", "--addr", "127.0.0.1:0", str(root)]
    if tls:
        command += ["--cert", str(tls.certificate), "--key", str(tls.key)]
    with _served(command, r"Starting s3 server on \[(https?://[^\]]+)\]") as url:
        yield S3Server(
            name="rclone-tls" if tls else "rclone",
            endpoint_url=url,
            access_key=access_key,
            secret_key=secret_key,
            ca_bundle=str(tls.ca_bundle) if tls else None,
            root=root,
        )
