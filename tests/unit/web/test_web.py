from __future__ import annotations

import base64
import gzip
import hashlib
import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from flows.lake.places import is_web, source_text
from flows.lake.web import network
from flows.lake.web.addresses import WebOrigin, origins, without_secrets
from flows.lake.web.errors import AddressRefused, AnswerWrong, FetchFailed
from flows.lake.web.fetching import Fetch
from flows.lake.web.network import is_public
from flows.lake.web.rules import WebRules
from tests.tools.certificates import Authority
from tests.tools.scripted_server import Request, scripted_server

OPEN = WebRules(http=True, private_networks=True)
BODY = b"id;nome\n" + b"".join(b"%d;Ana\n" % number for number in range(50_000))
DAY = date(2024, 3, 5)


class Server:
    """Answers with a file, and does to the answers what a test asks for, one after another."""

    def __init__(self, *scripts):
        self.scripts, self.headers = list(scripts), {"ETag": '"one"', "Last-Modified": "Mon, 04 Mar 2024 10:00:00 GMT"}

    def __call__(self, request: Request):
        if self.scripts and (made := self.scripts.pop(0)(request)):
            return made
        if request.headers.get("if-none-match") == self.headers.get("ETag"):
            return 304, b"", {"ETag": '"one"'}
        if wanted := request.headers.get("range"):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            told = {"Content-Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"}
            return 206, BODY[start:], self.headers | told
        return 200, BODY, self.headers


def cut(request):
    headers = {"ETag": '"one"', "Content-Length": str(len(BODY)), "Connection": "close"}
    return 200, BODY[:100_000], headers


def fetched(server, folder, *, name="dados.csv", rules=OPEN, known=None):
    waits: list[float] = []
    path = folder / "spool"
    with scripted_server(server) as script:
        origin = WebOrigin(f"{script.url}/{name}", rules)
        answer = Fetch(origin, waits.append).into(path, known and replace(known, address=origin.fingerprint))
        return answer, path, script.requests, waits


def test_a_file_arrives_as_it_is_published(tmp_path):
    answer, path, requests, _ = fetched(Server(), tmp_path)
    assert path.read_bytes() == BODY
    assert answer.etag == '"one"'
    assert path.stat().st_mtime == datetime(2024, 3, 4, 10, tzinfo=UTC).timestamp()
    assert requests[0].headers["accept-encoding"] == "identity"
    assert requests[0].headers["user-agent"] == "csv-to-raw-lake"


def test_an_unchanged_file_costs_one_request(tmp_path):
    answer, _, _, _ = fetched(Server(), tmp_path)
    again, _, requests, _ = fetched(Server(), tmp_path, known=answer)
    assert again is None
    assert len(requests) == 1


def test_validators_of_another_address_are_not_sent(tmp_path):
    answer, _, _, _ = fetched(Server(), tmp_path)
    with scripted_server(Server()) as script:
        origin = WebOrigin(f"{script.url}/dados.csv?ano=2024", OPEN)
        assert Fetch(origin).into(tmp_path / "spool", answer) is not None
        assert "if-none-match" not in script.requests[0].headers


def test_a_cut_transfer_goes_on(tmp_path):
    _, path, requests, _ = fetched(Server(cut), tmp_path)
    assert path.read_bytes() == BODY
    assert requests[1].headers["range"] == "bytes=100000-"
    assert requests[1].headers["if-range"] == '"one"'


@pytest.mark.parametrize(
    "second",
    [
        lambda request: (206, BODY[5:], {"ETag": '"one"', "Content-Range": f"bytes 5-{len(BODY) - 1}/{len(BODY)}"}),
        lambda request: (206, BODY[100_000:], {"ETag": '"two"', "Content-Range": f"bytes 100000-{len(BODY) - 1}/*"}),
        lambda request: (206, BODY[100_000:], {"Content-Range": "nonsense"}),
        lambda request: (416, b""),
        lambda request: (200, BODY, {"ETag": '"two"'}),
    ],
    ids=["other range", "other etag", "no range", "416", "whole"],
)
def test_what_is_not_the_rest_starts_anew(second, tmp_path):
    _, path, _, _ = fetched(Server(cut, second), tmp_path)
    assert path.read_bytes() == BODY


def test_a_weak_etag_proves_no_rest(tmp_path):
    def weak(request):
        return 200, BODY[:100_000], {"ETag": 'W/"one"', "Content-Length": str(len(BODY)), "Connection": "close"}

    _, path, requests, _ = fetched(Server(weak), tmp_path)
    assert path.read_bytes() == BODY
    assert "range" not in requests[1].headers


@pytest.mark.parametrize(
    ("asked", "waits"),
    [(lambda: "7", 7), (lambda: in_a_minute(), 60), (lambda: "soon", 0.5)],
    ids=["seconds", "date", "nonsense"],
)
def test_a_busy_server_is_asked_again_when_it_says(asked, waits, tmp_path):
    _, path, _, waited = fetched(Server(lambda request: (429, b"", {"Retry-After": asked()})), tmp_path)
    assert path.read_bytes() == BODY
    assert waits - 50 < waited[0] <= waits


def in_a_minute():
    return format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)


def test_a_long_pause_ends_it(tmp_path):
    with pytest.raises(FetchFailed, match="asks for a pause of 3,600 s"):
        fetched(Server(lambda request: (503, b"", {"Retry-After": "3600"})), tmp_path)


def test_tries_end(tmp_path):
    with pytest.raises(FetchFailed, match=r"dados\.csv could not be fetched \(HTTP 503, 6 tries\)"):
        fetched(lambda request: (503, b""), tmp_path)


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://example.org/x", "gopher://x", "https://a:b@example.org/"],
)
def test_redirects_keep_to_the_scheme(target, tmp_path):
    with pytest.raises(AddressRefused, match="redirects to") as caught:
        fetched(lambda request: (302, b"", {"Location": target}), tmp_path)
    assert "a:b" not in str(caught.value)


def test_a_redirect_to_nowhere_is_told(tmp_path):
    with pytest.raises(FetchFailed, match="without saying where to"):
        fetched(lambda request: (302, b""), tmp_path)


def test_redirects_end(tmp_path):
    with pytest.raises(FetchFailed, match="from redirect to redirect"):
        fetched(lambda request: (302, b"", {"Location": "/again"}), tmp_path)


def test_a_redirect_is_followed_and_its_query_is_not_shown(tmp_path):
    def script(request):
        if "X-Amz-Signature" in request.path:
            return 404, b""
        return 302, b"", {"Location": "/bucket/x.csv?X-Amz-Signature=s3cr3t"}

    with pytest.raises(FetchFailed, match="HTTP 404") as caught:
        fetched(script, tmp_path)
    assert "s3cr3t" not in str(caught.value)


def test_networks_that_are_not_public_are_refused(tmp_path):
    with pytest.raises(AddressRefused, match="not public"):
        fetched(Server(), tmp_path, rules=WebRules(http=True))


def test_a_name_is_checked_where_it_is_connected(tmp_path, monkeypatch):
    """A name that leads to a public address first and to loopback when it is asked again is connected to once."""
    asked = []

    def resolve(host, port, **kind):
        asked.append(host)
        address = "8.8.8.8" if len(asked) == 1 else "127.0.0.1"
        return [(2, 1, 6, "", (address, port))]

    connected = []

    class Inner:
        def connect_tcp(self, host, *rest):
            connected.append(host)
            raise network.httpcore.ConnectError("no network")

    monkeypatch.setattr(network.socket, "getaddrinfo", resolve)
    monkeypatch.setattr(network.httpcore, "SyncBackend", Inner)
    with pytest.raises(AddressRefused, match="not public"):
        Fetch(WebOrigin("https://rebinding.example/x.csv"), lambda _: None).into(tmp_path / "spool")
    assert connected == ["8.8.8.8"]


def test_a_host_of_which_one_address_is_not_public_is_refused(tmp_path, monkeypatch):
    found = [(2, 1, 6, "", (address, 443)) for address in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(network.socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(AddressRefused, match="not public"):
        Fetch(WebOrigin("https://mixed.example/x.csv")).into(tmp_path / "spool")


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255 240.0.0.1
    192.0.2.1 ::1 :: fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 ff02::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::7f00:1
    64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1:: 2001::1
    192.0.0.8 192.88.99.1 3fff::1 5f00::1""".split(),
)
def test_what_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "200.160.2.3", "2606:4700::1111", "2001:12ff::10"])
def test_what_is_public(address):
    assert is_public(address)


def test_http_is_refused(tmp_path):
    with pytest.raises(AddressRefused, match="is not https"):
        fetched(Server(), tmp_path, rules=WebRules(private_networks=True))


def test_proxies_of_the_environment_are_not_used(tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    _, path, _, _ = fetched(Server(), tmp_path)
    assert path.read_bytes() == BODY


def _b64(name):
    return base64.b64encode(hashlib.new(name, BODY).digest()).decode()


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("Repr-Digest", "sha-256=:{sha256}:"),
        ("Content-Digest", "sha-512=:{sha512}:, sha-256=:{sha256}:"),
        ("Digest", "SHA-256={sha256}"),
        ("Content-MD5", "{md5}"),
        ("x-amz-checksum-sha256", "{sha256}"),
    ],
)
def test_digests_are_checked(header, form, tmp_path):
    server = Server()
    right = {name: _b64(name) for name in ("sha256", "sha512", "md5")}
    server.headers[header] = form.format(**right)
    fetched(server, tmp_path)
    wrong = {name: base64.b64encode(hashlib.new(name, b"other").digest()).decode() for name in right}
    server.headers[header] = form.format(**wrong)
    with pytest.raises(AnswerWrong, match="than its server states"):
        fetched(server, tmp_path)


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (b"\n<!DOCTYPE html><p>Manuten\xe7\xe3o", "text/csv"),
        (b"<!-- a --> <!-- b -->\n<HTML>", "text/csv"),
        (b"<?xml version='1.0'?>\n<!doctype  html>", "application/zip"),
        (b"<title>Erro</title>", "text/csv"),
        (b"<p>Sess\xe3o expirada", "text/html; charset=iso-8859-1"),
        ("\ufeff<html>".encode("utf-16-le"), "text/html"),
    ],
)
def test_a_page_in_place_of_the_file_is_told(page, kind, tmp_path):
    with pytest.raises(AnswerWrong, match="a page of HTML"):
        fetched(lambda request: (200, page, {"Content-Type": kind}), tmp_path)


@pytest.mark.parametrize(
    ("body", "kind"), [(BODY, "text/html"), (b"<b>;x\n1;2\n", "text/csv"), (b"<!---->" * 600 + b"x", "text/csv")]
)
def test_what_only_looks_like_a_page_a_little_is_none(body, kind, tmp_path):
    _, path, _, _ = fetched(lambda request: (200, body, {"Content-Type": kind}), tmp_path)
    assert path.read_bytes() == body


@pytest.mark.parametrize("packed", [True, False])
def test_size_is_bounded(packed, tmp_path):
    def script(request):
        # Packed it is small: its length says nothing of what it unfolds to.
        return 200, gzip.compress(b"1;2\n" * 99_999) if packed else BODY, {"Content-Encoding": "gzip"} if packed else {}

    with pytest.raises(AnswerWrong, match="larger than"):
        fetched(script, tmp_path, rules=replace(OPEN, most_bytes=20_000))
    assert (tmp_path / "spool").stat().st_size <= 20_000


def test_what_was_packed_for_the_way_and_ends_early_is_asked_for_again(tmp_path):
    packed = gzip.compress(BODY)
    whole = {"Content-Encoding": "gzip", "ETag": '"g"'}
    _, path, requests, _ = fetched(
        Server(lambda _: (200, packed[:-9], whole), lambda _: (200, packed, whole)), tmp_path
    )
    assert path.read_bytes() == BODY
    assert [request.headers.get("range") for request in requests] == [None, None]


def test_packed_for_the_way_is_unpacked_and_a_packed_file_is_not(tmp_path):
    packed = gzip.compress(BODY)
    script = Server(*[lambda request: (200, packed, {"Content-Encoding": "gzip", "ETag": '"g"'})] * 2)
    _, path, _, _ = fetched(script, tmp_path)
    assert path.read_bytes() == BODY
    _, path, _, _ = fetched(script, tmp_path, name="dados.csv.gz")
    assert path.read_bytes() == packed


@pytest.mark.parametrize("ending", ["chunks", "none"])
def test_bodies_without_a_length(ending, tmp_path):
    """A chunked body that is cut is noticed; one that ends with its connection cannot be."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Connection", "close")
            if ending == "chunks":
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"%x\r\n%s\r\n" % (len(BODY), BODY) + (b"0\r\n\r\n" if len(asked) > 1 else b""))
            else:
                self.end_headers()
                self.wfile.write(BODY)
            self.close_connection = True

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        origin = WebOrigin(f"http://127.0.0.1:{server.server_address[1]}/x.csv", OPEN)
        Fetch(origin, lambda _: None).into(tmp_path / "spool")
    finally:
        server.shutdown()
        server.server_close()
    assert (tmp_path / "spool").read_bytes() == BODY
    assert len(asked) == (2 if ending == "chunks" else 1)


@contextmanager
def encrypted_server(files):
    """A server over TLS that sends the body, or leads from /to-http to http."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(302 if self.path == "/to-http" else 200)
            self.send_header("Location", "http://127.0.0.1/x.csv")
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, *args):
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *args: None
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("expired", "trusted"), [(False, False), (True, True), (False, True)])
def test_a_certificate_that_is_not_good_is_told_at_once(expired, trusted, tmp_path, monkeypatch):
    files = Authority.make(tmp_path, expired=expired)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(files.ca_bundle))
    with encrypted_server(files) as url:
        fetch = Fetch(WebOrigin(f"{url}/x.csv", OPEN))
        if trusted and not expired:
            fetch.into(tmp_path / "spool")
            assert (tmp_path / "spool").read_bytes() == BODY
            with pytest.raises(AddressRefused, match="redirects to 'http'"):
                Fetch(WebOrigin(f"{url}/to-http", OPEN)).into(tmp_path / "spool")
            return
        why = "certificate has expired" if expired else "CERTIFICATE_VERIFY_FAILED"
        with pytest.raises(FetchFailed, match=rf"{why}.*1 try"):
            fetch.into(tmp_path / "spool")


def test_only_harmless_headers_are_kept(tmp_path):
    server = Server()
    server.headers |= {"Set-Cookie": "id=s3cr3t", "X-Token": "s3cr3t", "Content-Type": "text/csv"}
    answer, _, _, _ = fetched(server, tmp_path)
    assert answer.headers["content-type"] == "text/csv"
    assert "s3cr3t" not in repr(answer)


@pytest.mark.parametrize(
    "source",
    [
        "https://a.example/x_%Y%m%d.csv",
        "https:/a.example/x_%Y%m%d.csv",
        Path("https://a.example/x_%Y%m%d.csv"),
        '["https://a.example/x_%Y%m%d.csv"]',
    ],
)
def test_addresses_are_filled_in(source):
    assert is_web(Path(source))
    assert origins(Path(source), DAY) == [WebOrigin("https://a.example/x_20240305.csv")]


def test_lists_and_encoded_signs():
    source = Path(
        "https://a.example/S%C3%A3o%20Paulo.csv\nhttps://a.example/b.csv?ano=%Y https://a.example/b.csv?ano=%Y"
    )
    first, second = origins(source, DAY)
    assert first.url == "https://a.example/S%C3%A3o%20Paulo.csv"
    assert first.place.name == "São Paulo.csv"
    assert second.url.endswith("?ano=2024")
    assert str(second.place) == "https:/a.example/b.csv"


@pytest.mark.parametrize(
    "url",
    [
        "https://ana:s3cr3t@a.example/x.csv",
        "https://a.example/x.csv?sv=2022&sig=s3cr3t",
        "https://a.example/x.csv?X-Amz-Signature=s3cr3t",
        "https://a.example/x.csv?access_token=s3cr3t",
        "https://a.example/x.csv?subscription-key=s3cr3t",
        "https://a.example/x.csv?senha=s3cr3t",
        "https://a.example/x.csv;jsessionid=s3cr3t",
        "https://a.example/a;jsessionid=s3cr3t/x.csv",
        "https://a.example/x.csv#token=s3cr3t",
        "https://a.example/",
        "https:///x.csv",
        "https://[::1/x.csv",
    ],
)
def test_addresses_that_are_refused_are_not_quoted(url):
    with pytest.raises(AddressRefused) as caught:
        origins(Path(url), DAY)
    assert "s3cr3t" not in str(caught.value) + without_secrets(url) + source_text(Path(url))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://a.example/download?id=3#dados_%Y%m.csv", "dados_202403.csv"),
        ("https://a.example/#dados.zip", "dados.zip"),
        ("https://a.example/x/#São%20Paulo.csv", "São Paulo.csv"),
    ],
)
def test_what_stands_behind_the_sign_names_the_file(url, name):
    (origin,) = origins(Path(url), DAY)
    assert origin.place.name == name
    assert "#" not in origin.url


@pytest.mark.parametrize("name", ["../../etc/x.csv", "a/b.csv", "%2e%2e%2fx.csv"])
def test_a_name_behind_the_sign_leads_nowhere_else(name):
    try:
        (origin,) = origins(Path(f"https://a.example/x#{name}"), DAY)
    except AddressRefused:
        return
    assert ".." not in origin.place.parts


def test_no_sources_of_the_web():
    assert not any(map(is_web, (Path("data"), Path("s3://a/b"), Path("https"), Path("[x]"))))


def test_a_place_cannot_climb():
    assert WebOrigin("https://a.example/..%2f..%2fetc/%2e%2e/x.csv").place.parts[-1] == "x.csv"
    assert ".." not in WebOrigin("https://a.example/%2e%2e/x.csv").place.parts


def test_cookies_go_nowhere_else(tmp_path):
    with network.web_client(OPEN) as client:
        assert not client.follow_redirects
        assert isinstance(client, httpx.Client)


@pytest.mark.parametrize(
    "validators",
    [{"ETag": '"two"'}, {}, {"ETag": '"one"', "Last-Modified": "Tue, 05 Mar 2024 10:00:00 GMT"}],
)
def test_the_rest_of_another_file_is_not_taken_from_a_server_that_ignores_if_range(tmp_path, validators):
    def rest_of_another(request):
        start = int(request.headers["range"].removeprefix("bytes=").rstrip("-"))
        told = {"Content-Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"}
        return 206, b"x" * (len(BODY) - start), validators | told

    def cut_with_a_time(request):
        status, body, headers = cut(request)
        return status, body, headers | {"Last-Modified": "Mon, 04 Mar 2024 10:00:00 GMT"}

    fetched(Server(cut_with_a_time, rest_of_another), tmp_path)
    assert (tmp_path / "spool").read_bytes() == BODY
