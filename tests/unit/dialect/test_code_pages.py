"""The encoding of small files in many languages and their usual code pages."""

from __future__ import annotations

import pytest

from flows.lake.dialect.encoding import detect_encoding
from tests.tools.words_of_languages import WORDS, in_codec, table

FILES = [(language, codec) for language, (_, codecs) in WORDS.items() for codec in codecs]


@pytest.mark.parametrize(("language", "codec"), FILES)
@pytest.mark.parametrize("rows", [25, 60])
def test_a_small_file_is_read_as_what_was_written(language: str, codec: str, rows: int) -> None:
    text, data = in_codec(table(language, rows), codec)
    assert data.decode(detect_encoding(data)) == text
