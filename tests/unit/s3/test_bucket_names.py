"""Bucket names against S3's published rules, and the blanks in a template."""

from __future__ import annotations

import pytest

from flows.lake.errors import BucketNameInvalid
from flows.lake.s3.bucket_names import check_bucket_name, expand_bucket_name, is_account_regional


@pytest.mark.parametrize("name", ["abc", "a.b.c", "1-lake", "compass-desafio-final-dramance", "a" * 63, "1.2.3.4.5"])
def test_bucket_name_valid_passes(name: str) -> None:
    check_bucket_name(name)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ab", "2 characters"),
        ("a" * 64, "64 characters"),
        ("Lake", "'L'"),
        ("my_lake", "'_'"),
        ("my lake", "' '"),
        ("lagoã", "'ã'"),
        ("-lake", "start and end"),
        ("lake.", "start and end"),
        ("a..b", "two dots"),
        ("192.168.5.4", "IP address"),
        ("xn--lake", "'xn--'"),
        ("sthree-lake", "'sthree-'"),
        ("amzn-s3-demo-lake", "'amzn-s3-demo-'"),
        ("lake-s3alias", "'-s3alias'"),
        ("lake--ol-s3", "'--ol-s3'"),
        ("lake.mrap", "'.mrap'"),
        ("lake--x-s3", "'--x-s3'"),
        ("lake--table-s3", "'--table-s3'"),
    ],
)
def test_bucket_name_broken_rule_is_named(name: str, why: str) -> None:
    with pytest.raises(BucketNameInvalid, match="bucket name") as caught:
        check_bucket_name(name)
    assert why in str(caught.value)
    assert caught.value.bucket == name


def test_expand_fills_account_and_region() -> None:
    name = expand_bucket_name("lake-{account}-{region}-an", account=lambda: "111122223333", region="sa-east-1")
    assert name == "lake-111122223333-sa-east-1-an"
    assert is_account_regional(name)


def test_expand_without_account_does_not_ask_for_it() -> None:
    def never() -> str:
        raise AssertionError("asked for the account")

    assert expand_bucket_name("lake-{region}", account=never, region="eu-west-1") == "lake-eu-west-1"
    assert expand_bucket_name("lake", account=never, region="eu-west-1") == "lake"


@pytest.mark.parametrize(
    "template", ["lake-{user}", "lake-{", "lake-}", "lake-{}", "lake-{account!r}", "{region:>9}-x"]
)
def test_expand_other_blank_is_refused(template: str) -> None:
    with pytest.raises(BucketNameInvalid, match="braces"):
        expand_bucket_name(template, account=lambda: "111122223333", region="sa-east-1")


@pytest.mark.parametrize("name", ["lake-an", "lake-1111-sa-east-1-an", "lake-111122223333-sa-east-1"])
def test_account_regional_other_forms_are_not(name: str) -> None:
    assert not is_account_regional(name)
