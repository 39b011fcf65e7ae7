"""Owns the secret by which columns are masked, and its fingerprint, by which people tell keys apart.

Key decision: one secret of 32 bytes; each method works under a key of its own that HKDF derives from it (RFC 5869), so
that what one method shows says nothing about another. The fingerprint is derived the same way: it may be seen by
everybody. The secret itself is shown by nothing and never serialized; code passes the *name* of the block that holds
it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from flows.lake.errors import SettingsError

SECRET_BYTES = 32
_FINGERPRINT_BYTES = 8
_SALT = b"csv-to-raw-lake masking"


class MaskingKey:
    """A secret by which columns are masked.

    Args:
        secret: 32 random bytes.

    Raises:
        SettingsError: It has another length.
    """

    __slots__ = ("_secret", "fingerprint")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            remedy = "Have one made: `python -m blocks.register masking-key`."
            raise SettingsError(f"A masking key has {SECRET_BYTES} bytes, this one {len(secret)}.", remedy=remedy)
        self._secret = secret
        self.fingerprint = self.derive("fingerprint", _FINGERPRINT_BYTES).hex()

    @classmethod
    def generate(cls) -> MaskingKey:
        """Return a new key."""
        return cls(secrets.token_bytes(SECRET_BYTES))

    @classmethod
    def from_text(cls, text: str) -> MaskingKey:
        """Return the key that a text holds, as `to_text` writes it.

        Raises:
            SettingsError: It holds none.
        """
        try:
            secret = base64.b64decode(text.strip().encode(), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            secret = b""
        return cls(secret)

    def to_text(self) -> str:
        """Return the secret as URL-safe base64, for the one place that stores it."""
        return base64.urlsafe_b64encode(self._secret).decode("ascii")

    def derive(self, purpose: str, size: int) -> bytes:
        """Return so many bytes of key material for one purpose."""
        return HKDF(hashes.SHA256(), length=size, salt=_SALT, info=purpose.encode()).derive(self._secret)

    def __repr__(self) -> str:
        return f"MaskingKey(fingerprint={self.fingerprint!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MaskingKey) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("A masking key is never serialized: pass its block's name and load it where it is needed.")


@dataclass(frozen=True)
class MaskingKeys:
    """The key that masks today, and those before it, which only open what they closed.

    Attributes:
        current: The key that masks.
        old: Earlier keys, the newest first.
    """

    current: MaskingKey
    old: tuple[MaskingKey, ...] = ()

    @property
    def all(self) -> tuple[MaskingKey, ...]:
        """Every key, the likeliest first."""
        return (self.current, *self.old)

    def rotated(self, new: MaskingKey) -> MaskingKeys:
        """Return the keys after a rotation: a new one masks, and the one before it is kept."""
        return MaskingKeys(new, self.all)
