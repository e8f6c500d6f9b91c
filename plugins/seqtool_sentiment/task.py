"""What a training is about, and what it tells while it runs."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from types import TracebackType
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool.progress import Progress


class Examples(NamedTuple):
    """Texts, and the number of each one's label (int32)."""

    texts: list[str]
    wanted: npt.NDArray[np.int32]


class Task(NamedTuple):
    """What to learn: texts, their labels, how much each label weighs (float32, labels)."""

    labels: list[str]
    texts: list[str]
    wanted: npt.NDArray[np.int32]
    class_weights: npt.NDArray[np.float32]
    validation: Examples | None


class Epoch(NamedTuple):
    """How an epoch went; they count from 1. Accuracy is between 0 and 1."""

    epoch: int
    loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    seconds: float


class Events:
    """Tells of a training: progress on a terminal, a line an epoch, and a file of them.

    ``log`` is a file that gets a line of JSON for every epoch, those before a stop included.
    """

    def __init__(self, quiet: bool, log: str | None) -> None:
        self._quiet = quiet
        self._log_path = log
        self._log: IO[str] | None = None
        self._files = ExitStack()
        self._progress: Progress | None = None
        self._epochs = 0
        self._texts = 0

    def __enter__(self) -> Events:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress:
            self._progress.__exit__(kind, error, trace)
        self._files.close()

    def start(self, texts: int, epochs: int, history: list[Epoch]) -> None:
        """Training begins, or goes on after the epochs of ``history``."""
        self._texts, self._epochs = texts, epochs
        if history:
            self.say(f"resuming after epoch {len(history)} of {epochs}")
        if self._log_path:
            opened = open(self._log_path, "w", encoding="utf-8", newline="\n")  # noqa: SIM115
            self._log = self._files.enter_context(opened)
        for epoch in history:
            self._write(epoch)
        total = (epochs - len(history)) * texts
        self._progress = Progress("training", "texts", total=total, quiet=self._quiet)
        self._progress.__enter__()

    def texts_done(self, count: int) -> None:
        """So many texts were trained on."""
        if self._progress:
            self._progress.advance(count)

    def epoch_done(self, epoch: Epoch) -> None:
        """An epoch ended."""
        line = f"epoch {epoch.epoch} of {self._epochs}: loss {epoch.loss:.4f}"
        if epoch.validation_loss is not None and epoch.validation_accuracy is not None:
            line += f", validation loss {epoch.validation_loss:.4f}"
            line += f", accuracy {100 * epoch.validation_accuracy:.2f} %"
        self.say(f"{line}, {self._texts / max(epoch.seconds, 1e-9):,.0f} texts/s")
        self._write(epoch)

    def _write(self, epoch: Epoch) -> None:
        if self._log:
            self._log.write(json.dumps(epoch._asdict(), allow_nan=False) + "\n")
            self._log.flush()

    def say(self, line: str) -> None:
        """Tell the user something."""
        if not self._quiet:
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            print(f"{clear}{line}", file=sys.stderr, flush=True)
