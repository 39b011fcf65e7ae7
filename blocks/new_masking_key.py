"""`python -m blocks.register masking-key`: makes the key by which columns are masked, or a new one beside the old.

It asks for nothing and prints the key's fingerprint, never the key. Run twice, it changes nothing; `--rotate` makes a
new key and keeps the ones before it, which still open what they closed.

Exit codes: 0 there is a key, 1 refused by Prefect, 2 a value is wrong.
"""

from __future__ import annotations

import argparse
import sys

from prefect.exceptions import PrefectHTTPStatusError

from blocks.masking_key import DEFAULT_NAME, MaskingKeyBlock, load_masking_keys
from blocks.server import check_name, exists, refused, server_in_use
from flows.lake.errors import LakeError, MaskingKeyMissing, SettingsError
from flows.lake.landing.masking_key import MaskingKey, MaskingKeys


def make_masking_key(name: str, *, rotate: bool = False) -> tuple[MaskingKeys, bool]:
    """Make a key where there is none, or a new one beside the old; return the keys and whether one was made.

    Args:
        name: The block's name.
        rotate: Make a new key where there is one.

    Raises:
        MaskingKeyMissing: There is nothing to rotate, or the server cannot read what it holds.
        SettingsError: The server does not give back what was stored.
    """
    there = _existing(name)
    if there is None and rotate:
        remedy = "Leave --rotate out to make the first one."
        raise MaskingKeyMissing(f"There is no Masking Key block {name!r} to rotate.", remedy=remedy)
    if there is not None and not rotate:
        return there, False
    new = MaskingKey.generate()
    keys = there.rotated(new) if there else MaskingKeys(new)
    try:
        # Whoever made one meanwhile has perhaps masked under it already.
        MaskingKeyBlock.of(keys).save(name, overwrite=rotate)
    except ValueError:
        return load_masking_keys(name), False
    if load_masking_keys(name) != keys:
        raise SettingsError(
            f"The Masking Key block {name!r} does not hold what was stored: somebody else stores it too.",
            remedy="Run the command alone, and look at the fingerprint before anything is masked.",
        )
    return keys, True


def _existing(name: str) -> MaskingKeys | None:
    return load_masking_keys(name) if exists(name, MaskingKeyBlock) else None


def main(arguments: list[str]) -> int:
    """Make a key as the command line says; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        check_name(options.name)
        with server_in_use():
            keys, made = make_masking_key(options.name, rotate=options.rotate)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except PrefectHTTPStatusError as error:
        print(refused(error), file=sys.stderr)
        return 1
    except LakeError as error:
        print(error, file=sys.stderr)
        return 1
    current = keys.current.fingerprint
    if not made:
        print(f"There is a Masking Key block {options.name!r} already, with the key {current}; nothing was changed.")
        print("To mask under a new key from now on: add --rotate. The old one stays, for what it has encrypted.")
        return 0
    print(f"Stored, encrypted, as the Masking Key block {options.name!r}: the key {current}.")
    if keys.old:
        old = ", ".join(key.fingerprint for key in keys.old)
        print(
            f"Kept, to open what they encrypted: {old}. Days before and after now cannot be joined by masked columns."
        )
    print("Back up the server's database and its encryption key: without this key nothing encrypted can be opened.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m blocks.register masking-key",
        description="Make the key by which columns are masked, in an encrypted Masking Key block. Nothing is asked, "
        "and the key is never shown; its fingerprint is.",
    )
    parser.add_argument("--name", default=DEFAULT_NAME, help="the block's name (default: %(default)s)")
    parser.add_argument("--rotate", action="store_true", help="make a new key and keep the ones before it")
    return parser
