"""The work folder of a training: vocabulary, corpus as numbers, checkpoint.

It lies beside the output file as ``OUTPUT.work`` and goes when the output is written, so what an
interrupted training leaves behind is where `--resume` looks for it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.modelfile import read_model, write_model
from seqtool.resume import check_same_settings, refuse_missing, refuse_unfinished
from seqtool_train_embeddings.trainer import Place
from seqtool_train_embeddings.vocabulary import Vocabulary

_KIND = "word-vector-checkpoint"


class WorkFolder:
    """Files of a training that is going on. ``settings`` is all that decides its result."""

    def __init__(self, output: str, settings: Mapping[str, Any]) -> None:
        self.path = f"{output}.work"
        self.ids = os.path.join(self.path, "corpus.ids")
        self._output = output
        self._settings = json.loads(json.dumps(settings))
        self._vocabulary = os.path.join(self.path, "vocabulary.safetensors")
        self._checkpoint = os.path.join(self.path, "checkpoint.safetensors")

    def begin(self) -> None:
        """Start anew. Raises SeqtoolError rather than throw away an unfinished training."""
        if os.path.exists(self._checkpoint):
            refuse_unfinished(self.path, "folder")
        shutil.rmtree(self.path, ignore_errors=True)
        os.makedirs(self.path)

    def check_resumable(self) -> None:
        """Raise SeqtoolError if there is nothing to resume, or something else."""
        if not os.path.isfile(self._vocabulary):
            refuse_missing(self.path, self._output)
        _, metadata = read_model(self._vocabulary, _KIND)
        check_same_settings(self._output, metadata["settings"], self._settings)

    def save_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Keep the vocabulary and, with it, the settings; the corpus' file is complete now."""
        words = "\n".join(vocabulary.words).encode()
        tensors: dict[str, npt.NDArray[Any]] = {
            "words": np.frombuffer(words, np.uint8),
            "counts": vocabulary.counts,
        }
        fields = {
            "kind": _KIND,
            "settings": self._settings,
            "tokens_seen": vocabulary.tokens_seen,
            "corpus_sha256": vocabulary.sha256,
        }
        write_model(self._vocabulary, tensors, fields)

    def load_vocabulary(self) -> Vocabulary:
        """The vocabulary that was saved."""
        tensors, metadata = read_model(self._vocabulary, _KIND)
        words = tensors["words"].tobytes().decode().split("\n")
        return Vocabulary(
            words, tensors["counts"], metadata["tokens_seen"], metadata["corpus_sha256"]
        )

    def save_checkpoint(self, arrays: Mapping[str, npt.NDArray[Any]], place: Place) -> None:
        """Keep a model's arrays and how far its training is."""
        write_model(self._checkpoint, arrays, {"kind": _KIND, "place": list(place)})

    def load_checkpoint(self, arrays: Mapping[str, npt.NDArray[Any]]) -> Place:
        """Fill the arrays from the checkpoint and return the place; without one, change nothing."""
        if not os.path.isfile(self._checkpoint):
            return Place()
        tensors, metadata = read_model(self._checkpoint, _KIND)
        for name, array in arrays.items():
            if name not in tensors or tensors[name].shape != array.shape:
                raise SeqtoolError(f"{self._checkpoint}: it is of another model: {name} differs")
            array[:] = tensors[name]
        epoch, chunk, loss, losses = metadata["place"]
        return Place(int(epoch), int(chunk), float(loss), float(losses))

    def restore_checkpoint(self, restore: Callable[[dict[str, npt.NDArray[Any]]], None]) -> None:
        """Give the arrays of the checkpoint to ``restore``, if there is one."""
        if os.path.isfile(self._checkpoint):
            restore(read_model(self._checkpoint, _KIND)[0])

    def remove(self) -> None:
        """The training is over."""
        shutil.rmtree(self.path, ignore_errors=True)
