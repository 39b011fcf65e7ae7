"""The block that holds the credentials of one host that publishes files: stored once, encrypted, never shown again.

It is bound to its host: the secret goes nowhere else, redirects included, and over encrypted connections only. Like the
lake's credentials, the block refuses to be pickled: code passes its *name*.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from blocks.one_secret import load_block, secret_from
from flows.lake.redact import guard_logs
from flows.lake.web.access import WebAccess

_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_OWN_HEADERS = re.compile(
    r"(host|range|if-.*|accept.*|connection|content-.*|transfer-encoding|user-agent|cookie)", re.I
)


class WebCredentials(Block):
    """Credentials of one host that publishes files: user and password, a bearer token, or a header of its own.

    Store them with `python -m blocks.web_credentials`, and name the block in the parameter `web_credentials`.
    """

    # Pydantic prints the input of what it refuses, and here that is a secret.
    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name: ClassVar[str] = "Web Credentials"
    _block_type_slug: ClassVar[str] = "web-credentials"

    host: str = Field(title="Host", description="The only host that gets them, with its port if that is not 443.")
    user: str = Field(default="", title="User", description="The user's name, where the host asks for a password.")
    header: str = Field(
        default="", title="Header", description="The header that the secret goes in, such as X-Api-Key; else a token's."
    )
    secret: SecretStr = Field(
        title="Secret", description="The password, token or key. It is encrypted and never shown again."
    )

    @field_validator("host")
    @classmethod
    def _is_host(cls, value: str) -> str:
        value = value.strip().lower()
        try:
            parts = urlsplit(f"//{value}")
            fits = parts.netloc == value and parts.hostname and "@" not in value and (parts.port or 1)
        except ValueError:
            fits = False
        if not fits or not value.isascii() or any(sign.isspace() for sign in value):
            raise ValueError("host is the name of a host, such as dados.example.gov or dados.example.gov:8443")
        return value

    @field_validator("secret")
    @classmethod
    def _is_one_line(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value().strip()
        if not text or not text.isprintable():
            raise ValueError("a secret is one line of text")
        return SecretStr(text)

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> WebCredentials:
        if self.user and self.header:
            raise ValueError("give a user or a header, not both")
        if ":" in self.user or not self.user.isprintable():
            raise ValueError("a user's name has no colon")
        if self.header and (not _HEADER.fullmatch(self.header) or _OWN_HEADERS.fullmatch(self.header)):
            raise ValueError("header is the name of a header that credentials go in, such as X-Api-Key")
        if not self.user and not self.secret.get_secret_value().isascii():
            raise ValueError("a token is ASCII")
        return self

    def block_initialization(self) -> None:
        """Mask the secret in every log record from here on."""
        guard_logs([self.secret.get_secret_value()])

    def headers(self) -> dict[str, str]:
        """Return the headers of a request to the host."""
        secret = self.secret.get_secret_value()
        if self.user:
            pair = base64.b64encode(f"{self.user}:{secret}".encode()).decode("ascii")
            return {"Authorization": f"Basic {pair}"}
        return {self.header: secret} if self.header else {"Authorization": f"Bearer {secret}"}

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("Credentials are never serialized: pass the block's name and load it where it is needed.")


def load_access(names: Sequence[str]) -> WebAccess:
    """Load blocks by their names.

    Raises:
        CredentialsMissing: There is no such block, or the server cannot read it.
    """
    blocks = [load_block(WebCredentials, name, "python -m blocks.web_credentials") for name in names]
    return WebAccess((block.host, block.headers()) for block in blocks)


def main(arguments: Sequence[str] | None = None) -> int:
    """Store a secret from WEB_SECRET or from a prompt that echoes nothing; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m blocks.web_credentials", description="Store the credentials of one host in an encrypted block."
    )
    parser.add_argument("--name", required=True, help="the block's name")
    parser.add_argument("--host", required=True, help="the only host that gets them")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--user", default="", help="the user, where the host asks for a password")
    kind.add_argument("--header", default="", help="the header that the secret goes in; a bearer token without")
    options = parser.parse_args(arguments)
    secret = secret_from("WEB_SECRET", "Secret")
    try:
        block = WebCredentials(host=options.host, user=options.user, header=options.header, secret=SecretStr(secret))
    except ValueError:
        print(
            "Set WEB_SECRET to the password, token or key, one line; a host is named without its scheme, a header as "
            "X-Api-Key.",
            file=sys.stderr,
        )
        return 2
    block.save(options.name, overwrite=True)
    print(f"Stored, encrypted, as the Web Credentials block {options.name!r}, for {block.host} alone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
