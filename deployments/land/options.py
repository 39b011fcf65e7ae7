"""The options of `land`: the parameters of `ingest-raw`, spelt as options, and what only a command line has.

They are written out here, so that `--help` and a wrong option need no import of Prefect; a test holds names, defaults
and choices equal to the flow's.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from flows.lake.places import absolute

WITHOUT = {
    "credentials": "there is no server that keeps a block",
    "masking_key": "a file holds the key (--masking-key-file)",
    "own_tasks_up_to": "there are no tasks",
    "web_credentials": "there are no blocks; addresses are asked as anybody asks them",
}
"""Parameters of the flow that are no options, and why."""

EPILOG = """\
credentials: --profile, else AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, else AWS_PROFILE and the
rest of boto3's chain (files, SSO, credential_process, the role of a container, pod or instance), else questions at a
terminal, which show nothing of the answers. No key is ever taken from the command line.

exit codes: 0 every file landed, 1 some did not or the run stopped, 2 an option, folder, contract or the credentials are
wrong and nothing was written, 130 interrupted (143 by SIGTERM).
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options; exits 2 with what is wrong, or 0 after `--help`."""
    return _parser().parse_args(arguments)


def parameters_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return what the run is asked, by the flow's names; those that are no options have the flow's defaults."""
    given = {name: getattr(options, name) for name in _names()}
    given["source"] = absolute(options.source)
    return given | {"credentials": "land", "masking_key": "masking-key", "own_tasks_up_to": 100, "web_credentials": []}


def _names() -> list[str]:
    own = {"help", "profile", "role_arn", "external_id", "region", "endpoint_url", "ca_bundle", "non_interactive"}
    own |= {"masking_key_file", "signing_key_file", "evidence", "json", "verbose"}
    return [action.dest for action in _parser()._actions if action.dest not in own]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="csv-to-raw-lake land",
        description="Land the CSV files of a folder, unchanged and proven, in the raw layer of an S3 data lake, without"
        " a Prefect server.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "source",
        metavar="FOLDER",
        type=Path,
        nargs="?",
        default=Path("data"),
        help="the folder, an s3:// address, or addresses of files",
    )
    add("--bucket", required=True, help="the lake's bucket, made if need be; {account} and {region} are filled in")
    add("--dry-run", action="store_true", help="say for each file what would happen, write nothing")
    _add_lake(parser.add_argument_group("credentials and server"))
    _add_files(parser.add_argument_group("which files"))
    _add_rules(parser.add_argument_group("how they land"))
    _add_storing(parser.add_argument_group("how they are stored"))
    telling = parser.add_argument_group("what is told")
    telling.add_argument("--evidence", type=Path, metavar="FILE.html", help="write a page to hand in")
    telling.add_argument("--json", action="store_true", help="print the result as JSON, and all else to stderr")
    telling.add_argument("--verbose", action="store_true", help="every line of the log (VERBOSE=1), no live table")
    return parser


def _add_lake(group: Any) -> None:
    add = group.add_argument
    add("--profile", help="a named profile of this machine, SSO included")
    add("--role-arn", help="assume this role with the credentials")
    add("--external-id", help="the external id that the role asks for")
    add("--region", help="the lake's region (default: AWS_REGION, AWS_DEFAULT_REGION, the profile's)")
    add("--endpoint-url", help="a server other than AWS (default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL)")
    add("--ca-bundle", type=Path, help="the CA bundle of that server (default: AWS_CA_BUNDLE)")
    add("--non-interactive", action="store_true", help="never ask, even at a terminal")


def _add_files(group: Any) -> None:
    add = group.add_argument
    add("--pattern", default="*.csv", help="as a file name with wildcards (default: %(default)s)")
    add("--recursive", action="store_true", help="also take the files of folders below")
    add("--follow-links", action="store_true", help="also take files that are links out of the folder")
    add("--contracts", default="datasets.yaml", type=_contracts, help="a file, an s3:// address, or JSON")
    add("--only-contracts", action="store_true", help="reject files that no contract claims")
    add("--group", choices=("off", "auto"), default="off", help="auto: names that differ in a date are one dataset")
    add("--partition-date", type=_day, metavar="YYYY-MM-DD", help="the day (default: today)")
    add("--timezone", default="America/Sao_Paulo", help="decides which day it is (default: %(default)s)")


def _add_rules(group: Any) -> None:
    add = group.add_argument
    three = ("warn", "reject", "ignore")
    add("--unreadable", choices=("quarantine", "land", "leave"), default="quarantine", help="files that are no CSV")
    add("--bad-rows-percent", type=_whole(0, 100), default=1, help="rows that may be left out (default: %(default)s)")
    add("--on-drift", choices=three, default="warn", help="files that differ from what landed of them last")
    add("--drift-rows-percent", type=_whole(1, 1_000_000), default=50, help="rows that may come or go")
    add("--sensitive", choices=three, default="warn", help="columns that look sensitive and are not masked")
    add("--masking-key-file", type=Path, help="the key by which columns are masked, as URL-safe base64 of 32 bytes")
    add("--masking-off", action="append", metavar="DATASET", help="dataset that shall not be masked from now on")
    add("--signing-key-file", type=Path, help="signs manifests; made if it is not there. --on-drift reject needs it")
    add("--landing-bucket", default="", help="bucket for originals of masked files (default: the lake's own)")
    add("--landing-days", type=_whole(0, 3650), default=7, help="days after which they expire (default: %(default)s)")
    add("--max-columns", type=_whole(1, 1_000_000), default=20_000, help="more are rejected (default: %(default)s)")
    add("--reread", action="store_true", help="read every file, also those recorded as unchanged")


def _add_storing(group: Any) -> None:
    add = group.add_argument
    classes = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR")
    add("--storage-class", choices=classes, default="STANDARD", help="S3 storage class (default: %(default)s)")
    add("--tags", action=_Tag, metavar="NAME=VALUE", help="tag of the files stored; may be repeated")
    add("--tags-as", choices=("tags", "metadata"), default="tags", help="metadata: for servers that keep no tags")
    add("--expected-bucket-owner", default="", help="account that must own the bucket, or {account}")
    add("--kms-key-id", default="", help="KMS key of a bucket that is made")
    add("--retention-days", type=_whole(0, 36_500), default=0, help="Object Lock of a bucket that is made")


class _Tag(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        name, equals, value = str(values).partition("=")
        if not equals or not name:
            parser.error(f"argument {option_string}: {values!r} is not NAME=VALUE")
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), name: value})


def _whole(least: int, most: int) -> Any:
    def whole(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return whole


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as 2024-03-05") from None


def _contracts(text: str) -> str | Mapping[str, Any]:
    if not text.lstrip().startswith("{"):
        return text
    try:
        given: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"this is no JSON: {error}") from None
    return given
