import os
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.errors import KeyCollision, SettingsError, SourceNotFound, SourceUnreadable
from flows.lake.settings import IngestSettings
from flows.lake.sources.folder import find_files
from tests.tools import rules

DAY = date(2024, 3, 5)


def settings(source: Path, **changes: Any) -> IngestSettings:
    return rules.settings(source=source, **changes)


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a\n1\n")


def test_find_files_takes_matching_names_in_either_case_and_counts_hidden(tmp_path: Path) -> None:
    write(tmp_path, "b.csv", "A.CSV", "notes.txt", ".hidden.csv", "._b.csv", "sub/c.csv")
    folder = find_files(settings(tmp_path), DAY)
    assert [file.path.name for file in folder.files] == ["A.CSV", "b.csv"]
    assert folder.hidden == 2


def test_find_files_recursive_enters_folders_but_not_hidden_ones(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "sub/deep/c.csv", ".git/d.csv")
    folder = find_files(settings(tmp_path, recursive=True), DAY)
    assert [file.path.name for file in folder.files] == ["a.csv", "c.csv"]


def test_find_files_same_name_in_two_folders_names_both(tmp_path: Path) -> None:
    write(tmp_path, "x/a.csv", "y/a.csv")
    with pytest.raises(KeyCollision) as caught:
        find_files(settings(tmp_path, recursive=True), DAY)
    assert str(tmp_path / "x/a.csv") in str(caught.value)
    assert str(tmp_path / "y/a.csv") in str(caught.value)


def test_find_files_two_unicode_spellings_of_one_name_collide(tmp_path: Path) -> None:
    write(tmp_path, unicodedata.normalize("NFC", "preço.csv"), unicodedata.normalize("NFD", "preço.csv"))
    with pytest.raises(KeyCollision):
        find_files(settings(tmp_path), DAY)


def test_find_files_missing_folder_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"no folder .*nowhere"):
        find_files(settings(tmp_path / "nowhere"), DAY)


def test_find_files_source_that_is_a_file_says_so(tmp_path: Path) -> None:
    write(tmp_path, "a.csv")
    with pytest.raises(SourceNotFound, match="it is a file"):
        find_files(settings(tmp_path / "a.csv"), DAY)


def test_find_files_nothing_matches_says_pattern_and_hidden(tmp_path: Path) -> None:
    write(tmp_path, ".a.csv", "b.txt")
    with pytest.raises(SourceNotFound, match=r"matches '\*\.csv' \(1 hidden"):
        find_files(settings(tmp_path), DAY)


@pytest.mark.unprivileged
def test_find_files_folder_without_permission_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    with pytest.raises(SourceUnreadable, match="cannot be listed"):
        find_files(settings(tmp_path), DAY)


def test_find_files_bad_names_are_set_aside_and_the_others_go_on(tmp_path: Path) -> None:
    write(tmp_path, "good.csv", "line\nbreak.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    folder = find_files(settings(tmp_path), DAY)
    assert [file.path.name for file in folder.files] == ["good.csv"]
    reasons = {one.path.name: one.reason for one in folder.unusable}
    assert "control character" in reasons["line\nbreak.csv"]
    assert "not a regular file" in reasons["pipe.csv"]
    assert "cannot be read" in reasons["gone.csv"]


def test_find_files_date_from_name_puts_each_file_on_its_day(tmp_path: Path) -> None:
    write(tmp_path, "orders_2023-12-31.csv", "orders_2024-01-01.csv", "orders_x.csv", "movies.csv")
    chosen = settings(tmp_path, contracts={"Orders": {"files": "orders_*", "date": "orders_%Y-%m-%d"}})
    folder = find_files(chosen, DAY)
    assert [file.key for file in folder.files] == [
        "Raw/Local/CSV/Movies/2024/03/05/movies.csv",
        "Raw/Local/CSV/Orders/2023/12/31/orders_2023-12-31.csv",
        "Raw/Local/CSV/Orders/2024/01/01/orders_2024-01-01.csv",
    ]
    assert [one.path.name for one in folder.unusable] == ["orders_x.csv"]


def test_settings_name_every_wrong_parameter_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(
            tmp_path,
            pattern="sub/*.csv",
            bucket="Not_A_Bucket",
            credentials=" ",
            timezone="Brasilia",
            contracts={"x/y": {}, "A": {"sep": ";", "date": "%Y"}},
        )
    message = str(caught.value)
    assert "5 parameters" in message
    for part in ("pattern", "bucket", "credentials", "Brasilia", "x/y", "sep", "'%Y'"):
        assert part in message


def test_settings_bucket_may_hold_placeholders(tmp_path: Path) -> None:
    assert settings(tmp_path, bucket="lake-{account}-{region}").bucket == "lake-{account}-{region}"


def test_find_files_names_the_file_that_two_contracts_claim_and_goes_on(tmp_path: Path) -> None:
    write(tmp_path, "orders_web.csv", "orders.csv", "other.csv")
    contracts = {"Orders": {"files": "orders*"}, "Web": {"files": "*_web.csv"}, "Idle": {}}
    folder = find_files(settings(tmp_path, contracts=contracts), DAY)
    assert [(file.path.name, file.dataset) for file in folder.files] == [
        ("orders.csv", "Orders"),
        ("other.csv", "Other"),
    ]
    (outcome,) = folder.unusable
    assert outcome.state == "failed"
    assert outcome.reason.startswith("orders_web.csv: the contracts of Orders, Web all claim it.")
    assert (list(folder.unclaimed), list(folder.idle)) == (["other.csv"], ["Idle", "Web"])


def test_find_files_only_contracts_rejects_what_no_contract_claims(tmp_path: Path) -> None:
    write(tmp_path, "orders.csv", "other.csv")
    folder = find_files(settings(tmp_path, contracts={"Orders": {}}, only_contracts=True), DAY)
    assert [file.path.name for file in folder.files] == ["orders.csv"]
    (outcome,) = folder.unusable
    assert (outcome.state, outcome.path.name) == ("rejected", "other.csv")
    assert "no contract claims it" in outcome.reason


def test_find_files_a_contract_goes_before_the_runs_parameters(tmp_path: Path) -> None:
    write(tmp_path, "orders.csv", "other.csv")
    stated = {"on_drift": "reject", "tags": {"a": "b"}, "read": {"delimiter": ";"}, "kms_key_id": "alias/k"}
    of, other = find_files(settings(tmp_path, contracts={"Orders": stated}, on_drift="ignore"), DAY).files
    assert (of.rules.on_drift, of.rules.tags, of.dialect.delimiter, of.contract.kms_key_id) == (
        *("reject", {"a": "b"}, ";"),
        "alias/k",
    )
    assert (other.rules.on_drift, other.rules.tags, other.dialect.delimiter) == ("ignore", {}, None)


def outside(tmp_path: Path) -> Path:
    write(tmp_path, "elsewhere/secret.csv", "in/good.csv", "in/sub/deep.csv")
    return tmp_path / "in"


def test_find_files_links_out_of_the_source_are_set_aside_with_their_target(tmp_path: Path) -> None:
    source = outside(tmp_path)
    (source / "x.csv").symlink_to("../elsewhere/secret.csv")
    (source / "folder").symlink_to("../elsewhere")
    folder = find_files(settings(source, recursive=True), DAY)
    assert {file.path.name for file in folder.files} == {"good.csv", "deep.csv"}
    reasons = {one.path.relative_to(source).as_posix(): one.reason for one in folder.unusable}
    assert set(reasons) == {"x.csv", "folder/secret.csv"}
    assert all("elsewhere/secret.csv" in reason and "follow_links=true" in reason for reason in reasons.values())


def test_find_files_follow_links_takes_what_lies_outside(tmp_path: Path) -> None:
    source = outside(tmp_path)
    (source / "folder").symlink_to("../elsewhere")
    folder = find_files(settings(source, recursive=True, follow_links=True), DAY)
    assert {file.path.name for file in folder.files} == {"good.csv", "deep.csv", "secret.csv"}
    assert {file.root for file in folder.files} == {None}


@pytest.mark.parametrize("follow_links", [True, False])
def test_find_files_links_inside_are_taken_and_loops_end(tmp_path: Path, follow_links: bool) -> None:
    source = outside(tmp_path)
    (source / "x.csv").symlink_to("sub/deep.csv")
    (source / "sub/loop").symlink_to("..")
    (source / "sub/itself").symlink_to("itself")
    (source / ".data").mkdir()
    write(source, ".data/kept.csv")
    (source / "current").symlink_to(".data")
    folder = find_files(settings(source, recursive=True, follow_links=follow_links), DAY)
    assert {file.path.name for file in folder.files} == {"good.csv", "deep.csv", "x.csv", "kept.csv"}
    assert not folder.unusable


def test_find_files_groups_names_that_differ_in_a_day(tmp_path: Path) -> None:
    for name in ("orders_2024-01-01.csv", "orders_2024-01-02.csv", "customers.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    off, auto = (find_files(settings(source=tmp_path, group=group), DAY) for group in ("off", "auto"))
    assert [group.dataset for group in off.groups] == ["Orders"]
    assert {file.dataset for file in off.files} == {"Customers", "Orders_2024-01-01", "Orders_2024-01-02"}
    assert sorted(file.key for file in auto.files) == [
        f"Raw/Local/CSV/Customers/{DAY:%Y/%m/%d}/customers.csv",
        "Raw/Local/CSV/Orders/2024/01/01/orders_2024-01-01.csv",
        "Raw/Local/CSV/Orders/2024/01/02/orders_2024-01-02.csv",
    ]
    assert auto.contracts["Orders"].date == "%Y-%m-%d"


def test_find_files_groups_nothing_that_only_contracts_rejects(tmp_path: Path) -> None:
    for name in ("orders_2024-01-01.csv", "orders_2024-01-02.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    folder = find_files(settings(source=tmp_path, group="auto", only_contracts=True), DAY)
    assert [outcome.state for outcome in folder.unusable] == ["rejected", "rejected"]
