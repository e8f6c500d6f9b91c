"""Hold n-gram models against KenLM's, which its programs lmplz and query make and score.

    python tools/kenlm_peer.py reference KENLM_BIN
    python tools/kenlm_peer.py compare KENLM_BIN TRAIN HELD_OUT [ORDER [PRUNE ...]]

``reference`` makes tests/kenlm_reference again: a small corpus, and what lmplz estimates from it.
``compare`` prints the perplexity of a held-out text (words between white space) under both, the
largest difference between their numbers for an n-gram, and how long estimating took: lmplz with
reading and writing text, seqtool without.

lmplz takes the raw count of each order's last n-gram, in its order, where the adjusted count
belongs (it sums up counts of counts then). The corpus of the reference ends in a word that occurs
once, so that the two are the same.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from seqtool.ngrams.arpa import read_arpa
from seqtool.ngrams.estimate import estimate

FOLDER = Path(__file__).parents[1] / "tests/kenlm_reference"
REFERENCES = {"order1": [1], "order3": [3], "pruned": [4, 0, 0, 1], "words-pruned": [3, 1, 2]}
SENTENCES = 400


def make_corpus() -> str:
    """Sentences of a small grammar with words from rare to frequent."""
    rng = random.Random(2013)
    kinds = {"adjective": 40, "noun": 120, "verb": 60, "name": 80}

    def word(kind: str) -> str:
        return f"{kind}{int(kinds[kind] * rng.random() ** 3)}"

    def group() -> list[str]:
        if rng.random() < 0.3:
            return [word("name")]
        return ["the", *(word("adjective") for _ in range(rng.randrange(3))), word("noun")]

    lines = [[*group(), word("verb"), *group()] for _ in range(SENTENCES)]
    lines[SENTENCES // 2] = []
    return "\n".join(" ".join(line) for line in [*lines, ["at", "last"]]) + "\n"


def run_lmplz(folder: str, text: Path, arpa: Path, order: int, prune: list[int]) -> str:
    """Have lmplz write a model; returns what it says."""
    command = [f"{folder}/lmplz", "-o", str(order), "--discount_fallback", "-S", "2G"]
    command += ["--prune", *map(str, prune)] if prune else []
    with text.open("rb") as source, arpa.open("wb") as target:
        done = subprocess.run(command, stdin=source, stdout=target, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return done.stderr.decode()


def query_perplexity(folder: str, arpa: Path, text: Path) -> str:
    """Perplexity with unknown words, from query."""
    command = [f"{folder}/query", "-v", "summary", str(arpa)]
    with text.open("rb") as source:
        out = subprocess.run(command, stdin=source, capture_output=True, check=True).stdout
    return out.decode().split("\n")[0].rpartition("\t")[2]


def reference(folder: str) -> None:
    """Write the files that the tests compare with."""
    FOLDER.mkdir(exist_ok=True)
    corpus = FOLDER / "corpus.txt"
    corpus.write_text(make_corpus(), encoding="utf-8")
    for name, (order, *prune) in REFERENCES.items():
        run_lmplz(folder, corpus, FOLDER / f"{name}.arpa", order, prune)


def compare(folder: str, train: str, held_out: str, order: int = 5, *prune: int) -> None:
    """Print both sides as JSON."""
    with tempfile.TemporaryDirectory() as scratch:
        arpa = Path(scratch, "kenlm.arpa")
        start = time.perf_counter()
        run_lmplz(folder, Path(train), arpa, order, list(prune))
        found = {"kenlm_seconds": time.perf_counter() - start}
        peer = read_arpa(str(arpa))
        found["kenlm_perplexity"] = float(query_perplexity(folder, arpa, Path(held_out)))
    vocabulary = peer.vocabulary
    ids, starts = numbered(train, vocabulary, True)
    start = time.perf_counter()
    model = estimate(ids, starts, vocabulary, order, prune=prune)
    found["seconds"] = time.perf_counter() - start
    scores = model.score(*numbered(held_out, model.vocabulary, False))
    found["perplexity"] = scores.perplexity
    assert model.counts == peer.counts, (model.counts, peer.counts)
    assert np.array_equal(model.trie.words, peer.trie.words)
    for name in ("probs", "backoffs"):
        ours, theirs = getattr(model.trie, name), getattr(peer.trie, name)
        found[f"largest_difference_{name}"] = float(np.abs(ours - theirs).max())
    print(json.dumps(found))


def numbered(
    path: str, vocabulary: list[str], grow: bool
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int32]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """A file as ids and starts; new words are added to the vocabulary, or are ``<unk>``."""
    index = {word: place for place, word in enumerate(vocabulary)}
    ids: list[int] = []
    starts = [0]
    with open(path, encoding="utf-8", newline="\n") as file:
        for line in file:
            for word in line.split():
                if grow and word not in index:
                    index[word] = len(vocabulary)
                    vocabulary.append(word)
                ids.append(index.get(word, index["<unk>"]))
            starts.append(len(ids))
    return np.array(ids, np.int32), np.array(starts, np.int64)


if __name__ == "__main__":
    job, binaries, *rest = sys.argv[1:]
    if job == "reference":
        reference(binaries)
    else:
        compare(binaries, rest[0], rest[1], *map(int, rest[2:]))
