"""Word vectors the slow way: one prediction at a time, in double precision.

Mikolov et al. 2013a, "Efficient estimation of word representations in vector space" (skip-gram
and CBOW); Mikolov et al. 2013b, "Distributed representations of words and phrases" (negative
sampling, subsampling); Bojanowski et al. 2017 (character n-grams); Bengio et al. 2003, "A neural
probabilistic language model"; Ji et al. 2016, "Parallelizing Word2Vec in Shared and Distributed
Memory" (words that share negatives).

Where negatives are shared they are drawn one step ahead: the first before anything else, those of
the next step as soon as the targets of this one are chosen.

A loss is a function of named arrays, and so is its gradient, which `numeric_gradient` finds
without any calculus: the training loops take either.
"""

import heapq
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Arrays = Mapping[str, Array]

END_OF_SENTENCE = -1


class Random:
    """Multiply-with-carry (Marsaglia 1994, "Yet another RNG"), digit and carry joined by xor."""

    def __init__(self, state: int) -> None:
        self.state = state

    def next(self) -> int:
        """A number below 2**32."""
        carry, digit = divmod(self.state, 2**32)
        self.state = 2131995753 * digit + carry
        carry, digit = divmod(self.state, 2**32)
        return digit ^ carry

    def below(self, limit: int) -> int:
        """A number below ``limit``."""
        return self.next() * limit // 2**32


# --- what is drawn ----------------------------------------------------------------------------


def keep_chance(occurrences: int, total: int, sample: float) -> float:
    """The chance of a word to survive subsampling, as word2vec.c has it."""
    if sample == 0:
        return 1.0
    ratio = sample * total / occurrences  # threshold over frequency
    return min(1.0, math.sqrt(ratio) + ratio)


def alias_chances(chances: Sequence[int], others: Sequence[int]) -> list[float]:
    """The chance of every number that an alias table stands for (Vose 1991)."""
    size = len(chances)
    result = [0.0] * size
    for column in range(size):
        result[column] += chances[column] / 2**32 / size
        result[others[column]] += (1 - chances[column] / 2**32) / size
    return result


def huffman_merges(counts: Sequence[int]) -> int:
    """The sum of the weights of all joins of a Huffman tree, which is the code's length."""
    heap = list(counts)
    heapq.heapify(heap)
    total = 0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        total += joined
        heapq.heappush(heap, joined)
    return total


def huffman_codes(counts: Sequence[int]) -> list[str]:
    """A Huffman code of zeros and ones for every word."""
    codes = [""] * len(counts)
    order = count()
    heap = [(weight, next(order), [word]) for word, weight in enumerate(counts)]
    heapq.heapify(heap)
    while len(heap) > 1:
        light, heavy = heapq.heappop(heap), heapq.heappop(heap)
        for digit, (_, _, words) in (("0", light), ("1", heavy)):
            for word in words:
                codes[word] = digit + codes[word]
        heapq.heappush(heap, (light[0] + heavy[0], next(order), light[2] + heavy[2]))
    return codes


class Target(NamedTuple):
    """A row of the output table, 1 or -1 for whether it belongs, and how much it counts."""

    row: int
    label: float
    weight: float = 1.0


class Objective(NamedTuple):
    """What a word's prediction consists of.

    ``paths``: for each word its (inner node, sign) pairs; ``chances`` and ``others``: the alias
    table of the negatives, in units of 2**-32.
    """

    name: str
    words: int
    negatives: int = 0
    chances: Sequence[int] = ()
    others: Sequence[int] = ()
    paths: Sequence[Sequence[tuple[int, float]]] = ()

    def draw(self, times: int, random: Random) -> list[int]:
        """Negatives, each from one random number x in [0, 1): the whole part of words * x is a
        column of the alias table, and what is left of it decides between the column's two words.
        """
        drawn = []
        for _ in range(times if self.name == "ns" else 0):
            column, rest = divmod(random.next() * self.words, 2**32)
            drawn.append(column if rest < self.chances[column] else self.others[column])
        return drawn

    def targets(self, word: int, drawn: Sequence[int], share: float = 1.0) -> list[Target]:
        """What predicts the word; negatives weigh ``share``. For softmax the word alone."""
        if self.name == "hs":
            return [Target(node, sign) for node, sign in self.paths[word]]
        return [Target(word, 1.0), *(Target(other, -1.0, share) for other in drawn)]


# --- losses and gradients ---------------------------------------------------------------------


def prediction_loss(name: str, hidden: Array, outputs: Array, targets: Sequence[Target]) -> float:
    """What predicting ``targets`` from the vector ``hidden`` costs.

    ns and hs: the sum of -log sigmoid(label * score) (Mikolov et al. 2013b, equations 4 and 3);
    softmax: -log p(word) (equation 2).
    """
    if name == "softmax":
        scores = outputs @ hidden
        most = scores.max()
        return float(np.log(np.exp(scores - most).sum()) + most - scores[targets[0].row])
    return sum(
        weight * float(np.logaddexp(0.0, -label * (outputs[row] @ hidden)))
        for row, label, weight in targets
    )


def score_gradient(name: str, hidden: Array, outputs: Array, targets: Sequence[Target]) -> Array:
    """How the loss changes with the score of each row of the output table."""
    gradient = np.zeros(len(outputs))
    if name == "softmax":
        scores = outputs @ hidden
        chances = np.exp(scores - scores.max())
        gradient += chances / chances.sum()
        gradient[targets[0].row] -= 1
        return gradient
    for row, label, weight in targets:
        gradient[row] += -weight * label / (1 + np.exp(label * (outputs[row] @ hidden)))
    return gradient


class Group(NamedTuple):
    """Predictions (row of ``hidden``, its targets) that make one step; losses are added up."""

    name: str
    predictions: Sequence[tuple[int, Sequence[Target]]]

    def loss(self, arrays: Arrays) -> float:
        """A function of ``hidden`` and ``outputs``."""
        return sum(
            prediction_loss(self.name, arrays["hidden"][row], arrays["outputs"], targets)
            for row, targets in self.predictions
        )

    def gradient(self, arrays: Arrays) -> dict[str, Array]:
        """Of every array."""
        hidden, outputs = arrays["hidden"], arrays["outputs"]
        found = {name: np.zeros_like(array) for name, array in arrays.items()}
        for row, targets in self.predictions:
            g = score_gradient(self.name, hidden[row], outputs, targets)
            found["hidden"][row] += g @ outputs
            found["outputs"] += np.outer(g, hidden[row])
        return found


class Neural(NamedTuple):
    """A word's prediction by the neural model: h = tanh(H x + d), scores U h + b.

    d and b are the last columns of ``weights`` (H) and ``outputs`` (U).
    """

    name: str
    targets: Sequence[Target]
    context: Sequence[int]

    def _forward(self, arrays: Arrays) -> tuple[Array, Array]:
        x = np.append(np.concatenate([arrays["inputs"][word] for word in self.context]), 1.0)
        return x, np.append(np.tanh(arrays["weights"] @ x), 1.0)

    def loss(self, arrays: Arrays) -> float:
        """A function of ``inputs``, ``weights`` and ``outputs``."""
        _, h = self._forward(arrays)
        return prediction_loss(self.name, h, arrays["outputs"], self.targets)

    def gradient(self, arrays: Arrays) -> dict[str, Array]:
        """Of every array."""
        x, h = self._forward(arrays)
        found = {name: np.zeros_like(array) for name, array in arrays.items()}
        g = score_gradient(self.name, h, arrays["outputs"], self.targets)
        found["outputs"] += np.outer(g, h)
        inner = (g @ arrays["outputs"] * (1 - h**2))[:-1]
        found["weights"] += np.outer(inner, x)
        pieces = np.split((inner @ arrays["weights"])[:-1], len(self.context))
        for word, piece in zip(self.context, pieces, strict=True):
            found["inputs"][word] += piece
        return found


Step = Group | Neural
Gradient = Callable[[Step, Arrays], dict[str, Array]]


def textbook_gradient(step: Step, arrays: Arrays) -> dict[str, Array]:
    """By the chain rule."""
    return step.gradient(arrays)


def numeric_gradient(step: Step, arrays: Arrays) -> dict[str, Array]:
    """By central differences."""
    found = {}
    shift = 1e-5
    for name in arrays:
        array = arrays[name].copy()
        moved = {**arrays, name: array}
        found[name] = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            value = array[place]
            array[place] = value + shift
            above = step.loss(moved)
            array[place] = value - shift
            found[name][place] = (above - step.loss(moved)) / (2 * shift)
            array[place] = value
    return found


# --- training ---------------------------------------------------------------------------------


def kept_sentences(ids: Sequence[int], keep: Sequence[int], random: Random) -> Iterator[list[int]]:
    """Sentences without the words that subsampling drops (``keep`` in units of 2**-32)."""
    sentence: list[int] = []
    for word in [*ids, END_OF_SENTENCE]:
        if word == END_OF_SENTENCE:
            yield sentence
            sentence = []
        elif random.next() < keep[word]:
            sentence.append(word)


def window_places(sentence: Sequence[int], center: int, window: int, random: Random) -> list[int]:
    """The places around a word, at most a random 1 to ``window`` away."""
    reach = 1 + random.below(window)
    around = range(max(0, center - reach), min(len(sentence), center + reach + 1))
    return [place for place in around if place != center]


def take_step(
    step: Step,
    rows: Sequence[Sequence[int]],
    model: dict[str, Array],
    rate: float,
    gradient: Gradient,
) -> float:
    """A step whose hidden rows are the means of input ``rows``; returns the loss before it.

    As in word2vec.c and fastText every row under a mean moves by the whole gradient of the mean.
    """
    hidden = np.array([model["inputs"][members].mean(axis=0) for members in rows])
    arrays = {"hidden": hidden, "outputs": model["outputs"]}
    loss = step.loss(arrays)
    change = gradient(step, arrays)
    model["outputs"] -= rate * change["outputs"]
    for members, row in zip(rows, change["hidden"], strict=True):
        for member in members:
            model["inputs"][member] -= rate * row
    return loss


def train_cbow(
    ids: Sequence[int],
    objective: Objective,
    model: dict[str, Array],
    random: Random,
    *,
    window: int,
    keep: Sequence[int],
    ngrams: Sequence[Sequence[int]],
    rate: float,
    gradient: Gradient = textbook_gradient,
) -> tuple[float, int]:
    """CBOW; returns the sum of the losses and their number.

    ``model`` has ``inputs`` and ``outputs``; a word's input rows are its own and ``ngrams[w]``,
    and a window's mean is over those of all its words.
    """
    loss, losses = 0.0, 0
    drawn = objective.draw(objective.negatives, random)
    for sentence in kept_sentences(ids, keep, random):
        for center, word in enumerate(sentence):
            places = window_places(sentence, center, window, random)
            if not places:
                continue
            targets = objective.targets(word, [other for other in drawn if other != word])
            drawn = objective.draw(objective.negatives, random)
            mean = [row for k in places for row in (sentence[k], *ngrams[sentence[k]])]
            loss += take_step(Group(objective.name, [(0, targets)]), [mean], model, rate, gradient)
            losses += 1
    return loss, losses


def train_skipgram(
    ids: Sequence[int],
    objective: Objective,
    model: dict[str, Array],
    random: Random,
    *,
    window: int,
    keep: Sequence[int],
    ngrams: Sequence[Sequence[int]],
    rate: float,
    group: int,
    draws: int,
    gradient: Gradient = textbook_gradient,
) -> tuple[float, int]:
    """Skip-gram; returns the sum of the losses and their number.

    ``model`` has ``inputs`` and ``outputs``; word w's vector is the mean of row w and the rows
    ``ngrams[w]``. All pairs of a ``group`` of neighbouring words are one step. They share
    ``draws`` negatives, which weigh so much that a pair has as many as it should; a negative that
    is a word of the group counts for none of it.
    """
    loss, losses = 0.0, 0
    drawn = objective.draw(draws, random)
    for sentence in kept_sentences(ids, keep, random):
        if len(sentence) < 2:
            continue
        rows = [[word, *ngrams[word]] for word in sentence]
        for begin in range(0, len(sentence), group):
            words = sentence[begin : begin + group]
            negatives = [other for other in drawn if other not in words]
            drawn = objective.draw(draws, random)
            predictions = []
            for center, word in enumerate(words, start=begin):
                targets = objective.targets(word, negatives, objective.negatives / max(draws, 1))
                places = window_places(sentence, center, window, random)
                predictions += [(place, targets) for place in places]
            loss += take_step(Group(objective.name, predictions), rows, model, rate, gradient)
            losses += len(predictions)
    return loss, losses


def nnlm_context(
    sentence: Sequence[int], place: int, kind: Sequence[int], padding: int, random: Random
) -> list[int]:
    """The words that predict; ``kind`` is (left, right, nearby)."""
    left, right, nearby = kind
    if nearby:
        around = range(max(0, place - nearby), min(len(sentence), place + nearby + 1))
        others = [sentence[k] for k in around if k != place]
        return [others[random.below(len(others))]] if others else []
    spots = [k for k in range(place - left, place + right + 1) if k != place]
    return [sentence[k] if 0 <= k < len(sentence) else padding for k in spots]


def train_nnlm(
    ids: Sequence[int],
    objective: Objective,
    model: dict[str, Array],
    random: Random,
    *,
    kind: Sequence[int],
    keep: Sequence[int],
    rate: float,
    gradient: Gradient = textbook_gradient,
) -> tuple[float, int]:
    """The neural model; returns the sum of the losses and their number.

    ``model`` has ``inputs`` (the last row for padding), ``weights`` and ``outputs``.
    """
    loss, losses = 0.0, 0
    for sentence in kept_sentences(ids, keep, random):
        for place, word in enumerate(sentence):
            context = nnlm_context(sentence, place, kind, objective.words, random)
            if not context:
                continue
            drawn = objective.draw(objective.negatives, random)
            targets = objective.targets(word, [other for other in drawn if other != word])
            step = Neural(objective.name, targets, context)
            loss += step.loss(model)
            losses += 1
            change: Any = gradient(step, model)
            for name in model:
                model[name] -= rate * change[name]
    return loss, losses
