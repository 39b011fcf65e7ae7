"""What hosts are told of who asks: headers that hold secrets, each bound to one host and never sent anywhere else.

A redirect to another host, another port or from `https` loses them, since each request is looked at by its own address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

_PORTS = {"https": 443, "http": 80}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class WebAccess:
    """Headers for hosts; what it holds is never shown and never serialized.

    Args:
        headers: Pairs of a host, such as `dados.example.gov` or `dados.example.gov:8443`, and its headers.
    """

    def __init__(self, headers: Iterable[tuple[str, Mapping[str, str]]] = ()) -> None:
        self._headers = {_with_port(host): dict(given) for host, given in headers}

    def headers_for(self, url: str) -> dict[str, str]:
        """Return the headers of a request: those of its host, over an encrypted connection or on this machine."""
        parts = urlsplit(url)
        host, scheme = (parts.hostname or "").lower(), parts.scheme.lower()
        if scheme != "https" and not (scheme == "http" and host in _LOOPBACK):
            return {}
        return dict(self._headers.get((host, parts.port or _PORTS[scheme]), {}))

    def __repr__(self) -> str:
        return "WebAccess(…)"

    def __reduce__(self) -> Any:
        raise TypeError("Credentials are never serialized: pass the block's name and load it where it is needed.")


def _with_port(host: str) -> tuple[str, int]:
    parts = urlsplit(f"//{host.strip()}")
    return (parts.hostname or "").lower(), parts.port or _PORTS["https"]


def no_access() -> WebAccess:
    """Return no credentials: hosts are asked as anybody asks them."""
    return WebAccess()
