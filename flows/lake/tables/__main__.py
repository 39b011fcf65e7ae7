"""Show what a file is, without a server: `python -m flows.lake.tables FILE…`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flows.lake import keys
from flows.lake.contracts.collection import DEFAULT_FILE, load
from flows.lake.errors import LakeError
from flows.lake.reports.look import look_text
from flows.lake.tables.profile import profile_csv


def main(arguments: list[str] | None = None) -> int:
    """Show files; returns 1 where one cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m flows.lake.tables", description=(__doc__ or "").split(":")[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--contracts", default=DEFAULT_FILE, help="the contracts by which the files are read")
    options = parser.parse_args(arguments)
    code = 0
    for path in options.files:
        try:
            contracts = load(options.contracts)
            claimants = contracts.claimants(path.name)
            stated = contracts[claimants[0]].dialect if len(claimants) == 1 else None
            sys.stdout.write(f"Dataset {claimants[0] if claimants else keys.dataset_of(path.name)}\n")
            sys.stdout.write(look_text(profile_csv(path, stated)) + "\n")
        except LakeError as error:
            sys.stderr.write(f"{error}\n")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
