"""What `benchmarks.bench_films` measures: the analysis without TMDB, on DuckDB as it is, on Polars, and in plain pandas.

Each is run as a process of its own: python -m benchmarks.films_contenders NAME FILE FOLDER. All of them do the same:
read the raw file, give it types, take each title once, write titles and performers as Parquet by release year, identify
the language of every distinct original title, select films, and count them by year and performer. They print the two
answers as JSON, which must be equal, and the seconds that the languages took.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

GENRES = ("Drama", "Romance")
FIRST, LAST = 2013, 2026
TOP = 20

Answers = dict[str, Any]


def work_duckdb(path: Path, folder: Path) -> Answers:
    """Do it as analyze-films does, without S3 and Prefect."""
    from flows.lake.films import engine, questions, refined, selection, title_languages, tmdb_answers, trusted
    from flows.lake.films.inputs import RawInput
    from flows.lake.manifests.entries import ManifestColumn, ManifestFile

    with path.open(encoding="utf-8") as lines:
        names = lines.readline().rstrip("\n").split("|")
    columns = tuple(ManifestColumn(name, "str", 0) for name in names)
    file = ManifestFile(
        name=path.name,
        known_as=path.name,
        dataset="Movies",
        outcome="failed",
        key="",
        size_bytes=0,
        delimiter="|",
        columns=columns,
    )
    with engine.connection(folder) as database:
        trusted.load(database, path, RawInput(file, "", date(2026, 11, 28)))
        engine.write_by_year(database, trusted.TITLES, folder / "titles")
        engine.write_by_year(database, trusted.PERFORMERS, folder / "performers")
        tmdb_answers.load(database, ())
        started = time.perf_counter()
        title_languages.identify_all(database)
        languages_s = time.perf_counter() - started
        criteria = selection.Criteria(last_year=LAST, top=TOP)
        found = selection.select(database, criteria)
        refined.build(database)
        refined.write(database, folder / "refined")
        years, performers, *_ = questions.answer_all(database, found, criteria)
    return {
        "years": {row[0]: row[1] for row in years.rows},
        "performers": [[row[0], row[2]] for row in performers.rows],
        "languages_s": languages_s,
    }


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


def work_pandas(path: Path, folder: Path) -> Answers:
    """Do it in plain pandas, as a notebook would."""
    import pandas as pd

    from flows.lake.films import languages

    raw = pd.read_csv(path, sep="|", na_values=[r"\N"], low_memory=False)
    raw = raw.rename(columns={"id": "title_id", "tituloPincipal": "title", "tituloOriginal": "original_title"})
    raw["original_title"] = raw["original_title"].fillna(raw["title"])
    raw["genres"] = raw["genero"].apply(lambda text: text.split(",") if isinstance(text, str) else [])
    raw["professions"] = raw["profissao"].apply(lambda text: text.split(",") if isinstance(text, str) else [])
    raw["known_for"] = raw["titulosMaisConhecidos"].apply(lambda text: text.split(",") if isinstance(text, str) else [])
    facts = [
        "title_id",
        "title",
        "original_title",
        "anoLancamento",
        "tempoMinutos",
        "genres",
        "notaMedia",
        "numeroVotos",
    ]
    titles = raw[facts].drop_duplicates("title_id").sort_values(["anoLancamento", "title_id"])
    performers = raw.drop_duplicates(["title_id", "nomeArtista", "generoArtista", "anoNascimento"])
    performers = performers.sort_values(["anoLancamento", "title_id"])
    for table, frame in (("titles", titles), ("performers", performers)):
        for year, part in frame.groupby("anoLancamento", dropna=False):
            place = folder / table / f"release_year={year}"
            place.mkdir(parents=True)
            part.to_parquet(place / "part-0000.parquet")
    started = time.perf_counter()
    distinct = sorted(titles["original_title"].unique())
    told = languages.identify_all(distinct)
    codes = {title: code for title, (code, _) in zip(distinct, told, strict=True)}
    languages_s = time.perf_counter() - started
    titles["language"] = titles["original_title"].map(codes)
    selected = titles[
        titles["genres"].apply(lambda genres: any(genre in GENRES for genre in genres))
        & titles["anoLancamento"].between(FIRST, LAST)
        & ~titles["language"].isin(["en", "und"])
    ]
    selected.to_parquet(folder / "film.parquet")
    years = selected.groupby("anoLancamento").size()
    made = performers[performers["title_id"].isin(selected["title_id"])]
    people = made.groupby(["nomeArtista", "anoNascimento"], dropna=False)["title_id"].nunique().reset_index()
    people = people.sort_values(["title_id", "nomeArtista", "anoNascimento"], ascending=[False, True, True]).head(TOP)
    return {
        "years": dict(zip(years.index.astype(int).astype(str).tolist(), years.tolist(), strict=True)),
        "performers": people[["nomeArtista", "title_id"]].to_numpy().tolist(),
        "languages_s": languages_s,
    }


WORK: dict[str, Callable[[Path, Path], Answers]] = {
    "duckdb": work_duckdb,
    "polars": work_polars,
    "pandas": work_pandas,
}


if __name__ == "__main__":
    print(json.dumps(WORK[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
