"""Text from outside, made fit to be shown: what is not printable becomes a visible escape, and long text is cut.

File names, column names, cells and servers' answers are anybody's text. On its way to a log, a state, an artifact, an
event or a terminal it must not move the cursor, reverse the line, break out of its cell, or be text that UTF-8 cannot
carry. Two strengths: `shown` is for a value that stands inside a sentence of ours (one line, bounded), `printable` is
the net under a whole text (line breaks and tabs stay).

What is escaped: control characters (ANSI sequences begin with one), lone surrogates (bytes of a file name that are not
UTF-8), line and paragraph separators, marks that change the direction of text (https://www.unicode.org/reports/tr9/),
and other invisible format characters. The joiners U+200C and U+200D stay: words and emoji are written with them.
"""

from __future__ import annotations

import re
import unicodedata

_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f"
)
_NOT_PRINTABLE = re.compile(f"[{_HIDDEN}]")
_NOT_ON_ONE_LINE = re.compile(f"[\t\n{_HIDDEN}]")
# A backslash is Markdown's before punctuation alone: \N stays as it is, also where nobody renders it.
_MARKDOWN = re.compile(r"\\(?=[!-/:-@\[-`{-~]|$)|[`*{}\[\]<>#|~]|&(?=#?\w+;)|^[-+=](?=\s|$)|(?<![^\W_])_|_(?![^\W_])")

LONGEST_SHOWN = 200
"""Characters of one value inside a sentence."""


def printable(text: str) -> str:
    r"""Return a text in which everything that cannot be seen is an escape such as `\x1b`; lines and tabs stay."""
    return _NOT_PRINTABLE.sub(_escaped, text)


def one_line(text: str) -> str:
    """Return a text as `printable` does, with line breaks and tabs as escapes too."""
    return _NOT_ON_ONE_LINE.sub(_escaped, text)


def shown(text: str, longest: int = LONGEST_SHOWN) -> str:
    """Return a value from outside as it can stand in a sentence: on one line, visible, without its middle if long."""
    if len(text) > longest:
        head = longest * 2 // 3
        text = f"{text[:head]}…{text[head - longest + 1 :]}"
    return one_line(text)


def quoted(text: str, longest: int = LONGEST_SHOWN) -> str:
    """Return a value as `shown` does, in quotes: double ones where it holds a single one."""
    text = shown(text, longest)
    mark = '"' if "'" in text else "'"
    return f"{mark}{text}{mark}"


def cut(text: str, longest: int) -> str:
    """Return a text with no more characters than that; what is left out is said."""
    if len(text) <= longest:
        return text
    note = f" … ({len(text) - longest:,} characters more)"
    return text[: max(0, longest - len(note))] + note


def md(text: str) -> str:
    """Escape what Markdown would take as its own, since names and cells are anybody's text; one line.

    Not an underscore inside a word, which is none of its: Prefect's V1 pages show the backslash in links and bold text.
    """
    return _MARKDOWN.sub(r"\\\g<0>", one_line(text))


def md_code(text: str) -> str:
    """Return a text as it can stand between backquotes."""
    return one_line(text).replace("`", "'")


def unfit_for_key(text: str) -> str | None:
    """Return which character of a name cannot stand in an S3 key, for the end of a sentence; `None` if there is none.

    S3 takes any UTF-8; what XML 1.0 cannot carry breaks listings
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html), and a line break in a name breaks every
    tool that reads lists of keys. Blanks of every width, joiners and format characters are fine.
    """
    if text.isascii() and text.isprintable():
        return None
    for character in text:
        what = {"Cc": "a control character", "Zl": "a line separator", "Zp": "a paragraph separator"}.get(
            unicodedata.category(character)
        )
        if "\ud800" <= character <= "\udfff":
            return "bytes that are not UTF-8"
        if what or character in "\ufffe\uffff":
            return f"U+{ord(character):04X} ({what or 'which XML cannot carry'})"
    return None


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "backslashreplace").decode("ascii")
