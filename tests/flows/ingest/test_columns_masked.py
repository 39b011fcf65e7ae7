"""Files with masking rules on their way into the lake: what lands, what is kept where, and what is told by nobody."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect.events.worker import EventsWorker

from flows.lake.contracts.collection import load
from tests.conftest import S3
from tests.flows.conftest import artifacts_of, event_of, log_of, logs_of, objects
from tests.flows.ingest.test_manifest import manifests_of, on_moto, on_rclone
from tests.tools.sensitive_data import a_cpf

DAY, NEXT = date(2024, 3, 5), date(2024, 3, 6)
MARKER = "Zyxwvut"
"""In every cell that is to be masked, and nowhere else."""

ROWS = [(f"{MARKER} {n}", f"{MARKER}{n}@example.com", n, f'{MARKER}, "{n}"') for n in range(1, 31)]
TEXT = "nome;email;pedidos;obs\r\n" + "".join(
    f'{name};{email};{count};"{note.replace(chr(34), chr(34) * 2)}"\r\n' for name, email, count, note in ROWS
)
RULES: dict[str, Any] = {
    "Clientes": {
        "files": "clientes*",
        "columns": {"nome": {"mask": "hash"}, "email": {"mask": "domain"}, "obs": {"mask": "drop"}},
    }
}
RAW = "Raw/Local/CSV/Clientes/2024/03/05/clientes.csv"
ORIGINAL = "Landing/Local/CSV/Clientes/2024/03/05/clientes.csv"


@pytest.fixture(scope="session", autouse=True)
def key(prefect_harness: None) -> str:
    from blocks.new_masking_key import make_masking_key

    return make_masking_key("masking-key")[0].current.fingerprint


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in/clientes.csv", TEXT.encode())
    return tmp_path / "in"


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    then = time.time() - 3600
    os.utime(path, (then, then))


def test_ingest_lands_the_masked_file_and_keeps_the_original_in_landing(
    ingest: Any, s3: S3, folder: Path, key: str
) -> None:
    (outcome,) = ingest(folder, partition_date=DAY, contracts=RULES).result().outcomes
    found = objects(s3)
    assert (outcome.state, outcome.key, outcome.original) == ("uploaded", RAW, ORIGINAL)
    assert found[ORIGINAL] == TEXT.encode()
    header, first, *_ = found[RAW].decode().split("\r\n")
    assert header == "nome;email;pedidos"
    assert first.split(";")[1:] == ["example.com", "1"]
    assert len(first.split(";")[0]) == 64
    (manifest,) = manifests_of(s3).values()
    (file,) = manifest.files
    assert file.masking is not None
    assert (file.masking.key, file.masking.size_bytes, file.original) == (key, len(TEXT), ORIGINAL)
    assert [(one.column, one.rule, one.masked) for one in file.masking.columns] == [
        ("nome", "hash", 30),
        ("email", "domain", 30),
        ("obs", "drop", 30),
    ]
    assert file.size_bytes == len(found[RAW])
    assert [column.name for column in file.columns] == ["nome", "email", "pedidos"]


def test_ingest_second_run_reads_and_sends_nothing_until_a_rule_changes(ingest: Any, folder: Path) -> None:
    ingest(folder, partition_date=DAY, contracts=RULES)
    (outcome,) = ingest(folder, partition_date=DAY, contracts=RULES).result().outcomes
    assert (outcome.state, outcome.verified_by) == ("unchanged", "unchanged etag")
    changed = json.loads(json.dumps(RULES))
    changed["Clientes"]["columns"]["nome"]["mask"] = "redact"
    (outcome,) = ingest(folder, partition_date=DAY, contracts=changed, on_drift="reject").result().outcomes
    assert outcome.state == "uploaded"
    assert "column 'nome' is masked by redact, and was by hash" in [change.text for change in outcome.drift]


def everything_told(state: Any, s3: S3, caplog: Any) -> str:
    """Return all that a run left for people and programs: in Prefect, in its log, and in the lake outside landing."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    run_id = state.state_details.flow_run_id
    EventsWorker.drain_all(timeout=20)
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(run_id)
        tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
        wanted = {"related": {"id": [f"prefect.flow-run.{run_id}"]}}
        events = client._client.post("/events/filter", json={"filter": wanted}).text
    client = s3.client()
    heads = [client.head_object(Bucket=s3.bucket, Key=key)["Metadata"] for key in objects(s3)]
    bodies = [key + body.decode("utf-8", "replace") for key, body in objects(s3).items() if "Landing/" not in key]
    told = [run.model_dump_json(), *(task.model_dump_json() for task in tasks), events, caplog.text, *logs_of(state)]
    return "\n".join([*told, *map(str, artifacts_of(str(run_id))), *map(str, heads), *bodies])


def with_rules(**masks: str) -> dict[str, Any]:
    columns = {name: {"mask": mask} for name, mask in masks.items()}
    return {"Clientes": {"files": "clientes*", "read": {"encoding": "utf-8"}, "columns": columns}}


ALL = {"nome": "hash", "email": "redact", "obs": "drop"}
LINES = TEXT.split("\r\n")


def broken(at: int, line: str) -> bytes:
    return "\r\n".join([*LINES[:at], line, *LINES[at + 1 :]]).encode()


UNFIT = {
    "absent": (TEXT.encode(), {**ALL, "cpf": "hash"}, "rule cpf=hash"),
    "doubled": (TEXT.replace("pedidos", "nome", 1).encode(), ALL, "rule nome=hash"),
    "renamed": (TEXT.replace("nome", "Nome", 1).encode(), ALL, "rule nome=hash"),
    "no header": ("\r\n".join(LINES[1:]).encode(), ALL, ""),
    "short row": (broken(9, f"{MARKER};{MARKER}"), ALL, "line 10"),
    "long row": (broken(9, f"{MARKER};{MARKER};1;{MARKER};{MARKER}"), ALL, "line 10"),
    "open quote": (broken(9, f'{MARKER};{MARKER};1;"{MARKER}'), ALL, ""),
    "no text": (TEXT.encode().replace(b" 7;", b"\xff\xfe;"), ALL, ""),
    "binary": (b"\x00\x01" + TEXT.encode("utf-16"), ALL, ""),
    "empty": (b"", ALL, ""),
}


@on_rclone
@pytest.mark.parametrize("unreadable", ["quarantine", "land"])
@pytest.mark.parametrize("unfit", UNFIT)
def test_ingest_file_that_rules_do_not_fit_lands_nowhere_and_is_quoted_by_nothing(
    ingest: Any, s3: S3, folder: Path, tmp_path: Path, caplog: Any, monkeypatch: Any, unfit: str, unreadable: str
) -> None:
    data, rules, told = UNFIT[unfit]
    write(folder / "clientes.csv", data)
    temporary = tmp_path / "temporary"  # of its own: tests beside this one mask files too
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    state = ingest(folder, partition_date=DAY, contracts=with_rules(**rules), unreadable=unreadable)
    assert state.is_failed()
    assert told in state.message
    (file,) = next(iter(manifests_of(s3).values())).files
    assert (file.outcome, file.kept_as, file.original) == ("rejected", None, ORIGINAL)
    found = objects(s3)
    assert found[ORIGINAL] == data
    assert not [key for key in found if key.startswith(("Raw/", "Quarantine/", "Superseded/"))]
    assert MARKER not in everything_told(state, s3, caplog)
    assert not list(temporary.glob("ingest-raw-*"))


@on_rclone
def test_ingest_without_a_key_rejects_the_file(ingest: Any, s3: S3, folder: Path, caplog: Any) -> None:
    state = ingest(folder, partition_date=DAY, contracts=RULES, masking_key="nobody-made-it", landing_days=0)
    assert "There is no Masking Key block 'nobody-made-it'" in state.message
    assert not [key for key in objects(s3) if not key.startswith(("Manifests/", "Logs/", "Catalog/"))]
    assert MARKER not in everything_told(state, s3, caplog)


def test_ingest_masked_file_is_quoted_by_nothing_in_any_state(
    ingest: Any, s3: S3, folder: Path, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = [ingest(folder, partition_date=DAY, contracts=with_rules(**ALL), dry_run=True)]
    s3.client().create_bucket(Bucket=s3.bucket)
    for day, changes in ((DAY, {}), (DAY, {}), (NEXT, {"on_drift": "reject"})):
        if day == NEXT:
            write(folder / "clientes.csv", "\r\n".join([*LINES[:9], ""]).encode())
        states.append(ingest(folder, partition_date=day, contracts=with_rules(**ALL), **changes))
    monkeypatch.setattr("flows.lake.raw.upload.upload_file", _fails)
    write(folder / "clientes.csv", TEXT.encode() + LINES[1].encode() + b"\r\n")
    states.append(ingest(folder, partition_date=NEXT, contracts=with_rules(**ALL), own_tasks_up_to=100))
    outcomes = [file.outcome for manifest in manifests_of(s3).values() for file in manifest.files]
    assert sorted(outcomes) == ["failed", "rejected", "unchanged", "uploaded"]
    for state in states:
        assert MARKER not in everything_told(state, s3, caplog)
    assert any(key.startswith("Quarantine/") for key in objects(s3))  # what differs is kept there, masked


def _fails(*_: Any, **__: Any) -> Any:
    raise RuntimeError(f"it holds {MARKER}")


@on_rclone
def test_ingest_dataset_that_lost_its_rules_is_refused_until_masking_off_names_it(
    ingest: Any, s3: S3, folder: Path
) -> None:
    ingest(folder, partition_date=DAY, contracts=RULES)
    write(folder / "clientes_2.csv", TEXT.encode())
    without: dict[str, Any] = {"Clientes": {"files": "clientes*"}}
    for _ in range(2):  # the run that refuses does not forget
        state = ingest(folder, partition_date=NEXT, contracts=without)
        assert "was masked when it landed last, and no rule holds today" in state.message
        assert list(objects(s3, "Raw/")) == [RAW]
    outcomes = ingest(folder, partition_date=NEXT, contracts=without, masking_off=["Clientes"]).result().outcomes
    assert {outcome.state for outcome in outcomes} == {"uploaded"}
    outcomes = ingest(folder, partition_date=NEXT, contracts=without).result().outcomes
    assert {outcome.state for outcome in outcomes} == {"unchanged"}


@on_rclone
def test_ingest_under_another_key_masks_anew_and_says_so(ingest: Any, folder: Path) -> None:
    from blocks.new_masking_key import make_masking_key

    first, _ = make_masking_key("rotated-run")
    ingest(folder, partition_date=DAY, contracts=RULES, masking_key="rotated-run")
    second, _ = make_masking_key("rotated-run", rotate=True)
    (outcome,) = ingest(folder, partition_date=DAY, contracts=RULES, masking_key="rotated-run").result().outcomes
    assert outcome.state == "uploaded"
    assert outcome.masking.key == second.current.fingerprint
    assert [change.column for change in outcome.drift] == ["nome"]
    assert first.current.fingerprint in outcome.drift[0].text


def test_ingest_masks_in_batches_compressed_and_from_s3(ingest: Any, s3: S3, folder: Path, key: str) -> None:
    write(folder / "clientes_2.csv.gz", gzip.compress(TEXT.encode()))
    write(folder / "other.csv", b"a,b\n1,2\n")
    client = s3.client()
    client.create_bucket(Bucket=s3.bucket)
    client.put_object(Bucket=s3.bucket, Key="in/clientes_3.csv", Body=TEXT.encode())
    given = {"pattern": "*.csv*", "partition_date": DAY, "contracts": RULES}
    outcomes = ingest(folder, own_tasks_up_to=0, **given).result().outcomes
    outcomes = [*outcomes, *ingest(Path(f"s3://{s3.bucket}/in"), **given).result().outcomes]
    assert [(one.state, one.masking and one.masking.key) for one in outcomes] == [
        ("uploaded", key),
        ("uploaded", key),
        ("uploaded", None),
        ("uploaded", key),
    ]
    found = objects(s3, "Raw/")
    plain = found[RAW]
    assert gzip.decompress(found[RAW.replace(".csv", "_2.csv.gz")]) == plain
    assert found[RAW.replace(".csv", "_3.csv")] == plain
    assert MARKER.encode() not in plain


PEOPLE = "cpf,n\n" + "".join(
    f"{number},{n}\n" for n, number in enumerate(a_cpf(random.Random(seed)) for seed in range(60))
)


@on_rclone
def test_ingest_tells_which_columns_look_sensitive(ingest: Any, s3: S3, tmp_path: Path) -> None:
    write(tmp_path / "pessoas.csv", PEOPLE.encode())
    state = ingest(tmp_path, partition_date=DAY)
    event = event_of(str(state.state_details.flow_run_id), "ingest-raw.sensitive-column")
    assert event["payload"]["columns"] == [{"column": "cpf", "kind": "CPF", "mask": "hash"}]
    assert load(event["payload"]["contract"])["Pessoas"].mask.as_texts() == {"cpf": "hash"}
    assert "Column 'cpf' looks sensitive" in log_of(s3)
    (artifact,) = [one for one in artifacts_of(str(state.state_details.flow_run_id)) if "What to do next" in one.data]
    assert "mask: hash" in artifact.data
    assert PEOPLE.split("\n")[1].split(",")[0] not in log_of(s3) + artifact.data


@on_rclone
def test_ingest_hints_of_files_that_are_masked_or_look_sensitive_quote_no_cell(ingest: Any, tmp_path: Path) -> None:
    rows = "".join(f"{n:04};{a_cpf(random.Random(n))};{n}\r\n" for n in range(1, 40))
    write(tmp_path / "pessoas.csv", f"codigo;cpf;n\r\n{rows}Total 0001\r\n".encode())
    (outcome,) = ingest(tmp_path, partition_date=DAY).result().outcomes
    hints = "\n".join(outcome.profile.hints)
    assert "'codigo' seems to hold codes" in hints
    assert "1 line below the table is left out." in hints
    assert "0001" not in hints
    masked = {"Pessoas": {"columns": {"codigo": {"mask": "last:4"}, "cpf": {"mask": "last:4"}}}}
    write(tmp_path / "pessoas.csv", f"codigo;cpf;n\r\n{rows}".encode())
    (outcome,) = ingest(tmp_path, partition_date=DAY, contracts=masked).result().outcomes
    assert not any(re.search(r"line \d+: ", hint) for hint in outcome.profile.hints)
    assert all(column.evidence is None for column in outcome.profile.columns[:2])


@on_moto
def test_ingest_rejects_sensitive_files_where_asked_and_keeps_them_in_landing(
    ingest: Any, s3: S3, tmp_path: Path
) -> None:
    write(tmp_path / "pessoas.csv", PEOPLE.encode())
    state = ingest(tmp_path, partition_date=DAY, sensitive="reject")
    assert "has a column that looks sensitive and is not masked: 'cpf' (CPF)" in state.message
    assert [key for key in objects(s3) if key.endswith("pessoas.csv")] == [
        "Landing/Local/CSV/Pessoas/2024/03/05/pessoas.csv"
    ]
    rules = s3.client().get_bucket_lifecycle_configuration(Bucket=s3.bucket)["Rules"]
    assert {rule["ID"] for rule in rules} == {"abort-incomplete-uploads", "landing-expires"}
    masked = {"Pessoas": {"columns": {"cpf": {"mask": "hash"}}}}
    (outcome,) = ingest(tmp_path, partition_date=DAY, sensitive="reject", contracts=masked).result().outcomes
    assert (outcome.state, outcome.profile.sensitive) == ("uploaded", ())


@on_moto
def test_ingest_keeps_originals_in_a_bucket_of_their_own(ingest: Any, s3: S3, folder: Path) -> None:
    other = f"{s3.bucket}-landing"
    ingest(folder, partition_date=DAY, contracts=RULES, landing_bucket=other, landing_days=3)
    listed = s3.client().list_objects_v2(Bucket=other)["Contents"]
    assert [entry["Key"] for entry in listed] == [ORIGINAL]
    rules = s3.client().get_bucket_lifecycle_configuration(Bucket=other)["Rules"]
    assert [rule["Expiration"]["Days"] for rule in rules if rule["ID"] == "landing-expires"] == [3]
    assert not [key for key in objects(s3) if key.startswith("Landing/")]


SAMPLE = Path(__file__).parents[3] / "data/sample-clientes"


@on_rclone
def test_ingest_sample_of_invented_people_and_open_what_was_encrypted(ingest: Any, s3: S3, tmp_path: Path) -> None:
    from flows.unmask import main, unmask

    (outcome,) = ingest(SAMPLE, partition_date=DAY).result().outcomes  # by datasets.yaml
    assert outcome.profile.sensitive == ()
    masked = objects(s3, "Raw/")[outcome.key].decode("cp1252").splitlines()
    clear = (SAMPLE / "clientes_exemplo.csv").read_bytes().decode("cp1252").splitlines()
    assert masked[0] == "cpf;nome;email;nascimento;cartao;cidade;renda"
    assert [line.split(";")[5] for line in masked] == [line.split(";")[5] for line in clear]
    to = tmp_path / "opened.csv"
    given = {"bucket": s3.bucket, "credentials": "test-rclone", "return_state": True}
    state = unmask(outcome.key, to, **given)
    assert state.is_completed()
    assert "Opened 200 cells of renda of s3://" in state.message
    opened = to.read_bytes().decode("cp1252").splitlines()
    assert [line.split(";")[6] for line in opened] == [line.split(";")[6] for line in clear]
    assert [line.split(";")[:6] for line in opened] == [line.split(";")[:6] for line in masked]
    assert to.stat().st_mode & 0o777 == 0o600
    assert any("asks to open all encrypted columns" in line for line in logs_of(state))
    for wrong, told in (
        ({"to": to}, "cannot be made: File exists"),
        ({"columns": ["cpf"]}, "no encrypted column 'cpf'"),
    ):
        state = unmask(**{"key": outcome.key, "to": tmp_path / "other.csv", **given, **wrong})
        assert told in state.message
    assert not (tmp_path / "other.csv").exists()
    command = [f"s3://{s3.bucket}/{outcome.key}", "--to", str(tmp_path / "again.csv"), "--credentials", "test-rclone"]
    assert main([*command, "--columns", "renda"]) == 0
    assert (tmp_path / "again.csv").read_bytes() == to.read_bytes()
    assert main(command) == 1
