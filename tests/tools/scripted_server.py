"""A small HTTP or HTTPS server whose answers a test scripts, for what no S3 test server can be made to say."""

from __future__ import annotations

import datetime
import http.client
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    @property
    def signed_by(self) -> str:
        """The access key ID in the signature."""
        return self.headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]


Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]


@dataclass
class ScriptedServer:
    answer: Callable[[Request], Answer]
    url: str = ""
    requests: list[Request] = field(default_factory=list)


@contextmanager
def scripted_server(answer: Callable[[Request], Answer], port: int = 0) -> Iterator[ScriptedServer]:
    script = ScriptedServer(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, self.rfile.read(length))
            script.requests.append(request)
            status, body, *more = script.answer(request)
            self.send_response(status)
            answered = {"Content-Length": str(len(body))} | (more[0] if more else {})
            for name, value in answered.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()


def forwarded(request: Request, url: str) -> Answer:
    """Return what another server answers to a request."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
    try:
        connection.request(request.method, request.path, request.body, request.headers)
        answer = connection.getresponse()
        body = answer.read()
        dropped = {"connection", "date", "server", "transfer-encoding"}
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in dropped}
        return answer.status, body, headers
    finally:
        connection.close()


def in_seconds(seconds: int) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def assumed_role(number: int, expires_in_s: int, operation: str = "AssumeRole") -> bytes:
    """What STS answers; keys and tokens carry the number."""
    return f"""<{operation}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{operation}Result>
    <AssumedRoleUser><AssumedRoleId>R:s</AssumedRoleId><Arn>arn:aws:sts::123456789012:assumed-role/lake/s</Arn>
    </AssumedRoleUser><Credentials><AccessKeyId>ASIASESSION{number}</AccessKeyId>
    <SecretAccessKey>secret-of-session-{number}</SecretAccessKey><SessionToken>token-of-session-{number}</SessionToken>
    <Expiration>{in_seconds(expires_in_s)}</Expiration></Credentials></{operation}Result>
    </{operation}Response>""".encode()


def caller(arn: str = "arn:aws:iam::123456789012:user/ana") -> bytes:
    return f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
    <Arn>{arn}</Arn><UserId>U</UserId><Account>123456789012</Account></GetCallerIdentityResult>
    </GetCallerIdentityResponse>""".encode()


def buckets(*names: str) -> bytes:
    listed = "".join(f"<Bucket><Name>{name}</Name></Bucket>" for name in names)
    owner = "<Owner><ID>o</ID></Owner>"
    return f"<ListAllMyBucketsResult>{owner}<Buckets>{listed}</Buckets></ListAllMyBucketsResult>".encode()


def s3_error(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


def sts_error(code: str, message: str) -> bytes:
    return f"""<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
    <Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>""".encode()


def as_json(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def private_ca(folder: Path) -> tuple[Path, Path, Path]:
    """Write a CA nobody trusts and a certificate for 127.0.0.1; return CA bundle, certificate and key files."""
    now = datetime.datetime.now(datetime.UTC)

    def name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    def builder(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("Private test CA"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
        )

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = dict.fromkeys(("content_commitment", "data_encipherment", "encipher_only", "decipher_only"), False)
    ca = (
        builder("Private test CA", ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                **usage,
            ),
            critical=True,
        )
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        builder("127.0.0.1", key)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    files = folder / "ca.pem", folder / "server.pem", folder / "server.key"
    files[0].write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    files[2].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    ssl.create_default_context(cafile=str(files[0]))
    return files
