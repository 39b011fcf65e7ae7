"""Keeps secret values out of text that leaves the process: the log, the artifacts, and every log record.

Key decision: two nets. `Redactor` masks values that are known, in every spelling in which they are likely to appear.
`guard_logs` puts such a redactor behind `logging`'s record factory, the one place that every record of every logger
passes, whatever handlers a framework installs or replaces later; filters on a logger would miss its children's records.
Records of the libraries that talk to AWS and to Prefect pass a second net, of patterns, since at DEBUG botocore prints
answers that bring secrets nobody knows yet (`AssumeRole`, SSO, instance roles).

The same place makes records printable (`flows.lake.words.printable`): a handler that sends UTF-8 would lose a record,
and all those sent with it, for one file name that is not UTF-8.

Which values are secret is the caller's to say; nothing here imports botocore or Prefect.
"""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import threading
import traceback
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from flows.lake.words import printable

MASK = "********"
MIN_LENGTH = 8
"""Shorter values are left alone: they would blank out innocent words."""

TALKATIVE_LOGGERS = ("botocore", "boto3", "s3transfer", "urllib3", "aiobotocore", "websockets")
"""Libraries that print headers and answers at DEBUG."""

_NAMES = (
    "secret_?access_?key|session_?token|security_?token|x-amz-security-token|x-amz-sso_bearer_token"
    "|x-aws-ec2-metadata-token|access_?token|refresh_?token|id_?token|client_?secret|bearer_?token|token"
)
_PATTERNS = (
    # <SecretAccessKey>…</SecretAccessKey>, as STS answers.
    re.compile(rf"(<(?:{_NAMES})>)([^<]+)()", re.IGNORECASE),
    # "SessionToken": "…", 'X-Amz-Security-Token': b'…', also with the quotes escaped once more.
    re.compile(rf"((?<![A-Za-z])(?:{_NAMES})\\?['\"]\s*[:=,]\s*b?\\?['\"])([^'\"\\]+)(\\?['\"])", re.IGNORECASE),
    # x-amz-security-token:… in a canonical request, X-Amz-Security-Token=… in a presigned address.
    re.compile(r"((?:x-amz-security-token|x-amz-sso_bearer_token)\s*[:=]\s*)([^\s'\"&,<>]+)()", re.IGNORECASE),
    # Authorization headers that carry a token or password rather than a signature.
    re.compile(r"(authorization:\s*(?:basic|bearer)\s+)([^\s'\"]+)()", re.IGNORECASE),
    re.compile(r"(authorization\\?['\"]\s*:\s*b?\\?['\"])((?!AWS4-)[^'\"\\]+)(\\?['\"])", re.IGNORECASE),
)


class Redactor:
    """Masks known secret values in a text.

    A value is found raw, URL-encoded, JSON-escaped, HTML-escaped, as Python shows it, and in base64 at each of the
    three alignments that it can have inside a longer encoded text (a last partial character, less than one byte of
    the secret, may stay). Values shorter than `MIN_LENGTH` characters are ignored.

    Args:
        secrets: The secret values.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        needles: set[str] = set()
        for secret in secrets:
            if len(secret) >= MIN_LENGTH:
                needles |= _spellings(secret)
        # The longest first: a spelling may contain another one.
        self._needles = sorted(needles, key=lambda needle: (-len(needle), needle))

    def __repr__(self) -> str:
        return "Redactor(…)"

    def __reduce__(self) -> Any:
        raise TypeError("A Redactor holds secrets and is never serialized: make one where it is needed.")

    def mask(self, text: str) -> tuple[str, int]:
        """Return the text with every secret value masked, and how many were found."""
        found = 0
        for needle in self._needles:
            count = text.count(needle)
            if count:
                text = text.replace(needle, MASK)
                found += count
        return text, found


def _spellings(secret: str) -> set[str]:
    raw = secret.encode()
    spellings = {
        secret,
        html.escape(secret),
        repr(secret)[1:-1],
        repr(raw)[2:-1],
    }
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        spellings |= {escaped, escaped.replace("/", "\\/"), json.dumps(escaped)[1:-1]}
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret), quote(quote(secret, safe=""), safe="")):
        spellings |= {encoded, re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)}
    for offset in range(3):
        # Characters that also depend on the neighbours' bits are cut off at both ends.
        encoded = base64.b64encode(b"\0" * offset + raw + b"\0\0").decode()
        core = encoded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        for alphabet in (core, core.replace("+", "-").replace("/", "_")):
            spellings |= {alphabet, quote(alphabet, safe="")}
    return spellings


def mask_patterns(text: str) -> str:
    """Mask what stands where the AWS libraries print a secret, whatever its value."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{MASK}\g<3>", text)
    return text


class _Guard:
    """The record factory: masks each record's text and traceback when it is made, before any handler sees it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.lock = threading.Lock()
        self.secrets: frozenset[str] = frozenset()
        self.redactor = Redactor(())

    def learn(self, secrets: Iterable[str]) -> None:
        new = frozenset(secret for secret in secrets if len(secret) >= MIN_LENGTH)
        if new <= self.secrets:
            return
        with self.lock:
            self.secrets |= new
            self.redactor = Redactor(self.secrets)

    def clean(self, text: str, talkative: bool) -> str:
        text, _ = self.redactor.mask(printable(text))
        return mask_patterns(text) if talkative else text

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self.inner(*args, **kwargs)
        talkative = record.name.split(".", 1)[0] in TALKATIVE_LOGGERS or ".vendored." in record.name
        try:
            text_of_record = record.getMessage()
        except Exception:
            # logging itself reports a template that does not fit its arguments; it prints both, so they are cut down.
            record.msg, record.args = "A log record that cannot be formatted was dropped: %s", (record.pathname,)
            return record
        cleaned = self.clean(text_of_record, talkative)
        if cleaned != text_of_record:
            record.msg, record.args = cleaned, ()
        if record.exc_info and record.exc_info[0] is not None:
            trace = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            cleaned = self.clean(trace, talkative)
            if cleaned != trace:
                # Handlers that format the exception themselves would print the secret: they get the text alone.
                record.exc_info, record.exc_text = None, cleaned
        return record


_installing = threading.Lock()


def guard_logs(secrets: Iterable[str]) -> None:
    """Mask these values in every record that this process logs from now on.

    Safe to call often and from any thread; values add up. Fields that a caller adds with `extra=` are not searched.

    Args:
        secrets: The secret values; those shorter than `MIN_LENGTH` are ignored.
    """
    with _installing:
        factory = logging.getLogRecordFactory()
        if not isinstance(factory, _Guard):
            factory = _Guard(factory)
            logging.setLogRecordFactory(factory)
    factory.learn(secrets)


def mask_known(text: str) -> str:
    """Return a text, made printable, with every value masked that `guard_logs` has learnt in this process."""
    factory, text = logging.getLogRecordFactory(), printable(text)
    return factory.redactor.mask(text)[0] if isinstance(factory, _Guard) else text


def unguard_logs() -> None:
    """Take the guard away again and forget its values; for tests."""
    with _installing:
        factory = logging.getLogRecordFactory()
        if isinstance(factory, _Guard):
            logging.setLogRecordFactory(factory.inner)
