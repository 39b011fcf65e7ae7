"""Marker secrets in the block; the whole flow, well and badly; then a search of everything that is left behind."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.conftest import S3, fresh_bucket_name
from tests.system.conftest import PROJECT, PrefectServer
from tests.tools.scripted_server import Answer, Request, assumed_role, forwarded, s3_error, scripted_server
from tests.tools.servers import S3Server

SECRET = "MaRkEr/sEcReT+key/" + "k" * 20 + "=="
TOKEN = "IQoJb3JpZ2luMARKER//token+" + "t3" * 120 + "/+=="
MARKERS = {
    "secret key": SECRET,
    "session token": TOKEN,
    "role secret": "secret-of-session-1",
    "role token": "token-of-session-1",
    "password of the API": "marker-api-password",
}
DEBUG = {
    "PREFECT_LOGGING_LEVEL": "DEBUG",
    "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "botocore,boto3,s3transfer,urllib3",
}
GOOD = "id|name\n1|x\n2|y\n"


def spellings(secret: str) -> Iterator[bytes]:
    """Yield how a secret looks, found out another way than the code under test does."""
    yield secret.encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield urllib.parse.quote(secret).encode()
    yield json.dumps(secret).strip('"').replace("/", "\\/").encode()
    for before in (b"", b"a", b"ab"):
        whole = base64.b64encode(before + secret.encode())
        start = 0 if not before else 4
        yield whole[start : len(whole) // 4 * 4 - 4]


def leaks(places: dict[str, bytes]) -> list[str]:
    found = []
    for place, data in places.items():
        # Base64 in results and mails is broken into lines.
        joined = data.replace(b"\\n", b"").replace(b"\n", b"")
        found += [
            f"{name} in {place}"
            for name, secret in MARKERS.items()
            for spelling in spellings(secret)
            if spelling in data or spelling in joined
        ]
    return sorted(set(found))


@pytest.mark.parametrize("before", [b"", b"x", b"xy"])
def test_search_itself_finds_every_spelling(before: bytes) -> None:
    for name, secret in MARKERS.items():
        pickled = base64.encodebytes(before + secret.encode() + b"more")
        quoted = urllib.parse.quote_plus(secret).encode()
        assert leaks({"a": pickled}) == [f"{name} in a"]
        assert leaks({"b": b"x" + quoted}) == [f"{name} in b"]
        assert leaks({"c": json.dumps({"a": secret}).encode()}) == [f"{name} in c"]


Fails = Callable[[Request], bool]


def is_put_of(prefix: str) -> Fails:
    return lambda request: request.method == "PUT" and f"/{prefix}/" in request.path


def from_the_first_upload_on() -> Fails:
    """Return the stage of a session that ends in the middle of one run, anew for each run."""
    ended = threading.Event()

    def fails(request: Request) -> bool:
        if is_put_of("Raw")(request):
            ended.set()
        return ended.is_set()

    return fails


def is_of_a_bucket(request: Request) -> bool:
    path = request.path.split("?")[0]
    return path != "/" and path.count("/") == 1


STAGES: dict[str, Fails] = {
    "success": lambda request: False,
    "credentials": lambda request: request.method == "GET" and request.path.split("?")[0] == "/",
    "bucket": lambda request: request.method in ("HEAD", "GET") and is_of_a_bucket(request),
    "profile": lambda request: False,
    "upload": is_put_of("Raw"),
    "midway": lambda request: False,
    "batch": lambda request: False,
    "batch-upload": is_put_of("Raw"),
    "list": lambda request: "list-type=2" in request.path,
    "log": is_put_of("Logs"),
    "role": lambda request: False,
    "role-refused": lambda request: request.method == "POST",
}


def endpoint(fails: Fails, behind: S3Server) -> Callable[[Request], Answer]:
    """Return a server that passes on what it is asked, but refuses one stage and quotes the token in its refusal."""

    def answer(request: Request) -> Answer:
        if fails(request):
            return 403, s3_error("ExpiredToken", f"The provided token {TOKEN} with {SECRET} has expired")
        if request.method == "POST" and b"Action=AssumeRole" in request.body:
            return 200, assumed_role(1, 3600)
        return forwarded(request, behind.endpoint_url)

    return answer


@dataclass
class Left:
    """What the runs left behind."""

    places: dict[str, bytes] = field(default_factory=dict)
    ended: dict[str, dict[str, str]] = field(default_factory=dict)
    debug: bool = False


def run_all(server: PrefectServer, behind: S3Server, folder: Path, environment: dict[str, str]) -> Left:
    left = Left()
    good, odd, bad, temporary = (folder / name for name in ("good", "odd", "bad", "tmp"))
    for path in (good, odd, bad, temporary):
        path.mkdir(parents=True)
    for path in (good, odd):
        (path / "movies.csv").write_text(GOOD)
    (good / "series.csv").write_text(GOOD)
    # A secret in a column's name gets into profile, log and artifacts, where only the run's own search finds it.
    (odd / "odd.csv").write_text(f"id|{SECRET}\n1|x\n")
    (bad / "ragged.csv").write_text("a,b\n1,2\n1,2,3,4\n")
    buckets = {stage: fresh_bucket_name() for stage in STAGES}
    with ExitStack() as servers:
        cases = [
            {
                "name": f"leak-{stage}-{len(environment)}",
                "endpoint": servers.enter_context(scripted_server(endpoint(fails, behind))).url,
                "source": str({"profile": bad, "success": odd}.get(stage, good)),
                # Results are kept nowhere unless somebody asks; a column's name that is a secret would be in them.
                "persist": stage != "success" and not stage.startswith("batch"),
                "bucket": buckets[stage],
                "own_tasks_up_to": 0 if stage.startswith("batch") else 100,
                "role": "arn:aws:iam::123456789012:role/lake" if "role" in stage else None,
            }
            for stage, fails in (STAGES | {"midway": from_the_first_upload_on()}).items()
        ]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.tools.leak_runs"],
            cwd=PROJECT,
            env=server.environment(MARKER_SECRET=SECRET, MARKER_TOKEN=TOKEN, TMPDIR=str(temporary), **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        commands: set[str] = set()
        watcher = threading.Thread(target=_watch, args=(process, commands))
        watcher.start()
        output, _ = process.communicate(json.dumps(cases).encode(), timeout=200)
        watcher.join()
    for line in output.decode().splitlines():
        if line.startswith("ENDED "):
            end = json.loads(line[6:])
            left.ended[end["name"].removeprefix("leak-").rpartition("-")[0]] = end
    left.places["stdout and stderr"] = output
    left.places["command lines"] = "\n".join(commands).encode()
    for bucket in buckets.values():
        left.places |= _objects(S3(behind, bucket))
    for path in temporary.rglob("*"):
        if path.is_file():
            left.places[f"local copy {path.name}"] = path.read_bytes()
    return left


def _watch(process: subprocess.Popen[bytes], commands: set[str]) -> None:
    while process.poll() is None:
        for one in psutil.process_iter():
            try:
                commands.add(" ".join(one.cmdline()))
            except psutil.Error:
                continue
        time.sleep(0.3)


def _objects(s3: S3) -> dict[str, bytes]:
    client, found = s3.client(), {}
    try:
        listed = client.list_objects_v2(Bucket=s3.bucket).get("Contents", [])
    except client.exceptions.NoSuchBucket:
        return {}
    for entry in listed:
        answer = client.get_object(Bucket=s3.bucket, Key=entry["Key"])
        about = {name: str(value) for name, value in answer.items() if name != "Body"}
        found[f"metadata of {s3.bucket}/{entry['Key']}"] = json.dumps(about).encode()
        if not entry["Key"].startswith("Raw/"):  # the source's own bytes are the user's
            found[f"object {s3.bucket}/{entry['Key']}"] = answer["Body"].read()
    return found


def api_places(server: PrefectServer, runs: int) -> dict[str, bytes]:
    """Return what the API tells of everything, once the events of all runs have arrived."""
    ended = {"event": {"name": ["prefect.flow-run.Completed", "prefect.flow-run.Failed"]}}
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        _, body = server.get("/events/filter", json.dumps({"filter": ended, "limit": 50}).encode())
        if json.loads(body)["total"] >= runs:
            break
        time.sleep(0.5)
    places = {}
    for kind in ("flows", "flow_runs", "task_runs", "logs", "artifacts", "block_documents", "block_types", "variables"):
        offset = 0
        while True:
            status, body = server.get(f"/{kind}/filter", json.dumps({"limit": 200, "offset": offset}).encode())
            assert status == 200, body
            places[f"API {kind} {offset}"] = body
            count = len(json.loads(body))
            if count < 200:
                break
            offset += count
    status, body = server.get("/events/filter", json.dumps({"limit": 50}).encode())
    for number in range(100):
        answer = json.loads(body)
        places[f"API events {number}"] = body
        if not answer.get("next_page"):
            break
        status, body = server.get(answer["next_page"].removeprefix(server.api_url))
    for run in json.loads(places["API flow_runs 0"]):
        places[f"API graph {run['id']}"] = server.get(f"/flow_runs/{run['id']}/graph-v2")[1]
        places[f"API states {run['id']}"] = server.get(f"/flow_run_states/?flow_run_id={run['id']}")[1]
    return places


@pytest.fixture(scope="module", params=[{}, DEBUG], ids=["as shipped", "everything at DEBUG"])
def left(
    request: pytest.FixtureRequest,
    prefect_server: PrefectServer,
    moto: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Left:
    found = run_all(prefect_server, moto, tmp_path_factory.mktemp("leaks"), request.param)
    found.debug = bool(request.param)
    found.places |= api_places(prefect_server, len(STAGES))
    for path in prefect_server.home.parent.rglob("*"):
        if path.is_file():
            found.places[f"file {path.relative_to(prefect_server.home.parent)}"] = path.read_bytes()
    return found


@pytest.mark.slow
def test_runs_end_as_each_stage_makes_them_end(left: Left) -> None:
    output = left.places["stdout and stderr"].decode()
    assert set(left.ended) == set(STAGES), output[-3000:]
    states = {stage: end["state"] for stage, end in left.ended.items()}
    assert states == dict.fromkeys(STAGES, "Failed") | dict.fromkeys(("success", "role", "batch"), "Completed"), (
        left.ended
    )
    assert ("'X-Amz-Security-Token': b'********'" in output) is left.debug


@pytest.mark.slow
def test_runs_well_and_badly_leave_no_secret_anywhere(left: Left) -> None:
    assert leaks(left.places) == []
    # The search looks in the right places: what is no secret is found there.
    named = [place for place, data in left.places.items() if b"leak-success" in data]
    for place in ("API flow_runs", "API logs", "API block_documents", "API events", "file server/prefect.db", "object"):
        assert any(one.startswith(place) for one in named), (place, named)


@pytest.mark.slow
def test_runs_with_a_secret_in_their_own_texts_mask_it_and_say_so(left: Left) -> None:
    [log] = [data for place, data in left.places.items() if place.startswith("object") and b"leak-success" in data]

    assert b"********" in log
    assert b"secret values were found in this log and masked" in log


@pytest.mark.slow
def test_runs_with_expired_credentials_tell_block_answer_and_command(left: Left) -> None:
    for stage in ("credentials", "bucket", "upload", "batch-upload", "list", "log", "midway"):
        end = left.ended[stage]
        assert f"The credentials block '{end['name']}' cannot be used: S3 answered ExpiredToken" in end["message"]
        assert f"`python -m blocks.register --name {end['name']} --overwrite`" in end["message"]


def local_copy(left: Left, stage: str) -> str:
    """Return the log that a run says it has kept on this machine."""
    path = re.search(r"it is kept as (\S+)\.", left.ended[stage]["message"])[1]
    return left.places[f"local copy {Path(path).name}"].decode()


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["log", "midway"])
def test_run_whose_credentials_expire_before_the_log_ships_keeps_a_local_copy(left: Left, stage: str) -> None:
    kept = local_copy(left, stage)

    assert f"credentials block '{left.ended[stage]['name']}'" in kept
    assert "Run ended" in kept.splitlines()[-1]


@pytest.mark.slow
def test_run_whose_credentials_expire_midway_fails_every_file_left_with_the_reason(left: Left) -> None:
    kept = local_copy(left, "midway")

    for name in ("movies.csv", "series.csv"):
        assert re.search(rf"{name} failed: The credentials block 'leak-midway-\d' cannot be used: S3 answered", kept)


@pytest.mark.slow
def test_run_whose_uploads_alone_are_refused_ships_its_log(left: Left) -> None:
    [log] = [data for place, data in left.places.items() if "/Logs/" in place and b"leak-upload" in data]

    assert b"ExpiredToken" in log
    assert "it is kept as" not in left.ended["upload"]["message"]


@pytest.mark.slow
def test_results_that_somebody_asked_to_keep_were_searched(left: Left) -> None:
    kept = [place for place in left.places if "/storage/" in place]

    assert kept


@pytest.mark.slow
def test_run_with_expired_credentials_reads_no_file(left: Left) -> None:
    stage = left.ended["credentials"]["message"]

    assert "movies.csv" not in stage
    assert left.ended["upload"]["message"].count("ExpiredToken") >= 2
