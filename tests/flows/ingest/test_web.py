"""A source that is an address: what it publishes lands under Raw/Web, and is asked for once while it is unchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.web_credentials import WebCredentials
from tests.conftest import S3
from tests.flows.conftest import log_of, objects
from tests.tools.scripted_server import Request, scripted_server
from tests.unit.archives.make import with_zipfile

DAY = date(2024, 3, 5)
BODY = b"id;nome\n1;Ana\n2;Bia\n"
ARCHIVE = with_zipfile({"a.csv": BODY, "b/clientes.csv": b"x\n1\n"})
Ingest = Callable[..., Any]

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)


def published(request: Request) -> Any:
    if request.path.endswith(".zip"):
        return 200, ARCHIVE, {"Last-Modified": "Mon, 04 Mar 2024 10:00:00 GMT"}
    if "absent" in request.path:
        return 404, b""
    if request.headers.get("if-none-match") == '"one"':
        return 304, b""
    return 200, BODY, {"ETag": '"one"', "Content-Type": "text/csv", "Set-Cookie": "id=s3cr3t"}


@pytest.mark.usefixtures("web_of_this_machine")
def test_an_address_lands_and_costs_one_request_while_it_is_unchanged(ingest: Ingest, s3: S3) -> None:
    with scripted_server(published) as server:
        source = Path(f"{server.url}/dados_%Y%m.csv?formato=quieto")
        first = ingest(source, partition_date=DAY)
        key = "Raw/Web/CSV/Dados_202403/2024/03/05/dados_202403.csv"
        assert objects(s3, "Raw/") == {key: BODY}
        (manifest,) = map(json.loads, objects(s3, "Manifests/").values())
        (file,) = manifest["files"]
        assert (file["outcome"], file["web"]["etag"], file["rows"]) == ("uploaded", '"one"', 2)
        assert file["path"] == f"{server.url}/dados_202403.csv"
        assert first.is_completed()
        assert len(server.requests) == 1
        again = ingest(source, partition_date=date(2024, 3, 9))  # of the same month
        (outcome,) = again.result().outcomes
        assert (outcome.state, outcome.key, outcome.verified_by) == (
            "unchanged",
            key,
            "HTTP 304 and unchanged etag",
        )
        # The pace of the host was looked up once, since it is asked twice within a minute.
        assert [request.path for request in server.requests[1:]] == ["/robots.txt", server.requests[0].path]
        assert objects(s3, "Raw/") == {key: BODY}
        s3.client().delete_object(Bucket=s3.bucket, Key=key)
        ingest(source, partition_date=DAY)
        assert objects(s3, "Raw/") == {key: BODY}
    kept = b"".join(objects(s3).values())
    assert b"s3cr3t" not in kept
    assert b"quieto" not in kept


@pytest.mark.usefixtures("web_of_this_machine")
def test_an_archive_lands_from_its_address_whole_or_unpacked(ingest: Ingest, s3: S3) -> None:
    with scripted_server(published) as server:
        source = Path(f"{server.url}/a%20b/cadastro.zip\n{server.url}/dados.csv")
        first = ingest(source, partition_date=DAY)
        key = "Raw/Web/ZIP/Cadastro/2024/03/05/cadastro.zip"
        assert objects(s3, "Raw/") == {key: ARCHIVE, "Raw/Web/CSV/Dados/2024/03/05/dados.csv": BODY}
        (archive, _) = first.result().outcomes
        assert [member.name for member in archive.profile.archive.members] == ["a.csv", "b/clientes.csv"]
        contracts = {
            "Registro": {"files": [f"{server.url}/a%20b/cadastro.zip", "b*.csv"], "unpack": True},
            "Mensal": {"files": f"{server.url}/download?mes=%Y%m#mensal_%Y%m.csv"},
        }
        ingest(Path("https://"), partition_date=date(2024, 3, 6), contracts=contracts)
        assert server.requests[-1].path in ("/a%20b/cadastro.zip", "/download?mes=202403")
    landed = objects(s3, "Raw/Web/CSV/Registro/") | objects(s3, "Raw/Web/CSV/Mensal/")
    assert landed == {
        "Raw/Web/CSV/Registro/2024/03/06/a.csv": BODY,
        "Raw/Web/CSV/Registro/2024/03/06/clientes.csv": b"x\n1\n",
        "Raw/Web/CSV/Mensal/2024/03/06/mensal_202403.csv": BODY,
    }


@pytest.mark.usefixtures("web_of_this_machine")
def test_credentials_go_to_their_host_alone_and_appear_nowhere(
    ingest: Ingest, s3: S3, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "s3nha-do-portal"
    caplog.set_level("DEBUG")
    with scripted_server(published) as elsewhere:

        def closed(request: Request) -> Any:
            if request.headers.get("x-api-key") != secret:
                return 401, b"who asks?"
            if request.path == "/moved.csv":
                return 302, b"", {"Location": f"{elsewhere.url}/moved.csv"}
            return published(request)

        with scripted_server(closed) as server:
            host = server.url.removeprefix("http://")
            WebCredentials(host=host, header="X-Api-Key", secret=SecretStr(secret)).save("portal", overwrite=True)
            source = Path(f"{server.url}/dados.csv {server.url}/moved.csv")
            refused = ingest(source, partition_date=DAY)
            assert "HTTP 401. It wants to know who asks" in str(refused.message)
            state = ingest(source, partition_date=DAY, web_credentials=["portal"])
            missing = ingest(source, partition_date=DAY, web_credentials=["other"])
    assert sorted(objects(s3, "Raw/")) == [
        "Raw/Web/CSV/Dados/2024/03/05/dados.csv",
        "Raw/Web/CSV/Moved/2024/03/05/moved.csv",
    ]
    assert state.is_completed()
    assert "no Web Credentials block 'other'" in str(missing.message)
    (request,) = elsewhere.requests
    assert "x-api-key" not in request.headers
    assert secret.encode() not in b"".join(objects(s3).values())
    assert secret not in caplog.text


@pytest.mark.usefixtures("web_of_this_machine")
def test_files_of_one_address_that_differ_by_their_month_are_compared(ingest: Ingest, s3: S3) -> None:
    with scripted_server(lambda request: (200, BODY if "202402" in request.path else b"id;uf\n1;SP\n")) as server:
        contracts = {"Mensal": {"files": f"{server.url}/a//dados_%Y%m.csv"}}
        ingest(Path("https://"), partition_date=date(2024, 2, 5), contracts=contracts)
        state = ingest(Path("https://"), partition_date=DAY, contracts=contracts)
    (outcome,) = state.result().outcomes
    assert outcome.key == "Raw/Web/CSV/Mensal/2024/03/05/dados_202403.csv"
    assert [change.text for change in outcome.drift] == ["column 'nome' is now 'uf'"]
    assert [request.path for request in server.requests if "dados" in request.path] == [
        "/a//dados_202402.csv",
        "/a//dados_202403.csv",
    ]


@pytest.mark.usefixtures("web_of_this_machine")
def test_one_address_that_fails_does_not_stop_the_others(ingest: Ingest, s3: S3) -> None:
    with scripted_server(published) as server:
        source = Path(json.dumps([f"{server.url}/absent.csv", f"{server.url}/dados.csv"]))
        state = ingest(source, partition_date=DAY)
    assert state.is_failed()
    assert list(objects(s3, "Raw/")) == ["Raw/Web/CSV/Dados/2024/03/05/dados.csv"]
    assert "absent.csv answers with HTTP 404" in log_of(s3)


def test_an_address_of_this_machine_is_refused(ingest: Ingest, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_WEB_HTTP", "1")
    with scripted_server(published) as server:
        ingest(Path(f"{server.url}/dados.csv"), partition_date=DAY)
        assert server.requests == []
    assert "not public" in log_of(s3)
