"""Where a file goes in the lake: datasets, dates and object keys.

The raw layer's layout is `Raw/Local/CSV/<Dataset>/<yyyy>/<mm>/<dd>/<file>`, `ZIP` in it for an archive, and
`Web` for what came from an address.
Pure functions of names and dates; nothing here touches the disk or the network. File names are normalised to Unicode
NFC in the key, since the NFC and NFD spellings of one name (Linux, macOS) would otherwise be two objects.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from pathlib import Path, PurePath
from typing import Literal

from flows.lake.errors import KeyInvalid, SettingsError, SourceError
from flows.lake.words import quoted, unfit_for_key

RAW_PREFIX = "Raw/Local/CSV"
ZIP_PREFIX = "Raw/Local/ZIP"
TMDB_PREFIX = "Raw/TMDB/JSON"
QUARANTINE_PREFIX = "Quarantine/Local/CSV"
LANDING_PREFIX = "Landing/Local/CSV"
FORMATS = ("CSV", "ZIP")
"""What stands in the key of a file: an archive by its name, all others as CSV."""

Origin = Literal["Local", "Web"]
"""What stands in the key of a file: whether it came from a folder or S3, or from an address of the web."""

ORIGINS: tuple[Origin, ...] = ("Local", "Web")
SUPERSEDED_PREFIX = "Superseded"
LOG_PREFIX = "Logs"
MANIFEST_PREFIX = "Manifests"
CATALOG_PREFIX = "Catalog"
MAX_KEY_BYTES = 1024
"""S3's limit, in bytes of UTF-8: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

_AVOIDED = frozenset('/\\{}^%`[]<>~#|"')
_MAX_RUN_NAME_BYTES = 200
"""Leaves room in the 255 bytes of a file name, since the embedded lake keeps objects as files."""
_KEY_DAY = re.compile(
    rf"(?:(?:(?:Raw|Quarantine)/(?:{'|'.join(ORIGINS)})/(?:{'|'.join(FORMATS)})|{TMDB_PREFIX})/[^/]+|{MANIFEST_PREFIX})"
    r"/(?P<year>\d{4})/(?P<month>\d{2})/(?P<day>\d{2})/[^/]+$",
    re.DOTALL,
)
_COMPRESSIONS = (".gz", ".zst")
_DIRECTIVES = {"%Y": r"(?P<year>\d{4})", "%m": r"(?P<month>\d{2})", "%d": r"(?P<day>\d{2})"}


def stem_of(name: str) -> str:
    """Return a file name without `.csv`, `.csv.gz` or any other last suffix."""
    if "/" in name or name == ".":
        name = PurePath(name).name
    if _suffix(name).lower() in _COMPRESSIONS or name.lower().endswith(".csv.zip"):
        name = name.removesuffix(_suffix(name))
    return name.removesuffix(_suffix(name))


def _suffix(name: str) -> str:
    """Return the last suffix of a name, with its dot, as `PurePath` does in four times the time."""
    dot = name.rfind(".")
    return name[dot:] if 0 < dot < len(name) - 1 else ""


def is_archive(name: str) -> bool:
    """Return whether a file is an archive of files, by its name."""
    return name.lower().endswith(".zip")


def raw_folder(name: str, dataset: str, origin: Origin = "Local") -> str:
    """Return the folder of a dataset in the raw layer, without a slash at its end, for files of such a name."""
    return f"Raw/{origin}/{'ZIP' if is_archive(name) else 'CSV'}/{dataset}"


def dataset_of(name: str) -> str:
    """Name the dataset of a file that no contract claims: its stem in title case.

    Args:
        name: The file's name, without folders.
    """
    return stem_of(unicodedata.normalize("NFC", name)).title()


def check_dataset_name(dataset: str) -> str | None:
    """Return what is wrong with a dataset's name, or `None`."""
    if not dataset.strip():
        return "is empty"
    if "/" in dataset:
        return "holds a slash, which would add a level to the key"
    if dataset in {".", ".."}:
        return "is a relative path"
    if unfit := unfit_for_key(dataset):
        return f"holds {unfit}"
    return None


def date_in_name(path: Path, pattern: str) -> date:
    """Read the date in a file's name.

    Args:
        path: The file.
        pattern: Text with `%Y`, `%m` and `%d`, looked for anywhere in the name, such as `orders_%Y-%m-%d`. Months and
            days may have one digit where signs stand around them.

    Raises:
        SourceError: The name does not hold the pattern, or holds no date of the calendar there.
    """
    match = re.search(_date_regex(pattern), path.name)
    if match is None:
        raise SourceError(
            f"{path.name}: its name holds no date of the form {pattern!r}.",
            remedy="Rename the file, or change date in the contract of its dataset.",
            path=path,
        )
    try:
        return date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError as error:
        raise SourceError(
            f"{path.name}: {match[0]!r} in its name is not a date of the calendar ({error}).",
            remedy="Rename the file.",
            path=path,
        ) from error


def _date_regex(pattern: str) -> str:
    regex = re.escape(pattern)
    for directive, group in _DIRECTIVES.items():
        if pattern.count(directive) != 1:
            raise SettingsError(
                f"The form {pattern!r} of a date holds {directive} {pattern.count(directive)} times.",
                remedy="A pattern holds each of %Y, %m and %d once, such as 'orders_%Y-%m-%d'.",
            )
        if re.search(rf"(?<!%[Ymd])(?<![0-9]){directive}(?![%0-9])", pattern):
            group = group.replace("{2}", "{1,2}")
        regex = regex.replace(re.escape(directive), group)
    # Digits that touch the date belong to another number: 20240305 is not in 120240305.
    return rf"(?<!\d){regex}(?!\d)"


def check_date_pattern(pattern: str) -> str | None:
    """Return what is wrong with the form of a date, or `None`."""
    try:
        _date_regex(pattern)
    except SettingsError as error:
        return str(error)
    return None


def without_date(stem: str, pattern: str) -> str | None:
    """Return a file's stem without the date in it, `None` where it holds none of that form."""
    regex = _date_regex(unicodedata.normalize("NFC", pattern))
    rest, count = re.subn(regex, "", stem, count=1, flags=re.IGNORECASE)
    return rest if count else None


def day_path(day: date) -> str:
    """Return `yyyy/mm/dd`."""
    return f"{day:%Y/%m/%d}" if day.year >= 1000 else f"{day.year:04}/{day:%m/%d}"


def raw_key(path: Path, dataset: str, day: date, origin: Origin = "Local") -> str:
    """Return the raw layer's key for a file.

    Raises:
        KeyInvalid: The name cannot stand in a key, or the key is longer than S3 allows.
    """
    name = unicodedata.normalize("NFC", path.name)
    return _checked(f"{raw_folder(path.name, dataset, origin)}/{day_path(day)}/{name}", path)


def quarantine_key(raw: str) -> str:
    """Return the key at which a file that cannot be read as CSV is kept, from the one it would have had in `Raw/`."""
    return "Quarantine" + raw.removeprefix("Raw")


def landing_key(raw: str) -> str:
    """Return the key at which the original of a masked file is kept, from the one that it has in `Raw/`."""
    return "Landing" + raw.removeprefix("Raw")


def log_keys(day: date, run_id: str, run_count: int, name: str = "ingestao") -> tuple[str, str]:
    """Return the key of a day's first log, and the one to take where that is taken already."""
    first = f"{LOG_PREFIX}/log-{name}-{day_path(day).replace('/', '')}"
    return f"{first}.txt", f"{first}-{run_id[:8]}-{run_count}.txt"


def manifest_keys(day: date, run_name: str, run_id: str, run_count: int) -> tuple[str, str]:
    """Return the key of a run's manifest, and the one to take where a run of the same name has that already.

    The run's name stands in it as it is, but for characters that would add a level or that S3 advises against
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html), each of which becomes a dash.
    """
    name = "".join(
        "-" if character in _AVOIDED or unfit_for_key(character) else character
        for character in unicodedata.normalize("NFC", run_name)
    )
    # Names come from people and may be of any length; what is cut off is in the manifest.
    name = name.encode("utf-8", "replace")[:_MAX_RUN_NAME_BYTES].decode("utf-8", "ignore").strip(" .") or "run"
    first = f"{MANIFEST_PREFIX}/{day_path(day)}/{name}"
    return f"{first}.json", f"{first}-{run_id[:8]}-{run_count}.json"


def day_of_key(key: str) -> date | None:
    """Return the day in a key of the raw layer, the quarantine or the manifests; `None` where there is none."""
    match = _KEY_DAY.match(key)
    if match is None:
        return None
    try:
        return date(int(match["year"]), int(match["month"]), int(match["day"]))
    except ValueError:
        return None


_FORM = re.compile("%[Yymdj]")
_DIGITS = {"%Y": r"\d{4}", "%j": r"\d{3}"}


def known_as(name: str, pattern: str | None, forms: Iterable[str] = ()) -> str:
    """Return the name under which a file is looked for in earlier days: its own, with its date's form for its date.

    Args:
        name: The file's name, such as `orders_2024-03-05.csv`.
        pattern: The form of the date in it (`date` of its contract), if it has one, such as `orders_%Y-%m-%d`.
        forms: The names of files that are published under another one each day or month, such as `orders_%Y%m.csv`.
    """
    name = unicodedata.normalize("NFC", name)
    if pattern:
        return re.sub(_date_regex(pattern), lambda _: pattern, name, count=1)
    return next((form for form in forms if _has_form(name, unicodedata.normalize("NFC", form))), name)


def _has_form(name: str, form: str) -> bool:
    literals, directives = _FORM.split(form), _FORM.findall(form)
    digits = [_DIGITS.get(directive, r"\d{2}") for directive in directives]
    regex = "".join(re.escape(literal) + of for literal, of in zip(literals, [*digits, ""], strict=True))
    return re.fullmatch(regex, name) is not None


def _checked(key: str, path: Path) -> str:
    shown = quoted(path.name)
    if unfit := unfit_for_key(key):
        raise KeyInvalid(
            f"{shown}: the file's name holds {unfit}, which an S3 key cannot have.",
            remedy="Rename the file.",
            path=path,
        )
    encoded = key.encode("utf-8")
    # '…/2026/11/24/' counts too: a 255-byte name fits, a long dataset in front of it may not.
    if len(encoded) > MAX_KEY_BYTES:
        raise KeyInvalid(
            f"{shown}: its key has {len(encoded):,} bytes, S3 allows {MAX_KEY_BYTES:,}.",
            remedy="Shorten the file's name or the dataset's.",
            path=path,
            key=key,
        )
    return key
