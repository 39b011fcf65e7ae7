from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flows.lake.errors import SettingsError
from flows.lake.films import questions, refined, regions, selection, title_languages, tmdb_answers
from flows.lake.films.selection import Criteria
from flows.lake.films.tmdb_answers import Answer
from tests.unit.films.conftest import row

NOW = datetime(2026, 11, 28, tzinfo=UTC)
CRITERIA = Criteria(last_year=2026, min_votes=0)


def selected(database: Any, *answers: Answer, criteria: Criteria = CRITERIA) -> selection.Selection:
    tmdb_answers.load(database, answers)
    title_languages.identify_all(database)
    return selection.select(database, criteria)


def test_select_counts_why_films_fall_out_at_each_step(database: Any, load: Any) -> None:
    load(
        row("tt1", original="O Som ao Redor"),
        row("tt2", genres="Horror"),
        row("tt3", genres=r"\N"),
        row("tt4", year="1999"),
        row("tt5", year=r"\N"),
        row("tt6", original="The Shape of Water"),
        row("tt7", original="Bacurau"),
        row("tt8", original="O Auto da Compadecida"),
        row("tt9", original="Nada a Esconder"),
    )
    found = selected(
        database,
        Answer("tt1", NOW, "found", "pt", ("BR", "FR")),
        Answer("tt7", NOW, "found", "en", ("BR",)),
        Answer("tt8", NOW, "not found"),
        Answer("tt9", NOW, "found", "pt", ("PT",)),
    )
    assert [(step.left, dict(step.fell_out)) for step in found.steps] == [
        (9, {}),
        (7, {"no genre is told": 1, "another genre": 1}),
        (5, {"no release year is told": 1, "before 2013": 1}),
        (3, {"by TMDB": 1, "by its title": 1}),
        (1, {"TMDB does not know it": 1, "another region": 1}),
    ]
    assert found.steps[0].left == found.films + sum(number for step in found.steps for _, number in step.fell_out)


def test_select_believes_tmdb_before_the_title(database: Any, load: Any) -> None:
    load(row("tt1", original="The Hows of Us"), row("tt2", original="Bacurau"))
    found = selected(database, Answer("tt1", NOW, "found", "tl", ("PH",)))
    assert found.films == 1
    assert dict(found.steps[-2].fell_out) == {"the language of its title is not certain": 1}
    assert (found.agreement.both, found.agreement.same, found.agreement.same_about_english) == (1, 0, 0)
    assert (found.titles_asked, found.unsure_titles) == (1, 1)


def test_questions_count_a_co_production_once_in_each_country_and_region(database: Any, load: Any) -> None:
    load(
        row("tt1", original="O Som ao Redor", year="2014"),
        row("tt2", original="Abril Despedaçado", year="2018", name="Wagner Moura", role="actor"),
        row("tt3", original="La nana", year="2019"),
    )
    found = selected(
        database,
        Answer("tt1", NOW, "found", "pt", ("BR", "AR", "ZA"), (("Kleber", 1), ("Juliano", 2))),
        Answer("tt2", NOW, "found", "pt", ("BR", "FR"), (("Kleber", 1),)),
        Answer("tt3", NOW, "found", "es", ("CL",), (("Kleber", 3),)),
    )
    refined.build(database)
    years, performers, directors, nationalities = questions.answer_all(database, found, CRITERIA)
    by_year = {line[0]: line[1:] for line in years.rows}
    assert by_year["2014"] == (1, 1, 0, 0, 0, 1)  # two of its countries lie in one region
    assert by_year["2016"] == (0, 0, 0, 0, 0, 0)
    assert "1 times a film counts in a second region" in years.sentence
    assert performers.rows[0] == ("Sônia Braga", "actress", 2, "Portuguese 1, Spanish 1")
    assert directors.rows[0] == ("Kleber", 2, "Portuguese 2")  # one of the same name is somebody else
    assert {name: films for name, _, films in nationalities.rows} == {
        "Brazil": 2, "Argentina": 1, "Chile": 1, "France": 1, "South Africa": 1,
    }  # fmt: skip


def test_questions_without_tmdb_say_what_is_missing(database: Any, load: Any) -> None:
    load(row("tt1", original="O Som ao Redor"))
    found = selected(database)
    refined.build(database)
    answers = questions.answer_all(database, found, CRITERIA)
    assert [bool(answer.missing) for answer in answers] == [True, False, True, True]
    assert answers[0].rows == (("2019", 1),)
    assert answers[1].rows[0][0] == "Sônia Braga"


def test_best_rated_leaves_out_films_without_rating_or_with_few_votes(database: Any, load: Any) -> None:
    load(
        row("tt1", original="O Som ao Redor", rating="9.9", votes="5"),
        row("tt2", original="La nana", rating=r"\N"),
        row("tt3", original="El reino", rating="6.0", votes="900"),
    )
    criteria = Criteria(last_year=2026, min_votes=100)
    countries = (("tt1", "BR"), ("tt2", "CL"), ("tt3", "AR"))
    answers = [Answer(title, NOW, "found", "es", (code,)) for title, code in countries]
    found = selected(database, *answers, criteria=criteria)
    refined.build(database)
    assert questions.answer_all(database, found, criteria)[3].rows == (("Argentina", regions.LATIN_AMERICA, 1),)


def test_empty_text_names_the_step_that_left_no_film(database: Any, load: Any) -> None:
    load(row("tt1", year="1990"), row("tt2", year=r"\N"))
    text = selection.empty_text(selected(database).steps)
    assert text == (
        "No film is left: of 2 none is released from 2013 to 2026 (1 no release year is told, 1 before 2013)."
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"regions": ("Atlantis",)}, "no region"),
        ({"genres": ()}, "may not be empty"),
        ({"first_year": 2020, "last_year": 2019}, "is after the last year"),
    ],
)
def test_criteria_that_no_film_can_meet_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Criteria(**wrong)


@pytest.mark.parametrize(
    ("code", "region"),
    [
        ("BR", regions.LATIN_AMERICA), ("MX", regions.LATIN_AMERICA), ("HT", regions.LATIN_AMERICA),
        ("NA", regions.AFRICA), ("EG", regions.AFRICA), ("TR", regions.ASIA), ("GE", regions.ASIA),
        ("TW", regions.ASIA), ("WS", regions.POLYNESIA), ("PF", regions.POLYNESIA), ("NZ", regions.OTHER),
        ("RU", regions.EASTERN_EUROPE), ("PL", regions.EASTERN_EUROPE), ("EE", regions.OTHER), ("HR", regions.OTHER),
        ("GB", regions.OTHER), ("GR", regions.OTHER), ("ZZ", None), ("??", None),
        ("SU", regions.EASTERN_EUROPE), ("XC", regions.EASTERN_EUROPE), ("YU", regions.OTHER), ("XK", regions.OTHER),
    ],
)  # fmt: skip
def test_countries_lie_where_m49_has_them(code: str, region: str | None) -> None:
    assert [one.region for one in regions.countries([code])] == [region]
