"""`seqtool bleu` beside sacrebleu: time, memory, and whether they print the same.

    SEQTOOL_DATA=... python benchmarks/bleu.py [--repeat 5] [--only ter --only startup] [--list]

Needs `pip install .[bench]`. The folder of data holds parallel/multi30k and
mt-eval/wmt21-en-de. Without --only the results go into RESULTS.md.
"""

import argparse
import json
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import timing

TITLE = "bleu"
PACKAGES = ("seqtool", "sacrebleu", "numpy", "numba", "click")
SYSTEMS = ("Facebook-AI", "BUPT_rush", "HuaweiTSC", "ICL", "Manifold", "NVIDIA-NeMo")
METRIC_PAIR = ("--metric", "bleu", "--metric", "chrf")
MEMORY_LINES = 3_000_000
MEMORY_LIMIT_MB = 1000
NUMBER = re.compile(r"-?\d+\.\d+|-?\d+")
P_VALUE = re.compile(r"\(p = (\d\.\d+)\)")


class Case(NamedTuple):
    """One row: the same job for both programs."""

    name: str
    what: str
    seqtool: list[str]
    peer: list[str]
    asked: float | None = None  # how many times faster than the peer
    runs: int | None = None  # fewer than --repeat where one run is long and not the headline


class Programs(NamedTuple):
    """The commands to compare."""

    seqtool: list[str]
    peer: list[str]


# --- data -------------------------------------------------------------------------------------


def add_noise(source: Path, target: Path, seed: int = 1) -> None:
    """A made-up hypothesis: of the words one in ten each is dropped, swapped or replaced."""
    rng = random.Random(seed)
    lines = source.read_text(encoding="utf-8").split("\n")
    vocabulary = sorted({word for line in lines for word in line.split()})
    with open(target, "w", encoding="utf-8", newline="\n") as out:
        for line in lines[:-1]:
            words: list[str] = []
            for word in line.split():
                chance = rng.random()
                if chance < 0.1:
                    continue
                words.append(rng.choice(vocabulary) if chance < 0.2 else word)
                if chance > 0.9 and len(words) > 1:
                    words[-2:] = words[-1], words[-2]
            out.write(" ".join(words) + "\n")


def first_lines(source: Path, target: Path, count: int) -> None:
    """The first lines of a file."""
    with open(source, "rb") as lines, open(target, "wb") as out:
        for _, line in zip(range(count), lines, strict=False):
            out.write(line)


def repeat_lines(source: Path, target: Path, at_least: int) -> int:
    """The whole file as many times as gives `at_least` lines; how many lines that is."""
    content = source.read_bytes()
    count = content.count(b"\n")
    times = -(-at_least // count)
    with open(target, "wb") as out:
        for _ in range(times):
            out.write(content)
    return count * times


# --- cases ------------------------------------------------------------------------------------


def single(
    name: str,
    what: str,
    files: tuple[Path, Path],
    metric: str = "bleu",
    asked: float | None = None,
    runs: int | None = None,
) -> Case:
    """One metric of one system; files are (reference, hypothesis)."""
    ref, hyp = map(str, files)
    options = {"chrf++": ["-m", "chrf", "--chrf-word-order", "2"]}.get(metric, ["-m", metric])
    return Case(
        name,
        what,
        ["bleu", ref, hyp, "--metric", metric, "--score-only"],
        [ref, "-i", hyp, *options, "--score-only", "--width", "4"],
        asked,
        runs,
    )


def paired(name: str, what: str, ref: Path, hyps: Sequence[Path], test: tuple[str, str]) -> Case:
    """A paired test of BLEU and chrF; `test` is the option of either program."""
    ours = [argument for hyp in hyps for argument in ("--hyp", str(hyp))]
    return Case(
        name,
        what,
        ["bleu", str(ref), *ours, *METRIC_PAIR, test[0], "--format", "json"],
        [str(ref), "-i", *map(str, hyps), "-m", "bleu", "chrf", test[1], "-f", "text"],
    )


def multi30k_cases(data: Path, work: Path) -> Iterator[Case]:
    """BLEU of many lines and of few."""
    folder = data / "parallel" / "multi30k"
    noisy = work / "noisy.en"
    add_noise(folder / "train.en", noisy)
    short = work / "short.en", work / "short-noisy.en"
    first_lines(folder / "train.en", short[0], 100)
    first_lines(noisy, short[1], 100)
    what = "BLEU, Multi30k train, 29,000 lines"
    yield single("bleu", f"{what}, English with noise", (folder / "train.en", noisy), asked=20)
    unlike = folder / "train.de", folder / "train.fr"
    yield single("bleu-unlike", f"{what}, German against French", unlike, asked=20)
    yield single("short", "BLEU, 100 lines", short, asked=1)


def wmt21_cases(data: Path) -> Iterator[Case]:
    """The other metrics and the paired tests."""
    stem = data / "mt-eval" / "wmt21-en-de" / "newstest2021.en-de"
    ref = Path(f"{stem}.ref.A.de")
    hyps = [Path(f"{stem}.hyp.{system}.de") for system in SYSTEMS]
    for i, (system, hyp) in enumerate(zip(SYSTEMS, hyps, strict=True)):
        what = f"TER, WMT21 en-de, {system}" + (" (one run)" if i else "")
        name = f"ter-{system}" if i else "ter"
        yield single(name, what, (ref, hyp), "ter", asked=20, runs=1 if i else None)
    for metric, what in (("bleu", "BLEU"), ("chrf", "chrF"), ("chrf++", "chrF++")):
        yield single(
            f"wmt21-{metric}", f"{what}, WMT21 en-de, {SYSTEMS[0]}", (ref, hyps[0]), metric
        )
    both = "BLEU and chrF, two systems of WMT21 en-de"
    options = "--paired-bootstrap", "--paired-bs"
    yield paired("paired-bootstrap", f"paired bootstrap, {both}", ref, hyps[:2], options)
    options = "--paired-ar", "--paired-ar"
    yield paired("paired-ar", f"paired randomisation, {both}", ref, hyps[:2], options)


# --- comparison -------------------------------------------------------------------------------


def numbers_of(output: str) -> list[str]:
    """The score that was printed; of a paired test its p-values, sorted.

    The peer's JSON of a paired bootstrap of chrF fails (it holds 32-bit floats), so its
    p-values come from the text that it prints.
    """
    if output.lstrip().startswith(("[", "{")):
        values = (result["p_value"] for result in json.loads(output))
        return sorted(f"{value:.4f}" for value in values if value is not None)
    return sorted(P_VALUE.findall(output)) or NUMBER.findall(output)[:1]


def same(ours: str, peers: str) -> bool:
    """Whether two outputs hold the same numbers, to the digits that both print."""
    pairs = list(zip(numbers_of(ours), numbers_of(peers), strict=False))
    if not pairs or len(numbers_of(ours)) != len(numbers_of(peers)):
        return False
    for a, b in pairs:
        digits = min(len(text.partition(".")[2]) for text in (a, b))
        if abs(float(a) - float(b)) > 0.5 * 10**-digits + 1e-9:
            return False
    return True


def verdict(asked: str, met: bool) -> str:
    """What was asked for, and whether it was met."""
    return f"{asked}: {'met' if met else '**missed**'}"


def compare(case: Case, programs: Programs, repeat: int) -> list[str]:
    """Measure one case; its row of the table."""
    timings = timing.interleave(
        {
            "seqtool": [*programs.seqtool, *case.seqtool],
            "peer": [*programs.peer, *case.peer],
        },
        min(repeat, case.runs or repeat),
    )
    ours, peers = timings["seqtool"], timings["peer"]
    ratio = peers.median / ours.median
    asked = "-"
    if case.asked is not None:
        text = "not slower" if case.asked == 1 else f"{case.asked:g} times faster"
        asked = verdict(text, ratio >= case.asked)
    if not same(ours.output, peers.output):
        asked += "; **scores differ**"
        print(f"scores differ: {ours.output[:300]!r}, {peers.output[:300]!r}", file=sys.stderr)
    return [
        case.what,
        timing.show_seconds(ours.median),
        timing.show_seconds(peers.median),
        f"{ratio:.1f} times faster",
        asked,
    ]


def startup_row(programs: Programs, repeat: int) -> list[str]:
    """`seqtool --help` beside the import of the library that it stands on."""
    timings = timing.interleave(
        {
            "seqtool": [*programs.seqtool, "--help"],
            "click": [sys.executable, "-c", "import click"],
        },
        max(repeat, 15),
    )
    ours, click = timings["seqtool"].median, timings["click"].median
    return [
        "`seqtool --help`; peer: `python -c 'import click'`",
        timing.show_seconds(ours),
        timing.show_seconds(click),
        f"{ours / click:.2f} times as long",
        verdict("at most 2 times as long", ours <= 2 * click),
    ]


def memory_row(programs: Programs, data: Path, work: Path) -> list[str]:
    """Peak memory for a large corpus; the peer, which would need an hour, is not run."""
    folder = data / "parallel" / "multi30k"
    files = work / "large.de", work / "large.fr"
    count = 0
    for source, target in zip(("train.de", "train.fr"), files, strict=True):
        count = repeat_lines(folder / source, target, MEMORY_LINES)
    measured = timing.run([*programs.seqtool, "bleu", *map(str, files), "--score-only"])
    for target in files:
        target.unlink()
    return [
        f"peak memory, BLEU of {count:,} line pairs",
        f"{measured.peak_mb:.0f} MB, {timing.show_seconds(measured.seconds)}",
        "-",
        "-",
        verdict(f"under {MEMORY_LIMIT_MB} MB", measured.peak_mb < MEMORY_LIMIT_MB),
    ]


# --- program ----------------------------------------------------------------------------------


def find_program(name: str) -> str:
    """The program beside this Python, or else on the path."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(name, path=beside) or shutil.which(name)
    if found is None:
        sys.exit(f"no program {name}: run `pip install .[bench]`")
    return found


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5, help="measured runs (default: 5)")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="cases, by name or pattern; writes no file"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--seqtool", help="the program to measure")
    parser.add_argument("--peer", help="the sacrebleu to compare with")
    parser.add_argument("--data", default=os.environ.get("SEQTOOL_DATA"), help="folder of data")
    arguments = parser.parse_args()
    if not arguments.data:
        parser.error("no data: set SEQTOOL_DATA or give --data")
    if arguments.repeat < 1:
        parser.error("--repeat must be at least 1")
    return arguments


def main() -> None:
    """Run the cases, print the table, keep it."""
    arguments = parse_arguments()
    data = Path(arguments.data)
    rows = []
    with tempfile.TemporaryDirectory(prefix="seqtool-bench-") as folder:
        work = Path(folder)
        cases = [*multi30k_cases(data, work), *wmt21_cases(data)]
        names = [case.name for case in cases] + ["startup", "memory"]
        if arguments.list:
            print("\n".join(names))
            return
        chosen = [
            name
            for name in names
            if not arguments.only or any(fnmatch(name, only) for only in arguments.only)
        ]
        if not chosen:
            sys.exit(f"no such case; there are: {', '.join(names)}")
        programs = Programs(
            [arguments.seqtool or find_program("seqtool")],
            [arguments.peer or find_program("sacrebleu")],
        )
        for name in chosen:
            if name == "startup":
                row = startup_row(programs, arguments.repeat)
            elif name == "memory":
                row = memory_row(programs, data, work)
            else:
                row = compare(cases[names.index(name)], programs, arguments.repeat)
            print(" | ".join(row), file=sys.stderr, flush=True)
            rows.append(row)
    header = ["what", "seqtool, median", "sacrebleu, median", "ratio", "asked"]
    body = (
        f"Whole processes, warm caches, {arguments.repeat} runs of each in turn; medians.\n\n"
        f"{timing.machine(PACKAGES)}\n\n{timing.table(header, rows)}"
    )
    print(body)
    if not arguments.only:
        timing.write_section(TITLE, body)


if __name__ == "__main__":
    main()
