"""The CTC loss beside PyTorch's, prefix beam search beside pyctcdecode.

    SEQTOOL_DATA=... python benchmarks/ctc.py [--posteriors FILE.npz] [--arpa FILE] [--list]

The search runs over the posteriors of a file of numpy with ``alphabet`` (the text of each symbol,
"" for the blank, which is the first), ``log_probs`` (float32, the frames of all recordings one
behind the other) and ``lengths`` (frames of each); without one, over made-up posteriors of
sentences, smooth and noisy. The language model is ``--arpa``, or else trigrams of wiki-en.
"""

import lzma
import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import program
import timing
from bleu import verdict
from embedding_runs import log, row
from program import Bench, Rows

NOTE = """\
`loss`: log-softmax, loss and gradient of random logits, labels of 50 symbols a row; PyTorch with
two threads, seqtool with a thread for each half of the rows, as the trainer cuts batches; medians.
The error is that to PyTorch in double precision. `beam`: one utterance after the other, one
thread, width 100, weight 0.5, bonus 1.5, a trigram model, against `decode_beams` with its own
defaults. Behind a space at the end pyctcdecode scores an empty word, which is unknown; texts are
compared with a search that does so, too (`LanguageFusion(empty_word=True)`), and with one that does
not, which is how seqtool searches."""
PACKAGES = ("seqtool", "numpy", "numba", "torch", "pyctcdecode", "kenlm")
FRAMES, ROWS, SYMBOLS, LABELS = 500, 16, 32, 50
LEAST_LOSS, LEAST_BEAM, MOST_ERROR = 2.0, 5.0, 1e-5
LETTERS = ["", " ", "'", *(chr(97 + i) for i in range(26))]
UTTERANCES = 8


def medians(repeat: int, **runs: Callable[[], Any]) -> dict[str, float]:
    """Median seconds of each, in turn, after one run that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for count in range(repeat + 1):
        for name, function in runs.items():
            start = time.perf_counter()
            function()
            if count:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in seconds.items()}


def loss(bench: Bench, name: str) -> Rows:
    """The same logits through both."""
    import torch

    from seqtool.ctc.loss import CtcLoss
    from seqtool.nn.parameters import Parameters
    from seqtool.nn.workspace import Workspace
    from seqtool.parallel import for_each

    torch.set_num_threads(2)
    random = np.random.default_rng(1)
    logits = random.normal(size=(FRAMES, ROWS, SYMBOLS)).astype(np.float32)
    labels = random.integers(1, SYMBOLS, (LABELS, ROWS)).astype(np.int32)
    lengths, label_lengths = np.full(ROWS, FRAMES), np.full(ROWS, LABELS)

    def theirs(dtype: Any = torch.float32) -> Any:
        leaf = torch.tensor(logits, dtype=dtype, requires_grad=True)
        torch.nn.functional.ctc_loss(
            leaf.log_softmax(-1), torch.tensor(labels.T.astype(np.int64)),
            torch.tensor(lengths), torch.tensor(label_lengths), reduction="sum",
        ).backward()  # fmt: skip
        return leaf.grad.numpy()  # type: ignore[union-attr]

    parameters = Parameters()
    parameters.allocate(np.float32)
    half = ROWS // 2
    works = [Workspace(parameters) for _ in range(2)]
    parts = [np.empty((FRAMES, half, SYMBOLS), np.float32) for _ in range(2)]

    def part(number: int) -> None:
        rows = slice(number * half, (number + 1) * half)
        parts[number][...] = logits[:, rows]
        CtcLoss("ctc").forward(
            works[number], parts[number], lengths[rows], labels[:, rows], label_lengths[rows]
        )

    def ours() -> None:
        for_each(range(2), lambda: part, 2)

    found = medians(bench.options.repeat, ours=ours, theirs=theirs)
    error = float(np.abs(np.concatenate(parts, axis=1) - theirs(torch.float64)).max())
    ratio = found["theirs"] / found["ours"]
    asked = verdict(f"at least {LEAST_LOSS:.0f} times as fast", ratio >= LEAST_LOSS)
    exact = verdict(f"at most {MOST_ERROR:.0e}", error <= MOST_ERROR)
    what = f"{FRAMES} frames x {ROWS} x {SYMBOLS} symbols, forward and backward"
    return [
        row(f"{name}/time", what, timing.show_seconds(found["ours"]),
            f"PyTorch {timing.show_seconds(found['theirs'])}", f"{ratio:.1f}", asked),
        row(f"{name}/gradient", "largest error of the gradient", f"{error:.1e}", "-", "-", exact),
    ]  # fmt: skip


class Recordings(NamedTuple):
    """Log-probabilities (time, symbols) of each recording, and the text of each symbol."""

    alphabet: list[str]
    log_probs: list[Any]


def sentences(path: Path) -> list[list[str]]:
    """Sentences of 3 to 25 lower-case words."""
    found = []
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            for sentence in re.sub("[^a-z' .]", "", line.lower()).split("."):
                words = sentence.split()
                if 3 <= len(words) <= 25:
                    found.append(words)
            if len(found) > 60_000:
                break
    return found


def made_up(texts: list[list[str]], noise: float) -> Iterator[Any]:
    """Posteriors like those of a recogniser: short peaks among blanks, noise that is smooth."""
    random = np.random.default_rng(2)
    for words in texts:
        symbols: list[int] = []
        for letter in " ".join(words):
            symbols += [0] * int(random.integers(0, 3))
            symbols += [LETTERS.index(letter)] * int(random.integers(1, 3))
        symbols += [0] * 4
        logits = random.normal(size=(len(symbols), len(LETTERS))) * noise
        logits = (logits + np.roll(logits, 1, axis=0)) / 1.4
        logits[:, 0] += 1
        logits[np.arange(len(symbols)), symbols] += 7 * random.uniform(0.4, 1.2, len(symbols))
        logits -= logits.max(axis=1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        yield logits.astype(np.float32)


def recordings(bench: Bench) -> tuple[Recordings, Path]:
    """What is searched, and a language model."""
    arpa = Path(bench.options.arpa or bench.work / "words.arpa")
    held_out: list[list[str]] = []
    if not (bench.options.arpa and bench.options.posteriors):
        texts = sentences(bench.data / "text/wiki-en.txt.xz")
        held_out = texts[-UTTERANCES:]
    if not bench.options.arpa:
        text = bench.work / "words.txt"
        lines = [" ".join(words) for words in texts[:-UTTERANCES]]
        text.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        estimate_arpa(text, arpa)
    if not bench.options.posteriors:
        return Recordings(LETTERS, list(made_up(held_out, 1.0))), arpa
    with np.load(bench.options.posteriors, allow_pickle=False) as file:
        cuts = np.cumsum(file["lengths"])[:-1]
        return Recordings(file["alphabet"].tolist(), np.split(file["log_probs"], cuts)), arpa


def estimate_arpa(text: Path, arpa: Path) -> None:
    """Trigrams of the words of a text."""
    from seqtool.ngrams.arpa import write_arpa
    from seqtool.ngrams.estimate import estimate

    texts = [line.split() for line in text.read_text(encoding="utf-8").split("\n")[:-1]]
    vocabulary = list(dict.fromkeys(word for words in texts for word in words))
    index = {word: place for place, word in enumerate(vocabulary)}
    ids = np.array([index[word] for words in texts for word in words], np.int32)
    starts = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    write_arpa(str(arpa), estimate(ids, starts, vocabulary, 3))


def pyctcdecode_of(alphabet: list[str], arpa: Path, words: list[str]) -> Any:
    """Its decoder."""
    import logging

    import pyctcdecode

    logging.getLogger("pyctcdecode").setLevel(logging.ERROR)
    return pyctcdecode.build_ctcdecoder(alphabet, str(arpa), words, alpha=0.5, beta=1.5)


def beam(bench: Bench, name: str) -> Rows:
    """Texts, one by one, and the time that each search takes for all of them."""
    from seqtool.ctc.beam import CtcBeamOptions, prefix_beam_search
    from seqtool.ctc.fusion import LanguageFusion
    from seqtool.ctc.words import words_of
    from seqtool.ngrams.arpa import read_arpa

    (alphabet, utterances), arpa = recordings(bench)
    model = read_arpa(str(arpa))
    words = [word for word, known in zip(model.vocabulary, model.known, strict=True) if known]
    decoder = pyctcdecode_of(alphabet, arpa, words)
    language = LanguageFusion(alphabet, model)
    alike = LanguageFusion(alphabet, model, empty_word=True)
    doubles = [log_probs.astype(np.float64) for log_probs in utterances]

    def ours(language: LanguageFusion) -> list[str]:
        texts = []
        for log_probs in utterances:
            (best,) = prefix_beam_search(log_probs, CtcBeamOptions(), language)
            found = words_of(best.ids, best.frames, best.ends, best.confidences, alphabet)
            texts.append(" ".join(word.text for word in found))
        return texts

    def theirs() -> list[str]:
        return [decoder.decode_beams(log_probs)[0][0] for log_probs in doubles]

    found = medians(bench.options.repeat, ours=lambda: ours(language), theirs=theirs)
    mine, peer = ours(alike), theirs()
    for a, b in zip(mine, peer, strict=True):
        if a != b:
            log(f"seqtool: {a}\n   peer: {b}")
    same = sum(a == b for a, b in zip(mine, peer, strict=True))
    ended = sum(a == b for a, b in zip(ours(language), peer, strict=True))
    ratio = found["theirs"] / found["ours"]
    count, frames = len(utterances), sum(map(len, utterances))
    kind = "real posteriors" if bench.options.posteriors else "made-up posteriors"
    what = f"{count} utterances, {frames:,} frames of {kind}"
    return [
        row(f"{name}/time", what, timing.show_seconds(found["ours"]),
            f"pyctcdecode {timing.show_seconds(found['theirs'])}", f"{ratio:.1f}",
            verdict(f"at least {LEAST_BEAM:.0f} times as fast", ratio >= LEAST_BEAM)),
        row(f"{name}/texts", "equal texts with an empty last word", f"{same} of {count}", "-", "-",
            verdict("the same texts", same == count)),
        row(f"{name}/ends", "equal texts without it", f"{ended} of {count}", "-", "-", "-"),
    ]  # fmt: skip


CASES = {"loss": loss, "beam": beam}

if __name__ == "__main__":
    parser = program.parser(__doc__, repeat=5)
    parser.add_argument("--posteriors", help="a file of numpy with real posteriors")
    parser.add_argument("--arpa", help="a language model of words")
    program.main(program.Section("ctc", NOTE, PACKAGES, CASES), parser.parse_args())
