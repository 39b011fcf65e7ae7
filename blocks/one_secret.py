"""What blocks that hold one secret share: how it is asked for, and what is said where a block cannot be read."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
from typing import TypeVar, cast

from prefect.blocks.core import Block
from prefect.exceptions import PrefectHTTPStatusError

from flows.lake.errors import CredentialsMissing

Stored = TypeVar("Stored", bound=Block)


def load_block(kind: type[Stored], name: str, command: str) -> Stored:
    """Load a block by its name.

    Args:
        kind: Its type.
        name: The name.
        command: The command that stores such a block.

    Raises:
        CredentialsMissing: There is no such block, or the server cannot read it.
    """
    block = None
    with contextlib.suppress(ValueError, RuntimeError, PrefectHTTPStatusError):
        block = cast("Stored", kind.load(name))
    if block is None:  # outside a handler: what was refused may hang on to what the block holds
        raise CredentialsMissing(
            f"There is no {kind.get_block_type_name()} block {name!r} that can be read.",
            remedy=f"Store it with `{command} --name {name}`, or name another one.",
        )
    return block


def secret_from(variable: str, prompt: str) -> str:
    """Return a secret from an environment variable or from a prompt without an echo; empty where neither is there."""
    return os.environ.get(variable) or (getpass.getpass(f"{prompt}: ") if sys.stdin.isatty() else "")
