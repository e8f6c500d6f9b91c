"""GloVe: word vectors whose products match the logarithms of co-occurrences.

Pennington, Socher and Manning 2014, "GloVe: Global Vectors for Word Representation".

The blocks of a table (see `seqtool_train_embeddings.glove_kernels`) are trained on in *strata*:
block (a, b) belongs to stratum (b - a) modulo the number of groups, so no two blocks of a stratum
share a word on the same side (Gemulla et al. 2011). They run in parallel without locks, and the
result is the same for any number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool_train_embeddings.glove_cells import Cells
from seqtool_train_embeddings.glove_kernels import update_block

Floats = npt.NDArray[np.float32]


class Glove:
    """A model in training.

    Args:
        cells: what to train on.
        dimensions: of the vectors.
        seed: of the first vectors and of the order of strata.
        learning_rate: of AdaGrad.
        x_max: co-occurrences from which on all cells count alike; 10 suits small corpora.
        alpha: cells below count (x / x_max) ** alpha.
        threads: how many threads train.

    Attributes: ``epoch``, how many are done; ``stratum``, how many of the present one.
    """

    def __init__(
        self,
        cells: Cells,
        dimensions: int,
        *,
        seed: int = 1,
        learning_rate: float = 0.05,
        x_max: float = 100.0,
        alpha: float = 0.75,
        threads: int = 1,
    ) -> None:
        self.cells = cells
        self.dimensions = dimensions
        self.epoch = 0
        self.stratum = 0
        self._seed = seed
        self._rate = learning_rate
        self._x_max = np.float32(x_max)
        self._alpha = np.float32(alpha)
        self._threads = threads
        self._costs = np.zeros(len(cells.begins) - 1)
        rng = np.random.default_rng(seed)
        self._words = self._arranged(self._first_records(rng))
        self._contexts = self._arranged(self._first_records(rng))

    @property
    def strata(self) -> int:
        """How many strata an epoch has."""
        return self.cells.groups

    def train_stratum(self) -> int:
        """Train on the next stratum; returns how many cells it has. Ends an epoch if it is last."""
        groups = self.cells.groups
        order = np.random.default_rng([self._seed, self.epoch]).permutation(groups)
        shift = int(order[self.stratum])
        blocks = [(a, (a + shift) % groups) for a in range(groups)]
        sizes = [int(np.diff(self.cells.begins[a * groups + b :][:2])[0]) for a, b in blocks]
        for_each(blocks, lambda: self._train_block, self._threads)
        self.stratum += 1
        if self.stratum == groups:
            self.stratum = 0
            self.epoch += 1
        return sum(sizes)

    def train_epoch(self, on_stratum: Callable[[int], None] | None = None) -> float:
        """Train to the end of the epoch; ``on_stratum(cells)`` is called after each stratum.

        Returns `loss`. Raises SeqtoolError when training has diverged.
        """
        epoch = self.epoch
        while self.epoch == epoch:
            cells = self.train_stratum()
            if on_stratum:
                on_stratum(cells)
        loss = self.loss()
        if not math.isfinite(loss):
            raise SeqtoolError(
                f"training diverged in epoch {self.epoch} (the loss is not a number): "
                "lower --learning-rate"
            )
        return loss

    def loss(self) -> float:
        """The mean cost f(x) / 2 * (w . c + b_w + b_c - log x)**2 of a cell in the last epoch.

        Every cell is measured right before the step that it causes.
        """
        return math.fsum(self._costs.tolist()) / max(1, self.cells.count)

    def vectors(self, sum_contexts: bool = True) -> Floats:
        """The vectors, (words, dimensions): w + c, or w alone."""
        size = self.dimensions
        words = self._natural(self._words)[:, :size]
        return words + self._natural(self._contexts)[:, :size] if sum_contexts else words.copy()

    def set_vectors(self, numbers: npt.NDArray[np.int64], vectors: Floats) -> None:
        """Start some words from given vectors: half as word, half as context."""
        for name in ("_words", "_contexts"):
            records = self._natural(getattr(self, name)).copy()
            records[numbers, : self.dimensions] = vectors / 2
            setattr(self, name, self._arranged(records))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All that `restore` needs to go on as if training had not stopped.

        ``words`` and ``contexts`` are (words, 2 * dimensions + 2): vector, bias, sums of AdaGrad.
        """
        return {
            "words": self._natural(self._words),
            "contexts": self._natural(self._contexts),
            "costs": self._costs.copy(),
            "place": np.array([self.epoch, self.stratum], np.int64),
        }

    def restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Go on from a `state` of a model with the same arguments and cells.

        Raises SeqtoolError if it belongs to another one.
        """
        shape = (self.cells.words, 2 * self.dimensions + 2)
        place = state["place"].tolist()
        if not (
            state["words"].shape == state["contexts"].shape == shape
            and state["costs"].shape == self._costs.shape
            and len(place) == 2
            and place[0] >= 0
            and 0 <= place[1] < self.strata
        ):
            raise SeqtoolError("the checkpoint belongs to another vocabulary or other --dim")
        self._words = self._arranged(state["words"])
        self._contexts = self._arranged(state["contexts"])
        self._costs = state["costs"].astype(np.float64)
        self.epoch, self.stratum = place

    def _first_records(self, rng: np.random.Generator) -> Floats:
        width = self.dimensions + 1
        records = np.ones((self.cells.words, 2 * width), np.float32)
        records[:, :width] = (rng.random((self.cells.words, width), np.float32) - 0.5) / width
        return records

    def _arranged(self, records: Floats) -> Floats:
        """Records in the order of groups and members, flat, with unused ones at the ends."""
        groups, members = self.cells.groups, self.cells.members
        padded = np.ones((groups * members, records.shape[1]), np.float32)
        padded[: len(records)] = records
        by_group = padded.reshape(members, groups, -1).transpose(1, 0, 2)
        return np.ascontiguousarray(by_group).reshape(-1)

    def _natural(self, flat: Floats) -> Floats:
        """Records in the order of words."""
        groups, members = self.cells.groups, self.cells.members
        by_member = flat.reshape(groups, members, -1).transpose(1, 0, 2)
        records: Floats = by_member.reshape(groups * members, -1)[: self.cells.words]
        return records

    def _train_block(self, block: tuple[int, int]) -> None:
        row, column = block
        number = row * self.cells.groups + column
        pairs, amounts = self.cells.block(number)
        weights = np.minimum(amounts / self._x_max, np.float32(1)) ** self._alpha
        self._costs[number] = update_block(
            pairs, np.log(amounts), weights, len(pairs), row * self.cells.members,
            column * self.cells.members, self.dimensions, self._rate, self._words, self._contexts,
        )  # fmt: skip
