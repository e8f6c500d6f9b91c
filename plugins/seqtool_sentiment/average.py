"""The averaged model: the mean of the rows of a text's features, and a softmax.

Joulin et al. 2016, "Bag of tricks for efficient text classification". All is linear up to the
softmax, so a model whose rows are wider than it has labels is kept as what each feature adds to
the score of each label: the same answers from less memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, write_model
from seqtool.parallel import for_each
from seqtool_sentiment.classifier import KIND, labels_of
from seqtool_sentiment.feature_kernels import LONGEST_NGRAM
from seqtool_sentiment.features import TEXTS_AT_ONCE, Encoder, Plan, Singles

LONGEST_LETTERS = 32
_MOST_BUCKETS = 1 << 30


class AverageClassifier:
    """``table`` (features, width) and ``weights`` (labels, width + 1) are float32."""

    def __init__(
        self, labels: Sequence[str], encoder: Encoder, table: Singles, weights: Singles
    ) -> None:
        self.labels = list(labels)
        self.encoder = encoder
        self.table = np.ascontiguousarray(table, np.float32)
        self.weights = np.ascontiguousarray(weights, np.float32)

    def probabilities(self, texts: list[str], threads: int) -> Singles:
        """The probability of every label for every text, (texts, labels)."""
        result = np.empty((len(texts), len(self.labels)), np.float32)

        def work(first: int) -> None:
            part = texts[first : first + TEXTS_AT_ONCE]
            result[first : first + len(part)] = softmax(
                self.encoder.score(part, self.table, self.weights)
            )

        parts = range(0, len(texts), TEXTS_AT_ONCE)
        for_each(parts, lambda: work, min(threads, len(parts)) or 1)
        return result

    def save(self, path: str, metadata: Mapping[str, Any]) -> None:
        """Write a model file; rows are kept in half precision."""
        tensors: dict[str, npt.NDArray[Any]] = {
            "words": np.frombuffer(b"\n".join(self.encoder.words), np.uint8),
            "table": self.table.astype(np.float16),
            "weights": self.weights,
        }
        plan = self.encoder.plan._asdict()
        fields = {**metadata, "kind": KIND, "model": "average", "labels": self.labels, **plan}
        write_model(path, tensors, fields)


def softmax(scores: Singles) -> Singles:
    """exp(score) by the sum of a row's, (texts, labels)."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Singles = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def narrowed(table: Singles, weights: Singles) -> tuple[Singles, Singles]:
    """Table and weights that give the same scores, of no more columns than there are labels."""
    labels, width = len(weights), table.shape[1]
    if labels >= width:
        return table, weights
    narrow = np.concatenate([np.eye(labels, dtype=np.float32), weights[:, width:]], axis=1)
    return table @ weights[:, :width].T, narrow


def load_average(model: ModelReader) -> AverageClassifier:
    """The classifier of an open file. Raises SeqtoolError if it is damaged."""
    metadata = model.metadata
    labels = labels_of(model.path, metadata)
    plan = _read_plan(model)
    table = model.read("table", "F16", 2).astype(np.float32)
    weights = model.read("weights", "F32", 2)
    text = model.read("words", "U8", 1).tobytes()
    words = text.split(b"\n") if text else []
    if len(set(words)) != len(words) or b"" in words:
        raise SeqtoolError(f"{model.path}: its vocabulary is damaged")
    rows = len(words) + plan.buckets
    if len(table) != rows or weights.shape != (len(labels), table.shape[1] + 1):
        raise SeqtoolError(
            f"{model.path}: {rows:,} features and {len(labels)} labels do not fit a table of "
            f"{list(table.shape)} and weights of {list(weights.shape)}: it is damaged"
        )
    if not (np.isfinite(table).all() and np.isfinite(weights).all()):
        raise SeqtoolError(f"{model.path}: it holds numbers that are none (NaN or infinity)")
    return AverageClassifier(labels, Encoder(words, plan), table, weights)


def _read_plan(model: ModelReader) -> Plan:
    numbers = [model.metadata.get(name) for name in Plan._fields]
    if all(type(number) is int for number in numbers):
        plan = Plan(*numbers)  # type: ignore[arg-type]
        letters = plan[2:] == (0, 0) or 1 <= plan.min_letters <= plan.max_letters <= LONGEST_LETTERS
        buckets = 1 <= plan.buckets <= _MOST_BUCKETS and plan.buckets & (plan.buckets - 1) == 0
        if letters and buckets and 1 <= plan.ngrams <= LONGEST_NGRAM:
            return plan
    raise SeqtoolError(f"{model.path}: its metadata is damaged ({', '.join(Plan._fields)})")
