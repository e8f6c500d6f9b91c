"""Edit distance between two sequences (Levenshtein 1966), split by kind of edit."""

from collections.abc import Sequence

Operations = tuple[int, int, int, int]


def edit_operations(hyp: Sequence[str], ref: Sequence[str]) -> Operations:
    """(substitutions, deletions, insertions, hits) that turn the reference into the hypothesis.

    A deletion is a reference item that the hypothesis lacks, an insertion one that it adds.
    Several ways may need the fewest edits and yet differ in the kinds. What both begin with is
    hits, then what both end with; in the middle, read from its end, a deletion is taken where
    one is possible, else an insertion if the item before it would have been one deletion
    further away, else a hit or substitution. That is how jiwer (with rapidfuzz) counts.
    """
    alike = 0
    while hyp and ref and hyp[0] == ref[0]:
        hyp, ref = hyp[1:], ref[1:]
        alike += 1
    while hyp and ref and hyp[-1] == ref[-1]:
        hyp, ref = hyp[:-1], ref[:-1]
        alike += 1
    substitutions, deletions, insertions, hits = _middle(hyp, ref)
    return substitutions, deletions, insertions, hits + alike


def _middle(hyp: Sequence[str], ref: Sequence[str]) -> Operations:
    """The same for sequences that neither begin nor end alike."""
    distance = _distances(hyp, ref)
    i, j = len(ref), len(hyp)
    substitutions = deletions = insertions = hits = 0
    while i > 0 or j > 0:
        if i > 0 and distance[i][j] == distance[i - 1][j] + 1:
            deletions += 1
            i -= 1
        elif i == 0 or (j > 1 and distance[i][j - 1] == distance[i - 1][j - 1] - 1):
            insertions += 1
            j -= 1
        else:
            differ = ref[i - 1] != hyp[j - 1]
            substitutions += differ
            hits += not differ
            i, j = i - 1, j - 1
    return substitutions, deletions, insertions, hits


def _distances(hyp: Sequence[str], ref: Sequence[str]) -> list[list[int]]:
    """Fewest edits between the first i items of ref (rows) and the first j of hyp (columns)."""
    table = [list(range(len(hyp) + 1))]
    for i in range(1, len(ref) + 1):
        row = [i]
        for j in range(1, len(hyp) + 1):
            differ = ref[i - 1] != hyp[j - 1]
            row.append(min(table[i - 1][j] + 1, row[j - 1] + 1, table[i - 1][j - 1] + differ))
        table.append(row)
    return table
