"""An HTTP proxy in front of a real S3 server that breaks things on purpose, and can check what the server does not.

A test puts faults on operations ("the second UploadPart", "every PutObject twice") and uses the proxy as its endpoint.
What no fault names goes through unchanged, with the client's own Host header, so that signatures stay valid. With
`checks` on, bodies are compared with the digests in their headers and refused as `BadDigest`, which moto never does.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import http.client
import http.server
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from awscrt.checksums import crc64nvme

from tests.tools.servers import S3Server

ROOT = Path(__file__).parents[2]
REGION_HEADER = "x-amz-bucket-region"


@dataclass
class Request:
    """One request as the proxy received it."""

    operation: str
    method: str
    path: str
    part: int | None
    headers: Any
    body: bytes = b""


@dataclass
class Fault:
    """What happens to the next requests of an operation.

    Attributes:
        operation: S3's name for it, or `*`.
        act: Called with the handler and the request; returns `True` when it has answered (or dropped) the request,
            `False` when the request goes on as it is now.
        times: How often.
        part: Only this part of a multipart upload.
        after: Let so many matching requests pass first.
        early: Called before the body was read.
    """

    operation: str
    act: Callable[[Any, Request], bool]
    times: int = 1
    part: int | None = None
    after: int = 0
    early: bool = False

    def fits(self, request: Request) -> bool:
        if self.operation not in ("*", request.operation) or self.part not in (None, request.part):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        return self.times > 0


def operation_on_bucket(method: str, bucket: str, query: Collection[str]) -> str:
    """Return S3's name for a request on a bucket or on all of them; settings are named as in the address."""
    if not bucket:
        return "ListBuckets"
    if "list-type" in query:
        return "ListObjectsV2"
    if "uploads" in query:
        return "ListMultipartUploads"
    if settings := [name for name in query if name != "location"]:
        return f"{method.title()}Bucket {settings[0]}"
    return {"HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(method, f"{method} bucket")


def operation_of(method: str, target: str, headers: Any) -> tuple[str, int | None]:
    """Return S3's name for a request, and the part's number."""
    url = urlsplit(target)
    query = parse_qs(url.query, keep_blank_values=True)
    bucket, _, key = url.path.strip("/").partition("/")
    if not key:
        return operation_on_bucket(method, bucket, query), None
    if "partNumber" in query and method == "PUT":
        return "UploadPart", int(query["partNumber"][0])
    if "uploads" in query and method == "POST":
        return "CreateMultipartUpload", None
    if "uploadId" in query:
        return {"POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(method, "ListParts"), None
    if method == "PUT" and headers.get("x-amz-copy-source"):
        return "CopyObject", None
    names = {"PUT": "PutObject", "HEAD": "HeadObject", "GET": "GetObject", "DELETE": "DeleteObject"}
    return names.get(method, method), None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        pass

    def handle_one(self) -> None:
        proxy = self.server.proxy
        if proxy.away:
            self.drop()
            return
        operation, part = operation_of(self.command, self.path, self.headers)
        request = Request(operation, self.command, self.path, part, self.headers)
        proxy.requests.append(request)
        fault = proxy.fault_for(request)
        if fault and fault.early and fault.act(self, request):
            return
        length = int(self.headers.get("Content-Length") or 0)
        request.body = self.rfile.read(length)
        if len(request.body) < length:
            self.drop(reset=False)  # the client died: what it had sent so far must not arrive as if it were the whole
            return
        if fault and not fault.early and fault.act(self, request):
            return
        if proxy.checks and not _digests_hold(request):
            self.refuse(400, "BadDigest", "The digest you specified did not match what we received.")
            return
        self.relay(*self.forward(request))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_one

    def forward(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        upstream = urlsplit(self.server.proxy.upstream)
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=60)
        try:
            connection.putrequest(request.method, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in ("expect", "connection", "content-length"):
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(request.body)))
            connection.putheader("Connection", "close")
            connection.endheaders(request.body or None)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def relay(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        length = None
        for name, value in headers:
            if name.lower() == "content-length":
                length = value
            elif name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", (length or "0") if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str, message: str = "", **headers: str) -> bool:
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message or code}</Message></Error>".encode()
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.relay(status, [("Content-Type", "application/xml"), *named], body)
        return True

    def drop(self, *, reset: bool = True) -> bool:
        """Close the connection without an answer, abruptly."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.close() if reset else self.connection.shutdown(socket.SHUT_RDWR)
        return True

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()


class _Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    proxy: FaultProxy

    def handle_error(self, *_: Any) -> None:
        pass


def _digests_hold(request: Request) -> bool:
    headers, body = request.headers, request.body
    md5, crc, sha256 = (headers.get(n) for n in ("Content-MD5", "x-amz-checksum-crc64nvme", "x-amz-content-sha256"))
    if request.operation not in ("PutObject", "UploadPart"):
        return True
    if md5 and base64.b64encode(hashlib.md5(body).digest()).decode() != md5:
        return False
    if crc and base64.b64encode(crc64nvme(body).to_bytes(8, "big")).decode() != crc:
        return False
    return not (sha256 and len(sha256) == 64 and hashlib.sha256(body).hexdigest() != sha256)


class FaultProxy:
    """The proxy; `server` is the S3 server as seen through it."""

    def __init__(self, upstream: S3Server, *, checks: bool = False) -> None:
        self.upstream = upstream.endpoint_url
        self.checks = checks
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.away = False
        self._lock = threading.Lock()
        self._listener = self._listen(0)
        self._port = self._listener.server_address[1]
        self.server = dataclasses.replace(upstream, endpoint_url=f"http://127.0.0.1:{self._port}")

    def _listen(self, port: int) -> _Listener:
        listener = _Listener(("127.0.0.1", port), _Handler)
        listener.proxy = self
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return listener

    def add(self, *faults: Fault) -> None:
        self.faults += faults

    def fault_for(self, request: Request) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.fits(request):
                    fault.times -= 1
                    return fault
        return None

    @property
    def pending(self) -> list[str]:
        """The operations of faults that have not happened (yet)."""
        return [fault.operation for fault in self.faults if fault.times > 0]

    def operations(self) -> list[str]:
        return [request.operation for request in self.requests]

    def go_away(self) -> None:
        """Stop listening: new connections are refused, and those that are open are cut at their next request."""
        self.away = True
        self._listener.shutdown()
        self._listener.server_close()

    def come_back(self) -> None:
        self._listener = self._listen(self._port)
        self.away = False

    def gone_for(self, seconds: float) -> Callable[[Any, Request], bool]:
        """Return a fault that takes the server away for so long."""

        def act(handler: Any, _: Request) -> bool:
            def away() -> None:
                self.go_away()
                time.sleep(seconds)
                self.come_back()

            threading.Thread(target=away, daemon=True).start()
            return bool(handler.drop())

        return act

    def run_and_kill(self, command: Sequence[str], *, at_part: int, within_s: float = 60) -> None:
        """Run a Python command until it sends a part of an upload, hold that, and kill it: `kill -9` leaves no time.

        Args:
            command: The arguments of Python.
            at_part: The part's number.
            within_s: How long the command may take to come there.
        """
        reached, go_on = threading.Event(), threading.Event()

        def hold(handler: Any, _: Request) -> bool:
            reached.set()
            go_on.wait(within_s)
            return bool(handler.drop())

        self.add(Fault("UploadPart", hold, part=at_part))
        run = subprocess.Popen([sys.executable, *command], cwd=ROOT)
        try:
            assert reached.wait(within_s)
        finally:
            run.kill()
            run.wait()
            go_on.set()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.go_away()


@contextmanager
def fault_proxy(upstream: S3Server, *, checks: bool = False) -> Iterator[FaultProxy]:
    proxy = FaultProxy(upstream, checks=checks)
    try:
        yield proxy
    finally:
        proxy.close()


def refused(status: int, code: str, message: str = "", **headers: str) -> Callable[[Any, Request], bool]:
    """Answer with an error in place of the server."""
    return lambda handler, _: handler.refuse(status, code, message, **headers)


def reset_in_the_middle(handler: Any, _: Request) -> bool:
    """Read a part of the body, then reset the connection."""
    handler.rfile.read(1024)
    return bool(handler.drop())


def stall(seconds: float) -> Callable[[Any, Request], bool]:
    """Take the request and say nothing for so long, then close the connection."""

    def act(handler: Any, _: Request) -> bool:
        time.sleep(seconds)
        return bool(handler.drop())

    return act


def answer_lost(handler: Any, request: Request) -> bool:
    """Let the server do its work, and drop its answer."""
    handler.forward(request)
    return bool(handler.drop())


def error_in_a_200(handler: Any, _: Request) -> bool:
    """Answer 200 and put an error into the body, as S3 does when Complete fails after the headers have gone."""
    body = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>We failed</Message></Error>"
    handler.relay(200, [("Content-Type", "application/xml")], body)
    return True


def altered(_: Any, request: Request) -> bool:
    """Flip bits of one byte in the middle of the body."""
    middle = len(request.body) // 2
    request.body = request.body[:middle] + bytes([request.body[middle] ^ 0xFF]) + request.body[middle + 1 :]
    return False


def truncated(_: Any, request: Request) -> bool:
    """Pass on only the first half of the body, as complete."""
    request.body = request.body[: len(request.body) // 2]
    return False


def answer_altered(handler: Any, request: Request) -> bool:
    """Flip bits of one byte in the middle of the answer's body."""
    status, headers, body = handler.forward(request)
    middle = len(body) // 2
    handler.relay(status, headers, body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :])
    return True


def answer_cut(handler: Any, request: Request) -> bool:
    """Send half of the answer's body, then close the connection."""
    status, headers, body = handler.forward(request)
    handler.send_response_only(status)
    for name, value in headers:
        if name.lower() not in ("transfer-encoding", "connection"):
            handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    return bool(handler.drop(reset=False))
