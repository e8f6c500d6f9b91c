"""`seqtool sentiment` beside fastText: accuracy, speed of training, speed of applying.

    SEQTOOL_DATA=... python benchmarks/sentiment.py [--only 'sst2-*'] [--repeat 3] [--list]

Needs `pip install .[bench]`. The folder of data holds labelled/sst2 and labelled/sst5. Each case
replaces its own rows of RESULTS.md as soon as it is done.
"""

import argparse
import json
import statistics
import sys
from itertools import cycle, islice
from pathlib import Path

import program
import timing
from bleu import verdict
from embedding_runs import at_least, log, points, row
from program import Bench, Rows

PACKAGES = ("seqtool", "fasttext-numpy2-wheel", "numpy", "numba")
NOTE = """\
Stanford Sentiment Treebank, whole sentences of the standard splits; 2**18 buckets, 2 threads;
fastText with 16 dimensions, seqtool with a number for each label on SST-2 and 16 on SST-5.
Accuracy is the mean over seeds, on the test texts: of fastText with the best of the learning rates
0.1, 0.25 and 0.5 on these very texts, which favours it; seqtool runs with its defaults and keeps
the epoch with the least loss on the dev texts. Speed of training is words times epochs by the
seconds of a whole process, reading and writing included, on the training texts repeated; of seqtool
with one member and with its two. Runs of the programs take turns; medians."""
SETS = ("sst2", "sst5")
LEAST = {"sst2": 82.0, "sst5": 0.0}
LEAST_RATE = 2.0
LEAST_LINES = 200_000
LEAST_RECURRENT, LEAST_RECURRENT_LINES = 84.5, 20_000
RATES = ("0.1", "0.25", "0.5")
EPOCHS = 5
PEER = [sys.executable, str(Path(__file__).with_name("sentiment_peers.py"))]


def labelled(bench: Bench, name: str, part: str) -> Path:
    """A file of ``label TAB text``."""
    return bench.data / "labelled" / name / f"{part}.tsv"


def fasttext_file(source: Path, target: Path) -> Path:
    """The same texts as fastText wants them."""
    with (
        open(source, encoding="utf-8", newline="\n") as lines,
        open(target, "w", encoding="utf-8", newline="\n") as file,
    ):
        file.writelines("__label__" + line.replace("\t", " ", 1) for line in lines)
    return target


def repeated(source: Path, target: Path, lines: int) -> int:
    """Write so many lines, again and again those of a file; returns how many words they hold."""
    with open(source, encoding="utf-8", newline="\n") as file:
        chosen = list(islice(cycle(file.readlines()), lines))
    target.write_text("".join(chosen), encoding="utf-8", newline="\n")
    return sum(len(line.split()) - 1 for line in chosen)


def train_command(bench: Bench, data: Path, model: Path, *more: str) -> list[str]:
    """`seqtool sentiment train`."""
    options = ["-o", str(model), "--threads", "2", *more]
    return [bench.seqtool, "sentiment", "train", str(data), *options]


def accuracy_rows(bench: Bench, name: str) -> Rows:
    """Test accuracy of both, unigrams and bigrams."""
    kind, _, ngrams = name.partition("-accuracy-")
    train, dev, test = (labelled(bench, kind, part) for part in ("train", "dev", "test"))
    plain = {path: fasttext_file(path, bench.work / path.name) for path in (train, test)}
    ours, peers = [], []
    for seed in map(str, range(1, bench.options.trainings + 1)):
        model = bench.work / "model.safetensors"
        more = ["--validation", str(dev), "--ngrams", ngrams, "--seed", seed, "-q"]
        timing.run(train_command(bench, train, model, *more))
        command = [bench.seqtool, "sentiment", "eval", "-m", str(model), str(test)]
        ours.append(json.loads(timing.run([*command, "--format", "json"]).output)["accuracy"])
        tried = []
        for rate in RATES:
            arguments = [str(plain[train]), str(plain[test])]
            options = ["--ngrams", ngrams, "--rate", rate, "--epochs", str(EPOCHS), "--seed", seed]
            tried.append(json.loads(timing.run([*PEER, *arguments, *options]).output))
        peers.append(max(found["accuracies"][0] for found in tried))
        log(f"{name}, seed {seed}: seqtool {ours[-1]:.2f} %, fastText {peers[-1]:.2f} %")
    mean, peer = statistics.fmean(ours), statistics.fmean(peers)
    asked = verdict("not below fastText", mean >= peer)
    if ngrams == "2" and LEAST[kind]:
        asked += "; " + verdict(f"at least {LEAST[kind]} %", mean >= LEAST[kind])
    what = f"{kind.upper()} test accuracy, n-grams of {ngrams}, {len(ours)} seeds"
    shown = (f"{mean:.2f} %", f"fastText {peer:.2f} %")
    return [row(name, what, *shown, points(mean - peer), asked)]


def speed_rows(bench: Bench, name: str) -> Rows:
    """Words a second of a whole training process, n-grams equal, with one member and with two."""
    ngrams = name.rpartition("-")[2]
    text = bench.work / "many.tsv"
    words = repeated(labelled(bench, "sst2", "train"), text, bench.options.lines)
    plain, model = fasttext_file(text, bench.work / "many.txt"), bench.work / "m.safetensors"
    common = ["--ngrams", ngrams, "--epochs", str(EPOCHS), "-q"]
    commands = {
        "fastText": [*PEER, str(plain), "--ngrams", ngrams, "--epochs", str(EPOCHS)],
        "1": train_command(bench, text, model, *common, "--members", "1"),
        "2": train_command(bench, text, model, *common, "--members", "2"),
    }
    found = timing.interleave(commands, bench.options.repeat)
    rates = {key: words * EPOCHS / timed.median for key, timed in found.items()}
    return [
        row(
            f"{name}/{members}",
            f"training, n-grams of {ngrams}, {members} members, words/s",
            f"{rates[members]:,.0f}",
            f"fastText {rates['fastText']:,.0f}",
            f"{rates[members] / rates['fastText']:.1f}",
            at_least("fastText", LEAST_RATE, rates[members] / rates["fastText"]),
        )
        for members in ("1", "2")
    ]


def apply_rows(bench: Bench, name: str) -> Rows:
    """Lines a second of the whole process."""
    train, model = labelled(bench, "sst2", "train"), bench.work / "apply.safetensors"
    timing.run(train_command(bench, train, model, "-q"))
    text = bench.work / "lines.tsv"
    repeated(train, text, bench.options.lines)
    command = [bench.seqtool, "sentiment", "-m", str(model), "--threads", "2", str(text)]
    found = timing.interleave({"seqtool": command}, bench.options.repeat)["seqtool"]
    rate = bench.options.lines / found.median
    asked = verdict(f"at least {LEAST_LINES:,}", rate >= LEAST_LINES)
    what = f"applying to {bench.options.lines:,} sentences, whole process, lines/s"
    return [row(name, what, f"{rate:,.0f}", "-", "-", asked)]


def built_in_rows(bench: Bench, name: str) -> Rows:
    """The built-in recurrent model: test accuracy, and lines a second of the whole process."""
    test = str(labelled(bench, "sst2", "test"))
    command = [bench.seqtool, "sentiment"]
    found = json.loads(timing.run([*command, "eval", "--format", "json", test]).output)
    right = found["accuracy"]
    asked = verdict(f"at least {LEAST_RECURRENT} %", right >= LEAST_RECURRENT)
    rows = [row(f"{name}/accuracy", "SST2 test accuracy, LSTM", f"{right:.2f} %", "-", "-", asked)]
    with open(labelled(bench, "sst2", "train"), encoding="utf-8", newline="\n") as file:
        texts = [line.rstrip("\n").partition("\t")[2] for line in file]
    count = bench.options.lines // 5
    for what, words in (("the first ten words of sentences", 10), ("sentences", 1000)):
        path = bench.work / "lines.txt"
        lines = (" ".join(text.split()[:words]) + "\n" for text in islice(cycle(texts), count))
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
        apply = {"seqtool": [*command, "--threads", "2", str(path)]}
        rate = count / timing.interleave(apply, bench.options.repeat)["seqtool"].median
        asked = "-"
        if words == 10:
            asked = verdict(f"at least {LEAST_RECURRENT_LINES:,}", rate >= LEAST_RECURRENT_LINES)
        shown = f"LSTM applied to {count:,} lines, {what}, lines/s"
        rows.append(row(f"{name}/{words}", shown, f"{rate:,.0f}", "-", "-", asked))
    return rows


CASES = {
    **{f"{kind}-accuracy-{n}": accuracy_rows for kind in SETS for n in (1, 2)},
    "speed-1": speed_rows,
    "speed-2": speed_rows,
    "apply": apply_rows,
    "built-in": built_in_rows,
}


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = program.parser(__doc__, repeat=3)
    parser.add_argument("--trainings", type=int, default=5, help="seeds of accuracy (default: 5)")
    parser.add_argument("--lines", type=int, default=500_000, help="lines of the speed cases")
    return parser.parse_args()


if __name__ == "__main__":
    program.main(program.Section("sentiment", NOTE, PACKAGES, CASES), parse_options())
