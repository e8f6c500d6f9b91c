"""Kernels that look for the words nearest to what a question asks for.

The words of many questions are few: the 19,544 questions of questions-words.txt use 905. So the
products of those words with a block of the vocabulary are made once, as one matrix product, and
what a question asks of a word is a combination of three numbers of that table.
"""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, helper, kernel

SUM = 0  # b - a + c: 3CosAdd and Euclidean distance
PRODUCT = 1  # b * c / (a + epsilon): 3CosMul

EPSILON = 1e-3  # what keeps the quotient of 3CosMul finite (Levy and Goldberg 2014)

# Columns that are looked at together: the table's rows of so many columns stay in the cache.
STEP = 256


@helper
def is_excluded(group: int, excluded: Ints, question: int) -> bool:
    """Whether a word belongs to one of the question's own words."""
    at = 3 * question
    return bool(group == excluded[at] or group == excluded[at + 1] or group == excluded[at + 2])


@helper
def any_sum_above(
    table: Floats, a: int, b: int, c: int, offsets: Floats, word: int, count: int, limit: float
) -> bool:
    """Whether any of ``count`` words scores above ``limit`` for SUM."""
    # An index that may be negative would count from the end, and that stops vectorising.
    if a < 0 or b < 0 or c < 0 or word < 0:
        return False
    better = 0
    for j in range(count):
        score = table[b + j] - table[a + j] + table[c + j] - offsets[word + j]
        better += 1 if score > limit else 0
    return better > 0


@helper
def any_product_above(
    table: Floats, a: int, b: int, c: int, epsilon: float, count: int, limit: float
) -> bool:
    """Whether any of ``count`` words scores above ``limit`` for PRODUCT."""
    if a < 0 or b < 0 or c < 0:
        return False
    better = 0
    for j in range(count):
        score = table[b + j] * table[c + j] / (table[a + j] + epsilon)
        better += 1 if score > limit else 0
    return better > 0


@helper
def insert(scores: Floats, words: Ints, base: int, top: int, score: float, word: int) -> None:
    """Put a word into the list of the best, before all that are worse, behind its equals."""
    place = base + top - 1
    while place > base and scores[place - 1] < score:
        scores[place] = scores[place - 1]
        words[place] = words[place - 1]
        place -= 1
    scores[place] = score
    words[place] = word


@kernel(
    "void(i8, f4[::1], i8, i8, f4[::1], f4, i4[::1], i4[::1], i4[::1], i8, i8, i8,"
    " f4[::1], i4[::1])"
)
def best_words(
    how: int,
    table: Floats,
    width: int,
    first: int,
    offsets: Floats,
    epsilon: float,
    groups: Ints,
    rows: Ints,
    excluded: Ints,
    begin: int,
    end: int,
    top: int,
    scores: Floats,
    words: Ints,
) -> None:
    """Update the best words of questions with those of one block of the vocabulary.

    Args:
        how: SUM or PRODUCT.
        table: (terms x width) a number for every word of a question and word of the block.
        width: how many words the block has.
        first: the number of the block's first word in the whole vocabulary.
        offsets: (vocabulary) what a word's score is lowered by; for SUM only.
        epsilon: added to the divisor of PRODUCT.
        groups: (vocabulary) words of the same group are one word, e.g. but for case.
        rows: (questions x 3) rows of ``table`` for a, b and c of a question.
        excluded: (questions x 3) groups that are no answer; -1 for none.
        begin: the first question.
        end: the question after the last.
        top: how many words are wanted.
        scores: (questions x top) best scores so far, falling; -inf where there is none.
        words: (questions x top) the numbers of these words; -1 where there is none. Of equal
            scores the first word of the vocabulary comes first.
    """
    for low in range(0, width, STEP):
        high = low + STEP if low + STEP < width else width
        count = high - low
        for question in range(begin, end):
            a = rows[3 * question] * width + low
            b = rows[3 * question + 1] * width + low
            c = rows[3 * question + 2] * width + low
            word = first + low
            base = question * top
            limit = scores[base + top - 1]
            # Very few steps hold anything better, so a loop without branches, which is fast,
            # tells whether there is anything to look at closely.
            if how == SUM:
                better = any_sum_above(table, a, b, c, offsets, word, count, limit)
            else:
                better = any_product_above(table, a, b, c, epsilon, count, limit)
            if not better:
                continue
            for j in range(count):
                if how == SUM:
                    score = table[b + j] - table[a + j] + table[c + j] - offsets[word + j]
                else:
                    score = table[b + j] * table[c + j] / (table[a + j] + epsilon)
                if score > scores[base + top - 1] and not is_excluded(
                    groups[word + j], excluded, question
                ):
                    insert(scores, words, base, top, score, word + j)
