"""What `seqtool bleu` counts, for lines in memory."""

from array import array
from collections.abc import Sequence
from typing import Any

from seqtool_bleu.batch import Batch
from seqtool_bleu.metric import Metric
from seqtool_bleu.metrics import built_in

DEFAULTS: dict[str, Any] = {
    "lowercase": False,
    "sentence": False,
    "tokenize": "13a",
    "smooth": "exp",
    "smooth_value": None,
    "max_order": 4,
    "effective_order": False,
    "chrf_char_order": 6,
    "chrf_word_order": 0,
    "chrf_beta": 2,
    "chrf_whitespace": False,
    "chrf_eps_smoothing": False,
    "ter_normalized": False,
    "ter_no_punct": False,
    "ter_asian_support": False,
    "ter_case_sensitive": False,
}


def metric(name: str, **settings: Any) -> Metric:
    """The metric that ``--metric NAME`` makes with these options."""
    assert set(settings) <= set(DEFAULTS)
    return built_in(name, {**DEFAULTS, **settings})


def rows(
    metric: Metric,
    hypotheses: Sequence[str],
    streams: Sequence[Sequence[str]],
    present: Sequence[Sequence[bool]] | None = None,
    threads: int = 1,
) -> list[list[float]]:
    """The numbers of every segment; ``streams`` holds the lines of each reference file."""
    texts = ["".join(f"{line}\n" for line in file).encode() for file in (*streams, hypotheses)]
    batch = Batch(texts, len(streams), 0, False)
    if present is not None:
        batch.present = bytearray(flag for file in present for flag in file)
    batch.encode(metric.prepare_references, metric.prepare)
    flat = metric.count(batch, 0, threads).tolist()
    size = metric.columns
    return [flat[i : i + size] for i in range(0, len(flat), size)]


def total(rows: Sequence[Sequence[float]]) -> list[float]:
    """Sums of the columns."""
    return [sum(column) for column in zip(*rows, strict=True)]


def decode(data: bytes) -> tuple[int, list[int], list[int]]:
    """What `decode_lines` returns and writes: the longest line, code points, starts of lines."""
    from seqtool_bleu.text_kernels import decode_lines

    text = array("I", [0]) * len(data)
    starts = array("q", [0]) * (data.count(b"\n") + 1)
    longest = decode_lines(data, text, starts)
    return longest, text.tolist(), starts.tolist()
