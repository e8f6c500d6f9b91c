"""What a training tells while it runs: progress, the loss of each epoch, evaluations."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from seqtool.progress import Progress
from seqtool.vectors import WordVectors
from seqtool_train_embeddings.trainer import Events, Place, Plan
from seqtool_train_embeddings.vocabulary import Vocabulary


class TrainingReport(Events):
    """Lines on stderr, a progress line on a terminal, and the checkpoints in between."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._quiet = settings["quiet"]
        self._eval = settings["eval"]
        self._threads = settings["threads"]
        self._progress: Progress | None = None
        self._save: Callable[[Place], None] = lambda place: None
        self._plan = Plan(0, 0.0, 1)
        self._items = 0
        self._noun = "words"
        self.vectors: Callable[[], WordVectors] | None = None  # of the model as it is now

    def __enter__(self) -> TrainingReport:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress:
            self._progress.__exit__(kind, error, trace)

    def corpus(self, vocabulary: Vocabulary) -> None:
        """Say what there is to train on."""
        self._say(
            f"{len(vocabulary):,} words; {vocabulary.total:,} of {vocabulary.tokens_seen:,} "
            "words of the corpus are among them"
        )

    def start(
        self,
        items: int,
        plan: Plan,
        place: Place,
        save: Callable[[Place], None],
        noun: str = "words",
    ) -> None:
        """Training begins, or goes on at ``place``; ``items`` make an epoch."""
        self._plan, self._save, self._items, self._noun = plan, save, items, noun
        if place != Place():
            self._say(f"resuming in epoch {place.epoch + 1} of {plan.epochs}")
        left = (plan.epochs - place.epoch) * items
        self._progress = Progress("training", noun, total=left, quiet=self._quiet)
        self._progress.__enter__()

    def chunks_done(self, words: int, place: Place, rate: float) -> None:
        if self._progress:
            self._progress.advance(words)

    def epoch_done(self, epoch: int, mean_loss: float, seconds: float) -> None:
        rate = self._items / max(seconds, 1e-9)
        line = (
            f"epoch {epoch} of {self._plan.epochs}: mean loss {mean_loss:.4f}, "
            f"{rate:,.0f} {self._noun}/s"
        )
        if self._eval and self.vectors:
            from seqtool.vectors.evaluation import evaluate_file

            vectors = self.vectors()
            results = (evaluate_file(vectors, path, self._threads) for path in self._eval)
            line += "".join(f"; {result}" for result in results)
        self._say(line)

    def save(self, place: Place) -> None:
        self._save(place)

    def _say(self, line: str) -> None:
        if not self._quiet:
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            print(f"{clear}{line}", file=sys.stderr, flush=True)
