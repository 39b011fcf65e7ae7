"""What comes from addresses and out of archives is masked, verified, copied and opened as files of a folder are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3, fresh_bucket_name
from tests.flows.conftest import objects, store_block
from tests.tools.scripted_server import Request, scripted_server
from tests.unit.archives.make import with_zipfile

DAY = date(2024, 3, 5)
SECRET = "Zyxwvut"
BODY = b"id;nome;renda\n" + b"".join(b"%d;%s %d;%d\n" % (n, SECRET.encode(), n, 1000 + n) for n in range(1, 41))
CONTRACTS: dict[str, Any] = {
    "Clientes": {"files": "clientes*", "columns": {"nome": {"mask": "encrypt"}}},
    "Aberto": {"files": "aberto.zip", "unpack": True},
}


@pytest.fixture(scope="session", autouse=True)
def key(prefect_harness: None) -> None:
    from blocks.new_masking_key import make_masking_key

    make_masking_key("masking-key")


def published(request: Request) -> Any:
    etag = {"ETag": '"one"'}
    if request.headers.get("if-none-match"):
        return 304, b"", etag
    bodies = {
        "/clientes.csv": BODY,
        "/fechado.zip": with_zipfile({"leia.csv": b"a\n1\n", "sub/clientes_1.csv": BODY}),
        "/aberto.zip": with_zipfile({"clientes_2.csv": BODY, "outra.csv": b"a;b\n1;2\n"}),
        "/livre.zip": with_zipfile({"livre.csv": b"a;b\n1;2\n"}),
    }
    return (200, bodies[request.path], etag) if request.path in bodies else (404, b"")


@pytest.mark.usefixtures("web_of_this_machine")
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_what_is_published_is_masked_verified_copied_and_opened(
    ingest: Callable[..., Any], s3: S3, tmp_path: Path
) -> None:
    from flows.copy_lake import copy_lake
    from flows.unmask import unmask
    from flows.verify_raw import verify_raw

    with scripted_server(published) as server:
        names = ("clientes.csv", "fechado.zip", "aberto.zip", "livre.zip")
        source = Path(" ".join(f"{server.url}/{name}" for name in names))
        state = ingest(source, partition_date=DAY, contracts=CONTRACTS, landing_days=0)
        again = ingest(Path(f"{server.url}/clientes.csv"), partition_date=DAY, contracts=CONTRACTS, landing_days=0)
    assert "fechado.zip (rejected)" in state.message
    assert [outcome.verified_by for outcome in again.result().outcomes] == ["HTTP 304 and unchanged etag"]
    clientes = "Raw/Web/CSV/Clientes/2024/03/05/clientes.csv"
    assert sorted(objects(s3, "Raw/")) == [
        "Raw/Web/CSV/Aberto/2024/03/05/outra.csv",
        clientes,
        "Raw/Web/CSV/Clientes/2024/03/05/clientes_2.csv",
        "Raw/Web/ZIP/Livre/2024/03/05/livre.zip",
    ]
    assert not objects(s3, "Quarantine/")
    assert not [key for key, body in objects(s3).items() if SECRET.encode() in body]

    block = store_block("web-moto", s3)
    days = {"start_date": DAY, "end_date": DAY, "deep": True, "return_state": True}
    assert "Verified 4 objects" in verify_raw(bucket=s3.bucket, credentials=block, **days).message
    other = S3(s3.server, fresh_bucket_name())
    copied = copy_lake(block, s3.bucket, block, other.bucket, return_state=True)
    assert copied.is_completed(), copied.message
    assert objects(other, "Raw/") == objects(s3, "Raw/")
    assert verify_raw(bucket=other.bucket, credentials=block, **days).is_completed()
    opened = unmask(clientes, tmp_path / "opened.csv", bucket=s3.bucket, credentials=block, return_state=True)
    assert opened.is_completed(), opened.message
    assert (tmp_path / "opened.csv").read_bytes() == BODY
