"""Addresses of published files: read from a run's source, filled in with the day, and shown without what may be secret.

A source is kept as a path, in which `https://` becomes `https:/`; both are read. What stands behind `#` names the file,
where the address does not end with its name. An address with a name and password, or with a query that signs or proves
something, is refused: a run's parameters are stored where many can read them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from flows.lake.places import WEB_SCHEME, addresses
from flows.lake.web.errors import AddressRefused
from flows.lake.web.rules import WebRules
from flows.lake.words import shown

_SECRET = re.compile(
    r"sig$|signature|token|secret|passw|senha|credential|[-_. ]key$|api.?key|access.?key|auth|jwt|session|hmac|bearer"
    r"|^(key|pwd|code|otp|ticket|chave)$",
    re.IGNORECASE,
)
"""Names of query parameters that prove who asks: SAS, presigned S3 and GCS, and the usual tokens."""

# In an address %20 is a blank, so only what is not two hexadecimal digits is a directive.
_DIRECTIVE = re.compile(r"%(?:[Ymj]|[dy](?![0-9A-Fa-f]))")


@dataclass(frozen=True)
class WebOrigin:
    """The address that a file is published at.

    Attributes:
        url: The address, as it is asked.
        rules: What the machine that started the run allows.
        name: What its file is called; empty where the address ends with that.
    """

    url: str
    rules: WebRules = field(default_factory=WebRules)
    name: str = ""

    size_bytes = modified_ns = 0
    """Not known before it is fetched."""

    @property
    def place(self) -> Path:
        """What the file is called: the address without its query, as `pathlib` keeps it."""
        parts = urlsplit(self.url)
        names = [_segment(name) for name in parts.path.split("/") if name]
        return Path(f"{parts.scheme}:", parts.netloc, *names, *([self.name] if self.name else []))

    @property
    def fingerprint(self) -> str:
        """What recognises the whole address, its query included, without saying it."""
        return hashlib.sha256(self.url.encode()).hexdigest()


def _segment(name: str) -> str:
    """Return a part of a path as people read it; one that would become something else as a path stays encoded."""
    read = unquote(name)
    return name if set(read) & set("/?#\0") or read in {".", ".."} else read


def without_secrets(url: str) -> str:
    """Return an address as messages may show it: without name, password, query and fragment."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        path = re.sub(";[^/]*", "", parts.path)  # …;jsessionid=1
        return shown(urlunsplit((parts.scheme, host, path, "", "")), 300)
    except ValueError:
        return "an address that cannot be read"


def origins(source: Path | str, day: date) -> list[WebOrigin]:
    """Return the addresses of a source, filled in with a day.

    Args:
        source: An address, addresses with blanks or line breaks between them, or a JSON list of them.
        day: What `%Y`, `%y`, `%m`, `%d` and `%j` stand for.

    Raises:
        AddressRefused: One cannot be used; never quotes what may be secret.
    """
    rules = WebRules.of_environment()
    return [_checked(filled_in(text, day), rules) for text in dict.fromkeys(addresses(source))]


def filled_in(text: str, day: date) -> str:
    """Return an address as it is asked on a day, its scheme as it is written."""
    url = WEB_SCHEME.sub(lambda scheme: f"{scheme[1].lower()}://", text.strip())
    return _DIRECTIVE.sub(lambda directive: day.strftime(directive[0]), url)


def name_form(text: str) -> str | None:
    """Return what an address's file is called on every day, its directives in place; `None` where it has none."""
    at, _, named = text.strip().partition("#")
    name = named or at.partition("?")[0].rpartition("/")[2]
    directives = _DIRECTIVE.findall(name)
    literals = map(_segment, _DIRECTIVE.split(name))
    return "".join(map("".join, zip(literals, [*directives, ""], strict=True))) if directives else None


def _checked(url: str, rules: WebRules) -> WebOrigin:
    where = without_secrets(url)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or WEB_SCHEME.match(url) is None:
        raise AddressRefused(f"{where} is not an address.", remedy="Write it as https://host/path/file.csv.")
    if "@" in parts.netloc:
        raise AddressRefused(
            f"The address {where} holds a name or password.",
            remedy="Store it in a block (web_credentials): parameters are stored and shown.",
        )
    inside = (*parts.path.split("/"), f";{parts.fragment}")  # …;jsessionid=1 and …#token=1
    held = "&".join([parts.query, *(one.partition(";")[2].replace(";", "&") for one in inside)])
    if any(_SECRET.search(name) for name, _ in parse_qsl(held, keep_blank_values=True)):
        raise AddressRefused(
            f"What stands behind {where} holds a key, token or signature.",
            remedy="Give an address that needs none, or store it in a block (web_credentials): parameters are shown.",
        )
    name = _segment(parts.fragment.strip())
    if "/" in parts.fragment or "/" in name:
        raise AddressRefused(
            f"What stands behind # in {where} is no name of a file.", remedy="Write it as …#file.csv, without a slash."
        )
    if not name and not parts.path.rpartition("/")[2]:
        raise AddressRefused(
            f"{where} ends without the name of a file.",
            remedy="Give the address of the file, not of its page, or name it behind it: …#file.csv.",
        )
    return WebOrigin(urlunsplit((parts.scheme, parts.netloc, parts.path, parts.query, "")), rules, name)
