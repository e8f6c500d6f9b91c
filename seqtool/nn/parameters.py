"""The weights of a model, in one piece of memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from seqtool.kernels.memory import aligned_zeros

Floats = NDArray[np.floating]

_ROUND = 16  # every parameter begins on a cache line


class Parameters(Mapping[str, Floats]):
    """Arrays by name, all of them views of ``flat``.

    Because the memory is one piece, sums of gradients, clipping and optimisers are loops over a
    flat array. Parameters are declared first (`declare`), then allocated once (`allocate`).
    Frozen parameters lie behind the trained ones: ``trained`` is the part before them.

    Attributes: ``flat`` and ``trained``, of shape (numbers,); ``places``, name -> (start, end).
    """

    def __init__(self) -> None:
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._frozen: set[str] = set()
        self._views: dict[str, Floats] = {}
        self.places: dict[str, tuple[int, int]] = {}
        self.flat: Floats = np.zeros(0, np.float32)
        self.trained: Floats = self.flat

    def declare(self, name: str, shape: tuple[int, ...], frozen: bool = False) -> None:
        """Add a parameter. Raises ValueError for a name that is taken."""
        if name in self._shapes:
            raise ValueError(f"there is a parameter {name} already")
        self._shapes[name] = shape
        if frozen:
            self._frozen.add(name)

    def allocate(self, dtype: type[np.floating] = np.float32) -> None:
        """Make zeros for all that was declared."""
        end = 0
        trained = 0
        for name in sorted(self._shapes, key=lambda name: name in self._frozen):
            size = int(np.prod(self._shapes[name], dtype=np.int64))
            self.places[name] = (end, end + size)
            end += -(-size // _ROUND) * _ROUND
            if name not in self._frozen:
                trained = end
        self.flat = aligned_zeros(end, dtype=dtype)
        self.trained = self.flat[:trained]
        self._views = self.views(self.flat)

    def views(self, flat: Floats) -> dict[str, Floats]:
        """The arrays by name in another piece of memory that is laid out alike.

        ``flat`` may hold the trained parameters only: frozen ones are then left out.
        """
        return {
            name: flat[start:end].reshape(self._shapes[name])
            for name, (start, end) in self.places.items()
            if end <= len(flat)
        }

    def __getitem__(self, name: str) -> Floats:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def is_frozen(self, name: str) -> bool:
        """Whether training leaves the parameter as it is."""
        return name in self._frozen
