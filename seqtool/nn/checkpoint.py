"""The checkpoint of a training: one file beside the output, from which `--resume` goes on."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from seqtool.errors import SeqtoolError
from seqtool.modelfile import open_model, read_model, write_model
from seqtool.nn.trainer import Place, Training
from seqtool.resume import check_same_settings, refuse_missing, refuse_unfinished

_KIND = "training-checkpoint"


class Checkpoint:
    """The file ``OUTPUT.checkpoint``; it goes when the output is written (`remove`).

    ``settings`` is all that decides the result, fit for JSON: arguments, and under ``corpus`` the
    sha256 of the data. A training goes on with the same ones only; this holds for the number of
    epochs, too, for learning rates of the first ones may depend on it.
    """

    def __init__(self, output: str, settings: Mapping[str, Any]) -> None:
        self.path = f"{output}.checkpoint"
        self._output = output
        self._settings = json.loads(json.dumps(settings))  # as they come back from the file

    def begin(self, resume: bool) -> None:
        """Check, before work is done, that there is a training to resume, or none to lose.

        Raises SeqtoolError.
        """
        found = os.path.exists(self.path)
        if found and not resume:
            refuse_unfinished(self.path)
        if resume:
            if not found:
                refuse_missing(self.path, self._output)
            with open_model(self.path, _KIND) as model:
                self._check(model.metadata)

    def save(self, training: Training) -> None:
        """Write where the training is; a kill leaves the old checkpoint or the new one."""
        place = dataclasses.asdict(training.place)
        fields = {"kind": _KIND, "settings": self._settings, "place": place}
        write_model(self.path, training.state(), fields)

    def load(self, training: Training) -> None:
        """Take the training to where it was saved. Raises SeqtoolError."""
        arrays, metadata = read_model(self.path, _KIND)
        self._check(metadata)
        try:
            training.load_state(arrays, read_place(metadata.get("place")))
        except (ValueError, KeyError, TypeError) as error:
            raise SeqtoolError(
                f"{self.path}: damaged, or of another model ({error}): remove it to start anew"
            ) from error

    def remove(self) -> None:
        """The training is over."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)

    def _check(self, metadata: Mapping[str, Any]) -> None:
        before = metadata.get("settings")
        if not isinstance(before, dict):
            raise SeqtoolError(f"{self.path}: its metadata is damaged (settings)")
        check_same_settings(self._output, before, self._settings)


def read_place(fields: Any) -> Place:
    """The place that the fields of a checkpoint say. Raises ValueError."""
    if not isinstance(fields, dict) or fields.keys() != dataclasses.asdict(Place()).keys():
        raise ValueError("no place")
    for name, start in dataclasses.asdict(Place()).items():
        value = fields[name]
        fits = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        if name in ("best_loss", "best_rank"):
            fits = value is None or isinstance(value, float)
        elif isinstance(start, int):
            fits = fits and isinstance(value, int)
        if not fits:
            raise ValueError(f"{name} is {value}")
    if (fields["best_loss"] is None) != (fields["best_rank"] is None):
        raise ValueError("best_loss and best_rank do not belong together")
    return Place(**fields)
