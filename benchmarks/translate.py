"""Translation beside PyTorch and sacreBLEU: speed of training and decoding, quality.

    SEQTOOL_DATA=... python benchmarks/translate.py [--only 'train-*'] [--repeat 3] [--list]

Needs `pip install .[bench]`. Each case replaces its own rows of RESULTS.md.
"""

import importlib.util
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import program
import timing
from bleu import verdict
from embedding_runs import at_least, row
from program import Bench, Rows

NOTE = """\
Training: random tokens, steps as `seqtool translate train` does them (forward, backward, clipping,
Adam) of a network with an LSTM of 256 in both directions, one of 512 that writes, a joint
vocabulary of 6,144 and embeddings of 256, batches of 64 pairs of 15 and 16 tokens; the twin in
PyTorch has the same weights, and its loss is the same (`difference`). PyTorch with 1 and with 2
threads, of which the better counts; medians over processes that take turns. Decoding: the built-in
model on test2016 of Multi30k (1,000 sentences, German), from start to end of the command, and
without what it takes to start. Quality: cased, detokenised, of the built-in model also by
sacreBLEU's own program; the other pairs are trained by the recipe of the built-in model, of which
nothing was tuned to them (half an hour each)."""
RUNS = str(Path(__file__).with_name("translate_runs.py"))
PACKAGES = ("seqtool", "torch", "sacrebleu", "numpy", "numba")
LEAST_TRAINING, LEAST_BLEU = 1.3, 36.0
LEAST_SENTENCES = {"greedy": 600, "beam": 150}
HIDDEN = "512"
LEAST_DATES, MOST_SECONDS = 0.995, 120
DATES = ["--level", "char", "--batch-size", "32", "--learning-rate", "0.004"]
DATES += ["--dropout", "0.1", "--epochs", "5"]


def training(bench: Bench, name: str) -> Rows:
    """Target tokens a second, and whether both networks are the same."""
    _, kind, feeding = name.split("-")
    shape = [kind, HIDDEN, feeding]
    commands = {
        "ours": ["train", "seqtool", *shape, "2"],
        "torch 1": ["train", "torch", *shape, "1"],
        "torch 2": ["train", "torch", *shape, "2"],
    }
    full = {name: [sys.executable, RUNS, *command] for name, command in commands.items()}
    found = timing.interleave(full, bench.options.repeat)
    rates = {
        name: statistics.median(json.loads(run.output) for run in timed.runs)
        for name, timed in found.items()
    }
    ours, peer = rates["ours"], max(rates["torch 1"], rates["torch 2"])
    apart = json.loads(timing.run([sys.executable, RUNS, "compare", *shape]).output)
    what = f"{kind} attention, {feeding}"
    return [
        row(f"{name}/speed", f"training, {what}, target tokens/s", f"{ours:,.0f}",
            f"PyTorch {peer:,.0f}", f"{ours / peer:.2f}",
            at_least("PyTorch", LEAST_TRAINING, ours / peer)),
        row(f"{name}/difference", f"loss, {what}, nats a token", "-", "PyTorch",
            f"{apart:.1e} apart", "-"),
    ]  # fmt: skip


def decoding(bench: Bench, name: str) -> Rows:
    """Sentences a second."""
    _, search = name.split("-")
    source = bench.data / "parallel/multi30k/test2016.de"
    one = bench.work / "one.de"
    lines = source.read_text(encoding="utf-8").split("\n")[:-1]
    one.write_text(f"{lines[0]}\n", encoding="utf-8")
    beam = "1" if search == "greedy" else "5"
    command = [bench.seqtool, "translate", "--beam", beam, "--threads", "2"]
    found = timing.interleave(
        {"all": [*command, str(source)], "start": [*command, str(one)]}, bench.options.repeat
    )
    whole, start = found["all"].median, found["start"].median
    rate, inner = len(lines) / whole, (len(lines) - 1) / (whole - start)
    least = LEAST_SENTENCES[search]
    return [
        row(f"{name}/speed", f"decoding, {search}, whole command, sentences/s", f"{rate:,.0f}",
            "-", "-", "-"),
        row(f"{name}/inner", f"decoding, {search}, without the start, sentences/s",
            f"{inner:,.0f}", "-", "-", verdict(f"at least {least}", inner >= least)),
    ]  # fmt: skip


def quality(bench: Bench, name: str) -> Rows:
    """BLEU of the built-in model, by sacreBLEU."""
    folder = bench.data / "parallel/multi30k"
    output = bench.work / "out.en"
    timing.run([bench.seqtool, "translate", str(folder / "test2016.de"), "-o", str(output)])
    reference = str(folder / "test2016.en")
    peer = [sys.executable, "-m", "sacrebleu", reference, "-i", str(output), "-b", "-w", "2"]
    theirs = float(timing.run(peer).output)
    ours = json.loads(
        timing.run([bench.seqtool, "bleu", "--format", "json", reference, str(output)]).output
    )["score"]
    lengths = by_length(evaluation(bench, [], "de", "en"))
    asked = verdict(f"at least {LEAST_BLEU}", theirs >= LEAST_BLEU)
    return [
        row(f"{name}/bleu", "BLEU, test2016, German to English", f"{ours:.2f}",
            f"sacreBLEU {theirs:.2f}", "-", asked),
        row(f"{name}/length", "BLEU by words of the source, German to English", lengths, "-", "-",
            "-"),
    ]  # fmt: skip


def recipe() -> list[str]:
    """The options of the built-in model, from the program that makes it."""
    path = Path(__file__).parents[1] / "tools/make_german_english_model.py"
    spec = importlib.util.spec_from_file_location("make_german_english_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    options: list[str] = module.OPTIONS
    return options


def evaluation(bench: Bench, model: list[str], source: str, target: str) -> dict[str, Any]:
    """What `seqtool translate eval` says about test2016."""
    folder = bench.data / "parallel/multi30k"
    command = [bench.seqtool, "translate", "eval", *model, "--format", "json"]
    command += ["--source", str(folder / f"test2016.{source}")]
    command += ["--target", str(folder / f"test2016.{target}")]
    found: dict[str, Any] = json.loads(timing.run(command).output)
    return found


def by_length(found: dict[str, Any]) -> str:
    """BLEU by how many words the source has."""
    return ", ".join(
        f"{part['from']} {'or more' if part['to'] is None else 'to ' + str(part['to'])}: "
        f"{part['BLEU']:.1f}"
        for part in found["by_length"]
    )


def pair(bench: Bench, name: str) -> Rows:
    """BLEU of a model of another pair, or without attention, by the recipe of the built-in one."""
    _, source, target, attention = name.split("-")
    folder = bench.data / "parallel/multi30k"
    model = bench.work / f"{name}.safetensors"
    options = recipe()
    if attention == "none":
        options[options.index("--attention") + 1] = "none"
        options.remove("--feeding")
    command = [bench.seqtool, "translate", "train", *options, "-o", str(model)]
    for option, part in (("--", "train"), ("--validation-", "val")):
        command += [f"{option}source", str(folder / f"{part}.{source}")]
        command += [f"{option}target", str(folder / f"{part}.{target}")]
    start = time.monotonic()
    timing.run(command)
    minutes = (time.monotonic() - start) / 60
    found = evaluation(bench, ["-m", str(model)], source, target)
    what = f"test2016, {source} to {target}, attention {attention}"
    return [
        row(f"{name}/bleu", f"BLEU, {what}", f"{found['scores'][0]['score']:.2f}",
            f"{minutes:.0f} minutes", "-", "-"),
        row(f"{name}/length", f"BLEU by words of the source, {what}", by_length(found), "-", "-",
            "-"),
    ]  # fmt: skip


def dates(bench: Bench, name: str) -> Rows:
    """Dates that are exactly right, in forms of new seeds, and how long the training takes."""
    train, test = bench.work / "dates.tsv", bench.work / "test.tsv"
    model = bench.work / "dates.safetensors"
    make = [bench.seqtool, "corpora", "make", "dates"]
    timing.run([*make, "--count", "20000", "--seed", "1", "-o", str(train)])
    held_out = ["--held-out", str(train), "-o", str(test)]
    timing.run([*make, "--count", "5000", "--seed", "2", *held_out])
    start = time.monotonic()
    command = [bench.seqtool, "translate", "train", str(train), *DATES, "-o", str(model)]
    timing.run(command)
    seconds = time.monotonic() - start
    pairs = [line.split("\t") for line in test.read_text(encoding="utf-8").split("\n")[:-1]]
    source = bench.work / "test.txt"
    source.write_text("".join(f"{human}\n" for human, _ in pairs), encoding="utf-8")
    found = timing.run([bench.seqtool, "translate", "-m", str(model), str(source)]).output
    right = sum(line == iso for line, (_, iso) in zip(found.split("\n")[:-1], pairs, strict=True))
    share = right / len(pairs)
    met = share >= LEAST_DATES and seconds <= MOST_SECONDS
    return [
        row(name, "dates, exactly right of 5,000 that are not in the 20,000", f"{share:.2%}",
            f"{seconds:.0f} s of training", "-",
            verdict(f"at least {LEAST_DATES:.1%} after {MOST_SECONDS} s", met))
    ]  # fmt: skip


CASES = {
    **{
        f"train-{kind}-{feeding}": training
        for kind in ("general", "additive")
        for feeding in ("feeding", "plain")
    },
    "decode-greedy": decoding,
    "decode-beam": decoding,
    "quality": quality,
    "dates": dates,
    "pair-de-en-none": pair,
    "pair-en-de-general": pair,
    "pair-fr-en-general": pair,
}

if __name__ == "__main__":
    program.main(
        program.Section("translate", NOTE, PACKAGES, CASES),
        program.parser(__doc__, repeat=3).parse_args(),
    )
