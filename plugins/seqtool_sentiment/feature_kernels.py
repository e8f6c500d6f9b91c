"""Kernels that turn texts into the numbers of their features: words, n-grams of words, of letters.

Texts are lines of lower-case UTF-8, each ending in a newline. A feature is a row of the model's
table: the rows of known words come first, then ``buckets`` rows that n-grams are hashed into
(Joulin et al. 2016, "Bag of tricks for efficient text classification", section 2.2).
"""

from __future__ import annotations

import numpy as np

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool.tokenizers.uax29_kernels import next_segment
from seqtool.tokenizers.utf8_kernels import SIZE_BITS, character, is_follower
from seqtool.words.table_kernels import FIRST_HASH, NUMBER_MASK, add_word, find_word, hash_step

SPACE = 128  # bit of the table of classes: white space
NEWLINE = 10
LONGEST_NGRAM = 8  # words

# What ``plan`` holds.
NGRAMS, BUCKETS, MIN_LETTERS, MAX_LETTERS, N_WORDS = range(5)
PLAN_SIZE = 5
# What ``scratch`` holds: a word's place, where to go on, and the hashes of the last words.
BEGIN, END, NEXT, HASHES = range(4)
SCRATCH_SIZE = HASHES + LONGEST_NGRAM

_APOSTROPHE = 39
_LETTER_N = 110
_LETTER_T = 116
_LOW_32_BITS = 0xFFFFFFFF
_MULTIPLIER = 0x5BD1E995  # below 2**31, so that no product leaves 63 bits


@helper
def next_word(text: bytes | Ints, at: int, end: int, classes: Ints, scratch: Ints) -> bool:
    """Find the next word at or behind ``at``; False if there is none before ``end``.

    Words are the segments of UAX 29 that are no white space, so a punctuation mark is a word.
    Apostrophes divide and vanish (it's: it s), but n't is a word of its own (didn't: did n't).
    """
    while at < end:
        byte = int(text[at])
        if byte == _APOSTROPHE or byte == 32:
            at += 1
            continue
        behind = next_segment(text, at, end, classes)
        if int(classes[character(text, at, end) >> SIZE_BITS]) & SPACE:
            at = behind
            continue
        scratch[BEGIN] = at
        scratch[END] = behind
        scratch[NEXT] = behind
        for i in range(at + 1, behind):
            if text[i] != _APOSTROPHE:
                continue
            if text[i - 1] == _LETTER_N and i + 2 == behind and text[i + 1] == _LETTER_T:
                if i - 1 > at:
                    scratch[END] = i - 1
                    scratch[NEXT] = i - 1
            else:
                scratch[END] = i
                scratch[NEXT] = i + 1
            break
        return True
    return False


@helper
def hash_word(text: bytes | Ints, begin: int, end: int) -> int:
    """The hash that `seqtool.words.table_kernels` knows a word by."""
    hashed = FIRST_HASH
    for i in range(begin, end):
        hashed = hash_step(hashed, text[i])
    return hashed


@helper
def bucket_of(hashed: int, buckets: int) -> int:
    """Where a hash of 32 bits belongs among 2**k buckets."""
    return (hashed ^ (hashed >> 15)) & (buckets - 1)


@helper
def line_end(text: bytes | Ints, at: int) -> int:
    """Where the newline of the line at ``at`` stands."""
    while text[at] != NEWLINE:
        at += 1
    return at


@helper
def add_letter_ngrams(
    text: bytes | Ints, begin: int, end: int, plan: Ints, count: int, ids: Ints
) -> int:
    """Append the n-grams of letters of a word, its ends marked as < and >, from ``count`` on."""
    first = plan[N_WORDS]
    for start in range(begin - 1, end):
        if start >= begin and is_follower(text[start]):
            continue
        hashed = FIRST_HASH
        letters = 0
        at = start
        while at <= end and letters < plan[MAX_LETTERS]:
            if at < begin:
                hashed = hash_step(hashed, 60)
                at += 1
            elif at == end:
                hashed = hash_step(hashed, 62)
                at += 1
            else:
                hashed = hash_step(hashed, text[at])
                at += 1
                while at < end and is_follower(text[at]):
                    hashed = hash_step(hashed, text[at])
                    at += 1
            letters += 1
            is_mark_or_all = start < begin and (letters == 1 or at > end)
            if letters >= plan[MIN_LETTERS] and not is_mark_or_all:
                ids[count] = first + bucket_of(hashed, plan[BUCKETS])
                count += 1
    return count


@helper
def add_word_ngrams(scratch: Ints, words: int, plan: Ints, count: int, ids: Ints) -> int:
    """Append the n-grams of words that end with word ``words`` of a text, counted from 1."""
    longest = plan[NGRAMS] if plan[NGRAMS] < words else words
    hashed = scratch[HASHES + (words - 1) % LONGEST_NGRAM]
    for n in range(1, longest):
        other = scratch[HASHES + (words - 1 - n) % LONGEST_NGRAM]
        hashed = (hashed * _MULTIPLIER + other) & _LOW_32_BITS
        ids[count] = plan[N_WORDS] + bucket_of(hashed, plan[BUCKETS])
        count += 1
    return count


@helper
def text_features(
    text: bytes | Ints,
    at: int,
    end: int,
    classes: Ints,
    arena: Ints,
    starts: Ints,
    slots: Ints,
    mask: int,
    plan: Ints,
    scratch: Ints,
    count: int,
    ids: Ints,
) -> int:
    """Append the features of the text at ``at`` to ``end`` to ``ids``; returns the new count."""
    words = 0
    while next_word(text, at, end, classes, scratch):
        begin, behind, at = scratch[BEGIN], scratch[END], scratch[NEXT]
        hashed = hash_word(text, begin, behind)
        scratch[HASHES + words % LONGEST_NGRAM] = hashed
        words += 1
        entry = slots[find_word(text, begin, behind, hashed, arena, starts, slots, mask)]
        if entry != 0:
            ids[count] = (entry & NUMBER_MASK) - 1
            count += 1
        count = add_word_ngrams(scratch, words, plan, count, ids)
        if plan[MAX_LETTERS] > 0:
            count = add_letter_ngrams(text, begin, behind, plan, count, ids)
    return count


@kernel("i8(u1[::1], i8, u1[::1], u1[::1], i8[::1], i8[::1], i8[::1], i8, i8[::1], i8[::1])")
def count_words(
    text: bytes | Ints,
    at: int,
    classes: Ints,
    arena: Ints,
    starts: Ints,
    counts: Ints,
    slots: Ints,
    mask: int,
    state: Ints,
    scratch: Ints,
) -> int:
    """Count the words of texts from ``at`` on; see `seqtool.words.table.WordTable.count_with`."""
    size = len(text)
    while next_word(text, at, size, classes, scratch):
        begin, end = scratch[BEGIN], scratch[END]
        hashed = hash_word(text, begin, end)
        if not add_word(
            text, begin, end, hashed, 1, arena, starts, counts, slots, mask, state
        ):  # fmt: skip
            return int(begin)
        at = scratch[NEXT]
    return size


@kernel("i8(u1[::1], u1[::1], u1[::1], i8[::1], i8[::1], i8, i8[::1], i8[::1], i4[::1], i8[::1])")
def encode_texts(
    text: bytes | Ints,
    classes: Ints,
    arena: Ints,
    starts: Ints,
    slots: Ints,
    mask: int,
    plan: Ints,
    scratch: Ints,
    ids: Ints,
    ends: Ints,
) -> int:
    """Write the features of all texts to ``ids``, and to ``ends`` where those of each end."""
    at = 0
    count = 0
    number = 0
    while at < len(text):
        end = line_end(text, at)
        count = text_features(
            text, at, end, classes, arena, starts, slots, mask, plan, scratch, count, ids
        )
        ends[number] = count
        number += 1
        at = end + 1
    return count


@helper
def score_features(
    ids: Ints,
    begin: int,
    end: int,
    table: Floats,
    weights: Floats,
    width: int,
    labels: int,
    hidden: Floats,
    scores: Floats,
    first: int,
) -> None:
    """Write a text's scores to ``scores[first:first + labels]``; see `score_texts`."""
    for d in range(width):
        hidden[d] = 0
    for i in range(begin, end):
        row = ids[i] * width
        for d in range(width):
            hidden[d] += table[row + d]
    for label in range(labels):
        row = label * (width + 1)
        total = np.float32(0)
        for d in range(width):
            total += hidden[d] * weights[row + d]
        if end > begin:
            total /= np.float32(end - begin)
        scores[first + label] = total + weights[row + width]


@kernel(
    "void(u1[::1], u1[::1], u1[::1], i8[::1], i8[::1], i8, i8[::1], i8[::1], i4[::1], "
    "f4[::1], f4[::1], i8, i8, f4[::1], f4[::1])",
    relaxed=True,
)
def score_texts(
    text: bytes | Ints,
    classes: Ints,
    arena: Ints,
    starts: Ints,
    slots: Ints,
    mask: int,
    plan: Ints,
    scratch: Ints,
    ids: Ints,
    table: Floats,
    weights: Floats,
    width: int,
    labels: int,
    hidden: Floats,
    scores: Floats,
) -> None:
    """Score every label for every text: the mean of the features' rows, times the weights.

    ``table`` (features, width); ``weights`` (labels, width + 1), the last of a row being the
    bias; ``scores`` (texts, labels). Scratch: ``hidden`` (width,), and ``ids`` with room for the
    features of any one text.
    """
    at = 0
    first = 0
    while at < len(text):
        end = line_end(text, at)
        count = text_features(
            text, at, end, classes, arena, starts, slots, mask, plan, scratch, 0, ids
        )
        score_features(ids, 0, count, table, weights, width, labels, hidden, scores, first)
        first += labels
        at = end + 1


@kernel(
    "void(i4[::1], i8[::1], f4[::1], f4[::1], i8, i8, f4[::1], f4[::1])",
    relaxed=True,
)
def score_encoded(
    ids: Ints,
    starts: Ints,
    table: Floats,
    weights: Floats,
    width: int,
    labels: int,
    hidden: Floats,
    scores: Floats,
) -> None:
    """`score_texts` for texts whose features are known: those of text i begin at ``starts[i]``."""
    for text in range(len(starts) - 1):
        score_features(
            ids, starts[text], starts[text + 1], table, weights, width, labels, hidden, scores,
            text * labels,
        )  # fmt: skip
