"""What the tests of the kernels that train word vectors start from."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import settings
from naive import embeddings as slow

from seqtool_train_embeddings.targets import Targets

Floats = npt.NDArray[np.float32]

few = settings(max_examples=15, deadline=None)

ONE = 1 << 32  # a chance of 1 in the units of the kernels
COUNTS = np.array([9, 7, 4, 4, 2, 1])
IDS = np.array([0, 1, 2, -1, 3, -1, 0, 4, 1, 5, 3, 2, -1, -1, 1, 1, 0], np.int32)
OBJECTIVES = ["ns", "hs", "softmax"]


def numbers(*shape: int, seed: int = 1, scale: float = 1.0) -> Floats:
    """Random numbers around 0."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def slow_objective(name: str, targets: Targets) -> slow.Objective:
    """The same objective for the twin."""
    nodes, signs = targets.paths.nodes.tolist(), targets.paths.signs.tolist()
    paths = [
        list(zip(nodes[begin:end], signs[begin:end], strict=True))
        for begin, end in pairwise(targets.paths.starts.tolist())
    ]
    chances, others = (a.tolist() for a in targets.alias)
    return slow.Objective(name, targets.words, targets.negatives, chances, others, paths)
