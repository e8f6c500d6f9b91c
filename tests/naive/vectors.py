"""Word vectors the plain way: lines of numbers, n-grams in buckets, means."""

from collections.abc import Sequence


def parse_line(line: str, dimensions: int) -> tuple[str, list[float]]:
    """(word, numbers) of a line; the word is what is before the last fields."""
    fields = line.removesuffix("\r").rstrip(" ").rsplit(" ", dimensions)
    return fields[0], [float(field) for field in fields[1:]]


def ngrams(word: str, minn: int, maxn: int) -> list[str]:
    """The character n-grams of a word between its marks, by start, then by length."""
    marked = f"<{word}>"
    return [
        marked[start : start + length]
        for start in range(len(marked))
        for length in range(minn, maxn + 1)
        if start + length <= len(marked)
        and not (length == 1 and start in (0, len(marked) - 1))
        and length > 0
    ]


def bucket(ngram: str, buckets: int) -> int:
    """32-bit FNV-1a of the UTF-8, bytes from 128 on extended by their sign as in C++."""
    code = 2166136261
    for byte in ngram.encode():
        signed = byte - 256 if byte > 127 else byte
        code = ((code ^ (signed % 2**32)) * 16777619) % 2**32
    return code % buckets


def mean(rows: Sequence[Sequence[float]]) -> list[float]:
    """The mean of vectors, number by number."""
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]
