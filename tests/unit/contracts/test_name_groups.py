"""Files whose names differ in a date or a number alone are one dataset, and others are not."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta

import pytest

from flows.lake.contracts import name_groups
from flows.lake.contracts.collection import NO_CONTRACTS
from flows.lake.contracts.contract import Contract
from flows.lake.contracts.name_groups import find_groups, with_groups
from flows.lake.contracts.rhythm import rhythm_of

DAYS = [f"orders_2024-01-{day:02}.csv" for day in (1, 2, 3)]


@pytest.mark.parametrize(
    ("names", "dataset", "form"),
    [
        (DAYS, "Orders", "%Y-%m-%d"),
        ([*DAYS, "orders_2024-01-04.csv.gz"], "Orders", "%Y-%m-%d"),
        (["Vendas20240115.csv", "Vendas20240215.csv"], "Vendas", "%Y%m%d"),
        (["v_01-01-2024.csv", "v_13-01-2024.csv"], "V", "%d-%m-%Y"),
        (["v_01.01.2024.csv", "v_01.13.2024.csv"], "V", "%m.%d.%Y"),
        (["x_2024_01.csv", "x_2024_02.csv"], "X", None),
        (["x_202401.csv", "x_202402.csv"], "X", None),
        (["x_01-2024.csv", "x_02-2024.csv"], "X", None),
        (["r_jan2024.csv", "r_fev2024.csv"], "R", None),
        (["janeiro-2024.csv", "março-2024.csv"], "In", None),
        (["vendas-janeiro.csv", "vendas-março.csv"], "Vendas", None),
        (["s_2024Q1.csv", "s_2024Q2.csv"], "S", None),
        (["s_1T2024.csv", "s_2T2024.csv"], "S", None),
        (["s-T1.csv", "s-T2.csv"], "S", None),
        (["pib_2021.csv", "pib_2022.csv"], "Pib", None),
        (["matriculas_2022-23.csv", "matriculas_2023-24.csv"], "Matriculas", None),
        (["e_20240101T120000Z.csv", "e_20240102T130000Z.csv"], "E", "%Y%m%d"),
        (["e_20240101120000.csv", "e_20240102120000.csv"], "E", None),
        (["2024_01_01_1704067200000_0.csv", "2024_01_02_1704153600000_0.csv"], "In", "%Y_%m_%d"),
        (["o_2024-1-1.csv", "o_2024-1-31.csv", "o_2024-12-31.csv"], "O", "%Y-%m-%d"),
        (["o 1-2-2024.csv", "o 15-2-2024.csv"], "O", "%d-%m-%Y"),
        (["o_2024-01-01.csv", "o_20240102.csv"], "O", None),
        (["e_20240101T101010123.csv", "e_20240102T111010456.csv"], "E", "%Y%m%d"),
        (["pib_1o_trimestre_2024.csv", "pib_2o_trimestre_2024.csv"], "Pib", None),
        (["2024-bimestre-1.csv", "2024-bimestre-2.csv"], "In", None),
        (["r_1 de janeiro de 2024.csv", "r_15 de março de 2024.csv"], "R", None),
        (["janeiro.csv", "fevereiro.csv"], "In", None),
        (["dt=2024-01-01.csv", "dt=2024-01-02.csv"], "Dt", "%Y-%m-%d"),
        (["[2024-01-01] orders (new).csv", "[2024-01-02] orders (new).csv"], "Orders (New)", "%Y-%m-%d"),
        (["model_v1_2024-01-01.csv", "model_v1_2024-02-01.csv"], "Model_V1", "%Y-%m-%d"),
        (["part-1.csv", "part-2.csv", "part-10.csv"], "Part", None),
        (["x0001.csv", "x0002.csv"], "X", None),
        (["a_2024-01-01_2024-01-31.csv", "a_2024-02-01_2024-02-29.csv"], "A", None),
        ([unicodedata.normalize("NFD", "ação_2024-01-01.csv"), "ação_2024-01-02.csv"], "Ação", "%Y-%m-%d"),
        (["a: b [x]*_2024-01-01.csv", "a: b [x]*_2024-01-02.csv"], "A: B [X]*", "%Y-%m-%d"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_one_dataset(names: list[str], dataset: str, form: str | None) -> None:
    (group,) = find_groups(names, fallback="in")
    assert (group.dataset, group.date, group.is_sure) == (dataset, form, True)
    assert sorted(group.names) == sorted(names)
    contracts = with_groups(NO_CONTRACTS, [group])
    assert [contracts.claimants(name) for name in names] == [[dataset]] * len(names)
    Contract.model_validate(group.contract())


@pytest.mark.parametrize(
    "names",
    [
        ["orders_2024-01-01.csv"],
        ["iso3166-1.csv", "iso3166-2.csv"],
        ["schema_v1.csv", "schema_v2.csv", "schema_v3.csv"],
        ["o.csv", "o (1).csv", "o (2).csv", "o (3).csv"],
        ["data_set.csv", "data_out.csv"],
        ["market.csv", "maize.csv", "setup.csv"],
        ["app-2024.1.2.csv", "app-2024.1.3.csv"],
        ["trimestre.csv", "trimestral.csv"],
        ["NO.csv", "1e3.csv"],
        ["orders.csv", "orders.csv.gz"],
    ],
    ids=lambda names: names[0],
)
def test_no_group(names: list[str]) -> None:
    assert find_groups(names) == []


def test_bare_numbers_are_a_question() -> None:
    (group,) = find_groups([f"iso3166-{number}.csv" for number in (1, 2, 3)])
    assert not group.is_sure


def test_a_number_that_means_something_parts_dated_files() -> None:
    groups = find_groups([f"loja_{shop}_2024-01-0{day}.csv" for shop in (1, 2) for day in (1, 2)])
    assert [(group.dataset, group.date, len(group.names)) for group in groups] == [
        ("Loja_1", "%Y-%m-%d", 2),
        ("Loja_2", "%Y-%m-%d", 2),
    ]


def test_day_that_can_be_read_in_two_ways_is_left_to_a_person() -> None:
    (group,) = find_groups(["v_01-02-2024.csv", "v_02-02-2024.csv"])
    assert group.date is None
    assert group.forms == ("%d-%m-%Y", "%m-%d-%Y")


def test_name_that_another_dataset_has_is_not_taken() -> None:
    assert [group.dataset for group in find_groups(["orders.csv", *DAYS])] == ["Orders_Dated"]
    assert [group.dataset for group in find_groups(DAYS, taken=["Orders"])] == ["Orders_Dated"]


@pytest.mark.parametrize(
    ("names", "later", "other"),
    [
        (["o_2024-1-1.csv", "o_2024-1-2.csv"], "o_2024-12-31.csv", "o_2024.csv"),
        (["o_1 de maio de 2024.csv", "o_2 de maio de 2024.csv"], "o_15 de abril de 2024.csv", "o_de 2024.csv"),
        (["s_2024week01.csv", "s_2024week02.csv"], "s_2024week31.csv", "s_2024_all01.csv"),
        (["1o_trimestre_2024.csv", "2o_trimestre_2024.csv"], "3o_trimestre_2025.csv", "1o_semestre_2024.csv"),
        (["janeiro.csv", "maio.csv"], "maio.csv", "orders.csv"),
    ],
)
def test_patterns_claim_what_comes_later_and_not_what_is_another(names: list[str], later: str, other: str) -> None:
    (group,) = find_groups(names, fallback="in")
    contracts = with_groups(NO_CONTRACTS, [group])
    assert contracts.claimants(later) == [group.dataset]
    assert contracts.claimants(other) == []


def test_patterns_claim_no_file_of_others() -> None:
    names = ["part-1.csv", "part-2.csv", "part-10.csv", "part-1-old.csv"]
    (group,) = find_groups(names)
    assert with_groups(NO_CONTRACTS, [group]).claimants("part-1-old.csv") == []
    assert "part-1-old.csv" not in group.names


def _days(first: str, *steps: int) -> list[date]:
    return [date.fromisoformat(first) + timedelta(days=step) for step in steps]


@pytest.mark.parametrize(
    ("days", "every"),
    [
        (_days("2024-01-05", 0, 1, 2, 3, 4), "daily"),
        (_days("2024-01-05", 0, 1, 2, 3), None),
        (_days("2024-01-01", 0, 1, 2, 3, 4), None),
        (_days("2024-01-01", 0, 1, 2, 3, 4, 7, 8, 9, 10, 11), "weekdays"),
        (_days("2024-01-01", 0, 7, 14), "weekly:mon"),
        (_days("2024-01-01", 0, 31, 60), "monthly:1"),
        (_days("2024-01-31", 0, 29, 60), "monthly:31"),
        (_days("2024-01-01", 0, 3, 9, 40), None),
        (_days("2024-01-01", 0), None),
    ],
)
def test_rhythm_of_days(days: list[date], every: str | None) -> None:
    assert rhythm_of(days) == every


def test_groups_of_many_files_look_at_all_names_once_for_each_number(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    look = name_groups._has_one_width
    monkeypatch.setattr(
        name_groups, "_has_one_width", lambda members, place: looks.append(place) or look(members, place)
    )
    (group,) = find_groups([f"sensor_{number:05}.csv" for number in range(50)])
    assert group.patterns == ("sensor_[0-9][0-9][0-9][0-9][0-9]",)
    assert len(looks) == 1
