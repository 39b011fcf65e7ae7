"""What `make up` says once the stack is up: each address, and that of the lake's page."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.local import folders, up
from deployments.local.catalog import default_bucket
from deployments.local.services import LakeServer


@pytest.mark.parametrize("has_run", [True, False])
def test_welcome_names_the_page_of_the_lake(has_run: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "LAKE_FOLDER", tmp_path)
    page = tmp_path / default_bucket() / "Catalog/index.html"
    if has_run:
        page.parent.mkdir(parents=True)
        page.touch()
    said = up._welcome("http://127.0.0.1:4200", LakeServer("http://127.0.0.1:9000", "a", "b", "http://127.0.0.1:9001"))
    address = f"http://127.0.0.1:9001/{default_bucket()}/Catalog/index.html"
    assert f"on one page: {address}{'' if has_run else ' (after the first run)'}\n" in said
