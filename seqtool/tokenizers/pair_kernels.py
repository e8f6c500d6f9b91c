"""A hash table of pairs of token ids, for the trainer and the encoder of BPE.

The table is one int64 array of slots of two numbers: the pair as ``left << 32 | right``, or FREE,
and a value. Its length is a power of two, its ``mask`` the number of slots less one.
"""

from __future__ import annotations

from seqtool.kernels import Ints, helper, kernel

FREE = -1
ID_BITS = 32
LOW_32_BITS = 0xFFFFFFFF


@helper
def find_pair(table: Ints, mask: int, left: int, right: int) -> int:
    """Where in the table a pair is, or the free place for it; its value is one further."""
    key = (left << ID_BITS) | right
    mixed = left * 0x2F0B4C47 + right * 0x1B873593
    slot = (mixed ^ (mixed >> 15)) & mask
    while table[2 * slot] != key and table[2 * slot] != FREE:
        slot = (slot + 1) & mask
    return 2 * slot


@kernel("void(i4[::1], i4[::1], i8[::1], i8[::1], i8)")
def add_pairs(lefts: Ints, rights: Ints, values: Ints, table: Ints, mask: int) -> None:
    """Put pairs into the table; of equal ones the last stays."""
    for i in range(len(lefts)):
        left = int(lefts[i])
        right = int(rights[i])
        at = find_pair(table, mask, left, right)
        table[at] = (left << ID_BITS) | right
        table[at + 1] = values[i]


@kernel("void(i8[::1], i8[::1], i8)")
def move_pairs(old: Ints, table: Ints, mask: int) -> None:
    """Fill an empty table with what a smaller one holds."""
    for slot in range(len(old) // 2):
        key = int(old[2 * slot])
        if key != FREE:
            at = find_pair(table, mask, key >> ID_BITS, key & LOW_32_BITS)
            table[at] = key
            table[at + 1] = old[2 * slot + 1]
