"""Owns what one cell is evidence of: a CPF, a card number, an address, ... .

Check digits are python-stdnum's. PIS and CNH, which it does not know, are computed here by the published rules. A kind
that anything may look like (a phone number without punctuation, a passport number) counts only under a column of a
name that says so, which is `flows.lake.landing.sensitive_names`'s to say.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stdnum import iban, luhn
from stdnum.br import cnpj, cpf

from flows.lake.landing.methods import month_of

Kind = Literal[
    "CPF",
    "CNPJ",
    "PIS/NIS",
    "CNH",
    "RG",
    "card number",
    "IBAN",
    "e-mail address",
    "phone number",
    "IP address",
    "passport number",
    "birth date",
    "name of a person",
    "postal address",
]

_CPF = re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{9}-?\d{2}", re.ASCII)
_CNPJ = re.compile(r"[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\d\d|[0-9A-Z]{8}/?[0-9A-Z]{4}-?\d\d", re.ASCII)
_PIS = re.compile(r"\d{3}\.\d{5}\.\d{2}-\d|\d{10}-?\d", re.ASCII)
_CNH = re.compile(r"\d{11}", re.ASCII)
_RG = re.compile(r"\d{1,2}\.\d{3}\.\d{3}-[\dXx]", re.ASCII)
_NAMED_RG = re.compile(r"(?:[A-Z]{2}[- ]?)?\d{1,3}\.?\d{3}\.?\d{3}-?[\dXx]?", re.ASCII)
_CARD = re.compile(r"\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{5}", re.ASCII)
# Visa, Mastercard, American Express, Diners, Discover, JCB, Elo, Hipercard, UnionPay.
_ISSUER = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720))\d*(?<=\A\d{16})|3[47]\d{13}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|(?:6011|64[4-9]|65|35(?:2[89]|[3-8])|5067|509|6363|6277|6062)\d*(?<=\A\d{16})"
    r"|62\d{14,17}",
    re.ASCII,
)
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?", re.ASCII)
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_PHONE = re.compile(
    r"\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?)?\d{2,5}(?:[ .-]?\d{2,5}){1,3}"
    r"|(?:\+?\d{1,2}[ .-]?)?\(0?\d{2,3}\) ?\d{3,5}[ .-]?\d{4}"
    r"|(?:1[ .-])?\d{3}([ .-])\d{3}\1\d{4}|\d{2} 9\d{4}-?\d{4}",
    re.ASCII,
)
_NAMED_PHONE = re.compile(r"\+?[\d ().-]{8,20}", re.ASCII)
_DOTTED = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", re.ASCII)
_PASSPORT = re.compile(r"[A-Z]{1,3}[0-9A-Z]{0,2}\d{5,9}|\d{8,9}", re.ASCII)
_DATE = re.compile(r"\d[\d/.-]{5,}(?:[T ,].*)?", re.ASCII)
_NAME = re.compile(r"[^\W\d_]['’.]?(?:[^\W\d_]|['’.-](?=[^\W\d_]))*\.?(?: +(?:[^\W\d_]|['’.-])+,?){0,7}")
_STREET = re.compile(
    r"(?:r(?:ua|\.)?|av(?:\.|enida|da)?|al(?:\.|ameda)?|trav(?:\.|essa)?|estr(?:\.|ada)?|rod(?:\.|ovia)?|p(?:ra[cç]|laz)a"
    r"|calle|carrera|c/|paseo|camino)\s+\S.*|.*\d.*\b(?:st(?:reet)?|ave(?:nue)?|r(?:oa)?d|dr(?:ive)?|lane|ln|blvd|boulevard"
    r"|court|ct|way|place|pl|highway|hwy|square|sq)\b.*|(?=.*[^\W\d_]{3}).*\s.*[, ]\s*\d{1,5}\b.*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sign:
    """What makes a cell count as one of a kind.

    Attributes:
        kind: The kind.
        is_one: Says whether a cell's text, without blanks around it, is one.
        looks: The form that every one has; what has it not need not be asked.
        by: What is checked, for people.
        distinct: How many different ones a column must have, more where chance makes some.
        digits: How many digits one has, where a number without its leading zeros may be one.
        mask: The rule that is suggested.
    """

    kind: Kind
    is_one: Callable[[str], bool]
    looks: re.Pattern[str]
    by: str
    distinct: int
    mask: str
    digits: int | None = None


_MOST_OF_AN_OUTLINE = 31
"""Headings, accounts and budget lines count no higher; nearly all addresses have a part that does."""


def digits_of(text: str) -> str:
    """Return the digits of a text."""
    return "".join(filter(str.isdigit, text))


def is_pis(text: str) -> bool:
    """Return whether a number of 11 digits ends in the check digit of a PIS, PASEP, NIS or NIT number."""
    digits = digits_of(text)
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    rest = sum(weight * int(digit) for weight, digit in zip((3, 2, 9, 8, 7, 6, 5, 4, 3, 2), digits, strict=False)) % 11
    return int(digits[10]) == (0 if rest < 2 else 11 - rest)


def is_cnh(text: str) -> bool:
    """Return whether a number of 11 digits ends in the two check digits of a Brazilian driving licence.

    Where the first sum leaves 10, some validators take 2 off the second one and others do not: both count.
    """
    digits = digits_of(text)
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    numbers = [int(digit) for digit in digits[:9]]
    first = sum(weight * number for weight, number in zip(range(9, 0, -1), numbers, strict=True)) % 11
    second = sum(weight * number for weight, number in zip(range(1, 10), numbers, strict=True)) % 11
    seconds = {second, (second - 2) % 11} if first == 10 else {second}
    return int(digits[9]) == first % 10 and int(digits[10]) in {0 if one == 10 else one for one in seconds}


def is_card(text: str) -> bool:
    """Return whether a number begins as an issuer's cards do, is as long, and passes Luhn's check."""
    digits = digits_of(text)
    return len(set(digits)) > 1 and _ISSUER.fullmatch(digits) is not None and bool(luhn.is_valid(digits))


def is_ip(text: str) -> bool:
    """Return whether a text is an IP address, version 4 or 6, and no account's number such as `1.1.2.8`."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not address.is_unspecified if address.version == 6 else max(address.packed) > _MOST_OF_AN_OUTLINE


def is_birth_date(text: str) -> bool:
    """Return whether a text is a date with its day; a year alone tells little of anybody."""
    return month_of(text) is not None


def is_name(text: str) -> bool:
    """Return whether a text could be a person's name: letters alone, and not too many words."""
    return len(text) > 1 and _NAME.fullmatch(text) is not None


def _is_phone(text: str) -> bool:
    return 8 <= len(digits_of(text)) <= 15


def _any(_text: str) -> bool:
    return True


BY_CELLS: tuple[Sign, ...] = (
    Sign("CPF", lambda text: bool(cpf.is_valid(text)), _CPF, "check digits", 4, "hash", 11),
    Sign("CNPJ", lambda text: bool(cnpj.is_valid(text)), _CNPJ, "check digits", 4, "hash", 14),
    Sign("CNH", is_cnh, _CNH, "check digits", 4, "hash", 11),
    Sign("PIS/NIS", is_pis, _PIS, "check digit", 8, "hash", 11),
    Sign("card number", is_card, _CARD, "issuer, length and check digit", 6, "last:4"),
    Sign("IBAN", lambda text: bool(iban.is_valid(text)), _IBAN, "country, length and check digits", 3, "hash"),
    Sign("e-mail address", _any, _EMAIL, "form", 3, "domain"),
    Sign("IP address", is_ip, _DOTTED, "form and range", 4, "hash"),
    Sign("RG", _any, _RG, "form", 4, "hash"),
    Sign("phone number", _is_phone, _PHONE, "form", 4, "redact"),
)
"""Kinds that cells show by themselves, the surest first."""

BY_NAME: dict[Kind, Sign] = {
    "RG": Sign("RG", _any, _NAMED_RG, "the column's name, and form", 3, "hash"),
    "phone number": Sign("phone number", _is_phone, _NAMED_PHONE, "the column's name, and form", 3, "redact"),
    "passport number": Sign("passport number", _any, _PASSPORT, "the column's name, and form", 3, "hash"),
    "birth date": Sign("birth date", is_birth_date, _DATE, "the column's name, and form", 3, "year"),
    "name of a person": Sign("name of a person", is_name, _NAME, "the column's name, and form", 3, "redact"),
    "postal address": Sign("postal address", _any, _STREET, "the column's name, and form", 3, "redact"),
}
"""Kinds that count only where the column's name says so too."""
