"""Which format a file of vectors has, and reading and writing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqtool.errors import SeqtoolError
from seqtool.modelfile import is_safetensors
from seqtool.output import open_binary_output
from seqtool.vectors import fasttext, word2vec
from seqtool.vectors.source import Source
from seqtool.vectors.table import WordVectors
from seqtool.vectors.tensors import load_tensors, write_tensors

ENDINGS = {
    ".bin": "word2vec binary",
    ".vec": "word2vec text",
    ".txt": "GloVe text",
    ".safetensors": "safetensors",
}
COMPRESSED = (".gz", ".xz", ".bz2", ".zst")


def load_vectors(path: str, limit: int | None = None, errors: str = "strict") -> WordVectors:
    """Read word vectors of any known format; the file's content says which.

    ``limit`` reads only the first words, usually the most frequent. ``errors="replace"`` reads
    words that are not UTF-8. Of repeated words the first counts. Raises SeqtoolError for a file
    that cannot be read, is damaged or holds something else.
    """
    if limit is not None and limit < 1:
        raise ValueError("limit is at least 1")
    with Source(path) as source:
        kind = detect(source)
        if kind == "safetensors":
            return load_tensors(path, limit)
        if kind == "fasttext":
            return fasttext.load_fasttext(source, limit, errors)
        if kind == "word2vec binary":
            return word2vec.load_binary(source, limit, errors)
        return word2vec.load_text(source, limit, errors)


def save_vectors(
    path: str,
    vectors: WordVectors,
    metadata: Mapping[str, Any] | None = None,
    quantize: str | None = None,
) -> None:
    """Write word vectors, whole or not at all; the name's ending says in which format.

    ``.bin`` word2vec binary, ``.vec`` word2vec text, ``.txt`` the same without a header (GloVe),
    ``.safetensors`` with ``metadata`` and n-grams; only there ``quantize="int8"`` keeps a byte a
    number. Raises SeqtoolError for another ending or a word that the format cannot hold.
    """
    ending = next((ending for ending in ENDINGS if path.lower().endswith(ending)), None)
    if ending is None:
        raise SeqtoolError(
            f"{path}: the ending says no format of word vectors: take {', '.join(ENDINGS)}"
        )
    if quantize is not None and ending != ".safetensors":
        raise SeqtoolError(f"{path}: only .safetensors can be quantised")
    if not len(vectors):
        raise SeqtoolError(f"{path}: there are no vectors to write")
    if ending == ".safetensors":
        write_tensors(path, vectors, metadata or {}, quantize)
        return
    with open_binary_output(path) as file:
        if ending == ".bin":
            word2vec.write_binary(file, vectors)
        else:
            word2vec.write_text(file, vectors, header=ending == ".vec")


def detect(source: Source) -> str:
    """The format's name; raises SeqtoolError for what is none of them."""
    head = source.head
    if is_safetensors(head):
        if source.size is None:
            raise SeqtoolError(
                f"{source.name}: a safetensors file is read in place: decompress it first"
            )
        return "safetensors"
    if fasttext.is_fasttext(head):
        return "fasttext"
    if not head:
        raise SeqtoolError(f"{source.name}: it is empty")
    header = word2vec.read_header(head)
    dimensions = word2vec.text_dimensions(head)
    if dimensions is not None:
        # The bytes of one or two numbers may happen to look like digits.
        tiny = header is not None and dimensions <= 2 and _ending(source.path) == ".bin"
        return "word2vec binary" if tiny else ("word2vec text" if header else "GloVe text")
    if header is not None:
        return "word2vec binary"
    if head[:1] == b"\x80":
        raise SeqtoolError(
            f"{source.name}: a Python pickle, which is never loaded: write it with gensim's "
            "save_word2vec_format"
        )
    raise SeqtoolError(
        f"{source.name}: not word vectors (word2vec, GloVe, fastText .bin or safetensors)"
    )


def describe(path: str) -> dict[str, Any]:
    """What a file of vectors says about itself, without reading the vectors.

    Fields: ``format``, ``words`` (what a header promises; None without one), ``dimensions``,
    and for fastText its ``arguments``.
    """
    with Source(path) as source:
        kind = detect(source)
        if kind == "fasttext":
            header = fasttext.read_header(source)
            return {
                "format": "fastText binary",
                "words": header.words,
                "dimensions": header.integer("dimensions"),
                "arguments": fasttext.named_arguments(header),
            }
        found = word2vec.read_header(source.head)
        dimensions = word2vec.text_dimensions(source.head) if "text" in kind else None
        if dimensions is None:
            dimensions = found[1] if found else 0
        return {"format": kind, "words": found[0] if found else None, "dimensions": dimensions}


def _ending(path: str) -> str:
    for compressed in COMPRESSED:
        path = path.removesuffix(compressed)
    return path[path.rfind(".") :]
