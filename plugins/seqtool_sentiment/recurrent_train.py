"""Training of the recurrent model by `seqtool.nn.trainer`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.nn.batches import SequenceBatches
from seqtool.nn.checkpoint import read_place
from seqtool.nn.diagnose import Diagnosis
from seqtool.nn.optimisers import make_optimiser
from seqtool.nn.parameters import Floats
from seqtool.nn.schedules import make_schedule
from seqtool.nn.sequence_classifier import SequenceClassifier, SequenceClassifierSettings
from seqtool.nn.stack import StackSettings
from seqtool.nn.trainer import Events as TrainerEvents
from seqtool.nn.trainer import Place, Settings, Step, Training
from seqtool.vectors import WordVectors, load_vectors
from seqtool_sentiment.checkpoint import Checkpoint
from seqtool_sentiment.features import Singles, count_vocabulary
from seqtool_sentiment.recurrent import RecurrentClassifier
from seqtool_sentiment.recurrent_words import WordEncoder
from seqtool_sentiment.task import Epoch, Events, Examples, Task

DIMENSIONS = 100

_CLIP_NORM = 5.0
_VECTOR_SCALE = np.float32(10.0)  # as `seqtool_sentiment.average_train` takes them


def train_recurrent(
    task: Task, settings: Mapping[str, Any], events: Events, checkpoint: Checkpoint
) -> RecurrentClassifier:
    """Train until the last epoch, or until validation gets no better. Raises SeqtoolError.

    Words that no training text holds keep the vectors they came with: they are left out while it
    trains, and join the vocabulary behind it.
    """
    vectors = _load_vectors(settings)
    words = count_vocabulary(task.texts, settings["min_count"])
    if vectors and task.validation:
        words = _extended(words, count_vocabulary(task.validation.texts, 1), vectors)
    encoder = WordEncoder(words)
    random = np.random.default_rng(settings["seed"])
    table = vectors.table(words, random) if vectors else None
    network = _network(encoder.vocab, task, settings, table)
    network.initialise(settings["seed"])
    model = RecurrentClassifier(task.labels, encoder, network)
    training = _training(model, task, settings, events, checkpoint)
    training.run()
    if vectors:
        model = _with_known_words(model, vectors, settings)
    return RecurrentClassifier(model.labels, model.encoder, model.network.folded())


class _Known:
    """Word vectors as a network takes them, those of several files end to end.

    The vectors of a file get unit length, their mean is taken off, then they are scaled: what the
    file does not know becomes zero. A file of subwords has a vector for every word.
    """

    def __init__(self, files: Sequence[WordVectors]) -> None:
        self._files = files
        self._means = [vectors.unit().mean(axis=0) for vectors in files]
        self.words = list(dict.fromkeys(word for vectors in files for word in vectors.words))
        self.dimensions = sum(vectors.dimensions for vectors in files)

    def find(self, word: bytes) -> Singles | None:
        """The vector of a word, or None."""
        text = word.decode("utf-8")
        parts = [self._part(*pair, text) for pair in zip(self._files, self._means, strict=True)]
        found: Singles = np.concatenate(parts)
        return found if found.any() else None

    def _part(self, vectors: WordVectors, mean: Singles, word: str) -> Singles:
        try:
            vector = vectors.vector(word)
        except KeyError:
            return np.zeros_like(mean)
        length = np.linalg.norm(vector) or np.float32(1.0)
        part: Singles = (vector / length - mean) * _VECTOR_SCALE
        return part

    def table(self, words: Sequence[bytes], random: np.random.Generator) -> Singles:
        """A vector for each word behind that of unknown words, which is zero, (words + 1, dim)."""
        table = random.uniform(-0.5, 0.5, (len(words) + 1, self.dimensions)).astype(np.float32)
        table[0] = 0
        for row, word in enumerate(words, 1):
            found = self.find(word)
            if found is not None:
                table[row] = found
        return table


def _load_vectors(settings: Mapping[str, Any]) -> _Known | None:
    paths, dim = settings["embeddings"], settings["dim"]
    if not paths:
        return None
    known = _Known([load_vectors(path) for path in paths])
    if dim not in (None, known.dimensions):
        raise SeqtoolError(
            f"{', '.join(paths)} has {known.dimensions} dimensions: leave --dim {dim} out"
        )
    return known


def _extended(words: list[bytes], others: list[bytes], vectors: _Known) -> list[bytes]:
    """Words, and those of ``others`` that have vectors."""
    known = set(words)
    return words + [word for word in others if word not in known and vectors.find(word) is not None]


def _network(
    vocab: int, task: Task, settings: Mapping[str, Any], table: Floats | None
) -> SequenceClassifier:
    stack = StackSettings(
        cell=settings["model"],
        hidden=settings["hidden"],
        layers=settings["layers"],
        bidirectional=settings["bidirectional"],
        dropout=settings["dropout"],
    )
    shape = SequenceClassifierSettings(
        vocab=vocab,
        classes=len(task.labels),
        embedding=(settings["dim"] or DIMENSIONS) if table is None else table.shape[1],
        stack=stack,
        pooling=settings["pooling"],
        frozen=settings["freeze"],
        projection=settings["projection"],
        word_dropout=settings["word_dropout"],
        input_dropout=settings["dropout"],
        output_dropout=settings["dropout"],
        smoothing=settings["label_smoothing"],
    )
    return SequenceClassifier(shape, table)


def _training(
    model: RecurrentClassifier,
    task: Task,
    settings: Mapping[str, Any],
    events: Events,
    checkpoint: Checkpoint,
) -> Training:
    """The training, taken to where the checkpoint is."""
    ids, starts = model.encoder.encode(task.texts, settings["threads"])
    batches = SequenceBatches(
        ids,
        starts,
        settings["batch_size"],
        settings["seed"],
        labels=task.wanted,
        weights=task.class_weights[task.wanted],
    )
    parameters = model.network.parameters
    steps = settings["epochs"] * batches.start_epoch(0)
    bridge = _Bridge(len(task.texts), settings["epochs"], events, checkpoint)
    training = Training(
        model.network,
        batches,
        make_optimiser("adamw", parameters, clip_norm=_CLIP_NORM),
        make_schedule("cosine", settings["learning_rate"], 0, steps),
        Settings(
            settings["epochs"],
            settings["seed"],
            settings["threads"],
            settings["patience"] if task.validation else None,
        ),
        bridge,
    )
    if task.validation:
        held_out = task.validation
        training.validate = lambda: bridge.validate(model, held_out, settings["threads"])
        training.best = parameters.trained.copy()
    bridge.restore(training)
    return training


class _Bridge(TrainerEvents):
    """Passes what the trainer tells on to the events and the checkpoint of the command."""

    def __init__(self, texts: int, epochs: int, events: Events, checkpoint: Checkpoint) -> None:
        self.checkpoint_seconds = checkpoint.seconds
        self._texts, self._epochs = texts, epochs
        self._events, self._checkpoint = events, checkpoint
        self._history: list[Epoch] = []
        self._done = 0
        self._validated: tuple[float | None, float | None] = (None, None)

    def validate(self, model: RecurrentClassifier, held_out: Examples, threads: int) -> float:
        """The mean loss on the texts held out (nats)."""
        as_it_is = RecurrentClassifier(model.labels, model.encoder, model.network)
        chances = as_it_is.probabilities(held_out.texts, threads)
        right = chances.argmax(axis=1) == held_out.wanted
        wanted = chances[np.arange(len(chances)), held_out.wanted].astype(np.float64)
        loss = float(-np.log(np.maximum(wanted, 1e-30)).mean())
        self._validated = (loss, float(right.mean()))
        return loss

    def started(self, training: Training) -> None:
        self._events.start(self._texts, self._epochs, self._history)

    def step_done(self, place: Place, step: Step) -> None:
        self._events.texts_done(place.targets - self._done)
        self._done = place.targets

    def epoch_done(self, place: Place, diagnosis: Diagnosis | None) -> None:
        loss = place.loss / max(place.targets, 1)
        epoch = Epoch(place.epoch + 1, loss, *self._validated, place.epoch_seconds)
        self._history.append(epoch)
        self._events.epoch_done(epoch)
        self._done = 0

    def save(self, training: Training) -> None:
        state = {
            "place": dataclasses.asdict(training.place),
            "history": [list(epoch) for epoch in self._history],
        }
        self._checkpoint.save(training.state(), state)

    def restore(self, training: Training) -> None:
        """Take the training to where the checkpoint is, if there is one. Raises SeqtoolError."""
        arrays = training.state()
        state = self._checkpoint.restore(arrays)
        if state is None:
            return
        try:
            training.load_state(arrays, read_place(state["place"]))
            self._history = [Epoch(*fields) for fields in state["history"]]
        except (KeyError, TypeError, ValueError) as error:
            raise SeqtoolError(
                f"{self._checkpoint.path}: its metadata is damaged (state)"
            ) from error
        self._done = training.place.targets


def _with_known_words(
    model: RecurrentClassifier, vectors: _Known, settings: Mapping[str, Any]
) -> RecurrentClassifier:
    """The model with more words, the first of the vectors, up to ``max_vocab`` in all."""
    trained = model.network
    words = model.encoder.words
    room = max(0, settings["max_vocab"] - len(words))
    known = set(words)
    others: list[bytes] = []
    for word in vectors.words:
        encoded = word.encode("utf-8", "replace")
        if len(others) == room:
            break
        if encoded not in known and word == word.lower() and word.split() == [word]:
            known.add(encoded)
            others.append(encoded)
    extra = vectors.table(others, np.random.default_rng(0))[1:]
    encoder = WordEncoder([*words, *others])
    network = SequenceClassifier(trained.settings._replace(vocab=encoder.vocab))
    for name, weight in network.parameters.items():
        before = trained.parameters[name]
        weight[: len(before)] = before
    network.parameters["embedding.table"][1 + len(words) :] = extra
    return RecurrentClassifier(model.labels, encoder, network)
