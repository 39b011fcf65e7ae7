"""Blocks that hold one secret, on a server that has none of that name, or cannot read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prefect.blocks.core import Block
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from blocks.one_secret import load_block, secret_from
from blocks.tmdb_credentials import TmdbCredentials
from blocks.web_credentials import WebCredentials
from flows.lake.errors import CredentialsMissing
from tests.tools.scripted_server import Request, scripted_server


@pytest.fixture(params=[404, 500])
def server(request: pytest.FixtureRequest) -> Iterator[None]:
    """Answer like a server without such a block, or with another key than the block was stored under."""

    def answer(asked: Request) -> tuple[int, bytes, dict[str, str]]:
        if asked.path.endswith("/admin/version"):
            return 200, b'"3.9.1"', {"Content-Type": "application/json"}
        return request.param, b'{"exception_message": "s3cr3t"}', {"Content-Type": "application/json"}

    with (
        scripted_server(answer) as script,
        temporary_settings({PREFECT_API_URL: f"{script.url}/api", PREFECT_CLIENT_MAX_RETRIES: 0}),
    ):
        yield


@pytest.mark.parametrize("kind", [TmdbCredentials, WebCredentials])
def test_block_that_cannot_be_read_is_told_with_its_command_and_nothing_else(server: None, kind: type[Block]) -> None:
    with pytest.raises(CredentialsMissing) as caught:
        load_block(kind, "mine", "python -m blocks.of_this_kind")
    told = str(caught.value)
    assert f"There is no {kind.get_block_type_name()} block 'mine' that can be read." in told
    assert "python -m blocks.of_this_kind --name mine" in told
    assert caught.value.__context__ is None  # what was refused may hang on to what the block holds


def test_secret_comes_from_the_variable_and_is_empty_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET", "s3cr3t")
    assert secret_from("A_SECRET", "Secret") == "s3cr3t"
    monkeypatch.delenv("A_SECRET")
    assert secret_from("A_SECRET", "Secret") == ""
