"""What `seqtool translate train` does once its options are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click
import numpy as np

from seqtool.errors import SeqtoolError
from seqtool.nn.batches import cut_rows
from seqtool.nn.cells import find_cell
from seqtool.nn.checkpoint import Checkpoint
from seqtool.nn.encoder_decoder import EncoderDecoder, EncoderDecoderSettings
from seqtool.nn.pair_batches import PairBatches, SequencePairs, Side
from seqtool.nn.trainer import Training, make_training
from seqtool.nn.training_log import TrainingLog
from seqtool.nn.training_options import DECIDING
from seqtool.tokenizers.embedded import names_sha256
from seqtool_bleu.lines import score_lines
from seqtool_translate.model_files import save, text_fields
from seqtool_translate.pairs import Files, Pairs, find_files, hold_back, read_pairs, take
from seqtool_translate.text_side import TextSide
from seqtool_translate.train_checks import check, check_different
from seqtool_translate.validation import BleuValidation
from seqtool_translate.vocabulary import dropout_of, make_sides

_DECIDING = (
    "max_length", "level", "vocab_size", "joint", "tokenizer", "source_tokenizer",
    "target_tokenizer", "subword_dropout", "errors", "cell", "embedding", "hidden", "layers",
    "unidirectional", "attention", "feeding", "coverage", "untied", "dropout", "label_smoothing",
    "precision", *DECIDING,
)  # fmt: skip
_EMBEDDING = {"char": 64, "word": 256, "subword": 256}
_HIDDEN = {"char": 128, "word": 512, "subword": 512}
_SHORTEST_STEP = 6_000_000  # multiplications of a step that are worth a second thread


class Data(NamedTuple):
    """What is trained and validated on, and the languages."""

    train: Pairs
    validation: Pairs | None
    source: TextSide
    target: TextSide


def run_train(pairs: Sequence[str], settings: dict[str, Any]) -> None:
    """Train, keep the weights that validate best, and write the model.

    Raises SeqtoolError and click.UsageError.
    """
    check(pairs, settings)
    files = find_files(settings["source"], settings["target"], pairs)
    held_out = _validation_files(settings)
    check_different((files, held_out), settings)
    data = _read(files, held_out, settings)
    about = _about(data, settings)
    _report(data, settings)
    checkpoint = Checkpoint(settings["output"], about)
    checkpoint.begin(settings["resume"])
    model = _model(data, settings)
    log = TrainingLog(checkpoint, settings["log"], settings["quiet"])
    settings = {**settings, "threads": _useful_threads(model, settings)}
    training = make_training(
        model, _batches(data, settings), settings, log, _validation(model, data, settings)
    )
    if settings["resume"]:
        checkpoint.load(training)
    training.run()
    fields = {**about, **_results(data, files, training)}
    save(settings["output"], model, data.source, data.target, settings["precision"], fields)
    checkpoint.remove()


# --- data -----------------------------------------------------------------------------------------


def _validation_files(settings: Mapping[str, Any]) -> Files | None:
    """Where the pairs to validate on are; None if they are a share, or there are none."""
    if settings["validation_source"]:
        return find_files(settings["validation_source"], settings["validation_target"])
    wanted = settings["validation"]
    return find_files((), (), (wanted,)) if isinstance(wanted, str) else None


def _read(files: Files, held_out: Files | None, settings: Mapping[str, Any]) -> Data:
    """Read the pairs, learn or read the vocabularies, and leave out what is too long."""
    train = read_pairs(files, settings["errors"])
    validation = read_pairs(held_out, settings["errors"]) if held_out else None
    if isinstance(settings["validation"], float) and not held_out:
        train, validation = hold_back(train, settings["validation"], settings["seed"])
    source, target = make_sides(train, settings)
    text_fields(source, target)  # a tokenizer that a model cannot hold is refused now
    kept = [
        part and _fitting(part, where, source, target, settings)
        for part, where in ((train, "train on"), (validation, "validate on"))
    ]
    assert kept[0]
    return Data(kept[0], kept[1], source, target)


def _fitting(
    pairs: Pairs, purpose: str, source: TextSide, target: TextSide, settings: Mapping[str, Any]
) -> Pairs:
    """Those of the pairs with at most --max-length tokens on each side; the others are said."""
    longest, threads = settings["max_length"], settings["threads"]
    lengths = [
        np.diff(side.encode(lines, threads=threads).starts)
        for side, lines in ((source, pairs.source), (target, pairs.target))
    ]
    fits = np.maximum(*lengths) <= longest + 1  # the end of a sentence does not count
    kept = take(pairs, np.flatnonzero(fits).tolist())
    if not kept.source:
        raise SeqtoolError(
            f"all pairs to {purpose} have more than {longest} tokens on a side: raise --max-length"
        )
    if not settings["quiet"]:
        _say_left_out(pairs.empty, purpose, "an empty side")
        _say_left_out(
            len(fits) - len(kept.source), purpose, f"more than {longest} tokens on a side"
        )
    return kept


def _say_left_out(count: int, purpose: str, what: str) -> None:
    if count:
        pairs = "1 pair" if count == 1 else f"{count:,} pairs"
        click.echo(f"{pairs} to {purpose} left out: {what}", err=True)


def _report(data: Data, settings: Mapping[str, Any]) -> None:
    if settings["quiet"]:
        return
    held = f", {len(data.validation.source):,} to validate on" if data.validation else ""
    if data.source is data.target:
        vocabulary = f"a joint vocabulary of {data.source.vocab_size:,}"
    else:
        sizes = f"{data.source.vocab_size:,} and {data.target.vocab_size:,}"
        vocabulary = f"vocabularies of {sizes}"
    click.echo(f"{len(data.train.source):,} pairs to train on{held}; {vocabulary}", err=True)


def _about(data: Data, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the result."""
    return {
        "arguments": {name: settings[name] for name in _DECIDING},
        "seed": settings["seed"],
        "corpus_sha256": data.train.sha256,
        "validation_sha256": data.validation and data.validation.sha256,
        "vocabulary_sha256": [names_sha256(side.names) for side in (data.source, data.target)],
    }


# --- model and batches ----------------------------------------------------------------------------


def _model(data: Data, settings: Mapping[str, Any]) -> EncoderDecoder:
    find_cell(settings["cell"])
    level, attention = settings["level"], settings["attention"]
    shape = EncoderDecoderSettings(
        source_vocab=data.source.vocab_size,
        target_vocab=data.target.vocab_size,
        embedding=settings["embedding"] or _EMBEDDING[level],
        hidden=settings["hidden"] or _HIDDEN[level],
        layers=settings["layers"],
        cell=settings["cell"],
        bidirectional=not settings["unidirectional"],
        attention=attention,
        feeding=attention != "none" and settings["feeding"] is not False,
        coverage=settings["coverage"],
        shared=data.source is data.target,
        tied=not settings["untied"],
        dropout=settings["dropout"],
        smoothing=settings["label_smoothing"],
    )
    model = EncoderDecoder(shape)
    model.initialise(settings["seed"])
    return model


def _useful_threads(model: EncoderDecoder, settings: Mapping[str, Any]) -> int:
    """How many threads make training faster; the result is the same for any number.

    A decoder with feeding goes step by step, and between its products threads wait for each other:
    where products are short, for longer than they gain.
    """
    shape = model.settings
    rows = cut_rows(settings["batch_size"])[0].stop
    products = rows * model.writer.decoder.step_products
    short = shape.feeding and products < _SHORTEST_STEP
    return 1 if short else int(settings["threads"])


def _encoded(data: Data, pairs: Pairs, dropout: float, seed: Sequence[int]) -> SequencePairs:
    """Pairs as ids, cut as the seed decides."""
    sides = []
    for number, (side, lines) in enumerate(
        ((data.source, pairs.source), (data.target, pairs.target))
    ):
        random = np.random.default_rng((*seed, number))
        encoded = side.encode(lines, dropout, random)
        sides.append(Side(encoded.ids, encoded.starts))
    return SequencePairs(*sides)


def _batches(data: Data, settings: Mapping[str, Any]) -> PairBatches:
    seed = settings["seed"]
    dropout = dropout_of(data.source, data.target, settings)
    fixed = None if dropout else _encoded(data, data.train, 0.0, (seed,))

    def pairs_of(epoch: int) -> SequencePairs:
        return fixed or _encoded(data, data.train, dropout, (seed, epoch))

    return PairBatches(pairs_of, data.target.begin, settings["batch_size"], seed)


def _validation(
    model: EncoderDecoder, data: Data, settings: Mapping[str, Any]
) -> BleuValidation | None:
    if data.validation is None:
        return None
    seed = settings["seed"]
    pairs = _encoded(data, data.validation, 0.0, (seed,))
    batches = PairBatches(pairs, data.target.begin, settings["batch_size"], seed)
    sides = (data.source, data.target)
    return BleuValidation(model, sides, data.validation, batches, settings["threads"])


# --- results --------------------------------------------------------------------------------------


def _results(data: Data, files: Files, training: Training) -> dict[str, Any]:
    """What the file says of how good the model is, and a card for people."""
    count = len(data.train.source)
    card = f"Translates; trained on {count:,} pairs of {files.names}"
    place = training.place
    if data.validation is None or place.best_rank is None:
        return {"card": card}
    bleu = -place.best_rank
    signature = score_lines(["x"], ["x"]).signature
    held = len(data.validation.source)
    card += f"\n{bleu:.1f} BLEU ({signature}), greedily, on {held:,} other pairs"
    found = {"loss": place.best_loss, "bleu": bleu, "signature": signature, "pairs": held}
    return {"validation": found, "card": card}
