"""Helpers of kernels: the highest of many numbers in linear time, without sorting them all."""

from __future__ import annotations

from seqtool.decode.softmax_kernels import LOWEST, lane_maxima, total
from seqtool.decode.types import Floats, Ints
from seqtool.kernels import helper

_CHUNK = 64  # numbers that are looked at together


@helper
def measure(x: Floats, begin: int, end: int, by_count: bool) -> float:
    """How many numbers there are, or their sum."""
    return float(end - begin) if by_count else total(x[begin:end], end - begin)


@helper
def middle_of(a: float, b: float, c: float) -> float:
    """The middle one of three numbers."""
    low = a if a < b else b
    high = b if a < b else a
    other = high if high < c else c
    return low if low > other else other


@helper
def partition(x: Floats, begin: int, end: int, pivot: float, with_equal: bool) -> int:
    """Bring numbers above (or equal to) the pivot to the front; returns where the others begin.

    There is no branch in the loop: in random numbers half of its guesses would be wrong.
    """
    place = begin
    for i in range(begin, end):
        value = x[i]
        x[i] = x[place]
        x[place] = value
        if with_equal:
            place += 1 if value >= pivot else 0
        else:
            place += 1 if value > pivot else 0
    return place


@helper
def cut_value(x: Floats, count: int, limit: float, by_count: bool) -> float:
    """The number at which the highest numbers reach ``limit``; ``x`` is put in another order.

    It is the highest v such that there are at least ``limit`` numbers >= v (``by_count``), or
    that these add up to at least ``limit``; the lowest number if all together do not. This is
    Hoare's selection (1961, "Algorithm 65: find").
    """
    low = 0
    high = count
    above = 0.0
    while high - low > 1:
        pivot = middle_of(x[low], x[(low + high) // 2], x[high - 1])
        higher = partition(x, low, high, pivot, False)
        reached = above + measure(x, low, higher, by_count)
        if limit <= reached:
            high = higher
            continue
        equal = partition(x, higher, high, pivot, True)
        above = reached + measure(x, higher, equal, by_count)
        if limit <= above or equal == high:
            return pivot
        low = equal
    return float(x[low])


@helper
def lanes_for(top: int) -> int:
    """How many lanes to deal logits to, of which the ``top`` best are wanted."""
    return 4 * top if top > _CHUNK else 4 * _CHUNK


@helper
def top_threshold(logits: Floats, count: int, top: int, scratch: Floats) -> float:
    """A number that at least ``top`` logits reach, and hardly more if they are in random order.

    The logits are dealt to lanes. The ``top`` best lanes hold as many logits that are not below
    the worst of these lanes' maxima. ``scratch`` has room for ``count`` numbers.
    """
    lanes = lanes_for(top)
    if 4 * lanes > count:
        return LOWEST
    lane_maxima(logits, count, lanes, scratch)
    found = cut_value(scratch, lanes, float(top), True)
    return found if found > LOWEST else LOWEST


@helper
def gather(logits: Floats, count: int, threshold: float, ids: Ints, values: Floats) -> int:
    """List the ids, rising, and logits that are not below ``threshold``; returns how many."""
    found = 0
    for begin in range(0, count, _CHUNK):
        size = _CHUNK if begin + _CHUNK < count else count - begin
        hits = 0
        for i in range(size):
            hits += 1 if logits[begin + i] >= threshold else 0
        if hits == size:
            for i in range(size):
                ids[found + i] = begin + i
                values[found + i] = logits[begin + i]
            found += size
        elif hits > 0:
            for i in range(begin, begin + size):
                ids[found] = i
                values[found] = logits[i]
                found += 1 if logits[i] >= threshold else 0
    return found


@helper
def gather_lanes(
    logits: Floats, maxima: Floats, lanes: int, threshold: float, most: int, ids: Ints,
    values: Floats,
) -> int:  # fmt: skip
    """As `gather`, but looks only at lanes whose maximum is not below ``threshold``.

    Returns -1 if there are more than ``most``, which is small: they are sorted by insertion.
    """
    found = 0
    for lane in range(lanes):
        if maxima[lane] < threshold:
            continue
        for i in range(lane, len(logits), lanes):
            if not logits[i] >= threshold:
                continue
            if found == most:
                return -1
            place = found
            while place > 0 and ids[place - 1] > i:
                ids[place] = ids[place - 1]
                values[place] = values[place - 1]
                place -= 1
            ids[place] = i
            values[place] = logits[i]
            found += 1
    return found


@helper
def gather_best(logits: Floats, top: int, ids: Ints, values: Floats, scratch: Floats) -> int:
    """List the ids, rising, and logits of at least the ``top`` best; returns how many.

    ``ids``, ``values`` and ``scratch`` have room for as many numbers as there are logits.
    """
    count = len(logits)
    lanes = lanes_for(top)
    if 4 * lanes > count:
        return gather(logits, count, LOWEST, ids, values)
    lane_maxima(logits, count, lanes, scratch)
    maxima = scratch[lanes : 2 * lanes]
    for lane in range(lanes):
        maxima[lane] = scratch[lane]
    found = cut_value(scratch, lanes, float(top), True)
    threshold = found if found > LOWEST else LOWEST
    few = gather_lanes(logits, maxima, lanes, threshold, 2 * top + _CHUNK, ids, values)
    return few if few >= 0 else gather(logits, count, threshold, ids, values)


@helper
def keep_from(keys: Floats, count: int, cut: float, ids: Ints, values: Floats) -> int:
    """Keep the entries with keys that are not below ``cut``; returns how many, in old order."""
    kept = 0
    for i in range(count):
        key = keys[i]
        ids[kept] = ids[i]
        values[kept] = values[i]
        keys[kept] = key
        kept += 1 if key >= cut else 0
    return kept


@helper
def keep_highest(
    keys: Floats, count: int, cut: float, limit: float, by_count: bool, ids: Ints, values: Floats
) -> int:
    """Keep the entries with keys above ``cut``, and of those equal to it the first.

    As many equal ones are kept as it takes to reach ``limit`` (see `cut_value`). ``keys`` may be
    ``values``. Returns how many entries are left, in their old order.
    """
    count = keep_from(keys, count, cut, ids, values)
    left = limit
    equal = 0
    for i in range(count):
        share = 1.0 if by_count else keys[i]
        left -= share if keys[i] > cut else 0.0
        equal += 1 if keys[i] == cut else 0
    if equal == 1:
        return count
    kept = 0
    for i in range(count):
        key = keys[i]
        if key == cut:
            if left <= 0.0:
                continue
            left -= 1.0 if by_count else key
        ids[kept] = ids[i]
        values[kept] = values[i]
        keys[kept] = key
        kept += 1
    return kept


@helper
def keep_top(count: int, top: int, ids: Ints, values: Floats, scratch: Floats) -> int:
    """Keep the ``top`` entries of the highest values, of equal ones the lower ids."""
    if count <= top:
        return count
    for i in range(count):
        scratch[i] = values[i]
    cut = cut_value(scratch, count, float(top), True)
    return keep_highest(values, count, cut, float(top), True, ids, values)
