"""`make promote`: what its one argument becomes."""

from __future__ import annotations

import pytest

from deployments.local import promote


def test_promote_names_block_and_bucket_of_the_target() -> None:
    assert promote.parameters_of("aws-lake/raw-lake-{account}-{region}-an") == {
        "target_credentials": "aws-lake",
        "target_bucket": "raw-lake-{account}-{region}-an",
    }
    assert promote.parameters_of("aws-lake/b-2", "minio/b-1")["source_bucket"] == "b-1"


@pytest.mark.parametrize("given", ["", "aws-lake", "/bucket", "aws-lake/", "aws-lake/bucket/prefix"])
def test_promote_without_both_says_how_to_name_them(given: str) -> None:
    with pytest.raises(ValueError, match="TO=aws-lake/"):
        promote.parameters_of(given)
