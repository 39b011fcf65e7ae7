"""The report: the four questions with tables and plots, the funnel, the method and its limits.

One HTML file that loads nothing, and the same as Markdown for Prefect's artifacts. Neither holds a time of its own: the
same inputs give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake.films import figures
from flows.lake.films.questions import Answer
from flows.lake.films.selection import Criteria, Selection, empty_text
from flows.lake.films.trusted import Defects
from flows.lake.words import md

if TYPE_CHECKING:
    from markupsafe import Markup

ATTRIBUTION = "This product uses the TMDB API but is not endorsed or certified by TMDB."
"""TMDB asks for this sentence: https://www.themoviedb.org/documentation/api/terms-of-use"""


@dataclass(frozen=True)
class Sources:
    """What the report was made of.

    Attributes:
        bucket: The bucket.
        raw_key: The raw file.
        raw_day: The day on which it landed.
        raw_sha256: SHA-256 of its bytes.
        recipe_note: How it is written, where that is unusual.
        tmdb_days: The days on which TMDB's answers landed.
        tmdb_titles: For how many titles TMDB was asked.
        tmdb_unreadable: Lines of TMDB's answers that cannot be read.
    """

    bucket: str
    raw_key: str
    raw_day: date
    raw_sha256: str
    recipe_note: str | None
    tmdb_days: tuple[date, ...]
    tmdb_titles: int
    tmdb_unreadable: int

    @property
    def tmdb_text(self) -> str:
        """Where countries and directors come from, as a sentence."""
        if not self.tmdb_days:
            return "TMDB was not asked: countries, directors and the films' own languages are not known."
        first, last = self.tmdb_days[0], self.tmdb_days[-1]
        days = f"on {first}" if first == last else f"from {first} to {last}"
        unreadable = f" {self.tmdb_unreadable:,} of its lines could not be read." if self.tmdb_unreadable else ""
        return f"TMDB was asked for {self.tmdb_titles:,} titles {days}.{unreadable}"


@dataclass(frozen=True)
class Report:
    """Everything that the report tells."""

    day: date
    sources: Sources
    criteria: Criteria
    defects: Defects
    selection: Selection
    answers: tuple[Answer, ...]

    @property
    def headline(self) -> str:
        """What was found, in a sentence."""
        if not self.selection.films:
            return empty_text(self.selection.steps)
        return f"{self.selection.films:,} of {self.selection.steps[0].left:,} titles were selected."


def method(report: Report) -> list[str]:
    """Return how the report was made and what it cannot know, a sentence or two each."""
    both = report.selection.agreement
    criteria = report.criteria
    told = [
        f"Films are those of one raw file, found by its manifest; each title counts once. It landed on"
        f" {report.sources.raw_day} with {report.defects.rows:,} rows.",
        report.sources.tmdb_text,
        f"A film belongs to the selection if it has at least one of the genres {', '.join(criteria.genres)}. Other"
        " genres beside it do not matter.",
        "The language of a film is what TMDB says of it; where TMDB does not know it, it is identified from the"
        " original title, and a title that is not certain enough falls out. Short titles and names are the hard ones.",
        f"For {report.selection.titles_asked:,} titles of the genres and years the language had to come from the title;"
        f" {report.selection.unsure_titles:,} of them are not certain.",
    ]
    if both.both:
        told.append(
            "Where both are known, the language of the title is that of the film for"
            f" {100 * both.same / both.both:.0f} % of {both.both:,} films, and both agree whether it is English for"
            f" {100 * both.same_about_english / both.both:.0f} %. They need not agree: Filipino and Indian films often"
            " bear English titles."
        )
    told += [
        "Regions are made of the UN's M49: Eastern Europe is ten countries from Bulgaria to Russia, without the Balkans"
        " and the Baltic states; Turkey and the Caucasus are in Asia.",
        "A co-production counts once for each of its countries, and once in a region, however many of its countries lie"
        " there. TMDB does not tell who had the larger share.",
        "The raw file numbers no performers: two of one name and the same (or no) year of birth count as one person.",
        "The number of films depends on what the source had when the file was made: the last years are never complete.",
    ]
    return told


def defect_rows(defects: Defects) -> list[tuple[str, int]]:
    """Return what was wrong in the raw file, with its count; what did not occur is left out."""
    rows = [
        ("rows that do not fit the table, left out", defects.unreadable_rows),
        ("rows that the manifest counts and that were not found: look for a quote without end", defects.lost_rows),
        ("rows without a title's id, left out", defects.without_id),
        ("titles without a release year", defects.years),
        ("titles whose rating is not a number from 1 to 10, taken as missing", defects.ratings),
        ("titles whose rating has more than one decimal, rounded to one", defects.rounded_ratings),
        ("titles whose minutes are not a whole number that fits, taken as missing", defects.minutes),
        ("titles whose votes are not a whole number that fits, taken as missing", defects.votes),
        ("performers' rows with a year of birth or death that is not a year, taken as missing", defects.lives),
        ("titles whose rows tell different facts, of which the first in order counts", defects.differing),
        ("performers told more than once in a title, counted once", defects.doubled),
    ]
    return [(what, number) for what, number in rows if number]


def plot(answer: Answer) -> Markup | None:
    """Return an answer's plot."""
    if not answer.bars:
        return None
    if answer.header[:1] == ("Year",):
        return figures.stacked(answer.bars, answer.series, answer.question)
    return figures.horizontal(answer.bars, answer.question)


def html(report: Report) -> bytes:
    """Return the report as one HTML file."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    page = environment.get_template("report.html.j2").render(
        report=report,
        plots=[plot(answer) for answer in report.answers],
        method=method(report),
        defects=defect_rows(report.defects),
        attribution=ATTRIBUTION,
    )
    return page.encode()


def markdown(report: Report) -> str:
    """Return the report as Markdown, for Prefect's artifacts."""
    parts = [f"# Films {report.day}", md(report.headline), ""]
    for number, answer in enumerate(report.answers, start=1):
        parts += answer_markdown(number, answer)
    parts += [
        "## The funnel",
        "",
        *_table(("Step", "Films left", "Why others fell out"), funnel_rows(report.selection)),
    ]
    if defects := defect_rows(report.defects):
        parts += ["", "## What was wrong in the raw file", "", *_table(("What", "Count"), defects)]
    parts += ["", "## Method and limits", "", *(f"- {md(one)}" for one in method(report)), "", f"_{ATTRIBUTION}_"]
    return "\n".join(parts) + "\n"


def answer_markdown(number: int, answer: Answer) -> list[str]:
    """Return one answer as lines of Markdown, with a bar of characters in each row."""
    parts = [f"## {number}. {md(answer.question)}", "", md(answer.sentence), ""]
    if answer.missing:
        parts += [f"**Missing:** {md(answer.missing)}", ""]
    if answer.rows:
        sums = [sum(values) for _, values in answer.bars]
        most = max(sums, default=0)
        bars = [figures.text_bar(value, most) for value in sums] + [""] * (len(answer.rows) - len(sums))
        rows = [(*row, bar) for row, bar in zip(answer.rows, bars, strict=True)]
        parts += [*_table((*answer.header, ""), rows), ""]
    return parts


def funnel_rows(selection: Selection) -> list[tuple[str, int, str]]:
    """Return the funnel as rows: the step, the films left, and why others fell out."""
    return [
        (step.name, step.left, ", ".join(f"{number:,} {why}" for why, number in step.fell_out))
        for step in selection.steps
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    def cell(value: object) -> str:
        return f"{value:,}" if isinstance(value, int) else md(str(value))

    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return lines + ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
