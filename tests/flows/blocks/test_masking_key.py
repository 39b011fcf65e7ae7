"""`python -m blocks.register masking-key`: a key that nobody is asked for and nobody sees."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import BlockDocumentFilter, BlockDocumentFilterName
from prefect.serializers import JSONSerializer
from pydantic import SecretStr, ValidationError

from blocks import new_masking_key, register
from blocks.masking_key import MaskingKeyBlock, load_masking_keys
from flows.lake.errors import LakeError, MaskingKeyMissing, SettingsError
from flows.lake.landing.masking_key import MaskingKey, MaskingKeys


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the command; return what it said, in which no key is."""
    assert register.main(["masking-key", *arguments]) == 0
    said = "".join(capsys.readouterr())
    name = arguments[arguments.index("--name") + 1]
    assert not any(secret in said for secret in MaskingKeyBlock.load(name).secret_values())
    return said


def test_key_is_made_without_a_question_and_only_its_fingerprint_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    said = made(capsys, "--name", "first-key")
    keys = load_masking_keys("first-key")
    assert f"Stored, encrypted, as the Masking Key block 'first-key': the key {keys.current.fingerprint}." in said
    assert keys.old == ()


def test_second_run_changes_nothing_and_says_how_to_rotate(capsys: pytest.CaptureFixture[str]) -> None:
    made(capsys, "--name", "second-run")
    before = load_masking_keys("second-run")
    assert "nothing was changed" in made(capsys, "--name", "second-run")
    assert load_masking_keys("second-run") == before


def test_rotation_masks_under_a_new_key_and_keeps_the_old_ones(capsys: pytest.CaptureFixture[str]) -> None:
    made(capsys, "--name", "rotated")
    first = load_masking_keys("rotated").current
    said = made(capsys, "--name", "rotated", "--rotate")
    second = load_masking_keys("rotated").current
    made(capsys, "--name", "rotated", "--rotate")
    keys = load_masking_keys("rotated")
    assert len({first, second, keys.current}) == 3
    assert keys.old == (second, first)
    assert f"Kept, to open what they encrypted: {first.fingerprint}." in said


def test_nothing_to_rotate_is_an_error_and_stores_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert register.main(["masking-key", "--name", "never-made", "--rotate"]) == 1
    assert "There is no Masking Key block 'never-made' to rotate. Leave --rotate out" in capsys.readouterr().err
    with pytest.raises(MaskingKeyMissing):
        load_masking_keys("never-made")


def test_name_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert register.main(["masking-key", "--name", "Ünfit"]) == 2
    assert "not a valid block name" in capsys.readouterr().err


def test_key_made_by_somebody_else_meanwhile_is_the_one_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = MaskingKeys(MaskingKey.generate())
    MaskingKeyBlock.of(theirs).save("raced")
    monkeypatch.setattr(new_masking_key, "_existing", lambda name: None)
    assert new_masking_key.make_masking_key("raced") == (theirs, False)


def test_server_shows_nothing_of_the_key_but_to_who_asks_for_secrets() -> None:
    keys = MaskingKeys(MaskingKey.generate()).rotated(MaskingKey.generate())
    MaskingKeyBlock.of(keys).save("not-shown")
    named = BlockDocumentFilter(name=BlockDocumentFilterName(any_=["not-shown"]))
    with get_client(sync_client=True) as client:
        (document,) = client.request(
            "POST", "/block_documents/filter", json={"block_documents": named.model_dump(mode="json")}
        ).json()
    assert not any(key.to_text() in str(document) for key in keys.all)
    assert document["data"] == {"key": "********", "old_keys": "********"}


@pytest.mark.parametrize("name", ["no-such-key"])
def test_missing_key_is_an_error_with_the_command_that_makes_it(name: str) -> None:
    with pytest.raises(MaskingKeyMissing, match="register masking-key --name no-such-key") as caught:
        load_masking_keys(name)
    assert isinstance(caught.value, LakeError)
    assert caught.value.__context__ is None


def test_block_and_what_it_refuses_show_no_secret() -> None:
    keys = MaskingKeys(MaskingKey.generate()).rotated(MaskingKey.generate())
    block = MaskingKeyBlock.of(keys)
    shown = f"{block!r} {block} {block.model_dump()} {block.model_dump_json()} {vars(block)}"
    shown += JSONSerializer().dumps(block).decode()
    assert not any(key.to_text() in shown for key in keys.all)
    assert block.keys() == keys
    with pytest.raises(TypeError, match="never serialized"):
        pickle.dumps(block)
    with pytest.raises((ValidationError, SettingsError)) as caught:
        MaskingKeyBlock(key=SecretStr("no-key-at-all-no-key-at-all"))
    assert "no-key-at-all" not in f"{caught.value} {caught.value!r}"


def test_keys_in_log_records_are_masked() -> None:
    code = (
        "import logging, sys; from blocks.masking_key import MaskingKeyBlock\n"
        "from flows.lake.landing.masking_key import MaskingKey, MaskingKeys\n"
        "block = MaskingKeyBlock.of(MaskingKeys(MaskingKey(bytes(range(32)))))\n"
        "logging.basicConfig(); logging.error('the key is %s', block.secret_values()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3], timeout=120
    )
    assert "the key is ********" in done.stderr
