"""`make rotate`: a new encryption key for the blocks of the local stack, while the stack is down."""

from __future__ import annotations

import sys

from deployments import stack


def main() -> int:
    """Rotate the key of the stack; returns the exit code."""
    stack.isolate_prefect()
    try:
        with stack.only_one() as running:
            if running:
                raise stack.StackError(f"The stack is up ({running.removesuffix('/api')}): stop it with Ctrl-C first.")
            from blocks import rotate

            stack.block_key()
            return rotate.main(["--key-file", str(stack.BLOCK_KEY)])
    except stack.StackError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
