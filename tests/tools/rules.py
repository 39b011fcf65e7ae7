"""Rules and settings for tests, as the flow's own defaults have them (`tests/unit/lake/test_settings.py` compares)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.lake.rules import LandingRules
from flows.lake.settings import IngestSettings

DEFAULTS: dict[str, Any] = {
    "source": Path("data/sample"),
    "pattern": "*.csv",
    "recursive": False,
    "follow_links": False,
    "bucket": "compass-desafio-final-dramance",
    "credentials": "local-lake",
    "contracts": "datasets.yaml",
    "only_contracts": False,
    "group": "off",
    "partition_date": None,
    "timezone": "America/Sao_Paulo",
    "unreadable": "quarantine",
    "bad_rows_percent": 1,
    "on_drift": "warn",
    "drift_rows_percent": 50,
    "sensitive": "warn",
    "masking_key": "masking-key",
    "masking_off": None,
    "web_credentials": None,
    "landing_bucket": "",
    "landing_days": 7,
    "storage_class": "STANDARD",
    "tags": None,
    "tags_as": "tags",
    "expected_bucket_owner": "",
    "kms_key_id": "",
    "retention_days": 0,
    "max_columns": 20_000,
    "reread": False,
    "own_tasks_up_to": 100,
    "dry_run": False,
}


def settings(**changes: Any) -> IngestSettings:
    """Return what a run was asked that was asked for these."""
    return IngestSettings(**{**DEFAULTS, **changes})


def landing_rules(**changes: Any) -> LandingRules:
    """Return how a file lands."""
    return settings(**changes).rules


RULES = landing_rules()
