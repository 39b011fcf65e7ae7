"""The checks of a release, each shown what it must refuse."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.tools import release

HASH = " \\\n    --hash=sha256:00\n"


def test_project_as_it_is_has_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main() == 0, capsys.readouterr().out


def test_pins_that_are_known_to_fail_together_are_refused_with_the_reason() -> None:
    (problem,) = release.problems_of_pins("r.txt", f"prefect==3.8.8{HASH}fastapi==0.150.1{HASH}")
    assert "prefect 3.8.8, fastapi 0.150.1" in problem
    assert "min_items" in problem


@pytest.mark.parametrize(
    "pins", ["prefect==3.9.0,fastapi==0.150.1", "prefect==3.8.8,fastapi==0.149.0", "pandas==3.1.1"]
)
def test_pins_outside_the_known_problem_pass(pins: str) -> None:
    assert release.problems_of_pins("r.txt", "".join(pin + HASH for pin in pins.split(","))) == []


def test_pin_without_a_hash_is_refused() -> None:
    assert release.problems_of_pins("r.txt", f"attrs==1{HASH}idna==3.20\n") == ["r.txt: idna has no hash."]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("Dockerfile", 'version="', 'version="9.'),
        ("prefect.yaml", "version: 0", "version: 9.0"),
        ("CHANGELOG.md", "\n## ", "\n## 9."),
        ("deployments/compose.yaml", "image: csv-to-raw-lake:", "image: csv-to-raw-lake:9."),
    ],
)
def test_version_that_differs_somewhere_is_refused(tmp_path: Path, name: str, old: str, new: str) -> None:
    for one in ("pyproject.toml", "Dockerfile", "prefect.yaml", "CHANGELOG.md", "README.md", "docs/operations.md"):
        (tmp_path / one).parent.mkdir(exist_ok=True)
        shutil.copy(release.PROJECT / one, tmp_path / one)
    (tmp_path / "deployments").mkdir()
    shutil.copy(release.PROJECT / "deployments/compose.yaml", tmp_path / "deployments")
    assert release.problems_of_version(tmp_path) == []
    text = (tmp_path / name).read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1))
    assert any(name.split("/")[-1] in problem for problem in release.problems_of_version(tmp_path))


def test_command_of_the_readme_that_ci_does_not_run_is_refused() -> None:
    readme = "## Try it\n\n```\nmake ingest\nmake test\n```\n\n## Use it\n`make up`, `make fly`\n"
    found = release.problems_of_commands(readme, "make check\nmake test\n", "ingest: x\ntest: x\nup:\ncheck:\n")
    assert found == [
        "README.md names `make fly`, which the Makefile does not have.",
        "README.md promises `make ingest`, and .ci/run does not run it.",
    ]
