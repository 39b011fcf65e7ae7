import base64
import json
import logging
import logging.config
import pickle
import re
import urllib.parse
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.lake.redact import MASK, Redactor, guard_logs, mask_patterns, unguard_logs

SECRET = "wJalr/XUtn+FEMI=K7\"MDENG'\\bPxRfiCYz é"


@pytest.fixture(autouse=True)
def _unguarded() -> Iterator[None]:
    unguard_logs()
    yield
    unguard_logs()


@pytest.mark.parametrize(
    "spelt",
    [
        SECRET,
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        re.sub("%..", lambda code: code[0].lower(), urllib.parse.quote(SECRET, safe="")),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        json.dumps(json.dumps({"a": SECRET})),
        repr(SECRET),
        repr(SECRET.encode()),
    ],
)
def test_redactor_mask_finds_every_spelling(spelt: str) -> None:
    text, found = Redactor([SECRET]).mask(f"before {spelt} after")

    assert found >= 1
    assert MASK in text
    assert "FEMI" not in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
@pytest.mark.parametrize("after", [b"", b"u", b"uv"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_redactor_mask_finds_base64_at_every_alignment(before: bytes, after: bytes, encode) -> None:
    encoded = encode(before + SECRET.encode() + after).decode()

    text, found = Redactor([SECRET]).mask(f"Basic {encoded}")

    assert found == 1
    assert len(text) <= len("Basic ") + len(MASK) + 12


@given(
    secret=st.text(min_size=8, max_size=60), before=st.binary(max_size=7), after=st.binary(max_size=7), junk=st.text()
)
def test_redactor_mask_never_leaves_a_secret_of_eight_or_more_characters(secret, before, after, junk) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    redactor = Redactor([secret])

    text, found = redactor.mask(f"{junk} {secret} {encoded}")

    assert found >= 2 or secret in encoded or encoded in secret
    assert secret not in text or secret in MASK * 2


def test_redactor_mask_several_secrets_counts_each_and_masks_the_longest_first() -> None:
    text, found = Redactor(["abcdefgh", "abcdefghijkl"]).mask("abcdefghijkl abcdefgh abcdefgh")

    assert text == f"{MASK} {MASK} {MASK}"
    assert found == 3


def test_redactor_mask_short_value_is_left_alone() -> None:
    assert Redactor(["minio", ""]).mask("minio runs") == ("minio runs", 0)


def test_redactor_mask_text_without_secrets_is_unchanged() -> None:
    assert Redactor([SECRET]).mask("movies.csv (1,045,161 rows)") == ("movies.csv (1,045,161 rows)", 0)


def test_redactor_repr_and_pickle_show_nothing() -> None:
    redactor = Redactor([SECRET])

    assert "FEMI" not in repr(redactor)
    with pytest.raises(TypeError):
        pickle.dumps(redactor)


@pytest.mark.parametrize(
    "line",
    [
        "<AssumeRoleResponse><SecretAccessKey>HIDDENVALUE</SecretAccessKey></AssumeRoleResponse>",
        "<SessionToken>HIDDENVALUE</SessionToken>",
        "{'X-Amz-Security-Token': b'HIDDENVALUE', 'Host': 'h'}",
        '{"roleCredentials":{"secretAccessKey":"HIDDENVALUE","sessionToken":"HIDDENVALUE"}}',
        '{"Token": "HIDDENVALUE"}',
        '"{\\"SessionToken\\": \\"HIDDENVALUE\\"}"',
        "host:s3\nx-amz-security-token:HIDDENVALUE\n\nhost",
        "https://b.s3/k?X-Amz-Security-Token=HIDDENVALUE&X-Amz-Expires=3",
        "headers={'x-amz-sso_bearer_token': 'HIDDENVALUE'}",
        "{'Authorization': 'Bearer HIDDENVALUE'}",
        "{'accessToken': 'HIDDENVALUE', 'a': 1}",
        """> TEXT '{"type":"auth","token":"HIDDENVALUE"}' [48 bytes]""",
        "> Authorization: Basic HIDDENVALUE",
    ],
)
def test_mask_patterns_hides_secrets_nobody_knows_yet(line: str) -> None:
    masked = mask_patterns(line)

    assert "HIDDENVALUE" not in masked
    assert MASK in masked


def test_mask_patterns_leaves_tokens_that_are_no_secrets() -> None:
    line = "{'NextContinuationToken': 'page-2', 'Authorization': 'AWS4-HMAC-SHA256 Credential=AKIA/2026'}"

    assert mask_patterns(line) == line


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[list[str]]:
    handler = _Lines()
    # Servers of other tests go on logging in this process.
    handler.addFilter(lambda record: record.name.split(".")[0] in ("x", "anything", "botocore", "prefect"))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler.lines
    root.removeHandler(handler)
    root.setLevel(before)


def test_guard_logs_masks_records_of_every_logger_also_children_with_own_handlers(lines: list[str]) -> None:
    guard_logs([SECRET])

    logging.getLogger("botocore.auth.deep").debug("token %s of %s", SECRET, "me")
    logging.getLogger("prefect.flow_runs").info("%r", {"a": SECRET})

    assert lines[0] == f"botocore.auth.deep token {MASK} of me"
    assert "FEMI" not in lines[1]


def test_guard_logs_masks_tracebacks_and_keeps_innocent_ones_whole(lines: list[str]) -> None:
    guard_logs([SECRET])
    for text in (SECRET, "innocent"):
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("anything").exception("failed")

    assert "FEMI" not in lines[0]
    assert f"ValueError: {MASK}" in lines[0]
    assert "ValueError: innocent" in lines[1]


def test_guard_logs_survives_a_new_logging_configuration(lines: list[str]) -> None:
    guard_logs([SECRET])
    root = logging.getLogger()
    handlers = root.handlers[:]
    try:
        logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "root": {"handlers": []}})
    finally:
        root.handlers[:] = handlers
    logging.getLogger("botocore").warning("%s", SECRET)

    assert "FEMI" not in lines[-1]


def test_guard_logs_adds_values_up_and_installs_once(lines: list[str]) -> None:
    guard_logs(["first-secret"])
    factory = logging.getLogRecordFactory()
    guard_logs(["second-secret"])

    logging.getLogger("x").warning("first-secret second-secret")

    assert logging.getLogRecordFactory() is factory
    assert lines == [f"x {MASK} {MASK}"]


def test_guard_logs_template_that_does_not_fit_is_not_printed_with_its_arguments(
    lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    guard_logs([SECRET])

    logging.getLogger("x").warning("%d", SECRET)

    assert "FEMI" not in lines[0] + capsys.readouterr().err
