"""Which columns look sensitive: found in made data of every kind and form, and not where only chance makes them so."""

from __future__ import annotations

import io
import random

import numpy as np
import pandas as pd
import pytest
import yaml

from flows.lake.landing.sensitive import SensitiveColumn, SensitiveFinder, contract_of
from flows.lake.landing.sensitive_cells import is_card, is_cnh, is_pis
from flows.lake.landing.sensitive_names import kind_of_name, words_of
from tests.tools.sensitive_data import MADE, REAL, a_cpf, digits, real_tables


def look(name: str, cells: list[str]) -> SensitiveColumn | None:
    """Look at a column as pandas reads it from a file."""
    frame = pd.read_csv(io.StringIO(pd.DataFrame({name: cells, "other": 1}).to_csv(index=False)), low_memory=False)
    series = frame[name]
    finder = SensitiveFinder([name])
    finder.note(0, series.tolist() if isinstance(series.dtype, pd.StringDtype) else series.to_numpy())
    found = finder.found()
    return found[0] if found else None


@pytest.mark.parametrize("case", MADE)
@pytest.mark.parametrize("missing_percent", [0, 60])
@pytest.mark.parametrize("rows", [30, 3_000])
def test_made_columns_of_each_kind_are_found(case: str, missing_percent: int, rows: int) -> None:
    name, kind, make = MADE[case]
    dice = random.Random(f"{case} {missing_percent} {rows}")
    cells = ["" if dice.random() * 100 < missing_percent else make(dice) for _ in range(rows)]
    found = look(name, cells)
    assert found is not None
    assert found.kind == kind
    assert not any(cell and cell in f"{found!r} {found.sentence()}" for cell in cells)


@pytest.mark.parametrize("case", MADE)
def test_column_with_fewer_than_four_fifths_valid_cells_is_not_found(case: str) -> None:
    name, _, make = MADE[case]
    dice = random.Random(case)
    cells = [make(dice) if dice.random() < 0.6 else f"n/k {digits(dice, 3)} ?" for _ in range(500)]
    assert look(name, cells) is None


@pytest.mark.parametrize("case", [one for one in MADE if one not in ("surname",)])
def test_one_value_again_and_again_is_not_found(case: str) -> None:
    name, _, make = MADE[case]
    assert look(name, [make(random.Random(1))] * 500) is None


@pytest.mark.parametrize("length", [*range(6, 20)])
def test_random_numbers_are_not_found(length: int) -> None:
    dice = random.Random(length)
    assert look("id", [digits(dice, length) for _ in range(1_000)]) is None
    assert look("id", [str(10**length // 3 + number) for number in range(1_000)]) is None
    assert look("id", [f"{dice.random() * 10**length:.2f}" for _ in range(1_000)]) is None


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("name", ["Mazda RX4", "Datsun 710", "Hornet 4 Drive", "Valiant"]),
        ("name", ["Buenos Aires", "Santa Maria", "São Paulo", "New York"]),
        ("nome", ["Secretaria de Saúde", "Instituto Butantan", "Câmara Municipal", "Casa Civil"]),
        ("street", ["Pave", "Grvl", "Paved", "Dirt"]),
        ("version", ["1.2.3", "10.2.0", "1.9.11", "2.0.0"]),
        ("versao", ["1.2.3.200", "10.2.0.41", "1.9.11.77", "2.0.0.130"]),
        ("conta", ["1.1.2.8", "1.3.1.0", "2.2.14.1", "3.1.0.12"]),
        ("time", ["12:30:45", "08:00:00", "23:59:59", "01:02:03"]),
        ("birth_year", ["1984", "1990", "2001", "1975"]),
        ("nascimento", ["1984", "1990", "2001", "1975"]),
        ("local_nascimento", ["1984-01-01", "1990-01-01", "2001-01-01", "1975-01-01"]),
        ("date", ["1984-01-01", "1990-01-01", "2001-01-01", "1975-01-01"]),
        ("email_sent", ["yes", "no", "maybe", "later"]),
        ("phone_service", ["11987654321", "11987654322", "11987654323", "11987654324"]),
        ("mfr_name", ["Ford", "Fiat", "Volvo", "Seat"]),
    ],
)
def test_innocent_columns_are_not_found(name: str, cells: list[str]) -> None:
    assert look(name, cells * 20) is None


def test_check_digits_of_numbers_that_are_known() -> None:
    assert is_pis("170.33259.50-4")
    assert is_pis("17033259504")
    assert not is_pis("17033259505")
    assert is_pis("26827649960")
    assert is_pis("469.52280.63-7")
    assert all(map(is_cnh, ("58316794534", "62472927637", "69044271146", "98765432100")))
    assert not is_cnh("58316794535")
    assert not is_cnh("11111111111")
    assert is_card("4111 1111 1111 1111")
    assert not is_card("4111 1111 1111 1112")
    assert not is_card("9111111111111113")


def test_names_are_split_into_words_without_accents() -> None:
    assert words_of("dtNascimento") == words_of("DT_NASCIMENTO") == words_of("Dt. Nascimento") == ["dt", "nascimento"]
    assert words_of("Endereço de e-mail") == ["endereco", "e", "mail"]
    assert kind_of_name("Endereço de e-mail") is None
    assert kind_of_name("NomeDaMãe") == "name of a person"
    assert kind_of_name("county.name") is None


def test_cells_of_later_blocks_count_and_cut_off_ones_do_not() -> None:
    dice = random.Random(1)
    finder = SensitiveFinder(["id"])
    finder.note(0, np.array(["x"] * 9, dtype="S16"))
    assert finder.found() == ()
    finder.note(0, np.array([a_cpf(dice) for _ in range(100)], dtype=object))
    assert [one.kind for one in finder.found()] == ["CPF"]
    for _ in range(10):
        finder.note(0, [digits(dice, 11) for _ in range(400)])
    assert finder.found() == ()


def test_contract_to_paste_is_yaml_with_a_rule_for_each_column() -> None:
    dice = random.Random(1)
    finder = SensitiveFinder(["cpf", "x", "e-mail: ação"])
    finder.note(0, [a_cpf(dice) for _ in range(9)])
    finder.note(1, ["a", "b"])
    finder.note(2, [f"{one}@example.com" for one in "abcdefgh"])
    text = contract_of("Clientes", finder.found())
    assert yaml.safe_load(text) == {
        "Clientes": {"columns": {"cpf": {"mask": "hash"}, "e-mail: ação": {"mask": "domain"}}}
    }
    assert "ação" in text


@pytest.mark.slow
def test_real_public_data_raise_no_false_alarm() -> None:
    found = {}
    for package, name, frame in real_tables():
        finder = SensitiveFinder(map(str, frame.columns))
        for position in range(frame.shape[1]):
            series = frame.iloc[:, position]
            is_text = isinstance(series.dtype, (pd.StringDtype, pd.CategoricalDtype))
            finder.note(position, series.tolist() if is_text else series.to_numpy())
        found |= {(package, name, one.column): one.kind for one in finder.found()}
    assert found == REAL
