"""The Portuguese README, and the check that holds it to the English one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.translation import differences

PROJECT = Path(__file__).parents[3]
ORIGINAL = """# Title

[Português](README.pt-BR.md)

Run `make up`, then see [docs](docs/a.md).

## Use

```
make run    # starts it
```

| Parameter | Default |
| --- | --- |
| `source` | `data` |
"""


def test_portuguese_readme_has_the_commands_parameters_and_tables_of_the_english_one() -> None:
    texts = [(PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "README.pt-BR.md")]
    assert differences(*texts) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"Run": "Execute", "starts it": "inicia", "Use": "Como usar", "Parameter": "Parâmetro"}, []),
        ({"make run": "make go"}, ["code block differs"]),
        ({"`make up`": "`make down`"}, ["code: not in the translation ['make up'], only there ['make down']"]),
        ({"docs/a.md": "docs/b.md"}, ["links: not in the translation ['docs/a.md']"]),
        ({"`data`": "`lake`"}, ["code: not", "a table"]),
        ({"| `source` | `data` |\n": ""}, ["code: not", "a table"]),
        ({"## Use": "### Use"}, ["not a heading of the level"]),
        ({"## Use": "Use"}, ["'Title': a code block differs", "'Title'", "'Title'", "stands in one of them alone"]),
    ],
)
def test_differences_are_told_of_whatever_is_not_words(change: dict[str, str], told: list[str]) -> None:
    translation = ORIGINAL
    for old, new in change.items():
        assert old in translation
        translation = translation.replace(old, new)
    found = differences(ORIGINAL, translation)
    assert len(found) == len(told), found
    assert all(words in sentence for words, sentence in zip(told, found, strict=True))
