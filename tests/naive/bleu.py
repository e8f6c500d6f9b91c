"""BLEU (Papineni et al. 2002) with the smoothing methods of Chen and Cherry (2014)."""

import math
from collections import Counter
from collections.abc import Sequence

# What stands for log(0); its exponential is 0.
LOG_OF_ZERO = -9999999999.0
DEFAULT_SMOOTH_VALUES = {"floor": 0.1, "add-k": 1}


def _ngram_counts(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))


def _closest_length(hyp_len: int, ref_lens: list[int]) -> int:
    """The reference length nearest to the hypothesis', the shorter of two equally near."""
    return min(ref_lens, key=lambda ref_len: (abs(hyp_len - ref_len), ref_len))


def bleu_columns(
    hyp_tokens: Sequence[str], list_of_ref_tokens: Sequence[Sequence[str]], max_order: int = 4
) -> list[int]:
    """What a segment adds to BLEU: [hyp_len, ref_len, correct_1.., total_1..].

    A hypothesis n-gram is correct at most as often as it stands in the one reference that has
    it most often (section 2.1.1 of the paper).
    """
    correct = []
    total = []
    for order in range(1, max_order + 1):
        hyp_counts = _ngram_counts(hyp_tokens, order)
        ref_counts = [_ngram_counts(tokens, order) for tokens in list_of_ref_tokens]
        correct.append(
            sum(
                min(count, max(counts[ngram] for counts in ref_counts))
                for ngram, count in hyp_counts.items()
            )
        )
        total.append(sum(hyp_counts.values()))
    ref_len = _closest_length(len(hyp_tokens), [len(tokens) for tokens in list_of_ref_tokens])
    return [len(hyp_tokens), ref_len, *correct, *total]


def _brevity_penalty(hyp_len: int, ref_len: int) -> float:
    if hyp_len >= ref_len:
        return 1.0
    return math.exp(1 - ref_len / hyp_len) if hyp_len > 0 else 0.0


def bleu_score(
    columns: Sequence[float],
    smooth: str = "exp",
    smooth_value: float | None = None,
    effective_order: bool = False,
    max_order: int = 4,
) -> float:
    """BLEU of summed columns, 0 to 100.

    The numbers keep their type: float32 columns give float32 precisions. Orders from the
    first one without n-grams on have precision 0, except that `add-k` gives such an order
    k / k = 100 %.
    """
    if smooth_value is None:
        smooth_value = DEFAULT_SMOOTH_VALUES.get(smooth, 0.0)
    correct = list(columns[2 : 2 + max_order])
    total = list(columns[2 + max_order : 2 + 2 * max_order])
    if not any(correct):
        return 0.0
    precisions = [0.0] * max_order
    orders_used = max_order
    halvings = 1.0
    for i in range(max_order):
        if smooth == "add-k" and i > 0:
            correct[i] += smooth_value
            total[i] += smooth_value
        if total[i] == 0:
            break
        if effective_order:
            orders_used = i + 1
        if correct[i] > 0:
            precisions[i] = 100.0 * correct[i] / total[i]
        elif smooth == "exp":
            halvings *= 2
            precisions[i] = 100.0 / (halvings * total[i])
        elif smooth == "floor":
            precisions[i] = 100.0 * smooth_value / total[i]
    logs = [math.log(p) if p > 0 else LOG_OF_ZERO for p in precisions[:orders_used]]
    return _brevity_penalty(int(columns[0]), int(columns[1])) * math.exp(sum(logs) / orders_used)
