"""How the search knows texts, and what a language model makes of them.

A hypothesis is a row of integers, int64 (rows, HYPOTHESIS). Its text is known by a hash of 62
bits, so that ways to the same text, however it is cut into symbols, are one. The word that it is
in the middle of is followed through two tries of bytes (see
`seqtool.tokenizers.trie_kernels`): that of the model's words and that of the hotwords.
"""

from __future__ import annotations

from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper
from seqtool.ngrams.trie_kernels import next_state, score_word
from seqtool.tokenizers.trie_kernels import NODE_MASK, edge_slot

# What the language model is made of: ``fusion`` (see below), the trie of words and the word at each
# of its nodes, the trie of hotwords and the characters of the shortest hotword below each of its
# nodes, the model's ``nodes_of_words``, its trie (words, first_child, suffixes, probs, backoffs),
# the id of the unknown word, and one float64 of scratch. Without a model its arrays are empty.
Language = tuple[
    Floats, Ints, Ints, Ints, Ints, Ints, tuple[Ints, Ints, Ints, Floats, Floats], int, Floats
]

# Numbers of a hypothesis.
TEXT = 0  # the hash of its text
LAST = 1  # the symbol of the last frame; the blank among others
NODE = 2  # the last symbol, see `search_kernels`; -1 for none
END = 3  # the frame behind that symbol's last one
ADDED = 4  # a symbol that follows NODE, and is not yet a node itself; -1 for none
BEFORE_END = 5  # the END of NODE where a symbol is added
LETTERS = 6  # characters of the word that it is in the middle of
PLACE = 7  # that word's node in the trie of words; -1 where there is none
HOT = 8  # its node in the trie of hotwords; -1 where there is none
STATE = 9  # of the language model, behind the last complete word
HYPOTHESIS = 10

# Logarithms, natural, float64 (rows, SCORES).
LOG_PROB = 0  # of all paths
PATH = 1  # of the most probable path, which says where symbols begin and end
LANGUAGE = 2  # what complete words add
PARTIAL = 3  # what the incomplete word adds
SCORES = 4

# What scores are made of, float64 (FUSION,).
WEIGHT = 0  # of the language model, for logarithms to the base of 10
BONUS = 1  # of a word
UNKNOWN_OFFSET = 2  # added to the log10 probability of unknown words, and to such beginnings
HOT_WEIGHT = 3
EMPTY_WORD = 4  # 1 where an empty word, an unknown one, follows a space at the end
FUSION = 5
LONG_WORD = 6.0  # characters from which an unknown beginning costs more

_PRIME = (1 << 31) - 1  # products of two numbers below it stay below 2**62
_FIRST_BASE = 1103515245
_SECOND_BASE = 1597334677
SPACE = 32  # the byte that stands between words


@helper
def hash_letter(text: int, letter: int) -> int:
    """The hash of a text and one more letter: two polynomials modulo 2**31 - 1."""
    first = ((text >> 31) * _FIRST_BASE + letter + 1) % _PRIME
    second = ((text & _PRIME) * _SECOND_BASE + letter + 1) % _PRIME
    return first << 31 | second


@helper
def hash_symbol(text: int, in_word: int, letters: Ints, begin: int, end: int, breaks: int) -> int:
    """The hash of a text and one more symbol; several spaces in a row count as one."""
    if breaks and in_word:
        text = hash_letter(text, SPACE)
    for i in range(begin, end):
        text = hash_letter(text, int(letters[i]))
    return text


@helper
def walk(edges: Ints, node: int, letters: Ints, begin: int, end: int) -> int:
    """The node of a trie behind some more bytes; -1 for none."""
    for i in range(begin, end):
        if node < 0:
            break
        slot = edge_slot(edges, len(edges) - 1, node, int(letters[i]))
        node = (int(edges[slot]) & NODE_MASK) if edges[slot] != 0 else -1
    return node


@helper
def complete_word(row: Ints, scores: Floats, language: Language) -> None:
    """The word that a hypothesis is in the middle of is over; nothing happens where it is not."""
    fusion, _, word_of, _, hot_lengths, nodes_of_words, trie, unknown, spare = language
    words, first_child, suffixes, probs, backoffs = trie
    if row[LETTERS] == 0:
        return
    if len(probs) > 0:
        word = int(word_of[row[PLACE]]) if row[PLACE] >= 0 else -1
        unigram = int(nodes_of_words[word if word >= 0 else unknown])
        child = score_word(
            int(row[STATE]), unigram, words, first_child, suffixes, probs, backoffs, spare, 0
        )
        row[STATE] = next_state(child, len(backoffs), suffixes)
        found = float(spare[0]) + (0.0 if word >= 0 else float(fusion[UNKNOWN_OFFSET]))
        scores[LANGUAGE] += fusion[WEIGHT] * found + fusion[BONUS]
    if row[HOT] >= 0 and hot_lengths[row[HOT]] == row[LETTERS]:
        scores[LANGUAGE] += fusion[HOT_WEIGHT]
    scores[PARTIAL] = 0.0
    row[LETTERS] = 0
    row[PLACE] = 0
    row[HOT] = 0


@helper
def add_empty_word(row: Ints, language: Language) -> None:
    """Have a complete word followed by an empty one, if that is asked for."""
    if row[LETTERS] == 0 and language[0][EMPTY_WORD] != 0 and len(language[6][3]) > 0:
        row[LETTERS] = 1
        row[PLACE] = -1
        row[HOT] = -1


@helper
def end_score(row: Ints, end_unigram: int, language: Language) -> float:
    """What the end of the text adds behind the last complete word."""
    fusion, _, _, _, _, _, trie, _, spare = language
    words, first_child, suffixes, probs, backoffs = trie
    if len(probs) == 0:
        return 0.0
    score_word(
        int(row[STATE]), end_unigram, words, first_child, suffixes, probs, backoffs, spare, 0
    )
    return float(fusion[WEIGHT] * spare[0])


@helper
def spell(
    row: Ints, scores: Floats, letters: Ints, begin: int, end: int, count: int, language: Language
) -> None:
    """Put ``count`` characters, whose bytes are ``letters[begin:end]``, to the incomplete word.

    What it adds to the score is the share of a hotword that it begins; else, where it begins no
    word of the model, as much as an unknown word, and more if it is long.
    """
    fusion, word_edges, _, hot_edges, hot_lengths, _, trie, _, _ = language
    row[LETTERS] += count
    row[PLACE] = walk(word_edges, int(row[PLACE]), letters, begin, end)
    row[HOT] = walk(hot_edges, int(row[HOT]), letters, begin, end)
    length = float(row[LETTERS])
    scores[PARTIAL] = 0.0
    if row[HOT] >= 0 and hot_lengths[row[HOT]] > 0:
        scores[PARTIAL] = fusion[HOT_WEIGHT] * length / float(hot_lengths[row[HOT]])
    elif len(trie[3]) > 0 and row[PLACE] < 0:
        longer = length / LONG_WORD if length > LONG_WORD else 1.0
        scores[PARTIAL] = fusion[UNKNOWN_OFFSET] * longer
