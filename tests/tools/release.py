"""What `make check` asks of a release: one version, no combination of packages known to fail, a README that CI proves.

The version's place is pyproject.toml. Whatever else has to state it (the image's label, the deployments, the images
that prefect.yaml and compose.yaml name, the changelog's first entry) is compared with it here.
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

PROJECT = Path(__file__).resolve().parents[2]
IMAGE = re.compile(r"csv-to-raw-lake:(\d[\w.]*)")


@dataclass(frozen=True)
class KnownProblem:
    """Packages that must not be pinned together.

    Attributes:
        packages: Requirements; a set of pins that meets all of them has the problem.
        what: What happens then.
    """

    packages: tuple[str, ...]
    what: str


KNOWN_PROBLEMS = (
    KnownProblem(
        ("prefect<3.9", "fastapi>=0.150"),
        "Prefect 3.8's server does not start: Body() got an unexpected keyword argument 'min_items'.",
    ),
    KnownProblem(
        ("prefect-aws<0.7.12",),
        "Roles cannot be assumed: AwsCredentials has no assume_role_arn.",
    ),
    KnownProblem(("pandas<3.1",), "Text columns have the dtype object, which the profile's rules do not follow."),
)


def pins(requirements: str) -> dict[str, Version]:
    """Return package to version of a compiled requirements file."""
    found = re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", requirements, re.MULTILINE)
    return {name.lower(): Version(version) for name, version in found}


def problems_of_pins(name: str, requirements: str) -> list[str]:
    """Return the known problems of one requirements file, and pins without a hash."""
    pinned = pins(requirements)
    found = [f"{name}: {package} has no hash." for package in _unhashed(requirements)]
    for known in KNOWN_PROBLEMS:
        wanted = [Requirement(package) for package in known.packages]
        if all(one.name in pinned and one.specifier.contains(pinned[one.name], prereleases=True) for one in wanted):
            chosen = ", ".join(f"{one.name} {pinned[one.name]}" for one in wanted)
            found.append(f"{name} pins {chosen}. {known.what}")
    return found


def _unhashed(requirements: str) -> list[str]:
    entries = re.split(r"^(?=[A-Za-z0-9])", requirements, flags=re.MULTILINE)
    return [entry.split("==")[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry]


def stated_versions(project: Path) -> dict[str, str]:
    """Return every place that states this project's version, with what it states."""
    prefect: dict[str, Any] = yaml.safe_load((project / "prefect.yaml").read_text())
    found = {f"prefect.yaml, {one['name']}": str(one["version"]) for one in prefect["deployments"]}
    label = re.search(r'image\.version="([^"]+)"', (project / "Dockerfile").read_text())
    found["Dockerfile, label"] = label[1] if label else "none"
    entry = re.search(r"^## (\S+)", (project / "CHANGELOG.md").read_text(), re.MULTILINE)
    found["CHANGELOG.md, first entry"] = entry[1] if entry else "none"
    for name in ("prefect.yaml", "deployments/compose.yaml", "README.md", "docs/operations.md"):
        for version in set(IMAGE.findall((project / name).read_text())):
            found[f"{name}, image {version}"] = version
    return found


def problems_of_version(project: Path) -> list[str]:
    """Return the places that do not state the version of pyproject.toml."""
    version = tomllib.loads((project / "pyproject.toml").read_text())["project"]["version"]
    return [
        f"{place} states {stated}, pyproject.toml {version}."
        for place, stated in stated_versions(project).items()
        if stated != version
    ]


def problems_of_commands(readme: str, ci: str, makefile: str) -> list[str]:
    """Return the README's commands that do not exist, and those it promises to newcomers that CI does not run."""
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", readme, re.MULTILINE))
    found = [f"README.md names `make {name}`, which the Makefile does not have." for name in sorted(named - targets)]
    blocks = re.findall(r"^```\n(.*?)^```", readme.partition("## Try it")[2].partition("\n## ")[0], re.M | re.S)
    promised = [*re.findall(r"^make [a-z-]+$", "".join(blocks), re.MULTILINE), "make check"]
    run = set(ci.splitlines())
    return found + [f"README.md promises `{one}`, and .ci/run does not run it." for one in promised if one not in run]


def main() -> int:
    """Print every problem; returns the exit code."""
    found = problems_of_version(PROJECT)
    for path in sorted(PROJECT.glob("locks/*.txt")):
        found += problems_of_pins(path.name, path.read_text())
    texts = [(PROJECT / name).read_text() for name in ("README.md", ".ci/run", "Makefile")]
    found += problems_of_commands(*texts)
    for one in found:
        print(one)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
