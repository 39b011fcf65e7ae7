"""The signature of a manifest: by it a run recognises what runs of its own Prefect server wrote.

Whoever may write to the lake can write a manifest; only one that is signed spares a file from being read, or keeps one
out of the lake. It is the last field of the text, an HMAC-SHA-256 of everything before it.
"""

from __future__ import annotations

import hashlib
import hmac
import re

_SIGNATURE = re.compile(rb',"signature":"([0-9a-f]{64})"\}\n?\Z')


def signed(text: str, key: bytes | None) -> str:
    """Return a manifest's text with its signature at the end; without a key, as it is."""
    if key is None:
        return text
    body = text.removesuffix("\n").removesuffix("}")
    return f'{body},"signature":"{_signature(body.encode(), key)}"}}\n'


def _signature(body: bytes, key: bytes) -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def is_signed(data: bytes, key: bytes) -> bool:
    """Say whether a manifest's bytes were signed with a key."""
    signature = _SIGNATURE.search(data)
    return signature is not None and hmac.compare_digest(
        _signature(data[: signature.start()], key), signature[1].decode()
    )
