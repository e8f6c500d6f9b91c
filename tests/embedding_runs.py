"""Corpora with a known shape, and trainings that are killed, for the tests of the command."""

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np

from seqtool.vectors import WordVectors

CLUSTERS = [[f"{name}{n}" for n in range(5)] for name in ("ant", "bee", "cow", "dog", "eel", "fox")]


def sentences(count: int = 400, seed: int = 1) -> list[str]:
    """Lines of eight words: seven of one cluster, and now and then a word that is everywhere."""
    rng = random.Random(seed)
    lines = []
    for _ in range(count):
        cluster = rng.choice(CLUSTERS)
        words = rng.choices(cluster, k=7)
        words.insert(rng.randrange(8), rng.choice(["the", "of", *cluster]))
        lines.append(" ".join(words))
    return lines


def write_corpus(path: Path, count: int = 400, seed: int = 1) -> Path:
    """A file of `sentences`."""
    path.write_text("".join(f"{line}\n" for line in sentences(count, seed)), encoding="utf-8")
    return path


def neighbours_found(vectors: WordVectors) -> float:
    """The share of words whose nearest neighbour is of their cluster."""
    words = [word for cluster in CLUSTERS for word in cluster]
    rows = np.array([vectors.vector(word) for word in words])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -2)
    nearest = cosines.argmax(axis=1)
    return float(np.mean([words[i][:3] == words[j][:3] for i, j in enumerate(nearest)]))


# Small chunks, a checkpoint every third round, and the moment to be killed at: no handler of a
# signal and no clean-up runs after SIGKILL.
_DRIVER = """
import os, signal, sys
from seqtool_train_embeddings import glove_run, report, run, trainer

moment, _, number = sys.argv[1].partition(":")
left = int(number or 1)
rounds = 0

def die(at):
    global left
    if at == moment:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def dying(at, function, when=lambda *args: True):
    def call(*args, **kwargs):
        if when(*args):
            die(at)
        return function(*args, **kwargs)
    return call

class Report(report.TrainingReport):
    checkpoint_seconds = -1.0

    def chunks_done(self, words, place, rate):
        super().chunks_done(words, place, rate)
        die("training")

    def save(self, place):
        global rounds
        rounds += 1
        if rounds % 3 == 0:
            super().save(place)

trainer._ROUND = 1
trainer.chunk_bounds.__defaults__ = (300,)
run.TrainingReport = Report
run.encode_corpus = dying("vocabulary", run.encode_corpus)
run.save_vectors = dying("saving", run.save_vectors)
os.replace = dying("checkpoint", os.replace, lambda source, target: "checkpoint" in str(target))

from seqtool.cli import main
sys.exit(main(sys.argv[2:]))
"""


def run_until(moment: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run seqtool in a process that kills itself at ``moment``.

    ``vocabulary`` is between the passes over the corpus, ``training:N`` behind the Nth round,
    ``checkpoint:N`` when the Nth checkpoint is written but not in place, ``saving`` at the end;
    ``never`` runs the same code to its end.
    """
    command = [sys.executable, "-c", _DRIVER, moment, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=dict(os.environ), timeout=300
    )
