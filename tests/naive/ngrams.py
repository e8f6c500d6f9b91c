"""Modified Kneser-Ney smoothing as the papers define it, one n-gram at a time.

Chen & Goodman 1998, section 3, and Heafield et al. 2013, sections 2 and 3: n-grams are tuples of
words, everything is a dictionary, and a probability is worked out by the recursion it is defined
by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

NGram = tuple[str, ...]

UNKNOWN, START, END = "<unk>", "<s>", "</s>"
FALLBACK = [0.0, 0.5, 1.0, 1.5]


class NaiveNgrams:
    """A model of texts, each a sequence of words.

    ``counts[n]`` are the raw counts of n-grams, ``adjusted[n]`` those that probabilities come
    from, ``kept[n]`` the n-grams that the model has, ``discounts[n]`` D(0) to D(3+).
    """

    def __init__(
        self, texts: Sequence[Sequence[str]], order: int, prune: Sequence[int] = ()
    ) -> None:
        self.order = order
        thresholds = [*prune, *[prune[-1] if prune else 0] * (order - len(prune))]
        self.counts = {n: _count(texts, n) for n in range(1, order + 1)}
        self.adjusted = {n: self._adjusted(n) for n in range(1, order + 1)}
        specials = {(UNKNOWN,), (START,), (END,)}
        self.kept = {
            n: {
                gram
                for gram in self.adjusted[n]
                if gram in specials or self.counts[n][gram] > thresholds[n - 1]
            }
            for n in range(1, order + 1)
        }
        found = {n: closed_form(Counter(self.adjusted[n].values())) for n in self.adjusted}
        self.fallback = [n for n in found if found[n] is None]
        self.discounts = {n: found[n] or FALLBACK for n in found}
        self.words = {gram[0] for gram in self.kept[1]}

    def _adjusted(self, n: int) -> dict[NGram, int]:
        """Raw counts in the highest order and behind <s>; else how many words come before."""
        if n == self.order:
            adjusted = dict(self.counts[n])
        else:
            adjusted = {gram: c for gram, c in self.counts[n].items() if gram[0] == START}
            for longer in self.counts[n + 1]:
                adjusted[longer[1:]] = adjusted.get(longer[1:], 0) + 1
        if n == 1:
            adjusted[(START,)] = 0
            adjusted.setdefault((UNKNOWN,), 0)
        return adjusted

    def discount(self, gram: NGram) -> float:
        """What is taken off the adjusted count of an n-gram; all of it if it is pruned."""
        n, count = len(gram), self.adjusted[len(gram)][gram]
        return self.discounts[n][min(count, 3)] if gram in self.kept[n] else count

    def followers(self, context: NGram) -> list[NGram]:
        """The n-grams that a context begins, pruned ones among them."""
        n = len(context) + 1
        return [gram for gram in self.adjusted.get(n, {}) if gram[:-1] == context]

    def backoff(self, context: NGram) -> float:
        """b of a context: what its n-grams leave to shorter ones."""
        followers = self.followers(context)
        if not followers:
            return 1.0
        total = sum(self.adjusted[len(context) + 1][gram] for gram in followers)
        return sum(self.discount(gram) for gram in followers) / total

    def prob(self, gram: NGram) -> float:
        """p of the last word of an n-gram of the model behind the others."""
        total = sum(self.adjusted[len(gram)][other] for other in self.followers(gram[:-1]))
        count = self.adjusted[len(gram)][gram]
        own = (count - self.discount(gram)) / total
        if len(gram) == 1:
            return own + self.backoff(()) / (len(self.words) - 1)
        return own + self.backoff(gram[:-1]) * self.prob(gram[1:])

    def word_prob(self, context: Sequence[str], word: str) -> float:
        """p of any word behind any others."""
        known = [w if w in self.words else UNKNOWN for w in (*context, word)]
        return self._backed_off(tuple(known[-self.order :]))

    def _backed_off(self, gram: NGram) -> float:
        if gram in self.kept[len(gram)]:
            return self.prob(gram)
        weight = self.backoff(gram[:-1]) if gram[:-1] in self.kept[len(gram) - 1] else 1.0
        return weight * self._backed_off(gram[1:])

    def text_probs(self, text: Sequence[str]) -> list[float]:
        """p of each word of a text, and of its end."""
        whole = [START, *text, END]
        return [self.word_prob(whole[:place], whole[place]) for place in range(1, len(whole))]


def _count(texts: Sequence[Sequence[str]], n: int) -> Counter[NGram]:
    counts: Counter[NGram] = Counter()
    for text in texts:
        whole = [START, *text, END]
        counts.update(tuple(whole[i : i + n]) for i in range(len(whole) - n + 1))
    return counts


def closed_form(counts_of_counts: Counter[int]) -> list[float] | None:
    """Equation 26 of Chen & Goodman 1998; None where it gives no discounts."""
    n = counts_of_counts
    if not (n[1] and n[2] and n[3]):
        return None
    y = n[1] / (n[1] + 2 * n[2])
    discounts = [0.0, *(c - (c + 1) * y * n[c + 1] / n[c] for c in (1, 2, 3))]
    return discounts if all(0 < discounts[c] <= c for c in (1, 2, 3)) else None
