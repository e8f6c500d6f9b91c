"""The names that options take; light, so that help needs nothing else."""

METRICS = ("bleu", "chrf", "chrf++", "ter", "wer", "cer")
BUILT_IN_TOKENIZERS = ("none", "13a", "intl", "zh", "char")
EXTERNAL_TOKENIZERS = ("ja-mecab", "ko-mecab", "flores101", "flores200")
TOKENIZERS = BUILT_IN_TOKENIZERS + EXTERNAL_TOKENIZERS
# Name and default value; None where the method has no value.
SMOOTHINGS: dict[str, float | None] = {"exp": None, "floor": 0.1, "add-k": 1.0, "none": None}
