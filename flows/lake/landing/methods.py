"""Owns what each method makes of a cell's text.

A method is a function from text to text that is asked for a cell that is not missing; what is missing is left as it
is before that. The same text under the same key gives the same answer in every column, file and encoding, so that
what was joined in clear can be joined masked. A cell that a method cannot deal with (no date under `year`, a text as
short as what `last` keeps) is redacted, never shown. What each method protects from is in `docs/landing.md`.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hmac import HMAC

from flows.lake.errors import SettingsError
from flows.lake.landing.masking_key import MaskingKey
from flows.lake.masking_rules import MaskingRule

REDACTED = "REDACTED"
"""What stands in the place of a cell of which nothing may be kept."""

ENCRYPTED = "enc1."
"""What an encrypted cell begins with: a letter, so that no spreadsheet takes it for a formula."""

CellMask = Callable[[str], str]


@dataclass(frozen=True)
class Mask:
    """What masks the cells of a column.

    Attributes:
        of_text: Gives the masked text for a text.
        of_bytes: Gives the same, faster, from UTF-8 to ASCII; `None` where there is no such way.
        signs: The only signs that are in an answer of `of_bytes`.
    """

    of_text: CellMask
    of_bytes: Callable[[bytes], bytes] | None = None
    signs: str = ""


class Unmaskable(Exception):
    """A cell that cannot be masked or opened; says why, never what it holds."""


_MAC_KEY_BYTES, _SIV_KEY_BYTES = 32, 64
_LETTERS, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"
_SIGNS_A_BLOCK = (
    32  # of 26 possibilities at most: 151 of the block's 256 bits, so that no sign is likelier than another
)
_ADDRESS = re.compile(r"\s*[^@\s]+@(?P<domain>[\w-]+(?:\.[\w-]+)+)\s*")
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ].*)?", re.ASCII | re.DOTALL)
_DAY_FIRST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:[T ,].*)?", re.ASCII | re.DOTALL)
_EIGHT_DIGITS = re.compile(r"\d{8}", re.ASCII)
_YEARS = range(1800, 2200)


def mask_of(rule: MaskingRule, key: MaskingKey | None, missing: Collection[str]) -> Mask:
    """Return what masks a cell by a rule.

    Args:
        rule: The rule; `drop` has none, since the cell goes.
        key: The key, for the methods that need one.
        missing: What stands for a missing value: no masked cell may look like one but by `empty`.

    Raises:
        SettingsError: The method needs a key and there is none.
    """
    if not rule.needs_key:
        return Mask(_unkeyed(rule, missing))
    if key is None:
        remedy = "Make one with `python -m blocks.register masking-key`, or name its block."
        raise SettingsError(f"The masking method {rule.method} needs a key.", remedy=remedy)
    if rule.method == "shape":
        return Mask(_shape_under(key, missing))
    if rule.method == "hash":
        return _of_bytes(_hash_under(key), "0123456789abcdef")
    return _of_bytes(_encrypt_under(key), ENCRYPTED + _LETTERS + _LETTERS.upper() + _DIGITS + "-_")


def _of_bytes(of_bytes: Callable[[bytes], bytes], signs: str) -> Mask:
    return Mask(lambda text: of_bytes(text.encode("utf-8")).decode("ascii"), of_bytes, signs)


def _unkeyed(rule: MaskingRule, missing: Collection[str]) -> CellMask:
    count = rule.count or 0
    kept: dict[str, Callable[[str], str | None]] = {
        "domain": domain_of,
        "year": year_of,
        "month": month_of,
        "first": lambda text: text[:count] if len(text) > count else None,
        "last": lambda text: text[-count:] if len(text) > count else None,
    }
    if rule.method in ("redact", "empty"):
        constant = REDACTED if rule.method == "redact" else ""
        return lambda _text: constant
    keep = kept[rule.method]

    def mask(text: str) -> str:
        answer = keep(text)
        return REDACTED if answer is None or answer in missing else answer

    return mask


def _hash_under(key: MaskingKey) -> Callable[[bytes], bytes]:
    copy, hexlify = _mac(key, "hash").copy, binascii.hexlify

    def mask(data: bytes) -> bytes:
        one = copy()
        one.update(data)
        return hexlify(one.finalize())

    return mask


def _encrypt_under(key: MaskingKey) -> Callable[[bytes], bytes]:
    siv, begin = _siv(key), ENCRYPTED.encode("ascii")

    def mask(data: bytes) -> bytes:
        return begin + base64.urlsafe_b64encode(siv.encrypt(data, None)).rstrip(b"=")

    return mask


def _shape_under(key: MaskingKey, missing: Collection[str]) -> CellMask:
    mac = _mac(key, "shape")

    def mask(text: str) -> str:
        kinds = [_KINDS[sign] for sign in text]
        if not any(kinds):
            return REDACTED
        data = text.encode("utf-8")
        for attempt in range(256):
            answer = _drawn(mac, bytes([attempt]) + data, text, kinds)
            if answer not in missing:
                return answer
        return REDACTED  # every text of that shape means a missing value

    return mask


class _Kinds(dict[str, str]):
    """By sign, the signs of which one takes its place; none where it stays."""

    def __missing__(self, sign: str) -> str:
        category = unicodedata.category(sign)
        kind = _LETTERS if category[0] in "LM" else _DIGITS if category[0] == "N" else ""
        self[sign] = kind = kind.upper() if category in ("Lu", "Lt") else kind
        return kind


_KINDS = _Kinds()


def _drawn(mac: HMAC, data: bytes, text: str, kinds: list[str]) -> str:
    """Return a text with each sign that has a kind replaced by one of it, drawn from the MAC of the data."""
    pool, drawn, signs = 0, 0, []
    for sign, kind in zip(text, kinds, strict=True):
        if not kind:
            signs.append(sign)
            continue
        if drawn % _SIGNS_A_BLOCK == 0:
            block = mac.copy()
            block.update((drawn // _SIGNS_A_BLOCK).to_bytes(4, "big") + data)
            pool = int.from_bytes(block.finalize(), "big")
        pool, place = divmod(pool, len(kind))
        drawn += 1
        signs.append(kind[place])
    return "".join(signs)


def opener(keys: Iterable[MaskingKey]) -> Mask:
    """Return what opens what `encrypt` closed under any of some keys.

    It raises `Unmaskable` where none of them opens it.
    """
    sivs = [_siv(key) for key in keys]

    def open_cell(text: str) -> str:
        sealed = text.removeprefix(ENCRYPTED).encode("ascii", "replace")
        try:
            data = base64.b64decode(sealed + b"=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        except binascii.Error:
            data = b""
        if text.startswith(ENCRYPTED) and data:
            for place, siv in enumerate(sivs):
                try:
                    answer = siv.decrypt(data, None)
                except InvalidTag:
                    continue
                if place:
                    sivs.insert(0, sivs.pop(place))  # the next cells of the file are likely under it too
                return answer.decode("utf-8")
        raise Unmaskable("no key opens a cell of the column")

    return Mask(open_cell)


def _mac(key: MaskingKey, purpose: str) -> HMAC:
    return HMAC(key.derive(purpose, _MAC_KEY_BYTES), hashes.SHA256())


def _siv(key: MaskingKey) -> AESSIV:
    return AESSIV(key.derive("encrypt", _SIV_KEY_BYTES))


def domain_of(text: str) -> str | None:
    """Return the domain of an e-mail address; `None` for what is not one."""
    match = _ADDRESS.fullmatch(text)
    return match["domain"] if match else None


def year_of(text: str) -> str | None:
    """Return the year of a date; `None` for what is no date for certain."""
    found = _date_in(text)
    return f"{found.year:04}" if found else None


def month_of(text: str) -> str | None:
    """Return the year and month of a date; `None` for what is no date for certain. Days come before months."""
    found = _date_in(text)
    return f"{found.year:04}-{found.month:02}" if found else None


def _date_in(text: str) -> date | None:
    text = text.strip()
    if match := _YEAR_FIRST.fullmatch(text):
        return _date(match[1], match[3], match[4])
    if match := _DAY_FIRST.fullmatch(text):
        return _date(match[4], match[3], match[1])
    if _EIGHT_DIGITS.fullmatch(text):
        return _date(text[:4], text[4:6], text[6:]) or _date(text[4:], text[2:4], text[:2])
    return None


def _date(year: str, month: str, day: str) -> date | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if found.year in _YEARS else None
