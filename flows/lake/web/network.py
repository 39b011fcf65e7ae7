"""Connections that lead only where they may: each address is resolved once, checked, and connected to as checked.

The check is made where the connection is made, so a redirect or a name that changes its address meanwhile cannot pass
it. Proxies of the environment are not used: behind one nobody could say where a connection leads.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from flows.lake.units import KIB
from flows.lake.web.errors import AddressRefused
from flows.lake.web.rules import WebRules
from flows.lake.words import shown

_TRANSLATED = tuple(
    map(
        ipaddress.IPv6Network,
        # What carries an IPv4 address inside: compatible, NAT64, 6to4 and Teredo.
        ("::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"),
    )
)
_SPECIAL = tuple(
    map(
        ipaddress.ip_network,
        # Which older versions of Python take for public: protocols' own, 6to4 relays, documentation, segment routing.
        ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20", "5f00::/16"),
    )
)
CONNECT_TIMEOUT_S = 20.0
SILENT_TIMEOUT_S = 60.0


def is_public(address: str) -> bool:
    """Say whether an IP address is one of the public internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return False
        if any(ip in network for network in _TRANSLATED):
            return False
    if any(ip in network for network in _SPECIAL):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


class CheckedNetwork(httpcore.NetworkBackend):
    """Makes connections to public addresses only."""

    def __init__(self, rules: WebRules) -> None:
        self._rules = rules
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to a host, after its addresses were checked.

        Raises:
            AddressRefused: It has an address that is not public.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name cannot be resolved: {error}") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not self._rules.private_networks and not all(map(is_public, addresses)):
            raise AddressRefused(
                f"{shown(host)} leads to a network that is not public.",
                remedy="Use an address on the internet; INGEST_WEB_PRIVATE=1 on the worker allows others.",
            )
        problem: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses:
            try:
                return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem


class _Transport(httpx.HTTPTransport):
    def __init__(self, rules: WebRules) -> None:
        super().__init__(trust_env=False)
        self._pool.close()
        # httpx has no parameter for it.
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(), network_backend=CheckedNetwork(rules)
        )


def web_client(rules: WebRules) -> httpx.Client:
    """Return a client that follows no redirect by itself and says who asks."""
    contact = f"; {rules.contact}" if rules.contact else ""
    return httpx.Client(
        transport=_Transport(rules),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(SILENT_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        # Bytes land as they are published: no coding for the way, whose digest would be another one.
        headers={"User-Agent": f"csv-to-raw-lake{contact}", "Accept": "*/*", "Accept-Encoding": "identity"},
    )


MOST_ROBOTS_BYTES = 500 * KIB
"""What RFC 9309 has a reader take of it at least."""


def robots_of(url: str, rules: WebRules) -> str:
    """Return the text of the `robots.txt` of an address's host; empty where there is none."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not rules.http:
        return ""
    try:
        with (
            web_client(rules) as client,
            client.stream("GET", f"{parts.scheme}://{parts.netloc}/robots.txt") as response,
        ):
            if response.status_code != 200:
                return ""
            text = b""
            for piece in response.iter_raw(64 * KIB):
                text += piece
                if len(text) >= MOST_ROBOTS_BYTES:
                    break
            return text[:MOST_ROBOTS_BYTES].decode("utf-8", "replace")
    except (httpx.HTTPError, AddressRefused):
        return ""  # the file itself will say what is wrong
