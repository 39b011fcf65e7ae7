"""When datasets landed, by the raw layer's keys, in a bounded number of requests."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from flows.lake import keys
from flows.lake.manifests.landed_days import LandedDays, find_landed_days
from flows.lake.manifests.store import ManifestStore
from tests.storage.conftest import Lake
from tests.storage.manifests.test_store import on_moto, requests_of

END = date(2024, 3, 5)


def put(lake: Lake, key: str) -> None:
    lake.client.put_object(Bucket=lake.bucket, Key=key, Body=b"x")


def land(lake: Lake, dataset: str, *days: date) -> None:
    for day in days:
        put(lake, f"{keys.RAW_PREFIX}/{dataset}/{keys.day_path(day)}/f.csv")


def found(lake: Lake, *datasets: str, until: date = END) -> dict[str, LandedDays]:
    return find_landed_days(ManifestStore(lake.whole), datasets, until)


def test_landed_days_are_the_first_and_the_last_up_to_a_day(lake: Lake) -> None:
    land(lake, "A", date(2021, 12, 31), date(2022, 1, 1), date(2024, 3, 4), date(2024, 3, 6), date(2025, 1, 1))
    land(lake, "A b", date(1999, 1, 1), date(2024, 12, 31))
    land(lake, "Later", date(2024, 3, 6))
    assert found(lake, "A", "A b", "Later", "Absent") == {
        "A": LandedDays(date(2021, 12, 31), date(2024, 3, 4)),
        "A b": LandedDays(date(1999, 1, 1), date(1999, 1, 1)),
    }


@on_moto
def test_landed_days_of_a_dataset_of_six_years_take_ten_requests(lake: Lake) -> None:
    land(lake, "A", *(END - timedelta(days=9 * number) for number in range(240)))
    with requests_of(lake) as sent:
        assert found(lake, "A")["A"].last == END
    assert len(sent) == 10  # the first is for what the layer holds, the last for archives
    with requests_of(lake) as sent:
        found(lake, "Absent")
    assert len(sent) == 3


FOREIGN = (
    "0000/01/01/f.csv", "2020/00/01/f.csv", "2020/02/31/f.csv", "2020/1/1/f.csv", "20200101/f.csv", "notes.txt",
    "2020/05/05/deeper/f.csv", "٢٠٢٠/01/01/f.csv", "2020/06/f.csv", "-1/01/01/f.csv", "9999/99/99/f.csv",
)  # fmt: skip


def test_landed_days_are_not_those_of_keys_that_are_not_of_the_raw_layer(lake: Lake) -> None:
    for name in FOREIGN:
        put(lake, f"{keys.RAW_PREFIX}/A/{name}")
    assert found(lake, "A", until=date.max) == {}
    land(lake, "A", END)
    assert found(lake, "A", until=date.max) == {"A": LandedDays(END, END)}


def test_landed_days_of_a_folder_from_which_the_file_was_taken_are_those_of_the_others(lake: Lake) -> None:
    first, last = date(2023, 1, 1), date(2024, 3, 1)
    land(lake, "A", first, date(2023, 6, 1), last)
    for day in (first, last):
        folder = f"{keys.RAW_PREFIX}/A/{keys.day_path(day)}/"
        lake.client.delete_object(Bucket=lake.bucket, Key=f"{folder}f.csv")
        lake.client.put_object(Bucket=lake.bucket, Key=folder, Body=b"")  # as the AWS console makes folders
    assert found(lake, "A") == {"A": LandedDays(date(2023, 6, 1), date(2023, 6, 1))}


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_landed_days_of_many_datasets_are_looked_for_side_by_side(lake: Lake) -> None:
    for number in range(12):
        land(lake, f"D{number}", END - timedelta(days=number))
    landed = found(lake, *(f"D{number}" for number in range(12)))
    assert [landed[f"D{number}"].last for number in range(12)] == [END - timedelta(days=n) for n in range(12)]
