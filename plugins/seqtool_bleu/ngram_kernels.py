"""Counting n-grams: the segment statistics of BLEU and of chrF.

An n-gram is known by the number of its first n-1 symbols (its prefix) and its last symbol, so
a pair of integers names it exactly, and order n grows out of order n-1 in one pass. Only
n-grams of the references get a number; a hypothesis position whose prefix is unknown is dead.

Workspace of all kernels here, made by `seqtool_bleu.workspace`:
``arena`` and ``scratch`` (code points of tokenized lines), ``symbols`` (word ids or code points
of a segment's lines one after another), ``bounds`` (where each of them begins), ``prefixes``
(an n-gram's number for each symbol), ``words`` and ``grams`` (hash tables), ``counts`` (three
numbers an n-gram: most often in one reference, in the present one, in the hypothesis).
"""

from __future__ import annotations

from seqtool.kernels import Floats, Ints, helper, kernel
from seqtool.words.mteval_kernels import is_ascii_symbol, is_stop
from seqtool_bleu.text_kernels import (
    clear_table,
    intern_words,
    is_space,
    keep_characters,
    segment_words,
    stripped_end,
)

_ROOT = 0  # the prefix of a single symbol
_DEAD = -1
_APOSTROPHE = 39
_DASH = 45
_SPACE = 32


@helper
def find_gram(grams: Ints, mask: int, prefix: int, symbol: int) -> int:
    """The slot of an n-gram (slot: `gram_key`, number): the one it has, or a free one for it."""
    key = gram_key(prefix, symbol)
    # Both factors stay below 2**31: a product that overflows is undefined in compiled code.
    hashed = (prefix * 0x1E3779B1) ^ (symbol * 0x2545F491)
    slot = (hashed ^ (hashed >> 23)) & mask
    while grams[2 * slot] != 0 and grams[2 * slot] != key:
        slot = (slot + 1) & mask
    return slot


@helper
def gram_key(prefix: int, symbol: int) -> int:
    """One number, not 0, for a prefix and the symbol behind it."""
    return ((prefix << 32) | symbol) + 1


@helper
def number_grams(
    symbols: Ints,
    begin: int,
    end: int,
    n: int,
    prefixes: Ints,
    grams: Ints,
    mask: int,
    counts: Ints,
) -> None:
    """Number the n-grams of a reference whose (n-1)-grams are in ``prefixes``, and count them.

    ``counts`` keeps for each the most that any one reference has.
    """
    last = 2 * mask + 2
    for i in range(begin, end - n + 1):
        prefix = _ROOT if n == 1 else prefixes[i]
        slot = find_gram(grams, mask, prefix, symbols[i + n - 1])
        if grams[2 * slot] == 0:
            grams[last] += 1
            number = grams[last]
            grams[2 * slot] = gram_key(prefix, symbols[i + n - 1])
            grams[2 * slot + 1] = number
            counts[3 * number] = 0
            counts[3 * number + 1] = 0
            counts[3 * number + 2] = 0
        number = grams[2 * slot + 1]
        prefixes[i] = number
        counts[3 * number + 1] += 1
    for i in range(begin, end - n + 1):
        number = prefixes[i]
        if counts[3 * number + 1] > counts[3 * number]:
            counts[3 * number] = counts[3 * number + 1]
        counts[3 * number + 1] = 0


@helper
def match_grams(
    symbols: Ints,
    begin: int,
    end: int,
    n: int,
    prefixes: Ints,
    grams: Ints,
    mask: int,
    counts: Ints,
) -> int:
    """How many n-grams of the hypothesis the references have, none more often than they do."""
    matches = 0
    for i in range(begin, end - n + 1):
        prefix = _ROOT if n == 1 else prefixes[i]
        symbol = symbols[i + n - 1]
        if prefix == _DEAD or symbol < 0:
            prefixes[i] = _DEAD
            continue
        slot = find_gram(grams, mask, prefix, symbol)
        if grams[2 * slot] == 0:
            prefixes[i] = _DEAD
            continue
        number = grams[2 * slot + 1]
        prefixes[i] = number
        if counts[3 * number + 2] < counts[3 * number]:
            counts[3 * number + 2] += 1
            matches += 1
    return matches


@helper
def positive(x: int) -> int:
    """``max(x, 0)``, which would keep a loop from vectorising."""
    return x if x > 0 else 0


@helper
def closest_length(
    bounds: Ints, references: int, hyp_length: int, present: Ints, segment: int, segments: int
) -> int:
    """The length of the reference closest to the hypothesis, the shorter one of two as close."""
    best = -1
    for r in range(references):
        if present[r * segments + segment] == 0:
            continue
        length = bounds[r + 1] - bounds[r]
        difference = abs(length - hyp_length)
        if best < 0 or difference < abs(best - hyp_length):
            best = length
        elif difference == abs(best - hyp_length) and length < best:
            best = length
    return best


@kernel(
    "void(u4[::1], i8[::1], i8, i8, i8, u1[::1], i8, i8, i8, u1[::1], i8, u4[::1], u4[::1],"
    " i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], f8[::1])"
)
def bleu_columns(
    text: Ints,
    starts: Ints,
    segments: int,
    references: int,
    system: int,
    present: Ints,
    first: int,
    last: int,
    tokenizer: int,
    classes: Ints,
    max_order: int,
    arena: Ints,
    scratch: Ints,
    words: Ints,
    symbols: Ints,
    bounds: Ints,
    prefixes: Ints,
    grams: Ints,
    counts: Ints,
    rows: Floats,
) -> None:
    """BLEU's statistics of segments ``first`` to ``last``, a row of ``rows`` each.

    A row is hypothesis length, closest reference length, ``max_order`` counts of matches
    (clipped to the most that one reference has: Papineni et al. 2002, section 2.1) and as many
    counts of all n-grams. See `segment_words` for how ``text`` holds the files.
    """
    columns = 2 + 2 * max_order
    for segment in range(first, last):
        segment_words(
            text, starts, segments, segment, references, system, present, tokenizer,
            classes, arena, scratch, words, symbols, bounds,
        )  # fmt: skip
        begin = bounds[references]
        end = bounds[references + 1]
        row = segment * columns
        rows[row] = end - begin
        rows[row + 1] = closest_length(bounds, references, end - begin, present, segment, segments)
        mask = clear_table(grams, max_order * begin)
        for n in range(1, max_order + 1):
            for r in range(references):
                number_grams(symbols, bounds[r], bounds[r + 1], n, prefixes, grams, mask, counts)
            rows[row + 1 + n] = match_grams(symbols, begin, end, n, prefixes, grams, mask, counts)
            rows[row + 1 + max_order + n] = positive(end - begin - n + 1)


@helper
def keep_line(text: Ints, begin: int, end: int, symbols: Ints, at: int) -> int:
    """Write all code points of a line, without the white space at its end."""
    for i in range(begin, stripped_end(text, begin, end)):
        symbols[at] = text[i]
        at += 1
    return at


@helper
def is_ascii_punctuation(c: int) -> bool:
    """Whether chrF++ takes the character for punctuation."""
    return is_ascii_symbol(c) or is_stop(c) or c == _APOSTROPHE or c == _DASH


@helper
def put_slice(source: Ints, begin: int, end: int, target: Ints, at: int) -> int:
    """Copy a piece of text and a space behind it."""
    for i in range(begin, end):
        target[at] = source[i]
        at += 1
    target[at] = _SPACE
    return at + 1


@helper
def detach_punctuation(text: Ints, begin: int, end: int, arena: Ints, at: int) -> int:
    """Copy a line with one punctuation mark set apart from each word, at its end or its start.

    As in Popovic's chrF++: the mark at the end if there is one, else the one at the start.
    """
    i = begin
    while i < end:
        if is_space(text[i]):
            i += 1
            continue
        start = i
        while i < end and not is_space(text[i]):
            i += 1
        if i - start > 1 and is_ascii_punctuation(text[i - 1]):
            at = put_slice(text, start, i - 1, arena, at)
            at = put_slice(text, i - 1, i, arena, at)
        elif i - start > 1 and is_ascii_punctuation(text[start]):
            at = put_slice(text, start, start + 1, arena, at)
            at = put_slice(text, start + 1, i, arena, at)
        else:
            at = put_slice(text, start, i, arena, at)
    return at


@helper
def count_orders(
    symbols: Ints,
    ref_end: int,
    hyp_begin: int,
    hyp_end: int,
    max_order: int,
    prefixes: Ints,
    grams: Ints,
    counts: Ints,
    rows: Floats,
    row: int,
) -> None:
    """chrF's three numbers an order: n-grams of the hypothesis, of the reference, in both.

    The hypothesis counts as empty at an order of which the reference has no n-gram.
    """
    mask = clear_table(grams, max_order * ref_end)
    for n in range(1, max_order + 1):
        number_grams(symbols, 0, ref_end, n, prefixes, grams, mask, counts)
        in_reference = positive(ref_end - n + 1)
        in_hypothesis = positive(hyp_end - hyp_begin - n + 1)
        rows[row] = in_hypothesis if in_reference > 0 else 0
        rows[row + 1] = in_reference
        rows[row + 2] = match_grams(symbols, hyp_begin, hyp_end, n, prefixes, grams, mask, counts)
        row += 3


@helper
def f_score(rows: Floats, row: int, orders: int, beta: float, smooth: int) -> float:
    """chrF of one row (Popovic 2015, section 2), from 0 to 1.

    With ``smooth`` 1 every order counts and an order without n-grams has precision and recall
    1e-16; else precision and recall are averaged over the orders that both sides have.
    """
    epsilon = 1e-16
    factor = beta * beta
    score = 0.0
    precision_sum = 0.0
    recall_sum = 0.0
    effective = 0
    for order in range(orders):
        hyp = rows[row + 3 * order]
        ref = rows[row + 3 * order + 1]
        match = rows[row + 3 * order + 2]
        precision = match / hyp if hyp > 0 else epsilon
        recall = match / ref if ref > 0 else epsilon
        denominator = factor * precision + recall
        if denominator > 0:
            score += (1 + factor) * precision * recall / denominator
        else:
            score += epsilon
        if hyp > 0 and ref > 0:
            precision_sum += precision
            recall_sum += recall
            effective += 1
    if smooth == 1:
        return score / orders
    if effective == 0:
        return 0.0
    precision = precision_sum / effective
    recall = recall_sum / effective
    if precision + recall == 0:
        return 0.0
    return (1 + factor) * precision * recall / (factor * precision + recall)


@kernel(
    "void(u4[::1], i8[::1], i8, i8, i8, u1[::1], i8, i8, i8, i8, f8, i8, i8, u4[::1],"
    " i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], f8[::1], f8[::1])"
)
def chrf_columns(
    text: Ints,
    starts: Ints,
    segments: int,
    references: int,
    system: int,
    present: Ints,
    first: int,
    last: int,
    char_order: int,
    word_order: int,
    beta: float,
    whitespace: int,
    smooth: int,
    arena: Ints,
    words: Ints,
    symbols: Ints,
    prefixes: Ints,
    grams: Ints,
    counts: Ints,
    candidate: Floats,
    rows: Floats,
) -> None:
    """chrF's statistics of segments ``first`` to ``last``, a row of ``rows`` each.

    A row is three numbers an order (see `count_orders`), characters first, then words, for the
    reference with the best score. ``candidate`` has room for one row. See
    `seqtool_bleu.text_kernels.segment_words` for how ``text`` holds the files.
    """
    orders = char_order + word_order
    for segment in range(first, last):
        row = segment * 3 * orders
        best = -1.0
        hyp_line = system * segments + segment
        hyp_start = starts[hyp_line]
        hyp_stop = starts[hyp_line + 1] - 1
        for r in range(references):
            line = r * segments + segment
            if present[line] == 0:
                continue
            begin = starts[line]
            stop = starts[line + 1] - 1
            if whitespace == 1:
                ref_end = keep_line(text, begin, stop, symbols, 0)
                hyp_end = keep_line(text, hyp_start, hyp_stop, symbols, ref_end)
            else:
                ref_end = keep_characters(text, begin, stop, symbols, 0)
                hyp_end = keep_characters(text, hyp_start, hyp_stop, symbols, ref_end)
            count_orders(
                symbols, ref_end, ref_end, hyp_end, char_order, prefixes, grams, counts,
                candidate, 0,
            )  # fmt: skip
            if word_order > 0:
                mask = clear_table(words, stop - begin + 1)
                arena_ref = detach_punctuation(text, begin, stop, arena, 0)
                arena_end = detach_punctuation(text, hyp_start, hyp_stop, arena, arena_ref)
                ref_end = intern_words(arena, 0, arena_ref, 1, words, mask, symbols, 0)
                hyp_end = intern_words(
                    arena, arena_ref, arena_end, 0, words, mask, symbols, ref_end
                )
                count_orders(
                    symbols, ref_end, ref_end, hyp_end, word_order, prefixes, grams, counts,
                    candidate, 3 * char_order,
                )  # fmt: skip
            score = f_score(candidate, 0, orders, beta, smooth)
            if score > best:
                best = score
                for k in range(3 * orders):
                    rows[row + k] = candidate[k]
