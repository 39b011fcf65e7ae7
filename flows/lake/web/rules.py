"""What the machine that runs the flow allows of addresses.

A run reads it once, when it finds its files, and it travels with each of them: processes that were started earlier, or
on other machines, go by it too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from flows.lake.units import GB


@dataclass(frozen=True)
class WebRules:
    """What the machine that runs the flow allows; its environment says so, never who starts a run.

    Attributes:
        http: Whether addresses may be `http://`.
        private_networks: Whether they may lead to networks that are not public.
        most_bytes: The largest file that is fetched.
        longest_s: How long a file may take, in seconds, pauses included.
        contact: Whom the server's people can write to.
    """

    http: bool = False
    private_networks: bool = False
    most_bytes: int = 50 * GB
    longest_s: float = 6 * 3600.0
    contact: str = ""

    @classmethod
    def of_environment(cls) -> WebRules:
        """Read `INGEST_WEB_HTTP`, `_PRIVATE`, `_MAX_BYTES`, `_MAX_SECONDS` and `_CONTACT`."""
        given = {name: os.environ.get(f"INGEST_WEB_{name}", "").strip() for name in _NAMES}
        return cls(
            http=given["HTTP"] == "1",
            private_networks=given["PRIVATE"] == "1",
            most_bytes=int(given["MAX_BYTES"]) if given["MAX_BYTES"].isdecimal() else cls.most_bytes,
            longest_s=float(given["MAX_SECONDS"]) if given["MAX_SECONDS"].isdecimal() else cls.longest_s,
            contact="".join(sign for sign in given["CONTACT"] if sign.isascii() and sign.isprintable())[:200],
        )


_NAMES = ("HTTP", "PRIVATE", "MAX_BYTES", "MAX_SECONDS", "CONTACT")
