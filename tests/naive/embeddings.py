"""Word vectors the slow way: one prediction at a time, in double precision.

Mikolov et al. 2013a, "Efficient estimation of word representations in vector space" (skip-gram
and CBOW); Mikolov et al. 2013b, "Distributed representations of words and phrases" (negative
sampling, subsampling); Bojanowski et al. 2017 (character n-grams); Bengio et al. 2003, "A neural
probabilistic language model". A window's contexts share their negatives.

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

    def draw(self, word: int, random: Random) -> list[tuple[int, float]]:
        """Rows of the output table and their labels; for softmax the word alone."""
        if self.name == "hs":
            return list(self.paths[word])
        targets = [(word, 1.0)]
        if self.name == "ns":
            for _ in range(self.negatives):
                other = random.below(self.words)
                if random.next() >= self.chances[other]:
                    other = self.others[other]
                if other != word:
                    targets.append((other, -1.0))
        return targets


# --- losses and gradients ---------------------------------------------------------------------


def prediction_loss(
    name: str, hidden: Array, outputs: Array, targets: Sequence[tuple[int, float]]
) -> float:
    """What predicting ``targets`` from the vector ``hidden`` costs.

    ns and hs: the sum of -log sigmoid(label * score) (Mikolov et al. 2013b, equations 4 and 3);
    softmax: -log p(word) (equation 2).
    """
    if name == "softmax":
        scores = outputs @ hidden
        most = scores.max()
        return float(np.log(np.exp(scores - most).sum()) + most - scores[targets[0][0]])
    return sum(float(np.logaddexp(0.0, -label * (outputs[t] @ hidden))) for t, label in targets)


def score_gradient(
    name: str, hidden: Array, outputs: Array, targets: Sequence[tuple[int, float]]
) -> Array:
    """How the loss changes with the score of each row of the output table."""
    gradient = np.zeros(len(outputs))
    if name == "softmax":
        scores = outputs @ hidden
        chances = np.exp(scores - scores.max())
        gradient += chances / chances.sum()
        gradient[targets[0][0]] -= 1
        return gradient
    for t, label in targets:
        gradient[t] += -label / (1 + np.exp(label * (outputs[t] @ hidden)))
    return gradient


class Window(NamedTuple):
    """A word's prediction from each of the ``hidden`` rows; loss and gradient are sums."""

    name: str
    targets: Sequence[tuple[int, float]]

    def loss(self, arrays: Arrays) -> float:
        """A function of ``hidden`` and ``outputs``."""
        return sum(
            prediction_loss(self.name, h, arrays["outputs"], self.targets) for h in arrays["hidden"]
        )

    def gradient(self, arrays: Arrays) -> dict[str, Array]:
        """Of every array."""
        outputs = arrays["outputs"]
        found = {name: np.zeros_like(array) for name, array in arrays.items()}
        for row, hidden in enumerate(arrays["hidden"]):
            g = score_gradient(self.name, hidden, outputs, self.targets)
            found["hidden"][row] = g @ outputs
            found["outputs"] += np.outer(g, hidden)
        return found


class Group(NamedTuple):
    """Pairs (row of ``hidden``, row of ``outputs``, weight); real ones weigh more than 0."""

    pairs: Sequence[tuple[int, int, float]]

    def loss(self, arrays: Arrays) -> float:
        """A function of ``hidden`` and ``outputs``."""
        hidden, outputs = arrays["hidden"], arrays["outputs"]
        return sum(
            abs(weight) * float(np.logaddexp(0.0, -np.sign(weight) * (outputs[t] @ hidden[row])))
            for row, t, weight in self.pairs
        )

    def gradient(self, arrays: Arrays) -> dict[str, Array]:
        """Of every array."""
        hidden, outputs = arrays["hidden"], arrays["outputs"]
        found = {name: np.zeros_like(array) for name, array in arrays.items()}
        for row, t, weight in self.pairs:
            g = -weight / (1 + np.exp(np.sign(weight) * (outputs[t] @ hidden[row])))
            found["hidden"][row] += g * outputs[t]
            found["outputs"][t] += g * hidden[row]
        return found


class Neural(NamedTuple):
    """A word's prediction by the neural model: h = tanh(H x + d), scores U h + b.

    d and b are the last columns of ``weights`` (H) and ``outputs`` (U).
    """

    name: str
    targets: Sequence[tuple[int, float]]
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


Step = Window | Group | Neural
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


def train_windows(
    ids: Sequence[int],
    objective: Objective,
    model: dict[str, Array],
    random: Random,
    *,
    cbow: bool,
    window: int,
    keep: Sequence[int],
    ngrams: Sequence[Sequence[int]],
    rate: float,
    gradient: Gradient = textbook_gradient,
) -> tuple[float, int]:
    """Skip-gram and CBOW; returns the sum of the losses and their number.

    ``model`` has ``inputs`` and ``outputs``; word w's vector is the mean of row w and the rows
    ``ngrams[w]``. As in word2vec.c and fastText every row under a mean moves by the whole
    gradient of the mean.
    """
    loss, losses = 0.0, 0
    for sentence in kept_sentences(ids, keep, random):
        for center, word in enumerate(sentence):
            reach = 1 + random.below(window)
            places = range(max(0, center - reach), min(len(sentence), center + reach + 1))
            groups = [[sentence[k], *ngrams[sentence[k]]] for k in places if k != center]
            if not groups:
                continue
            if cbow:
                groups = [[row for group in groups for row in group]]
            step = Window(objective.name, objective.draw(word, random))
            hidden = np.array([model["inputs"][group].mean(axis=0) for group in groups])
            arrays = {"hidden": hidden, "outputs": model["outputs"]}
            loss += step.loss(arrays)
            losses += len(groups)
            change = gradient(step, arrays)
            model["outputs"] -= rate * change["outputs"]
            for group, row in zip(groups, change["hidden"], strict=True):
                for member in group:
                    model["inputs"][member] -= rate * row
    return loss, losses


def train_groups(
    ids: Sequence[int],
    objective: Objective,
    model: dict[str, Array],
    random: Random,
    *,
    window: int,
    keep: Sequence[int],
    rate: float,
    group: int,
    draws: int,
    gradient: Gradient = textbook_gradient,
) -> tuple[float, int]:
    """Skip-gram with ``draws`` times as many negatives for ``group`` words together.

    Returns the sum of the losses and their number. All pairs of a group are one step: the
    negatives of a pair are those of its group, each weighing 1 / ``draws``.
    """
    loss, losses = 0.0, 0
    for sentence in kept_sentences(ids, keep, random):
        if len(sentence) < 2:
            continue
        for begin in range(0, len(sentence), group):
            words = sentence[begin : begin + group]
            negatives = []
            for _ in range(draws):
                drawn = objective.draw(-1, random)[1:]  # -1: no word, so that none is refused
                negatives += [t for t, _ in drawn if t not in words]
            pairs = []
            for center, word in enumerate(words, start=begin):
                reach = 1 + random.below(window)
                for k in range(max(0, center - reach), min(len(sentence), center + reach + 1)):
                    if k != center:
                        pairs.append((k, word, 1.0))
                        pairs += [(k, t, -1.0 / draws) for t in negatives]
                        losses += 1
            step = Group(pairs)
            hidden = np.array([model["inputs"][word] for word in sentence])
            arrays = {"hidden": hidden, "outputs": model["outputs"]}
            loss += step.loss(arrays)
            change = gradient(step, arrays)
            model["outputs"] -= rate * change["outputs"]
            for word, row in zip(sentence, change["hidden"], strict=True):
                model["inputs"][word] -= rate * row
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
            step = Neural(objective.name, objective.draw(word, random), context)
            loss += step.loss(model)
            losses += 1
            change: Any = gradient(step, model)
            for name in model:
                model[name] -= rate * change[name]
    return loss, losses
