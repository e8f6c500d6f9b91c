"""Training a recurrent language model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.nn.batches import SequenceBatches, StreamBatches
from seqtool.nn.cells import find_cell
from seqtool.nn.checkpoint import Checkpoint
from seqtool.nn.initial import rows_from_vectors
from seqtool.nn.language_model import LanguageModel, LanguageModelSettings
from seqtool.nn.parameters import Floats
from seqtool.nn.shards import Validation
from seqtool.nn.stack import StackSettings
from seqtool.nn.trainer import make_training
from seqtool.nn.training_log import TrainingLog
from seqtool.nn.types import Batches
from seqtool.vectors import load_vectors
from seqtool_generate.model_files import save_neural
from seqtool_generate.text_side import Texts, TextSide

_EMBEDDING = {"char": 64, "word": 256, "subword": 256}


def train_neural(
    text: TextSide,
    train: Texts,
    validation: Texts | None,
    about: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> None:
    """Train, keep the weights that validate best, and write the model.

    ``about`` is what decides the result. Raises SeqtoolError.
    """
    checkpoint = Checkpoint(settings["output"], about)
    checkpoint.begin(settings["resume"])
    model = _model(text, settings)
    batches = _batches(text, train, settings)
    validate = None
    if validation is not None:
        held_out = _batches(text, validation, settings)
        validate = Validation(model, held_out, settings["threads"])
    log = TrainingLog(checkpoint, settings["log"], settings["quiet"])
    training = make_training(model, batches, settings, log, validate)
    if settings["resume"]:
        checkpoint.load(training)
    training.run()
    fields = {**about, "validation_loss": training.place.best_loss}
    save_neural(settings["output"], model, text, settings["precision"], fields)
    checkpoint.remove()


def _batches(text: TextSide, texts: Texts, settings: Mapping[str, Any]) -> Batches:
    rows, seed = settings["batch_size"], settings["seed"]
    if text.lines:
        return SequenceBatches(*text.as_sequences(texts), rows, seed)
    return StreamBatches(text.as_stream(texts), rows, settings["steps"], seed)


def _model(text: TextSide, settings: Mapping[str, Any]) -> LanguageModel:
    find_cell(settings["cell"])
    vectors = _vectors(text, settings)
    size = settings["embedding"] or _EMBEDDING[settings["level"]]
    stack = StackSettings(
        cell=settings["cell"],
        hidden=settings["hidden"],
        layers=settings["layers"],
        dropout=settings["dropout"],
        variational=settings["variational"],
        layer_norm=settings["layer_norm"],
        residual=settings["residual"],
    )
    shape = LanguageModelSettings(
        text.vocab_size,
        size if vectors is None else vectors.shape[1],
        stack,
        settings["tied"],
        settings["label_smoothing"],
        # A character's vector is too small to lose parts of.
        0.0 if settings["level"] == "char" else settings["dropout"],
    )
    model = LanguageModel(shape, vectors)
    model.initialise(settings["seed"])
    return model


def _vectors(text: TextSide, settings: Mapping[str, Any]) -> Floats | None:
    """What the words' vectors begin with, (vocabulary, dimensions)."""
    path = settings["embeddings"]
    if not path:
        return None
    vectors = load_vectors(path)
    if settings["embedding"] not in (None, vectors.dimensions):
        raise SeqtoolError(
            f"{path} has vectors of {vectors.dimensions} dimensions, --embedding is "
            f"{settings['embedding']}: leave it out"
        )
    random = np.random.default_rng(settings["seed"])
    matrix, found = rows_from_vectors(text.names, vectors, random)
    if not settings["quiet"]:
        click.echo(f"{found:,} of {text.vocab_size:,} words have a vector in {path}", err=True)
    return matrix
