"""The Prefect server that the commands of this package store blocks on, and what is asked of it before they do."""

from __future__ import annotations

import contextlib
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, get_current_settings, temporary_settings

from flows.lake.errors import SettingsError

LOCAL_API = "http://127.0.0.1:4200/api"
LOCAL_PASSWORD = Path(os.environ.get("LAKE_STATE") or Path(__file__).parents[1]) / ".prefect/api-auth-string"
"""Where `make up` listens, for a terminal in which nobody has set PREFECT_API_URL."""


def check_name(name: str) -> None:
    """Make sure that a name can be a block's.

    Raises:
        SettingsError: It cannot.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise SettingsError(f"{name!r} is not a valid block name.", remedy="Use lower-case letters, digits and dashes.")


def exists(name: str, kind: type[Block]) -> bool:
    """Return whether the server has a block of that name and type."""
    with get_client(sync_client=True) as client:
        try:
            client.read_block_document_by_name(name, kind.get_block_type_slug(), include_secrets=False)
        except ObjectNotFound:
            return False
    return True


@contextlib.contextmanager
def server_in_use() -> Iterator[None]:
    """Use the server that is configured, else the one that `make up` runs.

    Raises:
        SettingsError: There is neither; a server that lives in this process alone would hide the block from all runs.
    """
    if get_current_settings().api.url:
        yield
        return
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(f"{LOCAL_API}/health", timeout=5).close()
    except (OSError, urllib.error.HTTPError):
        remedy = "Start one with `make up`, or set PREFECT_API_URL to yours."
        raise SettingsError("There is no Prefect server to store the block on.", remedy=remedy) from None
    password = LOCAL_PASSWORD.read_text().strip() if LOCAL_PASSWORD.is_file() else None
    with temporary_settings({PREFECT_API_URL: LOCAL_API, PREFECT_API_AUTH_STRING: password}):
        yield


def refused(error: PrefectHTTPStatusError) -> str:
    """Return what to say of a server that refuses a request."""
    if error.response.status_code in (401, 403):
        return "The Prefect server refuses: set PREFECT_API_AUTH_STRING (or PREFECT_API_KEY on Prefect Cloud)."
    return str(error)
