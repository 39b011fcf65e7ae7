"""`csv-to-raw-lake land` as a process: no server, no home, and no key anywhere but in the requests it signs."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import fresh_bucket_name
from tests.tools.fault_proxy import Fault, Request, fault_proxy, refused
from tests.tools.servers import S3Server
from tests.tools.stack import PROJECT

TOKEN = "marker-session-token-of-a-lab"
DEAD = "http://127.0.0.1:9/api"

WATCH = """
import os, sys, atexit
def note(event, arguments):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork", "os.system"):
        with open(os.environ["SEEN"], "a") as file:
            file.write(f"{event} {arguments!r} {dict(os.environ)!r}\\n")
sys.addaudithook(note)
atexit.register(lambda: open(os.environ["SEEN"], "a").write(f"end {dict(os.environ)!r}"))
"""
"""A sitecustomize that writes down what a child process would inherit, and the environment at the end."""


def environment(server: S3Server, tmp_path: Path, **more: str) -> dict[str, str]:
    """Return a container's environment: no HOME, empty variables, and a Prefect server that must not be asked."""
    hooks = tmp_path / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "sitecustomize.py").write_text(WATCH)
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "PIP_CONFIG_FILE") if name in os.environ}
    return (
        kept
        | {"PYTHONPATH": f"{hooks}:{PROJECT}", "SEEN": str(tmp_path / "seen"), "TMPDIR": str(temporary)}
        | {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key}
        | {"AWS_ENDPOINT_URL_S3": server.endpoint_url, "AWS_REGION": server.region, "AWS_PROFILE": ""}
        | {"AWS_EC2_METADATA_DISABLED": "true", "PREFECT_API_URL": DEAD, "PREFECT_API_KEY": "must-not-be-used"}
        | {"LANG": "pt_BR.UTF-8"}
        | more
    )


def command(folder: Path | str, bucket: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "deployments.cli", "land", str(folder), "--bucket", bucket, *more]


def sample(tmp_path: Path) -> Path:
    folder = tmp_path / "meus dados é"
    folder.mkdir()
    for name in ("movies.csv", "series.csv"):
        (folder / name).write_bytes((PROJECT / "data/sample" / name).read_bytes())
    return folder


def left_in(folder: Path) -> list[Path]:
    """Return what a command has left behind, but for Jinja's compiled templates, which spare the next one work."""
    return [path for path in folder.iterdir() if not path.name.startswith("_jinja2-cache-")]


def test_land_proves_logs_and_leaves_no_key(rclone: S3Server, tmp_path: Path) -> None:
    folder, bucket, evidence = sample(tmp_path), fresh_bucket_name(), tmp_path / "evidence.html"
    (folder / "quebrado.csv").write_bytes(b"\x00\x01\x02" * 1000)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o555)
    # The server does not look at tokens; only this process may have seen it.
    environ = environment(rclone, tmp_path, AWS_SESSION_TOKEN=TOKEN)
    line = command(folder, bucket, "--json", "--evidence", str(evidence))
    done = subprocess.run(line, cwd=elsewhere, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    states = {Path(file["path"]).name: file["state"] for file in result["files"]}
    assert states == {"movies.csv": "uploaded", "series.csv": "uploaded", "quebrado.csv": "rejected"}
    client = rclone.client()

    def stored(key: str) -> bytes:
        body: bytes = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    for file in result["files"]:
        assert stored(file["key"]) == Path(file["path"]).read_bytes()
    manifest = json.loads(stored(result["manifest"]))
    assert {Path(file["path"]).name for file in manifest["files"]} == set(states)
    log = stored(result["log"]).decode()
    assert "Run ended Failed" in log.splitlines()[-1]
    assert "Estas chaves são temporárias" in done.stderr

    page = evidence.read_text()
    assert "RangeIndex: 1000 entries, 0 to 999" in page
    assert "└── " in page
    assert "Run ended Failed" in page

    assert left_in(tmp_path / "tmp") == []
    written = [path for root in (tmp_path, rclone.root) if root for path in root.rglob("*") if path.is_file()]
    texts = [done.stdout, done.stderr, *(path.read_bytes().decode(errors="replace") for path in written)]
    for secret in (TOKEN, rclone.secret_key):
        assert not [text for text in texts if secret in text]
    assert "end {" in (tmp_path / "seen").read_text()


def test_a_manifest_and_a_log_that_s3_refuses_are_told_and_the_log_is_kept_here(
    rclone: S3Server, tmp_path: Path
) -> None:
    def no_traces(handler: Any, request: Request) -> bool:
        traces = "/Manifests/" in request.path or "/Logs/" in request.path
        return traces and refused(403, "AccessDenied")(handler, request)

    with fault_proxy(rclone) as store:
        store.add(Fault("PutObject", no_traces, times=100))
        bucket = fresh_bucket_name()
        done = subprocess.run(
            command(sample(tmp_path), bucket, "--json"),
            env=environment(store.server, tmp_path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert {file["state"] for file in result["files"]} == {"uploaded"}
    assert (result["manifest"], result["log"]) == (None, None)
    assert "The manifest could not be written" in done.stderr
    (kept,) = (tmp_path / "tmp").rglob("log-ingestao-*.txt")
    assert str(kept) in done.stderr
    assert "The manifest could not be written" in kept.read_text()


def test_a_dry_run_writes_nothing_and_a_wrong_key_is_a_usage_error(rclone: S3Server, tmp_path: Path) -> None:
    folder, bucket = sample(tmp_path), fresh_bucket_name()

    def run(*more: str, **changed: str) -> subprocess.CompletedProcess[str]:
        environ = environment(rclone, tmp_path, **changed)
        line = command(folder, bucket, *more)
        return subprocess.run(line, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    dry = run("--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "would upload" in dry.stdout
    assert bucket not in [one["Name"] for one in rclone.client().list_buckets()["Buckets"]]
    wrong = run(AWS_SECRET_ACCESS_KEY="marker-of-a-wrong-secret")
    assert wrong.returncode == 2
    assert "AWS Academy: Start Lab" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert "marker" not in wrong.stderr + wrong.stdout


def test_signed_manifests_spare_what_is_unchanged_and_reject_drift(moto: S3Server, tmp_path: Path) -> None:
    folder, bucket, key = sample(tmp_path), fresh_bucket_name(), tmp_path / "signing.key"
    for name in ("movies.csv", "series.csv"):
        os.utime(folder / name, (1_700_000_000, 1_700_000_000))

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        line = command(folder, bucket, "--endpoint-url", moto.endpoint_url, "--on-drift", "reject", *more)
        environ = environment(moto, tmp_path)
        return subprocess.run(line, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)

    unsigned = run()
    assert unsigned.returncode == 2
    assert "--signing-key-file" in unsigned.stdout + unsigned.stderr
    assert run("--signing-key-file", str(key)).returncode == 0
    assert key.stat().st_mode & 0o777 == 0o600
    text = (folder / "movies.csv").read_text().splitlines()
    (folder / "movies.csv").write_text("\n".join(line.rpartition("|")[0] for line in text) + "\n")
    second = run("--signing-key-file", str(key))
    assert second.returncode == 1
    assert "1 of 2 files are recorded and unchanged" in second.stdout
    assert "movies.csv rejected" in second.stdout
    assert key.read_text().strip() not in second.stdout


def test_interrupt_while_an_outcome_is_told_loses_no_file(moto: S3Server, tmp_path: Path) -> None:
    from prefect_aws.client_parameters import AwsClientParameters

    from blocks.lake_credentials import LakeCredentials
    from deployments.land import options
    from deployments.land.landing import Landing, Means
    from flows.lake.raw.masked_file import no_keys
    from flows.lake.settings import IngestSettings

    block = LakeCredentials(
        aws_access_key_id=moto.access_key,
        aws_secret_access_key=moto.secret_key,
        region_name=moto.region,
        aws_client_parameters=AwsClientParameters(endpoint_url=moto.endpoint_url),
    )
    told: list[str] = []

    def interrupted(_level: int, text: str) -> None:
        told.append(text)
        if " uploaded: " in text and sum(" uploaded: " in one for one in told) == 1:
            raise KeyboardInterrupt

    for n in range(3):
        (tmp_path / f"file{n}.csv").write_text("a,b\n1,2\n")
    given = options.parse([str(tmp_path), "--bucket", fresh_bucket_name()])
    means = Means(block, no_keys, None, interrupted, None)
    landing = Landing(IngestSettings(**options.parameters_of(given)), means)
    landing.connect(block.identity())
    landing.run()
    assert landing.state == "Cancelled"
    assert sorted(one.path.name for one in landing.summary().outcomes) == ["file0.csv", "file1.csv", "file2.csv"]


def test_an_interrupted_landing_leaves_manifest_and_log(rclone: S3Server, tmp_path: Path) -> None:
    folder, bucket = tmp_path / "in", fresh_bucket_name()
    folder.mkdir()
    rows = "".join(f"{n},text {n}\n" for n in range(200_000))
    for n in range(15):
        (folder / f"file{n}.csv").write_text(f"a,b\n{rows}")
    process = subprocess.Popen(
        command(folder, bucket),
        env=environment(rclone, tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if " uploaded: " in line:
            break
    process.send_signal(signal.SIGINT)
    said += process.stdout.read()
    assert process.wait(60) == 130, said
    assert "of 15 files had landed" in said
    assert "Traceback" not in said
    stored = [one["Key"] for one in rclone.client().list_objects_v2(Bucket=bucket)["Contents"]]
    assert {"Logs", "Manifests"} <= {key.split("/")[0] for key in stored}
    assert 0 < len([key for key in stored if key.startswith("Raw/")]) < 15


def read_all(controller: int) -> bytes:
    said = b""
    while True:
        try:
            chunk = os.read(controller, 4096)
        except OSError:
            return said
        if not chunk:
            return said
        said += chunk


@pytest.mark.parametrize("answer", ["keys", "interrupt"])
def test_at_a_terminal_keys_are_asked_and_never_shown(answer: str, rclone: S3Server, tmp_path: Path) -> None:
    folder, bucket = sample(tmp_path), fresh_bucket_name()
    environ = environment(rclone, tmp_path, TERM="xterm-256color", LANG="en_US.UTF-8")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del environ[name]
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        command(folder, bucket),
        env=environ,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
    )
    os.close(terminal)
    said = b""
    answers = {b"AWS access key ID": rclone.access_key, b"secret access key": rclone.secret_key, b"session token": ""}
    for question, text in answers.items():
        while not said.rstrip().endswith(b":") or question not in said:
            assert select.select([controller], [], [], 60)[0], said
            said += os.read(controller, 1024)
        time.sleep(0.1)  # echo is switched off before the question is written, input may be flushed after it
        if answer == "interrupt":
            process.send_signal(signal.SIGINT)
            break
        os.write(controller, f"{text}\n".encode())
        said += b"\n"
    said += read_all(controller)
    code = process.wait(60)
    assert rclone.access_key.encode() not in said.split(b"http")[0]
    assert rclone.secret_key.encode() not in said
    assert left_in(tmp_path / "tmp") == []
    if answer == "interrupt":
        assert code == 130
        assert b"Traceback" not in said
    else:
        assert code == 0, said.decode(errors="replace")
        assert b"Landed in s3://" in said
