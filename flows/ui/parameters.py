"""The types of parameters that several flows share, as Prefect's run form shows and checks them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from prefect import Flow
from pydantic import Field

P = TypeVar("P", bound="Flow[Any, Any]")

BucketName = Annotated[str, Field(min_length=3, max_length=100)]
"""A bucket's name, longer than S3 allows by what `{account}` and `{region}` in it stand for."""

BlockName = Annotated[str, Field(min_length=1, max_length=255)]
"""The name of a credentials block."""

TimeZone = Annotated[str, Field(min_length=1, max_length=64)]
"""An IANA name."""


def _any_case(word: str) -> str:
    """Return a pattern for a word however it is written; patterns of a JSON schema have no flags."""
    return "".join(f"[{letter.upper()}{letter}]" if letter.isalpha() else re.escape(letter) for letter in word)


_ADDRESS = f"{_any_case('http')}[Ss]?:/"
_IN_NAMES = (
    "signature token secret passw senha credential apikey api_key api-key accesskey auth jwt session hmac bearer"
)
_ENDS_OF_NAMES = "sig _key -key .key"
_NAMES = "key pwd otp code ticket chave"
_PROOF = "|".join(
    [
        rf"[^=&;#\s]*({'|'.join(map(_any_case, _IN_NAMES.split()))})[^=&;#\s]*",
        rf"[^=&;#\s]*({'|'.join(map(_any_case, _ENDS_OF_NAMES.split()))})",
        f"({'|'.join(map(_any_case, _NAMES.split()))})",
    ]
)

WITHOUT_SECRETS = rf"^(?![\s\S]*{_ADDRESS}/*[^/?#\s]*@)(?![\s\S]*{_ADDRESS}[^\s]*[?&;#]({_PROOF})=)"
"""What a source must be for a server to take it as a parameter: it stores them where many can read them.

The run itself looks more closely (`flows.lake.web.addresses`), but by then the parameter is stored.
"""

Source = Annotated[Path, Field(json_schema_extra={"pattern": WITHOUT_SECRETS})]
"""A folder, an `s3://` address, or addresses of files."""

Contracts = str | dict[str, Any]
"""A path, an `s3://` address, or the contracts themselves."""


def refusing(check: Callable[[Mapping[str, Any]], None]) -> Callable[[P], P]:
    """Make a flow say what became of parameters that it does not have any more.

    Prefect says of an unknown parameter that it is unknown, before the flow's first line can say more.

    Args:
        check: Raises what is to be said of the parameters given.
    """

    def of(flow: P) -> P:
        kind: Any = type(flow)

        class Refusing(kind):  # type: ignore[misc]
            def __call__(self, *args: Any, **kwargs: Any) -> Any:
                check(kwargs)
                return super().__call__(*args, **kwargs)

            def validate_parameters(self, parameters: dict[str, Any]) -> dict[str, Any]:
                check(parameters)
                validated: dict[str, Any] = super().validate_parameters(parameters)
                return validated

        flow.__class__ = Refusing
        return flow

    return of
