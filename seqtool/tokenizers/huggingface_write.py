"""Hugging Face's tokenizer.json: writing. What is written loads there and gives the same ids."""

from __future__ import annotations

import json
from typing import Any

from seqtool import __version__
from seqtool.errors import SeqtoolError
from seqtool.output import open_output
from seqtool.tokenizers.huggingface import NOTES
from seqtool.tokenizers.huggingface_text import (
    TextRules,
    byte_level_json,
    metaspace_json,
    text_rules_json,
    word_rules_json,
)
from seqtool.tokenizers.preparation import TextPreparation, WordRules
from seqtool.tokenizers.specials import UNKNOWN
from seqtool.tokenizers.tokenizer import Tokenizer
from seqtool.tokenizers.visible import byte_name


def write_huggingface(path: str | None, tokenizer: Tokenizer) -> None:
    """Write a tokenizer, whole or not at all; None is stdout.

    Raises SeqtoolError for one that the format cannot hold.
    """
    preparation: Any = tokenizer.preparation
    rules = preparation.rules
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": _added(tokenizer),
        "normalizer": text_rules_json(_text_rules(preparation)),
        "pre_tokenizer": word_rules_json(rules),
        "post_processor": None,
        "decoder": _decoder(tokenizer, rules),
        "model": {
            **_MODELS[tokenizer.model.kind](tokenizer),
            NOTES: {**tokenizer.metadata, "seqtool_version": __version__},
        },
    }
    with open_output(path) as out:
        json.dump(document, out, ensure_ascii=False, allow_nan=False, indent=1)
        out.write("\n")


def _text_rules(preparation: Any) -> TextRules:
    steps = tuple(preparation.normalizer.steps)
    if isinstance(preparation, TextPreparation):
        return TextRules(steps)
    metaspace = preparation.metaspace
    if metaspace.suffix or metaspace.defined or not metaspace.mark:
        raise SeqtoolError("tokenizer.json cannot hold this sentencepiece model's normalization")
    prefix = metaspace.prefix and not preparation.once
    return TextRules(steps, metaspace.charsmap.blob, metaspace.trim, prefix)


def _added(tokenizer: Tokenizer) -> list[dict[str, Any]]:
    return [
        {
            "id": special.id,
            "content": special.text,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": not special.always,
        }
        for special in sorted(tokenizer.specials, key=lambda special: special.id)
    ]


def _decoder(tokenizer: Tokenizer, rules: WordRules) -> dict[str, Any] | None:
    if tokenizer.form == "bytes":
        return byte_level_json(use_regex=True)
    if tokenizer.form == "words":
        return None
    if tokenizer.form == "text":
        return {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    return {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, metaspace_json(rules)]}


def _vocab(tokenizer: Tokenizer) -> dict[str, int]:
    """Pieces of the model (not of tokens that were added behind it) as they are called."""
    size = len(tokenizer.model.pieces)
    return {name: number for number, name in enumerate(tokenizer.names[:size])}


def _unk_token(tokenizer: Tokenizer) -> str | None:
    unknown = getattr(tokenizer.model, "unknown", None)
    return None if unknown is None else tokenizer.names[unknown]


def _bpe_fields(tokenizer: Tokenizer) -> dict[str, Any]:
    model: Any = tokenizer.model
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": _unk_token(tokenizer),
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": getattr(model, "fuse_unknown", False),
        "byte_fallback": tokenizer.form != "bytes" and bool(model.bytes_ids),
        "ignore_merges": getattr(model, "whole_words", False),
        "vocab": _vocab(tokenizer),
    }


def _bpe(tokenizer: Tokenizer) -> dict[str, Any]:
    names = tokenizer.names
    model: Any = tokenizer.model
    merges = [[names[left], names[right]] for left, right, _ in model.merges.tolist()]
    return {**_bpe_fields(tokenizer), "merges": merges}


def _characters(tokenizer: Tokenizer) -> dict[str, Any]:
    """A BPE model without merges cuts text into characters."""
    model: Any = tokenizer.model
    bytes_of = {number: byte for byte, number in model.bytes_ids.items()}
    vocab = {
        byte_name(bytes_of[number]) if number in bytes_of else piece.decode(): number
        for number, piece in enumerate(model.pieces)
    }
    return {**_bpe_fields(tokenizer), "vocab": vocab, "merges": []}


def _word_level(tokenizer: Tokenizer) -> dict[str, Any]:
    unknown = _unk_token(tokenizer)
    if unknown is None:
        raise SeqtoolError(f"a word model needs {UNKNOWN} to be written")
    return {"type": "WordLevel", "vocab": _vocab(tokenizer), "unk_token": unknown}


def _unigram(tokenizer: Tokenizer) -> dict[str, Any]:
    model: Any = tokenizer.model
    scores = model.scores.tolist()
    size = len(model.pieces)
    return {
        "type": "Unigram",
        "unk_id": model.unknown,
        "vocab": [list(pair) for pair in zip(tokenizer.names[:size], scores, strict=True)],
        "byte_fallback": bool(model.bytes_ids),
    }


_MODELS = {"bpe": _bpe, "unigram": _unigram, "word": _word_level, "char": _characters}
