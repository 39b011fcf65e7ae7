"""The secrets of the local stack, kept in files that only their owner may read, and how people come in with them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import urllib.parse
from pathlib import Path

from deployments.local.folders import PREFECT_HOME
from deployments.local.server import SIGN_IN

BLOCK_KEY = PREFECT_HOME / "block-encryption.key"
API_PASSWORD = PREFECT_HOME / "api-auth-string"
SIGN_IN_PAGE = PREFECT_HOME / "sign-in.html"
PROFILE = PREFECT_HOME / "stack.toml"
"""For `prefect` in a terminal: PREFECT_PROFILES_PATH names it, so that no password is typed or shown."""


def block_key() -> str:
    """Return the key that encrypts this stack's blocks, made on first use.

    It lies in a file that only its owner may read, beside the database and not in it: the database alone opens nothing.
    """
    # The form of a Fernet key, which is what Prefect takes.
    return kept(BLOCK_KEY, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())


def api_password() -> str:
    """Return the password of this stack's API as Prefect takes it, `user:password`, made on first use.

    Without one, whoever reaches the port gets every block in clear, and has the worker run commands.
    """
    return kept(API_PASSWORD, f"admin:{secrets.token_urlsafe(24)}")


def kept(path: Path, made: str) -> str:
    """Return what a file holds that only its owner may read; it is made on first use."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole under another name: what reads the file at the same moment must not find it empty.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(made)
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()


def write_ways_in(api_url: str) -> None:
    """Write how people come in: a page that signs a browser in, and a profile for `prefect` in a terminal."""
    password, ui_url = api_password(), api_url.removesuffix("/api")
    address = f"{ui_url}{SIGN_IN}#{urllib.parse.quote(password, safe='')}"
    page = f'<!doctype html><meta charset="utf-8"><script>location.replace({json.dumps(address)})</script>\n'
    profile = f'active = "stack"\n\n[profiles.stack]\nPREFECT_API_URL = "{api_url}"\n'
    profile += f'PREFECT_API_AUTH_STRING = "{password}"\nPREFECT_UI_URL = "{ui_of(api_url)}"\n'
    for path, text in ((SIGN_IN_PAGE, page), (PROFILE, profile)):
        path.unlink(missing_ok=True)
        kept(path, text)


def ui_of(api_url: str) -> str:
    """Return where the UI of a server is that people get; left to itself, Prefect prints addresses of the older one."""
    return api_url.rstrip("/").removesuffix("/api") + "/v2"


def is_cloud(api_url: str) -> bool:
    """Say whether an API is that of Prefect Cloud, which has one UI only."""
    return (urllib.parse.urlsplit(api_url).hostname or "").endswith("prefect.cloud")
