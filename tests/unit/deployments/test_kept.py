"""A three-way merge: what nobody changed on the server follows prefect.yaml, what somebody changed stays."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.kept import merge

BASE = {"source": "data/sample", "bucket": "b", "env": {"A": "1"}}


@pytest.mark.parametrize(
    ("ours", "new", "merged"),
    [
        (BASE, BASE, BASE),
        (BASE, BASE | {"pattern": "*.csv"}, BASE | {"pattern": "*.csv"}),
        (BASE, {"source": "data/other"}, {"source": "data/other"}),
        (BASE | {"source": "/in"}, BASE, BASE | {"source": "/in"}),
        (BASE | {"source": "/in"}, BASE | {"bucket": "c"}, BASE | {"source": "/in", "bucket": "c"}),
        (BASE | {"source": "/in"}, BASE | {"source": "data/other"}, BASE | {"source": "/in"}),
        (BASE | {"tags": {"t": 1}}, BASE, BASE | {"tags": {"t": 1}}),
        ({"bucket": "b", "env": {"A": "1"}}, BASE, {"bucket": "b", "env": {"A": "1"}}),
        (BASE | {"env": {"A": "1", "B": "2"}}, BASE | {"env": {"A": "9"}}, BASE | {"env": {"A": "9", "B": "2"}}),
    ],
    ids=[
        *(
            "nothing",
            "new-name",
            "new-value",
            "changed",
            "changed-and-new-elsewhere",
            "both",
            "added",
            "removed",
            "deep",
        ),
    ],
)
def test_merge(ours: Any, new: Any, merged: Any) -> None:
    assert merge(BASE, ours, new) == merged
