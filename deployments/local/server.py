"""The local stack's Prefect server, which answers to its own pages and to programs that have its password.

A server on 127.0.0.1 is reached by every web page that its user opens: from the page's own origin, or under a name of
the page's that was bound to 127.0.0.1 anew. Prefect's password keeps both from the API; the guard keeps them from
everything else, WebSockets included, before Prefect sees the request.

    python -m deployments.local.server PORT
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from flows.lake.memory import leave_out_of_collections, seldom_collected

SIGN_IN = "/sign-in"
_SIGN_IN_PAGE = b"""<!doctype html><meta charset="utf-8"><title>Signing in</title>
<script>
// What follows the # never leaves the browser; the UI keeps the password under this name.
localStorage.setItem("prefect-password", btoa(decodeURIComponent(location.hash.slice(1))));
location.replace("/");
</script>
"""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Guard:
    """Refuses requests that are addressed to another host, or that come from the pages of another origin.

    Args:
        app: The ASGI app behind it.
        port: The port of this machine that it is reached at.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost")}
        self._origins = {b"http://" + host for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if headers.get(b"host") not in self._hosts:
            await _refuse(scope, send, 400, "This server is reached at 127.0.0.1 or localhost alone.")
        elif headers.get(b"origin") not in (None, *self._origins):
            await _refuse(scope, send, 403, "This server answers to no pages but its own.")
        elif scope["type"] == "http" and scope["path"] == SIGN_IN:
            await _answer(send, 200, b"text/html; charset=utf-8", _SIGN_IN_PAGE)
        else:
            await self._app(scope, receive, _unframed(send))


async def _refuse(scope: Scope, send: Send, status: int, why: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})  # refused before it was accepted: 403 on the wire
    else:
        await _answer(send, status, b"text/plain; charset=utf-8", why.encode())


async def _answer(send: Send, status: int, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"cache-control", b"no-store"), (b"x-frame-options", b"DENY")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _unframed(send: Send) -> Send:
    """Have no other page show this one inside itself, where clicks can be stolen."""

    async def unframed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"x-frame-options", b"DENY")]
        await send(message)

    return unframed


def main() -> None:
    """Serve until the process is ended."""
    port = int(sys.argv[1])
    with seldom_collected():
        import uvicorn
        from prefect.server.api.server import create_app

        app: Any = Guard(create_app(final=True), port)
    leave_out_of_collections()
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_keep_alive=5)


if __name__ == "__main__":
    main()
