"""One timed job of one program, as its own process: `tokenizing_runs.py PROGRAM JOB ...`.

    PROGRAM train-bpe|train-unigram CORPUS VOCABULARY MODEL
    PROGRAM encode MODEL TEXT

Prints JSON: the seconds of the job alone, and for `encode` how many ids there are and their hash.
Imports, reading the text into a list of lines and loading the model are outside the seconds.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

THREADS = 2
os.environ["RAYON_NUM_THREADS"] = str(THREADS)
Encode = Callable[[], Any]


def lines_of(path: str) -> list[str]:
    """The lines of a text, without their ends."""
    text = Path(path).read_bytes().decode()
    return text.removesuffix("\n").split("\n")


# --- training ---------------------------------------------------------------------------------


def train_huggingface(job: str, corpus: str, size: int, model: str) -> float:
    """Byte-level BPE of Hugging Face tokenizers."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    lines = lines_of(corpus)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<unk>", "<s>", "</s>", "<pad>"],
        show_progress=False,
    )
    start = time.perf_counter()
    tokenizer.train_from_iterator(lines, trainer, length=len(lines))
    seconds = time.perf_counter() - start
    tokenizer.save(model)
    return seconds


def train_sentencepiece(job: str, corpus: str, size: int, model: str) -> float:
    """BPE or unigram of sentencepiece, on all lines."""
    import sentencepiece

    start = time.perf_counter()
    sentencepiece.SentencePieceTrainer.train(
        input=corpus,
        model_prefix=model,
        vocab_size=size,
        model_type=job.removeprefix("train-"),
        num_threads=THREADS,
        input_sentence_size=0,
        max_sentence_length=1 << 20,
        minloglevel=2,
    )
    return time.perf_counter() - start


def train_seqtool(job: str, corpus: str, size: int, model: str) -> float:
    """The command, in this process: reading the corpus is part of it."""
    from seqtool.cli import main

    kind = job.removeprefix("train-")
    arguments = ["tokenize", "train", corpus, "-o", model, "--model", kind, "--quiet"]
    start = time.perf_counter()
    code = main([*arguments, "--vocab-size", str(size), "--threads", str(THREADS)])
    if code:
        sys.exit(code)
    return time.perf_counter() - start


# --- encoding ---------------------------------------------------------------------------------


def huggingface_encoder(model: str, lines: list[str]) -> Callable[[], Any]:
    """`encode_batch_fast`, which leaves offsets out where the library has it."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(model)
    encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
    return lambda: [encoding.ids for encoding in encode(lines, add_special_tokens=False)]


def tiktoken_encoder(model: str, lines: list[str]) -> Callable[[], Any]:
    """The same ranks as in the tokenizer.json, with GPT-2's pattern."""
    import tiktoken

    from seqtool.tokenizers.load import load

    pieces = load(model).model.pieces
    special = 4
    ranks = {bytes(piece): i for i, piece in enumerate(pieces) if i >= special}
    encoding = tiktoken.Encoding(
        name="same",
        pat_str=r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        mergeable_ranks=ranks,
        special_tokens={},
    )
    return lambda: encoding.encode_ordinary_batch(lines, num_threads=THREADS)


def sentencepiece_encoder(model: str, lines: list[str]) -> Callable[[], Any]:
    """Lists of ids."""
    import sentencepiece

    processor = sentencepiece.SentencePieceProcessor(model_file=model)
    return lambda: processor.encode(lines, num_threads=THREADS)


def seqtool_encoder(model: str, lines: list[str]) -> Callable[[], Any]:
    """Ids in one array."""
    from seqtool.tokenizers.load import load

    tokenizer = load(model)
    tokenizer.encode_batch(lines[:20_000], threads=THREADS)  # compiles, once
    return lambda: tokenizer.encode_batch(lines, threads=THREADS)


TRAINERS = {
    "huggingface": train_huggingface,
    "sentencepiece": train_sentencepiece,
    "seqtool": train_seqtool,
}
ENCODERS = {
    "huggingface": huggingface_encoder,
    "tiktoken": tiktoken_encoder,
    "sentencepiece": sentencepiece_encoder,
    "seqtool": seqtool_encoder,
}


def encode(program: str, model: str, text: str) -> dict[str, Any]:
    """Time the encoding of all lines of a text; hash the ids and where each line's begin."""
    lines = lines_of(text)
    job = ENCODERS[program](model, lines)
    start = time.perf_counter()
    result = job()
    seconds = time.perf_counter() - start
    if program == "seqtool":
        ids, starts = result.ids, result.starts
    else:
        ids = np.fromiter((i for line in result for i in line), np.int32)
        starts = np.cumsum([0, *map(len, result)])
    digest = hashlib.sha256(ids.astype("<i4").tobytes() + starts.astype("<i8").tobytes())
    return {"seconds": seconds, "ids": len(ids), "sha256": digest.hexdigest()}


def main() -> None:
    """Do what the command line says."""
    program, job, *arguments = sys.argv[1:]
    if job == "encode":
        print(json.dumps(encode(program, *arguments)))
    else:
        corpus, size, model = arguments
        print(json.dumps({"seconds": TRAINERS[program](job, corpus, int(size), model)}))


if __name__ == "__main__":
    main()
