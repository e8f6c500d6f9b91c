"""A tokenizer inside the metadata of a model: a tokenizer.json as text."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from typing import Any

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.load import load, save
from seqtool.tokenizers.tokenizer import Tokenizer


def tokenizer_text(tokenizer: Tokenizer) -> str:
    """The tokenizer.json of a tokenizer as one line of text.

    Raises SeqtoolError for a tokenizer that the format cannot hold.
    """
    with tempfile.TemporaryDirectory(prefix="seqtool-tokenizer-") as folder:
        path = os.path.join(folder, "tokenizer.json")
        save(path, tokenizer)
        with open(path, encoding="utf-8", newline="\n") as file:
            return json.dumps(json.load(file), ensure_ascii=False, separators=(",", ":"))


def read_tokenizer_text(path: str, document: Any, field: str = "tokenizer") -> Tokenizer:
    """The tokenizer that the model in ``path`` has under ``field`` of its metadata.

    Raises SeqtoolError, naming the file, if ``document`` is no tokenizer.
    """
    if not isinstance(document, str):
        raise SeqtoolError(f"{path}: its metadata is damaged ({field})")
    with tempfile.TemporaryDirectory(prefix="seqtool-tokenizer-") as folder:
        copy = os.path.join(folder, "tokenizer.json")
        with open(copy, "w", encoding="utf-8", newline="\n", errors="surrogatepass") as file:
            file.write(document)
        try:
            return load(copy)
        except SeqtoolError as error:
            what = str(error).replace(copy, f"its {field}")
            raise SeqtoolError(f"{path}: damaged: {what}") from error


def names_sha256(names: Sequence[str]) -> str:
    """SHA-256 of a vocabulary: a tokenizer file may change between a stop and --resume."""
    return hashlib.sha256("\n".join(names).encode("utf-8", "surrogatepass")).hexdigest()
