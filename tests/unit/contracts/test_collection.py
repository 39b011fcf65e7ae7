"""Contracts as a whole: which are read from where, what is wrong with them, and which files they claim."""

from __future__ import annotations

import datetime as dt
import json
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from flows.lake.contracts.collection import Contracts, load
from flows.lake.errors import ContractInvalid, SettingsError


def contracts(**datasets: Any) -> Contracts:
    return load(datasets)


def problem_of(text: str) -> str:
    with pytest.raises(ContractInvalid) as caught:
        load(text + "\n")
    assert isinstance(caught.value, SettingsError)
    return str(caught.value)


@pytest.mark.parametrize("known", ["orders_2024.csv", "orders_2024", "ORDERS_2024.csv"])
def test_claimants_by_file_name_or_stem_without_case(known: str) -> None:
    assert contracts(Orders={"files": known}).claimants("orders_2024.csv") == ["Orders"]


def test_claimants_match_either_unicode_spelling() -> None:
    decomposed = unicodedata.normalize("NFD", "preços.csv")
    assert contracts(Prices={"files": "preços"}).claimants(decomposed) == ["Prices"]


def test_claimants_by_exact_name_go_before_wildcards() -> None:
    some = contracts(Orders={"files": "orders_*"}, Special={"files": "ORDERS_2024.csv"}, Packed={"files": "*.CSV.gz"})
    assert some.claimants("Orders_2023.csv") == ["Orders"]
    assert some.claimants("ORDERS_2024.csv") == ["Special"]
    assert some.claimants("other.csv.gz") == ["Packed"]
    assert some.claimants("other.csv") == []
    assert some.claimants("orders_1.csv.gz") == ["Orders", "Packed"]


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("orders_2024-03-05.csv", "orders_%Y-%m-%d"),
        ("orders_2024-03-05.csv", "_%Y-%m-%d"),
        ("20240305_orders.csv.gz", "%Y%m%d_orders"),
        ("20240305_Orders.csv.gz", "%Y%m%d"),
    ],
)
def test_a_contract_without_files_claims_those_named_like_its_dataset(name: str, pattern: str) -> None:
    some = contracts(Orders={"date": pattern}, Other={"files": "mapped_*"})
    assert some.claimants(name) == ["Orders"]
    assert some.claimants(f"more_{name}") == []
    assert some.claimants("orders.csv") == ["Orders"]


def test_claimants_of_many_files_by_many_wildcards_are_found_quickly() -> None:
    some = load({f"D{n}": {"files": [f"d{n}_*.csv", f"x{n}-*.csv"]} for n in range(5_000)})
    started = time.process_time()
    assert [some.claimants(f"d{n}_1.csv") for n in range(0, 5_000, 5)] == [[f"D{n}"] for n in range(0, 5_000, 5)]
    assert time.process_time() - started < 60  # seconds where each name meets each pattern: minutes


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A:\n  fils: x", "contracts, line 2: A, fils is not a field of a contract; did you mean files?"),
        (
            "A:\n  read:\n    delimter: x",
            "line 3: A, read.delimter is not a field of a contract; did you mean delimiter?",
        ),
        ("A:\n  delimiter: ';'", "line 2: A, delimiter is not a field of a contract; it belongs under read"),
        ("A:\n  columns:\n    id: {requred: true}", "line 3: A, columns.id.requred is not a field"),
        ("A:\n  zzz: red", "known are description, owner, files"),
        ("A: 5", "line 1: A must be a mapping of fields"),
        ("A: {read: cp1252}", "A, read must be a mapping of fields"),
        ("a/b:\n  files: x", "line 1: the name 'a/b' holds a slash"),
        ("'..': {}", "the name '..' is a relative path"),
        ("A: {}\nB: {}\nA: {}", "contracts, line 3: the key 'A' stands twice in one mapping"),
        ("A:\n  date: '%Y'", "line 2: A, date: the form '%Y' of a date holds %m 0 times"),
        ("A:\n  files: ['']", "A, files.0: a pattern is empty"),
        ("A:\n  files: a/*.csv", "'a/*.csv' names a folder"),
        ("A:\n  files: x.csv\nB:\n  files: X.csv", "line 4: A and B both claim 'x.csv'"),
        ("A:\n  read: {encoding: klingon}", "'klingon' is not a text encoding that Python knows"),
        ("A:\n  read: {delimiter: ''}", "'' is not one ASCII character"),
        ("A:\n  expect: dayly", "A, expect.every: 'dayly' is not a rhythm"),
        ("A:\n  expect: {every: daily, by: '25:00'}", "A, expect.by"),
        ("A:\n  on_drift: rejct", "A, on_drift: it must be 'warn', 'reject' or 'ignore'"),
        ("A:\n  storage_class: GLACIER", "A, storage_class: it must be"),
        ("A:\n  tags: {'aws:x': y}", "starts with aws:"),
        ("A:\n  kms_key_id: my key", "kms_key_id 'my key' is neither"),
        ("A:\n  drift_rows_percent: 0", "A, drift_rows_percent"),
        ("- A", "it is not a mapping of datasets to their contracts"),
        ("A:\n  files: *.csv", "line 2: it is not YAML (did not find expected"),
        ("A:\n  files: *.csv", "Put values that begin with *, %, @ or another sign in quotes."),
        ("A:\n  date: %Y-%m-%d", "Put values that begin with"),
        ("A:\n\tfiles: x", "Indent with blanks, not with tabs."),
        (
            "A:\n  read: {delimiter: ;, decimal: ,}",
            "A, read.decimal is empty; leave it out, or put its value in quotes",
        ),
        ("A: [", "it is not YAML"),
        (
            "A: !!python/object/apply:os.system [ls]",
            "line 1: the tag '!!python/object/apply:os.system' is not used here",
        ),
        ("A: !secret x", "the tag '!secret' is not used here"),
        ("A: &a [*a]", "it is nested too deeply"),
        ("A: *nowhere", "undefined alias"),
        ("--- {}\n--- {}\n", "it is not YAML"),
        ('{"A": {}, "A": {}}', "the key 'A' stands twice in one mapping"),
        ('{"A": {"files": ["x"}', "contracts, line 1, column 21: it is not JSON"),
    ],
)
def test_what_is_wrong_is_named_with_line_dataset_and_field(text: str, told: str) -> None:
    assert told in problem_of(text)


def test_every_problem_is_named_at_once() -> None:
    problem = problem_of("A:\n  fils: x\nB:\n  on_drift: never\n  read: {quotechar: '\"\"'}")
    assert [part in problem for part in ("line 2", "line 4", "line 5")] == [True] * 3


def test_a_bomb_of_aliases_is_refused_before_it_grows() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9))
    assert "its aliases make it too long" in problem_of(f"l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n{levels}")


def test_a_file_beyond_the_limit_or_too_deep_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"A: {}\n" + b"#" * 5_000_000)
    with pytest.raises(ContractInvalid, match="larger than 4 MB"):
        load(str(path))
    path.write_text("A: " + "[" * 3_000)
    with pytest.raises(ContractInvalid, match=r"nested too deeply|not YAML"):
        load(str(path))
    path.write_bytes(b"A:\n  description: caf\xe9\n")
    with pytest.raises(ContractInvalid, match="line 2: it is not UTF-8"):
        load(str(path))


def test_texts_stay_what_they_are_whatever_yaml_makes_of_them() -> None:
    some = load(
        "NO:\n  files: [no, 2020, 1e3]\n  columns: {on: {required: true}, 2020: }\n"
        "  expect: {every: daily, by: 08:30}\n"
    )
    assert some["NO"].files == ("no", "2020", "1e3")
    assert some["NO"].required == ("on",)
    assert some["NO"].expect
    assert some["NO"].expect.rhythm.by == dt.time(8, 30)


def test_anchors_and_merges_say_things_once() -> None:
    some = load("A: &a\n  on_drift: reject\n  read: {delimiter: ';'}\nB:\n  <<: *a\n  on_drift: ignore\n")
    assert (some["B"].on_drift, some["B"].read.delimiter) == ("ignore", ";")


def test_the_same_contract_as_yaml_json_and_mapping_has_the_same_digest(tmp_path: Path) -> None:
    given = {"Orders": {"files": ["orders_*"], "expect": {"every": "daily", "since": "2024-01-01"}}}
    path = tmp_path / "c.yaml"
    path.write_text("Orders:\n  expect:\n    since: 2024-01-01\n    every: daily\n  files: orders_*\n")
    digests = {load(form)["Orders"].sha256 for form in (given, json.dumps(given), str(path))}
    assert len(digests) == 1


def test_a_file_that_is_not_there_is_an_error_but_for_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not load("datasets.yaml")
    with pytest.raises(ContractInvalid, match=r"There is no file other\.yaml with contracts"):
        load("other.yaml")
    with pytest.raises(ContractInvalid, match="cannot be read"):
        load(str(tmp_path))


def test_the_samples_contracts_are_valid_and_claim_the_reference_data() -> None:
    some = load(str(Path(__file__).parents[3] / "datasets.yaml"))
    assert [some.claimants(name) for name in ("movies.csv", "filmes.csv", "SERIES.CSV")] == [
        ["Movies"],
        ["Movies"],
        ["Series"],
    ]
