"""What was decided about how files land: one value from the parameters to the upload.

The flow's docstring says what each field means and its signature what it is when nobody says anything, so there are
neither descriptions nor defaults here.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

OnDrift = Literal["warn", "reject", "ignore"]
"""What becomes of a file that differs from what landed of it before."""


Unreadable = Literal["quarantine", "land", "leave"]
"""What becomes of a file that cannot be read as CSV."""


SensitiveColumns = Literal["warn", "reject", "ignore"]
"""What becomes of a file with columns that look sensitive and have no rule by which they are masked."""


class LandingRules(BaseModel):
    """How a file lands; a parameter of the same name of `ingest_raw` decides each field."""

    model_config = ConfigDict(frozen=True)

    max_columns: int
    unreadable: Unreadable
    bad_rows_percent: int
    on_drift: OnDrift
    drift_rows_percent: int
    sensitive: SensitiveColumns
    landing_days: int
    storage_class: str
    tags: dict[str, str]
    tags_as: Literal["tags", "metadata"]
    dry_run: bool
