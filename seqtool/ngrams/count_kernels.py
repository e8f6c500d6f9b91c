"""Kernels that count n-grams and estimate their probabilities.

A corpus is ``padded``: ``<s>``, the words of a text, ``</s>``, the next text's ``<s>``. Words are
numbered by rank among those that occur. The n-grams of each order are numbered in the order of a
trie: by their first n - 1 words, then by the last. ``nodes[p]`` is the number of the n-gram that
ends at place p, -1 where the text is too short for one.
"""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, kernel

_LOW_32_BITS = 0xFFFFFFFF


@kernel("void(i4[::1], i8[::1], i4[::1], i8, i8, i4[::1])")
def lay_out(ids: Ints, starts: Ints, ranks: Ints, begin: int, end: int, padded: Ints) -> None:
    """Write texts ``ids[starts[t]:starts[t + 1]]`` with their marks; ``ranks`` renumbers ids."""
    at = 0
    for text in range(len(starts) - 1):
        padded[at] = begin
        at += 1
        for i in range(int(starts[text]), int(starts[text + 1])):
            padded[at] = ranks[ids[i]]
            at += 1
        padded[at] = end
        at += 1


@kernel("void(i4[::1], i8[::1])")
def count_words(ids: Ints, counts: Ints) -> None:
    """Add to ``counts`` how often each id occurs."""
    for i in range(len(ids)):
        counts[ids[i]] += 1


@kernel("void(i4[::1], i8, i8[::1], i4[::1])")
def sort_places(padded: Ints, begin: int, slots: Ints, places: Ints) -> None:
    """Places of the corpus sorted by word, those of ``begin`` left out.

    ``slots`` has where the places of each word start; afterwards, where they end.
    """
    for place in range(len(padded)):
        word = int(padded[place])
        if word != begin:
            places[int(slots[word])] = place
            slots[word] += 1


@kernel("void(i8[::1], i4[::1], i4[::1], i4[::1], i8[::1])")
def gather(word_ends: Ints, places: Ints, nodes: Ints, slots: Ints, occurrences: Ints) -> None:
    """Group places by the n-gram in front of them; within a group they are sorted by word.

    ``slots`` has where the group of each n-gram starts; afterwards, where it ends. An occurrence
    is word * 2**32 + place.
    """
    at = 0
    for word in range(len(word_ends)):
        while at < word_ends[word]:
            place = int(places[at])
            context = int(nodes[place - 1])
            if context >= 0:
                occurrences[int(slots[context])] = (word << 32) | place
                slots[context] += 1
            at += 1


@kernel("i8(i4[::1], i8[::1])")
def count_children(slots: Ints, occurrences: Ints) -> int:
    """How many n-grams there are in all groups."""
    total = 0
    at = 0
    for context in range(len(slots)):
        last = -1
        while at < slots[context]:
            word = int(occurrences[at]) >> 32
            if word != last:
                total += 1
            last = word
            at += 1
    return total


@kernel("void(i4[::1], i8[::1], i4[::1], i4[::1], i4[::1], i4[::1], i4[::1])")
def number_children(
    slots: Ints,
    occurrences: Ints,
    nodes: Ints,
    first_child: Ints,
    words: Ints,
    counts: Ints,
    suffixes: Ints,
) -> None:
    """Number the n-grams of all groups; ``nodes`` goes from those of one order to the next."""
    child = -1
    at = 0
    for context in range(len(slots)):
        first_child[context] = child + 1
        last = -1
        while at < slots[context]:
            word = int(occurrences[at]) >> 32
            place = int(occurrences[at]) & _LOW_32_BITS
            if word != last:
                child += 1
                words[child] = word
                counts[child] = 0
                suffixes[child] = nodes[place]
            counts[child] += 1
            nodes[place] = child
            last = word
            at += 1
    first_child[len(slots)] = child + 1


@kernel("void(i8[::1], i8, i4[::1])")
def forget_starts(text_starts: Ints, length: int, nodes: Ints) -> None:
    """Take away the n-grams of ``length`` words that begin with ``<s>``: none is longer there."""
    for text in range(len(text_starts) - 1):
        place = int(text_starts[text]) + length - 1
        if place < text_starts[text + 1]:
            nodes[place] = -1


@kernel("void(i4[::1], i8, i8, i4[::1])")
def count_left_words(suffixes: Ints, first: int, last: int, counts: Ints) -> None:
    """The adjusted counts of Kneser and Ney: how many different words an n-gram comes behind.

    ``suffixes`` are those of the n-grams one word longer. The n-grams ``first`` to ``last - 1``
    begin with ``<s>``: nothing comes before them, so they keep their counts.
    """
    for i in range(len(counts)):
        if i < first or i >= last:
            counts[i] = 0
    for i in range(len(suffixes)):
        counts[int(suffixes[i])] += 1


@kernel("void(i4[::1], i8[::1])")
def count_counts(counts: Ints, out: Ints) -> None:
    """``out[c]`` = how many n-grams have the count c, for c below its length."""
    for i in range(len(counts)):
        if counts[i] < len(out):
            out[int(counts[i])] += 1


@kernel("void(i4[::1], i4[::1], u1[::1], i4[::1], f8[::1], f8[::1], f8[::1], f8[::1])")
def smooth(
    first_child: Ints,
    counts: Ints,
    pruned: Ints,
    suffixes: Ints,
    discounts: Floats,
    lower: Floats,
    probs: Floats,
    backoffs: Floats,
) -> None:
    """Interpolated probabilities of one order, and the backoffs of their contexts.

    Equations of Heafield et al. 2013, section 3: u = (a - D(a)) / sum a, and p = u + b x p of the
    n-gram without its first word (``lower``). ``pruned`` (empty: none is) marks n-grams that the
    model will not have; all of their count goes to the backoff. ``discounts`` has D(0) to D(3+).
    """
    for context in range(len(first_child) - 1):
        first = int(first_child[context])
        last = int(first_child[context + 1])
        backoffs[context] = 1.0
        if first == last:
            continue
        total = 0.0
        free = 0.0
        for child in range(first, last):
            count = int(counts[child])
            total += count
            if len(pruned) > 0 and pruned[child] != 0:
                free += count
            else:
                free += discounts[count if count < 3 else 3]
        backoff = free / total
        backoffs[context] = backoff
        for child in range(first, last):
            count = int(counts[child])
            kept = count - discounts[count if count < 3 else 3]
            probs[child] = kept / total + backoff * lower[int(suffixes[child])]
