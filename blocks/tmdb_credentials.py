"""The block that holds the token of TMDB's API: stored once, encrypted by the server, never shown again.

TMDB has two kinds of keys. The read access token goes in a header; the older API key goes in the address, where every
proxy and log sees it, so only the token is taken. Like the lake's credentials, the block refuses to be pickled: code
passes its *name*.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, SecretStr, field_validator

from blocks.one_secret import load_block, secret_from
from flows.lake.redact import guard_logs

DEFAULT_NAME = "tmdb"
BASE_URL = "https://api.themoviedb.org/3"
LOOPBACK = ("http://127.0.0.1:", "http://localhost:")


class TmdbCredentials(Block):
    """The read access token of TMDB's API.

    Make one at https://www.themoviedb.org/settings/api, and store it with `python -m blocks.tmdb_credentials`.
    """

    # Pydantic prints the input of what it refuses, and here that is a secret.
    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name: ClassVar[str] = "TMDB Credentials"
    _block_type_slug: ClassVar[str] = "tmdb-credentials"
    _documentation_url: ClassVar[Any] = "https://developer.themoviedb.org/docs/authentication-application"

    token: SecretStr = Field(
        title="Read Access Token", description="TMDB's API read access token. It is encrypted and never shown again."
    )
    base_url: str = Field(
        default=BASE_URL, title="Base Address", description="The address of the API, with its version."
    )

    @field_validator("token")
    @classmethod
    def _is_one_line(cls, value: SecretStr) -> SecretStr:
        token = value.get_secret_value().strip()
        if not token or not token.isascii() or any(character.isspace() for character in token):
            raise ValueError("a token is one line of ASCII without blanks")
        return SecretStr(token)

    @field_validator("base_url")
    @classmethod
    def _is_encrypted(cls, value: str) -> str:
        value = value.strip().rstrip("/")
        if not value.startswith(("https://", *LOOPBACK)) or "@" in value:
            raise ValueError(
                "base_url must begin with https:// and hold no password: the token travels with each request"
            )
        return value

    def block_initialization(self) -> None:
        """Mask the token in every log record from here on."""
        guard_logs([self.token.get_secret_value()])

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("Credentials are never serialized: pass the block's name and load it where it is needed.")


def load(name: str) -> TmdbCredentials:
    """Load a block by its name.

    Raises:
        CredentialsMissing: There is no such block, or the server cannot read it.
    """
    return load_block(TmdbCredentials, name, "python -m blocks.tmdb_credentials")


def main() -> int:
    """Store a token from TMDB_TOKEN or from a prompt that echoes nothing; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m blocks.tmdb_credentials", description="Store TMDB's read access token in an encrypted block."
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help="the block's name (default: %(default)s)")
    parser.add_argument("--base-url", default=BASE_URL, help="the address of the API (default: %(default)s)")
    options = parser.parse_args()
    token = secret_from("TMDB_TOKEN", "TMDB read access token")
    try:
        block = TmdbCredentials(token=SecretStr(token), base_url=options.base_url)
    except ValueError:
        print("Set TMDB_TOKEN to TMDB's read access token, one line; addresses begin with https://.", file=sys.stderr)
        return 2
    block.save(options.name, overwrite=True)
    print(f"Stored, encrypted, as the TMDB Credentials block {options.name!r}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
