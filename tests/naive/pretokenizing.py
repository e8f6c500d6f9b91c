"""How texts are cut into words, by the regular expressions themselves."""

import re
from collections.abc import Callable

import regex

_CONTRACTIONS = "'s|'t|'re|'ve|'m|'ll|'d"
_GPT4 = (
    rf"(?i:{_CONTRACTIONS})"
    r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
)

PATTERNS = {
    "gpt2": rf"{_CONTRACTIONS}| ?\p{{L}}+| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+|\s+(?!\S)|\s+",
    "gpt4": rf"{_GPT4}|\s+\Z|\s*[\r\n]|\s+(?!\S)|\s",
    "gpt4-lines": rf"{_GPT4}|\s*[\r\n]+|\s+(?!\S)|\s+",
    "whitespace": r"\s*\S+|\s+",
    "none": r"(?s:.+)",
}

# What a byte that is not UTF-8 is replaced by: a character of no class, as many as there are bytes.
_STAND_IN = "\ue000"


def words(name: str, text: bytes) -> list[bytes]:
    """The words of a text."""
    decoded = text.decode("utf-8", "surrogateescape")
    shown = re.sub("[\udc80-\udcff]", _STAND_IN, decoded)
    spans = [match.span() for match in regex.finditer(PATTERNS[name], shown)]
    return [decoded[a:b].encode("utf-8", "surrogateescape") for a, b in spans]


def counts(
    texts: list[bytes], prepare: Callable[[str], str], name: str, min_count: int
) -> list[tuple[bytes, int]]:
    """Words of the lines of texts and how often each occurs, the most frequent first."""
    found: dict[bytes, int] = {}
    for text in texts:
        for line in text.split(b"\n"):
            for word in words(name, prepare(line.decode()).encode()):
                found[word] = found.get(word, 0) + 1
    kept = [(word, count) for word, count in found.items() if count >= min_count]
    return sorted(kept, key=lambda pair: (-pair[1], pair[0]))
