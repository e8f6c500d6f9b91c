"""Words in place of ``<unk>``: those of the source, or what a dictionary says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from seqtool.decode.types import Ids
from seqtool.errors import SeqtoolError
from seqtool.text import display_name, numbered_lines
from seqtool.tokenizers.specials import UNKNOWN
from seqtool_translate.forcing import Weights

if TYPE_CHECKING:
    from seqtool_translate.text_side import TextSide

Dictionary = Mapping[str, str]


def read_dictionary(path: str, errors: str) -> Dictionary:
    """Words and what to write for them: lines of word, tab, translation; the first one counts.

    Raises SeqtoolError for a line that is something else.
    """
    words: dict[str, str] = {}
    for number, line in numbered_lines(path, errors):
        if not line.strip():
            continue
        word, tab, translation = line.partition("\t")
        if not tab or "\t" in translation or not word.strip():
            raise SeqtoolError(
                f"{display_name(path)}:{number}: write a word, a tab and its translation"
            )
        words.setdefault(word.strip(), translation.strip())
    return words


def replace_unknown(
    text: str,
    ids: Ids,
    weights: Weights,
    target: TextSide,
    source_words: list[str],
    dictionary: Dictionary,
) -> str:
    """A translation with words in place of every ``<unk>`` (Luong et al. 2015, section 3.3).

    Each is replaced by the source word that it attends to most, or by what the dictionary has
    for it, as it is or in lower case.

    Args:
        text: the translation.
        ids: its ids, int32 (length,).
        weights: float32 (length, source length).
        target: the text side of the translation.
        source_words: the word that each source id is of; empty for ``</s>``.
        dictionary: word to translation.
    """
    unknown = np.flatnonzero(ids == target.unknown)
    parts = text.split(UNKNOWN)
    if len(parts) != len(unknown) + 1:
        return text
    places = [number for number, word in enumerate(source_words) if word]
    words = []
    for row in unknown.tolist():
        word = source_words[places[int(weights[row, places].argmax())]] if places else ""
        words.append(dictionary.get(word, dictionary.get(word.lower(), word)))
    return "".join(part + word for part, word in zip(parts, [*words, ""], strict=True)).strip()


def source_words(side: TextSide, line: str, count: int) -> list[str]:
    """The word that each of ``count`` ids of a line is of, and "" for ``</s>``, the last.

    A token of words or characters is its own word; pieces belong to what stands between white
    space.
    """
    line = line.strip()  # as the side does it
    encoded = side.tokenizer.encode_batch([line], with_ends=True)
    assert encoded.ends is not None  # as asked for
    data = line.encode("utf-8", "surrogateescape")
    whole = side.tokenizer.form in ("bytes", "metaspace")
    words = []
    start = 0
    for end in encoded.ends.tolist()[: count - 1]:
        first, last = start, end
        while first < last and data[first : first + 1].isspace():
            first += 1
        while whole and first > 0 and not data[first - 1 : first].isspace():
            first -= 1
        while whole and last < len(data) and not data[last : last + 1].isspace():
            last += 1
        words.append(data[first:last].decode("utf-8", "replace").strip())
        start = end
    return [*words, *[""] * (count - len(words))]
