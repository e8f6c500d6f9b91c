"""Keeping gradients from exploding."""

from __future__ import annotations

import math
from typing import NamedTuple


class Clipping(NamedTuple):
    """Bounds of a gradient; None for no bound.

    Attributes:
        norm: of the length of the whole gradient, which keeps its direction (Pascanu et al. 2013,
            algorithm 1).
        value: of the size of each number; it comes before the other.
    """

    norm: float | None = None
    value: float | None = None

    def scale(self, norm: float) -> float:
        """What a gradient of length ``norm`` is multiplied with; NaN and infinity stay wrong."""
        if self.norm is None or not math.isfinite(norm) or norm <= self.norm:
            return 1.0
        return self.norm / norm
