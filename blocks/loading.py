"""A credentials block by its name, and what is said where the server does not give it."""

from __future__ import annotations

from typing import cast

from prefect.exceptions import PrefectHTTPStatusError

from blocks.identity import renewing_command
from blocks.lake_credentials import LakeCredentials
from flows.lake.errors import CredentialsMissing


def load_credentials(name: str) -> LakeCredentials:
    """Load a block by its name.

    Raises:
        CredentialsMissing: There is no such block, or what the server holds cannot be read or does not fit.
    """
    try:
        return cast("LakeCredentials", LakeCredentials.load(name))
    except ValueError as error:
        remedy = f"Store it with `python -m blocks.register --name {name}` (`make block`), or name another block."
        raise CredentialsMissing(f"There is no Lake Credentials block {name!r}.", remedy=remedy) from error
    except RuntimeError as error:
        why = str(error.__cause__ or error).replace("\n", " ")
        problem, remedy = f"does not fit: {why}", f"Store it again with `{renewing_command(name)}`."
        raise CredentialsMissing(f"The credentials block {name!r} {problem}.", remedy=remedy) from error
    except PrefectHTTPStatusError as error:
        if error.response.status_code < 500:
            raise
        raise unreadable(name) from error


def unreadable(name: str) -> CredentialsMissing:
    """Return the error for a block that the server has and cannot open, which makes it answer with an error of its own.

    Such a server can neither list, overwrite nor delete any block: only its database helps.
    """
    return CredentialsMissing(
        f"The Prefect server cannot read the credentials block {name!r}.",
        remedy="If its encryption key (PREFECT_SERVER_ENCRYPTION_KEY) has changed, start it with the one under which "
        "the block was stored; if that is lost, stop it, run `python -m blocks.rotate --drop-unreadable` and store "
        "the block again.",
    )
