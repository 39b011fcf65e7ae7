"""The stages of analyze-films as Prefect tasks; the work is in `flows.lake.films`.

They share a workspace of this process: a database on disk does not travel, so this flow runs on one machine. What
outgrows it runs elsewhere (docs/scaling.md).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from prefect.logging import get_run_logger

from flows.analysis.workspace import Workspace
from flows.connection import connect
from flows.ingest import past_runs
from flows.lake.run_models import LakeAddress
from flows.ui import artifacts
from flows.ui.stage import stage

if TYPE_CHECKING:
    from flows.lake.films.report import Report


@stage(name="find-films", task_run_name="find films")
def find_films(work: Workspace, dataset: str, address: LakeAddress) -> str:
    """Find the raw file and TMDB's answers by their manifests; returns what was found, as a sentence."""
    from flows.lake.films import inputs

    store = past_runs.store_of(address)
    found = work.found
    found.raw = inputs.find_raw(store, dataset, work.day)
    found.parts = inputs.find_tmdb_parts(store, work.day)
    note = f" {found.raw.recipe_note}" if found.raw.recipe_note else ""
    return (
        f"{found.raw.file.key} of {found.raw.day} (manifest {found.raw.manifest_key}),"
        f" {len(found.parts):,} parts of TMDB's answers.{note}"
    )


@stage(name="read-films", task_run_name="read films")
def read_films(work: Workspace, address: LakeAddress) -> str:
    """Fetch what was found, prove it, and load it into typed tables; returns what was wrong in it."""
    from flows.lake.films import inputs, report, title_languages, tmdb_answers, trusted

    bucket, found = connect(address).bucket, work.found
    raw = found.raw
    if raw is None:
        raise RuntimeError("find_films comes first")
    with title_languages.prepared():
        path = inputs.fetch(bucket, raw, work.folder)
        found.defects = trusted.load(work.database, path, raw)
    path.unlink()
    found.answers = tmdb_answers.Answers()
    for part in found.parts:
        found.answers.add(inputs.read_part(bucket, part), part.day)
    tmdb_answers.load(work.database, found.answers.by_title.values())
    wrong = "; ".join(f"{number:,} {what}" for what, number in report.defect_rows(found.defects))
    return f"{found.defects.rows:,} rows. {wrong or 'Nothing was wrong in them'}."


@stage(name="write-trusted", task_run_name="write trusted layer")
def write_trusted(work: Workspace, address: LakeAddress) -> int:
    """Store titles and performers as Parquet, by release year; returns how many objects that are."""
    from flows.lake.films import engine, layout, storing, trusted

    bucket, raw, made = connect(address).bucket, work.found.raw, []
    database = work.database.cursor()  # a connection of its own: other stages work beside this one
    if raw is None:
        raise RuntimeError("find_films comes first")
    for table, files in trusted.write(database, work.subfolder("trusted")).items():
        prefix = layout.trusted_prefix(table, raw.day)
        stored = storing.put_all(bucket, [(f"{prefix}/{place}", path) for place, path in files])
        without_rows = functools.partial(engine.without_rows, database, trusted.QUERIES[table], work.folder)
        made += stored + storing.replace_left_overs(bucket, f"{prefix}/", stored, without_rows)
    work.found.made += made
    return len(made)


@stage(name="identify-languages", task_run_name="identify languages")
def identify_languages(work: Workspace) -> int:
    """Identify the language of every distinct original title; returns how many there are."""
    from flows.lake.films import title_languages

    return title_languages.identify_all(work.database)


@stage(name="write-refined", task_run_name="write refined layer")
def write_refined(work: Workspace, address: LakeAddress) -> str:
    """Select films and store their star; returns the funnel as text."""
    from flows.lake.films import layout, refined, selection, storing

    found = work.found
    if found.criteria is None:
        raise RuntimeError("the criteria come first")
    found.selection = selection.select(work.database, found.criteria)
    refined.build(work.database)
    files = refined.write(work.database, work.subfolder("refined"))
    keys = [(layout.refined_key(table, work.day), path) for table, path in files]
    found.made += storing.put_all(connect(address).bucket, keys)
    return " → ".join(f"{step.left:,} {step.name}" for step in found.selection.steps)


@stage(name="write-report", task_run_name="write report")
def write_report(work: Workspace, address: LakeAddress) -> str:
    """Answer the questions, store the report and publish it; returns its key."""
    from flows.lake.films import layout, questions, report, storing

    found, lake = work.found, connect(address)
    if not (found.raw and found.criteria and found.defects and found.selection and found.answers is not None):
        raise RuntimeError("the other stages come first")
    days = tuple(sorted(found.answers.days))
    sources = report.Sources(
        lake.address.bucket,
        found.raw.file.key,
        found.raw.day,
        found.raw.file.sha256 or "",
        found.raw.recipe_note,
        days,
        len(found.answers.by_title),
        found.answers.unreadable,
    )
    answers = questions.answer_all(work.database, found.selection, found.criteria)
    told = report.Report(work.day, sources, found.criteria, found.defects, found.selection, answers)
    key = layout.report_key(work.day)
    found.made.append(storing.put(lake.bucket, key, report.html(told), content_type="text/html; charset=utf-8"))
    _publish(told, lake.redact)
    for number, answer in enumerate(answers, start=1):
        get_run_logger().info("%d. %s %s %s", number, answer.question, answer.sentence, answer.missing or "")
    return key


def _publish(told: Report, redact: artifacts.Redact) -> None:
    from flows.lake.films import report

    artifacts.publish_markdown("films", report.markdown(told), f"Films {told.day}: {told.headline}", redact)
    for number, answer in enumerate(told.answers, start=1):
        text = "\n".join(report.answer_markdown(number, answer))
        artifacts.publish_markdown(f"films-question-{number}", text, answer.question, redact)
