"""The corpus and the programs of embeddings.py: what is run, and what is read from its output.

Speeds are words of the corpus a second of training: all its words, divided by the seconds of one
pass, for every program alike. Counting the vocabulary is outside the seconds.
"""

import argparse
import json
import lzma
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import timing
from bleu import verdict

PEERS = str(Path(__file__).with_name("embedding_peers.py"))
MIN_COUNT = 5
THREADS = "2"
SHAPE = [
    "--dim", "100", "--window", "5", "--negatives", "5", "--sample", "1e-3",
    "--min-count", str(MIN_COUNT), "--threads", THREADS,
]  # fmt: skip
WARM_UP_BYTES = 2_000_000
WORD = re.compile(r"[a-z]+|[0-9]+")
EPOCH = re.compile(r"^epoch \d+ of \d+: .*? ([\d,]+) (?:words|cells)/s", re.MULTILINE)
VOCABULARY = "words of the corpus are among them"
FASTTEXT = re.compile(r"words/sec/thread: +(\d+)")


class Corpus(NamedTuple):
    """Plain text, a sentence or paragraph a line, and its size."""

    path: Path
    words: int
    kept: int  # words that are frequent enough to have a vector
    lines: int

    @property
    def passed(self) -> int:
        """What seqtool and fastText count as one pass: kept words, and an end for each line."""
        return self.kept + self.lines


class Bench(NamedTuple):
    """What all cases share."""

    seqtool: list[str]
    corpus: Corpus
    questions: Path
    work: Path
    options: argparse.Namespace
    trained: dict[str, Path]  # vectors of this run, by arguments


class Memory(NamedTuple):
    """Peaks of resident memory of one training in MB."""

    counting: float  # until the vocabulary and the file of numbers are there
    whole: float
    own: float  # at the end of the epoch, without pages of files that are mapped
    seconds: float


# --- corpus -----------------------------------------------------------------------------------


def prepare(source: Path, folder: Path, limit: int | None = None) -> Corpus:
    """Lower-cased words of the text, made once; `limit` takes only the first so many characters."""
    path = folder / f"wiki-en{f'-{limit}' if limit else ''}.txt"
    sizes = path.with_suffix(".json")
    if not sizes.exists():
        counts: Counter[str] = Counter()
        lines = 0
        with (
            lzma.open(source, "rt", encoding="utf-8") as text,
            open(path, "w", encoding="utf-8", newline="\n") as out,
        ):
            for line in text:
                if limit is not None and out.tell() >= limit:
                    break
                words = WORD.findall(line.lower())
                if words:
                    counts.update(words)
                    lines += 1
                    out.write(" ".join(words) + "\n")
        kept = sum(count for count in counts.values() if count >= MIN_COUNT)
        sizes.write_text(json.dumps([counts.total(), kept, lines]))
    return Corpus(path, *json.loads(sizes.read_text()))


def beginning(corpus: Corpus, folder: Path) -> Path:
    """A small piece of the corpus, for runs that do not count."""
    path = folder / "warm-up.txt"
    with open(corpus.path, "rb") as text:
        path.write_bytes(text.read(WARM_UP_BYTES).rpartition(b"\n")[0] + b"\n")
    return path


def repeated(corpus: Corpus, folder: Path, times: int) -> Path:
    """The corpus several times over."""
    path = folder / f"{corpus.path.stem}-times-{times}.txt"
    with open(path, "wb") as out:
        for _ in range(times):
            with open(corpus.path, "rb") as text:
                while block := text.read(1 << 24):
                    out.write(block)
    return path


# --- programs ---------------------------------------------------------------------------------


def train_command(bench: Bench, text: Path, output: Path, epochs: int, *options: str) -> list[str]:
    """`seqtool train-embeddings`; later options win."""
    command = [*bench.seqtool, "train-embeddings", str(text), *SHAPE]
    return [*command, "--epochs", str(epochs), "-o", str(output), *options]


def peer_command(
    peer: str, text: Path, epochs: int, method: str, objective: str, *options: str
) -> list[str]:
    """The same of a peer."""
    model = ["--method", method, "--objective", objective, *options]
    return python(peer, str(text), *SHAPE, *model, "--epochs", str(epochs))


def python(*arguments: str) -> list[str]:
    """A command of a peer."""
    return [sys.executable, PEERS, *arguments]


def result_of(run: timing.Run) -> dict[str, Any]:
    """What a peer printed."""
    found: dict[str, Any] = json.loads(run.output.splitlines()[-1])
    return found


def seqtool_rate(log: str, corpus: Corpus) -> float:
    """Words a second, from the `epoch` lines: these count the ends of lines, too."""
    seconds = [corpus.passed / rate for rate in epoch_rates(log)]
    return corpus.words * len(seconds) / sum(seconds)


def epoch_rates(log: str) -> list[float]:
    """The rate of each epoch as seqtool tells it; stops the program if there is none."""
    rates = [float(rate.replace(",", "")) for rate in EPOCH.findall(log)]
    if not rates:
        sys.exit(f"no rate in what seqtool wrote:\n{log[-2000:]}")
    return rates


def peer_rate(peer: str, run: timing.Run, corpus: Corpus) -> float:
    """Words a second: gensim's train() was timed, fastText tells its rate at the end.

    gensim's threads overlap a little where their parts of the file meet, so that its own count
    of words is taken, not the corpus's. fastText counts the words that it knows and the ends of
    lines, and tells the rate of one thread; its clock starts behind the reading of the vocabulary.
    """
    if peer == "gensim":
        found = result_of(run)
        return float(found["passed"] / found["seconds"])
    told = FASTTEXT.findall(run.log)
    if not told:
        sys.exit(f"no rate in what fastText wrote:\n{run.log[-2000:]}")
    return corpus.words / (corpus.passed / (float(told[-1]) * int(THREADS)))


def accuracy(seqtool: Sequence[str], questions: Path, vectors: Path, vocab: int) -> dict[str, Any]:
    """Accuracies in percent by section, "semantic", "syntactic" and "total" among them."""
    run = timing.run(eval_command(seqtool, questions, vectors, vocab))
    return accuracies(run.output)


def eval_command(seqtool: Sequence[str], questions: Path, vectors: Path, vocab: int) -> list[str]:
    """`seqtool analogy eval`; 0 words are all."""
    return [
        *seqtool, "analogy", "eval", str(questions), "-m", str(vectors), "--vocab", str(vocab),
        "--format", "json",
    ]  # fmt: skip


def accuracies(output: str) -> dict[str, Any]:
    """Accuracy by section of what `seqtool analogy eval` printed."""
    return {row["section"]: row["accuracy"] for row in json.loads(output)["sections"]}


# --- memory -----------------------------------------------------------------------------------


def watch(command: Sequence[str]) -> Memory:
    """Run a training and look at its memory whenever it tells something; needs /proc for that."""
    counting = own = float("nan")
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    log = b""
    with process.stderr:
        for line in process.stderr:
            log += line
            if VOCABULARY.encode() in line:
                counting = memory_now(process.pid, "VmHWM")
            elif line.startswith(b"epoch "):
                own = memory_now(process.pid, "RssAnon")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"exit {process.returncode}: {' '.join(command)}\n{log.decode()[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    seconds = time.perf_counter() - start
    return Memory(counting, usage.ru_maxrss * unit / 1e6, own, seconds)


def memory_now(process: int, field: str) -> float:
    """A field of /proc/PID/status in MB; NaN where there is none."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii") as lines:
            for line in lines:
                if line.startswith(f"{field}:"):
                    return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return float("nan")


# --- results ----------------------------------------------------------------------------------


def log(text: str) -> None:
    """Tell what is going on."""
    print(text, file=sys.stderr, flush=True)


def at_least(name: str, times: float, ratio: float) -> str:
    """The verdict on a ratio."""
    return verdict(f"{times:g} times {name}", ratio >= times)


def row(name: str, what: str, ours: str, peer: str, ratio: str, asked: str) -> list[str]:
    """A row of the table, with the day."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return [f"`{name}` {what}", ours, peer, ratio, day, asked]


def points(difference: float) -> str:
    """A difference of percentages."""
    return f"{difference:+.2f} points"


def known_rows(title: str, path: Path) -> dict[str, list[str]]:
    """Rows of a section of RESULTS.md by the name in their first cell."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    _, _, section = text.partition(f"\n## {title}\n")
    lines: Iterable[str] = section.partition("\n## ")[0].splitlines()
    rows = (line.strip("| ").split(" | ") for line in lines if line.startswith("| `"))
    return {row_name(row): row for row in rows}


def row_name(row: Sequence[str]) -> str:
    """The name between backticks at the start of a row."""
    return row[0].split("`")[1]


def merge_rows(
    old: dict[str, list[str]], new: Iterable[list[str]], order: Sequence[str]
) -> list[list[str]]:
    """Old rows with new ones in their places, by case; a row's name is "case" or "case/part"."""
    rows = {**old, **{row_name(row): row for row in new}}
    ordered = [[row for name, row in rows.items() if name.split("/")[0] == case] for case in order]
    return list(chain.from_iterable(ordered))
