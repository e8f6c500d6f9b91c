"""Hugging Face's tokenizer.json, which is also seqtool's own format: reading.

Everything is checked before it is believed; what this program does not do the same way as the
`tokenizers` library is refused by name. `seqtool.tokenizers.huggingface_write` writes the format.
Our own notes stand under the key ``seqtool`` of ``model``, where that library ignores them.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from seqtool.tokenizers.checked_json import Node, read_json
from seqtool.tokenizers.huggingface_text import TextRules, read_text_rules, read_word_rules
from seqtool.tokenizers.metaspace import CharsMap, Metaspace
from seqtool.tokenizers.preparation import (
    MetaspacePreparation,
    TextPreparation,
    WordRules,
    normalizer_of_steps,
)
from seqtool.tokenizers.specials import Special
from seqtool.tokenizers.tokenizer import Form, Preparation, Tokenizer
from seqtool.tokenizers.types import Model
from seqtool.tokenizers.visible import byte_of_name, text_to_visible, visible_to_bytes

NOTES = "seqtool"  # the key of our metadata in "model"
MOST_PIECES = 1 << 24
_ADDED_FLAGS = ("single_word", "lstrip", "rstrip")


class Parts(NamedTuple):
    """What of a file all kinds of models need."""

    model: Node
    rules: WordRules
    text: TextRules
    names: list[str]  # of all ids
    size: int  # ids of the model itself; the others are special tokens
    specials: list[Special]
    notes: dict[str, Any]


def read_huggingface(path: str) -> Tokenizer:
    """The tokenizer in a file. Raises SeqtoolError if it is damaged or not supported."""
    root = read_json(path)
    model = root["model"]
    if root.value.__class__ is not dict or model.missing:
        root.fail("no tokenizer.json: it has no 'model'")
    root.refuse_others({"truncation": None, "padding": None})
    kind = _kind(model)
    names = _unigram_names(model) if kind == "Unigram" else _names(model)
    specials = _specials(root["added_tokens"], names)
    parts = Parts(
        model,
        read_word_rules(root["pre_tokenizer"]),
        read_text_rules(root["normalizer"]),
        names + [special.text for special in specials if special.id >= len(names)],
        len(names),
        specials,
        {} if model[NOTES].missing else model[NOTES].of(dict),
    )
    _check_post_processor(root["post_processor"])
    return _READERS[kind](parts)


def _kind(model: Node) -> str:
    """The type of the model; old files leave it out."""
    if model["type"].missing:
        return "BPE" if not model["merges"].missing else "WordLevel"
    kind = model["type"].of(str)
    if kind not in _READERS:
        model["type"].fail(f"{kind} is not supported: BPE, Unigram and WordLevel are")
    return kind


def _names(model: Node) -> list[str]:
    """The pieces of a vocabulary {piece: id} by their ids."""
    vocab = model["vocab"].of(dict)
    if not 0 < len(vocab) <= MOST_PIECES:
        model["vocab"].fail(f"{len(vocab):,} pieces, expected 1 to {MOST_PIECES:,}")
    names: list[str | None] = [None] * len(vocab)
    for name, number in vocab.items():
        if type(number) is not int or not 0 <= number < len(vocab):
            model["vocab"].fail(
                f"the piece {name!r} has the id {number}: ids must go from 0 to "
                f"{len(vocab) - 1} without a gap"
            )
        if names[number] is not None:
            model["vocab"].fail(f"{names[number]!r} and {name!r} have the same id {number}")
        names[number] = name
    return [name for name in names if name is not None]


def _unigram_names(model: Node) -> list[str]:
    """The pieces of a list [[piece, score], ...]."""
    vocab = model["vocab"].of(list)
    if not 0 < len(vocab) <= MOST_PIECES:
        model["vocab"].fail(f"{len(vocab):,} pieces, expected 1 to {MOST_PIECES:,}")
    names: dict[str, None] = {}
    for number, pair in enumerate(vocab):
        fine = type(pair) is list and len(pair) == 2 and type(pair[0]) is str
        if not fine or type(pair[1]) not in (int, float) or not math.isfinite(pair[1]):
            model["vocab"].fail(f"item {number} is not a piece with its score")
        if pair[0] in names:
            model["vocab"].fail(f"the piece {pair[0]!r} is there twice")
        names[pair[0]] = None
    return list(names)


def _specials(added: Node, names: list[str]) -> list[Special]:
    """The added tokens, those beyond the model's ids in the order of their ids."""
    if added.missing:
        return []
    known = {name: number for number, name in enumerate(names)}
    found: list[Special] = []
    for item in added.items():
        text, number = item["content"].of(str), item["id"].of(int)
        for flag in _ADDED_FLAGS:
            if item[flag].flag():
                item.fail(f"{flag} of the added token {text!r} is not supported")
        if not text:
            item.fail("an added token without text")
        if text in known and known[text] != number:
            item.fail(f"{text!r} has the id {number}, in the vocabulary {known[text]}")
        if number < len(names) and names[number] != text:
            item.fail(f"{text!r} has the id {number} of the piece {names[number]!r}")
        found.append(Special(text, number, not item["special"].flag()))
    found.sort(key=lambda special: special.id)
    expected = len(names)
    for special in found:
        if special.id >= len(names):
            if special.id != expected:
                added.fail(f"{special.text!r} has the id {special.id}, expected {expected}")
            expected += 1
    if len({special.text for special in found}) < len(found):
        added.fail("an added token is there twice")
    return found


def _check_post_processor(node: Node) -> None:
    """What is added around a text is up to --bos and --eos; other processors are refused."""
    if node.missing:
        return
    kind = node["type"].of(str)
    if kind == "Sequence":
        for part in node["processors"].items():
            _check_post_processor(part)
    elif kind not in ("ByteLevel", "TemplateProcessing"):
        node.fail(f"the post-processor {kind} is not supported")


def _unknown(parts: Parts) -> int | None:
    """The id of what no piece covers, None if there is none."""
    token = parts.model["unk_token"]
    if token.missing:
        return None
    name = token.of(str)
    if name not in parts.names:
        token.fail(f"{name!r} is not in the vocabulary")
    return parts.names.index(name)


def _read_word_level(parts: Parts) -> Tokenizer:
    from seqtool.tokenizers.word_model import WordModel

    if not parts.rules.trims or parts.rules.metaspace or parts.rules.byte_level:
        parts.model.fail("WordLevel is supported with the pre-tokenizer WhitespaceSplit only")
    pieces = [name.encode() for name in parts.names[: parts.size]]
    return _tokenizer(parts, WordModel(pieces, _unknown(parts), _hidden(parts)), "words")


def _merges(parts: Parts) -> list[tuple[int, int, int]]:
    """The merges in order: ids of left, right and what they make."""
    node = parts.model["merges"]
    ids = {name: number for number, name in enumerate(parts.names[: parts.size])}
    found: list[tuple[int, int, int]] = []
    for number, item in enumerate(node.of(list)):
        pair = item.split(" ") if type(item) is str else item
        if type(pair) is not list or len(pair) != 2:
            node.fail(f"merge {number} is not a pair of pieces")
        left, right = pair
        if type(left) is not str or type(right) is not str:
            node.fail(f"merge {number} is not a pair of pieces")
        for name in (left, right, left + right):
            if name not in ids:
                node.fail(f"merge {number} ({left!r} and {right!r}): no piece {name!r}")
        found.append((ids[left], ids[right], ids[left + right]))
    return found


def _read_bpe(parts: Parts) -> Tokenizer:
    model = parts.model
    model.refuse_others({"continuing_subword_prefix": "", "end_of_word_suffix": ""})
    if not model["dropout"].missing and model["dropout"].value != 0:
        model["dropout"].fail("a file that always drops merges is not supported: use --dropout")
    merges = _merges(parts)
    if not merges and parts.rules == WordRules() and not model["fuse_unk"].flag():
        return _read_characters(parts)
    return _read_merges(parts, merges)


def _read_merges(parts: Parts, merges: list[tuple[int, int, int]]) -> Tokenizer:
    """A BPE model: on bytes, or on characters with spaces as "▁"."""
    from seqtool.tokenizers.bpe import BpeModel

    on_bytes = parts.rules.byte_level
    if not on_bytes and parts.rules.metaspace is None:
        parts.model.fail("BPE without ByteLevel or Metaspace is not supported")
    pieces, bytes_ids = _byte_level_pieces(parts) if on_bytes else _text_pieces(parts)
    model = BpeModel(
        pieces,
        np.array(merges, np.int32).reshape(-1, 3),
        by_characters=not on_bytes,
        bytes_ids=bytes_ids,
        unknown=_unknown(parts),
        fuse_unknown=parts.model["fuse_unk"].flag(),
        whole_words=parts.model["ignore_merges"].flag(),
        hidden=_hidden(parts),
    )
    return _tokenizer(parts, model, "bytes" if on_bytes else "metaspace")


def _hidden(parts: Parts) -> set[int]:
    """Ids of the model that text never gives."""
    return {special.id for special in parts.specials if special.id < parts.size}


def _byte_level_pieces(parts: Parts) -> tuple[list[bytes], None]:
    hidden = _hidden(parts)
    pieces: list[bytes] = []
    for number, name in enumerate(parts.names[: parts.size]):
        piece = name.encode() if number in hidden else visible_to_bytes(name)
        if piece is None:
            parts.model["vocab"].fail(f"the piece {name!r} is not made of visible bytes")
        pieces.append(piece)
    return pieces, None


def _text_pieces(parts: Parts) -> tuple[list[bytes], dict[int, int]]:
    """Pieces, and with byte fallback the ids of those that stand for a byte."""
    bytes_ids: dict[int, int] = {}
    pieces: list[bytes] = []
    for number, name in enumerate(parts.names[: parts.size]):
        byte = byte_of_name(name) if parts.model["byte_fallback"].flag() else None
        if byte is not None:
            bytes_ids[byte] = number
        pieces.append(name.encode() if byte is None else bytes([byte]))
    return pieces, bytes_ids


def _read_characters(parts: Parts) -> Tokenizer:
    """BPE without merges."""
    from seqtool.tokenizers.word_model import CharModel

    hidden = _hidden(parts)
    pieces, bytes_ids = _text_pieces(parts)
    others = hidden | set(bytes_ids.values())
    for number, name in enumerate(parts.names[: parts.size]):
        if len(name) != 1 and number not in others:
            parts.model["vocab"].fail(f"{name!r} is not one character, and no merge makes it")
    model = CharModel(pieces, _unknown(parts), hidden, bytes_ids)
    shown = [text_to_visible(name) for name in parts.names]
    return _tokenizer(parts._replace(names=shown), model, "text")


def _read_unigram(parts: Parts) -> Tokenizer:
    from seqtool.tokenizers.unigram import UnigramModel

    if parts.rules.metaspace is None:
        parts.model.fail("Unigram is supported with the pre-tokenizer Metaspace only")
    pieces, bytes_ids = _text_pieces(parts)
    unknown = parts.model["unk_id"]
    if not unknown.missing and not 0 <= unknown.of(int) < parts.size:
        unknown.fail(f"there is no piece {unknown.value}")
    scores = [pair[1] for pair in parts.model["vocab"].value]
    hidden = _hidden(parts) | (set() if unknown.missing else {unknown.value})
    model = UnigramModel(pieces, scores, unknown.value, hidden, bytes_ids)
    return _tokenizer(parts, model, "metaspace")


def _tokenizer(parts: Parts, model: Model, form: Form) -> Tokenizer:
    text = parts.text
    preparation: Preparation
    normalizer = normalizer_of_steps(text.steps)
    if form == "metaspace":
        prefix = text.prefix or parts.rules.metaspace in ("always", "first")
        metaspace = Metaspace(CharsMap(text.charsmap), trim=text.trim, prefix=prefix)
        once = prefix and not text.prefix
        preparation = MetaspacePreparation(normalizer, metaspace, parts.rules.splits, once)
    elif text != TextRules(text.steps):
        parts.model.fail("normalizers of sentencepiece are supported with Metaspace only")
    else:
        preparation = TextPreparation(normalizer, parts.rules)
    return Tokenizer(model, preparation, parts.names, form, parts.specials, parts.notes)


_READERS = {"BPE": _read_bpe, "Unigram": _read_unigram, "WordLevel": _read_word_level}
