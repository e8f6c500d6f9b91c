"""What a model is worth on recordings that it has not heard: loss, WER and CER."""

from __future__ import annotations

from collections.abc import Sequence

from seqtool.nn.frame_batches import FrameBatches
from seqtool.nn.shards import Validation
from seqtool.nn.trainer import Measured
from seqtool_bleu.error_rate import ErrorRate
from seqtool_bleu.lines import score_lines
from seqtool_bleu.report import Result
from seqtool_transcribe.model_files import Loaded
from seqtool_transcribe.recogniser import Recogniser
from seqtool_transcribe.source import KeptSource


def error_rates(
    hypotheses: Sequence[str], references: Sequence[str], threads: int = 1
) -> tuple[Result, Result]:
    """(WER, CER) in percent of at least one line, as `seqtool bleu` has them."""
    wer, cer = (
        score_lines(hypotheses, references, threads, ErrorRate(name)) for name in ("wer", "cer")
    )
    return wer, cer


class SpeechValidation:
    """Measures a model as it is; the lower WER + CER of its greedy texts, the better it is.

    WER alone would prefer a model that writes nothing to one that spells nearly all words a little
    wrong. Of equal ones that with less loss is better.

    Args:
        loaded: the model that is trained.
        source: recordings to write down.
        rows: of a batch, for the loss.
        seed: of the batches.
        threads: how many work; they change no result.
    """

    def __init__(
        self, loaded: Loaded, source: KeptSource, rows: int, seed: int, threads: int
    ) -> None:
        self._loaded, self._source, self._threads = loaded, source, threads
        self._loss = Validation(loaded.model, FrameBatches(source, rows, seed), threads)

    def __call__(self) -> Measured:
        """Loss (nats a label), WER and CER with the signature of WER."""
        recogniser = Recogniser(self._loaded, self._threads)
        texts = recogniser.for_all(self._source.frames, recogniser.text_of)
        wer, cer = error_rates(texts, self._source.texts, self._threads)
        figures = {"wer": wer.score, "cer": cer.score, "signature": wer.signature}
        return Measured(self._loss(), wer.score + cer.score, figures)
