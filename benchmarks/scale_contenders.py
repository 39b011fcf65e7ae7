"""What `benchmarks.bench_scale` measures: the script that the flow replaces, the flow, and its stages without Prefect.

Each is run as a process of its own: python -m benchmarks.scale_contenders NAME FOLDER PREFIX OPTIONS
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measuring import memory_of

BUCKET = "bench-scale"
BLOCK = "bench-lake"


def work_plain(folder: Path, prefix: str, options: dict[str, Any]) -> float:
    """Do what the flow replaces: `read_csv`, `info`, `upload_file`, one file after the other."""
    import io

    import boto3
    import pandas as pd
    from botocore.config import Config

    started = time.perf_counter()
    client = boto3.client("s3", endpoint_url=options["endpoint"], config=Config(s3={"addressing_style": "path"}))
    for path in sorted(folder.iterdir()):
        frame = pd.read_csv(path, sep=options["separator"])
        frame.info(buf=io.StringIO(), show_counts=True)
        client.upload_file(str(path), BUCKET, f"{prefix}/{path.name}")
    return time.perf_counter() - started


def work_flow(folder: Path, _prefix: str, options: dict[str, Any]) -> float:
    """Run the flow; returns the seconds of the file that took longest, reading, storing and proof together."""
    from flows.ingest_raw import ingest_raw

    state: Any = ingest_raw(
        source=folder,
        bucket=options.get("bucket", BUCKET),
        credentials=BLOCK,
        contracts=options.get("contracts", "datasets.yaml"),
        partition_date=options["day"],
        reread=options["reread"],
        return_state=True,
    )
    if not state.is_completed():
        raise RuntimeError(state.message)
    return max(float(outcome.profile_s + outcome.upload_s) for outcome in state.result().outcomes)


def work_stages(folder: Path, prefix: str, options: dict[str, Any]) -> float:
    """Do what the flow does with the files, without Prefect: profile, upload and proof, two files at once."""
    from concurrent.futures import ThreadPoolExecutor

    import boto3

    from flows.lake.memory import reuse_freed_memory
    from flows.lake.models import SourceFile
    from flows.lake.raw.ingest_file import ingest_file
    from flows.lake.raw.raw_layer import RawLayer
    from flows.lake.s3.bucket import Bucket
    from flows.lake.s3.client import client_config
    from tests.tools.rules import RULES

    started = time.perf_counter()
    reuse_freed_memory()  # as the flow does, before there are threads
    client = boto3.client("s3", endpoint_url=options["endpoint"], config=client_config(path_style=True))
    lake = RawLayer(Bucket(client, BUCKET))
    files = [
        SourceFile(path, path.stem, f"{prefix}/{path.name}", status.st_size, RULES, mtime_ns=status.st_mtime_ns)
        for path in sorted(folder.iterdir())
        for status in [path.stat()]
    ]
    with ThreadPoolExecutor(2) as threads:
        if any(outcome.is_bad for outcome in threads.map(lambda file: ingest_file(file, lake), files)):
            raise RuntimeError("a file did not land")
    return time.perf_counter() - started


CONTENDERS: dict[str, Callable[[Path, str, dict[str, Any]], float]] = {
    "plain": work_plain,
    "stages": work_stages,
    "flow": work_flow,
}


def main() -> None:
    """Do one contender's work in this process; prints the seconds of all and of the files, and the MB held before."""
    name, folder, prefix, options = sys.argv[1:]
    # What a process imports before it starts its work is not the work.
    import boto3  # noqa: F401
    import pandas as pd  # noqa: F401

    if name == "flow":
        import flows.ingest_raw  # noqa: F401
    held = memory_of(os.getpid())
    started = time.perf_counter()
    files_s = CONTENDERS[name](Path(folder), prefix, json.loads(options))
    print()
    print(json.dumps([time.perf_counter() - started, files_s, held / 1e6]))


if __name__ == "__main__":
    main()
