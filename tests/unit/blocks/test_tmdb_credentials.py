from __future__ import annotations

import pickle

import pytest
from pydantic import ValidationError

from blocks.tmdb_credentials import TmdbCredentials

TOKEN = "marker-tmdb-token"


def test_token_is_shown_nowhere() -> None:
    block = TmdbCredentials(token=f" {TOKEN}\n")
    assert block.token.get_secret_value() == TOKEN
    assert TOKEN not in repr(block) + str(block) + block.model_dump_json()
    with pytest.raises(TypeError, match="never serialized"):
        pickle.dumps(block)


@pytest.mark.parametrize("address", ["http://api.example/3", "https://user:secret@api.example/3", "ftp://x"])
def test_address_that_would_show_the_token_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="base_url") as raised:
        TmdbCredentials(token=TOKEN, base_url=address)
    assert TOKEN not in str(raised.value)


@pytest.mark.parametrize("token", ["", "  ", "two words", "tökën"])
def test_token_that_is_none_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="one line of ASCII"):
        TmdbCredentials(token=token)
