"""Attention over a sequence of vectors, and its gradients.

For a query q, and keys k_s and values m_s at the positions s of a source:

    e_s = q . k_s                              multiplicative (Luong et al. 2015, section 3.1), or
    e_s = v . tanh(q + k_s [+ w c_s])          additive (Bahdanau et al. 2015, appendix A.1.2)
    a   = softmax over s of e                  weights
    z   = sum over s of a_s m_s                context

where c_s is the attention that position s has had before (coverage, Tu et al. 2016, section 3.1.1).
Arrays are (time, rows, ...) and (source, owners, ...): row r looks at the source ``owners[r]``.
Steps behind a row's end, and positions behind a source's end, get no weight.
"""

from __future__ import annotations

from typing import Any

from seqtool.kernels import Ints, helper, kernel
from seqtool.kernels.elementary import exp, tanh
from seqtool.nn.gate_kernels import ONE, ZERO, Row, clear_row


@helper
def dot(left: Row, right: Row) -> Any:
    """The product of two vectors."""
    total = ZERO
    for j in range(len(left)):
        total += left[j] * right[j]
    return total


@helper
def add_times(factor: Any, source: Row, target: Row) -> None:
    """target += factor * source."""
    for j in range(len(target)):
        target[j] += factor * source[j]


@helper
def squash(query: Row, key: Row, seen: Any, cover: Row, out: Row) -> None:
    """out = tanh(query + key [+ seen * cover])."""
    for j in range(len(out)):
        out[j] = query[j] + key[j]
    if len(cover) > 0:
        add_times(seen, cover, out)
    for j in range(len(out)):
        out[j] = tanh(out[j])


@helper
def softmax_row(values: Row) -> None:
    """Values become their softmax; there is at least one."""
    most = values[0]
    for s in range(len(values)):
        most = values[s] if values[s] > most else most
    total = ZERO
    for s in range(len(values)):
        values[s] = exp(values[s] - most)
        total += values[s]
    for s in range(len(values)):
        values[s] = values[s] / total


@kernel(
    "void(f4[::1], f4[::1], f4[::1], i8, i8, f4[::1], f4[::1], f4[::1], i8[::1], i8[::1], i8[::1],"
    " i8, i8, i8, i8, f4[::1], f4[::1], f4[::1])",
    relaxed=True,
)
def attend(
    queries: Row, keys: Row, values: Row, key_size: int, value_size: int, score: Row, cover: Row,
    seen: Row, owners: Ints, source_lengths: Ints, lengths: Ints, time: int, rows: int,
    source_time: int, owner_count: int, weights: Row, contexts: Row, scratch: Row,
) -> None:  # fmt: skip
    """Weights and contexts of all steps.

    ``queries`` (time, rows, key_size); ``keys`` (source_time, owner_count, key_size); ``values``
    (source_time, owner_count, value_size). ``score``: v (key_size), or empty for multiplicative
    attention. ``cover``: w (key_size), or empty. ``seen`` (time + 1, rows, source_time): c, of
    which the first step is given; empty without ``cover``. ``weights`` (time, rows, source_time)
    and ``contexts`` (time, rows, value_size) are filled in. ``scratch`` (key_size).
    """
    additive = len(score) > 0
    for place in range(time * rows):
        row = place % rows
        mine = weights[place * source_time : (place + 1) * source_time]
        context = contexts[place * value_size : (place + 1) * value_size]
        clear_row(mine)
        clear_row(context)
        if place // rows < lengths[row]:
            owner = owners[row]
            count = source_lengths[owner]
            query = queries[place * key_size : (place + 1) * key_size]
            for s in range(count):
                at = (s * owner_count + owner) * key_size
                key = keys[at : at + key_size]
                if additive:
                    c = seen[place * source_time + s] if len(cover) > 0 else ZERO
                    squash(query, key, c, cover, scratch)
                    mine[s] = dot(score, scratch)
                else:
                    mine[s] = dot(query, key)
            softmax_row(mine[:count])
            for s in range(count):
                at = (s * owner_count + owner) * value_size
                add_times(mine[s], values[at : at + value_size], context)
        if len(cover) > 0:
            before = seen[place * source_time : (place + 1) * source_time]
            after = seen[(place + rows) * source_time : (place + rows + 1) * source_time]
            for s in range(source_time):
                after[s] = before[s] + mine[s]


@helper
def score_gradients(
    query: Row, key: Row, c: Any, slope: Any, score: Row, cover: Row, scratch: Row,
    grad_query: Row, grad_key: Row, grad_score: Row, grad_cover: Row,
) -> Any:  # fmt: skip
    """Add the gradients of one additive score; returns that of c."""
    squash(query, key, c, cover, scratch)
    add_times(slope, scratch, grad_score)
    for j in range(len(scratch)):
        scratch[j] = slope * score[j] * (ONE - scratch[j] * scratch[j])
    add_times(ONE, scratch, grad_query)
    add_times(ONE, scratch, grad_key)
    if len(cover) == 0:
        return ZERO
    add_times(c, scratch, grad_cover)
    return dot(cover, scratch)


@kernel(
    "void(f4[::1], f4[::1], f4[::1], i8, i8, f4[::1], f4[::1], f4[::1], i8[::1], i8[::1], i8[::1],"
    " i8, i8, i8, i8, f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1],"
    " f4[::1])",
    relaxed=True,
)
def attend_back(
    queries: Row, keys: Row, values: Row, key_size: int, value_size: int, score: Row, cover: Row,
    seen: Row, owners: Ints, source_lengths: Ints, lengths: Ints, time: int, rows: int,
    source_time: int, owner_count: int, weights: Row, grad_contexts: Row, scratch: Row,
    grad_queries: Row, grad_scores: Row, grad_keys: Row, grad_score: Row, grad_cover: Row,
    grad_seen: Row,
) -> None:  # fmt: skip
    """The way back; arguments up to ``weights`` are those of `attend`.

    ``grad_contexts`` (time, rows, value_size). ``grad_queries`` (time, rows, key_size) and
    ``grad_scores`` (time, rows, source_time), of e, are filled in; for additive attention the
    gradients of keys, v and w are added to. ``grad_seen`` (rows, source_time), empty without
    ``cover``: in, the gradient of c behind the last step; out, before the first. ``scratch``
    (key_size).
    """
    additive, covers = len(score) > 0, len(cover) > 0
    for step in range(time * rows):
        place = time * rows - 1 - step
        row = place % rows
        grad_query = grad_queries[place * key_size : (place + 1) * key_size]
        clear_row(grad_query)
        if place // rows >= lengths[row]:
            continue
        owner = owners[row]
        count = source_lengths[owner]
        mine = weights[place * source_time : place * source_time + count]
        slopes = grad_scores[place * source_time : place * source_time + count]
        context = grad_contexts[place * value_size : (place + 1) * value_size]
        query = queries[place * key_size : (place + 1) * key_size]
        mean = ZERO
        for s in range(count):
            at = (s * owner_count + owner) * value_size
            slope = dot(context, values[at : at + value_size])
            if covers:
                slope += grad_seen[row * source_time + s]
            slopes[s] = slope
            mean += mine[s] * slope
        for s in range(count):
            at = (s * owner_count + owner) * key_size
            key = keys[at : at + key_size]
            slope = mine[s] * (slopes[s] - mean)
            slopes[s] = slope
            if additive:
                grad_key = grad_keys[at : at + key_size]
                c = seen[place * source_time + s] if covers else ZERO
                grad_c = score_gradients(
                    query, key, c, slope, score, cover, scratch, grad_query, grad_key, grad_score,
                    grad_cover,
                )  # fmt: skip
                if covers:
                    grad_seen[row * source_time + s] += grad_c
            else:
                add_times(slope, key, grad_query)


@kernel(
    "void(f4[::1], f4[::1], i8, i8[::1], i8[::1], i8[::1], i8, i8, i8, i8, f4[::1])", relaxed=True
)
def gather_gradients(
    shares: Row, vectors: Row, size: int, owners: Ints, source_lengths: Ints, lengths: Ints,
    time: int, rows: int, source_time: int, owner_count: int, gradients: Row,
) -> None:  # fmt: skip
    """Add to the gradient of every position what it has from all steps, the last one first.

    That of a value is the sum of its weights times the gradients of the contexts, that of a key
    (multiplicative attention) the sum of its scores' gradients times the queries: ``shares``
    (time, rows, source_time) times ``vectors`` (time, rows, size). After the sweep, not in it:
    what is added to then stays in the nearest cache.
    """
    for row in range(rows):
        owner = owners[row]
        for s in range(source_lengths[owner]):
            at = (s * owner_count + owner) * size
            gradient = gradients[at : at + size]
            for step in range(lengths[row]):
                place = (lengths[row] - 1 - step) * rows + row
                vector = vectors[place * size : (place + 1) * size]
                add_times(shares[place * source_time + s], vector, gradient)


@kernel("void(f4[::1], f4[::1], f4[::1])")
def squash_outputs(values: Row, mask: Row, outputs: Row) -> None:
    """values = tanh(values); outputs = values * mask, or values without a mask."""
    for j in range(len(values)):
        values[j] = tanh(values[j])
    if len(mask) > 0:
        for j in range(len(values)):
            outputs[j] = values[j] * mask[j]
    else:
        for j in range(len(values)):
            outputs[j] = values[j]


@kernel("void(f4[::1], f4[::1], f4[::1])")
def squash_outputs_back(grad: Row, mask: Row, values: Row) -> None:
    """values = grad [* mask] * (1 - values^2), the way back through `squash_outputs`."""
    if len(mask) > 0:
        for j in range(len(values)):
            values[j] = grad[j] * mask[j] * (ONE - values[j] * values[j])
    else:
        for j in range(len(values)):
            values[j] = grad[j] * (ONE - values[j] * values[j])
