"""The command `csv-to-raw-lake` of an installed package: what the project's modules do, by one name.

csv-to-raw-lake land data/in --bucket my-lake
csv-to-raw-lake run --bucket my-lake --credentials aws-lake
csv-to-raw-lake block --name aws-lake
"""

from __future__ import annotations

import argparse
import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

COMMANDS = {
    "land": ("deployments.land.command", "land a folder in one process, without a Prefect server"),
    "run": ("deployments.once", "run ingest-raw once, on the Prefect server that PREFECT_API_URL names"),
    "block": ("blocks.register", "check AWS credentials and store them in an encrypted block"),
    "rotate": ("blocks.rotate", "encrypt a server's blocks under a new key, while it is down"),
    "catalog": ("flows.lake.catalog.__main__", "make the lake's pages from its manifests"),
    "athena": ("flows.lake.manifests.athena_ddl", "print the Athena tables of what landed, from manifests"),
}
"""Command to the module whose `main` takes the rest of the line, and what it does."""


def main(arguments: list[str] | None = None) -> int:
    """Hand the line on to a command; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="csv-to-raw-lake",
        description="CSV files, unchanged and proven, into the raw layer of an S3 data lake.",
        epilog="Each command has a --help of its own.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, what) in COMMANDS.items():
        commands.add_parser(name, help=what, add_help=False)
    options, rest = parser.parse_known_args(given[:1])
    module = importlib.import_module(COMMANDS[options.command][0])
    code: int = module.main([*rest, *given[1:]])
    return code


def _version() -> str:
    """Return the version of the package, or of the folder that the image runs from."""
    try:
        return version("csv-to-raw-lake")
    except PackageNotFoundError:
        import tomllib

        project = tomllib.loads((Path(__file__).resolve().parents[1] / "pyproject.toml").read_text())["project"]
        return str(project["version"])


if __name__ == "__main__":
    sys.exit(main())
