"""Files of language models: neural ones, n-gram models and ARPA."""

from __future__ import annotations

import dataclasses
import gzip
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, is_safetensors, open_model, write_model
from seqtool.models import resolve_model
from seqtool.ngrams.arpa import read_arpa, write_arpa
from seqtool.ngrams.files import KIND as NGRAM_KIND
from seqtool.ngrams.files import load_ngrams, save_ngrams
from seqtool.ngrams.model import NgramModel
from seqtool.nn.language_model import LanguageModel, LanguageModelSettings
from seqtool.nn.model_fields import fields_of, read_settings
from seqtool.nn.model_weights import MOST_LAYERS, check_size, read_weights, weights_as
from seqtool.output import open_binary_output
from seqtool.text import open_bytes
from seqtool.tokenizers.embedded import read_tokenizer_text, tokenizer_text
from seqtool_generate.text_side import Ids, TextSide, tokenizer_of_names

KIND = "language-model"
ARPA = (".arpa", ".arpa.gz")
_ARPA_HEAD = b"\\data\\"


@dataclass
class Loaded:
    """A language model with its text side; ``path`` is for messages."""

    path: str
    model: LanguageModel | NgramModel
    text: TextSide
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def count_unknown(self, ids: Ids) -> int:
        """How many tokens the model does not know; n-grams know only what they were made from."""
        if isinstance(self.model, NgramModel):
            return int(np.count_nonzero(~self._known[ids]))
        return int(np.count_nonzero(ids == self.text.unknown))

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        assert isinstance(self.model, NgramModel)
        known: NDArray[np.bool_] = self.model.known.copy()
        known[self.text.unknown] = False
        return known


# --- writing --------------------------------------------------------------------------------------


def text_fields(text: TextSide) -> dict[str, Any]:
    """What a model's metadata says of its text side."""
    return {"lines": text.lines, "tokenizer": tokenizer_text(text.tokenizer)}


def save_neural(
    path: str, model: LanguageModel, text: TextSide, precision: str, metadata: Mapping[str, Any]
) -> None:
    """Write a neural model. Raises SeqtoolError for weights that float16 cannot hold."""
    shape = fields_of(model.settings)
    fields = {**metadata, **text_fields(text), "kind": KIND, "model": shape}
    write_model(path, weights_as(path, model.parameters, precision), fields)


def save_ngram_model(
    path: str, model: NgramModel, text: TextSide, metadata: Mapping[str, Any]
) -> None:
    """Write an n-gram model: ARPA or ARPA.gz if the file is called so, else a model file."""
    if not path.endswith(ARPA):
        save_ngrams(path, model, {**metadata, **text_fields(text)})
    elif path.endswith(".gz"):
        with tempfile.TemporaryDirectory(prefix="seqtool-arpa-") as folder:
            plain = os.path.join(folder, "model.arpa")
            write_arpa(plain, model)
            with (
                open(plain, "rb") as source,
                open_binary_output(path) as out,
                # No name and no time in it: the same model gives the same bytes.
                gzip.GzipFile("", "wb", fileobj=out, mtime=0) as packed,
            ):
                shutil.copyfileobj(source, packed)
    else:
        write_arpa(path, model)


# --- reading --------------------------------------------------------------------------------------


def load(name: str | None) -> Loaded:
    """The model of -m, or the built-in one. Raises SeqtoolError for anything else."""
    path = resolve_model("generate", name)
    head = _head(path)
    if path.endswith(ARPA) or head.lstrip().startswith(_ARPA_HEAD):
        return _load_arpa(path)
    if not is_safetensors(head):
        raise SeqtoolError(f"{path}: no language model: neither safetensors nor ARPA")
    with open_model(path) as file:
        kind = file.metadata.get("kind")
        if kind == KIND:
            return _load_neural(file)
        metadata = file.metadata
    if kind != NGRAM_KIND:
        raise SeqtoolError(
            f"{path}: holds '{kind or 'tensors'}', not a language model (see 'seqtool info')"
        )
    ngrams = load_ngrams(path)
    text = _text_side(path, metadata) if "tokenizer" in metadata else _side_of(ngrams)
    if ngrams.vocabulary != text.names:
        raise SeqtoolError(f"{path}: damaged: n-grams and tokenizer have different vocabularies")
    return Loaded(path, ngrams, text, metadata)


def _head(path: str) -> bytes:
    with open_bytes(path) as file:
        return file.read(64)


def _load_arpa(path: str) -> Loaded:
    ngrams = read_arpa(path)
    return Loaded(path, ngrams, _side_of(ngrams))


def _side_of(ngrams: NgramModel) -> TextSide:
    """The text side of n-grams that say nothing of it: a stream if they know line ends."""
    tokenizer = tokenizer_of_names(ngrams.vocabulary)
    stream = TextSide(tokenizer, lines=False)
    return stream if stream.newline_inside else TextSide(tokenizer, lines=True)


def _text_side(path: str, metadata: Mapping[str, Any]) -> TextSide:
    lines = metadata.get("lines")
    if not isinstance(lines, bool):
        raise SeqtoolError(f"{path}: its metadata is damaged (lines)")
    return TextSide(read_tokenizer_text(path, metadata.get("tokenizer")), lines)


def _load_neural(file: ModelReader) -> Loaded:
    path = file.path
    text = _text_side(path, file.metadata)
    settings = _settings(path, file.metadata.get("model"))
    stack = settings.stack
    check_size(
        file, settings.vocab * settings.embedding + stack.layers * stack.hidden * stack.hidden
    )
    if settings.vocab != text.vocab_size:
        raise SeqtoolError(f"{path}: damaged: weights and tokenizer have different vocabularies")
    model = LanguageModel(settings)
    read_weights(file, model.parameters)
    return Loaded(path, model, text, file.metadata)


def _settings(path: str, found: Any) -> LanguageModelSettings:
    """The shape of a model, of sizes and rates that can be."""
    settings = read_settings(path, "model", found, LanguageModelSettings)
    stack = settings.stack
    sizes = (settings.vocab, settings.embedding, stack.hidden, stack.layers)
    rates = (settings.smoothing, settings.input_dropout, stack.dropout)
    if (
        min(sizes) < 1
        or not all(0 <= rate < 1 for rate in rates)
        or stack.layers > MOST_LAYERS
        or stack.bidirectional
    ):
        raise SeqtoolError(f"{path}: its metadata is damaged (model)")
    return settings
