"""Kernels that walk the trie of an n-gram model: scoring, stepping, distributions.

Node 0 is the empty context. The children of node i are ``first_child[i]`` to
``first_child[i + 1]``, sorted by their last word, ``words``. ``suffixes`` leads from a node to the
longest end of its n-gram that is a node, too, as in the automaton of Aho and Corasick (1975): a
state is the node of the longest known context, and backing off follows one link. ``nodes_of_words``
has the unigram of each word, that of ``<unk>`` for words that are not in the model. ``inner`` is
the number of nodes that can be contexts; only they have ``backoffs`` and children.
"""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, helper, kernel


@helper
def find_child(first_child: Ints, words: Ints, node: int, word: int) -> int:
    """The child of a node for a word; -1 if there is none."""
    low = int(first_child[node])
    high = int(first_child[node + 1])
    while low < high:
        middle = (low + high) >> 1
        if words[middle] < word:
            low = middle + 1
        else:
            high = middle
    return low if low < int(first_child[node + 1]) and words[low] == word else -1


@helper
def score_word(
    state: int,
    unigram: int,
    words: Ints,
    first_child: Ints,
    suffixes: Ints,
    probs: Floats,
    backoffs: Floats,
    out: Floats,
    at: int,
) -> int:
    """``out[at]`` = log10 probability of a word in a state; returns the node of its n-gram."""
    word = int(words[unigram])
    total = 0.0
    child = -1
    while state != 0 and child < 0:
        child = find_child(first_child, words, state, word)
        if child < 0:
            total += backoffs[state]
            state = int(suffixes[state])
    if child < 0:
        child = unigram
    out[at] = total + probs[child]
    return child


@helper
def next_state(child: int, inner: int, suffixes: Ints) -> int:
    """The state behind an n-gram: n-grams of the highest order are no contexts."""
    return child if child < inner else int(suffixes[child])


@kernel(
    "void(i4[::1], i8[::1], i8, i8, i8, i8, i8, i4[::1], i4[::1], i4[::1], i4[::1], f4[::1],"
    " f4[::1], i8, f8[::1], f8[::1])"
)
def score_texts(
    ids: Ints,
    starts: Ints,
    text: int,
    first: int,
    last: int,
    order: int,
    start: int,
    nodes_of_words: Ints,
    words: Ints,
    first_child: Ints,
    suffixes: Ints,
    probs: Floats,
    backoffs: Floats,
    end_unigram: int,
    out: Floats,
    ends: Floats,
) -> None:
    """Score events ``first`` to ``last - 1``: the words of texts, and their ends.

    Text t is ``ids[starts[t]:starts[t + 1]]`` and its events are those from ``starts[t] + t`` on.
    ``text`` is the one that event ``first`` is in. The state before ``first`` follows from the
    ``order - 1`` words before it.
    """
    inner = len(backoffs)
    begin = int(starts[text]) + text
    state = start
    at = begin
    if first - begin > order - 1:
        state = 0
        at = first - order + 1
    while at < last:
        if at == int(starts[text + 1]) + text:
            score_word(
                state, end_unigram, words, first_child, suffixes, probs, backoffs, ends, text
            )
            text += 1
            state = start
        else:
            token = at - text
            unigram = int(nodes_of_words[ids[token]])
            if at >= first:
                child = score_word(
                    state, unigram, words, first_child, suffixes, probs, backoffs, out, token
                )
            else:
                child = follow(state, unigram, words, first_child, suffixes)
            state = next_state(child, inner, suffixes)
        at += 1


@helper
def follow(state: int, unigram: int, words: Ints, first_child: Ints, suffixes: Ints) -> int:
    """The node of the longest n-gram that ends in a word, without its probability."""
    child = -1
    while state != 0 and child < 0:
        child = find_child(first_child, words, state, int(words[unigram]))
        state = int(suffixes[state])
    return unigram if child < 0 else child


@kernel(
    "void(i4[::1], i4[::1], i4[::1], i4[::1], i4[::1], f4[::1], f4[::1], i4[::1], f8[::1], i4[::1])"
)
def step_states(
    states: Ints,
    ids: Ints,
    nodes_of_words: Ints,
    words: Ints,
    first_child: Ints,
    probs: Floats,
    backoffs: Floats,
    suffixes: Ints,
    out: Floats,
    after: Ints,
) -> None:
    """For each state and word: the log10 probability, and the state behind it."""
    for i in range(len(states)):
        unigram = int(nodes_of_words[ids[i]])
        child = score_word(
            int(states[i]), unigram, words, first_child, suffixes, probs, backoffs, out, i
        )
        after[i] = next_state(child, len(backoffs), suffixes)


@kernel("i8(i8, i4[::1], i4[::1], i4[::1], i4[::1], f4[::1], f4[::1], i4[::1], f8[::1])")
def walk_words(
    state: int,
    ids: Ints,
    nodes_of_words: Ints,
    words: Ints,
    first_child: Ints,
    probs: Floats,
    backoffs: Floats,
    suffixes: Ints,
    out: Floats,
) -> int:
    """log10 probabilities of words one behind the other; returns the state behind the last."""
    for i in range(len(ids)):
        unigram = int(nodes_of_words[ids[i]])
        child = score_word(state, unigram, words, first_child, suffixes, probs, backoffs, out, i)
        state = next_state(child, len(backoffs), suffixes)
    return state


@kernel("void(i4[::1], i4[::1], i4[::1], f4[::1], f4[::1], f8, f8[::1])")
def spread(
    chain: Ints,
    first_child: Ints,
    words: Ints,
    probs: Floats,
    backoffs: Floats,
    scale: float,
    out: Floats,
) -> None:
    """``out[w]`` = ``scale`` x log10 probability of each word w behind a context.

    ``chain`` is the context's node and those its suffix links lead to, without the empty context.
    ``out`` holds minus infinity for words that are not in the model.
    """
    for child in range(int(first_child[0]), int(first_child[1])):
        out[int(words[child])] = scale * probs[child]
    for place in range(len(chain) - 1, -1, -1):
        node = int(chain[place])
        weight = scale * backoffs[node]
        if weight != 0.0:
            for i in range(len(out)):
                out[i] += weight
        for child in range(int(first_child[node]), int(first_child[node + 1])):
            out[int(words[child])] = scale * probs[child]


@kernel("i8(i8[::1], i4[::1], i4[::1], i4[::1], i8)")
def check_trie(levels: Ints, words: Ints, first_child: Ints, suffixes: Ints, known: int) -> int:
    """The first node that is wrong in a trie whose arrays have the right lengths; -1 for none.

    Children must be those of the next order, behind those of the node before, in the order of
    their words, and a suffix must be of fewer words than its node. ``known`` is the number of
    words.
    """
    expected = 1
    for length in range(len(levels) - 1):
        for node in range(int(levels[length]), int(levels[length + 1])):
            if words[node] < 0 or words[node] >= known:
                return node
            if length < 2:
                if suffixes[node] != 0:
                    return node
            elif suffixes[node] < 0 or suffixes[node] >= levels[length]:
                return node
            if length + 2 == len(levels):
                continue
            first = int(first_child[node])
            last = int(first_child[node + 1])
            if first != expected or last < first or last > levels[length + 2]:
                return node
            for child in range(first + 1, last):
                if words[child] <= words[child - 1]:
                    return node
            expected = last
        if length + 2 < len(levels) and expected != levels[length + 2]:
            return int(levels[length])
    return -1
