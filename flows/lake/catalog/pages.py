"""The catalog's pages: what is on them, and the templates that write it.

Each page is one file that asks for nothing else: its style and its script are in it, and its policy allows these two
alone, by their digests. Text from outside is made visible (`flows.lake.words.shown`), and escaped by the template
engine.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import html
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import BytecodeCache, Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from flows.lake.catalog import drawing, lines, taking
from flows.lake.catalog.needs import late_since, needs_of
from flows.lake.catalog.records import DatasetLine, DatasetRecord, LakeRecord, slug_of
from flows.lake.units import size_text
from flows.lake.words import shown

FULL_ROWS = 500
"""Datasets that have pictures; of ten thousand, the others are lines."""
FULL_COLUMNS = 200
SHOWN_COLUMNS = 5_000
SHOWN_FORMER = 200
SHOWN_DAYS_OF_FILES = 31
BAR_DAYS, LEAST_BAR_DAYS = 365, 30

_BETWEEN = "\u241f"
"""Stands between the values of a text in an attribute, as in the script."""

_TAG = re.compile("<[^>]*>")
_HERE = files("flows.lake.catalog")


@functools.lru_cache(maxsize=1)
def texts() -> dict[str, list[str]]:
    """Return each text of the pages, in English and in Portuguese."""
    found: dict[str, list[str]] = json.loads(_HERE.joinpath("texts.json").read_text("utf-8"))
    return found


@functools.lru_cache(maxsize=4)
def _asset(name: str) -> str:
    return _HERE.joinpath("templates", name).read_text("utf-8").strip()


@functools.lru_cache(maxsize=1)
def script() -> str:
    """Return the pages' script, with the Portuguese texts in it."""
    words = json.dumps(texts(), ensure_ascii=True).replace("<", "\\u003c")
    return _asset("page.js").replace("__TEXTS__", words)


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def policy() -> str:
    """Return what a page may do: use its own style and its own script."""
    style, code = _source(_asset("page.css")), _source(script())
    return f"default-src 'none'; style-src {style}; script-src {code}; base-uri 'none'; form-action 'none'"


@functools.lru_cache(maxsize=4_096, typed=True)  # typed: escaped text equals the same text that is not
def say(key: str, *values: Any) -> Markup:
    """Return a text of the pages in English, marked so that the script can put the Portuguese one there."""
    parts = [escape(value) for value in values]
    text = texts()[key][0].format(*parts)
    said = _BETWEEN.join(_TAG.sub("", part) for part in parts)
    held = f' data-a="{escape(html.unescape(said))}"' if parts else ""
    return Markup(f'<span data-t="{escape(key)}"{held}>{text}</span>')  # noqa: S704 - own words, and escaped parts


@functools.lru_cache(maxsize=4_096, typed=True)
def number(value: float) -> Markup:
    """Return a number as people read it."""
    return Markup(f'<data value="{value}">{value:,}</data>')  # noqa: S704 - a number


@functools.lru_cache(maxsize=4_096)
def size(value: int) -> Markup:
    """Return a size as people read it."""
    return Markup(f'<data value="{value}" data-u>{size_text(value)}</data>')  # noqa: S704 - a number


def outside(text: object, longest: int = 200) -> Markup:
    """Return text from outside: visible, in quotes where it is blank, escaped, and with a direction of its own."""
    said = shown(str(text), longest)
    return Markup("<bdi>{}</bdi>").format(said if said.strip() else f'"{said}"')


class _Compiled(FileSystemBytecodeCache):
    """Keeps compiled templates for the next run, in a folder that is the user's own, as Jinja makes sure."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template; a full disk costs the time and nothing else."""
        with contextlib.suppress(OSError):
            super().dump_bytecode(bucket)


def _kept() -> BytecodeCache | None:
    """Return where compiled templates are kept; nowhere on a machine without such a folder."""
    try:
        return _Compiled()
    except (OSError, RuntimeError):
        return None


@functools.lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("flows.lake.catalog"),
        bytecode_cache=_kept(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "t": say,
        "n": number,
        "size": size,
        "square": drawing.square,
        "css": lambda: Markup(_asset("page.css")),  # noqa: S704 - the project's own
        "js": lambda: Markup(script()),  # noqa: S704 - the project's own
        "policy": policy,
    }
    made.filters |= {"outside": outside}
    return made


def lake_page(lake: LakeRecord, today: date, *, linked: bool) -> str:
    """Return the lake's page.

    Args:
        lake: What is known of the lake.
        today: The day that the page is of.
        linked: Whether objects can be opened by links, as where the lake is a folder.
    """
    needs, more_needs = needs_of(lake, today)
    pressing = {need.dataset for need in needs}
    order = sorted(lake.datasets, key=lambda name: (name not in pressing, name.casefold(), name))
    full = order[:FULL_ROWS]
    return (
        _environment()
        .get_template("lake.html.j2")
        .render(
            bucket=lake.bucket,
            today=today,
            up="",
            needs=needs,
            more_needs=more_needs,
            slug=slug_of,
            rows=[_row(name, lake.datasets[name], today) for name in full],
            further=_short_rows(lake, order[FULL_ROWS:], today),
            further_count=len(order[FULL_ROWS:]),
            runs=lake.runs,
            steps=[(step.text, _visible(step.snippet)) for step in lake.runs[0].steps] if lake.runs else [],
            newest_run=lake.runs[0].name if lake.runs else "",
            link=functools.partial(link_to, "../") if linked else lambda _: None,
            totals={
                "datasets": len(lake.datasets),
                "files": sum(line.files for line in lake.datasets.values()),
                "rows": sum(line.rows for line in lake.datasets.values()),
                "size": sum(line.size_bytes for line in lake.datasets.values()),
            },
            behind=sum(line.behind is not None for line in lake.datasets.values()),
        )
    )


def _visible(snippet: str | None) -> str | None:
    """Return text to copy where all of it can be seen, and nothing else: it is taken over by somebody."""
    return snippet if snippet and all(sign.isprintable() or sign == "\n" for sign in snippet) else None


def link_to(up: str, key: str) -> str:
    """Return the relative address of an object."""
    return up + quote(key)


def _short_rows(lake: LakeRecord, names: list[str], today: date) -> Markup:
    """Return datasets that have no pictures; there may be thousands, and a template takes ten times as long."""
    rows = []
    for name in names:
        line = lake.datasets[name]
        state = "late" if line.expect and late_since(line, today) else line.state
        held = f"<bdi>{escape(shown(name))}</bdi>"
        if line.has_page:
            held = f'<a href="datasets/{slug_of(name)}.html">{held}</a>'
        rows.append(
            f'<li>{held} <span>{line.last or "–"}</span> <data value="{line.rows}">{line.rows:,}</data>'
            f' <b data-t="{state}">{state}</b></li>'
        )
    return Markup("\n".join(rows))  # noqa: S704 - escaped above


def _row(name: str, line: DatasetLine, today: date) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "slug": slug_of(name), "line": line, "state": line.state}
    if late_since(line, today):
        row["state"] = "late"
    first = today.toordinal() - lines.STRIP_DAYS + 1
    at = line.until.toordinal() - len(line.states) + 1
    states, rows = [], []
    for day in range(max(1, first), today.toordinal() + 1):
        inside = 0 <= day - at < len(line.states)
        states.append(lines.STATE_OF.get(line.states[day - at], "none") if inside else "none")
        if inside and states[-1] != "none" and day - at < len(line.rows_of):
            rows.append(line.rows_of[day - at])
    return row | {
        "strip": drawing.strip(states),
        "curve": drawing.curve(rows),
        "with_data": sum(state in ("landed", "unchanged", "drifted") for state in states),
        "rejected": states.count("rejected"),
        "drifted": states.count("drifted"),
        "least": min(rows, default=0),
        "most": max(rows, default=0),
    }


def dataset_page(record: DatasetRecord, bucket: str, *, linked: bool) -> str:
    """Return a dataset's page.

    Args:
        record: What is known of it.
        bucket: The bucket.
        linked: Whether objects can be opened by links.
    """
    states = lines.states_of(record.days)
    columns = [
        name for name, column in record.columns.items() if column.spans and column.spans[-1].last == record.columns_day
    ]
    columns.sort(key=lambda name: record.columns[name].place)
    former = [name for name in record.columns if name not in set(columns)]
    newest = max(record.days)
    until = lines.last_day(record.days)
    count = min(BAR_DAYS, max(LEAST_BAR_DAYS, (until - min(record.days)).days + 1), until.toordinal())
    days = [until - timedelta(days=back) for back in range(count)][::-1]
    with_files = [day for day in sorted(record.files, reverse=True) if day in record.days][:SHOWN_DAYS_OF_FILES]
    return (
        _environment()
        .get_template("dataset.html.j2")
        .render(
            bucket=bucket,
            name=record.dataset,
            record=record,
            up="../",
            newest=newest,
            first=min(record.days),
            state=states[newest],
            years=list(_years(states)),
            rows_bars=drawing.bars([record.days[day].rows if day in record.days else 0 for day in days]),
            size_bars=drawing.bars([record.days[day].size_bytes if day in record.days else 0 for day in days]),
            most_rows=max((record.days[day].rows for day in days if day in record.days), default=0),
            most_size=max((record.days[day].size_bytes for day in days if day in record.days), default=0),
            columns=columns[:FULL_COLUMNS],
            further=columns[FULL_COLUMNS:SHOWN_COLUMNS],
            left_out=max(0, len(columns) - SHOWN_COLUMNS),
            former=former[-SHOWN_FORMER:],
            changes=record.changes[::-1],
            text_of=lambda change: lines.text_of(change, record),
            reason_of=lambda line: lines.reason_of(line, record),
            states=states,
            days_of_files=with_files,
            older=[day for day in sorted(record.days, reverse=True) if day not in set(with_files)],
            shown_files=taking.SHOWN_FILES,
            link=functools.partial(link_to, "../../") if linked else lambda _: None,
            totals={
                "files": sum(day.landed for day in record.days.values()),
                "rows": sum(day.rows for day in record.days.values()),
                "size": sum(day.size_bytes for day in record.days.values()),
            },
        )
    )


def _years(states: dict[date, Any]) -> Iterator[dict[str, Any]]:
    for year in sorted({day.year for day in states}, reverse=True)[:11]:
        of_year = [state for day, state in states.items() if day.year == year]
        yield {
            "year": year,
            "picture": drawing.calendar(year, states),
            "with_data": sum(state != "rejected" for state in of_year),
            "rejected": of_year.count("rejected"),
            "drifted": of_year.count("drifted"),
        }
