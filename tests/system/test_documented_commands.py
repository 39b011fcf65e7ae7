"""Every command of README and docs runs here, or it is said which test runs it, or why none can."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.tools.stack import PROJECT, RunningStack

PROGRAMS = ("make", "prefect", "python", "docker", "sudo", "git", "pip", "aws", "dask", "csv-to-raw-lake")
DOCUMENTS = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]

ELSEWHERE = {
    "make ingest": "tests/system/test_make_ingest.py",
    "make analysis": "tests/system/test_make_analysis.py",
    "python -m blocks.tmdb_credentials": "tests/flows/test_ingest_tmdb.py",
    "python -m blocks.web_credentials": "tests/unit/blocks/test_web_credentials.py",
    "prefect deployment run ingest-tmdb/weekly": "tests/flows/test_ingest_tmdb.py",
    "prefect deployment run analyze-films/after-ingest": "tests/flows/test_analyze_films.py",
    "python -m benchmarks.tune_languages": "tests/unit/films/test_languages.py",
    "python -m flows.lake.films.athena": "tests/unit/films/test_athena.py",
    "make up": "tests/tools/stack.py",
    "make run": "tests/system/test_three_ways.py",
    "make backfill": "tests/system/test_three_ways.py",
    "make promote": "tests/system/test_three_ways.py",
    "prefect deployment run 'copy-lake/nightly'": "tests/flows/test_copy_lake.py",
    "make deploy": "tests/flows/test_deploy.py",
    "python -m deployments.deploy": "tests/flows/test_deploy.py",
    "make block": "tests/system/test_register.py",
    "python -m blocks.register": "tests/flows/blocks/test_register.py",
    "make rotate": "tests/flows/blocks/test_rotate.py",
    "python -m blocks.rotate": "tests/flows/blocks/test_rotate.py",
    "python -m flows.contracts": "tests/unit/contracts/test_commands.py",
    "make look": "tests/unit/tables/test_look.py",
    "make suggest": "tests/unit/reports/test_suggested_contracts.py",
    "python -m flows.suggest": "tests/unit/reports/test_suggested_contracts.py",
    "python -m flows.unmask": "tests/flows/ingest/test_columns_masked.py",
    "python -m flows.lake.manifests.athena_ddl": "tests/unit/manifests/test_athena_ddl.py",
    "csv-to-raw-lake land": "tests/system/test_land.py",
    "make catalog": "tests/system/test_make_ingest.py",
    "python -m flows.lake.catalog": "tests/storage/catalog/test_refresh.py",
    'prefect deployment run ingest-raw/daily --watch -p "source=$IN': "tests/system/test_tutorial.py",
    "python -c 'import os; from prefect.blocks": "tests/system/test_tutorial.py",
    "python -c 'import boto3, os": "tests/system/test_tutorial.py",
    "dask": "tests/system/test_dask.py",
    "python -c 'from flows.ingest_raw_dask": "tests/system/test_dask.py",
    "prefect event emit": "tests/system/test_three_ways.py",
    "prefect worker start": "tests/tools/production.py",
    "prefect server start": "tests/system/conftest.py",
    "prefect block register": "tests/system/test_register.py",
    "python -c 'from cryptography": "tests/system/test_encryption.py",
}
"""The beginning of a command, and the file that runs it."""

NOT_HERE = {
    "make test": "it is what runs this test",
    "make check": "CI runs it before the tests",
    "make bench": "it takes half an hour",
    "make soak": "it takes half an hour",
    "make data": "it writes 250 MB",
    "make lock": "it asks a package registry",
    "pip install": "it asks a package registry",
    "docker": "it needs Docker",
    "sudo": "it needs root and Docker",
    "git": "it changes the checkout",
    "aws": "it needs an AWS account",
    "prefect config set": "it would change the user's own profile",
    "prefect work-pool inspect lake-ecs": "it needs a deployment to ECS",
    "prefect deployment run ingest-raw/daily -p credentials=aws-lake": "it needs an AWS account",
}


def commands() -> Iterator[tuple[str, str]]:
    """Yield the commands of the documents, with the document's name."""
    for document in DOCUMENTS:
        text = document.read_text()
        fenced = re.findall(r"^ *```(\w*)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
        blocks = [block for language, block in fenced if not language]
        lines = [line for block in blocks for line in _whole_lines(re.sub(r"\\\n\s*", "", block))]
        prose = re.sub(r"^ *```\w*\n.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
        for line in (*lines, *re.findall(r"`([^`]+)`", prose)):
            command = line.strip()
            while re.match(r"[A-Z_]+=\S+ ", command):
                command = command.partition(" ")[2]
            command = re.sub(r"^(\.venv/bin|\./)/?", "", command)
            words = command.split()
            if len(words) > 1 and words[0] in PROGRAMS and "…" not in command:
                yield document.name, command


def _whole_lines(block: str) -> Iterator[str]:
    """Yield the lines of a block; a quoted text of several lines is one."""
    whole = ""
    for line in re.sub(r"\s{2,}#.*", "", block).splitlines():
        whole = f"{whole} {line}" if whole else line
        if whole.count("'") % 2 == 0:
            yield whole
            whole = ""


def plain(command: str) -> str:
    """Return a command without its quotes, for comparison."""
    return " ".join(re.sub(r"['\"]", "", command).split())


def how(command: str) -> str | None:
    for beginning, where in {**ELSEWHERE, **NOT_HERE}.items():
        if plain(command).startswith(plain(beginning)):
            return where
    return None


EVERY = sorted(set(commands()))
RUN_HERE = sorted({command for _, command in EVERY if how(command) is None and command.startswith("prefect ")})


@pytest.mark.parametrize(("document", "command"), EVERY)
def test_documented_command_is_run_by_a_test_or_excused(document: str, command: str) -> None:
    assert command in RUN_HERE or how(command), f"{document}: who runs {command!r}?"


def test_excuses_are_of_commands_that_are_documented_and_files_that_are_there() -> None:
    every = [plain(command) for _, command in EVERY]
    unused = [one for one in (*ELSEWHERE, *NOT_HERE) if not any(command.startswith(plain(one)) for command in every)]
    assert unused == []
    assert [path for path in ELSEWHERE.values() if not (PROJECT / path).is_file()] == []


@pytest.fixture(scope="module")
def lake(stack: RunningStack) -> RunningStack:
    """A stack in whose lake something has landed."""
    stack.prefect("deployment", "run", "ingest-raw/daily", "--watch")
    return stack


@pytest.mark.parametrize("command", RUN_HERE)
def test_documented_prefect_command_works_on_the_stack(lake: RunningStack, tmp_path: Path, command: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text("a,b\n1,2\n")
    if "<id>" in command:
        made = lake.prefect("deployment", "run", "ingest-raw/daily", "-p", "dry_run=true").stdout
        command = command.replace("<id>", re.findall(r"UUID: (\S+)", made)[0])
    command = command.replace("/data/in", str(tmp_path / "in"))
    before = schedules(lake)
    done = lake.prefect(*shlex.split(command)[1:])
    assert done.returncode == 0, done.stdout + done.stderr
    if "pause" in command:
        for path, active in before.items():  # other tests use this stack too
            set_active(lake, path, active)


def set_active(stack: RunningStack, path: str, active: bool) -> None:
    """Switch a schedule; while SQLite is locked the answer is 503."""
    for _ in range(20):
        answer = httpx.patch(stack.api_url + path, json={"active": active}, auth=stack.auth, timeout=60)
        if answer.status_code != 503:
            break
        time.sleep(0.5)
    answer.raise_for_status()


def schedules(stack: RunningStack) -> dict[str, bool]:
    """Return the schedules of a stack by their paths, and whether each is on."""
    every = httpx.post(f"{stack.api_url}/deployments/filter", json={}, auth=stack.auth, timeout=60).json()
    found = [(deployment["id"], schedule) for deployment in every for schedule in deployment["schedules"]]
    return {f"/deployments/{owner}/schedules/{one['id']}": one["active"] for owner, one in found}
