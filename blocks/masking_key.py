"""The block that holds the secret by which columns are masked: made once, encrypted by the server, never shown.

Key decision: nobody types or sees the secret, so that it is in no shell, mail or form; `python -m blocks.register
masking-key` makes it. The keys before a rotation stay in the same block, since they open what they closed. As with
credentials, code passes the block's *name*: neither the block nor the key can be serialized.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.exceptions import PrefectHTTPStatusError
from pydantic import ConfigDict, Field, SecretStr, field_validator

from flows.lake.errors import MaskingKeyMissing, SettingsError
from flows.lake.landing.masking_key import MaskingKey, MaskingKeys
from flows.lake.redact import guard_logs

DEFAULT_NAME = "masking-key"


class MaskingKeyBlock(Block):
    """The key by which the sensitive columns of files are masked before they reach the raw layer.

    Make it with `python -m blocks.register masking-key`, which asks for nothing and shows nothing of it.

    Example:
        Load the stored keys:
        ```python
        from blocks.masking_key import load_masking_keys

        keys = load_masking_keys("BLOCK_NAME")
        print(keys.current.fingerprint)
        ```
    """

    # Pydantic prints the input of what it refuses, and here that is a secret.
    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name: ClassVar[str] = "Masking Key"
    _block_type_slug: ClassVar[str] = "masking-key"
    _logo_url: ClassVar[Any] = Secret._logo_url
    _documentation_url: ClassVar[Any] = "https://docs.prefect.io/v3/concepts/blocks"

    key: SecretStr = Field(
        title="Key",
        description="32 random bytes in URL-safe base64. They are encrypted and never shown again.",
    )
    old_keys: SecretStr | None = Field(
        default=None,
        title="Old Keys",
        description="The keys before it, the newest first, one a line: they open what was encrypted under them.",
    )

    @field_validator("key", "old_keys")
    @classmethod
    def _holds_keys(cls, value: SecretStr | None) -> SecretStr | None:
        for text in value.get_secret_value().split() if value else ():
            MaskingKey.from_text(text)
        return value

    @classmethod
    def of(cls, keys: MaskingKeys) -> MaskingKeyBlock:
        """Return the block that holds some keys."""
        old = "\n".join(key.to_text() for key in keys.old)
        return cls(key=SecretStr(keys.current.to_text()), old_keys=SecretStr(old) if old else None)

    def block_initialization(self) -> None:
        """Mask what the block holds in every log record from here on."""
        guard_logs(self.secret_values())

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("A masking key is never serialized: pass the block's name and load it where it is needed.")

    def secret_values(self) -> tuple[str, ...]:
        """Return every secret that the block holds."""
        return (self.key.get_secret_value(), *(self.old_keys.get_secret_value().split() if self.old_keys else ()))

    def keys(self) -> MaskingKeys:
        """Return the keys."""
        current, *old = map(MaskingKey.from_text, self.secret_values())
        return MaskingKeys(current, tuple(old))


def load_masking_keys(name: str = DEFAULT_NAME) -> MaskingKeys:
    """Load the keys of a block by its name.

    Raises:
        MaskingKeyMissing: There is no such block, or what the server holds cannot be read or is no key.
    """
    where = f"The masking key block {name!r}"
    command = f"python -m blocks.register masking-key --name {name}"
    try:
        return cast("MaskingKeyBlock", MaskingKeyBlock.load(name)).keys()
    except SettingsError:
        problem, remedy = f"{where} holds what is no key.", "Restore it from a backup of the server's database."
    except ValueError:
        problem, remedy = f"There is no Masking Key block {name!r}.", f"Make one: `{command}`, or name another block."
    except RuntimeError:
        problem, remedy = f"{where} holds what is no key.", "Restore it from a backup of the server's database."
    except PrefectHTTPStatusError as error:
        if error.response.status_code < 500:
            raise
        problem = f"The Prefect server cannot read the masking key block {name!r}."
        remedy = (
            "If its encryption key (PREFECT_SERVER_ENCRYPTION_KEY) has changed, start it with the one under which the "
            "block was stored: without it nothing that was encrypted can be opened."
        )
    # Outside the handlers: what was refused may hang on to what the block holds.
    raise MaskingKeyMissing(problem, remedy=remedy)
