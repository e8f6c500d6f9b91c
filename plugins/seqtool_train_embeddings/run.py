"""What `seqtool train-embeddings` does once its options are read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from seqtool.errors import SeqtoolError
from seqtool.models import resolve_model
from seqtool.progress import Progress
from seqtool.text import expand_patterns
from seqtool.vectors import Subwords, WordVectors, save_vectors
from seqtool.vectors.files import ENDINGS
from seqtool.vectors.subwords import ngram_rows
from seqtool_train_embeddings.corpus import encode_corpus, open_corpus, spool_stdin
from seqtool_train_embeddings.known_vectors import known_vectors
from seqtool_train_embeddings.nnlm import NeuralModel, parse_context
from seqtool_train_embeddings.report import TrainingReport
from seqtool_train_embeddings.targets import Targets
from seqtool_train_embeddings.trainer import Plan, train
from seqtool_train_embeddings.vocabulary import Transform, Vocabulary, count_words
from seqtool_train_embeddings.windows import NO_NGRAMS, NgramRows, WindowModel
from seqtool_train_embeddings.work import WorkFolder

# What decides the vectors; the rest (threads, progress, output) does not.
_DECIDING = (
    "method", "objective", "dim", "window", "negatives", "power", "sample", "epochs",
    "learning_rate", "min_count", "max_vocab", "lowercase", "tokenizer", "sentences", "context",
    "hidden", "x_max", "alpha", "sum_contexts", "subwords", "min_ngram", "max_ngram", "buckets",
    "phrases", "init", "seed", "errors",
)  # fmt: skip
_RATES = {"skipgram": 0.025, "cbow": 0.05, "nnlm": 0.05, "glove": 0.05}

Ids = npt.NDArray[np.int32]


def run(corpus: Sequence[str], settings: dict[str, Any]) -> None:
    """Train and write the vectors. Raises SeqtoolError and click.UsageError."""
    _check(settings)
    paths = expand_patterns(corpus)
    _check_different(paths, settings["output"])
    if settings["learning_rate"] is None:
        settings["learning_rate"] = _RATES[settings["method"]]
    if settings["objective"] is None:
        settings["objective"] = "softmax" if settings["method"] == "nnlm" else "ns"
    deciding = {name: settings[name] for name in _DECIDING}
    work = WorkFolder(settings["output"], {**deciding, "corpus": [_stamp(p) for p in paths]})
    with TrainingReport(settings) as report:
        vocabulary = _prepare(paths, settings, work)
        report.corpus(vocabulary)
        ids = open_corpus(work.ids, len(vocabulary))
        vectors = _train(vocabulary, ids, settings, work, report)
        metadata = {
            "arguments": deciding,
            "seed": settings["seed"],
            "corpus_sha256": vocabulary.sha256,
        }
        save_vectors(settings["output"], vectors, metadata)
    work.remove()


def _check(settings: Mapping[str, Any]) -> None:
    """Refuse options that contradict each other, before hours are spent."""
    output = settings["output"]
    if output is None:
        raise click.UsageError("-o FILE is missing: where do the vectors go?")
    if not output.lower().endswith(tuple(ENDINGS)):
        raise click.UsageError(f"-o {output}: end it in {', '.join(ENDINGS)}")
    folder = os.path.dirname(os.path.abspath(output))
    if not os.path.isdir(folder):
        raise SeqtoolError(f"{folder}: no such folder")
    if settings["subwords"] and settings["method"] not in ("skipgram", "cbow"):
        raise click.UsageError(f"--subwords goes with skipgram and cbow, not {settings['method']}")
    if settings["subwords"] and not output.lower().endswith(".safetensors"):
        raise click.UsageError("--subwords needs -o FILE.safetensors: others hold words only")
    if settings["method"] == "glove" and settings["objective"] is not None:
        raise click.UsageError("--method glove has an objective of its own: leave --objective out")
    if settings["min_ngram"] > settings["max_ngram"]:
        raise click.UsageError("--min-ngram is above --max-ngram")
    if settings["method"] == "nnlm":
        parse_context(settings["context"], settings["window"])
    for path in filter(None, [settings["init"], *settings["eval"]]):
        if not os.path.exists(path):
            raise SeqtoolError(f"{path}: no such file")


def _check_different(paths: Sequence[str], output: str) -> None:
    """Refuse to write the vectors over the corpus."""
    if os.path.exists(output):
        for path in paths:
            if os.path.exists(path) and os.path.samefile(path, output):
                raise click.UsageError(f"-o {output} is also a file of the corpus")


def _stamp(path: str) -> list[Any]:
    """What tells a file apart from another version of it, without reading it."""
    if path == "-" or not os.path.exists(path):
        return [path]
    status = os.stat(path)
    return [path, status.st_size, status.st_mtime_ns]


def _prepare(paths: Sequence[str], settings: Mapping[str, Any], work: WorkFolder) -> Vocabulary:
    """Count the words and write the corpus as numbers, unless a resumed training has them."""
    if settings["resume"]:
        work.check_resumable()
        return work.load_vocabulary()
    work.begin()
    try:
        vocabulary = _read_corpus(paths, settings, work)
        work.save_vocabulary(vocabulary)
    except BaseException:
        work.remove()  # it could not be resumed
        raise
    return vocabulary


def _read_corpus(paths: Sequence[str], settings: Mapping[str, Any], work: WorkFolder) -> Vocabulary:
    """Count the words and write the corpus as numbers."""
    files = spool_stdin(paths, work.path)
    options: dict[str, Any] = {
        "lowercase": settings["lowercase"],
        "threads": settings["threads"],
        "errors": settings["errors"],
        "transform": _pieces(settings["tokenizer"]),
    }
    with Progress("counting words", "bytes", quiet=settings["quiet"]) as progress:
        vocabulary = count_words(
            files,
            memory=settings["memory"],
            min_count=settings["min_count"],
            max_vocab=settings["max_vocab"],
            progress=progress,
            folder=work.path,
            **options,
        )
    with Progress("reading the corpus", "bytes", quiet=settings["quiet"]) as progress:
        encode_corpus(
            files,
            vocabulary,
            work.ids,
            window="document" if settings["sentences"] == "documents" else "lines",
            progress=progress,
            **options,
        )
    if settings["phrases"]:
        from seqtool_train_embeddings.phrases import join_phrases

        vocabulary = join_phrases(
            work.ids,
            vocabulary,
            work.ids,
            passes=settings["phrases"],
            min_count=settings["min_count"],
            memory=settings["memory"],
            threads=settings["threads"],
            folder=work.path,
        )
    return vocabulary


def _pieces(tokenizer: str | None) -> Transform | None:
    """What puts the pieces of a tokenizer in the place of words."""
    if tokenizer is None:
        return None
    from seqtool.tokenizers.batches import batch_of_lines
    from seqtool.tokenizers.load import load
    from seqtool.tokenizers.names import NamedIds

    model = load(resolve_model("tokenize", tokenizer))
    names = NamedIds([name.encode("utf-8", "surrogateescape") for name in model.names])

    def transform(lines: bytes) -> bytes:
        encoded = model.encode_batch(batch_of_lines(lines))
        return names.lines(encoded.ids, encoded.starts)

    return transform


def _train(
    vocabulary: Vocabulary,
    ids: Ids,
    settings: Mapping[str, Any],
    work: WorkFolder,
    report: TrainingReport,
) -> WordVectors:
    if settings["method"] == "glove":
        from seqtool_train_embeddings.glove_run import train_glove

        return train_glove(vocabulary, ids, settings, work, report)
    model = _model(vocabulary, settings)
    if settings["init"]:
        rows, old = known_vectors(settings["init"], vocabulary, model.dimensions)
        model.inputs[rows, : model.dimensions] = old
    place = work.load_checkpoint(model.state())
    plan = Plan(
        settings["epochs"],
        settings["learning_rate"],
        _training_threads(settings),
    )
    report.start(len(ids), plan, place, lambda at: work.save_checkpoint(model.state(), at))
    report.vectors = lambda: _vectors(model, vocabulary, settings)
    train(model, ids, plan, report, place)
    return _vectors(model, vocabulary, settings)


def _training_threads(settings: Mapping[str, Any]) -> int:
    """How many threads update the vectors."""
    return 1 if settings["deterministic"] else int(settings["threads"])


def _model(vocabulary: Vocabulary, settings: Mapping[str, Any]) -> WindowModel | NeuralModel:
    targets = Targets(
        settings["objective"],
        vocabulary.counts,
        settings["negatives"],
        settings["power"],
        settings["sample"],
    )
    dimensions, seed = settings["dim"], settings["seed"]
    if settings["method"] == "nnlm":
        context = parse_context(settings["context"], settings["window"])
        return NeuralModel(targets, context, dimensions, settings["hidden"], seed)
    ngrams = NO_NGRAMS
    if settings["subwords"]:
        rows, starts = ngram_rows(
            vocabulary.words, settings["min_ngram"], settings["max_ngram"], settings["buckets"]
        )
        ngrams = NgramRows(starts, rows.astype(np.int64) + len(vocabulary), settings["buckets"])
    return WindowModel(
        targets,
        settings["method"],
        dimensions,
        settings["window"],
        seed,
        ngrams,
        _training_threads(settings),
    )


def _vectors(
    model: WindowModel | NeuralModel, vocabulary: Vocabulary, settings: Mapping[str, Any]
) -> WordVectors:
    """The word vectors of a model."""
    words = len(vocabulary)
    own = model.inputs[:words, : model.dimensions]
    if not settings["subwords"]:
        return WordVectors(vocabulary.words, own)
    subwords = Subwords(
        model.inputs[words:, : model.dimensions],
        settings["min_ngram"],
        settings["max_ngram"],
        settings["buckets"],
    )
    return WordVectors(vocabulary.words, subwords.word_vectors(vocabulary.words, own), subwords)
