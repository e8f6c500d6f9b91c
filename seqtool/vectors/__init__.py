"""Word vectors: words and a matrix, and the files they live in."""

from __future__ import annotations

from seqtool.vectors.files import describe, load_vectors, save_vectors
from seqtool.vectors.subwords import Subwords
from seqtool.vectors.table import WordVectors

__all__ = ["Subwords", "WordVectors", "describe", "load_vectors", "save_vectors"]
