"""What a bucket may be called: S3's published rules, checked before any call, and the blanks in a name template.

Rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from flows.lake.errors import BucketNameInvalid

RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
RULES_REMEDY = "Choose 3 to 63 lower-case letters, digits, dots and hyphens that start and end with a letter or digit."
BLANKS = ("account", "region")

_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_ACCOUNT_REGIONAL = re.compile(r".+-(?P<account>\d{12})-(?P<region>[a-z]{2,}(-[a-z]+)+-\d+)-an")


def check_bucket_name(name: str) -> None:
    """Check a name against S3's rules for general purpose buckets.

    Raises:
        BucketNameInvalid: It breaks one; the message says which.
    """
    if wrong := _broken_rule(name):
        raise BucketNameInvalid(f"The bucket name {name!r} {wrong}.", remedy=RULES_REMEDY, bucket=name)


def _broken_rule(name: str) -> str | None:
    if not 3 <= len(name) <= 63:
        return f"has {len(name)} characters; S3 takes 3 to 63"
    if bad := sorted(set(name) - set(string.ascii_lowercase + string.digits + ".-")):
        return f"holds {' '.join(repr(character) for character in bad)}"
    if not (name[0].isalnum() and name[-1].isalnum()):
        return "must start and end with a letter or a digit"
    if ".." in name:
        return "holds two dots in a row"
    if _ADDRESS.fullmatch(name):
        return "looks like an IP address"
    if prefix := next((prefix for prefix in RESERVED_PREFIXES if name.startswith(prefix)), None):
        return f"starts with {prefix!r}, which S3 reserves"
    if suffix := next((suffix for suffix in RESERVED_SUFFIXES if name.endswith(suffix)), None):
        return f"ends with {suffix!r}, which S3 reserves"
    return None


def is_account_regional(name: str) -> bool:
    """Say whether a name has the form of the account regional namespace, where nobody else can take it.

    See https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html
    """
    return _ACCOUNT_REGIONAL.fullmatch(name) is not None


def expand_bucket_name(template: str, *, account: Callable[[], str], region: str) -> str:
    """Fill `{account}` and `{region}` into a bucket name and check what comes out.

    Args:
        template: The name, with or without blanks.
        account: Returns the account's 12 digits; called only when the template asks for them.
        region: The region of the credentials block.

    Raises:
        BucketNameInvalid: The template has another blank or a stray brace, or the name breaks S3's rules.
    """
    if "{" not in template and "}" not in template:
        check_bucket_name(template)
        return template
    try:
        blanks = [blank for _, blank, _, _ in string.Formatter().parse(template) if blank is not None]
    except ValueError as error:
        raise _wrong_template(template) from error
    if any(blank not in BLANKS for blank in blanks):
        raise _wrong_template(template)
    values = {"region": region} | ({"account": account()} if "account" in blanks else {})
    name = template
    for blank, value in values.items():
        name = name.replace("{" + blank + "}", value)
    if "{" in name or "}" in name:
        raise _wrong_template(template)
    check_bucket_name(name)
    return name


def _wrong_template(template: str) -> BucketNameInvalid:
    return BucketNameInvalid(
        f"The bucket name {template!r} holds braces that cannot be filled in.",
        remedy="Only {account} and {region} are, for example lake-{account}-{region}-an.",
        bucket=template,
    )
