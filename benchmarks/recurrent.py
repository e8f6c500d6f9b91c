"""The engine of recurrent models beside PyTorch: speed of training and of sampling.

    SEQTOOL_DATA=... python benchmarks/recurrent.py [--only 'train-*'] [--repeat 3] [--list]

Needs `pip install .[bench]`. Each case replaces its own rows of RESULTS.md.
"""

import json
import statistics
import sys
from pathlib import Path

import program
import timing
from bleu import verdict
from embedding_runs import at_least, row
from program import Bench, Rows
from recurrent_runs import SHAPES

NOTE = """\
Random tokens; a step is forward, backward, clipping and Adam, of the shapes `char-256` and
`char-512` (65 characters, embedding 64, 2 layers, batch 64 x 64) and `word-256` (10,000 words,
embedding 256, 1 layer, batch 32 x 35). PyTorch with 1 and with 2 threads, of which the better
counts; medians over processes that take turns. GFLOP/s are those of the matrix products, beside
those of a 2048 x 2048 product, one a core, in the same run. Sampling is one sequence of a model of
2 layers, at temperature 0.8; `half` is a model whose weights were stored as float16."""
RUNS = str(Path(__file__).with_name("recurrent_runs.py"))
PACKAGES = ("seqtool", "torch", "numpy", "numba")
LEAST_TRAINING, LEAST_SHARE, LEAST_SAMPLING, LEAST_THREADS = 1.3, 0.6, 8.0, 1.7


def rates(commands: dict[str, list[str]], repeat: int) -> dict[str, float]:
    """The median of what each command prints."""
    full = {name: [sys.executable, RUNS, *command] for name, command in commands.items()}
    found = timing.interleave(full, repeat)
    return {
        name: statistics.median(json.loads(run.output) for run in timed.runs)
        for name, timed in found.items()
    }


def training(bench: Bench, name: str) -> Rows:
    """Tokens a second, and how well two threads and the processor are used."""
    _, cell, shape = name.split("-", 2)
    found = rates(
        {
            "ours": ["train", "seqtool", cell, shape, "2"],
            "one": ["train", "seqtool", cell, shape, "1"],
            "torch 1": ["train", "torch", cell, shape, "1"],
            "torch 2": ["train", "torch", cell, shape, "2"],
            "product": ["product"],
        },
        bench.options.repeat,
    )
    ours, peer = found["ours"], max(found["torch 1"], found["torch 2"])
    speed = ours * SHAPES[shape].products(cell) / 1e9
    share, gain = speed / found["product"], ours / found["one"]
    asked = at_least("PyTorch", LEAST_TRAINING, ours / peer)
    share_asked = "-"
    if shape == "char-512":
        share_asked = verdict(f"at least {LEAST_SHARE:.0%}", share >= LEAST_SHARE)
    threads_asked = verdict(f"at least {LEAST_THREADS} times", gain >= LEAST_THREADS)
    what = f"{cell.upper()}, {shape}"
    return [
        row(f"{name}/speed", f"training, {what}, tokens/s", f"{ours:,.0f}", f"PyTorch {peer:,.0f}",
            f"{ours / peer:.2f}", asked),
        row(f"{name}/products", f"matrix products, {what}, GFLOP/s", f"{speed:.0f}",
            f"a large product {found['product']:.0f}", f"{share:.2f}", share_asked),
        row(f"{name}/threads", f"2 threads beside 1, {what}, tokens/s", f"{ours:,.0f}",
            f"1 thread {found['one']:,.0f}", f"{gain:.2f}", threads_asked),
    ]  # fmt: skip


def sampling(bench: Bench, name: str) -> Rows:
    """Tokens a second of one sequence."""
    _, cell, hidden = name.split("-")
    found = rates(
        {
            "half": ["sample", "seqtool", cell, hidden, "half"],
            "single": ["sample", "seqtool", cell, hidden, "single"],
            "torch 1": ["sample", "torch", cell, hidden, "1"],
            "torch 2": ["sample", "torch", cell, hidden, "2"],
        },
        bench.options.repeat,
    )
    peer = max(found["torch 1"], found["torch 2"])
    return [
        row(
            f"{name}/{kind}",
            f"sampling, {cell.upper()}, hidden {hidden}, {kind}, tokens/s",
            f"{found[kind]:,.0f}",
            f"PyTorch {peer:,.0f}",
            f"{found[kind] / peer:.1f}",
            at_least("PyTorch", LEAST_SAMPLING, found[kind] / peer),
        )
        for kind in ("half", "single")
    ]


CASES = {
    **{f"train-{cell}-{shape}": training for shape in SHAPES for cell in ("lstm", "gru")},
    **{f"sample-{cell}-{hidden}": sampling for hidden in (256, 512) for cell in ("lstm", "gru")},
}

if __name__ == "__main__":
    program.main(
        program.Section("recurrent", NOTE, PACKAGES, CASES),
        program.parser(__doc__, repeat=3).parse_args(),
    )
