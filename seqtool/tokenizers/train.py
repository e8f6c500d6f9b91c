"""Training a whole tokenizer from the text of files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.tokenizers.counting import count_words
from seqtool.tokenizers.metaspace import MARK, Metaspace
from seqtool.tokenizers.normalize import Normalizer
from seqtool.tokenizers.preparation import MetaspacePreparation, TextPreparation, WordRules
from seqtool.tokenizers.pretokenize import Pretokenizer
from seqtool.tokenizers.specials import UNKNOWN, Special
from seqtool.tokenizers.tokenizer import Form, Tokenizer
from seqtool.tokenizers.types import Model, WordCounts
from seqtool.tokenizers.visible import byte_name, bytes_to_visible, text_to_visible
from seqtool.tokenizers.word_model import count_whole_words


class Recipe(NamedTuple):
    """What a tokenizer is to be.

    ``kind``: bpe, unigram, word or char; ``pretokenize``: a name of `pretokenize.KINDS`;
    ``normalize``: none, nfc or nfkc; ``specials`` get the first ids. ``threads`` decides nothing
    but how long it takes.
    """

    kind: str
    vocab_size: int
    pretokenize: str
    specials: Sequence[str]
    normalize: str = "none"
    lowercase: bool = False
    strip_accents: bool = False
    min_frequency: int = 1
    byte_fallback: bool = False
    threads: int = 1


def train(
    recipe: Recipe, paths: Sequence[str], metadata: Mapping[str, Any], **counting: Any
) -> Tokenizer:
    """A tokenizer from files; ``counting`` are further arguments of `count_words`.

    The corpus's sha256 joins ``metadata``. Raises SeqtoolError for a corpus that cannot be read
    or has no words, and for a vocabulary that is too small.
    """
    normalizer = Normalizer(recipe.normalize, recipe.lowercase, recipe.strip_accents)
    if recipe.kind == "unigram" and recipe.pretokenize != "whitespace":
        raise SeqtoolError("a unigram model cuts at white space: no other pre-tokenizer fits")
    counting = {**counting, "threads": recipe.threads}
    counts = _count(paths, normalizer, recipe.pretokenize, counting)
    notes = {**metadata, "corpus_sha256": counts.sha256}
    return _TRAINERS[recipe.kind](recipe, normalizer, counts, notes)


def _count(
    paths: Sequence[str], normalizer: Normalizer, pretokenize: str, counting: Mapping[str, Any]
) -> WordCounts:
    counts = count_words(
        paths, normalizer=normalizer, pretokenizer=Pretokenizer(pretokenize), **counting
    )
    if len(counts.counts) == 0:
        raise SeqtoolError(f"no words in {', '.join(paths)}: there is nothing to learn")
    return counts


def _train_bpe(
    recipe: Recipe, normalizer: Normalizer, counts: WordCounts, notes: Mapping[str, Any]
) -> Tokenizer:
    from seqtool.tokenizers.bpe_train import train_bpe

    model = train_bpe(
        counts,
        recipe.vocab_size,
        specials=recipe.specials,
        min_frequency=recipe.min_frequency,
    )
    names = [*recipe.specials, *map(bytes_to_visible, model.pieces[len(recipe.specials) :])]
    rules = WordRules(recipe.pretokenize, byte_level=True)
    return _tokenizer(model, normalizer, rules, names, "bytes", recipe, notes)


def _train_unigram(
    recipe: Recipe, normalizer: Normalizer, counts: WordCounts, notes: Mapping[str, Any]
) -> Tokenizer:
    from seqtool.tokenizers.unigram_train import train_unigram

    model = train_unigram(
        _marked(counts),
        recipe.vocab_size,
        specials=recipe.specials,
        byte_fallback=recipe.byte_fallback,
        threads=recipe.threads,
    )
    bytes_of = {number: byte for byte, number in model.bytes_ids.items()}
    names = [
        byte_name(bytes_of[number]) if number in bytes_of else piece.decode()
        for number, piece in enumerate(model.pieces)
    ]
    specials = [Special(text, number) for number, text in enumerate(recipe.specials)]
    preparation = MetaspacePreparation(normalizer, Metaspace())
    return Tokenizer(model, preparation, names, "metaspace", specials, notes)


def _marked(counts: WordCounts) -> WordCounts:
    """Words without white space around, each with "▁" before it."""
    total = sorted(count_whole_words(counts).items(), key=lambda item: (-item[1], item[0]))
    words = [MARK + word for word, _ in total]
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in words], out=starts[1:])
    data = np.frombuffer(b"".join(words), np.uint8)
    return WordCounts(data, starts, np.array([count for _, count in total], np.int64), "")


def _train_words(
    recipe: Recipe, normalizer: Normalizer, counts: WordCounts, notes: Mapping[str, Any]
) -> Tokenizer:
    from seqtool.tokenizers.word_model import WordModel, most_frequent

    first = [text.encode() for text in recipe.specials]
    pieces = first + most_frequent(
        count_whole_words(counts), _room(recipe, len(first)), recipe.min_frequency, first
    )
    model = WordModel(pieces, _unknown(recipe), range(len(first)))
    names = [piece.decode() for piece in pieces]
    rules = WordRules(recipe.pretokenize, trims=True)
    return _tokenizer(model, normalizer, rules, names, "words", recipe, notes)


def _train_characters(
    recipe: Recipe, normalizer: Normalizer, counts: WordCounts, notes: Mapping[str, Any]
) -> Tokenizer:
    from seqtool.tokenizers.word_model import CharModel, count_single_characters, most_frequent

    first = [text.encode() for text in recipe.specials]
    names = list(recipe.specials)
    bytes_ids: dict[int, int] = {}
    if recipe.byte_fallback:
        bytes_ids = {byte: len(first) + byte for byte in range(256)}
        names += map(byte_name, range(256))
    singles = [bytes([byte]) for byte in bytes_ids]
    characters = most_frequent(
        count_single_characters(counts), _room(recipe, len(names)), recipe.min_frequency, ()
    )
    names += [text_to_visible(piece.decode()) for piece in characters]
    model = CharModel(
        [*first, *singles, *characters], _unknown(recipe), range(len(first)), bytes_ids
    )
    return _tokenizer(model, normalizer, WordRules(), names, "text", recipe, notes)


def _room(recipe: Recipe, taken: int) -> int:
    """How many pieces may be learned beside those that are there anyway."""
    if recipe.vocab_size < taken:
        raise SeqtoolError(
            f"a vocabulary of {recipe.vocab_size} has no room for {taken} special tokens and bytes"
        )
    return recipe.vocab_size - taken


def _unknown(recipe: Recipe) -> int | None:
    return list(recipe.specials).index(UNKNOWN) if UNKNOWN in recipe.specials else None


def _tokenizer(
    model: Model,
    normalizer: Normalizer,
    rules: WordRules,
    names: Sequence[str],
    form: Form,
    recipe: Recipe,
    notes: Mapping[str, Any],
) -> Tokenizer:
    specials = [Special(text, number) for number, text in enumerate(recipe.specials)]
    preparation = TextPreparation(normalizer, rules)
    return Tokenizer(model, preparation, names, form, specials, notes)


_TRAINERS = {
    "bpe": _train_bpe,
    "unigram": _train_unigram,
    "word": _train_words,
    "char": _train_characters,
}


def extend(
    old: Tokenizer,
    paths: Sequence[str],
    vocab_size: int,
    min_frequency: int,
    metadata: Mapping[str, Any],
    **counting: Any,
) -> Tokenizer:
    """``old`` with pieces learned from more text; no id changes. Arguments else as for `train`.

    Raises SeqtoolError if ``old`` has no fewer pieces than ``vocab_size``, or is a unigram model.
    """
    if vocab_size <= old.vocab_size:
        raise SeqtoolError(
            f"the tokenizer has {old.vocab_size:,} pieces already: "
            f"--vocab-size must be more, not {vocab_size:,}"
        )
    preparation = old.preparation
    if not isinstance(preparation, TextPreparation) or old.model.kind not in _EXTENDERS:
        raise SeqtoolError(f"a {old.model.kind} tokenizer cannot be extended: train a new one")
    if len(old.model.pieces) < old.vocab_size:
        raise SeqtoolError("it has special tokens behind its pieces: it cannot be extended")
    kind = preparation.rules.kind
    if old.model.kind == "char":
        kind = "whitespace"  # lines would be counted as words
    counts = _count(paths, preparation.normalizer, kind, counting)
    model, names = _EXTENDERS[old.model.kind](old, counts, vocab_size, min_frequency)
    notes = {**metadata, "corpus_sha256": counts.sha256, "extends": dict(old.metadata)}
    return Tokenizer(model, preparation, [*old.names, *names], old.form, old.specials, notes)


def _extend_bpe(
    old: Tokenizer, counts: WordCounts, vocab_size: int, min_frequency: int
) -> tuple[Model, list[str]]:
    from seqtool.tokenizers.bpe import BpeModel
    from seqtool.tokenizers.bpe_train import extend_bpe

    assert isinstance(old.model, BpeModel)
    model = extend_bpe(old.model, counts, vocab_size, min_frequency=min_frequency)
    return model, [bytes_to_visible(piece) for piece in model.pieces[old.vocab_size :]]


def _extend_words(
    old: Tokenizer, counts: WordCounts, vocab_size: int, min_frequency: int
) -> tuple[Model, list[str]]:
    from seqtool.tokenizers.word_model import WordModel, most_frequent

    assert isinstance(old.model, WordModel)
    more = most_frequent(
        count_whole_words(counts), vocab_size - old.vocab_size, min_frequency, set(old.model.pieces)
    )
    hidden = [special.id for special in old.specials]
    model = WordModel([*old.model.pieces, *more], old.model.unknown, hidden)
    return model, [piece.decode() for piece in more]


def _extend_characters(
    old: Tokenizer, counts: WordCounts, vocab_size: int, min_frequency: int
) -> tuple[Model, list[str]]:
    from seqtool.tokenizers.word_model import CharModel, count_single_characters, most_frequent

    assert isinstance(old.model, CharModel)
    bytes_ids = old.model.bytes_ids
    hidden = [special.id for special in old.specials]
    known = {
        piece
        for number, piece in enumerate(old.model.pieces)
        if number not in set(bytes_ids.values())
    }
    more = most_frequent(
        count_single_characters(counts), vocab_size - old.vocab_size, min_frequency, known
    )
    model = CharModel([*old.model.pieces, *more], old.model.unknown, hidden, bytes_ids)
    return model, [text_to_visible(piece.decode()) for piece in more]


_EXTENDERS = {"bpe": _extend_bpe, "word": _extend_words, "char": _extend_characters}
