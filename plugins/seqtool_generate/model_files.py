"""Files of language models: neural ones, n-gram models and ARPA."""

from __future__ import annotations

import dataclasses
import gzip
import json
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
from seqtool.modelfile import ModelReader, count_parameters, is_safetensors, open_model, write_model
from seqtool.models import resolve_model
from seqtool.ngrams.arpa import read_arpa, write_arpa
from seqtool.ngrams.files import KIND as NGRAM_KIND
from seqtool.ngrams.files import load_ngrams, save_ngrams
from seqtool.ngrams.model import NgramModel
from seqtool.nn.language_model import LanguageModel, LanguageModelSettings
from seqtool.nn.stack import StackSettings
from seqtool.output import open_binary_output
from seqtool.text import open_bytes
from seqtool.tokenizers.load import load as load_tokenizer
from seqtool.tokenizers.load import save as save_tokenizer
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool_generate.text_side import Ids, TextSide, tokenizer_of_names

KIND = "language-model"
ARPA = (".arpa", ".arpa.gz")
_ARPA_HEAD = b"\\data\\"
_PRECISIONS = {"float32": np.float32, "float16": np.float16}
_MOST_LAYERS = 1000


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
    return {"lines": text.lines, "tokenizer": _tokenizer_text(text.tokenizer)}


def save_neural(
    path: str, model: LanguageModel, text: TextSide, precision: str, metadata: Mapping[str, Any]
) -> None:
    """Write a neural model. Raises SeqtoolError for weights that float16 cannot hold."""
    dtype = _PRECISIONS[precision]
    with np.errstate(over="ignore"):
        weights = {name: array.astype(dtype) for name, array in model.parameters.items()}
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise SeqtoolError(f"{path}: a weight is too large for {precision}: use float32")
    shape = model.settings._asdict()
    shape["stack"] = model.settings.stack._asdict()
    fields = {**metadata, **text_fields(text), "kind": KIND, "model": shape}
    write_model(path, weights, fields)


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


def _tokenizer_text(tokenizer: Tokenizer) -> str:
    """A tokenizer.json as one line of text."""
    with tempfile.TemporaryDirectory(prefix="seqtool-tokenizer-") as folder:
        path = os.path.join(folder, "tokenizer.json")
        save_tokenizer(path, tokenizer)
        with open(path, encoding="utf-8", newline="\n") as file:
            return json.dumps(json.load(file), ensure_ascii=False, separators=(",", ":"))


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
    document, lines = metadata.get("tokenizer"), metadata.get("lines")
    if not isinstance(document, str) or not isinstance(lines, bool):
        raise SeqtoolError(f"{path}: its metadata is damaged (tokenizer)")
    with tempfile.TemporaryDirectory(prefix="seqtool-tokenizer-") as folder:
        copy = os.path.join(folder, "tokenizer.json")
        with open(copy, "w", encoding="utf-8", newline="\n", errors="surrogatepass") as file:
            file.write(document)
        try:
            return TextSide(load_tokenizer(copy), lines)
        except SeqtoolError as error:
            what = str(error).replace(copy, "its tokenizer")
            raise SeqtoolError(f"{path}: damaged: {what}") from error


def _load_neural(file: ModelReader) -> Loaded:
    path = file.path
    text = _text_side(path, file.metadata)
    settings = _settings(path, file.metadata.get("model"))
    _check_size(file, settings)
    if settings.vocab != text.vocab_size:
        raise SeqtoolError(f"{path}: damaged: weights and tokenizer have different vocabularies")
    model = LanguageModel(settings)
    if model.parameters.keys() != file.tensors.keys():
        wrong = sorted(model.parameters.keys() ^ file.tensors.keys())[0]
        raise SeqtoolError(f"{path}: damaged: the tensor '{wrong}' is missing, or too much")
    for name, weight in model.parameters.items():
        found = file.tensors[name]
        if found.shape != weight.shape or found.dtype not in ("F16", "F32"):
            raise SeqtoolError(
                f"{path}: damaged: the tensor '{name}' is {found.dtype} {list(found.shape)}, "
                f"not {list(weight.shape)} of float32 or float16"
            )
        weight[...] = file.read_any(name)
        if not np.isfinite(weight).all():
            raise SeqtoolError(f"{path}: damaged: '{name}' holds numbers that are not finite")
    return Loaded(path, model, text, file.metadata)


def _settings(path: str, fields: Any) -> LanguageModelSettings:
    """The shape of a model, of the types that it must have."""
    damaged = SeqtoolError(f"{path}: its metadata is damaged (model)")
    try:
        stack = StackSettings(**{**fields["stack"], "bidirectional": False})
        settings = LanguageModelSettings(**{**fields, "stack": stack})
    except (TypeError, KeyError) as error:
        raise damaged from error
    sizes = (settings.vocab, settings.embedding, stack.hidden, stack.layers)
    rates = (settings.smoothing, settings.input_dropout, stack.dropout)
    flags = (settings.tied, stack.variational, stack.layer_norm, stack.residual)
    fine = (
        all(type(size) is int and size > 0 for size in sizes)
        and all(type(rate) in (int, float) and 0 <= rate < 1 for rate in rates)
        and all(type(flag) is bool for flag in flags)
        and isinstance(stack.cell, str)
        and stack.options == {}
        and stack.layers <= _MOST_LAYERS
    )
    if not fine:
        raise damaged
    return settings


def _check_size(file: ModelReader, settings: LanguageModelSettings) -> None:
    """Raise SeqtoolError if the model would take more memory than the file has numbers."""
    stack = settings.stack
    least = settings.vocab * settings.embedding + stack.layers * stack.hidden * stack.hidden
    if least > count_parameters(file.tensors):
        raise SeqtoolError(f"{file.path}: damaged: there are too few numbers for its model")
