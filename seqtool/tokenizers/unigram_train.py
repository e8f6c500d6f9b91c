"""Training a unigram model: EM over many pieces, of which the least useful are dropped.

Source: Kudo, "Subword Regularization" (ACL 2018), section 3.2, with the constants of
sentencepiece: two EM steps between prunings, the digamma function of expected counts (Liang and
Klein 2007), pieces that are expected less than half a time dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.parallel import for_each
from seqtool.progress import Progress
from seqtool.tokenizers.types import Offsets, WordCounts
from seqtool.tokenizers.unigram import UNKNOWN_PENALTY, UnigramModel
from seqtool.tokenizers.unigram_seed import Numbers, Runs, Small, make_runs, make_seeds
from seqtool.tokenizers.unigram_seed_kernels import LONGEST_RUN
from seqtool.tokenizers.unigram_train_kernels import (
    UNUSED,
    count_best,
    drop_edges,
    expect_counts,
    find_losses,
)

SEEDS = 1_000_000
EM_STEPS = 2
LEAST_EXPECTED = 0.5
MARGIN = 1.1  # the vocabulary is pruned to this many times its size, then cut
PENALTY_STEP = 1e-4  # between the scores of characters that no segmentation uses
UNKNOWN = "<unk>"

_SHARDS = 8  # sums are taken of each by itself and then added, for any number of threads

Floats = npt.NDArray[np.float64]
Array = npt.NDArray[Any]


class _Scores(NamedTuple):
    """Log probabilities of pieces and of symbols; those of symbols that have none are -inf."""

    pieces: Floats
    symbols: Floats

    @property
    def unknown(self) -> float:
        """That of a symbol that has none."""
        known = self.symbols[np.isfinite(self.symbols)]
        lowest = min(self.pieces.min(initial=0.0), known.min(initial=0.0))
        return float(lowest) - UNKNOWN_PENALTY

    def of_symbols(self) -> Floats:
        """Those of symbols, with that of unknown ones filled in."""
        return np.where(np.isfinite(self.symbols), self.symbols, self.unknown)


def train_unigram(
    counts: WordCounts,
    vocab_size: int,
    *,
    specials: Sequence[str] = (),
    byte_fallback: bool = False,
    max_piece_length: int = 16,
    shrinking_factor: float = 0.75,
    character_coverage: float = 0.9995,
    threads: int = 1,
    progress: Progress | None = None,
) -> UnigramModel:
    """A model of ``vocab_size`` pieces, or of as many as the words give.

    The ids are those of the special tokens, of the 256 bytes with ``byte_fallback``, then of the
    pieces from the most probable on. Characters are pieces, the most frequent ones that make up
    the share ``character_coverage`` of the text; all of them if nothing stands for unknown ones,
    neither "<unk>" nor bytes. A piece has at most ``max_piece_length`` characters, either letters
    or other ones. Each pruning leaves ``shrinking_factor`` of the pieces; ``progress`` counts
    rounds. Raises SeqtoolError when ``vocab_size`` is too small or the words have no text.
    """
    covers_all = UNKNOWN not in specials and not byte_fallback
    runs = make_runs(counts, 1.0 if covers_all else character_coverage)
    reserved = len(specials) + (256 if byte_fallback else 0)
    if vocab_size < reserved + len(runs.characters):
        raise SeqtoolError(
            f"a vocabulary of {vocab_size:,} has no room for {reserved:,} special tokens and bytes "
            f"and {len(runs.characters):,} characters: ask for "
            f"{reserved + len(runs.characters):,} or more"
        )
    trainer = _Trainer(runs, min(max_piece_length, LONGEST_RUN), threads)
    wanted = int(vocab_size * MARGIN)
    while True:
        for _ in range(EM_STEPS):
            trainer.step()
        if progress is not None:
            progress.advance()
        if trainer.size <= wanted:
            break
        trainer.prune(max(wanted, int(shrinking_factor * trainer.size)))
    learned = trainer.best(vocab_size - reserved)
    return _model(learned, specials, byte_fallback)


def _model(
    learned: list[tuple[bytes, float]], specials: Sequence[str], byte_fallback: bool
) -> UnigramModel:
    pieces = [special.encode() for special in specials]
    byte_ids = {}
    if byte_fallback:
        byte_ids = {byte: len(pieces) + byte for byte in range(256)}
        pieces += [bytes([byte]) for byte in range(256)]
    scores = [0.0] * len(pieces) + [score for _, score in learned]
    unknown = specials.index(UNKNOWN) if UNKNOWN in specials else None
    hidden = range(len(specials))
    return UnigramModel(
        pieces + [piece for piece, _ in learned], scores, unknown, hidden, byte_ids
    )  # fmt: skip


class _Trainer:
    """Pieces and what is known of them; ``size`` of them at the moment."""

    def __init__(self, runs: Runs, longest: int, threads: int) -> None:
        self.runs = runs
        self.threads = threads
        seeds = make_seeds(runs, longest, SEEDS)
        self.places: Numbers = seeds.places
        self.lengths: Small = seeds.lengths
        self.edges = seeds.edge_starts, seeds.edge_ids, seeds.edge_lengths
        weights = (seeds.weights * seeds.lengths).astype(np.float64)
        total = np.log(weights.sum() + runs.character_counts.sum())
        symbols = np.full(len(runs.characters) + 1, -np.inf)
        symbols[1:] = np.log(runs.character_counts) - total
        self.scores = _Scores(np.log(weights) - total, symbols)
        cuts = np.linspace(0, runs.starts[-1], _SHARDS + 1)
        self.shards = np.searchsorted(runs.starts, cuts).tolist()

    @property
    def size(self) -> int:
        """Number of pieces, those of symbols included."""
        return len(self.scores.pieces) + _known(self.scores.symbols)

    def step(self) -> None:
        """One step of EM."""
        pieces, symbols = self._expected()
        keep = pieces >= LEAST_EXPECTED
        known = (symbols >= LEAST_EXPECTED) & np.isfinite(self.scores.symbols)
        total = digamma(np.array([pieces[keep].sum() + symbols[known].sum()]))[0]
        scores = np.full(len(symbols), -np.inf)
        scores[known] = digamma(symbols[known]) - total
        self._keep(np.flatnonzero(keep))
        self.scores = _Scores(digamma(pieces[keep]) - total, scores)

    def _expected(self) -> tuple[Floats, Floats]:
        """Expected counts of pieces and symbols."""
        # The factor that keeps the products of a run in the middle of the numbers that there are.
        factor = -self.scores.unknown / 2
        weights = np.exp(self.scores.pieces + factor * self.lengths)
        symbol_weights = np.exp(self.scores.of_symbols() + factor)

        def expect(first: int, last: int, pieces: Floats, symbols: Floats) -> None:
            forward, backward = np.empty(LONGEST_RUN + 1), np.empty(LONGEST_RUN + 1)
            expect_counts(
                *self.runs[:3], first, last, *self.edges, weights, symbol_weights, pieces, symbols,
                forward, backward,
            )  # fmt: skip

        return self._sums(expect, np.float64)

    def _used(self) -> tuple[Offsets, Offsets]:
        """How often pieces and symbols are in the best segmentations."""
        symbol_scores = self.scores.of_symbols()

        def count(first: int, last: int, pieces: Offsets, symbols: Offsets) -> None:
            best, path = np.empty(LONGEST_RUN + 1), np.empty(2 * LONGEST_RUN + 2, np.int32)
            count_best(
                *self.runs[:3], first, last, *self.edges, self.scores.pieces, symbol_scores,
                pieces, symbols, best, path,
            )  # fmt: skip

        return self._sums(count, np.int64)

    def _sums(self, add: Callable[[int, int, Any, Any], None], dtype: type) -> tuple[Array, Array]:
        """Have threads add up something over shards of the runs: for pieces and for symbols."""
        pieces = len(self.scores.pieces)
        sums: list[Array] = [np.empty(0)] * _SHARDS

        def work(shard: int) -> None:
            sums[shard] = np.zeros(pieces + len(self.scores.symbols), dtype)
            first, last = self.shards[shard], self.shards[shard + 1]
            add(first, last, sums[shard][:pieces], sums[shard][pieces:])

        for_each(range(_SHARDS), lambda: work, self.threads)
        total = sums[0]
        for part in sums[1:]:
            total += part
        return total[:pieces], total[pieces:]

    def prune(self, size: int) -> None:
        """Keep the ``size`` pieces without which the text would be least likely."""
        used, symbols_used = self._used()
        losses = self._losses(used, symbols_used)
        symbols = np.where(symbols_used > 0, self.scores.symbols, -np.inf)
        order = np.argsort(-losses, kind="stable")[: max(0, size - _known(symbols))]
        keep = np.sort(order[losses[order] > UNUSED])
        scores = _Scores(self.scores.pieces[keep], symbols)
        self._keep(keep)
        self.scores = scores

    def _losses(self, used: Offsets, symbols_used: Offsets) -> Floats:
        losses = np.empty(len(used))
        symbol_scores = self.scores.of_symbols()
        total = float(used.sum() + symbols_used[np.isfinite(self.scores.symbols)].sum())
        cuts = np.linspace(0, len(used), _SHARDS + 1).astype(np.int64).tolist()

        def work(shard: int) -> None:
            best, path = np.empty(LONGEST_RUN + 1), np.empty(2 * LONGEST_RUN + 2, np.int32)
            find_losses(
                self.runs.symbols, self.places, self.lengths, cuts[shard], cuts[shard + 1],
                *self.edges, self.scores.pieces, symbol_scores, used, symbols_used, total, best,
                path, losses,
            )  # fmt: skip

        for_each(range(_SHARDS), lambda: work, self.threads)
        return losses

    def _keep(self, kept: Offsets) -> None:
        """Leave out all pieces but these; the scores are the caller's to set."""
        new_ids = np.full(len(self.places), -1, np.int32)
        new_ids[kept] = np.arange(len(kept))
        edge_starts, edge_ids, edge_lengths = self.edges
        left = drop_edges(edge_ids, edge_lengths, edge_starts, new_ids)
        self.edges = edge_starts, edge_ids[:left], edge_lengths[:left]
        self.places, self.lengths = self.places[kept], self.lengths[kept]

    def best(self, size: int) -> list[tuple[bytes, float]]:
        """All characters and the most probable pieces, with their scores, best first."""
        lowest = self.scores.unknown + UNKNOWN_PENALTY
        found: list[tuple[float, bytes]] = []
        missing = 0
        for code, score in zip(
            self.runs.characters.tolist(), self.scores.symbols[1:].tolist(), strict=True
        ):
            if not np.isfinite(score):
                score = lowest + missing * PENALTY_STEP
                missing += 1
            found.append((-score, chr(code).encode()))
        order = np.argsort(-self.scores.pieces, kind="stable")[: size - len(found)]
        for piece in order.tolist():
            found.append((-float(self.scores.pieces[piece]), self._text(piece)))
        return [(piece, -score) for score, piece in sorted(found)]

    def _text(self, piece: int) -> bytes:
        begin = int(self.places[piece])
        symbols = self.runs.symbols[begin : begin + int(self.lengths[piece])]
        return "".join(map(chr, self.runs.characters[symbols - 1].tolist())).encode()


def _known(symbol_scores: Floats) -> int:
    return int(np.isfinite(symbol_scores).sum())


def digamma(x: Floats) -> Floats:
    """The derivative of the logarithm of the gamma function, for positive numbers.

    The recurrence up to 7, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18).
    """
    x = x.copy()
    result = np.zeros_like(x)
    for _ in range(7):
        small = x < 7
        result[small] -= 1 / x[small]
        x[small] += 1
    inverse = 1 / (x * x)
    series = inverse * (1 / 12 - inverse * (1 / 120 - inverse * (1 / 252 - inverse / 240)))
    return result + np.log(x) - 0.5 / x - series
