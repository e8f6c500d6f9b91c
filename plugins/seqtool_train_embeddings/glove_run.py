"""A training of GloVe within the command: co-occurrences, checkpoints, report."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.interrupt import postponed_interrupt
from seqtool.progress import Progress
from seqtool.vectors import WordVectors
from seqtool_train_embeddings.cooccurrence import count_cooccurrences
from seqtool_train_embeddings.glove import Glove
from seqtool_train_embeddings.glove_cells import Cells, arrange_cells
from seqtool_train_embeddings.known_vectors import known_vectors
from seqtool_train_embeddings.report import TrainingReport
from seqtool_train_embeddings.trainer import Place, Plan
from seqtool_train_embeddings.vocabulary import Vocabulary
from seqtool_train_embeddings.work import WorkFolder


def train_glove(
    vocabulary: Vocabulary,
    ids: npt.NDArray[np.int32],
    settings: Mapping[str, Any],
    work: WorkFolder,
    report: TrainingReport,
) -> WordVectors:
    """Count co-occurrences and train. Raises SeqtoolError when there are none."""
    cells = _cells(vocabulary, ids, settings, work)
    if cells.count == 0:
        raise SeqtoolError("no two words of the vocabulary stand near each other: nothing to learn")
    model = Glove(
        cells,
        settings["dim"],
        seed=settings["seed"],
        learning_rate=settings["learning_rate"],
        x_max=settings["x_max"],
        alpha=settings["alpha"],
        threads=settings["threads"],
    )
    if settings["init"]:
        model.set_vectors(*known_vectors(settings["init"], vocabulary, model.dimensions))
    work.restore_checkpoint(model.restore)
    plan = Plan(settings["epochs"], settings["learning_rate"], settings["threads"])
    place = Place(model.epoch, model.stratum)
    report.start(
        cells.count, plan, place, lambda at: work.save_checkpoint(model.state(), at), "cells"
    )

    def vectors() -> WordVectors:
        return WordVectors(vocabulary.words, model.vectors(settings["sum_contexts"]))

    report.vectors = vectors
    _train(model, plan, report)
    return vectors()


def _cells(
    vocabulary: Vocabulary,
    ids: npt.NDArray[np.int32],
    settings: Mapping[str, Any],
    work: WorkFolder,
) -> Cells:
    """The co-occurrences in training order; counted unless a resumed training has them."""
    folder = os.path.join(work.path, "cells")
    if settings["resume"] and os.path.isfile(os.path.join(folder, "done")):
        return Cells(folder, len(vocabulary))
    os.makedirs(folder, exist_ok=True)
    memory, threads = settings["memory"], settings["threads"]
    with Progress("counting pairs", "words", total=len(ids), quiet=settings["quiet"]) as progress:
        table = count_cooccurrences(
            ids,
            len(vocabulary),
            settings["window"],
            folder=folder,
            memory=memory,
            threads=threads,
            progress=progress,
        )
    cells = arrange_cells(table, folder, seed=settings["seed"], memory=memory, threads=threads)
    with open(os.path.join(folder, "done"), "wb"):
        pass
    return cells


def _train(model: Glove, plan: Plan, report: TrainingReport) -> None:
    """Train to the last epoch; an interrupt is obeyed after a stratum, with a checkpoint."""
    with postponed_interrupt() as interrupt:
        saved = time.monotonic()

        def after_stratum(cells: int) -> None:
            nonlocal saved
            place = Place(model.epoch, model.stratum)
            report.chunks_done(cells, place, plan.rate)
            if interrupt.requested or time.monotonic() - saved > report.checkpoint_seconds:
                report.save(place)
                saved = time.monotonic()
            interrupt.obey()

        while model.epoch < plan.epochs:
            start = time.monotonic()
            loss = model.train_epoch(after_stratum)
            report.epoch_done(model.epoch, loss, time.monotonic() - start)
