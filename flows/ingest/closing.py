"""How a run ends, in this order: verdict, manifest, catalog, log, events, artifacts, state.

However its stages ended, the log is closed with a last line that says so, and is shipped. An expected problem ends the
run Failed with its sentence; an unexpected one is noted, and left to Prefect to report with its traceback; one that is
cancelled lets the files that are on their way arrive, and says what landed.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.connection import connect
from flows.ingest import past_runs, standing, tasks
from flows.ingest.run import Run
from flows.lake import keys
from flows.lake.catalog.records import INDEX_KEY
from flows.lake.errors import LakeError, RunFailed, RunStopped
from flows.lake.manifests.history import dataset_runs
from flows.lake.memory import seldom_collected
from flows.lake.places import source_text
from flows.lake.redact import mask_known
from flows.lake.reports import lines, next_steps, run_log, run_report
from flows.lake.reports.history_text import history_markdown
from flows.lake.run_models import FileList, Written
from flows.ui import artifacts, events

if TYPE_CHECKING:
    from flows.lake.manifests.manifest import Manifest
    from flows.lake.run_models import LakeAddress, RunSummary

FILES_MAY_TAKE_S = 10.0
"""Of the 30 s that Prefect gives a run which it cancels: the rest is for the manifest and the log."""


@dataclass(frozen=True)
class Verdict:
    """How a run ended.

    Attributes:
        state: Completed, Failed or Cancelled.
        text: Why, or with what.
        is_expected: Whether the flow ends with the run's own state; else the error goes on to Prefect.
        is_of_files: Whether each file was dealt with, so that the state is that of the files.
    """

    state: str
    text: str
    is_expected: bool = True
    is_of_files: bool = False

    def but(self, trouble: str) -> Verdict:
        """Return the verdict with something that went wrong after it; nothing did where there is no text."""
        if not trouble:
            return self
        state = "Failed" if self.state == "Completed" else self.state
        return Verdict(state, f"{self.text} {trouble}", self.is_expected, self.is_of_files)


@contextlib.contextmanager
def closed_run() -> Iterator[Run]:
    """Have a run closed, however the block ends; Prefect's own hooks are not guaranteed to run."""
    run = Run()
    try:
        yield run
    except BaseException as error:
        if not close(run, error):
            raise
    else:
        close(run, None)


@seldom_collected()
def close(run: Run, error: BaseException | None) -> bool:
    """End a run whose stages are over, and set its state.

    Args:
        run: The run.
        error: What ended the stages, if anything did.

    Returns:
        Whether the flow ends with the run's own state; else the error goes on to Prefect.
    """
    if error is not None and not isinstance(error, Exception):
        run.let_files_arrive(FILES_MAY_TAKE_S)
    summary = run.summary()
    verdict = _judge(error, summary)
    if error is None and summary is not None:
        run.log.info(f"What became of each file:\n{run_report.closing_table(summary)}")
        if run.lake is not None:
            summary = replace(summary, steps=(*summary.steps, *standing.steps(run.lake)))
        if told := next_steps.log_text(summary.steps):
            run.log.info(told)
    manifest_key, made, trouble = _write_manifest(run, summary, as_task=verdict.is_expected)
    verdict = verdict.but(trouble)
    has_catalog = verdict.is_expected and _refresh_catalog(run, manifest_key, made)
    _report_secrets(run)
    run.log.end(verdict.state, verdict.text)
    log_key, trouble = _ship_log(run, as_task=verdict.is_expected)
    if summary is not None and run.lake is not None:
        if not summary.dry_run:
            redact = connect(run.lake).redact
            events.emit_drift(summary.outcomes, run.lake.bucket, redact, run.settings.contracts)
            events.emit_sensitive(summary.outcomes, run.lake.bucket, redact, run.settings.contracts)
            if verdict.but(trouble).state == "Completed":
                events.emit_landed(summary.outcomes, run.lake, summary.day)
        history = history_markdown(dataset_runs(made) if made else [], run.history.runs)
        written = Written(log_key, manifest_key, INDEX_KEY if has_catalog else None)
        _publish(summary, run.lake, written, history)
    verdict = verdict.but(trouble)
    if verdict.state == "Completed":
        run.state = Completed(message=verdict.text, data=summary)
    else:
        run.state = Failed(message=verdict.text, data=(RunFailed if verdict.is_of_files else RunStopped)(verdict.text))
    return verdict.is_expected


def _judge(error: BaseException | None, summary: RunSummary | None) -> Verdict:
    if error is None:
        if summary is None:
            return Verdict("Failed", "The run ended before it began.")
        state = "Failed" if summary.bad else "Completed"
        return Verdict(state, mask_known(run_report.verdict_text(summary)), is_of_files=True)
    if isinstance(error, LakeError):
        return Verdict("Failed", mask_known(str(error)))
    if not isinstance(error, Exception):
        return Verdict("Cancelled", run_report.cancelled_text(summary), is_expected=False)
    text = f"{type(error).__name__}: {error}"
    masked = mask_known(text)
    if masked != text:
        # Prefect would make the text of an unexpected error the run's state as it is.
        get_run_logger().error("An unexpected error, whose text holds a secret", exc_info=error)
    return Verdict("Failed", masked, is_expected=masked != text)


def _write_manifest(run: Run, summary: RunSummary | None, *, as_task: bool) -> tuple[str | None, Manifest | None, str]:
    """Write what the run did for programs to read; return its key, itself, and what went wrong."""
    if summary is None or summary.dry_run or run.lake is None or not run.has_bucket:
        return None, None, ""
    try:
        made, key = past_runs.write(summary, run.settings, run.lake, as_task=as_task)
    except Exception as error:
        trouble = f"The manifest could not be written ({error}): the next run will compare with an older one."
        run.log.error(trouble)
        return None, None, trouble
    run.log.info(f"Manifest written to s3://{summary.bucket}/{key}")
    return key, made, ""


def _refresh_catalog(run: Run, key: str | None, made: Manifest | None) -> bool:
    """Bring the lake's pages up to date, which is never worth a failing run; say whether they are."""
    if key is None or made is None or run.lake is None:
        return False
    try:
        run.tell(past_runs.refresh_catalog(FileList([made]), key, datetime.now(run.settings.zone).date(), run.lake))
    except Exception as error:
        run.log.add(logging.WARNING, mask_known(lines.not_refreshed(run.lake.bucket, error)))
        return False
    return True


def _report_secrets(run: Run) -> None:
    """Say so where the log holds a secret of the block; it is masked when it ships."""
    if run.lake and (count := connect(run.lake).mask(run.log.text)[1]):
        run.log.error(f"{count} secret values were found in this log and masked: find out how they got there.")


def _ship_log(run: Run, *, as_task: bool) -> tuple[str | None, str]:
    """Ship the log; return its key, and what went wrong.

    A run that is being cancelled can start no more tasks, so the plain function does it there.
    """
    if not run.has_begun or run.settings.dry_run:
        return None, ""
    log_keys = keys.log_keys(run.day, flow_run.id or "", flow_run.run_count)
    try:
        if run.lake is None:
            raise LakeError("There is no connection to the lake.")
        key = (tasks.ship_log if as_task else tasks.ship_log.without_task)(run.log.text, log_keys, run.lake)
    except Exception as error:
        trouble = f"The log could not be shipped ({error})"
        run.log.end("Failed", trouble, echo=False)  # whatever the last line said until now
        text = connect(run.lake).redact(run.log.text) if run.lake else run.log.text
        trouble = f"{trouble}; {run_log.keep_local_copy(text, log_keys[1].rsplit('/', 1)[-1])}."
        get_run_logger().error(trouble)
        return None, trouble
    get_run_logger().info("Log shipped to s3://%s/%s", run.lake.bucket, key)
    return key, ""


def _publish(summary: RunSummary, address: LakeAddress, written: Written, history: str) -> None:
    """Publish the run's artifacts: its summary, and a profile for each dataset."""
    lake, found = connect(address), 0

    def redact(text: str) -> str:
        nonlocal found
        masked, count = lake.mask(text)
        found += count
        return masked

    about = f"{summary.day} from {source_text(summary.source)}" + (" (dry run)" if summary.dry_run else "")
    by_dataset = run_report.new_profiles(summary.outcomes)
    if len(by_dataset) <= run_report.SHOWN_DATASETS:
        for dataset, profiles in by_dataset.items():
            artifacts.publish_profile(dataset, profiles, about, redact)
    bucket = lake.bucket
    link = functools.partial(
        run_report.object_link, lake.block.browse_url, bucket.is_on_aws, bucket.name, bucket.region
    )
    markdown = run_report.run_markdown(summary, link, written, history)
    artifacts.publish_run(markdown, summary.source, f"{about}: {run_report.counts_text(summary.outcomes)}.", redact)
    if found:
        get_run_logger().error("%s secret values were found in this run's artifacts and masked.", found)
