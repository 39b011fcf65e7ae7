"""A document of mappings, lists and texts, as YAML or JSON, with the line of each field: untrusted, so bounded.

Every scalar is the text that stands there, and the model that takes it decides what it means: `NO` stays a country,
`08:00` a time and `2020` a column. Refused are tags (they make objects), a key that stands twice (YAML takes the last
one silently), more than one document, and what is larger, deeper or, with its aliases followed, longer than any list of
contracts (https://en.wikipedia.org/wiki/Billion_laughs_attack).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from flows.lake.errors import ContractInvalid
from flows.lake.units import MIB
from flows.lake.words import quoted, shown

MAX_BYTES = 4 * MIB
MAX_VALUES = 1_000_000
MAX_DEPTH = 12
_PLAIN = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "merge")}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NEEDS_QUOTES = re.compile(r"""(?:[:,\[{]|^\s*-)\s*[*&%@`!|>]""")
REMEDY = "Correct the contracts."

Path = tuple[str, ...]


@dataclass
class Document:
    """What a document holds.

    Attributes:
        name: What people call it: a path, an address, or the parameter that held it.
        value: Its content.
        lines: The line, counted from 1, of each field by its path; empty for JSON.
    """

    name: str
    value: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def where(self, path: Path) -> str:
        """Return where a field stands: the name, and the line of the field or of what it is a part of."""
        for length in range(len(path), 0, -1):
            if line := self.lines.get(path[:length]):
                return f"{self.name}, line {line:,}"
        return self.name


def parse(name: str, data: bytes | str) -> Document:
    """Read a document: JSON where it begins with a brace, YAML elsewhere.

    Args:
        name: What people call it.
        data: Its bytes, or its text.

    Raises:
        ContractInvalid: It is too large, not UTF-8, not YAML or JSON, or holds what is refused; names the line.
    """
    if len(data) > MAX_BYTES:
        _refuse(name, f"it is larger than {MAX_BYTES // MIB} MB")
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            _refuse(f"{name}, line {line:,}", "it is not UTF-8")
    try:
        if data.lstrip().startswith("{"):
            return _of_json(name, data)
        return _of_yaml(name, data)
    except RecursionError:
        _refuse(name, "it is nested too deeply")


def _of_json(name: str, text: str) -> Document:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in pairs:
            if key in made:
                _refuse(name, f"the key {quoted(key)} stands twice in one mapping")
            made[key] = value
        return made

    try:
        return Document(name, json.loads(text, object_pairs_hook=once))
    except json.JSONDecodeError as error:
        if name.endswith((".yaml", ".yml")):
            return _of_yaml(name, text)  # YAML may begin with a brace too
        _refuse(f"{name}, line {error.lineno:,}, column {error.colno:,}", f"it is not JSON ({error.msg})")


def _of_yaml(name: str, text: str) -> Document:
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        where = f"{name}, line {at.line + 1:,}" if at else name
        problem = shown(error.problem or error.context or "it cannot be read")
        _refuse(where, f"it is not YAML ({problem})", _advice(text.splitlines()[at.line : at.line + 1] if at else []))
    except (yaml.YAMLError, ValueError) as error:
        _refuse(name, f"it is not YAML ({shown(' '.join(str(error).split()))})")
    document = Document(name, None)
    if root is not None:
        document.value = _Builder(document).value(root, ())
    return document


class _Builder:
    """Makes values of YAML's nodes."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._values = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        line = node.start_mark.line + 1
        self._values += 1
        if self._values > MAX_VALUES or len(path) > MAX_DEPTH:
            self._refuse(line, "it is nested too deeply" if len(path) > MAX_DEPTH else "its aliases make it too long")
        if isinstance(node, yaml.ScalarNode):
            if node.tag not in _PLAIN:
                self._refuse(line, f"the tag {quoted(_short(node.tag))} is not used here")
            return None if not node.style and node.value in _NULLS else node.value
        if isinstance(node, yaml.SequenceNode):
            if not node.tag.endswith(":seq"):
                self._refuse(line, f"the tag {quoted(_short(node.tag))} is not used here")
            return [self.value(item, (*path, str(number))) for number, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode) or not node.tag.endswith("2002:map"):
            self._refuse(line, f"the tag {quoted(_short(node.tag))} is not used here")
        return self._mapping(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag not in _PLAIN:
                self._refuse(line, "a key is a text")
            key = key_node.value
            if key == "<<" and not key_node.style:
                parts = self.value(value_node, path)
                for part in parts if isinstance(parts, list) else [parts]:
                    if not isinstance(part, dict):
                        self._refuse(line, "<< takes a mapping, or a list of mappings")
                    merged = part | merged
                continue
            if key in made:
                self._refuse(line, f"the key {quoted(key)} stands twice in one mapping")
            self._document.lines[(*path, key)] = line
            made[key] = self.value(value_node, (*path, key))
        return merged | made

    def _refuse(self, line: int, problem: str) -> NoReturn:
        _refuse(f"{self._document.name}, line {line:,}", problem)


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _advice(lines: list[str]) -> str:
    """Return what to do about a line that is not YAML."""
    if any(line.lstrip(" ").startswith("\t") for line in lines):
        return "Indent with blanks, not with tabs."
    if any(_NEEDS_QUOTES.search(line) for line in lines):
        return "Put values that begin with *, %, @ or another sign in quotes."
    return REMEDY


def _refuse(where: str, problem: str, remedy: str = REMEDY) -> NoReturn:
    raise ContractInvalid(f"{where}: {problem}.", remedy=remedy) from None
