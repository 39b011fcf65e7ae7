"""`csv-to-raw-lake land FOLDER --bucket NAME`: lands a folder with proof, manifest and log, without a Prefect server.

Prefect is imported for what its packages know of AWS, and is kept from everything else: settings of the environment
that name a server are taken out first, and its home is a temporary folder, so that nothing of the user's is read,
written or asked. Exit codes are in `--help`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from deployments import live
from deployments.land import credentials, options
from deployments.land.words import Words
from flows.lake.errors import (
    ContractInvalid,
    CredentialsError,
    LakeError,
    MaskingKeyMissing,
    SettingsError,
    SourceError,
)

if TYPE_CHECKING:
    import argparse

    from deployments.land.landing import Landing
    from flows.lake.landing.masking_key import MaskingKeys

LANDED, SOME_FAILED, WRONG, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
_ABOUT_THE_ASKING = (SettingsError, CredentialsError, SourceError, ContractInvalid, MaskingKeyMissing)
"""What is wrong before anything was written is the command's; afterwards it is the run's."""


def main(arguments: list[str] | None = None) -> int:
    """Land a folder; returns the exit code."""
    keys = credentials.taken_out_of(os.environ)
    given = options.parse(sys.argv[1:] if arguments is None else arguments)
    words, out = Words(os.environ), sys.stderr if given.json else sys.stdout
    terminated: list[int] = []

    def terminate(_signum: int, _frame: object) -> None:
        terminated.append(TERMINATED)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminate)
    # What it warns of, with a traceback, comes as an error with a sentence too.
    logging.getLogger("botocore").addHandler(logging.NullHandler())
    try:
        with _prefect_apart():
            code = _land(given, keys, words, out)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except LakeError as error:
        print(error, file=sys.stderr)
        code = WRONG if isinstance(error, _ABOUT_THE_ASKING) else SOME_FAILED
    if code == INTERRUPTED:
        _flush()
        # Threads that still send would keep the process until they end.
        os._exit(terminated[0] if terminated else code)
    return code


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


@contextlib.contextmanager
def _prefect_apart() -> Iterator[None]:
    """Keep Prefect from the user's settings, home and servers; must come before it is imported."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        del os.environ[name]
    try:
        home = Path(tempfile.mkdtemp(prefix="csv-to-raw-lake-"))
    except OSError:
        home = Path("/nonexistent/prefect")  # nothing can be written: nothing needs to be
    os.environ.update(
        PREFECT_HOME=str(home),
        PREFECT_PROFILES_PATH=str(home / "profiles.toml"),
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="false",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
    )
    try:
        yield
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _land(given: argparse.Namespace, keys: credentials.Keys, words: Words, out: TextIO) -> int:
    from flows.lake.settings import IngestSettings

    settings = IngestSettings(**options.parameters_of(given))
    _check_places(given, settings)
    masking, signing = _masking_keys(given.masking_key_file), _signing_key(given.signing_key_file, settings)
    interactive = sys.stdin is not None and sys.stdin.isatty() and not given.non_interactive
    block = credentials.gather(given, keys, os.environ, words, interactive=interactive)

    from deployments.land.landing import Landing, Means

    is_live = live.wanted(out) and not given.verbose
    identity = block.identity()
    print(credentials.expiry(identity, words), file=out, flush=True)
    with contextlib.ExitStack() as shown:
        table = shown.enter_context(live.LiveTable(out)) if is_live else None

        def echo(level: int, text: str) -> None:
            if table and level >= logging.WARNING:
                table.note(text)
            elif not table and (level > logging.DEBUG):
                print(f"{datetime.now():%H:%M:%S}  {text}", file=out, flush=True)

        landing = Landing(settings, Means(block, masking, signing, echo, table))
        landing.connect(identity)
        landing.run()
    return _tell(landing, given, words, out, is_live=is_live)


def _check_places(given: argparse.Namespace, settings: Any) -> None:
    """Make sure, before anything is asked or sent, that the folder and the page's place are there.

    Raises:
        SettingsError: They are not.
    """
    from flows.lake.places import is_s3, is_web

    if not (is_s3(settings.source) or is_web(settings.source)) and not settings.source.is_dir():
        raise SettingsError(f"There is no folder {str(settings.source)!r}.", remedy="Name the folder with the files.")
    if given.evidence and not (given.evidence.absolute().parent.is_dir() and not given.evidence.is_dir()):
        raise SettingsError(f"{str(given.evidence)!r} cannot be written: its folder does not exist, or it is one.")


def _tell(landing: Landing, given: argparse.Namespace, words: Words, out: TextIO, *, is_live: bool) -> int:
    """Say how it ended, write the evidence, and return the exit code."""
    from flows.lake.reports import run_report

    summary = landing.summary()
    if is_live and landing.error is None:
        print(live.shortened(run_report.closing_table(summary)), file=out)
    print(f"\n{landing.verdict}", file=out)
    code = LANDED if landing.state == "Completed" else SOME_FAILED
    if isinstance(landing.error, KeyboardInterrupt):
        code = INTERRUPTED
    elif isinstance(landing.error, _ABOUT_THE_ASKING) and not landing.wrote:
        code = WRONG
    if given.evidence:
        from deployments.land.evidence import page

        try:
            given.evidence.write_text(page(landing, words), encoding="utf-8", errors="backslashreplace")
            print(words("evidence", path=given.evidence.absolute()), file=out)
        except OSError as error:
            print(f"{given.evidence}: {error.strerror}", file=sys.stderr)
            code = code or SOME_FAILED
    if given.json:
        print(json.dumps(_result(landing), ensure_ascii=True), flush=True)
    return code


def _result(landing: Landing) -> dict[str, Any]:
    summary = landing.summary()
    return {
        "run_id": landing.run_id,
        "state": landing.state,
        "message": landing.verdict,
        "bucket": summary.bucket,
        "partition_date": summary.day.isoformat(),
        "dry_run": summary.dry_run,
        "manifest": landing.manifest_key,
        "log": landing.log_key,
        "seconds": round(summary.duration_s, 3),
        "files": [
            {
                "path": str(outcome.path),
                "dataset": outcome.dataset,
                "state": outcome.state,
                "key": outcome.kept_as or outcome.key,
                "rows": outcome.profile.rows if outcome.profile else None,
                "columns": len(outcome.profile.columns) if outcome.profile else None,
                "size_bytes": outcome.size_bytes,
                "sha256": outcome.profile.sha256 if outcome.profile else None,
                "verified_by": outcome.verified_by,
                "reason": outcome.reason or None,
            }
            for outcome in summary.outcomes
        ],
    }


def _masking_keys(path: Path | None) -> Callable[[], MaskingKeys]:
    """Return what gives the keys by which columns are masked, read at once so that a wrong file is told at once."""
    from flows.lake.landing.masking_key import MaskingKey, MaskingKeys
    from flows.lake.redact import guard_logs

    if path is None:

        def missing() -> MaskingKeys:
            raise MaskingKeyMissing(
                "Columns have rules by which they are masked, and there is no key.",
                remedy="Name the file that holds it: --masking-key-file FILE.",
            )

        return missing
    text = _text_of(path, "--masking-key-file")
    if text is None:
        raise SettingsError(f"There is no file {str(path)!r} (--masking-key-file).")
    guard_logs(text.split())
    current, *old = map(MaskingKey.from_text, text.split() or [""])
    keys = MaskingKeys(current, tuple(old))
    return lambda: keys


def _signing_key(path: Path | None, settings: Any) -> bytes | None:
    """Return the key that signs manifests; it is made where the file is not there, for its owner alone to read."""
    from flows.lake.redact import guard_logs

    if path is None:
        return None
    text = _text_of(path, "--signing-key-file")
    if text is None and not settings.dry_run:
        text = secrets.token_urlsafe(32)
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{text}\n")
        except OSError as error:
            raise SettingsError(f"{str(path)!r} (--signing-key-file) cannot be made: {error.strerror}.") from error
    if text is not None and len(text) < 32:
        raise SettingsError(f"{str(path)!r} (--signing-key-file) holds no key: fewer than 32 characters.")
    guard_logs([text] if text else [])
    return text.encode() if text else None


def _text_of(path: Path, option: str) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no key"
        raise SettingsError(f"{str(path)!r} ({option}) cannot be read: {why}.") from None
