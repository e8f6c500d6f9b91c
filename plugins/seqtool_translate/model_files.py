"""Files of translation models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seqtool.errors import SeqtoolError
from seqtool.modelfile import ModelReader, open_model, write_model
from seqtool.models import resolve_model
from seqtool.nn.encoder_decoder import EncoderDecoder, EncoderDecoderSettings
from seqtool.nn.model_fields import fields_of, read_settings
from seqtool.nn.model_weights import MOST_LAYERS, check_size, read_weights, weights_as
from seqtool.tokenizers.embedded import read_tokenizer_text, tokenizer_text
from seqtool_translate.text_side import TextSide

KIND = "translation"
_JOINT = "tokenizer"  # fields of the metadata
_SEPARATE = ("source_tokenizer", "target_tokenizer")


class Loaded(NamedTuple):
    """A translation model with its languages; ``path`` is for messages."""

    path: str
    model: EncoderDecoder
    source: TextSide
    target: TextSide
    metadata: Mapping[str, Any]


def text_fields(source: TextSide, target: TextSide) -> dict[str, str]:
    """What a model's metadata says of its languages: two tokenizers, or one that is both's.

    Raises SeqtoolError for a tokenizer that a model cannot hold.
    """
    if source.tokenizer is target.tokenizer:
        return {_JOINT: tokenizer_text(source.tokenizer)}
    texts = (tokenizer_text(side.tokenizer) for side in (source, target))
    return dict(zip(_SEPARATE, texts, strict=True))


def save(
    path: str,
    model: EncoderDecoder,
    source: TextSide,
    target: TextSide,
    precision: str,
    fields: Mapping[str, Any],
) -> None:
    """Write a model, whole or not at all; ``fields`` say what made it.

    ``precision`` is one of `seqtool.nn.model_weights.PRECISIONS`. Raises SeqtoolError for weights
    that it cannot hold.
    """
    metadata = {
        **fields,
        **text_fields(source, target),
        "kind": KIND,
        "model": fields_of(model.settings),
    }
    write_model(path, weights_as(path, model.parameters, precision), metadata)


def load(name: str | None) -> Loaded:
    """The model of -m (a file or an installed model), or the built-in one.

    Raises SeqtoolError for a file that is damaged, or holds no translation model.
    """
    path = resolve_model("translate", name)
    with open_model(path, KIND, "a translation model") as file:
        return _load(file)


def _load(file: ModelReader) -> Loaded:
    path = file.path
    settings = _settings(path, file.metadata.get("model"))
    tables = settings.target_vocab + (0 if settings.shared else settings.source_vocab)
    layers = settings.layers * settings.hidden * settings.hidden
    check_size(file, tables * settings.embedding + layers)
    source, target = _sides(path, file.metadata)
    found = (source.vocab_size, target.vocab_size)
    if found != (settings.source_vocab, settings.target_vocab):
        raise SeqtoolError(f"{path}: damaged: weights and tokenizers have different vocabularies")
    try:
        model = EncoderDecoder(settings)
    except ValueError as error:
        raise SeqtoolError(f"{path}: its metadata is damaged (model: {error})") from error
    read_weights(file, model.parameters)
    return Loaded(path, model, source, target, file.metadata)


def _sides(path: str, metadata: Mapping[str, Any]) -> tuple[TextSide, TextSide]:
    """(source, target); they are the same object if they share a tokenizer."""
    if _JOINT in metadata:
        side = TextSide(read_tokenizer_text(path, metadata[_JOINT]))
        return side, side
    first, second = (
        TextSide(read_tokenizer_text(path, metadata.get(field), field)) for field in _SEPARATE
    )
    return first, second


def _settings(path: str, found: Any) -> EncoderDecoderSettings:
    """The shape of a model, of sizes and rates that can be."""
    settings = read_settings(path, "model", found, EncoderDecoderSettings)
    sizes = (
        settings.source_vocab, settings.target_vocab, settings.embedding, settings.hidden,
        settings.layers,
    )  # fmt: skip
    rates = (settings.dropout, settings.smoothing)
    if min(sizes) < 1 or not all(0 <= rate < 1 for rate in rates) or settings.layers > MOST_LAYERS:
        raise SeqtoolError(f"{path}: its metadata is damaged (model)")
    return settings
