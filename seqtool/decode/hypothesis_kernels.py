"""How kernels see the hypotheses of a search.

They are not copied when they grow. Each is a node: an id, its log-probability and the node
before. Open ones are rows, those of an input side by side; complete ones are in lists.
"""

from __future__ import annotations

from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper, kernel

# Numbers of an input, int64 (inputs, INPUT).
TAKEN = 0  # how many complete hypotheses it has
MAX_LENGTH = 1  # of a hypothesis
ROOT = 2  # of its constraints, see `constraint_kernels`
PHRASES = 3  # where they begin in the list of lengths
PHRASES_END = 4
STUCK = 5  # 1 if no id can come next and nothing is complete
INPUT = 6

# Numbers of a row, int64 (rows, ROW).
OWNER = 0  # the input
NODE = 1  # the last node; -1 where there is none
AT = 2  # the place in its constraints
MET = 3  # bits of the phrases it has
ROW = 4

# Numbers of a complete hypothesis, int64 (inputs * width, DONE).
LAST = 0  # the last node
LENGTH = 1  # how many ids
MET_IDS = 2  # how many ids the phrases have that it contains
DONE = 3


@helper
def read_back(tokens: Ints, parents: Ints, node: int, length: int, ids: Ints) -> None:
    """Write the ``length`` ids of a hypothesis."""
    for i in range(length - 1, -1, -1):
        ids[i] = tokens[node]
        node = int(parents[node])


@helper
def unmet(inputs: Ints, rows: Ints, row: int) -> bool:
    """Whether a hypothesis lacks some of its phrases."""
    owner = rows[row * ROW + OWNER]
    count = inputs[owner * INPUT + PHRASES_END] - inputs[owner * INPUT + PHRASES]
    return bool(rows[row * ROW + MET] != (1 << count) - 1)


@kernel("void(i8[::1], i8[::1], i8[::1], i4[::1], f8[::1], i8[::1], i4[::1], f8[::1])")
def trace(
    nodes: Ints, lengths: Ints, starts: Ints, node_tokens: Ints, node_log_probs: Floats,
    node_parents: Ints, ids: Ints, log_probs: Floats,
) -> None:  # fmt: skip
    """Write ids and log-probabilities of hypotheses by their last nodes, each at its start."""
    for i in range(len(nodes)):
        node = int(nodes[i])
        for place in range(starts[i] + lengths[i] - 1, starts[i] - 1, -1):
            ids[place] = node_tokens[node]
            log_probs[place] = node_log_probs[node]
            node = int(node_parents[node])
