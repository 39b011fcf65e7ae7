"""Compares detectors of encodings on small files whose text is known.

The files are those of `tests.tools.encoded_files`: names, towns, goods, prices and dates in many languages, each in the
code pages that it is usually kept in. A second set has the same in capitals, a third one few rows under an English
header. An encoding is right when the bytes decode to the file's text, whatever its name.

    python -m benchmarks.bench_encoding            # print the table
    python -m benchmarks.bench_encoding --write    # and write benchmarks/RESULTS-encoding.md
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from benchmarks.measuring import publish
from flows.lake.dialect.encoding import detect_encoding
from tests.tools.encoded_files import EncodedFile, encoded_files

RESULTS = Path(__file__).parent / "RESULTS-encoding.md"
HOME = {"Portuguese", "Spanish"}
CAPITALS = HOME | {"French", "German", "Polish", "Czech", "Hungarian", "Russian", "Ukrainian"}
Detector = Callable[[bytes], str]


def by_ours(content: bytes) -> str:
    """This project's."""
    return detect_encoding(content)


def by_chardet(content: bytes) -> str:
    """Chardet's, alone."""
    import chardet

    return str(chardet.detect(content)["encoding"])


def by_charset_normalizer(content: bytes) -> str:
    """Charset-normalizer's."""
    from charset_normalizer import from_bytes

    best = from_bytes(content).best()
    return best.encoding if best else ""


def sets_of_files(seeds: int) -> dict[str, list[EncodedFile]]:
    """Return the sets of files, by what is special about them."""
    usual = [file for seed in range(seeds) for file in encoded_files(seed)]
    capitals = [replace(file, text=file.text.upper()) for file in usual if file.language in CAPITALS]
    few = [_under_english_header(file) for seed in range(seeds) for file in encoded_files(seed, rows=3)]
    return {"30 rows": usual, "30 rows, capitals": capitals, "3 rows, English header": few}


def _under_english_header(file: EncodedFile) -> EncodedFile:
    header, rest = file.text.split("\r\n", 1)
    delimiter = ";" if ";" in header else ","
    return replace(file, text=delimiter.join("id name town item price date".split()) + "\r\n" + rest)


def measure(detector: Detector, files: list[EncodedFile]) -> tuple[int, int, float]:
    """Return how many files a detector reads right, how many of home it does not, and the seconds for one."""
    detector(files[0].content)
    begun = time.perf_counter()
    found = [detector(file.content) for file in files]
    spent = (time.perf_counter() - begun) / len(files)
    wrong = [file for file, encoding in zip(files, found, strict=True) if not file.reads_right(encoding)]
    return len(files) - len(wrong), sum(file.language in HOME for file in wrong), spent


def report(seeds: int) -> str:
    """Measure the detectors on all sets and return the table."""
    sets = sets_of_files(seeds)
    lines = [
        "| detector | " + " | ".join(f"{name} | Portuguese, Spanish lost | ms a file" for name in sets) + " |",
        "| --- |" + " ---: |" * 3 * len(sets),
    ]
    detectors: list[Detector] = [by_ours, by_chardet, by_charset_normalizer]
    for detector in detectors:
        cells = [str(detector.__doc__).rstrip(".")]
        for files in sets.values():
            right, lost, spent = measure(detector, files)
            cells += [f"{right} of {len(files)}", str(lost), f"{spent * 1e3:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return (
        f"# Detection of encodings, measured\n\nWritten by `python -m benchmarks.bench_encoding --seeds {seeds} --write`: "
        f"small files made from lists of words in {len({file.language for file in sets['30 rows']})} languages, "
        f"chardet {version('chardet')}, charset-normalizer {version('charset-normalizer')}, "
        f"Python {platform.python_version()}. The files are made, so the figures compare detectors; they do not say how "
        "often one is right on files that nobody chose.\n\n" + "\n".join(lines) + "\n"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Compare detectors of encodings.")
    parser.add_argument("--seeds", type=int, default=4, help="how many files of each kind")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    text = report(options.seeds)
    publish(text, RESULTS, options.write)


if __name__ == "__main__":
    main()
