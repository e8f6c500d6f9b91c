"""Options of all commands that draw sequences at random, each defined once.

The order of the filters is that of `seqtool.decode.sampling.SamplingOptions`.
"""

from collections.abc import Callable
from typing import Any

from seqtool.options import amount_option, number_option, together

# The parameters that `sampling_options` adds, for headings and for checks.
SAMPLING = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")


def sampling_options(temperature: float) -> Callable[[Any], Any]:
    """Add --temperature, with this default, --top-k, --top-p, --min-p and --repetition-penalty.

    Passes the parameters `SAMPLING`.
    """
    return together(
        amount_option(
            "--temperature",
            temperature,
            "Below 1 for what is probable, above 1 for surprises; 0 is greedy.",
        ),
        number_option("--top-k", 0, "Only the N most probable tokens; 0 is all.", least=0),
        amount_option(
            "--top-p", 1.0, "Only the most probable tokens that make up X.", 1, min_open=True
        ),
        amount_option("--min-p", 0.0, "Only tokens at least X times as probable as the best.", 1),
        amount_option(
            "--repetition-penalty",
            1.0,
            "Above 1: the last 64 tokens get less probable.",
            min_open=True,
        ),
    )
