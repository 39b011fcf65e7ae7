"""What can go wrong with a file that is published at an address; a branch of the tree in `flows.lake.errors`."""

from __future__ import annotations

from flows.lake.errors import SourceError


class WebError(SourceError):
    """A file cannot be had from its address."""


class AddressRefused(WebError, PermissionError):
    """An address that is not to be asked: its scheme, its credentials, or the network that it leads to."""


class FetchFailed(WebError, ConnectionError):
    """The server gave no answer that can be used, after every retry."""


class AnswerWrong(WebError, ValueError):
    """What arrived is not what the server says that it is, or is no file."""


class NotModified(Exception):
    """No error: the server says that a file still is what the lake has of it."""


def refused_by(status: int, where: str) -> WebError:
    """Return the error for an answer's status that is no file and will not become one."""
    remedies = {
        401: "It wants to know who asks: name a block for its host in web_credentials.",
        403: "It lets nobody ask from here, or not without a sign of who asks (web_credentials).",
        404: "Check the address, and the day in it.",
        410: "Check the address, and the day in it.",
    }
    return FetchFailed(f"{where} answers with HTTP {status}.", remedy=remedies.get(status, "Open it in a browser."))
