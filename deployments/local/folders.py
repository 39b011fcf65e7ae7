"""Where the local stack keeps what it stores, and the one error that all of its commands tell."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
STATE = Path(os.environ.get("LAKE_STATE") or PROJECT)
"""Where the stack keeps what it stores; tests give each stack a folder of its own."""
PREFECT_HOME = STATE / ".prefect"
LAKE_FOLDER = STATE / "lake"
LOCK = PREFECT_HOME / "stack.lock"


class StackError(Exception):
    """A part of the local stack did not start; the message says which, why and where its output is."""
