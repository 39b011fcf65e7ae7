"""Credentials of one host: of one kind, never shown, and sent to no other host."""

from __future__ import annotations

import base64
import pickle

import pytest
from pydantic import SecretStr

from blocks.web_credentials import WebCredentials, main
from flows.lake.web.access import WebAccess

SECRET = "s3nha-do-portal"


def block(**given):
    return WebCredentials(**{"host": "dados.example.gov", "secret": SecretStr(SECRET)} | given)


@pytest.mark.parametrize(
    ("given", "headers"),
    [
        ({}, {"Authorization": f"Bearer {SECRET}"}),
        ({"user": "ana"}, {"Authorization": "Basic " + base64.b64encode(f"ana:{SECRET}".encode()).decode()}),
        ({"header": "X-Api-Key"}, {"X-Api-Key": SECRET}),
    ],
)
def test_a_host_is_told_who_asks_in_one_way(given, headers):
    assert block(**given).headers() == headers


@pytest.mark.parametrize(
    "given",
    [
        {"user": "ana", "header": "X-Api-Key"},
        {"user": "a:b"},
        {"header": "Host"},
        {"header": "If-Range"},
        {"header": "X Api"},
        {"secret": SecretStr("two\nlines")},
        {"secret": SecretStr(" ")},
        {"host": "https://dados.example.gov"},
        {"host": "dados.example.gov/x"},
        {"host": "ana@dados.example.gov"},
        {"host": ""},
        {"host": "dados.example.gov:x"},
    ],
)
def test_what_is_no_credential_is_refused_without_being_quoted(given):
    with pytest.raises(ValueError) as refused:
        block(**given)
    assert SECRET not in str(refused.value)


def test_a_block_and_what_it_gives_show_nothing_and_are_not_serialized():
    one = block()
    access = WebAccess([(one.host, one.headers())])
    assert SECRET not in repr(one) + repr(access) + str(one.model_dump())
    for held in (one, access):
        with pytest.raises(TypeError, match="never serialized"):
            pickle.dumps(held)


@pytest.mark.parametrize(
    ("host", "url", "sent"),
    [
        ("a.example", "https://a.example/x.csv", True),
        ("a.example", "https://A.example:443/x.csv", True),
        ("a.example:8443", "https://a.example:8443/x.csv", True),
        ("a.example", "https://a.example:8443/x.csv", False),
        ("a.example", "http://a.example/x.csv", False),
        ("a.example:80", "http://a.example/x.csv", False),
        ("a.example", "https://b.a.example/x.csv", False),
        ("a.example", "https://a.example.b.example/x.csv", False),
        ("a.example", "https://b.example/a.example", False),
        ("127.0.0.1:80", "http://127.0.0.1/x.csv", True),
    ],
)
def test_credentials_go_to_their_host_alone(host, url, sent):
    assert bool(WebAccess([(host, {"X-Api-Key": SECRET})]).headers_for(url)) is sent


def test_the_command_takes_no_secret_as_an_argument_and_quotes_none(monkeypatch, capsys):
    monkeypatch.setenv("WEB_SECRET", "two\nlines")
    assert main(["--name", "portal", "--host", "dados.example.gov"]) == 2
    assert "two" not in capsys.readouterr().err
