"""What `benchmarks.bench_films` measures: the analysis without TMDB, on DuckDB as it is, on Polars, and in plain pandas.

Each is run as a process of its own: python -m benchmarks.films_contenders NAME FILE FOLDER. All of them read the raw
file, give it types, take each title once, write titles and performers as Parquet by release year, identify the language
of every distinct original title, select films, and count them by year and performer. DuckDB and pandas also trim every
text, count what is wrong, and tell why films fell out; Polars does not, so its figures flatter it. They print their answers as JSON, which must be
equal, and the seconds that the languages took.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

GENRES = ("Drama", "Romance")
FIRST, LAST = 2013, 2026
TOP = 20

Answers = dict[str, Any]


def work_duckdb(path: Path, folder: Path) -> Answers:
    """Do it as analyze-films does, without S3 and Prefect."""
    from flows.lake.films import engine, questions, refined, selection, title_languages, tmdb_answers, trusted
    from flows.lake.films.raw_input import RawInput

    with path.open(encoding="utf-8") as lines:
        names = lines.readline().rstrip("\n").split("|")
    # What is read of a manifest's entry: there is no manifest here, and its models would be loaded for nothing.
    file: Any = SimpleNamespace(
        key=path.name,
        columns=[SimpleNamespace(name=name) for name in names],
        delimiter="|",
        quotechar=None,
        decimal=None,
        recipe=None,
        rows=0,
        bad_rows=0,
    )
    with engine.connection(folder) as database:
        with title_languages.prepared():
            found = trusted.load(database, path, RawInput(file, "", date(2026, 11, 28)))
        tmdb_answers.load(database, ())
        with ThreadPoolExecutor(1) as beside:
            written = beside.submit(trusted.write, database.cursor(), folder / "trusted")
            started = time.perf_counter()
            title_languages.identify_all(database)
            languages_s = time.perf_counter() - started
            criteria = selection.Criteria(last_year=LAST, top=TOP)
            selected = selection.select(database, criteria)
            refined.build(database)
            refined.write(database, folder / "refined")
            years, performers, *_ = questions.answer_all(database, selected, criteria)
            written.result()
    return {
        "years": {row[0]: row[1] for row in years.rows},
        "performers": [[row[0], row[2]] for row in performers.rows],
        "defects": [
            found.rows, found.without_id, found.years, found.ratings, found.rounded_ratings, found.minutes, found.votes,
            found.lives, found.differing, found.doubled,
        ],
        "funnel": [[step.left, *(number for _, number in step.fell_out)] for step in selected.steps],
        "languages_s": languages_s,
    }  # fmt: skip


def work_polars(path: Path, folder: Path) -> Answers:
    """Do it with Polars' lazy frames and its streaming engine."""
    import polars as pl

    from flows.lake.films import languages

    def text(name: str) -> pl.Expr:
        return pl.col(name).str.strip_chars()

    raw = pl.scan_csv(path, separator="|", null_values=[r"\N"], infer_schema=False)
    typed = raw.select(
        text("id").alias("title_id"),
        text("tituloPincipal").alias("title"),
        text("tituloOriginal").fill_null(text("tituloPincipal")).alias("original_title"),
        pl.col("anoLancamento").cast(pl.Int16, strict=False).alias("release_year"),
        pl.col("tempoMinutos").cast(pl.Int32, strict=False).alias("minutes"),
        pl.col("genero").str.split(",").alias("genres"),
        pl.col("notaMedia").cast(pl.Float64, strict=False).alias("rating"),
        pl.col("numeroVotos").cast(pl.Int32, strict=False).alias("votes"),
        text("nomeArtista").alias("name"),
        pl.col("generoArtista").alias("role"),
        pl.col("personagem").alias("character"),
        pl.col("anoNascimento").cast(pl.Int16, strict=False).alias("birth_year"),
        pl.col("anoFalecimento").cast(pl.Int16, strict=False).alias("death_year"),
        pl.col("profissao").str.split(",").alias("professions"),
        pl.col("titulosMaisConhecidos").str.split(",").alias("known_for"),
    )
    facts = ["title", "original_title", "release_year", "minutes", "genres", "rating", "votes"]
    titles = typed.group_by("title_id").agg(pl.col(facts).first()).collect(engine="streaming")
    keys = ["title_id", "name", "role", "birth_year"]
    others = ["character", "death_year", "professions", "known_for"]
    performers = (
        typed.group_by(keys).agg(pl.col(others).first(), pl.col("release_year").first()).collect(engine="streaming")
    )
    for table, frame in (("titles", titles), ("performers", performers)):
        for (year,), part in frame.sort("release_year", "title_id").partition_by("release_year", as_dict=True).items():
            place = folder / table / f"release_year={year or 0}"
            place.mkdir(parents=True)
            part.write_parquet(place / "part-0000.parquet")
    started = time.perf_counter()
    distinct = titles["original_title"].unique().sort()
    codes = [code for code, _ in languages.identify_all(distinct.to_list())]
    languages_s = time.perf_counter() - started
    known = pl.DataFrame({"original_title": distinct, "language": codes})
    selected = titles.join(known, on="original_title").filter(
        pl.col("genres").list.set_intersection(list(GENRES)).list.len() > 0,
        pl.col("release_year").is_between(FIRST, LAST),
        ~pl.col("language").is_in(["en", "und"]),
    )
    selected.write_parquet(folder / "film.parquet")
    years = selected.group_by("release_year").len().sort("release_year")
    people = (
        performers.join(selected, on="title_id", how="semi")
        .group_by("name", "birth_year")
        .agg(pl.col("title_id").n_unique().alias("films"))
        .sort("films", "name", "birth_year", descending=[True, False, False])
        .head(TOP)
    )
    return {
        "years": {str(year): films for year, films in years.iter_rows()},
        "performers": [[row["name"], row["films"]] for row in people.iter_rows(named=True)],
        "languages_s": languages_s,
    }


def work_pandas(path: Path, folder: Path, one_by_one: bool = False) -> Answers:
    """Do it in plain pandas, as a notebook would.

    Args:
        path: The raw file.
        folder: Where the tables go.
        one_by_one: Identify languages as a notebook does, `Series.map`; else all titles together.
    """
    import pandas as pd

    from flows.lake.films import languages

    def tidy(column: Any) -> Any:
        return column.str.strip().replace("", None)

    def listed(column: Any) -> Any:
        return column.map(lambda told: tuple(one.strip() for one in told.split(",") if one.strip()), na_action="ignore")

    def number(column: Any) -> Any:
        return pd.to_numeric(column, errors="coerce")

    def whole(column: Any) -> Any:
        value = number(column.str.replace(",", ""))
        return value.where(value % 1 == 0)

    def wrong(column: Any, value: Any) -> Any:
        return tidy(column).notna() & value.isna()

    raw = pd.read_csv(path, sep="|", dtype=str, na_values=[r"\N"], keep_default_na=False)
    ids, title = raw["id"].str.strip(" \t\u00a0\u3000\ufeff").str.lower(), tidy(raw["tituloPincipal"])
    year, minutes = whole(raw["anoLancamento"]), whole(raw["tempoMinutos"])
    rating = number(raw["notaMedia"].str.replace(",", "."))
    typed = pd.DataFrame(
        {
            "title_id": ids.where(ids.str.fullmatch("tt[0-9]+")),
            "title": title,
            "original_title": tidy(raw["tituloOriginal"]).fillna(title),
            "release_year": year.where(year.between(1870, 2100)),
            "minutes": minutes.where(minutes > 0),
            "genres": listed(raw["genero"]),
            "rating": rating.where(rating.between(1, 10)),
            "votes": whole(raw["numeroVotos"]),
            "name": tidy(raw["nomeArtista"]),
            "role": tidy(raw["generoArtista"]),
            "character": tidy(raw["personagem"]),
            "birth_year": whole(raw["anoNascimento"]),
            "death_year": whole(raw["anoFalecimento"]),
            "professions": listed(raw["profissao"]),
            "known_for": listed(raw["titulosMaisConhecidos"]),
        }
    )
    rounded = (typed["rating"] - typed["rating"].round(1)).abs() > 1e-9
    typed["rating"] = typed["rating"].round(1)
    lives = wrong(raw["anoNascimento"], typed["birth_year"]) | wrong(raw["anoFalecimento"], typed["death_year"])
    of_titles = [
        typed["release_year"].isna(),
        wrong(raw["notaMedia"], typed["rating"]),
        rounded,
        wrong(raw["tempoMinutos"], typed["minutes"]),
        wrong(raw["numeroVotos"], typed["votes"]),
    ]
    facts = ["title", "original_title", "release_year", "minutes", "genres", "rating", "votes"]
    told = typed.loc[typed["title_id"].notna(), ["title_id", *facts]].drop_duplicates()
    titles = told.sort_values(["title_id", *facts]).drop_duplicates("title_id")
    named = typed[typed["title_id"].notna() & typed["name"].notna()]
    performers = named.drop_duplicates(["title_id", "name", "role", "birth_year"])
    defects = [
        len(typed),
        int(typed["title_id"].isna().sum()),
        *(typed.loc[bad, "title_id"].nunique() for bad in of_titles),
        int(lives.sum()),
        int((told.groupby("title_id").size() > 1).sum()),
        len(named) - len(performers),
    ]
    columns = ["title_id", "name", "role", "character", "birth_year", "death_year", "professions", "known_for"]
    performers = performers[columns].merge(titles[["title_id", "release_year"]], on="title_id")
    order = {"titles": ["release_year", "title_id"], "performers": ["release_year", *columns[:3], "birth_year"]}
    for table, frame in (("titles", titles), ("performers", performers)):
        for value, part in frame.sort_values(order[table]).groupby("release_year", dropna=False):
            place = folder / table / f"release_year={value!s}"
            place.mkdir(parents=True)
            part.to_parquet(place / "part-0000.parquet")
    started = time.perf_counter()
    distinct = pd.Series(titles["original_title"].dropna().unique())
    if one_by_one:
        codes = dict(zip(distinct, distinct.map(lambda title: languages.identify(title)[0]), strict=True))
    else:
        found = languages.identify_all(distinct.tolist())
        codes = {title: code for title, (code, _) in zip(distinct, found, strict=True)}
    languages_s = time.perf_counter() - started
    titles["language"] = titles["original_title"].map(codes)
    has_genre = (
        titles["genres"].map(lambda genres: any(genre in GENRES for genre in genres), na_action="ignore").eq(True)
    )
    of_genre = titles[has_genre]
    has_year = of_genre["release_year"].between(FIRST, LAST)
    of_years = of_genre[has_year]
    selected = of_years[~of_years["language"].isin(["en", "und"])]
    fell_out = [
        [titles["genres"].isna().sum(), (~has_genre & titles["genres"].notna()).sum()],
        [
            of_genre["release_year"].isna().sum(),
            (of_genre["release_year"] < FIRST).sum(),
            (of_genre["release_year"] > LAST).sum(),
        ],
        [(of_years["language"] == "en").sum(), (of_years["language"] == "und").sum()],
    ]
    funnel = [[len(titles)]] + [
        [len(left), *(int(number) for number in why if number)]
        for left, why in zip((of_genre, of_years, selected), fell_out, strict=True)
    ]
    made = performers[performers["title_id"].isin(selected["title_id"])]
    persons = made[["name", "birth_year"]].drop_duplicates()
    for name, frame in (("film", selected), ("film_person", made[["title_id", "name", "role"]]), ("person", persons)):
        frame.to_parquet(folder / f"{name}.parquet")
    years = selected.groupby("release_year").size()
    acted = made[made["role"].isin(["actress", "actor", "self"])]
    people = acted.groupby(["name", "birth_year"], dropna=False)["title_id"].nunique().reset_index()
    people = people.sort_values(["title_id", "name", "birth_year"], ascending=[False, True, True]).head(TOP)
    return {
        "years": dict(zip(years.index.astype(int).astype(str).tolist(), years.tolist(), strict=True)),
        "performers": people[["name", "title_id"]].to_numpy().tolist(),
        "defects": defects,
        "funnel": funnel,
        "languages_s": languages_s,
    }


def work_pandas_map(path: Path, folder: Path) -> Answers:
    """Do it in plain pandas, with `Series.map` for the languages too."""
    return work_pandas(path, folder, one_by_one=True)


WORK: dict[str, Callable[[Path, Path], Answers]] = {
    "duckdb": work_duckdb,
    "polars": work_polars,
    "pandas": work_pandas,
    "pandas-map": work_pandas_map,
}


if __name__ == "__main__":
    print(json.dumps(WORK[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
