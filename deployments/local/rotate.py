"""`make rotate`: a new encryption key for the blocks of the local stack, while the stack is down."""

from __future__ import annotations

import sys

from deployments.local import folders, services, ways_in


def main() -> int:
    """Rotate the key of the stack; returns the exit code."""
    services.isolate_prefect()
    try:
        with services.only_one() as running:
            if running:
                raise folders.StackError(
                    f"The stack is up ({running.removesuffix('/api')}): stop it with Ctrl-C first."
                )
            from blocks import rotate

            ways_in.block_key()
            return rotate.main(["--key-file", str(ways_in.BLOCK_KEY)])
    except folders.StackError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
