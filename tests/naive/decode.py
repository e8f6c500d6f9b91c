"""Choosing ids, with everything sorted."""

import itertools
import math
from collections.abc import Sequence


class Random:
    """xoshiro128++ of Blackman and Vigna ("Scrambled linear pseudorandom number generators")."""

    def __init__(self, words: Sequence[int]) -> None:
        self.s = list(words)

    def next(self) -> int:
        """A number below 2**32."""
        s = self.s
        result = (turned((s[0] + s[3]) % 2**32, 7) + s[0]) % 2**32
        t = s[1] * 2**9 % 2**32
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = turned(s[3], 11)
        return result

    def uniform(self) -> float:
        """A number below 1 of 53 bits: 27 of one word, 26 of the next."""
        high = self.next() // 2**5
        low = self.next() // 2**6
        return (high * 2**26 + low) / 2**53


def turned(word: int, count: int) -> int:
    """32 bits turned to the left."""
    bits = f"{word:032b}"
    return int(bits[count:] + bits[:count], 2)


def penalized(logits: Sequence[float], recent: Sequence[int], penalty: float) -> list[float]:
    """CTRL's penalty, once for every different id of the last 64."""
    out = list(logits)
    for number in set(recent[-64:]):
        out[number] = out[number] / penalty if out[number] > 0 else out[number] * penalty
    return out


def kept(
    logits: Sequence[float], top_k: int, top_p: float, min_p: float, banned: Sequence[int]
) -> list[int]:
    """The ids that may be drawn, rising."""
    ids = [i for i, x in enumerate(logits) if x > -math.inf and i not in banned]  # no NaN either
    ids.sort(key=lambda i: (-logits[i], i))
    ids = ids[: top_k or None]
    weights = [math.exp(logits[i] - logits[ids[0]]) for i in ids]
    reached = 0.0
    for count, weight in enumerate(weights, 1):
        reached += weight
        if reached >= top_p * math.fsum(weights):
            ids = ids[:count]
            break
    return sorted(i for i, w in zip(ids, weights, strict=False) if w >= min_p)


def drawn(logits: Sequence[float], ids: Sequence[int], temperature: float, number: float) -> int:
    """The id at which the sum of probabilities passes a number below 1."""
    best = max(logits[i] for i in ids)
    if temperature == 0:
        return next(i for i in ids if logits[i] == best)
    weights = [math.exp((logits[i] - best) / temperature) for i in ids]
    sums = itertools.accumulate(weights)
    passed = number * math.fsum(weights)
    return next(i for i, reached in zip(ids, sums, strict=True) if passed < reached)


def log_softmax(logits: Sequence[float]) -> list[float]:
    """Logs of probabilities; NaN has none."""
    finite = [x for x in logits if x > -math.inf]
    best = max(finite)
    log_sum = best + math.log(math.fsum(math.exp(x - best) for x in finite))
    return [x - log_sum if x > -math.inf else -math.inf for x in logits]


def top(logits: Sequence[float], count: int, banned: Sequence[int]) -> list[tuple[int, float]]:
    """The most probable ids and their log-probabilities."""
    log_probs = log_softmax(logits)
    ids = [i for i, p in enumerate(log_probs) if p > -math.inf and i not in banned]
    ids.sort(key=lambda i: (-logits[i], i))
    return [(i, log_probs[i]) for i in ids[:count]]
