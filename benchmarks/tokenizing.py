"""`seqtool tokenize` beside Hugging Face tokenizers, tiktoken and sentencepiece.

    SEQTOOL_DATA=... python benchmarks/tokenizing.py [--only 'train-*'] [--repeat 3] [--list]

Needs `pip install .[bench]`. The folder of data holds text/wiki-en.txt.xz and parallel/multi30k.
Each case replaces its own rows of RESULTS.md as soon as it is done.
"""

import argparse
import json
import lzma
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import timing
from bleu import find_program, verdict
from embedding_runs import at_least, known_rows, log, merge_rows, row

TITLE = "tokenize"
PACKAGES = ("seqtool", "tokenizers", "tiktoken", "sentencepiece", "numpy", "numba")
HEADER = ["what", "seqtool", "peer", "ratio", "measured", "asked"]
NOTE = """\
English Wikipedia text (102 MB), 16,000 pieces, 2 threads each; every job is its own process, the
programs take turns, medians. Training is the whole job with reading and counting; encoding is a
list of all lines in memory to their ids."""
RUNS = str(Path(__file__).with_name("tokenizing_runs.py"))
VOCABULARY = 16_000
HELD_OUT_LINES = 5_000  # at the end of the text, for the likelihood of unigram models
UNKNOWN_PENALTY = 10  # below the rarest piece, as sentencepiece scores what it does not know
ODD_BYTES = 1_000_000
ODD = {
    "one letter": b"a",
    "no space": b"abcdefghij",
    "newlines": b"\n",
    "combining marks": "\u0301".encode(),
    "zero bytes": b"\0",
    "spaces": b" ",
}


class Bench(NamedTuple):
    """What all cases share."""

    work: Path
    corpus: Path
    multi30k: list[Path]
    seqtool: str
    repeat: int


def child(*arguments: str) -> dict[str, Any]:
    """The answer of `tokenizing_runs.py`."""
    run = timing.run([sys.executable, RUNS, *arguments])
    answer: dict[str, Any] = json.loads(run.output.splitlines()[-1])
    return {**answer, "peak_mb": run.peak_mb}


def in_turn(jobs: dict[str, Sequence[str]], repeat: int) -> dict[str, list[dict[str, Any]]]:
    """Run each program's job `repeat` times, in turn."""
    answers: dict[str, list[dict[str, Any]]] = {program: [] for program in jobs}
    for _ in range(repeat):
        for program, job in jobs.items():
            answers[program].append(child(program, *job))
        log(", ".join(f"{name} {found[-1]['seconds']:.2f} s" for name, found in answers.items()))
    return answers


def seconds(answers: list[dict[str, Any]]) -> float:
    """Their median."""
    return statistics.median(answer["seconds"] for answer in answers)


# --- training ---------------------------------------------------------------------------------

TRAININGS = {
    "train-bpe": ("BPE training", {"huggingface": 5.0, "sentencepiece": 1.5}),
    "train-unigram": ("unigram training", {"sentencepiece": 4.0}),
}


def train_rows(bench: Bench, name: str) -> list[list[str]]:
    """Train with all programs; a row for each peer."""
    what, asked = TRAININGS[name]
    jobs = {
        program: [name, str(bench.corpus), str(VOCABULARY), str(bench.work / f"{name}-{program}")]
        for program in ["seqtool", *asked]
    }
    jobs["seqtool"][-1] += ".json"
    answers = in_turn(jobs, bench.repeat)
    ours = seconds(answers["seqtool"])
    rows = []
    for peer, times in asked.items():
        theirs = seconds(answers[peer])
        verdicts = at_least(peer, times, theirs / ours)
        if peer == "huggingface":
            models = [Path(jobs[program][-1]) for program in ("seqtool", peer)]
            verdicts += "; " + verdict("the same merges", merges(models[0]) == merges(models[1]))
        shown = f"{peer} {timing.show_seconds(theirs)}"
        cells = (timing.show_seconds(ours), shown, f"{theirs / ours:.1f}", verdicts)
        rows.append(row(f"{name}/{peer}", what, *cells))
    return rows


def merges(path: Path) -> list[Any]:
    """The merges of a tokenizer.json as pairs, in their order."""
    found = json.loads(path.read_text(encoding="utf-8"))["model"]["merges"]
    return [merge.split(" ") if isinstance(merge, str) else merge for merge in found]


def trained(bench: Bench, job: str, program: str) -> Path:
    """A model of an earlier case, or a new one."""
    path = bench.work / f"{job}-{program}{'.json' if program == 'seqtool' else ''}"
    made = path.with_name(path.name + ".model") if program == "sentencepiece" else path
    if not made.exists():
        child(program, job, str(bench.corpus), str(VOCABULARY), str(path))
    return made


# --- encoding ---------------------------------------------------------------------------------


def encode_rows(bench: Bench, name: str) -> list[list[str]]:
    """The same model in all programs; ids must be equal on the corpus and on Multi30k."""
    if name == "encode-bpe":
        model, peers, times = trained(bench, "train-bpe", "seqtool"), ("huggingface", "tiktoken"), 8
    else:
        model, peers, times = (
            trained(bench, "train-unigram", "sentencepiece"),
            ("sentencepiece",),
            5,
        )
    jobs = {p: ["encode", str(model), str(bench.corpus)] for p in ("seqtool", *peers)}
    answers = in_turn(jobs, bench.repeat)
    size = bench.corpus.stat().st_size / 1e6
    same = len({answers[program][0]["sha256"] for program in jobs}) == 1
    for text in bench.multi30k:
        found = {child(program, "encode", str(model), str(text))["sha256"] for program in jobs}
        same = same and len(found) == 1
    fastest = min(peers, key=lambda peer: seconds(answers[peer]))
    rows = []
    for peer in peers:
        rate, theirs = size / seconds(answers["seqtool"]), size / seconds(answers[peer])
        asked = at_least(peer, times, rate / theirs) if peer == fastest else "-"
        if peer == fastest:
            asked += "; " + verdict("same ids on wiki-en and Multi30k", same)
        cells = (f"{rate:.1f} MB/s", f"{peer} {theirs:.1f} MB/s", f"{rate / theirs:.1f}", asked)
        rows.append(row(f"{name}/{peer}", name.replace("-", " of ", 1), *cells))
    return rows


def likelihood_rows(bench: Bench, name: str) -> list[list[str]]:
    """Mean log-likelihood a token of both unigram models on lines that neither saw."""
    lines = bench.corpus.read_text(encoding="utf-8").split("\n")
    training, held_out = bench.work / "most.txt", bench.work / "held-out.txt"
    training.write_text("\n".join(lines[:-HELD_OUT_LINES]), encoding="utf-8")
    held_out.write_text("\n".join(lines[-HELD_OUT_LINES:]), encoding="utf-8")
    ours, theirs = bench.work / "most.json", bench.work / "most"
    child("seqtool", "train-unigram", str(training), str(VOCABULARY), str(ours))
    child("sentencepiece", "train-unigram", str(training), str(VOCABULARY), str(theirs))
    from seqtool.tokenizers.load import load

    means, totals = [], []
    for path in (ours, theirs.with_name("most.model")):
        tokenizer = load(str(path))
        ids = tokenizer.encode_batch(lines[-HELD_OUT_LINES:]).ids
        known = tokenizer.model.scores.copy()
        known[tokenizer.unknown] = np.delete(known, tokenizer.unknown).min() - UNKNOWN_PENALTY
        scores = known[ids]
        means.append(float(scores.mean()))
        totals.append(float(scores.sum()))
    worse = means[1] / means[0] if means[0] < means[1] else 1.0
    met = abs(means[0] - means[1]) <= 0.01 * abs(means[1]) or means[0] > means[1]
    return [
        row(
            name, "log-likelihood a token of held-out text, unigram", f"{means[0]:.4f}",
            f"sentencepiece {means[1]:.4f}", f"{worse:.3f}",
            verdict(f"within 1 % (of the whole text {totals[0] / totals[1] - 1:+.2%})", met),
        )
    ]  # fmt: skip


# --- odd input, memory, start-up --------------------------------------------------------------


def odd_rows(bench: Bench, name: str) -> list[list[str]]:
    """The command on 1, 2 and 4 MB of what other tokenizers choke on."""
    rows = []
    model = str(trained(bench, "train-bpe", "seqtool"))
    for what, pattern in ODD.items():
        times = []
        for factor in (1, 2, 4):
            path = bench.work / "odd.txt"
            path.write_bytes(pattern * (factor * ODD_BYTES // len(pattern)))
            command = [bench.seqtool, "tokenize", "-m", model, "--ids", str(path)]
            timing.run(command)
            runs = [timing.run(command).seconds for _ in range(bench.repeat)]
            times.append(statistics.median(runs))
        shown = " / ".join(timing.show_seconds(t) for t in times)
        growth = (times[2] - times[1]) / max(times[1] - times[0], 0.05)
        linear = verdict("linear", growth < 3)
        rows.append(row(f"{name}/{what}", f"1, 2, 4 MB of {what}", shown, "-", "-", linear))
    return rows


def memory_rows(bench: Bench, name: str) -> list[list[str]]:
    """Training on the text once and ten times over within 256 MB."""
    often = bench.work / "often.txt"
    with open(often, "wb") as target:
        for _ in range(10):
            with open(bench.corpus, "rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
    peaks = []
    for path in (bench.corpus, often):
        output = str(bench.work / "memory.json")
        command = [bench.seqtool, "tokenize", "train", str(path), "-o", output, "--quiet"]
        command += ["--vocab-size", str(VOCABULARY), "--memory", "256M", "--threads", "2"]
        peaks.append(timing.run(command).peak_mb)
    often.unlink()
    shown = f"{peaks[1]:.0f} MB"
    asked = verdict("not more than for the text once (10 %)", peaks[1] < 1.1 * peaks[0])
    return [row(name, "peak, ten times the text", shown, f"once {peaks[0]:.0f} MB", "-", asked)]


def start_rows(bench: Bench, name: str) -> list[list[str]]:
    """One line with the built-in model, whole process."""
    line = bench.work / "line.txt"
    line.write_text("A quick brown fox jumps over the lazy dog.\n", encoding="utf-8")
    command = [bench.seqtool, "tokenize", str(line)]
    taken = timing.interleave({"seqtool": command}, max(bench.repeat, 5))["seqtool"].median
    asked = verdict("under 0.8 s", taken < 0.8)
    return [row(name, "one line, whole process", timing.show_seconds(taken), "-", "-", asked)]


# --- program ----------------------------------------------------------------------------------

CASES: dict[str, Callable[[Bench, str], list[list[str]]]] = {
    **dict.fromkeys(TRAININGS, train_rows),
    "encode-bpe": encode_rows,
    "encode-unigram": encode_rows,
    "likelihood": likelihood_rows,
    "odd-input": odd_rows,
    "memory": memory_rows,
    "start-up": start_rows,
}


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="measured runs (default: 3)")
    parser.add_argument("--only", action="append", metavar="NAME", help="cases, by name or pattern")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--work", metavar="DIR", help="keep corpus and models here")
    parser.add_argument("--data", default=os.environ.get("SEQTOOL_DATA"), help="folder of data")
    arguments = parser.parse_args()
    if not arguments.data and not arguments.list:
        parser.error("no data: set SEQTOOL_DATA or give --data")
    return arguments


def measure(arguments: argparse.Namespace, chosen: Sequence[str], work: Path) -> None:
    """Run some cases, and keep each result at once."""
    data = Path(arguments.data)
    corpus = work / "wiki-en.txt"
    if not corpus.exists():
        with lzma.open(data / "text/wiki-en.txt.xz") as source, open(corpus, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    multi30k = sorted((data / "parallel/multi30k").glob("train.*"))
    bench = Bench(work, corpus, multi30k, find_program("seqtool"), arguments.repeat)
    for name in chosen:
        log(f"--- {name}")
        rows = CASES[name](bench, name)
        for cells in rows:
            log(" | ".join(cells))
        merged = merge_rows(known_rows(TITLE, timing.RESULTS), rows, list(CASES))
        machine = timing.machine(PACKAGES)
        body = f"{NOTE}\n\nLast run: {machine}\n\n{timing.table(HEADER, merged)}"
        timing.write_section(TITLE, body)


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
