"""Scores of many resampled corpora at once.

Each function takes ``sums`` of shape (samples, columns), float32 or float64, and returns
(samples,) scores: what the metric's own ``score`` gives for every row. The arithmetic stays
in the precision of ``sums`` wherever the reference tool's does, so that bootstrap intervals
agree with it to the last digit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.floating[Any]]

_NO_MATCH_LOG = -9999999999.0
_EPSILON = 1e-16


def bleu_samples(
    sums: Samples, order: int, smooth: str, smooth_value: float | None, effective_order: bool
) -> Samples:
    """BLEU (Papineni et al. 2002) of every row [hyp_len, ref_len, correct..., total...].

    Args:
        sums: (samples, 2 + 2 * order).
        order: longest n-gram.
        smooth: ``none``, ``floor``, ``add-k`` or ``exp``.
        smooth_value: value of ``floor`` (0.1 when None) and ``add-k`` (1 when None).
        effective_order: leave out the orders for which a hypothesis has no n-gram.

    Returns:
        (samples,) float64.
    """
    import numpy as np

    correct, total = sums[:, 2 : 2 + order], sums[:, 2 + order : 2 + 2 * order]
    matched = correct.any(axis=1)
    if smooth == "add-k":
        added = np.zeros(order, dtype=sums.dtype)
        added[1:] = 1.0 if smooth_value is None else smooth_value
        correct, total = correct + added, total + added
    alive = np.logical_and.accumulate(total != 0, axis=1)
    precisions = np.where(alive, _precisions(correct, total, smooth, smooth_value), 0)
    logs = _logarithms(precisions.astype(np.float64))
    orders: Any = order
    if effective_order:
        logs = np.where(alive, logs, 0.0)
        orders = np.maximum(alive.sum(axis=1), 1)
        matched = matched & alive[:, 0]
    log_sum = logs[:, 0].copy()
    for column in range(1, order):
        log_sum += logs[:, column]
    scores = _brevity_penalties(sums) * _exponentials(log_sum / orders)
    return np.where(matched, scores, 0.0)


def _precisions(
    correct: Samples, total: Samples, smooth: str, smooth_value: float | None
) -> Samples:
    """n-gram precisions in per cent; where nothing matched, what the smoothing makes of it."""
    import numpy as np

    missing = correct == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        precisions: Samples = 100.0 * correct / total
        if smooth == "exp":
            halvings = np.cumsum(missing & (total != 0), axis=1)
            smoothed = 100.0 / (np.exp2(halvings).astype(total.dtype) * total)
            precisions = np.where(missing, smoothed, precisions)
        elif smooth == "floor":
            floor = 100.0 * (0.1 if smooth_value is None else smooth_value)
            precisions = np.where(missing, floor / total, precisions)
    return precisions


def _brevity_penalties(sums: Samples) -> Samples:
    import numpy as np

    hypothesis, reference = sums[:, 0].astype(np.float64), sums[:, 1].astype(np.float64)
    penalties = np.ones(len(sums))
    short = hypothesis < reference
    with np.errstate(divide="ignore"):
        penalties[short] = _exponentials(1 - reference[short] / hypothesis[short])
    return penalties


def _logarithms(values: Samples) -> Samples:
    """Natural logarithms; a very low number for zeros.

    One libm call a value: numpy's vectorised logarithm differs from it in the last bit, and
    p-values compare scores for being equal.
    """
    import numpy as np

    logs = np.full(values.shape, _NO_MATCH_LOG)
    positive = values > 0
    chosen = values[positive]
    logs[positive] = np.fromiter(map(math.log, chosen.tolist()), np.float64, len(chosen))
    return logs


def _exponentials(values: Samples) -> Samples:
    import numpy as np

    return np.fromiter(map(math.exp, values.tolist()), np.float64, len(values))


def chrf_samples(sums: Samples, orders: int, beta: float, eps_smoothing: bool) -> Samples:
    """chrF (Popović 2015) of every row of [hyp, ref, match] counts, one triple an order.

    Args:
        sums: (samples, 3 * orders).
        orders: character orders plus word orders.
        beta: weight of recall.
        eps_smoothing: mean of the orders' F scores, a tiny number standing for no matches,
            instead of the F score of mean precision and recall over the orders present.

    Returns:
        (samples,) of the type of ``sums`` (float64 when a sample has no order at all).
    """
    import numpy as np

    epsilon = sums.dtype.type(_EPSILON)
    factor = beta**2
    total = np.zeros(len(sums), dtype=sums.dtype)
    precision_sum, recall_sum, present = total.copy(), total.copy(), total.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        for order in range(orders):
            hypothesis, reference, match = sums[:, 3 * order : 3 * order + 3].T
            precision = np.where(hypothesis > 0, match / hypothesis, epsilon)
            recall = np.where(reference > 0, match / reference, epsilon)
            weight = factor * precision + recall
            f_score = (1 + factor) * precision * recall / weight
            total += np.where(weight > 0, f_score, epsilon)
            both = (hypothesis > 0) & (reference > 0)
            precision_sum += np.where(both, precision, 0)
            recall_sum += np.where(both, recall, 0)
            present += both
        if eps_smoothing:
            return 100 * total / orders
        precision, recall = precision_sum / present, recall_sum / present
        scores = (1 + factor) * precision * recall
        scores = 100 * (scores / (factor * precision + recall))
    return _with_fixed(scores, {0.0: ~((present > 0) & (precision_sum + recall_sum > 0))})


def ter_samples(sums: Samples) -> Samples:
    """TER of every row [edits, average reference length], in per cent."""
    return _edit_rates(sums[:, 0], sums[:, 1])


def error_rate_samples(sums: Samples) -> Samples:
    """WER or CER of every row [substitutions, deletions, insertions, hits, ref_length]."""
    return _edit_rates(sums[:, 0] + sums[:, 1] + sums[:, 2], sums[:, 4])


def _edit_rates(edits: Samples, length: Samples) -> Samples:
    """Edits per reference length; without a reference, 100 for any edit and 0 for none."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        scores = 100 * (edits / length)
    empty = ~(length > 0)
    return _with_fixed(scores, {100.0: empty & (edits > 0), 0.0: empty & ~(edits > 0)})


def _with_fixed(scores: Samples, fixed: dict[float, npt.NDArray[np.bool_]]) -> Samples:
    """Scores with constants put in place for degenerate rows.

    The reference tool gives those as Python floats, which turns its whole array of float32
    scores into float64; this does the same, because the mean then differs.
    """
    import numpy as np

    for value, rows in fixed.items():
        if rows.any():
            scores = np.where(rows, value, scores.astype(np.float64))
    return scores
