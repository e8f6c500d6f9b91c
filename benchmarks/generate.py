"""`seqtool generate`: the built-in model, and n-grams beside KenLM.

    SEQTOOL_DATA=... python benchmarks/generate.py [--only 'kenlm-*'] [--kenlm FOLDER] [--list]

``shakespeare`` trains the model of tools/make_shakespeare_model.py, which takes up to an hour.
``--kenlm`` is the folder of KenLM's programs lmplz and query. Each case replaces its own rows of
RESULTS.md.
"""

import json
import sys
import time
from pathlib import Path

import program
import timing
from bleu import verdict
from embedding_runs import row
from program import Bench, Rows

REPOSITORY = Path(__file__).resolve().parents[1]
NOTE = """\
`shakespeare`: tinyshakespeare, the first 90 % of its characters to train on, nats a character of
the others; nanoGPT publishes 1.47 for its recipe on a GPU. `kenlm`: words of the same split between
white space, interpolated modified Kneser-Ney without pruning, perplexity of the held-out lines;
`lmplz` reads text and writes ARPA in its time, seqtool's is that of the estimation alone."""
PACKAGES = ("seqtool", "numpy", "numba")
MOST_NATS, MOST_MINUTES, MOST_SHARE = 1.50, 60.0, 0.005


def split(bench: Bench, whole_lines: bool = False) -> tuple[Path, Path]:
    """Files of the first 90 % of tinyshakespeare's characters and of the others."""
    text = (bench.data / "text/tinyshakespeare.txt").read_text(encoding="utf-8")
    at = int(len(text) * 0.9)
    at = text.rindex("\n", 0, at) + 1 if whole_lines else at
    paths = bench.work / "train.txt", bench.work / "held-out.txt"
    for path, part in zip(paths, (text[:at], text[at:]), strict=True):
        path.write_text(part, encoding="utf-8", newline="\n")
    return paths


def shakespeare(bench: Bench, name: str) -> Rows:
    """Train, and measure the file that came out on the held-out text."""
    sys.path.insert(0, str(REPOSITORY / "tools"))
    from make_shakespeare_model import OPTIONS

    model = bench.work / "model.safetensors"
    corpus = bench.data / "text/tinyshakespeare.txt"
    start = time.perf_counter()
    command = [bench.seqtool, "generate", "train", str(corpus), "-o", str(model), *OPTIONS]
    timing.run(command)
    minutes = (time.perf_counter() - start) / 60
    measure = [bench.seqtool, "generate", "eval", "-m", str(model), str(split(bench)[1])]
    found = json.loads(timing.run([*measure, "--format", "json"]).output)
    nats = found["nats_per_token"]
    asked = verdict(f"at most {MOST_NATS:.2f}", nats <= MOST_NATS)
    asked += "; " + verdict(f"within {MOST_MINUTES:.0f} minutes", minutes <= MOST_MINUTES)
    what = f"held-out nats a character after {minutes:.0f} minutes of training, 2 threads"
    return [row(name, what, f"{nats:.4f}", "-", "-", asked)]


def kenlm(bench: Bench, name: str) -> Rows:
    """Perplexity under both, of equal order."""
    if not bench.options.kenlm:
        sys.exit("name the folder of lmplz and query: --kenlm FOLDER")
    order = name.rpartition("-")[2]
    tool = str(REPOSITORY / "tools/kenlm_peer.py")
    paths = map(str, split(bench, whole_lines=True))
    found = timing.run([sys.executable, tool, "compare", bench.options.kenlm, *paths, order])
    figures = json.loads(found.output)
    ours, peer = figures["perplexity"], figures["kenlm_perplexity"]
    share = abs(ours / peer - 1)
    asked = verdict(f"within {MOST_SHARE:.1%}", share <= MOST_SHARE)
    speed = figures["kenlm_seconds"] / figures["seconds"]
    what = f"words, order {order}: perplexity"
    return [
        row(f"{name}/perplexity", what, f"{ours:.5f}", f"KenLM {peer:.5f}", f"{ours / peer:.6f}",
            asked),
        row(f"{name}/time", f"words, order {order}: estimation",
            timing.show_seconds(figures["seconds"]),
            f"KenLM {timing.show_seconds(figures['kenlm_seconds'])}", f"{speed:.1f}", "-"),
    ]  # fmt: skip


CASES = {"shakespeare": shakespeare, "kenlm-3": kenlm, "kenlm-5": kenlm}

if __name__ == "__main__":
    parser = program.parser(__doc__, repeat=1)
    parser.add_argument("--kenlm", help="folder of KenLM's programs")
    program.main(program.Section("generate", NOTE, PACKAGES, CASES), parser.parse_args())
