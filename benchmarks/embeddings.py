"""`seqtool train-embeddings` and `analogy` beside gensim and fastText: speed, accuracy, memory.

    SEQTOOL_DATA=... python benchmarks/embeddings.py [--only 'speed-*'] [--repeat 3] [--list]

Needs `pip install .[bench]`. The folder of data holds text/wiki-en.txt.xz and
words/questions-words.txt. Each case replaces its own rows of RESULTS.md as soon as it is done.
With --work the corpus, and vectors that gensim trained, are kept for the next time.
"""

import argparse
import filecmp
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import embedding_runs as runs
import timing
from bleu import find_program, verdict
from embedding_runs import Bench, at_least, log, peer_command, points, row, train_command

TITLE = "embeddings"
PACKAGES = ("seqtool", "gensim", "fasttext-numpy2-wheel", "numpy", "numba")
HEADER = ["what", "seqtool", "peer", "ratio", "measured", "asked"]
NOTE = """\
English Wikipedia text, lower-cased `[a-z]+|[0-9]+` words, 16.7 M of them; 100 dimensions, window
5, 5 negatives, sample 1e-3, min-count 5, 2 threads; GloVe: window 10, x-max 10. Runs of the
programs take turns; medians. Speed is all words of the corpus by the seconds of a pass, without
counting the vocabulary: of seqtool from its `epoch` lines, of gensim (`corpus_file`) the time of
`train()`, of fastText its own words/sec/thread times the threads. Accuracy is that of
questions-words within the first 30,000 words (semantic, syntactic), of all vectors by `seqtool
analogy eval`, with each program's own learning rate: seqtool 0.025 for skip-gram and 0.05 for CBOW
and GloVe, gensim 0.025 (fastText, of which only the speed is measured, 0.05)."""
ACCURACY_VOCAB = 30_000
LEAST_ACCURACY = 37.5
GLOVE = ["--method", "glove", "--window", "10", "--x-max", "10"]
SKIPGRAM = ["--method", "skipgram", "--objective", "ns"]
GLOVE_POINTS = 5
GLOVE_CELLS = 50e6
MEMORY = "512M"
MEMORY_MB = 512 * 2**20 / 1e6
MEMORY_TIMES = 5


class Speed(NamedTuple):
    """One objective in all programs; `asked` is how many times faster, for each peer."""

    what: str
    method: str
    objective: str
    asked: dict[str, float]
    options: tuple[str, ...] = ()


class Accuracy(NamedTuple):
    """One objective in seqtool and gensim; `least` is asked of seqtool in percent."""

    what: str
    method: str
    objective: str
    least: float = 0.0


SPEEDS = {
    "speed-skipgram": Speed("skip-gram, ns", "skipgram", "ns", {"gensim": 7, "fasttext": 7}),
    "speed-cbow": Speed("CBOW, ns", "cbow", "ns", {"gensim": 3}),
    "speed-skipgram-hs": Speed("skip-gram, hs", "skipgram", "hs", {"gensim": 3}),
    "speed-cbow-hs": Speed("CBOW, hs", "cbow", "hs", {"gensim": 3}),
    "speed-subwords": Speed(
        "skip-gram, ns, n-grams of 3 to 6, 2 M buckets", "skipgram", "ns", {"fasttext": 2},
        ("--subwords", "--min-ngram", "3", "--max-ngram", "6", "--buckets", "2000000"),
    ),
    "speed-deterministic": Speed(
        "skip-gram, ns, `--deterministic`", "skipgram", "ns", {"gensim": 3}, ("--deterministic",)
    ),
}  # fmt: skip
ACCURACIES = {
    "accuracy-skipgram": Accuracy("skip-gram, ns", "skipgram", "ns", LEAST_ACCURACY),
    "accuracy-cbow": Accuracy("CBOW, ns", "cbow", "ns"),
    "accuracy-hs": Accuracy("skip-gram, hs", "skipgram", "hs"),
}


# --- speed ------------------------------------------------------------------------------------


def speed_rows(bench: Bench, name: str) -> list[list[str]]:
    """Train with all programs in turn; a row for each peer."""
    case, epochs = SPEEDS[name], bench.options.speed_epochs
    output = bench.work / f"speed{'.safetensors' if '--subwords' in case.options else '.bin'}"
    ours = ["--method", case.method, "--objective", case.objective, *case.options]
    subwords = [option for option in case.options if option == "--subwords"]
    model = [case.method, case.objective, *subwords]
    small = runs.beginning(bench.corpus, bench.work)
    timing.run(train_command(bench, small, output, 1, *ours))
    for peer in case.asked:
        timing.run(peer_command(peer, small, 1, *model))
    rates: dict[str, list[float]] = {"seqtool": [], **{peer: [] for peer in case.asked}}
    for _ in range(bench.options.repeat):
        run = timing.run(train_command(bench, bench.corpus.path, output, epochs, *ours))
        rates["seqtool"].append(runs.seqtool_rate(run.log, bench.corpus))
        for peer in case.asked:
            run = timing.run(peer_command(peer, bench.corpus.path, epochs, *model))
            rates[peer].append(runs.peer_rate(peer, run, bench.corpus))
        log(", ".join(f"{program} {rate[-1]:,.0f}" for program, rate in rates.items()))
    extra = same_bytes(bench, output, ours) if "--deterministic" in case.options else ""
    output.unlink()
    return [
        speed_row(f"{name}/{peer}", f"{case.what}, words/s", rates, peer, asked, extra)
        for peer, asked in case.asked.items()
    ]


def speed_row(
    name: str, what: str, rates: dict[str, list[float]], peer: str, asked: float, extra: str
) -> list[str]:
    """Medians of two programs."""
    ours, peers = (statistics.median(rates[program]) for program in ("seqtool", peer))
    verdicts = at_least(peer, asked, ours / peers) + extra
    return row(name, what, f"{ours:,.0f}", f"{peer} {peers:,.0f}", f"{ours / peers:.1f}", verdicts)


def same_bytes(bench: Bench, output: Path, options: Sequence[str]) -> str:
    """Whether one thread makes the file that two made."""
    other = output.with_stem("one-thread")
    epochs = bench.options.speed_epochs
    command = train_command(bench, bench.corpus.path, other, epochs, *options, "--threads", "1")
    timing.run(command)
    same = filecmp.cmp(output, other, shallow=False)
    other.unlink()
    return "; " + verdict("same bytes for 1 and 2 threads", same)


def glove_speed_rows(bench: Bench, name: str) -> list[list[str]]:
    """Cells a minute, of training alone."""
    output, rates = bench.work / "speed.bin", []
    timing.run(train_command(bench, runs.beginning(bench.corpus, bench.work), output, 1, *GLOVE))
    for _ in range(bench.options.repeat):
        epochs = bench.options.speed_epochs
        run = timing.run(train_command(bench, bench.corpus.path, output, epochs, *GLOVE))
        rates.append(60 * statistics.harmonic_mean(runs.epoch_rates(run.log)))
    output.unlink()
    rate = statistics.median(rates)
    asked = verdict(f"at least {GLOVE_CELLS / 1e6:.0f} M", rate >= GLOVE_CELLS)
    return [row(name, "GloVe, non-zero cells a minute", f"{rate / 1e6:,.1f} M", "-", "-", asked)]


# --- accuracy ---------------------------------------------------------------------------------


def trained(bench: Bench, *options: str, epochs: int, seed: int = 1) -> Path:
    """Vectors of seqtool, trained once in this run."""
    key = " ".join([*options, str(epochs), str(seed)])
    if key not in bench.trained:
        path = bench.work / f"seqtool-{len(bench.trained)}.bin"
        arguments = [*options, "--seed", str(seed)]
        run = timing.run(train_command(bench, bench.corpus.path, path, epochs, *arguments))
        log(f"seqtool {key}: {run.seconds:.0f} s")
        bench.trained[key] = path
    return bench.trained[key]


def gensim_trained(bench: Bench, case: Accuracy, seed: int) -> Path:
    """Vectors of gensim, trained once in this folder."""
    epochs = bench.options.epochs
    stem = [bench.corpus.path.stem, "gensim", metadata.version("gensim")]
    model = [case.method, case.objective]
    path = bench.work / ("-".join([*stem, *model, str(epochs), str(seed)]) + ".bin")
    if not path.exists():
        partly = path.with_suffix(".part")
        command = peer_command("gensim", bench.corpus.path, epochs, *model)
        run = timing.run([*command, "--seed", str(seed), "--output", str(partly)])
        log(f"{path.stem}: {run.seconds:.0f} s")
        partly.rename(path)
    return path


def mean_accuracy(bench: Bench, vectors: Sequence[Path]) -> tuple[float, str]:
    """Total accuracy of several trainings, and how to show it."""
    found = [
        runs.accuracy(bench.seqtool, bench.questions, path, ACCURACY_VOCAB) for path in vectors
    ]
    semantic, syntactic, total = (
        statistics.fmean(part[kind] if part.get(kind) is not None else math.nan for part in found)
        for kind in ("semantic", "syntactic", "total")
    )
    return total, f"{total:.2f} % ({semantic:.1f}, {syntactic:.1f})"


def accuracy_rows(bench: Bench, name: str) -> list[list[str]]:
    """seqtool and gensim after some epochs."""
    case, epochs = ACCURACIES[name], bench.options.epochs
    options = ["--method", case.method, "--objective", case.objective]
    seeds = range(1, bench.options.trainings + 1)
    vectors = [trained(bench, *options, epochs=epochs, seed=seed) for seed in seeds]
    ours, shown = mean_accuracy(bench, vectors)
    peers, shown_peers = mean_accuracy(bench, [gensim_trained(bench, case, seed) for seed in seeds])
    asked = verdict("not below gensim", ours >= peers)
    if case.least:
        asked += "; " + verdict(f"at least {case.least} %", ours >= case.least)
    what = f"{case.what}, accuracy, {epochs} epochs" + trainings(bench)
    return [row(name, what, shown, f"gensim {shown_peers}", points(ours - peers), asked)]


def glove_accuracy_rows(bench: Bench, name: str) -> list[list[str]]:
    """GloVe beside skip-gram, both of seqtool."""
    epochs, seeds = bench.options.glove_epochs, range(1, bench.options.trainings + 1)
    few = bench.options.epochs
    glove = [trained(bench, *GLOVE, epochs=epochs, seed=seed) for seed in seeds]
    skipgram = [trained(bench, *SKIPGRAM, epochs=few, seed=seed) for seed in seeds]
    ours, shown = mean_accuracy(bench, glove)
    other, shown_other = mean_accuracy(bench, skipgram)
    asked = verdict(f"skip-gram minus {GLOVE_POINTS} points", ours >= other - GLOVE_POINTS)
    what = f"GloVe, accuracy, {epochs} epochs" + trainings(bench)
    peer = f"seqtool skip-gram, {few} epochs: {shown_other}"
    return [row(name, what, shown, peer, points(ours - other), asked)]


def trainings(bench: Bench) -> str:
    """How many trainings a mean is of."""
    count = bench.options.trainings
    return f", mean of {count} trainings" if count > 1 else ""


# --- the command analogy, memory --------------------------------------------------------------


def eval_rows(bench: Bench, name: str) -> list[list[str]]:
    """`analogy eval` among all words: the whole process against gensim's call."""
    vectors = trained(bench, *SKIPGRAM, epochs=bench.options.epochs)
    command = runs.eval_command(bench.seqtool, bench.questions, vectors, 0)
    peer = runs.python("evaluate", str(vectors), "--questions", str(bench.questions))
    timing.run(command)
    ours, peers = [], []
    for _ in range(bench.options.repeat):
        run = timing.run(command)
        ours.append(run.seconds)
        found = runs.result_of(timing.run(peer))
        peers.append(found["seconds"])
        log(f"seqtool {ours[-1]:.2f} s, gensim {peers[-1]:.2f} s")
    seconds, peer_seconds = statistics.median(ours), statistics.median(peers)
    accuracy = runs.accuracies(run.output)["total"]
    asked = at_least("gensim", 10, peer_seconds / seconds) + "; "
    asked += verdict("same accuracy to 0.1", abs(accuracy - found["accuracy"]) <= 0.1)
    return [
        row(
            name,
            f"`analogy eval`, {found['questions']:,} questions asked, {found['words']:,} words",
            f"{timing.show_seconds(seconds)}, {accuracy:.2f} %",
            f"gensim {timing.show_seconds(peer_seconds)}, {found['accuracy']:.2f} %",
            f"{peer_seconds / seconds:.1f}",
            asked,
        )
    ]


def shell_rows(bench: Bench, name: str) -> list[list[str]]:
    """One analogy with the built-in vectors, if there are any."""
    command = [*bench.seqtool, "analogy", "man", "woman", "king"]
    trial = subprocess.run(command, capture_output=True, text=True, check=False)
    if trial.returncode != 0:
        log(f"{name}: skipped, no built-in vectors? {trial.stderr.strip()}")
        return []
    found = timing.interleave({"seqtool": command}, max(bench.options.repeat, 5))["seqtool"]
    shown = timing.show_seconds(found.median)
    asked = verdict("under 1 s", found.median < 1)
    return [row(name, "`seqtool analogy man woman king`, whole process", shown, "-", "-", asked)]


def memory_rows(bench: Bench, name: str) -> list[list[str]]:
    """Peaks of a training on the corpus, and on several times as much."""
    output, found = bench.work / "memory.bin", {}
    for times in (1, MEMORY_TIMES):
        text = runs.repeated(bench.corpus, bench.work, times)
        # so that the vocabulary stays the same
        options = ["--memory", MEMORY, "--min-count", str(times * runs.MIN_COUNT)]
        found[times] = runs.watch(train_command(bench, text, output, 1, *options))
        text.unlink()
        log(f"{times} times the corpus: {found[times]}")
    output.unlink()
    once, often = found[1], found[MEMORY_TIMES]
    size = f"{bench.corpus.words * MEMORY_TIMES / 1e6:,.1f} M words ({MEMORY_TIMES} times the text)"
    kept = verdict(f"under {MEMORY}", often.counting < MEMORY_MB)
    # What grows with the text may be pages of the mapped file only, which the system takes back.
    steady = verdict("does not hold the corpus", often.own < once.own * 1.1)
    once_text, often_text = (
        [f"{f.counting:.0f} MB", f"{f.whole:.0f} MB; {f.own:.0f} MB without mapped files"]
        for f in (once, often)
    )
    what = [
        f"peak memory of counting words, `--memory {MEMORY}`, {size}; peer: once",
        f"peak memory of skip-gram, {size}; peer: once",
    ]
    rows = zip(("counting", "training"), what, often_text, once_text, (kept, steady), strict=True)
    return [row(f"{name}/{part}", what, a, b, "-", asked) for part, what, a, b, asked in rows]


# --- program ----------------------------------------------------------------------------------


CASES: dict[str, Callable[[Bench, str], list[list[str]]]] = {
    **dict.fromkeys(SPEEDS, speed_rows),
    "speed-glove": glove_speed_rows,
    **dict.fromkeys(ACCURACIES, accuracy_rows),
    "accuracy-glove": glove_accuracy_rows,
    "analogy-eval": eval_rows,
    "analogy-shell": shell_rows,
    "memory": memory_rows,
}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = partial(parser.add_argument, type=int)
    add("--repeat", default=3, help="measured runs of speed (default: 3)")
    add("--speed-epochs", default=1, help="epochs of a run of speed (default: 1)")
    add("--epochs", default=5, help="epochs before accuracy is measured (default: 5)")
    add("--glove-epochs", default=25, help="the same for GloVe (default: 25)")
    add("--trainings", default=1, help="seeds that accuracy is the mean of (default: 1)")
    add("--limit", metavar="N", help="only so many characters, to try the script; keeps no results")
    parser.add_argument("--only", action="append", metavar="NAME", help="cases, by name or pattern")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--work", metavar="DIR", help="keep corpus and gensim's vectors here")
    parser.add_argument("--results", help="file to keep results in (default: RESULTS.md)")
    parser.add_argument("--seqtool", help="the program to measure")
    parser.add_argument("--data", default=os.environ.get("SEQTOOL_DATA"), help="folder of data")
    arguments = parser.parse_args()
    if not arguments.data and not arguments.list:
        parser.error("no data: set SEQTOOL_DATA or give --data")
    counts = ("repeat", "speed_epochs", "epochs", "glove_epochs", "trainings")
    if any(getattr(arguments, name) < 1 for name in counts):
        parser.error("counts must be at least 1")
    return arguments


def keep(rows: list[list[str]], arguments: argparse.Namespace) -> None:
    """Put rows into the section of the results, or print them after a trial."""
    path = Path(arguments.results) if arguments.results else timing.RESULTS
    for cells in rows:
        log(" | ".join(cells))
    if not rows or (arguments.limit and not arguments.results):
        return
    merged = runs.merge_rows(runs.known_rows(TITLE, path), rows, list(CASES))
    machine = timing.machine(PACKAGES)
    body = f"{NOTE}\n\nLast run: {machine}\n\n{timing.table(HEADER, merged)}"
    timing.write_section(TITLE, body, path)


def measure(arguments: argparse.Namespace, chosen: Sequence[str], work: Path) -> None:
    """Run some cases, and keep each result at once."""
    data = Path(arguments.data)
    bench = Bench(
        [arguments.seqtool or find_program("seqtool")],
        runs.prepare(data / "text" / "wiki-en.txt.xz", work, arguments.limit),
        data / "words" / "questions-words.txt",
        work,
        arguments,
        {},
    )
    log(f"{bench.corpus.words:,} words, {bench.corpus.kept:,} kept, {bench.corpus.lines:,} lines")
    try:
        for name in chosen:
            log(f"--- {name}")
            keep(CASES[name](bench, name), arguments)
    finally:
        for path in bench.trained.values():
            path.unlink(missing_ok=True)


def main() -> None:
    """Run the cases that are asked for."""
    arguments = parse_arguments()
    if arguments.list:
        print("\n".join(CASES))
        return
    patterns = arguments.only or ["*"]
    chosen = [name for name in CASES if any(fnmatch(name, only) for only in patterns)]
    if not chosen:
        sys.exit(f"no such case; there are: {', '.join(CASES)}")
    if arguments.work:
        work = Path(arguments.work)
        work.mkdir(parents=True, exist_ok=True)
        measure(arguments, chosen, work)
    else:
        with tempfile.TemporaryDirectory(prefix="seqtool-bench-") as folder:
            measure(arguments, chosen, Path(folder))


if __name__ == "__main__":
    main()
