"""What docs/analysis.md says, compared with the program."""

from __future__ import annotations

import inspect
import io
import re

from deployments.local.folders import PROJECT
from flows.lake.films import languages
from flows.lake.films.report import ATTRIBUTION

TEXT = (PROJECT / "docs/analysis.md").read_text()


def test_languages_of_the_example_are_those_that_the_command_tells() -> None:
    titles, told = re.findall(r"printf '([^']+)' \| python -m flows.lake.films.languages\n(.*?)```", TEXT, re.DOTALL)[0]
    out = io.StringIO()
    languages.main(io.StringIO(titles.replace("\\n", "\n")), out)
    assert out.getvalue() == told


def test_defaults_of_the_page_are_those_of_the_flows() -> None:
    from flows.analyze_films import analyze_films
    from flows.ingest_tmdb import ingest_tmdb

    defaults = {
        name: parameter.default
        for flow in (analyze_films, ingest_tmdb)
        for name, parameter in inspect.signature(flow.fn).parameters.items()
    }
    stated = re.findall(r"`(\w+)`\s\((\d+)\)", TEXT)
    assert {name for name, _ in stated} == {"min_votes", "requests_per_second", "max_age_days"}
    assert all(defaults[name] == int(number) for name, number in stated)


def test_attribution_that_tmdb_asks_for_is_on_the_page() -> None:
    assert ATTRIBUTION in TEXT
