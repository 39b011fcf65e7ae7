"""How keys that are looked at together are grouped."""

from __future__ import annotations

import os.path
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from flows.lake.s3.stored_keys import KEYS_TOGETHER, PAGE_KEYS, _groups


def of_datasets(numbers: range) -> list[str]:
    return [f"Raw/Local/CSV/Sensor_{number:05}/2024/01/01/f.csv" for number in numbers]


def test_a_group_s_prefix_holds_no_key_of_another_group() -> None:
    keys = [key for number, key in enumerate(of_datasets(range(3_000))) if number % 100]
    groups = list(_groups(keys))
    assert list(chain.from_iterable(groups)) == keys
    assert len(groups) == 30
    for group in groups:
        prefix = os.path.commonprefix(group)  # noqa: RUF071 - characters are meant, as S3 takes them
        assert sum(key.startswith(prefix) for key in keys) == len(group)


def test_keys_of_one_folder_are_listed_by_whole_pages() -> None:
    keys = [f"Raw/a/{number:05}.csv" for number in range(2_500)]
    assert [len(group) for group in _groups(keys)] == [PAGE_KEYS, PAGE_KEYS, 500]


@given(st.lists(st.text("ab/", min_size=1, max_size=8), max_size=400, unique=True))
def test_every_key_is_in_one_group_in_its_order_and_neighbours_share_one(keys: list[str]) -> None:
    ordered = sorted(keys)
    groups = list(_groups(ordered))
    assert list(chain.from_iterable(groups)) == ordered
    assert all(0 < len(group) <= PAGE_KEYS for group in groups)
    assert len(groups) <= 1 or len(ordered) > KEYS_TOGETHER
