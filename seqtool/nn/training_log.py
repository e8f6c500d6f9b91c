"""What a training tells while it runs: progress, a line an epoch, ``--log``, checkpoints."""

from __future__ import annotations

import json
import os
import sys
from typing import IO, Any

from seqtool.nn.checkpoint import Checkpoint
from seqtool.nn.diagnose import Diagnosis
from seqtool.nn.trainer import Events, Measured, Place, Step, Training
from seqtool.progress import Progress

_SMOOTHING = 0.98  # of the loss and rate that the progress line shows


class LogFile:
    """A file of JSON lines, each written at once; None writes nothing.

    Every line has ``kind`` (step, validation or epoch) and ``step``. When a training goes on,
    lines behind its checkpoint are dropped, for those steps come again.
    """

    def __init__(self, path: str | None, place: Place) -> None:
        self._file: IO[bytes] | None = None
        if path is None:
            return
        if place.step and os.path.isfile(path):
            with open(path, "r+b") as file:
                file.truncate(_end_of(file, place.step))
            self._file = open(path, "ab")  # noqa: SIM115 - closed by `close`
        else:
            self._file = open(path, "wb")  # noqa: SIM115

    def write(self, **fields: Any) -> None:
        """Append a line."""
        if self._file:
            line = json.dumps(fields, ensure_ascii=False, allow_nan=False)
            self._file.write(line.encode() + b"\n")
            self._file.flush()

    def close(self) -> None:
        """No more lines come."""
        if self._file:
            self._file.close()


def _end_of(file: IO[bytes], step: int) -> int:
    """Where the lines of steps up to ``step`` end; what is no line of a log ends them, too."""
    end = 0
    for line in file:
        try:
            fields = json.loads(line)
        except ValueError:
            break
        number = fields.get("step") if isinstance(fields, dict) else None
        if not isinstance(number, int) or number > step or not line.endswith(b"\n"):
            break
        end += len(line)
    return end


class TrainingLog(Events):
    """Lines on stderr, progress on a terminal, lines of ``--log``, and checkpoints.

    Args:
        checkpoint: where to save; None for nowhere.
        log: path of the file of JSON lines, or None.
        quiet: write nothing to stderr.
    """

    def __init__(self, checkpoint: Checkpoint | None, log: str | None, quiet: bool) -> None:
        self._checkpoint = checkpoint
        self._path = log
        self._quiet = quiet
        self._epochs = 0
        self._validation = ""
        self._loss = self._rate = 0.0  # smoothed
        self._file = LogFile(None, Place())
        self._progress: Progress | None = None

    def started(self, training: Training) -> None:
        self._epochs = training.settings.epochs
        self._file = LogFile(self._path, training.place)
        if training.place.step and not training.finished:
            self._say(f"resuming in epoch {training.place.epoch + 1} of {self._epochs}")

    def ended(self) -> None:
        if self._progress:
            self._progress.__exit__(None, None, None)
        self._file.close()

    def epoch_started(self, place: Place, batches: int) -> None:
        if self._progress is None:
            left = (self._epochs - place.epoch) * batches - place.batch
            self._progress = Progress("training", "steps", total=left, quiet=self._quiet)
            self._progress.__enter__()

    def step_done(self, place: Place, step: Step) -> None:
        rate = step.tokens / max(step.seconds, 1e-9)
        old = _SMOOTHING if self._rate else 0.0
        self._loss = old * self._loss + (1 - old) * step.loss
        self._rate = old * self._rate + (1 - old) * rate
        if self._progress:
            self._progress.label = (
                f"epoch {place.epoch + 1} of {self._epochs}, loss {self._loss:.4f}, "
                f"{self._rate:,.0f} tokens/s"
            )
            self._progress.advance()
        norms = {"gradient_norms": dict(step.layer_norms)} if step.layer_norms else {}
        self._file.write(
            kind="step",
            step=place.step,
            epoch=place.epoch + 1,
            loss=step.loss,
            rate=step.rate,
            gradient_norm=step.gradient_norm,
            tokens_per_second=round(rate, 1),
            seconds=round(place.seconds, 3),
            **norms,
        )

    def validated(self, place: Place, measured: Measured) -> None:
        best = place.waited == 0
        numbers = {name: x for name, x in measured.figures.items() if isinstance(x, float)}
        shown = "".join(f", {name} {number:.2f}" for name, number in numbers.items())
        mark = ", the best so far" if best else ""
        self._validation = f"; validation loss {measured.loss:.4f}{shown}{mark}"
        self._file.write(
            kind="validation",
            step=place.step,
            epoch=place.epoch + 1,
            loss=measured.loss,
            best=best,
            seconds=round(place.seconds, 3),
            **measured.figures,
        )

    def epoch_done(self, place: Place, diagnosis: Diagnosis | None) -> None:
        loss = place.loss / max(place.targets, 1)
        rate = place.tokens / max(place.epoch_seconds, 1e-9)
        self._say(
            f"epoch {place.epoch + 1} of {self._epochs}: mean loss {loss:.4f}, "
            f"{rate:,.0f} tokens/s{self._validation}"
        )
        norms: dict[str, Any] = {}
        if diagnosis:
            norms = {"gradient_norms": diagnosis.layers, "cell_gradient_norms": diagnosis.steps}
            for line in diagnosis.lines():
                self._say(line)
        self._file.write(
            kind="epoch",
            step=place.step,
            epoch=place.epoch + 1,
            loss=loss,
            tokens_per_second=round(rate, 1),
            seconds=round(place.seconds, 3),
            **norms,
        )

    def save(self, training: Training) -> None:
        if self._checkpoint:
            self._checkpoint.save(training)

    def _say(self, line: str) -> None:
        if not self._quiet:
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            print(f"{clear}{line}", file=sys.stderr, flush=True)
