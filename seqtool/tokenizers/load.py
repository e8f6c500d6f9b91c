"""Reading a tokenizer from a file, whatever its format, and writing one."""

from __future__ import annotations

from collections.abc import Callable

from seqtool.errors import SeqtoolError
from seqtool.text import open_bytes
from seqtool.tokenizers.tokenizer import Tokenizer

Loader = Callable[[str], Tokenizer]

_HEAD = 64  # bytes that tell the format


def _huggingface(path: str) -> Tokenizer:
    from seqtool.tokenizers.huggingface import read_huggingface

    return read_huggingface(path)


def _tiktoken(path: str) -> Tokenizer:
    from seqtool.tokenizers.tiktoken import read_tiktoken

    return read_tiktoken(path)


def _sentencepiece(path: str) -> Tokenizer:
    from seqtool.tokenizers.sentencepiece import read_sentencepiece

    return read_sentencepiece(path)


LOADERS: dict[str, Loader] = {
    ".json": _huggingface,
    ".tiktoken": _tiktoken,
    ".model": _sentencepiece,
}


def load(path: str) -> Tokenizer:
    """The tokenizer in a file: tokenizer.json, tiktoken ranks, a sentencepiece .model.

    Content tells these apart. A file whose name ends as a plugin registered goes to that plugin.
    Raises SeqtoolError for a file that is damaged or of no known format.
    """
    if not path.endswith(tuple(LOADERS)):
        loader = _registered(path)
        if loader is not None:
            return loader(path)
    with open_bytes(path) as file:
        head = file.read(_HEAD)
    return _by_content(path, head)(path)


def _by_content(path: str, head: bytes) -> Loader:
    if not head:
        raise SeqtoolError(f"{path}: empty, no tokenizer")
    if head.lstrip(b" \t\r\n\xef\xbb\xbf")[:1] == b"{":
        return _huggingface
    if _looks_like_ranks(head):
        return _tiktoken
    if head[:1] == b"\n":  # field 1 of the protocol buffer: the first piece
        return _sentencepiece
    raise SeqtoolError(
        f"{path}: no tokenizer.json, tiktoken ranks or sentencepiece model: use -m with one"
    )


def _looks_like_ranks(head: bytes) -> bool:
    """Whether the first line is base64, a space and a number."""
    token, _, rest = head.partition(b" ")
    rank = rest.partition(b"\n")[0].rstrip(b"\r")
    base64 = token.rstrip(b"=").replace(b"+", b"").replace(b"/", b"")
    return (base64.isalnum() or not base64) and bool(token) and rank.isdigit()


def _registered(path: str) -> Loader | None:
    """The loader of a plugin for this file's ending, the longest that fits."""
    from seqtool.plugins import call_hook

    loaders: dict[str, Loader] = {}

    def register(ending: str, loader: Loader) -> None:
        loaders.setdefault(ending, loader)

    call_hook("register_tokenizers", register=register)
    fitting = [ending for ending in loaders if path.endswith(ending)]
    return loaders[max(fitting, key=len)] if fitting else None


def save(path: str | None, tokenizer: Tokenizer) -> None:
    """Write a tokenizer: tiktoken ranks if ``path`` ends in .tiktoken, else tokenizer.json.

    None is stdout. Raises SeqtoolError for a tokenizer that the format cannot hold.
    """
    if path is not None and path.endswith(".tiktoken"):
        from seqtool.output import open_binary_output
        from seqtool.tokenizers.tiktoken import write_tiktoken

        with open_binary_output(path) as file:
            write_tiktoken(tokenizer, file)
        return
    from seqtool.tokenizers.huggingface_write import write_huggingface

    write_huggingface(path, tokenizer)
