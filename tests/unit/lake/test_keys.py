import unicodedata
from datetime import date
from pathlib import Path

import pytest

from flows.lake import keys
from flows.lake.errors import KeyInvalid, SourceError

DAY = date(2024, 3, 5)


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("movies.csv", "Movies"),
        ("MOVIES.CSV", "Movies"),
        ("series.csv", "Series"),
        ("orders_2024.csv", "Orders_2024"),
        ("orders_2024.csv.gz", "Orders_2024"),
        ("preços médios.csv", "Preços Médios"),
        ("noextension", "Noextension"),
    ],
)
def test_dataset_of_name_that_no_contract_claims(name: str, dataset: str) -> None:
    assert keys.dataset_of(name) == dataset


def test_raw_key_has_two_digit_months_and_days() -> None:
    assert keys.raw_key(Path("in/movies.csv"), "Movies", DAY) == "Raw/Local/CSV/Movies/2024/03/05/movies.csv"


@pytest.mark.parametrize("name", ["a b.csv", "preço#1.csv", "100%.csv", "a+b&c=d.csv", "año (2).csv"])
def test_raw_key_keeps_odd_names_as_they_are(name: str) -> None:
    assert keys.raw_key(Path(name), "X", DAY).endswith("/" + name)


def test_raw_key_of_decomposed_name_is_composed() -> None:
    decomposed = unicodedata.normalize("NFD", "preços.csv")
    assert keys.raw_key(Path(decomposed), "X", DAY) == keys.raw_key(Path("preços.csv"), "X", DAY)


@pytest.mark.parametrize("name", ["a\nb.csv", "a\tb.csv", "a\x7fb.csv"])
def test_raw_key_of_name_with_control_character_is_refused(name: str) -> None:
    with pytest.raises(KeyInvalid, match=r"control character.*Rename"):
        keys.raw_key(Path(name), "X", DAY)


def test_raw_key_of_name_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(KeyInvalid, match=r"not UTF-8.*Rename"):
        keys.raw_key(Path("a\udcff.csv"), "X", DAY)


def test_raw_key_limit_counts_bytes_not_characters() -> None:
    room = keys.MAX_KEY_BYTES - len("Raw/Local/CSV//2024/03/05/a.csv")
    assert len(keys.raw_key(Path("a.csv"), "x" * room, DAY)) == keys.MAX_KEY_BYTES
    with pytest.raises(KeyInvalid, match="1,025 bytes"):
        keys.raw_key(Path("a.csv"), "x" * (room - 1) + "é", DAY)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("orders_2024-03-05.csv", "orders_%Y-%m-%d"),
        ("20240305_orders.csv", "%Y%m%d"),
        ("orders.05.03.2024.csv", "%d.%m.%Y"),
        ("orders_2024-3-5.csv", "orders_%Y-%m-%d"),
        ("5-3-2024.csv", "%d-%m-%Y"),
        ("v5_2024_3.csv", "v%d_%Y_%m"),
    ],
)
def test_date_in_name(name: str, pattern: str) -> None:
    assert keys.date_in_name(Path(name), pattern) == DAY


@pytest.mark.parametrize(
    "name",
    ["orders.csv", "orders_2024-02-30.csv", "orders_12024-03-05.csv", "orders_2024-03-051.csv", "2024-003-05.csv"],
)
def test_date_in_name_without_a_date_is_an_error(name: str) -> None:
    with pytest.raises(SourceError, match=name):
        keys.date_in_name(Path(name), "%Y-%m-%d")


@pytest.mark.parametrize(("name", "pattern"), [("2024305.csv", "%Y%m%d"), ("v15-3-2024.csv", "v1%d-%m-%Y")])
def test_date_without_signs_around_its_parts_has_two_digits_each(name: str, pattern: str) -> None:
    with pytest.raises(SourceError, match=name):
        keys.date_in_name(Path(name), pattern)


@pytest.mark.parametrize("pattern", ["%Y-%m", "orders", "%Y%Y%m%d"])
def test_check_date_pattern_wants_each_part_once(pattern: str) -> None:
    assert "each of %Y, %m and %d once" in (keys.check_date_pattern(pattern) or "")


def test_log_keys_are_the_days_first_and_the_runs_own() -> None:
    first, own = keys.log_keys(DAY, "0123456789abcdef", 2)
    assert first == "Logs/log-ingestao-20240305.txt"
    assert own == "Logs/log-ingestao-20240305-01234567-2.txt"


def test_quarantine_key_mirrors_the_raw_key() -> None:
    raw = keys.raw_key(Path("a.csv"), "A", DAY)
    assert keys.quarantine_key(raw) == "Quarantine/Local/CSV/A/2024/03/05/a.csv"
