"""`seqtool tokenize`: train tokenizers, cut text into pieces, and put it together again."""

from collections.abc import Callable
from typing import Any

from seqtool.hookspecs import hookimpl


@hookimpl
def register_commands(register: Callable[..., None]) -> None:
    """Add `seqtool tokenize`."""
    register(
        "seqtool_tokenize.command:command",
        name="tokenize",
        help="Cut text into pieces of a vocabulary: byte-level BPE, unigram, words, characters.",
    )


@hookimpl
def register_tokenizers(register: Callable[[str, Callable[..., Any]], None]) -> None:
    """Add the formats that seqtool itself reads."""
    from seqtool.tokenizers.load import LOADERS

    for name, loader in LOADERS.items():
        register(name, loader)
