"""What a web page of another origin, or one that is rebound to 127.0.0.1, gets of a local stack: nothing."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.tools.chromium import chromium, needs_chromium
from tests.tools.stack import RunningStack

EVIL = "evil.example"

ATTACK = """async ({api, browse, lake}) => {
  const json = {method: 'POST', headers: {'Content-Type': 'application/json'}};
  const simple = {method: 'POST', headers: {'Content-Type': 'text/plain'}};
  const read = async (url, options) => {
    try { const answer = await fetch(url, options); return answer.ok ? await answer.text() : 'refused'; }
    catch (error) { return 'refused'; }
  };
  const socket = await new Promise(resolve => {
    const opened = new WebSocket(api.replace('http', 'ws') + '/events/out');
    opened.onopen = () => resolve('open');
    opened.onerror = () => resolve('refused');
  });
  return {
    blocks: await read(api + '/block_documents/filter', {...json, body: '{"include_secrets": true}'}),
    deployments: await read(api + '/deployments/filter', {...json, body: '{}'}),
    start: await read(api + '/flows/', {...simple, body: '{"name": "made-by-a-page"}'}),
    settings: await read(api.replace('/api', '/ui-settings')),
    browse: await read(browse + '/'),
    lake: await read(lake + '/'),
    socket,
  };
}"""


def attack(stack: RunningStack, page: str, host: str) -> dict[str, str]:
    """Open a page, and have it ask the stack's three servers under a name of this machine."""
    with chromium(f"--host-resolver-rules=MAP {EVIL} 127.0.0.1") as browser:
        opened = browser.new_page()
        # The page itself comes from its own site, before its name leads here.
        opened.route(page, lambda route: route.fulfill(body="<!doctype html><title>A page</title>"))
        opened.goto(page)
        opened.unroute(page)
        ports = {name: f"http://{host}:{port}" for name, port in stack.ports.items()}
        given = {"api": f"{ports['UI_PORT']}/api", "browse": ports["BROWSE_PORT"], "lake": ports["LAKE_PORT"]}
        found: dict[str, str] = opened.evaluate(ATTACK, given)
        return found


@needs_chromium
def test_page_of_another_origin_reads_nothing_and_starts_nothing(stack: RunningStack) -> None:
    found = attack(stack, "http://pages.example/", "127.0.0.1")
    assert set(found.values()) == {"refused"}, found
    assert_nothing_was_made(stack)


@needs_chromium
@pytest.mark.parametrize("server", ["UI_PORT", "LAKE_PORT", "BROWSE_PORT"])
def test_page_that_is_rebound_to_this_machine_reads_nothing(stack: RunningStack, server: str) -> None:
    """Its own name leads to the stack now, so that all is of one origin to the browser."""
    found = attack(stack, f"http://{EVIL}:{stack.ports[server]}/", EVIL)
    assert set(found.values()) == {"refused"}, found
    assert_nothing_was_made(stack)


def assert_nothing_was_made(stack: RunningStack) -> None:
    flows = httpx.post(f"{stack.api_url}/flows/filter", json={}, auth=stack.auth, timeout=60).json()
    assert "made-by-a-page" not in {flow["name"] for flow in flows}


@pytest.mark.parametrize("path", ["/api/block_documents/filter", "/api/deployments/filter", "/api/admin/settings"])
def test_api_without_the_password_gives_nothing(stack: RunningStack, path: str) -> None:
    method = "GET" if path.endswith("settings") else "POST"
    assert httpx.request(method, stack.ui_url + path, json={"include_secrets": True}, timeout=60).status_code == 401


@pytest.mark.parametrize("headers", [{"Host": EVIL}, {"Origin": f"http://{EVIL}"}], ids=["host", "origin"])
@pytest.mark.parametrize("path", ["/", "/api/health", "/ui-settings", "/sign-in"])
def test_foreign_host_and_origin_are_refused_with_a_reason(
    stack: RunningStack, path: str, headers: dict[str, str]
) -> None:
    answer = httpx.get(stack.ui_url + path, headers=headers, timeout=60)
    assert answer.status_code in (400, 403)
    assert answer.text.startswith("This server ")
    assert "access-control-allow-origin" not in answer.headers


def test_browse_server_answers_to_its_own_name_alone_and_stays_in_the_lake(stack: RunningStack) -> None:
    url = f"http://127.0.0.1:{stack.ports['BROWSE_PORT']}"
    (stack.state / "lake/link").unlink(missing_ok=True)
    (stack.state / "lake/link").symlink_to("/etc")
    try:
        assert httpx.get(url, timeout=60).status_code == 200
        assert httpx.get(url, headers={"Host": EVIL}, timeout=60).status_code == 400
        assert httpx.get(f"{url}/link/hostname", timeout=60).status_code == 404
        assert httpx.get(f"{url}/..%2f.prefect/api-auth-string", timeout=60).status_code == 404
    finally:
        (stack.state / "lake/link").unlink()


def test_embedded_lake_gives_nothing_without_its_keys(stack: RunningStack) -> None:
    for headers in ({}, {"Host": EVIL}):
        answer = httpx.get(f"http://127.0.0.1:{stack.ports['LAKE_PORT']}/", headers=headers, timeout=60)
        assert answer.status_code in (400, 403)
        assert "<Bucket" not in answer.text


def test_password_is_its_owner_s_alone_and_on_no_command_line(stack: RunningStack) -> None:
    import psutil

    password = stack.auth[1]
    for name in ("api-auth-string", "sign-in.html", "stack.toml"):
        path = stack.state / ".prefect" / name
        assert password in path.read_text()
        assert path.stat().st_mode & 0o077 == 0
    assert len(password) >= 24
    for process in psutil.process_iter():
        try:
            assert not any(password in word for word in process.cmdline())
        except psutil.Error:
            continue
    assert password not in "".join(stack.output)
    assert not [log for log in (stack.state / ".prefect").glob("*.log") if password in log.read_text(errors="replace")]


def test_password_survives_a_restart_of_the_stack(stack: RunningStack, tmp_path: Path) -> None:
    from deployments.local import ways_in

    assert ways_in.kept(tmp_path / "a/b", "one") == ways_in.kept(tmp_path / "a/b", "two") == "one"
