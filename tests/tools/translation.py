"""Holds a translation of the README to the original: its commands, parameters, tables and links are the same ones.

Words are the translator's. What a reader types, looks up or follows is compared: code blocks without their comments,
the words in code type of each section, tables cell by cell where a cell is code, and where links lead.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|\s+)# .*$", re.MULTILINE)
_LANGUAGES = re.compile(r"^\[[^]]+\]\(README[^)]*\.md\).*$", re.MULTILINE)
"""The line that leads to the other language."""


@dataclass(frozen=True)
class Section:
    """What is compared of a section: its level, code blocks, words in code type, links, and the shape of its tables."""

    title: str
    level: int
    blocks: tuple[str, ...]
    code: Counter[str]
    links: Counter[str]
    tables: tuple[tuple[str, ...], ...]


def sections(text: str) -> list[Section]:
    """Return the sections of a Markdown text, in order."""
    text = _LANGUAGES.sub("", text)
    blocks = [_COMMENT.sub("", match[3]) for match in _FENCE.finditer(text)]
    marked = _FENCE.sub(lambda match: f"{match[1]}\0", text)
    found, used = [], 0
    for part in re.split(r"^(?=#{1,6} )", marked, flags=re.MULTILINE):
        heading = re.match(r"(#+) (.*)", part)
        if heading is None:
            continue
        count = part.count("\0")
        rows = [line.strip() for line in part.splitlines() if line.strip().startswith("|")]
        found.append(
            Section(
                title=heading[2],
                level=len(heading[1]),
                blocks=tuple(block.strip() for block in blocks[used : used + count]),
                code=Counter(re.findall(r"`([^`]+)`", part)),
                links=Counter(target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", part)),
                tables=tuple(tuple(_cell(cell) for cell in row.strip("|").split(" | ")) for row in rows),
            )
        )
        used += count
    return found


def _cell(cell: str) -> str:
    """Return a table's cell where it is one piece of code, and nothing where it is words."""
    code = re.fullmatch(r"\s*`([^`]*)`\s*", cell)
    return code[1] if code else ""


def differences(original: str, translation: str) -> list[str]:
    """Return how a translation differs from the original in what is not words, a sentence each."""
    told = []
    for one, other in zip_longest(sections(original), sections(translation)):
        if one is None or other is None:
            told.append(f"The section {(one or other).title!r} stands in one of them alone.")
            continue
        if one.level != other.level:
            told.append(f"{other.title!r} is not a heading of the level of {one.title!r}.")
        for mine, theirs in zip_longest(one.blocks, other.blocks, fillvalue=""):
            if mine != theirs:
                told.append(f"{other.title!r}: a code block differs: {mine!r} became {theirs!r}.")
        for name, mine_, theirs_ in (("code", one.code, other.code), ("links", one.links, other.links)):
            if mine_ != theirs_:
                lost, added = sorted((mine_ - theirs_).elements()), sorted((theirs_ - mine_).elements())
                told.append(f"{other.title!r}: {name}: not in the translation {lost}, only there {added}.")
        if one.tables != other.tables:
            told.append(f"{other.title!r}: the rows of a table, or their cells of code, differ.")
    return told
