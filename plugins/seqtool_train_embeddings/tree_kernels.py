"""The Huffman tree over a vocabulary, for hierarchical softmax."""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, kernel


@kernel("void(i8[::1], i8, i8[::1], i8[::1], i1[::1])")
def join_nodes(counts: Ints, words: int, weights: Ints, parents: Ints, sides: Ints) -> None:
    """Huffman's algorithm for ``counts`` in falling order (van Leeuwen's two queues).

    Node w < words is word w, node ``words + k`` the k-th join; ``parents`` and ``sides`` (0 for
    the lighter of two joined nodes, 1 for the other) of all 2 * words - 1 nodes are filled.
    ``weights`` is scratch of the same size. Of equal weights words go before joins.
    """
    for word in range(words):
        weights[word] = counts[word]
    leaf = words - 1
    join = words
    for node in range(words, 2 * words - 1):
        weights[node] = 0
        for side in range(2):
            if leaf >= 0 and (join >= node or weights[leaf] <= weights[join]):
                taken = leaf
                leaf -= 1
            else:
                taken = join
                join += 1
            weights[node] += weights[taken]
            parents[taken] = node
            sides[taken] = side
    parents[2 * words - 2] = -1


@kernel("void(i8, i8[::1], i1[::1], i8[::1], i8[::1], f4[::1])")
def write_paths(
    words: int, parents: Ints, sides: Ints, starts: Ints, nodes: Ints, signs: Floats
) -> None:
    """Write the path of each word, from the root down.

    ``starts`` gets where each path begins in ``nodes`` (joins, counted from 0) and ``signs`` (1
    for side 0, -1 for side 1). With empty ``nodes`` only ``starts`` is written.
    """
    at = 0
    for word in range(words):
        starts[word] = at
        depth = 0
        node = word
        while parents[node] >= 0:
            node = parents[node]
            depth += 1
        if len(nodes) > 0:
            node = word
            for k in range(at + depth - 1, at - 1, -1):
                signs[k] = 1 if sides[node] == 0 else -1
                node = parents[node]
                nodes[k] = node - words
        at += depth
    starts[words] = at
