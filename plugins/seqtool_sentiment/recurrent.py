"""The recurrent model: words read one after another, and a softmax (many-to-one)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, count_parameters, write_model
from seqtool.nn.pooling import POOLINGS
from seqtool.nn.sequence_classifier import SequenceClassifier, SequenceClassifierSettings
from seqtool.nn.stack import StackSettings
from seqtool.nn.workspace import Workspace
from seqtool.parallel import for_each
from seqtool_sentiment.classifier import KIND, labels_of
from seqtool_sentiment.features import Places, Rows, Singles
from seqtool_sentiment.recurrent_words import WordEncoder

_SHORT = 128  # words
_ROWS = 32  # texts of a batch while they are short
_ROWS_OF_LONG = 8
_MOST_LAYERS = 100

Batch = npt.NDArray[np.int64]


class RecurrentClassifier:
    """A vocabulary and a network, whose weights must not change any more once it was asked."""

    def __init__(
        self, labels: Sequence[str], encoder: WordEncoder, network: SequenceClassifier
    ) -> None:
        self.labels = list(labels)
        self.encoder = encoder
        self.network = network
        self._works: list[Workspace] = []

    def probabilities(self, texts: list[str], threads: int) -> Singles:
        """The probability of every label for every text, (texts, labels)."""
        result = np.empty((len(texts), len(self.labels)), np.float32)
        ids, starts = self.encoder.encode(texts, threads)
        batches = list(batches_by_length(np.diff(starts)))

        def make_worker() -> Callable[[Batch], None]:
            work = self._works.pop() if self._works else self._new_work()
            used.append(work)

            def label(batch: Batch) -> None:
                inputs, lengths = padded_batch(ids, starts, batch)
                chances = self.network.probabilities(work, inputs, lengths)
                result[batch] = chances[: len(batch)]

            return label

        used: list[Workspace] = []
        with threadpool_limits(1, "blas"):
            for_each(batches, make_worker, max(1, min(threads, len(batches))))
        self._works += used
        return result

    def _new_work(self) -> Workspace:
        work = Workspace(self.network.parameters, training=False)
        work.constant = True
        return work

    def save(self, path: str, metadata: Mapping[str, Any]) -> None:
        """Write a model file in half precision. Raises SeqtoolError for weights too large."""
        with np.errstate(over="ignore"):
            tensors: dict[str, npt.NDArray[Any]] = {
                name: weight.astype(np.float16) for name, weight in self.network.parameters.items()
            }
        if not all(np.isfinite(weight).all() for weight in tensors.values()):
            raise SeqtoolError("the weights grow without end: lower --learning-rate")
        tensors["words"] = np.frombuffer(b"\n".join(self.encoder.words), np.uint8)
        shape = self.network.settings._asdict()
        shape["stack"] = self.network.settings.stack._asdict()
        fields = {**metadata, "kind": KIND, "model": "recurrent", "labels": self.labels}
        write_model(path, tensors, {**fields, "network": shape})


def batches_by_length(lengths: Places) -> Iterator[Batch]:
    """Numbers of texts of about equal length, the longest first.

    How many lie in a batch depends on their length alone, see `padded_batch`.
    """
    order = np.argsort(-lengths, kind="stable")
    long = int(np.count_nonzero(lengths > _SHORT))
    for begin in range(0, long, _ROWS_OF_LONG):
        yield order[begin : min(begin + _ROWS_OF_LONG, long)]
    for begin in range(long, len(order), _ROWS):
        yield order[begin : begin + _ROWS]


def padded_batch(ids: Rows, starts: Places, batch: Batch) -> tuple[Rows, Places]:
    """(words (time, rows), lengths (rows,)) of some texts, the longest first.

    Empty rows are added, so that all batches have equally many: products of matrices of other
    shapes may differ in their last bits, and no text must depend on what else is in its batch.
    """
    longest = int(starts[batch[0] + 1] - starts[batch[0]])
    rows = _ROWS if longest <= _SHORT else _ROWS_OF_LONG
    lengths = np.zeros(rows, np.int64)
    lengths[: len(batch)] = starts[batch + 1] - starts[batch]
    times = np.arange(longest)[:, np.newaxis]
    inside = times < lengths
    first = np.zeros(rows, np.int64)
    first[: len(batch)] = starts[batch]
    return np.where(inside, ids[np.where(inside, first + times, 0)], 0).astype(np.int32), lengths


def load_recurrent(model: ModelReader) -> RecurrentClassifier:
    """The classifier of an open file. Raises SeqtoolError if it is damaged."""
    path = model.path
    labels = labels_of(path, model.metadata)
    text = model.read("words", "U8", 1).tobytes()
    words = text.split(b"\n") if text else []
    if len(set(words)) != len(words) or b"" in words:
        raise SeqtoolError(f"{path}: its vocabulary is damaged")
    settings = _settings(path, model.metadata.get("network"))
    if settings.vocab != len(words) + 1 or settings.classes != len(labels):
        raise SeqtoolError(f"{path}: damaged: its network is of other words or labels")
    if _least_size(settings) > count_parameters(model.tensors):
        raise SeqtoolError(f"{path}: damaged: there are too few numbers for its network")
    network = SequenceClassifier(settings)
    wanted = {*network.parameters, "words"}
    if wanted != model.tensors.keys():
        wrong = sorted(wanted ^ model.tensors.keys())[0]
        raise SeqtoolError(f"{path}: damaged: the tensor '{wrong}' is missing, or too much")
    for name, weight in network.parameters.items():
        found = model.tensors[name]
        if found.shape != weight.shape or found.dtype != "F16":
            raise SeqtoolError(
                f"{path}: damaged: the tensor '{name}' is {found.dtype} {list(found.shape)}, "
                f"not F16 {list(weight.shape)}"
            )
        weight[...] = model.read_any(name)
        if not np.isfinite(weight).all():
            raise SeqtoolError(f"{path}: it holds numbers that are none (NaN or infinity)")
    return RecurrentClassifier(labels, WordEncoder(words), network)


def _settings(path: str, fields: Any) -> SequenceClassifierSettings:
    """The shape of a network, of the types that it must have. Raises SeqtoolError."""
    damaged = SeqtoolError(f"{path}: its metadata is damaged (network)")
    try:
        stack = StackSettings(**fields["stack"])
        settings = SequenceClassifierSettings(**{**fields, "stack": stack})
    except (TypeError, KeyError) as error:
        raise damaged from error
    sizes = (settings.vocab, settings.classes, settings.embedding, stack.hidden, stack.layers)
    dropouts = (settings.word_dropout, settings.input_dropout, settings.output_dropout)
    rates = (*dropouts, settings.smoothing, stack.dropout)
    flags = (settings.frozen, stack.bidirectional, stack.variational, stack.layer_norm)
    fine = (
        all(type(size) is int and size > 0 for size in sizes)
        and all(type(rate) in (int, float) and 0 <= rate < 1 for rate in rates)
        and all(type(flag) is bool for flag in (*flags, stack.residual))
        and isinstance(stack.cell, str)
        and settings.pooling in POOLINGS
        and settings.projection is None
        and stack.options == {}
        and stack.layers <= _MOST_LAYERS
    )
    if not fine:
        raise damaged
    return settings


def _least_size(settings: SequenceClassifierSettings) -> int:
    """Numbers that such a network has at least."""
    hidden = settings.stack.hidden
    stack = hidden * (settings.embedding + settings.stack.layers * hidden)
    return settings.vocab * settings.embedding + stack + hidden * settings.classes
