"""`detect` on samples of the kinds that mislead detectors; each is a small version of files that people publish."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from flows.lake.dialect import detection
from flows.lake.dialect.detection import detect
from flows.lake.dialect.table_likeness import share_beside, typed


def lines(*rows: str, times: int = 1) -> str:
    return "\n".join(rows[:1] + rows[1:] * times) + "\n"


RNG = random.Random(3)
WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
]


def prose(words: int) -> str:
    return " ".join(RNG.choice(WORDS) for _ in range(words))


CASES = {
    "plain comma": (",", lines("a,b,c", "1,2,3", "4,5,6")),
    "one data row": (",", "id,name\n1,x"),
    "header only, semicolons": (";", "codigo;nome;valor\n"),
    "single wide row": (",", ",".join(str(n) for n in range(300)) + "\n"),
    "no header, numbers with tabs": ("\t", lines("1\t2.5\t3", "4\t5.5\t6")),
    "decimal commas between semicolons": (
        ";",
        lines("data;valor;total", "01/02/2020;1,50;2,75", "02/02/2020;3,10;4,00"),
    ),
    "two columns of decimal commas": (";", lines("1,5;2,5", "1,7;2,9", "3,5;4,1")),
    "decimal commas between tabs": ("\t", lines("x\ty", "1,5\t2,5", "1,7\t2,9", "3,5\t4,1")),
    "thousands with commas between pipes": ("|", lines("a|b", "1,200|2,300", "1,700|9,800")),
    "names with commas between semicolons": (";", lines("id;name", "1;Smith, John", "2;Doe, Jane", "3;Roe, Rick")),
    "names with commas between tabs": ("\t", lines("id\tname", "1\tSmith, John", "2\tDoe, Jane", "3\tRoe, Rick")),
    "lists with semicolons inside commas": (",", lines("id,tags,n", "1,a;b;c,3", "2,d;e;f,4", "3,g;h;i,5")),
    "lists with pipes inside commas": (",", lines("id,tags,n", "1,a|b|c,3", "2,d|e|f,4", "3,g|h|i,5")),
    "lists with commas between pipes": ("|", lines("tt1|Drama,Romance|7.4", "tt2|Short,Comedy|5.1", "tt3|Drama|6.0")),
    "date and time with colons": (",", lines("when,v", "2014-01-01 10:20:30,1", "2014-01-01 10:20:31,2")),
    "one column of date and time": (
        ",",
        lines("when", "2014-01-01 10:20:30", "2014-01-01 10:20:31", "2014-01-02 11:20:31"),
    ),
    "one column of numbers": (",", lines("n", "1", "2", "3")),
    "one column of words": (",", lines("animal", "cat", "dog", "horse")),
    "one column of names": (",", lines("name", "John Smith", "Jane Doe", "Mary Jones", "Ana Silva")),
    "one column of sentences": (",", lines("comment", *[prose(RNG.randint(3, 15)) for _ in range(20)])),
    "one column of addresses": (",", lines("url", "http://a.org/x", "http://b.org/y?c=1", "https://c.org:80/z")),
    "quoted commas": (",", lines('"a","b"', '"x, y","1, 2"', '"z, w","3, 4"')),
    "quoted newlines": (",", lines("id,text", '1,"a; b\nc; d"', '2,"e; f\ng; h"', times=5)),
    "quoted semicolons": (";", lines('"a";"b"', '"x; y";"1, 2"', '"z, w";"3, 4"')),
    "backslash-escaped quotes": (",", lines("id,said", '1,"he said \\"no\\", twice"', '2,"she said \\"yes\\", once"')),
    "doubled quotes": (",", lines("id,said", '1,"he said ""no"", twice"', '2,"she said ""yes"", once"')),
    "prose in quotes": (
        ",",
        lines("id,text,n", *[f'{n},"{prose(30)}, {prose(9)}; {prose(4)}",{n}' for n in range(20)]),
    ),
    "prose without quotes between tabs": (
        "\t",
        lines("id\ttext", *[f"{n}\t{prose(12)}, {prose(9)}, {prose(3)}" for n in range(20)]),
    ),
    "inches in text": (",", lines("id,size,n", '1,5" pipe,3', '2,7" pipe,4', "3,none,5")),
    "one stray quote": ("\t", lines("id\ttitle\tn", '1\t"Open\t3', *[f"{n}\ttext\t{n}" for n in range(2, 30)])),
    "json in a column": (",", lines("id,doc", '1,"{""a"": 1, ""b"": [1, 2]}"', '2,"{""a"": 3, ""b"": [4, 5]}"')),
    "json between tabs": ("\t", lines("id\tdoc", '1\t{"a": 1, "b": [1, 2]}', '2\t{"a": 3, "b": [4, 5]}')),
    "title above": (";", "Relatório de gastos, 2020\n\n" + lines("mes;valor", "jan;1,5", "fev;2,5", "mar;3,5")),
    "title padded by a spreadsheet": (
        ",",
        "Table 1: counts; by area,,,\n,,,\narea,2001,2002,2003\nLeeds,1,2,3\nYork,4,5,6\n",
    ),
    "comments above": ("\t", "# made by x, y, z\n# on 1, 2, 3\n" + lines("a\tb", "1\t2", "3\t4")),
    "more comments than rows": (
        " ",
        lines(*[f"# {prose(RNG.randint(3, 15))}" for _ in range(12)], "1.5 2.5 3", "2.5 3.5 4", "3.5 4.5 5"),
    ),
    "notes below": (",", lines("a,b", "1,2", "3,4", times=5) + "\nSource: x; y\nNote: z\n"),
    "ragged rows": (",", "a,b,c,d\n1,2\n3,4,5\n6,7,8,9\n1,2,3\n5,6\n"),
    "mostly empty": (",", lines("a,b,c,d,e", ",,,,", ",,x,,", ",,,,1", ",,,,")),
    "mostly empty semicolons": (";", lines("a;b;c;d;e", ";;;;", ";;x, y;;", ";;;;1", ";;;;")),
    "trailing delimiter": (";", lines("a;b;", "1,0;2,0;", "3,0;4,0;")),
    "accounts": (
        ":",
        lines("root:x:0:0:root:/root:/bin/bash", "daemon:x:1:1:daemon:/usr/sbin:/bin/sh", "bin:x:2:2:bin:/bin:/bin/sh"),
    ),
    "carets": ("^", lines("a^b^c", "1^x, y^3", "2^z, w^4")),
    "tildes": ("~", lines("a~b~c", "1~x y~3", "2~z w~4")),
    "blanks between numbers": (" ", lines("1.0 2.0 3.0", "4.0 5.0 6.0", "7.0 8.0 9.0")),
    "coordinates": (",", lines("lat,lon", "-23.55,-46.63", "-22.90,-43.17")),
    "points in brackets": (";", lines("id;point", "1;(-23.55, -46.63)", "2;(-22.90, -43.17)", "3;(-12.97, -38.50)")),
    "blank after comma": (",", lines("a, b, c", "1, 2, 3", "4, 5, 6")),
    "blank after comma and quotes": (",", lines('"a", "b"', '"x, y", "1"', '"z", "2"')),
    "log with brackets": (
        ",",
        lines("time,level,message", "10:00:01,INFO,started: ok", "10:00:02,WARN,slow: 3 s", "10:00:03,INFO,done: ok"),
    ),
    "excel's own line": (";", "sep=;\na;b\n1;2\n"),
    "carriage returns": (";", "a;b\r1;2\r3;4\r"),
    "key and value": (",", lines("key,value", "colour,red", "size,10 cm", "made,2010-01-01")),
    "currency": (";", lines("item;preço", "a;R$ 1.234,56", "b;R$ 99,90", "c;R$ 1,00")),
    "hashtags and mentions": (
        ",",
        lines("id,user,text", *[f"{n},@u{n},#a {prose(5)} http://t.co/{n}" for n in range(9)]),
    ),
    "dna": (
        "\t",
        lines("chr\tpos\tinfo", "1\t100\tAC=1;AF=0.5;AN=2", "1\t200\tAC=2;AF=0.1;AN=2", "2\t50\tAC=1;AF=0.2;AN=2"),
    ),
    "genes with commas": ("\t", lines("g\tk", "x\ta,b,c", "y\td,e,f", "z\tg,h,i")),
    "one column of time stamps": (",", lines("2020-01-01 10:20:30", "2021-02-03 11:12:13", "2022-05-06 12:15:16")),
    "one column of sentences with semicolons": (
        ",",
        lines("note", "Way; house lot.", "Fact kind.", "State people?", "Business!", "Room; place."),
    ),
    "baskets": (",", "beer,rolls,soda,milk\nmilk\nsoda,rolls\nrolls,beer,beer,milk,soda\nbeer\n"),
    "commas beside escaped quotes": (
        ";",
        lines('"id";"said"', '"1";"a, b \\"c; d\\", e; f, g"', '"2";"h, i \\"j; k\\", l; m"', '"3";"n, o, p"'),
    ),
    "one row of text after a tab": ("\t", "37402\tState thing, student life, mother, child state day\n"),
    "one column with a sign in one row": (",", lines("note", "deposit", "check #558", "paypal 2208~ tran: x", "fee")),
    "one column of padded numbers": (",", lines("number of the town (2)", *[f" 00{n} " for n in range(9)])),
    "one column of addresses, some in quotes": (
        "\t",
        lines("9 Oak St", "7 Elm Av", '"7 ""Plaza"" road"', '"1 ""A"" st"', '""', '"9th, in town"'),
    ),
    "english sentences with one comma": (
        ",",
        lines("text", "Yes, we can", "No, you cannot", "Well, perhaps", "it is so"),
    ),
    "lists of one length between tabs": ("\t", lines(*[f"id{n}\tA{n},B,C" for n in range(9)])),
    "lists in brackets between tabs": ("\t", lines(*[f"w{n}\t-{n}.5\t[{n}, 1, 2, 3, -1, 0, 0, 2]" for n in range(9)])),
    "lists of one length under a header": (";", lines("id;items", *[f"{n};A{n},B,C" for n in range(9)])),
    "rows of any length between tabs, all signs in the text": (
        "\t",
        lines(*[f"{n}\ta-{n},2-b; 1,{n}-c|d\tC{n}" + "\tsyn, onym" * (n % 7) for n in range(20)]),
    ),
    "word and number": (" ", lines("apple 0", "pear 12", "plum 2", "fig 40")),
    "header, word and number": (" ", lines("fruit count", *[f"{word} {n}" for n, word in enumerate(WORDS)])),
    "four words in each row": (
        " ",
        lines("first last city id", "Al Roe Rio x-1", "Bo Day Bonn y-2", "Cy Hay Bern z-3"),
    ),
    "years and months in one column": (",", lines("month", "1939 Jan", "1939 Feb", "1939 Mar")),
    "words aligned with blanks": (" ", lines(*[f"{word:<9}{word[::-1]}x" for word in WORDS])),
    "numbers between blanks, rows of any length": (
        " ",
        lines("8", *[" ".join(str(m) for m in range(n % 5 + 2)) for n in range(20)]),
    ),
    "numbers between blanks, empty cells": (
        " ",
        lines("id year miles rate fee", *[f"{n} 198{n % 9} {n * 3} {'' if n % 3 else n} {n}" for n in range(30)]),
    ),
    "date, time and number": (" ", lines(*[f"2012-01-{n} 10:{n}:00 {n}.5" for n in range(10, 20)])),
    "keys and values with colons": (":", lines("id:name", "1:London", "2:Berlin", "3:Paris")),
    "one column of identifiers with colons": (",", lines("GO:0005575", "GO:0003674", "GO:0008150", "GO:0016020")),
    "one column of speakers": (",", lines("Ana: good day", "Bob: and to you", "Cy: shall we go?")),
    "long texts over many lines in quotes": (
        ";",
        lines('"text";"label"', *['"' + "\n".join(["well, a, b, c"] * 12) + f'";"{n}"' for n in range(9)]),
    ),
    "quoted rows of any length": (
        ",",
        lines(
            *[f'"a-{n},2-b; 1,{n}-c|d"' + ',"a name, and what it means; in short"' * (n * 7 % 29) for n in range(30)]
        ),
    ),
    "pages in quotes in one row": (
        ",",
        '"1","<p style=""color:red;margin:0"">Day; man, time. &amp; eye;</p>","House: life; a way, a week; job"\n',
    ),
    "carets in rows of any length": ("^", lines("8", *["^".join("12345"[: n % 4 + 1]) for n in range(20)])),
    "blank lines alone with tabs": (",", "\t\n\t\n"),
    "colons in two lines": (":", "rows:x:y:z\n1:0.3:6.1:870\n"),
}


@pytest.mark.parametrize("name", CASES)
def test_detect_delimiter_of_misleading_sample(name: str) -> None:
    delimiter, text = CASES[name]
    assert detect(text).delimiter == delimiter


def test_detect_in_steps_answers_as_if_everything_had_been_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    in_steps = {name: detect(text) for name, (_, text) in CASES.items()}
    monkeypatch.setattr(detection, "typed", lambda rows, enough, *, tabs: typed(rows, 2.0, tabs=tabs))
    monkeypatch.setattr(detection, "_ranked", ranked_at_once)
    assert {name: detect(text) for name, (_, text) in CASES.items()} == in_steps


def ranked_at_once(candidates: list[Any], text: str) -> list[Any]:
    for candidate in candidates:
        while not candidate.is_known:
            detection._look_closer(candidate, text, partial(share_beside, text), 0.0)
    return sorted(candidates, key=lambda candidate: -candidate.score)


def test_detect_one_column_with_the_usual_signs_is_read_with_one_that_does_not_occur() -> None:
    text = lines("note", "Well, yes", "a; b (no)", "tab\there", "x | y, or not", prose(30), prose(40), prose(50))
    assert detect(text).delimiter not in text


def test_detect_sample_cut_in_a_quoted_field_still_finds_the_delimiter() -> None:
    rows = [f'{n};"{prose(20)}, {prose(10)}";{n},5' for n in range(400)]
    text = "\n".join(["id;text;value", *rows])
    for size in (3_000, 3_050, 3_111, 20_000):
        assert detect(text[:size], whole=False).delimiter == ";"


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("a;b\n1,5;x\n2,5;y\n", ","),
        ("a;b\n1.5;x\n2.5;y\n", "."),
        ("a;b\nx, y;1\nz, w;2\n", "."),
        ("a,b\n1,5\n2,5\n", "."),
        ("a;b;c\n1,5;1.5;x\n2,5;2.5;y\n", "."),
        ("a;b\n1;2\n3;4\n", "."),
        ("a;b\n1;2,5\n3;\n5;-0,25\n", ","),
    ],
)
def test_detect_decimal_comma_only_where_columns_say_so(text: str, decimal: str) -> None:
    assert detect(text).decimal == decimal


def test_detect_single_quotes_only_where_they_enclose_fields() -> None:
    assert detect(lines("'a','b'", "'x, y','1'", "'z, w','2'", times=4)).quotechar == "'"
    assert detect(lines("a,b", "it's,1", "she's,2", times=4)).quotechar == '"'


def test_detect_lines_above_the_header_are_counted() -> None:
    assert detect("Title\n\na;b;c\n1;2;3\n4;5;6\n").lead_lines == 2
    assert detect("a;b;c\n1;2;3\n").lead_lines == 0


def test_detect_header_without_a_name_for_the_row_names_is_no_line_above_the_table() -> None:
    assert detect(lines('"a" "b"', *[f'"{n}" {n}.5 "x"' for n in range(9)])).lead_lines == 0


def test_typed_that_stops_early_returns_a_lower_bound_that_is_enough() -> None:
    rows = [["12", "word", "a|b|c"]] * 100
    average = typed(rows, enough=2.0)
    early = typed(rows, enough=0.5)

    assert 0.5 <= early < average
    assert typed(rows, enough=average - 0.001) <= average
