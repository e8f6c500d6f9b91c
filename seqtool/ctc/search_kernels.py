"""Prefix beam search over the frames of a recording.

Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition using bi-directional
recurrent DNNs", algorithm 1; here the ways to a text that end in a blank and those that end in a
symbol are two hypotheses. What hypotheses are made of is said in `fusion_kernels`.

Symbols of hypotheses are nodes: the symbol, the node before, the symbol's first frame, and the
frame behind the last one of the symbol before.
"""

from __future__ import annotations

import math

from seqtool.ctc.fusion_kernels import (
    ADDED,
    BEFORE_END,
    EMPTY_WORD,
    END,
    HYPOTHESIS,
    LANGUAGE,
    LAST,
    LETTERS,
    LOG_PROB,
    NODE,
    PARTIAL,
    PATH,
    SCORES,
    SPACE,
    TEXT,
    Language,
    add_empty_word,
    complete_word,
    end_score,
    hash_letter,
    hash_symbol,
    spell,
)
from seqtool.decode.selection_kernels import keep_top
from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper, kernel

# Numbers of a node, int32 (nodes, NODE_SIZE).
SYMBOL = 0
PARENT = 1
FIRST = 2
PARENT_END = 3
NODE_SIZE = 4

_BLANK = 0
_LOWEST = -1e30  # less is no probability
_SLOT_BITS = 32

# The bytes of symbols (or, without texts, their ids), where those of each begin, how many
# characters each has, and whether it begins a new word.
Spelling = tuple[Ints, Ints, Ints, Ints]


@helper
def add_logs(a: float, b: float) -> float:
    """The logarithm of e^a + e^b."""
    most = a if a > b else b
    least = b if a > b else a
    return most + math.log1p(math.exp(least - most))


@helper
def find_slot(slots: Ints, stamp: int, text: int, last: int, rows: Ints) -> int:
    """The slot of a candidate, or the free one for it: that has another ``stamp``."""
    mask = len(slots) - 1
    slot = (text ^ (text >> 31) ^ (last * 0x9E3779B1)) & mask
    while slots[slot] >> _SLOT_BITS == stamp:
        place = (int(slots[slot]) & ((1 << _SLOT_BITS) - 1)) * HYPOTHESIS
        if rows[place + TEXT] == text and rows[place + LAST] == last:
            break
        slot = (slot + 1) & mask
    return slot


@helper
def set_lineage(
    row: Ints, parent: Ints, symbol: int, repeated: bool, silent: bool, frame: int
) -> None:
    """Where the symbols of a candidate are: as in its parent, and the new one, if it is heard."""
    row[NODE] = parent[NODE]
    row[END] = parent[END]
    row[ADDED] = -1
    row[BEFORE_END] = parent[END]
    if not repeated and not silent:
        row[ADDED] = symbol
    if symbol != _BLANK and not silent:
        row[END] = frame + 1


@helper
def extend(
    parent: Ints, parent_scores: Floats, symbol: int, log_prob: float, frame: int, count: int,
    rows: Ints, scores: Floats, slots: Ints, spelling: Spelling, language: Language,
) -> int:  # fmt: skip
    """Add a symbol to a hypothesis; returns how many candidates there are then."""
    letters, starts, sizes, breaks = spelling
    begin, end = int(starts[symbol]), int(starts[symbol + 1])
    repeated = symbol == _BLANK or symbol == parent[LAST]
    silent = not repeated and breaks[symbol] != 0 and begin == end and parent[LETTERS] == 0
    text = int(parent[TEXT])
    if not repeated:
        text = hash_symbol(text, int(parent[LETTERS]), letters, begin, end, int(breaks[symbol]))
    total = parent_scores[LOG_PROB] + log_prob
    path = parent_scores[PATH] + log_prob
    slot = find_slot(slots, frame + 1, text, symbol, rows)
    if slots[slot] >> _SLOT_BITS == frame + 1:
        place = int(slots[slot]) & ((1 << _SLOT_BITS) - 1)
        score = scores[place * SCORES : (place + 1) * SCORES]
        score[LOG_PROB] = add_logs(float(score[LOG_PROB]), float(total))
        if path > score[PATH]:
            row = rows[place * HYPOTHESIS : (place + 1) * HYPOTHESIS]
            score[PATH] = path
            set_lineage(row, parent, symbol, repeated, silent, frame)
        return count
    slots[slot] = (frame + 1) << _SLOT_BITS | count
    row = rows[count * HYPOTHESIS : (count + 1) * HYPOTHESIS]
    score = scores[count * SCORES : (count + 1) * SCORES]
    for i in range(HYPOTHESIS):
        row[i] = parent[i]
    for i in range(SCORES):
        score[i] = parent_scores[i]
    row[TEXT] = text
    row[LAST] = symbol
    score[LOG_PROB] = total
    score[PATH] = path
    set_lineage(row, parent, symbol, repeated, silent, frame)
    if not repeated:
        if breaks[symbol]:
            complete_word(row, score, language)
        if end > begin:
            spell(row, score, letters, begin, end, int(sizes[symbol]), language)
    return count + 1


@helper
def choose(
    count: int, width: int, prune: float, scores: Floats, chosen: Ints, totals: Floats,
    spare: Floats,
) -> int:  # fmt: skip
    """List the best candidates, at most ``width``, none far from the best; returns how many."""
    best = -math.inf
    for i in range(count):
        score = scores[i * SCORES : (i + 1) * SCORES]
        totals[i] = score[LOG_PROB] + score[LANGUAGE] + score[PARTIAL]
        best = totals[i] if totals[i] > best else best
    kept = 0
    for i in range(count):
        total = totals[i]
        if total >= best + prune:
            chosen[kept] = i
            totals[kept] = total
            kept += 1
    return keep_top(kept, width, chosen, totals, spare)


@helper
def keep(
    kept: int, chosen: Ints, rows: Ints, scores: Floats, frame: int, nodes: Ints, used: int,
    beam: Ints, beam_scores: Floats,
) -> int:  # fmt: skip
    """Candidates become the hypotheses of the next frame; returns how many nodes there are."""
    for k in range(kept):
        row = rows[chosen[k] * HYPOTHESIS : (chosen[k] + 1) * HYPOTHESIS]
        for i in range(HYPOTHESIS):
            beam[k * HYPOTHESIS + i] = row[i]
        for i in range(SCORES):
            beam_scores[k * SCORES + i] = scores[chosen[k] * SCORES + i]
        if row[ADDED] >= 0:
            node = nodes[used * NODE_SIZE : (used + 1) * NODE_SIZE]
            node[SYMBOL] = row[ADDED]
            node[PARENT] = row[NODE]
            node[FIRST] = frame
            node[PARENT_END] = row[BEFORE_END]
            beam[k * HYPOTHESIS + NODE] = used
            beam[k * HYPOTHESIS + ADDED] = -1
            used += 1
    return used


@helper
def finish(
    held: int, beam: Ints, beam_scores: Floats, stamp: int, end_unigram: int, rows: Ints,
    scores: Floats, slots: Ints, language: Language,
) -> int:  # fmt: skip
    """Texts end: hypotheses of the same text are joined; returns how many are left.

    What the language model says of joined ones is what it says of the last.
    """
    count = 0
    for k in range(held):
        row = beam[k * HYPOTHESIS : (k + 1) * HYPOTHESIS]
        score = beam_scores[k * SCORES : (k + 1) * SCORES]
        if row[LETTERS] > 0:
            row[TEXT] = hash_letter(int(row[TEXT]), SPACE)
        add_empty_word(row, language)
        complete_word(row, score, language)
        score[LANGUAGE] += end_score(row, end_unigram, language)
        row[LAST] = _BLANK
        slot = find_slot(slots, stamp, int(row[TEXT]), _BLANK, rows)
        place = count
        total = float(score[LOG_PROB])
        if slots[slot] >> _SLOT_BITS == stamp:
            place = int(slots[slot]) & ((1 << _SLOT_BITS) - 1)
            total = add_logs(float(scores[place * SCORES + LOG_PROB]), total)
            scores[place * SCORES + LOG_PROB] = total
            scores[place * SCORES + LANGUAGE] = score[LANGUAGE]
            if score[PATH] <= scores[place * SCORES + PATH]:
                continue
        else:
            slots[slot] = stamp << _SLOT_BITS | count
            count += 1
        for i in range(HYPOTHESIS):
            rows[place * HYPOTHESIS + i] = row[i]
        for i in range(SCORES):
            scores[place * SCORES + i] = score[i]
        scores[place * SCORES + LOG_PROB] = total
    return count


@helper
def sort_best(kept: int, best: int, chosen: Ints, totals: Floats) -> int:
    """Bring the best to the front, of equal ones the first; returns how many there are."""
    best = best if best < kept else kept
    for rank in range(best):
        found = rank
        for i in range(rank + 1, kept):
            found = i if totals[i] > totals[found] else found
        place, total = chosen[found], totals[found]
        for i in range(found, rank, -1):
            chosen[i] = chosen[i - 1]
            totals[i] = totals[i - 1]
        chosen[rank] = place
        totals[rank] = total
    return best


@kernel(
    "i8(f4[::1], i8, i8, i8, f8, f8, i4[::1], i8[::1], i4[::1], u1[::1], f8[::1], i8[::1], i4[::1],"
    " i8[::1], i4[::1], i4[::1], i4[::1], i4[::1], i4[::1], f4[::1], f4[::1], i8, i8, i8[::1],"
    " f8[::1], i8[::1], f8[::1], i8[::1], i8[::1], f8[::1], f8[::1], i4[::1], f8[::1])"
)
def search_frames(
    log_probs: Floats, symbols: int, width: int, best: int, prune: float, least: float,
    letters: Ints, starts: Ints, sizes: Ints, breaks: Ints, fusion: Floats, word_edges: Ints,
    word_of: Ints, hot_edges: Ints, hot_lengths: Ints, nodes_of_words: Ints, words: Ints,
    first_child: Ints, suffixes: Ints, probs: Floats, backoffs: Floats, unknown: int,
    end_unigram: int, beam: Ints, beam_scores: Floats, rows: Ints, scores: Floats, slots: Ints,
    chosen: Ints, totals: Floats, spare: Floats, nodes: Ints, final: Floats,
) -> int:  # fmt: skip
    """Search; the ``best`` hypotheses are left in ``beam``, their scores in ``final``.

    Returns how many they are. ``beam`` and ``beam_scores`` hold the empty hypothesis at first and
    have room for ``width``; ``rows``, ``scores``, ``chosen``, ``totals`` and ``spare`` have room
    for all candidates of a frame, ``slots``, a power of two, for more; they hold zeros.
    """
    spelling = (letters, starts, sizes, breaks)
    trie = (words, first_child, suffixes, probs, backoffs)
    language = (
        fusion, word_edges, word_of, hot_edges, hot_lengths, nodes_of_words, trie, unknown, spare,
    )  # fmt: skip
    frames = len(log_probs) // symbols
    held = 1
    used = 0
    for frame in range(frames):
        emitted = log_probs[frame * symbols : (frame + 1) * symbols]
        most = 0
        for symbol in range(symbols):
            most = symbol if emitted[symbol] > emitted[most] else most
        count = 0
        for symbol in range(symbols):
            log_prob = float(emitted[symbol])
            if symbol != most and not (log_prob >= least and log_prob > _LOWEST):
                continue
            for k in range(held):
                count = extend(
                    beam[k * HYPOTHESIS : (k + 1) * HYPOTHESIS],
                    beam_scores[k * SCORES : (k + 1) * SCORES], symbol, log_prob, frame, count,
                    rows, scores, slots, spelling, language,
                )  # fmt: skip
        held = choose(count, width, prune, scores, chosen, totals, spare)
        if frame + 1 == frames and fusion[EMPTY_WORD] != 0:
            held = sort_best(held, held, chosen, totals)
        used = keep(held, chosen, rows, scores, frame, nodes, used, beam, beam_scores)
    count = finish(held, beam, beam_scores, frames + 1, end_unigram, rows, scores, slots, language)
    held = choose(count, width, prune, scores, chosen, totals, spare)
    held = sort_best(held, best, chosen, totals)
    keep(held, chosen, rows, scores, frames, nodes, used, beam, beam_scores)
    for k in range(held):
        final[k] = totals[k]
    return held
