"""The tokenizer of -m."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtool.models import resolve_model
from seqtool.tokenizers.load import load
from seqtool.tokenizers.tokenizer import Tokenizer


def load_model(settings: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer that the command line names, or the built-in one. Raises SeqtoolError."""
    return load(resolve_model("tokenize", settings["model"]))
