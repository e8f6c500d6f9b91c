"""Confidence intervals and paired significance tests by resampling.

For the same seed the numbers are those of sacrebleu 2.6: the same draws, in the same order,
and the same precision of arithmetic. What differs is the work: draws are made in chunks,
sums in kernels, and the scores of a chunk in one go.

Sources: Koehn 2004, "Statistical significance tests for machine translation evaluation"
(bootstrap); Riezler and Maxwell 2005, "On some pitfalls in automatic evaluation and
significance testing for MT" (approximate randomisation).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from seqtool_bleu.corpus import SystemStats
    from seqtool_bleu.metric import Metric

    Table = npt.NDArray[np.float64]
    Samples = npt.NDArray[np.floating[Any]]
    Progress = Callable[[int], None]

# Draws held at a time; with int64 draws this is 16 MiB.
CHUNK_DRAWS = 1 << 21
# Trials of a chunk of random bits are a multiple of this, so that every chunk fills its words.
WORD_BITS = 64


class Interval(NamedTuple):
    """A mean of resampled scores, and half the width of their central 95 %."""

    mean: float
    half_width: float


class PairedResult(NamedTuple):
    """One system of a paired test. What was not computed is None (the baseline's p-value)."""

    score: float
    mean: float | None
    half_width: float | None
    p_value: float | None


def confidence(
    metric: Metric,
    system: SystemStats,
    samples: int = 1000,
    seed: int | None = 12345,
    progress: Progress | None = None,
) -> Interval:
    """95 % confidence interval of a system's score, by bootstrap resampling of segments.

    Args:
        metric: makes scores from summed statistics.
        system: the statistics of every segment; at least one.
        samples: how many corpora to resample.
        seed: of the random draws; None takes fresh entropy.
        progress: called with the number of samples just done.
    """
    (scores,) = _bootstrap_scores(metric, [system], samples, seed, progress)
    lower, upper = _bounds(scores)
    mean = math.fsum(scores.tolist()) / len(scores)
    return Interval(float(scores.dtype.type(mean)), float(0.5 * (upper - lower)))


def paired_bootstrap(
    metric: Metric,
    systems: Sequence[SystemStats],
    samples: int = 1000,
    seed: int | None = 12345,
    progress: Progress | None = None,
) -> list[PairedResult]:
    """Paired bootstrap test of every system against the first one.

    All systems are scored on the same resampled segments. A p-value is the share of samples
    whose difference strays from the mean difference by more than the difference observed.

    Args:
        metric: makes scores from summed statistics.
        systems: the baseline first; all over the same segments.
        samples: how many corpora to resample.
        seed: of the random draws; None takes fresh entropy.
        progress: called with the number of samples just done.
    """
    import numpy as np

    all_scores = _bootstrap_scores(metric, systems, samples, seed, progress)
    results = []
    for system, scores in zip(systems, all_scores, strict=True):
        p_value = None
        if system is not systems[0]:
            distances = np.abs(scores - all_scores[0])
            strays = distances - distances.mean()
            p_value = _p_value(strays, metric, systems[0], system)
        lower, upper = _bounds(scores)
        # Of the sorted scores: in single precision the order of a sum shows.
        mean, half_width = float(np.sort(scores).mean()), float(0.5 * (upper - lower))
        results.append(PairedResult(metric.score(system.total), mean, half_width, p_value))
    return results


def paired_randomisation(
    metric: Metric,
    systems: Sequence[SystemStats],
    trials: int = 10000,
    seed: int | None = 12345,
    progress: Progress | None = None,
) -> list[PairedResult]:
    """Paired approximate randomisation test of every system against the first one.

    Every trial swaps the two systems' outputs of about half of the segments, chosen at
    random. A p-value is the share of trials whose two mixtures differ more than the systems.

    Args:
        metric: makes scores from summed statistics.
        systems: the baseline first; all over the same segments.
        trials: how often to swap.
        seed: of the random draws; None takes fresh entropy.
        progress: called with the number of trials just done.
    """
    import numpy as np

    from seqtool.kernels import expect

    tables = [_table(system) for system in systems]
    differences = [np.ascontiguousarray(tables[0] - table) for table in tables[1:]]
    gaps: list[list[Samples]] = [[] for _ in differences]
    base = np.array(systems[0].total)
    expect(trials * base.size * len(differences) * len(tables[0]) // 4)
    for count, bits in _coin_flips(trials, len(tables[0]), seed):
        for number, difference in enumerate(differences):
            moved = _swapped(difference, bits, count)
            mixtures = np.concatenate([systems[number + 1].total + moved, base - moved])
            scores = score_samples(metric, mixtures)
            gaps[number].append(np.abs(scores[:count] - scores[count:]))
        if progress:
            progress(count)
    results = [PairedResult(metric.score(systems[0].total), None, None, None)]
    for system, parts in zip(systems[1:], gaps, strict=True):
        p_value = _p_value(np.concatenate(parts), metric, systems[0], system)
        results.append(PairedResult(metric.score(system.total), None, None, p_value))
    return results


def _table(system: SystemStats) -> Table:
    """A system's statistics as (segments, columns)."""
    import numpy as np

    return np.frombuffer(system.stats, dtype=np.float64).reshape(system.segments, -1)


def score_samples(metric: Metric, sums: Samples) -> Samples:
    """Scores of (samples, columns): all at once where the metric knows how."""
    import numpy as np

    together: Callable[[Samples], Samples] | None = getattr(metric, "score_samples", None)
    if together is not None:
        return together(sums)
    return np.array([metric.score(row) for row in sums])


def _bootstrap_scores(
    metric: Metric,
    systems: Sequence[SystemStats],
    samples: int,
    seed: int | None,
    progress: Progress | None,
) -> list[Samples]:
    """The scores of every system on the same resampled corpora, in single precision."""
    import numpy as np

    from seqtool.kernels import expect
    from seqtool_bleu.resample_kernels import sum_picks

    tables = [_table(system).astype(np.float32) for system in systems]
    segments, columns = tables[0].shape
    expect(samples * segments * columns * len(systems))
    rows = [table.ravel() for table in tables]
    sums = [np.empty((samples, columns), dtype=np.float32) for _ in systems]
    done = 0
    for picks in _picks(samples, segments, seed):
        count = len(picks)
        for system_rows, system_sums in zip(rows, sums, strict=True):
            part = system_sums[done : done + count].reshape(-1)
            sum_picks(system_rows, columns, picks.reshape(-1), segments, count, part)
        done += count
        if progress:
            progress(count)
    return [score_samples(metric, system_sums) for system_sums in sums]


def _picks(samples: int, segments: int, seed: int | None) -> Iterator[npt.NDArray[np.int64]]:
    """(n, segments) random segment numbers, n samples at a time: one stream of draws."""
    import numpy as np

    generator = np.random.default_rng(seed)
    step = max(1, CHUNK_DRAWS // segments)
    for start in range(0, samples, step):
        shape = (min(step, samples - start), segments)
        yield generator.choice(segments, size=shape, replace=True)


def _coin_flips(
    trials: int, segments: int, seed: int | None
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Random bits of some trials at a time: (trials, words of 64 bits plus a spare one).

    numpy's random booleans are the bits of the generator's words, lowest first. Taking the
    words themselves needs an eighth of the memory and a fraction of the time.
    """
    import numpy as np

    words = np.random.default_rng(seed).bit_generator
    step = max(1, 8 * CHUNK_DRAWS // segments // WORD_BITS) * WORD_BITS
    for start in range(0, trials, step):
        count = min(step, trials - start)
        drawn = words.random_raw(-(-count * segments // WORD_BITS))
        yield count, np.append(drawn, np.uint64(0)).view(np.int64)


def _swapped(differences: Table, bits: npt.NDArray[np.int64], trials: int) -> Table:
    """(trials, columns): by how much the sums of a system change when segments are swapped."""
    import numpy as np

    from seqtool_bleu.resample_kernels import (
        BLOCK_STEPS,
        STEP,
        TABLE_ROWS,
        add_choices,
        fill_table,
    )

    segments, columns = differences.shape
    rows = differences.reshape(-1)
    table = np.empty(TABLE_ROWS * columns)
    sums = np.zeros(trials * columns)
    for start in range(0, segments, BLOCK_STEPS * STEP):
        steps = min(BLOCK_STEPS, -(-(segments - start) // STEP))
        fill_table(rows, columns, segments, start, steps, table)
        add_choices(table, columns, bits, segments, start, steps, trials, sums)
    return sums.reshape(trials, columns)


def _bounds(scores: Samples) -> tuple[Any, Any]:
    """The scores that leave one in forty on either side."""
    import numpy as np

    ordered = np.sort(scores)
    outside = len(ordered) // 40
    return ordered[outside], ordered[len(ordered) - outside - 1]


def _p_value(strays: Samples, metric: Metric, baseline: SystemStats, system: SystemStats) -> float:
    """Share of chance results above the observed difference, the observed one counted in.

    Systems that are equal in every segment are no evidence against chance: their p-value is
    1. (The formula alone would give the smallest p-value there is, as sacrebleu does.)
    """
    import numpy as np

    if np.array_equal(_table(baseline), _table(system)):
        return 1.0
    # Scored the way the samples are, so that a tie is a tie to the last bit.
    base, other = score_samples(metric, np.array([baseline.total, system.total])).tolist()
    above = int(np.count_nonzero(strays > abs(base - other)))
    return (above + 1) / (len(strays) + 1)
