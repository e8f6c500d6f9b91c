"""A trie of the bytes of pieces, for kernels.

``edges`` (int64, a power of two long) is an open-addressed hash table of the trie's edges, each
``(node << 8 | byte) << NODE_BITS | child``, 0 where it is free; the root is node 0. ``piece_of``
(int32) is the id of the piece that ends at a node, -1 for none.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel

NODE_BITS = 24
NODE_MASK = (1 << NODE_BITS) - 1


@helper
def character_length(byte: int) -> int:
    """Bytes of the UTF-8 character that begins with ``byte``; 1 for a stray byte."""
    if byte < 0xC0:
        return 1
    if byte < 0xE0:
        return 2
    if byte < 0xF0:
        return 3
    return 4


@helper
def edge_slot(edges: Ints, mask: int, node: int, byte: int) -> int:
    """The slot of an edge of the trie, or the free one for it."""
    key = (node << 8) | byte
    slot = ((key * 0x2F0B4C47) >> 18) & mask
    while edges[slot] != 0 and int(edges[slot]) >> NODE_BITS != key:
        slot = (slot + 1) & mask
    return slot


@kernel("i8(u1[::1], i8[::1], u1[::1], i8[::1], i8, i4[::1])")
def build_trie(
    data: Ints, starts: Ints, listed: Ints, edges: Ints, mask: int, piece_of: Ints
) -> int:
    """Put the pieces with a 1 in ``listed`` into an empty trie; of equal ones the first stays.

    Returns the number of nodes. There is room for as many as there are bytes, and the root.
    """
    nodes = 1
    for piece in range(len(listed)):
        if listed[piece] == 0:
            continue
        node = 0
        for i in range(starts[piece], starts[piece + 1]):
            slot = edge_slot(edges, mask, node, int(data[i]))
            if edges[slot] == 0:
                edges[slot] = (((node << 8) | int(data[i])) << NODE_BITS) | nodes
                piece_of[nodes] = -1
                nodes += 1
            node = int(edges[slot]) & NODE_MASK
        if piece_of[node] < 0:
            piece_of[node] = piece
    return nodes
