"""Slow, readable twins of everything that has a fast form.

Nothing here is clever: each function follows the definition in the paper or program that its
docstring names, one character, one n-gram or one cell of a table at a time. The tests hold the
fast code against these, and these against the outside programs that users compare with.
"""

from naive.bleu import bleu_columns, bleu_score
from naive.chrf import chrf_columns, chrf_score
from naive.edits import edit_operations
from naive.resampling import (
    bootstrap_sums,
    confidence_interval,
    p_value,
    randomization_sums,
)
from naive.ter import beam_alignment, ter_columns, ter_edits, ter_score
from naive.tokenizers import (
    tokenize_13a,
    tokenize_char,
    tokenize_intl,
    tokenize_none,
    tokenize_ter,
    tokenize_zh,
)

__all__ = [
    "beam_alignment",
    "bleu_columns",
    "bleu_score",
    "bootstrap_sums",
    "chrf_columns",
    "chrf_score",
    "confidence_interval",
    "edit_operations",
    "p_value",
    "randomization_sums",
    "ter_columns",
    "ter_edits",
    "ter_score",
    "tokenize_13a",
    "tokenize_char",
    "tokenize_intl",
    "tokenize_none",
    "tokenize_ter",
    "tokenize_zh",
]
