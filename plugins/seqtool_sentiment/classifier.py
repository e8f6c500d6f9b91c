"""What every classifier can do, and the files they live in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.modelfile import open_model

KIND = "text-classifier"


class Classifier(Protocol):
    """Gives texts probabilities of labels."""

    labels: list[str]

    def probabilities(self, texts: list[str], threads: int) -> npt.NDArray[np.float32]:
        """The probability of every label for every text, (texts, labels); rows sum to 1."""


class Trained(Classifier, Protocol):
    """A classifier that can be kept."""

    def save(self, path: str, metadata: Mapping[str, Any]) -> None:
        """Write a model file; ``metadata`` says what made it."""


def load_classifier(path: str) -> Classifier:
    """Read the classifier of a file. Raises SeqtoolError for what is none, or damaged."""
    with open_model(path, KIND) as model:
        name = model.metadata.get("model")
        if name == "average":
            from seqtool_sentiment.average import load_average

            return load_average(model)
        if name == "recurrent":
            from seqtool_sentiment.recurrent import load_recurrent

            return load_recurrent(model)
    raise SeqtoolError(f"{path}: a classifier of the unknown model {name!r}: update seqtool")


def labels_of(path: str, metadata: Mapping[str, Any]) -> list[str]:
    """The labels in a model's metadata. Raises SeqtoolError if they are damaged."""
    labels = metadata.get("labels")
    if (
        not isinstance(labels, list)
        or not labels
        or not all(isinstance(label, str) for label in labels)
        or len(set(labels)) != len(labels)
    ):
        raise SeqtoolError(f"{path}: its metadata is damaged (labels)")
    return labels
