"""The vectors that the command line asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtool.errors import SeqtoolError
from seqtool.models import resolve_model
from seqtool.vectors import WordVectors, load_vectors


def path_of(settings: Mapping[str, Any]) -> str:
    """The file of -m/--model, or of the built-in vectors. Raises SeqtoolError."""
    return str(resolve_model("analogy", settings["model"]))


def load(settings: Mapping[str, Any]) -> WordVectors:
    """The vectors of -m/--model, the first --vocab words of them. Raises SeqtoolError."""
    path = path_of(settings)
    vectors = load_vectors(path, limit=settings["vocab"] or None)
    if len(vectors) == 0:
        raise SeqtoolError(f"{path}: has no words")
    return vectors
