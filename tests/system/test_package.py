"""The package that `pip wheel .` makes: it installs, has its command, and no test in it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.tools.stack import PROJECT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the wheel as pip does, but with the build backend that is here, since CI may have no registry."""
    folder, copy = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("source") / "project"
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if (PROJECT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((PROJECT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(copy)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (made,) = folder.glob("*.whl")
    return made


def test_wheel_holds_the_packages_and_nothing_of_the_project_besides(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"flows", "blocks", "deployments"}
    assert "deployments/compose.yaml" in names
    assert not [name for name in names if "test" in name]


def test_wheel_installs_a_command_that_names_its_version_and_commands(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True, text=True)
    program = "import sys; from deployments.cli import main; sys.exit(main())"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, *arguments]
        environment = {"PYTHONPATH": str(target), "HOME": str(tmp_path)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    assert run("--version").stdout.strip() in wheel.name
    assert "store them in an encrypted block" in run("--help").stdout
    assert "--partition-date" in run("run", "--help").stdout
    assert "--evidence" in run("land", "--help").stdout
    assert (target / "deployments/land/evidence.html.j2").is_file()
    assert (target / "bin/csv-to-raw-lake").is_file()
