"""The tokenizer of -m."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from seqtool.kernels import expect
from seqtool.models import resolve_model
from seqtool.tokenizers.load import load
from seqtool.tokenizers.tokenizer import Tokenizer

_STEPS_A_BYTE = 2  # that kernels take to index the pieces of a file


def load_model(settings: Mapping[str, Any]) -> Tokenizer:
    """The tokenizer that the command line names, or the built-in one. Raises SeqtoolError."""
    path = resolve_model("tokenize", settings["model"])
    expect(os.path.getsize(path) * _STEPS_A_BYTE)
    return load(path)
