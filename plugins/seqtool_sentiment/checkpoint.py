"""The state of a training that is going on, in one file beside the output: ``OUTPUT.work``."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.modelfile import read_model, write_model
from seqtool.resume import check_same_settings, refuse_missing, refuse_unfinished

_KIND = "text-classifier-checkpoint"
_SECONDS = 15.0


class Checkpoint:
    """``settings`` is all that decides what the training makes, the data included.

    ``seconds`` is how often to save. Raises SeqtoolError if there is a checkpoint and ``resume``
    is False, or the other way round, or if it is one of other settings.
    """

    seconds = _SECONDS

    def __init__(self, output: str, settings: Mapping[str, Any], resume: bool) -> None:
        self.path = f"{output}.work"
        self._settings = json.loads(json.dumps(settings))
        found = os.path.isfile(self.path)
        if found and not resume:
            refuse_unfinished(self.path)
        if resume and not found:
            refuse_missing(self.path, output)
        if resume:
            before = read_model(self.path, _KIND)[1].get("settings")
            if not isinstance(before, dict):
                raise SeqtoolError(f"{self.path}: its metadata is damaged (settings)")
            check_same_settings(output, before, self._settings)

    def save(self, arrays: Mapping[str, npt.NDArray[Any]], state: Mapping[str, Any]) -> None:
        """Keep arrays, and what else the training needs to go on, in fields fit for JSON."""
        fields = {"kind": _KIND, "settings": self._settings, "state": dict(state)}
        write_model(self.path, arrays, fields)

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any] | None:
        """Fill the arrays and return the state; None, and no change, without a checkpoint."""
        if not os.path.isfile(self.path):
            return None
        tensors, metadata = read_model(self.path, _KIND)
        for name, array in arrays.items():
            found = tensors.get(name, np.empty(0))
            if found.shape != array.shape or found.dtype != array.dtype:
                raise SeqtoolError(f"{self.path}: it is of another model: {name} differs")
            array[:] = found
        state = metadata.get("state")
        if not isinstance(state, dict):
            raise SeqtoolError(f"{self.path}: its metadata is damaged (state)")
        return state

    def remove(self) -> None:
        """The training is over."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)
