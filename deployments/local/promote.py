"""`make promote`: a run of `copy-lake/nightly` from the local lake to another one, followed to its end.

It takes the whole lake. Ctrl-C cancels the run; the same command goes on where it ended, and sends nothing twice.
"""

from __future__ import annotations

import argparse
import sys

from deployments.local import folders, run

DEPLOYMENT = "copy-lake/nightly"


def parameters_of(target: str, source: str | None = None) -> dict[str, str]:
    """Return the parameters of the run.

    Args:
        target: `block/bucket` of the lake that is copied to; the bucket may hold `{account}` and `{region}`.
        source: That of the lake which is copied; the deployment's own without one.

    Raises:
        ValueError: One of them is not of that form.
    """
    parameters: dict[str, str] = {}
    for side, given in (("target", target), ("source", source)):
        if given is None:
            continue
        block, slash, bucket = given.partition("/")
        if not (block and slash and bucket) or "/" in bucket:
            raise ValueError(
                f"{given!r} is not a block and a bucket. Name both: make promote "
                "TO=aws-lake/raw-lake-{account}-{region}-an (`make block` stores the block)"
            )
        parameters |= {f"{side}_credentials": block, f"{side}_bucket": bucket}
    return parameters


def main() -> int:
    """Start the run, and follow it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make promote", description="Copy the lake to another one, and prove it.")
    parser.add_argument("target", help="block/bucket of the lake that is copied to")
    parser.add_argument("source", nargs="?", help="block/bucket of the lake that is copied")
    options = parser.parse_args()
    try:
        parameters = parameters_of(options.target, options.source)
        with run.server():
            return run.follow(DEPLOYMENT, parameters, cancel_on_interrupt=True)
    except (folders.StackError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
