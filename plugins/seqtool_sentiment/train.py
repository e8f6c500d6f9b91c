"""What `seqtool sentiment train` does once its options are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.options import given, refuse_overwriting
from seqtool.text import expand_patterns
from seqtool_sentiment.checkpoint import Checkpoint
from seqtool_sentiment.classifier import Trained
from seqtool_sentiment.data import Columns, Labelled, label_numbers, label_set, read_labelled
from seqtool_sentiment.task import Events, Examples, Task

# What decides the model; the rest (threads, progress, output) does not.
_DECIDING = (
    "model", "dim", "min_count", "embeddings", "freeze", "epochs", "learning_rate", "dropout",
    "class_weights", "patience", "seed", "errors",
)  # fmt: skip
_AVERAGED = ("ngrams", "buckets", "subwords", "min_ngram", "max_ngram", "members")
_RECURRENT = (
    "hidden", "layers", "bidirectional", "pooling", "projection", "max_vocab", "word_dropout",
    "label_smoothing", "batch_size",
)  # fmt: skip

# Where the kinds of models differ: of the averaged model, and of recurrent ones.
_DEFAULTS = {"learning_rate": (0.2, 0.002), "dropout": (0.6, 0.4)}

Trainer = Callable[[Task, Mapping[str, Any], Events, Checkpoint], Trained]


def run_train(files: Sequence[str], settings: dict[str, Any]) -> None:
    """Train and write the model. Raises SeqtoolError and click.UsageError."""
    _check(files, settings)
    for name, defaults in _DEFAULTS.items():
        if settings[name] is None:
            settings[name] = defaults[settings["model"] != "average"]
    columns = Columns(settings["label_column"], settings["text_column"])
    data = read_labelled(files, columns, settings["errors"])
    labels = label_set(data.labels)
    if len(labels) < 2:
        raise SeqtoolError(f"all texts have the label '{labels[0]}': there is nothing to learn")
    _check_dimensions(settings, len(labels))
    validation: Labelled | None = None
    if settings["validation"]:
        validation = read_labelled([settings["validation"]], columns, settings["errors"])
    task = _task(labels, data, validation, settings)
    own = _AVERAGED if settings["model"] == "average" else _RECURRENT
    deciding = {name: settings[name] for name in (*_DECIDING, *own)}
    about = {
        "corpus_sha256": data.sha256,
        "validation_sha256": validation.sha256 if validation else None,
    }
    checkpoint = Checkpoint(settings["output"], {**deciding, **about}, settings["resume"])
    with Events(settings["quiet"], settings["log"]) as events:
        counts = np.bincount(task.wanted, minlength=len(labels)).tolist()
        shown = ", ".join(f"{n:,} {name}" for name, n in zip(labels[:10], counts, strict=False))
        more = f" and {len(labels) - 10:,} other labels" if len(labels) > 10 else ""
        events.say(f"{len(data.texts):,} texts: {shown}{more}")
        model = trainer(settings["model"])(task, settings, events, checkpoint)
        model.save(settings["output"], {"arguments": deciding, "seed": settings["seed"], **about})
    checkpoint.remove()


def trainer(name: str) -> Trainer:
    """What trains the models called ``name``; imported only when it is asked for."""
    if name == "average":
        from seqtool_sentiment.average_train import train_average

        return train_average
    from seqtool_sentiment.recurrent_train import train_recurrent

    return train_recurrent


def _check(files: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other, before time is spent."""
    output, log = settings["output"], settings["log"]
    if not output.endswith(".safetensors"):
        raise click.UsageError(f"-o {output}: end it in .safetensors")
    for path in filter(None, (output, log)):
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise SeqtoolError(f"{folder}: no such folder")
    _check_kind(settings["model"])
    if settings["buckets"] & (settings["buckets"] - 1):
        raise click.UsageError(f"--buckets {settings['buckets']}: it must be a power of two")
    if settings["min_ngram"] > settings["max_ngram"]:
        raise click.UsageError("--min-ngram is above --max-ngram")
    if settings["freeze"] and not settings["embeddings"]:
        raise click.UsageError("--freeze is about --embeddings, which is not given")
    if settings["model"] == "average" and len(settings["embeddings"]) > 1:
        raise click.UsageError("several --embeddings do not go with --model average")
    read = [*expand_patterns(files), settings["validation"], *settings["embeddings"]]
    for path in filter(None, read):
        if path != "-" and not os.path.exists(path):
            raise SeqtoolError(f"{path}: no such file")
    refuse_overwriting((output, log), read)


def _check_kind(model: str) -> None:
    """Refuse options that are given and do not go with this kind of model."""
    for name in _RECURRENT if model == "average" else _AVERAGED:
        if given(name):
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} does not go with --model {model}")


def _check_dimensions(settings: Mapping[str, Any], labels: int) -> None:
    """Refuse --dim where it would change nothing."""
    counted = settings["model"] == "average" and labels == 2 and not settings["embeddings"]
    if counted and settings["dim"] is not None:
        raise click.UsageError(
            "--dim: with two labels and without --embeddings a feature has a number for each label"
        )


def _task(
    labels: list[str], data: Labelled, validation: Labelled | None, settings: Mapping[str, Any]
) -> Task:
    wanted = label_numbers(data, labels, [])
    held_out = None
    if validation:
        numbers = label_numbers(validation, labels, [settings["validation"]])
        held_out = Examples(validation.texts, numbers)
    weights = _class_weights(wanted, len(labels), settings["class_weights"])
    return Task(labels, data.texts, wanted, weights, held_out)


def _class_weights(
    wanted: npt.NDArray[np.int32], labels: int, kind: str
) -> npt.NDArray[np.float32]:
    """All 1, or ("balanced") such that all labels together weigh the same; the mean text 1."""
    if kind == "none":
        return np.ones(labels, np.float32)
    return (len(wanted) / (labels * np.bincount(wanted, minlength=labels))).astype(np.float32)
