"""Training of the averaged model.

Several members, alike but for their random numbers, are trained side by side, each by one thread,
and their scores averaged (Breiman 1996, "Bagging predictors", without resampling). All of it is
linear up to the softmax, so they become one model of the size of each. A member takes its steps
text by text: the model depends on nothing but data, settings and seed, whatever the threads.

For two labels features start from what counting alone tells: the logarithm of how much more often
a feature occurs with one than with the other (Wang and Manning 2012, "Baselines and bigrams",
section 2). Otherwise n-grams start from zero and the softmax from random weights: what training
never touched says nothing, and a frozen vector says something. In cross-validation on SST-5, five
labels, counting lost four points. Dropping features at random (``dropout``) keeps a member from
trusting single words.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.interrupt import postponed_interrupt
from seqtool.parallel import for_each
from seqtool.vectors import load_vectors
from seqtool_sentiment.average import AverageClassifier, narrowed, softmax
from seqtool_sentiment.checkpoint import Checkpoint
from seqtool_sentiment.feature_kernels import score_encoded
from seqtool_sentiment.features import Encoder, Places, Plan, Rows, Singles, count_vocabulary
from seqtool_sentiment.task import Epoch, Events, Task
from seqtool_sentiment.train_kernels import Doubles, count_features, train_texts

DIMENSIONS = 16

_CHUNK = 8192  # texts between two looks at the clock and at interrupts
_VECTOR_SCALE = 10.0  # of known vectors: the best on the dev texts of SST-2 among 1, 3, 10, 30
# Of log count ratios, and the counts added for each label: by cross-validation on SST-2.
_WORD_SCALE, _NGRAM_SCALE, _ADDED_COUNT = 4.0, 1.0, 2.0
_LARGEST_HALF = 65504.0  # of what the model file keeps


class Place(NamedTuple):
    """How far a training is: chunk ``chunk`` of ``epoch`` comes next.

    ``loss`` and ``weight`` are those of this epoch so far.
    """

    epoch: int = 0
    chunk: int = 0
    loss: float = 0.0
    weight: float = 0.0


class _Best(NamedTuple):
    """The epoch with the lowest loss on the validation texts; 0: none yet."""

    epoch: int = 0
    loss: float = math.inf


def train_average(
    task: Task, settings: Mapping[str, Any], events: Events, checkpoint: Checkpoint
) -> AverageClassifier:
    """Train until the last epoch, or until validation gets no better. Raises SeqtoolError."""
    letters = (settings["min_ngram"], settings["max_ngram"]) if settings["subwords"] else (0, 0)
    vocabulary = count_vocabulary(task.texts, settings["min_count"], settings["threads"])
    vectors = _known_vectors(next(iter(settings["embeddings"]), None), settings["dim"])
    if vectors is not None:
        known = set(vocabulary)
        vocabulary += [word for word in vectors if word not in known]
    encoder = Encoder(vocabulary, Plan(settings["ngrams"], settings["buckets"], *letters))
    training = _Training(task, settings, encoder, vectors)
    training.run(events, checkpoint)
    table, weights = narrowed(*training.result())
    if not (np.abs(table) < _LARGEST_HALF).all():
        raise SeqtoolError("the weights grow without end: lower --learning-rate")
    return AverageClassifier(task.labels, encoder, table, weights)


def _known_vectors(path: str | None, dim: int | None) -> dict[bytes, Singles] | None:
    """The vectors of a file's lower-case words: unit length, their mean taken off, then scaled."""
    if path is None:
        return None
    loaded = load_vectors(path)
    if dim not in (None, loaded.dimensions):
        raise SeqtoolError(f"{path} has {loaded.dimensions} dimensions: leave --dim {dim} out")
    unit = loaded.unit()
    matrix = (unit - unit.mean(axis=0)) * np.float32(_VECTOR_SCALE)
    return {
        word.encode("utf-8", "replace"): matrix[row]
        for word, row in loaded.index.items()
        if word == word.lower() and not any(map(str.isspace, word)) and word
    }


def log_count_ratios(ids: Rows, starts: Places, task: Task, encoder: Encoder) -> Singles:
    """How much each feature speaks for each label, (features, labels); 0 if it never occurs.

    log P(feature | label), less the mean over labels. Counts are added in the shares that the
    labels have of all features: a rare label is not more likely for what is rare.
    """
    labels = len(task.labels)
    counts = np.zeros((encoder.rows, labels))
    count_features(ids, starts, task.wanted, labels, counts.reshape(-1))
    seen = np.flatnonzero(counts.any(axis=1))
    share = (counts.sum(axis=0) + 1) / (counts.sum() + labels)
    ratios = np.log(counts[seen] / share + _ADDED_COUNT * labels)
    ratios -= ratios.mean(axis=1, keepdims=True)
    is_word = seen < len(encoder.words)
    table = np.zeros(counts.shape, np.float32)
    table[seen] = ratios * np.where(is_word, _WORD_SCALE, _NGRAM_SCALE)[:, None]
    return table


class _Member:
    """The arrays of one member, and the best they were on the validation texts."""

    def __init__(
        self, table: Singles, weights: Doubles | None, labels: int, seed: tuple[int, int],
        keep_best: bool,
    ) -> None:  # fmt: skip
        self.table = table.copy()
        width = table.shape[1]
        if weights is None:
            rng = np.random.default_rng(seed)
            weights = np.zeros((labels, width + 1))
            weights[:, :width] = rng.standard_normal((labels, width)) / math.sqrt(width)
        self.weights: Singles = weights.astype(np.float32)
        self.best = (self.table.copy(), self.weights.copy()) if keep_best else None
        self._seed = seed
        self._order: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def order(self, epoch: int, texts: int) -> npt.NDArray[np.int64]:
        """The order of the texts in an epoch."""
        if self._order[0] != epoch:
            rng = np.random.default_rng((*self._seed, epoch))
            self._order = (epoch, rng.permutation(texts))
        return self._order[1]

    def random_state(self, epoch: int, chunk: int) -> npt.NDArray[np.int64]:
        """What decides which features are dropped in a chunk."""
        sequence = np.random.SeedSequence((*self._seed, epoch, chunk))
        return np.array([int(sequence.generate_state(1)[0]) | 1], np.int64)

    def mark_best(self) -> None:
        """Remember the arrays as they are."""
        if self.best:
            self.best[0][:], self.best[1][:] = self.table, self.weights

    def arrays(self) -> list[Singles]:
        """All that a checkpoint must hold."""
        return [self.table, self.weights, *(self.best or ())]


class _Training:
    """The arrays of a training, and its loop."""

    def __init__(
        self,
        task: Task,
        settings: Mapping[str, Any],
        encoder: Encoder,
        vectors: Mapping[bytes, Singles] | None,
    ) -> None:
        self._task = task
        self._settings = settings
        self._threads = settings["threads"]
        self._features = encoder.encode(task.texts, self._threads)
        table, weights = self._first_arrays(encoder, vectors)
        self._width = table.shape[1]
        validation = task.validation
        self._members = [
            _Member(
                table, weights, len(task.labels), (settings["seed"], number),
                validation is not None,
            )
            for number in range(settings["members"])
        ]  # fmt: skip
        self._first_row = len(encoder.words) if settings["freeze"] else 0
        self._longest = int(np.diff(self._features[1]).max())
        self._validation = validation and encoder.encode(validation.texts, self._threads)
        self._best = _Best()
        self._history: list[Epoch] = []

    def _first_arrays(
        self, encoder: Encoder, vectors: Mapping[bytes, Singles] | None
    ) -> tuple[Singles, Doubles | None]:
        """The table that members start from, and the weights; None: random ones."""
        labels = len(self._task.labels)
        width = self._settings["dim"] or DIMENSIONS
        if vectors:
            width = len(next(iter(vectors.values())))
        elif labels == 2:
            table = log_count_ratios(*self._features, self._task, encoder)
            importance = np.bincount(self._task.wanted) * self._task.class_weights
            prior = np.log(importance / importance.sum())
            return table, np.column_stack([np.eye(labels), prior])
        table = np.zeros((encoder.rows, width), np.float32)
        for row, word in enumerate(encoder.words if vectors else ()):
            if vectors and word in vectors:
                table[row] = vectors[word]
        return table, None

    def run(self, events: Events, checkpoint: Checkpoint) -> None:
        """Train from where the checkpoint is to the end."""
        place = self._restore(checkpoint)
        texts = len(self._task.texts)
        epochs, chunks = self._settings["epochs"], -(-texts // _CHUNK)
        events.start(texts, epochs, self._history)
        with postponed_interrupt() as interrupt:
            saved = started = time.monotonic()
            while place.epoch < epochs and not self._is_over(place.epoch):
                place = self._train_chunk(place)
                events.texts_done(min(_CHUNK, texts - (place.chunk - 1) * _CHUNK))
                if place.chunk == chunks:
                    self._end_epoch(place, time.monotonic() - started, events)
                    place, started = Place(place.epoch + 1), time.monotonic()
                if interrupt.requested or time.monotonic() - saved >= checkpoint.seconds:
                    self._save(checkpoint, place)
                    saved = time.monotonic()
                interrupt.obey()

    def result(self) -> tuple[Singles, Singles]:
        """Table and weights whose scores are the mean of the members'."""
        count, best = len(self._members), self._best.epoch > 0
        pairs = [
            member.best if best and member.best else (member.table, member.weights)
            for member in self._members
        ]
        bias = np.mean([weights[:, self._width] for _, weights in pairs], axis=0)
        slopes = [weights[:, : self._width] / np.float32(count) for _, weights in pairs]
        table = np.concatenate([table for table, _ in pairs], axis=1)
        return table, np.concatenate([*slopes, bias[:, None]], axis=1)

    def _is_over(self, epoch: int) -> bool:
        """Whether the loss on the validation texts has not become lower for too long."""
        return bool(self._best.epoch) and epoch - self._best.epoch >= self._settings["patience"]

    def _train_chunk(self, place: Place) -> Place:
        """Train all members on the next few texts; returns the place behind them."""
        losses = np.zeros((len(self._members), 2))

        def work(number: int) -> None:
            self._train_member(self._members[number], place, losses[number])

        for_each(range(len(self._members)), lambda: work, self._threads)
        loss, weight = losses.sum(axis=0).tolist()
        if not math.isfinite(loss):
            raise SeqtoolError(
                f"the loss of epoch {place.epoch + 1} is no number any more: lower --learning-rate"
            )
        return Place(place.epoch, place.chunk + 1, place.loss + loss, place.weight + weight)

    def _train_member(self, member: _Member, place: Place, loss: npt.NDArray[np.float64]) -> None:
        texts, labels = len(self._task.texts), len(self._task.labels)
        begin = place.chunk * _CHUNK
        order = member.order(place.epoch, texts)[begin : begin + _CHUNK]
        done = place.epoch * texts + begin
        first, last = (
            self._settings["learning_rate"] * (1 - at / (self._settings["epochs"] * texts))
            for at in (done, done + len(order))
        )
        ids, starts = self._features
        train_texts(
            ids, starts, self._task.wanted, order, member.table.reshape(-1),
            member.weights.reshape(-1), self._width, labels, self._first_row, first, last,
            int(self._settings["dropout"] * 2**32), self._task.class_weights,
            member.random_state(place.epoch, place.chunk), np.empty(self._longest, np.int32),
            np.empty(2 * self._width + labels, np.float32), loss,
        )  # fmt: skip

    def _end_epoch(self, place: Place, seconds: float, events: Events) -> None:
        number = place.epoch + 1
        epoch = Epoch(number, place.loss / max(place.weight, 1e-9), None, None, seconds)
        if self._validation is not None and self._task.validation is not None:
            loss, accuracy = self._validate(*self._validation, self._task.validation.wanted)
            epoch = epoch._replace(validation_loss=loss, validation_accuracy=accuracy)
            if loss < self._best.loss:
                self._best = _Best(number, loss)
                for member in self._members:
                    member.mark_best()
        self._history.append(epoch)
        events.epoch_done(epoch)

    def _validate(
        self, ids: Rows, starts: Places, wanted: npt.NDArray[np.int32]
    ) -> tuple[float, float]:
        """Mean loss, and share of texts with the right label."""
        labels = len(self._task.labels)
        scores = np.empty((len(self._members), len(wanted), labels), np.float32)

        def work(number: int) -> None:
            member = self._members[number]
            score_encoded(
                ids, starts, member.table.reshape(-1), member.weights.reshape(-1), self._width,
                labels, np.empty(self._width, np.float32), scores[number].reshape(-1),
            )  # fmt: skip

        for_each(range(len(self._members)), lambda: work, self._threads)
        mean = scores.mean(axis=0)
        chances = softmax(mean)[np.arange(len(wanted)), wanted].astype(np.float64)
        loss = float(-np.log(np.maximum(chances, 1e-30)).mean())
        return loss, float((mean.argmax(axis=1) == wanted).mean())

    def _arrays(self) -> dict[str, npt.NDArray[Any]]:
        return {
            f"member{number}.{part}": array
            for number, member in enumerate(self._members)
            for part, array in enumerate(member.arrays())
        }

    def _save(self, checkpoint: Checkpoint, place: Place) -> None:
        best = [self._best.epoch, self._best.loss if self._best.epoch else None]
        history = [list(epoch) for epoch in self._history]
        state = {"place": list(place), "best": best, "history": history}
        checkpoint.save(self._arrays(), state)

    def _restore(self, checkpoint: Checkpoint) -> Place:
        state = checkpoint.restore(self._arrays())
        if state is None:
            return Place()
        try:
            best, loss = state["best"]
            self._best = _Best(int(best), float(loss)) if best else _Best()
            self._history = [Epoch(*fields) for fields in state["history"]]
            epoch, chunk, total, weight = state["place"]
            return Place(int(epoch), int(chunk), float(total), float(weight))
        except (KeyError, TypeError, ValueError) as error:
            raise SeqtoolError(f"{checkpoint.path}: its metadata is damaged (state)") from error
