"""The encoding of small files in many languages: names, towns, goods, prices and dates, in the usual code pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flows.lake.dialect.encoding import detect_encoding
from tests.tools.encoded_files import LANGUAGES, EncodedFile, encoded_file, encoded_files

HOME = ("Portuguese", "Spanish")
RIGHT_OF_50 = 48


def wrong(files: list[EncodedFile]) -> list[tuple[str, str, str]]:
    return [
        (file.language, file.encoding, found)
        for file in files
        if not file.reads_right(found := detect_encoding(file.content))
    ]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rows", [5, 30])
def test_detect_encoding_gives_the_text_of_small_files(seed: int, rows: int) -> None:
    files = encoded_files(seed, rows)
    assert len(files) * (1 - RIGHT_OF_50 / 50) >= len(wrong(files))


def in_capitals(text: str) -> str:
    return text.upper()


def as_it_is(text: str) -> str:
    return text


@pytest.mark.parametrize("case", [as_it_is, in_capitals])
@pytest.mark.parametrize("language", HOME)
def test_detect_encoding_loses_no_portuguese_or_spanish_file(language: str, case: Callable[[str], str]) -> None:
    files = [
        EncodedFile(language, encoding, case(encoded_file(language, encoding, seed, rows).text))
        for encoding in LANGUAGES[language].encodings.split()
        for seed in range(6)
        for rows in (10, 30)
    ]
    assert wrong(files) == []


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("language", [*HOME, "French", "German"])
def test_detect_encoding_a_few_western_rows_are_windows_1252(language: str, rows: int) -> None:
    assert wrong([encoded_file(language, "cp1252", seed, rows) for seed in range(20)]) == []


@pytest.mark.parametrize(
    "text",
    [
        "id;nome\n1;José Araújo\n2;Bjørn Håkon\n3;Günter Weiß\n4;François Côté\n5;Ángel Muñoz\n",
        "id;nota\n1;“ótimo” serviço…\n2;área de 120 m²\n3;l’été – 1º trimestre\n4;12,50 €\n5;R$\xa010,00\n",
        "id;local\n1;São\xa0Paulo\n",
        "id;valor\n1;R$\xa010,00\n",
        "id;nafn\n1;Þórður Jónsson\n2;Sigríður Guðmundsdóttir\n3;Ísafjörður\n",
        "ID;CIDADE\n1;SÃO JOÃO DA BOA VISTA\n2;CONCEIÇÃO\n3;GOIÂNIA\n",
    ],
)
def test_detect_encoding_letters_of_several_western_languages_and_signs_are_windows_1252(text: str) -> None:
    assert text.encode("cp1252").decode(detect_encoding(text.encode("cp1252"))) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id;preço\n1;12,50 €\n2;3,00 €\n", "iso8859-15"),
        ("id,name,city\n1,ﾔﾏﾀﾞ ﾀﾛｳ,東京\n2,ｻﾄｳ ﾊﾅｺ,大阪\n3,ｽｽﾞｷ,千葉県\n", "cp932"),
        ("id,型号,说明\n1,iPhone手机,T恤XL码\n2,USB线,Type-C接口\n", "gb18030"),
        ("broj;ime;grad\n1;Đorđe Petrović;Čakovec\n2;Željko Šarić;Šibenik\n3;Ana Kovačević;Požega\n", "iso8859-2"),
        ("nr;vardas\n1;Žygimantas Šimkus\n2;Rūta Petrauskaitė\n3;Jūratė Kazlauskienė\n", "cp1257"),
    ],
)
def test_detect_encoding_other_kinds_of_text(text: str, encoding: str) -> None:
    assert text.encode(encoding).decode(detect_encoding(text.encode(encoding))) == text
