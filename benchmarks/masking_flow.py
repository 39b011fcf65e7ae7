"""What masking adds to a whole run: `ingest-raw` over the two full-size files, with rules and without, turn by turn."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from benchmarks.bench_scale import Bench, Work
from benchmarks.measuring import FULL_SIZE, full_size_files, lake_server, prefect_server, without_pyarrow

HOW = (
    "`ingest-raw` over the two files of `data/full`, into a new bucket each time; with rules it also keeps the originals,"
    " so that it sends twice as much. The servers of Prefect and S3 share the cores. Seconds are medians, x is that of"
    " the rounds; memory is the peak of the run and its children."
)


def whole_flow(rules: Iterable[str], rounds: int) -> tuple[str, float]:
    """Return what the flow takes with rules and without, as a table, and by how much it is slower with them.

    Args:
        rules: Rules such as `nome=hash`, for both files.
        rounds: How often each is run, in turns.
    """
    columns = {column: {"mask": method} for column, method in (rule.split("=") for rule in rules)}
    given: dict[str, dict[str, object]] = {
        "without rules": {},
        " ".join(rules): {name.removesuffix(".csv").title(): {"columns": columns} for name in FULL_SIZE},
    }
    runs: dict[str, list[Work]] = {title: [] for title in given}
    with (
        tempfile.TemporaryDirectory(prefix="bench-mask-") as name,
        lake_server() as lake,
        prefect_server() as prefect,
        without_pyarrow() as hide_pyarrow,
    ):
        bench = Bench(lake, prefect, hide_pyarrow)
        bench.run_python("from blocks.new_masking_key import make_masking_key; make_masking_key('masking-key')")
        folder = full_size_files(Path(name))
        for number in range(rounds):
            for turn, (title, contracts) in enumerate(given.items()):
                # A bucket of its own: what landed masked is refused in clear.
                bucket = f"bench-masking-{number}-{turn}"
                runs[title].append(bench.run("flow", folder, options={"contracts": contracts, "bucket": bucket}))
                if lake.root:
                    shutil.rmtree(lake.root / bucket)
    plain, masked = runs.values()
    slower = median(one.wall_s / other.wall_s for one, other in zip(masked, plain, strict=True))
    lines = ["| | seconds | x | peak MB |", "| --- | ---: | ---: | ---: |"]
    for title, works in runs.items():
        wall_s, peak_mb = (median(getattr(work, field) for work in works) for field in ("wall_s", "peak_mb"))
        times = "1" if works is plain else f"{slower:.2f}"
        lines.append(f"| {title} | {wall_s:.1f} | {times} | {peak_mb:.0f} |")
    return "\n".join(lines), slower


if __name__ == "__main__":
    print(whole_flow(("nomeArtista=hash", "personagem=redact"), 1)[0])
