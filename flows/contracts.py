"""The contracts of datasets, from a terminal: `python -m flows.contracts check|schema|from-manifest|export`.

It needs neither a server nor a lake.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flows.lake.contracts import odcs
from flows.lake.contracts.collection import DEFAULT_FILE, Contracts, load, named
from flows.lake.contracts.contract import json_schema
from flows.lake.errors import LakeError
from flows.lake.manifests.manifest import from_json
from flows.lake.manifests.to_contracts import contracts_of, to_yaml


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        sys.stdout.write(options.run(options))
    except (OSError, LakeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _check(options: argparse.Namespace) -> str:
    contracts = _load(options.contracts)
    count = len(contracts)
    text = f"{contracts.name}: {count:,} contract{'s are' if count != 1 else ' is'} valid.\n"
    if options.folder is None:
        return text
    names = sorted(path.name for path in options.folder.iterdir() if path.is_file() and not path.name.startswith("."))
    claims = {name: contracts.claimants(name) for name in names}
    for name, datasets in claims.items():
        what = " and ".join(datasets) + (", which is one too many" if len(datasets) > 1 else "")
        text += f"  {name}: {what or 'no contract claims it'}\n"
    idle = sorted(contracts.keys() - {dataset for datasets in claims.values() for dataset in datasets})
    return text + (f"  No file here belongs to: {named(idle)}\n" if idle else "")


def _schema(_options: argparse.Namespace) -> str:
    return json_schema()


def _from_manifest(options: argparse.Namespace) -> str:
    data = sys.stdin.buffer.read() if options.manifest == "-" else Path(options.manifest).read_bytes()
    try:
        manifest = from_json(data)
    except ValueError as error:
        raise LakeError(f"{options.manifest} is not a manifest that this version can read.") from error
    return to_yaml(contracts_of(manifest))


def _export(options: argparse.Namespace) -> str:
    contracts = _load(options.contracts)
    if options.dataset not in (*contracts, None):
        raise LakeError(f"{contracts.name} has no dataset {options.dataset!r}.", remedy=f"It has {named(contracts)}.")
    chosen = [options.dataset] if options.dataset else list(contracts)
    return odcs.to_yaml({name: contracts[name] for name in chosen})


def _load(given: str) -> Contracts:
    if not Path(given).exists() and given == DEFAULT_FILE:
        raise LakeError(f"There is no {DEFAULT_FILE} here.", remedy="Name the file.")
    return load(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows.contracts", description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="command")
    check = commands.add_parser("check", help="say whether contracts are valid, and which files of a folder they claim")
    check.add_argument("contracts", nargs="?", default=DEFAULT_FILE)
    check.add_argument("--folder", type=Path, help="a folder of CSV files")
    check.set_defaults(run=_check)
    schema = commands.add_parser("schema", help="print the JSON Schema of a file of contracts")
    schema.set_defaults(run=_schema)
    from_manifest = commands.add_parser("from-manifest", help="write the contracts of what a run landed")
    from_manifest.add_argument("manifest", help="the manifest's file, or - for standard input")
    from_manifest.set_defaults(run=_from_manifest)
    export = commands.add_parser("export", help="write contracts in another form")
    export.add_argument("contracts", nargs="?", default=DEFAULT_FILE)
    export.add_argument("--odcs", action="store_true", required=True, help="the Open Data Contract Standard's")
    export.add_argument("--dataset", help="only this one")
    export.set_defaults(run=_export)
    return parser


if __name__ == "__main__":
    sys.exit(main())
