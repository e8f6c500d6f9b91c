"""chrF (Popović 2015) and chrF++ (Popović 2017)."""

import string
from collections import Counter
from collections.abc import Sequence

EPSILON = 1e-16


def _split_punctuation(line: str) -> list[str]:
    """Words, with one ASCII punctuation mark split off: the last if it is one, else the first.

    As chrF++.py does it, so that "(hi)" gives "(hi" and ")".
    """
    words = []
    for word in line.split():
        if len(word) > 1 and word[-1] in string.punctuation:
            words += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in string.punctuation:
            words += [word[0], word[1:]]
        else:
            words.append(word)
    return words


def _ngram_counters(
    line: str, char_order: int, word_order: int, whitespace: bool
) -> list[Counter[tuple[str, ...]]]:
    """Counts of character n-grams of orders 1.., then of word n-grams of orders 1.. ."""
    chars = list(line) if whitespace else [char for char in line if not char.isspace()]
    words = _split_punctuation(line)
    counters = []
    for sequence, max_order in ((chars, char_order), (words, word_order)):
        for order in range(1, max_order + 1):
            starts = range(len(sequence) - order + 1)
            counters.append(Counter(tuple(sequence[i : i + order]) for i in starts))
    return counters


def chrf_columns(
    hyp: str,
    refs: Sequence[str],
    char_order: int = 6,
    word_order: int = 0,
    beta: int = 2,
    whitespace: bool = False,
    eps_smoothing: bool = False,
) -> list[int]:
    """What a segment adds to chrF: [hyp, ref, match] n-grams of each order, flattened.

    Of several references the one with the best score of its own counts, the first of equals.
    Hypothesis n-grams of an order that the reference has none of count as 0.
    """
    hyp_counters = _ngram_counters(hyp.rstrip(), char_order, word_order, whitespace)
    best: list[int] = []
    best_score = -1.0
    for ref in refs:
        ref_counters = _ngram_counters(ref.rstrip(), char_order, word_order, whitespace)
        columns = []
        for hyp_counts, ref_counts in zip(hyp_counters, ref_counters, strict=True):
            ref_total = sum(ref_counts.values())
            hyp_total = sum(hyp_counts.values()) if ref_total else 0
            matches = sum(min(count, ref_counts[ngram]) for ngram, count in hyp_counts.items())
            columns += [hyp_total, ref_total, matches]
        score = chrf_score(columns, beta, eps_smoothing)
        if score > best_score:
            best, best_score = columns, score
    return best


def _f_score(precision: float, recall: float, beta: int) -> float:
    """The harmonic mean in which recall weighs beta times as much as precision."""
    factor = beta**2
    denominator = factor * precision + recall
    if denominator > 0:
        return (1 + factor) * precision * recall / denominator
    return EPSILON


def chrf_score(columns: Sequence[float], beta: int = 2, eps_smoothing: bool = False) -> float:
    """chrF of summed columns, 0 to 100.

    Precision and recall are averaged over the orders that both sides have n-grams of, then
    combined. With `eps_smoothing` the F-scores of all orders are averaged instead, as
    chrF++.py does it; an order that one side lacks then counts almost 0.
    """
    total = precision_sum = recall_sum = 0.0
    orders = shared_orders = 0
    for i in range(0, len(columns), 3):
        hyp, ref, match = columns[i : i + 3]
        precision = match / hyp if hyp > 0 else EPSILON
        recall = match / ref if ref > 0 else EPSILON
        total += _f_score(precision, recall, beta)
        orders += 1
        if hyp > 0 and ref > 0:
            precision_sum += precision
            recall_sum += recall
            shared_orders += 1
    if eps_smoothing:
        return 100 * total / orders
    if precision_sum + recall_sum == 0:
        return 0.0
    return 100 * _f_score(precision_sum / shared_orders, recall_sum / shared_orders, beta)
