"""The raw file of the analysis: which columns it has, and what its manifest says of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flows.lake.manifests.entries import ManifestFile

COLUMNS = (
    "id tituloOriginal anoLancamento tempoMinutos genero notaMedia numeroVotos generoArtista personagem nomeArtista"
    " anoNascimento anoFalecimento profissao titulosMaisConhecidos"
).split()
TITLE_COLUMNS = ("tituloPincipal", "tituloPrincipal")
"""The reference data spell it the first way; a source that mends it is read too."""

USUAL = ("|", "utf-8")
"""Delimiter and encoding of the reference data."""


@dataclass(frozen=True)
class RawInput:
    """An object of the raw layer, and the manifest that names it.

    Attributes:
        file: What the manifest says of it.
        manifest_key: The manifest.
        day: The day on which it landed.
    """

    file: ManifestFile
    manifest_key: str
    day: date

    @property
    def encoding_errors(self) -> str:
        """What becomes of bytes that are not in its encoding: `strict` where there are none, else `replace`."""
        return str((self.file.recipe or {}).get("encoding_errors") or "strict")

    @property
    def recipe_note(self) -> str | None:
        """How it is written, where that is not as the reference data are; in sentences."""
        delimiter, encoding = self.file.delimiter or ",", (self.file.encoding or "utf-8").lower().replace("_", "-")
        notes = []
        if delimiter != USUAL[0] or encoding not in {"utf-8", "utf-8-sig", "ascii"}:
            notes.append(
                f"{self.file.name} is read with delimiter {delimiter!r} and encoding {encoding}, as its manifest says."
            )
        if self.encoding_errors == "replace":
            notes.append(f"Some of its bytes are not in the encoding {encoding}: \ufffd stands for them.")
        return " ".join(notes) or None
