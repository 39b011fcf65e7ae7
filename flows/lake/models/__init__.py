"""The values that travel between the stages of a run: small, frozen, without behaviour beyond their own shape.

They are standard dataclasses of plain types, so that they pickle, become JSON, and cost nothing to import.
"""

from flows.lake.models.files import (
    DEFAULT_BAD_ROWS_PERCENT,
    DEFAULT_MAX_COLUMNS,
    DEFAULT_ROWS_PERCENT,
    Drift,
    DriftKind,
    FileContract,
    FileOutcome,
    Landed,
    LastLanding,
    MemberWay,
    OutcomeState,
    S3Origin,
    SourceFile,
    Unpacked,
)
from flows.lake.models.profiles import (
    Archive,
    BadRow,
    ColumnProfile,
    CsvDialect,
    CsvProfile,
    DtypeEvidence,
    Hint,
    Member,
    Progress,
)

__all__ = [
    "DEFAULT_BAD_ROWS_PERCENT",
    "DEFAULT_MAX_COLUMNS",
    "DEFAULT_ROWS_PERCENT",
    "Archive",
    "BadRow",
    "ColumnProfile",
    "CsvDialect",
    "CsvProfile",
    "Drift",
    "DriftKind",
    "DtypeEvidence",
    "FileContract",
    "FileOutcome",
    "Hint",
    "Landed",
    "LastLanding",
    "Member",
    "MemberWay",
    "OutcomeState",
    "Progress",
    "S3Origin",
    "SourceFile",
    "Unpacked",
]
