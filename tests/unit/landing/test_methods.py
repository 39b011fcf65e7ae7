"""What each method makes of a text: known answers, and what no method may do."""

from __future__ import annotations

import base64
import hashlib
import hmac
import pickle
import unicodedata

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from flows.lake.errors import SettingsError
from flows.lake.landing.masking_key import MaskingKey, MaskingKeys
from flows.lake.landing.methods import REDACTED, CellMask, Unmaskable, mask_of, opener
from flows.lake.masking_rules import METHODS, MaskingRule, MaskingRules, parse_rule
from flows.lake.tables.text_cells import MISSING

SECRET = bytes(range(32))
KEY = MaskingKey(SECRET)


def method(rule: str, key: MaskingKey | None = KEY) -> CellMask:
    return mask_of(parse_rule(rule, "c"), key, frozenset(MISSING)).of_text


def derived(purpose: bytes, size: int) -> bytes:
    return HKDF(hashes.SHA256(), size, b"csv-to-raw-lake masking", purpose).derive(SECRET)


@given(st.text())
def test_hash_is_hmac_sha_256_of_utf_8_under_a_key_derived_by_hkdf(text: str) -> None:
    expected = hmac.new(derived(b"hash", 32), text.encode(), hashlib.sha256).hexdigest()
    assert method("hash")(text) == expected


def test_hash_of_a_known_text_never_changes() -> None:
    # What landed under a key must be found again by later versions.
    assert KEY.fingerprint == "e021b0f81cfd827a"
    assert method("hash")("529.982.247-25") == "e7feabb19632d38596582407375979316a8eecacdd88a7313e0dbf002dbad44a"
    assert method("shape")("João da Silva, 529.982.247-25") == KNOWN_SHAPE
    assert method("encrypt")("529.982.247-25") == "enc1.-A2U7FxvmUyh9c4vsEdcH75ejmqSVm60jduKXxQY"


KNOWN_SHAPE = "Rkav am Mjxds, 191.998.113-18"


@given(st.text(min_size=1))
def test_encrypt_is_aes_siv_and_opens_again(text: str) -> None:
    closed = method("encrypt")(text)
    sealed = base64.urlsafe_b64decode(closed.removeprefix("enc1.") + "==")
    assert AESSIV(derived(b"encrypt", 64)).decrypt(sealed, None).decode() == text
    assert opener([MaskingKey.generate(), KEY]).of_text(closed) == text


@pytest.mark.parametrize(
    "text", ["", "enc1.", "enc1.AAAA", "Ana", "enc1.!", "enc1.é", "A2U7FxvmUyh9c4vsEdcH75ejmqSVm60"]
)
def test_opening_of_what_is_not_encrypted_says_nothing_of_it(text: str) -> None:
    with pytest.raises(Unmaskable) as caught:
        opener([KEY]).of_text(text)
    assert str(caught.value) == "no key opens a cell of the column"


def test_opening_of_a_changed_cell_is_refused() -> None:
    closed = method("encrypt")("529.982.247-25")
    for at in range(5, len(closed) - 1):
        with pytest.raises(Unmaskable):
            opener([KEY]).of_text(closed[:at] + ("A" if closed[at] != "A" else "B") + closed[at + 1 :])


def kinds(text: str) -> str:
    def kind(sign: str) -> str:
        category = unicodedata.category(sign)
        if category[0] in "LM":
            return "A" if category in ("Lu", "Lt") else "a"
        return "0" if category[0] == "N" else sign

    return "".join(map(kind, text))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_shape_keeps_length_kinds_and_signs(text: str) -> None:
    masked = method("shape")(text)
    if any(unicodedata.category(sign)[0] in "LMN" for sign in text):
        assert kinds(masked) == kinds(text)
    else:
        assert masked == REDACTED


def test_shape_draws_every_sign_and_depends_on_the_whole_text() -> None:
    masked = {method("shape")(f"{number:05}") for number in range(2_000)}
    assert len(masked) > 1_900
    assert all({text[place] for text in masked} == set("0123456789") for place in range(5))
    long = "a" * 200
    assert method("shape")(long) != method("shape")(long[:-1] + "b")
    assert len({method("shape")(long)[start : start + 32] for start in range(0, 192, 32)}) == 6


@pytest.mark.parametrize("rule", ["shape", "first:2", "last:2", "domain"])
def test_masked_text_never_looks_like_a_missing_value(rule: str) -> None:
    masked = [method(rule)(f"NA{chr(65 + a)}NA"[a % 2 :]) for a in range(26)]
    masked += [method(rule)(chr(65 + a) + chr(65 + b)) for a in range(26) for b in range(26)]
    assert not set(masked) & set(MISSING)


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("redact", "x", REDACTED),
        ("empty", "x", ""),
        ("domain", "ana.silva@example.com.br", "example.com.br"),
        ("domain", " ana@exámple.com ", "exámple.com"),
        ("domain", "ana@localhost", REDACTED),
        ("domain", "Ana <ana@example.com>", REDACTED),
        ("domain", "a@b@example.com", REDACTED),
        ("domain", "ana", REDACTED),
        ("year", "1984-12-31", "1984"),
        ("year", "1984-12-31T23:59:59-03:00", "1984"),
        ("year", "31/12/1984 23:59", "1984"),
        ("year", "12/31/1984", REDACTED),
        ("year", "19841231", "1984"),
        ("year", "31121984", "1984"),
        ("year", "31.12.1984", "1984"),
        ("year", "31/12/84", REDACTED),
        ("year", "1984", REDACTED),
        ("year", "1984-02-30", REDACTED),
        ("year", "0001-01-01", REDACTED),
        ("year", "nascida em 1984", REDACTED),
        ("month", "1984/2/9", "1984-02"),
        ("month", "09/02/1984", "1984-02"),
        ("month", "x", REDACTED),
        ("first:5", "01310-100", "01310"),
        ("first:5", "01310", REDACTED),
        ("last:4", "4111111111111111", "1111"),
        ("last:4", "1111", REDACTED),
        ("first:1", "Zoë", "Z"),
    ],
)
def test_keyless_methods_keep_what_they_say_and_redact_the_rest(rule: str, text: str, expected: str) -> None:
    assert method(rule, None)(text) == expected


def test_answers_differ_by_key_and_not_by_anything_else() -> None:
    other = MaskingKey(bytes(32))
    for rule in ("hash", "shape", "encrypt"):
        assert method(rule)("João da Silva") == method(rule)("João da Silva") != method(rule, other)("João da Silva")


def test_key_is_shown_by_its_fingerprint_alone() -> None:
    key = MaskingKey.generate()
    assert repr(key) == f"MaskingKey(fingerprint='{key.fingerprint}')"
    assert key.to_text() not in f"{key} {MaskingKeys(key, (key,))!r}"
    assert MaskingKey.from_text(f" {key.to_text()}\n") == key != KEY
    with pytest.raises(TypeError, match="never serialized"):
        pickle.dumps(key)


@pytest.mark.parametrize("text", ["", "x", "é", "A" * 44, "A" * 42 + "==", base64.b64encode(bytes(31)).decode()])
def test_text_that_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(SettingsError, match="A masking key has 32 bytes") as caught:
        MaskingKey.from_text(text)
    assert len(text) < 2 or text not in str(caught.value)


def test_rotation_keeps_every_key_and_masks_under_the_new_one() -> None:
    first, second, third = (MaskingKey(bytes([number]) * 32) for number in range(3))
    keys = MaskingKeys(first).rotated(second).rotated(third)
    assert (keys.current, keys.old) == (third, (second, first))
    assert keys.all == (third, second, first)


@pytest.mark.parametrize("text", [*(m for m in METHODS if m not in ("first", "last")), "first:1", "last:64", " hash "])
def test_rule_is_read_and_written_alike(text: str) -> None:
    rule = parse_rule(text, "c")
    assert parse_rule(str(rule), "c") == rule
    assert str(rule) == text.strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hsah", "'cpf' is 'hsah', which is no method. Did you mean 'hash'?"),
        ("Hash", "Did you mean 'hash'"),
        ("", "is '', which is no method. Methods: hash, shape"),
        ("last", "is 'last' without a number of characters. Write 'last:4'"),
        ("last:", "no method. Did you mean 'last'"),
        ("hash:3", "hash takes no number"),
        ("first:0", "keeps 0 characters. Keep from 1 to 64"),
        ("first:999999999999", "Keep from 1 to 64"),
        ("last:-1", "no method"),
        (None, "is empty, not a text"),
        (True, "is true or false, not a text"),
        (4, "is a number"),
        (["hash"], "is a list"),
        ({"last": 4}, "Write it without a blank after the colon and in quotes: 'last:4'"),
    ],
)
def test_what_is_no_rule_is_an_error_that_says_what_to_write(text: object, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        MaskingRules.parse({"cpf": text})
    assert "The mask of column 'cpf'" in str(caught.value)
    assert words in str(caught.value)


def test_rules_have_one_digest_in_any_order_and_another_for_another_rule() -> None:
    rules = MaskingRules.parse({"b": "last:4", "a": "hash"})
    assert rules.digest == MaskingRules.parse({"a": "hash", "b": "last:4"}).digest
    assert rules.digest != MaskingRules.parse({"a": "hash", "b": "last:5"}).digest
    assert rules.as_texts() == {"a": "hash", "b": "last:4"}
    assert rules.needs_key
    assert not MaskingRules.parse({"a": "redact"}).needs_key
    assert not MaskingRules.parse({})


def test_rule_that_is_made_by_hand_is_checked_too() -> None:
    for wrong in (("hash", 3), ("first", None), ("last", 0), ("last", 65)):
        with pytest.raises(ValueError, match="number of characters"):
            MaskingRule(*wrong)  # type: ignore[arg-type]
