"""How people store credentials: at a terminal that shows nothing of them, and by hand in the UI."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import subprocess
import sys
import termios
import time
from typing import Any

from tests.system.conftest import PROJECT, PrefectServer, run_python
from tests.tools.servers import S3Server

SECRET, TOKEN = "typed/secret+access+key", "typed/session+token=="
TIMEOUT_S = 120


def _own_terminal() -> None:
    """Make standard input the terminal that controls the new session, which is where passwords are asked for."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def typed(command: list[str], environment: dict[str, str], answers: dict[str, str]) -> tuple[int, str]:
    """Run a command at a terminal, type an answer at each prompt, and return the exit code and what was shown."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        preexec_fn=_own_terminal,
    )
    os.close(terminal)
    shown, waiting, deadline = b"", dict(answers), time.monotonic() + TIMEOUT_S
    try:
        while time.monotonic() < deadline:
            if select.select([controller], [], [], 0.2)[0]:
                try:
                    shown += os.read(controller, 4096)
                except OSError:  # the other end has closed
                    break
            for prompt in [prompt for prompt in waiting if f"{prompt}: ".encode() in shown]:
                os.write(controller, f"{waiting.pop(prompt)}\n".encode())
        return process.wait(20), shown.decode()
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def test_make_block_at_a_terminal_asks_shows_nothing_and_stores_what_was_typed(
    prefect_server: PrefectServer, moto: S3Server
) -> None:
    answers = {
        "AWS access key ID": "ASIATYPED",
        "AWS secret access key": SECRET,
        "AWS session token (empty for long-lived keys)": TOKEN,
    }
    environment = prefect_server.environment(AWS_ENDPOINT_URL=moto.endpoint_url)

    code, shown = typed([sys.executable, "-m", "blocks.register", "--name", "typed"], environment, answers)

    assert code == 0, shown
    assert SECRET not in shown
    assert TOKEN not in shown
    assert "The credentials work: temporary keys ASIATYPED" in shown
    assert "These credentials expire; AWS does not say when." in shown
    wanted = json.dumps({"include_secrets": True, "block_documents": {"name": {"any_": ["typed"]}}}).encode()
    [stored] = json.loads(prefect_server.get("/block_documents/filter", wanted)[1])
    assert (stored["data"]["aws_secret_access_key"], stored["data"]["aws_session_token"]) == (SECRET, TOKEN)


def test_block_type_registered_with_prefect_can_be_filled_in_by_hand_in_the_ui(prefect_server: PrefectServer) -> None:
    done = run_python(prefect_server, ["-m", "prefect", "block", "register", "-m", "blocks"])
    assert done.returncode == 0, done.stderr
    assert "Successfully registered 1 block" in done.stdout

    def post(path: str, **fields: Any) -> Any:
        return json.loads(prefect_server.get(path, json.dumps(fields).encode())[1])

    [kind] = post("/block_types/filter", block_types={"slug": {"any_": ["lake-credentials"]}})
    assert kind["logo_url"].startswith("https://")
    assert "S3 data lake" in kind["description"]
    newest = post("/block_schemas/filter", block_schemas={"block_type_id": {"any_": [kind["id"]]}})[0]
    assert {field["title"] for field in newest["fields"]["properties"].values()} >= {"AWS Session Token", "Region Name"}

    # The form leaves what was not filled in empty or away.
    form = {"aws_access_key_id": "ASIAFORM", "aws_secret_access_key": SECRET, "aws_session_token": TOKEN}
    made = post(
        "/block_documents/",
        name="by-hand",
        block_type_id=kind["id"],
        block_schema_id=newest["id"],
        data=form | {"profile_name": "", "aws_client_parameters": {"endpoint_url": None, "config": None}},
    )
    assert made["data"]["aws_session_token"] == made["data"]["aws_secret_access_key"] == "********"
    code = "from blocks.loading import load_credentials as load; print(len(load('by-hand').secret_values()))"
    loaded = run_python(prefect_server, ["-c", code])
    assert loaded.stdout.strip() == "2", loaded.stderr
