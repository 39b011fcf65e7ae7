"""How the local commands show a run: a live table at a terminal, every line elsewhere or with VERBOSE=1."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from deployments import live
from deployments.local import services

if TYPE_CHECKING:
    from deployments.live import LiveTable

CLOSING_TABLE = "What became of each file:"
"""What the run's last table stands below in its log."""


def prepare() -> None:
    """Have Prefect print a run's lines as people read them, or not at all; must come before it is imported."""
    if live.wanted(sys.stdout):
        os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "CRITICAL"
    if not services.colour(sys.stdout):
        os.environ["PREFECT_LOGGING_COLORS"] = "false"
    # The level, name and logger of each line are in the UI; here the lines themselves are read.
    os.environ["PREFECT_LOGGING_FORMATTERS_STANDARD_FLOW_RUN_FMT"] = "%(asctime)s.%(msecs)03d  %(message)s"
    os.environ["PREFECT_LOGGING_FORMATTERS_STANDARD_TASK_RUN_FMT"] = (
        "%(asctime)s.%(msecs)03d  %(task_run_name)s: %(message)s"
    )


class Lines(logging.Handler):
    """Takes a run's lines in place of the terminal: warnings go above the table, the closing table waits for the end.

    Args:
        table: The live table.
    """

    def __init__(self, table: LiveTable) -> None:
        super().__init__(logging.INFO)
        self._table = table
        self.closing = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of the run."""
        self.take(record.levelno, record.getMessage())

    def take(self, level: int, text: str) -> None:
        """Take a line of the run, at a level of `logging`."""
        if text.startswith(CLOSING_TABLE):
            self.closing = text
        elif level >= logging.WARNING and not text.startswith(("Run ended ", "Finished in state ")):
            self._table.note(text)  # how it ended is said below


@contextlib.contextmanager
def run_of_this_process() -> Iterator[None]:
    """Show the runs of the block as they go; the closing table is left behind."""
    if not live.wanted(sys.stdout):
        yield
        return
    from prefect.logging.configuration import setup_logging

    from flows.ui.watching import watched_by

    setup_logging()
    loggers = [logging.getLogger(f"prefect.{name}") for name in ("flow_runs", "task_runs")]
    with live.LiveTable(sys.stdout) as table, watched_by(table):
        lines = Lines(table)
        for logger in loggers:
            logger.addHandler(lines)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeHandler(lines)
    if lines.closing:
        print(live.shortened(lines.closing))
