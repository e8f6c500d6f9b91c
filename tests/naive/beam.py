"""Beam search with lists, everything sorted, and phrases looked for in whole sequences."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

LogProbs = Callable[[list[int]], Sequence[float]]  # of what comes after these ids
Phrases = Sequence[Sequence[int]]


class Found(NamedTuple):
    """A complete sequence."""

    met: int  # how many ids the phrases have that it contains
    score: float
    ids: list[int]


class Rules(NamedTuple):
    """What a search is told; ``score`` and ``bound`` take a log-probability and ids."""

    vocab: int
    length: int
    width: int
    end: int | None = None
    score: Callable[[float, list[int]], float] = lambda log_prob, ids: log_prob
    bound: Callable[[float], float] | None = None  # of what an open sequence may score yet
    n_best: int = 1
    min_length: int = 0
    ngram: int = 0
    banned: Sequence[int] = ()
    phrases: Phrases = ()


class Open(NamedTuple):
    """A sequence that goes on."""

    log_prob: float
    ids: list[int]


def contains(ids: Sequence[int], phrase: Sequence[int]) -> bool:
    """Whether the ids of a phrase come one after another."""
    size = len(phrase)
    return any(list(ids[i : i + size]) == list(phrase) for i in range(len(ids) - size + 1))


def met(ids: Sequence[int], phrases: Phrases) -> int:
    """How many ids the different phrases have that are there."""
    return sum(len(p) for p in {tuple(phrase) for phrase in phrases} if contains(ids, p))


def begun(ids: list[int], phrases: Phrases) -> int:
    """How many ids at the end begin a phrase that is not there."""
    lacking = [list(phrase) for phrase in phrases if not contains(ids, phrase)]
    return max(
        (k for p in lacking for k in range(1, len(p)) if ids[-k:] == p[:k]),
        default=0,
    )


def repeats(ids: list[int], size: int) -> bool:
    """Whether the last ``size`` ids came before."""
    last = ids[-size:]
    return len(last) == size and contains(ids[:-1], last)


def forbidden(ids: list[int], number: int, rules: Rules) -> bool:
    """Whether an id must not follow."""
    if number in rules.banned:
        return True
    if number == rules.end:
        return len(ids) < rules.min_length or any(not contains(ids, p) for p in rules.phrases)
    return rules.ngram > 0 and repeats([*ids, number], rules.ngram)


def wanted(ids: list[int], number: int, rules: Rules) -> bool:
    """Whether an id begins a phrase that is not there, or goes on with it."""
    longer = [*ids, number]
    lacking = [list(phrase) for phrase in rules.phrases if not contains(ids, phrase)]
    return any(longer[-k:] == p[:k] for p in lacking for k in range(1, len(p) + 1))


def extensions(hypothesis: Open, log_probs: LogProbs, rules: Rules) -> list[Open]:
    """The best ones, as many as the beam is wide, and those that phrases want."""
    after = log_probs(hypothesis.ids)
    ids = [i for i in range(rules.vocab) if not forbidden(hypothesis.ids, i, rules)]
    ids.sort(key=lambda i: (-after[i], i))
    chosen = ids[: rules.width]
    chosen += [i for i in ids[rules.width :] if wanted(hypothesis.ids, i, rules)]
    return [Open(hypothesis.log_prob + after[i], [*hypothesis.ids, i]) for i in chosen]


def dealt(sizes: dict[int, int], places: int) -> dict[int, int]:
    """Places for banks, one each in turn, the highest bank first."""
    got = dict.fromkeys(sizes, 0)
    while places and any(got[bank] < sizes[bank] for bank in sizes):
        for bank in sorted(sizes, reverse=True):
            if got[bank] < sizes[bank] and places:
                got[bank] += 1
                places -= 1
    return got


def kept(longer: list[Open], places: int, rules: Rules) -> list[Open]:
    """The extensions that get a place in the beam, the best first."""
    longer.sort(key=lambda entry: -entry.log_prob)
    banks = [met(e.ids, rules.phrases) + begun(e.ids, rules.phrases) for e in longer]
    left = dealt({bank: banks.count(bank) for bank in banks}, places)
    chosen = []
    for entry, bank in zip(longer, banks, strict=True):
        if left[bank]:
            left[bank] -= 1
            chosen.append(entry)
    return chosen


def beam(log_probs: LogProbs, rules: Rules) -> list[Found]:
    """Complete sequences, the best first; all of them if there is no ``bound`` to stop early."""
    found: list[Found] = []
    open_ones = [Open(0.0, [])]

    def complete(entry: Open) -> None:
        score = rules.score(entry.log_prob, entry.ids)
        found.append(Found(met(entry.ids, rules.phrases), score, entry.ids))
        found.sort(key=lambda one: (-one.met, -one.score))

    for step in range(1, rules.length + 1):
        longer = [e for one in open_ones for e in extensions(one, log_probs, rules)]
        if open_ones and not longer and not found:
            complete(max(open_ones, key=lambda one: met(one.ids, rules.phrases)))
        longer = kept(longer, rules.width - len(found), rules)
        closed = [e for e in longer if e.ids[-1] == rules.end or step == rules.length]
        open_ones = [e for e in longer if e not in closed]
        for entry in closed:
            complete(entry)
        if rules.bound is not None and len(found) >= rules.n_best:
            worst = found[rules.n_best - 1].score
            open_ones = [e for e in open_ones if rules.bound(e.log_prob) > worst]
    return found


def every_sequence(log_probs: LogProbs, rules: Rules) -> list[Found]:
    """All sequences that the rules allow and that end or are as long as they may be, ranked."""
    found = []
    open_ones = [Open(0.0, [])]
    everything = rules._replace(width=rules.vocab)
    for step in range(1, rules.length + 1):
        longer = [e for one in open_ones for e in extensions(one, log_probs, everything)]
        open_ones = []
        for entry in longer:
            if entry.ids[-1] == rules.end or step == rules.length:
                score = rules.score(entry.log_prob, entry.ids)
                found.append(Found(met(entry.ids, rules.phrases), score, entry.ids))
            else:
                open_ones.append(entry)
    return sorted(found, key=lambda one: (-one.met, -one.score))
